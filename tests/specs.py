"""Experiments in the words of the command's options."""

from typing import Any

from art_snn.cli.options import OF_COMPARE, tables
from art_snn.experiment import Experiment, with_values


def spec_of(**options: Any) -> Experiment:
    """The experiment of `art-snn compare` with these options, in one thread; dotted paths in a dictionary `set`."""
    return Experiment(**tables_of(**options))


def tables_of(**options: Any) -> dict[str, Any]:
    """Its tables."""
    models, seed, values = options.pop("models", ("ann", "if", "lif")), options.pop("seed", 0), options.pop("set", {})
    base = {"models": list(models), "run": {"seeds": [seed]}}
    unknown = options.keys() - {option.name for option in OF_COMPARE}
    assert not unknown, f"no options of the command: {unknown}"
    return with_values(tables(OF_COMPARE, options, base), values)
