"""Activations of layers: names, order, batches, hooks, and gradients of a custom loss."""

import numpy as np
import pytest
import torch

from tests.estimators.toys import BOTH, N, T, classifier, plain, samples, spiking_net


def test_layer_names_are_the_hidden_spiking_layers_in_order() -> None:
    assert classifier().layer_names == ["net.1", "net.4"]
    assert classifier(net=spiking_net(end="spikes")).layer_names == ["net.1"]
    assert plain().layer_names == ["net"]  # why ART's detectors find nothing to read


@pytest.mark.parametrize("step_mode", ["m", "s"])
@BOTH
def test_activations_come_samples_first_in_any_batches(shape: tuple[int, ...], step_mode: str) -> None:
    spiking, x = classifier(shape, spiking_net(step_mode)), samples(shape)
    for quantity in ("spikes", "voltage"):
        whole = spiking.get_activations(x, 0, quantity=quantity, reduction="none", flatten=False)
        assert whole.shape == (N, T, 4, 8, 8)
        assert whole.std() > 0
        for reduction, expected in (("rate", whole.mean(1)), ("sum", whole.sum(1)), ("last", whole[:, -1])):
            some = spiking.get_activations(x, "net.1", batch_size=4, quantity=quantity, reduction=reduction)
            assert some.shape == (N, 4 * 8 * 8)
            assert np.allclose(some, expected.reshape(N, -1), atol=1e-5)


def test_activations_equal_a_hook_in_a_raw_loop() -> None:
    spiking, x = classifier(), samples()
    seen = []
    handle = spiking.model.net[1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    spiking.predict(x)
    handle.remove()
    expected = torch.cat(seen).mean(0).flatten(1).numpy()
    assert np.array_equal(spiking.get_activations(x, 0), expected)


def test_several_layers_come_from_one_pass() -> None:
    spiking, x = classifier(), samples()
    together = spiking.get_activations(x, [0, "net.4", "net.0"])
    for activations, name in zip(together, (0, 1, "net.0"), strict=True):
        assert np.allclose(activations, spiking.get_activations(x, name), atol=1e-6)


def test_activations_leave_no_hook_and_no_graph() -> None:
    spiking, x = classifier(), samples()
    for _ in range(3):
        spiking.get_activations(x, 0, quantity="voltage")
    with_gradient = spiking.get_activations(x, 0, framework=True)
    assert with_gradient.requires_grad
    assert all(not module._forward_hooks for module in spiking.model.modules())
    assert not any(getattr(module, "store_v_seq", False) for module in spiking.model.modules())
    stock = plain()
    stock.get_activations(x, 0)
    assert stock.model.net._forward_hooks  # ART leaves its own


def test_unknown_layers_and_missing_voltages_are_errors() -> None:
    spiking, x = classifier(), samples()
    for layer_name, message in ((2, "layer below 2"), ("net.9", "layer to be one of")):
        with pytest.raises(ValueError, match=message):
            spiking.get_activations(x, layer_name)
    with pytest.raises(ValueError, match="spiking neuron for quantity='voltage'"):
        spiking.get_activations(x, "net.0", quantity="voltage")


def test_a_layer_that_runs_twice_has_no_output_of_each_time_step() -> None:
    net = spiking_net()
    net.insert(4, net[4])  # the second neuron fires on its own spikes
    twice = classifier(net=net)

    with pytest.raises(ValueError, match="got one with 6 outputs in 3 time steps"):
        twice.get_activations(samples(), "net.4", reduction="none")


def test_custom_loss_gradient_takes_arrays_and_tensors() -> None:
    spiking, x = classifier(), samples()
    gradient = spiking.custom_loss_gradient(torch.norm, x, x[::-1].copy(), 0)
    as_tensor = spiking.custom_loss_gradient(torch.norm, torch.from_numpy(x), torch.from_numpy(x[::-1].copy()), 0)
    assert gradient.shape == x.shape
    assert np.array_equal(gradient, as_tensor.numpy())
    assert np.abs(gradient).max() > 0
