"""A whole experiment, where all parts come together: a validated spec, `run`, and a result that is a value."""

from art_snn.evaluations import Evidence, Failure
from art_snn.evaluations import ModelDetectionResult as ModelVerdict  # its old name, until version 0.3
from art_snn.experiment.defended import Defended
from art_snn.experiment.defending import DEFENCES, defence_settings, defend
from art_snn.experiment.result import Examples, Result
from art_snn.experiment.resuming import (
    check_same_data,
    checksum_of,
    digest,
    identity,
    restored_defended,
    restored_result,
)
from art_snn.experiment.running import run
from art_snn.experiment.showing import Shown, show_trigger
from art_snn.experiment.spec import MODELS, Experiment

__all__ = [
    "DEFENCES",
    "MODELS",
    "Defended",
    "Evidence",
    "Examples",
    "Experiment",
    "Failure",
    "ModelVerdict",
    "Result",
    "Shown",
    "check_same_data",
    "checksum_of",
    "defence_settings",
    "defend",
    "digest",
    "identity",
    "restored_defended",
    "restored_result",
    "run",
    "show_trigger",
]
