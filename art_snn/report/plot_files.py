"""Plots as files of their own, which `report.md` shows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from art_snn._files import write_whole
from art_snn.report.markdown import markdown_text
from art_snn.report.plots import Plot, PlotGroup

FOLDER = "plots"
_PAPER = 'style="background: #ffffff; color: #010203"'  # a file does not know the colours of what shows it


def write_plots(folder: Path, drawn: Sequence[PlotGroup]) -> list[Path]:
    """Write each plot as `plots/NAME.svg` into the folder of a report; those of an older report are removed.

    Args:
        folder: Where to.
        drawn: Plots by heading.

    Returns:
        The paths of the files.
    """
    names = {_name(plot) for plot in _each(drawn)}
    for path in (folder / FOLDER).glob("*.svg"):
        if path.name not in names:
            path.unlink()
    return [write_whole(folder / FOLDER / _name(plot), _on_paper(plot.svg)) for plot in _each(drawn)]


def plots_text(drawn: Sequence[PlotGroup]) -> str:
    """The plots in Markdown, which shows the files that `write_plots` writes; empty where there is none."""
    parts = ["## Plots"]
    for heading, some in drawn:
        parts.append(f"### {markdown_text(heading)}")
        for plot in some:
            title, words = markdown_text(plot.title), markdown_text(f"{plot.caption} {plot.alt}")
            parts += [f"![{title}]({FOLDER}/{_name(plot)})", f"{title}. {words}"]
    return "\n\n".join(parts) if drawn else ""


def _each(drawn: Sequence[PlotGroup]) -> Iterator[Plot]:
    return (plot for _, some in drawn for plot in some)


def _name(plot: Plot) -> str:
    return f"{plot.name}.svg"


def _on_paper(svg: str) -> bytes:
    """With colours of its own."""
    return svg.replace("<svg", f"<svg {_PAPER}", 1).encode(errors="replace")
