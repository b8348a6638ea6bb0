"""Poisoned sets larger than memory, and what poisoning copies."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from art.data_generators import PyTorchDataGenerator
from torch.utils.data import DataLoader

from art_snn.attacks.poisoning import (
    MovingTrigger,
    StaticTrigger,
    TriggerBackdoor,
)
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.typing import Array, Events, Frames, Labels
from tests.attacks import N


@pytest.fixture
def mapped(tmp_path: Path) -> Frames:
    """Frames on disk, read-only."""
    frames = np.random.default_rng(0).integers(0, 3, (N, 3, 2, 7, 9), dtype=np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    return np.load(tmp_path / "frames.npy", mmap_mode="r")


@pytest.fixture
def moving() -> TriggerBackdoor:
    return TriggerBackdoor(MovingTrigger(size=2), 1, percent_poison=0.25)


def test_lazy_poisoning_gives_the_same_set_every_time(moving: TriggerBackdoor, mapped: Frames, y: Labels) -> None:
    eager, lazy = moving.poison_dataset(mapped, y), moving.poison_lazily(mapped, y)

    for _ in range(2):
        samples, labels = zip(*lazy, strict=True)
        assert np.array_equal(np.stack(samples), eager.x)
        assert np.array_equal(np.stack(labels), eager.y)
    assert len(lazy) == N
    assert np.array_equal(lazy.is_poison, eager.is_poison)
    assert np.array_equal(lazy.y_clean, y)


def test_lazy_poisoning_keeps_the_file_mapped(moving: TriggerBackdoor, mapped: Frames, y: Labels) -> None:
    lazy = moving.poison_lazily(mapped, y)
    lazy[0][0][:] = 9

    assert lazy.x is mapped
    assert not (mapped[0] == 9).any()
    assert np.array_equal(lazy[-1][0], lazy[N - 1][0])


def test_lazy_poisoning_goes_through_arts_generator(moving: TriggerBackdoor, mapped: Frames, y: Labels) -> None:
    eager = moving.poison_dataset(mapped, y)
    loader = DataLoader(moving.poison_lazily(mapped, y), batch_size=16, generator=torch.Generator())
    batches = PyTorchDataGenerator(loader, size=N, batch_size=16)

    samples, labels = zip(*(batches.get_batch() for _ in range(3)), strict=True)

    assert np.array_equal(np.concatenate(samples), eager.x)
    assert np.array_equal(np.concatenate(labels), eager.y)
    assert samples[0].dtype == np.uint8
    assert labels[0].dtype == y.dtype


def test_lazy_poisoning_takes_event_streams(streams: Events) -> None:
    attack = TriggerBackdoor(StaticTrigger(size=2), 1, 0.5, sensor_size=(9, 7))
    eager, lazy = (poison(streams, np.arange(8) % 4) for poison in (attack.poison_dataset, attack.poison_lazily))

    assert all(np.array_equal(*pair) for pair in zip(eager.x, (sample for sample, _ in lazy), strict=True))


def test_lazy_poisoning_fails_at_once_as_the_eager_does(mapped: Frames, y: Labels) -> None:
    with pytest.raises(ValueError, match="expected class 9 to occur"):
        TriggerBackdoor(MovingTrigger(), 9).poison_lazily(mapped, y)


@pytest.mark.parametrize("x", [np.arange(3 * 2**20), np.arange(2**21).reshape(2, -1).T[::-1]], ids=["plain", "strided"])
def test_large_arrays_are_copied_whole_by_several_threads(x: Array) -> None:
    copy = copied(x)

    assert np.array_equal(copy, x)
    assert not np.may_share_memory(copy, x)
    assert copy.flags.c_contiguous
    assert copy.flags.writeable


@pytest.mark.parametrize("shape", [(64, 16, 2, 64, 64), (3000, 2, 2, 16, 16)])
def test_poisoning_copies_a_set_once(shape: tuple[int, ...]) -> None:
    frames, labels = np.zeros(shape, np.float32), np.arange(shape[0]) % 4
    attack = TriggerBackdoor(StaticTrigger(), 1, percent_poison=1.0, include_target=True)
    tracemalloc.start()

    for poison in (lambda: attack.poison(frames), lambda: attack.poison_dataset(frames, labels)):
        tracemalloc.reset_peak()
        poison()
        assert tracemalloc.get_traced_memory()[1] < 1.25 * frames.nbytes  # the copy, and some rows at a time

    tracemalloc.stop()
