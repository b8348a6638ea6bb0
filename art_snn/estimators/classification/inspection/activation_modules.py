"""The activation modules of an ordinary network, and what modules put out or take in during a pass."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn

from art_snn.estimators.classification.inspection.hooks import hooked
from art_snn.typing import Array


def activation_modules(net: nn.Module) -> dict[str, nn.Module]:
    """Modules of torch's activation functions, such as `nn.ReLU`, by name."""
    return {name: module for name, module in net.named_modules() if type(module).__module__ == nn.ReLU.__module__}


@contextmanager
def passing(modules: Mapping[str, nn.Module], *, inputs: bool = False) -> Iterator[dict[str, Array]]:
    """What modules put out, or take in, while the block runs, by name and in order of their calls.

    The second call of one module is called `name:2`.
    """
    seen: dict[str, Array] = {}
    calls: Counter[str] = Counter()

    def note(name: str, tensor: Tensor) -> None:
        calls[name] += 1
        seen[name if calls[name] == 1 else f"{name}:{calls[name]}"] = tensor.detach().cpu().numpy().copy()

    before = {module: lambda _, args, name=name: note(name, args[0]) for name, module in modules.items()}
    after = {module: lambda _, __, output, name=name: note(name, output) for name, module in modules.items()}
    with hooked(before=before) if inputs else hooked(after):  # the call may change its input in place
        yield seen
