"""Figures of defences leave no words out and nothing empty, whatever there is to be shown."""

import numpy as np
import pytest

from art_snn.defences.detector._pictures import sequences
from art_snn.evaluations import DetectionResult, Evidence
from art_snn.report import defences_figure
from art_snn.report.evidence import clusters_figure, scores_figure
from tests.figures import check_layout
from tests.test_reasons import COLLAPSED, FEW, defended

LONG = "a data set with a long name, trigger of a long name in 10 % of the samples, target class 1, seed 0, model lif"


def evidence(n_classes: int = 3, n_clusters: int = 2) -> Evidence:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(n_classes), 20)
    clusters = {label: (rng.normal(size=(20, 2)), np.arange(20) % n_clusters) for label in range(n_classes)}
    return Evidence(labels, np.arange(len(labels)) % 5 == 0, rng.normal(size=len(labels)), clusters)


def detection(name: str, seen: Evidence | None) -> DetectionResult:
    return DetectionResult(
        model="lif", defence=name, auroc=0.5, tpr=0.0, fpr=0.0, n_poison=12, n_clean=48, evidence=seen
    )


@pytest.mark.parametrize("n", [1, 2, 5])
def test_scores_have_a_column_for_each_detector_that_saw_something(n: int) -> None:
    rows = [detection(f"detector {number}", evidence()) for number in range(n)]

    figure = scores_figure(LONG, [*rows, detection("asked nothing", None)])

    assert [ax.get_title() for ax in figure.axes[:n]] == [row.defence for row in rows]
    assert {ax.get_title() for ax in figure.axes[n:]} == {"AUROC 0.500"}
    check_layout(figure)


@pytest.mark.parametrize("n_classes", [1, 4, 7])
def test_clusters_have_axes_for_each_class_with_samples_and_no_others(n_classes: int) -> None:
    seen = evidence(n_classes, n_clusters=3)
    seen.clusters[n_classes] = (np.zeros((0, 2)), np.zeros(0, int))

    figure = clusters_figure(LONG, seen, target=0, accused=(0,))

    assert len(figure.axes) == n_classes
    markers = {points.get_paths()[0].vertices.tobytes() for points in figure.axes[0].collections}
    assert len(markers) == 4, "a sign a cluster, and the crosses"
    check_layout(figure)


@pytest.mark.parametrize("doubt", [COLLAPSED, FEW])
def test_the_matrix_has_no_empty_panels(doubt: object) -> None:
    figure = defences_figure(defended(doubt))

    assert len(figure.axes) == 7
    check_layout(figure)


@pytest.mark.parametrize("n_neurons", [1, 16])
def test_sequences_have_a_shade_for_each_neuron(n_neurons: int) -> None:
    rng = np.random.default_rng(0)
    clean, suspect = ([rng.normal(size=(4, 20)).cumsum(0), rng.random((4, 20)).cumsum(0)] for _ in range(2))

    figure = sequences(clean, suspect, n_neurons, "class 1")

    assert len({line.get_color() for line in figure.axes[0].lines}) == n_neurons
    check_layout(figure)
