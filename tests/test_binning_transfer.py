"""Triggers as events in other binnings and behind filters."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn import testing as laws
from art_snn.attacks.poisoning import FrameTrigger, PatchTrigger, SmartTrigger, StaticTrigger, TriggerBackdoor
from art_snn.data import load_dataset
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import Binning, TransferMatrix, binning_transfer
from art_snn.evaluations.binning_transfer import FILTERS
from art_snn.events import stack_streams
from art_snn.lazy_rows import is_mapped
from art_snn.models import OverTime, small_cnn
from art_snn.testing import check_global_streams_stand_still
from art_snn.typing import Events, Frames

K = 3
BINNINGS = (Binning(4, "count"), Binning(3, "time"))


def make_classifier(binning: Binning) -> SpikingClassifier:
    module = SpikingModule(small_cnn(2, K, neuron="if", width=0.25))
    optimizer = torch.optim.Adam(module.parameters(), 5e-3)
    return SpikingClassifier(module, nn.CrossEntropyLoss(), (binning.n_bins, 2, 20, 20), K, optimizer=optimizer)


def make_arts_own(binning: Binning) -> PyTorchClassifier:
    model = OverTime(small_cnn(2, K, width=0.1))
    optimizer = torch.optim.Adam(model.parameters())
    return PyTorchClassifier(model, nn.CrossEntropyLoss(), (binning.n_bins, 2, 20, 20), K, optimizer=optimizer)


def transfer(trigger: object, make: Callable = make_classifier, limit: int = 240, **changes: object) -> TransferMatrix:
    """On the digits 0 to 2 among so many."""
    digits = load_dataset("digits-dvs", form="events", limit=limit)
    few, test = digits.y_train < K, digits.y_test < K
    return binning_transfer(
        TriggerBackdoor(trigger, 1, 0.2),
        make,
        (digits.x_train[few], digits.y_train[few]),
        (digits.x_test[test], digits.y_test[test]),
        digits.sensor_size,
        **{
            "binnings": BINNINGS,
            "filters": {name: FILTERS[name] for name in ("none", "drop half of the events")},
            "verbose": False,
            "batch_size": 8,
            "nb_epochs": 8,
        }
        | changes,
    )


@pytest.fixture(scope="module")
def matrix() -> TransferMatrix:
    return transfer(StaticTrigger(6, "top-left", "on"))


def test_rows_are_models_and_columns_where_the_events_were_placed(matrix: TransferMatrix) -> None:
    assert matrix.binnings == BINNINGS
    assert matrix.events.shape == (2, 2)
    assert all(shares.shape == (2,) for shares in (matrix.accuracy, matrix.floor, matrix.frames))
    assert all(((shares >= 0) & (shares <= 1)).all() for shares in (matrix.events, matrix.frames, matrix.accuracy))


def test_behind_a_filter_that_leaves_nothing_to_recognise_there_is_no_success(matrix: TransferMatrix) -> None:
    filtered = "drop half of the events"
    assert (matrix.filtered_accuracy[filtered] < 0.4).all()
    assert np.isnan(matrix.filtered[filtered]).all()
    texts = [doubt.text for doubt in matrix.doubts if doubt.code == "one-class"]
    assert [text.split(", the model")[0] for text in texts] == [
        f"{n_bins} bins by {split_by}: behind {filtered}" for n_bins, split_by in BINNINGS
    ]
    laws.check_result_owns_its_doubts(matrix)


def test_a_row_of_a_model_that_means_nothing_has_no_figures() -> None:
    found = transfer(StaticTrigger(6, "top-left", "on"), limit=60, nb_epochs=1)
    assert {doubt.text.split(": ")[0] for doubt in found.doubts if doubt.grade == "invalid"} == {
        "4 bins by count",
        "3 bins by time",
    }
    assert np.isnan(found.events).all()
    assert not np.isnan(found.accuracy).any()
    laws.check_result_owns_its_doubts(found)
    with pytest.raises(ValueError, match="expected model '4 bins by count' to mean something"):
        transfer(StaticTrigger(6), limit=60, nb_epochs=1, on_doubt="raise")


def test_without_a_filter_success_is_that_at_the_models_own_centres(matrix: TransferMatrix) -> None:
    assert np.array_equal(matrix.filtered["none"], np.diag(matrix.events))
    assert np.array_equal(matrix.filtered_accuracy["none"], matrix.accuracy)


def test_binned_by_time_events_at_the_own_centres_do_what_the_frames_do(matrix: TransferMatrix) -> None:
    """A static trigger of ones: the frames agree but for counts that events leave above 1."""
    assert matrix.frames[1] > 0.5
    assert abs(matrix.events[1, 1] - matrix.frames[1]) <= 0.1


def test_arts_own_class_moves_no_global_stream_here() -> None:
    with check_global_streams_stand_still():
        transfer(StaticTrigger(4), make_arts_own, limit=60, binnings=[(2, "count")], nb_epochs=1)


def test_a_trigger_that_chooses_anew_for_each_set_puts_into_events_what_it_chose_for_the_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen, inserted = [], []

    class Spying(SmartTrigger):
        def for_set(self, x: Frames) -> FrameTrigger:
            trigger = super().for_set(x)
            chosen.extend([trigger] * self.refit)
            return trigger

        def on_events(self, *streams: Any, **binning: Any) -> Events:
            inserted.append(self)
            return super().on_events(*streams, **binning)

    transfer(Spying(2, refit=True), limit=60, binnings=[(2, "count")], nb_epochs=1)
    _of_training, of_test = chosen
    assert inserted
    assert all(trigger is of_test for trigger in inserted)


def test_streams_on_disk_are_binned_as_they_are_read_and_give_the_same_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, fit = [], SpikingClassifier.fit

    def spied(self: SpikingClassifier, x: Frames, *rest: Any, **options: Any) -> None:
        seen.append(is_mapped(x))
        fit(self, x, *rest, **options)

    monkeypatch.setattr(SpikingClassifier, "fit", spied)
    digits = load_dataset("digits-dvs", form="events", limit=60)
    x_train, x_test = _on_disk(digits.x_train, tmp_path / "train.npy"), _on_disk(digits.x_test, tmp_path / "test.npy")
    found = []
    for data in (digits, replace(digits, x_train=x_train, x_test=x_test)):
        monkeypatch.setattr(f"{__name__}.load_dataset", lambda *_, data=data, **__: data)
        found.append(transfer(StaticTrigger(4), binnings=[(2, "count")], nb_epochs=1))

    assert seen == [False, False, True, True]
    assert repr(found[0]) == repr(found[1])


def _on_disk(streams: Events, path: Path) -> Events:
    np.save(path, np.concatenate(list(streams)))
    events, ends = np.load(path, mmap_mode="r"), np.cumsum([len(stream) for stream in streams])
    return stack_streams(np.split(events, ends[:-1]))


@pytest.mark.parametrize(
    ("trigger", "changes", "error", "message"),
    [
        (PatchTrigger(2), {}, TypeError, "a trigger that acts on frames and on events, got PatchTrigger"),
        (StaticTrigger(4), {"binnings": []}, ValueError, "at least one binning, got none"),
        (StaticTrigger(4), {"binnings": [(2, "frames")]}, ValueError, "split_by to be 'count', 'time' or"),
        (StaticTrigger(4), {"nb_epoch": 1}, TypeError, "unknown arguments: nb_epoch"),
    ],
)
def test_nonsense_is_refused_before_training(trigger: object, changes: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        transfer(trigger, make=None, limit=20, **changes)
