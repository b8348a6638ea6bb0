"""The command goes on where it was interrupted, says what is done, and keeps its peace where it is told to."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from art_snn import __main__, __version__
from art_snn.data import Dataset
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.experiment import building
from tests.backdoored import bars
from tests.conftest import Outcome

BARS = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")
SMALL = ("--models", "ann,if", "--timesteps", 2, "--width", 0.5, "--epochs", 8)
QUICK = ("--models", "ann", "--width", 0.25, "--epochs", 1)  # whose figures nobody looks at


@pytest.fixture(autouse=True)
def bars_for_digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that are trained; "interrupt" after the first one is as if by the user."""
    names, result = [], BackdoorEvaluation._result

    def spied(self: BackdoorEvaluation, name: str, *rest: Any) -> BackdoorResult:
        if names[-1:] == ["interrupt"]:
            names[-1] = name + ", interrupted"
            raise KeyboardInterrupt
        found = result(self, name, *rest)
        names.extend([name, "interrupt"] if not names else [name])
        return found

    monkeypatch.setattr(BackdoorEvaluation, "_result", spied)
    return names


@pytest.mark.parametrize(
    ("command", "record", "others"),
    [
        (("compare", *SMALL), "results.json", {"triggered.png"}),
        (
            ("defend", *SMALL, "--defences", "spectral"),
            "defences.json",
            {"defences.png", "scores-ann.png", "scores-if.png"},
        ),
    ],
)
def test_what_is_finished_is_kept_and_the_same_command_goes_on(
    command: tuple[object, ...], record: str, others: set[str], art_snn: Callable[..., Outcome], trained: list[str]
) -> None:
    outcome = art_snn(*command)
    (out,) = Path("results").iterdir()
    assert outcome == (
        130,
        "",
        f"art-snn: interrupted; {out} keeps what is finished, and the same command goes on from there\n",
    )
    kept = json.loads((out / record).read_text())
    assert ([row["model"] for row in kept["rows"]], kept["complete"]) == (["ann"], False)

    continued = art_snn(*command)
    assert trained == ["ann", "if, interrupted", "if"]
    told, doubts = continued.stderr.splitlines(keepends=True)
    assert (continued.returncode, told) == (0, f"art-snn: goes on in {out}, where ann is finished\n")
    assert doubts.startswith("art-snn: results with caution: ann, if; ")
    assert {path.name for path in out.iterdir()} == {record, *others, "cells", "spec.toml"}
    found = json.loads((out / record).read_text())
    assert found["complete"]
    assert found["rows"][0] == kept["rows"][0]

    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    again = art_snn(*command)
    assert len(trained) == 3
    assert (again.returncode, again.stderr) == (0, doubts)
    table, done = continued.stdout.split("wrote")[0], f"done before, nothing to do: {out}/{record}\n"
    assert again.stdout == table + done
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    assert json.loads(art_snn(*command, "--json").stdout) == found


@pytest.mark.parametrize(
    ("command", "record"), [("compare", "results.json"), ("defend --defences spectral", "defences.json")]
)
def test_what_a_command_finds_is_the_one_cell_of_its_spec(
    command: str, record: str, art_snn: Callable[..., Outcome], trained: list[str]
) -> None:
    trained.append("")
    assert art_snn(*command.split(), *SMALL, "--out", "out", "-q").returncode == 0
    (path,) = Path("out/cells").iterdir()
    cell, written = json.loads(path.read_text()), json.loads((Path("out") / record).read_text())
    assert cell | written == cell
    assert cell["environment"]["threads"] == written["spec"]["run"]["threads"]

    run = art_snn("run", "out/spec.toml", "--out", "out")
    reported = art_snn("report", "out")

    assert (run.returncode, reported.returncode, trained) == (0, 0, ["", "ann", "if"])
    assert [file.name for file in Path("out/cells").iterdir()] == [path.name]
    assert Path("out/report.md").is_file()
    assert art_snn(*command.split(), *SMALL, "--out", "out").stdout.endswith(f"nothing to do: out/{record}\n")


def test_several_seeds_are_a_table_beside_their_spec_that_other_options_do_not_overwrite(
    art_snn: Callable[..., Outcome],
) -> None:
    command = ("compare", *SMALL[2:], "--models", "if", "--out", "out", "-q", "--seeds")
    assert art_snn(*command, "0,1").returncode == 0
    found = json.loads(Path("out/results.json").read_text())
    assert found["spec"]["run"]["seeds"] == [0, 1]
    assert found["versions"]["torch"]
    assert [(row["seed"], row["model"]) for row in found["rows"]] == [(0, "if"), (1, "if")]
    for seeds in ("0,2", "0"):
        refused = art_snn(*command, seeds)
        assert refused.returncode == 2
        assert "name another folder with --out" in refused.stderr
    assert json.loads(Path("out/results.json").read_text()) == found
    assert json.loads(art_snn(*command[:-2], "--json", "--seeds", "0,1").stdout) == found


def test_other_options_have_a_folder_of_their_own_and_are_refused_in_this_one(
    art_snn: Callable[..., Outcome], trained: list[str]
) -> None:
    trained.append("")  # nobody interrupts
    for seed in (0, 1):
        outcome = art_snn("compare", *QUICK, "--seed", seed, "-q")
        assert outcome == (0, "", "")
    first, _ = (path for path in Path("results").iterdir())
    before = {path: path.read_bytes() for path in first.rglob("*.*")}
    outcome = art_snn("compare", *QUICK, "--seed", 2, "--out", first)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "some with seed" in outcome.stderr
    assert "not 2; name another folder with --out" in outcome.stderr
    assert {path: path.read_bytes() for path in first.rglob("*.*")} == before
    assert trained == ["", "ann", "ann"]


def test_a_record_that_is_damaged_is_named(art_snn: Callable[..., Outcome]) -> None:
    assert art_snn("compare", *QUICK, "-q", "--out", "out").returncode == 0
    record = json.loads(Path("out/results.json").read_text())
    record["rows"][0]["accuracy"] = "high"
    Path("out/results.json").write_text(json.dumps(record))
    outcome = art_snn("compare", *QUICK, "--out", "out")
    assert outcome.returncode == 2
    assert "out/results.json: expected accuracy of a BackdoorResult as it was written, got 'high'" in outcome.stderr


def test_a_picture_that_is_missing_is_drawn_without_a_training(
    art_snn: Callable[..., Outcome], trained: list[str]
) -> None:
    trained.append("")
    art_snn("compare", *QUICK, "--out", "out", "-q")
    before = Path("out/triggered.png").read_bytes()
    Path("out/triggered.png").unlink()
    assert "wrote out/triggered.png" in art_snn("compare", *QUICK, "--out", "out").stdout
    assert Path("out/triggered.png").read_bytes() == before
    assert trained == ["", "ann"]


def test_a_trigger_is_drawn_once_and_not_over_that_of_other_data(
    art_snn: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("show-trigger", "--data", "digits", "--out", "out")
    assert art_snn(*command) == (0, "wrote out/trigger.png\nwrote out/trigger.gif\n", "")
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    assert art_snn(*command) == (0, "done before, nothing to do: out/trigger.png\n", "")
    assert "some with size 2.0, not 3.0" in art_snn(*command, "--size", 3).stderr
    others = replace(BARS, x_test=BARS.x_test[::-1])
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: others)
    assert "the data have changed; write into another folder" in art_snn(*command).stderr
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == before


def test_a_share_is_printed_as_it_was_given(art_snn: Callable[..., Outcome]) -> None:
    outcome = art_snn("compare", *QUICK, "--percent-poison", "0.125")
    assert "patch trigger in 12.5 % of bars" in outcome.stdout


def test_names_are_whole_in_a_file_and_numbers_on_a_narrow_terminal(
    art_snn: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("defend", *SMALL[2:], "--models", "if", "--defences", "channel-lipschitz-pruning")
    in_a_file = art_snn(*command).stdout
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    on_a_terminal = art_snn(*command).stdout
    assert "channel-lipschitz-pruning" in in_a_file
    assert "…" not in on_a_terminal
    numbers = [[word for word in text.split() if word.startswith((".", "0."))] for text in (in_a_file, on_a_terminal)]
    assert len(numbers[0]) > 5
    assert numbers[0] == numbers[1]


@pytest.mark.filterwarnings("default")
def test_a_training_that_diverges_is_told_in_a_line(art_snn: Callable[..., Outcome]) -> None:
    outcome = art_snn("compare", *SMALL[2:], "--models", "ann,if", "--epochs", 1, "--learning-rate", 1e30)
    told = [line for line in outcome.stderr.splitlines() if "diverged" in line]
    assert told[0].startswith("art-snn: ann, clean data: the training diverged, its loss is not finite in epoch 1 of 1")
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    "arguments", [("-h",), ("compare", "-h"), ("defend", "-h"), ("show-trigger", "-h"), ("bench", "-h")]
)
def test_help_is_near_everywhere(arguments: tuple[str, ...], art_snn: Callable[..., Outcome]) -> None:
    outcome = art_snn(*arguments)
    assert outcome == (0, art_snn(*arguments[:-1], "--help").stdout, "")
    assert "Usage" in outcome.stdout


def test_the_version_is_told(art_snn: Callable[..., Outcome]) -> None:
    assert art_snn("--version") == (0, f"art-snn {__version__}\n", "")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_is_closed_is_no_fault(
    name: str, art_snn: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, name, None)
    assert art_snn("--version").returncode == 0
    assert art_snn("compare", "--data", "nope").returncode == 2


def test_an_interruption_while_the_command_is_loaded_is_a_line_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Loading:
        @property
        def main(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "art_snn.cli", Loading())
    with pytest.raises(SystemExit) as exit_:
        __main__.main()
    assert (exit_.value.code, *capfd.readouterr()) == (130, "", "art-snn: interrupted\n")


@pytest.mark.slow
def test_an_output_that_nobody_reads_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "art_snn", "--version"]
    outcome = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (outcome.returncode, outcome.stderr) == (141, "")
