"""Running an experiment."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from art_snn.attacks.poisoning import BackdoorAttack, DataAttack
from art_snn.data import Dataset
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.evaluations.answers import decided
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.experiment.building import make_attack, make_dataset, make_evaluation, streams
from art_snn.experiment.given import of_a_spec
from art_snn.experiment.measures import Measures, added
from art_snn.experiment.memory import check_fits
from art_snn.experiment.result import Examples, Result, versions
from art_snn.experiment.resuming import check_data, checksum
from art_snn.experiment.sections import Model
from art_snn.experiment.spec import Experiment
from art_snn.experiment.touched import touched
from art_snn.experiment.trainings import keeper_in
from art_snn.typing import Indices

N_EXAMPLES = 6


@of_a_spec
def run(
    spec: Experiment,
    *,
    verbose: bool = True,
    known: Result | None = None,
    keep: Callable[[Result], object] | None = None,
    check: Callable[[str], object] | None = None,
    trainings: Path | None = None,
    models: Path | None = None,
) -> Result:
    """Load the data, poison them, train and measure every model.

    Args:
        spec: An experiment of one cell: path of a TOML file, tables, or an `Experiment`; its `run.threads` hold.
        verbose: Whether to show a progress bar.
        known: An incomplete result of the same spec, whose models are not trained again.
        keep: Gets the result after each model, as far as it goes.
        check: Gets the checksum of the data before anything is trained, and may raise an error.
        trainings: Folder of trainings that cells share: those that are there are not done again, others are kept there.
        models: Folder in which the trained classifiers are kept; None keeps none.

    Raises:
        ValueError: If a value does not fit the data, such as a target beyond the classes, or the known result is of
            other data.
        FileNotFoundError: If a file of the data set is missing.
        MemoryError: If the experiment needs more memory than there is; known before it is begun.
    """
    drawn = streams(spec)
    dataset = make_dataset(spec, drawn.split)
    check_fits(spec, dataset, spec.models)
    attack = make_attack(spec, dataset, drawn, verbose=verbose)
    found = Result(spec, dataset.title, versions(), (), _examples(attack, dataset), checksum(dataset))
    check_data(found, known, check)
    if known is not None:
        found = replace(
            found,
            rows=known.rows,
            measures=known.measures,
            examples=replace(found.examples, predicted=known.examples.predicted),
        )
    if missing := missing_models(spec, found.rows):
        keeper = keeper_in(trainings, spec, found.checksum, 0.0)
        evaluation = make_evaluation(spec, dataset, attack, drawn.weights, missing, keeper)
        measures = Measures(spec, dataset, models)
        found = replace(found, measures={**found.measures, **measures.of_trigger(attack)})
        for row in train_models(evaluation, dataset, drawn.batches, verbose=verbose):
            pair, learnt = evaluation.trained[row.model], evaluation.attacks[row.model]
            found = _with_model(found, row, pair, learnt)
            measured = measures.of_model(row.model, pair, learnt)
            found = replace(found, measures=added(found.measures, row.model, measured))
            if keep is not None:
                keep(found)
    return found


def missing_models(spec: Experiment, rows: tuple[BackdoorResult, ...]) -> list[Model]:
    """The models of an experiment that have no row yet."""
    known = {row.model for row in rows}
    return [model for model in spec.models if model.name not in known]


def train_models(
    evaluation: BackdoorEvaluation, dataset: Dataset, rng: np.random.Generator, *, verbose: bool
) -> Iterator[BackdoorResult]:
    """Train and measure the models of an evaluation one by one, as planned; then `evaluation.trained` has them."""
    return evaluation.results(
        dataset.x_train,
        dataset.y_train,
        dataset.x_test,
        dataset.y_test,
        seed=rng,
        verbose=verbose,
    )


def _examples(attack: BackdoorAttack, dataset: Dataset) -> Examples:
    """The first test samples of other classes than the target; not yet triggered where nobody knows how."""
    rows = np.flatnonzero(dataset.y_test != attack.target_class)[:N_EXAMPLES]
    clean, labels = dataset.x_test[rows], dataset.y_test[rows]
    if not isinstance(attack, DataAttack):
        return Examples(clean, clean, labels, {})
    return _triggered(Examples(clean, clean, labels, {}), attack)


def _triggered(examples: Examples, attack: BackdoorAttack) -> Examples:
    triggered = np.asarray(attack.trigger_test(examples.clean, examples.labels)[0])
    trigger = getattr(attack, "trigger", None)
    mask = touched(trigger, examples.clean, triggered) if callable(trigger) else None
    return replace(examples, triggered=triggered, touched=mask)


def _with_model(found: Result, row: BackdoorResult, pair: TrainedPair, attack: BackdoorAttack) -> Result:
    """With one row more, and what the model predicts of the examples, with the trigger that it has learned.

    Of triggers that differ from model to model, the first is kept for the picture.
    """
    examples = found.examples if isinstance(attack, DataAttack) else _triggered(found.examples, attack)
    predicted: Indices = np.stack([decided(pair.backdoored.predict(x)) for x in (examples.clean, examples.triggered)])
    kept = found.examples if found.examples.predicted else examples
    examples = replace(kept, predicted={**kept.predicted, row.model: predicted})
    return replace(found, rows=(*found.rows, row), examples=examples)
