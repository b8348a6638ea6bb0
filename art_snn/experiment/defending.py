"""Defending: every defence on every model of an experiment."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from art_snn._random import draw_seed
from art_snn._validation import check_choice
from art_snn.catalogue import ELIMINATIONS, MODEL_DETECTORS, SAMPLE_DETECTORS
from art_snn.data import Dataset
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.evaluations.art_detectors import ART_DETECTORS
from art_snn.evaluations.detection import DetectionEvaluation, DetectionResult
from art_snn.evaluations.elimination import EliminationEvaluation, EliminationResult
from art_snn.experiment.result import versions, without_nan
from art_snn.experiment.running import compare_models
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array, Labels

DEFENCES = (*SAMPLE_DETECTORS, *MODEL_DETECTORS, *ELIMINATIONS)


@dataclass(frozen=True, kw_only=True)
class ModelVerdict:
    """What a detector of models says of one model and of its clean twin.

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        is_accused: Whether it accuses the backdoored model.
        target_class: The class that it finds most suspicious there.
        p_value: Where it estimates one.
        is_clean_accused: Whether it accuses the clean model: a false alarm.
    """

    model: str
    defence: str
    is_accused: bool
    target_class: int
    p_value: float | None
    is_clean_accused: bool


@dataclass(frozen=True)
class Defended:
    """What defences make of the models of an experiment.

    Args:
        spec: The experiment.
        title: What the data are.
        versions: Of Python and of the packages that compute.
        rows: What the backdoor does to each model.
        detection: Of poisoned samples, a row for each model and defence.
        verdicts: On models, likewise.
        elimination: Likewise.
    """

    spec: Experiment
    title: str
    versions: dict[str, str]
    rows: tuple[BackdoorResult, ...]
    detection: tuple[DetectionResult, ...]
    verdicts: tuple[ModelVerdict, ...]
    elimination: tuple[EliminationResult, ...]

    def as_json(self) -> dict[str, Any]:
        """Of plain types only; NaN is None."""
        tables = {name: getattr(self, name) for name in ("rows", "detection", "verdicts", "elimination")}
        return {
            "spec": self.spec.model_dump(mode="json"),
            "title": self.title,
            "versions": self.versions,
            **{name: [without_nan(asdict(row)) for row in rows] for name, rows in tables.items()},
        }


def defend(
    spec: Experiment,
    defences: Collection[str] = DEFENCES,
    *,
    share_of_clean_data: float = 0.1,
    with_art: bool = False,
    verbose: bool = True,
) -> Defended:
    """Train the models of an experiment, clean and backdoored, and set each defence on each.

    Args:
        spec: The experiment.
        defences: Names, see `DEFENCES`.
        share_of_clean_data: What defences that need clean samples get of the training set, drawn by the seed.
        with_art: Whether ART's own detectors of poisoned samples search beside ours.
        verbose: Whether to show progress bars.

    Raises:
        ValueError: If a name is unknown, or a value does not fit the data.
    """
    for name in defences or ("",):
        check_choice("defences", name, DEFENCES)
    dataset, evaluation, rows = compare_models(spec, verbose=verbose)
    clean = _share_of(dataset, share_of_clean_data, spec.seed)
    return Defended(
        spec,
        dataset.title,
        versions(),
        tuple(rows),
        tuple(_detect(evaluation, dataset, defences, clean, with_art, verbose)),
        tuple(_judge(evaluation, defences, clean, verbose)),
        tuple(_eliminate(evaluation, dataset, defences, clean, verbose)),
    )


def _detect(
    evaluation: BackdoorEvaluation,
    dataset: Dataset,
    defences: Collection[str],
    clean: tuple[Array, Labels],
    with_art: bool,
    verbose: bool,
) -> list[DetectionResult]:
    makers: dict[str, Any] = {name: make for name, make in SAMPLE_DETECTORS.items() if name in defences}
    if "reference" in makers:
        makers["reference"] = partial(makers["reference"], x_reference=clean[0], y_reference=clean[1])
    if with_art:
        makers |= {f"ART {name}": make for name, make in ART_DETECTORS.items()}
    if not makers:
        return []
    detection = DetectionEvaluation(evaluation.attack, evaluation.trained, makers)
    return detection.evaluate(dataset.x_train, dataset.y_train, verbose=verbose)


def _judge(
    evaluation: BackdoorEvaluation, defences: Collection[str], samples: tuple[Array, Labels], verbose: bool
) -> list[ModelVerdict]:
    cases = [(m, d) for m in evaluation.trained for d in MODEL_DETECTORS if d in defences]
    verdicts = []
    for model, name in tqdm(cases, disable=not verbose, desc="models judged"):
        clean, backdoored = (
            MODEL_DETECTORS[name](twin).detect_backdoor(*samples) for twin in evaluation.trained[model]
        )
        verdicts.append(
            ModelVerdict(
                model=model,
                defence=name,
                is_accused=backdoored.is_backdoored,
                target_class=backdoored.target_class,
                p_value=backdoored.p_value,
                is_clean_accused=clean.is_backdoored,
            )
        )
    return verdicts


def _eliminate(
    evaluation: BackdoorEvaluation,
    dataset: Dataset,
    defences: Collection[str],
    clean: tuple[Array, Labels],
    verbose: bool,
) -> list[EliminationResult]:
    makers = {name: make for name, make in ELIMINATIONS.items() if name in defences}
    if not makers:
        return []
    backdoored = {name: pair.backdoored for name, pair in evaluation.trained.items()}
    elimination = EliminationEvaluation(evaluation.attack, backdoored, makers)
    return elimination.evaluate(*clean, dataset.x_test, dataset.y_test, verbose=verbose)


def _share_of(dataset: Dataset, share: float, seed: int) -> tuple[Array, Labels]:
    """Clean training samples that a defender would have."""
    rng = np.random.default_rng((seed, draw_seed(seed)))
    rows = np.sort(rng.choice(len(dataset.x_train), max(1, int(share * len(dataset.x_train))), replace=False))
    return dataset.x_train[rows], dataset.y_train[rows]
