"""Data sets of recordings: found on disk, and given as event streams or as frames.

Frames go to a cache on disk first and come back as memory maps, so no data set has to fit into memory.
"""

import hashlib
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from art_snn._files import read_regular
from art_snn._free_space import check_disk
from art_snn._progress import progress
from art_snn._validation import check_choice
from art_snn.data._cache import cached, default_cache
from art_snn.data._files import check_root, folder_content
from art_snn.data._frame_store import FORMAT, open_frames, write_frames
from art_snn.data._recordings import RecordingReader, Samples, balanced_rows, check_request
from art_snn.data.dataset import Dataset
from art_snn.events import SplitBy, to_frames
from art_snn.typing import Array, Indices

Part = tuple[Array, Indices, list[str]]  # samples, class indices, and the errors of those left out


@dataclass(frozen=True, kw_only=True)
class EventFiles:
    """A data set of recordings: calling it loads it.

    Args:
        name: Key of the data set among the loaders.
        title: Name of the data set for people.
        sensor_size: Width and height in pixels, and 2 polarities.
        offered_at: The publisher's page.
        layout: Places of the recordings below the folder, for people.
        source: The publication.
        find: Function that lists the samples below a folder.
        n_classes: K, at most.
    """

    name: str
    title: str
    sensor_size: tuple[int, int, int]
    offered_at: str
    layout: str
    source: str
    find: Callable[[Path], Samples]
    n_classes: int = 10

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
        """Load the data set, or as much of it as is there.

        Args:
            root: Folder that holds the publisher's files or their top folder.
            n_bins: Number T of frames a sample.
            split_by: Rule that cuts the frames, see `events.to_frames`.
            form: "frames" for uint8 counts (N, T, 2, H, W), memory-mapped and read-only; "events" for streams, in
                memory.
            limit: Most samples of each split, taken in turn from each class; None is all.
            on_bad: Treatment of damaged recordings: "error", or "skip" them with a warning of how many there were.
            saturate: Whether a count above 255 becomes 255 instead of an error.
            cache_dir: Folder that keeps the frames for the next time; None is `art-snn` in the user's cache.

        Raises:
            FileNotFoundError: If there is nothing of a split; it says where the publisher offers it.
            ValueError: If a recording is damaged, or a value is out of its range.
        """
        check_request(n_bins, split_by, form, limit, self.sensor_size)
        check_choice("on_bad", on_bad, ("error", "skip"))
        samples = self._find(root)
        readers = {}
        for split, found in (("train", samples.train), ("test", samples.test)):
            chosen = [found[row] for row in balanced_rows([sample.label for sample in found], limit)]
            title = f"{self.title}, {split}"
            readers[split] = RecordingReader(chosen, self.sensor_size, skip=on_bad == "skip", title=title)
        if form == "events":
            parts = [_streams(reader) for reader in readers.values()]
        else:
            cache = Path(cache_dir or default_cache())
            parts = self._frames(
                root, readers, cache, len(samples.classes), n_bins=n_bins, split_by=split_by, saturate=saturate
            )
        (x_train, y_train, bad_train), (x_test, y_test, bad_test) = parts
        if bad := bad_train + bad_test:
            warnings.warn(f"{self.name}: left out {len(bad)} samples, the first for {bad[0]}", stacklevel=3)
        return Dataset(x_train, y_train, x_test, y_test, samples.classes, None, self.sensor_size, self.title)

    def _find(self, root: Path) -> Samples:
        check_root(root, self.offered_at)
        samples = self.find(root)
        for split, found in (("train", samples.train), ("test", samples.test)):
            if not found:
                wanted, got = f"recordings to {split} with in {root}, at {self.layout}", folder_content(root)
                offered = f"{self.name} is offered at {self.offered_at}"
                raise FileNotFoundError(f"expected {wanted}, got there {got}; {offered}")
        return samples

    def _frames(
        self, root: Path, readers: dict[str, RecordingReader], cache: Path, n_classes: int, **binning: Any
    ) -> list[Part]:
        """Read the frames of all splits from the cache, or make them first."""
        paths = list(dict.fromkeys(sample.path for reader in readers.values() for sample in reader.samples))
        stamps = [_stamp(path) for path in paths]
        checksums = {path: _checksum(path) for path in progress(paths, desc="known frames?", unit=" files", delay=1)}

        def write(folder: Path) -> None:
            n_samples = sum(len(reader.samples) for reader in readers.values())
            size = n_samples * math.prod((binning["n_bins"], *self.sensor_size))
            check_disk(f"frames of {n_samples} samples", size, folder, "set a limit, fewer n_bins, or XDG_CACHE_HOME")
            for split, reader in readers.items():
                make = partial(to_frames, sensor_size=self.sensor_size, **binning)
                write_frames(folder / f"{split}.frames", reader, make)
            if changed := [str(path) for path, stamp in zip(paths, stamps, strict=True) if _stamp(path) != stamp]:
                raise ValueError(f"expected recordings that hold still, got {changed[0]} changed while it was read")

        def read(folder: Path) -> list[Part]:
            shape = (binning["n_bins"], 2, *reversed(self.sensor_size[:2]))
            return [open_frames(folder / f"{split}.frames", shape, n_classes) for split in readers]

        key = {"format": FORMAT, "name": self.name, "root": str(root.resolve()), "sensor_size": self.sensor_size}
        chosen = {split: _identity(reader, root, checksums) for split, reader in readers.items()}
        return cached(cache, {**key, **binning, **chosen}, write, read)


def _identity(reader: RecordingReader, root: Path, checksums: Mapping[Path, str]) -> dict[str, Any]:
    """Everything that determines what a split holds."""
    samples = [
        (str(sample.path.relative_to(root)), checksums[sample.path], sample.label, sample.window)
        for sample in reader.samples
    ]
    return {"skip": reader.skip, "samples": samples}


def _checksum(path: Path) -> str:
    """The checksum of all bytes; for a file that cannot be read, the reason.

    Nothing less will do: copies can share size, time and some blocks. A recording of N-MNIST takes 60 µs.
    """
    try:
        return hashlib.sha256(read_regular(path)).hexdigest()
    except ValueError as error:
        return str(error)


def _stamp(path: Path) -> tuple[int, ...]:
    """Facts that change when a file does."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _streams(reader: RecordingReader) -> Part:
    """The streams of one split, all in memory."""
    kept = list(reader)
    x = np.empty(len(kept), object)
    x[:] = [events for _, events in kept]
    return x, np.array([sample.label for sample, _ in kept], np.int64), reader.bad
