"""Cells on the workers of a `dask.distributed` scheduler."""

import secrets
from collections.abc import Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from art_snn._workers.tasks import LOST, SECONDS, Compute, Failed, Outcome, Task, Tasks, Watch, tried

LEAST_AHEAD = 8  # cells handed out at least, so that a cluster that grows with its work begins to
AHEAD = 2  # cells handed out for each thread of the workers: the next one is there as soon as one is done


class _Word(NamedTuple):
    """What a worker says of a cell: that it begins, which is no text, or what is being done."""

    key: str
    text: str


def on_cluster(tasks: Tasks, compute: Compute, watch: Watch, client: Any) -> Iterator[tuple[Task, Outcome | Failed]]:
    """On the workers of a client, each cell as it is done; cells of a lost worker run again elsewhere.

    Raises:
        ConnectionError: If the scheduler is gone.
    """
    topic, news, source = f"art-snn-{secrets.token_hex(8)}", SimpleQueue[Any](), iter(tasks)
    at_work: dict[str, tuple[Task, Any]] = {}  # by key its task and its future
    client.subscribe_topic(topic, lambda event: news.put(_Word(*event[1])))
    try:
        while True:
            n_wanted = max(LEAST_AHEAD, AHEAD * sum(client.nthreads().values())) - len(at_work)
            got = list(_until_none(islice(source, max(0, n_wanted))))
            for task in filter(None, got):
                key = f"{topic}-{task.name}"
                future = client.submit(_on_worker, compute, task, topic, key, key=key, pure=False)
                at_work[key] = task, future
                future.add_done_callback(news.put)
            if not (at_work or got):
                return
            if (done := _next_done(news, at_work, watch)) is not None:
                yield at_work.pop(done.key)[0], _outcome(done)
    finally:
        client.cancel([future for _, future in at_work.values()])
        client.unsubscribe_topic(topic)


def _until_none(tasks: Iterator[Task | None]) -> Iterator[Task | None]:
    """Tasks as long as there are any right now."""
    for task in tasks:
        yield task
        if task is None:
            return


def _next_done(news: "SimpleQueue[Any]", at_work: dict[str, tuple[Task, Any]], watch: Watch) -> Any:
    """The future of the next cell that is done; None if none is for a while. Words on the way are passed on."""
    while True:
        try:
            item = news.get(timeout=SECONDS)
        except Empty:
            return None
        if not isinstance(item, _Word):
            return item
        if item.key in at_work:
            task, _ = at_work[item.key]
            watch.says(task, item.text) if item.text else watch.began(task)


def _outcome(done: Any) -> Outcome | Failed:
    if done.status == "error":  # the cluster's own: what a cell raises is an outcome
        return Failed(LOST, str(done.exception()))
    if done.status != "finished":
        raise ConnectionError(f"expected the cluster to be there until all is done, got a cell that is {done.status}")
    outcome: Outcome | Failed = done.result()
    return outcome


def _on_worker(compute: Compute, task: Task, topic: str, key: str) -> Outcome | Failed:
    """Compute a cell, and let the client hear of it."""
    from dask.distributed import get_worker

    worker = get_worker()
    worker.log_event(topic, (key, ""))
    return tried(compute, task, lambda text: worker.log_event(topic, (key, text)))
