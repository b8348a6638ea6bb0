"""Tables of a sweep: every figure over seeds with its interval, and differences between models that are tested."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from art_snn._files import write_whole
from art_snn.metrics.statistics import Summary, paired_difference, summary

FIGURES = {  # column -> heading, and the column of the denominator where the figure is a share of samples
    "accuracy_clean": ("accuracy of the clean twin", "n_asr_all"),
    "accuracy": ("accuracy", "n_asr_all"),
    "asr": ("ASR", "n_asr"),
    "floor": ("floor", "n_asr"),
    "robust_accuracy": ("robust accuracy", "n_asr"),
    "migration.rate": ("migration", None),
    "migration.rate_above_floor": ("migration above floor", None),
}
OTHER_TABLES = ("detection", "verdicts", "elimination", "failures")
COMPARED = ("accuracy", "asr")
_AXES = ("versions", "defences")
_NO_SPEC = ("model.", "models.", "migration.", "measures.")
_NOT_AXES = ("model.name", "seed", "cell", "run.seeds", "model", "error")


@dataclass(frozen=True)
class SweepTables:
    """What a sweep found, in three tables.

    Args:
        figures: A line a setting and model; of each figure mean, standard deviation, number of seeds, interval, kind.
        differences: A line a setting, figure and model: against the first model, paired over seeds.
        problems: Cells that failed, and doubts.
        axes: The columns that tell settings apart.
    """

    figures: pd.DataFrame
    differences: pd.DataFrame
    problems: pd.DataFrame
    axes: tuple[str, ...]


def sweep_tables(results: pd.DataFrame) -> SweepTables:
    """The tables of `art_snn.sweep.load_results`."""
    results = results.loc[:, ~results.columns.duplicated()]
    axes = _axes(results)
    results = results.iloc[
        sorted(range(len(results)), key=lambda row: [_order(results[axis].iloc[row]) for axis in axes])
    ]
    done = results[results["error"].isna()] if "error" in results else results
    if "model" not in done:  # every cell failed
        return SweepTables(pd.DataFrame(), pd.DataFrame(), _problems(results, axes), tuple(axes))
    _check_seeds_differ(done, axes)
    groups = [(key, rows) for key, rows in _grouped(done, [*axes, "model"])]
    figures = pd.DataFrame([{**key, **_summaries(rows)} for key, rows in groups])
    differences = pd.DataFrame([line for key, rows in _grouped(done, axes) for line in _differences(key, rows)])
    return SweepTables(figures, differences, _problems(results, axes), tuple(axes))


def _axes(results: pd.DataFrame) -> list[str]:
    """Columns of spec and versions whose values differ between cells, and of models between those of one name."""
    spec = [name for name in results.columns if name in _AXES or ("." in name and not name.startswith(_NO_SPEC))]
    axes = [name for name in spec if name not in _NOT_AXES and results[name].map(repr).nunique() > 1]
    if "model" not in results:
        return axes
    own = [name for name in results.columns if name.startswith("model.") and name not in _NOT_AXES]
    return axes + [
        name for name in own if (results.groupby("model")[name].agg(lambda one: one.map(repr).nunique()) > 1).any()
    ]


def _order(value: Any) -> tuple[int, Any]:
    """Numbers as numbers, the rest as it is written."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, value) if is_number else (1, str(value))


def _check_seeds_differ(done: pd.DataFrame, axes: list[str]) -> None:
    """Each row of a setting and model is of a seed of its own: else others would pass for seeds."""
    keys = done[[*axes, "model", "seed"]].map(_hashable)
    if (twice := keys[keys.duplicated()]).empty:
        return
    raise ValueError(
        f"expected one row a setting, model and seed, got several of {dict(twice.iloc[0])}: the data have changed "
        "between cells; remove the old ones, or report another folder"
    )


def _grouped(results: pd.DataFrame, by: Sequence[str]) -> Iterable[tuple[dict[str, Any], pd.DataFrame]]:
    if not by:
        return [({}, results)] if len(results) else []
    keys = results[list(by)].map(_hashable)
    groups = results.groupby([keys[name] for name in by], sort=False, dropna=False)
    return [(dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True)), rows) for key, rows in groups]


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict) else value


def _summaries(rows: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {"seeds": len(rows)}
    for name, (_, denominator) in FIGURES.items():
        if name in rows and rows[name].notna().any():
            found |= {f"{name}.{part}": value for part, value in _parts(_summary(rows, name, denominator)).items()}
    found["doubts"] = (
        sum(len(doubts) for doubts in rows["doubts"] if isinstance(doubts, list)) if "doubts" in rows else 0
    )
    return found


def _summary(rows: pd.DataFrame, name: str, denominator: str | None) -> Summary:
    values = rows[name].to_numpy(float)
    counts = None
    if len(rows) == 1 and denominator in rows and not math.isnan(values[0]):
        n = int(rows[denominator].iloc[0])
        counts = round(values[0] * n), n
    return summary(values, counts=counts)


def _parts(found: Summary) -> dict[str, Any]:
    return {
        "mean": found.mean,
        "sd": found.sd,
        "n": found.n,
        "low": found.low,
        "high": found.high,
        "interval": found.kind,
    }


def _differences(key: dict[str, Any], rows: pd.DataFrame) -> Iterable[dict[str, Any]]:
    models = list(dict.fromkeys(rows["model"]))
    by_model = {model: rows[rows["model"] == model].set_index("seed") for model in models}
    for figure in COMPARED:
        for model in models[1:]:
            pair = by_model[model][figure].align(by_model[models[0]][figure], join="inner")
            resolution = 1 / max(1, int(rows[FIGURES[figure][1]].max()))
            found = paired_difference(*(side.to_numpy(float) for side in pair), resolution=resolution)
            yield {**key, "figure": figure, "model": model, "against": models[0], **found._asdict()}


def _problems(results: pd.DataFrame, axes: list[str]) -> pd.DataFrame:
    lines = []
    for _, row in results.iterrows():
        where = {"cell": row["cell"], **{axis: row[axis] for axis in axes}, "seed": row["seed"]}
        if isinstance(row.get("error"), str):
            lines.append({**where, "model": "", "problem": f"failed: {row['error']}"})
            continue
        for code, grade, text in row["doubts"] if isinstance(row.get("doubts"), list) else ():
            lines.append({**where, "model": row["model"], "problem": f"{grade}: {text} ({code})"})
    return pd.DataFrame(lines)


def sweep_text(results: pd.DataFrame) -> str:
    """The tables in Markdown, for a terminal or a page."""
    tables = sweep_tables(results)
    parts = [_markdown(_in_words(tables)), _notes(tables)] if len(tables.figures) else []
    if len(tables.differences):
        parts.append(_markdown(_differences_in_words(tables)))
    if len(tables.problems):
        parts.append(_markdown(tables.problems.astype(str)))
    return "\n\n".join(part for part in parts if part)


def write_sweep(results: pd.DataFrame, folder: Path, others: Mapping[str, pd.DataFrame] | None = None) -> list[Path]:
    """Write `report.md`, figures and differences as CSV and LaTeX, and each other table as it is; returns the paths."""
    tables = sweep_tables(results)
    return [
        write_whole(folder / "report.md", (sweep_text(results) + "\n").encode()),
        write_whole(folder / "figures.csv", tables.figures.to_csv(index=False).encode()),
        write_whole(folder / "differences.csv", tables.differences.to_csv(index=False).encode()),
        *(
            write_whole(folder / f"{name}.csv", other.to_csv(index=False).encode())
            for name, other in (others or {}).items()
            if len(other)
        ),
        write_whole(folder / "figures.tex", _latex(_in_words(tables)).encode()),
    ]


def _in_words(tables: SweepTables) -> pd.DataFrame:
    """Figures as people read them: mean ± standard deviation [interval]."""
    lines = []
    for _, row in tables.figures.iterrows():
        line = {axis.rpartition(".")[2]: row[axis] for axis in tables.axes} | {"model": row["model"]}
        for name, (heading, _) in FIGURES.items():
            if f"{name}.mean" in tables.figures:
                line[heading] = _figure_in_words(row, name)
        lines.append(line | {"seeds": row["seeds"]})
    return pd.DataFrame(lines)


def _figure_in_words(row: pd.Series, name: str) -> str:
    mean, sd, low, high = (row.get(f"{name}.{part}", math.nan) for part in ("mean", "sd", "low", "high"))
    if not isinstance(mean, float) or math.isnan(mean):
        return "–"
    spread = "" if math.isnan(sd) else f" ± {sd:.3f}"
    interval = "" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]"
    n, n_seeds = row.get(f"{name}.n", 0), row["seeds"]
    return f"{mean:.3f}{spread}{interval}" + (f" ({n:.0f} of {n_seeds:.0f} seeds)" if n < n_seeds else "")


def _notes(tables: SweepTables) -> str:
    """What stands in the brackets."""
    found = {
        text: None for _, row in tables.figures.iterrows() for name in FIGURES if (text := _interval_text(row, name))
    }
    return "".join(f"In brackets: {text}. " for text in found).rstrip()


def _interval_text(row: pd.Series, name: str) -> str:
    """What one figure's interval is; empty where it has none."""
    if row.get(f"{name}.interval") not in ("seeds", "samples"):
        return ""
    mean, sd, n, low, high, kind = (row[f"{name}.{part}"] for part in ("mean", "sd", "n", "low", "high", "interval"))
    return Summary(mean, sd, int(n), low, high, kind).interval_text  # a column with gaps has no whole numbers


def _differences_in_words(tables: SweepTables) -> pd.DataFrame:
    lines = []
    for _, row in tables.differences.iterrows():
        line = {axis.rpartition(".")[2]: row[axis] for axis in tables.axes}
        p = "–" if math.isnan(row["p"]) else f"{row['p']:.3f}"
        found = (
            "–"
            if math.isnan(row["mean"])
            else f"{row['mean']:+.3f}" + ("" if math.isnan(row["low"]) else f" [{row['low']:+.3f}, {row['high']:+.3f}]")
        )
        names = {"figure": row["figure"], "model": row["model"], "against": row["against"]}
        lines.append(line | names | {"difference": found, "p (paired t)": p, "verdict": row["verdict"]})
    return pd.DataFrame(lines)


def _latex(table: pd.DataFrame) -> str:
    """A table for a paper, in the style of booktabs."""
    rows = [[str(name) for name in table.columns], *([str(cell) for cell in row] for row in table.to_numpy())]
    lines = [" & ".join(map(_escaped, row)) + r" \\" for row in rows]
    body = [r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join([rf"\begin{{tabular}}{{{'l' * len(rows[0])}}}", *body, r"\end{tabular}"]) + "\n"


def _escaped(text: str) -> str:
    text = re.sub(r"([&%$#_{}])", r"\\\1", text)
    return text.replace("±", r"$\pm$").replace("–", "--")


def _markdown(table: pd.DataFrame) -> str:
    """A table with columns as wide as their content."""
    rows = [
        [str(name) for name in table.columns],
        *(["" if cell is None else str(cell) for cell in row] for row in table.to_numpy()),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
