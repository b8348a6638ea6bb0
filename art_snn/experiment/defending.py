"""Defending: every defence on every model of an experiment."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from art_snn.catalogue import ELIMINATIONS, FILTERS, MODEL_DETECTORS, SAMPLE_DETECTORS, poisons_data
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
from art_snn.experiment.building import hold_out, make_attack, make_dataset, make_evaluation, streams
from art_snn.experiment.comparison import missing_models, train_models
from art_snn.experiment.defended import TABLES, Defended
from art_snn.experiment.given import of_a_spec
from art_snn.experiment.measures import Measures, added
from art_snn.experiment.memory import check_fits
from art_snn.experiment.result import versions
from art_snn.experiment.resuming import check_data, checksum
from art_snn.experiment.sections import defences
from art_snn.experiment.spec import Experiment
from art_snn.experiment.trainings import keeper_in
from art_snn.typing import Array, Indices


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


@of_a_spec
def defend(
    spec: Experiment,
    *,
    verbose: bool = True,
    known: Defended | None = None,
    keep: Callable[[Defended], object] | None = None,
    check: Callable[[str], object] | None = None,
    trainings: Path | None = None,
    models: Path | None = None,
) -> Defended:
    """Train the models of an experiment, clean and backdoored, and set each defence on each.

    The defender's clean samples are held out of the training: they are neither among the samples searched, where they
    would be their own reference, nor the clean originals of poisoned ones. Every defence is built on every untrained
    model first, so that what does not fit is known before the trainings; one that fails afterwards is reported, and the
    others go on.

    Args:
        spec: The experiment, with defences, of one cell: path of a TOML file, tables, or an `Experiment`; its
            `run.threads` hold. "dendrite-clamping" acts on the class that `MembranePotentialDefence`
            accuses, as published. From 119 clean samples on, STRIP sets its threshold by them.
        verbose: Whether to show progress bars.
        known: An incomplete result of the same spec, whose models are neither trained nor defended again.
        keep: Gets the result after each model, as far as it goes.
        check: Gets the checksum of the data before anything is trained, and may raise an error.
        trainings: Folder of trainings that cells share: those that are there are not done again, others are kept there.
        models: Folder in which the trained classifiers are kept; None keeps none.

    Raises:
        ValueError: If there is no defence, a value does not fit the data, or the known result is of other data.
        MemoryError: If the experiment needs more memory than there is; known before it is begun.
    """
    chosen = chosen_defences(spec)
    if not chosen and not spec.measure.with_art:
        raise ValueError("expected defences, or measure.detection or measure.elimination, got none")
    drawn = streams(spec)
    whole = make_dataset(spec, drawn.split)
    check_fits(spec, whole, spec.models)
    dataset, x_clean, y_clean = hold_out(whole, spec.measure.share_of_clean_data, drawn.held_out)
    found = Defended(spec, dataset.title, versions(), len(x_clean), (), (), (), (), (), checksum(whole))
    check_data(found, known, check)
    if known is not None:
        found = replace(found, **{name: getattr(known, name) for name in (*TABLES, "measures")})
    missing = missing_models(spec, found.rows)
    if not missing:
        return found
    attack = make_attack(spec, dataset, drawn, verbose=verbose)
    keeper = keeper_in(trainings, spec, found.checksum, spec.measure.share_of_clean_data)
    evaluation = make_evaluation(spec, dataset, attack, drawn.weights, missing, keeper)
    kinds = _kinds(chosen, spec.measure.with_art, dataset, x_clean, y_clean)
    _check_fit(kinds, evaluation)
    measures = Measures(spec, dataset, models)
    found = replace(found, measures={**found.measures, **measures.of_trigger(attack)})
    for row in train_models(evaluation, dataset, drawn.batches, verbose=verbose):
        measured = measures.of_model(row.model, evaluation.trained[row.model], evaluation.attacks[row.model])
        found = _defended(_measured(found, row, measured), row, evaluation, kinds, verbose=verbose)
        found = _measured(found, row, measures.of_detection(found.detection, row.model))
        if keep is not None:
            keep(found)
    return found


def _check_fit(kinds: Mapping[str, _Kind], evaluation: BackdoorEvaluation) -> None:
    """Build every defence on every untrained model, so that what does not fit raises its error now."""
    for estimator, kind in product(evaluation.estimators.values(), kinds.values()):
        for make in kind.makers.values():
            make(estimator, *kind.made_of)


def _measured(found: Defended, row: BackdoorResult, measured: dict[str, Any]) -> Defended:
    """With what was measured of one model beside its figures."""
    return replace(found, measures=added(found.measures, row.model, measured))


def _defended(
    found: Defended, row: BackdoorResult, evaluation: BackdoorEvaluation, kinds: Mapping[str, _Kind], *, verbose: bool
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


def chosen_defences(spec: Experiment) -> dict[str, dict[str, Any]]:
    """The defences of an experiment by name, each with its parameters: those that are named, and all of a kind."""
    samples = SAMPLE_DETECTORS if poisons_data(spec.attack.attack) else {}  # else there are none to be found
    searching, removing = {**samples, **MODEL_DETECTORS}, {**ELIMINATIONS, **FILTERS}
    kinds = {**(searching if spec.measure.detection else {}), **(removing if spec.measure.elimination else {})}
    fitting = [name for name, made in kinds.items() if spec.data.is_neuromorphic or not made.needs_frames]
    named = {defence.name: defence.parameters("name") for defence in spec.defences}
    return {name: named.get(name, {}) for name in dict.fromkeys([*fitting, *named])}


def _kinds(
    chosen: Mapping[str, dict[str, Any]], with_art: bool, dataset: Dataset, x_clean: Array, y_clean: Indices
) -> dict[str, _Kind]:
    """Those of which there are any defences, by the table of their results."""
    made: dict[str, Any] = {name: partial(defences()[name], **parameters) for name, parameters in chosen.items()}
    detectors: dict[str, Any] = {
        name: partial(made[name], **dict(zip(kind.clean_arguments, (x_clean, y_clean), strict=False)))
        for name, kind in SAMPLE_DETECTORS.items()
        if name in made
    }
    if "strip" in detectors and len(x_clean) >= least_clean():
        detectors["strip"] = partial(detectors["strip"], x_clean=x_clean)
    if with_art:
        detectors |= {f"ART {name}": make for name, make in ART_DETECTORS.items()}
    judges = {name: make for name, make in made.items() if name in MODEL_DETECTORS}
    removers = {name: make for name, make in made.items() if name in ELIMINATIONS}
    if "dendrite-clamping" in removers and chosen["dendrite-clamping"].get("target_class") is None:
        removers["dendrite-clamping"] = partial(removers["dendrite-clamping"], target_class="detect")
    removers |= {name: make().on_classifier for name, make in made.items() if name in FILTERS}
    train, clean, test = (dataset.x_train, dataset.y_train), (x_clean, y_clean), (dataset.x_test, dataset.y_test)
    kinds = {
        "detection": _Kind(DetectionEvaluation, detectors, train, train),
        "verdicts": _Kind(ModelDetectionEvaluation, judges, (), clean),
        "elimination": _Kind(EliminationEvaluation, removers, (), (*clean, *test)),
    }
    return {table: kind for table, kind in kinds.items() if kind.makers}
