"""Check that data fit into memory or onto a disk before any is allocated."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SMALL = 1 << 26  # bytes below which nothing is checked, to save time
_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def available_memory() -> int | None:
    """Bytes that this process can still allocate, as the system and its container say; None if they do not."""
    return min(_reported_free(), default=None)


def check_memory(what: str, n_bytes: int, cure: str) -> None:
    """Check that there is memory for what is to be allocated.

    Args:
        what: Name of what takes the memory, for people.
        n_bytes: Number of bytes.
        cure: Advice on how to need less.

    Raises:
        MemoryError: If there is less memory.

    >>> check_memory("a list", 10**30, "make it shorter")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    MemoryError: expected a list to fit into the ... of memory that are free, got more than 1000 EB; make it shorter
    """
    free = None if n_bytes < _SMALL else available_memory()
    if free is not None and n_bytes > free:
        has, needs = readable_size(free), readable_size(n_bytes)
        raise MemoryError(f"expected {what} to fit into the {has} of memory that are free, got {needs}; {cure}")


def check_disk(what: str, n_bytes: int, folder: Path, cure: str) -> None:
    """Check that there is disk space in a folder for what is to be written, as `check_memory` does.

    Raises:
        OSError: If the disk has less space.
    """
    if n_bytes >= _SMALL and n_bytes > (free := shutil.disk_usage(folder).free):
        has, needs = readable_size(free), readable_size(n_bytes)
        raise OSError(f"expected {what} to fit into the {has} that are free in {folder}, got {needs}; {cure}")


def readable_size(n_bytes: int) -> str:
    """Write a number of bytes for people, in three digits.

    >>> [readable_size(n) for n in (512, 1_234_567, 123_456_789, 10**30)]
    ['512 B', '1.23 MB', '123 MB', 'more than 1000 EB']
    """
    if n_bytes >= 10**21:
        return "more than 1000 EB"
    power = min((len(str(int(n_bytes))) - 1) // 3, len(_UNITS) - 1)
    whole, rest = divmod(int(n_bytes), 1000**power)
    return f"{whole if whole >= 100 else f'{whole + rest / 1000**power:.3g}'} {_UNITS[power]}"


def _reported_free() -> Iterator[int]:
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        yield 1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
        for limit, used in _LIMITS:
            with suppress(OSError, ValueError):  # "max" is no limit
                yield int((_CGROUP / limit).read_text()) - _used_without_file_copies(_CGROUP / used)
        return
    with suppress(OSError, ValueError, AttributeError):
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _used_without_file_copies(used: Path) -> int:
    """Bytes in use, without cached files, which the system drops when memory is needed."""
    lines = (used.parent / "memory.stat").read_text().splitlines()
    files = sum(int(line.split()[1]) for line in lines if line.split()[0] in ("inactive_file", "active_file"))
    return int(used.read_text()) - files
