"""Text that fits: measured, and broken into lines."""

from functools import cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

DPI = 110  # pixels an inch of all pictures


def text_size(text: str, size: float) -> tuple[float, float]:
    """Width and height in pixels of text, its line breaks kept, at a font size in points."""
    lines = text.split("\n")
    sizes = [_renderer().get_text_width_height_descent(line or " ", FontProperties(size=size), False) for line in lines]
    return max(width for width, *_ in sizes), 1.2 * size / 72 * DPI * len(lines)


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, DPI)


def lines_within(text: str, width: float, size: float) -> list[str]:
    """Break text into lines of at most `width` pixels at a font size in points; longer words are cut in two."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if text_size(longer, size)[0] <= width:
            lines[-1] = longer
            continue
        lines.append(word)
        while text_size(lines[-1], size)[0] > width and len(lines[-1]) > 1:
            end = next(
                n for n in range(len(lines[-1]) - 1, 0, -1) if n == 1 or text_size(lines[-1][:n], size)[0] <= width
            )
            lines[-1:] = [lines[-1][:end], lines[-1][end:]]
    return [line for line in lines if line]


def even_lines_within(text: str, width: float, size: float) -> list[str]:
    """The same number of lines, of lengths as even as a fifth of the width allows: no last line of a single word."""
    lines = lines_within(text, width, size)
    narrower = (lines_within(text, share * width, size) for share in (0.4, 0.6, 0.8))
    return next((found for found in narrower if len(found) == len(lines)), lines)


def put_title(figure: Figure, text: str, size: float = 11) -> None:
    """Give a figure a title whose lines are broken where they would be cut off, in a font size in points."""
    width = 0.96 * figure.get_figwidth() * DPI
    lines = [part for line in text.split("\n") for part in even_lines_within(line, width, size)]
    figure.suptitle("\n".join(lines), fontsize=size)
