"""A graph while it is recorded; the finished one has no unused calls and no batch norm."""

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from art_snn.conversion._layers import NORMS, Scale, Shift, is_weighted
from art_snn.conversion.graph import Call, LayerGraph


class Draft:
    """Layers and calls in the order in which an ANN makes them; batch norm is still a layer."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.layers: dict[str, nn.Module] = {}
        self.calls: list[Call] = []
        self._taken = set(taken)
        self._flat: dict[int, int] = {}  # number of each result's flattened form
        self._round: dict[int, tuple[int, tuple[int, ...]]] = {}  # number and shape of what was flattened

    def call(self, name: str, module: nn.Module, number: int) -> int:
        """Note the call of a layer on an input; the number of its result."""
        self.layers[name] = module
        return self._append(Call(name, (number,)))

    def sum(self, first: int, second: int) -> int:
        """Note a sum of two results; its number."""
        return self._append(Call("", (first, second)))

    def constant(self, kind: type[Scale | Shift], value: Any, number: int) -> int:
        """Note that a result is scaled or shifted by a constant; the number of what comes out."""
        if not isinstance(value, Tensor) and value == (1 if kind is Scale else 0):
            return number
        return self.call(self.free_name(kind.__name__.lower()), kind(value), number)

    def reshape(self, number: int, before: tuple[int, ...], after: tuple[int, ...]) -> int | None:
        """Note another shape of a result, unchanged, flattened or unflattened; its number, or None for other shapes."""
        if after == before:
            return number
        unflattened, shape = self._round.get(number, (None, None))
        if after == shape:
            return unflattened
        if len(after) != 2 or after[0] != before[0] or len(before) < 3:
            return None
        if number not in self._flat:
            self._flat[number] = self.call(self.free_name("flatten"), nn.Flatten(), number)
            self._round[self._flat[number]] = number, before
        return self._flat[number]

    def free_name(self, name: str) -> str:
        """The name itself, or with the first number that makes it unique."""
        names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        free = next(name for name in names if name not in self._taken)
        self._taken.add(free)
        return free

    def graph(self, output: int) -> LayerGraph:
        """Make a graph of all that a result needs.

        Raises:
            ValueError: If a batch norm is not where it can be folded into the layer before it.
        """
        needed = self._needed(output)
        n_uses = Counter({output: 1}) + Counter(number for at in needed for number in self.calls[at - 1].inputs)
        n_calls = Counter(self.calls[at - 1].layer for at in needed)
        numbers, calls = {0: 0}, list[Call]()
        for at in sorted(needed):
            layer, inputs = self.calls[at - 1]
            if isinstance(self.layers.get(layer), NORMS):
                before = self.calls[inputs[0] - 1].layer if inputs[0] else None
                is_alone = n_uses[inputs[0]] == n_calls[before or ""] == n_calls[layer] == 1
                self._fold(layer, before, is_alone)
                numbers[at] = numbers[inputs[0]]
            else:
                calls.append(Call(layer, tuple(numbers[number] for number in inputs)))
                numbers[at] = len(calls)
        return LayerGraph({call.layer: self.layers[call.layer] for call in calls if call.layer}, calls)

    def _append(self, call: Call) -> int:
        self.calls.append(call)
        return len(self.calls)

    def _needed(self, output: int) -> set[int]:
        needed, todo = set[int](), [output]
        while todo:
            number = todo.pop()
            if number and number not in needed:
                needed.add(number)
                todo.extend(self.calls[number - 1].inputs)
        return needed

    def _fold(self, name: str, before: str | None, is_alone: bool) -> None:
        """Move a batch norm's scale and shift into the weights and bias of the layer before it."""
        norm: Any = self.layers[name]
        weighted: Any = self.layers.get(before or "")
        if not (is_alone and is_weighted(type(weighted))):
            raise ValueError(
                f"expected batch norm right after a convolution or linear layer that nothing else uses, "
                f"got {type(norm).__name__} at {name!r} after {'the input' if before is None else repr(before)}"
            )
        if norm.running_var is None:
            raise ValueError(f"expected batch norm with running statistics, got {name!r} without")
        weighted.weight, weighted.bias = fuse_conv_bn_weights(
            weighted.weight, weighted.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
