"""Samples that are larger than memory: rows made when they are read, and whole evaluations of mapped frames."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from art_snn.attacks.poisoning import StaticTrigger, TriggerBackdoor
from art_snn.catalogue import SAMPLE_DETECTORS
from art_snn.data import Dataset
from art_snn.evaluations.samples import exam_of, poisoned
from art_snn.experiment import Defended, building, checksum_of, defend
from art_snn.lazy_rows import LazyRows, is_mapped, lazy_rows, rows_of
from art_snn.typing import Array, Frames
from tests.mapped_frames import frames
from tests.specs import spec_of

LABELS = np.arange(12) % 3
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000"}  # so that C's allocator keeps nothing large that was freed


@pytest.fixture
def mapped(tmp_path: Path) -> Frames:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 3, (12, 2, 2, 6, 6), dtype=np.uint8))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def squares(n: int = 5) -> Array:
    return lazy_rows(lambda rows: np.outer(rows**2, [1, 10]), (n, 2), ">i4")


@pytest.mark.parametrize(
    "index", [0, -1, slice(1, 4), slice(None, None, -2), [3, 0, 3], np.array([True, False, True, False, True])]
)
def test_lazy_rows_are_read_as_an_array_is(index: object) -> None:
    whole = np.outer(np.arange(5) ** 2, [1, 10]).astype(np.int32)
    x = squares()
    assert np.array_equal(x[index], whole[index])
    assert x[index].dtype == x.dtype == np.int32  # of this machine
    assert np.array_equal(np.asarray(x), whole)
    assert np.array_equal(np.stack(list(x)), whole)
    assert (x.shape, x.ndim, len(x)) == (whole.shape, 2, 5)


@pytest.mark.parametrize("index", [5, None, (slice(None), 0)])
def test_what_is_no_row_is_refused(index: object) -> None:
    with pytest.raises(IndexError):
        squares()[index]


def test_what_only_an_array_has_is_named_with_the_cure() -> None:
    with pytest.raises(AttributeError, match=r"'mean', got LazyRows; np\.asarray\(x\) makes"):
        squares().mean()


def test_samples_are_mapped_where_reading_them_is_reading_a_file(mapped: Frames) -> None:
    views = (mapped, mapped[2:], np.asarray(mapped), mapped.reshape(12, -1).T, squares(), rows_of(mapped, LABELS == 1))
    copies = (mapped.copy(), mapped[[1, 2]], mapped + 0, np.zeros(3), np.array(mapped), squares()[1:], [1], None)
    assert [is_mapped(x) for x in (*views, *copies)] == [True] * len(views) + [False] * len(copies)


def test_some_rows_are_copied_only_where_all_are_in_memory(mapped: Frames) -> None:
    rows, few = LABELS == 1, np.array([4, 0])
    lazily, eagerly = rows_of(mapped, rows), rows_of(np.array(mapped), rows)
    assert isinstance(lazily, LazyRows)
    assert isinstance(eagerly, np.ndarray)
    assert np.array_equal(lazily, eagerly)
    assert np.array_equal(rows_of(rows_of(mapped, few), few % 2), mapped[few][few % 2])


def test_mapped_samples_are_poisoned_and_triggered_as_those_in_memory_are(mapped: Frames) -> None:
    attack = TriggerBackdoor(StaticTrigger(2), 1, 0.25)
    lazy, eager = poisoned(attack, mapped, LABELS), poisoned(attack, np.array(mapped), LABELS)
    assert isinstance(lazy.x, LazyRows)
    assert all(np.array_equal(*pair) for pair in zip(lazy, eager, strict=True))
    exams = exam_of(attack, mapped, LABELS), exam_of(attack, np.array(mapped), LABELS)
    assert isinstance(exams[0].x_triggered, LazyRows)
    assert np.array_equal(exams[0].x_triggered, exams[1].x_triggered)
    assert not np.array_equal(mapped, exams[0].x_triggered)


@pytest.mark.parametrize("x", [np.arange(12.0).reshape(3, 4).T, np.arange(6, dtype=">i2"), np.zeros((0, 2)), squares()])
def test_a_checksum_reads_values_in_the_order_of_rows(x: Array) -> None:
    whole = np.asarray(x)
    wanted = hashlib.sha256(f"{x.dtype.str}{x.shape}".encode() + whole.tobytes()).hexdigest()
    assert checksum_of([x]) == wanted


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:only . of 4 classes were reached")
def test_mapped_frames_give_the_figures_of_those_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = frames(tmp_path / "x.npy", 200, (4, 2, 16, 16))
    cleanse, pruning = {"name": "neural-cleanse", "steps": 5}, {"name": "fine-pruning", "nb_epochs": 1}
    names = (*SAMPLE_DETECTORS, cleanse, pruning, "background-filter")
    options = {"data": "digits-dvs", "n_bins": 4, "trigger": "smart", "models": ("if",), "width": 0.25}
    defended = {"defences": list(names), "measure.share_of_clean_data": 0.5}
    spec = spec_of(**options, epochs=5, batch_size=8, set=defended)
    found = []
    for read in (np.array, np.asanyarray):
        data = Dataset(read(x[:140]), y[:140], read(x[140:]), y[140:], classes=tuple("abcd"), title="frames")
        monkeypatch.setattr(building, "load_dataset", lambda *_, data=data, **__: data)
        found.append(defend(spec, verbose=False))
    assert not found[0].failures
    assert not [doubt for row in found[0].rows for doubt in row.doubts if doubt.grade == "invalid"]
    assert without_costs(found[0]) == without_costs(found[1])


def without_costs(found: Defended) -> dict[str, Any]:
    costs = {"seconds": 0, "peak_memory": 0, "training_seconds": 0, "training_peak_memory": 0}
    tables = {"rows", "detection", "verdicts", "elimination"}
    return {name: [row | costs for row in part] if name in tables else part for name, part in found.as_json().items()}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell what memory is anonymous")
def test_mapped_frames_go_through_all_evaluations_in_a_quarter_of_their_size(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.mapped_frames", tmp_path]
    done = subprocess.run(command, env=os.environ | MALLOC, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shares = json.loads(done.stdout)
    assert set(shares) == {"defences", "migration", "compare", "defend"}
    assert not {name: share for name, share in shares.items() if not 0 < share < 0.25}
