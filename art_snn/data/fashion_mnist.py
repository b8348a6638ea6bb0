"""Fashion-MNIST: pieces of clothing, in MNIST's files and sizes."""

from pathlib import Path

from art_snn.data._idx_files import load_idx
from art_snn.data.dataset import Dataset

OFFERED_AT = "https://github.com/zalandoresearch/fashion-mnist"
CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def load_fashion_mnist(root: Path) -> Dataset:
    """60,000 + 10,000 pieces of clothing of 28x28 pixels, from the four original `.gz` files in `root`.

    Source: Xiao et al., Fashion-MNIST, 2017, https://arxiv.org/abs/1708.07747.
    """
    return load_idx(root, CLASSES, OFFERED_AT, "Fashion-MNIST")
