"""Put the library's errors into the words of the command."""

import re
from collections.abc import Mapping

ALIASES = {  # other names of what an option sets, in the parts of an experiment
    "root": "data_root",
    "method": "conversion",
    "target_class": "target",
    "nb_epochs": "epochs",
    "timesteps_converted": "timesteps",
}
_VALUE = r"""(?:'[^']*'|"[^"]*"|\[[^\]]*\]|[\w.+-]*\w)"""


def in_options(message: str, options: Mapping[str, str]) -> str:
    """Replace arguments in a message by the options that set them, where they cannot be ordinary words.

    Args:
        message: Message for people.
        options: Option of each argument, whose name has underscores.

    >>> in_options("expected n_bins of 2, got size=3; on_bad='skip' leaves it out", {
    ...     "n_bins": "--n-bins", "size": "--size", "on_bad": "--on-bad"})
    'expected --n-bins of 2, got --size 3; --on-bad skip leaves it out'
    """
    known = {**options, **{alias: options[name] for alias, name in ALIASES.items() if name in options}}
    names = "|".join(map(re.escape, known))
    assigned = rf"(?<![,(]\s)(?<![\w(./\\-])({names})=({_VALUE})"
    message = re.sub(assigned, lambda found: _assigned(known[found[1]], found[2]), message)
    message = re.sub(
        rf"\bexpected (no |)({names})\b(?![/\\.=]\w)", lambda found: f"expected {found[1]}{known[found[2]]}", message
    )
    compound = "|".join(re.escape(name) for name in known if "_" in name)
    return re.sub(rf"(?<![\w./\\-])({compound})(?![\w/\\-]|\.\w)", lambda found: known[found[1]], message)


def _assigned(option: str, value: str) -> str:
    """Write an option with its value as it is typed; a flag stands alone."""
    if value == "True":
        return option
    return f"{option} {re.sub(r', *', ',', value.strip('[]')) if value.startswith('[') else value}".replace("'", "")


def at_options(message: str, places: Mapping[str, str]) -> str:
    """Places in a spec as the options that set them.

    Args:
        message: For people.
        places: By dotted path, `models.*` for any model, the option.

    >>> at_options("expected models[1].timesteps to be left out", {"models.*.timesteps": "--timesteps"})
    'expected --timesteps to be left out'
    """

    def option(found: re.Match[str]) -> str:
        path = re.sub(r"\[\d+\]", ".*", found[0])
        return places.get(path) or places.get(path.partition(".")[0], found[0])

    return re.sub(r"\b[a-z_]+(\[\d+\])?\.[a-z_]+\b", option, message)


def lines_of(error: Exception) -> list[str]:
    """What an error says, a line for each problem."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return [found["msg"] for found in error.errors()]
    return [_one_line(error)]


def _one_line(error: Exception) -> str:
    """Without line breaks."""
    if isinstance(error, OSError) and error.filename is not None:  # python's own words
        return f"{error.filename}: {error.strerror}"
    said = " ".join(str(error).split())
    if isinstance(error, MemoryError) and not said.startswith("expected"):  # python's and numpy's own words
        return f"expected what this machine's memory holds, got: {said or 'more'}"
    return said
