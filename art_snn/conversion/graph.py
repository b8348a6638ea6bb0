"""A network as a list of calls, each of a layer on earlier results."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor, nn


class Call(NamedTuple):
    """One step of a forward pass.

    Args:
        layer: Name of the layer that is called; "" for the sum of the inputs.
        inputs: Numbers of its inputs: 0 is the network's input, n the result of the n-th call.
    """

    layer: str
    inputs: tuple[int, ...]


class LayerGraph(nn.Module):
    """Layers under their names in the original network, and the calls of its forward pass.

    Args:
        layers: Modules by name; dots make groups, as in a `state_dict`.
        calls: Calls in the order of execution; the last one gives the output.
    """

    keeps_time_apart = True  # the forward pass only calls layers and adds

    def __init__(self, layers: Mapping[str, nn.Module], calls: Sequence[Call]) -> None:
        super().__init__()
        self.calls = tuple(calls)
        self._last_use = {number: at for at, call in enumerate(self.calls) for number in call.inputs}
        for name, layer in layers.items():
            if hasattr(self, name.split(".")[0]) and name.split(".")[0] not in self._modules:
                raise ValueError(f"expected other names of layers than {name!r}, got it; rename that attribute")
            _group(self, name.split(".")[:-1]).add_module(name.split(".")[-1], layer)

    def forward(self, x: Tensor, until: str | None = None) -> Tensor:
        """The output, or the input of the first call of the layer named `until`."""
        results = {0: x}
        for at, call in enumerate(self.calls):
            inputs = [results[number] for number in call.inputs]
            if call.layer == until:
                return inputs[0]
            results[at + 1] = self.get_submodule(call.layer)(*inputs) if call.layer else inputs[0] + inputs[1]
            for number in call.inputs:
                if self._last_use[number] == at:
                    results.pop(number, None)
        return results[len(self.calls)]


class _Group(nn.Module):
    """A group of layers, named by a part of a dotted name."""

    keeps_time_apart = True


def _group(root: nn.Module, path: Sequence[str]) -> nn.Module:
    for part in path:
        if part not in dict(root.named_children()):
            root.add_module(part, _Group())
        root = root.get_submodule(part)
    return root
