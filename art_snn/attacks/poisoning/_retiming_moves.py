"""Which events of a recording move to which time bin, and with whom they trade times, by the counts of its frames."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from art_snn._validation import share_of
from art_snn.typing import Indices, Mask

Shape = Literal["delay", "warp", "gather", "exchange"]

PRIORITIES = 2**32  # as many there are
_GOLDEN = 0x9E3779B9  # a share of them by the golden ratio: its multiples lie evenly among them


class Retimed(NamedTuple):
    """What becomes of E events.

    Args:
        bins: The time bin of each afterwards, (E,).
        donors: The event whose time each takes, (E,); itself, unless two trade theirs.
    """

    bins: Indices
    donors: Indices


@dataclass(frozen=True)
class Moves:
    """Where events of each time bin go, and how many of them; the same for all recordings of one size.

    Args:
        targets: The time bin for which those of each bin are meant, (T,); its own where they stay.
        is_exchange: Whether events of the left half move so, and as many of the right half the other way.
        fraction: Largest share of a recording's events that move.
        priorities: From 0 to `PRIORITIES`, for each value of a recording's frames, (T, 2, H, W): low ones move first.
    """

    targets: Indices
    is_exchange: bool
    fraction: float
    priorities: Indices

    def retime(self, cells: Indices, n_samples: int) -> Retimed:
        """Move the events of some recordings.

        Args:
            cells: The place of each event in the frames (N, T, 2, H, W), flattened; rising, (E,).
            n_samples: N.
        """
        samples, places = np.divmod(cells, self.priorities.size)
        urgency = (self.priorities.reshape(-1)[places] + _ranks(cells) * _GOLDEN) % PRIORITIES
        counts = np.bincount(samples, minlength=n_samples).tolist()
        budgets = np.array([share_of(self.fraction, count) for count in counts], np.int64)
        events = _Events(samples, places // self.priorities[0].size, urgency, budgets)
        itself, bins = np.arange(len(cells)), events.bins.copy()
        if not self.is_exchange:
            moved = events.chosen(np.flatnonzero(self.targets[bins] != bins), budgets)
            bins[moved] = self.targets[bins[moved]]
            return Retimed(bins, itself)
        width = self.priorities.shape[-1]
        one, other = self._partners(events, is_left=places % width < width // 2)
        itself[one], itself[other] = other, one
        return Retimed(bins[itself], itself)

    def _partners(self, events: "_Events", is_left: Mask) -> tuple[Indices, Indices]:
        """Pairs of events that trade times: one of the left half, and one of the right that is in its target's bin."""
        n_bins = len(self.targets)
        moving = np.flatnonzero(self.targets != np.arange(n_bins))
        leaving, arriving = np.full((2, n_bins), -1)
        leaving[moving], arriving[self.targets[moving]] = moving, moving
        slots = np.where(is_left, leaving[events.bins], arriving[events.bins])
        groups = events.samples * n_bins + slots
        sides = [events.queued(np.flatnonzero((slots >= 0) & side), groups) for side in (is_left, ~is_left)]
        sizes = [np.bincount(groups[side], minlength=len(events.budgets) * n_bins) for side in sides]
        n_pairs = np.minimum(*sizes)
        left, right = (side[_ranks(groups[side]) < n_pairs[groups[side]]] for side in sides)
        kept = np.isin(left, events.chosen(left, events.budgets // 2), assume_unique=True)
        return left[kept], right[kept]


class _Events(NamedTuple):
    """Events in the order of their recordings, with what decides which of them move.

    Args:
        samples: The recording of each, (E,).
        bins: The time bin of each, (E,).
        urgency: What moves first, (E,).
        budgets: By recording the largest number of events that move, (N,).
    """

    samples: Indices
    bins: Indices
    urgency: Indices
    budgets: Indices

    def chosen(self, candidates: Indices, budgets: Indices) -> Indices:
        """Of some events the most urgent ones of each recording, as many as its budget allows."""
        if (np.bincount(self.samples[candidates], minlength=len(budgets)) <= budgets).all():
            return candidates
        queue = self.queued(candidates, self.samples)
        return queue[_ranks(self.samples[queue]) < budgets[self.samples[queue]]]

    def queued(self, candidates: Indices, groups: Indices) -> Indices:
        """Some events group by group, the most urgent of each first."""
        return candidates[np.argsort(groups[candidates] * PRIORITIES + self.urgency[candidates], kind="stable")]


def bin_targets(shape: Shape, max_shift: int, n_bins: int, frames: Collection[int] | None) -> Indices:
    """The time bin to which events of each bin go, (T,); each run of bins among `frames` is like a whole recording.

    >>> [bin_targets(shape, 2, 8, None).tolist() for shape in ("delay", "warp")]
    [[2, 3, 4, 5, 6, 7, 7, 7], [0, 2, 4, 5, 6, 7, 7, 7]]
    >>> [bin_targets(shape, 2, 8, None).tolist() for shape in ("gather", "exchange")]
    [[2, 2, 2, 2, 2, 7, 7, 7], [0, 1, 0, 1, 2, 3, 4, 5]]
    """
    targets = np.arange(n_bins)
    for start, stop in _runs(range(n_bins) if frames is None else sorted(frames)):
        targets[start:stop] = start + _TARGETS[shape](np.arange(stop - start), max_shift)
    return targets


def _delayed(bins: Indices, shift: int) -> Indices:
    delayed: Indices = np.minimum(bins + shift, len(bins) - 1)
    return delayed


def _warped(bins: Indices, shift: int) -> Indices:
    """Time runs twice as fast at first, then as before, and stands still at the end."""
    warped: Indices = bins + np.minimum(np.minimum(bins, len(bins) - 1 - bins), shift)
    return warped


def _gathered(bins: Indices, shift: int) -> Indices:
    """Bins 2 · shift + 1 apart take what is near them."""
    gathered: Indices = np.minimum(bins // (2 * shift + 1) * (2 * shift + 1) + shift, len(bins) - 1)
    return gathered


def _exchanged(bins: Indices, shift: int) -> Indices:
    shift = min(shift, len(bins) - 1)
    exchanged: Indices = np.where(bins >= shift, bins - shift, bins)
    return exchanged


_TARGETS: dict[Shape, Callable[[Indices, int], Indices]] = {
    "delay": _delayed,
    "warp": _warped,
    "gather": _gathered,
    "exchange": _exchanged,
}


def _runs(bins: Collection[int]) -> Iterator[tuple[int, int]]:
    """First bin, and the one behind the last, of each run of consecutive bins."""
    starts = [one for one in bins if one - 1 not in bins]
    stops = [one + 1 for one in bins if one + 1 not in bins]
    yield from zip(starts, stops, strict=True)


def _ranks(groups: Indices) -> Indices:
    """The place of each entry within its group, of groups that stand one after the other."""
    is_first = np.ones(len(groups), bool)
    is_first[1:] = groups[1:] != groups[:-1]
    firsts = np.flatnonzero(is_first)
    ranks: Indices = np.arange(len(groups)) - np.repeat(firsts, np.diff(np.append(firsts, len(groups))))
    return ranks
