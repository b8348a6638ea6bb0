"""Sample detectors find poison that is known, leave clean data in peace, and answer as ART wants."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from torch import nn

from art_snn import testing as laws
from art_snn.defences.detector import (
    ReferenceDefence,
    SpikeActivationDefence,
    SpikeSpectralDefence,
    STRIPDefence,
)
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.metrics import auroc
from art_snn.models import small_cnn
from tests.backdoored import TARGET, TRIGGER, bars, trained
from tests.detecting import ALL, DATA, DETECTORS, KINDS, POISONED, X_CLEAN, Y_CLEAN, Make

# without clean samples its limit is a rough one, as its docstring says
IN_PEACE = DETECTORS | {"strip": partial(STRIPDefence, x_clean=X_CLEAN)}
OF_LAYERS = pytest.mark.parametrize("make", [SpikeActivationDefence, SpikeSpectralDefence])


@KINDS
@ALL
def test_poison_is_found(make: Make, kind: str) -> None:
    laws.check_detector_finds_poison(make, trained(kind), *DATA, POISONED.is_poison)


@pytest.mark.parametrize("kind", ["converted", "hybrid"])
@OF_LAYERS
def test_poison_is_found_in_converted_networks(make: Make, kind: str) -> None:
    laws.check_detector_finds_poison(make, trained(kind), *DATA, POISONED.is_poison)


@pytest.mark.parametrize("make", IN_PEACE.values(), ids=IN_PEACE)
@KINDS
def test_clean_data_are_left_in_peace(make: Make, kind: str) -> None:
    laws.check_detector_leaves_clean_data_in_peace(make, trained(kind, backdoored=False), *bars())


@KINDS
@ALL
def test_detectors_answer_as_art_wants(make: Make, kind: str) -> None:
    laws.check_detector_answers(make(trained(kind), *DATA))


@KINDS
@ALL
def test_a_score_does_not_depend_on_the_others(make: Make, kind: str) -> None:
    laws.check_detector_scores_samples_alone(make(trained(kind), *DATA), X_CLEAN[:20])


@KINDS
@ALL
def test_detectors_leave_classifier_and_data_alone(make: Make, kind: str) -> None:
    laws.check_detector_leaves_classifier_and_data_alone(make, trained(kind), *DATA)


@ALL
def test_new_triggered_samples_score_higher_than_clean_ones(make: Make) -> None:
    others = X_CLEAN[Y_CLEAN != TARGET]
    scores = make(trained("lif"), *DATA).scores(np.concatenate([others, TRIGGER(others)]))
    assert auroc(np.repeat([False, True], len(others)), scores) > 0.9


@pytest.mark.parametrize("feature", ["counts", "trains", "voltages", "voltage trains"])
@OF_LAYERS
def test_every_feature_gives_scores_at_every_layer(make: Make, feature: str) -> None:
    by_layer = make(trained("lif"), *DATA, feature=feature).layer_scores()
    assert list(by_layer) == ["net.act1", "net.act2", "net.act3"]
    assert all(np.isfinite(scores).all() and scores.any() for scores in by_layer.values())


@pytest.mark.filterwarnings("ignore:only")  # the frames are noise
@ALL
def test_frames_of_counts_are_taken(make: Make) -> None:
    model = SpikingModule(small_cnn(2, 3, neuron="if", width=0.25))
    classifier = SpikingClassifier(model, nn.CrossEntropyLoss(), (4, 2, 8, 8), 3)
    x = np.random.default_rng(0).poisson(1.0, (30, 4, 2, 8, 8)).astype(np.uint8)
    y = np.arange(30) % 3
    if make is DETECTORS["reference samples"]:
        make = partial(ReferenceDefence, x_reference=x, y_reference=y)
    if make is DETECTORS["reference model"]:
        make = partial(ReferenceDefence, reference=classifier)
    laws.check_detector_answers(make(classifier, x, y))


def test_the_scan_chooses_the_most_suspicious_layer_and_reports_all() -> None:
    report, _ = SpikeActivationDefence(trained("lif"), *DATA).detect_poison()
    suspicion = report["suspicion_by_layer"]
    assert list(suspicion) == ["net.act1", "net.act2", "net.act3"]
    assert report["chosen_layer"] == max(suspicion, key=suspicion.get)


def test_a_layer_is_named_or_counted() -> None:
    named = SpikeActivationDefence(trained("lif"), *DATA, layer="net.act2")
    assert np.array_equal(named.scores(), SpikeActivationDefence(trained("lif"), *DATA, layer=1).scores())
    assert named.chosen_layer == "net.act2"
    assert list(SpikeSpectralDefence(trained("lif"), *DATA, layer=[0, "net.act3"]).layer_scores()) == [
        "net.act1",
        "net.act3",
    ]


@OF_LAYERS
def test_a_parameter_that_changes_is_as_if_it_had_been_given_at_first(make: Make) -> None:
    detector = make(trained("lif"), *DATA, feature="counts", layer=0)
    detector.scores()
    detector.set_params(feature="voltages", layer=2)
    assert np.array_equal(detector.scores(), make(trained("lif"), *DATA, feature="voltages", layer=2).scores())


@pytest.mark.parametrize(
    ("layer", "error"),
    [(7, ValueError), (-4, ValueError), ("no_such_layer", ValueError), ([], ValueError), (1.5, TypeError)],
)
@KINDS
@pytest.mark.parametrize("make", [DETECTORS[name] for name in DETECTORS if name != "strip"])
def test_an_unknown_layer_is_an_error_before_anything_is_read(
    make: Make, kind: str, layer: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="layer"):
        make(trained(kind), *DATA, layer=layer)


@pytest.mark.parametrize("layer", ["scan", [0, 1]])
def test_a_reference_is_compared_at_one_layer(layer: Any) -> None:
    with pytest.raises(ValueError, match="expected layer to be one layer's name or index"):
        DETECTORS["reference samples"](trained("lif"), *DATA, layer=layer)


def test_a_reference_model_needs_the_layer_too() -> None:
    with pytest.raises(ValueError, match="expected layer to be one of"):
        ReferenceDefence(trained("lif"), *DATA, reference=trained("ann", backdoored=False), layer="net.act2")
