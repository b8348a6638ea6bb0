"""Converted and hybrid classifiers: their steps, their time, and the gradient of spike timing against its formula."""

import copy
import gc
import os
import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from art.attacks.evasion import FastGradientMethod
from art.data_generators import NumpyDataGenerator
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import neuron, surrogate
from torch import nn

from art_snn import testing
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.conversion import convert
from art_snn.conversion import thresholds as thresholds_of
from art_snn.data import load_dataset
from art_snn.estimators.classification import ConvertedClassifier, HybridClassifier
from art_snn.metrics import accuracy, attack_success_rate, migration_rate
from art_snn.models import small_cnn, vgg11
from art_snn.neurons import keeps_time_apart
from art_snn.neurons.hybrid import HybridNode, LinearSlope, NamedSlope, SpikeTimingSlope, hybrid_factory

N, T, K = 12, 6, 3
SHAPE = (1, 8, 8)
BOTH = pytest.mark.parametrize("kind", [ConvertedClassifier, HybridClassifier], ids=["converted", "hybrid"])


def ann(seed: int = 0) -> nn.Module:
    return small_cnn(1, K, pool="avg", width=0.25, seed=seed)


def classifier(kind: type[ConvertedClassifier] = ConvertedClassifier, **settings: object) -> ConvertedClassifier:
    net = settings.pop("ann", None) or ann()
    return kind(net, nn.CrossEntropyLoss(), SHAPE, K, settings.pop("timesteps", T), clip_values=(0.0, 1.0), **settings)


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).random((N, *SHAPE), dtype=np.float32)


@pytest.fixture(scope="module")
def y() -> np.ndarray:
    return np.arange(N) % K


def converted(kind: type[ConvertedClassifier], x: np.ndarray, **settings: object) -> ConvertedClassifier:
    """A classifier of an untrained ANN, converted: enough to have opinions."""
    result = classifier(kind, **settings)
    result.convert(x)
    return result


def weights(net: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])


# --- the laws -------------------------------------------------------------------------------------------------------


@BOTH
def test_answers_obey_the_laws(kind, x):
    spiking = converted(kind, x)
    testing.check_tells_samples_apart(spiking, x)
    testing.check_answers_alike_twice(spiking, x)
    testing.check_ignores_batch_size(spiking, x)
    testing.check_follows_the_order(spiking, x)


@BOTH
def test_training_follows_its_seed_alone(kind, x, y):
    testing.check_fit_follows_the_seed(lambda: classifier(kind), x, y)


@BOTH
def test_every_use_restores_the_mode(kind, x, y):
    spiking = converted(kind, x)
    uses = [
        lambda: spiking.predict(x),
        lambda: spiking.predict_at(x, [1, 2]),
        lambda: spiking.convert(x),
        lambda: spiking.loss_gradient(x, y),
    ]
    for use in uses:
        testing.check_restores_the_mode(spiking, use)


@BOTH
def test_any_dtype_and_form_of_labels_trains_alike(kind, x, y):
    whole = np.round(x)
    reference = classifier(kind)
    reference.fit(whole, y, nb_epochs=1)
    for other_x, other_y in ((whole.astype(np.float64), y), (whole.astype(np.uint8), np.eye(K)[y])):
        other = classifier(kind)
        other.fit(other_x, other_y, nb_epochs=1)
        assert torch.equal(weights(other.model), weights(reference.model))


# --- the steps ------------------------------------------------------------------------------------------------------


def test_fit_trains_the_ann_and_converts_it(x, y):
    spiking = classifier()
    before = weights(spiking.ann.model)

    spiking.fit(x, y, batch_size=4, nb_epochs=2)

    assert not torch.equal(weights(spiking.ann.model), before)
    expected = convert(spiking.ann.model, x, method="max")
    assert spiking.thresholds == thresholds_of(expected)
    assert all(torch.equal(a, expected.state_dict()[name]) for name, a in spiking.model.net.state_dict().items())


def test_the_steps_are_apart(x, y):
    spiking = classifier()
    untouched = weights(spiking.model)

    spiking.fit_ann(x, y, nb_epochs=1)
    after_ann = weights(spiking.ann.model)
    assert torch.equal(weights(spiking.model), untouched)

    spiking.convert(x)
    after_conversion = weights(spiking.model)
    assert not torch.equal(after_conversion, untouched)
    assert torch.equal(weights(spiking.ann.model), after_ann)


def test_hybrid_training_leaves_the_ann_alone_and_goes_on_from_the_conversion(x, y):
    hybrid = classifier(HybridClassifier)
    hybrid.fit_ann(x, y, nb_epochs=1)
    hybrid.convert(x)
    of_ann, of_conversion = weights(hybrid.ann.model), weights(hybrid.model)

    hybrid.fit_snn(x, y, batch_size=4, nb_epochs=2)

    moved = (weights(hybrid.model) - of_conversion).abs()
    assert torch.equal(weights(hybrid.ann.model), of_ann)
    assert 0 < moved.max() < 6 * 2e-4  # six steps of Adam with learning rate 1e-4


def test_a_conversion_starts_hybrid_training_afresh(x, y):
    twice, once = converted(HybridClassifier, x), converted(HybridClassifier, x)

    twice.fit_snn(x, y, batch_size=4, nb_epochs=2)
    twice.convert(x)
    for hybrid in (twice, once):
        hybrid.fit_snn(x, y, batch_size=4, nb_epochs=1)

    assert torch.equal(weights(twice.model), weights(once.model))


@pytest.mark.parametrize("train_thresholds", [False, True])
def test_thresholds_are_trained_only_where_that_is_wished(train_thresholds, x, y):
    hybrid = converted(HybridClassifier, x, train_thresholds=train_thresholds, surrogate="atan")
    before = hybrid.thresholds

    hybrid.fit_snn(x, y, batch_size=4, nb_epochs=1)

    assert (hybrid.thresholds != before) is train_thresholds


@BOTH
def test_a_generator_takes_all_the_steps(kind, x, y):
    spiking = classifier(kind)
    untouched = weights(spiking.ann.model), weights(spiking.model)

    spiking.fit_generator(NumpyDataGenerator(x, np.eye(K)[y], batch_size=4), nb_epochs=1)

    expected = convert(spiking.ann.model, x, method="max")
    assert not torch.equal(weights(spiking.ann.model), untouched[0])
    assert spiking.thresholds == pytest.approx(thresholds_of(expected))
    assert torch.equal(weights(spiking.model), weights(expected)) is (kind is ConvertedClassifier)


def test_the_ann_is_a_classifier_of_arts_own(x, y):
    spiking = converted(ConvertedClassifier, x)
    assert isinstance(spiking.ann, PyTorchClassifier)
    assert spiking.ann.predict(x).shape == (N, K)
    assert FastGradientMethod(spiking.ann, eps=0.1).generate(x).shape == x.shape


def test_calibration_draws_as_many_samples_as_wished(x, y):
    few = classifier(n_calibration=3).calibration_samples(x, seed=1)
    assert len(few) == 3
    assert all(any(np.array_equal(row, other) for other in x) for row in few)
    assert classifier().calibration_samples(x) is x


def test_calibration_copies_no_data_set():
    counts, labels = np.ones((8192, *SHAPE), np.uint8), np.eye(K)[np.arange(8192) % K]
    generator = NumpyDataGenerator(counts.astype(np.float32), labels, batch_size=128)
    spiking = classifier(n_calibration=16, preprocessing=(0.5, 0.25))
    for use in (lambda: spiking.convert(counts), lambda: spiking.fit_generator(generator, 1)):
        use()
        gc.collect()
        tracemalloc.start()
        use()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2 * counts.nbytes  # as floats they take 4 times that


def test_a_generator_calibrates_on_as_many_samples_as_wished(x, y, monkeypatch):
    seen = []
    monkeypatch.setattr(ConvertedClassifier, "convert", lambda self, x_calibration: seen.append(x_calibration))
    for n_calibration in (5, None):
        generator = NumpyDataGenerator(x, np.eye(K)[y], batch_size=4)
        classifier(n_calibration=n_calibration).fit_generator(generator, nb_epochs=1)
    assert [len(samples) for samples in seen] == [5, N]
    assert len(np.unique(seen[0], axis=0)) == 5
    assert all(any(np.array_equal(row, other) for other in x) for row in seen[0])


def test_preprocessing_reaches_calibration_and_spiking_network_alike(x):
    net = ann()
    standardised = classifier(ann=net, preprocessing=(0.5, 0.25), timesteps=64)
    plain = classifier(ann=copy.deepcopy(net), timesteps=64)

    standardised.convert(x)
    plain.convert((x - 0.5) / 0.25)

    assert standardised.thresholds == pytest.approx(plain.thresholds)
    assert standardised.predict(x) == pytest.approx(plain.predict((x - 0.5) / 0.25), abs=1e-5)


def test_input_gradients_of_a_converted_network_are_not_zero(x, y):
    assert np.abs(converted(ConvertedClassifier, x).loss_gradient(x, y)).max() > 0


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("readout", ["mean", "sum", "last"])
def test_predict_at_is_predict_with_that_many_steps(readout, x):
    spiking = converted(ConvertedClassifier, x, readout=readout)

    at = spiking.predict_at(x, timesteps=[9, 1, T], batch_size=5)

    assert list(at) == [9, 1, T]
    assert spiking.model.timesteps == T
    for timesteps, logits in at.items():
        other = converted(ConvertedClassifier, x, readout=readout, timesteps=timesteps)
        assert logits == pytest.approx(other.predict(x), abs=1e-5)


def test_predict_at_accepts_no_samples(x):
    assert converted(ConvertedClassifier, x).predict_at(x[:0], [2])[2].shape == (0, K)


@pytest.mark.parametrize("timesteps", [[], [0], [2.5]])
def test_predict_at_rejects_what_is_no_number_of_steps(timesteps, x):
    with pytest.raises((ValueError, TypeError), match="expected timesteps to be"):
        converted(ConvertedClassifier, x).predict_at(x, timesteps)


@BOTH
def test_many_steps_run_in_pieces_of_time(kind):
    """What a layer holds at once stays below a bound that the number of steps does not enter."""
    images = np.random.default_rng(0).random((64, 3, 32, 32), dtype=np.float32)
    spiking = kind(small_cnn(3, K, pool="avg", width=0.1), nn.CrossEntropyLoss(), images.shape[1:], K, 40)
    held = []
    spiking.model.net.act1.register_forward_hook(lambda _, inputs, output: held.append(len(output) * output.shape[1]))

    assert keeps_time_apart(spiking.model.net)
    spiking.predict_at(images, [40])

    assert sum(held) == 40 * 64
    assert max(held) <= 40 * 64 / 8


# --- copies ---------------------------------------------------------------------------------------------------------


@BOTH
def test_copies_answer_alike_and_leave_no_files(kind, x, y, tmp_path, monkeypatch):
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(tmp_path))
    spiking = classifier(kind)
    spiking.fit(x, y, nb_epochs=1)
    spiking.loss_gradient(x, y)
    for other in (copy.deepcopy(spiking), pickle.loads(pickle.dumps(spiking))):  # noqa: S301 - our own
        assert np.array_equal(other.predict(x), spiking.predict(x))
        assert np.array_equal(other.ann.predict(x), spiking.ann.predict(x))
    assert os.listdir(tmp_path) == []


@BOTH
def test_a_clone_refits_its_own_ann_and_converts_again(kind, x, y):
    spiking = classifier(kind)
    spiking.fit(x, y, nb_epochs=2)
    before = weights(spiking.model), weights(spiking.ann.model)

    clone = spiking.clone_for_refitting()
    assert set(clone.thresholds.values()) == {1.0}
    assert not torch.equal(weights(clone.ann.model), before[1])
    clone.fit(x, y, nb_epochs=2)

    assert type(clone) is kind
    assert torch.equal(weights(spiking.model), before[0])
    assert torch.equal(weights(spiking.ann.model), before[1])
    fresh = classifier(kind).clone_for_refitting()  # whose optimisers never had anything to remember
    fresh.fit(x, y, nb_epochs=2)
    assert torch.equal(weights(fresh.model), weights(clone.model))
    assert set(clone.thresholds.values()) != {1.0}


def test_reset_draws_other_weights_for_another_seed(x):
    spiking = converted(ConvertedClassifier, x)
    drawn = []
    for seed in (0, 0, 1):
        spiking.reset(seed)
        drawn.append(weights(spiking.model))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@BOTH
def test_after_a_reset_training_is_as_if_it_were_the_first(kind, x, y):
    used, fresh = classifier(kind), classifier(kind)
    used.fit(x, y, nb_epochs=2)

    for spiking in (used, fresh):
        spiking.reset(seed=1)
        spiking.fit(x, y, nb_epochs=2)

    assert torch.equal(weights(used.model), weights(fresh.model))
    assert torch.equal(weights(used.ann.model), weights(fresh.ann.model))


@BOTH
def test_save_and_load_bring_back_both_networks_and_all_settings(kind, x, y, tmp_path):
    own = {"surrogate": "linear", "leak": 0.9, "learning_rate": 1e-3} if kind is HybridClassifier else {}
    spiking = classifier(kind, method="robust", scale=0.8, percentile=98.5, readout="sum", **own)
    spiking.fit(x, y, nb_epochs=1)

    spiking.save("saved", str(tmp_path))
    other = kind.load(str(tmp_path / "saved"))

    assert sorted(os.listdir(tmp_path)) == ["saved.json", "saved.safetensors"]
    assert np.array_equal(other.predict(x), spiking.predict(x))
    assert np.array_equal(other.ann.predict(x), spiking.ann.predict(x))
    assert repr(other.model) == repr(spiking.model)
    assert all(getattr(other, name) == getattr(spiking, name) for name in kind._setting_names)


def test_a_card_is_loaded_by_its_own_class_only(x, tmp_path):
    converted(ConvertedClassifier, x).save("saved", str(tmp_path))
    with pytest.raises(ValueError, match=r"saved\.safetensors: expected a HybridClassifier, got a ConvertedClassifier"):
        HybridClassifier.load(str(tmp_path / "saved"))


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"timesteps": 0}, "expected timesteps to be at least 1, got 0"),
        ({"method": "mean"}, "expected method to be one of"),
        ({"method": "fraction"}, "expected scale between 0 and 1"),
        ({"percentile": 101}, "expected percentile in"),
        ({"n_calibration": 0}, "expected n_calibration to be at least 1"),
        ({"ann": small_cnn(1, K)}, "got MaxPool2d at 'pool1'"),
        ({"surrogate": "step"}, "expected surrogate to be one of 'stdb', 'linear', 'rectangular'"),
        ({"leak": 0.0}, r"expected leak in \(0, 1\], got 0.0"),
        ({"alpha": 0.0}, "expected alpha to be a finite number above 0"),
        ({"learning_rate": -1.0}, "expected learning_rate to be a finite number above 0"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(wrong, message):
    with pytest.raises(ValueError, match=message):
        classifier(HybridClassifier, **wrong)


@BOTH
def test_bad_calibration_data_change_nothing(kind, x):
    spiking = converted(kind, x)
    before = weights(spiking.model)
    for bad in (x[:0], np.full_like(x, np.nan), x[:, :, 1:]):
        with pytest.raises(ValueError, match="expected"):
            spiking.convert(bad)
    assert torch.equal(weights(spiking.model), before)


# --- the neurons of hybrid training ---------------------------------------------------------------------------------


def run(node: HybridNode, x: torch.Tensor) -> torch.Tensor:
    spikes = node(x)
    node.reset()
    return spikes


def slow_stdb(x: np.ndarray, wanted: np.ndarray, leak: float, alpha: float, beta: float) -> tuple[np.ndarray, ...]:
    """Spikes of each neuron, and the gradient of sum(wanted * spikes), in plain loops from the formulas."""
    spikes, gradient = np.zeros_like(x), np.zeros_like(x)
    for n in range(x.shape[1]):
        u, last, slope = 0.0, None, np.zeros(len(x))
        for t in range(len(x)):
            u = leak * u + x[t, n]
            slope[t] = 0.0 if last is None else alpha * np.exp(-beta * (t - last))
            if u >= 1:
                spikes[t, n], u, last = 1.0, u - 1, t
        for t in range(len(x)):
            gradient[t, n] = sum(wanted[s, n] * slope[s] * leak ** (s - t) for s in range(t, len(x)))
    return spikes, gradient


@pytest.mark.parametrize("leak", [1.0, 0.75])
@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.01), (0.7, 0.5)])
def test_the_stdb_gradient_is_that_of_the_formula(leak, alpha, beta):
    rng = np.random.default_rng(0)
    drive, wanted = rng.random((30, 20)) * np.linspace(0, 1, 20), rng.normal(size=(30, 20))
    x = torch.tensor(drive, requires_grad=True)

    spikes = run(HybridNode(SpikeTimingSlope(alpha, beta), leak), x)
    (spikes * torch.tensor(wanted)).sum().backward()

    expected_spikes, expected_gradient = slow_stdb(drive, wanted, leak, alpha, beta)
    assert 0 < expected_spikes.mean() < 0.5
    assert np.array_equal(spikes.detach().numpy(), expected_spikes)
    assert x.grad.numpy() == pytest.approx(expected_gradient, abs=1e-12)


def test_a_neuron_that_never_spiked_has_no_stdb_gradient():
    x = torch.full((10, 2), 0.05, requires_grad=True)
    run(hybrid_factory("stdb")(), x).sum().backward()
    assert not x.grad.any()


def test_the_linear_slope_is_a_triangle():
    distance = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 3.0])
    assert LinearSlope(0.3)(distance, 0.0).tolist() == pytest.approx([0, 0, 0.15, 0.3, 0.15, 0])


@pytest.mark.parametrize("name", ["atan", "sigmoid", "rectangular"])
def test_a_named_surrogate_gives_the_gradient_of_spikingjellys_node(name):
    slope = hybrid_factory(name)().slope
    reference = neuron.IFNode(v_reset=None, detach_reset=True, surrogate_function=slope.surrogate, step_mode="m")
    draws = torch.rand(8, 5, 7, generator=torch.Generator().manual_seed(0))
    gradients = []
    for node in (hybrid_factory(name)(), reference):
        x = draws.clone().requires_grad_(True)
        (run(node, x) * draws.flip(0)).sum().backward()
        gradients.append(x.grad)
    assert torch.allclose(*gradients, atol=1e-6)


def test_a_threshold_and_a_slope_count_in_units_of_the_threshold():
    draws = torch.rand(8, 5, generator=torch.Generator().manual_seed(0))
    gradients = []
    for scale in (1.0, 4.0):
        x = (scale * draws).requires_grad_(True)
        run(HybridNode(NamedSlope(surrogate.ATan()), v_threshold=scale), x).sum().backward()
        gradients.append(x.grad * scale)
    assert torch.allclose(*gradients, atol=1e-6)


def test_leaky_potentials_and_soft_reset_by_hand():
    node = HybridNode(LinearSlope(), leak=0.5)
    x = torch.tensor([[0.75], [0.75], [0.75], [2.0]])
    node.store_v_seq = True
    # h: 0.75, 1.125 (spike), 0.0625 + 0.75 = 0.8125, 0.40625 + 2 (spike)
    assert node(x).flatten().tolist() == [0, 1, 0, 1]
    assert node.v_seq.flatten().tolist() == [0.75, 0.125, 0.8125, 1.40625]


@pytest.mark.parametrize("name", ["stdb", "linear"])
def test_state_is_carried_from_one_piece_of_time_to_the_next(name):
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(0))
    node = hybrid_factory(name, leak=0.9)()
    whole, gradients = run(node, x), []
    pieces = torch.cat([node(x[:4]), node(x[4:])])
    node.step_mode = "s"
    node.reset()
    steps = torch.stack([node(step) for step in x])
    assert torch.equal(pieces, whole)
    assert torch.equal(steps, whole)
    assert whole.any()
    for split in (9, 4):
        node.step_mode = "m"
        node.reset()
        leaf = x.clone().requires_grad_(True)
        torch.cat([node(piece) for piece in leaf.split(split)]).sum().backward()
        gradients.append(leaf.grad)
    node.reset()
    assert torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("leak", [1.0, 0.9])
def test_without_gradients_a_neuron_does_the_same(leak):
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(0)) * torch.linspace(0, 1, 6)
    x[5:] /= 10  # some neurons spike early and not again
    seen = []
    for grad in (True, False):
        node = hybrid_factory("stdb", leak=leak)()
        with torch.set_grad_enabled(grad):
            spikes = torch.cat([node(piece.clone().requires_grad_(grad)) for piece in (x[:4], x[4:])])
        seen.append((spikes, node.v, node.since))
    assert seen[0][0].any()
    assert seen[0][2].isinf().any()
    for one, other in zip(*seen, strict=True):
        assert torch.equal(one, other)


def test_a_neuron_without_leak_runs_fused_where_no_gradient_is_wanted(monkeypatch):
    monkeypatch.delattr("art_snn.neurons.hybrid._Integrate")  # what keeps slopes
    with torch.no_grad():
        assert hybrid_factory("stdb")()(torch.ones(3, 2)).all()


def test_the_gradient_of_a_neuron_can_be_differentiated():
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight = torch.ones(9, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad((weight * run(hybrid_factory("linear")(), x)).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), weight)
    assert second.any()


def test_a_dropout_mask_holds_for_all_time_steps(x):
    images = np.repeat(np.repeat(x, 4, 2), 4, 3)
    hybrid = HybridClassifier(vgg11(1, K, pool="avg", width=0.1), nn.CrossEntropyLoss(), images.shape[1:], K, T)
    dropout = hybrid.model.net.dropout1.train()
    with torch.random.fork_rng(devices=[]):
        kept = dropout(torch.ones(T, N, 51))
    dropout.reset()
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept, kept[:1].expand_as(kept))


# --- what it must show ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_converted_network_keeps_accuracy_and_backdoor_of_its_ann():
    digits = load_dataset("digits")
    backdoor = TriggerBackdoor(PatchTrigger(2), target_class=1, percent_poison=0.1)
    poisoned = backdoor.poison_dataset(digits.x_train, digits.y_train)
    triggered, _ = backdoor.poison(digits.x_test)
    spiking = ConvertedClassifier(small_cnn(1, 10, pool="avg"), nn.CrossEntropyLoss(), (1, 16, 16), 10, timesteps=128)

    spiking.fit(poisoned.x, poisoned.y, batch_size=32, nb_epochs=5)

    accuracies, rates = {}, {}
    for name, predict in (("ann", spiking.ann.predict), ("snn", spiking.predict)):
        accuracies[name] = accuracy(digits.y_test, predict(digits.x_test))
        rates[name] = attack_success_rate(digits.y_test, predict(triggered), 1)
    assert accuracies["ann"] > 0.95
    assert abs(accuracies["snn"] - accuracies["ann"]) <= 0.01
    assert migration_rate(rates["snn"], rates["ann"]) >= 0.97
