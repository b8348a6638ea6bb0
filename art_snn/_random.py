"""Random numbers: seeds are stored, generators are passed, and no global stream is moved."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

Rng = int | np.random.Generator


def draw_seed(rng: Rng) -> int:
    """Draw a seed below 2^32: the next number of a generator, or the first of the stream of an integer seed."""
    return int(np.random.default_rng(rng).integers(2**32))


def torch_generator(rng: Rng, device: str | torch.device = "cpu") -> torch.Generator:
    """Make a torch generator, seeded from `rng`."""
    return torch.Generator(device=device).manual_seed(draw_seed(rng))


_streams = threading.RLock()


def _renew() -> None:
    global _streams
    _streams = threading.RLock()


if hasattr(os, "register_at_fork"):  # in a forked process no thread would ever release it
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def streams_alone() -> Iterator[None]:
    """Reserve the global streams for this thread while the block runs; other threads wait at `host_seed`."""
    with _streams:
        yield


@contextmanager
def host_seed(rng: Rng) -> Iterator[None]:
    """Run host code that draws from the global streams, which are saved, seeded from `rng` and restored.

    Covers python's `random`, numpy's and torch's global streams (torch's on every device in use). One thread at a time:
    two would restore each other's seeds.

    >>> with host_seed(0):
    ...     first = np.random.rand()
    >>> with host_seed(0):
    ...     first == np.random.rand()
    True
    """
    seed = draw_seed(rng)
    with streams_alone(), torch.random.fork_rng():
        python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the stream that the host draws from
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
