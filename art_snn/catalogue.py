"""All triggers, attacks, classifiers, defences, networks and data sets by name, one dict for each kind."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from art_snn import data, models
from art_snn.attacks.poisoning import (
    AdaptiveBackdoor,
    BullseyePolytope,
    CleanLabelAttack,
    ConversionAwareBackdoor,
    DynamicBackdoor,
    FlashTrigger,
    GradientMatching,
    HiddenTriggerAttack,
    MovingTrigger,
    NeuronParameterBackdoor,
    NoiseTrigger,
    PatchTrigger,
    PowerTrigger,
    RetimingTrigger,
    SleeperAgent,
    SmartTrigger,
    SpongePatchTrigger,
    SpongeTrigger,
    StaticTrigger,
    TriggerBackdoor,
)
from art_snn.defences.detector import (
    ArtificialBrainStimulation,
    EventMassDefence,
    MembranePotentialDefence,
    NeuralCleanse,
    ReferenceDefence,
    SpaceTimeDefence,
    SpikeActivationDefence,
    SpikeSpectralDefence,
    STRIPDefence,
)
from art_snn.defences.preprocessor import BackgroundActivityFilter, FlashFilter, RefractoryFilter
from art_snn.defences.trainer import CleanFineTuning, SharpnessAwareFineTuning
from art_snn.defences.transformer import (
    AdversarialNeuronPruning,
    ChannelLipschitzPruning,
    DendriteClamping,
    FinePruning,
    StepContributionPruning,
)
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    LearningRule,
    SpikingClassifier,
)

DATASETS = data.LOADERS
NETWORKS = models.MODELS
TRIGGERS: dict[str, Any] = {
    "patch": PatchTrigger,
    "sponge-patch": SpongePatchTrigger,
    "static": StaticTrigger,
    "moving": MovingTrigger,
    "smart": SmartTrigger,
    "flash": FlashTrigger,
    "retiming": RetimingTrigger,
    "sponge": SpongeTrigger,
    "power": PowerTrigger,
    "noise": NoiseTrigger,
}
SAMPLE_DETECTORS: dict[str, Any] = {
    "activation": SpikeActivationDefence,
    "spectral": SpikeSpectralDefence,
    "strip": STRIPDefence,
    "reference": ReferenceDefence,
    "event-mass": EventMassDefence,
    "space-time": SpaceTimeDefence,
}
MODEL_DETECTORS: dict[str, type] = {
    "membrane-potential": MembranePotentialDefence,
    "neural-cleanse": NeuralCleanse,
    "abs": ArtificialBrainStimulation,
}
ELIMINATIONS: dict[str, type] = {
    "fine-tuning": CleanFineTuning,
    "sharpness-aware-fine-tuning": SharpnessAwareFineTuning,
    "fine-pruning": FinePruning,
    "adversarial-neuron-pruning": AdversarialNeuronPruning,
    "step-contribution-pruning": StepContributionPruning,
    "channel-lipschitz-pruning": ChannelLipschitzPruning,
    "dendrite-clamping": DendriteClamping,
}
FILTERS: dict[str, type] = {
    "background-filter": BackgroundActivityFilter,
    "refractory-filter": RefractoryFilter,
    "flash-filter": FlashFilter,
}
ATTACKS: dict[str, type] = {
    "trigger-backdoor": TriggerBackdoor,
    "dynamic": DynamicBackdoor,
    "neuron-parameter": NeuronParameterBackdoor,
    "conversion-aware": ConversionAwareBackdoor,
    "clean-label": CleanLabelAttack,
    "hidden-trigger": HiddenTriggerAttack,
    "sleeper-agent": SleeperAgent,
    "gradient-matching": GradientMatching,
    "bullseye-polytope": BullseyePolytope,
    "adaptive": AdaptiveBackdoor,
}
ESTIMATORS: dict[str, type[LearningRule]] = {
    "ann": AnnClassifier,
    "spiking": SpikingClassifier,
    "converted": ConvertedClassifier,
    "hybrid": HybridClassifier,
}


def takes_trigger(attack: str) -> bool:
    """Whether an attack is made with a trigger of this catalogue; others make their own.

    >>> takes_trigger("trigger-backdoor"), takes_trigger("dynamic")
    (True, False)
    """
    return "trigger" in inspect.signature(ATTACKS[attack]).parameters


def default_trigger(attack: str, is_neuromorphic: bool) -> str | None:
    """The trigger of an attack where nobody names one; None where it makes its own.

    >>> default_trigger("trigger-backdoor", is_neuromorphic=True), default_trigger("dynamic", is_neuromorphic=True)
    ('static', None)
    """
    if not takes_trigger(attack):
        return None
    on_images, on_frames = getattr(ATTACKS[attack], "default_triggers", ("patch", "static"))
    return on_frames if is_neuromorphic else on_images


def fitting_triggers(is_neuromorphic: bool) -> list[str]:
    """The triggers of frames, or those of images; some are of both.

    >>> fitting_triggers(is_neuromorphic=False)
    ['patch', 'sponge-patch', 'power', 'noise']
    """
    return [name for name, kind in TRIGGERS.items() if kind.needs_frames in (None, is_neuromorphic)]


def poisons_data(attack: str) -> bool:
    """Whether an attack changes data alone; others take part in the training.

    >>> poisons_data("trigger-backdoor"), poisons_data("dynamic")
    (True, False)
    """
    return hasattr(ATTACKS[attack], "poison_dataset")


def build_attack(name: str, given: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    """An attack, without a classifier where it would take one.

    Args:
        name: Name of the attack.
        given: What an experiment decides, such as a target class and a seed; an attack takes what it knows.
        parameters: Those that only this attack has.

    Raises:
        ValueError: If a value does not do.
        TypeError: If a parameter is unknown.
    """
    known = inspect.signature(ATTACKS[name]).parameters
    shared = {one: value for one, value in {"classifier": None, **given}.items() if one in known}
    return ATTACKS[name](**shared, **parameters)


def __getattr__(name: str) -> Any:
    """`example_arguments`, which has moved to `art_snn.testing.examples`, until version 0.3."""
    if name == "example_arguments":
        return importlib.import_module("art_snn.testing.examples").example_arguments  # not below: laws stand above
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
