"""What trainings show of themselves: model, epoch and loss, unless nobody wants to see it."""

import numpy as np
import pytest
import torch
from torch import nn

from art_snn._progress import progress, silence, task
from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import AnnClassifier
from art_snn.evaluations import BackdoorEvaluation
from art_snn.testing import check_global_streams_stand_still

X = np.random.default_rng(0).random((40, 1, 4, 4), np.float32)
Y = np.arange(40) % 2


def _ann(learning_rate: float = 0.1) -> AnnClassifier:
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(net.parameters(), learning_rate)
    return AnnClassifier(net, nn.CrossEntropyLoss(), (1, 4, 4), 2, optimizer=optimizer)


def _evaluation(**estimators: AnnClassifier) -> BackdoorEvaluation:
    return BackdoorEvaluation(TriggerBackdoor(PatchTrigger(2), 1, 0.2), estimators)


def test_a_bar_shows_model_epoch_and_loss(capfd: pytest.CaptureFixture[str]) -> None:
    _evaluation(first=_ann(), second=_ann()).evaluate(X, Y, X, Y, nb_epochs=3)

    shown = capfd.readouterr().err
    for model in ("first", "second"):
        for data in ("clean", "poisoned"):
            for epoch in ("1/3", "2/3", "3/3"):
                assert any(
                    line.startswith(f"{model}, {data} data") and f"epoch={epoch}, loss=0." in line
                    for line in shown.replace("\r", "\n").splitlines()
                ), (model, data, epoch)


def test_no_bar_is_shown_where_the_environment_or_the_caller_says_so(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = _evaluation(ann=_ann())
    with silence():
        evaluation.evaluate(X, Y, X, Y, nb_epochs=1)
    evaluation.evaluate(X, Y, X, Y, nb_epochs=1, verbose=False)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    evaluation.evaluate(X, Y, X, Y, nb_epochs=1)
    assert list(progress(range(3))) == [0, 1, 2]

    assert capfd.readouterr().err == ""


def test_results_come_one_by_one_and_no_stream_is_moved_between_them() -> None:
    evaluation = _evaluation(first=_ann(), second=_ann())
    with check_global_streams_stand_still():
        results = evaluation.results(X, Y, X, Y, nb_epochs=1, verbose=False)
        assert not evaluation.trained
        first = next(results)
        assert (first.model, list(evaluation.trained)) == ("first", ["first"])
    assert [row.model for row in results] == ["second"]


def test_what_does_not_fit_is_refused_before_the_first_result_is_asked_for() -> None:
    with pytest.raises(ValueError, match="as many y_train as x_train"):
        _evaluation(ann=_ann()).results(X, Y[1:], X, Y)


def test_a_result_does_not_depend_on_the_models_before_it() -> None:
    options = {"nb_epochs": 2, "verbose": False, "seed": 3}
    _, after = _evaluation(first=_ann(), second=_ann()).evaluate(X, Y, X, Y, **options)
    (alone,) = _evaluation(second=_ann()).evaluate(X, Y, X, Y, **options)

    times = {"seconds": 0, "training_seconds": 0, "training_peak_memory": 0}
    assert vars(after) | times == vars(alone) | times


def test_a_training_that_diverges_names_itself_and_the_epoch_once() -> None:
    ann = _ann(learning_rate=1e38)

    message = "lif, clean data: the training diverged, its loss is not finite in epoch 1 of 3"
    with task("lif, clean data"), pytest.warns(UserWarning, match=message) as warned:
        ann.fit(X, Y, nb_epochs=3, batch_size=8)

    assert len(warned) == 1
