"""MNIST: handwritten digits."""

from pathlib import Path

from art_snn.data._idx_files import load_idx
from art_snn.data.dataset import Dataset

OFFERED_AT = "http://yann.lecun.com/exdb/mnist/"


def load_mnist(root: Path) -> Dataset:
    """60,000 + 10,000 digits of 28x28 pixels, from the four original `.gz` files in `root`.

    Source: LeCun et al., Gradient-based learning applied to document recognition, 1998,
    https://doi.org/10.1109/5.726791.
    """
    return load_idx(root, tuple("0123456789"), OFFERED_AT, "MNIST")
