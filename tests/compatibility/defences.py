"""Cases of detectors, trainers and transformers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from art.attacks.evasion import ProjectedGradientDescent
from art.defences import trainer
from art.defences.detector import evasion, poison
from art.defences.transformer.evasion import DefensiveDistillation
from art.defences.transformer.poisoning import STRIP, NeuralCleanse
from art.estimators.classification import PyTorchClassifier
from torch import nn

from tests.compatibility.checks import check_learnt
from tests.compatibility.subjects import K, Subject, with_probabilities

Case = Callable[[Subject], None]


# --- detectors of poison --------------------------------------------------------------------------------------------


def check_report(is_clean: Any, n: int) -> None:
    """One of 0 and 1 a sample, and not the same for all."""
    assert len(is_clean) == n, f"{len(is_clean)} answers for {n} samples"
    assert set(np.unique(is_clean)) == {0, 1}, "all samples get the same answer"


def _activation_defence(subject: Subject) -> None:
    defence = poison.ActivationDefence(subject.trained(), subject.x, subject.y)
    _, is_clean = defence.detect_poison(nb_clusters=2, nb_dims=5, reduce="PCA")
    check_report(is_clean, len(subject.x))
    defence.evaluate_defence(np.ones(len(subject.x)))


def _clustering(subject: Subject) -> None:
    found = np.arange(20) % 2
    assert len(poison.ClusteringAnalyzer().analyze_by_size([found] * K)[0]) == K


def _evaluator(subject: Subject) -> None:
    assert poison.GroundTruthEvaluator().analyze_correctness([[1, 0]], [[1, 1]])


def _spectral(subject: Subject) -> None:
    defence = poison.SpectralSignatureDefense(subject.trained(), subject.x, subject.y, expected_pp_poison=0.3)
    check_report(defence.detect_poison()[1], len(subject.x))


def _share_right(y: np.ndarray, predictions: np.ndarray) -> float:
    return float((y.argmax(1) == predictions.argmax(1)).mean())


def _provenance(subject: Subject) -> None:
    noise = np.random.default_rng(0).uniform(0, 0.01, (60, *subject.shape)).astype(np.float32)
    x = subject.x[:60] + noise  # ART tells samples apart by their values: none may occur twice
    origin = np.eye(3)[np.arange(60) % 3]
    test = {"x_val": subject.x_test[:20], "y_val": subject.y_test[:20]}
    defence = poison.ProvenanceDefense(subject.trained(), x, subject.y[:60], origin, perf_func=_share_right, **test)
    assert len(defence.detect_poison()[1]) == 60


def _roni(subject: Subject) -> None:
    known = subject.x[:40], subject.y[:40], subject.x_test, subject.y_test
    defence = poison.RONIDefense(subject.trained(), *known, perf_func=_share_right, calibrated=False)
    assert len(defence.detect_poison()[1]) == 40


# --- detectors of evasion -------------------------------------------------------------------------------------------


class _Flat(nn.Module):
    """A linear detector."""

    def __init__(self, shape: tuple[int, ...], nb_classes: int = 2) -> None:
        super().__init__()
        self.linear = nn.Linear(int(np.prod(shape)), nb_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1))


def _detector(shape: tuple[int, ...], nb_classes: int = 2) -> PyTorchClassifier:
    net = _Flat(shape, nb_classes)
    return PyTorchClassifier(net, nn.CrossEntropyLoss(), shape, nb_classes, torch.optim.Adam(net.parameters()))


_SIDES = np.eye(2, dtype=np.float32)[np.arange(20) % 2]


def _binary_input(subject: Subject) -> None:
    detector = evasion.BinaryInputDetector(_detector(subject.shape))
    detector.fit(subject.x[:20], _SIDES, nb_epochs=1)
    assert len(detector.detect(subject.x[:20])[1]) == 20


def _binary_activation(subject: Subject) -> None:
    classifier = subject.trained()
    shape = classifier.get_activations(subject.x[:1], 0).shape[1:]
    detector = evasion.BinaryActivationDetector(classifier, _detector(shape), layer=0)
    detector.fit(subject.x[:20], _SIDES, nb_epochs=1)
    assert len(detector.detect(subject.x[:20])[1]) == 20


def _subset_scanning(subject: Subject) -> None:
    detector = evasion.SubsetScanningDetector(subject.trained(), subject.x[:20], layer=0, verbose=False)
    clean, strange, power = detector.scan(subject.x_test[:10], subject.x_test[:10] * 0.5)
    assert len(clean) == len(strange) == 10
    assert 0 <= power <= 1


def _beyond(subject: Subject) -> None:
    classifier = subject.trained()
    settings = {"augmentations": lambda x: x, "aug_num": 2, "alpha": 0.8, "var_K": 5}
    detector = evasion.BeyondDetectorPyTorch(
        target_classifier=classifier, ssl_classifier=classifier, percentile=5, **settings
    )
    detector.fit(subject.x[:20], subject.y[:20])
    assert len(detector.detect(subject.x_test[:5])[1]) == 5


# --- trainers -------------------------------------------------------------------------------------------------------

_PGD = {"eps": 0.1, "eps_step": 0.05, "max_iter": 1}


def _pgd(classifier: Any) -> ProjectedGradientDescent:
    return ProjectedGradientDescent(classifier, verbose=False, **_PGD)


def _training(make: Callable[[Any], Any], least: float = 0.25) -> Case:
    """A trained classifier is trained on, and must have changed and still know its classes."""

    def case(subject: Subject) -> None:
        classifier = subject.trained()
        before = classifier.predict(subject.x_test)
        made = make(classifier)
        made.fit(subject.x[:64], subject.y[:64], batch_size=32, nb_epochs=1)
        trained = made.get_classifier()
        assert np.abs(trained.predict(subject.x_test) - before).max() > 0, "training changed nothing"
        check_learnt(subject, trained, least)

    return case


def _awp(subject: Subject) -> None:
    proxy, x, y = subject.trained(), subject.x[:64], subject.y[:64]
    classifier = subject.trained()
    made = trainer.AdversarialTrainerAWPPyTorch(
        classifier, proxy, _pgd(classifier), mode="PGD", gamma=0.01, beta=6.0, warmup=0
    )
    before = classifier.predict(subject.x_test)
    made.fit(x, y, validation_data=(subject.x_test, subject.y_test), batch_size=32, nb_epochs=1)
    assert np.abs(classifier.predict(subject.x_test) - before).max() > 0, "training changed nothing"
    check_learnt(subject, classifier)


_OAAT = {
    "list_swa_epoch": [],
    "list_swa_tau": [],
    "beta": 1.0,
    "beta_final": 1.0,
    "awp_warmup": 0,
    "awp_gamma": 0.01,
    "lr": 0.01,
    "lr_schedule": "cosine",
    "momentum": 0.9,
    "weight_decay": 0.0,
    "models_path": "",
    "max_iter": 1,
    "epsilon": 0.1,
    "i_epsilon": 0.1,
    "norm": np.inf,
    "alpha": 1.0,
    "mixup_alpha": 1.0,
    "mixup_epsilon": 1.0,
    "oaat_warmup": 0,
    "alternate_iter_eps": 0.1,
    "lpips_weight": 0.0,
    "i_lpips_weight": 0.0,
    "swa_save_epoch": 99,
    "load_swa_model_tau": False,
    "layer_names_activation": [],
}


def _oaat(subject: Subject) -> None:
    classifier, attacked = subject.trained(), subject.trained()
    layers = {"layer_names_activation": classifier.layer_names[:1]}
    made = trainer.AdversarialTrainerOAATPyTorch(
        classifier, subject.trained(), attacked, [], _pgd(classifier), {**_OAAT, **layers}
    )
    before = classifier.predict(subject.x_test)
    made.fit(subject.x[:64], subject.y[:64], batch_size=32, nb_epochs=1)
    assert np.abs(classifier.predict(subject.x_test) - before).max() > 0, "training changed nothing"


def _distillation(subject: Subject) -> None:
    teacher, student = with_probabilities(subject.trained()), with_probabilities(subject.make())
    check_learnt(subject, DefensiveDistillation(teacher, batch_size=32, nb_epochs=6)(subject.x, student))


def _strip(subject: Subject) -> None:
    defended = STRIP(with_probabilities(subject.trained()))()
    defended.mitigate(subject.x[:20])
    predictions = defended.predict(subject.x_test[:10])
    assert predictions.shape == (10, K)
    assert predictions.any(), "it abstains on all samples"


def _neural_cleanse(subject: Subject) -> None:
    NeuralCleanse(subject.trained())(subject.trained())


def _insta_hide(classifier: Any) -> Any:
    from art.defences.preprocessor import Cutout

    return trainer.DPInstaHideTrainer(classifier, augmentations=Cutout(length=2, channels_first=True), scale=0.01)


_MADRY = {**_PGD, "nb_epochs": 1, "batch_size": 32}
CASES: dict[str, Case] = {
    "ActivationDefence": _activation_defence,
    "ClusteringAnalyzer": _clustering,
    "GroundTruthEvaluator": _evaluator,
    "SpectralSignatureDefense": _spectral,
    "ProvenanceDefense": _provenance,
    "RONIDefense": _roni,
    "BinaryInputDetector": _binary_input,
    "BinaryActivationDetector": _binary_activation,
    "SubsetScanningDetector": _subset_scanning,
    "BeyondDetectorPyTorch": _beyond,
    "AdversarialTrainer": _training(lambda c: trainer.AdversarialTrainer(c, _pgd(c), ratio=0.5)),
    "AdversarialTrainerMadryPGD": _training(lambda c: trainer.AdversarialTrainerMadryPGD(c, **_MADRY)),
    "AdversarialTrainerFBFPyTorch": _training(
        lambda c: trainer.AdversarialTrainerFBFPyTorch(c, eps=0.1),
        least=0.05,  # it sets the learning rate to .21
    ),
    "AdversarialTrainerTRADESPyTorch": _training(
        lambda c: trainer.AdversarialTrainerTRADESPyTorch(c, _pgd(c), beta=1.0)
    ),
    "AdversarialTrainerAWPPyTorch": _awp,
    "AdversarialTrainerOAATPyTorch": _oaat,
    "DPInstaHideTrainer": _training(_insta_hide),
    "DefensiveDistillation": _distillation,
    "STRIP": _strip,
    "NeuralCleanse": _neural_cleanse,
}
