"""Flat buffers, which hold all content of AEDAT 4: tables with optional fields, and vectors behind them.

They are written from the end, so a table's only vector begins right after the table and ends with the buffer.
"""

import struct
from dataclasses import dataclass

IDENTIFIER_END = 12  # after the buffer's size, the root's place and the identifier
MOST_PADDING = 16  # bytes; less than this lies between two parts


@dataclass(frozen=True)
class Table:
    """A table somewhere in a buffer."""

    buffer: bytes
    place: int

    def field(self, number: int) -> int | None:
        """The byte of a field, or None if it is left out."""
        layout, size = self._layout()
        if 4 + 2 * number >= size:
            return None
        offset = read_number(self.buffer, layout + 4 + 2 * number, "<H")
        return self.place + offset if offset else None

    def number(self, field: int, form: str, default: int) -> int:
        """Read a number field of this `struct` format."""
        place = self.field(field)
        return default if place is None else read_number(self.buffer, place, form)

    def vector(self, field: int) -> tuple[int, int]:
        """The byte of a vector's first item, and the number of items."""
        place = self.field(field)
        if place is None:
            return len(self.buffer), 0
        place += read_number(self.buffer, place, "<I")
        return place + 4, read_number(self.buffer, place, "<I")

    def only_vector(self, field: int, item_size: int, end: int = 0) -> tuple[int, int]:
        """The same for a vector that is the buffer's only one.

        Args:
            field: Number of the field.
            item_size: Size of one item in bytes.
            end: Most bytes after the last item, all of them zero.

        Raises:
            ValueError: If any bytes belong neither to the table nor to the vector.
        """
        first, n = self.vector(field)
        length_bytes = 0 if self.field(field) is None else 4
        gap = first - length_bytes - self._end()
        rest = self.buffer[first + n * item_size :]
        if not 0 <= gap < MOST_PADDING or first + n * item_size > len(self.buffer) or len(rest) > end or any(rest):
            got = f"{n} that begin at byte {first}"
            raise ValueError(f"expected items of {item_size} bytes that fill the {len(self.buffer)} bytes, got {got}")
        return first, n

    def _layout(self) -> tuple[int, int]:
        """The byte of the table's layout, which says what fields it has, and the layout's size."""
        layout = self.place - read_number(self.buffer, self.place, "<i")
        return layout, read_number(self.buffer, layout, "<H")

    def _end(self) -> int:
        """The byte after the table and its layout."""
        layout, size = self._layout()
        return max(layout + size, self.place + read_number(self.buffer, layout + 2, "<H"))


def root_table(buffer: bytes, identifier: bytes) -> Table:
    """The first table of a buffer that begins with its size.

    Raises:
        ValueError: If the size or the identifier is wrong.
    """
    if (size := 4 + read_number(buffer, 0, "<I")) != len(buffer):
        raise ValueError(f"expected {size} bytes, as the buffer says itself, got {len(buffer)}")
    if (found := buffer[8:IDENTIFIER_END]) != identifier:
        raise ValueError(f"expected a buffer of {identifier!r}, got {found!r}")
    return Table(buffer, 4 + read_number(buffer, 4, "<I"))


def read_number(buffer: bytes | memoryview, place: int, form: str) -> int:
    """Read one number, if it lies within the buffer."""
    if not 0 <= place <= len(buffer) - struct.calcsize(form):
        raise ValueError(f"expected a number at byte {place}, got {len(buffer)} bytes in all")
    number: int = struct.unpack_from(form, buffer, place)[0]
    return number
