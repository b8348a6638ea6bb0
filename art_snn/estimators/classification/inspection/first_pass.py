"""What a first pass shows of a spiking network: its hidden layers, and whether it answers as a classifier must."""

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from art_snn._random import host_seed
from art_snn.estimators.classification.inspection.hooks import hooked, hooked_everywhere
from art_snn.estimators.classification.inspection.recording import Form, Watched, in_time
from art_snn.estimators.classification.inspection.structure import has_state, is_spiking, step_mode
from art_snn.estimators.classification.mode import mode

if TYPE_CHECKING:
    from art_snn.estimators.classification.module import SpikingModule  # which looks for step modes itself

_PASSES = 5  # at each of which a network draws that draws at all; another thread, such as a cluster's, does at some


@dataclass(frozen=True)
class Inspection:
    """What was seen of a network.

    Args:
        layer_names: The hidden spiking layers in the order in which they ran; where there are none, the last one.
        watchable: All layers by name that put something out at each time step.
        n_outputs: K of its logits (T, N, K).
        modules: All modules that it had, with their step modes.
    """

    layer_names: list[str]
    watchable: dict[str, Watched]
    n_outputs: int
    modules: dict[str, tuple[nn.Module, Any]]

    def still_holds(self, model: nn.Module) -> bool:
        """Whether no module and no step mode has been changed since."""
        return self.modules == _modules(model)

    def watched(self, module: nn.Module) -> Watched:
        """A layer that is given as a module.

        Raises:
            ValueError: If it does not put something out at each time step.
        """
        for found in self.watchable.values():
            if found.module is module:
                return found
        raise ValueError(f"expected a layer that puts something out at each time step, got {type(module).__name__}")


@dataclass
class _Calls:
    """The calls of one module: the shapes of what came out, and what came in as the network was first run."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)
    taken: list[Tensor] = field(default_factory=list)

    def form(self, n: int, lengths: list[int]) -> Form | None:
        """How N samples were put out in chunks of so many time steps; None if not at each step."""
        timesteps, leading = sum(lengths), {shape[:1] for shape in self.shapes}
        if leading == {(n,)} and len(self.shapes) % timesteps == 0:
            return "step"
        if leading == {(timesteps * n,)}:
            return "folded"
        is_sequence = all(shape[1:2] == (n,) and shape[0] in lengths for shape in self.shapes)
        return "sequence" if is_sequence and sum(shape[0] for shape in self.shapes) % timesteps == 0 else None


Seen = dict[nn.Module, _Calls]


def inspect(model: "SpikingModule", prepare: Callable[[int], Tensor]) -> Inspection:
    """Pass a few samples through a network, twice, and see what runs and what comes out; it is left as it was.

    Args:
        model: The network in its module.
        prepare: Makes so many samples as the network sees them.

    Raises:
        ValueError: If the samples do not pass, the network repeats time itself, draws at random, keeps a state that is
            not reset, or takes samples for time steps or time steps for samples.
    """
    with mode(model, False), torch.no_grad(), host_seed(0):
        for n in (2, 3, 4, 5):  # as many samples as no chunk has time steps: so the axes can be told apart
            x = prepare(n)
            outputs, seen = _watched_pass(model, x)
            lengths = [len(chunk) for chunk in outputs]
            if n not in lengths:
                break
        _check_answers_alike(model, x, torch.cat(outputs))
        forms = {module: calls.form(n, lengths) for module, calls in seen.items()}
        _check_neurons(model, seen, forms)
        _check_drive(model, seen, forms, lengths[0])
        names = {module: name for name, module in model.named_modules()}
        watchable = {names[m]: Watched(m, form) for m, form in forms.items() if form is not None}
        layers = [name for name, watched in watchable.items() if is_spiking(watched.module)]
        if len(layers) > 1 and _is_output(watchable[layers[-1]], model, x):
            layers.pop()
    return Inspection(layers, watchable, outputs[0].shape[2], _modules(model))


def _modules(model: nn.Module) -> dict[str, tuple[nn.Module, Any]]:
    return {name: (module, getattr(module, "step_mode", None)) for name, module in model.named_modules()}


def _watched_pass(model: "SpikingModule", x: Tensor) -> tuple[list[Tensor], Seen]:
    """The outputs chunk by chunk, and the calls of all modules."""
    try:
        with _watching(model.net) as seen:
            outputs = list(model.outputs(x))
    except Exception as error:
        steps = next(model.encoded(x))  # a sample that does not fit the layout is told so here
        if _repeats_time(model, steps):
            raise _repeated(model.net) from error
        if isinstance(error, ValueError) and str(error).startswith("expected the network"):
            raise
        axes = "(T, N, C, H, W)" if step_mode(model.net) == "m" else "one step (N, C, H, W)"
        raise ValueError(
            f"expected a network that maps {axes} to logits, got {type(error).__name__} for samples of shape "
            f"{tuple(steps.shape[2:])}: {str(error)[:300]}"
        ) from error
    return outputs, seen


@contextmanager
def _watching(net: nn.Module) -> Iterator[Seen]:
    """The calls of all modules that this thread runs meanwhile, registered or not."""
    seen: Seen = {}
    thread = threading.get_ident()

    def note(module: nn.Module, taken: tuple[Any, ...], output: Any) -> None:
        if threading.get_ident() != thread:
            return
        calls = seen.setdefault(module, _Calls())
        calls.shapes.append(tuple(output.shape) if isinstance(output, Tensor) else ())
        if net not in seen and is_spiking(module) and taken and isinstance(taken[0], Tensor):
            calls.taken.append(taken[0])

    with hooked_everywhere(note):
        yield seen


def _repeats_time(model: "SpikingModule", steps: Tensor) -> bool:
    """Whether a network that cannot take what its step mode says takes the other, and makes time or runs through it."""
    is_single, n = step_mode(model.net) == "s", steps.shape[1]
    try:
        with _watching(model.net) as seen:
            model.net(steps if is_single else steps[0])
    except Exception:
        return False
    finally:
        model.clear_state()
    shapes = next((calls.shapes for module, calls in seen.items() if is_spiking(module)), [])
    in_turn = len(shapes) > 1 and {shape[:1] for shape in shapes} == {(n,)}
    return in_turn or any(shape[1:2] == (n,) and shape[0] not in (n, steps.shape[2]) for shape in shapes)


def _repeated(net: nn.Module) -> ValueError:
    return ValueError(
        f"expected a network without a loop over time of its own, got one in {type(net).__name__}: SpikingModule "
        "repeats samples and runs through time; in step mode 's' let forward map one step (N, C, H, W) to (N, K), in "
        "'m' all of them, (T, N, C, H, W) to (T, N, K); a class that steps its inside inherits from spikingjelly's "
        "base.MultiStepModule"
    )


def _check_answers_alike(model: "SpikingModule", x: Tensor, first: Tensor) -> None:
    """Nothing is drawn, and no state is left: the second answer is the first."""
    for _ in range(_PASSES):
        before = _streams()
        second = torch.cat(list(model.outputs(x)))
        if _streams() == before:
            break
    else:
        raise ValueError(
            "expected a network that draws nothing at random in evaluation mode, got one that does, at "
            f"{_gambler(model, x)}; to encode samples in spikes use SpikingModule(net, timesteps, encoding='poisson')"
        )
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        raise ValueError(
            "expected the same answer to the same samples twice, got another: something in the network keeps a state "
            "that its reset() does not put back (what MemoryModule.register_memory knows of is), or draws at random"
        )


def _gambler(model: "SpikingModule", x: Tensor) -> str:
    """The type of the module at whose end a global random stream has moved first."""
    before, found = _streams(), list[str]()

    def note(module: nn.Module, _taken: Any, _output: Any) -> None:
        if not found and _streams() != before:
            found.append(type(module).__name__)

    with hooked_everywhere(note):
        list(model.outputs(x))
    return found[0] if found else type(model.net).__name__


def _streams() -> tuple[Any, ...]:
    """Where the global random streams are."""
    numbers: Any = np.random.get_state()  # noqa: NPY002 - looked at, not drawn from
    return random.getstate(), numbers[1].tobytes(), numbers[2], torch.get_rng_state().numpy().tobytes()


def _check_neurons(model: "SpikingModule", seen: Seen, forms: Mapping[nn.Module, Form | None]) -> None:
    """All that have a state are reset, and take time for time."""
    names = {module: name for name, module in model.named_modules()}
    for module in filter(has_state, seen):
        kind = module._get_name()  # type: ignore[no-untyped-call]
        is_single = getattr(module, "step_mode", "m") == "s"
        if module not in names:
            raise ValueError(
                f"expected every neuron to be registered, got a {kind} that runs and that modules() does not know: it "
                "would never be reset; make it an attribute of the module that uses it"
            )
        if forms[module] in (("sequence",) if is_single else ("step", "folded")):
            steps, cure = ("all time steps at once", "'m'") if is_single else ("single time steps", "'s'")
            raise ValueError(
                f"expected {kind} {names[module]!r} in the step mode of its input, got {steps}: it would take samples "
                f"for time steps, or these for samples; call functional.set_step_mode on it with {cure}"
            )
    if not any(map(is_spiking, seen)):
        raise ValueError("expected a network whose spiking neurons run, got one that passes them by")


def _check_drive(model: "SpikingModule", seen: Seen, forms: Mapping[nn.Module, Form | None], length: int) -> None:
    """The neurons that run first are driven once in each of so many time steps."""
    first = next(module for module in seen if is_spiking(module))
    taken = seen[first].taken
    once = length if forms[first] == "step" and step_mode(model.net) == "m" else 1
    if len(taken) > once and torch.equal(taken[0], taken[once]):
        raise _repeated(model.net)


def _is_output(watched: Watched, model: "SpikingModule", x: Tensor) -> bool:
    """Whether the network puts out, unchanged, what a layer does: then a mark on the one is on the other."""
    marked: list[Tensor] = []

    def mark(_module: nn.Module, _taken: Any, output: Tensor) -> Tensor:
        start = sum(tensor.numel() for tensor in marked)
        numbers = torch.arange(start, start + output.numel(), dtype=output.dtype, device=output.device)
        marked.append(in_time(numbers.reshape(output.shape), watched.form, len(x)))
        return numbers.reshape(output.shape)

    with hooked({watched.module: mark}):
        final = torch.cat(list(model.outputs(x)))
    put_out = torch.cat(marked)
    return put_out.shape == final.shape and torch.equal(put_out, final)
