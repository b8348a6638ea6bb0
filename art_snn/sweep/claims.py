"""Which cells a run computes where several work on one folder: each is held by one of them, as long as that lives."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from art_snn._workers import Task
from art_snn.sweep.folder import SweepFolder

try:
    import fcntl
except ImportError:  # Windows has none: the same cell may be computed twice there
    fcntl = None  # type: ignore[assignment]


class Others(Protocol):
    """Who is told what other runs do."""

    def taken(self, task: Task) -> None:
        """One has done a cell."""

    def waits(self, n: int) -> None:
        """They hold all cells that are left, so many."""


@dataclass
class Claims:
    """The cells that are missing, each given to who asks once no other run holds it.

    Iterating gives None while others hold all that are left, and comes to an end when all are done.

    Args:
        folder: Where the runs meet.
        tasks: The cells.
        before: What was there of a cell when it was found missing: None, or its error.
        watch: Hears of cells that another run does, or has done meanwhile.
    """

    folder: SweepFolder
    tasks: Sequence[Task]
    before: Mapping[str, dict[str, Any] | None]
    watch: Others
    _waiting: deque[Task] = field(init=False)
    _held: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._waiting = deque(self.tasks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._held):
            self.release(name)
        with suppress(OSError):  # others hold cells, or it was never made
            self.folder.held.rmdir()

    def __iter__(self) -> Iterator[Task | None]:
        while self._waiting:
            for _ in range(len(self._waiting)):
                task = self._waiting.popleft()
                if not self._hold(task.name):
                    self._waiting.append(task)
                elif self._is_done(task.name):
                    self.release(task.name)
                    self.watch.taken(task)
                else:
                    yield task
            if self._waiting:
                self.watch.waits(len(self._waiting))
                yield None

    def _is_done(self, name: str) -> bool:
        found = self.folder.read(name)
        return found is not None and found != self.before.get(name)

    def _hold(self, name: str) -> bool:
        """Lock a cell for this process, however that ends; false where another has it."""
        if fcntl is None:
            return True
        descriptor = _locked(self.folder.held / name)
        if descriptor is not None:
            self._held[name] = descriptor
        return descriptor is not None

    def release(self, name: str) -> None:
        """Let others see what has become of a cell."""
        if (descriptor := self._held.pop(name, None)) is not None:
            (self.folder.held / name).unlink(missing_ok=True)
            os.close(descriptor)


def _locked(path: Path) -> int | None:
    """The descriptor of a file that is made and locked; None where another process has locked it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # the folder went as the last of another run's cells was done
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # a file system without locks
            pass
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        os.close(descriptor)  # who held it has just removed it
