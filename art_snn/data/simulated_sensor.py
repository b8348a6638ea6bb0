"""An event camera in software: it looks at still images in three saccades, as N-MNIST was recorded.

Its events are a simulation, not a recording; say so wherever you show them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated

import numpy as np

from art_snn._declared import CheckedFields, Declared, FromZero, Positive, Seed
from art_snn._validation import check_at_least
from art_snn.events import EVENT_DTYPE
from art_snn.typing import Array, Events, Images

STEP_US = 1_500  # the simulation follows a pixel in straight lines of this length
STEPS = 70  # a saccade
# the camera's path from the image's upper left: down to the right, up to the right, back to the left
CORNERS = np.array([[0.0, 0.0], [0.5, 1.0], [1.0, 0.0], [0.0, 0.0]])  # x, y
REACH = 4  # the path spans a quarter of the image's side: 7 of 28 pixels in N-MNIST
DARK = 0.1  # brightness of a black pixel where a white one's is 1
CHUNK = 64  # images at a time, so that their pixels stay in the processor's cache

DURATION_US = 3 * STEPS * STEP_US


Refractory = Annotated[int, Declared(f"at least {STEP_US}", partial(check_at_least, minimum=STEP_US))]


@dataclass(frozen=True, kw_only=True)
class SimulatedSensor(CheckedFields):
    """Turns images into event streams of three saccades of 105 ms each.

    A pixel compares the logarithm of its brightness with its value after the last event. Where they differ by
    `threshold` it makes an event, ON or OFF, and is blind for a while. Noise events are added at random.

    Args:
        threshold: Change of the natural logarithm of brightness that makes an event, above 0.
        refractory_us: Time for which a pixel is blind after an event, µs, from 1,500 up.
        noise_rate: Number of noise events a pixel and second, ON and OFF alike, from 0 up.
        seed: Seed of the noise, which depends on it and on the image's row alone.

    Source: Orchard et al., Converting static image datasets to spiking neuromorphic datasets using saccades, 2015,
    https://doi.org/10.3389/fnins.2015.00437 (the path); Lichtsteiner et al., A 128x128 120 dB 15 µs latency
    asynchronous temporal contrast vision sensor, 2008, https://doi.org/10.1109/JSSC.2007.914337 (the pixel).

    >>> white, black = SimulatedSensor(noise_rate=0)(np.stack([np.ones((1, 8, 8)), np.zeros((1, 8, 8))]))
    >>> len(white) > 0, len(black)
    (True, 0)
    """

    threshold: Positive = 0.3
    refractory_us: Refractory = STEP_US
    noise_rate: FromZero = 0.5
    seed: Seed = 0

    def __call__(self, images: Images) -> Events:
        """Make the stream of each image.

        Args:
            images: Brightness in [0, 1], shape (N, 1, H, W).

        Returns:
            An object array (N,) of streams; the sensor is a quarter larger than the image, W + W // 4 by H + H // 4.
        """
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(f"expected grey images of shape (N, 1, H, W), got shape {images.shape}")
        if images.size and not (images.min() >= 0 and images.max() <= 1):
            raise ValueError(f"expected brightness in [0, 1], got {images.min()} to {images.max()}")
        streams = np.empty(len(images), object)
        for row in range(0, len(images), CHUNK):
            for number, events in enumerate(self._look(images[row : row + CHUNK, 0], row), row):
                streams[number] = events
        return streams

    def _look(self, images: Array, first_row: int) -> list[Events]:
        """Make the streams of a few images (n, H, W), the first of which has the number `first_row`."""
        views = _log_brightness(images)
        before = next(views)
        n, height, width = before.shape
        causes = self._watch(before.ravel(), (view.ravel() for view in views))
        for row in range(n):
            noise = self._noise(height * width, np.random.default_rng([self.seed, first_row + row]))
            noise[0] += row * height * width
            causes.append(noise)
        pixels, t, p = np.concatenate(causes, axis=1)
        rows, y, x = np.unravel_index(pixels, before.shape)
        order = np.argsort(rows * DURATION_US + t, kind="stable")
        events = np.empty(len(order), EVENT_DTYPE)
        for field, column in {"x": x, "y": y, "t": t, "p": p}.items():
            events[field] = column[order]
        return np.split(events, np.searchsorted(rows[order], np.arange(1, n)))

    def _watch(self, before: Array, views: Iterable[Array]) -> list[Array]:
        """Follow the pixels from view to view: the events of each step, (3, E): flat pixel, µs and polarity."""
        reference = before.copy()
        release = np.full(before.shape, -np.inf, np.float32)  # end of a pixel's blindness, µs
        events = []
        for start, now in zip(range(0, DURATION_US, STEP_US), views, strict=True):
            stop = start + STEP_US
            slope = (now - before) / STEP_US
            waking = np.flatnonzero((release >= start) & (release < stop))
            reference[waking] = before[waking] + slope[waking] * (release[waking] - start)
            change = now - reference
            firing = np.flatnonzero((np.abs(change) >= self.threshold) & (release < stop))
            level = reference[firing] + np.copysign(self.threshold, change[firing])
            t = np.clip(start + (level - before[firing]) / slope[firing], start, stop - 1).astype(np.int64)
            events.append(np.stack([firing, t, change[firing] > 0]))
            release[firing] = t + self.refractory_us
            before = now
        return events

    def _noise(self, n_pixels: int, rng: np.random.Generator) -> Array:
        """Draw noise events, (3, E): flat pixel, µs and polarity."""
        n_events = rng.poisson(self.noise_rate * n_pixels * DURATION_US / 1e6)
        return rng.integers([[n_pixels], [DURATION_US], [2]], size=(3, n_events))


def _log_brightness(images: Array) -> Iterator[Array]:
    """Show images (n, H, W) as the sensor sees them around each step, on H + H // 4 by W + W // 4 pixels."""
    down, right = (side // REACH for side in images.shape[1:])
    margins = ((0, 0), (down + 1, down), (right + 1, right))
    scene = np.pad((DARK + (1 - DARK) * images).astype(np.float32), margins, constant_values=DARK)
    for x, y in _way():
        yield np.log(_moved(_moved(scene, y * down, down, axis=1), x * right, right, axis=2))


def _way() -> Array:
    """The image's place before and after each step, as fractions of its reach: x and y, (3 * STEPS + 1, 2)."""
    saccades = [np.linspace(start, stop, STEPS, endpoint=False) for start, stop in pairwise(CORNERS)]
    return np.concatenate([*saccades, CORNERS[-1:]])


def _moved(scene: Array, distance: float, reach: int, axis: int) -> Array:
    """Move the scene by a distance in pixels, interpolated linearly, and cut off its margins."""
    whole = int(distance)
    part = np.float32(distance - whole)
    here = reach + 1 - whole
    size = scene.shape[axis] - reach - 1
    first, before = (scene[(slice(None),) * axis + (slice(place, place + size),)] for place in (here, here - 1))
    return (1 - part) * first + part * before
