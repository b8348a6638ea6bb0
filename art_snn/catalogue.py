"""What there is, by name: one dict a kind, for the command line, the reports and the law suite to walk over."""

from typing import Any

import numpy as np
from torch import nn

from art_snn import data, models
from art_snn.attacks.poisoning import (
    FlashTrigger,
    MovingTrigger,
    PatchTrigger,
    SmartTrigger,
    StaticTrigger,
    TriggerBackdoor,
)
from art_snn.defences.detector import (
    MembranePotentialDefence,
    NeuralCleanse,
    ReferenceDefence,
    SpikeActivationDefence,
    SpikeSpectralDefence,
    STRIPDefence,
)
from art_snn.defences.preprocessor import BackgroundActivityFilter, FlashFilter, RefractoryFilter
from art_snn.defences.trainer import CleanFineTuning
from art_snn.defences.transformer import ChannelLipschitzPruning, DendriteClamping, FinePruning
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    LearningRule,
    SpikingClassifier,
    SpikingModule,
)

DATASETS = data.LOADERS
NETWORKS = models.MODELS
TRIGGERS: dict[str, type] = {
    "patch": PatchTrigger,
    "static": StaticTrigger,
    "moving": MovingTrigger,
    "smart": SmartTrigger,
    "flash": FlashTrigger,
}
SAMPLE_DETECTORS: dict[str, type] = {
    "activation": SpikeActivationDefence,
    "spectral": SpikeSpectralDefence,
    "strip": STRIPDefence,
    "reference": ReferenceDefence,
}
MODEL_DETECTORS: dict[str, type] = {"membrane-potential": MembranePotentialDefence, "neural-cleanse": NeuralCleanse}
ELIMINATIONS: dict[str, type] = {
    "fine-tuning": CleanFineTuning,
    "fine-pruning": FinePruning,
    "channel-lipschitz-pruning": ChannelLipschitzPruning,
    "dendrite-clamping": DendriteClamping,
}
FILTERS: dict[str, type] = {
    "background-filter": BackgroundActivityFilter,
    "refractory-filter": RefractoryFilter,
    "flash-filter": FlashFilter,
}
ATTACKS: dict[str, type] = {"trigger-backdoor": TriggerBackdoor}
ESTIMATORS: dict[str, type[LearningRule]] = {
    "ann": AnnClassifier,
    "spiking": SpikingClassifier,
    "converted": ConvertedClassifier,
    "hybrid": HybridClassifier,
}


def example_arguments(name: str) -> dict[str, Any]:
    """Arguments with which the entry of that name, of whatever kind, builds; `{}` where it needs none."""
    ann = models.small_cnn(1, 3, pool="avg", width=0.25)
    of_a_classifier: dict[str, Any] = {
        "loss": nn.CrossEntropyLoss(),
        "input_shape": (1, 8, 8),
        "nb_classes": 3,
        "clip_values": (0.0, 1.0),
    }
    spiking = {"model": SpikingModule(models.small_cnn(1, 3, neuron="lif", width=0.25), 4), **of_a_classifier}
    if name in SAMPLE_DETECTORS | MODEL_DETECTORS | ELIMINATIONS:
        samples = {"x_train": np.zeros((30, 1, 8, 8), np.float32), "y_train": np.arange(30) % 3}
        reference = {"x_reference": samples["x_train"], "y_reference": samples["y_train"]}
        return {
            "classifier": SpikingClassifier(**spiking),
            **(samples if name in SAMPLE_DETECTORS else {}),
            **(reference if name == "reference" else {}),
        }
    examples: dict[str, dict[str, Any]] = {
        "trigger-backdoor": {"trigger": PatchTrigger(), "target_class": 0},
        "ann": {"model": ann, **of_a_classifier},
        "spiking": spiking,
        "converted": {"ann": ann, "timesteps": 8, **of_a_classifier},
        "hybrid": {"ann": ann, "timesteps": 8, **of_a_classifier},
    }
    return examples.get(name, {})
