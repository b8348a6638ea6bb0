"""`defend`: nothing is lost after the trainings, the defender's samples are the defender's own, and all is shown."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from art_snn import catalogue
from art_snn.data import Dataset
from art_snn.experiment import Defended, Experiment, building, defend, defending, with_values
from art_snn.experiment.building import hold_out
from art_snn.report import WIDTH, defence_tables, defences_figure, evidence_figures, write_defended
from tests.backdoored import K, bars
from tests.specs import spec_of

SMALL = {"models": ("if",), "timesteps": 2, "width": 0.25, "epochs": 1}
SPEC = spec_of(**SMALL)
BARS = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")


@pytest.fixture(autouse=True)
def bars_for_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small enough to be learnt in no time."""
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_args: object, **_options: object) -> None:
        pytest.fail("it was trained")

    monkeypatch.setattr(defending, "train_models", train)


def on_bars(*defences: str | dict[str, Any], spec: Experiment = SPEC, **options: Any) -> Defended:
    measure = {"measure.detection": not defences, "measure.elimination": not defences}
    measure |= {f"measure.{name}": value for name, value in options.items()}
    return defend(Experiment(**with_values(spec.given, {"defences": list(defences), **measure})), verbose=False)


# --- nothing is lost ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, -0.1, 2.0, float("nan")])
def test_a_share_that_is_none_is_refused_before_anything_is_read(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: pytest.fail("data were read"))
    with pytest.raises(ValueError, match=r"expected measure\.share_of_clean_data to be"):
        on_bars("fine-tuning", share_of_clean_data=share)


@pytest.mark.usefixtures("no_training")
def test_a_class_of_which_nothing_can_be_held_out_is_named_before_the_trainings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = np.r_[np.flatnonzero(BARS.y_train != 2), np.flatnonzero(BARS.y_train == 2)[:1]]
    rare = replace(BARS, x_train=BARS.x_train[rows], y_train=BARS.y_train[rows])
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: rare)
    with pytest.raises(ValueError, match="expected at least 2 training samples of class 2, got 1"):
        on_bars("fine-tuning")


@pytest.mark.usefixtures("no_training")
def test_a_defence_that_does_not_fit_the_models_is_known_before_the_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    two = replace(BARS, y_train=BARS.y_train % 2, y_test=BARS.y_test % 2, classes=("a", "b"))
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: two)
    with pytest.raises(ValueError, match="expected nb_classes to be at least 3"):
        on_bars("membrane-potential")


def test_a_defence_that_fails_after_the_trainings_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(catalogue.ELIMINATIONS["channel-lipschitz-pruning"]):  # type: ignore[misc]
        def __call__(self, *_args: object, **_options: object) -> None:
            raise RuntimeError("a tensor\nof another shape")

    monkeypatch.setitem(catalogue.ELIMINATIONS, "channel-lipschitz-pruning", Broken)
    found = on_bars("strip", "channel-lipschitz-pruning")
    assert [row.defence for row in found.detection] == ["strip"]
    assert not found.elimination
    (failure,) = found.as_json()["failures"]
    assert failure == {
        "model": "if",
        "defence": "channel-lipschitz-pruning",
        "error": "RuntimeError: a tensor of another shape",
    }


# --- what fits ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_training")
def test_filters_of_events_do_not_fit_images() -> None:
    with pytest.raises(ValueError, match=r"expected defences.0. to be one for images, got 'flash-filter'"):
        on_bars("flash-filter")


@pytest.mark.usefixtures("no_training")
def test_a_defence_is_named_once() -> None:
    with pytest.raises(ValueError, match="expected defences to differ, got 'strip, spectral, strip'"):
        on_bars("strip", "spectral", "strip")


def test_filters_are_measured_on_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = bars()
    frames = np.random.default_rng(0).poisson(x[:, None].repeat(2, 2).repeat(3, 1) / 2).astype(np.uint8)
    seen = Dataset(frames[:120], y[:120], frames[120:], y[120:], classes=tuple("abcd"), title="frames")
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: seen)
    spec = spec_of(data="digits-dvs", n_bins=3, trigger="static", models=("if",), width=0.25, epochs=1)
    found = on_bars(*catalogue.FILTERS, spec=spec)
    assert not found.failures
    assert [row.defence for row in found.elimination] == list(catalogue.FILTERS)
    assert all(row.accuracy_before == found.rows[0].accuracy for row in found.elimination)


def test_clamping_acts_on_the_class_that_is_accused(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Spying(catalogue.ELIMINATIONS["dendrite-clamping"]):  # type: ignore[misc]
        def __init__(self, classifier: object, **options: object) -> None:
            seen.append(options)
            super().__init__(classifier, **options)

    monkeypatch.setitem(catalogue.ELIMINATIONS, "dendrite-clamping", Spying)
    assert not on_bars({"name": "dendrite-clamping", "nb_epochs": 1}).failures
    assert [options["target_class"] for options in seen] == [
        "detect"
    ] * 2  # on an untrained and on the backdoored model


# --- the defender's samples -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "each"), [(1e-9, 1), (0.1, 4), (1.0, 39)])
def test_the_defender_gets_a_share_of_every_class_which_is_in_the_training_set_no_more(share: float, each: int) -> None:
    rest, x, y = hold_out(BARS, share, np.random.default_rng(0))
    assert np.bincount(y).tolist() == [each] * K
    both = np.concatenate([rest.x_train, x]).reshape(len(BARS.x_train), -1)
    assert np.array_equal(np.unique(both, axis=0), np.unique(BARS.x_train.reshape(len(both), -1), axis=0))
    labels = {sample.tobytes(): label for sample, label in zip(BARS.x_train, BARS.y_train, strict=True)}
    assert [labels[sample.tobytes()] for sample in x] == y.tolist()
    assert rest.y_train.tolist() == [labels[sample.tobytes()] for sample in rest.x_train]


def test_no_reference_sample_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    class Spying(catalogue.SAMPLE_DETECTORS["reference"]):  # type: ignore[misc]
        def __init__(self, classifier: object, x: np.ndarray, y: np.ndarray, **options: np.ndarray) -> None:
            seen.update(searched=x, reference=options["x_reference"])
            super().__init__(classifier, x, y, **options)

    monkeypatch.setitem(catalogue.SAMPLE_DETECTORS, "reference", Spying)
    assert not on_bars("reference").failures
    searched = {sample.tobytes() for sample in seen["searched"]}
    assert not [sample for sample in seen["reference"] if sample.tobytes() in searched]


def test_two_runs_of_one_spec_give_the_same_numbers() -> None:
    first, second = (on_bars("reference", "fine-tuning").as_json() for _ in range(2))
    assert _without_costs(first) == _without_costs(second)
    assert first["n_clean_samples"] == 16


def _without_costs(found: dict[str, Any]) -> dict[str, Any]:
    costs = {"seconds": 0, "peak_memory": 0, "training_seconds": 0, "training_peak_memory": 0}
    return found | {name: [row | costs for row in found[name]] for name in ("rows", "detection", "elimination")}


# --- what is shown --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> Defended:
    """One defence of each kind and those that have pictures."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(building, "load_dataset", lambda *_args, **_options: BARS)
        cleanse, pruning = {"name": "neural-cleanse", "steps": 40}, {"name": "fine-pruning", "nb_epochs": 1}
        names = "activation", "reference", cleanse, pruning
        return on_bars(*names, spec=spec_of(**SMALL | {"epochs": 6, "width": 0.5}), with_art=True)


def test_the_tables_tell_all_that_the_matrix_holds_in_100_columns(whole: Defended) -> None:
    assert not whole.failures
    told = replace(whole.elimination[0], robust_accuracy_after=0.613, der=0.377, rir=0.456)
    whole = replace(whole, elimination=(told,))
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None)
    for table in defence_tables(whole):
        console.print(table)
    printed = console.file.getvalue()
    assert max(map(len, printed.splitlines())) <= WIDTH
    assert "…" not in printed
    words = " ".join(printed.split())
    for heading in ("95 TPR", "accused", "flagged", "robust", "DER", "RIR", "MB", "class"):
        assert heading in words
    assert {".613", ".377", ".456"} <= set(words.split())


def test_each_model_has_pictures_of_what_detectors_saw(whole: Defended, tmp_path: Path) -> None:
    names = {path.name for path in write_defended(whole, tmp_path)}
    pictures = {"scores-if.png", "clusters-if.png", "sequences-if.png"}
    assert names == {"defences.json", "defences.png"} | pictures
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names - {"defences.json"})
    assert {path.name for path in tmp_path.iterdir()} == names


def test_pictures_drawn_twice_say_the_same(whole: Defended) -> None:
    first, second = (evidence_figures(whole, "if") for _ in range(2))
    titles = {name: figure.get_suptitle() for name, figure in first.items()}
    (label,) = (row.evidence.sequences[0] for row in whole.evidence["if"] if row.evidence.sequences)
    assert titles == {name: figure.get_suptitle() for name, figure in second.items()}
    assert titles["sequences"].startswith(f"Class {label}: mean over clean samples")
    assert titles["sequences"].count("model if") == 1


def test_a_picture_of_scores_shows_both_kinds_of_samples_and_the_detectors_own_threshold(whole: Defended) -> None:
    figure = evidence_figures(whole, "if")["scores"]
    above, below = np.reshape(figure.axes, (2, -1))
    assert [ax.get_title() for ax in above] == [row.defence for row in whole.detection]
    for ax, curve, row in zip(above, below, whole.detection, strict=True):
        assert ax.get_legend_handles_labels()[1] == [
            f"clean, {row.n_clean} samples",
            f"poisoned, {row.n_poison} samples",
        ]
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(2)  # the shares of either kind
        assert curve.lines[1].get_ydata() == [row.tpr]
    assert "target class 1" in figure.get_suptitle()


def test_a_picture_of_clusters_crosses_the_poison_of_each_class(whole: Defended) -> None:
    figure = evidence_figures(whole, "if")["clusters"]
    evidence = whole.evidence["if"][0].evidence
    assert figure.axes[0].get_title().startswith("class 1 (target")
    sizes = [[len(points.get_offsets()) for points in ax.collections] for ax in figure.axes[:K]]
    drawn = [[sum(of_clusters), crosses] for *of_clusters, crosses in sizes]
    labels = [1, 0, 2, 3]
    own = [evidence.labels == label for label in labels]
    assert drawn == [[rows.sum(), evidence.is_poison[rows].sum()] for rows in own]
    assert drawn[0][1] == whole.detection[0].n_poison


def test_the_matrix_says_who_is_accused(whole: Defended) -> None:
    figure = defences_figure(whole)
    titles = [ax.get_title() for ax in figure.axes]
    (verdicts,) = (ax for ax in figure.axes if ax.get_title().startswith("models accused"))
    (verdict,) = whole.verdicts
    said = f"class {verdict.target_class}" if verdict.is_accused else "nobody"
    assert verdicts.texts[0].get_text().startswith(said)
    assert {"clean samples flagged at 95 % TPR", "robust accuracy left", "accuracy left"} <= set(titles)
