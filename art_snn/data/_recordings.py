"""Recordings on disk: list them, and read their streams one after another."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from art_snn._free_space import check_memory
from art_snn._progress import progress
from art_snn._validation import check_at_least, check_choice
from art_snn.data.formats import read_events
from art_snn.events import SensorSize, SplitBy, Window, check_bins
from art_snn.typing import Events, Indices


class Sample(NamedTuple):
    """A recording, or a window of one, and its class index."""

    path: Path
    label: int
    window: Window | None = None


class Samples(NamedTuple):
    """The samples found of a data set, and the name of each class."""

    train: list[Sample]
    test: list[Sample]
    classes: tuple[str, ...]


def first_nine_tenths(recordings: Mapping[str, Sequence[Path]]) -> Samples:
    """Split each class: the first nine tenths of its recordings, rounded up, for training, the rest for testing.

    Source: the released code of Abad et al., Sneaky Spikes, 2024, https://arxiv.org/abs/2302.06279.
    """
    train, test = [], []
    for label, paths in enumerate(recordings.values()):
        samples = [Sample(path, label) for path in paths]
        n_train = -(-9 * len(samples) // 10)
        train += samples[:n_train]
        test += samples[n_train:]
    return Samples(train, test, tuple(recordings))


def check_request(n_bins: int, split_by: SplitBy, form: str, limit: int | None, sensor_size: SensorSize) -> None:
    """Check what is asked of a data set of recordings, before any is read.

    Raises:
        ValueError: If a value is out of its range.
        MemoryError: If the frames of a single recording do not fit into memory.
    """
    check_bins(n_bins, split_by)
    check_memory(f"a sample of n_bins={n_bins}", 2 * n_bins * sensor_size[0] * sensor_size[1], "choose fewer")
    check_choice("form", form, ("frames", "events"))
    if limit is not None:
        check_at_least("limit", limit, 1)


def balanced_rows(labels: Sequence[int] | Indices, limit: int | None) -> Indices:
    """Choose at most `limit` rows (None: all), the first of each class before the second of any; rising order.

    >>> balanced_rows([0, 0, 0, 1, 1], limit=3).tolist()
    [0, 1, 3]
    """
    seen: Counter[int] = Counter()
    turns = []
    for label in labels:
        turns.append(seen[label])
        seen[label] += 1
    return np.sort(np.argsort(turns, kind="stable")[:limit])


class RecordingReader:
    """Reads samples with their streams, one after another under a progress bar.

    Args:
        samples: Samples to read; neighbours that share a file read it once.
        sensor_size: Width and height in pixels.
        skip: Whether to go on after a damaged recording.
        title: Text of the progress bar.

    Attributes:
        bad: Error of each sample that was left out.
    """

    def __init__(self, samples: Sequence[Sample], sensor_size: SensorSize, *, skip: bool, title: str) -> None:
        self.samples = samples
        self.skip = skip
        self.title = title
        self.bad: list[str] = []
        self._read = lru_cache(maxsize=1)(partial(read_events, sensor_size=sensor_size))

    def __iter__(self) -> Iterator[tuple[Sample, Events]]:
        """Each sample and its stream.

        Raises:
            ValueError: If a recording is damaged, unless it is to be skipped; if all are.
        """
        self.bad.clear()
        for sample in progress(self.samples, desc=self.title, unit=" samples"):
            try:
                events = self._stream(sample)
            except ValueError as error:
                if not self.skip:
                    raise ValueError(f"{error}; on_bad='skip' leaves it out") from error
                self.bad.append(str(error))
            else:
                yield sample, events
        if len(self.bad) == len(self.samples):
            raise ValueError(f"expected a recording that can be read, got none of {len(self.bad)}: {self.bad[0]}")

    def _stream(self, sample: Sample) -> Events:
        events = self._read(sample.path)
        if sample.window is None:
            return events
        start, stop = np.searchsorted(events["t"], sample.window)
        if start == stop:
            raise ValueError(f"{sample.path}: expected events within {sample.window} µs, got none")
        return events[start:stop]
