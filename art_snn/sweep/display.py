"""How a sweep shows what it is doing: live in a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table

from art_snn._progress import is_shown
from art_snn._workers import Task

_SECONDS = 5.0  # between plain lines about a cell under way


@dataclass
class Display:
    """Counts cells, and says what is done on each.

    Args:
        labels: By name of a cell, what is special about it.
        n_done: Cells that are done, at first those that were there before.
        verbose: Whether anything is shown.
    """

    labels: dict[str, str]
    n_done: int = 0
    verbose: bool = True
    running: dict[str, tuple[float, str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    n_failed: int = 0
    n_cells: int = field(init=False)
    _live: Live | None = None
    _said: float = 0.0
    _n_elsewhere: int = 0

    def __post_init__(self) -> None:
        self.n_cells = self.n_done + len(self.labels)

    @contextmanager
    def shown(self) -> Iterator["Display"]:
        """Show it while the block runs."""
        self.verbose = is_shown(self.verbose)
        if not self.verbose or not sys.stderr.isatty():
            yield self
            return
        with Live(
            console=Console(stderr=True), get_renderable=self._table, refresh_per_second=4, transient=True
        ) as self._live:
            yield self

    def began(self, task: Task) -> None:
        """A cell is being computed."""
        self.running[task.name] = time.monotonic(), ""

    def says(self, task: Task, text: str) -> None:
        """What is being done on it."""
        since, _ = self.running.get(task.name, (time.monotonic(), ""))
        self.running[task.name] = since, text
        if self._live is None and time.monotonic() - self._said > _SECONDS:
            self._say(f"{self.labels[task.name]}: {text}")

    def ended(self, task: Task, error: str | None) -> None:
        """A cell is done, or failed."""
        since, _ = self.running.pop(task.name, (time.monotonic(), ""))
        self.seconds.append(time.monotonic() - since)
        self._count(task.name, f"done in {self.seconds[-1]:.0f} s" if error is None else f"failed: {error}")
        self.n_failed += error is not None

    def failed(self, name: str, error: str) -> None:
        """A cell failed before it began."""
        self._count(name, f"failed: {error}")
        self.n_failed += 1

    def taken(self, task: Task) -> None:
        """Another run has done a cell."""
        self._count(task.name, "done by another run")

    def waits(self, n: int) -> None:
        """Other runs hold all cells that are left, so many."""
        if n != self._n_elsewhere:
            self._say(f"waits for another run, which is computing {n} cells")
        self._n_elsewhere = n

    def _count(self, name: str, told: str) -> None:
        self.n_done += 1
        self._say(f"{self._counts()} {self.labels[name]}: {told}")

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        if self._live is not None:
            self._live.console.print(line, highlight=False)
        elif self.verbose:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def _counts(self) -> str:
        return f"[{self.n_done}/{self.n_cells}]"

    def _table(self) -> Table:
        left = self.n_cells - self.n_done
        table = Table.grid(padding=(0, 1))
        counted = f"{self._counts()} cells, {len(self.running)} running, {self.n_failed} failed, {left} to go"
        table.add_row(counted + (f", {duration(self.seconds_left())} left" if self.seconds else ""))
        for name, (since, text) in list(self.running.items()):
            table.add_row(f"  {self.labels[name]}: {text or 'begins'}, {duration(time.monotonic() - since)}")
        return table

    def seconds_left(self) -> float:
        """Until all cells are done, if they take as long as those so far, and as many go on at once as now."""
        mean = sum(self.seconds) / max(1, len(self.seconds))
        return mean * (self.n_cells - self.n_done) / max(1, len(self.running))


def duration(seconds: float) -> str:
    """For people.

    >>> duration(5.2), duration(95), duration(7300)
    ('5 s', '2 min', '2 h 2 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
