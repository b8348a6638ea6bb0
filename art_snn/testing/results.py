"""A law of results: whatever is measured says whether it means anything."""

import math
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import numpy as np

from art_snn.evaluations.doubts import Code, Doubt, Grade, is_invalid


def check_result_owns_its_doubts(result: Any) -> None:
    """It carries doubts, each with a known code and grade and its reason; if one is "invalid", no figure is given.

    Figures are what its class names in `DERIVED`: numbers that are NaN then, verdicts that are None, and of arrays the
    rows concerned.
    """
    assert isinstance(result.doubts, tuple), f"doubts of type {type(result.doubts).__name__}"
    for doubt in result.doubts:
        assert isinstance(doubt, Doubt), f"expected a Doubt, got {doubt!r}"
        assert doubt.code in get_args(Code), f"an unknown code: {doubt.code}"
        assert doubt.grade in get_args(Grade), f"an unknown grade: {doubt.grade}"
        assert doubt.text, f"no reason is given for {doubt.code}"
    unknown = set(type(result).DERIVED) - {field.name for field in fields(result)}
    assert not unknown, f"no fields: {unknown}"
    given = [name for name in type(result).DERIVED if not _is_nothing(getattr(result, name))]
    assert not (given and is_invalid(result.doubts)), f"figures of a model that means nothing: {given}"


def _is_nothing(value: Any) -> bool:
    if is_dataclass(value):
        return all(_is_nothing(getattr(value, name)) for name in value.DERIVED)  # type: ignore[union-attr]
    if isinstance(value, dict):
        return all(map(_is_nothing, value.values()))
    if isinstance(value, np.ndarray):
        return bool(np.isnan(value).any())
    return value is None or (isinstance(value, float) and math.isnan(value))
