"""Watching an ANN run once: every layer and every function of torch's that it calls, and what each was given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from art_snn._detached import tensors_in
from art_snn.conversion._graph_draft import Draft
from art_snn.conversion._layers import (
    DROPOUTS,
    NORMS,
    RESHAPES,
    Copies,
    bare,
    is_same,
    layer_type,
    samples_of,
    unsupported,
)
from art_snn.conversion._tensor_memory import Memory, Unknown, Value, changed
from art_snn.conversion.graph import LayerGraph
from art_snn.conversion.meaning import CURES, SHOWS_NO_VALUES, Given, NoLayerError, function_name, meaning

_LIBRARIES = ("torch.nn.modules.", "spikingjelly.")  # whose modules are not looked into


class Recorder(TorchFunctionMode):
    """Writes down what a network computes while it runs on real samples.

    So whatever Python does on the way has happened: defaults, branches on settings and shapes, hooks. What a tensor
    holds after something wrote in place is looked up in the memory that tensors share. Only what Python itself gets to
    see of an activation is an error: with another sample it might go another way.

    Args:
        net: In evaluation mode; it is run while `watching`.
        x: The samples on which it will run.
    """

    def __init__(self, net: nn.Module, x: Tensor) -> None:
        super().__init__()
        self._net = net
        self._draft = Draft(name for name, _ in net.named_modules())
        self._memory = Memory(tensors_in(net), self._draft.reshape)
        self._memory.hold(x, 0)
        self._copies: Copies = {}
        self._path = [type(net).__name__]  # of the modules that are running
        self._is_inside = False  # of a call that is written down as a whole

    @contextmanager
    def watching(self) -> Iterator[None]:
        """See the calls of modules and functions while the block runs."""
        own = [(vars(module), vars(module).get("forward")) for module in self._net.modules()]
        for name, module in self._net.named_modules():
            known, is_library = layer_type(module), _is_library(module)
            vars(module)["forward"] = partial(self._call, module, name, module.forward, known, is_library)
        try:
            with self:
                yield
        finally:
            for attributes, forward in own:
                attributes.pop("forward")
                attributes.update({"forward": forward} if forward else {})

    def graph(self, output: Tensor) -> LayerGraph:
        """What computes the output.

        Raises:
            ValueError: If a part of it has no spiking counterpart.
        """
        value = self._value(output, "as the output")
        if isinstance(value, Unknown):
            raise value.error
        if value is None:
            raise ValueError(f"expected logits that depend on the samples, got constant ones from {self._path[0]}")
        return self._draft.graph(value)

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given, run = (args, kwargs or {}), partial(function, *args, **kwargs or {})
        if self._is_inside:
            return run()
        name = function_name(function)
        raw = getattr(function, "__name__", name)
        is_in_place = bool(given[1].get("inplace")) or raw in (f"{name}_", "__set__")

        def understood(operands: Given, result: Any) -> Value:
            try:
                return meaning(self._draft, name, operands, result)
            except NoLayerError:
                return _unknown_function(name, self._path[-1])

        result, depends = self._record(f"{name} in {self._path[-1]}", run, given, understood, is_in_place)
        shows = raw != "__get__" and name not in SHOWS_NO_VALUES and result is not None
        if depends and shows and not any(True for _ in tensors_in(result)):
            raise ValueError(
                f"expected an ANN whose forward pass does not branch on its input, got {self._path[0]}: {name} in "
                f"{self._path[-1]} hands a value of an activation to Python; leave that out, or do it in training only"
            )
        return result

    def _call(
        self,
        module: nn.Module,
        name: str,
        forward: Any,
        known: type[nn.Module] | None,
        is_library: bool,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """In place of the `forward` of a module."""
        run, what = partial(forward, *args, **kwargs), f"{type(module).__name__} at {name!r}"
        if (known or is_library) and not self._is_inside:
            is_in_place = bool(getattr(module, "inplace", False))
            return self._record(what, run, (args, kwargs), partial(self._layer, module, name, known), is_in_place)[0]
        self._path.append(what if name else type(module).__name__)
        try:
            return run()
        finally:
            self._path.pop()

    def _record(
        self,
        what: str,
        run: Callable[[], Any],
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        means: Callable[[Given, Any], Value],
        is_in_place: bool,
    ) -> tuple[Any, bool]:
        """Run a call and note what came of it; its result, and whether the network's input has part in it."""
        self._is_inside = True
        try:
            tensors = list(tensors_in(arguments))
            given = Given(*arguments, {id(tensor): self._value(tensor, what) for tensor in tensors})
            written = changed(tensors)
            result = run()
            with torch.inference_mode(False), torch.no_grad():  # whatever mode the network is in: layers are made here
                value = _first_unknown(given) or (means(given, result) if given.depends else None)
            targets = written() or ([given.target(result)] if is_in_place and given.depends else [])
            return self._noted(what, given, result, value, targets), given.depends
        finally:
            self._is_inside = False

    def _noted(self, what: str, given: Given, result: Any, value: Value, targets: list[Tensor]) -> Any:
        """The result, once it is known what it holds, and what the tensors hold that were written to."""
        main = given.target(result)
        for tensor in sorted(targets, key=lambda tensor: tensor is main):  # last: the others may share its memory
            is_known = tensor is main or value is None
            self._memory.write(tensor, value if is_known else _error(f"one tensor to be written to, got {what}"), what)
        if isinstance(result, Tensor) and not targets and given.values.get(id(result), value) != value:
            result = result.view_as(result)  # the same numbers here, but it holds something else
        for tensor in tensors_in(result):
            if id(tensor) not in given.values:
                self._memory.hold(tensor, value)
        return result

    def _value(self, tensor: Tensor, what: str) -> Value:
        if self._memory.knows(tensor):
            return self._memory.read(tensor)
        return _error(
            f"an ANN that computes with its samples, parameters and buffers alone, got another tensor in {what}; "
            "register what is constant as a buffer"
        )

    def _layer(self, module: nn.Module, name: str, known: type[nn.Module] | None, given: Given, result: Any) -> Value:
        """What a layer puts out."""
        x = samples_of(given.args, given.kwargs)
        number = None if x is None else given.value(x)
        if known is None or x is None or not isinstance(number, int) or self._has_variable_weights(module):
            return Unknown(unsupported(module, name))
        if module.training and issubclass(known, (*NORMS, *DROPOUTS)):
            return _error(f"evaluation mode, got {known.__name__} at {name!r} in training mode; leave that out")
        if known is nn.Identity:
            return number
        if known in RESHAPES:
            seen = self._draft.reshape(number, x.shape, result.shape)
            return _unknown_reshape(f"{known.__name__} at {name!r}") if seen is None else seen
        layer = module if issubclass(known, NORMS) else bare(module, known, self._copies)
        return self._draft.call(self._name(name or known.__name__.lower(), layer), layer, number)

    def _has_variable_weights(self, module: nn.Module) -> bool:
        """Whether a weight was computed from the samples."""
        weights = (getattr(module, name, None) for name in ("weight", "bias"))
        return any(
            isinstance(w, Tensor) and self._memory.knows(w) and self._memory.read(w) is not None for w in weights
        )

    def _name(self, name: str, layer: nn.Module) -> str:
        """The name of a layer: its own, but another for another call of what has state, or had other weights then."""
        before = self._draft.layers.get(name)
        if before is None:
            return name
        if isinstance(layer, nn.ReLU | nn.Dropout):
            return self._draft.free_name(name)
        weights = zip(before.parameters(), layer.parameters(), strict=True)
        return name if all(is_same(*pair) for pair in weights) else self._draft.free_name(name)


def _unknown_function(name: str, where: str) -> Unknown:
    cure = CURES.get(name, "train the ANN without it; beside layers there may be additions, constants and nn.Flatten")
    return _error(f"modules and additions in an ANN to be converted, got the function {name} in {where}; {cure}")


def _unknown_reshape(what: str) -> Unknown:
    return _error(f"samples that stay apart, flattened whole, got {what}; use nn.Flatten()")


def _first_unknown(given: Given) -> Unknown | None:
    return next((value for value in given.values.values() if isinstance(value, Unknown)), None)


def _error(text: str) -> Unknown:
    return Unknown(ValueError(f"expected {text}"))


def _is_library(module: nn.Module) -> bool:
    """Whether a module is not looked into: a library's own, and nobody gave it another `forward`."""
    is_own = type(module).__module__.startswith(_LIBRARIES) and not isinstance(module, nn.Sequential)
    return is_own and "forward" not in vars(module)
