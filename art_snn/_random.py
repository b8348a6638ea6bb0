"""Randomness: seeds are stored, generators are passed, and nobody's global stream is moved."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

Rng = int | np.random.Generator


def draw_seed(rng: Rng) -> int:
    """A fresh seed below 2^32: the next draw of a generator, or the first of the stream that an integer names."""
    return int(np.random.default_rng(rng).integers(2**32))


def torch_generator(rng: Rng, device: str | torch.device = "cpu") -> torch.Generator:
    """A torch generator of its own stream, seeded from `rng`."""
    return torch.Generator(device=device).manual_seed(draw_seed(rng))


_streams = threading.RLock()


def _renew() -> None:
    global _streams
    _streams = threading.RLock()


if hasattr(os, "register_at_fork"):  # in a forked process there is no thread that would ever give it back
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def streams_alone() -> Iterator[None]:
    """Keep the global streams to this thread while the block runs: others wait at `host_seed` until it has ended."""
    with _streams:
        yield


@contextmanager
def host_seed(rng: Rng) -> Iterator[None]:
    """Run host code that draws from the global streams: they are saved, seeded from `rng` and put back.

    Covers python's `random`, numpy's and torch's global streams (torch's on every device that is in use). One thread
    of the process at a time: two would put back what the other one had seeded.

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
