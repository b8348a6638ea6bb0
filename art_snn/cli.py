"""The command `art-snn`: parse, call, print."""

import importlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console, RenderableType

if TYPE_CHECKING:
    from art_snn.experiment import Experiment

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def art_snn() -> None:
    """Backdoor attacks, defences and measurements for spiking neural networks."""


OF_TRIGGER = "the trigger's own"

DataName = Annotated[
    str,
    typer.Option(
        "--data",
        help="Images: digits, mnist, fashion-mnist, cifar10; frames: digits-dvs, nmnist, cifar10-dvs, dvs-gesture, "
        "n-caltech101.",
    ),
]
DataRoot = Annotated[Path | None, typer.Option(help="Folder with the data set's files.")]
Bins = Annotated[int | None, typer.Option(help="Time bins of frames.", show_default="16")]
SplitBy = Annotated[str | None, typer.Option(help="Bins of equal count or of equal time.", show_default="count")]
OnBad = Annotated[
    str | None, typer.Option(help="At a damaged recording: error, or skip it and say so.", show_default="error")
]
Saturate = Annotated[bool | None, typer.Option("--saturate", help="More than 255 events a pixel and bin are 255.")]
Partial = Annotated[bool | None, typer.Option("--partial", help="Do without missing training files of CIFAR-10.")]
Limit = Annotated[int | None, typer.Option(help="The most samples of each split.", show_default="all")]
Models = Annotated[str, typer.Option(help="Of ann, if, lif, converted, hybrid; with commas.")]
TriggerName = Annotated[
    str | None,
    typer.Option(
        "--trigger", help="Images: patch; frames: static, moving, smart, flash.", show_default="patch, or static"
    ),
]
Size = Annotated[
    float | None, typer.Option(help="Trigger's side in pixels, or below 1 as a fraction.", show_default=OF_TRIGGER)
]
Position = Annotated[
    str | None, typer.Option(help="Trigger's place: a corner, middle or random.", show_default=OF_TRIGGER)
]
Polarity = Annotated[
    str | None,
    typer.Option(help="Trigger's events: on, off, both, none; smart: rarest, commonest.", show_default=OF_TRIGGER),
]
Share = Annotated[float, typer.Option(help="Share of all training samples, 0 to 1.")]
Target = Annotated[int, typer.Option(help="Class that the trigger should call forth.")]
Timesteps = Annotated[
    int | None, typer.Option(help="Of spiking networks on images.", show_default="4; converted, hybrid: 64")
]
Conversion = Annotated[
    str | None, typer.Option(help="Thresholds by max, robust, fraction or spike-norm.", show_default="max")
]
Scale = Annotated[float | None, typer.Option(help="Factor on converted thresholds.", show_default="1")]
Epochs = Annotated[int, typer.Option(help="Epochs of each training.")]
BatchSize = Annotated[int, typer.Option(help="Samples a training step.")]
LearningRate = Annotated[float, typer.Option(help="Of Adam.")]
Network = Annotated[str, typer.Option(help="Topology: small_cnn, vgg11, resnet18 or event_net.")]
Width = Annotated[float, typer.Option(help="Multiplier of the network's channels.")]
Seed = Annotated[int, typer.Option(help="Decides every draw.")]
DefenceNames = Annotated[
    str,
    typer.Option(
        "--defences",
        help="all that fit, or with commas: activation, spectral, strip, reference, membrane-potential, "
        "neural-cleanse, fine-tuning, fine-pruning, channel-lipschitz-pruning, dendrite-clamping; on frames also "
        "background-filter, refractory-filter, flash-filter.",
    ),
]
ShareOfCleanData = Annotated[float, typer.Option(help="Share of the training samples that is the defender's.")]
Out = Annotated[Path, typer.Option(help="Folder for what is written.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print results.json instead of the table.")]


@app.command()
def compare(
    data: DataName = "digits",
    data_root: DataRoot = None,
    n_bins: Bins = None,
    split_by: SplitBy = None,
    on_bad: OnBad = None,
    saturate: Saturate = None,
    partial: Partial = None,
    limit: Limit = None,
    models: Models = "ann,if,lif",
    trigger: TriggerName = None,
    size: Size = None,
    position: Position = None,
    polarity: Polarity = None,
    percent_poison: Share = 0.1,
    target: Target = 1,
    timesteps: Timesteps = None,
    conversion: Conversion = None,
    scale: Scale = None,
    epochs: Epochs = 10,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 1e-3,
    network: Network = "small_cnn",
    width: Width = 1.0,
    seed: Seed = 0,
    out: Out = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Train an ANN and SNNs on clean and on poisoned data, and compare what the backdoor does to them."""
    spec = _spec(locals())
    from art_snn.experiment import run
    from art_snn.report import comparison_table, write_result

    result = run(spec)
    written = write_result(result, out)
    if as_json:
        print(json.dumps(result.as_json(), indent=2))
        return
    _print([comparison_table(result)], written)


@app.command()
def defend(
    data: DataName = "digits",
    data_root: DataRoot = None,
    n_bins: Bins = None,
    split_by: SplitBy = None,
    on_bad: OnBad = None,
    saturate: Saturate = None,
    partial: Partial = None,
    limit: Limit = None,
    models: Models = "ann,lif",
    defences: DefenceNames = "all",
    share_of_clean_data: ShareOfCleanData = 0.1,
    with_art: Annotated[bool, typer.Option("--with-art", help="Let ART's own detectors search beside ours.")] = False,
    trigger: TriggerName = None,
    size: Size = None,
    position: Position = None,
    polarity: Polarity = None,
    percent_poison: Share = 0.1,
    target: Target = 1,
    timesteps: Timesteps = None,
    conversion: Conversion = None,
    scale: Scale = None,
    epochs: Epochs = 10,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 1e-3,
    network: Network = "small_cnn",
    width: Width = 1.0,
    seed: Seed = 0,
    out: Out = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Set defences on backdoored and on clean models: who finds the poison, who is accused, what is left of it."""
    spec = _spec(locals())
    from art_snn import experiment
    from art_snn.report import defence_tables, write_defended

    names = None if defences == "all" else tuple(name.strip() for name in defences.split(","))
    defended = experiment.defend(spec, names, share_of_clean_data=share_of_clean_data, with_art=with_art)
    written = write_defended(defended, out)
    if as_json:
        print(json.dumps(defended.as_json(), indent=2))
        return
    _print(defence_tables(defended), written)


@app.command()
def show_trigger(
    data: DataName = "digits-dvs",
    data_root: DataRoot = None,
    n_bins: Bins = None,
    split_by: SplitBy = None,
    on_bad: OnBad = None,
    saturate: Saturate = None,
    partial: Partial = None,
    limit: Limit = None,
    trigger: TriggerName = None,
    size: Size = None,
    position: Position = None,
    polarity: Polarity = None,
    seed: Seed = 0,
    out: Out = Path("results"),
) -> None:
    """Draw what a trigger does to a sample, in frames and among events: a contact sheet and an animation."""
    spec = _spec(locals())
    from art_snn import experiment
    from art_snn.report import write_trigger

    for path in write_trigger(experiment.show_trigger(spec), out):
        print(f"wrote {path}")


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Time art_snn against what users would write by hand; in a checkout with the extra bench, --help says more."""
    if not Path("tests/benchmarks/__main__.py").is_file():
        if "--help" in context.args:
            print(context.get_help())
            return
        raise ValueError(f"expected a checkout of art-snn as the working folder, got {Path.cwd()}")
    sys.path.insert(0, str(Path.cwd()))
    sys.argv[1:] = context.args
    importlib.import_module("tests.benchmarks.__main__").main()


def _spec(options: dict[str, Any]) -> "Experiment":
    """The experiment that a command's options describe; there is room for what will be written of it."""
    from art_snn.experiment import Experiment
    from art_snn.report import check_folder

    check_folder(options["out"])
    given = {name: value for name, value in options.items() if name in Experiment.model_fields}
    if "models" in given:
        given["models"] = tuple(model.strip() for model in given["models"].split(","))
    return Experiment(**given)


def _print(tables: Iterable[RenderableType], written: Iterable[Path]) -> None:
    """The tables, as wide as the terminal, or as a file has room for; and what else was written."""
    from art_snn.report import WIDTH

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in tables:
        console.print(table)
    console.print("\n".join(f"wrote {path}" for path in written), highlight=False)


def main() -> NoReturn:
    """Run the command; a wrong value is one line and exit status 2."""
    try:
        app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except (ValueError, TypeError, OSError) as error:
        _fail(_one_line(error))
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's own, whose class is not public in every version
            raise
        _fail(error.format_message())
    sys.exit(0)


def _fail(message: str) -> NoReturn:
    if message:  # the help of a bare `art-snn` has been printed already
        print(f"art-snn: {message}", file=sys.stderr)
    sys.exit(2)


def _one_line(error: Exception) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        if first["type"] == "value_error":
            return str(first["ctx"]["error"])
        name = ".".join(map(str, first["loc"]))
        return f"expected {name} to be {first['msg'].removeprefix('Input should be ')}, got {first['input']!r}"
    if isinstance(error, OSError) and error.filename is not None:  # python's own words
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())
