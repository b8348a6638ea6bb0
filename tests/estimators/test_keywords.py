"""Keywords that ART passes to classifiers are taken, and typos are refused."""

import ast
import inspect
import logging
from collections.abc import Callable
from pathlib import Path

import art
import numpy as np
import pytest
from art.data_generators import NumpyDataGenerator

from art_snn.estimators.classification._keywords import TAKEN
from tests.estimators.every_rule import EVERY, K, X, Y, make, ready

METHODS = (*TAKEN, "get_activations")
# Files of ART's whose estimators are never classifiers of PyTorch's
ELSEWHERE = (
    *("keras", "tensorflow", "jax", "scikitlearn", "xgboost", "lightgbm", "catboost", "GPy", "hugging_face"),
    *("object_detection", "object_seeker", "object_tracking", "speech_recognition", "regression", "generation", "gan"),
)
# Calls in other files on what is no classifier of PyTorch's
OTHERS = {
    ("predict", "y_init"): "object trackers",
    ("predict", "standardise_output"): "object detectors",
    ("loss_gradient", "standardise_output"): "object detectors",
    ("loss_gradient", "batch_mode"): "speech recognisers",
    ("predict", "raw"): "ensembles",
    ("fit", "epochs"): "networks of Keras",
    ("fit", "optimizer"): "distributions of scipy",
}


@pytest.fixture(scope="module")
def art_keywords() -> dict[str, set[str]]:
    """The keywords with which ART's own sources call the methods of a classifier."""
    root = Path(art.__file__).parent
    found: dict[str, set[str]] = {method: set() for method in METHODS}
    for path in root.rglob("*.py"):
        if any(word in str(path.relative_to(root)) for word in ELSEWHERE):
            continue
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        for call in calls:
            if (method := getattr(call.func, "attr", None)) in found:
                found[method] |= {keyword.arg for keyword in call.keywords if keyword.arg}
    return {method: keywords - {k for m, k in OTHERS if m == method} for method, keywords in found.items()}


def test_the_search_finds_what_art_is_known_to_pass(art_keywords: dict[str, set[str]]) -> None:
    assert {"validation_data", "verbose", "nb_epochs"} <= art_keywords["fit"]
    assert {"logits", "batch_size", "training_mode", "y"} <= art_keywords["predict"]
    assert "sampling" in art_keywords["loss_gradient"]


VALUES = {
    "x": X,
    "y": Y,
    "batch_size": 4,
    "nb_epochs": 1,
    "verbose": False,
    "validation_data": None,
    "training_mode": False,
    "logits": True,
    "sampling": False,
    "label": 1,
    "reduction": "none",
    "layer": 0,
    "framework": False,
}


@EVERY
def test_every_keyword_that_art_passes_is_taken(kind: str, art_keywords: dict[str, set[str]]) -> None:
    classifier = ready(kind)
    for method, passed in art_keywords.items():
        if method != "fit_generator":  # like fit, but for the data
            getattr(classifier, method)(**{keyword: VALUES[keyword] for keyword in passed})
    data = NumpyDataGenerator(X, np.eye(K)[Y], batch_size=4)
    classifier.fit_generator(data, **{keyword: VALUES[keyword] for keyword in art_keywords["fit_generator"]})


USES: dict[str, Callable[..., object]] = {
    "fit": lambda c, **k: c.fit(X, Y, nb_epochs=1, **k),
    "fit_generator": lambda c, **k: c.fit_generator(NumpyDataGenerator(X, np.eye(K)[Y], 4), nb_epochs=1, **k),
    "predict": lambda c, **k: c.predict(X, **k),
    "loss_gradient": lambda c, **k: c.loss_gradient(X, Y, **k),
    "class_gradient": lambda c, **k: c.class_gradient(X, **k),
    "compute_loss": lambda c, **k: c.compute_loss(X, Y, **k),
}


@pytest.mark.parametrize("use", USES)
@EVERY
def test_taken_keywords_change_nothing_and_typos_raise(kind: str, use: str) -> None:
    with pytest.raises(TypeError, match="unknown arguments: bathc_size"):
        USES[use](ready(kind), bathc_size=2)
    plain, taken = (USES[use](ready(kind), **keywords) for keywords in ({}, dict.fromkeys(TAKEN[use])))
    assert np.array_equal(plain, taken) if plain is not None else taken is None


@EVERY
def test_a_generator_takes_validation_data_as_well(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    make(kind).fit_generator(NumpyDataGenerator(X, np.eye(K)[Y], 4), nb_epochs=1, validation_data=(X, Y), verbose=True)
    assert "accuracy=" in capsys.readouterr().err


@EVERY
def test_callbacks_of_keras_are_not_called_which_is_logged(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        make(kind).fit(X, Y, nb_epochs=1, callbacks=[object()])
    assert "does not call callbacks" in caplog.text


@EVERY
def test_validation_data_are_shown_and_choose_nothing(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    plain, watched = make(kind), make(kind)
    plain.fit(X, Y, nb_epochs=2)
    watched.fit(X, Y, nb_epochs=2, validation_data=(X[:4], np.eye(K)[Y[:4]]), verbose=True)
    assert "accuracy=" in capsys.readouterr().err
    assert np.array_equal(watched.predict(X), plain.predict(X))


@pytest.mark.parametrize("data", [X, (X,), (X, Y[:2]), (X[:0], Y[:0]), (X[:, :, 1:], Y)])
def test_validation_data_that_are_no_samples_with_labels_are_refused(data: object) -> None:
    classifier = make("spiking")
    before = classifier.predict(X)
    with pytest.raises(ValueError, match="expected"):
        classifier.fit(X, Y, validation_data=data)
    assert np.array_equal(classifier.predict(X), before)


@EVERY
def test_arguments_by_position_are_those_by_name_in_every_rule(kind: str) -> None:
    named = {"batch_size": 4, "nb_epochs": 2, "training_mode": False, "drop_last": True}
    by_position, by_name = ready(kind), ready(kind)

    by_position.fit(X[:7], Y[:7], *named.values())
    by_name.fit(X[:7], Y[:7], **named)

    assert inspect.signature(by_name.fit) == inspect.signature(ready("spiking").fit)
    assert np.array_equal(by_position.predict(X), by_name.predict(X))
