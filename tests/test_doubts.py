"""A result says whether it means anything: what casts doubt on it, by hand, and that no figure is given then."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import ConvertedClassifier, HybridClassifier, SpikingClassifier, SpikingModule
from art_snn.evaluations import (
    BackdoorEvaluation,
    BackdoorResult,
    DetectionEvaluation,
    Doubt,
    EliminationEvaluation,
    TrainedPair,
    is_invalid,
)
from art_snn.evaluations.answers import Answers, Exam, ask, decided
from art_snn.evaluations.doubts import (
    fall_doubts,
    floor_doubts,
    model_doubts,
    poison_doubts,
    sample_doubts,
    unchanged,
)
from art_snn.experiment.result import without_nan
from art_snn.models import small_cnn
from tests.backdoored import SHAPE, TARGET, TRIGGER, K, bars, trained

ATTACK = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.2)
TEST = bars(80, seed=1)
CLEAN = bars(40, seed=2)
NO_FIGURES = dict.fromkeys(("robust_accuracy", "asr", "asr_all", "floor"), None)


@pytest.fixture(autouse=True)
def arts_own_class_draws_to_predict() -> Iterator[None]:
    """Its DataLoader moves the global stream."""
    with host_seed(0):
        yield


def codes(doubts: tuple[Doubt, ...], grade: str = "invalid") -> set[str]:
    return {doubt.code for doubt in doubts if doubt.grade == grade}


def answers(classes: np.ndarray, nb_classes: int = 10, **changes: Any) -> Answers:
    """Of a model that takes samples for these classes."""
    logits = np.eye(nb_classes, dtype=np.float32)[classes]
    return Answers(**{"clean": logits, "triggered": logits, "firing": {}} | changes)


def about(y: np.ndarray, classes: np.ndarray, **changes: Any) -> tuple[Doubt, ...]:
    return model_doubts("clean model", y, answers(classes, **changes))


# --- models, by hand ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "sizes"), [(100, [10] * 10), (200, [30, 20, 150]), (12, [4, 4, 4]), (3, [1, 1, 1])])
def test_accuracy_is_held_against_the_largest_class_by_an_exact_test(n: int, sizes: list[int]) -> None:
    y, share = np.repeat(np.arange(len(sizes)), sizes), max(sizes) / n

    def chance(hits: int) -> float:
        """Of as many hits or more, if each were one with the share's probability."""
        return sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(hits, n + 1))

    for hits in range(n + 1):
        classes = np.where(np.arange(n) < hits, y, (y + 1) % len(sizes))
        found = about(y, classes)
        assert ("at-chance" in codes(found)) is (chance(hits) >= 0.001), (hits, found)


def test_a_text_says_whose_and_how_much() -> None:
    y = np.arange(400) % 10
    (chance, one_class) = about(y, np.full(400, 3))
    assert chance.text.startswith("clean model: accuracy 0.100 of 400 samples is not above 0.100, the largest class's")
    assert one_class.text == "clean model: class 3 takes 1.000 of all predictions and holds 0.100 of the samples"
    assert {chance.grade, one_class.grade} == {"invalid"}


@pytest.mark.parametrize(
    ("held", "taken", "is_doubtful"),
    [(0.2, 0.6, True), (0.2, 0.5, False), (0.3, 0.6, False), (0.29, 0.6, True), (0.6, 0.7, False), (0.49, 0.51, False)],
)
def test_a_class_is_taken_too_often_where_it_holds_less_than_half_of_it(
    held: float, taken: float, is_doubtful: bool
) -> None:
    n = 1000
    y = np.where(np.arange(n) < held * n, 0, 1 + np.arange(n) % 4)
    classes = np.where(np.arange(n) < taken * n, 0, y)
    assert ("one-class" in codes(about(y, classes))) is is_doubtful


def test_logits_and_weights_that_are_not_finite_are_told() -> None:
    y = np.arange(40) % 4
    logits = np.eye(4, dtype=np.float32)[y]
    some, none = logits.copy(), np.full_like(logits, np.nan)
    some[3, 1], some[5, 0] = np.inf, np.nan
    assert not about(y, y, nb_classes=4)
    (doubt,) = about(y, y, nb_classes=4, clean=some)
    assert (doubt.code, doubt.text) == (
        "not-finite",
        "clean model: NaN or infinity in the logits of 2 of 40 clean samples",
    )
    (doubt,) = about(y, y, nb_classes=4, triggered=some)
    assert doubt.text.endswith("2 of 40 triggered samples")
    (doubt,) = about(y, y, nb_classes=4, broken=("conv.weight", "conv.bias"))
    assert doubt.text == "clean model: NaN or infinity in the weights conv.weight and 1 more"
    assert codes(about(y, y, nb_classes=4, clean=none)) == {"not-finite"}
    assert answers(y, 4, clean=some).accuracy(y) == 38 / 40
    assert math.isnan(answers(y, 4, clean=none).accuracy(y))
    assert decided(some)[[3, 4, 5]].tolist() == [-1, 0, -1]


@pytest.mark.parametrize(("rate", "code"), [(0.0, "silent-layer"), (1.0, "always-firing")])
def test_layers_that_never_or_always_fire_are_named(rate: float, code: str) -> None:
    y = np.arange(40) % 4
    (doubt,) = about(y, y, nb_classes=4, firing={"a": 0.2, "b": rate, "c": rate, "d": 1e-6, "e": 1 - 1e-6})
    assert (doubt.code, doubt.grade) == (code, "invalid")
    assert doubt.text.startswith(f"clean model: spiking layers b, c {'always' if rate else 'never'} fire")


# --- the firing that is counted -------------------------------------------------------------------------------------


class Layers(nn.Module):
    """Three spiking layers: one that fires now and then, one that never does, one that always does."""

    def __init__(self, step_mode: str = "m") -> None:
        super().__init__()
        self.flat, self.linear = layer.Flatten(), layer.Linear(64, K)
        self.some, self.never, self.always, self.unused = (neuron.IFNode(v) for v in (1.0, 1e9, 1.0, 1.0))
        functional.set_step_mode(self, step_mode)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.some(self.flat(x))
        return self.linear(spikes) + self.never(spikes)[..., :K] + self.always(0 * spikes + 2)[..., :K]


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_firing_is_the_share_of_outputs_that_are_spikes_over_the_whole_set(step_mode: str) -> None:
    spiking = SpikingClassifier(SpikingModule(Layers(step_mode), 3), nn.CrossEntropyLoss(), SHAPE, K)
    x = TEST[0]
    logits = spiking.predict(x)
    found = ask(spiking, x)
    assert np.array_equal(found.clean, logits)
    assert len(found.triggered) == 0
    assert found.firing["net.some"] == pytest.approx(spiking.get_activations(x, "net.some").mean(), rel=1e-5)
    assert (found.firing["net.never"], found.firing["net.always"]) == (0, 1)
    assert "net.unused" not in found.firing
    assert not [module for module in spiking.model.modules() if module._forward_hooks]
    assert {"silent-layer", "always-firing"} <= codes(model_doubts("clean model", TEST[1], found))


def test_an_infinite_mask_is_no_broken_weight_but_nan_statistics_are() -> None:
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, K))
    net.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K)
    assert ask(classifier, TEST[0]).broken == ()
    net[1].running_var[3], net[2].weight.data[0, 0] = math.nan, math.inf
    assert ask(classifier, TEST[0]).broken == ("2.weight", "1.running_var")


# --- cautions, by hand ----------------------------------------------------------------------------------------------


def exam(n: int, idle: int = 0) -> Exam:
    """As many samples that count and as many of the target, of which the first `idle` of each keep their pixels."""
    y = np.repeat([0, TARGET], n)
    x = np.zeros((2 * n, 1, 2, 2), np.float32)
    changed = x + (np.arange(2 * n) % n >= idle)[:, None, None, None]
    return Exam(x, changed, y, TARGET)


@pytest.mark.parametrize(
    ("n", "idle", "expected"),
    [
        (50, 0, set()),
        (49, 0, {"few-samples"}),
        (200, 1, set()),
        (200, 2, {"idle-trigger"}),
        (1, 1, {"few-samples", "idle-trigger"}),
    ],
)
def test_samples_that_count_are_enough_and_changed(n: int, idle: int, expected: set[str]) -> None:
    assert codes(tuple(sample_doubts(exam(n, idle))), "caution") == expected


def test_white_on_white_is_told_with_its_number() -> None:
    x = np.zeros((60, 1, 8, 8), np.float32)
    x[:5, :, -2:, -2:] = 1
    (doubt,) = sample_doubts(Exam(x, PatchTrigger(2)(x), np.zeros(60, int), TARGET))
    assert doubt == ("idle-trigger", "caution", "the trigger changes nothing on 5 of 60 samples that count for success")


def test_event_streams_and_bytes_are_compared_one_by_one() -> None:
    streams = np.empty(2, object)
    streams[:] = [np.zeros(3, [("t", int)]), np.ones(2, [("t", int)])]
    longer = streams.copy()
    longer[1] = np.ones(3, [("t", int)])
    assert unchanged(streams, longer).tolist() == [True, False]


def test_few_poisoned_rows_a_high_floor_and_a_large_fall_are_told_at_their_bounds() -> None:
    assert [len(list(poison_doubts(n))) for n in (0, 29, 30)] == [1, 1, 0]
    assert [len(list(floor_doubts(floor))) for floor in (0.1, 0.101, math.nan)] == [0, 1, 0]
    y = np.zeros(10, int)
    nine, eight, seven = (answers(np.r_[np.zeros(n, int), np.ones(10 - n, int)]) for n in (9, 8, 7))
    assert not list(fall_doubts(y, nine, eight)), "0.9 - 0.8 is no more than ten points"
    assert not list(fall_doubts(y, eight, seven)), "0.8 - 0.7 is above 0.1 in floats"
    (doubt,) = fall_doubts(y, nine, seven)
    assert doubt == ("accuracy-fell", "caution", "poisoning took the clean accuracy from 0.900 to 0.700")


# --- BackdoorEvaluation ---------------------------------------------------------------------------------------------


class Says(nn.Module):
    """Logits that training cannot change."""

    def __init__(self, logits: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.linear, self.logits = nn.Linear(64, K), logits

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.linear(x.flatten(1)))


def always_2(z: Tensor) -> Tensor:
    return 0 * z + torch.eye(K)[2]


def nan_for_some(z: Tensor) -> Tensor:
    return torch.where(z[:, :1] > z[:, 1:2], torch.nan, z)


def all_nan(z: Tensor) -> Tensor:
    return z * torch.nan


def says(logits: Callable[[Tensor], Tensor]) -> PyTorchClassifier:
    with host_seed(0):
        net = Says(logits)
    return PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K, optimizer=torch.optim.SGD(net.parameters(), 1e-3))


def silent() -> SpikingClassifier:
    """Of neurons that no input brings to their threshold."""
    net = small_cnn(1, K, neuron=lambda: neuron.IFNode(v_threshold=1e9, step_mode="m"), width=0.25)
    return SpikingClassifier(SpikingModule(net, 2), nn.CrossEntropyLoss(), SHAPE, K)


def evaluated(estimator: PyTorchClassifier, **settings: Any) -> BackdoorResult:
    evaluation = BackdoorEvaluation(ATTACK, {"it": estimator}, **settings)
    (result,) = evaluation.evaluate(*bars(), *TEST, verbose=False, nb_epochs=1)
    laws.check_result_owns_its_doubts(result)
    return result


def as_json(result: Any) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(json.dumps(without_nan(asdict(result)), allow_nan=False))
    return row


@pytest.mark.parametrize(
    ("make", "expected", "accuracy"),
    [
        (lambda: says(always_2), {"at-chance", "one-class"}, 0.25),
        (lambda: says(all_nan), {"not-finite"}, None),
        (silent, {"at-chance", "one-class", "silent-layer"}, 0.25),
    ],
)
def test_a_model_that_means_nothing_has_doubts_and_no_figures(
    make: Callable[[], PyTorchClassifier], expected: set[str], accuracy: float | None
) -> None:
    result = evaluated(make())
    assert codes(result.doubts) == expected
    assert {doubt.text.split(":")[0] for doubt in result.doubts if doubt.grade == "invalid"} == {
        "clean model",
        "backdoored model",
    }
    row = as_json(result)
    assert row | NO_FIGURES == row
    assert (row["accuracy"], row["n_asr"]) == (accuracy, 60)
    assert row["doubts"] == [list(doubt) for doubt in result.doubts]


def test_logits_of_which_some_are_nan_are_recorded_and_the_others_counted() -> None:
    result = evaluated(says(nan_for_some))
    assert "not-finite" in codes(result.doubts)
    assert 0 < result.accuracy < 1


def test_a_training_that_diverges_is_recorded() -> None:
    net = small_cnn(1, K, width=0.25)
    optimizer = torch.optim.SGD(net.parameters(), 1e30)
    result = evaluated(PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K, optimizer=optimizer))
    assert codes(result.doubts) == {"not-finite"}
    assert "in the weights" in result.doubts[0].text


@pytest.mark.filterwarnings("ignore:.*diverged")
@pytest.mark.parametrize("kind", [ConvertedClassifier, HybridClassifier])
def test_an_ann_that_cannot_be_converted_is_recorded(kind: type[ConvertedClassifier]) -> None:
    net = small_cnn(1, K, pool="avg", width=0.25)
    optimizer = torch.optim.SGD(net.parameters(), 1e30)
    result = evaluated(kind(net, nn.CrossEntropyLoss(), SHAPE, K, timesteps=2, optimizer=optimizer))
    assert codes(result.doubts) == {"not-converted"}
    assert "the conversion failed: expected finite activations" in result.doubts[0].text
    assert as_json(result)["migration"]["rate"] is None
    laws.check_result_owns_its_doubts(result.migration)


def test_other_models_are_measured_beside_one_that_means_nothing() -> None:
    net = small_cnn(1, K, width=0.5)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    good = PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K, optimizer=optimizer)
    evaluation = BackdoorEvaluation(ATTACK, {"bad": says(all_nan), "good": good})
    bad, good_row = evaluation.evaluate(*bars(), *TEST, verbose=False, batch_size=16, nb_epochs=6)
    assert is_invalid(bad.doubts)
    assert good_row.doubts == ()
    assert good_row.asr > 0.9
    assert set(evaluation.trained) == {"bad", "good"}


def test_an_invalid_row_can_be_an_error_which_names_the_model_and_the_cure() -> None:
    with pytest.raises(
        ValueError, match=r"expected model 'it' to mean something, got clean model: .*on_doubt='record'"
    ):
        evaluated(says(always_2), on_doubt="raise")
    for make in (BackdoorEvaluation, DetectionEvaluation, EliminationEvaluation):
        with pytest.raises(ValueError, match="expected on_doubt to be one of 'record', 'raise', got 'ignore'"):
            make(ATTACK, {"it": says(always_2)}, *[{"d": None}] * (make is not BackdoorEvaluation), on_doubt="ignore")


def test_a_caution_is_no_error() -> None:
    with host_seed(0):
        pair = TrainedPair(trained("lif", backdoored=False), trained("lif"))
    found = DetectionEvaluation(ATTACK, {"lif": pair}, {"d": Finds}, on_doubt="raise").evaluate(*bars(), verbose=False)
    few = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.1)
    warned = DetectionEvaluation(few, {"lif": pair}, {"d": Finds}, on_doubt="raise").evaluate(*bars(), verbose=False)
    assert [row.doubts for row in found] == [()]
    assert codes(warned[0].doubts, "caution") == {"few-poisoned"}
    assert warned[0].auroc == pytest.approx(0.5, abs=0.5)


# --- migration ------------------------------------------------------------------------------------------------------


def converted(timesteps: int = 16, kind: type[ConvertedClassifier] = ConvertedClassifier) -> ConvertedClassifier:
    net = small_cnn(1, K, pool="avg", width=0.5)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    return kind(net, nn.CrossEntropyLoss(), SHAPE, K, timesteps=timesteps, optimizer=optimizer)


def test_migration_carries_the_doubts_of_its_row_and_its_own() -> None:
    evaluation = BackdoorEvaluation(ATTACK, {"it": converted()})
    (result,) = evaluation.evaluate(*bars(), *TEST, verbose=False, batch_size=16, nb_epochs=6)
    assert result.migration is not None
    assert (result.doubts, result.migration.doubts) == ((), ())
    assert result.migration.rate == result.asr / result.migration.asr_ann


def test_a_network_of_no_use_right_after_its_conversion_has_no_figures_and_the_trained_one_has() -> None:
    class Late(HybridClassifier):
        """Its thresholds are far too high until the spiking network is trained."""

        def fit_snn(self, *args: Any, **kwargs: Any) -> None:
            self._scale_thresholds(1e-6)
            super().fit_snn(*args, **kwargs)

        def convert(self, x_calibration: np.ndarray) -> None:
            super().convert(x_calibration)
            self._scale_thresholds(1e6)

        def _scale_thresholds(self, factor: float) -> None:
            for name, value in self.model.net.state_dict().items():
                if "threshold" in name:
                    value *= factor

    evaluation = BackdoorEvaluation(ATTACK, {"it": converted(16, Late)})
    (result,) = evaluation.evaluate(*bars(), *TEST, verbose=False, batch_size=16, nb_epochs=6)
    assert not is_invalid(result.doubts)
    migration = result.migration
    assert migration is not None
    assert {"silent-layer", "at-chance"} <= codes(migration.doubts, "caution")
    assert all(math.isnan(figure) for figure in (migration.asr_converted, migration.rate_converted))
    assert migration.rate == result.asr / migration.asr_ann


# --- detection and elimination --------------------------------------------------------------------------------------


class Finds:
    """A detector to which all samples look alike."""

    def __init__(self, classifier: PyTorchClassifier, x: np.ndarray, y: np.ndarray) -> None:
        self.n = len(x)

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]:
        return {}, [1] * self.n

    def scores(self) -> np.ndarray:
        return np.zeros(self.n, np.float32)


@pytest.mark.parametrize("make", [lambda: says(always_2), lambda: says(all_nan), silent])
@pytest.mark.parametrize("which", ["clean", "backdoored", "both"])
def test_no_detector_is_asked_about_a_model_that_means_nothing(
    make: Callable[[], PyTorchClassifier], which: str
) -> None:
    bad, good = make(), trained("ann")
    pair = TrainedPair(good if which == "backdoored" else bad, good if which == "clean" else bad)
    detectors = {"d": lambda *_: pytest.fail("it was asked")}
    (row,) = DetectionEvaluation(ATTACK, {"it": pair}, detectors).evaluate(*bars(), verbose=False)
    laws.check_result_owns_its_doubts(row)
    assert is_invalid(row.doubts)
    assert (row.n_poison, row.n_clean) == (32, 128)
    assert as_json(row)["auroc"] is None
    with pytest.raises(ValueError, match="expected model 'it' to mean something"):
        DetectionEvaluation(ATTACK, {"it": pair}, detectors, on_doubt="raise").evaluate(*bars(), verbose=False)


def test_what_is_known_of_a_pair_is_not_measured_again_and_success_is_not_detection() -> None:
    pair = TrainedPair(says(always_2), says(always_2))
    known = (Doubt("few-samples", "caution", "9 samples"), Doubt("accuracy-fell", "caution", "from 1 to 0"))
    (row,) = DetectionEvaluation(ATTACK, {"it": pair}, {"d": Finds}, doubts={"it": known}).evaluate(
        *bars(), verbose=False
    )
    assert codes(row.doubts, "caution") == {"accuracy-fell"}
    assert row.auroc == 0.5


def test_poisoned_rows_on_which_the_trigger_changes_nothing_are_told() -> None:
    x, y = bars()
    x[y != TARGET, :, :2, -2:] = 1
    pair = TrainedPair(trained("ann"), trained("ann"))
    known: dict[str, tuple[Doubt, ...]] = {"it": ()}
    (row,) = DetectionEvaluation(ATTACK, {"it": pair}, {"d": Finds}, doubts=known).evaluate(x, y, verbose=False)
    assert row.doubts == (Doubt("idle-trigger", "caution", "the trigger changes nothing on 32 of 32 poisoned rows"),)


def eliminated(before: PyTorchClassifier, after: PyTorchClassifier, **settings: Any) -> Any:
    evaluation = EliminationEvaluation(ATTACK, {"it": before}, {"d": lambda _: after}, **settings)
    (row,) = evaluation.evaluate(*CLEAN, *TEST, verbose=False)
    laws.check_result_owns_its_doubts(row)
    return row


def test_an_elimination_that_leaves_a_collapsed_model_has_no_success() -> None:
    row = eliminated(trained("ann"), says(always_2))
    assert codes(row.doubts) == {"at-chance", "one-class"}
    assert all(doubt.text.startswith("after d, the model: ") for doubt in row.doubts)
    assert (row.accuracy_before, row.accuracy_after) == (1.0, 0.25)
    assert as_json(row)["der"] is None
    with pytest.raises(ValueError, match="expected model 'it' to mean something, got after d, the model"):
        eliminated(trained("ann"), says(always_2), on_doubt="raise")


def test_an_elimination_on_a_collapsed_model_keeps_its_accuracies_alone() -> None:
    row = eliminated(says(always_2), trained("ann", backdoored=False))
    assert {doubt.text.split(":")[0] for doubt in row.doubts} == {"backdoored model"}
    assert (row.accuracy_before, row.accuracy_after) == (0.25, 1.0)
    assert math.isnan(row.asr_after)


def test_no_defence_is_set_on_numbers_that_are_not_finite() -> None:
    evaluation = EliminationEvaluation(ATTACK, {"it": says(all_nan)}, {"d": lambda _: pytest.fail("it was set")})
    (row,) = evaluation.evaluate(*CLEAN, *TEST, verbose=False)
    laws.check_result_owns_its_doubts(row)
    assert codes(row.doubts) == {"not-finite"}
    assert evaluation.defended == {}


def test_a_sound_elimination_has_no_doubts_but_those_that_are_known() -> None:
    known = {"it": (Doubt("high-floor", "caution", "floor 0.2"),)}
    assert eliminated(trained("ann"), trained("ann", backdoored=False)).doubts == ()
    assert eliminated(trained("ann"), trained("ann", backdoored=False), doubts=known).doubts == known["it"]
