"""Fields of results that are figures: derived from models, they keep their default where a doubt is "invalid"."""

from dataclasses import fields
from typing import Any

FIGURE = {"is_figure": True}  # metadata of such a field


def figures_of(result: Any) -> tuple[str, ...]:
    """Names of the figures of a result, or of its class."""
    return tuple(one.name for one in fields(result) if "is_figure" in one.metadata)
