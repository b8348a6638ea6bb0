"""Plots of a report: what they show of the cells, and that nothing in them is hidden, clipped or foreign."""

from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from art_snn.report.plots import GROUPS, Plot
from art_snn.report.plots.draft import Draft, drawn
from art_snn.report.plots.drawing import Series, rows_figure
from art_snn.report.plots.style import LOOKS, plot_style
from tests.evidence_of_cells import EVIDENCE
from tests.measured_cells import cells, findings, renamed

RATES = {"models": ["ann", "lif"], "run": {"seeds": [0, 1]}, "grid": {"attack.percent_poison": [0.01, 0.05, 0.1]}}
FRAMES = {"data": {"name": "digits-dvs"}, "models": ["ann", "lif"]}
CURVE = {"timesteps": [1, 4], "accuracy": [0.5, 0.8], "asr": [None, 0.75], "floor": [None, 0.1], "n": 100, "n_asr": 100}
MAP = {"onsets": [0, 4], "lengths": [1, 2], "asr": [[0.125, 0.5], [None, 0.25]], "n_asr": 100}
COST = {
    "energy_pj": 5000.0,
    "spikes": 20.0,
    "spikes_ratio": 1.5,
    "operations_ratio": 1.25,
    "energy_ratio": 1.25,
    "energy_caveat": "Arithmetic alone.",
}
MIGRATION = {"asr_ann": 0.8, "asr_converted": 0.6, "rate": 0.75}
HOSTILE = r"<script>alert(1)</script> $\frac{$" + "\"'&\n"


def everything() -> list[dict[str, Any]]:
    """Cells with all that can be drawn."""
    epochs = [{"step": "ann", "accuracy": 0.5, "asr": 0.25}, {"step": "ann", "accuracy": 0.75, "asr": 0.5}]
    measures = {"over_time": CURVE, "onset_length": MAP, "cost": COST, **EVIDENCE}
    return cells(FRAMES, measures, defence=True, epochs=[epochs], migration=MIGRATION)


def drafts(content: list[dict[str, Any]]) -> list[Draft]:
    """All plots before they are drawn."""
    found = findings(content)
    return [draft for made in GROUPS.values() for draft in made(found)]


def draft(content: list[dict[str, Any]], kind: str) -> Draft:
    """The first one of a kind."""
    return next(one for one in drafts(content) if one.kind == kind)


def picture(content: list[dict[str, Any]], kind: str) -> Plot:
    """The same, drawn."""
    (plot,) = drawn([draft(content, kind)])
    return plot


def test_all_that_cells_hold_is_drawn() -> None:
    assert [one.kind for one in drafts(everything())] == [
        "asr",
        "accuracy",
        "migration",
        "asr-over-time-steps",
        "accuracy-over-time-steps",
        "asr-over-epochs",
        "accuracy-over-epochs",
        "onset-length",
        "onset-length",
        "stages",
        "auroc",
        "fpr-at-95-tpr",
        "false-alarm-rate",
        "asr-after",
        "accuracy-after",
        "roc",
        "roc",
        "roc",
        "roc",
        "voltage",
        "spikes",
        "voltage",
        "spikes",
        "raster",
        "raster",
        "voltage-auroc",
        "threshold-shift",
        "threshold-shift",
        "training-time",
        "energy-pj",
        "spikes",
        "trigger-cost",
    ]


def test_plots_tell_the_figures_of_the_cells() -> None:
    content = everything()

    assert draft(content, "asr-over-time-steps").alt == "ann: 0.75 at time steps 4. lif: 0.75 at time steps 4."
    assert draft(content, "onset-length").alt == "From 0.125 at onset 0 × length 1 to 0.5 at onset 0 × length 2."
    assert "ann: 0.8 at in the ANN, 0.6 at right after conversion, 0.9 at at the end." in draft(content, "stages").alt
    assert draft(content, "asr-after").alt == "From 0.25 at fine-tuning × ann to 0.25 at fine-tuning × lif."
    assert "1.5 at spikes, 1.25 at operations, 1.25 at energy." in draft(content, "trigger-cost").alt
    assert draft(content, "energy-pj").alt == "Points: 5,000 at ann, 5,000 at lif."
    assert "Arithmetic alone." in draft(content, "energy-pj").caption


def test_figures_over_a_grid_are_means_over_seeds() -> None:
    asr = draft(cells(RATES, asr=[0.2, 0.4, 0.5, 0.5, 0.8, 1.0]), "asr")

    assert asr.title == "Attack success rate (ASR) over share of poison"
    assert asr.alt.startswith(
        "ann: 0.3 at share of poison 0.01, 0.5 at share of poison 0.05, 0.9 at share of poison 0.1."
    )
    assert asr.caption == "Bars: 95 % intervals over seeds. Dotted: the floor, what the trigger does to the clean twin."


def test_settings_beside_the_axis_have_plots_of_their_own() -> None:
    grid = {**RATES, "grid": {**RATES["grid"], "attack.position": ["top-left", "middle"]}}
    first, second = (one for one in drafts(cells(grid)) if one.kind == "asr")

    assert first.title.endswith("over share of poison; position top-left")
    assert second.only == {"attack.position": "middle"}


def test_rows_that_mean_nothing_are_not_drawn() -> None:
    kinds = {one.kind for one in drafts(cells({"models": ["ann", "lif"]}, asr=None, floor=None))}
    assert kinds == {"accuracy", "training-time"}


def test_a_model_without_a_figure_is_named() -> None:
    content = cells({"models": ["ann", "lif"]})
    content[0]["rows"][1] |= {"asr": None, "floor": None}
    shown = draft(content, "asr")
    assert shown.alt == "Points: 0.9 at ann."
    assert shown.caption.endswith("No figure: lif.")


def test_cells_that_all_failed_give_no_plot() -> None:
    (cell,) = cells({"models": ["ann"]})
    failed = {"hash": cell["hash"], "spec": cell["spec"], "error": {"kind": "ValueError", "text": "no"}}
    assert drafts([failed]) == []


def test_a_model_looks_the_same_in_all_plots() -> None:
    (cell,) = cells(FRAMES, {"over_time": CURVE})
    del cell["measures"]["over_time"]["ann"]
    svg = picture([cell], "asr-over-time-steps").svg

    assert LOOKS[0].colour.lower() not in svg
    assert LOOKS[1].colour.lower() in svg


def test_more_models_than_looks_are_in_several_plots() -> None:
    models = [{"rule": "ann", "name": f"model {number}"} for number in range(len(LOOKS) + 1)]
    first, second = (one.alt for one in drafts(cells({**RATES, "models": models})) if one.kind == "asr")

    assert "model 5" in first
    assert "model 6" not in first
    assert second.startswith("model 6")


def test_pictures_are_the_same_each_time() -> None:
    first, second = (picture(cells(RATES), "asr") for _ in range(2))
    assert first == second


@pytest.mark.slow
def test_nothing_in_a_picture_is_foreign_or_used_twice() -> None:
    names: list[str] = []
    for plot in drawn(drafts(everything())):
        root = ElementTree.fromstring(plot.svg)  # noqa: S314
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        names += [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        links = [value for element in root.iter() for key, value in element.attrib.items() if key.endswith("href")]
        assert all(link.startswith(f"#{plot.name}-") for link in links)
        assert {element.tag.rpartition("}")[2] for element in root.iter()}.isdisjoint({"style", "script", "metadata"})
        assert "currentColor" in plot.svg
    assert len(names) == len(set(names))


def test_names_from_strangers_are_text(recwarn: pytest.WarningsRecorder) -> None:
    plot = picture(renamed(cells(RATES), {"ann": HOSTILE + "漢字\x00\ud800"}), "asr")
    root = ElementTree.fromstring(plot.svg)  # noqa: S314
    texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]

    assert any(text.strip().startswith(r"<script>alert(1)</script> $\frac{") for text in texts)
    assert "<script" not in plot.svg
    assert recwarn.list == []


@pytest.mark.slow
def test_names_of_rows_are_whole_in_lines_that_do_not_meet() -> None:
    rows = ("position top-left, polarity none", "a name that is longer than a line, with commas, of three lines")
    nan = (float("nan"),) * 2
    figure = rows_figure(rows, [Series("ann", (0, 1), (0.5, 0.5), nan, nan)], "success")

    (ax,) = figure.axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    FigureCanvasAgg(figure).draw()
    upper, lower = (label.get_window_extent() for label in ax.get_yticklabels())

    assert names[0] == "position top-left,\npolarity none"
    assert " ".join(names[1].split()) == rows[1][:59] + "…"
    assert upper.y0 > lower.y1


def test_nothing_is_clipped_and_no_legend_lies_on_a_curve() -> None:
    names = {"ann": "a model with a name that is long enough for a legend", "lif": "_another"}
    for one in [*drafts(renamed(everything(), names)), *drafts(renamed(cells(RATES), names))]:
        figure = one.draw()
        with plot_style():
            (canvas := FigureCanvasAgg(figure)).draw()
        renderer, box = canvas.get_renderer(), figure.get_tightbbox(canvas.get_renderer())
        assert min(box.x0, box.y0) >= 0, one.kind
        assert box.x1 <= figure.get_figwidth(), one.kind
        assert box.y1 <= figure.get_figheight(), one.kind
        boxes = [legend.get_window_extent(renderer) for legend in figure.legends]
        assert not any(box.overlaps(ax.get_window_extent(renderer)) for box in boxes for ax in figure.axes)
