"""How a report begins in Markdown: what was measured, doubts first, and what came out."""

from collections.abc import Iterable

from art_snn.report.doubts import Point, doubts
from art_snn.report.findings import Findings
from art_snn.report.markdown import markdown_text
from art_snn.report.words import differences, outcomes, summary, title


def opening_text(found: Findings) -> str:
    """The sentences of the page, for what stands above the tables."""
    parts = [
        f"# {markdown_text(title(found))}",
        *map(markdown_text, summary(found)),
        "## Doubts",
        _points(doubts(found)) or "None.",
        "## What came out",
        _lines([*outcomes(found), *differences(found.report)]) or "No cell has a result.",
    ]
    return "\n\n".join(parts)


def _points(points: Iterable[Point]) -> str:
    found = []
    for point in points:
        found.append(f"- **{point.grade}** {markdown_text(point.text)}")
        found += [f"  - {markdown_text(detail)}" for detail in point.details]
    return "\n".join(found)


def _lines(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {markdown_text(sentence)}" for sentence in sentences)
