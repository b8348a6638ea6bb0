"""Cases of ART's classifiers around ours, of its certified ones, of its evaluations and metrics."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from art import metrics
from art.attacks.evasion import FastGradientMethod, HopSkipJump
from art.data_generators import NumpyDataGenerator, PyTorchDataGenerator
from art.estimators import classification as wrapping
from art.estimators.certification import randomized_smoothing as smoothing
from art.estimators.certification.derandomized_smoothing import PyTorchDeRandomizedSmoothing
from art.evaluations.great_score import GreatScorePyTorch
from art.evaluations.security_curve import SecurityCurve
from art.summary_writer import SummaryWriterDefault
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.models import small_cnn
from tests.compatibility.checks import check_examples, check_learnt, check_predictions
from tests.compatibility.subjects import K, Subject, with_probabilities

Case = Callable[[Subject], None]
N = 8
_CLIP_FIRST: dict[str, Any] = {"channels_first": True}


def _pytorch(subject: Subject) -> None:
    trained = subject.trained()
    stock = wrapping.PyTorchClassifier(
        trained.model, trained.loss, subject.shape, K, trained.optimizer, clip_values=subject.clip_values
    )
    assert np.allclose(stock.predict(subject.x_test[:N]), trained.predict(subject.x_test[:N]), atol=1e-5)
    stock.fit(subject.x[:64], subject.y[:64], batch_size=32, nb_epochs=1)
    check_learnt(subject, stock)


def _black_box(subject: Subject) -> None:
    settings = {"clip_values": subject.clip_values, "input_shape": subject.shape, "nb_classes": K}
    predict = subject.trained().predict
    for wrapper in (wrapping.BlackBoxClassifier, wrapping.BlackBoxClassifierNeuralNetwork):
        first = _CLIP_FIRST if wrapper is wrapping.BlackBoxClassifierNeuralNetwork else {}
        boxed = wrapper(predict, **settings, **first)
        check_predictions(boxed.predict(subject.x_test[:N]), N)
    x = subject.x_test[:2]
    attack = HopSkipJump(boxed, max_iter=1, max_eval=20, init_eval=5, init_size=20, verbose=False)
    check_examples(subject, x, attack.generate(x))


def _ensemble(subject: Subject) -> None:
    members = [subject.trained(), subject.trained()]
    together = wrapping.EnsembleClassifier(members, clip_values=subject.clip_values, **_CLIP_FIRST)
    check_predictions(together.predict(subject.x_test[:N]), N)
    assert together.loss_gradient(subject.x_test[:2], subject.y_test[:2]).shape == (2, *subject.shape)
    assert together.class_gradient(subject.x_test[:2]).shape == (2, K, *subject.shape)


def _partitions(subject: Subject) -> None:
    apart = wrapping.DeepPartitionEnsemble(
        subject.make(), ensemble_size=2, clip_values=subject.clip_values, **_CLIP_FIRST
    )
    apart.fit(subject.x, subject.y, batch_size=32, nb_epochs=6)
    check_learnt(subject, apart)


class _Suspicion(nn.Module):
    """A linear detector with one output."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.linear = nn.Linear(int(np.prod(shape)), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1))


def _detecting(subject: Subject) -> None:
    net = _Suspicion(subject.shape)
    detector = wrapping.PyTorchClassifier(
        net, nn.BCEWithLogitsLoss(), subject.shape, 2, torch.optim.Adam(net.parameters())
    )
    both = wrapping.DetectorClassifier(subject.trained(), detector)
    assert both.predict(subject.x_test[:N]).shape == (N, K + 1)
    assert both.class_gradient(subject.x_test[:2]).shape == (2, K + 1, *subject.shape)


def _query_efficient(subject: Subject) -> None:
    classifier = with_probabilities(subject.trained())
    wrapped = wrapping.QueryEfficientGradientEstimationClassifier(classifier, 10, 0.1)
    x = subject.x_test[:4]
    check_examples(subject, x, FastGradientMethod(wrapped, eps=0.2).generate(x))


def _smoothed(kind: type[Any], **settings: Any) -> Case:
    """Around the model: training and predictions."""

    def case(subject: Subject) -> None:
        trained = subject.trained()
        around = kind(
            model=trained.model,
            loss=nn.CrossEntropyLoss(),
            input_shape=subject.shape,
            nb_classes=K,
            optimizer=trained.optimizer,
            clip_values=subject.clip_values,
            sample_size=8,
            scale=0.1,
            alpha=0.1,
            **_CLIP_FIRST,
            **settings,
        )
        around.fit(subject.x[:32], subject.y[:32], nb_epochs=1, batch_size=16)
        assert around.predict(subject.x_test[:4]).shape == (4, K)

    return case


def _numpy_smoothed(subject: Subject) -> None:
    around = smoothing.NumpyRandomizedSmoothing(subject.trained(), sample_size=8, scale=0.1, alpha=0.1)
    around.fit(subject.x[:32], subject.y[:32], nb_epochs=1, batch_size=16)
    assert around.predict(subject.x_test[:4]).shape == (4, K)


def _derandomised(subject: Subject) -> None:
    module = SpikingModule(small_cnn(2 * subject.shape[0], K, pool="avg", width=0.25, neuron="if"), 4)
    around = PyTorchDeRandomizedSmoothing(
        model=module,
        loss=nn.CrossEntropyLoss(),
        input_shape=subject.shape,
        nb_classes=K,
        optimizer=torch.optim.Adam(module.parameters()),
        algorithm="levine2020",
        ablation_type="column",
        ablation_size=4,
        threshold=0.1,
        logits=True,
        clip_values=subject.clip_values,
        **_CLIP_FIRST,
    )
    around.fit(subject.x[:32], subject.y[:32], nb_epochs=1, batch_size=16)
    assert around.predict(subject.x_test[:4]).shape == (4, K)


# --- evaluations and metrics ----------------------------------------------------------------------------------------


def _security_curve(subject: Subject) -> None:
    steps = {"max_iter": 1, "eps_step": 0.05, "verbose": False}
    _, accuracies, clean = SecurityCurve(2).evaluate(
        subject.trained(), subject.x_test[:20], subject.y_test[:20], **steps
    )
    assert 0 <= accuracies[-1] <= clean <= 1


def _great_score(subject: Subject) -> None:
    GreatScorePyTorch(subject.trained()).evaluate(subject.x_test[:20], subject.y_test[:20])


def _metric(measure: Callable[[SpikingClassifier, Subject], Any]) -> Case:
    def case(subject: Subject) -> None:
        assert np.isfinite(np.asarray(measure(subject.trained(), subject), np.float64)).all()

    return case


_CLEVER = {"nb_batches": 2, "batch_size": 4, "radius": 0.5, "norm": 2, "pool_factor": 2}


def _gradient_check(classifier: SpikingClassifier, subject: Subject) -> Any:
    bad = metrics.loss_gradient_check(classifier, subject.x_test[:N], subject.y_test[:N])
    assert not bad.all(), "no sample has a gradient"
    return bad


def _pdtp(classifier: SpikingClassifier, subject: Subject) -> Any:
    few = {"num_iter": 1, "indexes": np.array([0, 1]), "comparison_type": metrics.ComparisonType.RATIO}
    return metrics.PDTP(classifier, subject.make(), subject.x[:16], subject.y[:16], **few)[0]


def _shapr(classifier: SpikingClassifier, subject: Subject) -> Any:
    return metrics.SHAPr(classifier, subject.x[:20], subject.y[:20], subject.x_test[:20], subject.y_test[:20])


def _numpy_generator(subject: Subject) -> None:
    classifier = subject.make()
    classifier.fit_generator(NumpyDataGenerator(subject.x, subject.y, batch_size=32), nb_epochs=6)
    check_learnt(subject, classifier)


def _pytorch_generator(subject: Subject) -> None:
    classifier = subject.make()
    data = TensorDataset(torch.from_numpy(subject.x), torch.from_numpy(subject.y))
    loader = DataLoader(data, batch_size=32, shuffle=True)
    classifier.fit_generator(PyTorchDataGenerator(loader, len(data), 32), nb_epochs=6)
    check_learnt(subject, classifier)


def _summary_writer(subject: Subject) -> None:
    x, y = subject.x_test[:2], subject.y_test[:2]
    with tempfile.TemporaryDirectory() as folder:
        attack = FastGradientMethod(subject.trained(), eps=0.1, summary_writer=SummaryWriterDefault(folder))
        check_examples(subject, x, attack.generate(x, y))
        assert any(path.is_file() for path in Path(folder).rglob("*")), "nothing was written"


CASES: dict[str, Case] = {
    "PyTorchClassifier": _pytorch,
    "BlackBoxClassifier": _black_box,
    "BlackBoxClassifierNeuralNetwork": _black_box,
    "EnsembleClassifier": _ensemble,
    "DeepPartitionEnsemble": _partitions,
    "DetectorClassifier": _detecting,
    "QueryEfficientGradientEstimationClassifier": _query_efficient,
    "NumpyRandomizedSmoothing": _numpy_smoothed,
    "PyTorchRandomizedSmoothing": _smoothed(smoothing.PyTorchRandomizedSmoothing),
    "PyTorchSmoothAdv": _smoothed(smoothing.PyTorchSmoothAdv, num_steps=1, warmup=1, epsilon=0.1),
    "PyTorchSmoothMix": _smoothed(smoothing.PyTorchSmoothMix, num_steps=1, num_noise_vec=2),
    "PyTorchMACER": _smoothed(smoothing.PyTorchMACER, gaussian_samples=2),
    "PyTorchDeRandomizedSmoothing": _derandomised,
    "SecurityCurve": _security_curve,
    "GreatScorePyTorch": _great_score,
    "adversarial_accuracy": _metric(
        lambda c, s: metrics.adversarial_accuracy(c, s.x_test[:N], s.y_test[:N], "fgsm", {"eps": 0.1})
    ),
    "empirical_robustness": _metric(
        lambda c, s: metrics.empirical_robustness(c, s.x_test[:N], "fgsm", {"eps_step": 0.1, "eps": 1.0})
    ),
    "loss_sensitivity": _metric(lambda c, s: metrics.loss_sensitivity(c, s.x_test[:N], s.y_test[:N])),
    "clever": _metric(lambda c, s: metrics.clever(c, s.x_test[0], target=[1], verbose=False, **_CLEVER)),
    "clever_u": _metric(lambda c, s: metrics.clever_u(c, s.x_test[0], verbose=False, **_CLEVER)),
    "clever_t": _metric(lambda c, s: metrics.clever_t(c, s.x_test[0], 1, **_CLEVER)),
    "wasserstein_distance": _metric(lambda c, s: metrics.wasserstein_distance(s.x[:N], s.x_test[:N])),
    "loss_gradient_check": _metric(_gradient_check),
    "PDTP": _metric(_pdtp),
    "ComparisonType": _metric(_pdtp),
    "SHAPr": _metric(_shapr),
    "NumpyDataGenerator": _numpy_generator,
    "PyTorchDataGenerator": _pytorch_generator,
    "SummaryWriterDefault": _summary_writer,
}
