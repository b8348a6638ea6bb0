"""Cases of preprocessors and postprocessors: a classifier is trained behind each, or asked, and differentiated."""

from collections.abc import Callable
from typing import Any

import art.defences.postprocessor as post
import art.defences.preprocessor as pre
import numpy as np
from art.preprocessing import expectation_over_transformation as eot
from art.preprocessing.standardisation_mean_std import StandardisationMeanStd, StandardisationMeanStdPyTorch

from tests.compatibility.checks import check_learnt, check_predictions
from tests.compatibility.subjects import K, Subject

Case = Callable[[Subject], None]
_FIRST = {"channels_first": True}


def _fitted(make: Callable[[Subject], Any]) -> Case:
    """Training, prediction and the gradient."""

    def case(subject: Subject) -> None:
        classifier = subject.make(preprocessing_defences=make(subject))
        classifier.fit(subject.x, subject.y, batch_size=32, nb_epochs=6)
        check_learnt(subject, classifier, 0.2)
        gradient = classifier.loss_gradient(subject.x_test[:4], subject.y_test[:4])
        assert gradient.shape == (4, *subject.shape)
        assert np.abs(gradient).max() > 0, "the gradient is zero"

    return case


def _thermometer(subject: Subject) -> None:
    """Training and prediction: with one channel ART's own gradient has lost an axis."""
    encoding = pre.ThermometerEncoding(num_space=4, **_FIRST, **_clip(subject))
    classifier = subject.make(4, preprocessing_defences=encoding)
    classifier.fit(subject.x[:100], subject.y[:100], batch_size=5, nb_epochs=3)
    check_predictions(classifier.predict(subject.x_test[:10]), 10)


def _asked(make: Callable[[Subject], Any]) -> Case:
    """Prediction and gradient of a classifier that was trained without."""

    def case(subject: Subject) -> None:
        classifier = subject.trained(preprocessing_defences=make(subject))
        n = len(classifier.predict(subject.x_test[:10]))  # expectation over transformation: so many of each sample
        check_predictions(classifier.predict(subject.x_test[:10]), n)
        assert n % 10 == 0
        gradient = classifier.loss_gradient(subject.x_test[:4], subject.y_test[:4])
        assert gradient.shape == (4, *subject.shape)
        assert np.abs(gradient).max() > 0, "the gradient is zero"

    return case


def _behind(make: Callable[[], Any], *, is_decided: bool = False) -> Case:
    """A postprocessor changes predictions, and not the gradient."""

    def case(subject: Subject) -> None:
        plain, defended = subject.trained(), subject.trained(postprocessing_defences=make())
        predictions = defended.predict(subject.x_test)
        assert predictions.shape == (len(subject.x_test), K)
        assert not np.array_equal(predictions, plain.predict(subject.x_test)), "predictions are not changed"
        gradients = (c.loss_gradient(subject.x_test[:4], subject.y_test[:4]) for c in (plain, defended))
        assert np.array_equal(*gradients)
        assert not is_decided or (predictions.sum(1) == 1).all(), "rows of other than one class"

    return case


def _clip(subject: Subject) -> dict[str, Any]:
    return {"clip_values": subject.clip_values}


def _standardised(make: Callable[..., Any]) -> Case:
    def case(subject: Subject) -> None:
        classifier = subject.make(preprocessing=make(mean=0.25, std=0.5))
        classifier.fit(subject.x, subject.y, batch_size=32, nb_epochs=6)
        check_learnt(subject, classifier)

    return case


CASES: dict[str, Case] = {
    "CutMix": _fitted(lambda s: pre.CutMix(num_classes=K, **_FIRST)),
    "CutMixPyTorch": _fitted(lambda s: pre.CutMixPyTorch(num_classes=K, **_FIRST)),
    "Cutout": _fitted(lambda s: pre.Cutout(length=3, **_FIRST)),
    "CutoutPyTorch": _fitted(lambda s: pre.CutoutPyTorch(length=3, **_FIRST)),
    "Mixup": _fitted(lambda s: pre.Mixup(num_classes=K)),
    "MixupPyTorch": _fitted(lambda s: pre.MixupPyTorch(num_classes=K)),
    "FeatureSqueezing": _fitted(lambda s: pre.FeatureSqueezing(bit_depth=3, **_clip(s))),
    "GaussianAugmentation": _fitted(lambda s: pre.GaussianAugmentation(sigma=0.1, augmentation=False, **_clip(s))),
    "JpegCompression": _fitted(lambda s: pre.JpegCompression(quality=80, **_FIRST, **_clip(s))),
    "LabelSmoothing": _fitted(lambda s: pre.LabelSmoothing(max_value=0.9)),
    "SpatialSmoothing": _fitted(lambda s: pre.SpatialSmoothing(window_size=3, **_FIRST)),
    "SpatialSmoothingPyTorch": _fitted(lambda s: pre.SpatialSmoothingPyTorch(window_size=3, **_FIRST)),
    "ThermometerEncoding": _thermometer,
    "TotalVarMin": _asked(lambda s: pre.TotalVarMin(max_iter=1, **_clip(s))),
    "VideoCompression": _asked(lambda s: pre.VideoCompression(video_format="mp4", constant_rate_factor=20, **_FIRST)),
    "VideoCompressionPyTorch": _asked(
        lambda s: pre.VideoCompressionPyTorch(video_format="mp4", constant_rate_factor=20, **_FIRST)
    ),
    "EoTImageCenterCropPyTorch": _asked(
        lambda s: eot.EoTImageCenterCropPyTorch(2, label_type="classification", **_clip(s))
    ),
    "EoTImageRotationPyTorch": _asked(
        lambda s: eot.EoTImageRotationPyTorch(2, angles=10.0, label_type="classification", **_clip(s))
    ),
    "EoTBrightnessPyTorch": _asked(lambda s: eot.EoTBrightnessPyTorch(2, delta=0.1, **_clip(s))),
    "EoTContrastPyTorch": _asked(lambda s: eot.EoTContrastPyTorch(2, contrast_factor=0.9, **_clip(s))),
    "EoTGaussianNoisePyTorch": _asked(lambda s: eot.EoTGaussianNoisePyTorch(2, std=0.1, **_clip(s))),
    "EoTShotNoisePyTorch": _asked(lambda s: eot.EoTShotNoisePyTorch(2, lam=10.0, **_clip(s))),
    "EoTZoomBlurPyTorch": _asked(lambda s: eot.EoTZoomBlurPyTorch(2, zoom=1.2, **_clip(s))),
    "StandardisationMeanStd": _standardised(StandardisationMeanStd),
    "StandardisationMeanStdPyTorch": _standardised(StandardisationMeanStdPyTorch),
    "ClassLabels": _behind(post.ClassLabels, is_decided=True),
    "GaussianNoise": _behind(lambda: post.GaussianNoise(scale=0.1)),
    "HighConfidence": _behind(lambda: post.HighConfidence(cutoff=0.5)),
    "ReverseSigmoid": _behind(lambda: post.ReverseSigmoid(beta=1.0, gamma=0.1)),
    "Rounded": _behind(lambda: post.Rounded(decimals=1)),
}
