"""Copies of a classifier: pickled, cloned to be trained afresh, or written to a file and read back."""

import copy
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import Tensor, nn

from art_snn._detached import detach_pieces
from art_snn._random import Rng, host_seed
from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification._locking import lock_of, locks_of


class Copying(Host):
    """`deepcopy`, `pickle`, `clone_for_refitting` and `reset` for a classifier whose model is a `SpikingModule`."""

    _initial: dict[str, Tensor]  # of what no module knows how to reset

    def clone_for_refitting(self) -> Self:
        """A copy with fresh weights, whose optimiser has this one's type and settings and no memory."""
        clone = copy.deepcopy(self)
        clone.reset()
        for group in clone._optimizer.param_groups:
            group["lr"] = group.pop("initial_lr", group["lr"])  # where a scheduler had moved it
        return clone

    def reset(self, seed: Rng = 0) -> None:
        """Draw all weights afresh, the same for the same seed; the optimiser forgets those that were.

        Learnt parameters of neurons start again; so does what hooks compute weights of, such as `weight_norm`'s.
        """
        with host_seed(seed), lock_of(self.model), torch.no_grad():
            for module in self.model.modules():
                if callable(getattr(module, "reset_parameters", None)):
                    module.reset_parameters()
            for name, value in self._initial.items():
                owner, _, own = name.rpartition(".")
                getattr(self.model.get_submodule(owner), own).copy_(value)
            self._optimizer.state.clear()

    def _networks(self) -> list[nn.Module]:
        """Those that a copy is made of."""
        return [self.model]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy without any piece of a graph, made while no other thread trains or runs the model."""
        twin = memo[id(self)] = type(self).__new__(type(self))
        with locks_of(self._networks()):
            detach_pieces(self, memo)
            twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what cannot be pickled; nothing is written to a file, as ART's class does."""
        state = self.__dict__.copy()
        state["_model"] = self.model
        for name in ("_model_wrapper", "_device"):
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        on_gpu = self._device_type == "gpu" and torch.cuda.is_available()
        self._device = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
        self._model = self._make_model_wrapper(state["_model"])
        self._model.to(self._device)


def without_reset(model: nn.Module) -> dict[str, Tensor]:
    """Values of what `reset_parameters` does not draw afresh, such as the leak of a parametric neuron."""
    return {
        f"{prefix}.{name}": tensor.detach().clone()
        for prefix, module in model.named_modules()
        for name, tensor in _not_reset(module, computes="parametrizations" in prefix.split("."))
    }


def _not_reset(module: nn.Module, *, computes: bool) -> Iterator[tuple[str, Tensor]]:
    """Of one module, which may be a parametrisation: what that computes with is learnt too."""
    if not callable(getattr(module, "reset_parameters", None)):
        yield from module.named_parameters(recurse=False)
        yield from module.named_buffers(recurse=False) if computes else ()
        return
    # a hook makes `weight` of `weight_orig` and the like: a `weight` that is drawn afresh is computed anew
    computed = tuple(f"{name}_" for name, value in vars(module).items() if isinstance(value, Tensor))
    for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
        if name.startswith(computed):
            yield name, tensor
