"""How plots look: told apart without colour, text in the page's own colour, SVG that stands inside a page."""

import io
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree import ElementTree

import matplotlib
from matplotlib.figure import Figure

from art_snn.typing import Array

INK = "#010203"  # stands for the colour of the page's text, whichever that is
WIDTH, HEIGHT = 4.1, 2.8  # inches: on a phone the text is still of a size to be read
MOST_LETTERS = 40
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_STYLE = {
    **dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor", "savefig.facecolor"), "none"),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 10,
    "font.size": 10,
    "grid.alpha": 0.25,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "art-snn",
    "text.parse_math": False,  # a name with dollars is a name
    "text.usetex": False,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
}


class Look(NamedTuple):
    """What tells one series from the others, each part by itself.

    Args:
        colour: One of Okabe and Ito's.
        marker: Shape of its points.
        dashes: Pattern of its line.
    """

    colour: str
    marker: str
    dashes: tuple[float, ...]


# Source: Okabe and Ito, Color universal design, 2008, https://jfly.uni-koeln.de/color/; those that are faint on white
# come last, and black and yellow, which one background or the other swallows, are left out.
LOOKS = (
    Look("#0072B2", "o", ()),
    Look("#D55E00", "s", (5, 2)),
    Look("#009E73", "^", (6, 1.5, 1.5, 1.5)),
    Look("#CC79A7", "D", (2.5, 1.5)),
    Look("#E69F00", "v", (8, 2)),
    Look("#56B4E9", "P", (3, 1, 1, 1, 1, 1)),
)


@contextmanager
def plot_style() -> Iterator[None]:
    """While the block runs, figures are made and drawn in this style, whatever the user's settings of matplotlib."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def one_line(text: object, most: int = MOST_LETTERS) -> str:
    """A text of which nothing but its letters remains: no control characters, one line, not too long.

    >>> one_line("a\\n\\x00 name", 5)
    'a na…'
    """
    letters = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in str(text))
    words = " ".join(letters.split())
    return words if len(words) <= most else words[: most - 1] + "…"


def page_svg(figure: Figure, name: str, alt: str) -> str:
    """A figure as an element of an HTML page: its text is text, in the colour of the page, and no name is used twice.

    Args:
        figure: A figure that was made in `plot_style`.
        name: Name of the picture on the page, with which all names inside begin.
        alt: What the picture shows, for who cannot see it.
    """
    file = io.StringIO()
    with plot_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the reader's fonts draw the letters
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None})
    root = ElementTree.fromstring(file.getvalue())  # noqa: S314  # what matplotlib has just written
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        element.attrib.update({key: _own(key, value, name) for key, value in element.attrib.items()})
    root.attrib.update({"class": "plot", "role": "img", "aria-label": one_line(alt, 1000)})
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return ElementTree.tostring(root, encoding="unicode")


def _own(key: str, value: str, name: str) -> str:
    """An attribute with names that are this picture's, and the page's ink."""
    if key == "id":
        return f"{name}-{value}"
    if key.endswith("href") and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    return value.replace("url(#", f"url(#{name}-").replace(INK, "currentColor")


def is_dark(colour: Array) -> bool:
    """Whether white letters are easier to read on a colour (R, G, B, …) than black ones."""
    parts = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour[:3]]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return bool(1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05)
