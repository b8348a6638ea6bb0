"""Compressions of AEDAT 4: unpack the first bytes, or all of them up to a limit."""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

Packed = bytes | memoryview
MOST_PACKED = 64  # largest ratio of unpacked to packed bytes


class Compression(NamedTuple):
    """Two functions that unpack."""

    head: Callable[[Packed, int], bytes]  # at most so many of the first bytes
    whole: Callable[[Packed, int], bytes]  # all bytes; of more than so many it raises an error, or returns one too many


def _copy_head(packed: Packed, most: int) -> bytes:
    return bytes(packed[:most])


def _copy(packed: Packed, most: int) -> bytes:
    return bytes(packed[: most + 1])


def _lz4_head(packed: Packed, most: int) -> bytes:
    return _lz4(packed, most)[0]


def _lz4_whole(packed: Packed, most: int) -> bytes:
    content, decompressor = _lz4(packed, most + 1)
    if len(content) <= most and (decompressor.unused_data or not decompressor.eof):
        raise ValueError("expected an LZ4 frame and nothing else, got one that is cut, or more")
    return content


def _lz4(packed: Packed, most: int) -> tuple[bytes, Any]:
    decompressor = _extra("lz4.frame").LZ4FrameDecompressor()
    try:
        return bytes(decompressor.decompress(packed, max_length=most)), decompressor
    except RuntimeError as error:
        raise ValueError(f"expected an LZ4 frame, got: {error}") from error


def _zstd_head(packed: Packed, most: int) -> bytes:
    zstandard = _extra("zstandard")
    try:
        return bytes(zstandard.ZstdDecompressor().stream_reader(packed).read(most))
    except zstandard.ZstdError as error:
        raise ValueError(f"expected a Zstandard frame, got: {error}") from error


def _zstd_whole(packed: Packed, most: int) -> bytes:
    zstandard = _extra("zstandard")
    try:
        if (size := zstandard.frame_content_size(packed)) > most:  # it would be allocated
            raise ValueError(f"expected at most {most} bytes, got a Zstandard frame that says {size}")
        decompressor = zstandard.ZstdDecompressor()
        return bytes(decompressor.decompress(packed, max_output_size=most + 1, allow_extra_data=False))
    except zstandard.ZstdError as error:
        raise ValueError(f"expected a Zstandard frame and nothing else, got: {error}") from error


def _extra(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"AEDAT 4 needs {module}: pip install 'art-snn[aedat]'") from error


LZ4, ZSTANDARD = Compression(_lz4_head, _lz4_whole), Compression(_zstd_head, _zstd_whole)
COMPRESSIONS = {0: Compression(_copy_head, _copy), 1: LZ4, 2: LZ4, 3: ZSTANDARD, 4: ZSTANDARD}
