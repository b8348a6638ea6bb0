"""AEDAT files of jAER, cAER and DV: the first line says which version follows."""

from collections.abc import Callable

from art_snn.data.formats.aedat2 import parse_aedat2
from art_snn.data.formats.aedat3 import parse_aedat3
from art_snn.data.formats.aedat4 import parse_aedat4
from art_snn.typing import Events

VERSIONS: dict[bytes, Callable[[bytes], Events]] = {
    b"#!AER-DAT2.0": parse_aedat2,
    b"#!AER-DAT3.1": parse_aedat3,
    b"#!AER-DAT4.0": parse_aedat4,
}


def parse_aedat(content: bytes) -> Events:
    """Read the events of an AEDAT file of a version in `VERSIONS`.

    Raises:
        ValueError: If the first line names none of them, or the bytes are damaged.
    """
    version = content[:12]
    if version not in VERSIONS:
        raise ValueError(f"expected a file that begins with one of {[*VERSIONS]}, got {version!r}")
    return VERSIONS[version](content)
