"""A trigger network that is trained together with the classifier: its gradient, its bounds, its file."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks import PoisoningAttackTransformer
from torch import Tensor, nn
from torch.func import functional_call

from art_snn import testing as laws
from art_snn.attacks.poisoning import BackdoorAttack, DataAttack, DynamicBackdoor, SpikingAutoencoder
from art_snn.attacks.poisoning._joint_training import look_ahead_loss
from art_snn.estimators.classification import ConvertedClassifier
from art_snn.evaluations import BackdoorEvaluation
from art_snn.models import build
from art_snn.typing import Images, Indices
from tests.attacks.trigger_networks import FIT, TARGET, K, X, Y, attack, awake, classifier, learnt
from tests.backdoored import bars


class Smooth(nn.Module):
    """Two layers of sigmoids in double precision."""

    def __init__(self, n_in: int, n_out: int, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        self.first, self.last = (
            nn.Parameter(torch.from_numpy(rng.normal(size=shape))) for shape in ((n_in, 4), (4, n_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.first) @ self.last


def test_the_gradient_into_the_trigger_network_is_of_second_order() -> None:
    rng, share, rates = np.random.default_rng(0), 0.4, {"first": 0.7, "last": 0.3}
    x, y = torch.from_numpy(rng.normal(size=(5, 3))), torch.tensor([0, 1, 2, 0, 1])
    model, network, target = Smooth(3, K, 1), Smooth(3, 3, 2), torch.full((5,), TARGET)
    loss, weights = nn.functional.cross_entropy, dict(model.named_parameters())

    def triggered() -> Tensor:
        return x + 0.5 * torch.tanh(network(x))

    def after_a_step() -> float:
        """The same by copies and plain gradients of first order."""
        now = (1 - share) * loss(model(x), y) + share * loss(model(triggered().detach()), target)
        steps = torch.autograd.grad(now, list(weights.values()))
        ahead = Smooth(3, K, 1)
        with torch.no_grad():
            for (name, value), step in zip(ahead.named_parameters(), steps, strict=True):
                value -= rates[name] * step
            return float(loss(ahead(triggered()), target))

    clean = torch.autograd.grad((1 - share) * loss(model(x), y), list(weights.values()))
    value = look_ahead_loss(
        lambda values, some: functional_call(model, dict(values), (some,)),
        weights,
        rates,
        dict(zip(weights, clean, strict=True)),
        triggered(),
        lambda logits: loss(logits, target),
        share,
    )
    gradients = torch.autograd.grad(value, list(network.parameters()))

    assert value.item() == pytest.approx(after_a_step(), rel=1e-12)
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        for place in np.ndindex(*parameter.shape):
            two = []
            for step in (1e-5, -1e-5):
                parameter.data[place] += step
                two.append(after_a_step())
                parameter.data[place] -= step
            assert float(gradient[place]) == pytest.approx((two[0] - two[1]) / 2e-5, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("shape", "n_convolutions"),
    [((2, 2, 34, 34), 2), ((1, 2, 128, 128), 4), ((1, 2, 180, 180), 3), ((2, 2, 16, 23), 2), ((3, 28, 28), 2)],
)
def test_the_trigger_network_gives_back_the_shape_of_any_sensor(shape: tuple[int, ...], n_convolutions: int) -> None:
    x = torch.ones(1, *shape)
    net = SpikingAutoencoder(shape, 1)
    out = net(x)

    assert out.shape == (1, *shape)
    assert sum(type(part).__name__.endswith("ConvTranspose2d") for part in net.net) == n_convolutions
    assert SpikingAutoencoder(shape, 1, two_sided=True)(x).shape[-3] == 2 * shape[-3]


def test_the_trigger_network_keeps_no_state_and_moves_no_stream() -> None:
    net = SpikingAutoencoder((3, 2, 16, 16), 4, seed=3).eval()
    x = torch.from_numpy(X[:4].astype(np.float32))

    assert torch.equal(net(x), net(x))
    assert set(net(3 * x).unique().tolist()) <= {0.0, 1.0}
    again, other = (SpikingAutoencoder((3, 2, 16, 16), 4, seed=seed).net[0].weight for seed in (3, 4))
    assert torch.equal(net.net[0].weight, again)
    assert not torch.equal(again, other)


@pytest.mark.parametrize("kind", ["ann", "lif"])
def test_no_value_of_a_frame_changes_by_more_than_gamma(kind: str) -> None:
    trained = learnt(kind, gamma=0.25)
    shown, counted = trained.trigger_test(X, Y)
    change = shown - X

    assert shown.dtype == np.float32
    assert 0 < change.max() <= 0.25 * np.tanh(1) + 1e-6
    assert change.min() == 0
    assert (counted == (Y != TARGET)).all()


def test_images_stay_within_the_clip_values_of_the_classifier() -> None:
    x = np.random.default_rng(0).choice([0.0, 1.0], (24, 1, 16, 16)).astype(np.float32)
    one = classifier("lif", (1, 16, 16))
    one.set_params(clip_values=(0.0, 1.0))
    made = attack(gamma=5.0, autoencoder=awake(shape=(1, 16, 16)))
    trained = made.train(one, x, Y, **FIT)[1].attack
    shown, _ = trained.trigger_test(x, Y)

    assert tuple(trained.clip_values) == (0.0, 1.0)
    assert (shown != x).any()
    assert shown.min() >= 0
    assert shown.max() <= 1


@pytest.mark.parametrize("valid", [False, True])
def test_gamma_zero_changes_nothing(valid: bool) -> None:
    trained = learnt(gamma=0.0, valid_frames=valid)

    assert np.array_equal(trained.poison(X)[0], X)


@pytest.mark.parametrize(
    ("budget", "limits"), [(None, (0.1, 0.1)), (0.2, (0.2, 0.2)), ((5, 0), (5, 0)), ((0, 7), (0, 7))]
)
def test_valid_frames_are_counts_within_the_budget(budget: Any, limits: tuple[float, float]) -> None:
    trained = learnt(valid_frames=True, budget=budget)
    shown = trained.poison(X)[0]
    change = shown.astype(int) - X
    most = [limit * X.reshape(24, -1).sum(1) if limit < 1 else limit for limit in limits]
    inserted, removed = (np.maximum(sign * change, 0).reshape(24, -1).sum(1) for sign in (1, -1))

    assert shown.dtype == X.dtype
    assert (inserted <= most[0]).all()
    assert (removed <= most[1]).all()
    assert (inserted + removed).all()
    assert abs(change).max() == 1


def test_a_full_cell_gets_no_event() -> None:
    trained = learnt(valid_frames=True, budget=500)
    full = np.full_like(X, 255)

    assert (trained.poison(full)[0] <= full).all()
    assert (trained.poison(X)[0] > X).any()


def trainable() -> dict[str, DynamicBackdoor]:
    return {
        "free": attack(),
        "valid": attack(valid_frames=True),
        "given": attack(autoencoder=SpikingAutoencoder(X.shape[1:], 3)),
    }


@pytest.mark.parametrize("name", trainable())
def test_the_laws_of_attacks_that_train_hold(name: str) -> None:
    one = trainable()[name]
    before = {} if one.autoencoder is None else {n: v.clone() for n, v in one.autoencoder.state_dict().items()}
    laws.check_attack_trains(one, lambda: classifier("lif", X.shape[1:]), X, Y, batch_size=12, nb_epochs=1)

    after = {} if one.autoencoder is None else one.autoencoder.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert (one.autoencoder is None) == (name != "given")


def test_the_trigger_network_learns() -> None:
    start, end = awake(), learnt().autoencoder

    assert not torch.equal(start.net[0].weight, end.net[0].weight)  # type: ignore[union-attr]


def test_the_last_epochs_leave_the_trigger_network_alone() -> None:
    """So one epoch of both and any number of further ones end with the same trigger."""
    short, long = (
        attack(nb_epochs_frozen=n).train(classifier("lif", X.shape[1:]), X, Y, batch_size=12, nb_epochs=n + 1)[1].attack
        for n in (0, 2)
    )

    for one, other in zip(short.autoencoder.parameters(), long.autoencoder.parameters(), strict=True):  # type: ignore[attr-defined]
        assert torch.equal(one, other)


def test_poison_estimator_trains_a_copy_and_learns_the_trigger() -> None:
    given = classifier("lif", X.shape[1:])
    before = given.predict(X)
    one = DynamicBackdoor(given, TARGET, channels=2)
    poisoned = one.poison_estimator(X, Y, **FIT)
    by_train, record = attack().train(classifier("lif", X.shape[1:]), X, Y, **FIT)

    assert np.array_equal(given.predict(X), before)
    assert np.array_equal(poisoned.predict(X), by_train.predict(X))
    assert np.array_equal(one.poison(X)[0], record.attack.trigger_test(X, Y)[0])
    with pytest.raises(TypeError, match="expected the attack to have a classifier"):
        attack().poison_estimator(X, Y)


def test_every_row_counts_as_changed() -> None:
    _, record = attack(gamma=0.5).train(classifier("ann", X.shape[1:]), X, Y, **FIT)
    shown = record.attack.trigger_test(X, Y)[0]
    found = record.poisoned

    assert found.rows == tuple(range(24))
    assert found.n_relabelled == (Y != TARGET).sum()
    assert found.mean_change == pytest.approx(abs(shown - X).mean(), rel=1e-5)


@pytest.mark.parametrize("valid", [False, True])
def test_the_laws_of_arts_attacks_hold(valid: bool) -> None:
    one = learnt(valid_frames=valid, gamma=0.5)
    laws.check_attack_keeps_rows(one, X, Y)
    laws.check_attack_labels(one, X, Y)
    laws.check_attack_leaves_data_alone(one, X, Y)
    laws.check_attack_rejects_unknown(one, X, Y)
    laws.check_attack_is_arts(one, PoisoningAttackTransformer)
    laws.check_attack_params(one)
    assert isinstance(one, BackdoorAttack)
    assert not isinstance(one, DataAttack)


def test_a_converted_classifier_gets_the_backdoor_of_its_ann() -> None:
    images, labels = _images()
    net = build("small_cnn", in_channels=1, nb_classes=4, pool="avg", width=0.25)
    one = ConvertedClassifier(net, nn.CrossEntropyLoss(), (1, 16, 16), 4, timesteps=8)
    evaluation = BackdoorEvaluation(attack(), {"converted": one})
    (row,) = evaluation.evaluate(images, labels, images, labels, verbose=False, **FIT)

    assert row.migration is not None


def _images() -> tuple[Images, Indices]:
    x, y = bars(24)
    return np.repeat(np.repeat(x, 2, 2), 2, 3), y


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"target_class": -1}, ValueError, "target_class to be at least 0"),
        ({"alpha": 1.5}, ValueError, "alpha to be a fraction"),
        ({"gamma": -0.1}, ValueError, "gamma to be a finite number from 0 up"),
        ({"autoencoder": "conv"}, TypeError, "autoencoder to be a Module or None"),
        ({"classifier": nn.Linear(2, 2)}, TypeError, "classifier to be a PyTorchClassifier or None"),
        ({"budget": 0.1}, ValueError, "no budget without valid_frames"),
        ({"valid_frames": True, "budget": (1, 2, 3)}, ValueError, "budget to be one number"),
        ({"valid_frames": True, "budget": 2.5}, ValueError, "whole numbers of events from 1 up"),
        ({"valid_frames": True, "gamma": 1}, ValueError, "gamma below 1 as a share"),
        ({"clip_values": (1.0, 0.0)}, ValueError, r"clip_values \(smallest, largest\)"),
        ({"channels": 0}, ValueError, "channels to be at least 1"),
    ],
)
def test_wrong_parameters_are_errors_when_the_attack_is_made(parameters: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        DynamicBackdoor(**{"classifier": None, "target_class": TARGET} | parameters)


@pytest.mark.parametrize(
    ("made", "x", "message"),
    [
        (lambda: attack(clip_values=(0, 1)), X, "no clip_values for frames.*is a trigger by itself"),
        (lambda: attack(valid_frames=True), X / np.float32(2), "whole counts for valid_frames"),
        (lambda: attack(target_class=7), X, "target_class below 3 classes"),
        (lambda: attack(), X[:, :, :, :12, :12], "at least 16"),
        (lambda: attack(), X[:4], "as many labels as samples"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_trained(
    made: Callable[[], DynamicBackdoor], x: Any, message: str
) -> None:
    one = classifier("lif", x.shape[1:])
    before = one.predict(x[:2])

    with pytest.raises(ValueError, match=message):
        made().train(one, x, Y, **FIT)
    assert np.array_equal(one.predict(x[:2]), before)


def test_images_have_no_valid_frames() -> None:
    x, y = _images()
    with pytest.raises(ValueError, match="valid_frames, got images"):
        attack(valid_frames=True).train(classifier("ann", x.shape[1:]), x, y % K, **FIT)


def test_unknown_arguments_and_missing_triggers_are_errors() -> None:
    one = classifier("lif", X.shape[1:])

    with pytest.raises(TypeError, match="unknown arguments: epochs"):
        attack().train(one, X, Y, epochs=2)
    with pytest.raises(ValueError, match="nb_epochs to be at least 1"):
        attack().train(one, X, Y, nb_epochs=0)
    with pytest.raises(ValueError, match="at least one whole batch"):
        attack().train(one, X, Y, batch_size=99, drop_last=True)
    with pytest.raises(ValueError, match="expected a trained trigger network"):
        attack().poison(X)


def test_a_scheduler_moves_the_learning_rate_after_each_epoch() -> None:
    one = classifier("lif", X.shape[1:])
    scheduler = torch.optim.lr_scheduler.StepLR(one.optimizer, 1, 0.5)
    attack().train(one, X, Y, scheduler=scheduler, batch_size=12, nb_epochs=2)

    assert one.optimizer.param_groups[0]["lr"] == pytest.approx(1e-2 / 4)
