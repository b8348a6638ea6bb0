"""Flat buffers, in which AEDAT 4 keeps everything: tables whose fields may be left out, and vectors behind them.

Whoever writes one begins at its end, so a table's only vector ends with the buffer, and begins right after the table.
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
        """Where a field lies, or None where it is left out."""
        layout, size = self._layout()
        if 4 + 2 * number >= size:
            return None
        offset = read_number(self.buffer, layout + 4 + 2 * number, "<H")
        return self.place + offset if offset else None

    def number(self, field: int, form: str, default: int) -> int:
        """A field that is a number of this form, as `struct` has it."""
        place = self.field(field)
        return default if place is None else read_number(self.buffer, place, form)

    def vector(self, field: int) -> tuple[int, int]:
        """Where the first item of a vector lies, and their number."""
        place = self.field(field)
        if place is None:
            return len(self.buffer), 0
        place += read_number(self.buffer, place, "<I")
        return place + 4, read_number(self.buffer, place, "<I")

    def only_vector(self, field: int, item_size: int, end: int = 0) -> tuple[int, int]:
        """The same, of a vector beside which the buffer has none.

        Args:
            field: Number of the field.
            item_size: Bytes of one item.
            end: Most bytes after the last one, all of them zero.

        Raises:
            ValueError: If any bytes are used neither by the table nor by the vector.
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
        """Where the table says which fields it has, and the size of that."""
        layout = self.place - read_number(self.buffer, self.place, "<i")
        return layout, read_number(self.buffer, layout, "<H")

    def _end(self) -> int:
        """The byte after the table and its layout."""
        layout, size = self._layout()
        return max(layout + size, self.place + read_number(self.buffer, layout + 2, "<H"))


def root_table(buffer: bytes, identifier: bytes) -> Table:
    """The table in which everything in a buffer begins, that has its size before it.

    Raises:
        ValueError: If the size is another, or the buffer of another kind.
    """
    if (size := 4 + read_number(buffer, 0, "<I")) != len(buffer):
        raise ValueError(f"expected {size} bytes, as the buffer says itself, got {len(buffer)}")
    if (found := buffer[8:IDENTIFIER_END]) != identifier:
        raise ValueError(f"expected a buffer of {identifier!r}, got {found!r}")
    return Table(buffer, 4 + read_number(buffer, 4, "<I"))


def read_number(buffer: bytes | memoryview, place: int, form: str) -> int:
    """One number, if it lies within the buffer."""
    if not 0 <= place <= len(buffer) - struct.calcsize(form):
        raise ValueError(f"expected a number at byte {place}, got {len(buffer)} bytes in all")
    number: int = struct.unpack_from(form, buffer, place)[0]
    return number
