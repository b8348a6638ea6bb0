"""Streams in numpy's own files, read without unpickling anything.

numpy itself takes the sizes that a file states for granted, and allocates them; here they must fit the bytes.
"""

import math
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from art_snn.events import FIELDS, is_stream, make_events
from art_snn.typing import Array, Events

MOST_PACKED = 100  # a column of equal numbers shrinks without end, but times do not
MS = 1000  # µs
READ_HEADER: dict[tuple[int, int], Callable[[BytesIO], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def parse_npy(content: bytes) -> Events:
    """One array: structured with the fields x, y, t, p in any order; or (E, 4) with x, y, p and ms, as tonic keeps
    DVS128 Gesture.

    Raises:
        ValueError: If the bytes are no such array, or fewer or more than it states.
    """
    array = _parse_array(content)
    if is_stream(array):
        return make_events(*(array[field] for field in FIELDS))
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "iuf":
        raise ValueError(f"expected fields x, y, t, p or columns x, y, p, t, got {array.dtype} of shape {array.shape}")
    columns = array.T * np.array([[1], [1], [1], [MS]], np.float64)
    x, y, p, t = (_whole(name, column) for name, column in zip("xypt", columns, strict=True))
    return make_events(x, y, t, p)


def parse_npz(content: bytes) -> Events:
    """One array each for x, y, t and p, by name.

    Raises:
        ValueError: If the bytes are no such archive, or one array's are fewer or more than it states.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = [f"{field}.npy" for field in FIELDS]
            if missing := set(names) - set(archive.namelist()):
                raise ValueError(f"expected the arrays x, y, t and p, got no {', '.join(sorted(missing))}")
            members = [archive.getinfo(name) for name in names]
            if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
                raise ValueError("expected arrays as numpy packs them, got another compression")
            if (size := sum(member.file_size for member in members)) > MOST_PACKED * len(content):
                raise ValueError(f"expected to unpack at most {MOST_PACKED} times the file, got {size} bytes")
            return make_events(*(_parse_array(archive.read(name)) for name in names))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"expected a zip archive of arrays, got: {error}") from error


def _parse_array(content: bytes) -> Array:
    """What follows the header of a `.npy` file, exactly as large as the header says."""
    file = BytesIO(content)
    shape, is_fortran, dtype = _parse_header(file)
    body = content[file.tell() :]
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError(f"expected an array of numbers, got {dtype} of shape {shape}")
    if len(body) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"expected {math.prod(shape) * dtype.itemsize} bytes after the header, got {len(body)}")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if is_fortran else "C")


def _parse_header(file: BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in READ_HEADER:
        raise ValueError(f"expected version 1.0 or 2.0 of the .npy format, got {version}")
    try:
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = READ_HEADER[version](file)
    except Exception as error:  # numpy lets through whatever Python's own parser makes of the bytes
        raise ValueError(f"expected a header of the .npy format, got: {error}") from error
    return header


def _whole(name: str, column: Array) -> Array:
    """A column of numbers as int64, if they are whole but for rounding."""
    with np.errstate(invalid="ignore"):
        numbers = np.rint(column).astype(np.int64)
    if not np.allclose(numbers, column, rtol=0, atol=1e-3):
        raise ValueError(f"expected {name} to hold whole numbers, got others")
    return numbers
