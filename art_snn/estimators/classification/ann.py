"""`AnnClassifier`: an ordinary network that is trained and asked as the spiking ones are."""

from typing import Any

from art.estimators.classification import PyTorchClassifier

from art_snn.estimators.classification.copying import Copying, without_reset
from art_snn.estimators.classification.inputs import Inputs, floating
from art_snn.estimators.classification.streaming import Streaming


class AnnClassifier(Streaming, Inputs, Copying, PyTorchClassifier):
    """ART's `PyTorchClassifier` for an ANN, with the training, copying and inputs of `SpikingClassifier`.

    So `fit` takes a seed and weights of samples, no call moves a global random stream, samples may be of any number
    dtype, labels of either form, and a copy leaves no files behind.

    Args:
        *args: As ART's class takes them.
        **kwargs: Likewise.

    Source: Nicolae et al., Adversarial Robustness Toolbox, 2018, https://arxiv.org/abs/1807.01069.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._initial = without_reset(self.model)

    def _apply_preprocessing(self, x: Any, y: Any, fit: bool = False, no_grad: bool = True) -> tuple[Any, Any]:
        return super()._apply_preprocessing(floating(x), y, fit=fit, no_grad=no_grad)
