"""How many threads compute a cell, which decides the last digits of its numbers."""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch

from art_snn.experiment.spec import Experiment

_Compute = TypeVar("_Compute", bound=Callable[..., Any])
_one_at_a_time = threading.RLock()  # of a process there is one number: cells on other threads of it wait


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Compute in so many threads while the block runs."""
    with _one_at_a_time:
        before = torch.get_num_threads()
        torch.set_num_threads(n)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def in_its_threads(compute: _Compute) -> _Compute:
    """A function of a spec, computed in as many threads as the spec says."""

    @functools.wraps(compute)
    def computed(spec: Experiment, **settings: Any) -> Any:
        with threads(spec.run.threads):
            return compute(spec, **settings)

    return cast("_Compute", computed)
