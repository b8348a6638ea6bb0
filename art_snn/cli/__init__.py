"""The command `art-snn`: parse, call, print."""

import importlib
import io
import os
import signal
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer

import art_snn as package
from art_snn._workers import warm_up
from art_snn.cli.option_wording import at_options, in_options, lines_of

FAILED = 3  # some cells
INTERRUPTED, CLOSED_PIPE = 128 + signal.SIGINT, 128 + 13  # as a shell gives them; Windows knows no SIGPIPE
EXIT_STATUSES = (
    "Exit status: 0 all done; 2 a wrong value, or what the machine cannot do; 3 some cells failed, the others are "
    "done; 130 interrupted, and what is finished is kept; 141 nobody read the output any more; 1 a fault of this "
    "program."
)
COMMANDS = {  # told before anything heavy is loaded; each is a function of `art_snn.cli.commands`
    "run": "Measure all cells of an experiment, a file's or a recipe's; what is there already is not measured again.",
    "report": "Report on experiments: one page for a browser, and its tables as Markdown, CSV and LaTeX.",
    "list": "What there is to choose from, by kind: one line each, with its source.",
    "compare": "Train an ANN and SNNs on clean and on poisoned data, and compare what the backdoor does to them.",
    "defend": "Set defences on backdoored and clean models: who finds the poison, who is accused, what is left of it.",
    "show-trigger": "Draw what a trigger does to a sample, in frames and among events: a contact sheet, an animation.",
    "bench": "Time art_snn against what users would write by hand; in a checkout with the extra bench.",
}


def new_app() -> typer.Typer:
    """The command without its subcommands."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=EXIT_STATUSES)(art_snn)
    return app


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"art-snn {package.__version__}")
        raise typer.Exit


def art_snn(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Backdoor attacks, defences and measurements for spiking neural networks."""


def outline() -> typer.Typer:
    """The command as far as its help and completion need it."""
    app = new_app()
    for name, text in COMMANDS.items():
        app.command(name, help=text)(lambda: None)
    return app


def main() -> NoReturn:
    """Run the command; a wrong value is told in a line, and exit status 2."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started this
            setattr(sys, name, io.StringIO())
        if hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that has no such letter
    with warnings.catch_warnings():
        warnings.showwarning = _tell_warning
        status = _run(sys.argv[1:])
    sys.exit(status)


def app_for(arguments: list[str]) -> typer.Typer:
    """The whole command where one of its subcommands is named, which takes seconds to load; else its outline."""
    words = [*arguments, *os.environ.get("COMP_WORDS", "").split()]
    if not any(word in COMMANDS for word in words):
        return outline()
    if arguments[:1] == ["run"] and any(word.startswith("--jobs") for word in arguments):
        warm_up("art_snn.experiment.cell")  # the processes load while this one does
    app: typer.Typer = importlib.import_module("art_snn.cli.commands").app
    return app


def _run(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    app = outline()
    try:
        app = app_for(arguments)
        with typer.main.get_command(app).make_context("art-snn", arguments) as context:
            context.command.invoke(context)
        sys.stdout.flush()
    except KeyboardInterrupt as error:
        return told("; ".join(["interrupted", *getattr(error, "__notes__", [])]), INTERRUPTED)
    except BrokenPipeError:
        _close_output()
        return CLOSED_PIPE
    except (ValueError, TypeError, OSError, MemoryError) as error:
        return told("\n".join(_in_words_of_options(line, app) for line in lines_of(error)), 2)
    except Exception as error:  # typer's own, whose classes are not public in every version
        if hasattr(error, "exit_code") and not hasattr(error, "format_message"):
            return int(error.exit_code)
        if isinstance(error, RuntimeError) and "memory" in str(error):  # torch's, of CPU and GPU
            return told(f"expected what memory holds, got: {' '.join(str(error).split())}", 2)
        if not hasattr(error, "format_message"):
            raise
        return told(error.format_message(), 2)
    return 0


def _close_output() -> None:
    """What could not be written is not tried again as python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def told(message: str, status: int = 0) -> int:
    """Print lines for people; returns the exit status."""
    for line in message.splitlines():  # none for the help of a bare `art-snn`, which has been printed already
        print(f"art-snn: {line}", file=sys.stderr)
    return status


def _tell_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    told(_in_words_of_options(" ".join(str(message).split()), app_for(sys.argv[1:])))


def _in_words_of_options(message: str, app: typer.Typer) -> str:
    """What the library says of arguments and places in a spec, as options where a command has some for them."""
    if sys.argv[1:2] not in (["compare"], ["defend"], ["show-trigger"]):
        return message
    places = importlib.import_module("art_snn.cli.options").PLACES
    return in_options(at_options(message, places), _options(app))


def _options(app: typer.Typer) -> dict[str, str]:
    """By the name of an argument the option that sets it, of all commands."""
    commands = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    return {option.name: option.opts[0] for command in commands for option in command.params if option.opts}
