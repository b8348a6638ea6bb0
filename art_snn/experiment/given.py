"""What stands for an experiment: a file, tables or the experiment itself."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from art_snn.experiment.grid import with_values
from art_snn.experiment.spec import MODELS, Experiment
from art_snn.experiment.threads import threads

Spec = str | Path | Mapping[str, Any] | Experiment
_Settings = ParamSpec("_Settings")
_Found = TypeVar("_Found")


def experiment_of(spec: Spec, changes: Mapping[str, Any] | None = None) -> Experiment:
    """The experiment that a path, tables or an `Experiment` stand for.

    Args:
        spec: Path of a TOML file, nested tables, or an `Experiment`.
        changes: Values in place of some of the spec's, by dotted path.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is no spec.
    """
    if isinstance(spec, Experiment) and not changes:
        return spec
    given = Experiment.tables_of(spec) if isinstance(spec, str | Path) else spec
    tables = given.given if isinstance(given, Experiment) else given
    return Experiment(**with_values({"models": list(MODELS), **tables}, changes or {}))


def of_a_spec(
    compute: Callable[Concatenate[Experiment, _Settings], _Found],
) -> Callable[Concatenate[Spec, _Settings], _Found]:
    """A function of an experiment as one of whatever stands for it, computed in its threads."""

    @functools.wraps(compute)
    def computed(spec: Spec, *rest: _Settings.args, **settings: _Settings.kwargs) -> _Found:
        experiment = experiment_of(spec)
        with threads(experiment.run.threads):
            return compute(experiment, *rest, **settings)

    return cast("Callable[Concatenate[Spec, _Settings], _Found]", computed)
