"""`set_params`: the settings of a classifier changed after construction, all of them or none."""

from typing import Any

import numpy as np
import torch
from art.preprocessing.standardisation_mean_std.pytorch import StandardisationMeanStdPyTorch
from torch import nn

from art_snn.estimators.classification._host import Host

# What ART's constructor makes of a loss: whether labels are reduced to one a sample, to indices, and may be shares
_LABELS_OF_LOSS: tuple[tuple[tuple[type[nn.Module], ...], tuple[bool, bool, bool]], ...] = (
    ((nn.CrossEntropyLoss,), (True, True, True)),
    ((nn.NLLLoss, nn.MultiMarginLoss), (True, True, False)),
    ((nn.BCELoss, nn.BCEWithLogitsLoss), (True, False, False)),
)
_FIXED = ("device_type", "input_shape", "nb_classes")  # the model has been tried with them


class Settings(Host):
    """`set_params` for ART's `PyTorchClassifier`."""

    preprocessing_operations: list[Any]
    model: Any

    def set_params(self, **kwargs: Any) -> None:
        """Change settings, with the meaning that they have in the constructor.

        Args:
            **kwargs: Any that `get_params` returns. `device_type`, `input_shape` and `nb_classes` only as they are.

        Raises:
            ValueError: If a name or a value will not do; nothing has been changed then.
        """
        self._check_settable(kwargs)
        before = self.__dict__.copy()
        self.preprocessing_operations = list(self.preprocessing_operations)  # ART's code empties the list that it finds
        try:
            self._set(kwargs)
        except Exception:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _set(self, kwargs: dict[str, Any]) -> None:
        others = {name: value for name, value in kwargs.items() if name != "model"}
        if "preprocessing" in others:
            others["preprocessing"] = standardisation(others["preprocessing"], self._device_type)
        super().set_params(**others)
        if "loss" in others:
            self._reduce_labels, self._int_labels, self._probability_labels = _labels_of(self._loss)
        if any(name.startswith("preprocessing") for name in others):
            self.look_into_model()

    def look_into_model(self) -> None:
        """Try the model on samples as they are preprocessed; nothing to see where it has no neurons."""

    def _check_settable(self, kwargs: dict[str, Any]) -> None:
        unknown = kwargs.keys() - set(self.estimator_params)
        if unknown:
            raise ValueError(f"expected names of get_params, got {', '.join(sorted(unknown))}")
        for name in _FIXED:
            value, now = kwargs.get(name, ()), getattr(self, name)
            if name in kwargs and (tuple(value) if name == "input_shape" else value) != now:
                raise ValueError(f"expected {name}={now!r} as it was made, got {value!r}: make a new classifier")
        # ART's own code would put a model where its wrapper belongs, and take a row of a batch for the logits of all
        if kwargs.get("model", self.model) is not self.model:
            raise ValueError("expected the model that the classifier was made for, got another: make a new classifier")
        if kwargs.get("use_amp"):
            raise ValueError("expected use_amp=False, got True: a network is trained in its own precision here")
        if kwargs.get("optimizer") is not None:
            check_trains(kwargs["optimizer"], self.model)


def check_trains(optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    """An optimiser of this model and no other: steps would change nothing, without a word.

    Raises:
        ValueError: If it has none of the model's parameters.
    """
    own = {id(parameter) for parameter in model.parameters()}
    if not any(id(parameter) in own for group in optimizer.param_groups for parameter in group["params"]):
        raise ValueError("expected an optimizer over parameters of the network that it trains, got one over others")


def standardisation(preprocessing: Any, device_type: str) -> Any:
    """(mean, standard deviation) as ART's constructor takes it, vectors per channel; anything else as it is."""
    if not isinstance(preprocessing, tuple):
        return preprocessing
    mean, std = per_channel(preprocessing)
    return StandardisationMeanStdPyTorch(mean=mean, std=std, device_type=device_type)


def per_channel(preprocessing: Any) -> Any:
    """Vectors as (C, 1, 1): ART would take a vector as long as the number of time bins for one along time."""
    if not isinstance(preprocessing, tuple):
        return preprocessing
    return tuple(np.reshape(v, (-1, 1, 1)) if np.ndim(v) == 1 else v for v in preprocessing)


def _labels_of(loss: Any) -> tuple[bool, bool, bool]:
    for kinds, labels in _LABELS_OF_LOSS:
        if isinstance(loss, kinds):
            return labels
    return False, False, False
