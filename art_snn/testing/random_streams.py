"""The law of global random streams: nothing here moves one."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def check_global_streams_stand_still() -> Iterator[None]:
    """The block leaves python's, numpy's and torch's global random streams where they were.

    Around every test it finds what seeding before each test would hide.
    """
    python, numpy, torch_state = _states()
    yield
    python_after, numpy_after, torch_after = _states()
    assert python_after == python, "python's global random stream was moved"
    assert numpy_after == numpy, "numpy's global random stream was moved"
    assert torch.equal(torch_after, torch_state), "torch's global random stream was moved"


def _states() -> tuple[object, tuple[bytes, int], torch.Tensor]:
    numpy_state: Any = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - looked at, not drawn from
    return random.getstate(), (numpy_state["key"].tobytes(), numpy_state["pos"]), torch.get_rng_state()
