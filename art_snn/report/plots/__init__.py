"""Plots of a sweep: each with title, caption, text for who cannot see it, and the settings that it shows."""

from collections.abc import Iterator

from art_snn.report.findings import Findings
from art_snn.report.plots.axes import axis_drafts
from art_snn.report.plots.compared import compared_drafts
from art_snn.report.plots.costs import cost_drafts
from art_snn.report.plots.defences import defence_drafts, migration_drafts
from art_snn.report.plots.draft import MOST, Plot, drawn
from art_snn.report.plots.evidence import evidence_drafts
from art_snn.report.plots.times import epoch_drafts, time_drafts, timing_drafts

__all__ = ["GROUPS", "MOST", "Plot", "PlotGroup", "plots"]

PlotGroup = tuple[str, list[Plot]]  # a heading, and what is below it
GROUPS = {
    "As the publication has it": compared_drafts,
    "Attack success and accuracy": axis_drafts,
    "Over time steps": time_drafts,
    "Over epochs": epoch_drafts,
    "When the trigger is there": timing_drafts,
    "From the ANN into the spiking network": migration_drafts,
    "Defences": defence_drafts,
    "Inside networks and detectors": evidence_drafts,
    "Time and energy": cost_drafts,
}


def plots(found: Findings) -> Iterator[PlotGroup]:
    """Headings, each with its plots; those that have none are left out."""
    for heading, drafts in GROUPS.items():
        if some := list(drawn(drafts(found))):
            yield heading, some
