"""The public names of ART that a reader may want to use on a classifier, taken from ART itself."""

import importlib
import inspect

SECTIONS: dict[str, tuple[str, ...]] = {
    "Poisoning attacks": ("art.attacks.poisoning", "art.attacks.poisoning.perturbations"),
    "Evasion attacks": ("art.attacks.evasion",),
    "Extraction and inference attacks": (
        "art.attacks.extraction",
        "art.attacks.inference.attribute_inference",
        "art.attacks.inference.membership_inference",
        "art.attacks.inference.model_inversion",
        "art.attacks.inference.reconstruction",
    ),
    "Detectors": ("art.defences.detector.poison", "art.defences.detector.evasion"),
    "Trainers and transformers": (
        "art.defences.trainer",
        "art.defences.transformer.evasion",
        "art.defences.transformer.poisoning",
    ),
    "Preprocessors and postprocessors": (
        "art.defences.preprocessor",
        "art.defences.postprocessor",
        "art.preprocessing.expectation_over_transformation",
        "art.preprocessing.standardisation_mean_std",
    ),
    "Classifiers and wrappers": (
        "art.estimators.classification",
        "art.estimators.certification",
        "art.estimators.certification.randomized_smoothing",
        "art.estimators.certification.derandomized_smoothing",
        "art.estimators.certification.interval",
        "art.estimators.certification.deep_z",
        "art.estimators.certification.object_seeker",
    ),
    "Evaluations and metrics": (
        "art.evaluations.security_curve",
        "art.evaluations.great_score",
        "art.metrics",
        "art.data_generators",
        "art.summary_writer",
    ),
}


def public_names(package: str) -> list[str]:
    """Classes and functions of ART's that one of its packages exports."""
    module = importlib.import_module(package)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith("art.")
    ]


def all_names() -> dict[str, list[str]]:
    """The names of each section, each once, in ART's order."""
    seen: set[str] = set()
    found: dict[str, list[str]] = {}
    for section, packages in SECTIONS.items():
        names = dict.fromkeys(name for package in packages for name in public_names(package))
        found[section] = [name for name in names if name not in seen]
        seen |= names.keys()
    return found
