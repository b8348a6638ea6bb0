"""What stands against the figures of a sweep, in plain words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from art_snn.evaluations.doubts import Doubt, is_invalid
from art_snn.recipes import RecipeRun
from art_snn.report.findings import Findings, Setting
from art_snn.report.words import MOST, listed, number_of

_PLACES = ("cell", "model", "defence", "timesteps")


class Point(NamedTuple):
    """A sentence of a list.

    Args:
        grade: "failed", "invalid", "caution" or "note".
        text: The sentence.
        details: What it is about, a line each.
    """

    grade: str
    text: str
    details: tuple[str, ...] = ()


def doubts(found: Findings) -> list[Point]:
    """What stands against the figures, the gravest first."""
    return [
        *_failed(found),
        *_doubted(
            found, "invalid", "are invalid: nothing derived of such a model means anything, so no figure is given"
        ),
        *_doubted(found, "caution", "call for caution; their figures are marked by ?"),
        *_of_measures(found),
        *(_of_recipe(found, found.run) if found.run else ()),
        *_few(found),
    ]


def _failed(found: Findings) -> Iterator[Point]:
    errors = [cell["error"] for cell in found.cells if "error" in cell]
    if errors:
        details = dict.fromkeys(f"{error['kind']}: {error['text']}" for error in errors)
        text = f"{len(errors)} of {number_of(len(found.cells), 'cell')} failed, and their figures are missing."
        yield Point("failed", f"{text} art-snn run --retry-failed computes them again.", tuple(details)[:MOST])
    lines = found.tables.get("failures", pd.DataFrame())
    if len(lines):
        details = dict.fromkeys(f"{one.defence} on {one.model}: {one.error}" for one in lines.itertuples())
        yield Point(
            "failed", f"{number_of(len(lines), 'defence')} raised an error on a trained model.", tuple(details)[:MOST]
        )


def _doubted(found: Findings, grade: str, what: str) -> Iterator[Point]:
    """Rows of one grade, by model and setting."""
    rows = [(one, row) for one in found.settings for row in one.rows.filter(["model", "doubts"]).to_dict("records")]
    of_grade = [(one, row["model"]) for one, row in rows if _grade(row) == grade]
    if not of_grade:
        return
    where: dict[str, list[Setting]] = {}
    for setting, model in of_grade:
        where.setdefault(model, []).append(setting)
    details = [f"{model}: {number_of(len(some), 'row')}{_places(found, some)}" for model, some in where.items()]
    yield Point(
        grade,
        f"{len(of_grade)} of {number_of(len(rows), 'row')} (one a model, setting and seed) {what}.",
        tuple(details),
    )


def _places(found: Findings, settings: Sequence[Setting]) -> str:
    """Which settings these are; nothing where there is one only."""
    axes, texts = found.axes.axes, dict.fromkeys(found.text(one.values) for one in settings)
    if len(axes) == 1:
        texts = dict.fromkeys(text.removeprefix(f"{found.axes.headings[axes[0]]} ") for text in texts)
    heading = f"{found.axes.headings[axes[0]]} " if len(axes) == 1 else ""
    return f", {heading}{listed(list(texts), '; ' if len(axes) > 1 else ', ')}" if axes else ""


def _grade(row: Mapping[str, Any]) -> str:
    found = [Doubt(*one) for one in row["doubts"]] if isinstance(row.get("doubts"), list) else []
    return "invalid" if is_invalid(found) else "caution" if found else ""


def _of_measures(found: Findings) -> Iterator[Point]:
    """Doubts about what was measured beside the main figures, which are not those of the models themselves."""
    lines: list[Any] = next(
        (table.numbers.to_dict("records") for table in found.report if table.name == "problems"), []
    )
    told = {(line["cell"], line["model"], line["problem"]) for line in lines if line["table"] == "rows"}
    own = [line for line in lines if (line["cell"], line["model"], line["problem"]) not in told]
    for grade, what in (("invalid", "mean nothing and have no figure"), ("caution", "call for caution")):
        some = {(line["table"], *(line[name] for name in _PLACES)) for line in own if line["grade"] == grade}
        if some:
            tables = listed(sorted({table.replace("_", " ") for table, *_ in some}))
            text = f"Beside the main figures ({tables}) {number_of(len(some), 'line')} {what}; the reasons stand below."
            yield Point(grade, text)


def _of_recipe(found: Findings, run: RecipeRun) -> Iterator[Point]:
    """What separates the sweep from its publication, and what the publication itself compares unlike."""
    at, mode = run.recipe.at_scale(run.scale), run.recipe.in_mode(run.mode)
    if otherwise := found.compared[0].notes:
        yield Point("caution", f"Not a reproduction: this is the scale {run.scale}. {at.about}", otherwise)
    if mode.confounds:
        text = f"The mode {run.mode} follows the publication, which treats unlike what it compares:"
        yield Point("caution", text, mode.confounds)
    if mode.left_out:
        yield Point("note", "What the publication did and this does not:", mode.left_out)


def _few(found: Findings) -> Iterator[Point]:
    """What is missing, mixed or measured once only."""
    if found.n_cells is not None and found.n_cells > len(found.cells):
        yield Point("note", f"The spec stands for {found.n_cells} cells, of which {len(found.cells)} are here.")
    if half := sum(cell.get("complete") is False for cell in found.cells):
        yield Point(
            "caution",
            f"{number_of(half, 'cell')} {'holds some of its' if half == 1 else 'hold some of their'} models only.",
        )
    if "versions" in found.axes.axes:
        yield Point("caution", "The cells were computed by different versions; the tables keep these apart.")
    if found.settings and max(one.rows["seed"].nunique() for one in found.settings) == 1:
        text = "One seed a setting: intervals are over samples and say nothing about other trainings."
        yield Point("caution", f"{text} No difference is tested.")
