"""How fast frames are poisoned, and in how much memory, against ART's own backdoor attack on the same array.

ART copies before it calls the perturbation, and its own perturbations copy on entry (`np.copy`) and on exit (`astype`);
"ART" is a static patch written in that way. "ART, in place" is the same patch without those two copies, as fast as one
can make it go by hand.
"""

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from art.attacks.poisoning import PoisoningAttackBackdoor

from art_snn.attacks.poisoning import StaticTrigger, TriggerBackdoor
from art_snn.attacks.poisoning._patch_placement import side_in_pixels
from art_snn.typing import Array, Frames
from tests.benchmarks.harness import OURS, Case, Contest

SHAPE = (64, 16, 2, 128, 128)
ART, ART_IN_PLACE, COPY = "ART", "ART, in place", "np.copy"


def contest(dtype: npt.DTypeLike, unit: Literal["ms", "MB"]) -> Contest:
    """A static trigger, 10 % of the side, on every one of 64 samples."""
    x = np.random.default_rng(0).integers(0, 4, SHAPE, dtype=np.uint8).astype(dtype)
    y = np.zeros(len(x), np.int64)
    timed: dict[str, Callable[[], Any]] = {
        OURS: partial(TriggerBackdoor(StaticTrigger(), target_class=0).poison, x, y),
        ART: partial(PoisoningAttackBackdoor(_as_art_writes_them).poison, x, y),
        ART_IN_PLACE: partial(PoisoningAttackBackdoor(_in_place).poison, x, y),
        COPY: x.copy,
    }

    def check() -> None:
        ours, art, art_in_place = (timed[name]()[0] for name in (OURS, ART, ART_IN_PLACE))
        np.testing.assert_array_equal(ours, art)
        np.testing.assert_array_equal(ours, art_in_place)

    weighed = {name: partial(_peak, run) for name, run in timed.items()}
    return Contest(timed if unit == "ms" else weighed, check, limit=COPY, unit=unit, has_own_threads=True)


def _in_place(x: Frames) -> Frames:
    side = side_in_pixels(0.1, *x.shape[-2:])
    x[..., 0, :side, :side] = 0
    x[..., 1, :side, :side] = 1
    return x


def _as_art_writes_them(x: Frames) -> Frames:
    original_dtype = x.dtype
    poisoned: Array = _in_place(np.copy(x)).astype(original_dtype)
    return poisoned


def _peak(call: Callable[[], object]) -> float:
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


CASES = (
    Case("poison 64 x 16 frames of 128 x 128, float32", partial(contest, np.float32, "ms"), {ART: 1 / 2.5}),
    Case("poison 64 x 16 frames of 128 x 128, uint8", partial(contest, np.uint8, "ms"), {ART: 1 / 3.5}),
    Case("memory to poison 64 x 16 frames, uint8", partial(contest, np.uint8, "MB")),
)
