"""A cell to compute, what comes of it, and the simplest of workers: this process."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol, Self

Outcome = dict[str, Any]  # what a cell's file holds
Compute = Callable[["Task", Callable[[str], None]], Outcome]
LOST = "WorkerLost"
SECONDS = 1.0  # until somebody who got no task asks again


class Task(NamedTuple):
    """One cell to compute.

    Args:
        name: Hash of the cell.
        spec: The cell as plain tables.
        folder: Where the experiment lies; trainings that cells share are below it.
        save_models: Whether the trained classifiers are kept.
    """

    name: str
    spec: dict[str, Any]
    folder: str
    save_models: bool = False


Tasks = Iterable[Task | None]  # None: none right now, but later perhaps


class Failed(NamedTuple):
    """Why there is no outcome.

    Args:
        kind: Class of the error.
        text: What it said.
        trace: Where it was raised.
    """

    kind: str
    text: str
    trace: str = ""

    @classmethod
    def by(cls, error: Exception) -> Self:
        """What an error says."""
        trace = "".join(traceback.format_exception(error))
        return cls(type(error).__name__, " ".join(str(error).split()), trace)

    @property
    def told(self) -> str:
        """In one line."""
        return f"{self.kind}: {self.text}"


class Watch(Protocol):
    """Who is told how it goes on."""

    def began(self, task: Task) -> None:
        """A cell is being computed."""

    def says(self, task: Task, text: str) -> None:
        """What is being done on it."""


def in_turn(tasks: Tasks, compute: Compute, watch: Watch) -> Iterator[tuple[Task, Outcome | Failed]]:
    """One after the other, in this process."""
    for task in tasks:
        if task is None:
            time.sleep(SECONDS)
            continue
        watch.began(task)
        yield task, tried(compute, task, partial(watch.says, task))


def tried(compute: Compute, task: Task, says: Callable[[str], None]) -> Outcome | Failed:
    """What came of a cell; an error is a finding, for other cells wait."""
    try:
        return compute(task, says)
    except Exception as error:
        return Failed.by(error)
