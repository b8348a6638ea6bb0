"""What a computation costs: seconds, and memory beyond what was in use before."""

import ctypes
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

_PROCESS = Path("/proc/self")  # Linux's
_RESET_THE_PEAK = "5"
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if _PROCESS.exists() else None  # glibc's


@dataclass
class Cost:
    """Filled in when the block of `measured_cost` ends.

    Args:
        seconds: Wall-clock time.
        peak_memory: Bytes by which memory grew at most: that allocated on a GPU where one is in use, else the process's
            resident memory; NaN where the system does not tell.
    """

    seconds: float = math.nan
    peak_memory: float = math.nan


@contextmanager
def measured_cost() -> Iterator[Cost]:
    """Measure what the block costs; blocks within blocks make the outer one's peak that of its rest.

    Pages that were freed but are still held by C's allocator are given back first: used again they would cost nothing,
    and the cost of a block would depend on what ran before it. The peak of the whole process's memory starts afresh,
    too, for everybody who reads it.

    >>> with measured_cost() as cost:
    ...     _ = [0] * 10**6
    >>> cost.seconds > 0
    True
    """
    cost, on_gpu = Cost(), torch.cuda.is_available() and torch.cuda.memory_allocated() > 0
    if not on_gpu and _trim is not None:
        _trim(0)
    before = torch.cuda.memory_allocated() if on_gpu else _resident("VmRSS")
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    elif not math.isnan(before):
        (_PROCESS / "clear_refs").write_text(_RESET_THE_PEAK)
    started = time.perf_counter()
    yield cost
    cost.seconds = time.perf_counter() - started
    cost.peak_memory = (torch.cuda.max_memory_allocated() if on_gpu else _resident("VmHWM")) - before


def _resident(field: str) -> float:
    """A field of the process's status, in bytes; NaN where there is none or its peak cannot be reset."""
    try:
        (_PROCESS / "clear_refs").open("w").close()
        lines = (_PROCESS / "status").read_text().splitlines()
    except OSError:
        return math.nan
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return 1024.0 * int(kilobytes)
