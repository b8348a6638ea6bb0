"""`Experiment`: everything that determines the numbers of a grid of measurements, checked before anything runs."""

import inspect
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from art_snn._files import read_regular
from art_snn.catalogue import ATTACKS, NETWORKS, TRIGGERS, default_trigger
from art_snn.experiment.contradictions import contradictions
from art_snn.experiment.grid import Point, points, with_values
from art_snn.experiment.sections import (
    Attack,
    Data,
    DefenceChoice,
    Measure,
    Model,
    NetworkChoice,
    Place,
    Problem,
    Run,
    Section,
    Training,
    all_of,
    rules,
)

MODELS = ("ann", "if", "lif")  # by default
TIMESTEPS, TIMESTEPS_CONVERTED = 4, 64  # by default; converted networks need more
_MOST = 1 << 24  # bytes of a spec
_WORDS = {
    "Input should be": "to be",
    "a valid dictionary or instance of": "a table, the section",
    "a valid tuple": "a list",
    r"String should match pattern '^[\w +-]*$'": "to be of letters, digits, spaces, + and -",
    "Extra inputs are not permitted": "to be left out, there is no such field",
    "Field required": "to have a value",
}


class Experiment(Section):
    """What to measure, on what, under which attack; two runs of one spec give the same numbers.

    What is left out is filled in, so that a written spec says all. A spec may stand for many cells: the product of its
    `grid`, at each of its `cases`, with each of its `run.seeds`.

    Raises:
        ValueError: If a value is out of its range or parts contradict each other: pydantic's `ValidationError`, which
            holds all of them, each with its place; `problems` tells them in plain words.
    """

    data: Data = Field(default=Data(), description="The data set.")
    network: NetworkChoice = Field(default=NetworkChoice(), description="The topology.")
    models: tuple[Model, ...] = Field(
        default=tuple(Model.model_validate(name) for name in MODELS),
        description="The classifiers to compare.",
    )
    training: Training = Field(default=Training(), description="How they are trained.")
    attack: Attack = Field(default=Attack(), description="The attack.")
    defences: tuple[DefenceChoice, ...] = Field(default=(), description="Defences, by name or with parameters.")
    measure: Measure = Field(default=Measure(), description="What is measured.")
    run: Run = Field(default=Run(), description="Seeds, threads and device.")
    grid: dict[str, Any] = Field(
        default={}, description="Dotted path -> list of values; the product of all is measured."
    )
    cases: tuple[dict[str, Any], ...] = Field(
        default=(), description="Hand-picked combinations of dotted paths and values."
    )

    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def given(self) -> dict[str, Any]:
        """The tables of which it was made: only what was said."""
        given: dict[str, Any] = plain_value(self._given)
        return given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # it holds tables

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """The experiment in a file.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is no TOML, or no spec.
        """
        return cls(**cls.tables_of(path))

    @staticmethod
    def tables_of(path: str | Path) -> dict[str, Any]:
        """The tables in a TOML file.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it is no TOML.
        """
        try:
            return tomllib.loads(read_regular(Path(path), _MOST).decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"expected {path} to be TOML, got: {error}") from error

    def cells(self) -> tuple[Self, ...]:
        """The experiments of one point and one seed each that this one stands for."""
        return tuple(
            type(self)(**with_values(_without_grid(self._given), {**point, "run.seeds": [seed]}))
            for point in points(self.grid, list(self.cases))
            for seed in _seeds(self, point)
        )

    @property
    def seed(self) -> int:
        """The seed of a single cell.

        Raises:
            ValueError: If this stands for several cells.
        """
        if self.grid or self.cases or len(self.run.seeds) > 1:
            raise ValueError(
                f"expected an experiment of one cell, got {len(self.cells())}; run them by art_snn.sweep.Sweep"
            )
        return self.run.seeds[0]

    @property
    def holds_out(self) -> bool:
        """Whether anything is defended, so that the defender's clean samples are held out of the training."""
        measure = self.measure
        return bool(self.defences or measure.detection or measure.elimination or measure.with_art)

    @property
    def surrogate(self) -> Model | None:
        """The model that an attacker trains on clean data: the first spiking one, else the first.

        None where neither the attack nor its trigger needs a classifier.
        """
        name, of_attack = self.attack.trigger, getattr(ATTACKS[self.attack.attack], "needs_classifier", False)
        of_trigger = name is not None and TRIGGERS[name](**self.attack.parameters("trigger")).needs_classifier
        if not (of_attack or of_trigger):
            return None
        return next((model for model in self.models if model.rule != "ann"), self.models[0])

    def training_of(self, model: Model) -> Training:
        """How one model is trained."""
        base = self.training.model_dump()
        nested = {name: {**base[name], **value} for name, value in model.training.items() if isinstance(value, Mapping)}
        return Training.model_validate({**base, **model.training, **{n: v for n, v in nested.items() if n in base}})

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, given: Any, handler: Callable[[Any], Self]) -> Self:
        """What is wrong with sections, what they say against each other, and what is wrong with any cell."""
        if not isinstance(given, Mapping):
            return handler(given)
        plain, wrong = filled_in(given), list[Problem]()
        try:
            made = handler(plain)
        except ValidationError as error:
            wrong = [(found["loc"], _told(**found), found["input"]) for found in error.errors()]
            try:
                made = handler(filled_in(_without(given, [place for place, *_ in wrong])))
            except ValidationError:  # without a part that is wrong there is nothing to look at together
                raise all_of(cls.__name__, wrong) from None
        wrong += [(place, _told(place, message, found), found) for place, message, found in contradictions(made)]
        made._given = dict(given)
        try:
            wrong += made._problems_of_cells() if not wrong else []
        except ValueError as error:  # a grid that is none
            wrong.append((("grid",), str(error), ""))
        if wrong:
            raise all_of(cls.__name__, wrong)
        return made

    def _problems_of_cells(self) -> list[Problem]:
        """What is wrong at single points of the grid, each once."""
        found: dict[str, Problem] = {}
        for point in points(self.grid, list(self.cases)) if self.grid or self.cases else ():
            at = ", ".join(f"{path} = {value!r}" for path, value in point.items())
            try:
                type(self)(**with_values(_without_grid(self._given), point))
            except ValidationError as error:
                for one in error.errors():
                    found.setdefault(one["msg"], (one["loc"], f"{one['msg']}, at {at}", one["input"]))
            except ValueError as error:
                found.setdefault(str(error), (("grid",), str(error), at))
        return list(found.values())


def _without(given: Mapping[str, Any], places: Iterable[Place]) -> dict[str, Any]:
    """A spec without what is wrong."""
    left: dict[str, Any] = {name: plain_value(value) for name, value in given.items()}
    for place in places:
        table: Any = left
        for part in place[:-1]:
            table = dict(enumerate(table)) if isinstance(table, list) else table
            table = table.get(part) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.pop(place[-1], None)
    return left


def _without_grid(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"models": list(MODELS), **{name: value for name, value in given.items() if name not in ("grid", "cases")}}


def _seeds(spec: Experiment, point: Point) -> tuple[int, ...]:
    return tuple(point.get("run.seeds", spec.run.seeds))


def filled_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """A spec with what one section's defaults take from another; what is wrong is left for the checks to tell."""
    plain = {name: plain_value(value) for name, value in given.items()}
    try:
        data = Data.model_validate(plain.get("data", {}))
        network = NetworkChoice.model_validate(plain.get("network", {}))
        models = [
            Model.model_validate(model) for model in plain.get("models", Experiment.model_fields["models"].default)
        ]
    except (ValidationError, TypeError):
        return plain
    if not all(isinstance(plain.get(name, {}), Mapping) for name in ("attack", "network")):
        return plain
    plain["attack"] = {**_default_trigger(plain.get("attack", {}), data), **plain.get("attack", {})}
    is_converted = any("calibration" in rules()[model.rule].training_steps for model in models)
    own = inspect.signature(NETWORKS[network.name]).parameters["pool"].default
    plain["network"] = {"pool": "avg" if is_converted else own, **plain.get("network", {})}
    plain["models"] = [_model_filled_in(model, data) for model in models]
    return plain


def _default_trigger(attack: Mapping[str, Any], data: Data) -> dict[str, Any]:
    """A trigger that fits the data, for an attack that is made with one."""
    name = attack.get("attack", Attack.model_fields["attack"].get_default())
    trigger = default_trigger(name if name in ATTACKS else "trigger-backdoor", data.is_neuromorphic)
    return {} if trigger is None else {"trigger": trigger}


def _model_filled_in(model: Model, data: Data) -> dict[str, Any]:
    steps, filled = rules()[model.rule].training_steps, model.model_dump()
    if steps[0] == "snn" and model.neuron is None:
        filled["neuron"] = "lif"
    if model.timesteps is None and not data.is_neuromorphic and steps != ("ann",):
        filled["timesteps"] = TIMESTEPS if steps[0] == "snn" else TIMESTEPS_CONVERTED
    return {**filled, "name": model.name or (filled["neuron"] if model.rule == "bptt" else model.rule)}


def plain_value(value: Any) -> Any:
    """Sections as the tables that they stand for."""
    if isinstance(value, Section):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {name: plain_value(one) for name, one in value.items()}
    return [plain_value(one) for one in value] if isinstance(value, list | tuple) else value


def problems(error: ValidationError) -> list[str]:
    """What is wrong with a spec, a line each: `expected PLACE …, got …`."""
    return [found["msg"] for found in error.errors()]


def place_of(loc: Place) -> str:
    """A place in a spec as a dotted path.

    >>> place_of(("models", 1, "timesteps"))
    'models[1].timesteps'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _told(loc: Place, msg: str, input: Any, **_others: Any) -> str:  # noqa: A002
    """A problem in one sentence; of pydantic's words and of checks that know a name of their own for the field."""
    place, message = place_of(loc), msg.removeprefix("Value error, ")
    if message.startswith("expected "):
        _, name, said = message.split(maxsplit=2)
        return f"expected {place if loc and loc[-1] == name else f'{place}.{name}'.lstrip('.')} {said}"
    for pydantics, ours in _WORDS.items():
        message = message.replace(pydantics, ours)
    return f"expected {place} {message}, got {input!r:.80}"
