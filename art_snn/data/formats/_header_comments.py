"""Comments of AEDAT 2 and 3: lines of text with a `#` before each, and then events."""

from collections.abc import Iterator


def comment_lines(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each comment begins, and the byte after its end, up to the first line that is not printable text.

    The first event, too, may begin with the byte of `#`.
    """
    start = 0
    while content.startswith(b"#", start):
        end = content.find(b"\n", start) + 1
        if end == 0 or not _is_text(content[start:end]):
            return
        yield start, end
        start = end


def _is_text(line: bytes) -> bool:
    """Whether a line holds printable characters only."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return text.rstrip("\r\n").replace("\t", " ").isprintable()
