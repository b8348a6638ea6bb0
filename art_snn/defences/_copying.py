"""A new estimator like a given one, and surgery on it: the given one stays as it is."""

import copy

from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional
from torch import nn

from art_snn._detached import detached_copy
from art_snn.estimators.classification import SpikingModule
from art_snn.estimators.classification.copying import Copying, without_reset
from art_snn.models import Network


def copy_of(classifier: PyTorchClassifier) -> PyTorchClassifier:
    """A classifier with copies of the model and of the optimiser, which is bound to the copy's parameters.

    ART's own class cannot be copied as it is: its copies leave files behind, and fail once activations were read.

    Args:
        classifier: ART's, or one of its subclasses with the same constructor.
    """
    if isinstance(classifier, Copying):
        return copy.deepcopy(classifier)
    model, optimizer, loss = detached_copy((classifier.model, classifier.optimizer, classifier.loss))
    return type(classifier)(
        model=model,
        loss=loss,
        input_shape=classifier.input_shape,
        nb_classes=classifier.nb_classes,
        optimizer=optimizer,
        channels_first=classifier.channels_first,
        clip_values=classifier.clip_values,
        preprocessing_defences=classifier.preprocessing_defences,
        postprocessing_defences=classifier.postprocessing_defences,
        preprocessing=classifier.preprocessing,
        device_type=classifier.device_type,
    )


def network_of(classifier: PyTorchClassifier) -> nn.Module:
    """The network itself: an ANN's model, or what is inside a `SpikingModule`."""
    net: nn.Module = classifier.model.net if isinstance(classifier.model, SpikingModule) else classifier.model
    return net


def replace_network(classifier: PyTorchClassifier, net: nn.Module) -> None:
    """Put another network into a classifier, or the same after surgery, in place.

    Whatever remembers the old structure is told: names of layers, spikingjelly's cache of what to reset, and the recipe
    that would build the network without the change.
    """
    if isinstance(net, Network):
        net.recipe = None
    if isinstance(classifier.model, SpikingModule):
        classifier.model.net = net
        functional.invalidate_reset_cache(classifier.model)
        classifier.look_into_model()
    else:
        classifier._model = classifier._make_model_wrapper(net)
        classifier._layer_names = classifier._model.get_layers
    if isinstance(classifier, Copying):
        classifier._initial = without_reset(classifier.model)
