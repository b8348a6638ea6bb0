"""What `run` is given: the file of an experiment, or the name of a recipe."""

from pathlib import Path
from typing import Any, NamedTuple

from art_snn.recipes import MODES, SCALES, RecipeRun, recipe_names


class Choice(NamedTuple):
    """What is to be measured.

    Args:
        spec: Path of a file, or the tables of a recipe's experiment.
        folder: Folder for the results, by default.
        run: The recipe with scale and mode; None for a file.
    """

    spec: Path | dict[str, Any]
    folder: Path
    run: RecipeRun | None


def choice_of(what: str, scale: str | None, mode: str | None) -> Choice:
    """The experiment that a word names: a file if it exists or ends in .toml, else a recipe.

    Raises:
        ValueError: If it is neither, there is no such scale or mode, or one is given for a file.
    """
    path = Path(what)
    if path.suffix == ".toml" or (path.exists() and not path.is_dir()):
        for option, value, choices in (("--scale", scale, SCALES), ("--mode", mode, MODES)):
            if value is not None:
                raise ValueError(f"expected {option} ({', '.join(choices)}) for a recipe only, got it for {what}")
        return Choice(path, Path("results") / path.stem, None)
    if what not in recipe_names():
        raise ValueError(f"expected a file, or one of the recipes {', '.join(recipe_names())}, got {what!r}")
    run = RecipeRun(what, scale or "small", mode or "matched")
    return Choice(run.recipe.given(run.scale, run.mode), Path("results") / f"{what}-{run.scale}-{run.mode}", run)
