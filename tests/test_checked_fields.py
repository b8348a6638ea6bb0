"""The types of a dataclass' fields are checked whenever one is made, and so is every field of every trigger."""

import copy
import pickle
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Annotated, Any, Literal

import pytest

from art_snn._declared import CheckedFields, Count, Declared, declared_checks
from art_snn._validation import whole_numbers
from art_snn.catalogue import TRIGGERS


@dataclass(frozen=True)
class Pixels(CheckedFields):
    count: Count = 1
    place: Annotated[Any, Declared("a place", partial(whole_numbers, form="a place"))] = (0, 0)
    kind: Literal["dead", "hot"] | None = None
    note: str = ""


def test_a_wrong_value_is_refused_by_the_name_of_its_field() -> None:
    with pytest.raises(ValueError, match="expected count to be at least 1, got 0"):
        Pixels(0)
    with pytest.raises(TypeError, match="expected place to be a place in whole numbers"):
        replace(Pixels(2), place="a")
    with pytest.raises(ValueError, match="expected kind to be one of 'dead', 'hot', got 'cold'"):
        Pixels(kind="cold")  # type: ignore[arg-type]


def test_what_a_check_returns_is_kept_in_place_of_what_was_given() -> None:
    pixels = Pixels(3, [1, 2], "hot", "kept")
    assert (pixels.count, pixels.place, pixels.kind, pixels.note) == (3, (1, 2), "hot", "kept")
    assert pickle.loads(pickle.dumps(pixels)) == copy.deepcopy(pixels) == pixels  # noqa: S301 - our own


@dataclass(frozen=True)
class Named(Pixels):
    maker: "Unimported" = ""  # type: ignore[name-defined]  # noqa: F821 - as under `if TYPE_CHECKING`


def test_a_child_whose_types_cannot_be_read_keeps_the_checks_of_its_parent() -> None:
    assert Named(maker="any").maker == "any"
    with pytest.raises(ValueError, match="expected count to be at least 1, got 0"):
        Named(0)


@pytest.mark.parametrize(("name", "field"), [(name, one.name) for name in TRIGGERS for one in fields(TRIGGERS[name])])
def test_every_field_of_every_trigger_is_checked(name: str, field: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"expected {field} "):
        TRIGGERS[name](**{field: object()})


def test_a_type_declares_its_check_with_or_without_none() -> None:
    def take(a: Count | None, b: None | Count, c: Literal["x"] | int, d: "Count", e: list[Count]) -> None: ...  # noqa: RUF036

    checks = declared_checks(take)

    for name in ("a", "b", "d"):
        with pytest.raises(ValueError, match=f"expected {name} to be at least 1, got 0"):
            checks[name](name, 0)  # type: ignore[misc]
    assert [checks[name](name, None) for name in ("a", "b")] == [None, None]  # type: ignore[misc]
    assert (checks["c"], checks["e"], checks["return"]) == (None, None, None)
