"""Evaluations say of each of their results whether it means anything, and give no figure where it does not."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import neuron
from torch import Tensor, nn

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.attacks.poisoning import TriggerBackdoor
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
from art_snn.experiment.result import plain
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
    row: dict[str, Any] = json.loads(json.dumps(plain(result), allow_nan=False))
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


def like_the_target(x: np.ndarray) -> np.ndarray:
    return np.broadcast_to(bars(K)[0][TARGET], x.shape).copy()


@pytest.mark.parametrize(
    ("trigger", "percent_poison", "n_test", "expected"),
    [
        (np.copy, 0.33, 80, {"idle-trigger", "accuracy-fell"}),
        (like_the_target, 0.3, 80, {"high-floor"}),
        (TRIGGER, 0.1, 40, {"few-samples", "few-poisoned"}),
    ],
)
def test_a_row_carries_what_calls_for_caution_beside_its_figures(
    trigger: Callable[[np.ndarray], np.ndarray], percent_poison: float, n_test: int, expected: set[str]
) -> None:
    with host_seed(0):
        net = Says(lambda z: z)
    linear = PyTorchClassifier(
        net, nn.CrossEntropyLoss(), SHAPE, K, optimizer=torch.optim.Adam(net.parameters(), lr=3e-2)
    )
    evaluation = BackdoorEvaluation(TriggerBackdoor(trigger, TARGET, percent_poison), {"it": linear}, on_doubt="raise")
    (row,) = evaluation.evaluate(*bars(), *bars(n_test, seed=1), verbose=False, nb_epochs=10, batch_size=16)
    assert codes(row.doubts, "caution") == expected
    assert not math.isnan(row.asr)
    laws.check_result_owns_its_doubts(row)


def test_an_invalid_row_can_be_an_error_which_names_the_model_and_the_cure() -> None:
    with pytest.raises(
        ValueError, match=r"expected model 'it' to mean something, got clean model: .*on_doubt='record'"
    ):
        evaluated(says(always_2), on_doubt="raise")
    for make in (BackdoorEvaluation, DetectionEvaluation, EliminationEvaluation):
        with pytest.raises(
            ValueError, match="expected on_doubt to be one of 'record', 'raise', 'raise-all', got 'ignore'"
        ):
            make(ATTACK, {"it": says(always_2)}, *[{"d": None}] * (make is not BackdoorEvaluation), on_doubt="ignore")


def test_a_caution_is_no_error() -> None:
    with host_seed(0):
        pair = TrainedPair(trained("lif", backdoored=False), trained("lif"))
    found = DetectionEvaluation(ATTACK, {"lif": pair}, {"d": Finds}, on_doubt="raise").evaluate(*bars(), verbose=False)
    few = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.1)
    warned = DetectionEvaluation(few, {"lif": pair}, {"d": Finds}, on_doubt="raise").evaluate(*bars(), verbose=False)
    assert [row.doubts for row in found] == [()]
    assert codes(warned[0].doubts, "caution") == {"few-poisoned"}
    with pytest.raises(ValueError, match=r"expected model 'lif' to mean something, got .*poisoned"):
        DetectionEvaluation(few, {"lif": pair}, {"d": Finds}, on_doubt="raise-all").evaluate(*bars(), verbose=False)
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
