"""The manifest of a network's neurons, and what an audit against it names."""

import copy
import json
from contextlib import suppress
from pathlib import Path

import pytest
from spikingjelly.activation_based import neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.defences.detector import audit_neurons, neuron_manifest
from art_snn.estimators.classification import SpikingClassifier, SpikingModule, rule_of
from art_snn.estimators.classification.inspection import neurons_set, set_neurons, spiking_layers
from tests.backdoored import SHAPE, K, trained, untrained


@pytest.mark.parametrize("kind", ["lif", "converted", "hybrid"])
def test_an_intact_network_shows_no_difference(kind: str, tmp_path: Path) -> None:
    classifier = trained(kind)
    manifest = json.loads(json.dumps(neuron_manifest(classifier)))
    classifier.save("net", str(tmp_path))

    assert len(manifest) >= 2
    assert audit_neurons(classifier, manifest) == []
    assert audit_neurons(type(classifier).load(str(tmp_path / "net")), manifest) == []


def test_a_moved_threshold_is_named_in_every_layer() -> None:
    classifier = untrained("lif")
    manifest = neuron_manifest(classifier)
    set_neurons(classifier.model, v_threshold=1.15)

    assert audit_neurons(classifier, manifest) == [(layer, "v_threshold", 1.0, 1.15) for layer in manifest]


@pytest.mark.parametrize(("setting", "value"), [("tau", 3.0), ("v_reset", None), ("decay_input", False)])
def test_a_setting_of_one_layer_is_named(setting: str, value: object) -> None:
    classifier = untrained("lif")
    manifest = neuron_manifest(classifier)
    layer, changed = list(spiking_layers(classifier.model).items())[-1]
    before = getattr(changed, setting)
    setattr(changed, setting, value)

    assert audit_neurons(classifier, manifest) == [(layer, setting, before, value)]


def test_a_moved_scale_of_a_converted_network_is_named() -> None:
    classifier = copy.deepcopy(trained("converted"))
    manifest = neuron_manifest(classifier)
    name, scale = next(iter(rule_of(classifier).thresholds.items()))
    classifier.model.net.get_submodule(name).threshold.data.mul_(1.5)

    (found,) = audit_neurons(classifier, manifest)
    assert found[:3] == (name, "scale", pytest.approx(scale))
    assert found.found == pytest.approx(1.5 * scale)


def test_layers_that_are_gone_or_new_are_named() -> None:
    classifier = untrained("lif")
    manifest = neuron_manifest(classifier)
    manifest["old"] = manifest.pop(next(iter(manifest)))

    assert [(one.setting, one.expected is None, one.found is None) for one in audit_neurons(classifier, manifest)] == [
        ("layer", False, True),
        ("layer", True, False),
    ]


def test_learnt_numbers_are_compared_as_well() -> None:
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, K), neuron.ParametricLIFNode())
    classifier = SpikingClassifier(SpikingModule(net, timesteps=2), nn.CrossEntropyLoss(), SHAPE, K)
    manifest = neuron_manifest(classifier)
    assert audit_neurons(classifier, manifest) == []

    spiking_layers(classifier.model).popitem()[1].w.data += 0.5

    assert [one.setting for one in audit_neurons(classifier, manifest)] == ["w"]


def test_settings_hold_for_a_while_and_come_back() -> None:
    model = untrained("lif").model
    before = neuron_manifest(untrained("lif"))
    with suppress(KeyError), neurons_set(model, v_threshold=2.0, tau=5.0):
        assert {one.tau for one in spiking_layers(model).values()} == {5.0}
        raise KeyError

    assert audit_neurons(untrained("lif"), before) == []
    assert {one.v_threshold for one in spiking_layers(model).values()} == {1.0}


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("lif", {"v_threshold": 0}, "expected v_threshold to be a finite number above 0, got 0"),
        ("lif", {"tau": 1.0}, "expected tau above 1, got 1.0"),
        ("converted", {"tau": 2.0}, "to have a number tau, got None"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_is(kind: str, settings: dict[str, float], message: str) -> None:
    classifier = trained(kind)
    manifest = neuron_manifest(classifier)
    with pytest.raises(ValueError, match=message):
        set_neurons(classifier.model, **{"v_threshold": 2.0} | settings)

    assert audit_neurons(classifier, manifest) == []


def test_a_network_without_neurons_has_no_manifest() -> None:
    with pytest.raises(ValueError, match="expected a classifier with spiking neurons, got PyTorchClassifier without"):
        neuron_manifest(untrained("ann"))
