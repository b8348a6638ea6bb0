"""Read arguments as arrays, and name in an error what cannot be read as one."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard, cast

import numpy as np

from art_snn.lazy_rows import LazyRows
from art_snn.typing import Array, Events

FIELDS = ("x", "y", "t", "p")  # of an event stream

_BIN = "art_snn.events.to_frames(streams, sensor_size, n_bins) makes frames of streams"
_PAIRS = "x, y = zip(*data_set) takes its samples and labels apart: then np.stack(x), or for event streams list(x)"


def is_tensor(x: Any) -> bool:
    """Whether this is a torch tensor, without loading torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def is_stream(events: Any) -> TypeGuard[Events]:
    """Whether this is one event stream: a structured array with the fields x, y, t, p."""
    return isinstance(events, np.ndarray) and set(FIELDS) <= set(events.dtype.names or ())


def as_numbers(name: str, x: Any) -> Array:
    """Read an array, a tensor, or nested lists of one shape as an array of numbers, copying nothing.

    Raises:
        TypeError: If this is anything else; it says what it is, and the call that makes an array of it.
    """
    array = _read(name, x)
    if array.dtype.kind not in "biuf" or isinstance(x, np.ma.MaskedArray):
        raise _refusal(name, x)
    return array


def as_samples(name: str, x: Any) -> Array:
    """Read samples (N, ...) as an array, as `as_numbers` does.

    Raises:
        TypeError: If these are not numbers.
        ValueError: If a sample has no axis of its own.
    """
    rows = as_numbers(name, x)
    if rows.ndim < 2:
        raise ValueError(f"expected {name} of shape (N, ...), got shape {rows.shape}")
    return rows


def as_labels(name: str, y: Any) -> Array:
    """Read labels or predictions as an array, as `as_numbers` does, also from a table's column.

    Raises:
        TypeError: If they are not numbers.
    """
    array = np.asarray(y) if hasattr(y, "__array__") and not is_tensor(y) else _read(name, y)
    if array.dtype == object and all(type(label) is int and abs(label) < 2**63 for label in array.flat):
        array = array.astype(np.int64)
    if array.ndim == 0 or array.dtype.kind in "OV" or isinstance(y, np.ma.MaskedArray):
        raise _refusal(name, y)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"expected {name} to be numbers, got dtype {array.dtype}")
    return array


def from_tensor(name: str, x: Any) -> Array:
    """Read the values of a tensor on any device, detached from its graph."""
    try:
        array: Array = x.detach().cpu().numpy()
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"expected {name} as a dense tensor of a dtype that numpy has, got {x.dtype}") from error
    return array


def like_tensor(values: Array, x: Any) -> Any:
    """Turn an array into a tensor on the device of `x`."""
    return sys.modules["torch"].from_numpy(values).to(x.device)


def described(x: Any) -> tuple[str, str]:
    """Describe what is not an array of numbers, and name the call that makes one of it, "" if none is known."""
    for is_of_kind, describe in _KINDS:
        if is_of_kind(x):
            return describe(x)
    return (repr(x)[:60] if x is None or np.isscalar(x) else f"a {type(x).__name__}"), ""


def _read(name: str, x: Any) -> Array:
    if is_tensor(x):
        return from_tensor(name, x)
    if isinstance(x, np.ndarray):
        return x if type(x) is np.memmap else np.asarray(x)  # no other subclass
    if isinstance(x, LazyRows):
        return cast(Array, x)
    if isinstance(x, list | tuple) and not any(is_tensor(item) or isinstance(item, np.ma.MaskedArray) for item in x):
        try:
            return np.asarray(x)
        except ValueError:
            pass  # of several shapes
    if isinstance(x, np.generic | int | float):
        return np.asarray(x)
    raise _refusal(name, x)


def _refusal(name: str, x: Any) -> TypeError:
    seen, cure = described(x)
    return TypeError(f"expected {name} to be an array of numbers, got {seen}" + (f"; {cure}" if cure else ""))


def _described_stream(x: Events) -> tuple[str, str]:
    if x.ndim == 1:
        return "one event stream", _BIN
    return f"event streams in an array of shape {x.shape}", "list(x) takes them apart"


def _described_mapping(x: Mapping[Any, Any]) -> tuple[str, str]:
    cure = "art_snn.events.make_events(**x) makes a stream of it" if set(x) == set(FIELDS) else ""
    return f"a {type(x).__name__} of {', '.join(map(repr, list(x)[:6])) or 'nothing'}", cure


def _described_array(x: Array) -> tuple[str, str]:
    if x.dtype != object:
        return f"an array of dtype {x.dtype} and shape {x.shape}", ""
    if x.ndim == 0:
        return described(x.item())
    seen, cure = _described_list(list(x.flat))
    return seen.replace("a list", f"an object array of shape {x.shape}", 1), cure


def _described_list(x: list[Any] | tuple[Any, ...]) -> tuple[str, str]:
    if not x:
        return "an empty list", ""
    for kind, is_of_kind, cure in _KINDS_IN_LISTS:
        if all(map(is_of_kind, x)):
            return f"a list of {len(x)} {kind}", cure
    shapes = sorted({np.shape(item) for item in x if isinstance(item, np.ndarray)})
    of_shapes = f" of shapes {', '.join(map(str, shapes[:3]))}" if shapes else ""
    cure = "np.stack(x) makes one array of them" if len(shapes) == 1 else ""
    return f"a list of {' and '.join(sorted({type(item).__name__ for item in x})[:3])}{of_shapes}", cure


def _is_data_set(x: Any) -> bool:
    return hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, str | bytes)


_Describe = Callable[[Any], tuple[str, str]]
_KINDS: tuple[tuple[Callable[[Any], bool], _Describe], ...] = (
    (
        lambda x: isinstance(x, np.ma.MaskedArray),
        lambda x: ("a masked array", "x.filled(value) says what stands for the values that are masked"),
    ),
    (is_stream, _described_stream),
    (lambda x: isinstance(x, Mapping), _described_mapping),
    (lambda x: isinstance(x, np.ndarray), _described_array),
    (lambda x: isinstance(x, list | tuple), _described_list),
    (lambda x: hasattr(x, "toarray"), lambda x: (f"a sparse {type(x).__name__}", "x.toarray() makes an array of it")),
    (lambda x: hasattr(x, "__array__"), lambda x: (f"a {type(x).__name__}", "np.asarray(x) makes an array of it")),
    (_is_data_set, lambda x: (f"a data set object {type(x).__name__}", _PAIRS)),
    (
        lambda x: isinstance(x, Iterable) and not isinstance(x, str | bytes),
        lambda x: (f"a {type(x).__name__}, to be run through", _PAIRS),
    ),
)
_KINDS_IN_LISTS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("event streams", is_stream, _BIN),
    (
        "dicts of event columns",
        lambda item: isinstance(item, Mapping) and set(item) == set(FIELDS),
        "[art_snn.events.make_events(**events) for events in x] makes streams of them",
    ),
    ("tensors", is_tensor, "torch.stack(x) makes one tensor of them"),
    ("pairs", lambda item: isinstance(item, tuple) and len(item) == 2, _PAIRS.replace("data_set", "x")),
)
