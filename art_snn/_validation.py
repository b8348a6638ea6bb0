"""Checks at the public border: one clear error, `expected …, got …`, before anything is changed."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from art_snn.typing import Array, Indices, Labels


def check_number(name: str, value: float) -> None:
    """A number, Python's or numpy's; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"expected {name} to be a number, got {value!r}")


def check_fraction(name: str, value: float, *, zero: bool = True) -> None:
    """A share of a whole: in [0, 1], or in (0, 1] where zero makes no sense."""
    check_number(name, value)
    low = "[" if zero else "("
    if not (0 <= value <= 1) or (value == 0 and not zero):
        raise ValueError(f"expected {name} to be a fraction in {low}0, 1], got {value!r}; 10 % is 0.1")


def is_whole(value: Any) -> bool:
    """A whole number, Python's or numpy's; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def whole_numbers(name: str, values: Any, form: str) -> tuple[int, ...]:
    """The numbers of a tuple, list, range or array, if these are whole; `form` says in words what is expected."""
    numbers = tuple(values) if isinstance(values, Iterable) else None
    if numbers is None or not all(map(is_whole, numbers)):
        raise TypeError(f"expected {name} to be {form} in whole numbers, got {values!r}")
    return tuple(int(number) for number in numbers)


def check_at_least(name: str, value: int, minimum: int, reason: str = "") -> None:
    """A whole number that is not below `minimum`; `reason` says why it must be."""
    because = f": {reason}" if reason else ""
    if not is_whole(value):
        raise TypeError(f"expected {name} to be a whole number, got {value!r}{because}")
    if value < minimum:
        raise ValueError(f"expected {name} to be at least {minimum}, got {value!r}{because}")


def check_positive(name: str, value: float) -> None:
    """A finite number above zero."""
    check_number(name, value)
    if not 0 < value < np.inf:
        raise ValueError(f"expected {name} to be a finite number above 0, got {value!r}")


def check_choice(name: str, value: Any, choices: Collection[Any]) -> None:
    """One of the named choices."""
    if value not in list(choices):  # a list also looks for what has no hash
        raise ValueError(f"expected {name} to be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_unknown(owner: str, kwargs: Collection[str]) -> None:
    """No keyword argument is left over: ART's signatures end in `**kwargs`, which would swallow a typo."""
    if kwargs:
        raise TypeError(f"{owner} got unknown arguments: {', '.join(sorted(kwargs))}")


def check_axes(name: str, x: Array, *layouts: str) -> None:
    """An array with as many axes as one of the layouts, which are written like "(N, C, H, W)"."""
    if x.ndim not in {layout.count(",") + 1 for layout in layouts}:
        raise ValueError(f"expected {name} of shape {' or '.join(layouts)}, got shape {x.shape}")


def check_same_length(x_name: str, x: Array, y_name: str, y: Array) -> None:
    """One label a sample."""
    if len(x) != len(y):
        raise ValueError(f"expected as many {y_name} as {x_name}, got {len(y)} {y_name} for {len(x)} {x_name}")


def class_indices(y: Labels, nb_classes: int | None = None) -> Indices:
    """Class indices (N,) of labels given as indices (N,) or one-hot (N, K), K at least 2.

    Raises:
        ValueError: If `y` has another shape, holds no whole numbers or a class outside [0, nb_classes), or a row names
            not exactly one class.
        TypeError: If it holds no numbers.
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1 and nb_classes in (None, y.shape[1]):
        return _winners(y)
    if y.ndim != 1:
        width = "K" if nb_classes is None else nb_classes
        cure = "; make a column of indices (N,)" if y.shape[1:] == (1,) else ""
        raise ValueError(f"expected labels as indices (N,) or one-hot (N, {width}), got shape {y.shape}{cure}")
    if y.dtype.kind not in "iufbO":
        raise TypeError(f"expected labels to be numbers, got dtype {y.dtype}")
    indices: Indices = y.astype(np.int64)
    if not np.array_equal(indices, y):
        raise ValueError(f"expected labels to be whole numbers, got dtype {y.dtype} with fractions")
    top = np.inf if nb_classes is None else nb_classes
    if indices.size and (indices.min() < 0 or indices.max() >= top):
        raise ValueError(f"expected labels in [0, {top}), got {indices.min()} to {indices.max()}")
    return indices


def check_class(name: str, value: int, nb_classes: int | None) -> None:
    """The index of one of the classes, whose number may be unknown."""
    check_at_least(name, value, 0)
    if nb_classes is not None and value >= nb_classes:
        raise ValueError(f"expected {name} below {nb_classes} classes, got {value}")


def predicted_classes(y: Array, nb_classes: int | None = None) -> Indices:
    """Class indices (N,) of predictions given as indices (N,), or as scores (N, K) of which the highest counts.

    Of equal scores, which a few spikes often give, the first counts.

    Raises:
        ValueError: As `class_indices`, or if a score is not finite, as after a training that diverged.
    """
    y = np.asarray(y)
    if y.ndim != 2 or y.shape[1] < 2 or nb_classes not in (None, y.shape[1]):
        return class_indices(y, nb_classes)
    check_finite("scores", y)
    winners: Indices = y.argmax(axis=1).astype(np.int64)
    return winners


def _winners(one_hot: Labels) -> Indices:
    """The one class that each row names: its single highest entry."""
    named = (one_hot == one_hot.max(axis=1, keepdims=True)).sum(axis=1)
    if (named != 1).any():
        row = int(np.argmax(named != 1))
        raise ValueError(f"expected labels of one highest entry a row, got {one_hot[row].tolist()} in row {row}")
    winners: Indices = one_hot.argmax(axis=1).astype(np.int64)
    return winners


def check_finite(name: str, x: Array) -> None:
    """No NaN and no infinity; in slices, so that nothing of the size of the whole is made."""
    if x.dtype.kind != "f":
        return
    for start in range(0, len(x), 256):
        if not np.isfinite(x[start : start + 256]).all():
            raise ValueError(f"expected {name} to be finite, got NaN or infinity in rows {start} to {start + 255}")
