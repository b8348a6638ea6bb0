"""scikit-learn's handwritten digits: real, small, and without a download."""

import numpy as np
from sklearn.datasets import load_digits as read_digits
from sklearn.model_selection import train_test_split

from art_snn._random import draw_seed
from art_snn.data.dataset import Dataset

GREY_LEVELS = 16  # a pixel counts the dark ones of 4x4 scanned pixels
TEST_FRACTION = 0.25


def load_digits(*, seed: int) -> Dataset:
    """1,797 digits of 16x16 pixels, each of the 8x8 originals doubled, in [0, 1].

    Args:
        seed: Seed of the split, which takes a quarter of each class for testing: 1,347 train, 450 test.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, 1998, https://doi.org/10.24432/C50P49.
    """
    bunch = read_digits()
    images = (bunch.images / GREY_LEVELS).astype(np.float32).repeat(2, axis=1).repeat(2, axis=2)[:, np.newaxis]
    labels = bunch.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_FRACTION, stratify=labels, random_state=draw_seed(seed)
    )
    classes = tuple(str(digit) for digit in bunch.target_names)
    return Dataset(
        images[train], labels[train], images[test], labels[test], classes, clip_values=(0.0, 1.0), title="digits"
    )
