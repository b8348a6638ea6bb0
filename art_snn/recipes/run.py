"""Which recipe a folder of results is of: written beside the cells, so that a report knows."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import tomli_w

from art_snn._files import read_regular, write_whole
from art_snn.recipes.recipe import Recipe, recipe

FILE = "recipe.toml"
_MOST = 1 << 16  # bytes


@dataclass(frozen=True)
class RecipeRun:
    """A recipe at one scale and in one mode.

    Args:
        name: Name of the recipe.
        scale: "smoke", "small" or "full".
        mode: "paper" or "matched".

    Raises:
        ValueError: If there is no such recipe, scale or mode.

    >>> RecipeRun("framework-table9").command
    'art-snn run framework-table9 --scale small --mode matched'
    """

    name: str
    scale: str = "small"
    mode: str = "matched"

    def __post_init__(self) -> None:
        self.recipe.at_scale(self.scale)
        self.recipe.in_mode(self.mode)

    @property
    def recipe(self) -> Recipe:
        """The recipe itself."""
        return recipe(self.name)

    @property
    def command(self) -> str:
        """What measures it."""
        return f"art-snn run {self.name} --scale {self.scale} --mode {self.mode}"

    def check_fits(self, folder: Path) -> None:
        """Check that a folder holds no results of another recipe, scale or mode.

        Raises:
            ValueError: If it does.
        """
        there = recipe_run(folder)
        if there is not None and there != self:
            raise ValueError(
                f"expected {folder} to be free for {self.command!r}, got results of {there.command!r} there; name "
                "another folder with --out"
            )

    def write(self, folder: Path) -> Path:
        """Write it into a folder of results; returns the path."""
        return write_whole(folder / FILE, tomli_w.dumps(asdict(self)).encode())


def recipe_run(folder: str | Path) -> RecipeRun | None:
    """Which recipe the results in a folder are of; None if of none.

    Raises:
        ValueError: If the file that says so is damaged, or names a recipe that does not exist.
    """
    path = Path(folder) / FILE
    try:
        return RecipeRun(**tomllib.loads(read_regular(path, _MOST).decode()))
    except FileNotFoundError:
        return None
    except (TypeError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"expected {path} to hold name, scale and mode of a recipe, got: {error}") from error
