"""Several optimisers as one, and the classifier of two networks that has them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification.ann import AnnClassifier


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


class TwoOptimizers(Host):
    """The optimisers of a classifier that holds an ANN, in `_ann`, and a spiking network."""

    _ann: AnnClassifier
    _snn_optimizer: Optimizer | None
    _is_replaced: bool  # whether somebody else's optimiser is the only one

    @property
    def optimizer(self) -> Optimizer | None:
        """What `fit` trains with: the ANN's optimiser, whose groups come first, and that of the spiking network.

        A step moves the network that has gradients: ART's trainers that call `model` themselves train the spiking one.
        Where one of them has put an optimiser of its own in the place of these, it is that.
        """
        return self._optimizer

    @property
    def snn_optimizer(self) -> Optimizer | None:
        """Over the spiking network's parameters; None is no optimiser."""
        return self._snn_optimizer

    @property
    def _optimizer(self) -> Optimizer | None:
        parts = [part for part in (self._ann.optimizer, self._snn_optimizer) if part is not None]
        if self._is_replaced or not parts:
            return self._snn_optimizer
        return JointOptimizer(*parts)

    @_optimizer.setter
    def _optimizer(self, optimizer: Optimizer | None) -> None:
        """ART's code puts one over `model.parameters()` here, and expects to find that one and no other."""
        self._snn_optimizer, self._is_replaced = optimizer, optimizer is not None

    def _set(self, kwargs: dict[str, Any]) -> None:
        """Of both networks alike; an optimiser is the ANN's."""
        super()._set({name: value for name, value in kwargs.items() if name != "optimizer"})
        self._is_replaced &= "optimizer" not in kwargs
        self._ann.set_params(**{name: value for name, value in kwargs.items() if name != "model"})

    def _check_settable(self, kwargs: dict[str, Any]) -> None:
        if isinstance(kwargs.get("optimizer"), JointOptimizer):  # of get_params: the two as they are
            del kwargs["optimizer"]
        super()._check_settable({name: value for name, value in kwargs.items() if name != "optimizer"})
