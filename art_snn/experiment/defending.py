"""Defending: every defence on every model of an experiment."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from art_snn._validation import check_choice, check_fraction
from art_snn.catalogue import ELIMINATIONS, FILTERS, MODEL_DETECTORS, SAMPLE_DETECTORS
from art_snn.data import Dataset
from art_snn.defences.detector.strip import least_clean
from art_snn.evaluations import (
    BackdoorEvaluation,
    BackdoorResult,
    DetectionEvaluation,
    EliminationEvaluation,
    ModelDetectionEvaluation,
)
from art_snn.evaluations.art_detectors import ART_DETECTORS
from art_snn.experiment.defended import TABLES, Defended
from art_snn.experiment.fitting import check_fits
from art_snn.experiment.parts import hold_out, make_attack, make_dataset, make_evaluation
from art_snn.experiment.result import versions
from art_snn.experiment.resuming import check_same_data, checksum
from art_snn.experiment.running import missing_models, train_models
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array, Indices

DEFENCES: dict[str, Any] = {**SAMPLE_DETECTORS, **MODEL_DETECTORS, **ELIMINATIONS, **FILTERS}


class _Kind(NamedTuple):
    """One kind of defences.

    Args:
        evaluation: What measures them.
        makers: What makes each, by name.
        made_of: What that takes beside a classifier.
        data: What `evaluate` takes.
    """

    evaluation: type[DetectionEvaluation | ModelDetectionEvaluation | EliminationEvaluation]
    makers: dict[str, Callable[..., Any]]
    made_of: tuple[Array, ...]
    data: tuple[Array, ...]


def defend(
    spec: Experiment,
    defences: Collection[str] | None = None,
    *,
    share_of_clean_data: float = 0.1,
    with_art: bool = False,
    verbose: bool = True,
    known: Defended | None = None,
    keep: Callable[[Defended], object] | None = None,
) -> Defended:
    """Train the models of an experiment, clean and backdoored, and set each defence on each.

    The defender's clean samples are held out of the training: they are neither among the samples searched, where they
    would be their own reference, nor the clean originals of poisoned ones. Every defence is built on every untrained
    model first, so that what does not fit is known before the trainings; one that fails afterwards is reported, and the
    others go on.

    Args:
        spec: The experiment.
        defences: Names of `DEFENCES`; None for all that fit the data. "dendrite-clamping" acts on the class that
            `MembranePotentialDefence` accuses, as published.
        share_of_clean_data: What the defender gets of each class of the training set, at least one sample; in (0, 1].
            From 119 samples on, STRIP sets its threshold by them.
        with_art: Whether ART's own detectors of poisoned samples search beside ours.
        verbose: Whether to show progress bars.
        known: An incomplete result of the same arguments, whose models are neither trained nor defended again.
        keep: Gets the result after each model, as far as it goes.

    Raises:
        ValueError: If a name is unknown, or the share out of its range, before anything is read; or if a value does not
            fit the data, or the known result is of other data.
        MemoryError: If the experiment needs more memory than there is; known before it is begun.
    """
    settings = defence_settings(spec, defences, share_of_clean_data, with_art)
    split, rows, weights, batches, held_out = np.random.default_rng(spec.seed).spawn(5)
    whole = make_dataset(spec, split)
    check_fits(spec, whole, spec.models)
    dataset, x_clean, y_clean = hold_out(whole, share_of_clean_data, held_out)
    found = Defended(spec, dataset.title, versions(), len(x_clean), (), (), (), (), (), settings, checksum(whole))
    if known is not None:
        check_same_data(found.checksum, known.checksum)
        found = replace(found, **{name: getattr(known, name) for name in TABLES})
    missing = missing_models(spec, found.rows)
    if not missing:
        return found
    evaluation = make_evaluation(spec, dataset, make_attack(spec, dataset.x_train, rows), weights, missing)
    kinds = _kinds(settings["defences"], with_art, dataset, x_clean, y_clean)
    for estimator in evaluation.estimators.values():  # what does not fit raises its error now
        for kind in kinds.values():
            for make in kind.makers.values():
                make(estimator, *kind.made_of)
    for row in train_models(spec, evaluation, dataset, batches, verbose=verbose):
        found = _with_model(found, row, evaluation, kinds, verbose=verbose)
        if keep is not None:
            keep(found)
    return found


def _with_model(
    found: Defended, row: BackdoorResult, evaluation: BackdoorEvaluation, kinds: dict[str, _Kind], *, verbose: bool
) -> Defended:
    """With the rows of one model more, which has just been trained."""
    tables: dict[str, Any] = {"rows": (*found.rows, row)}
    for table, kind in kinds.items():
        defending = kind.evaluation(
            evaluation.attack,
            {row.model: evaluation.trained[row.model]},
            kind.makers,
            after=evaluation,
            on_error="record",
        )
        tables[table] = (*getattr(found, table), *defending.evaluate(*kind.data, verbose=verbose))
        tables["failures"] = (*tables.get("failures", found.failures), *defending.failures)
    return replace(found, **tables)


def _kinds(
    defences: Collection[str], with_art: bool, dataset: Dataset, x_clean: Array, y_clean: Indices
) -> dict[str, _Kind]:
    """Those of which there are any defences, by the table of their results."""
    detectors: dict[str, Any] = {
        name: partial(made, **dict(zip(made.clean_arguments, (x_clean, y_clean), strict=False)))
        for name, made in SAMPLE_DETECTORS.items()
        if name in defences
    }
    if "strip" in detectors and len(x_clean) >= least_clean():
        detectors["strip"] = partial(detectors["strip"], x_clean=x_clean)
    if with_art:
        detectors |= {f"ART {name}": make for name, make in ART_DETECTORS.items()}
    eliminations: dict[str, Any] = dict(ELIMINATIONS)
    eliminations["dendrite-clamping"] = partial(ELIMINATIONS["dendrite-clamping"], target_class="detect")
    eliminations |= {name: make().on_classifier for name, make in FILTERS.items()}
    judges, removers = (
        {name: make for name, make in named.items() if name in defences} for named in (MODEL_DETECTORS, eliminations)
    )
    train, clean, test = (dataset.x_train, dataset.y_train), (x_clean, y_clean), (dataset.x_test, dataset.y_test)
    kinds = {
        "detection": _Kind(DetectionEvaluation, detectors, train, train),
        "verdicts": _Kind(ModelDetectionEvaluation, judges, (), clean),
        "elimination": _Kind(EliminationEvaluation, removers, (), (*clean, *test)),
    }
    return {table: kind for table, kind in kinds.items() if kind.makers}


def defence_settings(
    spec: Experiment, defences: Collection[str] | None, share_of_clean_data: float, with_art: bool
) -> dict[str, Any]:
    """What determines the results of `defend` beside the experiment, checked, with all that is left out filled in.

    Raises:
        ValueError: As `defend` raises it before anything is read.
    """
    check_fraction("share_of_clean_data", share_of_clean_data, zero=False)
    fitting = tuple(name for name, made in DEFENCES.items() if spec.is_neuromorphic or not made.needs_frames)
    defences = fitting if defences is None else defences
    for name in defences or ("",):
        check_choice("defences", name, fitting)
    if len(set(defences)) < len(defences):
        raise ValueError(f"expected defences that differ, got {', '.join(defences)}")
    return {"defences": list(defences), "share_of_clean_data": share_of_clean_data, "with_art": with_art}
