"""SpikingClassifier obeys the laws, trains by its seed and is reset between batches."""

import pytest

from art_snn import testing
from art_snn.estimators.classification import SpikingModule
from tests.estimators.toys import BOTH, Y, classifier, samples, spiking_net


@pytest.mark.parametrize("end", ["linear", "spikes"])
@pytest.mark.parametrize("step_mode", ["m", "s"])
@BOTH
def test_answers_obey_the_laws(shape: tuple[int, ...], step_mode: str, end: str) -> None:
    spiking = classifier(shape, spiking_net(step_mode, end))
    x = samples(shape)
    testing.check_tells_samples_apart(spiking, x)
    testing.check_answers_alike_twice(spiking, x)
    testing.check_ignores_batch_size(spiking, x)
    testing.check_follows_the_order(spiking, x)


@pytest.mark.parametrize("encoding", ["direct", "poisson"])
def test_training_follows_its_seed_alone(encoding: str) -> None:
    testing.check_fit_follows_the_seed(lambda: classifier(encoding=encoding), samples(), Y)


def test_every_use_restores_the_mode() -> None:
    spiking, x = classifier(), samples()
    for use in (
        lambda: spiking.predict(x),
        lambda: spiking.loss_gradient(x, Y),
        lambda: spiking.class_gradient(x, 1),
        lambda: spiking.compute_loss(x, Y),
        lambda: spiking.get_activations(x, 0),
    ):
        testing.check_restores_the_mode(spiking, use)


class Leaky(SpikingModule):
    """A module that forgets to reset."""

    def clear_state(self) -> None:
        pass


def test_the_laws_catch_a_module_that_does_not_reset() -> None:
    leaky = classifier()
    leaky.model.__class__ = Leaky  # what leaks from the start is refused by the constructor
    with pytest.raises(AssertionError, match="second call"):
        testing.check_answers_alike_twice(leaky, samples())


def test_the_first_law_catches_a_silent_network() -> None:
    silent = spiking_net()
    for parameter in silent.parameters():
        parameter.data.zero_()
    with pytest.raises(AssertionError, match="same logits"):
        testing.check_tells_samples_apart(classifier(net=silent), samples())
