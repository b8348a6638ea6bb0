"""The sponge trigger: a universal pattern of events that makes a spiking network work more."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._arrays import is_tensor
from art_snn._declared import Count, Declared, FromZero, Seed
from art_snn._layouts import check_frames
from art_snn._validation import whole_numbers
from art_snn.attacks.poisoning._event_insertion import EventTiming, warn_of_lost_ends
from art_snn.attacks.poisoning._flipped_events import flipped_stream
from art_snn.attacks.poisoning._sponge_search import Search, check_classifier, costly_cells, some_of
from art_snn.attacks.poisoning._tensor_trigger import apply_to_tensor
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.attacks.poisoning.neuromorphic_trigger import NeuromorphicTrigger, checked_frames
from art_snn.events import SensorSize, SplitBy, Window, check_events, check_sensor_size, is_stream, streams_of
from art_snn.typing import Events, Frames, Indices

Cell = tuple[int, int, int, int]  # time bin, polarity, row, column


def _checked_cells(name: str, cells: Any) -> tuple[Cell, ...]:
    """Check for cells of four whole numbers from 0 up, and return each once, in order."""
    given = cells if isinstance(cells, list | tuple | np.ndarray) else ()
    read = [whole_numbers(name, cell, "cells (bin, polarity, row, column)") for cell in given]
    if not read or any(len(cell) != 4 or min(cell) < 0 or cell[1] > 1 for cell in read):
        raise ValueError(f"expected {name} to be cells (bin, polarity, row, column) from 0 up, got {cells!r}")
    return tuple(sorted({(cell[0], cell[1], cell[2], cell[3]) for cell in read}))


Cells = Annotated[tuple[Cell, ...], Declared("cells (bin, polarity, row, column)", _checked_cells)]


@dataclass(frozen=True)
class SpongeTrigger(NeuromorphicTrigger):
    """Flip the same few cells of every sample, chosen so that a classifier fires more and its answers stay.

    A cell is one pixel of one polarity in one time bin. `fit` chooses cells on a classifier of the attacker's; then the
    trigger is the same for all samples. The control is `search="random"`: as many cells, drawn at random.

    Args:
        budget: Number of cells, from 1 up.
        mode: "xor" lets a cell that has events fall silent and gives one event to a silent one; "add" only does the
            latter.
        search: "gradient" takes cells by the gradient of the neurons' outputs; "random" asks no classifier.
        penalty: Weight of the mean cross-entropy with the classifier's answers to clean samples, against the outputs of
            all neurons as a multiple of those for clean samples; 0 lets answers change.
        rounds: Number of gradients, from 1 up; cells are added one after another during the first half of them, and
            exchanged during the second.
        n_samples: Largest number of samples that are looked at.
        seed: Seed of the draw of samples, and of cells with "random".
        cells: Cells that `fit` chose, each time bin, polarity (0 OFF, 1 ON), row and column; None before.

    Source: universal perturbation (XOR on binary events) that costs synaptic operations: arXiv 2607.27990, 2026,
    https://arxiv.org/abs/2607.27990, of which no code was found; the search is ours.
    """

    needs_fitting: ClassVar[bool] = True

    budget: Count = 128
    mode: Literal["xor", "add"] = "xor"
    search: Search = "gradient"
    penalty: FromZero = 0.1
    rounds: Count = 16
    n_samples: Count = 128
    seed: Seed = 0
    cells: Cells | None = None

    @property
    def needs_classifier(self) -> bool:
        """Whether `fit` takes a trained classifier of the attacker's beside samples."""
        return self.search == "gradient"

    def fit(self, x: Frames, classifier: PyTorchClassifier | None = None, *, verbose: bool = False) -> "SpongeTrigger":
        """Make a trigger with the cells that cost most on these frames.

        Args:
            x: Clean frames (N, T, 2, H, W), which may be memory-mapped.
            classifier: Trained classifier whose work is to rise, spiking or not; it is left as it was. With
                `search="random"` it is not needed.
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If there are no samples, fewer cells than `budget`, or the classifier is silent.
            TypeError: If a classifier is needed and there is none.
        """
        check_frames("frames", x)
        check_classifier(self.search, classifier)
        shape, rng = tuple(x.shape[1:]), np.random.default_rng(self.seed)
        if math.prod(shape) < self.budget:
            raise ValueError(f"expected budget to be at most the {math.prod(shape)} cells, got {self.budget}")
        samples = checked_frames(some_of(x, self.n_samples, rng))
        if self.search == "random" or classifier is None:
            chosen = rng.choice(math.prod(shape), self.budget, replace=False)
        else:
            changes = self._flipped(samples).astype(np.float32) - samples
            chosen = costly_cells(
                classifier,
                samples,
                changes,
                self.budget,
                penalty=self.penalty,
                rounds=self.rounds,
                verbose=verbose,
            )
        places = np.stack(np.unravel_index(chosen, shape), axis=1)
        return replace(self, cells=tuple(map(tuple, places.tolist())))

    def __call__(self, x: Frames) -> Frames:
        """Copy frames and flip the cells.

        Raises:
            ValueError: If the trigger is not fitted, a cell lies outside the frames, or these have another layout or
                hold NaN, infinity or negative counts.
            TypeError: If they are not an array of numbers, such as event streams.
        """
        if is_tensor(x):
            return apply_to_tensor(self, "frames", x)  # type: ignore[no-any-return]
        x = checked_frames(x, alone=True)
        cells = self._within(*x.shape[-4:])
        triggered = copied(x)
        place = (..., *cells.T)
        triggered[place] = self._flipped(x[place])
        return triggered

    def on_events(
        self,
        events: Events | Iterable[Events],
        sensor_size: SensorSize,
        *,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        window: Window | None = None,
    ) -> Events:
        """Flip the cells of event streams: binned by time in the same window, they give the triggered frames.

        New events come at the middle of their bins. A stream keeps its first and last timestamp: if such an event is
        erased, the nearest one in its bin takes over its time. With "count" the match is near, not exact.

        Args:
            events: One stream with fields x, y, t, p, or an object array (N,) of streams, which are not changed.
            sensor_size: (W, H) or (W, H, 2), pixels.
            n_bins: Time bins of the frames that the trigger is made for.
            split_by: Rule that cuts those bins, as in `art_snn.events.to_frames`.
            window: Interval (start, stop) in µs, half-open, that the bins cover; None is (first, last + 1) of each
                stream. Events outside stay as they are.

        Raises:
            ValueError: If the trigger is not fitted, a cell or an event is off the sensor, events are out of order,
                `n_bins` is missing, or a bin that needs an event holds no whole µs.
        """
        if n_bins is None:
            raise ValueError("expected n_bins, the frames' time bins, for a trigger that differs among them, got None")
        width, height, n_polarities = check_sensor_size(sensor_size)
        timing = EventTiming(n_bins, split_by, window, events_per_bin=1, spacing_us=0)
        cells, streams = self._within(n_bins, n_polarities, height, width), streams_of(events)
        triggered = np.empty(len(streams), object)
        for row, stream in enumerate(streams):
            check_events(stream, sensor_size)
            triggered[row] = flipped_stream(stream, cells, self.mode == "xor", timing)
            if window is None:
                warn_of_lost_ends(triggered[row], stream, stacklevel=2)
        return triggered[0] if is_stream(events) else triggered

    def _flipped(self, x: Frames) -> Frames:
        """These values after a flip."""
        return np.where(x > 0, x if self.mode == "add" else 0, 1).astype(x.dtype)

    def _within(self, *size: int) -> Indices:
        """The cells as an array (n, 4), if recordings of T, 2, H and W have them."""
        if self.cells is None:
            raise ValueError(f"expected a fitted trigger, got {self}; call fit(x_train, classifier) and use its result")
        outside = [cell for cell in self.cells if any(place >= side for place, side in zip(cell, size, strict=True))]
        if outside:
            raise ValueError(f"expected cells within {size} (bins, polarities, rows, columns), got {outside[:3]}")
        return np.array(self.cells, np.int64)
