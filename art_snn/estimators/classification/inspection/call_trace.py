"""What follows what in a model, as one pass of an empty sample shows it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn.estimators.classification.inspection.hooks import hooked
from art_snn.estimators.classification.mode import mode


class Call(NamedTuple):
    """One call of a module, which may be called several times in a pass: what it took, and what it put out."""

    module: nn.Module
    taken: Tensor
    output: Tensor


@dataclass(eq=False)
class Trace:
    """All calls of a model's modules, inner before outer, in the order in which they ended."""

    calls: list[Call] = field(default_factory=list)

    def note(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        """To be called after each call of a module: a forward hook."""
        if inputs and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            self.calls.append(Call(module, inputs[0], output))

    def after(self, call: Call) -> list[Call]:
        """The calls that ended later."""
        return self.calls[next(i for i, seen in enumerate(self.calls) if seen is call) + 1 :]

    def next(self, call: Call) -> Call | None:
        """The first call that took this one's very output; None where a function or nothing came next."""
        return next((later for later in self.after(call) if later.taken is call.output), None)


def trace(classifier: PyTorchClassifier) -> Trace:
    """Watch one pass through a classifier's model, which is left as it was."""
    seen = Trace()
    notes = dict.fromkeys(classifier.model.modules(), seen.note)
    with hooked(notes), mode(classifier.model, False), torch.no_grad():
        classifier.model(torch.zeros(1, *classifier.input_shape, device=classifier.device))
    return seen
