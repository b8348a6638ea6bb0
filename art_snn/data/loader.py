"""A data set by name: the function that loads it, and its facts, which are known before."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from art_snn.data.dataset import Dataset


@dataclass(frozen=True)
class Loader:
    """Calling it loads the data set.

    Args:
        name: Key of the data set among the loaders.
        title: Name of the data set for people.
        load: Function that reads it; the arguments are the options.
        sensor_size: Width and height in pixels, and 2 polarities, of the event camera; None for images.
        image_shape: Channels, height and width of images; None for events.
        n_classes: K, at most.
    """

    name: str
    title: str
    load: Callable[..., Dataset]
    sensor_size: tuple[int, int, int] | None = None
    image_shape: tuple[int, int, int] | None = None
    n_classes: int = 10

    def __call__(self, *args: Any, **kwargs: Any) -> Dataset:
        """The data set, as `load` reads it."""
        return self.load(*args, **kwargs)

    @property
    def is_neuromorphic(self) -> bool:
        """Whether it comes from an event camera, a simulated one included."""
        return self.sensor_size is not None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image, or of one time bin of frames."""
        if self.image_shape is not None:
            return self.image_shape
        width, height, polarities = self.sensor_size or (0, 0, 0)
        return polarities, height, width

    @property
    def source(self) -> str:
        """The publication."""
        said: str = getattr(self.load, "source", (self.load.__doc__ or "").partition("Source: ")[2])
        return " ".join(said.split())

    @property
    def needs_root(self) -> bool:
        """Whether it is read from a folder."""
        return "root" in self._arguments

    @property
    def needs_seed(self) -> bool:
        """Whether any of it is drawn at random."""
        return "seed" in self._arguments

    @property
    def options(self) -> dict[str, Any]:
        """Further arguments of the loader, with their defaults."""
        return {name: one.default for name, one in self._arguments.items() if name not in ("root", "seed")}

    @cached_property
    def _arguments(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.load).parameters
