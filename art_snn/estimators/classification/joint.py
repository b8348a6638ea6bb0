"""Several optimisers as one, for a classifier of several networks."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


class JointOptimizer(Optimizer):
    """Optimisers side by side: a step moves whatever parameters have a gradient.

    So ART's trainers, which call the model and its `optimizer` themselves, train the network that they have called,
    and a learning rate scheduler of torch's works on all groups.

    Args:
        *parts: Each over parameters of its own, which keep their settings and memories. Not copied.
    """

    _opt_called = True  # to a scheduler, which looks for a call of `step`: parts may have been stepped alone

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts  # not torch's constructor, which would copy the groups
        self.defaults: dict[str, Any] = {}

    @property
    def param_groups(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The groups of all parts, in their order: to change one is to change the part's."""
        return [group for part in self.parts for group in part.param_groups]

    @property
    def state(self) -> Mapping[Tensor, Any]:  # type: ignore[override]
        """What the parts remember, to be read only: each part forgets by itself."""
        return MappingProxyType({parameter: kept for part in self.parts for parameter, kept in part.state.items()})

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step of each part; a closure is called once, before them."""
        loss = None if closure is None else closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)

    def __getstate__(self) -> dict[str, Any]:
        return {"parts": self.parts, "defaults": self.defaults}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
