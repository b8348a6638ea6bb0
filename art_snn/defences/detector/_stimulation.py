"""What stimulating one neuron at a time does to the classes: the sweep of artificial brain stimulation."""

from dataclasses import dataclass
from typing import Literal

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from torch.nn import functional as F

from art_snn._random import host_seed
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.differentiable import logits
from art_snn.estimators.classification.inspection import Side, Watched, read, stimulated, trace

Stimulus = Literal["input", "rate"]
_SIDE: dict[Stimulus, Side] = {"input": "input", "rate": "output"}


@dataclass(frozen=True, eq=False)
class Stimulation:
    """A layer whose neurons are stimulated one at a time, all pixels of a channel alike.

    Args:
        classifier: Classifier in evaluation mode.
        name: Name of the layer.
        layer: The layer, with the form in which it puts out time.
        stimulus: "input" sets what enters a neuron, "rate" what leaves it.
    """

    classifier: PyTorchClassifier
    name: str
    layer: Watched
    stimulus: Stimulus

    def currents(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean over time of what enters the neurons, (N, C, ...), with gradients, and the logits (N, K)."""
        with read(self.layer, "input", "rate", len(x)) as recording:
            outputs = logits(self.classifier, x)
        return recording.result(rule_of(self.classifier).timesteps), outputs

    def levels(self, highest: float, n_levels: int, order: Tensor) -> Tensor:
        """Values of a stimulated channel at each level and time step, (L, T), rising from level to level.

        Args:
            highest: Highest value.
            n_levels: Number of levels above 0. Levels that give the same spike trains are one.
            order: The time steps (T,) in the order in which a rate that rises fills them with spikes; all else than
                the rate of a spiking neuron is constant over time.
        """
        shares = torch.arange(1, n_levels + 1, device=order.device) / n_levels
        if self.stimulus == "input" or not rule_of(self.classifier).is_spiking:
            return highest * shares[:, None].expand(-1, len(order))
        counts = sorted({round(float(share) * len(order)) for share in shares} - {0})
        fills = order.argsort() < torch.tensor(counts, device=order.device)[:, None]
        return fills.float() * highest

    @torch.no_grad()
    def elevations(self, x: Tensor, values: Tensor, batch_size: int) -> Tensor:
        """Rise of each sample's logits as each channel is set to the values (L, T) of each level, (C, L, N, K)."""
        currents, usual = self.currents(x)
        n_channels, n_levels, n = currents.shape[1], len(values), len(x)
        risen = []
        for rows in torch.split(torch.arange(n_channels * n_levels * n, device=x.device), batch_size):
            channels, levels, samples = rows // (n_levels * n), rows // n % n_levels, rows % n
            with stimulated(self.layer, _SIDE[self.stimulus], channels, values[levels].T):
                risen.append(logits(self.classifier, x[samples]) - usual[samples])
        return torch.cat(risen).reshape(n_channels, n_levels, n, -1)


def stimulations(classifier: PyTorchClassifier, stimulus: Stimulus) -> list[Stimulation]:
    """The hidden layers of a classifier that run once in each time step, in order: neurons, or an ANN's activations.

    Raises:
        ValueError: If there is none.
    """
    rule = rule_of(classifier)
    with host_seed(0):  # ART's own class moves the global streams in predict; nothing depends on them
        features = rule.feature_layers()
    modules = dict(classifier.model.named_modules())
    calls = trace(classifier).calls
    answers = [call.output for call in calls if call.module is rule.network]
    outputs = {call.module for call in calls if any(call.output is answer for answer in answers)}
    names = [name for name in features if name in modules and f"{name}:2" not in features]
    hidden = [name for name in names if modules[name] not in outputs]
    if not hidden:
        raise ValueError("expected a hidden layer of neurons or rectifiers that runs once in each time step, got none")
    return [Stimulation(classifier, name, rule.watched(modules[name]), stimulus) for name in hidden]


def lifts(elevations: Tensor, share: float) -> Tensor:
    """How far each channel, at its best level, lifts each class above all others for a share of samples, (C, K).

    Args:
        elevations: Rise of the logits, (C, L, N, K).
        share: Share of samples that count, in (0, 1].

    >>> lifts(torch.tensor([[[[0.0, 3.0], [1.0, 3.0]]]]), share=1.0)
    tensor([[-3.,  2.]])
    """
    highest, second = torch.split(elevations.topk(2, dim=-1).values, 1, dim=-1)
    is_highest = F.one_hot(elevations.argmax(-1), elevations.shape[-1]).bool()
    differences = elevations - torch.where(is_highest, second, highest)
    return torch.quantile(differences, 1 - share, dim=2).amax(1)
