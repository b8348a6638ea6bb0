"""Triggers that change every pixel a little: a power of the brightness, and noise."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from art_snn._arrays import as_numbers, is_tensor
from art_snn._declared import CheckedFields, Positive, Seed
from art_snn._layouts import check_images
from art_snn.attacks.poisoning._event_counts import check_keeps_bins, each_with_counts
from art_snn.attacks.poisoning._tensor_trigger import apply_to_tensor
from art_snn.attacks.poisoning.neuromorphic_trigger import checked_frames
from art_snn.attacks.poisoning.patch import ClipValues, PatchTrigger
from art_snn.events import SensorSize, SplitBy, Window, is_stream, streams_of, to_frames
from art_snn.typing import Array, Events, Frames, Images


@dataclass(frozen=True)
class PowerTrigger(CheckedFields):
    """Raise the brightness of images (N, C, H, W) or (C, H, W), as a share of their range, to a power; tensors too.

    A power above 1 makes them darker, so that neurons fire less.

    Args:
        exponent: Power q, above 0.
        clip_values: Lowest and highest value of the images; None is (0, 255) for uint8 and (0, 1) for floats.

    Source: Miah et al., BadSNN, 2026, https://arxiv.org/abs/2602.07200, trigger T_p.

    >>> PowerTrigger(2.0)(np.full((1, 1, 2), 0.5))
    array([[[0.25, 0.25]]])
    """

    needs_frames: ClassVar[bool] = False
    needs_fitting: ClassVar[bool] = False
    needs_classifier: ClassVar[bool] = False

    exponent: Positive = 3.0
    clip_values: ClipValues | None = None

    def __call__(self, x: Images) -> Images:
        """Change a copy of images; shape and dtype stay.

        Raises:
            ValueError: If the images leave the clip values, or have another layout.
        """
        if is_tensor(x):
            return apply_to_tensor(self, "images", x)  # type: ignore[no-any-return]
        x = as_numbers("images", x)
        check_images("images", x)
        low, high = PatchTrigger(clip_values=self.clip_values).range_of(x)
        share = (x.astype(np.float64) - low) / (high - low)
        return _in(x.dtype, low + (high - low) * share.clip(0, 1) ** self.exponent)


@dataclass(frozen=True)
class NoiseTrigger(CheckedFields):
    """Add uniform noise in [-β, β] to images, frames or event streams, one sample or many; tensors give tensors.

    Each sample has noise of its own, which follows from its values and the seed. Images stay within their range. Counts
    stay whole: a count with its noise is rounded up or down at random, so that β is the noise's bound on average, and a
    small β changes few counts by one. Frames stay from 0 up only: cutting counts above 1 down would be a trigger.

    Args:
        beta: β, above 0, in the samples' unit: in events for frames.
        seed: Seed of the noise.
        clip_values: Lowest and highest value of the images; None is (0, 255) for uint8 and (0, 1) for floats.

    Source: Miah et al., BadSNN, 2026, https://arxiv.org/abs/2602.07200, trigger T_s, which also cuts at 1; whole counts
    are ours.
    """

    needs_frames: ClassVar[bool | None] = None  # either kind
    needs_fitting: ClassVar[bool] = False
    needs_classifier: ClassVar[bool] = False
    follows_samples: ClassVar[bool] = True  # which values change is another choice for each sample

    beta: Positive = 0.03
    seed: Seed = 0
    clip_values: ClipValues | None = None

    def __call__(self, x: Array) -> Array:
        """Add noise to a copy of images (N, C, H, W), or of frames (N, T, 2, H, W); shape and dtype stay.

        Raises:
            ValueError: If the samples have another layout, or leave their range, or images of whole numbers cannot hold
                the noise.
        """
        if is_tensor(x):
            return apply_to_tensor(self, "samples", x)  # type: ignore[no-any-return]
        x = as_numbers("samples", x)
        return self._on_images(x) if x.ndim <= 4 else self._on_frames(checked_frames(x))

    def on_events(
        self,
        events: Events | Iterable[Events],
        sensor_size: SensorSize,
        *,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        window: Window | None = None,
    ) -> Events:
        """Add noise to event streams: binned in the same window, they give the frames with noise.

        Args:
            events: One stream with fields x, y, t, p, or an object array (N,) of streams, which are not changed.
            sensor_size: (W, H) or (W, H, 2), pixels.
            n_bins: Time bins of the frames that the trigger is made for.
            split_by: Rule that cuts those bins: "time" or a duration in µs.
            window: Interval (start, stop) in µs, half-open, that the bins cover; None is (first, last + 1) of each
                stream. Events outside stay as they are.

        Raises:
            ValueError: If an event is off the sensor or out of order, `n_bins` is missing, bins are cut by "count",
                or a bin that needs an event holds no whole µs.
        """
        if n_bins is None:
            raise ValueError("expected n_bins, the frames' time bins, for noise of each bin, got None")
        check_keeps_bins(split_by)
        streams = streams_of(events)
        noisy = self(to_frames(streams, sensor_size, n_bins, split_by, window=window, dtype=np.int32))
        triggered = each_with_counts(streams, noisy, sensor_size, split_by, window)
        return triggered[0] if is_stream(events) else triggered

    def _on_images(self, x: Images) -> Images:
        check_images("samples", x)
        low, high = PatchTrigger(clip_values=self.clip_values).range_of(x)
        if x.dtype.kind in "iu" and self.beta < 1:
            raise ValueError(f"expected images of floats for noise below 1, got dtype {x.dtype}; x.astype('float32')")
        samples = x if x.ndim == 4 else x[None]
        noise = np.stack([self._draws(sample).uniform(-self.beta, self.beta, sample.shape) for sample in samples])
        return _in(x.dtype, (x + noise.reshape(x.shape)).clip(low, high))

    def _on_frames(self, x: Frames) -> Frames:
        top = np.iinfo(x.dtype).max if x.dtype.kind in "iu" else np.inf
        noisy = np.empty_like(x)
        for row, sample in enumerate(x):
            draws = self._draws(sample)
            values = sample + draws.uniform(-self.beta, self.beta, sample.shape)
            if np.array_equal(sample, np.rint(sample)):
                values = np.floor(values + draws.random(sample.shape))
            noisy[row] = values.clip(0, top)
        return noisy

    def _draws(self, sample: Array) -> np.random.Generator:
        """The draws of one sample: the same for equal values, whatever their type."""
        content = zlib.crc32(np.ascontiguousarray(sample, np.float64).tobytes())
        return np.random.default_rng([self.seed, content])


def _in(dtype: np.dtype, values: Array) -> Array:
    """Values of a data type, rounded where it holds whole numbers."""
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)
