"""Argument lines of docstrings stand alone: a rendered table shows each without its neighbours."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "art_snn"
PACKAGES = (
    "acceleration",
    "attacks",
    "cli",
    "conversion",
    "data",
    "defences",
    "estimators",
    "evaluations",
    "experiment",
    "metrics",
    "models",
    "neurons",
    "recipes",
    "report",
    "sweep",
    "testing",
)
REREAD = ("*.py", *(f"{package}/**/*.py" for package in PACKAGES))
LEANING = re.compile(r"^ +\*{0,2}\w+: (Of|Their|Its|It|They|The same|By which)\b.*|.*\b[Ll]ikewise\b.*", re.M)


def docstrings(path: Path) -> Iterator[str]:
    """Those of a file: its own and those of all classes and functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("pattern", REREAD)
def test_no_argument_line_leans_on_another(pattern: str) -> None:
    files = sorted(ROOT.glob(pattern))
    found = [
        f"{path.name}: {line[0].strip()}"
        for path in files
        for text in docstrings(path)
        for line in LEANING.finditer(text)
    ]

    assert files
    assert found == []


def test_a_line_that_leans_on_another_is_seen() -> None:
    assert LEANING.findall(
        "Args:\n    seed: Of every draw.\n    low: Lower bounds.\n    high: Upper bounds, likewise."
    ) == ["Of", ""]
