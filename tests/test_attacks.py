"""The backdoor attack obeys the laws, counts its rows exactly, and serves ART's own attacks as their backdoor."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from art.attacks.poisoning import (
    HiddenTriggerBackdoor,
    PoisoningAttackBackdoor,
    PoisoningAttackCleanLabelBackdoor,
)
from art.data_generators import PyTorchDataGenerator
from art.estimators.classification import PyTorchClassifier
from torch import nn
from torch.utils.data import DataLoader

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.attacks.poisoning import (
    MovingTrigger,
    PatchTrigger,
    PoisonedDataset,
    SmartTrigger,
    StaticTrigger,
    TriggerBackdoor,
)
from art_snn.attacks.poisoning.copying import copied
from art_snn.events import make_events
from art_snn.typing import Array, Events, Frames, Images, Labels, Trigger

N, K = 40, 4


@pytest.fixture
def x() -> Images:
    return np.random.default_rng(0).uniform(0, 0.5, (N, 1, 6, 6)).astype(np.float32)


@pytest.fixture(params=["indices", "one-hot"])
def y(request: pytest.FixtureRequest) -> Labels:
    """Ten samples of each of four classes."""
    classes = np.arange(N) % K
    return classes if request.param == "indices" else np.eye(K, dtype=np.float32)[classes]


@pytest.fixture
def attack() -> TriggerBackdoor:
    return TriggerBackdoor(PatchTrigger(), target_class=1, percent_poison=0.25)


def classes_of(y: Labels) -> Array:
    return y if y.ndim == 1 else y.argmax(axis=1)


def test_poison_keeps_the_rows_and_their_order(attack: TriggerBackdoor, x: Images, y: Labels) -> None:
    laws.check_attack_keeps_rows(attack, x, y)


def test_poison_gives_labels_in_the_form_it_got(attack: TriggerBackdoor, x: Images, y: Labels) -> None:
    laws.check_attack_labels(attack, x, y)


def in_place(x: Images) -> Images:
    """A perturbation as ART allows it."""
    x[..., -2:, -2:] = 1
    return x


@pytest.mark.parametrize("trigger", [PatchTrigger(), in_place])
def test_poison_leaves_samples_and_labels_alone(trigger: Trigger, x: Images, y: Labels) -> None:
    laws.check_attack_leaves_data_alone(TriggerBackdoor(trigger, target_class=1), x, y)


def test_one_seed_draws_one_set_of_rows(x: Images, y: Labels) -> None:
    laws.check_attack_repeats_itself(lambda seed: TriggerBackdoor(PatchTrigger(), 1, seed=seed), x, y)


def test_unknown_arguments_are_errors(attack: TriggerBackdoor, x: Images, y: Labels) -> None:
    laws.check_attack_rejects_unknown(attack, x, y)


def test_art_takes_it_for_its_own_backdoor(attack: TriggerBackdoor) -> None:
    laws.check_attack_is_arts(attack, PoisoningAttackBackdoor)


def test_attack_params_are_the_constructors_arguments(attack: TriggerBackdoor) -> None:
    laws.check_attack_params(attack)


class Rogue(PoisoningAttackBackdoor):
    """Breaks every law of attacks."""

    attack_params = ["perturbation", "seed"]  # noqa: RUF012
    _estimator_requirements = (nn.Module,)

    def __init__(self, **kwargs) -> None:
        self.draws = 0
        self._estimator = None
        self.perturbation = PatchTrigger()

    def poison(self, x, y=None, broadcast=False, **kwargs):
        x += 1
        return x[::-1], np.full((len(x),), 7.0)

    def poison_dataset(self, x, y):
        self.draws += 1
        return PoisonedDataset(x, y, np.arange(len(x)) == self.draws, y)


@pytest.mark.parametrize(
    "law",
    [
        laws.check_attack_keeps_rows,
        laws.check_attack_labels,
        laws.check_attack_leaves_data_alone,
        laws.check_attack_rejects_unknown,
        lambda attack, x, y: laws.check_attack_repeats_itself(lambda seed: attack, x, y),
        lambda attack, x, y: laws.check_attack_repeats_itself(lambda seed: TriggerBackdoor(PatchTrigger(), 1), x, y),
        lambda attack, x, y: laws.check_attack_is_arts(attack, PoisoningAttackBackdoor),
        lambda attack, x, y: laws.check_attack_is_arts(attack, PoisoningAttackCleanLabelBackdoor),
        lambda attack, x, y: laws.check_attack_params(attack),
    ],
)
def test_each_law_of_attacks_catches_one_that_breaks_it(law, x: Images, y: Labels) -> None:
    with pytest.raises(AssertionError):
        law(Rogue(), x, y)


def test_poison_triggers_every_row_and_labels_it_as_the_target(x: Images, y: Labels) -> None:
    trigger = PatchTrigger(size=3)

    x_poison, y_poison = TriggerBackdoor(trigger, 1).poison(x, y)

    assert np.array_equal(x_poison, trigger(x))
    assert (classes_of(y_poison) == 1).all()


def test_poison_without_labels_gives_indices(attack: TriggerBackdoor, x: Images) -> None:
    assert attack.poison(x)[1].tolist() == [1] * N


def test_poison_broadcasts_one_label_to_writable_rows(attack: TriggerBackdoor, x: Images) -> None:
    _, y_poison = attack.poison(x[:2], np.array([0.0, 0.0, 1.0]), broadcast=True)
    y_poison[0, 2] = 5

    assert y_poison.tolist() == [[0, 1, 5], [0, 1, 0]]


def test_a_poisoned_set_differs_from_the_clean_one_in_the_poisoned_rows_only(x: Images, y: Labels) -> None:
    trigger = PatchTrigger(size=3)

    data = TriggerBackdoor(trigger, 1, percent_poison=0.25).poison_dataset(x, y)

    assert data.is_poison.dtype == bool
    assert data.is_poison.sum() == 10
    assert np.array_equal(data.x[data.is_poison], trigger(x[data.is_poison]))
    assert np.array_equal(data.x[~data.is_poison], x[~data.is_poison])
    assert (classes_of(data.y)[data.is_poison] == 1).all()
    assert np.array_equal(data.y[~data.is_poison], y[~data.is_poison])
    assert np.array_equal(data.y_clean, y)
    assert data.y.shape == y.shape
    assert data.y.dtype == y.dtype


def test_poisoning_a_set_leaves_the_clean_one_alone(attack: TriggerBackdoor, x: Images, y: Labels) -> None:
    x_before, y_before = x.copy(), y.copy()

    data = attack.poison_dataset(x, y)
    for array in (data.x, data.y, data.y_clean):
        array[:] = 0

    assert np.array_equal(x, x_before)
    assert np.array_equal(y, y_before)


def test_rows_of_the_target_class_are_drawn_only_when_asked_for(x: Images, y: Labels) -> None:
    without = TriggerBackdoor(PatchTrigger(), 1, percent_poison=0.75).poison_dataset(x, y)
    everything = TriggerBackdoor(PatchTrigger(), 1, percent_poison=1.0, include_target=True).poison_dataset(x, y)

    assert not without.is_poison[classes_of(y) == 1].any()
    assert everything.is_poison.all()


@pytest.mark.parametrize("sources", [2, [2], (2,), np.array([2])], ids=repr)
def test_only_source_classes_are_poisoned(sources, x: Images, y: Labels) -> None:
    data = TriggerBackdoor(PatchTrigger(), 1, source_classes=sources).poison_dataset(x, y)

    assert set(classes_of(y)[data.is_poison]) == {2}
    assert data.is_poison.sum() == 4


@pytest.mark.parametrize(("share", "rows"), [(0.0, 0), (0.1, 4), (0.199, 7), (1 / 40, 1)])
def test_the_number_of_rows_is_the_share_of_all_rounded_down(share: float, rows: int, x: Images, y: Labels) -> None:
    assert TriggerBackdoor(PatchTrigger(), 1, share).poison_dataset(x, y).is_poison.sum() == rows


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"percent_poison": 0.01}, "at least one row, got 0.01 of 40 rows"),
        ({"percent_poison": 0.8}, "at least 32 rows to choose from, got 30"),
        ({"percent_poison": 0.5, "source_classes": [0, 1]}, "at least 20 rows to choose from, got 10"),
        ({"target_class": 9}, "expected class 9 to occur"),
        ({"source_classes": [2, 8]}, "expected class 8 to occur"),
    ],
)
def test_a_draw_that_cannot_be_made_is_an_error(keywords: dict, message: str, x: Images, y: Labels) -> None:
    attack = TriggerBackdoor(**{"trigger": PatchTrigger(), "target_class": 1} | keywords)

    with pytest.raises(ValueError, match=message):
        attack.poison_dataset(x, y)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"trigger": "patch"}, TypeError, "trigger to be a function of arrays, got 'patch'"),
        ({"trigger": [PatchTrigger()]}, TypeError, "trigger to be a function of arrays"),
        ({"target_class": -1}, ValueError, "target_class to be at least 0"),
        ({"target_class": 1.0}, TypeError, "target_class to be a whole number"),
        ({"percent_poison": "0.1"}, TypeError, "percent_poison to be a number, got '0.1'"),
        ({"seed": -1}, ValueError, "seed to be at least 0"),
        ({"percent_poison": 10}, ValueError, "percent_poison to be a fraction"),
        ({"sensor_size": (34, 34, 1)}, ValueError, "sensor_size to be"),
        ({"n_bins": 0}, ValueError, "n_bins to be at least 1"),
        ({"split_by": "frames"}, ValueError, "split_by to be 'count', 'time' or a duration in µs, got 'frames'"),
        ({"window": (5, 5)}, ValueError, r"window to be \(start, stop\) in µs with start < stop, .*got \(5, 5\)"),
        ({"window": 5}, TypeError, r"window to be \(start, stop\) in µs in whole numbers, got 5"),
    ],
)
def test_wrong_parameters_are_errors_when_the_attack_is_made(keywords: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        TriggerBackdoor(**{"trigger": PatchTrigger(), "target_class": 1} | keywords)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((0, 1, 4, 4)), None), "at least one sample"),
        ((np.zeros((2, 1, 4, 4)), np.zeros(3)), "got 3 labels for 2 samples"),
        ((np.zeros((2, 1, 4, 4)), np.eye(2)[:, :1]), "K above target class 1"),
    ],
)
def test_poison_says_what_it_expected(attack: TriggerBackdoor, arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack.poison(*arguments)


@pytest.mark.parametrize(
    ("trigger", "got"),
    [
        (lambda x: x / 255.0 + 0.1, r"shape \(40, 1, 6, 6\) and dtype float64"),
        (lambda x: x[:0], r"shape \(0, 1, 6, 6\) and dtype uint8"),
        (lambda x: None, "None"),
    ],
)
def test_a_trigger_that_changes_shape_or_dtype_is_an_error(trigger: Trigger, got: str, y: Labels) -> None:
    x, attack = np.zeros((N, 1, 6, 6), np.uint8), TriggerBackdoor(trigger, 1, percent_poison=1, include_target=True)

    for poison in (attack.poison, attack.poison_dataset):
        with pytest.raises(ValueError, match=rf"of shape \(40, 1, 6, 6\) and dtype uint8 as it got, got {got}"):
            poison(x, y)
    with pytest.raises(ValueError, match="expected the trigger to give back an array of shape"):
        attack.poison_lazily(x[:1], y[1:2])[0]


def test_set_params_replaces_the_trigger_that_art_sees(attack: TriggerBackdoor) -> None:
    attack.set_params(trigger=PatchTrigger(size=4))

    assert attack.perturbation == attack.trigger == PatchTrigger(size=4)


# Frames and events


@pytest.fixture
def streams() -> Events:
    """Eight streams of different lengths on a sensor of 9 × 7 pixels, each lasting 1000 µs."""
    rng = np.random.default_rng(0)
    events = np.empty(8, object)
    for row in range(8):
        n = 20 + 7 * row
        times = np.sort(np.r_[0, rng.integers(0, 1000, n - 2), 999])
        events[row] = make_events(rng.integers(0, 9, n), rng.integers(0, 7, n), times, rng.integers(0, 2, n))
    return events


def test_frames_are_poisoned_as_images_are(y: Labels) -> None:
    frames = np.random.default_rng(0).integers(0, 3, (N, 3, 2, 7, 9), dtype=np.uint8)
    trigger = MovingTrigger(size=2)

    data = TriggerBackdoor(trigger, 1, percent_poison=0.25).poison_dataset(frames, y)

    assert data.x.dtype == np.uint8
    assert np.array_equal(data.x[data.is_poison], trigger(frames[data.is_poison]))
    assert np.array_equal(data.x[~data.is_poison], frames[~data.is_poison])


def test_a_trigger_that_refits_looks_at_all_of_the_set_that_is_poisoned() -> None:
    frames = np.random.default_rng(0).integers(0, 2, (N, 3, 2, 9, 9), dtype=np.uint8)
    frames[:, :, 1, 6:, :3] = 1  # busiest in the lower left ninth
    trigger, classes = SmartTrigger(size=1, refit=True), np.arange(N) % K
    attack, fitted = TriggerBackdoor(trigger, 1, percent_poison=0.25), trigger.fit(frames)

    eager, lazy = attack.poison_dataset(frames, classes), attack.poison_lazily(frames, classes)

    assert trigger.fit(frames[eager.is_poison]) != fitted
    assert np.array_equal(eager.x[eager.is_poison], fitted(frames[eager.is_poison]))
    assert np.array_equal(np.stack([sample for sample, _ in lazy]), eager.x)
    assert np.array_equal(attack.poison(frames[:20])[0], trigger.fit(frames[:20])(frames[:20]))


def test_event_streams_obey_the_laws_of_attacks(streams: Events) -> None:
    attack = TriggerBackdoor(MovingTrigger(size=2), 1, sensor_size=(9, 7), n_bins=4)
    classes = np.arange(8) % 4

    laws.check_attack_keeps_rows(attack, streams, classes)
    laws.check_attack_labels(attack, streams, classes)
    laws.check_attack_leaves_data_alone(attack, streams, classes)


def test_event_streams_of_one_length_stay_streams(streams: Events) -> None:
    twins = np.empty(2, object)
    twins[:] = [streams[0], streams[0]]

    poisoned, _ = TriggerBackdoor(StaticTrigger(size=2), 1, sensor_size=(9, 7)).poison(twins)

    assert poisoned.shape == (2,)
    assert poisoned[0].dtype.names == streams[0].dtype.names


def test_a_set_of_event_streams_is_poisoned_in_its_poisoned_rows(streams: Events) -> None:
    trigger = StaticTrigger(size=2)

    data = TriggerBackdoor(trigger, 1, 0.5, sensor_size=(9, 7, 2)).poison_dataset(streams, np.arange(8) % 4)

    assert data.is_poison.sum() == 4
    for clean, poisoned, is_poison in zip(streams, data.x, data.is_poison, strict=True):
        assert np.array_equal(poisoned, trigger.on_events(clean, (9, 7)) if is_poison else clean)


@pytest.mark.parametrize("keywords", [{"split_by": "count"}, {"split_by": 50}, {"window": (100, 900)}], ids=repr)
def test_event_streams_are_poisoned_in_the_bins_that_the_attack_states(keywords: dict, streams: Events) -> None:
    trigger = MovingTrigger(size=2)
    attack = TriggerBackdoor(trigger, 1, sensor_size=(9, 7), n_bins=4, **keywords)

    poisoned, _ = attack.poison(streams)

    for stream, clean in zip(poisoned, streams, strict=True):
        assert np.array_equal(stream, trigger.on_events(clean, (9, 7), n_bins=4, **keywords))
        assert not np.array_equal(stream, trigger.on_events(clean, (9, 7), n_bins=4))


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"trigger": StaticTrigger()}, ValueError, "sensor_size"),
        (
            {"trigger": PatchTrigger(), "sensor_size": (9, 7)},
            TypeError,
            "a trigger that acts on events, got PatchTrigger",
        ),
        ({"trigger": MovingTrigger(), "sensor_size": (9, 7)}, ValueError, "expected n_bins"),
    ],
)
def test_event_streams_need_an_event_trigger_and_its_sensor(keywords: dict, error: type, message: str, streams) -> None:
    with pytest.raises(error, match=message):
        TriggerBackdoor(target_class=1, **keywords).poison(streams)


# Larger than memory


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


# ART's own attacks


@pytest.fixture
def classifier() -> PyTorchClassifier:
    """An untrained network; the hidden layer is what the hidden-trigger attack looks at."""
    with host_seed(0):
        model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Linear(8, K))
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
    return PyTorchClassifier(model, loss, (1, 6, 6), K, optimizer, clip_values=(0.0, 1.0), device_type="cpu")


def test_arts_clean_label_attack_takes_it(attack: TriggerBackdoor, classifier: PyTorchClassifier, x: Images) -> None:
    labels = np.eye(K, dtype=np.float32)[np.arange(N) % K]
    clean_label = PoisoningAttackCleanLabelBackdoor(attack, classifier, labels[1], pp_poison=0.5, max_iter=2)

    with host_seed(0):
        x_poison, y_poison = clean_label.poison(x, labels)

    changed = (x_poison != x).any(axis=(1, 2, 3))
    assert np.array_equal(y_poison, labels)
    assert changed.any()
    assert (labels.argmax(axis=1)[changed] == 1).all()
    assert (x_poison[changed][..., -2:, -2:] == 1).all()


def test_arts_hidden_trigger_attack_takes_it(
    attack: TriggerBackdoor, classifier: PyTorchClassifier, x: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.eye(K, dtype=np.float32)[np.arange(N) % K]
    hidden = HiddenTriggerBackdoor(
        classifier, labels[1], labels[2], 1, attack, max_iter=2, poison_percent=0.3, verbose=False
    )

    with host_seed(0):
        x_poison, rows = hidden.poison(x, labels)

    assert len(x_poison) == len(rows) == 3
    assert (rows % K == 1).all()
    assert not np.array_equal(x_poison, x[rows])
    assert "Max_Loss" in capsys.readouterr().out  # ART prints; it is kept off the screen here
