"""A law of results: each says whether its figures mean anything."""

import math
from dataclasses import is_dataclass
from typing import Any, get_args

import numpy as np

from art_snn.evaluations.doubts import Code, Doubt, Grade, is_invalid
from art_snn.evaluations.figures import figures_of


def check_result_owns_its_doubts(result: Any) -> None:
    """It has doubts, each with a known code, a grade and a reason; if one is "invalid", it gives no figures.

    Figures are the fields that its class declares as such: then numbers are NaN and verdicts None. A result of
    arrays, some rows of which may be sound, has some NaN.
    """
    assert isinstance(result.doubts, tuple), f"doubts of type {type(result.doubts).__name__}"
    for doubt in result.doubts:
        assert isinstance(doubt, Doubt), f"expected a Doubt, got {doubt!r}"
        assert doubt.code in get_args(Code), f"an unknown code: {doubt.code}"
        assert doubt.grade in get_args(Grade), f"an unknown grade: {doubt.grade}"
        assert doubt.text, f"no reason is given for {doubt.code}"
    if is_invalid(result.doubts):
        figures = {name: list(_leaves(getattr(result, name))) for name in figures_of(result)}
        given = [name for name, leaves in figures.items() if not all(map(_is_nothing, leaves))]
        is_table = any(isinstance(leaf, np.ndarray) for leaves in figures.values() for leaf in leaves)
        is_empty = (
            any(np.isnan(leaf).any() for leaves in figures.values() for leaf in leaves) if is_table else not given
        )
        assert is_empty, f"figures of a model that means nothing: {given}"


def _leaves(value: Any) -> list[Any]:
    """The numbers, verdicts or arrays that a figure consists of."""
    if is_dataclass(value):
        return [leaf for name in figures_of(value) for leaf in _leaves(getattr(value, name))]
    return list(value.values()) if isinstance(value, dict) else [value]


def _is_nothing(leaf: Any) -> bool:
    return leaf is None or (isinstance(leaf, float) and math.isnan(leaf))
