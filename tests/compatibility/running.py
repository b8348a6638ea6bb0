"""Running cases: each on every kind of classifier, one after the other, each with the same random draws."""

import contextlib
import importlib.util
import io
import logging
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from art_snn._random import host_seed
from tests.compatibility import defences, evasion, inference, poisoning, preprocessing, wrappers
from tests.compatibility.subjects import Subject

Case = Callable[[Subject], None]
SECONDS = 400  # for one case on one kind

CASES: dict[str, Case] = {
    **poisoning.CASES,
    **evasion.CASES,
    **inference.CASES,
    **defences.CASES,
    **preprocessing.CASES,
    **wrappers.CASES,
}

# Packages that ART asks for without declaring them
NEEDS = {
    "AutoAttack": "multiprocess",
    "CompositeAdversarialAttackPyTorch": "kornia",
    "PixelAttack": "cma",
    "ThresholdAttack": "cma",
    "SpatialSmoothingPyTorch": "kornia",
    "SummaryWriterDefault": "tensorboardX",
}


def is_missing(name: str) -> bool:
    """Whether a case cannot be tried here."""
    return name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None


def outcome(case: Case, subject: Subject) -> str:
    """ "" where the case works, else what went wrong, in one line."""
    try:
        with _quietly(), _at_most(SECONDS), host_seed(0):
            case(subject)
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
    return ""


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
