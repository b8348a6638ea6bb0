"""What a spiking network has learnt since its conversion, to be kept when its ANN is converted again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

State = Mapping[str, Tensor]
_THRESHOLD = ".threshold"


@dataclass(frozen=True)
class Learnt:
    """By how much weights differ from those of a conversion, and how many times as large thresholds are.

    Args:
        added: Differences of weights by name; empty where nothing was learnt.
        times: Ratios of thresholds by name.
    """

    added: State
    times: State

    def __bool__(self) -> bool:
        return any(bool(v.any()) for v in self.added.values()) or any(bool((v != 1).any()) for v in self.times.values())

    def add_to(self, net: nn.Module) -> None:
        """Change a network that was just converted, in place. Where nothing was learnt, not a bit is changed."""
        if not self:
            return
        with torch.no_grad():
            for name, value in net.state_dict().items():
                if name in self.times:
                    value.mul_(self.times[name])
                elif name in self.added:
                    value.add_(self.added[name])


def learnt_since(net: State, conversions: Sequence[State]) -> Learnt:
    """What makes a network differ from a conversion: from the nearest, where it may stem from several.

    Args:
        net: Weights and thresholds of the network as it is.
        conversions: State of each converted network. The first is the last one that is known of; the others have no
            thresholds of their own, for which the network's stand. They matter where weights were loaded from outside.
    """
    differences = [{k: v - origin[k] for k, v in net.items() if not k.endswith(_THRESHOLD)} for origin in conversions]
    nearest = min(range(len(conversions)), key=lambda i: sum(float((d**2).sum()) for d in differences[i].values()))
    thresholds = {k: v for k, v in net.items() if k.endswith(_THRESHOLD)}
    origin = conversions[0] if nearest == 0 else thresholds
    return Learnt(differences[nearest], {k: v / origin[k] for k, v in thresholds.items()})
