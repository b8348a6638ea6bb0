"""Image data sets: what the loaders return, and what they say about files that are missing or wrong."""

import gzip
import runpy
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from art_snn.data import LOADERS, Dataset, load_dataset
from art_snn.typing import Array

IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}


def idx(array: Array, magic: int | None = None) -> bytes:
    """The bytes of an IDX file, not yet packed."""
    magic = 0x800 + array.ndim if magic is None else magic
    return np.array([magic, *array.shape], ">u4").tobytes() + array.tobytes()


def packed(content: bytes) -> bytes:
    """Without the time of packing: what is generated from it is the same in every process."""
    return gzip.compress(content, mtime=0)


def write_mnist(root: Path, n_train: int = 6, n_test: int = 4) -> dict[str, Array]:
    """A small MNIST in its own layout."""
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.integers(0, 256, (n, 28, 28), np.uint8) if name[0] == "x" else rng.integers(0, 10, n).astype(np.uint8)
        for name, n in zip(IDX_NAMES, [n_train, n_train, n_test, n_test], strict=True)
    }
    for name, array in arrays.items():
        (root / IDX_NAMES[name]).write_bytes(packed(idx(array)))
    return arrays


def write_cifar10(root: Path, *names: str, n: int = 3) -> Array:
    """Batches of CIFAR-10's layout, all with the same records."""
    records = np.random.default_rng(0).integers(0, 256, (n, 3073), np.uint8)
    records[:, 0] %= 10
    for name in names:
        (root / name).write_bytes(records.tobytes())
    return records


TRAIN_BATCHES = [f"data_batch_{number}.bin" for number in range(1, 6)]


def check_images(dataset: Dataset) -> None:
    """What holds for the images and labels of every image set."""
    for x, y in [(dataset.x_train, dataset.y_train), (dataset.x_test, dataset.y_test)]:
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert x.ndim == 4
        assert len(x) == len(y)
        assert x.min() >= 0
        assert x.max() <= 1
        assert set(np.unique(y)) <= set(range(len(dataset.classes)))
    assert dataset.clip_values == (0.0, 1.0)
    assert dataset.sensor_size is None


def test_digits_are_scikit_learns_with_doubled_pixels():
    from sklearn.datasets import load_digits

    originals = {(image / 16).astype(np.float32).tobytes() for image in load_digits().images}

    dataset = load_dataset("digits")

    check_images(dataset)
    x = np.concatenate([dataset.x_train, dataset.x_test])
    assert x.shape == (1797, 1, 16, 16)
    assert {image.tobytes() for image in x[:, 0, ::2, ::2]} == originals
    assert np.array_equal(x[:, :, ::2, ::2].repeat(2, axis=2).repeat(2, axis=3), x)


def test_the_digits_split_is_stratified_and_named_by_its_seed():
    first, again, other = (load_dataset("digits", seed=seed) for seed in (0, 0, 1))

    assert len(first.x_test) == 450
    shares = np.bincount(first.y_test) / (np.bincount(first.y_train) + np.bincount(first.y_test))
    assert shares == pytest.approx(0.25, abs=0.01)  # a class is not divisible by four
    assert np.array_equal(first.x_test, again.x_test)
    assert np.array_equal(first.y_train, again.y_train)
    assert not np.array_equal(first.y_test, other.y_test)


def test_a_limit_takes_images_from_each_class_in_turn():
    whole, few = load_dataset("digits"), load_dataset("digits", limit=25)

    for x, y, all_x, all_y in (
        (few.x_train, few.y_train, whole.x_train, whole.y_train),
        (few.x_test, few.y_test, whole.x_test, whole.y_test),
    ):
        rows = np.sort(np.concatenate([np.flatnonzero(all_y == label)[:n] for label, n in enumerate(np.bincount(y))]))
        assert len(y) == 25
        assert set(np.bincount(y)) == {2, 3}
        assert np.array_equal(x, all_x[rows])
        assert np.array_equal(y, all_y[rows])
    with pytest.raises(ValueError, match="limit"):
        load_dataset("digits", limit=0)


def test_mnist_is_read_from_its_four_files(tmp_path):
    arrays = write_mnist(tmp_path)

    for name in ["mnist", "fashion-mnist"]:
        dataset = load_dataset(name, tmp_path)

        check_images(dataset)
        assert np.array_equal(dataset.x_train[:, 0], arrays["x_train"] / np.float32(255))
        assert np.array_equal(dataset.x_test[:, 0], arrays["x_test"] / np.float32(255))
        assert np.array_equal(dataset.y_train, arrays["y_train"])
        assert np.array_equal(dataset.y_test, arrays["y_test"])


@pytest.mark.parametrize("missing", IDX_NAMES.values())
@pytest.mark.parametrize(("name", "page"), [("mnist", "yann.lecun.com"), ("fashion-mnist", "zalandoresearch")])
def test_a_missing_mnist_file_is_named_with_its_publisher(tmp_path, missing, name, page):
    write_mnist(tmp_path)
    (tmp_path / missing).unlink()

    with pytest.raises(FileNotFoundError, match=f"{missing}.*{page}"):
        load_dataset(name, str(tmp_path))


IMAGES = np.zeros((6, 28, 28), np.uint8)
LABELS = np.arange(6, dtype=np.uint8)
PACKED = packed(idx(IMAGES))


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("x_train", PACKED[:-9], "complete gzip"),
        ("x_train", PACKED[:3], "complete gzip"),
        ("x_train", b"", "header"),
        ("x_train", idx(IMAGES), "complete gzip"),
        ("x_train", PACKED + b"more", "complete gzip"),
        ("x_train", PACKED[:20] + b"\xff" * 9 + PACKED[29:], "complete gzip"),
        ("x_train", packed(idx(IMAGES)[:10]), "header"),
        ("x_train", packed(idx(IMAGES)[:-1]), "4704 bytes.*only 4703"),
        ("x_train", packed(idx(IMAGES) + b"\0"), "4704 bytes.*more"),
        ("x_train", packed(idx(LABELS) + bytes(99)), "0x00000803, got 0x00000801"),
        ("y_train", packed(idx(IMAGES)), "0x00000801, got 0x00000803"),
        ("x_train", packed(idx(IMAGES.reshape(6, 14, 56))), r"\(28, 28\).*\(14, 56\)"),
        ("x_train", packed(idx(IMAGES[:0])), "1 to 60000 samples.*0"),
        ("x_test", packed(idx(IMAGES)[:4] + b"\xff\xff\xff\xff" + idx(IMAGES)[8:]), "1 to 10000 samples"),
        ("y_train", packed(idx(LABELS[:5])), "5 labels.*6 images"),
        ("y_train", packed(idx(LABELS + np.uint8(5))), "labels below 10.*got 10 at 5"),
    ],
)
def test_a_damaged_mnist_file_is_named_with_what_is_wrong(tmp_path, file, content, complaint):
    write_mnist(tmp_path, n_test=6)
    (tmp_path / IDX_NAMES[file]).write_bytes(content)

    with pytest.raises(ValueError, match=complaint) as error:
        load_dataset("mnist", tmp_path)

    assert IDX_NAMES[file] in str(error.value)


@given(
    end=st.integers(0, len(PACKED)),
    flips=st.lists(st.tuples(st.integers(0, len(PACKED) - 1), st.integers(0, 7)), max_size=3),
)
def test_a_cut_or_flipped_mnist_file_is_an_error_or_an_array_within_its_rules(tmp_path_factory, end, flips):
    root = tmp_path_factory.mktemp("mnist")
    write_mnist(root)
    content = bytearray(PACKED)
    for place, bit in flips:
        content[place] ^= 1 << bit
    (root / IDX_NAMES["x_train"]).write_bytes(content[:end])

    if end < len(PACKED):
        with pytest.raises(ValueError, match=IDX_NAMES["x_train"]):
            load_dataset("mnist", root)
        return
    with suppress(ValueError):
        check_images(load_dataset("mnist", root))


def test_a_packed_flood_of_zeros_is_refused_without_unpacking_it(tmp_path):
    write_mnist(tmp_path)
    flood = packed(idx(IMAGES) + bytes(1 << 26))
    (tmp_path / IDX_NAMES["x_train"]).write_bytes(flood)

    tracemalloc.start()
    with pytest.raises(ValueError, match="got more"):
        load_dataset("mnist", tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1 << 20


def test_cifar10_is_read_from_its_batches_plane_by_plane(tmp_path):
    records = write_cifar10(tmp_path, *TRAIN_BATCHES, "test_batch.bin")

    dataset = load_dataset("cifar10", tmp_path)

    check_images(dataset)
    assert dataset.x_train.shape == (15, 3, 32, 32)
    assert np.array_equal(dataset.y_train[:3], records[:, 0])
    assert dataset.x_test[1, 2, 5, 7] == records[1, 1 + 2 * 1024 + 5 * 32 + 7] / np.float32(255)


def test_cifar10_is_found_in_the_publishers_top_folder(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    write_cifar10(folder, *TRAIN_BATCHES, "test_batch.bin")

    assert len(load_dataset("cifar10", tmp_path).x_test) == 3


def test_missing_cifar10_training_batches_are_an_error_or_with_partial_a_warning(tmp_path):
    write_cifar10(tmp_path, "data_batch_2.bin", "data_batch_4.bin", "test_batch.bin")

    with pytest.raises(FileNotFoundError, match=r"data_batch_1\.bin.*data_batch_3\.bin.*kriz/cifar.*partial=True"):
        load_dataset("cifar10", tmp_path)
    with pytest.warns(UserWarning, match=r"data_batch_1\.bin, data_batch_3\.bin, data_batch_5\.bin") as warned:
        dataset = load_dataset("cifar10", tmp_path, partial=True)

    assert len(dataset.x_train) == 6
    assert warned[0].filename == __file__


@pytest.mark.parametrize("names", [["test_batch.bin"], ["data_batch_1.bin"], []])
def test_even_a_partial_cifar10_has_training_and_test_samples(tmp_path, names):
    write_cifar10(tmp_path, *names)

    with pytest.raises(FileNotFoundError, match="kriz/cifar"):
        load_dataset("cifar10", tmp_path, partial=True)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "got 0 bytes"), (bytes(3072), "got 3072 bytes"), (bytes(3073) + b"\x0a" + bytes(3072), "10 in record 1")],
)
def test_a_damaged_cifar10_batch_is_named_with_what_is_wrong(tmp_path, content, complaint):
    write_cifar10(tmp_path, *TRAIN_BATCHES, "test_batch.bin")
    (tmp_path / "data_batch_3.bin").write_bytes(content)

    with pytest.raises(ValueError, match=rf"data_batch_3\.bin.*{complaint}"):
        load_dataset("cifar10", tmp_path)


@given(content=st.binary(max_size=5), record=st.integers(0, 3))
def test_any_bytes_in_a_cifar10_batch_are_an_error_or_an_array_within_its_rules(tmp_path_factory, content, record):
    root = tmp_path_factory.mktemp("cifar10")
    write_cifar10(root, *TRAIN_BATCHES, "test_batch.bin")
    (root / "data_batch_1.bin").write_bytes((bytes(3073 * record) + content).ljust(3073 * (record + 1), b"\xff"))

    if content and content[0] < 10:
        check_images(load_dataset("cifar10", root))
        return
    with pytest.raises(ValueError, match="labels below 10"):
        load_dataset("cifar10", root)


def test_an_unknown_name_or_argument_is_one_clear_error(tmp_path):
    with pytest.raises(ValueError, match=r"expected name to be one of 'digits'.*got 'minst'"):
        load_dataset("minst")
    with pytest.raises(TypeError, match=r"'digits'.*root"):
        load_dataset("digits", tmp_path)
    with pytest.raises(TypeError, match=r"'mnist'.*partial"):
        load_dataset("mnist", tmp_path, partial=True)
    with pytest.raises(ValueError, match=r"expected root.*'mnist', got None"):
        load_dataset("mnist")
    with pytest.raises(ValueError, match="seed"):
        load_dataset("digits", seed=-1)


def test_every_loader_says_where_its_data_come_from():
    for loader in LOADERS.values():
        assert "https://" in loader.source


@pytest.mark.data
def test_mnist_holds_as_many_of_each_digit_as_its_publisher_counted(real_data):
    dataset = load_dataset("mnist", real_data / "mnist")

    check_images(dataset)
    assert dataset.x_train.shape == (60_000, 1, 28, 28)
    assert np.bincount(dataset.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.data
def test_cifar10_begins_with_the_labels_that_everyone_sees(real_data, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["unpack.py", str(tmp_path), "--train", "2500"])
    runpy.run_path(str(real_data / "cifar10" / "unpack.py"), run_name="__main__")

    with pytest.warns(UserWarning, match=r"data_batch_2\.bin"):
        dataset = load_dataset("cifar10", tmp_path, partial=True)

    check_images(dataset)
    assert dataset.x_train.shape == (2500, 3, 32, 32)
    assert dataset.y_train[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert dataset.y_test[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]


@pytest.mark.data
@pytest.mark.parametrize("n_own", [0, 1])
def test_the_published_files_of_another_set_are_refused(real_data, tmp_path, n_own):
    write_mnist(tmp_path)
    for name in list(IDX_NAMES.values())[n_own:]:
        (tmp_path / name).unlink()
        (tmp_path / name).symlink_to(real_data / "mnist" / name)

    with pytest.raises(ValueError, match=r"expected the files of Fashion-MNIST in .*, got files of MNIST"):
        load_dataset("fashion-mnist", tmp_path)


@pytest.mark.data
def test_the_title_says_whether_the_files_are_the_published_ones(real_data, tmp_path):
    write_mnist(tmp_path)

    assert load_dataset("mnist", real_data / "mnist", limit=10).title == "MNIST"
    assert load_dataset("mnist", tmp_path).title == "MNIST (not the published files)"


def test_recordings_of_another_set_in_folders_by_class_are_refused(tmp_path):
    path = tmp_path / "7" / "00001.bin"
    path.parent.mkdir()
    path.write_bytes(bytes(5))

    with pytest.raises(ValueError, match=r"expected folders of N-Caltech101's classes below .*, got '7'"):
        load_dataset("n-caltech101", tmp_path)


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("nmnist", "NMNIST/Train/<digit>"),
        ("cifar10-dvs", "CIFAR10DVS/<class>"),
        ("n-caltech101", "Caltech101/<class>"),
        ("dvs-gesture", "trials_to_train.txt"),
        ("mnist", "train-images-idx3-ubyte.gz"),
        ("cifar10", "data_batch_1.bin"),
    ],
)
def test_a_folder_of_another_layout_is_told_the_right_one(name: str, layout: str, tmp_path: Path) -> None:
    (tmp_path / "training").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}.*{layout}.*https?://"):
        load_dataset(name, tmp_path)


def test_a_folder_of_recordings_that_holds_something_else_says_what(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"class{number}").mkdir()
    with pytest.raises(FileNotFoundError, match="got there class0/, class1/, class2/, class3/, 2 more; nmnist is"):
        load_dataset("nmnist", tmp_path)


@pytest.mark.parametrize("name", ["nmnist", "cifar10-dvs", "n-caltech101", "dvs-gesture", "mnist", "cifar10"])
def test_a_folder_that_does_not_exist_is_called_so(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root, error, fault in (("none", FileNotFoundError, "does not exist"), ("file", NotADirectoryError, "is none")):
        with pytest.raises(error, match=f"expected root to be a folder, got {tmp_path}/{root}, which {fault}"):
            load_dataset(name, tmp_path / root)
