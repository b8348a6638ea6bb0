"""How fast frames are poisoned, against ART's own backdoor attack on the same arrays in the same process.

ART copies before it calls the perturbation, and its own perturbations copy on entry (`np.copy`) and on exit (`astype`);
"as ART writes them" is a static patch written in that way. "in place" is the same patch without those two copies, which
is as fast as ART can be made to go by hand. Run it alone with `python -m tests.benchmarks.poisoning`.
"""

import tracemalloc
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from art.attacks.poisoning import PoisoningAttackBackdoor

from art_snn.attacks.poisoning import StaticTrigger, TriggerBackdoor
from art_snn.attacks.poisoning.geometry import side_in_pixels
from art_snn.typing import Array, Frames

SHAPE = (64, 16, 2, 128, 128)


class PoisoningSpeed(NamedTuple):
    """Samples a second as medians, and the peak of memory beside the input in multiples of the input."""

    dtype: str
    ours: float
    art: float
    art_in_place: float
    plain_copy: float
    memory_ours: float
    memory_art: float

    @property
    def ratio(self) -> float:
        """How many times as fast as ART with a perturbation as ART writes them."""
        return self.ours / self.art


def poisoning_speed(
    dtype: npt.DTypeLike, shape: tuple[int, int, int, int, int] = SHAPE, repeats: int = 7
) -> PoisoningSpeed:
    """Time a static trigger, 10 % of the side, on every sample; the contestants take turns."""
    x = np.random.default_rng(0).integers(0, 4, shape, dtype=np.uint8).astype(dtype)
    y = np.zeros(len(x), np.int64)
    contestants: dict[str, Callable[[], object]] = {
        "ours": partial(TriggerBackdoor(StaticTrigger(), target_class=0).poison, x, y),
        "art": partial(PoisoningAttackBackdoor(_as_art_writes_them).poison, x, y),
        "art_in_place": partial(PoisoningAttackBackdoor(_in_place).poison, x, y),
        "plain_copy": x.copy,
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, contestant in contestants.items():
            seconds[name].append(_seconds(contestant))
    speeds = {name: len(x) / median(times) for name, times in seconds.items()}
    memory = {name: _peak(contestants[name]) / x.nbytes for name in ("ours", "art")}
    return PoisoningSpeed(np.dtype(dtype).name, **speeds, memory_ours=memory["ours"], memory_art=memory["art"])


def _in_place(x: Frames) -> Frames:
    side = side_in_pixels(0.1, *x.shape[-2:])
    x[..., 0, :side, :side] = 0
    x[..., 1, :side, :side] = 1
    return x


def _as_art_writes_them(x: Frames) -> Frames:
    original_dtype = x.dtype
    poisoned: Array = _in_place(np.copy(x)).astype(original_dtype)
    return poisoned


def _seconds(call: Callable[[], object]) -> float:
    begin = perf_counter()
    call()
    return perf_counter() - begin


def _peak(call: Callable[[], object]) -> int:
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def main() -> None:
    """Print the table."""
    print(f"frames {SHAPE}, samples a second (median)")
    print(
        f"{'dtype':>8} {'art_snn':>8} {'ART':>8} {'in place':>8} {'np.copy':>8} {'ratio':>6} {'memory':>7} {'ART':>5}"
    )
    for dtype in (np.float32, np.uint8):
        speed = poisoning_speed(dtype)
        print(
            f"{speed.dtype:>8} {speed.ours:8.0f} {speed.art:8.0f} {speed.art_in_place:8.0f} {speed.plain_copy:8.0f} "
            f"{speed.ratio:6.2f} {speed.memory_ours:6.2f}x {speed.memory_art:4.2f}x"
        )


if __name__ == "__main__":
    main()
