"""Fixtures of the whole suite; the first one proves that nothing moves a global random stream."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def global_streams_stand_still() -> Iterator[None]:
    """Fail any test that moves python's, numpy's or torch's global random stream."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    assert random.getstate() == before[0], "python's global random stream was moved"
    state = np.random.get_state()
    assert state[2] == before[1][2], "numpy's global random stream was moved"
    assert np.array_equal(state[1], before[1][1]), "numpy's global random stream was moved"
    assert torch.equal(torch.get_rng_state(), before[2]), "torch's global random stream was moved"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets that ART_SNN_DATA names; without it the test is skipped."""
    folder = os.environ.get("ART_SNN_DATA")
    if not folder:
        pytest.skip("ART_SNN_DATA is not set: no real data here")
    return Path(folder)
