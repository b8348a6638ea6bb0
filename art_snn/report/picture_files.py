"""Plots and pictures of triggers as files of their own, which `report.md` shows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from art_snn._files import write_whole
from art_snn.report.markdown import markdown_text
from art_snn.report.plots import Plot, PlotGroup
from art_snn.report.trigger_pictures import TriggerPictures

PLOTS, TRIGGERS = "plots", "triggers"  # folders
_PAPER = 'style="background: #ffffff; color: #010203"'  # a file does not know the colours of what shows it


def write_pictures(folder: Path, drawn: Sequence[PlotGroup], triggers: Sequence[TriggerPictures] = ()) -> list[Path]:
    """Write `plots/NAME.svg`, `triggers/N.png` and `triggers/N.gif` into the folder of a report.

    Those of an older report are removed.

    Args:
        folder: Where to.
        drawn: Plots by heading.
        triggers: What triggers do.

    Returns:
        The paths of the files.
    """
    contents = {_of_plot(plot): _on_paper(plot.svg) for plot in _each(drawn)} | dict(_of_triggers(triggers))
    for kind in (f"{PLOTS}/*.svg", f"{TRIGGERS}/*.png", f"{TRIGGERS}/*.gif"):
        for path in folder.glob(kind):
            if path.relative_to(folder).as_posix() not in contents:
                path.unlink()
    return [write_whole(folder / name, content) for name, content in contents.items()]


def pictures_text(drawn: Sequence[PlotGroup], triggers: Sequence[TriggerPictures] = ()) -> str:
    """Plots and triggers in Markdown, which shows the files that `write_pictures` writes; empty where there is none."""
    parts = ["## Plots"] if drawn else []
    for heading, some in drawn:
        parts.append(f"### {markdown_text(heading)}")
        for plot in some:
            title, words = markdown_text(plot.title), markdown_text(f"{plot.caption} {plot.alt}")
            parts += [f"![{title}]({_of_plot(plot)})", f"{title}. {words}"]
    parts += ["## Triggers"] if triggers else []
    for number, one in enumerate(triggers, start=1):
        parts += _trigger_text(one, [name for name, _ in _files(number, one)])
    return "\n\n".join(parts)


def _trigger_text(trigger: TriggerPictures, files: Sequence[str]) -> list[str]:
    title = markdown_text(trigger.title)
    if trigger.problem:
        return [f"### {title}", f"There is no picture of it: {markdown_text(trigger.problem)}"]
    return [f"### {title}", *(f"![{title}]({name})" for name in files)]


def _of_triggers(triggers: Sequence[TriggerPictures]) -> Iterator[tuple[str, bytes]]:
    for number, one in enumerate(triggers, start=1):
        yield from _files(number, one)


def _files(number: int, trigger: TriggerPictures) -> Iterator[tuple[str, bytes]]:
    """Names and contents; of a trigger without pictures none."""
    for kind, content in (("png", trigger.still), ("gif", trigger.motion)):
        if content:
            yield f"{TRIGGERS}/{number}.{kind}", content


def _each(drawn: Sequence[PlotGroup]) -> Iterator[Plot]:
    return (plot for _, some in drawn for plot in some)


def _of_plot(plot: Plot) -> str:
    return f"{PLOTS}/{plot.name}.svg"


def _on_paper(svg: str) -> bytes:
    """With colours of its own."""
    return svg.replace("<svg", f"<svg {_PAPER}", 1).encode(errors="replace")
