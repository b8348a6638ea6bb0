"""A sweep in plain words: what was measured, and what came out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from art_snn.metrics.statistics import Summary
from art_snn.report.findings import Findings, Setting, over_seeds
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import in_words

MOST = 8  # of anything that is listed
_FIGURES = {"accuracy": "accuracy", "asr": "attack success"}


def title(found: Findings) -> str:
    """What it is about, in one line."""
    if found.run:
        return found.run.recipe.title
    triggers = dict.fromkeys(str(cell["spec"]["attack"]["trigger"]) for cell in found.cells)
    titles = dict.fromkeys(str(cell["title"]) for cell in found.cells if "title" in cell)
    return f"Backdoors by {', '.join(triggers)} triggers" + " on " * bool(titles) + ", ".join(titles)


def summary(found: Findings) -> list[str]:
    """What was measured, in a few sentences."""
    seeds = sorted({cell["spec"]["run"]["seeds"][0] for cell in found.cells})
    titles = list(dict.fromkeys(cell["title"] for cell in found.cells if "title" in cell))
    attacks = dict.fromkeys(_attack(cell["spec"]["attack"]) for cell in found.cells)
    trained = f"{number_of(len(found.models), 'model')} ({listed(found.models)})" if found.models else "No model"
    were = "were" if len(found.models) > 1 else "was"
    of_recipe = [f"From {found.run.recipe.source}. It says: {found.run.recipe.claim}"] if found.run else []
    sentences = [
        *of_recipe,
        f"{number_of(len(found.cells), 'cell')}: {number_of(len(found.settings), 'setting')} with "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {listed(list(map(str, seeds)))}.",
        f"{trained} {were} trained with and without a backdoor{' on ' * bool(titles)}{listed(titles)}: "
        f"{listed(list(attacks))}.",
    ]
    if found.axes.axes:
        sentences.append(f"Varied: {'; '.join(_varied(found, axis) for axis in found.axes.axes)}.")
    return sentences


def _attack(attack: Mapping[str, Any]) -> str:
    named = f"{attack['trigger']} trigger" if attack["trigger"] else f"{attack['attack']} attack"
    return f"{named}, target class {attack['target_class']}"


def _varied(found: Findings, axis: str) -> str:
    """An axis with its values, and what goes with them."""
    own = list(dict.fromkeys(in_words(value) or "none" for value in found.axes.values[axis]))
    with_it = [
        f"{name} ({listed([in_words(value) or 'none' for value in values])})"
        for name, values in found.axes.companions.get(axis, {}).items()
    ]
    return f"{found.axes.headings[axis]} ({listed(own)})" + (f", and with it {', '.join(with_it)}" if with_it else "")


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
            of = f" of {number_of(tested, 'setting')}" if tested > 1 else " setting"
            named = f"{model} behind {defence}" if defence else model
            sentences.append(f"{named} against {against}, {_FIGURES.get(figure, figure)}: {', '.join(verdicts)}{of}.")
    return sentences


def number_of(n: int, noun: str) -> str:
    """A number of things.

    >>> number_of(1, "cell"), number_of(3, "cell")
    ('1 cell', '3 cells')
    """
    return f"{n} {noun}{'' if n == 1 else 's'}"


def listed(words: Sequence[str], between: str = ", ") -> str:
    """The first eight that are not empty, and how many more there are.

    >>> listed(["a", "", "b"]), listed(list("abcdefghij"))
    ('a, b', 'a, b, c, d, e, f, g, h and 2 more')
    """
    shown = [word for word in words if word][:MOST]
    return between.join(shown) + (f" and {len(words) - MOST} more" if len(words) > MOST else "")
