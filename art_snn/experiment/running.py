"""Running an experiment."""

import numpy as np

from art_snn.data import Dataset
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.experiment.parts import make_dataset, make_evaluation
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
    split, rows, weights, batches = np.random.default_rng(spec.seed).spawn(4)
    dataset = make_dataset(spec, split)
    evaluation = make_evaluation(spec, dataset, rows, weights)
    results = train_models(spec, evaluation, dataset, batches, verbose=verbose)
    return Result(spec, dataset.title, versions(), tuple(results), _examples(evaluation, dataset))


def train_models(
    spec: Experiment, evaluation: BackdoorEvaluation, dataset: Dataset, rng: np.random.Generator, *, verbose: bool
) -> list[BackdoorResult]:
    """Train and measure the models of an evaluation, as a spec says; `evaluation.trained` holds them then."""
    return evaluation.evaluate(
        dataset.x_train,
        dataset.y_train,
        dataset.x_test,
        dataset.y_test,
        seed=rng,
        verbose=verbose,
        batch_size=spec.batch_size,
        nb_epochs=spec.epochs,
    )


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
