"""The options of the commands, each declared once, and the decorator that gives them to a command."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Command = Callable[..., None]
Options = Mapping[str, tuple[Any, Any]]  # by the name of the argument: its type for typer, and its default

OF_TRIGGER = "the trigger's own"


def taking(*groups: Options, **defaults: Any) -> Callable[[Command], Command]:
    """Give a command of `**options` the arguments of groups, some with defaults of its own."""

    def decorate(command: Command) -> Command:
        parameters = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=defaults.get(name, value))
            for group in groups
            for name, (kind, value) in group.items()
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def _option(kind: Any, default: Any, help_: str, *flags: str, shown: str | None = None) -> tuple[Any, Any]:
    """One option; `shown` is what the help gives as the default of an option that is None unless it is set."""
    return Annotated[kind, typer.Option(*flags, help=help_, show_default=shown or True)], default


DATA: Options = {
    "data": _option(
        str,
        "digits",
        "Images: digits, mnist, fashion-mnist, cifar10; frames: digits-dvs, nmnist, cifar10-dvs, dvs-gesture, "
        "n-caltech101.",
        "--data",
    ),
    "data_root": _option(Path | None, None, "Folder with the data set's files."),
    "n_bins": _option(int | None, None, "Time bins of frames.", shown="16"),
    "split_by": _option(str | None, None, "Bins of equal count or of equal time.", shown="count"),
    "on_bad": _option(
        str | None, None, "At a damaged recording: stop with an error, or skip it and warn.", shown="error"
    ),
    "saturate": _option(bool | None, None, "Count at most 255 events in a pixel and bin.", "--saturate"),
    "partial": _option(bool | None, None, "Accept that training files of CIFAR-10 are missing.", "--partial"),
    "limit": _option(int | None, None, "Largest number of samples in each split.", shown="all"),
}
MODELS: Options = {
    "models": _option(str, "ann,if,lif", "Models, with commas between them: ann, if, lif, converted, hybrid.")
}
DEFENDER: Options = {
    "defences": _option(
        str,
        "all",
        "all that fit, or with commas: activation, spectral, strip, reference, membrane-potential, "
        "neural-cleanse, fine-tuning, fine-pruning, channel-lipschitz-pruning, dendrite-clamping; on frames also "
        "background-filter, refractory-filter, flash-filter.",
        "--defences",
    ),
    "share_of_clean_data": _option(float, 0.1, "Share of the training samples that the defender has."),
    "with_art": _option(bool, False, "Let ART's own detectors search beside ours.", "--with-art"),
}
TRIGGER_SHAPE: Options = {
    "trigger": _option(
        str | None, None, "Images: patch; frames: static, moving, smart, flash.", "--trigger", shown="patch, or static"
    ),
    "size": _option(float | None, None, "Trigger's side in pixels, or below 1 as a fraction.", shown=OF_TRIGGER),
    "position": _option(str | None, None, "Trigger's place: a corner, middle or random.", shown=OF_TRIGGER),
    "polarity": _option(
        str | None, None, "Trigger's events: on, off, both, none; smart: rarest, commonest.", shown=OF_TRIGGER
    ),
}
TRAINING: Options = {
    "percent_poison": _option(float, 0.1, "Poisoned share of all training samples, 0 to 1."),
    "target": _option(int, 1, "Class that triggered samples should be classified as."),
    "timesteps": _option(
        int | None, None, "Time steps of spiking networks on images.", shown="4; converted, hybrid: 64"
    ),
    "conversion": _option(str | None, None, "Thresholds by max, robust, fraction or spike-norm.", shown="max"),
    "scale": _option(float | None, None, "Factor on converted thresholds.", shown="1"),
    "epochs": _option(int, 10, "Epochs of each training."),
    "batch_size": _option(int, 32, "Samples in a training step."),
    "learning_rate": _option(float, 1e-3, "Learning rate of Adam."),
    "network": _option(str, "small_cnn", "Topology: small_cnn, vgg11, resnet18, resnet20 or event_net."),
    "width": _option(float, 1.0, "Multiplier of the network's channels."),
}
SEED: Options = {"seed": _option(int, 0, "Seed of all random draws.")}
OUT: Options = {
    "out": _option(
        Path | None,
        None,
        "Folder for the files. Results of the same options in it are continued; a folder with others is refused.",
        shown="results/NAME-HASH of the options",
    )
}
JSON: Options = {
    "as_json": _option(bool, False, "Print what is written as JSON instead of the table.", "--json"),
}
QUIET: Options = {
    "quiet": _option(bool, False, "Show no progress and no table: files and errors only.", "--quiet", "-q"),
}
