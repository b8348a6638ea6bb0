"""The page of what works: every public name of ART's has a row, and a few rows are tried each time."""

import re
from pathlib import Path

import pytest

from tests.compatibility.names import all_names
from tests.compatibility.page import MARK, rows_of, unexplained
from tests.compatibility.reasons import ELSEWHERE, all_named
from tests.compatibility.running import CASES, NEEDS, outcome
from tests.compatibility.subjects import Subject

PAGE = (Path(__file__).parents[1] / "docs" / "compatibility.md").read_text().partition(MARK)[2]  # the tables
NAMES = [name for names in all_names().values() for name in names]
SHORT = (
    *("FastGradientMethod", "ProjectedGradientDescent", "SquareAttack", "FeatureAdversariesPyTorch"),
    *("HiddenTriggerBackdoor", "GradientMatchingAttack", "SleeperAgentAttack", "add_single_bd"),
    *("MembershipInferenceBlackBoxRuleBased", "SpectralSignatureDefense", "RONIDefense", "NeuralCleanse"),
    *("AdversarialTrainerMadryPGD", "AdversarialTrainerFBFPyTorch", "AdversarialTrainerAWPPyTorch"),
    *("EnsembleClassifier", "PyTorchClassifier", "SecurityCurve", "loss_gradient_check", "EoTGaussianNoisePyTorch"),
)


def test_the_search_finds_names_of_every_kind() -> None:
    some = {"HiddenTriggerBackdoor", "AutoAttack", "STRIP", "Cutout", "ClassLabels", "SHAPr", "EnsembleClassifier"}
    assert some <= set(NAMES)


def test_every_public_name_of_arts_is_tried_or_explained_and_none_twice() -> None:
    assert sorted([*CASES, *ELSEWHERE]) == sorted(NAMES)
    assert all_named() | set(NEEDS) <= set(NAMES)


def test_every_public_name_of_arts_has_one_row() -> None:
    rows = re.findall(r"^\| `(\w+)`", PAGE, flags=re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)


def test_every_row_that_says_no_says_why() -> None:
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            _, images, frames, why = (cell.strip() for cell in line.strip("|").split("|"))
            assert why or (images == "yes" and frames in ("yes", "folded")), line


def test_an_outcome_that_nobody_explained_stops_the_page() -> None:
    kinds = ("backpropagation", "converted", "hybrid", "frames", "folded")
    fails = {"FastGradientMethod": dict.fromkeys(kinds, "ValueError: new")}
    assert [text.split(":")[0] for text in unexplained(fails)] == [
        "FastGradientMethod on images",
        "FastGradientMethod on frames",
    ]
    works = {name: dict.fromkeys(kinds, "") for name in CASES}
    told = list(unexplained(works))
    assert any(text.startswith("NeuralCleanse works on images") for text in told)


@pytest.mark.parametrize("kind", ["backpropagation", "hybrid", "frames"])
def test_a_few_rows_say_what_is_so_today(kind: str) -> None:
    rows, subject = rows_of(PAGE), Subject(kind)
    for name in SHORT:
        images, frames = rows[name]
        said = frames == "yes" if kind == "frames" else images == "yes" or kind in images
        found = outcome(CASES[name], subject)
        assert (found == "") is said, f"{name} on {kind}: {found or 'works'}"
