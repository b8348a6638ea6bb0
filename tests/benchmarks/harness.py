"""Contestants take turns in one process; their times become ratios, a table and JSON."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

from art_snn.experiment.threads import threads as using_threads

OURS = "art_snn"


@dataclass(frozen=True)
class Contest:
    """Ways to do the same work, ready to be called.

    Args:
        contestants: What is measured, by name; one is `OURS`.
        check: Raises an AssertionError where the outcomes disagree; called before anything is measured.
        limit: The contestant that does only what nobody can avoid, such as the convolutions.
        unit: "ms": calls are timed. "MB": a call returns the memory it took.
        has_own_threads: Whether a contestant starts threads whatever their number is set to; the clock on the wall then
            times them all.
    """

    contestants: dict[str, Callable[[], object]]
    check: Callable[[], None]
    limit: str | None = None
    unit: Literal["ms", "MB"] = "ms"
    has_own_threads: bool = False


@dataclass(frozen=True)
class Case:
    """A benchmark.

    Args:
        name: What is done.
        prepare: Builds its contest.
        targets: Our figure over a contestant's that we set out to reach, by the contestant's name.
    """

    name: str
    prepare: Callable[[], Contest]
    targets: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Our figures beside another contestant's, one a round."""

    case: str
    threads: int
    contestant: str
    ours: list[float]
    theirs: list[float]
    unit: str
    target: float | None
    is_limit: bool

    @property
    def ratio(self) -> float:
        """Our median over theirs."""
        return median(self.ours) / median(self.theirs)

    def as_json(self) -> dict[str, Any]:
        """All of it and the ratio."""
        return asdict(self) | {"ratio": self.ratio}

    def as_row(self) -> str:
        """A row of a Markdown table."""
        name = f"{self.contestant} (limit)" if self.is_limit else self.contestant
        target = "" if self.target is None else f"{self.target:.2g} {'met' if self.ratio <= self.target else 'missed'}"
        medians = f"{median(self.ours):.4g} {self.unit} | {median(self.theirs):.4g} {self.unit}"
        return f"| {self.case} | {self.threads} | {name} | {medians} | {self.ratio:.2f} | {target} |"


HEADER = "| case | threads | against | art_snn | other | ratio | target |\n|---|---|---|---|---|---|---|"


def measure(case: Case, threads: int, repeats: int) -> list[Measured]:
    """Check that all contestants agree, let each warm up, then measure them in turn, `repeats` times.

    On one thread time is the process's own, on which other processes of a shared machine bear least; else the clock's.
    """
    with using_threads(threads):
        contest = case.prepare()
        contest.check()
        is_alone = threads == 1 and not contest.has_own_threads
        clock = time.process_time if is_alone else time.perf_counter
        rounds = [_round(contest, clock) for _ in range(repeats + 1)][1:]
    return [
        Measured(
            case=case.name,
            threads=threads,
            contestant=name,
            ours=[figures[OURS] for figures in rounds],
            theirs=[figures[name] for figures in rounds],
            unit=contest.unit,
            target=case.targets.get(name),
            is_limit=name == contest.limit,
        )
        for name in contest.contestants
        if name != OURS
    ]


def _round(contest: Contest, clock: Callable[[], float]) -> dict[str, float]:
    figures = {}
    for name, run in contest.contestants.items():
        begin = clock()
        returned = run()
        figures[name] = 1000 * (clock() - begin) if contest.unit == "ms" else float(returned)
    return figures
