"""Cells in processes of this machine, of which one may die without harm to the others."""

import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from art_snn._workers.tasks import LOST, SECONDS, Compute, Failed, Outcome, Task, Tasks, Watch, tried

if sys.platform == "linux":
    from multiprocessing import forkserver

SECONDS_TO_LEAVE = 5
MOST_LOSSES = 2  # of workers by one cell, until the cell is to blame


def warm_up(module: str) -> None:
    """Begin to load what processes need, once for all of them, while this process goes on.

    On Linux they are forks of one that has done nothing but load; a fork of this process would inherit torch's threads
    in any state. Elsewhere each loads by itself, as it begins.

    Args:
        module: Name of the module that holds what they compute.
    """
    if sys.platform == "linux":
        forkserver.set_forkserver_preload([module])
        forkserver.ensure_running()


def in_processes(tasks: Tasks, compute: Compute, watch: Watch, jobs: int) -> Iterator[tuple[Task, Outcome | Failed]]:
    """In so many processes, each cell as it is done.

    A cell whose process dies is computed again, at most once; the other cells do not notice.
    """
    warm_up(compute.__module__)
    crew, source = [_Worker(compute) for _ in range(jobs)], iter(tasks)
    again, losses = deque[Task](), Counter[str]()
    try:
        while _hand_out(crew, again, source, watch):
            for worker, task in _with_news(crew):
                outcome = worker.news(partial(watch.says, task))
                if isinstance(outcome, Failed) and outcome.kind == LOST:
                    losses[task.name] += 1
                    if losses[task.name] < MOST_LOSSES:
                        again.append(task)
                        continue
                if outcome is not None:
                    yield task, outcome
    finally:
        for worker in crew:
            worker.end()


def _hand_out(crew: Sequence["_Worker"], again: deque[Task], source: Iterator[Task | None], watch: Watch) -> bool:
    """Give each idle worker a task; returns whether anything is being done, or may be later."""
    for worker in crew:
        if worker.task is not None:
            continue
        try:
            task = again.popleft() if again else next(source)
        except StopIteration:
            break
        if task is None:
            return True
        watch.began(worker.take(task))
    return any(worker.task for worker in crew)


class _Worker:
    """A process that computes one cell after the other, and the pipe to it; begun when needed, anew where it died.

    Args:
        compute: What it does with a cell.
    """

    def __init__(self, compute: Compute) -> None:
        self.compute = compute

    task: Task | None = None
    pipe: Connection
    process: Any = None

    def _start(self) -> None:
        context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
        self.pipe, theirs = context.Pipe()
        place = os.getcwd(), dict(os.environ)
        self.process = context.Process(target=_work, args=(theirs, self.compute, place), daemon=True)
        self.process.start()
        theirs.close()

    def take(self, task: Task) -> Task:
        """Begin with a cell."""
        if self.process is None or not self.process.is_alive():
            self._start()
        self.task = task
        with suppress(OSError):  # it dies this very moment: the next look at the pipe finds that
            self.pipe.send(task)
        return task

    def news(self, says: Callable[[str], None]) -> Outcome | Failed | None:
        """What has come through the pipe: the outcome of the cell, or None for a word on the way."""
        try:
            message, content = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            message, content = "done", Failed(LOST, _how_it_ended(self.process.exitcode))
        if message == "says":
            says(content)
            return None
        self.task = None
        outcome: Outcome | Failed = content
        return outcome

    def end(self) -> None:
        """Stop it, whatever it does; one that does nothing goes by itself, and leaves nothing behind."""
        if self.process is None:
            return
        self.pipe.close()
        if self.task is None:
            self.process.join(SECONDS_TO_LEAVE)
        self.process.terminate()
        self.process.join(SECONDS_TO_LEAVE)
        self.process.kill()
        self.process.join()


def _with_news(crew: Sequence[_Worker]) -> list[tuple[_Worker, Task]]:
    """Workers through whose pipe something has come, of which their end is one thing, and their cells."""
    at_work = [(worker, worker.task) for worker in crew if worker.task is not None]
    if not at_work:
        time.sleep(SECONDS)
        return []
    ready = wait([worker.pipe for worker, _ in at_work], None if len(at_work) == len(crew) else SECONDS)
    return [(worker, task) for worker, task in at_work if worker.pipe in ready]


def _work(pipe: Connection, compute: Compute, place: tuple[str, dict[str, str]]) -> None:
    """What a process does until nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that it leaves nothing behind
    folder, environment = place  # those of the parent now, not as its first process began
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with suppress(EOFError, OSError, BrokenPipeError):
        while True:
            task = pipe.recv()
            pipe.send(("done", tried(compute, task, lambda text: pipe.send(("says", text)))))


def _how_it_ended(code: int | None) -> str:
    """In words."""
    how = f"killed by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
    cure = "; perhaps memory ran out: fewer jobs need less" if code == -signal.SIGKILL else ""
    return f"expected the process of this cell to go on, got it {how}, {MOST_LOSSES} times{cure}"
