"""What there is, by name: one dict a kind, for the command line, the reports and the law suite to walk over."""

from typing import Any

import torch
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
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
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
ATTACKS: dict[str, type] = {"trigger-backdoor": TriggerBackdoor}
ESTIMATORS: dict[str, type] = {
    "ann": AnnClassifier,
    "spiking": SpikingClassifier,
    "converted": ConvertedClassifier,
    "hybrid": HybridClassifier,
}


def example_arguments(name: str) -> dict[str, Any]:
    """Arguments with which the entry of that name, of whatever kind, builds; `{}` where it needs none."""
    ann = models.small_cnn(1, 2, pool="avg", width=0.1)
    of_a_classifier = {"loss": nn.CrossEntropyLoss(), "input_shape": (1, 8, 8), "nb_classes": 2}
    examples: dict[str, dict[str, Any]] = {
        "trigger-backdoor": {"trigger": PatchTrigger(), "target_class": 0},
        "ann": {"model": ann, "optimizer": torch.optim.Adam(ann.parameters()), **of_a_classifier},
        "spiking": {"model": SpikingModule(models.small_cnn(1, 2, neuron="lif", width=0.1), 2), **of_a_classifier},
        "converted": {"ann": ann, "timesteps": 2, **of_a_classifier},
        "hybrid": {"ann": ann, "timesteps": 2, **of_a_classifier},
    }
    return examples.get(name, {})
