"""Fixtures of the whole suite; the first one proves that nothing moves a global random stream."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from hypothesis import settings

from art_snn.cli import main
from art_snn.testing import check_global_streams_stand_still

settings.register_profile("search", deadline=None)  # a busy machine is no fault of the code
settings.register_profile("steady", deadline=None, derandomize=True)  # `--hypothesis-profile search` tries new inputs
settings.load_profile("steady")
torch.set_num_threads(1)  # the tensors of a test are small
os.environ.pop("TQDM_DISABLE", None)  # tests look at bars


class Outcome(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(autouse=True)
def global_streams() -> Iterator[None]:
    """Fail any test that moves python's, numpy's or torch's global random stream."""
    with check_global_streams_stand_still():
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets that ART_SNN_DATA names; without it the test is skipped."""
    folder = os.environ.get("ART_SNN_DATA")
    if not folder:
        pytest.skip("ART_SNN_DATA is not set: no real data here")
    return Path(folder)


@pytest.fixture
def art_snn(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command, in this process."""

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["art-snn", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return Outcome(exit_.value.code, *capfd.readouterr())

    return call
