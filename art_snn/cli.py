"""The command `art-snn`: parse, call, print."""

import importlib
import io
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import RenderableType

import art_snn as package
from art_snn._command_options import DATA, DEFENDER, JSON, MODELS, OUT, QUIET, SEED, TRAINING, TRIGGER_SHAPE, taking
from art_snn._option_wording import in_options, one_line
from art_snn._progress import silence

if TYPE_CHECKING:
    from art_snn.experiment import Defended, Experiment, Result
    from art_snn.report import ResultsFolder

Found = TypeVar("Found", "Result", "Defended")
INTERRUPTED, CLOSED_PIPE = 128 + signal.SIGINT, 128 + 13  # as a shell gives them; Windows knows no SIGPIPE
EXIT_STATUSES = (
    "Exit status: 0 all done; 2 a wrong value, or what the machine cannot do, in one line; 130 interrupted, and models "
    "that are finished are kept; 141 nobody read the output any more; 1 a fault of this program."
)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"art-snn {package.__version__}")
        raise typer.Exit


@app.callback(epilog=EXIT_STATUSES)
def art_snn(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Backdoor attacks, defences and measurements for spiking neural networks."""


@app.command()
@taking(DATA, MODELS, TRIGGER_SHAPE, TRAINING, SEED, OUT, JSON, QUIET)
def compare(out: Path | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Train an ANN and SNNs on clean and on poisoned data, and compare what the backdoor does to them."""
    spec = _spec(options)
    from art_snn.experiment import identity, restored_result, run
    from art_snn.report import RESULTS, ResultsFolder, comparison_table, keep_result, notice, write_result

    determined_by = identity(spec)
    folder = ResultsFolder(out or _default_out("compare", determined_by), *RESULTS, determined_by)
    with _working(folder, lambda record: restored_result(spec, record), quiet) as known:
        result = run(spec, known=known, keep=lambda found: keep_result(found, folder.path))
        written = [] if _is_done(folder, known) else write_result(result, folder.path)
    _tell_doubts(notice(result.rows), quiet)
    _show(result, lambda: [comparison_table(result)], folder, written, as_json, quiet)


@app.command()
@taking(DATA, MODELS, DEFENDER, TRIGGER_SHAPE, TRAINING, SEED, OUT, JSON, QUIET, models="ann,lif")
def defend(
    defences: str,
    share_of_clean_data: float,
    with_art: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Set defences on backdoored and on clean models: who finds the poison, who is accused, what is left of it."""
    spec = _spec(options)
    from art_snn import experiment
    from art_snn.report import DEFENCES, ResultsFolder, defence_tables, judged, keep_defended, notice, write_defended

    names = None if defences == "all" else tuple(name.strip() for name in defences.split(","))
    settings = experiment.defence_settings(spec, names, share_of_clean_data, with_art)
    determined_by = experiment.identity(spec, settings=settings)
    folder, drawn = ResultsFolder(out or _default_out("defend", determined_by), *DEFENCES, determined_by), list[Path]()
    with _working(folder, lambda record: experiment.restored_defended(spec, record), quiet) as known:
        defended = experiment.defend(
            spec,
            names,
            share_of_clean_data=share_of_clean_data,
            with_art=with_art,
            known=known,
            keep=lambda found: drawn.extend(keep_defended(found, folder.path)),
        )
        written = [] if _is_done(folder, known) else [*write_defended(defended, folder.path, models=()), *drawn]
    _tell_doubts(notice(judged(defended)), quiet)
    _show(defended, lambda: defence_tables(defended), folder, written, as_json, quiet)


@app.command()
@taking(DATA, TRIGGER_SHAPE, SEED, OUT, QUIET, data="digits-dvs")
def show_trigger(out: Path | None, quiet: bool, **options: Any) -> None:
    """Draw what a trigger does to a sample, in frames and among events: a contact sheet and an animation."""
    spec = _spec(options)
    from art_snn import experiment
    from art_snn.report import TRIGGER, ResultsFolder, write_trigger

    determined_by = experiment.identity(spec)
    folder = ResultsFolder(out or _default_out("show-trigger", determined_by), *TRIGGER, determined_by)
    with folder.claimed() as known, silence() if quiet else nullcontext():
        shown = experiment.show_trigger(spec)
        record = {**determined_by, "checksum": experiment.checksum_of(shown.rows.values())}
        if known is not None:
            experiment.check_same_data(record["checksum"], str(known.get("checksum")))
        is_done = known is not None and folder.has_all()
        written = [] if is_done else write_trigger(shown, folder.path, record)
    if not quiet:
        _tell_files(folder, written)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Time art_snn against what users would write by hand; in a checkout with the extra bench, --help says more."""
    if not Path("tests/benchmarks/__main__.py").is_file():
        if {"-h", "--help"} & set(context.args):
            print(context.get_help())
            return
        raise ValueError(f"expected a checkout of art-snn as the working folder, got {Path.cwd()}")
    sys.path.insert(0, str(Path.cwd()))
    sys.argv[1:] = context.args
    importlib.import_module("tests.benchmarks.__main__").main()


def _spec(options: dict[str, Any]) -> "Experiment":
    """The experiment that a command's options describe."""
    from art_snn.experiment import Experiment

    given = {name: value for name, value in options.items() if name in Experiment.model_fields}
    if "models" in given:
        given["models"] = tuple(model.strip() for model in given["models"].split(","))
    return Experiment(**given)


def _default_out(command: str, determined_by: dict[str, Any]) -> Path:
    from art_snn.experiment import digest

    return Path("results", f"{command}-{determined_by['spec']['data']}-{digest(determined_by)}")


@contextmanager
def _working(
    folder: "ResultsFolder", restore: Callable[[dict[str, Any]], Found], quiet: bool
) -> Iterator["Found | None"]:
    """Hold the folder, and show no progress where none is wanted; gives what had been found before."""
    with folder.claimed() as record, silence() if quiet else nullcontext():
        try:
            known = None if record is None else restore(record)
        except ValueError as error:
            file = folder.path / folder.record
            raise ValueError(f"{file}: {error}; remove it, or name another folder with --out") from error
        if known is not None and not known.is_complete and not quiet:
            _told(f"goes on in {folder.path}, where {', '.join(row.model for row in known.rows)} is finished", 0)
        yield known


def _is_done(folder: "ResultsFolder", known: "Result | Defended | None") -> bool:
    """Whether nothing was left to do."""
    return known is not None and known.is_complete and folder.has_all()


def _show(
    found: "Result | Defended",
    tables: Callable[[], Iterable[RenderableType]],
    folder: "ResultsFolder",
    written: list[Path],
    as_json: bool,
    quiet: bool,
) -> None:
    """Print what was found, as it is asked for."""
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    elif not quiet:
        from art_snn.report import as_text

        print(as_text(tables(), sys.stdout.isatty()), end="")
        _tell_files(folder, written)


def _tell_files(folder: "ResultsFolder", written: list[Path]) -> None:
    for path in written:
        print(f"wrote {path}")
    if not written:
        print(f"done before, nothing to do: {folder.path / folder.record}")


def _tell_doubts(doubts: str, quiet: bool) -> None:
    """One line about results that mean nothing, or less than they seem to."""
    if doubts and not quiet:
        _told(f"{doubts}; the reasons are under 'doubts' in the JSON and below the tables", 0)


def main() -> NoReturn:
    """Run the command; a wrong value is one line and exit status 2."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started this
            setattr(sys, name, io.StringIO())
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that has no such letter
    with warnings.catch_warnings():
        warnings.showwarning = _tell_warning
        status = _run(sys.argv[1:])
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    try:
        with typer.main.get_command(app).make_context("art-snn", arguments) as context:
            context.command.invoke(context)
        sys.stdout.flush()
    except KeyboardInterrupt as error:
        return _told("; ".join(["interrupted", *getattr(error, "__notes__", [])]), INTERRUPTED)
    except BrokenPipeError:
        _close_output()
        return CLOSED_PIPE
    except (ValueError, TypeError, OSError, MemoryError) as error:
        return _told(in_options(one_line(error), _options()), 2)
    except Exception as error:  # typer's own, whose classes are not public in every version
        if hasattr(error, "exit_code") and not hasattr(error, "format_message"):
            return int(error.exit_code)
        if isinstance(error, RuntimeError) and "memory" in str(error):  # torch's, of CPU and GPU
            return _told(f"expected what memory holds, got: {' '.join(str(error).split())}", 2)
        if not hasattr(error, "format_message"):
            raise
        return _told(error.format_message(), 2)
    return 0


def _close_output() -> None:
    """What could not be written is not tried again as python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _told(message: str, status: int) -> int:
    """Print a line for people; returns the exit status."""
    if message:  # the help of a bare `art-snn` has been printed already
        print(f"art-snn: {message}", file=sys.stderr)
    return status


def _tell_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _told(in_options(" ".join(str(message).split()), _options()), 0)


def _options() -> dict[str, str]:
    """By the name of an argument the option that sets it, of all commands."""
    commands = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    return {option.name: option.opts[0] for command in commands for option in command.params if option.opts}
