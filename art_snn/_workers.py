"""Where cells are computed: in this process, in several on this machine, or on a cluster."""

import multiprocessing
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Protocol

Outcome = dict[str, Any]  # what a cell's file holds
Compute = Callable[["Task", Callable[[str], None]], Outcome]
LOST = "WorkerLost"
SECONDS_TO_LEAVE = 5
MOST_LOSSES = 2  # of workers by one cell, until the cell is to blame


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


class Watch(Protocol):
    """Who is told how it goes on."""

    def began(self, task: Task) -> None:
        """A cell is being computed."""

    def says(self, task: Task, text: str) -> None:
        """What is being done on it."""


def in_turn(tasks: Sequence[Task], compute: Compute, watch: Watch) -> Iterator[tuple[Task, Outcome | Failed]]:
    """One after the other, in this process."""
    for task in tasks:
        watch.began(task)
        yield task, _tried(compute, task, partial(watch.says, task))


def in_processes(
    tasks: Sequence[Task], compute: Compute, watch: Watch, jobs: int
) -> Iterator[tuple[Task, Outcome | Failed]]:
    """In processes of this machine, each as it is done.

    A cell whose process dies is computed again, at most once; the other cells do not notice.
    """
    crew = [_Worker(compute) for _ in range(min(jobs, len(tasks)))]
    waiting, losses = deque(tasks), Counter[str]()
    try:
        while waiting or any(worker.task for worker in crew):
            for worker in _idle(crew)[: len(waiting)]:
                watch.began(worker.take(waiting.popleft()))
            for worker, task in _with_news(crew):
                outcome = worker.news(partial(watch.says, task))
                if _is_lost(outcome):
                    losses[task.name] += 1
                    if losses[task.name] < MOST_LOSSES:
                        waiting.append(task)
                        continue
                if outcome is not None:
                    yield task, outcome
    finally:
        for worker in crew:
            worker.end()


def _idle(crew: list["_Worker"]) -> list["_Worker"]:
    return [worker for worker in crew if worker.task is None]


def _is_lost(outcome: Outcome | Failed | None) -> bool:
    return isinstance(outcome, Failed) and outcome.kind == LOST


def on_cluster(
    tasks: Sequence[Task], compute: Compute, watch: Watch, client: Any
) -> Iterator[tuple[Task, Outcome | Failed]]:
    """On the workers of a `dask.distributed` client, each as it is done; cells of a lost worker run again elsewhere."""
    from dask.distributed import as_completed

    futures = {
        client.submit(_tried, compute, task, _unheard, key=f"art-snn-{task.name}", pure=False): task for task in tasks
    }
    for task in tasks:
        watch.began(task)
    try:
        for future in as_completed(futures):
            lost = future.status == "error"  # of the cluster's own: what a cell raises is an outcome
            yield futures[future], Failed(LOST, str(future.exception())) if lost else future.result()
    finally:
        client.cancel([future for future in futures if not future.done()])


def _tried(compute: Compute, task: Task, says: Callable[[str], None]) -> Outcome | Failed:
    """What came of a cell; an error is a finding, for other cells wait."""
    try:
        return compute(task, says)
    except Exception as error:
        return Failed(type(error).__name__, " ".join(str(error).split()), traceback.format_exc())


def _unheard(_: str) -> None:
    """Nobody listens on another machine."""


class _Worker:
    """A process that computes one cell after the other, and the pipe to it; a new one where it died.

    Args:
        compute: What it does with a cell.
    """

    def __init__(self, compute: Compute) -> None:
        self.compute, self.task = compute, None
        self._start()

    task: Task | None
    pipe: Connection
    process: Any

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads in any state
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, self.compute), daemon=True)
        self.process.start()
        theirs.close()

    def take(self, task: Task) -> Task:
        """Begin with a cell."""
        if not self.process.is_alive():
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
        """Stop it, whatever it does; one that does nothing goes by itself."""
        self.pipe.close()
        if self.task is None:
            self.process.join(SECONDS_TO_LEAVE)
        self.process.terminate()
        self.process.join()


def _with_news(crew: list[_Worker]) -> list[tuple[_Worker, Task]]:
    """Workers through whose pipe something has come, of which their end is one thing, and their cells."""
    at_work = [(worker, worker.task) for worker in crew if worker.task is not None]
    ready = wait([worker.pipe for worker, _ in at_work])
    return [(worker, task) for worker, task in at_work if worker.pipe in ready]


def _work(pipe: Connection, compute: Compute) -> None:
    """What a process does until nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides, and ends it
    with suppress(EOFError, OSError, BrokenPipeError):
        while True:
            task = pipe.recv()
            pipe.send(("done", _tried(compute, task, lambda text: pipe.send(("says", text)))))


def _how_it_ended(code: int | None) -> str:
    """In words."""
    how = f"killed by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
    cure = "; perhaps memory ran out: fewer jobs need less" if code == -signal.SIGKILL else ""
    return f"expected the process of this cell to go on, got it {how}, {MOST_LOSSES} times{cure}"
