"""What parts of a spec say against each other: all of it, each with its place, found before anything is read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from art_snn.catalogue import (
    ATTACKS,
    DATASETS,
    NETWORKS,
    SAMPLE_DETECTORS,
    TRIGGERS,
    build_attack,
    fitting_triggers,
    poisons_data,
    takes_trigger,
)
from art_snn.conversion import check_method
from art_snn.experiment.sections import Model, Problem, Training, defences, rules

if TYPE_CHECKING:
    from art_snn.experiment.spec import Experiment


def contradictions(spec: "Experiment") -> Iterator[Problem]:
    """All of one spec, whose sections are right each by itself."""
    yield from _in_data(spec)
    yield from _in_normalisation(spec)
    for number, model in enumerate(spec.models):
        for place, message, found in _in_model(spec, model):
            yield ("models", number, *place), message, found
    yield from _in_training(spec, spec.training)
    yield from _in_attack(spec)
    yield from _in_measure(spec)


def _in_data(spec: "Experiment") -> Iterator[Problem]:
    data, network = spec.data, spec.network.name
    if data.folder is None and DATASETS[data.name].needs_root:
        yield ("data", "root"), f"to be the folder that holds the files of {data.name!r}", None
    if data.root is not None and not DATASETS[data.name].needs_root:
        yield ("data", "root"), f"to be left out for {data.name!r}, which comes with the library", str(data.root)
    if (own := NETWORKS[network].datasets) and data.name not in own:
        fitting = [name for name in NETWORKS if data.name in (NETWORKS[name].datasets or DATASETS)]
        yield ("network", "name"), f"to be one of {', '.join(fitting)} for {data.name}", network
    names = [model.name for model in spec.models]
    if len(set(names)) < len(names):
        yield ("models",), "to have names that differ, a name= each", ", ".join(names)
    if not names:
        yield ("models",), "to be at least one", "none"


def _in_normalisation(spec: "Experiment") -> Iterator[Problem]:
    n_channels = DATASETS[spec.data.name].shape[0]
    for name in ("normalisation", "normalisation_test"):
        one = getattr(spec.data, name)
        if one is not None and spec.data.is_neuromorphic:
            yield ("data", name), "to be left out for counts of events", one.model_dump()
        elif one is not None and not {len(one.mean), len(one.std)} <= {1, n_channels}:
            yield ("data", name), f"to have one number, or {n_channels}, one a channel", one.model_dump()


def _in_model(spec: "Experiment", model: Model) -> Iterator[Problem]:
    steps, timesteps = rules()[model.rule].training_steps, model.timesteps
    if model.neuron is not None and steps[0] != "snn":
        yield ("neuron",), f"to be left out for {model.rule}, whose neurons follow from its ANN", model.neuron
    if timesteps is not None and spec.data.is_neuromorphic:
        yield ("timesteps",), "to be left out for frames, whose bins are the time steps", timesteps
    if timesteps is not None and steps == ("ann",):
        yield ("timesteps",), "to be left out for an ANN", timesteps
    if model.combination != "com4" and len(steps) == 1:
        yield ("combination",), f"to be left out for {model.rule}, which has one step only", model.combination
    if "calibration" in steps:
        yield from _in_conversion(spec, model)
    yield from _in_own_training(spec, model)


def _in_own_training(spec: "Experiment", model: Model) -> Iterator[Problem]:
    try:
        training = spec.training_of(model)
    except ValidationError as error:
        for found in error.errors():
            yield ("training", *found["loc"]), found["msg"], found["input"]
        return
    if model.training:
        yield from _in_training(spec, training)


def _in_conversion(spec: "Experiment", model: Model) -> Iterator[Problem]:
    if spec.data.is_neuromorphic:
        yield ("rule",), "to be ann or bptt for frames, which no conversion takes", model.rule
    if spec.network.pool == "max":
        yield ("rule",), "to be ann or bptt with network.pool = 'max', which cannot be converted", model.rule
    settings = model.parameters("rule")
    try:
        check_method(settings["method"], settings["scale"], settings["percentile"])
    except ValueError as error:
        yield (), str(error), settings["method"]


def _in_training(spec: "Experiment", training: Training) -> Iterator[Problem]:
    if (training.alpha is None) is not (training.beta is None):
        yield ("training", "alpha"), "to be given together with beta", training.alpha
    if training.alpha == training.beta == 0:
        yield ("training", "alpha"), "to be above 0 where beta is 0", 0
    if training.momentum and training.optimizer != "sgd":
        yield ("training", "momentum"), f"to be left out for {training.optimizer}", training.momentum
    if bool(training.milestones) is not (training.schedule == "steps"):
        yield ("training", "milestones"), "to be given for the schedule steps, and for no other", training.milestones
    if spec.data.is_neuromorphic:
        for name, default in (("augmentation", type(training.augmentation)()), ("resize", None)):
            if getattr(training, name) != default:
                yield ("training", name), "to be left out for frames", str(getattr(training, name))


def _in_attack(spec: "Experiment") -> Iterator[Problem]:
    attack, loader = spec.attack, DATASETS[spec.data.name]
    if unfit := [*_in_crafted(spec), *_in_trigger(spec)]:
        yield from unfit
        return
    n_bins = getattr(spec.data, "n_bins", 0)
    shape = (n_bins, *loader.shape) if spec.data.is_neuromorphic else loader.shape
    try:
        own = {} if attack.trigger is None else {"trigger": TRIGGERS[attack.trigger](**attack.parameters("trigger"))}
        given = {"target_class": attack.target_class, **own}
        made = build_attack(attack.attack, given, attack.parameters("attack"))
        if hasattr(made, "check_input_shape"):
            made.check_input_shape(shape)
    except (TypeError, ValueError) as error:
        yield ("attack",), str(error), attack.trigger or attack.attack
        return
    sides = loader.shape[-2:]
    size = getattr(attack, "size", 0)
    if size >= 1 and size > min(sides):
        yield ("attack", "size"), f"to be at most {min(sides)} pixels, the side of {spec.data.name}", size
    for name, classes in (
        ("target_class", (attack.target_class,)),
        ("source_classes", _classes(attack, "source_classes")),
        ("source_class", _classes(attack, "source_class")),
    ):
        if any(label >= loader.n_classes for label in classes):
            yield (
                ("attack", name),
                f"to be a class of {spec.data.name}, 0 to {loader.n_classes - 1}",
                getattr(attack, name),
            )
    frames = getattr(attack, "frames", None)
    if frames and max(frames) >= n_bins:
        yield ("attack", "frames"), f"to be below data.n_bins = {n_bins}", list(frames)


def _in_crafted(spec: "Experiment") -> Iterator[Problem]:
    """Whether an attack takes frames, and whether poison that is computed once goes with this training."""
    kind: Any = ATTACKS[spec.attack.attack]
    if spec.data.is_neuromorphic and not getattr(kind, "takes_frames", True):
        fitting = [name for name, made in ATTACKS.items() if getattr(made, "takes_frames", True)]
        yield ("attack", "attack"), f"to be one of {', '.join(fitting)} for frames", spec.attack.attack
    if not getattr(kind, "needs_classifier", False):
        return
    augmentation = spec.training.augmentation
    if augmentation.place == "before" and (augmentation.crop or augmentation.flip):
        reason = f"to be 'after' for {spec.attack.attack}, whose poison is computed once"
        yield ("training", "augmentation", "place"), reason, augmentation.place
    if kind.reads_samples_raw:
        changes = (
            (("data", "normalisation"), spec.data.normalisation),
            (("data", "normalisation_test"), spec.data.normalisation_test),
            (("training", "resize"), spec.training.resize),
        )
        for place, change in changes:
            if change is not None:
                reason = f"to be left out for {spec.attack.attack}, which asks its network about samples as they are"
                yield place, reason, str(change)


def _in_trigger(spec: "Experiment") -> Iterator[Problem]:
    """Whether there is a trigger where the attack wants one, and whether it fits the data."""
    attack, kind = spec.attack, "frames" if spec.data.is_neuromorphic else "images"
    if not takes_trigger(attack.attack):
        if attack.trigger is not None:
            yield ("attack", "trigger"), f"to be left out for {attack.attack}, which makes its own", attack.trigger
        return
    if attack.trigger not in (fitting := fitting_triggers(spec.data.is_neuromorphic)):
        yield ("attack", "trigger"), f"to be one of {', '.join(fitting)} for {kind}", attack.trigger


def _classes(attack: Any, name: str) -> tuple[int, ...]:
    given = getattr(attack, name, None)
    return () if given is None else (given,) if isinstance(given, int) else tuple(given)


def _in_measure(spec: "Experiment") -> Iterator[Problem]:
    measure, n_bins = spec.measure, getattr(spec.data, "n_bins", 0)
    spiking = [model for model in spec.models if model.rule != "ann"]
    longest = min((model.timesteps or n_bins for model in spiking), default=0)
    if measure.over_time and max(measure.over_time) > longest:
        yield ("measure", "over_time"), f"to be at most the {longest} time steps of the models", list(measure.over_time)
    if (part := measure.onset_length) is not None:
        if not hasattr(spec.attack, "frames"):
            yield ("measure", "onset_length"), "to be left out for a trigger that takes no frames", spec.attack.trigger
        elif max(part.onsets) + 1 > n_bins:
            yield ("measure", "onset_length", "onsets"), f"to be below data.n_bins = {n_bins}", list(part.onsets)
    yield from _in_defences(spec)


def _in_defences(spec: "Experiment") -> Iterator[Problem]:
    measure, rate = spec.measure, getattr(spec.attack, "percent_poison", None)
    names = [defence.name for defence in spec.defences]
    if len(set(names)) < len(names):
        yield ("defences",), "to differ", ", ".join(names)
    for number, name in enumerate(names):
        if defences()[name].needs_frames and not spec.data.is_neuromorphic:
            yield ("defences", number), "to be one for images", name
    if not poisons_data(spec.attack.attack):
        searching = [name for name in names if name in SAMPLE_DETECTORS] + ["with_art"] * measure.with_art
        if searching:
            yield ("defences",), f"to search no poisoned samples for {spec.attack.attack}, which has none", searching[0]
    is_searched = measure.detection or measure.with_art or any(name in SAMPLE_DETECTORS for name in names)
    if is_searched and rate in (0, 1):
        yield ("attack", "percent_poison"), "to be above 0 and below 1 for detectors of poisoned samples", rate
