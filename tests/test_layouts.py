"""What is no array of numbers, or one of another layout, is named with the call that converts it; shares are exact."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from art_snn._arrays import as_labels, as_numbers
from art_snn._layouts import check_fits, check_frames, check_images
from art_snn._validation import check_weights, class_indices, predicted_classes, share_of
from art_snn.events import make_events, stack_streams, to_frames

STREAM = make_events(x=[0, 1], y=[0, 0], t=[3, 4], p=[1, 0])
COLUMNS = {"t": np.array([3, 4]), "x": np.array([0, 1]), "y": np.array([0, 0]), "p": np.array([1, 0])}


class Pairs:
    """A data set object: no end is known, and iteration is by number."""

    def __len__(self) -> int:
        return 10**9

    def __getitem__(self, row: int) -> tuple[Any, int]:
        return STREAM, row % 2


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (STREAM, "got one event stream; .*to_frames"),
        ([STREAM, STREAM], "got a list of 2 event streams; .*to_frames"),
        ([STREAM, STREAM[:1]], "got a list of 2 event streams; .*to_frames"),
        (stack_streams([STREAM]), r"got an object array of shape \(1,\) of 1 event streams; .*to_frames"),
        (np.stack([STREAM, STREAM]), r"event streams in an array of shape \(2, 2\); list\(x\)"),
        (COLUMNS, r"got a dict of 't', 'x', 'y', 'p'; art_snn.events.make_events\(\*\*x\)"),
        ([COLUMNS, COLUMNS], "got a list of 2 dicts of event columns; .*make_events"),
        ([(STREAM, 0), (STREAM, 1)], r"got a list of 2 pairs; x, y = zip\(\*x\)"),
        (Pairs(), r"got a data set object Pairs; x, y = zip\(\*data_set\)"),
        (np.ma.masked_equal(np.arange(3), 1), r"got a masked array; x\.filled"),
        ([torch.zeros(2), torch.zeros(2)], "got a list of 2 tensors; torch.stack"),
        ([np.zeros(2), np.zeros(3)], r"got a list of ndarray of shapes \(2,\), \(3,\)"),
        (np.array(["a"]), "got an array of dtype <U1"),
        (np.zeros(2, complex), "got an array of dtype complex128"),
        (torch.zeros(2, dtype=torch.bfloat16), "dense tensor of a dtype that numpy has, got torch.bfloat16"),
        (torch.zeros(2).to_sparse(), "dense tensor"),
        (None, "got None"),
        ("images.npy", "got 'images.npy'"),
        (iter([1]), "got a list_iterator"),
    ],
)
def test_what_is_no_array_of_numbers_is_named_with_the_call_that_makes_one(x: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"expected samples .*{message}"):
        as_numbers("samples", x)


@pytest.mark.parametrize(
    "x", [np.arange(3), [0, 1, 2], (0, 1, 2), torch.arange(3), np.arange(3, dtype=">i4")], ids=repr
)
def test_numbers_are_read_as_they_are(x: Any) -> None:
    assert as_numbers("samples", x).tolist() == [0, 1, 2]
    assert as_labels("labels", x).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((10, 32, 32, 3), r"looks like \(N, H, W, C\); np.moveaxis\(x, -1, -3\)"),
        ((32, 32, 3), r"looks like \(H, W, C\); np.moveaxis\(x, -1, -3\)"),
        ((10, 8, 8, 1), "np.moveaxis"),
        ((10, 4, 4, 3), "np.moveaxis"),
        ((10, 32, 24, 4), "np.moveaxis"),
        ((10, 28, 28), r"may be 10 grey images .* x\[:, None\] .* x\[None\]"),
        ((28, 28), r"grey image .*x\[None\]"),
        ((2, 4, 2, 8, 8), "looks like frames"),
        ((8,), ""),
    ],
)
def test_images_of_another_layout_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(
        ValueError, match=rf"expected images of shape \(N, C, H, W\) or \(C, H, W\), got shape .*{message}"
    ):
        check_images("images", np.zeros(shape))


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (5, 3, 2, 2), (5, 1, 9, 2), (5, 64, 8, 8), (3, 32, 32), (1, 2, 2), (0, 1, 8, 8)]
)
def test_channels_first_passes_at_any_size(shape: tuple[int, ...]) -> None:
    check_images("images", np.zeros(shape))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 4, 8, 8, 2), r"channels last; np.moveaxis\(x, -1, -3\)"),
        ((4, 8, 8, 2), r"channels last; np.moveaxis\(x, -1, -3\)"),
        ((5, 2, 4, 8, 8), r"channels before time; np.swapaxes\(x, -4, -3\)"),
        ((2, 8, 8), r"one time bin; x\[None\]"),
        ((5, 3, 32, 32), "looks like images"),
        ((5, 4, 8, 8), ""),
    ],
)
def test_frames_of_another_layout_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=rf"expected frames of shape \(N, T, 2, H, W\) or \(T, 2, H, W\).*{message}"):
        check_frames("frames", np.zeros(shape), alone=True)


@pytest.mark.parametrize(
    ("shape", "input_shape", "message"),
    [
        ((9, 32, 30, 3), (3, 32, 30), r"channels last; np.moveaxis\(x, -1, -3\)"),
        ((9, 8, 8), (1, 8, 8), r"without channels; x\[:, None\]"),
        ((1, 8, 8), (1, 8, 8), r"one sample: then x\[None\]"),
        ((8, 8), (1, 8, 8), r"one image without channels; x\[None, None\]"),
        ((8, 8, 3), (3, 8, 8), r"one sample, channels last; np.moveaxis\(x, -1, -3\)\[None\]"),
        ((9, 64), (1, 8, 8), r"axes folded; x.reshape\(-1, 1, 8, 8\)"),
        ((4, 9, 2, 8, 8), (4, 2, 8, 8), r"time first, \(T, N, C, H, W\); np.swapaxes\(x, 0, 1\)"),
        ((9, 2, 4, 8, 8), (4, 2, 8, 8), r"channels before time.*np.swapaxes\(x, 1, 2\)"),
        ((9, 4, 8, 8, 2), (4, 2, 8, 8), r"channels last; np.moveaxis\(x, -1, -3\)"),
        ((9, 6, 2, 8, 8), (4, 2, 8, 8), "has 6 time bins where 4 are wanted"),
        ((9, 4, 2, 8, 8), (8, 8, 8), r"axes folded; x.reshape\(-1, 8, 8, 8\)"),
        (
            (9, 3, 5, 3),
            (3, 3, 5),
            r"may be channels last: then np.moveaxis\(x, -1, -3\) puts it right, or columns before rows: then",
        ),
        ((9, 1, 9, 9), (1, 8, 8), r"got shape \(9, 1, 9, 9\)$"),
        ((9,), (1, 8, 8), r"got shape \(9,\)$"),
    ],
)
def test_samples_that_a_model_does_not_take_are_named(shape: tuple, input_shape: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=rf"expected samples of shape \(N, .*{message}"):
        check_fits("samples", np.zeros(shape), input_shape)


def test_the_call_that_an_error_names_puts_it_right() -> None:
    x = np.zeros((9, 32, 30, 3))

    check_images("images", np.moveaxis(x, -1, -3))
    check_fits("samples", np.moveaxis(x, -1, -3), (3, 32, 30))
    check_frames("frames", np.swapaxes(np.zeros((5, 2, 4, 8, 8)), -4, -3))
    check_fits("samples", np.zeros((2, 9, 2, 8, 8)), (4, 2, 8, 8), any_time=True)


# Labels


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0, -1], ValueError, r"labels in \[0, 3\), got -1 to 0"),
        ([0, 3], ValueError, r"labels in \[0, 3\), got 0 to 3"),
        (np.array([2**63], np.uint64), ValueError, r"labels in \[0, 3\)"),
        ([0.5, 1], ValueError, "whole numbers"),
        ([0, np.nan], ValueError, "finite"),
        ([True, False], TypeError, r"got dtype bool; y.astype\(int\)"),
        (["0", "1"], TypeError, "expected labels to be numbers"),
        (np.array([0, None]), TypeError, "object array"),
        (np.array(1), TypeError, "got an array"),
        (3, TypeError, "got 3"),
        ({"y": [0]}, TypeError, "got a dict of 'y'"),
        (np.ma.masked_equal([0, 1], 1), TypeError, "masked array"),
        ([[0, 0, 0]], ValueError, r"one highest entry a row, got \[0, 0, 0\] in row 0"),
        ([[0, 1, 0], [1, 0, 1]], ValueError, r"one highest entry a row, got \[1, 0, 1\] in row 1"),
        ([[0, 2, 1]], ValueError, "probabilities that add up to 1"),
        ([[0.1, 3.2, -2.3]], ValueError, "probabilities that add up to 1.*argmax"),
        ([[0, np.nan, 1]], ValueError, "finite"),
        (np.zeros((2, 3), bool), ValueError, "one highest entry a row"),
        (np.zeros((2, 1)), ValueError, "make a column of indices"),
        (np.eye(4), ValueError, r"one-hot \(N, 3\)"),
    ],
)
def test_labels_that_name_no_class_are_an_error(y: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        class_indices(y, 3)


@pytest.mark.parametrize(
    "y",
    [
        [2, 0],
        np.array([2.0, 0.0], ">f8"),
        np.array([0, 2], np.int8)[::-1],
        np.array([2, 0], object),
        torch.tensor([2, 0]),
        np.eye(3)[[2, 0]],
        np.eye(3, dtype=bool)[[2, 0]],
        [[0.2, 0.3, 0.5], [1, 0, 0]],
        torch.eye(3)[[2, 0]],
    ],
    ids=repr,
)
def test_labels_of_any_form_name_their_classes(y: Any) -> None:
    assert class_indices(y, 3).tolist() == [2, 0]


def test_a_message_shows_the_first_of_many_classes() -> None:
    with pytest.raises(ValueError, match=r"got \[0, 0, 0, 0, 0, 0, 0, 0, 0, 0\] and 990 more in row 0"):
        class_indices(np.zeros((2, 1000), int))


def test_probabilities_are_no_exact_labels() -> None:
    with pytest.raises(ValueError, match="zeros and a single one"):
        class_indices([[0.2, 0.3, 0.5]], exact=True)


def test_the_highest_score_is_what_is_predicted_and_a_mask_of_two_classes_is_none() -> None:
    assert predicted_classes([[0.1, 3.2, -2.3], [0, 0, 0]]).tolist() == [1, 0]
    with pytest.raises(ValueError, match="one highest entry a row"):
        predicted_classes(np.array([[True, True, False]]))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1, 1], ValueError, r"shape \(3,\), one a sample, got shape \(2,\)"),
        (np.ones((3, 1)), ValueError, "one a sample"),
        (2.0, ValueError, "one a sample"),
        ([1, -0.5, 1], ValueError, "from 0 up, got -0.5 in row 1"),
        ([1, np.nan, 1], ValueError, "finite"),
        ([0, 0, 0], ValueError, "not all 0"),
        ("abc", TypeError, "an array of numbers, got 'abc'"),
    ],
)
def test_weights_that_weigh_no_sample_are_an_error(weights: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=f"expected sample_weights.*{message}"):
        check_weights("sample_weights", weights, 3)


# Streams


@pytest.mark.parametrize("make", [list, tuple, stack_streams, iter], ids=["list", "tuple", "object array", "iterator"])
def test_a_collection_of_streams_may_be_of_any_kind(make: Callable[[list], Any]) -> None:
    frames = to_frames(make([STREAM, STREAM[:1]]), (2, 1), 1)

    assert frames.tolist() == [[[[[0, 1]], [[1, 0]]]], [[[[0, 0]], [[1, 0]]]]]


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (COLUMNS, "got a dict of 't', 'x', 'y', 'p'; .*make_events"),
        (np.zeros((1, 2, 1, 2)), "got an array of dtype float64 and shape"),
        (np.stack([STREAM, STREAM]), r"list\(x\) takes them apart"),
        ([(STREAM, 0)], "got a list of 1 pairs; x, y = zip"),
        (np.array([STREAM, None], object)[1:], "object array"),
        (Pairs(), "data set object Pairs"),
        (torch.zeros(3), "Tensor"),
        ("events.bin", "got 'events.bin'"),
        (3, "got 3"),
    ],
)
def test_what_is_no_stream_is_named_with_the_call_that_makes_one(events: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"structured array with the fields x, y, t, p, or a collection.*{message}"):
        to_frames(events, (2, 1), 1)


# Shares


@given(st.integers(0, 10**6), st.integers(0, 6), st.integers(0, 10**5))
def test_a_share_is_the_floor_of_its_decimal_product(digits: int, places: int, n: int) -> None:
    assert share_of(float(f"{digits}e-{places}"), n) == Fraction(digits, 10**places) * n // 1


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [(0.29, 100, 29), (0.57, 100, 57), (0.1, 1347, 134), (np.float32(0.29), 100, 29), (1e-05, 100_000, 1), (1, 7, 7)],
)
def test_a_share_does_not_lose_one_to_rounding(share: float, n: int, expected: int) -> None:
    assert share_of(share, n) == expected
