"""`SpikingModule`: everything that is spiking about a classifier, in one `nn.Module` that maps samples to logits."""

import copy
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, Literal, Self

import torch
from spikingjelly.activation_based import functional
from torch import Tensor, nn

from art_snn import acceleration
from art_snn._validation import check_at_least, check_choice
from art_snn.estimators.classification._encoding import Layout, layout_of, to_sequence, undefined_as_nan
from art_snn.estimators.classification._locking import lock_of
from art_snn.estimators.classification.inspection.structure import check_network, step_mode
from art_snn.neurons.poisson import ENCODINGS, evaluation_thresholds, poisson_spikes, uniform_thresholds

_PIXELS = 256 * 32 * 32  # at once, over samples and time steps: fastest as measured
_FEW = 16  # samples at once though they be large: with fewer, convolutions are slower


class SpikingModule(nn.Module):
    """A spiking network as a function of its input: encoding, loop over time, reset and readout inside.

    Whatever calls the module, in whatever order, gets the same answer: every neuron is reset before and after each
    pass, so no state leaks from one batch into the next, and a copy or a pickle never holds a piece of a graph. Threads
    that call it at once take turns.

    Args:
        net: Any spikingjelly network. In multi-step mode it maps (T, N, C, H, W) to (T, N, K), in single-step mode
            (N, C, H, W) to (N, K). It may end in spikes or in a linear layer, and hold neurons in spikingjelly's
            containers, or of your own making: a `MemoryModule` without neurons inside is one, unless its class says
            `is_neuron = False`. Taken as it is, not copied.
        timesteps: T, at least 1. Needed for static input; for frames, None or their number of bins.
        encoding: How static input becomes time steps. "direct": each step sees the image itself. "poisson": each step
            sees spikes drawn with the pixel as probability (values in [0, 1]; below 0 spikes of -1); in evaluation
            mode against one seeded set of thresholds (T, C, H, W) shared by all samples, in training mode against
            fresh ones. Gradients pass straight through.
        readout: Logits from the outputs over time: their "mean", their "sum", or the "last".
        input_layout: "NCHW" (static), "NTCHW" (frames), or "N(TC)HW" (frames with time folded into the channels, for
            attacks that insist on four axes). None: four axes are static, five are frames.
        accelerate: Swap IF and LIF nodes for their fast equals (`art_snn.acceleration.accelerate`), in place.
        seed: Seed of the Poisson thresholds.

    Raises:
        TypeError: If `net` is no `nn.Module`.
        ValueError: If `net` has no spiking neurons, hides some from `modules()`, draws at random, returns a list, or
            mixes step modes.

    Source: direct encoding and rate readout as in Wu et al., Direct training for spiking neural networks, 2019,
    https://arxiv.org/abs/1809.05793, section 3.
    """

    draws: tuple[int, int]  # of the Poisson thresholds in training: their seed, and how many there were

    def __init__(
        self,
        net: nn.Module,
        timesteps: int | None = None,
        encoding: Literal["direct", "poisson"] = "direct",
        readout: Literal["mean", "sum", "last"] = "mean",
        input_layout: Layout | None = None,
        accelerate: bool = True,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_choice("encoding", encoding, ENCODINGS)
        check_choice("readout", readout, ("mean", "sum", "last"))
        check_choice("input_layout", input_layout, (None, "NCHW", "NTCHW", "N(TC)HW"))
        if timesteps is not None:
            check_at_least("timesteps", timesteps, 1)
        elif input_layout in ("NCHW", "N(TC)HW"):
            raise ValueError(f"expected timesteps for input_layout {input_layout!r}, got None")
        if not isinstance(net, nn.Module):
            raise TypeError(f"expected net to be a torch nn.Module, got {type(net).__name__}")
        check_network(net)
        self.net = acceleration.accelerate(net) if accelerate else net
        self.timesteps, self.encoding, self.readout, self.input_layout = timesteps, encoding, readout, input_layout
        self.seed = seed
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start the Poisson draws of training afresh; the thresholds of evaluation stay those of `self.seed`."""
        self.draws = seed, 0

    def clear_state(self) -> None:
        """Reset every neuron. Not called `reset`, which spikingjelly would call in turn, for ever."""
        with lock_of(self):
            for module in functional.collect_reset_modules(self.net):  # afresh: the structure may have changed
                module.reset()

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, K) of static samples (N, C, H, W) or frames (N, T, C, H, W), of any dtype.

        A sample that holds NaN or infinity gets NaN.

        Raises:
            ValueError: If `x` does not fit the layout, or the network's output is not (T, N, K).
        """
        return deque(self._readings(x), maxlen=1).pop()()

    def logits_at(self, x: Tensor, timesteps: Collection[int]) -> dict[int, Tensor]:
        """Logits (N, K) after each of several numbers of time steps, in evaluation mode.

        All in one pass over the most of them where nothing but the neurons' state connects time steps; a network that
        mixes them, or may (see `acceleration.keeps_time_apart`), runs once for each number.

        Args:
            x: Samples as in `forward`.
            timesteps: Numbers of time steps. They may exceed T for static samples; of frames the first so many enter.

        Returns:
            For each number exactly what `forward` gives with so many time steps.

        Raises:
            ValueError: If `x` does not fit the layout, or frames have fewer time bins.
        """
        layout = layout_of(x, self.input_layout)
        sequence = to_sequence(x, layout, self.timesteps)
        if layout != "NCHW" and max(timesteps) > sequence.shape[1]:
            raise ValueError(
                f"expected timesteps of at most the {sequence.shape[1]} time bins of the frames, got {max(timesteps)}"
            )
        found = dict[int, Tensor]()
        is_apart = step_mode(self.net) == "s" or acceleration.keeps_time_apart(self.net)
        for group in [set(timesteps)] if is_apart else [{t} for t in timesteps]:
            last = max(group)
            seen = x if layout == "NCHW" else x[:, : x.shape[1] // sequence.shape[1] * last]
            with lock_of(self), self._running(last), closing(self._readings(seen)) as readings:
                found |= {t: read() for t, read in enumerate(readings, 1) if t in group}
        return {t: found[t] for t in timesteps}

    @contextmanager
    def _running(self, timesteps: int) -> Iterator[None]:
        """Another number of time steps for a while."""
        before, self.timesteps = self.timesteps, timesteps
        try:
            yield
        finally:
            self.timesteps = before

    def _readings(self, x: Tensor) -> Generator[Callable[[], Tensor]]:
        """After each time step, a function that reads out the logits of the steps so far."""
        body, tail = acceleration.split_readout(self.net) if self.readout == "mean" else (self.net, nn.Identity())
        total, t = None, 0
        with closing(self._outputs_of(body, x)) as chunks:
            for step in (step for chunk in chunks for step in chunk.unbind(0)):
                t, total = t + 1, step if total is None or self.readout == "last" else total + step
                yield partial(self._read, total, t, tail, x)

    def _read(self, total: Tensor, t: int, tail: nn.Module, x: Tensor) -> Tensor:
        """Logits of the sum of t outputs (of the last output alone where that is read)."""
        return undefined_as_nan(tail(total / t) if self.readout == "mean" else total, x)

    def outputs(self, x: Tensor) -> Generator[Tensor]:
        """The network's outputs (T', N, K) in the order of time, in chunks of T' steps that carry the state on.

        Other threads wait for the network until the last one has been taken, or the generator is closed.

        With gradients, in training mode, and for networks that mix time steps, there is one chunk of T steps.
        """
        for chunk in self._outputs_of(self.net, x):
            yield undefined_as_nan(chunk, x, batch_axis=1)

    def _outputs_of(self, net: nn.Module, x: Tensor) -> Generator[Tensor]:
        """Of the network, or of all of it but its last layer."""
        run = _step_by_step if step_mode(self.net) == "s" else nn.Module.__call__
        with lock_of(self):
            self.clear_state()
            try:
                for chunk in self.encoded(x):
                    yield self._checked(run(net, chunk), chunk)
            finally:
                self.clear_state()

    def samples_at_once(self, input_shape: tuple[int, ...]) -> int:
        """Samples of that shape, without N, that go through fastest together in evaluation on a CPU.

        As many as fit its cache over all time steps, so that what is static is computed once, or a few in chunks of T.
        """
        timesteps = self.timesteps or input_shape[0]
        return max(_FEW, _PIXELS // (timesteps * input_shape[-2] * input_shape[-1]))

    def encoded(self, x: Tensor) -> Iterator[Tensor]:
        """What the network sees, (T', N, C, H, W), chunk by chunk: frames stay uint8 until here."""
        layout = layout_of(x, self.input_layout)
        sequence = to_sequence(x, layout, self.timesteps)
        timesteps = self.timesteps or sequence.shape[1]
        length = self._chunk_length(sequence, timesteps)
        chunks = [slice(start, min(start + length, timesteps)) for start in range(0, timesteps, length)]
        if self.encoding == "poisson":
            if layout != "NCHW":
                raise ValueError("expected static samples (N, C, H, W) for encoding='poisson', got frames")
            images = self._own(x)
            thresholds = self._thresholds(images, timesteps)
            yield from (poisson_spikes(images, thresholds[chunk]) for chunk in chunks)
        elif layout == "NCHW":
            yield from (acceleration.constant_sequence(self._own(x[None]), c.stop - c.start) for c in chunks)
        else:
            yield from (self._own(sequence[:, chunk].transpose(0, 1)) for chunk in chunks)

    def _thresholds(self, images: Tensor, timesteps: int) -> Tensor:
        """Of the Poisson code: one fixed set for all samples, or fresh ones for each in training."""
        if not self.training:
            return evaluation_thresholds(timesteps, self.seed, images)
        seed, n = self.draws
        self.draws = seed, n + 1
        return uniform_thresholds((timesteps, *images.shape), (1, *self.draws), images)

    def _chunk_length(self, sequence: Tensor, timesteps: int) -> int:
        """Time steps a chunk: few enough for the cache; all of them where a chunk would change the answer."""
        if torch.is_grad_enabled() or self.training or not acceleration.keeps_time_apart(self.net):
            return timesteps
        pixels = len(sequence) * sequence.shape[-2] * sequence.shape[-1]
        return max(1, min(timesteps, _PIXELS // max(1, pixels)))

    def _own(self, x: Tensor) -> Tensor:
        """A copy in the network's own dtype, which it may write into, in the order in which layers want it."""
        parameter = next(self.net.parameters(), None)
        dtype = torch.get_default_dtype() if parameter is None else parameter.dtype
        return x.to(dtype, copy=True, memory_format=torch.contiguous_format)

    def _checked(self, outputs: Any, steps: Tensor) -> Tensor:
        if not isinstance(outputs, Tensor) or outputs.ndim != 3 or outputs.shape[:2] != steps.shape[:2]:
            got = f"shape {tuple(outputs.shape)}" if isinstance(outputs, Tensor) else f"a {type(outputs).__name__}"
            raise ValueError(
                f"expected the network to map {tuple(steps.shape)} (T, N, C, H, W) to logits (T, N, K), got {got}; "
                "leave time in the outputs: readout='mean' averages it"
            )
        return outputs

    def __getstate__(self) -> dict[str, Any]:
        """A copy or a pickle holds neurons at rest, never a piece of a graph."""
        self.clear_state()
        return dict(self.__dict__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy of the network at rest, while no other thread runs it."""
        twin = memo[id(self)] = type(self).__new__(type(self))
        with lock_of(self):
            nn.Module.__setstate__(twin, copy.deepcopy(self.__getstate__(), memo))  # type: ignore[no-untyped-call]
        return twin

    def extra_repr(self) -> str:
        return (
            f"timesteps={self.timesteps}, encoding={self.encoding!r}, readout={self.readout!r}, "
            f"input_layout={self.input_layout!r}"
        )


def _step_by_step(net: nn.Module, steps: Tensor) -> Any:
    outputs = [net(step.clone()) for step in steps]  # steps may share memory, and the network may write into it
    return torch.stack(outputs) if all(isinstance(output, Tensor) for output in outputs) else outputs[0]
