"""Keyword arguments that callers in ART pass to any classifier, though one of PyTorch's has no use for them."""

import logging
from collections.abc import Mapping
from typing import Any

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

_logger = logging.getLogger(__name__)


def check_keywords(method: str, kwargs: Mapping[str, Any]) -> None:
    """Nothing is left over that no caller in ART passes: its own signatures swallow every typo.

    Raises:
        TypeError: If an argument is unknown.
    """
    check_unknown(method, kwargs.keys() - TAKEN[method].keys())
    if kwargs.get("callbacks"):
        _logger.warning("%s does not call callbacks, which are Keras's; a learning rate follows `scheduler`", method)
