"""Check the layout of samples, and name another layout with the call that converts it.

Channels come first and time before them: images (N, C, H, W), frames (N, T, 2, H, W). No layout is guessed: a shape
that does not fit, or that could mean two things, is an error that names the layout seen and the call that converts.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from art_snn._arrays import is_tensor
from art_snn.typing import Array

Shape = tuple[int, ...]

_MOST_CHANNELS_LAST = 4  # grey, two polarities, colours, and colours with an opacity
_ONE_IMAGE = (1, 3)  # channels of an image that stands without a batch axis
IMAGES, IMAGE, FRAMES, SAMPLE = "(N, C, H, W)", "(C, H, W)", "(N, T, 2, H, W)", "(T, 2, H, W)"


def check_images(name: str, x: Array) -> None:
    """Check for images (N, C, H, W), or one image (C, H, W) of 1 or 3 channels.

    A last axis of at most 4 that is shorter than both before it counts as channels that come last. Three axes whose
    first is neither 1 nor 3 could also be grey images (N, H, W), and are refused.

    Raises:
        ValueError: If the layout is, or could be, another one.
    """
    wanted, shape = f"{IMAGES} or {IMAGE}", x.shape
    if x.ndim not in (3, 4):
        raise _error(name, wanted, shape, _image_axes(shape))
    if is_channels_last(shape):
        layout = IMAGES.replace("C, H, W", "H, W, C") if x.ndim == 4 else "(H, W, C)"
        raise _error(name, wanted, shape, f"looks like {layout}; np.moveaxis(x, -1, -3) puts the channels first")
    if x.ndim == 3 and shape[0] not in _ONE_IMAGE:
        raise _error(
            name,
            wanted,
            shape,
            f"may be {shape[0]} grey images (N, H, W) or one image of {shape[0]} channels; x[:, None] makes the first "
            "(N, 1, H, W), x[None] the second (1, C, H, W)",
        )


def check_image_batch(name: str, x: Array) -> None:
    """Check for images (N, C, H, W), as `check_images` does, but not one image alone.

    Raises:
        ValueError: If the layout is, or could be, another one.
    """
    check_images(name, x)
    if x.ndim != 4:
        raise _error(name, IMAGES, x.shape, "looks like one image; x[None] makes a batch of it")


def check_frames(name: str, x: Array, *, alone: bool = False) -> None:
    """Check for frames (N, T, 2, H, W), of channels OFF and ON; with `alone` also for one sample (T, 2, H, W).

    The first axis counts as N: time first, as in spikingjelly's networks, has the same number of axes.

    Raises:
        ValueError: If the layout is another one.
    """
    wanted = f"{FRAMES} or {SAMPLE}" if alone else FRAMES
    if x.ndim != 5 and not (alone and x.ndim == 4):
        raise _error(name, wanted, x.shape, _frame_axes(x.shape))
    if x.shape[-3] != 2:
        raise _error(name, f"{wanted}, OFF and ON channel", x.shape, _frame_axes(x.shape))


def check_fits(name: str, x: Any, input_shape: Sequence[int], *, any_time: bool = False) -> None:
    """Check that samples (N, ...) have the shape that a model takes.

    Args:
        name: Name of the samples in an error.
        x: Samples as an array or a tensor.
        input_shape: Shape of one sample.
        any_time: Whether the first axis of a sample, time, may have any length.

    Raises:
        ValueError: If they have another shape.
    """
    shape = tuple(input_shape)
    if _fits(tuple(x.shape), shape, any_time):
        return
    wanted = f"(N, {', '.join(['T', *map(str, shape[1:])] if any_time else map(str, shape))})"
    hint = layout_hint(tuple(x.shape), shape, any_time=any_time)
    if is_tensor(x):
        hint = hint.replace("np.moveaxis", "torch.movedim").replace("np.swapaxes", "torch.swapaxes")
    raise _error(name, wanted, tuple(x.shape), hint)


def is_channels_last(shape: Shape) -> bool:
    """Whether the channels of images of this shape seem to come last.

    >>> is_channels_last((10, 32, 32, 3)), is_channels_last((10, 3, 32, 32)), is_channels_last((1, 3, 4, 4))
    (True, False, False)
    """
    channels, height, width = shape[-3:]
    return 0 < width <= _MOST_CHANNELS_LAST and width < min(channels, height)


def _fits(shape: Shape, input_shape: Shape, any_time: bool) -> bool:
    return len(shape) == len(input_shape) + 1 and shape[1 + any_time :] == input_shape[any_time:]


def layout_hint(shape: Shape, input_shape: Shape, *, any_time: bool = False) -> str:
    """Say what layout samples (N, ...) of a wrong shape may have, and the call that converts; "" if none is known."""
    x = np.broadcast_to(np.False_, shape)  # needs no memory
    found = []
    for n_axes, layout, call, convert in _CONVERSIONS:
        if x.ndim in n_axes and _fits(convert(x).shape, input_shape, any_time):
            found.append((layout, call))
    if len(found) == 1:
        return "looks like {}; {} puts it right".format(*found[0])
    if found:
        return f"may be {', or '.join(f'{layout}: then {call} puts it right' for layout, call in found)}"
    if len(shape) == 5 and shape[2:] == input_shape[1:]:
        return f"has {shape[1]} time bins where {input_shape[0]} are wanted; bin the events into as many"
    if len(shape) != len(input_shape) + 1 and prod(shape[1:]) == prod(input_shape):
        return f"has its axes folded; x.reshape(-1, {', '.join(map(str, input_shape))}) puts it right"
    return ""


_CONVERSIONS: tuple[tuple[tuple[int, ...], str, str, Callable[[Array], Array]], ...] = (  # of so many axes
    ((4, 5), "channels last", "np.moveaxis(x, -1, -3)", lambda x: np.moveaxis(x, -1, -3)),
    ((5,), "time first, (T, N, C, H, W)", "np.swapaxes(x, 0, 1)", lambda x: np.swapaxes(x, 0, 1)),
    (
        (5,),
        "time first and channels last, (T, N, H, W, C)",
        "np.moveaxis(np.swapaxes(x, 0, 1), -1, -3)",
        lambda x: np.moveaxis(np.swapaxes(x, 0, 1), -1, -3),
    ),
    ((5,), "channels before time, (N, C, T, H, W)", "np.swapaxes(x, 1, 2)", lambda x: np.swapaxes(x, 1, 2)),
    ((4, 5), "columns before rows", "np.swapaxes(x, -1, -2)", lambda x: np.swapaxes(x, -1, -2)),
    ((3, 4), "one sample", "x[None]", lambda x: x[None]),
    ((3,), "images without channels", "x[:, None]", lambda x: x[:, None]),
    ((4,), "frames without channels", "x[:, :, None]", lambda x: x[:, :, None]),
    ((2,), "one image without channels", "x[None, None]", lambda x: x[None, None]),
    ((3, 4), "one sample, channels last", "np.moveaxis(x, -1, -3)[None]", lambda x: np.moveaxis(x, -1, -3)[None]),
)


def _image_axes(shape: Shape) -> str:
    if len(shape) == 2:
        return "looks like one grey image (H, W) or flattened ones; x[None] gives the first its channel"
    if len(shape) == 5:
        return "looks like frames, which the triggers of frames take, such as StaticTrigger"
    return ""


def _frame_axes(shape: Shape) -> str:
    n = len(shape)
    if n == 4 and shape[1] == 2:
        return "looks like one sample; x[None] makes a batch of it"
    if n in (4, 5) and shape[-1] == 2:
        return "looks like channels last; np.moveaxis(x, -1, -3) puts them before the rows"
    if n in (4, 5) and shape[-4] == 2:
        return "looks like channels before time; np.swapaxes(x, -4, -3) puts time first"
    if n == 3 and shape[0] == 2:
        return "looks like one time bin; x[None] makes a sample of it"
    if n in (4, 5) and shape[-3] in (1, 3):
        return "looks like images, which have no OFF and ON channel; PatchTrigger is for them"
    return ""


def _error(name: str, wanted: str, shape: Shape, hint: str) -> ValueError:
    return ValueError(f"expected {name} of shape {wanted}, got shape {shape}" + (f", which {hint}" if hint else ""))
