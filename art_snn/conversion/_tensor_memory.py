"""Track which result each tensor holds while layers and functions write into shared memory."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch import Tensor

from art_snn.acceleration.constant_input import version


class Unknown(NamedTuple):
    """A result that a converted network cannot compute: the error to raise if the output depends on it."""

    error: ValueError


Value = int | Unknown | None  # number of a result, or None for what does not depend on the input
Reshape = Callable[[int, tuple[int, ...], tuple[int, ...]], int | None]


class _Write(NamedTuple):
    place: tuple[Any, ...]
    tensor: Tensor
    value: Value
    number: int
    writer: str


class Memory:
    """Results that tensors hold.

    A tensor holds the result it was made with until its memory is written to through any tensor that shares it. Then
    each of these holds what was written, in its own shape; if it sees other parts, its result is unknown.

    Args:
        constants: Tensors that exist before the first call: weights.
        reshape: Function that gives a result of the first shape in the second shape; None if it cannot.
    """

    def __init__(self, constants: Iterable[Tensor], reshape: Reshape) -> None:
        self._reshape = reshape
        self._held: dict[int, tuple[Tensor, Value, int]] = {}  # tensors too: so no other gets their id and address
        self._writes: dict[int, _Write] = {}
        for tensor in constants:
            self.hold(tensor, None)

    def knows(self, tensor: Tensor) -> bool:
        """Whether the origin of a tensor is known."""
        return id(tensor) in self._held or _address(tensor) in self._writes

    def hold(self, tensor: Tensor, value: Value) -> None:
        """Note the value of a new tensor."""
        self._held[id(tensor)] = tensor, value, self._n_writes(tensor)

    def write(self, tensor: Tensor, value: Value, writer: str) -> None:
        """Note a value that was written into a tensor, and so into all that share its memory."""
        number = self._n_writes(tensor) + 1
        self._writes[_address(tensor)] = _Write(_place(tensor), tensor, value, number, writer)

    def read(self, tensor: Tensor) -> Value:
        """The value that a tensor holds now."""
        _, value, n_writes = self._held.get(id(tensor), (None, None, -1))
        if n_writes == self._n_writes(tensor):
            return value
        write = self._writes[_address(tensor)]
        if _place(tensor) == write.place or not isinstance(write.value, int):
            return write.value
        seen = self._reshape(write.value, write.tensor.shape, tensor.shape) if _is_whole(tensor, write.tensor) else None
        return _seen_otherwise(write.writer) if seen is None else seen

    def _n_writes(self, tensor: Tensor) -> int:
        write = self._writes.get(_address(tensor))
        return write.number if write else 0


def changed(tensors: Iterable[Tensor]) -> Callable[[], list[Tensor]]:
    """Make a function that lists the tensors written to since now."""
    before = [(tensor, version(tensor)) for tensor in tensors]
    return lambda: [tensor for tensor, written in before if version(tensor) != written]


def _address(tensor: Tensor) -> int:
    try:
        return int(tensor.untyped_storage()._cdata)  # on the device "meta" there is no other address
    except (NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"expected an ANN that computes with ordinary dense tensors, got another kind: {error}; leave such as "
            "torch.func.vmap and sparse tensors out"
        ) from error


def _place(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def _is_whole(tensor: Tensor, written: Tensor) -> bool:
    """Whether two tensors see the same numbers in the same order."""
    return (
        tensor.is_contiguous()
        and written.is_contiguous()
        and (tensor.dtype, tensor.storage_offset(), tensor.numel())
        == (written.dtype, written.storage_offset(), written.numel())
    )


def _seen_otherwise(writer: str) -> Unknown:
    return Unknown(
        ValueError(
            f"expected no activation that is read after a part or another view of it was written to, got {writer}, "
            "which writes in place; compute a new tensor instead, such as x = x + y for x += y"
        )
    )
