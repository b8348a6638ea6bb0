"""Frames on disk, and how much anonymous memory computations take: run as a program, so that nothing else counts.

`python -m tests.mapped_frames FOLDER` writes frames into the folder, does each thing twice, with few frames to load all
code and then with all of them, and prints the share of the frames' bytes by which anonymous memory grew at most.
"""

import gc
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, StaticTrigger, TriggerBackdoor
from art_snn.data import Dataset
from art_snn.defences.detector import NeuralCleanse, SpikeSpectralDefence
from art_snn.defences.transformer import DendriteClamping, FinePruning
from art_snn.estimators.classification import ConvertedClassifier, SpikingClassifier, SpikingModule
from art_snn.evaluations import (
    BackdoorEvaluation,
    DetectionEvaluation,
    EliminationEvaluation,
    ModelDetectionEvaluation,
)
from art_snn.experiment import building, defend, run
from art_snn.typing import Array, Frames, Indices
from tests.specs import spec_of

K, TARGET, FEW = 4, 1, 400
SHAPE, N = (8, 2, 32, 32), 3500  # the set is large beside the states of a few networks
SMALL, MANY = (8, 2, 16, 16), 6000  # the set is large beside a batch of `predict`
ATTACK = TriggerBackdoor(StaticTrigger(8, "top-left", "on"), TARGET, percent_poison=0.1)
Split = tuple[Frames, Indices]


def frames(path: Path, n: int, shape: tuple[int, ...] = SHAPE, n_at_once: int = 500) -> Split:
    """Frames (n, T, 2, H, W) whose class is where the many events are; memory-mapped, read-only."""
    rng, classes, width = np.random.default_rng(n), np.arange(n) % K, shape[-1] // K
    written = np.lib.format.open_memmap(path, "w+", np.uint8, (n, *shape))
    for start in range(0, n, n_at_once):
        some = rng.integers(0, 2, (min(n_at_once, n - start), *shape), dtype=np.uint8)
        for row, label in enumerate(classes[start : start + n_at_once]):
            some[row, :, 1, shape[-2] // 2 :, width * label : width * (label + 1)] += 3
        written[start : start + n_at_once] = some
    written.flush()
    return np.load(path, mmap_mode="r"), classes


def spiking() -> SpikingClassifier:
    """A network that sees 4 × 4 blocks."""
    with host_seed(0):
        net = nn.Sequential(
            layer.AvgPool2d(8), layer.Conv2d(2, 4, 3, padding=1), neuron.IFNode(), layer.Flatten(), layer.Linear(64, K)
        )
    functional.set_step_mode(net, "m")
    module = SpikingModule(net)
    optimizer = torch.optim.Adam(module.parameters(), 1e-2)
    return SpikingClassifier(module, nn.CrossEntropyLoss(), SHAPE, K, optimizer=optimizer)


def defences(train: Split, test: Split) -> None:
    """A backdoor, and all evaluations of defences, with what reads the samples in its own way each."""
    evaluation = BackdoorEvaluation(ATTACK, {"snn": spiking()})
    evaluation.evaluate(*train, *test, nb_epochs=1, batch_size=32, verbose=False)
    detectors = {
        "spectral": partial(SpikeSpectralDefence, max_features=16),
    }
    found = DetectionEvaluation(ATTACK, evaluation.trained, detectors).evaluate(*train, verbose=False)
    judges = {"neural-cleanse": partial(NeuralCleanse, steps=4)}
    judged = ModelDetectionEvaluation(ATTACK, evaluation.trained, judges).evaluate(*train, verbose=False)
    eliminations = {
        "fine-pruning": partial(FinePruning, nb_epochs=1),
        "clamping": partial(DendriteClamping, nb_epochs=1, n_layers=1, batch_size=40),
    }
    removed = EliminationEvaluation(ATTACK, evaluation.trained, eliminations).evaluate(*test, *test, verbose=False)
    for row in (*found, *judged, *removed):
        assert not [doubt for doubt in row.doubts if doubt.grade == "invalid"], row


def migration(train: Split, test: Split) -> None:
    """A converted network, of frames whose bins are channels of an image."""
    (x_train, y_train), (x_test, y_test) = ((x.reshape(len(x), 16, 32, 32)[:, :3], y) for x, y in (train, test))
    with host_seed(0):
        net = nn.Sequential(nn.AvgPool2d(8), nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, K))
    ann = ConvertedClassifier(net, nn.CrossEntropyLoss(), (3, 32, 32), K, timesteps=4)
    evaluation = BackdoorEvaluation(TriggerBackdoor(PatchTrigger(8), TARGET, 0.1), {"converted": ann})
    (row,) = evaluation.evaluate(x_train, y_train, x_test, y_test, nb_epochs=1, batch_size=32, verbose=False)
    assert row.migration is not None


def command(start: Callable[..., Any], train: Split, test: Split) -> None:
    """`compare` or `defend` of one model."""
    data = Dataset(*train, *test, classes=tuple("abcd"), sensor_size=(16, 16, 2), title="frames")
    building.load_dataset = lambda *_args, **_options: data
    options = {"data": "digits-dvs", "n_bins": 8, "models": ("ann",), "width": 0.1, "epochs": 1}
    defences = ["channel-lipschitz-pruning"] if start is defend else []
    start(spec_of(**options, set={"defences": defences}), verbose=False)


def few(split: Split) -> tuple[Array, Indices]:
    return split[0][:FEW], split[1][:FEW]


Task = Callable[[Split, Split], object]
TASKS: dict[str, tuple[Task, int, tuple[int, ...]]] = {  # with numbers of frames and their shape
    "defences": (defences, N, SHAPE),
    "migration": (migration, N, SHAPE),
    "compare": (partial(command, run), MANY, SMALL),
    "defend": (partial(command, defend), MANY, SMALL),
}


@contextmanager
def peak_of_anonymous_memory() -> Iterator[list[int]]:
    """The bytes by which it grew at most during the block, looked at every few milliseconds."""
    gc.collect()
    peak, before, is_over = [0], anonymous_memory(), threading.Event()

    def watch() -> None:
        while not is_over.wait(0.01):
            peak[0] = max(peak[0], anonymous_memory() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


def anonymous_memory() -> int:
    """Bytes of this process that are no copy of a file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def main(folder: Path) -> None:
    """Print the shares as JSON, by task."""
    shares = {}
    for name, (task, n, shape) in TASKS.items():
        train, test = frames(folder / "train.npy", n, shape), frames(folder / "test.npy", n // 4, shape)
        task(few(train), few(test))
        with peak_of_anonymous_memory() as peak:
            task(train, test)
        shares[name] = peak[0] / (train[0].nbytes + test[0].nbytes)
    sys.stdout.write(json.dumps(shares))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
