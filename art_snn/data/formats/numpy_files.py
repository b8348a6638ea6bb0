"""Read streams from numpy's own files, without unpickling anything.

numpy trusts the sizes that a file states and allocates them; here they must fit the bytes.
"""

import math
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np

from art_snn.events import EVENT_DTYPE, FIELDS, is_stream, make_events
from art_snn.typing import Array, Events

MOST_MEMORY = (10, 1 << 26)  # most bytes to unpack an archive: times the file, plus bytes
MS = 1000  # µs
ROUNDING = 1e-3  # error that counts as rounding of a whole number
READ_HEADER: dict[tuple[int, int], Callable[[BytesIO], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def parse_npy(content: bytes) -> Events:
    """Read one array: structured with the fields x, y, t, p in any order, or (E, 4) with x, y, p and ms, the form of
    DVS128 Gesture in tonic.

    Raises:
        ValueError: If the bytes are not such an array, or not as many as it states.
    """
    array = _parse_array(content)
    if is_stream(array):
        return make_events(*(array[field] for field in FIELDS))
    if array.ndim != 2 or array.shape[1] != 4 or array.dtype.kind not in "iuf":
        raise ValueError(f"expected fields x, y, t, p or columns x, y, p, t, got {array.dtype} of shape {array.shape}")
    x, y, p = (_whole(name, column) for name, column in zip("xyp", array.T, strict=False))
    return make_events(x, y, _microseconds(array[:, 3]), p)


def parse_npz(content: bytes) -> Events:
    """Read one array each for x, y, t and p, by name.

    Raises:
        ValueError: If the bytes are not such an archive, or an array has not as many as it states.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return make_events(**_columns(archive, MOST_MEMORY[0] * len(content) + MOST_MEMORY[1]))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"expected a zip archive of arrays, got: {error}") from error


def _columns(archive: zipfile.ZipFile, most: int) -> dict[str, Array]:
    """Read the array of each field within `most` bytes of memory."""
    names = archive.namelist()
    if wrong := [field for field in FIELDS if names.count(f"{field}.npy") != 1]:
        raise ValueError(f"expected one array each for x, y, t and p, got none or several for {', '.join(wrong)}")
    columns, n = {}, 0
    for field in FIELDS:
        member = archive.getinfo(f"{field}.npy")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("expected arrays as numpy packs them, got another compression")
        if (needed := 2 * member.file_size + n * (EVENT_DTYPE.itemsize + 1)) > most:
            raise ValueError(f"expected to unpack it within {most} bytes of memory, got {needed} for {field} alone")
        columns[field] = _compact(_parse_array(archive.read(member)))
        n = columns[field].size
    return columns


def _compact(column: Array) -> Array:
    """Store whole numbers in the smallest dtype that holds them."""
    if column.dtype.kind not in "iu" or column.size == 0:
        return column
    smallest = np.promote_types(np.min_scalar_type(column.min()), np.min_scalar_type(column.max()))
    return column.astype(smallest, copy=False) if smallest.kind in "iu" else column


def _parse_array(content: bytes) -> Array:
    """Read the array of a `.npy` file, exactly as large as its header says."""
    file = BytesIO(content)
    shape, is_fortran, dtype = _parse_header(file)
    start = file.tell()
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError(f"expected an array of numbers, got {dtype} of shape {shape}")
    if len(content) - start != (size := math.prod(shape) * dtype.itemsize):
        raise ValueError(f"expected {size} bytes after the header, got {len(content) - start}")
    if size == 0:
        return np.empty(shape, dtype)
    return np.frombuffer(content, dtype, offset=start).reshape(shape, order="F" if is_fortran else "C")


def _parse_header(file: BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in READ_HEADER:
        raise ValueError(f"expected version 1.0 or 2.0 of the .npy format, got {version}")
    try:
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = READ_HEADER[version](file)
    except Exception as error:  # numpy passes on any error of Python's own parser
        raise ValueError(f"expected a header of the .npy format, got: {error}") from error
    return header


def _whole(name: str, column: Array) -> Array:
    """Turn a column into whole numbers, if it differs from them by rounding only."""
    if column.dtype.kind != "f":
        return column
    with np.errstate(all="ignore"):
        numbers = np.rint(column).astype(np.int64)
        if not (np.abs(numbers - column) <= ROUNDING).all():
            raise ValueError(f"expected {name} to hold whole numbers, got others")
    return numbers


def _microseconds(column: Array) -> Array:
    """Convert times from ms to whole µs."""
    if column.dtype.kind == "f":
        with np.errstate(all="ignore"):
            return _whole("t", column.astype(np.float64) * MS)
    limit = np.iinfo(np.int64).max // MS
    if column.size and not -limit <= int(column.min()) <= int(column.max()) <= limit:
        raise ValueError(f"expected times of at most {limit} ms, got {column.min()} to {column.max()}")
    return column.astype(np.int64) * MS
