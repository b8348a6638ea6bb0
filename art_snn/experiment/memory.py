"""Whether an experiment fits into memory, estimated from below before anything of it is made."""

from collections.abc import Sequence

import torch

from art_snn._free_space import check_memory
from art_snn.data import Dataset
from art_snn.estimators.classification.inspection import hooked
from art_snn.experiment.building import make_network
from art_snn.experiment.sections import Model, rules
from art_snn.experiment.spec import Experiment
from art_snn.lazy_rows import is_mapped

_FLOAT = 4  # bytes
_COPIES = 7  # of the weights of each model: as it was given, and twice trained, each with two moments of Adam
_AT_ONCE = 16  # samples that are predicted at once, at least
_BEYOND_ALL = 10**30


def check_fits(spec: Experiment, dataset: Dataset, models: Sequence[Model]) -> None:
    """The samples again, the weights of these models, and a training step of the largest, fit into free memory.

    Raises:
        MemoryError: If they do not.
    """
    poisoned = sum(x.nbytes for x in (dataset.x_train, dataset.x_test) if not is_mapped(x))
    check_memory("copies of the samples with triggers", poisoned, "set a limit, or fewer n_bins")
    weights = _FLOAT * _COPIES * len(models) * _n_weights(spec, dataset)
    check_memory(f"the weights of {len(models)} models of {spec.network.name}", weights, "make them narrower")
    steps = max(_steps(spec, model) for model in models)
    n_samples = min(max(spec.training_of(model).batch_size for model in models), len(dataset.x_train))
    batch = f"the activations of a batch of {n_samples} samples over {steps} time steps"
    cure = "choose a smaller batch_size, or fewer time steps"
    check_memory(batch, _FLOAT * n_samples * steps * _n_activations(spec, dataset), cure)
    longest = max(model.timesteps or 0 for model in models)
    check_memory(
        f"the outputs over timesteps={longest}", _FLOAT * _AT_ONCE * longest * len(dataset.classes), "choose fewer"
    )


def _n_weights(spec: Experiment, dataset: Dataset) -> int:
    """Of the network, which is laid out without its memory."""
    try:
        with torch.device("meta"):
            net = make_network(spec, dataset)
    except (RuntimeError, OverflowError, TypeError):  # torch's, of numbers that it cannot hold
        return _BEYOND_ALL
    return sum(parameter.numel() for parameter in net.parameters())


def _n_activations(spec: Experiment, dataset: Dataset) -> int:
    """Outputs of all layers for one sample at one time step."""
    net, counts = make_network(spec, dataset).eval(), list[int]()
    layers = [module for module in net.modules() if next(module.children(), None) is None]
    counting = dict.fromkeys(layers, lambda _module, _inputs, output: counts.append(output.numel()))
    with torch.no_grad(), hooked(counting):
        net(torch.zeros(1, *dataset.x_train.shape[-3:]))
    return sum(counts)


def _steps(spec: Experiment, model: Model) -> int:
    """Time steps through which a model is trained at once."""
    if spec.data.is_neuromorphic:
        return int(spec.data.n_bins)
    return model.timesteps or 1 if "snn" in rules()[model.rule].training_steps else 1
