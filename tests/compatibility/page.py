"""The page: one table a section, one row a name."""

from collections.abc import Iterator, Mapping

from tests.compatibility.names import all_names
from tests.compatibility.reasons import ELSEWHERE, NOT_ON_FRAMES, NOT_ON_IMAGES, REMARKS
from tests.compatibility.running import NEEDS
from tests.compatibility.subjects import IMAGES

Outcomes = Mapping[str, Mapping[str, str]]  # name -> kind -> "" or what went wrong
MARK = "<!-- below: written by make compatibility -->\n"


def images_cell(found: Mapping[str, str]) -> str:
    """Which learning rules work."""
    works = [kind for kind in IMAGES if not found[kind]]
    return "yes" if len(works) == len(IMAGES) else ", ".join(works) or "no"


def frames_cell(found: Mapping[str, str]) -> str:
    """Whether frames work as they are, or with time folded into the channels."""
    if not found["frames"]:
        return "yes"
    return "no" if found["folded"] else "folded"


def row(name: str, outcomes: Outcomes) -> tuple[str, str, str, str]:
    """Name, images, frames, and why not."""
    if name in ELSEWHERE:
        return f"`{name}`", "–", "–", f"for {ELSEWHERE[name]}".replace("for a base", "a base")
    found = outcomes[name]
    images, frames = images_cell(found), frames_cell(found)
    told = [] if images == "yes" else [NOT_ON_IMAGES.get(name, "")]
    told += [] if frames != "no" else [NOT_ON_FRAMES.get(name, NOT_ON_IMAGES.get(name, ""))]
    told += [f"needs the package `{NEEDS[name]}`"] if name in NEEDS else []
    told += [REMARKS[name]] if name in REMARKS else []
    return f"`{name}`", images, frames, "; ".join(text for text in dict.fromkeys(told) if text)


def unexplained(outcomes: Outcomes) -> Iterator[str]:
    """What works no longer though nobody said why, or works though it is said why not."""
    for name, found in outcomes.items():
        for column, fails, reasons in (
            ("images", images_cell(found) != "yes", NOT_ON_IMAGES),
            ("frames", frames_cell(found) == "no", {**NOT_ON_IMAGES, **NOT_ON_FRAMES}),
        ):
            if fails and name not in reasons:
                yield f"{name} on {column}: { ({k: v for k, v in found.items() if v}) }"
        if images_cell(found) == "yes" and name in NOT_ON_IMAGES:
            yield f"{name} works on images, against NOT_ON_IMAGES"
        if frames_cell(found) != "no" and name in NOT_ON_FRAMES:
            yield f"{name} works on frames, against NOT_ON_FRAMES"


def tables(outcomes: Outcomes) -> str:
    """All sections in Markdown."""
    lines: list[str] = []
    for section, names in all_names().items():
        lines += [f"## {section}", "", "| | images | frames | |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row(name, outcomes))} |" for name in names]
        lines.append("")
    return "\n".join(lines).replace("|  |", "| |")


def rows_of(text: str) -> dict[str, tuple[str, str]]:
    """Name -> (images, frames) of a page."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {name.strip("`"): (images, frames.rstrip(" |")) for name, images, frames, *_ in cells}
