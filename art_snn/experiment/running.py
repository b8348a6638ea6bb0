"""Running an experiment."""

import numpy as np

from art_snn._random import draw_seed
from art_snn.data import Dataset
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.experiment.parts import make_attack, make_dataset, make_estimator
from art_snn.experiment.result import Examples, Result, versions
from art_snn.experiment.spec import Experiment

N_EXAMPLES = 6


def run(spec: Experiment, *, verbose: bool = True) -> Result:
    """Load the data, poison them, train and measure every model.

    Args:
        spec: What to do.
        verbose: Whether to show a progress bar.

    Raises:
        ValueError: If a value does not fit the data, such as a target beyond the classes.
        FileNotFoundError: If a file of the data set is missing.
    """
    dataset, evaluation, results = compare_models(spec, verbose=verbose)
    return Result(spec, dataset.title, versions(), tuple(results), _examples(evaluation, dataset))


def compare_models(spec: Experiment, *, verbose: bool) -> tuple[Dataset, BackdoorEvaluation, list[BackdoorResult]]:
    """The data of an experiment, its evaluation, which holds the trained models, and what it found."""
    split, rows, weights, batches = np.random.default_rng(spec.seed).spawn(4)
    dataset = make_dataset(spec, split)
    attack = make_attack(spec, dataset.x_train, rows)
    seed = draw_seed(weights)
    evaluation = BackdoorEvaluation(attack, {name: make_estimator(name, spec, dataset, seed) for name in spec.models})
    results = evaluation.evaluate(
        dataset.x_train,
        dataset.y_train,
        dataset.x_test,
        dataset.y_test,
        seed=batches,
        verbose=verbose,
        batch_size=spec.batch_size,
        nb_epochs=spec.epochs,
    )
    return dataset, evaluation, results


def _examples(evaluation: BackdoorEvaluation, dataset: Dataset) -> Examples:
    """The first test samples of other classes than the target."""
    rows = np.flatnonzero(dataset.y_test != evaluation.attack.target_class)[:N_EXAMPLES]
    clean = dataset.x_test[rows]
    triggered = evaluation.attack.trigger(clean)
    predicted = {
        name: np.stack([pair.backdoored.predict(x).argmax(1) for x in (clean, triggered)])
        for name, pair in evaluation.trained.items()
    }
    return Examples(clean, triggered, dataset.y_test[rows], predicted)
