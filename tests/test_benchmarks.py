"""The benchmarks: contestants take turns, their figures become ratios, and `art-snn bench` says what it takes."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from art_snn.cli import main
from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks.harness import OURS, Case, Contest, measure

ROOT = Path(__file__).parent.parent


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int | str | None]:
    """`art-snn bench` in a checkout, in this process; gives its exit status."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", sys.path.copy())

    def call(*arguments: object) -> int | str | None:
        monkeypatch.setattr(sys, "argv", ["art-snn", "bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code

    return call


def _tiny(turns: list[str], **settings: Any) -> Case:
    """Three contestants, whose "memory" is the number of turns so far, doubled for a peer."""

    def turn(name: str, factor: int) -> Callable[[], int]:
        return lambda: turns.append(name) or factor * len(turns)

    contestants = {OURS: turn(OURS, 1), "peer": turn("peer", 2), "limit": turn("limit", 1)}
    contest = Contest(contestants, lambda: turns.append("check"), "limit", **{"unit": "MB"} | settings)
    return Case("tiny", lambda: contest, {"peer": 0.5})


def test_contestants_are_checked_then_take_turns_after_one_to_warm_up() -> None:
    turns: list[str] = []

    against_peer, against_limit = measure(_tiny(turns), threads=1, repeats=2)

    assert turns == ["check"] + [OURS, "peer", "limit"] * 3
    assert (against_peer.ours, against_peer.theirs) == ([5, 8], [12, 18])
    assert against_peer.ratio == 6.5 / 15
    assert against_peer.as_json()["ratio"] == against_peer.ratio
    assert against_peer.as_row() == "| tiny | 1 | peer | 6.5 MB | 15 MB | 0.43 | 0.5 met |"
    assert against_limit.as_row() == "| tiny | 1 | limit (limit) | 6.5 MB | 8.5 MB | 0.76 |  |"


def test_contestants_that_disagree_are_not_measured() -> None:
    def disagree() -> None:
        raise AssertionError("different")

    case = Case("tiny", lambda: Contest({OURS: int, "peer": int}, disagree))
    with pytest.raises(AssertionError, match="different"):
        measure(case, threads=1, repeats=1)


@pytest.mark.parametrize(("threads", "own", "clock"), [(1, False, "cpu"), (1, True, "wall"), (2, False, "wall")])
def test_time_is_the_processes_own_only_where_it_works_alone(
    threads: int, own: bool, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.process_time", iter(range(99)).__next__)
    monkeypatch.setattr("time.perf_counter", iter(range(0, 990, 10)).__next__)

    measured, _ = measure(_tiny([], unit="ms", has_own_threads=own), threads, repeats=1)

    assert measured.ours == [1000 if clock == "cpu" else 10_000]


def test_the_report_names_the_machine_and_what_was_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmarks, "all_cases", lambda: (_tiny([]),))
    monkeypatch.setattr(benchmarks, "VERSIONED", ("numpy", "spikingjelly"))  # the peers are an extra
    monkeypatch.setattr(sys, "argv", ["bench", "--repeats", "1", "--threads", "1", "--out", str(tmp_path / "b.json")])

    benchmarks.main()

    report = json.loads((tmp_path / "b.json").read_text())
    assert report["machine"].keys() == {"processor", "cpus", "python", "numpy", "spikingjelly"}
    assert report["machine"]["processor"]
    assert [row["contestant"] for row in report["measurements"]] == ["peer", "limit"]
    assert "| tiny | 1 | peer |" in capsys.readouterr().out


def test_help_lists_the_options(bench: Callable[..., object], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--help") == 0
    told = capsys.readouterr().out
    assert all(option in told for option in ("--cases", "--repeats", "--threads", "--out"))


def test_without_the_extra_it_says_how_to_install_it(
    bench: Callable[..., object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "norse", None)
    monkeypatch.delitem(sys.modules, "tests.benchmarks.networks", raising=False)
    assert bench() == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("art-snn bench: error: expected the extra bench, got no module 'norse")
    assert told.endswith("pip install --editable '.[bench]'")


def test_outside_a_checkout_it_says_so(
    bench: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bench() == 2
    assert capsys.readouterr().err == f"art-snn: expected a checkout of art-snn as the working folder, got {tmp_path}\n"
