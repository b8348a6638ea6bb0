"""Compare the neurons of a network with what they were set to when it was trained."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inspection import neuron_settings

Manifest = dict[str, dict[str, Any]]

_TOLERANCE = 1e-6  # of float32, in which a file may have kept a number


class NeuronDifference(NamedTuple):
    """A setting that is not what the manifest says.

    Args:
        layer: Name of the spiking layer.
        setting: What differs, such as "v_threshold", "tau", "v_reset" or "scale"; "layer" where the layer itself is
            missing or unknown.
        expected: Value in the manifest; None where it has none.
        found: Value in the network; None where it has none.
    """

    layer: str
    setting: str
    expected: Any
    found: Any


def neuron_manifest(classifier: PyTorchClassifier) -> Manifest:
    """What decides when each neuron fires, to be written down when a network is trained, as JSON, and kept apart.

    Args:
        classifier: A classifier with spiking neurons.

    Returns:
        For each spiking layer by name its kind, threshold ("v_threshold"), reset, time constant and other settings; for
        the layers of a converted network also "scale", the calibrated threshold in units of the ANN's activations.

    Raises:
        ValueError: If nothing spikes.
    """
    manifest = neuron_settings(classifier.model)
    if not manifest:
        raise ValueError(f"expected a classifier with spiking neurons, got {type(classifier).__name__} without")
    for name, scale in rule_of(classifier).thresholds.items():
        manifest.setdefault(name, {})["scale"] = float(scale)
    return manifest


def audit_neurons(classifier: PyTorchClassifier, manifest: Mapping[str, Mapping[str, Any]]) -> list[NeuronDifference]:
    """Name every setting of the neurons that differs from the manifest of the trained network; none for an intact one.

    A backdoor that opens when a threshold is moved leaves weights and data as they are: nothing else shows it.

    Args:
        classifier: The network that is to be used.
        manifest: What `neuron_manifest` gave after its training.

    Raises:
        ValueError: If nothing spikes.

    Source: ours, against Miah et al., BadSNN, 2026, https://arxiv.org/abs/2602.07200.
    """
    found = neuron_manifest(classifier)
    return [
        difference
        for layer in dict.fromkeys([*manifest, *found])
        for difference in _differences(layer, manifest.get(layer), found.get(layer))
    ]


def _differences(
    layer: str, expected: Mapping[str, Any] | None, found: Mapping[str, Any] | None
) -> Iterator[NeuronDifference]:
    if expected is None or found is None:
        yield NeuronDifference(layer, "layer", expected and dict(expected), found and dict(found))
        return
    for setting in dict.fromkeys([*expected, *found]):
        one, other = expected.get(setting), found.get(setting)
        if not _same(one, other):
            yield NeuronDifference(layer, setting, one, other)


def _same(one: Any, other: Any) -> bool:
    try:
        numbers = np.asarray(one, np.float64), np.asarray(other, np.float64)
    except (TypeError, ValueError):  # None, or a word
        return bool(one == other)
    return numbers[0].shape == numbers[1].shape and np.allclose(*numbers, rtol=_TOLERANCE, atol=0, equal_nan=True)
