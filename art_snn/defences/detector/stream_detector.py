"""The base class of detectors that take event streams besides images or frames."""

from collections.abc import Iterator

from art.estimators.classification import PyTorchClassifier

from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.events import SensorSize, SplitBy, to_frames
from art_snn.typing import Array, Labels


class StreamDetector(SampleDetector):
    """Detector that bins event streams for the classifier.

    Args:
        classifier: Classifier trained on the samples: ART's `PyTorchClassifier` or a spiking one.
        x_train: Training samples, (N, ...), or event streams, an object array (N,).
        y_train: Labels of the training samples, indices (N,) or one-hot (N, K).
        sensor_size: Width and height in pixels, for event streams.
        n_bins: Number of time bins that the classifier takes, for event streams.
        split_by: How `art_snn.events.to_frames` splits event streams into bins.

    Raises:
        TypeError: If the classifier is not a `PyTorchClassifier`.
        ValueError: If samples and labels do not fit or are not finite, or event streams come without sensor size and
            bins.
    """

    _data = frozenset({"sensor_size", "n_bins", "split_by"})
    _takes_events = True

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        sensor_size: SensorSize | None,
        n_bins: int | None,
        split_by: SplitBy,
    ) -> None:
        super().__init__(classifier, x_train, y_train)
        self._binning: tuple[SensorSize, int, SplitBy] | None = None
        if self.x_train.dtype == object:
            if sensor_size is None or n_bins is None:
                raise ValueError("expected sensor_size and n_bins for event streams, got None")
            self._binning = sensor_size, n_bins, split_by
            to_frames(self.x_train[:1], *self._binning)  # raises if the binning is wrong

    def _batches(self, x: Array | None = None) -> Iterator[Array]:
        for batch in super()._batches(x):
            yield batch if self._binning is None else to_frames(batch, *self._binning)
