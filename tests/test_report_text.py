"""Strings from files stay strings: in Markdown, in LaTeX and in CSV."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from art_snn.report import ReportTable, write_sweep
from art_snn.report.latex import latex_table, latex_text
from art_snn.report.markdown import markdown_table

NASTY = [
    "a|b",
    "two\nlines\r\nand more",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    "[click](javascript:alert(1))",
    "![x][y]",
    "**bold** _it_ `code` ~~gone~~",
    "back\\slash \\| end\\",
    "C:\\dir\\new_file.txt",
    "100 % of $x_1$ & #2 {y} ~z ^w",
    "[0.1, 0.2]",
    "*",
    "# title",
    "carriage\rreturn",
    '"quoted", and comma',
    "1. first",
    "<https://example.org>",
]


def cell_of(markdown: str) -> tuple[list[str], str]:
    """What Markdown makes of the only cell of a table: the kinds of its parts, and its text."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    (body,) = [token for token in tokens if token.type == "inline"][1:]
    assert body.children is not None
    return [part.type for part in body.children], "".join(part.content for part in body.children)


@pytest.mark.parametrize("text", NASTY)
def test_a_string_is_one_cell_of_plain_text_in_markdown(text: str) -> None:
    kinds, shown = cell_of(markdown_table(pd.DataFrame({"name": [text]})))
    assert set(kinds) <= {"text", "text_special"}
    assert shown == " ".join(text.split())


@given(text=st.text(alphabet="ab1 |\\`*_[](){}<>&!~#:$\"'.\n-+", min_size=1).filter(str.strip))
def test_no_string_is_markup_in_markdown(text: str) -> None:
    kinds, shown = cell_of(markdown_table(pd.DataFrame({"name": [text]})))
    assert set(kinds) <= {"text", "text_special"}
    assert shown == " ".join(text.split())


@pytest.mark.parametrize("text", NASTY)
def test_no_sign_is_a_command_in_latex(text: str) -> None:
    written = latex_text(text)
    known = r"\\text(backslash|asciitilde|asciicircum|less|greater|bar|quotedbl)\{\}|\\[&%$#_{}]|\{[\[\]*]\}"
    assert not re.search(r"[\\&%$#_{}~^<>|\[\]*\n]", re.sub(known, "", written))


def test_a_row_that_starts_with_a_bracket_is_no_option_of_the_line_before() -> None:
    lines = latex_table(pd.DataFrame({"name": ["a", "[1em]"]})).splitlines()
    assert lines[-4:] == [r"a \\", r"{[}1em{]} \\", r"\bottomrule", r"\end{tabular}"]


def test_notes_stay_comments_in_latex() -> None:
    (note, start, *_) = latex_table(pd.DataFrame({"name": ["a"]}), ("first\nsecond \\end",)).splitlines()
    assert note == "% first second \\end"
    assert start.startswith(r"\begin{tabular}")


def test_strings_come_back_from_csv(tmp_path: Path) -> None:
    strings = pd.DataFrame({"name": NASTY})
    write_sweep([ReportTable("table", "Title", strings, strings)], tmp_path)
    (_, *rows) = csv.reader(io.StringIO((tmp_path / "table.csv").read_bytes().decode(), newline=""))
    assert [text for (text,) in rows] == NASTY


def test_half_a_sign_does_not_stop_the_report(tmp_path: Path) -> None:
    strings = pd.DataFrame({"name": ["\ud800"]})
    write_sweep([ReportTable("table", "Title", strings, strings)], tmp_path)
    assert b"\\ud800" in (tmp_path / "report.md").read_bytes()
