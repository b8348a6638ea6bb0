"""How many threads compute a cell, which decides the last digits of its numbers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

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
