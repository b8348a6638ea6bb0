"""Data sets of recordings: found on disk, and given as event streams or as frames.

Frames go to a cache on disk first and come back as memory maps, so no data set has to fit into memory.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from art_snn._validation import check_choice
from art_snn.data.cache import cached, default_cache
from art_snn.data.dataset import Dataset
from art_snn.data.frame_store import FORMAT, open_frames, write_frames
from art_snn.data.recordings import Readings, Sample, Samples, check_request, in_turn
from art_snn.events import SplitBy, Window, to_frames
from art_snn.typing import Array, Indices

Part = tuple[Array, Indices, list[str]]  # samples, class indices, and what was wrong with those left out


@dataclass(frozen=True, kw_only=True)
class EventFiles:
    """A data set of recordings: calling it loads it.

    Args:
        name: Its key among the loaders.
        title: Its name for people.
        sensor_size: Width and height in pixels, and 2 polarities.
        offered_at: The publisher's page.
        source: The publication.
        find: What lists the samples below a folder.
    """

    name: str
    title: str
    sensor_size: tuple[int, int, int]
    offered_at: str
    source: str
    find: Callable[[Path], Samples]

    def __call__(
        self,
        root: Path,
        *,
        n_bins: int = 16,
        split_by: SplitBy = "count",
        form: Literal["frames", "events"] = "frames",
        limit: int | None = None,
        on_bad: Literal["error", "skip"] = "error",
        saturate: bool = False,
        cache_dir: str | PathLike[str] | None = None,
    ) -> Dataset:
        """The complete data set, or as much of it as is there.

        Args:
            root: Folder that holds the publisher's files or their top folder.
            n_bins: The number T of frames a sample.
            split_by: How events fall into frames; see `events.to_frames`.
            form: "frames": uint8 counts (N, T, 2, H, W), memory-mapped and read-only; "events": streams, in memory.
            limit: The most samples of each split, taken in turn from each class; None is all.
            on_bad: What to make of a damaged recording: an "error", or "skip" it and warn of how many there were.
            saturate: Whether a count above 255 becomes 255 instead of an error.
            cache_dir: Folder that keeps the frames for the next time; None is `art-snn` in the user's cache.

        Raises:
            FileNotFoundError: If there is nothing of a split; it says where the publisher offers it.
            ValueError: If a recording is damaged, or a value is out of its range.
        """
        check_request(n_bins, split_by, form, limit)
        check_choice("on_bad", on_bad, ("error", "skip"))
        samples = self._find(root)
        readings = {}
        for split, found in (("train", samples.train), ("test", samples.test)):
            chosen = [found[row] for row in in_turn([sample.label for sample in found], limit)]
            title = f"{self.title}, {split}"
            readings[split] = Readings(chosen, self.sensor_size, skip=on_bad == "skip", title=title)
        if form == "events":
            parts = [_streams(reading) for reading in readings.values()]
        else:
            cache = Path(cache_dir or default_cache())
            parts = self._frames(root, readings, cache, n_bins=n_bins, split_by=split_by, saturate=saturate)
        (x_train, y_train, bad_train), (x_test, y_test, bad_test) = parts
        if bad := bad_train + bad_test:
            warnings.warn(f"{self.name}: left out {len(bad)} samples, the first for {bad[0]}", stacklevel=3)
        return Dataset(x_train, y_train, x_test, y_test, samples.classes, None, self.sensor_size, self.title)

    def _find(self, root: Path) -> Samples:
        offered = f"{self.name} is offered at {self.offered_at}"
        if not root.is_dir():
            raise FileNotFoundError(f"expected the folder {root}; {offered}")
        samples = self.find(root)
        for split, found in (("train", samples.train), ("test", samples.test)):
            if not found:
                raise FileNotFoundError(f"expected recordings to {split} with below {root}; {offered}")
        return samples

    def _frames(self, root: Path, readings: dict[str, Readings], cache: Path, **binning: Any) -> list[Part]:
        """The frames of all splits, made if the cache does not hold them yet."""

        def write(folder: Path) -> None:
            for split, reading in readings.items():
                make = partial(to_frames, sensor_size=self.sensor_size, **binning)
                write_frames(folder / f"{split}.frames", reading, make)

        splits = {
            split: {"skip": reading.skip, "samples": [_identity(sample, root) for sample in reading.samples]}
            for split, reading in readings.items()
        }
        key = {"format": FORMAT, "name": self.name, "sensor_size": self.sensor_size, **binning, **splits}
        folder = cached(cache, key, write)
        return [open_frames(folder / f"{split}.frames") for split in readings]


def _identity(sample: Sample, root: Path) -> tuple[str | int | Window | None, ...]:
    """What tells a sample from another one, and from itself after its file was changed."""
    status = sample.path.stat()
    return str(sample.path.relative_to(root)), status.st_size, status.st_mtime_ns, sample.label, sample.window


def _streams(readings: Readings) -> Part:
    """The streams of one split, all in memory."""
    kept = list(readings)
    x = np.empty(len(kept), object)
    x[:] = [events for _, events in kept]
    return x, np.array([sample.label for sample, _ in kept], np.int64), readings.bad
