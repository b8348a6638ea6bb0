"""Triggers and attacks take samples from any memory, give tensors for tensors, and refuse what means something else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks.poisoning import PoisoningAttackBackdoor
from torch.utils.data import DataLoader

from art_snn import testing as laws
from art_snn.attacks.poisoning import (
    FlashTrigger,
    MovingTrigger,
    PatchTrigger,
    SmartTrigger,
    StaticTrigger,
    TriggerBackdoor,
)
from art_snn.events import make_events, stack_streams
from art_snn.typing import Array, Trigger

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.1, 0.4, (4, 3, 11, 8)).astype(np.float32)
FRAMES = RNG.integers(2, 7, (3, 4, 2, 8, 11)).astype(np.uint8)
STREAMS = [make_events(x=[0, 5, 10], y=[0, 3, 7], t=[0, 40, 99], p=[0, 1, 0]) for _ in range(4)]
TRIGGERS: list[tuple[Trigger, Array]] = [
    (PatchTrigger(), (IMAGES * 255).astype(np.uint8)),
    (PatchTrigger(size=0.5, pattern="random", blend=0.3), IMAGES.astype(np.float64)),
    (PatchTrigger(pattern=np.eye(2), position="random"), IMAGES.astype(np.float16)),
    (StaticTrigger(size=2, polarity="both"), FRAMES.astype(np.float32)),
    (MovingTrigger(size=2), FRAMES.astype(np.int16)),
    (MovingTrigger(size=2, motion="smooth"), FRAMES),
    (SmartTrigger(size=1, n_masks=1, mask=2, fitted_polarity="both"), FRAMES.astype(np.float64)),
    (SmartTrigger(size=1, n_masks=1, refit=True), FRAMES),
    (FlashTrigger(), FRAMES.astype(bool)),
]


@pytest.mark.parametrize(("trigger", "x"), TRIGGERS, ids=lambda value: type(value).__name__)
def test_triggers_obey_the_laws_of_what_they_take(trigger: Trigger, x: Array) -> None:
    laws.check_trigger_rejects_layouts(trigger, x)
    laws.check_trigger_rejects_what_is_no_array(trigger, x)
    laws.check_trigger_rejects_nan(trigger, x)
    laws.check_trigger_ignores_memory(trigger, x)
    laws.check_trigger_gives_a_tensor_for_a_tensor(trigger, x)


@pytest.mark.parametrize("size", [1, 2, 5, 0.3])
@pytest.mark.parametrize("position", ["top-left", "bottom-right", "middle", "random", (3, 2)])
def test_a_patch_is_a_square_of_its_side_wherever_it_lies(size: float, position: Any) -> None:
    side = int(size * 8) if size < 1 else int(size)

    laws.check_trigger_marks_a_square(PatchTrigger(size, position), IMAGES, side)
    laws.check_trigger_marks_a_square(PatchTrigger(size, position), IMAGES[0], side)
    laws.check_trigger_marks_a_square(PatchTrigger(size, position, blend=0.5), IMAGES[:, :1], side)
    laws.check_trigger_marks_a_square(StaticTrigger(size, position), FRAMES, side)
    laws.check_trigger_marks_a_square(StaticTrigger(size, position, "none"), FRAMES[0], side)


def rolled(x: Array) -> Array:
    """A trigger that reads whatever comes, marks a stripe, and makes an array of everything."""
    x = np.asarray(x).copy()
    x[..., -2:] = x[..., :1] * 0 + 1
    return x


@pytest.mark.parametrize(
    "law",
    [
        lambda: laws.check_trigger_rejects_layouts(rolled, IMAGES),
        lambda: laws.check_trigger_rejects_what_is_no_array(rolled, IMAGES),
        lambda: laws.check_trigger_rejects_nan(rolled, IMAGES),
        lambda: laws.check_trigger_ignores_memory(lambda x: x.astype(np.float32), IMAGES.astype(np.float64)),
        lambda: laws.check_trigger_ignores_memory(lambda x: np.full_like(x, x.strides[0]), IMAGES),
        lambda: laws.check_trigger_gives_a_tensor_for_a_tensor(rolled, IMAGES),
        lambda: laws.check_trigger_gives_a_tensor_for_a_tensor(lambda x: x.double(), IMAGES),
        lambda: laws.check_trigger_gives_a_tensor_for_a_tensor(lambda x: x.add_(1), IMAGES),
        lambda: laws.check_trigger_marks_a_square(rolled, IMAGES, 2),
        lambda: laws.check_trigger_marks_a_square(lambda x: x, IMAGES, 2),
        lambda: laws.check_trigger_marks_a_square(PatchTrigger(2), IMAGES, 3),
        lambda: laws.check_attack_rejects_labels(Careless(), IMAGES, np.arange(4)),
        lambda: laws.check_attack_gives_no_other_type(Careless(), IMAGES, np.arange(4)),
    ],
)
def test_each_law_of_inputs_catches_what_breaks_it(law: Callable[[], None]) -> None:
    with pytest.raises(AssertionError):
        law()


class Careless(TriggerBackdoor):
    """Takes any labels, and makes arrays of tensors."""

    def __init__(self) -> None:
        super().__init__(PatchTrigger(), 1)

    def poison(self, x: Any, y: Any = None, broadcast: bool = False, **kwargs: Any) -> tuple[Array, Array]:
        return np.asarray(x), np.asarray(y)


# What several of these faults looked like


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_patch_on_channels_that_come_last_is_no_stripe(size: int) -> None:
    x = np.zeros((10, 32, 32, 3), np.float32)

    with pytest.raises(ValueError, match=r"looks like \(N, H, W, C\); np.moveaxis\(x, -1, -3\)"):
        PatchTrigger(size)(x)
    assert (PatchTrigger(size)(np.moveaxis(x, -1, -3)) != 0).any(axis=1).sum() == 10 * size**2


def test_grey_images_without_channels_are_no_image_of_many_channels() -> None:
    grey = np.zeros((10, 28, 28), np.float32)
    attack = TriggerBackdoor(PatchTrigger(4, pattern="random"), 1, 1.0, include_target=True)

    with pytest.raises(ValueError, match=r"may be 10 grey images .*x\[:, None\]"):
        attack.poison_dataset(grey, np.arange(10) % 2)
    poisoned = attack.poison_dataset(grey[:, None], np.arange(10) % 2).x
    assert (poisoned == poisoned[0]).all()


def test_a_tensor_that_wants_a_gradient_is_refused() -> None:
    with pytest.raises(TypeError, match=r"images without a gradient, .*x.detach\(\)"):
        PatchTrigger()(torch.zeros(1, 1, 4, 4, requires_grad=True))


@pytest.mark.parametrize("value", [-1, -0.5])
def test_frames_below_zero_are_no_counts(value: float) -> None:
    with pytest.raises(ValueError, match="frames to hold counts from 0 up, got others in rows 0 to 2"):
        StaticTrigger()(FRAMES.astype(np.float32) * np.float32(value))


def test_events_are_sent_to_where_triggers_take_them() -> None:
    with pytest.raises(TypeError, match=r"got a list of 4 event streams; .*to_frames"):
        StaticTrigger()(STREAMS)
    with pytest.raises(TypeError, match=r"structured array with the fields x, y, t, p, .*got an array of dtype uint8"):
        StaticTrigger().on_events(FRAMES, (11, 8))


def test_arts_own_backdoor_uses_a_trigger_as_its_perturbation() -> None:
    poison = PoisoningAttackBackdoor([PatchTrigger(), PatchTrigger(1, "top-left")]).poison

    marked, labels = poison(IMAGES, np.eye(3)[1], broadcast=True)

    assert np.array_equal(marked, PatchTrigger(1, "top-left")(PatchTrigger()(IMAGES)))
    assert labels.shape == (4, 3)
    with pytest.raises(ValueError, match=r"np\.moveaxis"):
        poison(np.moveaxis(IMAGES, 1, -1), np.eye(3)[1], broadcast=True)


# Attacks


@pytest.fixture
def attack() -> TriggerBackdoor:
    return TriggerBackdoor(StaticTrigger(size=2), 1, 0.5, sensor_size=(11, 8))


@pytest.mark.parametrize("make", [list, tuple], ids=["list", "tuple"])
def test_a_list_of_streams_is_the_object_array_of_them(attack: TriggerBackdoor, make: Callable[[list], Any]) -> None:
    labels = [0, 1, 0, 1]

    listed, stacked = (attack.poison_dataset(x, labels) for x in (make(STREAMS), stack_streams(STREAMS)))

    assert listed.x.shape == (4,)
    assert listed.is_poison.sum() == 2
    for row, stream in enumerate(listed.x):
        assert np.array_equal(stream, stacked.x[row])
        assert np.array_equal(stream, STREAMS[row]) != listed.is_poison[row]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (STREAMS[0], r"samples as a list or an object array \(N,\) of event streams, got shape \(3,\); \[x\]"),
        (np.stack(STREAMS), r"samples as .*, got shape \(4, 3\); list\(x\) takes them apart"),
        (np.array([FRAMES[0], None, 1, 2], object), "got an object array of shape"),
        ({"x": [1], "y": [1], "t": [1], "p": [1]}, "make_events"),
        ([{"x": [1], "y": [1], "t": [1], "p": [1]}] * 4, "make_events"),
        (list(zip(STREAMS, [0, 1, 0, 1], strict=True)), r"got a list of 4 pairs; x, y = zip\(\*x\)"),
        (torch.utils.data.TensorDataset(torch.zeros(4, 1, 8, 8)), r"data set object TensorDataset; x, y = zip"),
        (np.ma.MaskedArray(FRAMES, FRAMES > 3), "got a masked array"),
        (torch.zeros(4, 1, 8, 8), r"got a tensor; give x.detach\(\).cpu\(\).numpy\(\)"),
        (None, "got None"),
        ("images.npy", "got 'images.npy'"),
    ],
)
@pytest.mark.parametrize("method", ["poison", "poison_dataset", "poison_lazily"])
def test_samples_of_another_kind_are_refused_with_the_cure(
    attack: TriggerBackdoor, method: str, x: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        getattr(attack, method)(x, np.array([0, 1, 0, 1]))


@pytest.mark.parametrize("method", ["poison", "poison_dataset", "poison_lazily"])
@pytest.mark.parametrize(
    ("trigger", "x", "message"),
    [
        (PatchTrigger(), IMAGES[0], r"looks like one image; x\[None\]"),
        (PatchTrigger(), IMAGES[0, :1], r"looks like one image; x\[None\]"),
        (MovingTrigger(), FRAMES[0], r"frames of shape \(N, T, 2, H, W\), .* looks like one sample; x\[None\]"),
        (FlashTrigger(), STREAMS[:1], r"expected sensor_size"),
    ],
)
def test_an_attack_takes_one_sample_for_no_set(trigger: Trigger, x: Any, message: str, method: str) -> None:
    attack = TriggerBackdoor(trigger, 1, 1.0, include_target=True)

    with pytest.raises(ValueError, match=message):
        getattr(attack, method)(x, np.ones(len(x), int))


@pytest.mark.parametrize("x", [np.array(3.0), np.zeros(4), 5])
def test_samples_without_an_axis_of_their_own_are_an_error(attack: TriggerBackdoor, x: Any) -> None:
    with pytest.raises(ValueError, match=r"samples of shape \(N, ...\), got shape"):
        attack.poison_dataset(x, np.array([0, 1, 0, 1]))


def test_frames_with_time_first_are_told_from_their_labels(attack: TriggerBackdoor) -> None:
    x, y = np.zeros((4, 10, 2, 8, 8), np.uint8), np.arange(10) % 2

    with pytest.raises(ValueError, match=r"got 10 labels for 4 samples; np.swapaxes\(x, 0, 1\)"):
        attack.poison_dataset(x, y)
    assert attack.poison_dataset(np.swapaxes(x, 0, 1), y).is_poison.sum() == 5


@pytest.mark.parametrize("source_classes", ["0", [0.5], [True], 1.0])
def test_source_classes_are_whole_numbers(source_classes: Any) -> None:
    with pytest.raises(TypeError, match="source_classes to be classes in whole numbers"):
        TriggerBackdoor(PatchTrigger(), 1, source_classes=source_classes)


def test_a_target_that_the_labels_cannot_hold_is_an_error() -> None:
    with pytest.raises(ValueError, match="dtype that holds target class 200, got int8"):
        TriggerBackdoor(PatchTrigger(), 200).poison(IMAGES, np.zeros(4, np.int8))


def test_lazy_poisoning_gives_torch_what_torch_can_read() -> None:
    x = IMAGES.astype(">f8")[::-1]
    attack = TriggerBackdoor(PatchTrigger(), 1, 0.25)
    eager, lazy = (poison(x, [0, 1, 0, 1]) for poison in (attack.poison_dataset, attack.poison_lazily))

    ((samples, labels),) = DataLoader(lazy, batch_size=4, generator=torch.Generator())

    assert np.array_equal(samples.numpy(), eager.x)
    assert np.array_equal(labels.numpy(), eager.y)
