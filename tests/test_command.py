"""The command line: what it prints, writes and refuses."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from art_snn.catalogue import DATASETS, NETWORKS, TRIGGERS
from art_snn.cli.commands import app
from art_snn.experiment import MODELS, Experiment, defences
from tests.conftest import Outcome


@pytest.mark.slow
def test_compare_writes_what_it_prints(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    options = "--epochs 4 --learning-rate 0.01 --limit 400 --timesteps 2 --width 0.25"
    small = ("--models", "ann, lif", *options.split(), "--out", tmp_path)
    outcome = art_snn("compare", *small, "--json")
    assert outcome.returncode == 0, outcome.stderr
    printed = json.loads(outcome.stdout)
    assert printed == json.loads((tmp_path / "results.json").read_text())
    assert [row["model"] for row in printed["rows"]] == ["ann", "lif"]
    assert printed["spec"]["models"][1]["timesteps"] == 2
    assert printed["versions"]["numpy"] == np.__version__
    for row in printed["rows"]:
        assert {"accuracy_clean", "accuracy", "asr", "asr_all", "n_asr", "n_asr_all", "floor", "seconds"} <= row.keys()
        assert all(0 <= row[rate] <= 1 for rate in ("accuracy_clean", "accuracy", "asr", "asr_all", "floor"))
    assert (tmp_path / "triggered.png").read_bytes().startswith(b"\x89PNG")
    again = json.loads(art_snn("compare", *small[:-1], tmp_path / "again", "--json").stdout)
    for row, same in zip(printed["rows"], again["rows"], strict=True):
        times = {"seconds": 0, "training_seconds": 0, "training_peak_memory": 0}
        assert row | times == same | times


@pytest.mark.slow
def test_rows_that_mean_nothing_are_marked_and_told(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    small = ("--models", "lif", "--epochs", 1, "--timesteps", 2, "--width", 0.25, "--limit", 100)
    told = "art-snn: invalid results: lif; the reasons are under 'doubts' in the JSON and below the tables"
    for command in ("compare", "defend --defences strip"):
        outcome = art_snn(*command.split(), *small, "--out", tmp_path / command[:7])
        assert outcome.returncode == 0
        assert [line for line in outcome.stderr.splitlines() if line.startswith("art-snn: ")] == [told]
        assert " – " in outcome.stdout
        assert re.search(r"invalid: lif +backdoored model: class \d takes", outcome.stdout)
    row, *_ = json.loads((tmp_path / "compare" / "results.json").read_text())["rows"]
    assert (row["asr"], row["floor"], row["accuracy"]) == (None, None, 0.1)
    assert {grade for _, grade, _ in row["doubts"]} == {"invalid", "caution"}


@pytest.mark.slow
def test_compare_prints_a_table_of_all_learning_rules(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    small = "--epochs 3 --learning-rate 0.01 --limit 400 --timesteps 4 --width 0.25 --scale 0.5 --conversion fraction"
    outcome = art_snn("compare", "--models", "ann,converted,hybrid", *small.split(), "--out", tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    for expected in ("ann", "converted", "hybrid", "migration", "average in all models", "attack success"):
        assert expected in outcome.stdout
    assert re.search("time steps +converted 4, hybrid 4", outcome.stdout), "time steps of models that there are not"
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert rows[0]["migration"] is None
    assert rows[2]["migration"]["asr_ann"] == rows[0]["asr"] > 0
    assert set(rows[1]["migration"]["threshold_shift"]) == {"act1", "act2", "act3"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--size 0", "expected --size to be a whole number of pixels from 1 up or a fraction below 1, got 0.0"),
        ("--models ann,foo", "expected --models to be one of"),
        ("--epochs x", "--epochs"),
        ("--target 77", "expected --target to be a class of digits, 0 to 9, got 77"),
        ("--data mnist --data-root nowhere", "expected --data-root to be a folder, got nowhere, which does not exist"),
        ("--data mnist --data-root .", "train-images-idx3-ubyte.gz"),
        ("--width 1e5", "the weights of 3 models of small_cnn to fit into"),
        ("--timesteps 1000000000", "choose a smaller --batch-size, or fewer time steps"),
        (
            "--data digits-dvs --trigger patch",
            "--trigger to be one of static, moving, smart, flash, retiming, sponge, noise for frames, got 'patch'",
        ),
        ("--data mnist", "expected --data-root to be the folder that holds the files of 'mnist', got None"),
        ("--n-bins 8", "expected --n-bins to be left out for digits, got 8"),
        ("--width inf", "expected --width to be a finite number, got inf"),
        (
            "--data digits-dvs --trigger flash --size 2",
            "expected --size to be left out for trigger-backdoor and flash, got 2.0",
        ),
        ("--data digits-dvs --models converted", "expected --models to be ann or bptt for frames"),
        ("--models ann,ann", "expected --models to have names that differ"),
        ("--models ,", "expected --models to be one of"),
        ("--network event_net", "expected --network to be one of small_cnn, vgg11, resnet18, resnet20 for digits, got"),
        ("--bogus 3", "--bogus"),
    ],
)
def test_wrong_values_are_one_line_and_status_2(
    arguments: str,
    message: str,
    art_snn: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ART_SNN_DATA", raising=False)
    outcome = art_snn("compare", *arguments.split(), "--out", tmp_path / "out")
    assert outcome.returncode == 2
    assert outcome.stderr.splitlines()[-1].startswith("art-snn: ")
    assert message in outcome.stderr.splitlines()[-1]
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to_is_known_before_training(
    art_snn: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for command in ("compare", "defend", "show-trigger"):
        outcome = art_snn(command, "--out", tmp_path / "file" / "out")
        assert outcome.returncode == 2
        expected = f"art-snn: expected {tmp_path}/file/out to be a folder for results, got the file {tmp_path}/file\n"
        assert outcome.stderr == expected


def test_errors_of_the_system_are_one_line(
    art_snn: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/secret")

    monkeypatch.setattr("art_snn.experiment.show_trigger", fail)
    assert art_snn("show-trigger", "--out", tmp_path) == (2, "", "art-snn: /secret: Permission denied\n")


@pytest.mark.slow
def test_the_module_is_the_command() -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "art_snn", "compare", "--size", "-1"], capture_output=True, text=True
    )
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert (
        outcome.stderr
        == "art-snn: expected --size to be a whole number of pixels from 1 up or a fraction below 1, got -1.0\n"
    )


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


def _options(command: str) -> list[Any]:
    return typer.main.get_command(app).commands[command].params


def test_the_help_says_what_is_taken_where_an_option_is_left_out() -> None:
    options = {option.name: option.show_default for option in _options("defend")}
    images = Experiment(models=["if", "converted"])
    frames = Experiment(data={"name": "nmnist", "root": "somewhere"})
    trained, converted = images.models
    assert options["trigger"] == f"{images.attack.trigger}, or {frames.attack.trigger}"
    assert options["n_bins"] == str(frames.data.n_bins)
    assert options["split_by"] == frames.data.split_by
    assert options["on_bad"] == frames.data.on_bad
    assert options["conversion"] == converted.method
    assert float(options["scale"]) == converted.scale
    assert options["timesteps"] == f"{trained.timesteps}; converted, hybrid: {converted.timesteps}"


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("data", DATASETS),
        ("trigger", TRIGGERS),
        ("network", NETWORKS),
        ("models", MODELS),
        ("defences", defences()),
    ],
)
def test_the_help_names_all_that_can_be_chosen(option: str, names: Collection[str]) -> None:
    (told,) = (parameter.help for parameter in _options("defend") if parameter.name == option)
    assert set(names) <= set(re.findall(r"[\w-]+", told))


def test_a_wrong_share_of_clean_data_is_named_as_it_was_written(
    art_snn: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = art_snn("defend", "--share-of-clean-data", 2, "--out", tmp_path / "out")
    message = "expected --share-of-clean-data to be less than or equal to 1, got 2.0"
    assert outcome == (2, "", f"art-snn: {message}\n")


def test_bench_explains_itself_outside_of_a_checkout_and_does_no_more(
    art_snn: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (art_snn("bench", "--help")[0::2], art_snn("bench").returncode) == ((0, ""), 2)
    assert "in a checkout with the extra bench" in " ".join(art_snn("bench", "--help").stdout.split())


def test_an_unknown_defence_is_named_before_anything_runs(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = art_snn("defend", "--defences", "prayer", "--out", tmp_path / "out")
    assert outcome.returncode == 2
    assert "expected --defences to be one of 'activation'" in outcome.stderr
