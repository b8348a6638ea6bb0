"""The page of a report: what it tells, that nothing on it is foreign, and that a browser shows it on any screen."""

import base64
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from PIL import Image

from art_snn.recipes import RecipeRun
from art_snn.report import write_report
from art_snn.report.findings import Spec
from art_snn.report.page import page_text, provenance
from art_snn.report.page.provenance import spec_in
from art_snn.report.plots import plots
from art_snn.sweep.frame import TABLES, frame
from tests import chromium
from tests.measured_cells import cells, findings, renamed

SWEEP: dict[str, Any] = {
    "models": ["ann", "lif"],
    "run": {"seeds": [0, 1]},
    "grid": {"attack.percent_poison": [0.05, 0.1]},
}
HOSTILE = "</style><script>alert(1)</script><img src=http://x.example/a.png> \"'& $\\frac{$ \x00\ud800"
RUN = RecipeRun("framework-table9", "smoke", "paper")
INVALID = [["one-class", "invalid", "class 0 takes all"]]


def page(content: list[dict[str, Any]], spec: Spec | None = None) -> str:
    """The page on some cells."""
    found = findings(content, spec)
    return page_text(found, list(plots(found)))


def sized(uri: str) -> tuple[int, int]:
    """Width and height of a picture inside a page."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size


class Elements(HTMLParser):
    """Elements of a page with their attributes, and its text.

    Args:
        text: The page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data

    def all(self, attribute: str) -> Iterator[str]:
        """Values of one attribute."""
        yield from (attributes[attribute] or "" for _, attributes in self.found if attribute in attributes)


def words(text: str) -> str:
    """The text of a page, in one line."""
    return " ".join(Elements(text).said.split())


@pytest.fixture(scope="module")
def usual() -> str:
    """A page of two axes, with a spec."""
    grid = {**SWEEP["grid"], "attack.position": ["top-left", "middle"]}
    content = cells({**SWEEP, "grid": grid}, doubts=[INVALID, *[[]] * 7])
    return page(content, Spec("models = []", None))


def test_doubts_come_before_what_came_out_and_that_before_figures(usual: str) -> None:
    places = [
        usual.index(part)
        for part in ("1 row, ", "attack success 0.900", 'id="table-table"', "<svg", "attack.percent_poison<")
    ]
    assert places == sorted(places)


def test_each_plot_names_the_command_for_its_own_cells(usual: str) -> None:
    said = words(usual)
    assert "art-snn run spec.toml --out . && art-snn report ." in said
    assert """art-snn run spec.toml --out . --only 'attack.position="middle"' && art-snn report .""" in said


def test_settings_versions_and_machines_are_told(usual: str) -> None:
    said = words(usual)
    assert "models.lif.tau 2" in said
    assert "attack.percent_poison 0.05 | 0.1" in said
    assert "torch 2.13.0" in said
    assert "processor A processor" in said


def test_cells_that_all_failed_make_a_page() -> None:
    (cell,) = cells({"models": ["ann"]})
    failed = {"hash": cell["hash"], "spec": cell["spec"], "error": {"kind": "ValueError", "text": "no"}}
    said = words(page([failed]))
    assert "1 of 1 cell failed" in said
    assert "No cell has a result." in said


@pytest.mark.slow
def test_whatever_comes_from_a_file_is_escaped() -> None:
    content = renamed(json.loads(json.dumps(cells(SWEEP, doubts=[INVALID, [], [], []]))), {"ann": HOSTILE})
    for cell in content:
        cell["title"] = HOSTILE
        cell["environment"]["processor"] = HOSTILE
        cell["spec"]["attack"]["trigger"] = HOSTILE
        cell["rows"][1]["doubts"] = [[HOSTILE, "caution", HOSTILE]]
    text = page(content, Spec(HOSTILE, None))
    elements = Elements(text)

    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "iframe", "object", "embed", "link", "base"})
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert all(link.startswith(("#", "data:")) for name in ("href", "xlink:href", "src") for link in elements.all(name))
    assert text.count("</style>") == 1
    assert "\x00" not in text
    assert "<script>alert(1)</script>" in elements.said


def test_a_page_allows_neither_scripts_nor_anything_from_elsewhere(usual: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', usual)
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_a_page_can_be_heard(usual: str) -> None:
    elements = Elements(usual)
    names = list(elements.all("id"))
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
    counted = {tag: sum(found == tag for found, _ in elements.found) for tag in ("h1", "table", "caption", "svg")}

    assert ("html", {"lang": "en"}) in elements.found
    assert len(names) == len(set(names))
    assert {link[1:] for link in elements.all("href") if link.startswith("#")} <= set(names)
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert counted["h1"] == 1
    assert counted["caption"] == counted["table"] > 0
    assert len(list(elements.all("aria-label"))) == counted["svg"] + 1  # that of the contents
    assert all(attributes.get("alt") for tag, attributes in elements.found if tag == "img")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a sweep with its spec."""
    (tmp_path / "spec.toml").write_text('models = ["ann", "lif"]\n')
    return tmp_path


def written(folder: Path, content: list[dict[str, Any]]) -> bytes:
    """The page as it was written."""
    write_report(folder, content, {table: frame(content, table) for table in TABLES})
    return (folder / "report.html").read_bytes()


@pytest.mark.slow
def test_the_same_folder_gives_the_same_page(folder: Path) -> None:
    content = cells(SWEEP)
    assert spec_in(folder).given == {"models": ["ann", "lif"]}
    assert written(folder, content) == written(folder, content)


@pytest.mark.slow
def test_report_md_shows_every_plot_of_the_page_from_files_beside_it(folder: Path) -> None:
    (folder / "plots").mkdir()
    (folder / "plots" / "of-an-older-report-1.svg").write_text("<svg/>")
    html = written(folder, renamed(cells(SWEEP), {"ann": HOSTILE})).decode()
    text = (folder / "report.md").read_text()
    files = {f"plots/{path.name}" for path in (folder / "plots").iterdir()}

    assert set(re.findall(r"\]\((plots/[a-z0-9-]+\.svg)\)", text)) == files
    assert len(files) == html.count("<svg ") > 1
    assert "<script" not in text
    for name in files:
        assert (folder / name).read_text().startswith('<svg style="background'), "a file has colours of its own"


@pytest.mark.slow
def test_triggers_are_shown_once_each(folder: Path) -> None:
    grid = {**SWEEP["grid"], "attack.size": [1, 2]}
    elements = Elements(written(folder, cells({**SWEEP, "models": ["ann"], "grid": grid})).decode())
    sources = [source.partition(",")[0] for source in elements.all("src")]
    assert sources == ["data:image/png;base64", "data:image/gif;base64"] * 2
    wide, narrow = ([sized(one)[0] for one in elements.all(name) if "image/png" in one] for name in ("src", "srcset"))
    assert max(narrow) < min(wide), "a small screen gets fewer columns"


@pytest.mark.slow
def test_report_md_shows_the_triggers_of_the_page_from_files_beside_it(folder: Path) -> None:
    grid = {**SWEEP["grid"], "attack.size": [1, 2]}
    content = cells({**SWEEP, "models": ["ann"], "grid": grid})
    written(folder, content)
    text, files = (folder / "report.md").read_text(), ["1.png", "1.gif", "2.png", "2.gif"]
    assert re.findall(r"\]\(triggers/([0-9a-z.]+)\)", text) == files
    assert {path.name for path in (folder / "triggers").iterdir()} == set(files)

    written(folder, [cell for cell in content if cell["spec"]["attack"]["size"] == 1])
    assert {path.name for path in (folder / "triggers").iterdir()} == {"1.png", "1.gif"}


def test_a_trigger_whose_data_are_not_here_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ART_SNN_DATA", raising=False)
    content = cells({"models": ["ann"]})
    content[0]["spec"]["data"] |= {"name": "mnist", "root": "/nowhere"}
    said = words(written(folder, content).decode())
    assert "There is no picture of it, as the data could not be read here: FileNotFoundError" in said
    assert "There is no picture of it: FileNotFoundError" in (folder / "report.md").read_text()


WIDER = """[...document.querySelectorAll("*")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width > 0 && (box.width > innerWidth + 0.5 || box.right > innerWidth + 0.5);
}).map(one => one.tagName + ": " + one.textContent.slice(0, 60))"""
PROGRAM = chromium.found()


def of_a_recipe() -> list[dict[str, Any]]:
    """Cells of a publication's table."""
    return cells(RUN.recipe.given(RUN.scale, RUN.mode), asr_all=0.98)


@pytest.mark.slow
def test_published_figures_stand_before_others_and_the_recipe_in_all_commands(folder: Path) -> None:
    RUN.write(folder)
    (folder / "spec.toml").write_text(tomli_w.dumps(RUN.recipe.given(RUN.scale, RUN.mode)))
    text = written(folder, of_a_recipe()).decode()
    said = words(text)

    assert said.startswith("Migration of a backdoor from an ANN into the SNN")
    assert text.index("The mode paper follows") < text.index("published-caption-1") < text.index('id="outcome"')
    assert "published 98.37 measured 98.00 difference -0.37 [-5.37, +1.08]" in said
    assert "art-snn run framework-table9 --scale smoke --mode paper --out . && art-snn report ." in said
    assert "spec.toml --out" not in said
    assert "share of poison ANN (LR_C) (%)" in said
    assert "measured 80.00" in said
    assert "published – measured 80.00" not in said
    assert said.count("data: digits in place of cifar10") == 1, "below tables there is a link"


def test_a_recipe_with_other_settings_is_not_what_gives_its_figures_again() -> None:
    given = RUN.recipe.given(RUN.scale, RUN.mode)

    assert provenance.run_of(findings([], Spec("", given), RUN)) == RUN.command
    assert provenance.run_of(findings([], Spec(), RUN)) == RUN.command
    assert provenance.run_of(findings([], Spec("", given | {"title": "x"}), RUN)) == "art-snn run spec.toml"
    assert provenance.run_of(findings([], Spec("", given))) == "art-snn run spec.toml"


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason=f"there is none of {', '.join(chromium.NAMES)} on this machine")
@pytest.mark.parametrize("kind", ["hostile", "recipe"])
def test_a_browser_shows_the_page_on_all_screens(folder: Path, kind: str) -> None:
    if kind == "recipe":
        RUN.write(folder)
        written(folder, of_a_recipe())
    else:
        content = json.loads(json.dumps(cells(SWEEP, doubts=[INVALID, [], [], []])))
        written(folder, renamed(content, {"ann": HOSTILE + "x" * 90}))
    assert PROGRAM is not None
    with chromium.browser(PROGRAM, folder) as tab:
        tab.look(390)
        tab.open(folder / "report.html")
        assert tab.complaints == []
        assert [one for one in tab.requests if not one.startswith("data:")] == [(folder / "report.html").as_uri()]
        for width in (390, 1280):
            for scheme in tab.schemes(width):
                assert tab.value("document.documentElement.scrollWidth") <= width
                picture = tab.screenshot(folder / f"{width}-{scheme}.png")
                assert picture.stat().st_size > 10_000
        tab.look(390)
        tab.value("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert tab.value(WIDER) == []
        tab.look(718, media="print")  # A4 without its margins
        assert tab.value(WIDER) == []
        colours = [tab.value("getComputedStyle(document.querySelector('svg text')).fill") for _ in tab.schemes()]
        assert len(set(colours)) == 2
        assert tab.complaints == []
