"""Titles that are not cut off."""

import textwrap

from matplotlib.figure import Figure

LETTERS = 13  # of a title in an inch


def wrapped(text: str, figure: Figure) -> list[str]:
    """Lines as wide as the figure; none of an empty text."""
    return textwrap.wrap(text, int(LETTERS * figure.get_figwidth()))
