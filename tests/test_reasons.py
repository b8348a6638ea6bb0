"""Tables and pictures mark what means nothing or less than it seems, and say why."""

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from art_snn import testing as laws
from art_snn.data import Dataset
from art_snn.evaluations import BackdoorResult, DetectionResult, Doubt, EliminationResult, ModelDetectionResult
from art_snn.evaluations.migration import Migration
from art_snn.experiment import Defended, Examples, Experiment, Result, building, defend, run, with_values
from art_snn.experiment.resuming import restored_defended, restored_result
from art_snn.report import (
    WIDTH,
    comparison_table,
    defence_tables,
    defences_figure,
    evidence_figures,
    notice,
    triggered_figure,
)
from tests.backdoored import bars
from tests.specs import spec_of

COLLAPSED = Doubt("one-class", "invalid", "backdoored model: class 2 takes 1.000 of all predictions and holds 0.100")
FEW = Doubt("few-samples", "caution", "40 samples count for success, fewer than 50")
FALL = Doubt("accuracy-fell", "caution", "poisoning took the clean accuracy from 0.900 to 0.700")
RATES = dict.fromkeys(("asr", "asr_all", "floor", "robust_accuracy"), 0.25)
COST = {"seconds": 123.4, "peak_memory": 999 * 2.0**20}
BARS = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")


def row(model: str, *doubts: Doubt, **figures: Any) -> BackdoorResult:
    measured = {"accuracy_clean": 0.9, "accuracy": 0.7, "n_asr": 40, "n_asr_all": 50, "seconds": 1.0}
    return BackdoorResult(model=model, doubts=doubts, **measured, **figures)


def result(*rows: BackdoorResult) -> Result:
    images = np.zeros((2, 1, 4, 4), np.float32)
    predicted = {row.model: np.array([[0, -1], [-1, 1]]) for row in rows}
    return Result(spec_of(), "digits", {}, rows, Examples(images, images, np.array([0, 1]), predicted))


def printed(*renderables: Any) -> list[str]:
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None)
    for renderable in renderables:
        console.print(renderable)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def cells(lines: list[str], model: str) -> list[str]:
    (line,) = (line for line in lines if line.startswith(f"│ {model}"))
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_invalid_cells_hold_no_figure_and_cautious_ones_a_mark() -> None:
    sound = row("ann", **RATES)
    migration = Migration(rate=0.5, doubts=(FEW, Doubt("silent-layer", "caution", "right after its conversion, …")))
    doubtful = row("hybrid", FEW, migration=migration, **RATES)
    lines = printed(comparison_table(result(sound, row("lif", COLLAPSED, FEW), doubtful)))

    assert cells(lines, "ann") == ["ann", "0.900", "0.700", "0.250", "0.250", "0.250", "1", ""]
    assert cells(lines, "lif") == ["lif", "0.900", "0.700", "–", "–", "–", "1", ""]
    assert cells(lines, "hybrid") == ["hybrid", "0.900", "0.700", "0.250 ?", "0.250 ?", "0.250 ?", "1", "0.500 ?"]
    words = " ".join(" ".join(lines).split())
    assert words.count(COLLAPSED.text) == 1
    assert f"invalid: lif {COLLAPSED.text}" in words
    assert f"caution: lif, hybrid {FEW.text}" in words
    assert "caution: hybrid right after its conversion, …" in words


def test_a_table_without_doubts_explains_no_marks() -> None:
    lines = printed(comparison_table(result(row("ann", **RATES))))
    assert not [line for line in lines if line.startswith(("–", "?", "invalid", "caution"))]


def defended(*doubts: Doubt, **rows: Any) -> Defended:
    """Rows of all kinds about which the doubts are, with figures unless that is invalid."""
    is_known = COLLAPSED not in doubts
    names = {"model": "converted", "defence": "channel-lipschitz-pruning", "doubts": doubts}
    detection = {
        **dict.fromkeys(("auroc", "auroc_in_class", "fpr_at_95_tpr", "tpr", "fpr", "false_alarm_rate"), 0.613),
        "accused_classes": (0, 1, 2, 3),
        "accused_when_clean": (1,),
    } | COST
    accused = {"is_accused": True, "target_class": 3, "p_value": 0.01}
    verdict = accused | {"is_clean_accused": False, "target_when_clean": 4} | COST
    rates = ("asr_before", "asr_after", "robust_accuracy_before", "robust_accuracy_after", "der", "rir")
    elimination = dict.fromkeys(rates, 0.613) if is_known else {}
    found = {
        "rows": (row("converted", *doubts, **(RATES if is_known else {})),),
        "detection": (DetectionResult(n_poison=9, n_clean=90, **names, **(detection if is_known else {})),),
        "verdicts": (ModelDetectionResult(**names, **(verdict if is_known else {})),),
        "elimination": (
            EliminationResult(accuracy_before=0.9, accuracy_after=0.8, n_asr=40, **names, **elimination, **COST),
        ),
    }
    return Defended(spec_of(), "digits", {}, 9, **found | rows, failures=())


def test_tables_of_defences_are_marked_and_whole_in_100_columns() -> None:
    lines = printed(*defence_tables(defended(FEW, FALL)))
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in " ".join(lines)
    words = " ".join(lines).split()
    assert words.count(".613") == 12
    assert words.count("?") >= 12
    assert (words.count("123"), words.count("999")) == (3, 3), "the last columns are cut off"
    assert sum(FALL.text in line for line in lines) == 3, "once below each table"


def test_tables_of_defences_show_no_figures_of_what_means_nothing() -> None:
    lines = printed(*defence_tables(defended(COLLAPSED)))
    assert ".613" not in " ".join(lines)
    (elimination,) = (line.split() for line in lines if ".900" in line)
    assert elimination[2:10] == [".900", ".800", *"––––––"]


def test_a_picture_says_it_in_its_title_and_in_its_cells() -> None:
    figure = defences_figure(defended(COLLAPSED))
    assert figure.get_suptitle().endswith("\ninvalid results: converted")
    texts = {ax.get_title(): [text.get_text() for text in ax.texts] for ax in figure.axes}
    assert texts.pop("accuracy left") == ["0.80"]
    assert {text for panel in texts.values() for text in panel} == {"–"}

    figure = defences_figure(defended(FEW))
    assert figure.get_suptitle().endswith("\nresults with caution: converted")
    texts = {ax.get_title(): [text.get_text() for text in ax.texts] for ax in figure.axes}
    assert texts["AUROC of poisoned samples"] == ["0.61 ?"]
    assert texts["models accused, and the clean twin"] == ["class 3\ntwin: nobody ?"]

    assert "\n" not in defences_figure(defended()).get_suptitle()


def test_predictions_say_of_whom_they_are_and_where_there_is_none() -> None:
    found = result(row("lif", COLLAPSED))
    figure = triggered_figure(found.examples, notice(found.rows))
    assert figure.get_suptitle() == "Predictions of the backdoored models\ninvalid results: lif"
    assert [figure.axes[i].get_xlabel() for i in range(4)] == ["lif: 0", "lif: no class", "lif: no class", "lif: 1"]


def test_a_notice_names_models_and_the_defences_behind_which_they_mean_nothing() -> None:
    ruined = EliminationResult(model="if", defence="fine-pruning", accuracy_before=0.9, n_asr=40, doubts=(COLLAPSED,))
    rows = [row("ann", COLLAPSED), row("if", **RATES), ruined, row("lif", FEW, **RATES), row("hybrid", **RATES)]
    assert notice(rows) == "invalid results: ann, if behind fine-pruning; results with caution: lif"


@pytest.fixture
def collapsed(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """An experiment after which a network means nothing."""
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)
    return spec_of(models=("if",), timesteps=2, width=0.25, epochs=1, learning_rate=1e-6)


def test_every_row_of_an_experiment_on_a_collapsed_model_is_invalid_and_comes_back_so(collapsed: Experiment) -> None:
    names = ["strip", "activation", "neural-cleanse", "fine-tuning"]
    spec = Experiment(**with_values(collapsed.given, {"defences": names}))
    found = defend(spec, verbose=False)
    written = json.loads(json.dumps(found.as_json(), allow_nan=False))
    back = restored_defended(spec, written)
    for kind in ("rows", "detection", "verdicts", "elimination"):
        assert len(written[kind]) == len(getattr(found, kind)) > 0
        for plain, one, same in zip(written[kind], getattr(found, kind), getattr(back, kind), strict=True):
            laws.check_result_owns_its_doubts(one)
            assert {grade for _, grade, _ in plain["doubts"]} >= {"invalid"}
            assert repr(one) == repr(same)
    assert found.failures == ()
    assert found.evidence == {}
    assert written["detection"][0]["auroc"] is None
    assert written["verdicts"][0]["is_accused"] is None
    assert written["elimination"][0]["der"] is None


def test_a_comparison_with_doubts_comes_back_as_it_was_written(collapsed: Experiment) -> None:
    found = run(collapsed, verbose=False)
    assert json.loads(json.dumps(found.as_json())) == found.as_json(), "no plain types"
    back = restored_result(collapsed, json.loads(json.dumps(found.as_json(), allow_nan=False)))
    assert repr(back.rows) == repr(found.rows)
    assert back.rows[0].doubts[0].grade == "invalid"


def test_pictures_of_scores_tell_a_caution(collapsed: Experiment) -> None:
    longer = {"training.epochs": 10, "training.learning_rate": 5e-3, "defences": ["activation"]}
    found = defend(Experiment(**with_values(collapsed.given, longer)), verbose=False)
    assert found.rows[0].doubts, "fewer than 30 poisoned rows"
    title = evidence_figures(found, "if")["scores"].get_suptitle()
    assert title.endswith("\nresults with caution: if")
    clean = replace(found, detection=tuple(replace(one, doubts=()) for one in found.detection))
    assert "caution" not in evidence_figures(clean, "if")["scores"].get_suptitle()
