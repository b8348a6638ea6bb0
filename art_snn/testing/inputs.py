"""Laws of samples and labels as input: any memory, arrays or tensors, and no other layout.

`x` is a batch that the trigger is made for, N first; `y` are its labels.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from art.attacks import PoisoningAttack

from art_snn._validation import class_indices
from art_snn.events import make_events
from art_snn.testing._raising import message_of
from art_snn.typing import Array, Labels, Trigger


def check_trigger_rejects_layouts(trigger: Trigger, x: Array) -> None:
    """Channels that come last are a ValueError that names the layout seen and a call that puts it right."""
    for wrong in (np.moveaxis(x, -3, -1), np.moveaxis(x[0], -3, -1)):
        message = message_of(ValueError, partial(trigger, wrong))
        assert str(wrong.shape) in message, f"the message does not name shape {wrong.shape}: {message}"
        assert "np.moveaxis(x, -1, -3)" in message, f"the message names no call that converts: {message}"


def check_trigger_rejects_what_is_no_array(trigger: Trigger, x: Array) -> None:
    """Streams, columns of events, data sets, masked arrays and arrays of objects are a TypeError."""
    for wrong in _no_arrays(x):
        message = message_of(TypeError, partial(trigger, wrong))
        assert message.startswith("expected "), f"the message does not say what was expected: {message}"


def check_samples_are_checked(take: Callable[[Any], object], x: Array) -> None:
    """A function of samples refuses other layouts and other types with an error that says what it expected.

    Args:
        take: Function of samples, such as a method of a classifier, a detector or an evaluation.
        x: Images or frames that it takes; it must take them as a tensor, too.
    """
    layouts: list[Any] = [np.moveaxis(x, -3, -1), x[0], x.reshape(len(x), -1), x[:, None], x[..., 1:]]
    for wrong in (*layouts, *_no_arrays(x)):
        message = message_of((ValueError, TypeError), partial(take, wrong))
        assert message.startswith("expected "), f"the message does not say what was expected: {message}"
    message = message_of((ValueError, TypeError), partial(take, layouts[0]))
    assert "np.moveaxis(x, -1, -3)" in message, f"the message names no call that converts: {message}"
    take(torch.as_tensor(x))


def check_trigger_rejects_nan(trigger: Trigger, x: Array) -> None:
    """NaN and infinity in any sample are a ValueError."""
    for value in (np.nan, np.inf, -np.inf):
        wrong = x.astype(np.float32)
        wrong[-1, ..., 0] = value
        message = message_of(ValueError, partial(trigger, wrong))
        assert message.startswith("expected "), f"the message does not say what was expected: {message}"


def check_trigger_ignores_memory(trigger: Trigger, x: Array) -> None:
    """Reversed, strided, read-only and byte-swapped arrays are triggered like others, in their own dtype."""
    expected = trigger(x.copy())
    frozen = x.copy()
    frozen.setflags(write=False)
    for same in (x[::-1].copy()[::-1], np.asfortranarray(x), frozen, x.astype(x.dtype.newbyteorder(">"))):
        triggered = trigger(same)
        assert triggered.dtype == same.dtype, f"dtype {same.dtype} became {triggered.dtype}"
        assert np.array_equal(triggered, expected), f"strides {same.strides} and dtype {same.dtype} come out otherwise"


def check_trigger_gives_a_tensor_for_a_tensor(trigger: Trigger, x: Array) -> None:
    """A tensor gives a new tensor or a TypeError, never another type."""
    tensor = torch.as_tensor(x.copy())
    try:
        triggered: Any = trigger(tensor)  # type: ignore[arg-type]
    except TypeError:
        return
    assert isinstance(triggered, torch.Tensor), f"a tensor became {type(triggered).__name__}"
    assert (triggered.dtype, triggered.device) == (tensor.dtype, tensor.device), f"it became {triggered.dtype}"
    assert np.array_equal(tensor.numpy(), x), "the tensor was changed"
    assert np.array_equal(triggered.numpy(), trigger(x)), "a tensor comes out otherwise"


def check_trigger_marks_a_square(trigger: Trigger, x: Array, side: int) -> None:
    """In each image, or each time bin of a sample, either nothing changes or exactly a square of `side` pixels.

    Args:
        trigger: Trigger whose square lies within the frame.
        x: Samples in which no pixel has the trigger's colour already.
        side: Side of the square in pixels.
    """
    changed = (trigger(x) != x).any(axis=-3)
    marked = changed.sum(axis=(-2, -1))
    assert changed.any(), "nothing was changed"
    assert np.isin(marked, (0, side**2)).all(), f"{np.unique(marked)} pixels were marked, not {side**2}"
    for plane in changed.reshape(-1, *changed.shape[-2:])[marked.ravel() > 0]:
        extent = np.ptp(np.argwhere(plane), axis=0) + 1
        assert extent.tolist() == [side, side], f"what was marked is {extent.tolist()} pixels, no square"


def check_attack_rejects_labels(attack: PoisoningAttack, x: Array, y: Labels) -> None:
    """`poison` and `poison_dataset` refuse labels that name no class, by a ValueError or TypeError.

    Args:
        attack: Attack; one that takes part in the training has no `poison_dataset`.
        x: Clean samples.
        y: Labels of the samples, from which wrong ones are made.
    """
    indices = class_indices(y)
    one_hot = np.eye(int(indices.max()) + 1)[indices]
    two_hot = one_hot.copy()
    two_hot[-1] = 1
    wrong = (indices - 1, indices > 0, one_hot * 0, two_hot, one_hot * 7 - 3, indices + 0.5, indices.astype(str))
    calls: list[Callable[..., object]] = [attack.poison]
    calls += [attack.poison_dataset] if hasattr(attack, "poison_dataset") else []
    for call, labels in itertools.product(calls, wrong):
        message = message_of((ValueError, TypeError), partial(call, x, labels))
        assert message.startswith("expected "), f"the message does not say what was expected: {message}"


def check_attack_gives_no_other_type(attack: PoisoningAttack, x: Array, y: Labels) -> None:
    """Tensors give tensors or a TypeError, never another type."""
    tensors = torch.as_tensor(x), torch.as_tensor(y)
    for given in (tensors, (x, tensors[1]), (tensors[0], y)):
        try:
            made = attack.poison(*given)
        except TypeError:
            continue
        assert [type(array) for array in made] == [type(array) for array in given], "a tensor became something else"


def _no_arrays(x: Array) -> list[Any]:
    """Objects that look like samples, or hold them, and are not arrays of numbers."""
    stream = make_events(x=[0, 1], y=[0, 0], t=[0, 1], p=[0, 1])
    objects = np.empty(len(x), object)
    objects[:] = list(x)
    columns = {field: stream[field] for field in ("x", "y", "t", "p")}
    data_set = torch.utils.data.TensorDataset(torch.as_tensor(x))
    masked = np.ma.MaskedArray(x, np.zeros(x.shape, bool))
    return [stream, [stream, stream], columns, data_set, masked, objects, "samples.npy", x.astype(str)]
