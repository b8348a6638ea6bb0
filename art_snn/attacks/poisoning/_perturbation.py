"""What a trigger network may do to a sample: add a little everywhere, or insert and remove whole events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor

from art_snn._declared import Declared
from art_snn._validation import check_number, share_of
from art_snn.typing import Array


def _check_budget(name: str, value: Any) -> None:
    """One number, or two: of inserted and of removed events."""
    numbers = value if isinstance(value, tuple | list) else (value,)
    if len(numbers) not in (1, 2) or isinstance(value, str):
        raise ValueError(f"expected {name} to be one number, or (inserted, removed), got {value!r}")
    for number in numbers:
        check_number(name, number)
        if not 0 <= number < float("inf") or (number >= 1 and number != int(number)):
            raise ValueError(
                f"expected {name} to hold shares below 1 of a sample's events, or whole numbers of events from 1 up, "
                f"got {value!r}"
            )


Budget = Annotated[
    float | tuple[float, float],
    Declared("shares below 1 or whole numbers, one or (inserted, removed)", _check_budget),
]


@dataclass(frozen=True)
class Addition:
    """Adds tanh of the network's output, times γ, so that no value changes by more than γ.

    Args:
        gamma: γ, from 0 up, in the samples' unit.
        clip_values: Smallest and largest value of images, to which the sum is clipped; None for frames, of which
            nothing is clipped: cutting counts above 1 down would be a trigger by itself.
    """

    gamma: float
    clip_values: tuple[Any, Any] | None = None

    keeps_counts = False

    def __call__(self, x: Tensor, output: Tensor, most: float = float("inf")) -> Tensor:
        """Triggered samples (N, ...) of clean ones and the network's output of the same shape."""
        triggered = x + self.gamma * torch.tanh(output)
        if self.clip_values is None:
            return triggered
        low, high = (torch.as_tensor(value, dtype=x.dtype, device=x.device) for value in self.clip_values)
        return torch.minimum(torch.maximum(triggered, low), high)


@dataclass(frozen=True)
class EventEdits:
    """Inserts and removes whole events, at most one of each pixel, polarity and bin, where scores are above 0.

    Of more than the budget the highest scores count. Nothing is removed where there is no event, or where one is
    inserted. Gradients of the scores pass straight through the choice, as those of a sigmoid.

    Args:
        budget: Most events that are inserted into a sample, and removed from one: one number for each of both, or
            two. Below 1 it is a share of the sample's events, rounded down.
    """

    budget: float | Sequence[float]

    keeps_counts = True

    def __call__(self, x: Tensor, output: Tensor, most: float = float("inf")) -> Tensor:
        """Triggered frames (N, T, C, H, W) of clean ones.

        Args:
            x: Counts.
            output: Scores (N, T, 2C, H, W), those for insertion first.
            most: The largest count that a frame can hold; cells that hold it get no more.
        """
        into, out_of = output.chunk(2, dim=2)
        has_room, has_event = x < most, x > 0
        n_in, n_out = self.most_of(x)
        inserted = _chosen(into, has_room, n_in)
        removed = _chosen(out_of, has_event & ~inserted, n_out)
        return x + _straight_through(inserted, into, has_room) - _straight_through(removed, out_of, has_event)

    def most_of(self, x: Tensor | Array) -> tuple[list[int], list[int]]:
        """How many events may be inserted into each sample, and removed from it."""
        totals = [int(total) for total in x.reshape(len(x), -1).sum(-1)]
        two = tuple(self.budget) if isinstance(self.budget, Sequence) else (self.budget,) * 2
        inserted, removed = ([share_of(b, n) if b < 1 else int(b) for n in totals] for b in two)
        return inserted, removed


def _chosen(scores: Tensor, is_allowed: Tensor, numbers: Sequence[int]) -> Tensor:
    """Mask of the allowed cells with the highest scores above 0, so many of each sample; of equal ones the first."""
    flat = scores.detach().masked_fill(~is_allowed, -torch.inf).flatten(1)
    order = flat.argsort(dim=1, descending=True, stable=True)
    places = torch.arange(flat.shape[1], device=flat.device)
    within = places < torch.as_tensor(numbers, device=flat.device)[:, None]
    return (torch.zeros_like(within).scatter(1, order, within) & (flat > 0)).view_as(scores)


def _straight_through(chosen: Tensor, scores: Tensor, is_allowed: Tensor) -> Tensor:
    """0 or 1 exactly, with the gradient of a sigmoid where a choice was allowed."""
    soft = torch.sigmoid(scores) * is_allowed
    return chosen.to(scores.dtype) + (soft - soft.detach())
