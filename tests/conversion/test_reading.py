"""What conversion reads of an ANN is what the ANN computes, however its forward pass is written, or it is refused."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from art_snn.conversion.tracing import trace
from tests.forward_passes import SAMPLES, SHAPE, Forward, assert_read, net

RIGHT: dict[str, Forward] = {}
REFUSED: dict[str, tuple[Forward, str]] = {}


def right(forward: Forward) -> Forward:
    RIGHT[forward.__name__] = forward
    return forward


def refused(message: str) -> Callable[[Forward], Forward]:
    def note(forward: Forward) -> Forward:
        REFUSED[forward.__name__] = forward, message
        return forward

    return note


# --- writes in place ------------------------------------------------------------------------------------------------


@right
def a_rectifier_in_place_with_readers_before_and_after(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    before, rectified = self.conv2(h), self.inplace(h)
    return self.last((self.relu(before) + rectified + h).flatten(1))


@right
def a_rectifier_in_place_whose_result_nobody_takes(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    self.inplace(h)
    return self.last(self.flat(h))


@right
def writes_of_every_spelling(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    kept = h
    h += self.conv2(h)
    h.add_(self.conv1(x), alpha=0.5)
    operator.iadd(h, self.conv1(x))
    torch.sub(h, self.conv2(kept), out=h)
    h *= 0.5
    return self.last(self.relu2(kept).flatten(1))


@right
def an_assignment_of_everything(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    h[...] = self.conv2(h)
    kept = torch.zeros_like(h)
    kept.copy_(h)
    h[:] = self.conv1(x)
    h[:, :] += 1
    return self.last(self.relu2(h + kept).flatten(1))


@right
def a_write_that_views_see(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    flat = h.view(len(h), -1)
    self.inplace(h)
    return self.last(flat)


@right
def a_write_through_a_chain_of_views(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    self.inplace(h.flatten(1).view(h.shape))
    return self.last(h.flatten(1))


@right
def a_write_through_what_has_no_history(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    h.data.add_(0.5)
    h.detach().mul_(2)
    return self.last(self.relu(h).flatten(1))


@right
def a_write_in_inference_mode(self: Any, x: Tensor) -> Tensor:
    with torch.inference_mode():
        h = self.conv1(x)
        kept = h + 0.5
        self.inplace(h)
        return self.last((h + kept * self.gain).flatten(1))


@right
def a_write_into_a_copy(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    self.inplace(h.clone())
    return self.last(self.flat(self.relu(self.conv2(h))))


@right
def a_reshape_that_copies(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x).to(memory_format=torch.channels_last)
    flat = h.reshape(len(h), -1)
    self.inplace(h)
    return self.last(flat) + self.last(self.flat(h))


@right
def a_write_into_the_input(self: Any, x: Tensor) -> Tensor:
    y = self.inplace(x)
    x += 1
    return self.last(self.relu(self.conv1(x) + y).flatten(1))


@right
def dropout_in_place(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    return self.last((self.conv2(self.drop_(h)) + h).flatten(1))


@right
def a_rectifier_in_place_after_dropout(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    dropped = self.drop(h)
    self.inplace(dropped)
    return self.last((self.conv2(dropped) + h).flatten(1))


@right
def a_write_after_batch_norm(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    normed = self.norm(h)
    h += 1
    return self.last(self.flat(self.inplace(normed)))


@refused("got setitem|got the function getitem")
def an_assignment_to_a_part(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    h[:, 0] = self.conv2(h)[:, 0]
    return self.last(h.flatten(1))


@refused("got the function chunk")
def a_write_into_a_part(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    first, second = h.chunk(2, dim=1)
    first += second
    return self.last(h.flatten(1))


@refused("ordinary dense tensors.*leave such as torch.func.vmap")
def one_sample_after_the_other(self: Any, x: Tensor) -> Tensor:
    return self.last(self.relu(torch.func.vmap(lambda sample: self.conv1(sample[None])[0])(x)).flatten(1))


@refused("got add in Own, which writes in place; compute a new tensor")
def a_write_through_another_view_than_is_read(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    flat = h.flatten(1)
    flat += 1
    return self.last(self.relu2(self.conv2(h)).flatten(1))


# --- functions, keywords, shapes ------------------------------------------------------------------------------------


@right
def keywords_everywhere(self: Any, x: Tensor) -> Tensor:
    h = self.relu(input=self.conv1(input=x))
    total = torch.add(input=h, other=self.conv2(h), alpha=2)
    return self.last(input=torch.flatten(input=total, start_dim=1))


@right
def constants(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(2 * x - 0.5) / 3)
    return -self.last((h * self.gain - self.offset + (1 - h) + torch.rsub(h, self.conv2(h), alpha=2)).flatten(1))


@right
def sums_that_repeat(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    h = h + h
    h += h
    return self.last(sum([h, h]).flatten(1))


@right
def lengths_and_shapes(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    n, channels, *sides = h.shape
    assert h.dim() == 4
    assert x.size(1) == 1
    return self.last(h.view(len(x), -1)) + self.last(h.reshape(-1, channels * int(np.prod(sides))) + h.view(n, 32))


@right
def defaults(self: Any, x: Tensor, features: bool = False, *, mask: Tensor | None = None) -> Any:
    h = self.relu(self.conv1(x)) if mask is None else mask
    return (self.last(h.flatten(1)), h) if features else self.last(h.flatten(1))


@right
def a_branch_on_the_mode(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    return self.last((h + torch.rand_like(h) if self.training else h).flatten(1))


@right
def an_activation_that_is_kept(self: Any, x: Tensor) -> Tensor:
    self.kept = [self.conv1(x)]
    self.named = {"h": self.relu(self.kept[0])}
    self.mean = self.named["h"].mean()  # a function without counterpart, on which no logit depends
    return self.last(self.named["h"].flatten(1))


@right
def a_rectifier_at_either_end(self: Any, x: Tensor) -> Tensor:
    return self.relu2(self.last(self.flat(self.conv1(self.relu(x))))) - 0.1


@right
def a_rectifier_that_nobody_reads(self: Any, x: Tensor) -> Tensor:
    h = self.conv1(x)
    self.relu2(h - 100)
    return self.last(self.relu(h).flatten(1))


@refused("whose forward needs the argument 'mask' too")
def a_second_argument(self: Any, x: Tensor, mask: Tensor) -> Tensor:
    return self.last((self.relu(self.conv1(x)) * mask).flatten(1))


@refused("whose forward needs the argument 'mask' too")
def a_second_argument_by_name(self: Any, x: Tensor, *, mask: Tensor) -> Tensor:
    return self.last((self.relu(self.conv1(x)) * mask).flatten(1))


@refused("does not branch on its input, got Own: bool in Own")
def a_branch_on_values(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    return self.last(h.flatten(1)) if h.sum() > -1 else self.last(2 * h.flatten(1))


@refused("does not branch on its input, got Own: item in Own")
def a_value_in_python(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    return self.last((h / h.max().item()).flatten(1))


@refused("number of samples")
def a_branch_on_the_number_of_samples(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    return self.last((h if len(x) > 2 else 2 * h).flatten(1))


@refused("got the function flip in Own")
def samples_in_another_order(self: Any, x: Tensor) -> Tensor:
    return self.last(self.relu(self.conv1(x.flip(0))).flatten(1))


@refused("answers the same samples differently each time")
def noise(self: Any, x: Tensor) -> Tensor:
    return self.last(self.relu(self.conv1(x) + torch.randn(1)).flatten(1))


@refused("answers the same samples differently each time")
def memory_of_the_last_call(self: Any, x: Tensor) -> Tensor:
    h = self.relu(self.conv1(x))
    before, self.before = getattr(self, "before", 0.0), h.mean(0)
    return self.last((h + before).flatten(1))


@refused("got BatchNorm2d at 'norm' in training mode")
def batch_norm_in_training_mode(self: Any, x: Tensor) -> Tensor:
    self.norm.train()
    return self.last(self.relu(self.norm(self.conv1(x))).flatten(1))


@refused("got the function relu in Own; use the module nn.ReLU")
def a_functional_rectifier(self: Any, x: Tensor) -> Tensor:
    return self.last(F.relu(self.conv1(x)).flatten(1))


@refused("got the function dropout in Own; use the module nn.Dropout")
def functional_dropout(self: Any, x: Tensor) -> Tensor:
    return self.last(F.dropout(self.relu(self.conv1(x)), training=self.training).flatten(1))


@refused("returns a tuple; wrap it in a module whose forward returns the logits")
def two_outputs(self: Any, x: Tensor) -> Any:
    return self.last(self.relu(self.conv1(x)).flatten(1)), x


@refused("returns a dict with the keys 'logits'")
def named_outputs(self: Any, x: Tensor) -> Any:
    return {"logits": self.last(self.relu(self.conv1(x)).flatten(1))}


@pytest.mark.parametrize("name", RIGHT)
def test_a_forward_pass_is_read_as_it_computes(name):
    assert_read(net(RIGHT[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_a_forward_pass_that_no_layers_compute_is_refused_by_name(name):
    forward, message = REFUSED[name]
    with pytest.raises(ValueError, match=f"expected .*({message})"):
        trace(net(forward), SAMPLES)


def step(self: Any, pool: list[Tensor], kind: int, i: int, j: int) -> None:
    """One step of a random forward pass: a new tensor, a write, or another view of the same memory."""
    a, b = pool[i % len(pool)], pool[j % len(pool)]
    new = [
        lambda: self.conv2(a),
        lambda: self.relu(a),
        lambda: self.inplace(a),
        lambda: a + b,
        lambda: a.add_(b, alpha=-0.5),
        lambda: a.mul_(0.75),
        lambda: torch.sub(a, other=b, out=a),
        lambda: a.view_as(b),
        lambda: self.drop(a),
        lambda: a.detach(),
        lambda: self.inplace(a.flatten(1).view(a.shape)),
        lambda: a.__setitem__(..., b) or a,
    ][kind]()
    pool.append(new)


@settings(max_examples=30)
@given(steps=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_any_sequence_of_writes_and_views_is_read_as_it_computes(steps):
    def forward(self: Any, x: Tensor) -> Tensor:
        pool = [self.conv1(x)]
        for kind, i, j in steps:
            step(self, pool, kind, i, j)
        return self.last(self.flat(self.relu2(sum(pool)))) + 1

    assert_read(net(forward))


def calls_of(forward: Forward) -> dict[str, tuple[str, ...]]:
    """For each layer that is called the layers whose results it takes; sums by their place."""
    calls = trace(net(forward), SAMPLES).calls
    names = ["input", *(call.layer or f"sum {at}" for at, call in enumerate(calls))]
    return {names[at + 1]: tuple(names[number] for number in call.inputs) for at, call in enumerate(calls)}


def test_dropout_drops_for_its_own_readers_and_in_place_for_all():
    def forward(drop: str) -> Forward:
        return lambda self, x: self.last(
            (self.conv2(getattr(self, drop)(h := self.relu(self.conv1(x)))) + h).flatten(1)
        )

    assert calls_of(forward("drop"))["sum 4"] == ("conv2", "relu")
    assert calls_of(forward("drop_"))["sum 4"] == ("conv2", "drop_")


def test_what_no_logit_depends_on_is_left_out():
    assert list(calls_of(a_rectifier_that_nobody_reads)) == ["conv1", "relu", "flatten", "last"]


@pytest.mark.parametrize("name", ["a_rectifier_in_place_with_readers_before_and_after", "a_write_that_views_see"])
def test_a_network_on_no_device_is_read_by_its_shapes(name):
    ann = net(RIGHT[name])
    assert trace(ann.to("meta"), torch.empty(5, *SHAPE, device="meta")).calls == trace(net(RIGHT[name]), SAMPLES).calls
