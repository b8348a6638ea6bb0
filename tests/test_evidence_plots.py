"""Plots of evidence tell what cells keep, whole and told apart without colour."""

import copy
from typing import Any

import pytest

from art_snn.report.plots.draft import Draft
from art_snn.report.plots.evidence import evidence_drafts
from art_snn.report.plots.style import LOOKS, plot_style
from tests.evidence_of_cells import EVIDENCE, ROC, VOLTAGES
from tests.figures import check_layout
from tests.measured_cells import cells, findings

ONE = {"models": ["lif"], "run": {"seeds": [3]}}


def drafts(spec: Any = ONE, **measures: Any) -> list[Draft]:
    return list(evidence_drafts(findings(cells(spec, measures or EVIDENCE))))


def draft(kind: str, **measures: Any) -> Draft:
    return next(one for one in drafts(**measures) if one.kind == kind)


def test_all_evidence_is_drawn_whole_and_with_a_seed() -> None:
    found = drafts()

    assert [one.kind for one in found] == [
        "roc",
        "roc",
        "voltage",
        "spikes",
        "raster",
        "voltage-auroc",
        "threshold-shift",
    ]
    for one in found:
        with plot_style():
            check_layout(one.draw())
    assert all("Seed 3" in one.caption for one in found[:5])


def test_cells_without_evidence_have_no_plots_of_it() -> None:
    assert list(evidence_drafts(findings(cells(ONE)))) == []
    assert drafts(voltages=None, roc=None, thresholds=None) == []


def test_curves_of_detectors_have_their_decisions_and_their_auroc() -> None:
    one = draft("roc")
    figure = one.draw()

    assert one.alt.startswith("detector 0, AUROC 0.87: flags 75 % of the poisoned and 1 % of the clean samples")
    lines = figure.axes[0].lines
    assert len(lines) == 2 * len(LOOKS) + 1
    assert [tuple(line.get_xdata()) for line in lines[:2]] == [(0.005, 0.005, 0.01, 1.0), (0.01,)]
    assert "detector 6" in next(one for one in reversed(drafts()) if one.kind == "roc").alt


def test_a_detector_without_a_decision_has_none_drawn() -> None:
    curve = {**ROC["detector 0"], "own_fpr": None, "own_tpr": None}
    one = draft("roc", roc={"mute": curve})

    assert "mute, AUROC 0.87: makes no decision of its own." in one.alt
    check_layout(one.draw())


def test_voltages_are_drawn_with_their_statistic_beside_that_of_the_twin() -> None:
    one = draft("voltage")
    backdoored, twin = one.draw().axes

    assert "backdoored model AUROC 0.98, 90 % found at 6 % false alarms." in one.caption
    assert [ax.get_title(loc="left") for ax in (backdoored, twin)] == ["backdoored model", "clean twin"]
    for ax, key in ((backdoored, "backdoored"), (twin, "twin")):
        for line, kind in zip(ax.lines, ("clean", "triggered"), strict=True):
            assert line.get_ydata().tolist() == VOLTAGES["traces"][key][kind]["voltage"]
    assert "2 on triggered samples of the backdoored model" in one.alt
    assert len({(line.get_marker(), line.get_linestyle()) for line in backdoored.lines}) == 2


def test_a_raster_has_a_row_a_neuron_and_a_mark_a_spike() -> None:
    one = draft("raster")
    backdoored, _ = one.draw().axes

    assert [label.get_text() for label in backdoored.get_yticklabels()] == ["7", "3"]
    spikes = [events.get_positions() for events in backdoored.collections]
    assert [list(times) for times in spikes] == [[], [2], [1, 2, 3], [4]]
    assert "4 on the triggered sample in the backdoored model" in one.alt


def test_thresholds_are_told_as_changes_in_percent() -> None:
    assert draft("threshold-shift").alt == "backdoored model: 50 at 1, -25 at 4. clean twin: 0 at 1."


def test_statistics_are_means_over_seeds() -> None:
    content = cells({**ONE, "run": {"seeds": [0, 1]}}, EVIDENCE)
    content[1]["measures"] = copy.deepcopy(content[1]["measures"])
    content[1]["measures"]["voltages"]["lif"]["separation"]["backdoored"]["auroc"] = 0.5
    (found,) = (one for one in evidence_drafts(findings(content)) if one.kind == "voltage-auroc")

    assert found.alt == "backdoored model: 0.74 at lif."


@pytest.mark.parametrize("broken", [None, float("nan")])
def test_what_is_no_number_is_left_out(broken: float | None) -> None:
    voltages = copy.deepcopy(VOLTAGES)
    for kinds in voltages["traces"].values():
        for trace in kinds.values():
            trace |= {name: [broken] * 4 for name in ("voltage", "voltage_sd", "spikes", "spikes_sd")}
    voltages["separation"]["backdoored"] = dict.fromkeys(("auroc", "tpr", "fpr"), broken) | {"n": 0}

    found = drafts(voltages=voltages)

    assert [one.kind for one in found] == ["raster"]
