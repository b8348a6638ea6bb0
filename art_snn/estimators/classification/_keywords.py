"""Arguments of a classifier's methods: what ART's callers pass without use, and signatures that are written once."""

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

from art_snn._validation import check_unknown

# method -> keyword -> who passes it, and what becomes of it
TAKEN: Mapping[str, Mapping[str, str]] = {
    "predict": {"y": "SecurityCurve passes the labels along; they are not looked at"},
    "fit": {"callbacks": "Keras's, through trainers and wrappers; they are not called, which is logged"},
    "fit_generator": {"callbacks": "as of fit"},
    "loss_gradient": {"sampling": "ShadowAttack, for networks that sample their weights; there are none here"},
    "class_gradient": {},
    "compute_loss": {},
}

_P = ParamSpec("_P")
_logger = logging.getLogger(__name__)


def check_keywords(method: str, kwargs: Mapping[str, Any]) -> None:
    """Nothing is left over that no caller in ART passes: its own signatures swallow every typo.

    Raises:
        TypeError: If an argument is unknown.
    """
    check_unknown(method, kwargs.keys() - TAKEN[method].keys())
    if kwargs.get("callbacks"):
        _logger.warning("%s does not call callbacks, which are Keras's; a learning rate follows `scheduler`", method)


def with_arguments_of(method: Callable[_P, None]) -> Callable[[Callable[..., None]], Callable[_P, None]]:
    """Give a method the signature of another, of whose arguments it gets by name those that are given."""
    signature = inspect.signature(method)

    def decorate(own: Callable[..., None]) -> Callable[_P, None]:
        @functools.wraps(own)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> None:
            given = signature.bind(*args, **kwargs).arguments
            others = given.pop("kwargs", {})
            own(given.pop("self"), **given, **others)

        call.__signature__ = signature  # type: ignore[attr-defined]
        return call

    return decorate
