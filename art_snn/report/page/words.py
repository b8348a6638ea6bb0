"""A sweep in plain words: what stands against its figures, and what came out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from art_snn.evaluations.doubts import Doubt, is_invalid
from art_snn.experiment import Experiment
from art_snn.metrics.statistics import Summary
from art_snn.recipes import RecipeRun
from art_snn.recipes.departures import departures
from art_snn.report.findings import Findings, Setting, over_seeds
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import in_words

_MOST = 8  # of anything that is listed
_FIGURES = {"accuracy": "accuracy", "asr": "attack success"}


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


def doubts(found: Findings, given: Mapping[str, Any] | None, run: RecipeRun | None = None) -> list[Point]:
    """What stands against the figures, the gravest first.

    Args:
        found: The findings.
        given: Tables of the sweep's spec, where they are known: they say how many cells there should be.
        run: The recipe that was run, where it was one.
    """
    return [
        *_failed(found),
        *_doubted(
            found, "invalid", "are invalid: nothing derived of such a model means anything, so no figure is given"
        ),
        *_doubted(found, "caution", "call for caution; their figures are marked by ?"),
        *(_of_recipe(found, run) if run else ()),
        *_few(found, given),
    ]


def _failed(found: Findings) -> Iterator[Point]:
    errors = [cell["error"] for cell in found.cells if "error" in cell]
    if errors:
        details = dict.fromkeys(f"{error['kind']}: {error['text']}" for error in errors)
        text = f"{len(errors)} of {_n(len(found.cells), 'cell')} failed, and their figures are missing."
        yield Point("failed", f"{text} art-snn run --retry-failed computes them again.", tuple(details)[:_MOST])
    lines = found.tables.get("failures", pd.DataFrame())
    if len(lines):
        details = dict.fromkeys(f"{one.defence} on {one.model}: {one.error}" for one in lines.itertuples())
        yield Point(
            "failed", f"{_n(len(lines), 'defence')} raised an error on a trained model.", tuple(details)[:_MOST]
        )


def _doubted(found: Findings, grade: str, what: str) -> Iterator[Point]:
    """Rows of one grade, by model and setting."""
    rows = [(one, row) for one in found.settings for row in one.rows.to_dict("records")]
    of_grade = [(one, row["model"]) for one, row in rows if _grade(row) == grade]
    if not of_grade:
        return
    where: dict[str, list[Setting]] = {}
    for setting, model in of_grade:
        where.setdefault(model, []).append(setting)
    details = [f"{model}: {_n(len(some), 'row')}{_places(found, some)}" for model, some in where.items()]
    yield Point(
        grade, f"{len(of_grade)} of {_n(len(rows), 'row')} (one a model, setting and seed) {what}.", tuple(details)
    )


def _places(found: Findings, settings: Sequence[Setting]) -> str:
    """Which settings these are; nothing where there is one only."""
    axes, texts = found.axes.axes, dict.fromkeys(found.text(one.values) for one in settings)
    if len(axes) == 1:
        texts = dict.fromkeys(text.removeprefix(f"{found.axes.headings[axes[0]]} ") for text in texts)
    heading = f"{found.axes.headings[axes[0]]} " if len(axes) == 1 else ""
    return f", {heading}{_list(list(texts), '; ' if len(axes) > 1 else ', ')}" if axes else ""


def _grade(row: Mapping[str, Any]) -> str:
    found = [Doubt(*one) for one in row["doubts"]] if isinstance(row.get("doubts"), list) else []
    return "invalid" if is_invalid(found) else "caution" if found else ""


def _of_recipe(found: Findings, run: RecipeRun) -> Iterator[Point]:
    """What separates the sweep from its publication, and what the publication itself compares unlike."""
    at, mode = run.recipe.at_scale(run.scale), run.recipe.in_mode(run.mode)
    if otherwise := departures(run.recipe, found.results):
        yield Point("caution", f"Not a reproduction: this is the scale {run.scale}. {at.about}", otherwise)
    if mode.confounds:
        text = f"The mode {run.mode} follows the publication, which treats unlike what it compares:"
        yield Point("caution", text, mode.confounds)
    if mode.left_out:
        yield Point("note", "What the publication did and this does not:", mode.left_out)


def _few(found: Findings, given: Mapping[str, Any] | None) -> Iterator[Point]:
    """What is missing, mixed or measured once only."""
    n_cells = _n_cells(given)
    if n_cells is not None and n_cells > len(found.cells):
        yield Point("note", f"The spec stands for {n_cells} cells, of which {len(found.cells)} are here.")
    if half := sum(cell.get("complete") is False for cell in found.cells):
        yield Point(
            "caution", f"{_n(half, 'cell')} {'holds some of its' if half == 1 else 'hold some of their'} models only."
        )
    if "versions" in found.axes.axes:
        yield Point("caution", "The cells were computed by different versions; the tables keep these apart.")
    if found.settings and max(one.rows["seed"].nunique() for one in found.settings) == 1:
        text = "One seed a setting: intervals are over samples and say nothing about other trainings."
        yield Point("caution", f"{text} No difference is tested.")


def _n_cells(given: Mapping[str, Any] | None) -> int | None:
    try:
        return None if given is None else len(Experiment(**given).cells())
    except (ValueError, TypeError):  # a spec of another version
        return None


def summary(found: Findings, run: RecipeRun | None = None) -> list[str]:
    """What was measured, in a few sentences.

    Args:
        found: The findings.
        run: The recipe that was run, where it was one.
    """
    seeds = sorted({cell["spec"]["run"]["seeds"][0] for cell in found.cells})
    titles = list(dict.fromkeys(cell["title"] for cell in found.cells if "title" in cell))
    attacks = dict.fromkeys(_attack(cell["spec"]["attack"]) for cell in found.cells)
    trained = f"{_n(len(found.models), 'model')} ({_list(found.models)})" if found.models else "No model"
    were = "were" if len(found.models) > 1 else "was"
    of_recipe = [f"From {run.recipe.source}. It says: {run.recipe.claim}"] if run else []
    sentences = [
        *of_recipe,
        f"{_n(len(found.cells), 'cell')}: {_n(len(found.settings), 'setting')} with "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {_list(list(map(str, seeds)))}.",
        f"{trained} {were} trained with and without a backdoor{' on ' * bool(titles)}{_list(titles)}: "
        f"{_list(list(attacks))}.",
    ]
    if found.axes.axes:
        varied = (f"{found.axes.headings[axis]} ({_list(_values(found, axis))})" for axis in found.axes.axes)
        sentences.append(f"Varied: {'; '.join(varied)}.")
    return sentences


def _attack(attack: Mapping[str, Any]) -> str:
    return f"{attack['trigger']} trigger, target class {attack['target_class']}"


def _values(found: Findings, axis: str) -> list[str]:
    values = found.axes.values[axis]
    return list(dict.fromkeys(in_words(value) or "none" for value in values))


def outcomes(found: Findings) -> list[str]:
    """What came out for each model, a sentence each."""
    return [f"{model}: {'; '.join(_outcome(found, model))}." for model in found.models]


def _outcome(found: Findings, model: str) -> Iterator[str]:
    settings = [one for one in found.settings if model in one.models]
    for figure, words in (("asr", "attack success"), ("accuracy", "accuracy on clean samples"), ("floor", "floor")):
        known = [(mean, one) for one in settings if not math.isnan(mean := _over_seeds(one, model, figure).mean)]
        if not known:
            yield f"no {words}" + (", as no row means anything" if figure == "asr" else "")
            continue
        (low, low_at), (high, high_at) = min(known, key=lambda one: one[0]), max(known, key=lambda one: one[0])
        if figure == "floor" or low == high:
            yield f"{words} {'at most ' if low < high else ''}{high:.3f}"
        else:
            yield f"{words} from {low:.3f} ({found.text(low_at.values)}) to {high:.3f} ({found.text(high_at.values)})"


def _over_seeds(setting: Setting, model: str, figure: str) -> Summary:
    rows = setting.of(model)
    return over_seeds(list(rows[figure]) if figure in rows else [])


def differences(tables: Sequence[ReportTable]) -> list[str]:
    """What the tests of differences say, a sentence each."""
    lines = next((table.numbers for table in tables if table.name == "differences"), pd.DataFrame())
    by = ["figure", "model", "against", "defence"]
    if not {*by, "verdict"} <= set(lines):
        return []
    sentences = []
    for (figure, model, against, defence), some in lines.groupby(by, sort=False):
        times = some["verdict"].value_counts()
        verdicts = [f"{verdict} in {n}" for verdict, n in sorted(times.items()) if verdict != "not tested"]
        tested = len(some) - times.get("not tested", 0)
        if tested:
            of = f" of {_n(tested, 'setting')}" if tested > 1 else " setting"
            named = f"{model} behind {defence}" if defence else model
            sentences.append(f"{named} against {against}, {_FIGURES.get(figure, figure)}: {', '.join(verdicts)}{of}.")
    return sentences


def _n(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _list(words: Sequence[str], between: str = ", ") -> str:
    shown = [word for word in words if word][:_MOST]
    return between.join(shown) + (f" and {len(words) - _MOST} more" if len(words) > _MOST else "")
