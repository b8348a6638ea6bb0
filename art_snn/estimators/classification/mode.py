"""Training or evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from torch import nn

from art_snn._random import streams_alone
from art_snn.estimators.classification._locking import lock_of


@contextmanager
def mode(model: nn.Module, training: bool, *, draws: bool = True) -> Iterator[None]:
    """Training or evaluation mode while the block runs; each module's own mode comes back afterwards.

    No other thread runs the model meanwhile.

    Args:
        model: A network, or ART's wrapper of one.
        training: Whether dropout and batch norm behave as in training.
        draws: Whether the block may enter `host_seed`; the global random streams are its own then.
    """
    with streams_alone() if draws else nullcontext(), lock_of(model):
        before = [(module, module.training) for module in model.modules()]
        model.train(training)
        try:
            yield
        finally:
            for module, was_training in before:
                module.training = was_training
