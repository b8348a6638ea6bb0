"""Triggers on made-up samples, and what is rendered of them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from art_snn.attacks.poisoning import (
    FlashTrigger,
    MovingTrigger,
    NoiseTrigger,
    PatchTrigger,
    PowerTrigger,
    RetimingTrigger,
    SmartTrigger,
    SpongePatchTrigger,
    SpongeTrigger,
    StaticTrigger,
)
from art_snn.experiment import Shown
from art_snn.experiment.touched import touched
from art_snn.typing import Array
from tests.figures import rendered

RNG = np.random.default_rng(0)
FRAMES = RNG.poisson(0.7, (3, 4, 2, 8, 8)).astype(np.uint8)
IMAGES = RNG.random((3, 1, 8, 8), dtype=np.float32)
OF_FRAMES: dict[str, Any] = {
    "static": StaticTrigger(),
    "erasing": StaticTrigger(size=4, position="middle", polarity="none"),
    "off": StaticTrigger(polarity="off", position=(3, 5), frames=(0,)),
    "one pixel": StaticTrigger(size=1, polarity="both"),
    "moving": MovingTrigger(polarity="off", position="bottom-right"),
    "smooth": MovingTrigger(motion="smooth", position="bottom-right"),
    "smart": SmartTrigger(),
    "flash": FlashTrigger(length=2, gap=1),
    "sponge": SpongeTrigger(budget=12, search="random"),
    "dark": FlashTrigger(polarity="none"),
    "delayed": RetimingTrigger(max_shift=1, fraction=0.5),
    "exchanged": RetimingTrigger("exchange"),
}
OF_IMAGES: dict[str, Any] = {
    "patch": PatchTrigger(),
    "blended": PatchTrigger(blend=0.05),
    "random": PatchTrigger(size=0.3, pattern="random", position="middle"),
    "off": PatchTrigger(blend=0.0),
    "sponge patch": SpongePatchTrigger(search="random"),
    "power": PowerTrigger(),
    "noise": NoiseTrigger(beta=2.0),
}


def shown(trigger: Any, samples: Array, times: Array | None = None) -> Shown:
    """A trigger on time bins (T, 2, H, W) or images (N, C, H, W)."""
    if trigger.needs_fitting:
        trigger = trigger.fit(samples[None] if trigger.needs_frames else samples)
    triggered = trigger(samples)
    rows = {"clean": samples, "triggered": triggered}
    return Shown("made-up data", trigger, rows, touched(trigger, samples, triggered), times)


def recording(n_bins: int = 3, side: int = 34, height: int | None = None, busy: float = 0.3) -> Array:
    return np.random.default_rng(0).poisson(busy, (n_bins, 2, height or side, side)).astype(np.uint8)


def panels(figure: Figure) -> list[Array]:
    """What is rendered within each of the axes."""
    picture, found = rendered(figure), []
    for ax in figure.axes:
        (left, bottom), (right, top) = ax.get_window_extent().get_points().round().astype(int)
        found.append(picture[len(picture) - top : len(picture) - bottom, left:right])
    return found
