"""Calling `fit` again: what a converted and a hybrid classifier keep, what they forget, and which optimiser it is."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from art.attacks.evasion import AutoProjectedGradientDescent
from art.attacks.poisoning import GradientMatchingAttack
from art.data_generators import NumpyDataGenerator
from art.defences.trainer import AdversarialTrainerFBFPyTorch, AdversarialTrainerMadryPGD
from torch import nn
from torch.optim.lr_scheduler import StepLR

from art_snn._random import host_seed
from art_snn.conversion import JoinedArrays, convert, thresholds
from art_snn.estimators.classification import AnnClassifier, ConvertedClassifier, HybridClassifier
from art_snn.estimators.classification._joint_optimizer import JointOptimizer
from art_snn.estimators.classification._reservoir import Reservoir
from art_snn.models import small_cnn

N, T, K = 12, 6, 3
SHAPE = (1, 8, 8)
BOTH = pytest.mark.parametrize("kind", [ConvertedClassifier, HybridClassifier], ids=["converted", "hybrid"])
X = np.random.default_rng(0).random((N, *SHAPE), dtype=np.float32)
Y = np.arange(N) % K


def classifier(kind: type[ConvertedClassifier], **settings: object) -> ConvertedClassifier:
    net = small_cnn(1, K, pool="avg", width=0.25)
    return kind(net, nn.CrossEntropyLoss(), SHAPE, K, T, clip_values=(0.0, 1.0), **settings)


def weights(net: nn.Module) -> torch.Tensor:
    """All but the thresholds, which calibration decides."""
    return torch.cat([v.flatten() for k, v in net.state_dict().items() if not k.endswith("threshold")])


# --- samples seen before --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "n_runs"), [(1, 100), (7, 400), (40, 400)])
def test_a_reservoir_keeps_each_sample_alike_however_it_came(size: int, n_runs: int) -> None:
    samples, kept = np.arange(40)[:, None], np.zeros(40)
    for seed in range(n_runs):
        reservoir = Reservoir(most=10)
        for start in range(0, 40, size):
            reservoir.add(samples[start : start + size], seed)
        kept[reservoir.samples.ravel()] += 1
    assert kept.sum() == 10 * n_runs
    assert np.abs(kept / n_runs - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / n_runs)  # five standard deviations


def test_a_reservoir_repeats_itself_and_keeps_to_its_bounds() -> None:
    def filled(seed: int) -> Reservoir:
        reservoir = Reservoir(most=100, most_bytes=5 * X[0].nbytes)
        for start in range(0, N, 4):
            reservoir.add(X[start : start + 4], seed)
        return reservoir

    assert len(filled(0)) == 5
    assert filled(0).n_seen == N
    assert np.array_equal(filled(0).samples, filled(0).samples)
    assert not np.array_equal(filled(0).samples, filled(1).samples)
    assert not np.shares_memory(filled(0).samples, X)


def test_a_reservoir_reads_only_what_it_keeps(tmp_path) -> None:
    large = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (20000, 16, 16))
    reservoir = Reservoir(most=8)
    tracemalloc.start()
    reservoir.add(large, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < large.nbytes / 10


def test_two_arrays_together_are_their_concatenation_slice_by_slice() -> None:
    first, second = X[:5].astype(np.float16), X[5:]
    together, whole = JoinedArrays(first, second), np.concatenate([first, second])
    assert len(together) == N
    assert together.dtype == whole.dtype
    assert np.array_equal(together[0], whole[0])
    assert np.array_equal(together[N - 1], whole[N - 1])
    for start in range(N + 1):
        for stop in range(start, N + 3):
            assert np.array_equal(together[start:stop], whole[start:stop])


@pytest.mark.parametrize("method", ["max", "robust"])
def test_a_further_fit_calibrates_on_its_samples_and_on_those_before(method: str) -> None:
    spiking = classifier(ConvertedClassifier, method=method)
    spiking.fit(X, Y, nb_epochs=1)
    spiking.fit(X[:2] / 100, Y[:2], nb_epochs=1)  # dark: alone they would give low thresholds
    together = convert(spiking.ann.model, np.concatenate([X[:2] / 100, X]), method=method)
    alone = convert(spiking.ann.model, X[:2] / 100, method=method)
    assert spiking.thresholds == pytest.approx(thresholds(together))
    assert spiking.thresholds != pytest.approx(thresholds(alone), rel=0.1)


def test_a_generator_calibrates_on_samples_before_as_well() -> None:
    spiking = classifier(ConvertedClassifier)
    spiking.fit(X, Y, nb_epochs=1)
    spiking.fit_generator(NumpyDataGenerator(X[:4] / 100, np.eye(K)[Y[:4]], batch_size=2), nb_epochs=1)
    together = convert(spiking.ann.model, np.concatenate([X[:4] / 100, X]), method="max")
    assert spiking.thresholds == pytest.approx(thresholds(together))


def test_a_conversion_calibrates_on_what_it_is_given_and_forgets_the_rest() -> None:
    spiking = classifier(ConvertedClassifier)
    spiking.fit(X, Y, nb_epochs=1)
    dark = X[:4] / 100
    spiking.convert(dark)
    assert spiking.thresholds == thresholds(convert(spiking.ann.model, dark, method="max"))
    spiking.fit(dark[:2], Y[:2], nb_epochs=1)
    assert spiking.thresholds == pytest.approx(thresholds(convert(spiking.ann.model, dark, method="max")))


@BOTH
def test_one_training_a_batch_a_call_repeats_itself(kind: type[ConvertedClassifier]) -> None:
    def trained() -> torch.Tensor:
        spiking = classifier(kind)
        for start in range(0, N, 4):
            spiking.fit(X[start : start + 4], Y[start : start + 4], nb_epochs=1, batch_size=4)
        return torch.cat([v.flatten() for v in spiking.model.state_dict().values()])

    assert torch.equal(trained(), trained())


# --- what the spiking network has learnt ----------------------------------------------------------------------------


@BOTH
def test_a_further_fit_keeps_what_the_spiking_network_has_learnt(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    spiking.fit(X, Y, nb_epochs=1)
    before = weights(spiking.model.net)
    ann_before = weights(classifier(kind)._unfitted(spiking.ann.model))
    learnt = before - ann_before
    if kind is ConvertedClassifier:  # trained by somebody else, as ART's trainers do
        spiking.model.net.fc2.weight.data += 0.5
        learnt = weights(spiking.model.net) - ann_before
    ConvertedClassifier.fit(spiking, X, Y, nb_epochs=1)  # of a hybrid one without the spiking step, to see the sum
    ann_after = weights(spiking._unfitted(spiking.ann.model))
    assert learnt.abs().max() > 1e-4
    assert not torch.equal(ann_after, ann_before)
    assert torch.allclose(weights(spiking.model.net), ann_after + learnt, atol=1e-6)


def test_a_further_fit_keeps_learnt_thresholds_in_proportion() -> None:
    hybrid = classifier(HybridClassifier, train_thresholds=True, learning_rate=1e-2)
    hybrid.fit(X, Y, nb_epochs=1)
    calibrated = thresholds(convert(hybrid.ann.model, X, method="max"))
    ratio = {name: value / calibrated[name] for name, value in hybrid.thresholds.items()}
    assert max(abs(r - 1) for r in ratio.values()) > 1e-3
    ConvertedClassifier.fit(hybrid, X, Y, nb_epochs=1)
    calibrated = thresholds(convert(hybrid.ann.model, X, method="max"))
    assert hybrid.thresholds == pytest.approx({name: ratio[name] * value for name, value in calibrated.items()})


@BOTH
def test_where_nothing_was_learnt_a_further_fit_is_a_conversion(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    spiking.fit_ann(X, Y, nb_epochs=1)  # the spiking network is still that of the untrained ANN: nothing of its own
    ConvertedClassifier.fit(spiking, X, Y, nb_epochs=1)
    assert torch.equal(weights(spiking.model.net), weights(spiking._unfitted(spiking.ann.model)))


@BOTH
def test_weights_from_outside_are_where_a_further_fit_starts(kind: type[ConvertedClassifier], tmp_path) -> None:
    trained = classifier(kind)
    trained.fit(X, Y, nb_epochs=2)
    trained.save("model", str(tmp_path))
    loaded = kind.load(str(tmp_path / "model"))
    poked = classifier(kind)
    poked.ann.model.load_state_dict(trained.ann.model.state_dict())
    poked.model.load_state_dict(trained.model.state_dict())
    learnt = weights(trained.model.net) - weights(trained._unfitted(trained.ann.model))
    for other in (loaded, poked):
        ConvertedClassifier.fit(other, X, Y, nb_epochs=1)
        expected = weights(other._unfitted(other.ann.model)) + learnt
        assert torch.allclose(weights(other.model.net), expected, atol=1e-6)


@pytest.mark.parametrize("start_afresh", [lambda c: c.convert(X), lambda c: c.reset()], ids=["convert", "reset"])
def test_a_conversion_and_a_reset_start_afresh(start_afresh) -> None:
    hybrid = classifier(HybridClassifier)
    hybrid.fit(X, Y, nb_epochs=1)
    assert not torch.equal(weights(hybrid.model.net), weights(hybrid._unfitted(hybrid.ann.model)))
    start_afresh(hybrid)
    assert torch.equal(weights(hybrid.model.net), weights(hybrid._unfitted(hybrid.ann.model)))
    assert not hybrid.snn_optimizer.state


@BOTH
def test_copies_go_on_as_the_original_would(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    spiking.fit(X, Y, nb_epochs=1)
    copies = [copy.deepcopy(spiking), pickle.loads(pickle.dumps(spiking))]  # noqa: S301 - our own
    for each in (spiking, *copies):
        each.fit(X[:4], Y[:4], nb_epochs=1)
    for other in copies:
        assert torch.equal(weights(other.model), weights(spiking.model))
        assert other.thresholds == spiking.thresholds


# --- the optimiser --------------------------------------------------------------------------------------------------


@BOTH
def test_the_optimizer_is_the_one_that_fit_trains_with(kind: type[ConvertedClassifier]) -> None:
    net = small_cnn(1, K, pool="avg", width=0.25)
    own = torch.optim.SGD(net.parameters(), lr=0.1)
    spiking = kind(net, nn.CrossEntropyLoss(), SHAPE, K, T, optimizer=own)
    assert spiking.optimizer.param_groups[0] is own.param_groups[0]
    groups = [set(map(id, group["params"])) for group in spiking.optimizer.param_groups]
    assert groups == [set(map(id, part.parameters())) for part in (spiking.ann.model, spiking.model)]
    scheduler = StepLR(spiking.optimizer, 1, gamma=0.5)
    spiking.fit(X, Y, nb_epochs=2, scheduler=scheduler)
    assert own.param_groups[0]["lr"] == 0.025
    other = torch.optim.SGD(net.parameters(), lr=0.3)
    spiking.ann.set_params(optimizer=other)
    assert spiking.optimizer.param_groups[0] is other.param_groups[0]


@BOTH
def test_an_optimizer_that_art_puts_in_its_place_is_the_only_one(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    own = torch.optim.SGD(spiking.model.parameters(), lr=0.1)
    spiking._optimizer = own
    assert spiking.optimizer is spiking.snn_optimizer is own
    spiking.set_params(optimizer=torch.optim.SGD(spiking.ann.model.parameters(), lr=0.2))
    assert [group["lr"] for group in spiking.optimizer.param_groups] == [0.2, 0.1]
    spiking._optimizer = None  # as AutoAttack does before it starts processes
    assert [group["lr"] for group in spiking.optimizer.param_groups] == [0.2]


def test_a_step_moves_the_network_that_has_gradients() -> None:
    with host_seed(0):
        networks = nn.Linear(1, 1), nn.Linear(1, 1)
    joint = JointOptimizer(*(torch.optim.SGD(net.parameters(), lr=0.1) for net in networks))
    before = [weights(net).clone() for net in networks]
    joint.zero_grad()
    networks[1](torch.ones(1, 1)).sum().backward()
    joint.step()
    assert torch.equal(weights(networks[0]), before[0])
    assert not torch.equal(weights(networks[1]), before[1])
    twin = copy.deepcopy(joint)
    twin.load_state_dict(joint.state_dict())
    assert [group["lr"] for group in twin.param_groups] == [0.1, 0.1]
    assert not set(map(id, twin.param_groups)) & set(map(id, joint.param_groups))


@BOTH
def test_arts_trainer_that_calls_the_model_itself_trains_the_spiking_network(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    spiking.convert(X)
    before, ann = weights(spiking.model), weights(spiking.ann.model)
    with host_seed(0):
        AdversarialTrainerFBFPyTorch(spiking, eps=0.1).fit(X, np.eye(K)[Y], batch_size=4, nb_epochs=1)
    assert not torch.equal(weights(spiking.model), before)
    assert torch.equal(weights(spiking.ann.model), ann)


@BOTH
def test_arts_trainer_that_calls_fit_once_a_batch_trains_both(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    spiking.fit(X, Y, nb_epochs=1)
    before = weights(spiking.ann.model)
    trainer = AdversarialTrainerMadryPGD(spiking, nb_epochs=1, batch_size=4, eps=0.1, eps_step=0.05, max_iter=1)
    with host_seed(0):
        trainer.fit(X, np.eye(K)[Y])
    assert not torch.equal(weights(spiking.ann.model), before)
    assert np.isfinite(spiking.predict(X)).all()


@BOTH
def test_arts_attack_that_wraps_the_model_anew_takes_the_optimizer(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    spiking.convert(X)
    with host_seed(0):
        attack = AutoProjectedGradientDescent(spiking, eps=0.1, max_iter=1, nb_random_init=1, verbose=False)
        assert attack.generate(X[:2]).shape == X[:2].shape


# --- thresholds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("train_thresholds", [False, True])
def test_a_threshold_that_is_not_trained_is_a_buffer(train_thresholds: bool) -> None:
    hybrid = classifier(HybridClassifier, train_thresholds=train_thresholds)
    named = [name for name, _ in hybrid.model.named_parameters() if name.endswith(".threshold")]
    held = [name for name, _ in hybrid.model.named_buffers() if name.endswith(".threshold")]
    assert (len(named), len(held)) == ((3, 0) if train_thresholds else (0, 3))
    hybrid.convert(X)
    assert set(hybrid.thresholds.values()) != {1.0}


@BOTH
def test_the_loss_has_a_gradient_for_every_parameter(kind: type[ConvertedClassifier]) -> None:
    spiking = classifier(kind)
    spiking.convert(X)
    loss = nn.CrossEntropyLoss()(spiking.model(torch.from_numpy(X)), torch.from_numpy(Y))
    gradients = torch.autograd.grad(loss, spiking.model.parameters(), create_graph=True)
    sum((gradient**2).sum() for gradient in gradients).backward()


def test_gradient_matching_runs_on_a_hybrid_classifier() -> None:
    hybrid = classifier(HybridClassifier)
    hybrid.fit(X, Y, nb_epochs=1)
    attack = GradientMatchingAttack(hybrid, percent_poison=0.5, max_trials=1, max_epochs=1, batch_size=4, verbose=0)
    with host_seed(0):
        poisoned, _ = attack.poison(X[:1], np.eye(K)[[1]], X, np.eye(K)[Y])
    assert 0 < np.abs(poisoned - X).max() <= 0.1 + 1e-6


def test_a_model_that_was_saved_with_thresholds_as_parameters_is_loaded(tmp_path) -> None:
    hybrid = classifier(HybridClassifier, train_thresholds=True)
    hybrid.convert(X)
    frozen = classifier(HybridClassifier)
    frozen.model.net.load_state_dict(hybrid.model.net.state_dict())
    assert frozen.thresholds == hybrid.thresholds


def test_an_ann_is_trained_on_by_a_further_fit() -> None:
    def trained(calls: int, nb_epochs: int) -> torch.Tensor:
        net = small_cnn(1, K, pool="avg", width=0.25)
        plain = AnnClassifier(net, nn.CrossEntropyLoss(), SHAPE, K, torch.optim.SGD(net.parameters(), lr=0.1))
        for _ in range(calls):
            plain.fit(X, Y, batch_size=N, nb_epochs=nb_epochs)
        return weights(net)

    assert torch.allclose(trained(3, 1), trained(1, 3), atol=1e-5)  # one batch an epoch: the order sums otherwise
