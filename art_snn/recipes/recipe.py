"""`Recipe`: one experiment of a publication, at three scales and in two modes, read from a file of this package."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from art_snn._validation import check_choice
from art_snn.experiment import with_values
from art_snn.experiment.grid import points
from art_snn.recipes.tables import TableLayout

SCALES = ("smoke", "small", "full")
MODES = ("paper", "matched")
_HERE = files("art_snn.recipes")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scale(_Table):
    """One scale of a recipe.

    Args:
        about: Rows, networks, epochs and time steps, in words.
        spec: What differs from the recipe's own spec.
        paper: What differs further in the mode "paper".
        matched: What differs further in the mode "matched".
    """

    about: str
    spec: dict[str, Any] = {}
    paper: dict[str, Any] = {}
    matched: dict[str, Any] = {}


class Mode(_Table):
    """One mode of a recipe.

    Args:
        about: What is alike and what is not, in words.
        spec: What differs from the recipe's own spec.
        confounds: What the publication or its code treats differently where it compares, a sentence each.
        left_out: What the publication did and this does not, a sentence each.
    """

    about: str
    spec: dict[str, Any] = {}
    confounds: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Recipe(_Table):
    """One experiment of a publication.

    Args:
        name: Name of the file, such as "framework-table9".
        title: What it measures.
        source: The publication, with the table, figure or section.
        claim: What the publication says came out, in plain words.
        published: Name of the file of published numbers.
        spec: Tables of an experiment, as published.
        mode: By name, what the modes change in it.
        scale: By name, what the scales change in it.
        tables: Layouts of the publication's tables.
    """

    name: str
    title: str
    source: str
    claim: str
    published: str
    spec: dict[str, Any]
    mode: dict[str, Mode]
    scale: dict[str, Scale]
    tables: tuple[TableLayout, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> "Recipe":
        for name, wanted in (("mode", MODES), ("scale", SCALES)):
            if set(found := getattr(self, name)) != set(wanted):
                raise ValueError(f"expected {name} to be of {', '.join(wanted)}, got {', '.join(found)}")
        return self

    def given(self, scale: str = "small", mode: str = "matched") -> dict[str, Any]:
        """The tables of its experiment, for `Experiment` or `Sweep`.

        What differs is laid over the recipe's own spec in this order, the last one wins: the mode's, the scale's, and
        what the scale says of this mode.

        Args:
            scale: "smoke", "small" or "full".
            mode: "paper" or "matched".

        Raises:
            ValueError: If there is no such scale or mode.
        """
        at, like = self.at_scale(scale), self.in_mode(mode)
        given: dict[str, Any] = {}
        for layer in (self.spec, like.spec, at.spec, at.paper if mode == "paper" else at.matched):
            (changes,) = points({}, [layer])
            given = with_values(given, changes)
        return given

    def confounds(self, mode: str) -> tuple[str, ...]:
        """What a mode treats differently where it compares, a sentence each."""
        return self.in_mode(mode).confounds

    def at_scale(self, scale: str) -> Scale:
        """What a scale says.

        Raises:
            ValueError: If there is no such scale.
        """
        check_choice("scale", scale, SCALES)
        return self.scale[scale]

    def in_mode(self, mode: str) -> Mode:
        """What a mode says.

        Raises:
            ValueError: If there is no such mode.
        """
        check_choice("mode", mode, MODES)
        return self.mode[mode]


def recipe_names() -> tuple[str, ...]:
    """Names of all recipes: the tables of a publication before its figures, by number.

    >>> "framework-table9" in recipe_names()
    True
    """
    names = [one.name.removesuffix(".toml") for one in _HERE.iterdir() if one.name.endswith(".toml")]
    return tuple(sorted(names, key=_order))


def _order(name: str) -> tuple[str, str, int]:
    publication, _, item = name.partition("-")
    word = item.rstrip("0123456789")
    return publication, {"table": "0", "figure": "1"}.get(word, word), int(item.removeprefix(word) or 0)


@cache
def recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        ValueError: If there is none.

    >>> recipe("framework-table9").title
    'Migration of a backdoor from an ANN into the SNN that is made of it, clean data in the last step'
    """
    check_choice("recipe", name, recipe_names())
    return Recipe(name=name, **_tables(name))


def _tables(name: str) -> dict[str, Any]:
    """What the file of a recipe says, laid over what the recipe says that it is `like`."""
    own = tomllib.loads((_HERE / f"{name}.toml").read_text("utf-8"))
    return _laid_over(_tables(own.pop("like")), own) if "like" in own else own


def _laid_over(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Tables into tables; all else, lists too, in place of what was there."""
    both = {
        name: _laid_over(base[name], value) if isinstance(value, dict) and isinstance(base.get(name), dict) else value
        for name, value in own.items()
    }
    return base | both
