"""Check arguments of public functions: one clear error, `expected …, got …`, before anything is changed."""

from collections.abc import Collection, Iterable
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np

from art_snn._arrays import as_labels, as_numbers
from art_snn.typing import Array, Indices, Labels

_SHOWN = 10  # values in a message
_ROUNDING = 1e-2  # error of a sum of probabilities in half precision


def check_number(name: str, value: float) -> None:
    """Check for a number, Python's or numpy's; True and False are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"expected {name} to be a number, got {value!r}")


def check_fraction(name: str, value: float, *, zero: bool = True) -> None:
    """Check for a fraction in [0, 1], or in (0, 1] without `zero`."""
    check_number(name, value)
    low = "[" if zero else "("
    if not (0 <= value <= 1) or (value == 0 and not zero):
        raise ValueError(f"expected {name} to be a fraction in {low}0, 1], got {value!r}; 10 % is 0.1")


def share_of(share: float, n: int) -> int:
    """Take a share of `n` things, rounded down, with the share as the decimal that Python prints.

    The float nearest to 0.29 lies below it: 0.29 * 100 is 28.999… in floats. For 1/3 the decimal has some 16 digits.

    >>> share_of(0.29, 100), int(0.29 * 100), share_of(0.1, 1347)
    (29, 28, 134)
    """
    return floor(Fraction(str(share)) * n)


def share_of_rows(name: str, share: float, n: int, of_what: str = "rows") -> int:
    """A share of `n` rows, rounded down, where a positive one must come to at least one.

    >>> share_of_rows("percent_poison", 0.001, 1347), share_of_rows("percent_poison", 0.0, 10)
    (1, 0)
    >>> share_of_rows("percent_poison", 0.001, 500)
    Traceback (most recent call last):
    ValueError: expected percent_poison to come to at least one row, got 0.001 of 500 rows; raise it to 0.002
    """
    n_rows = share_of(share, n)
    if n_rows == 0 and share > 0:
        cure = f"; raise it to {ceil(1e4 / n) / 1e4:g}" if n else ""
        raise ValueError(f"expected {name} to come to at least one row, got {share} of {n} {of_what}{cure}")
    return n_rows


def is_whole(value: Any) -> bool:
    """Whether this is a whole number, Python's or numpy's; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def whole_numbers(name: str, values: Any, form: str) -> tuple[int, ...]:
    """Read a tuple, list, range or array of whole numbers; `form` names what is expected in an error."""
    numbers = tuple(values) if isinstance(values, Iterable) else None
    if numbers is None or not all(map(is_whole, numbers)):
        raise TypeError(f"expected {name} to be {form} in whole numbers, got {values!r}")
    return tuple(int(number) for number in numbers)


def check_at_least(name: str, value: int, minimum: int, reason: str = "") -> None:
    """Check for a whole number of at least `minimum`; `reason` says why in an error."""
    because = f": {reason}" if reason else ""
    if not is_whole(value):
        raise TypeError(f"expected {name} to be a whole number, got {value!r}{because}")
    if value < minimum:
        raise ValueError(f"expected {name} to be at least {minimum}, got {value!r}{because}")


def check_positive(name: str, value: float, *, zero: bool = False) -> None:
    """A finite number above zero, or zero where that makes sense."""
    check_number(name, value)
    if not 0 <= value < np.inf or (value == 0 and not zero):
        raise ValueError(f"expected {name} to be a finite number {'from 0 up' if zero else 'above 0'}, got {value!r}")


def check_choice(name: str, value: Any, choices: Collection[Any]) -> None:
    """Check for one of some choices."""
    if value not in list(choices):  # a list can also search for values without a hash
        raise ValueError(f"expected {name} to be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_flag(name: str, value: bool) -> None:
    """Check for True or False; a word such as "no" would count as true."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"expected {name} to be True or False, got {value!r}")


def check_unknown(owner: str, kwargs: Collection[str]) -> None:
    """Refuse unknown keyword arguments: ART's signatures end in `**kwargs`, which would swallow a typo."""
    if kwargs:
        raise TypeError(f"{owner} got unknown arguments: {', '.join(sorted(kwargs))}")


def check_same_length(x_name: str, x: Any, y_name: str, y: Any) -> None:
    """Check for one label a sample."""
    for name, things in ((x_name, x), (y_name, y)):
        if not hasattr(things, "__len__") or np.ndim(things) == 0:
            raise TypeError(f"expected {name} in an array, got {things!r:.60}")
    if len(x) != len(y):
        second = np.shape(x)[1:2] == (len(y),) and np.ndim(x) == 5
        cure = "; np.swapaxes(x, 0, 1) puts samples before time, (N, T, C, H, W)" if second else ""
        raise ValueError(f"expected as many {y_name} as {x_name}, got {len(y)} {y_name} for {len(x)} {x_name}{cure}")


def check_weights(name: str, weights: Any, n: int) -> Array:
    """Read one finite weight from 0 up for each of n samples, not all of them 0, as an array (N,).

    Raises:
        TypeError: If they are not numbers.
        ValueError: If they have another shape, or are out of range.
    """
    array = as_numbers(name, weights)
    if array.shape != (n,):
        raise ValueError(f"expected {name} of shape ({n},), one a sample, got shape {array.shape}")
    check_finite(name, array)
    if (array < 0).any():
        row = int(np.argmax(array < 0))
        raise ValueError(f"expected {name} from 0 up, got {array[row]} in row {row}")
    if n and not array.any():
        raise ValueError(f"expected {name} that are not all 0, got only zeros")
    return array


def class_indices(y: Labels, nb_classes: int | None = None, *, exact: bool = False) -> Indices:
    """Read class indices (N,) from indices (N,) or one-hot labels (N, K), K at least 2.

    Rows of probabilities that add up to 1 count as their most probable class, unless `exact` asks for zeros and a one.

    Raises:
        ValueError: If `y` has another shape, holds fractions or a class outside [0, nb_classes), or a row does not name
            exactly one class or does not hold probabilities.
        TypeError: If it does not hold numbers, or is a mask (N,).
    """
    y = as_labels("labels", y)
    if y.ndim == 2 and y.shape[1] > 1 and nb_classes in (None, y.shape[1]):
        return _winners(y, exact)
    if y.ndim != 1:
        width = "K" if nb_classes is None else nb_classes
        cure = "; make a column of indices (N,)" if y.shape[1:] == (1,) else ""
        raise ValueError(f"expected labels as indices (N,) or one-hot (N, {width}), got shape {y.shape}{cure}")
    if y.dtype.kind == "b":
        raise TypeError("expected labels to be class indices, got dtype bool; y.astype(int) makes 0 and 1 of a mask")
    check_finite("labels", y)
    top = np.inf if nb_classes is None else nb_classes
    if y.size and (y.min() < 0 or y.max() >= min(top, 2**63)):
        raise ValueError(f"expected labels in [0, {top}), got {y.min()} to {y.max()}")
    indices: Indices = y.astype(np.int64)
    if not np.array_equal(indices, y):
        raise ValueError(f"expected labels to be whole numbers, got dtype {y.dtype} with fractions")
    return indices


def check_class(name: str, value: int, nb_classes: int | None) -> None:
    """Check for the index of a class; `nb_classes` is None if their number is unknown."""
    check_at_least(name, value, 0)
    if nb_classes is not None and value >= nb_classes:
        raise ValueError(f"expected {name} below {nb_classes} classes, got {value}")


def predicted_classes(y: Array, nb_classes: int | None = None) -> Indices:
    """Read class indices (N,) from predicted indices (N,), or from scores (N, K) of which the highest counts.

    Of equal scores, which are common with few spikes, the first counts.

    Raises:
        ValueError: If `class_indices` refuses them, or a score is not finite, as after a training that diverged.
        TypeError: If they do not hold numbers, or are a mask (N,).
    """
    y = as_labels("predictions", y)
    if y.ndim != 2 or y.shape[1] < 2 or nb_classes not in (None, y.shape[1]) or y.dtype.kind == "b":
        return class_indices(y, nb_classes)
    check_finite("scores", y)
    winners: Indices = y.argmax(axis=1).astype(np.int64)
    return winners


def check_probabilities(name: str, rows: Array) -> None:
    """Check for rows (N, K) from 0 up that add up to 1: one-hot, or probabilities."""
    check_finite(name, rows)
    is_other = (rows < 0).any(axis=1) | (np.abs(rows.sum(axis=1, dtype=np.float64) - 1) > _ROUNDING)
    if is_other.any():
        row = int(np.argmax(is_other))
        values = ", ".join(f"{value:.4g}" for value in rows[row, :8]) + ", …" * (rows.shape[1] > 8)
        raise ValueError(
            f"expected {name} one-hot, or probabilities that add up to 1 a row, got [{values}] in row {row}; of "
            "scores, y.argmax(axis=1) gives the classes"
        )


def _winners(one_hot: Labels, exact: bool) -> Indices:
    """Find the one class that each row names: its single highest entry."""
    check_finite("labels", one_hot)
    highest = one_hot.max(axis=1, keepdims=True)
    named = (one_hot == highest).sum(axis=1)
    if (named != 1).any():
        row = int(np.argmax(named != 1))
        raise ValueError(f"expected labels of one highest entry a row, got {_first(one_hot[row])} in row {row}")
    kind = "zeros and a single one a row" if exact else "probabilities that add up to 1 a row"
    is_other = (one_hot < 0).any(axis=1) | (np.abs(one_hot.sum(axis=1, dtype=np.float64) - 1) > _ROUNDING)
    if exact:
        is_other |= highest[:, 0] != 1
    if is_other.any():
        row = int(np.argmax(is_other))
        cure = "scores say what is predicted, and y.argmax(axis=1) which class that is"
        raise ValueError(f"expected labels of {kind}, got {_first(one_hot[row])} in row {row}; {cure}")
    winners: Indices = one_hot.argmax(axis=1).astype(np.int64)
    return winners


def _first(row: Array) -> str:
    """Write the first values of a row."""
    return str(row.tolist()) if len(row) <= _SHOWN else f"{row[:_SHOWN].tolist()} and {len(row) - _SHOWN} more"


def check_finite(name: str, x: Array) -> None:
    """Check for NaN and infinity, in slices to save memory."""
    if x.dtype.kind != "f":
        return
    for start in range(0, len(x), 256):
        if not np.isfinite(x[start : start + 256]).all():
            last = min(start + 256, len(x)) - 1
            raise ValueError(f"expected {name} to be finite, got NaN or infinity in rows {start} to {last}")


def check_counts(name: str, x: Array) -> None:
    """Check for finite counts from 0 up, in slices to save memory; fractions may occur in scaled frames."""
    if x.dtype.kind not in "if":
        return
    for start in range(0, len(x), 256):
        some = x[start : start + 256]
        if some.size and not (some.min() >= 0 and some.max() < np.inf):  # NaN fails, too
            last = min(start + 256, len(x)) - 1
            raise ValueError(f"expected {name} to hold counts from 0 up, got others in rows {start} to {last}")


def brief(text: str, most: int = 300) -> str:
    """Shorten a long message to its beginning and its end.

    >>> brief("expected " + "so and " * 99 + "so", most=31)
    'expected so and … so and so and so'
    """
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … {text[-most // 2 :]}"
