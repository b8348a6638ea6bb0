"""The subcommands: each calls the library, and prints what came of it."""

import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tomli_w
import torch
import typer

from art_snn import experiment, report
from art_snn._files import write_whole
from art_snn._progress import silence
from art_snn.cli import COMMANDS, new_app, told
from art_snn.cli.comparing import (
    is_done,
    over_seeds,
    results_folder,
    show,
    tell_doubts,
    tell_failures,
    tell_files,
    working,
)
from art_snn.cli.listing import listed
from art_snn.cli.options import OF_COMPARE, OF_TRIGGER, named_models, reference_lines, tables, taking
from art_snn.cli.recipe_choice import choice_of
from art_snn.experiment import Defended, Experiment, Result
from art_snn.sweep import Sweep, load_tables
from art_snn.sweep.display import duration
from art_snn.sweep.estimate import Estimate, estimate
from art_snn.sweep.folder import SweepFolder, write_cell
from art_snn.sweep.values import assignments

Found = TypeVar("Found", Result, Defended)

app = new_app()

Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for what is written. Results of the same options that are there are gone on with, others refused.",
        show_default="results/NAME-HASH of the options",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what is written as JSON instead of the table.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no table: files and errors only.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Another value at a place of the spec.")
]
Seed = Annotated[int, typer.Option(help="Decides split, poisoned rows, weights and order of batches.")]
Seeds = Annotated[str | None, typer.Option(help="Several seeds, with commas: figures come with intervals.")]
SaveSpec = Annotated[Path | None, typer.Option(metavar="FILE", help="Write these options as a file for run, and stop.")]
Models = Annotated[str, typer.Option(help="Of ann, if, lif, converted, hybrid; with commas.")]
DefenceNames = Annotated[
    str, typer.Option("--defences", help=f"all that fit, or with commas: {', '.join(experiment.defences())}.")
]


@app.command(help=COMMANDS["compare"])
@taking(OF_COMPARE)
def compare(
    models: Models = "ann,if,lif",
    seed: Seed = 0,
    seeds: Seeds = None,
    set_: Set = None,
    save_spec: SaveSpec = None,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    given = _given(options, models, seed, seeds, set_)
    if save_spec is not None:
        _save(given, save_spec)
        return
    spec = Experiment(**given)
    folder = results_folder("compare", spec, out, report.RESULTS)
    if len(spec.run.seeds) > 1:
        over_seeds(spec, folder, as_json, quiet)
        return
    with working(folder, lambda record: experiment.restored_result(spec, record), quiet) as known:
        result = experiment.run(spec, known=known, keep=lambda found: report.keep_result(found, folder.path))
        written = [] if is_done(folder, known) else report.write_result(result, folder.path)
        write_cell(result, folder.path)
    tell_doubts(report.notice(result.rows), quiet)
    show(result, lambda: [report.comparison_table(result)], folder, written, as_json, quiet)


@app.command(help=COMMANDS["defend"])
@taking(OF_COMPARE)
def defend(
    models: Models = "ann,lif",
    defences: DefenceNames = "all",
    share_of_clean_data: Annotated[
        float, typer.Option(help="Share of the training samples that is the defender's.")
    ] = 0.1,
    with_art: Annotated[bool, typer.Option("--with-art", help="Let ART's own detectors search beside ours.")] = False,
    seed: Seed = 0,
    seeds: Seeds = None,
    set_: Set = None,
    save_spec: SaveSpec = None,
    out: Out = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    given = _given(options, models, seed, seeds, set_)
    measure = {"share_of_clean_data": share_of_clean_data, "with_art": with_art, **given.get("measure", {})}
    if defences == "all":
        measure = {"detection": True, "elimination": True, **measure}
    else:
        given = {"defences": [name.strip() for name in defences.split(",")], **given}
    given["measure"] = measure
    if save_spec is not None:
        _save(given, save_spec)
        return
    spec = Experiment(**given)
    folder, drawn = results_folder("defend", spec, out, report.DEFENCES), list[Path]()
    if len(spec.run.seeds) > 1:
        over_seeds(spec, folder, as_json, quiet)
        return
    with working(folder, lambda record: experiment.restored_defended(spec, record), quiet) as known:
        defended = experiment.defend(
            spec, known=known, keep=lambda found: drawn.extend(report.keep_defended(found, folder.path))
        )
        done = is_done(folder, known)
        written = [] if done else [*report.write_defended(defended, folder.path, models=()), *drawn]
        write_cell(defended, folder.path)
    tell_doubts(report.notice(report.judged(defended)), quiet)
    show(defended, lambda: report.defence_tables(defended), folder, written, as_json, quiet)


@app.command(help=COMMANDS["show-trigger"])
@taking(OF_TRIGGER)
def show_trigger(seed: Seed = 0, out: Out = None, quiet: Quiet = False, **options: Any) -> None:
    spec = Experiment(**_given(options, "ann", seed, None, None, OF_TRIGGER))
    folder = results_folder("show-trigger", spec, out, report.TRIGGER)
    with folder.claimed() as known, silence() if quiet else nullcontext():
        shown = experiment.show_trigger(spec)
        record = {**folder.determined_by, "checksum": experiment.checksum_of(shown.rows.values())}
        if known is not None:
            experiment.check_same_data(record["checksum"], str(known.get("checksum")))
        is_done = known is not None and folder.has_all()
        written = [] if is_done else report.write_trigger(shown, folder.path, record)
    if not quiet:
        tell_files(folder, written)


@app.command(help=COMMANDS["run"], epilog="\n\n".join(["What a file can say:", *reference_lines()]))
def run(
    what: Annotated[
        str, typer.Argument(metavar="FILE|RECIPE", help="TOML file, or a recipe, see art-snn list recipes.")
    ],
    scale: Annotated[
        str | None, typer.Option(help="Size of a recipe: smoke, small or full.", show_default="small")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(help="Settings of a recipe: paper, or matched for all models alike.", show_default="matched"),
    ] = None,
    set_: Set = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="PATH=VALUE", help="Leave cells out that have another value there.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the cells.", show_default="results/NAME of file or recipe")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of a dask.distributed scheduler, tcp://…")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell cells, trainings, time and memory, and stop.")
    ] = False,
    save_models: Annotated[bool, typer.Option("--save-models", help="Keep the trained classifiers.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute cells again that failed before.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    choice = choice_of(what, scale, mode)
    sweep = Sweep(choice.spec, assignments(set_ or ()), assignments(only or ()))
    _tell_size(sweep, quiet and not dry_run)
    folder = out or choice.folder
    if dry_run:
        _tell_estimate(sweep, estimate(sweep, folder, retry_failed=retry_failed))
        return
    if choice.run is not None:
        choice.run.check_fits(folder)
        choice.run.write(folder)
    with _client(cluster) as client, silence() if quiet else nullcontext():
        results = sweep.run(folder, jobs, client, retry_failed=retry_failed, save_models=save_models)
    if not quiet:
        print(report.sweep_text(report.report_tables(load_tables(folder, results["cell"]))))
        print(f"wrote {len(sweep.cells)} cells to {folder / 'cells'}; art-snn report {folder} makes a page of them")
    tell_failures(sweep, results, folder)


@app.command("report", help=COMMANDS["report"])
def report_(
    folders: Annotated[list[Path], typer.Argument(help="Folders that run wrote into.")],
    no_pictures: Annotated[
        bool, typer.Option("--no-pictures", help="Show no triggers on the page: for these the data are read.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    for folder in folders:
        cells, tables = list(SweepFolder(folder).cells()), load_tables(folder)
        with silence() if quiet else nullcontext():
            made = report.write_report(folder, cells, tables, with_pictures=not no_pictures)
        if not quiet:
            print(report.sweep_text(made.tables))
            for path in made.paths:
                print(f"wrote {path}")


@app.command("list", help=COMMANDS["list"])
def list_(kind: Annotated[str | None, typer.Argument(help="One kind only, such as triggers.")] = None) -> None:
    for line in listed(kind):
        print(line)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    help=COMMANDS["bench"],
)
def bench(context: typer.Context) -> None:
    if not Path("tests/benchmarks/__main__.py").is_file():
        if {"-h", "--help"} & set(context.args):
            print(context.get_help())
            return
        raise ValueError(f"expected a checkout of art-snn as the working folder, got {Path.cwd()}")
    sys.path.insert(0, str(Path.cwd()))
    sys.argv[1:] = context.args
    importlib.import_module("tests.benchmarks.__main__").main()


def _given(
    options: dict[str, Any], models: str, seed: int, seeds: str | None, set_: list[str] | None, of: Any = OF_COMPARE
) -> dict[str, Any]:
    """The tables that a command's options describe; numbers depend on threads, of which torch takes its own."""
    chosen = [seed] if seeds is None else _whole_numbers(seeds)
    base = {"models": named_models(models), "run": {"seeds": chosen, "threads": torch.get_num_threads()}}
    return experiment.with_values(tables(of, options, base), assignments(set_ or ()))


def _whole_numbers(text: str) -> list[int]:
    try:
        return [int(one) for one in text.split(",")]
    except ValueError:
        raise ValueError(f"expected --seeds to be whole numbers with commas, got {text!r}") from None


def _save(given: dict[str, Any], path: Path) -> None:
    Experiment(**given)
    print(f"wrote {write_whole(path, tomli_w.dumps(given).encode())}; art-snn run {path} measures it")


def _tell_size(sweep: Sweep, quiet: bool) -> None:
    if not quiet:
        n_trainings = len(sweep.trainings)
        told(f"{len(sweep.cells)} cells, {n_trainings} trainings that differ (each cell by itself: {sweep.n_alone})")


def _tell_estimate(sweep: Sweep, found: Estimate) -> None:
    for label in sweep.labels:
        print(label)
    for reason, n in Counter(found.unreadable.values()).items():
        print(f"{n} cells would fail, as their data cannot be read: {reason}")
    kept = f" ({found.n_kept} are there already)" if found.n_kept else ""
    kept_trainings = f" ({found.n_trainings_kept} are there already)" if found.n_trainings_kept else ""
    size = (
        f"; about {duration(found.seconds)} of training one after the other, {found.peak_memory / 2**20:.0f} MiB a "
        f"training beside {found.data / 2**20:.0f} MiB of data"
    )
    told = f"{found.n_cells} cells{kept}, {found.n_trainings} trainings{kept_trainings}"
    print(told + (size if found.n_trainings else ""))


@contextmanager
def _client(address: str | None) -> Iterator[Any]:
    if address is None:
        yield None
        return
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ValueError(
            "expected the package dask.distributed for --cluster; pip install 'art-snn[cluster]'"
        ) from error
    with Client(address) as client:
        yield client
