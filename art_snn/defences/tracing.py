"""What follows what in a model, as one pass of an empty sample shows it."""

from dataclasses import dataclass, field
from typing import Any

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn.estimators.classification.streaming import mode


@dataclass(eq=False)
class Trace:
    """The modules of a model, inner before outer, in the order in which their first call ended.

    Args:
        outputs: What each module put out.
        takers: Which modules took a tensor, by its id; all tensors are kept, so that ids stay apart.
    """

    outputs: dict[nn.Module, Tensor] = field(default_factory=dict)
    takers: dict[int, list[nn.Module]] = field(default_factory=dict)
    _kept: list[Tensor] = field(default_factory=list)

    def note(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """To be called after each call of a module: a forward hook."""
        if module in self.outputs or not (inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor)):
            return
        self._kept.append(inputs[0])
        self.takers.setdefault(id(inputs[0]), []).append(module)
        self.outputs[module] = output

    def next(self, module: nn.Module) -> nn.Module | None:
        """The first module that took this one's very output; None where a function or nothing came next."""
        return next(iter(self.takers.get(id(self.outputs[module]), ())), None)


def trace(classifier: PyTorchClassifier) -> Trace:
    """Watch one pass through a classifier's model, which is left as it was."""
    seen = Trace()
    handles = [module.register_forward_hook(seen.note) for module in classifier.model.modules()]
    try:
        with mode(classifier.model, False), torch.no_grad():
            classifier.model(torch.zeros(1, *classifier.input_shape, device=classifier.device))
    finally:
        for handle in handles:
            handle.remove()
    return seen
