"""Example arguments for every entry of the catalogue."""

from typing import Any

import numpy as np
from torch import nn

from art_snn import models
from art_snn.attacks.poisoning import PatchTrigger
from art_snn.catalogue import ELIMINATIONS, MODEL_DETECTORS, SAMPLE_DETECTORS
from art_snn.estimators.classification import AnnClassifier, SpikingClassifier, SpikingModule


def example_arguments(name: str) -> dict[str, Any]:
    """Arguments that build the catalogue's entry of this name; `{}` if it needs none."""
    ann = models.small_cnn(1, 3, pool="avg", width=0.25)
    of_a_classifier: dict[str, Any] = {
        "loss": nn.CrossEntropyLoss(),
        "input_shape": (1, 8, 8),
        "nb_classes": 3,
        "clip_values": (0.0, 1.0),
    }
    spiking = {"model": SpikingModule(models.small_cnn(1, 3, neuron="lif", width=0.25), 4), **of_a_classifier}
    if name in SAMPLE_DETECTORS:
        return _of_a_sample_detector(SAMPLE_DETECTORS[name], spiking)
    if name in MODEL_DETECTORS | ELIMINATIONS:
        return {"classifier": SpikingClassifier(**spiking)}
    examples: dict[str, dict[str, Any]] = {
        "dynamic": {"classifier": None, "target_class": 0, "channels": 2},
        "sponge": {"search": "random"},
        "sponge-patch": {"search": "random"},
        "trigger-backdoor": {"trigger": PatchTrigger(), "target_class": 0},
        "adaptive": {"classifier": None, "trigger": PatchTrigger(), "target_class": 0, "percent_poison": 0.2},
        "neuron-parameter": {"classifier": None, "target_class": 0, "percent_poison": 0.2},
        "conversion-aware": {"target_class": 0, "pattern": np.full((1, 2, 2), 0.5)},
        **_of_crafted_attacks(AnnClassifier(ann, **of_a_classifier)),
        "ann": {"model": ann, **of_a_classifier},
        "spiking": spiking,
        "converted": {"ann": ann, "timesteps": 8, **of_a_classifier},
        "hybrid": {"ann": ann, "timesteps": 8, **of_a_classifier},
    }
    return examples.get(name, {})


def _of_crafted_attacks(classifier: AnnClassifier) -> dict[str, dict[str, Any]]:
    """On an untrained network; brief."""
    common = {"classifier": classifier, "target_class": 0, "percent_poison": 0.2}
    aimed = {**common, "source_class": 1, "given": np.full((1, 1, 8, 8), 0.5, np.float32)}
    return {
        "clean-label": {**common, "trigger": PatchTrigger(), "max_iter": 2},
        "hidden-trigger": {**common, "trigger": PatchTrigger(), "source_class": 1, "max_iter": 2},
        "sleeper-agent": {**common, "source_class": 1, "max_epochs": 1},
        "gradient-matching": {**aimed, "max_epochs": 1},
        "bullseye-polytope": {**aimed, "max_iter": 2},
    }


def _of_a_sample_detector(kind: Any, spiking: dict[str, Any]) -> dict[str, Any]:
    """On images of zeros, or on frames where it works on nothing else."""
    if kind.needs_frames:
        spiking |= {
            "model": SpikingModule(models.small_cnn(2, 3, neuron="lif", width=0.25)),
            "input_shape": (4, 2, 8, 8),
        }
    samples = {"x_train": np.zeros((30, *spiking["input_shape"]), np.float32), "y_train": np.arange(30) % 3}
    clean = dict(zip(kind.clean_arguments, samples.values(), strict=False))
    return {"classifier": SpikingClassifier(**spiking), **samples, **clean}
