"""Data sets as arrays, ready for ART: `load_dataset(name, ...)` gives training and test samples with their labels."""

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from art_snn._validation import check_at_least, check_choice, check_unknown
from art_snn.data._recordings import balanced_rows
from art_snn.data.cifar10 import load_cifar10
from art_snn.data.cifar10_dvs import load_cifar10_dvs
from art_snn.data.dataset import Dataset
from art_snn.data.digits import load_digits
from art_snn.data.digits_dvs import SENSOR_SIZE, load_digits_dvs
from art_snn.data.dvs_gesture import load_dvs_gesture
from art_snn.data.fashion_mnist import load_fashion_mnist
from art_snn.data.loader import Loader
from art_snn.data.mnist import load_mnist
from art_snn.data.n_caltech101 import load_n_caltech101
from art_snn.data.nmnist import load_nmnist

__all__ = ["LOADERS", "Dataset", "Loader", "load_dataset"]

_RECORDED = (load_nmnist, load_cifar10_dvs, load_dvs_gesture, load_n_caltech101)
LOADERS = {
    loader.name: loader
    for loader in (
        Loader("digits", "digits", load_digits, image_shape=(1, 16, 16)),
        Loader("digits-dvs", "digits before a simulated event camera", load_digits_dvs, SENSOR_SIZE),
        Loader("mnist", "MNIST", load_mnist, image_shape=(1, 28, 28)),
        Loader("fashion-mnist", "Fashion-MNIST", load_fashion_mnist, image_shape=(1, 28, 28)),
        Loader("cifar10", "CIFAR-10", load_cifar10, image_shape=(3, 32, 32)),
        *(Loader(files.name, files.title, files, files.sensor_size, None, files.n_classes) for files in _RECORDED),
    )
}


def load_dataset(
    name: str, root: str | PathLike[str] | None = None, *, seed: int = 0, limit: int | None = None, **options: Any
) -> Dataset:
    """Load a data set by its name: all of it, or an error and nothing.

    Args:
        name: A key of `LOADERS`.
        root: Folder that directly holds the publisher's files or their top folder; None for a set without files.
        seed: Seed of the split, where the publisher gives none, and of all other random draws.
        limit: Most samples of each split, taken in turn from each class; None is all. No other recordings are read.
        options: Arguments that only this data set's loader takes; see `LOADERS[name].options`.

    Returns:
        Samples and class indices of both splits.

    Raises:
        ValueError: If there is no such data set, a value is out of its range, or a file is damaged.
        TypeError: If the data set's loader does not take one of the arguments.
        FileNotFoundError: If a file is missing; it says where the publisher offers it.

    >>> load_dataset("digits").x_test.shape
    (450, 1, 16, 16)
    """
    check_choice("name", name, LOADERS)
    check_at_least("seed", seed, 0)
    if limit is not None:
        check_at_least("limit", limit, 1)
    loader = LOADERS[name]
    given = options if root is None else {"root": Path(root), **options}
    accepted = {*loader.options, *["root"] * loader.needs_root}
    check_unknown(f"load_dataset({name!r})", given.keys() - accepted)
    if loader.needs_root and root is None:
        raise ValueError(f"expected root to be the folder that holds the files of {name!r}, got None")
    if loader.needs_seed:
        given["seed"] = seed
    if "limit" in loader.options:
        return loader.load(**given, limit=limit)
    return _limited(loader.load(**given), limit)


def _limited(dataset: Dataset, limit: int | None) -> Dataset:
    if limit is None:
        return dataset
    train, test = (balanced_rows(labels, limit) for labels in (dataset.y_train, dataset.y_test))
    return replace(
        dataset,
        x_train=dataset.x_train[train],
        y_train=dataset.y_train[train],
        x_test=dataset.x_test[test],
        y_test=dataset.y_test[test],
    )
