"""What functions of torch's mean to a converted network: reshapes that keep samples apart, sums, and constants."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from art_snn.conversion._graph_draft import Draft
from art_snn.conversion._layers import Scale, Shift
from art_snn.conversion._tensor_memory import Value

_SUMS = {"add": (1, 1), "sub": (1, -1), "subtract": (1, -1), "rsub": (-1, 1)}  # the signs of both operands
_PRODUCTS = ("mul", "multiply")
_QUOTIENTS = ("div", "divide", "true_divide")
_OPPOSITES = ("neg", "negative")
# Names as `function_name` gives them: `add` is also `add_`, `+` and `+=`.
# fmt: off
_SAME_ELEMENTS = {
    "alias", "clone", "contiguous", "cpu", "cuda", "data", "detach", "double", "expand", "expand_as", "flatten",
    "float", "positive", "ravel", "requires_grad", "reshape", "reshape_as", "squeeze", "to", "type", "type_as",
    "unflatten", "unsqueeze", "view", "view_as",
}
_OF_SHAPE = {  # computed from the shape alone
    "empty_like", "full_like", "new_empty", "new_full", "new_ones", "new_tensor", "new_zeros", "ones_like",
    "zeros_like",
}
SHOWS_NO_VALUES = {
    "dim", "element_size", "format", "get_device", "is_complex", "is_contiguous", "is_floating_point", "is_inference",
    "is_pinned", "is_same_size", "is_signed", "len", "ndimension", "nelement", "numel", "repr", "size",
    "storage_offset", "str", "stride", "type",
}
CURES = {
    **dict.fromkeys(("relu", "threshold", "clamp", "clamp_min", "maximum"), "use the module nn.ReLU"),
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout"), "use the module nn.Dropout"),
    **dict.fromkeys(("flatten", "reshape", "squeeze", "unflatten", "unsqueeze", "view"), "use the module nn.Flatten()"),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "amax", "max"), "train it with average pooling: nn.AvgPool2d"),
    **dict.fromkeys(_SUMS, "add activations of one shape, or constants that are the same for all samples"),
    **dict.fromkeys((*_PRODUCTS, *_QUOTIENTS), "multiply by constants that are the same for all samples"),
    "adaptive_avg_pool2d": "use the module nn.AdaptiveAvgPool2d",
    "avg_pool2d": "use the module nn.AvgPool2d",
    "batch_norm": "use the module nn.BatchNorm2d right after a convolution",
    "conv2d": "use the module nn.Conv2d as it is, not a subclass with a forward of its own",
    "linear": "use the module nn.Linear as it is, not a subclass with a forward of its own",
    "mean": "use the modules nn.AdaptiveAvgPool2d(1) and nn.Flatten()",
}
# fmt: on


def function_name(function: Any) -> str:
    """What a function of torch's is called, whether as a method, as an operator or in place."""
    name: str = getattr(function, "__name__", repr(function)).strip("_")
    return function.__self__.__name__ if name == "get" else name  # an attribute


class NoLayerError(LookupError):
    """No layer of a spiking network computes what a function does."""


@dataclass(frozen=True)
class Given:
    """What a function was given.

    Args:
        args: By position.
        kwargs: By name.
        values: What the tensors among these held before, by their ids.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    values: dict[int, Value]

    @property
    def depends(self) -> bool:
        """Whether the network's input has part in any of it."""
        return any(value is not None for value in self.values.values())

    def target(self, result: Any) -> Any:
        """What is written to, if anything is."""
        return result if isinstance(result, Tensor) else next(iter(self.operands), None)

    @property
    def operands(self) -> list[Any]:
        """The tensors and numbers to compute with."""
        return [*self.args, *(self.kwargs[name] for name in ("self", "input", "other") if name in self.kwargs)]

    @property
    def options(self) -> dict[str, Any]:
        """How to compute: what was given by name, but for the operands and for where to put the result."""
        return {name: v for name, v in self.kwargs.items() if name not in ("self", "input", "other", "out")}

    def value(self, operand: Any) -> Value:
        """What an operand held; None for a number."""
        return self.values.get(id(operand))


def meaning(draft: Draft, name: str, given: Given, result: Any) -> Value:
    """What a function's result, or what it wrote to, holds.

    Raises:
        NoLayerError: If no layer computes that.
    """
    if name in ("setitem", "copy"):
        return _copied(name, given)
    if name in _OF_SHAPE:
        return None
    if not (isinstance(result, Tensor) and given.operands):
        raise NoLayerError
    first = given.operands[0]
    if name in _SAME_ELEMENTS or (name == "getitem" and _is_everything(given.operands[1])):
        return _same_elements(draft, first, given.value(first), result)
    if name in _SUMS:
        return _sum(draft, _SUMS[name], given, result)
    first, factor = _product(name, given)
    number = given.value(first)
    if isinstance(number, int) and given.value(factor) is None and _fits(factor, first, result):
        return draft.constant(Scale, factor, number)
    raise NoLayerError


def _same_elements(draft: Draft, before: Any, value: Value, after: Tensor) -> Value:
    if (before.dtype, before.numel()) == (after.dtype, after.numel()):
        seen = draft.reshape(value, before.shape, after.shape) if isinstance(value, int) else value
        if seen is not None or value is None:
            return seen
    raise NoLayerError


def _copied(name: str, given: Given) -> Value:
    """What `x[...] = source` or `x.copy_(source)` writes into all of x."""
    target, source = given.operands[0], given.operands[-1]
    everything = name == "copy" or _is_everything(given.operands[1])
    if everything and isinstance(source, Tensor) and source.shape == target.shape and source.dtype == target.dtype:
        return given.value(source)
    raise NoLayerError


def _is_everything(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is ... or (isinstance(part, slice) and part == slice(None)) for part in parts)


def _sum(draft: Draft, signs: tuple[int, int], given: Given, result: Tensor) -> Value:
    options = dict(given.options)
    alpha = options.pop("alpha", 1)
    if options or len(given.operands) != 2:
        raise NoLayerError
    factors = (signs[0] * alpha, 1) if signs[0] < 0 else (1, signs[1] * alpha)  # torch.rsub scales its first operand
    numbers, tensors, constants = [], [], []
    for factor, operand in zip(factors, given.operands, strict=True):
        if isinstance(number := given.value(operand), int):
            numbers.append(draft.constant(Scale, factor, number))
            tensors.append(operand)
        else:
            constants.append(operand if factor == 1 else factor * operand)
    if not constants and tensors[0].dim() == tensors[1].dim():
        return draft.sum(*numbers)
    if len(constants) == 1 and _fits(constants[0], tensors[0], result):
        return draft.constant(Shift, constants[0], numbers[0])
    raise NoLayerError


def _product(name: str, given: Given) -> tuple[Any, Any]:
    """The operand that is multiplied, and by what."""
    if given.options or len(given.operands) != (1 if name in _OPPOSITES else 2):
        raise NoLayerError
    if name in _OPPOSITES:
        return given.operands[0], -1
    first, second = given.operands
    if name in _PRODUCTS:
        return (first, second) if given.value(second) is None else (second, first)
    if name in _QUOTIENTS and given.value(second) is None:
        return first, 1 / second
    raise NoLayerError


def _fits(constant: Any, tensor: Tensor, result: Tensor) -> bool:
    """Whether a constant broadcasts to each sample alike."""
    is_same = not isinstance(constant, Tensor) or constant.dim() < tensor.dim() or constant.shape[0] == 1
    return is_same and result.shape == tensor.shape
