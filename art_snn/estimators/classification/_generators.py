"""Epochs of ART's data generators, which give batches without end: where one epoch stops and the next begins."""

from collections.abc import Iterator
from typing import Any

from art.data_generators import DataGenerator, PyTorchDataGenerator


def epoch_of(generator: DataGenerator) -> Iterator[tuple[Any, Any]]:
    """Give the batches (x, y) of one epoch."""
    if isinstance(generator, PyTorchDataGenerator):
        yield from generator.iterator
    else:
        yield from (generator.get_batch() for _ in range(n_batches(generator)))


def n_batches(generator: DataGenerator) -> int:
    """Count the batches of an epoch."""
    return -(-n_samples(generator) // int(generator.batch_size))


def n_samples(generator: DataGenerator) -> int:
    """Count the samples of an epoch, without a last batch that is dropped because it is not full.

    Raises:
        ValueError: If the generator does not know its size.
    """
    if generator.size is None:
        raise ValueError("expected a generator that knows its size, got None; give it to the generator's constructor")
    drops = getattr(generator, "drop_remainder", False) or getattr(generator.iterator, "drop_last", False)
    return int(generator.size - generator.size % generator.batch_size * drops)
