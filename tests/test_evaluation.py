"""BackdoorEvaluation and the command line: what is measured, printed, written and refused."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.cli import main
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import BackdoorEvaluation
from art_snn.models import small_cnn
from art_snn.testing import check_global_streams_stand_still

RNG = np.random.default_rng(0)
K = 3


def _stripes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 8 × 8 whose class is the third of the rows that is lit: learnt in a second."""
    y = np.arange(n) % K
    x = RNG.random((n, 1, 8, 8), dtype=np.float32) * 0.2
    for row, label in enumerate(y):
        x[row, 0, 2 * label : 2 * label + 2] += 0.7
    return x, y


X_TRAIN, Y_TRAIN = _stripes(240)
X_TEST, Y_TEST = _stripes(60)


def _estimators() -> dict[str, PyTorchClassifier]:
    ann, net = small_cnn(1, K, width=0.5), small_cnn(1, K, neuron="if", width=0.5)
    optimizer = torch.optim.Adam(ann.parameters(), lr=5e-3)
    module = SpikingModule(net, 2)
    return {
        "ann": PyTorchClassifier(ann, nn.CrossEntropyLoss(), (1, 8, 8), K, optimizer=optimizer),
        "if": SpikingClassifier(
            module, nn.CrossEntropyLoss(), (1, 8, 8), K, optimizer=torch.optim.Adam(module.parameters(), lr=5e-3)
        ),
    }


def _evaluate(estimators: dict[str, PyTorchClassifier], y_train: np.ndarray = Y_TRAIN) -> BackdoorEvaluation:
    evaluation = BackdoorEvaluation(TriggerBackdoor(PatchTrigger(2), 1, 0.2), estimators)
    evaluation.results = evaluation.evaluate(
        X_TRAIN, y_train, X_TEST, Y_TEST, seed=0, verbose=False, batch_size=20, nb_epochs=5
    )
    return evaluation


@pytest.fixture(autouse=True)
def arts_own_class_draws_to_predict() -> Iterator[None]:
    """Its DataLoader moves the global stream; that ours does not is shown elsewhere."""
    with host_seed(0):
        yield


@pytest.fixture(scope="module")
def evaluation() -> BackdoorEvaluation:
    return _evaluate(_estimators())


def test_the_numbers_are_those_of_a_loop_by_hand(evaluation: BackdoorEvaluation) -> None:
    x_triggered = PatchTrigger(2)(X_TEST)
    for result in evaluation.results:
        clean, backdoored = evaluation.trained[result.model]
        said, obeyed = backdoored.predict(X_TEST).argmax(1), backdoored.predict(x_triggered).argmax(1)
        others = Y_TEST != 1
        assert result.accuracy == np.mean(said == Y_TEST)
        assert result.accuracy_clean == np.mean(clean.predict(X_TEST).argmax(1) == Y_TEST)
        assert result.asr == np.mean(obeyed[others] == 1)
        assert result.asr_all == np.mean(obeyed == 1)
        assert (result.n_asr, result.n_asr_all) == (40, 60)
        assert result.floor == np.mean(clean.predict(x_triggered).argmax(1)[others] == 1)
        assert result.robust_accuracy == np.mean(obeyed[others] == Y_TEST[others])


def test_a_planted_backdoor_is_found_and_a_clean_model_has_none(evaluation: BackdoorEvaluation) -> None:
    for result in evaluation.results:
        assert result.accuracy > 0.9
        assert result.asr > 0.9
        assert result.floor < 0.1


def test_the_estimators_given_are_not_trained(evaluation: BackdoorEvaluation) -> None:
    for name, estimator in _estimators().items():
        assert np.array_equal(estimator.predict(X_TEST), evaluation.estimators[name].predict(X_TEST))


def test_both_trainings_start_from_the_same_weights_and_repeat_themselves(evaluation: BackdoorEvaluation) -> None:
    again = _evaluate(_estimators(), np.eye(K)[Y_TRAIN])
    for name, pair in evaluation.trained.items():
        for one, other in zip(pair, again.trained[name], strict=True):
            assert np.array_equal(one.predict(X_TEST), other.predict(X_TEST))


def test_an_evaluation_moves_no_global_stream() -> None:
    with check_global_streams_stand_still():
        _evaluate({"ann": _estimators()["ann"]})


def test_nonsense_is_refused_before_training() -> None:
    with pytest.raises(ValueError, match="at least one estimator"):
        BackdoorEvaluation(TriggerBackdoor(PatchTrigger(2), 1), {})
    with pytest.raises(ValueError, match="as many y_train"):
        _evaluate(_estimators(), Y_TRAIN[1:])


# --- the command ----------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def art_snn(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command, in this process."""

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["art-snn", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return Outcome(exit_.value.code, *capfd.readouterr())

    return call


@pytest.mark.slow
def test_compare_writes_what_it_prints(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    small = ("--models", "ann,lif", "--epochs", 1, "--timesteps", 2, "--width", 0.25, "--out", tmp_path)
    outcome = art_snn("compare", *small, "--json")
    assert outcome.returncode == 0, outcome.stderr
    printed = json.loads(outcome.stdout)
    assert printed == json.loads((tmp_path / "results.json").read_text())
    assert [row["model"] for row in printed["rows"]] == ["ann", "lif"]
    assert printed["spec"]["timesteps"] == 2
    assert printed["versions"]["numpy"] == np.__version__
    for row in printed["rows"]:
        assert {"accuracy_clean", "accuracy", "asr", "asr_all", "n_asr", "n_asr_all", "floor", "seconds"} <= row.keys()
        assert all(0 <= row[rate] <= 1 for rate in ("accuracy_clean", "accuracy", "asr", "asr_all", "floor"))
    assert (tmp_path / "triggered.png").read_bytes().startswith(b"\x89PNG")
    again = json.loads(art_snn("compare", *small, "--json").stdout)
    for row, same in zip(printed["rows"], again["rows"], strict=True):
        assert row | {"seconds": 0} == same | {"seconds": 0}


@pytest.mark.slow
def test_compare_prints_a_table_of_all_learning_rules(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    small = ("--epochs", 1, "--timesteps", 4, "--width", 0.25, "--scale", 0.5, "--conversion", "fraction")
    outcome = art_snn("compare", "--models", "ann,converted,hybrid", *small, "--out", tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    for expected in ("ann", "converted", "hybrid", "migration", "average in all models", "attack success"):
        assert expected in outcome.stdout
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert rows[0]["migration"] is None
    assert rows[2]["migration"]["asr_ann"] == rows[0]["asr"]
    assert set(rows[1]["migration"]["threshold_shift"]) == {"act1", "act2", "act3"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--size 0", "expected size to be greater than 0, got 0.0"),
        ("--models ann,foo", "expected models to be one of"),
        ("--epochs x", "--epochs"),
        ("--target 77", "expected target below 10 classes, got 77"),
        ("--data mnist --data-root nowhere", "train-images-idx3-ubyte.gz"),
        ("--data digits-dvs --limit 20", "expected images"),
        ("--data digits-dvs --trigger flash --size 2", "expected no size for trigger='flash'"),
        ("--data digits-dvs --models converted", "expected models to be ann, if or lif for frames"),
        ("--bogus 3", "--bogus"),
    ],
)
def test_wrong_values_are_one_line_and_status_2(
    arguments: str, message: str, art_snn: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = art_snn("compare", *arguments.split(), "--out", tmp_path / "out")
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1].startswith("art-snn: ")
    assert message in outcome.stderr.splitlines()[-1]
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_module_is_the_command() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "art_snn", "compare", "--size", "-1"], capture_output=True, text=True
    )
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr == "art-snn: expected size to be greater than 0, got -1.0\n"


@pytest.mark.slow
@pytest.mark.parametrize(("data", "trigger"), [("digits", "patch"), ("digits-dvs", "smart")])
def test_a_trigger_is_drawn_and_set_in_motion(
    data: str, trigger: str, art_snn: Callable[..., Outcome], tmp_path: Path
) -> None:
    few = ("--limit", 20, "--n-bins", 4) if data == "digits-dvs" else ()
    outcome = art_snn("show-trigger", "--data", data, "--trigger", trigger, *few, "--out", tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert (tmp_path / "trigger.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "trigger.gif").read_bytes().startswith(b"GIF89a")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".gif", ".png"]


@pytest.mark.slow
def test_frames_are_compared_like_images(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    small = ("--limit", 100, "--n-bins", 4, "--epochs", 1, "--width", 0.25, "--out", tmp_path)
    outcome = art_snn("compare", "--data", "digits-dvs", "--trigger", "static", "--models", "ann,if", *small)
    assert outcome.returncode == 0, outcome.stderr
    assert "simulated event camera" in outcome.stdout


@pytest.mark.slow
def test_defences_are_set_on_models_and_their_clean_twins(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    small = ("--epochs", 1, "--timesteps", 2, "--width", 0.25, "--models", "if", "--out", tmp_path)
    outcome = art_snn("defend", *small, "--defences", "strip,channel-lipschitz-pruning")
    assert outcome.returncode == 0, outcome.stderr
    assert "strip" in outcome.stdout
    found = json.loads((tmp_path / "defences.json").read_text())
    assert [row["defence"] for row in found["detection"]] == ["strip"]
    assert [row["defence"] for row in found["elimination"]] == ["channel-lipschitz-pruning"]
    assert found["verdicts"] == []
    assert (tmp_path / "defences.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_defence_is_named_before_anything_runs(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = art_snn("defend", "--defences", "prayer", "--out", tmp_path / "out")
    assert outcome.returncode == 2
    assert "expected defences to be one of 'activation'" in outcome.stderr
