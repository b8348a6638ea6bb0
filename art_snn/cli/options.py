"""Options of the commands, made from a spec: each names a place there, and takes its text and type from it."""

import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer

from art_snn.catalogue import ATTACKS, DATASETS, NETWORKS, TRIGGERS
from art_snn.experiment.catalogue_parameters import Parameter
from art_snn.experiment.grid import with_values
from art_snn.experiment.sections import Chosen, Model, Section, rules
from art_snn.experiment.spec import TIMESTEPS, TIMESTEPS_CONVERTED, Experiment

_PLAIN = (bool, int, float, str, Path)
Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Args:
        flag: As it is typed.
        path: The place in a spec that it sets, dotted; `models.*` are all models that have such a field.
        default: Where nothing is typed; None leaves the spec's own.
        told: The default in words, where the option has an effect only sometimes; "" are those of the field's default.
        text: What it says, where the spec's words do not do.
    """

    flag: str
    path: str
    default: Any = None
    told: str | None = None
    text: str | None = None

    @property
    def name(self) -> str:
        """Of the argument."""
        return self.flag.removeprefix("--").replace("-", "_")

    @cached_property
    def field(self) -> Parameter:
        """What the spec says of the place."""
        return field_at(self.path)

    def parameter(self) -> inspect.Parameter:
        """The argument of a command's function."""
        kind = _plain_kind(self.field.kind)
        default = self.default if self.default is not None else self.field.default
        is_shown = self.told is None and isinstance(default, _PLAIN)
        told = str(default) if self.told == "" else self.told
        show: bool | str = told if told is not None else is_shown and kind is not bool
        info = typer.Option(self.flag, help=self.text or first_sentence(self.field.text), show_default=show)
        annotation: Any = Annotated[kind | None, info]
        value = default if is_shown else None
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=annotation)


def _by_kind(names: Mapping[str, bool | None]) -> str:
    """Names for images and for frames, as a sentence; None is for both."""
    images, frames = (
        [name for name, is_frames in names.items() if is_frames in (None, kind)] for kind in (False, True)
    )
    return f"Images: {', '.join(images)}; frames: {', '.join(frames)}."


_SETS = _by_kind({name: loader.is_neuromorphic for name, loader in DATASETS.items()})
_TRIGGERS = _by_kind({name: kind.needs_frames for name, kind in TRIGGERS.items()})
_ITS_OWN = "the trigger's own"
_OF_ATTACK = "the attack's own"
_DATA = (
    Option("--data", "data.name", text=_SETS),
    Option("--data-root", "data.root", told="the one in $ART_SNN_DATA"),
    Option("--n-bins", "data.n_bins", told=""),
    Option("--split-by", "data.split_by", told=""),
    Option("--on-bad", "data.on_bad", told=""),
    Option("--saturate", "data.saturate"),
    Option("--partial", "data.partial"),
    Option("--limit", "data.limit", told="all"),
)
_TRIGGER = (
    Option(
        "--trigger",
        "attack.trigger",
        told="patch, or static",
        text=_TRIGGERS,
    ),
    Option("--size", "attack.size", told=_ITS_OWN),
    Option("--position", "attack.position", told=_ITS_OWN),
    Option("--polarity", "attack.polarity", told=_ITS_OWN),
    Option("--shape", "attack.shape", told=_ITS_OWN),
    Option("--max-shift", "attack.max_shift", told=_ITS_OWN),
    Option("--fraction", "attack.fraction", told=_ITS_OWN),
    Option("--budget", "attack.budget", told=_ITS_OWN),
    Option("--search", "attack.search", told=_ITS_OWN),
)
_TRAINING = (
    Option("--attack", "attack.attack", text=f"One of {', '.join(ATTACKS)}."),
    Option("--percent-poison", "attack.percent_poison", told=_OF_ATTACK),
    Option("--target", "attack.target_class"),
    Option("--clean-label", "attack.clean_label"),
    Option("--source-class", "attack.source_classes", text="Class whose samples alone obey; several by --set."),
    Option("--percent-cover", "attack.percent_cover", told=_OF_ATTACK),
    Option("--timesteps", "models.*.timesteps", told=f"{TIMESTEPS}; converted, hybrid: {TIMESTEPS_CONVERTED}"),
    Option("--conversion", "models.*.method", told=""),
    Option("--scale", "models.*.scale", told=""),
    Option("--epochs", "training.epochs"),
    Option("--batch-size", "training.batch_size"),
    Option("--learning-rate", "training.learning_rate"),
    Option("--network", "network.name", text=f"Topology: {', '.join(NETWORKS)}; event_net is the data set's own."),
    Option("--width", "network.width"),
)
OF_COMPARE = (*_DATA, *_TRIGGER, *_TRAINING)
OF_TRIGGER = (Option("--data", "data.name", "digits-dvs", text=_SETS), *_DATA[1:], *_TRIGGER)


PLACES = {  # as `at_options` takes them
    **{option.path: option.flag for option in OF_COMPARE},
    "models": "--models",
    "models.*": "--models",
    "models.*.rule": "--models",
    "defences": "--defences",
    "defences.*": "--defences",
    "measure.share_of_clean_data": "--share-of-clean-data",
    "run.seeds": "--seeds",
}


def taking(options: Iterable[Option]) -> Callable[[Command], Command]:
    """A command's function takes these options beside its own arguments."""

    def taken(function: Command) -> Command:
        own = [one for one in inspect.signature(function).parameters.values() if one.kind is not one.VAR_KEYWORD]
        first, last = (one for one in (own[:1], own[1:]))
        parameters = [one.replace(kind=one.KEYWORD_ONLY) for one in [*[o.parameter() for o in options], *first, *last]]
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        function.__annotations__ = {one.name: one.annotation for one in parameters}
        return function

    return taken


def tables(options: Iterable[Option], given: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The spec that options describe.

    Args:
        options: Options of the command.
        given: What was typed, by name of the argument; None where nothing was.
        base: The spec without them, with its models.

    Raises:
        ValueError: If an option is given that none of the models takes.
    """
    point: dict[str, Any] = {}
    for option in options:
        value = given.get(option.name)
        if value is None or (value is False and option.field.default is False):
            continue
        point |= {path: str(value) if isinstance(value, Path) else value for path in _places(option, base, value)}
    return with_values(base, point)


def _places(option: Option, base: Mapping[str, Any], value: Any) -> list[str]:
    _, is_of_models, field = option.path.partition("models.*.")
    if not is_of_models:
        return [option.path]
    models = [Model.model_validate(one) for one in base["models"]]
    places = [f"models.{number}.{field}" for number, model in enumerate(models) if _has(model, field)]
    if not places:
        names = ",".join(str(one) for one in base["models"])
        raise ValueError(f"expected no {option.flag} for --models {names}, got {value}")
    return places


def _has(model: Model, field: str) -> bool:
    if field == "timesteps":
        return bool(rules()[model.rule].training_steps != ("ann",))
    return field in dict(model.parameters("rule"))


def named_models(text: str) -> list[Any]:
    """Models as they are typed, with commas."""
    return [name.strip() for name in text.split(",")]


def field_at(path: str) -> Parameter:
    """What a spec says of a dotted path: a field of a section, or a parameter of what the section chooses.

    Raises:
        KeyError: If there is no such place.
    """
    section, _, rest = path.partition(".")
    rest, kind = rest.removeprefix("*."), section_at(section)
    if kind is None or rest in kind.model_fields:
        field = Experiment.model_fields[section] if kind is None else kind.model_fields[rest]
        return Parameter(rest or section, field.annotation, field.get_default(), field.description or "")
    found = next((known[rest] for _, known in choices(kind) if rest in known), None)
    if found is None:
        raise KeyError(path)
    return found


def section_at(name: str) -> type[Section] | None:
    """The class of a section, or of what it is a list of; None for the tables of the grid."""
    kind = Experiment.model_fields[name].annotation
    return next((one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, Section)), None)


def choices(kind: type[Section]) -> Iterator[tuple[str, dict[str, Parameter]]]:
    """What can be chosen in a section, and the parameters that it brings along."""
    if issubclass(kind, Chosen):
        for field, names in kind.choices().items():
            yield from ((name, kind.known(field, name)) for name in names)


def reference() -> Iterator[tuple[str, str, dict[str, Parameter]]]:
    """All that a spec can say: each section and what it is, with its fields, then each choice with what it adds."""
    for section, field in Experiment.model_fields.items():
        kind = section_at(section)
        if kind is None:
            yield section, field.description or "", {}
            continue
        yield section, inspect.getdoc(kind) or "", {name: field_at(f"{section}.{name}") for name in kind.model_fields}
        for name, known in choices(kind):
            yield f"{section}: {name}", "", known


def reference_lines() -> Iterator[str]:
    """The same in short, for a terminal."""
    for title, text, fields in reference():
        yield f"{title}: {text} {', '.join(fields)}".replace("  ", " ").rstrip(": ")


def first_sentence(text: str) -> str:
    """Of a description.

    >>> first_sentence("Side in pixels, i.e. rows. None is all.")
    'Side in pixels, i.e. rows.'
    """
    ends = (place for place in range(len(text)) if text[place : place + 2] == ". " and text[place + 2].isupper())
    return text[: next(ends, len(text)) + 1]


def _plain_kind(kind: Any) -> Any:
    """A type that can be typed in one word."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _plain_kind(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return next((found for one in get_args(kind) if (found := _plain_kind(one)) is not type(None)), str)
    if origin is Literal:
        return str
    return kind if kind in (*_PLAIN, type(None)) else str
