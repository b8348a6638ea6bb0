"""A whole experiment, where all parts come together: a validated spec, `run`, and a result that is a value."""

from art_snn.evaluations import Evidence, Failure
from art_snn.evaluations import ModelDetectionResult as ModelVerdict  # its old name, until version 0.3
from art_snn.experiment.comparison import run
from art_snn.experiment.defended import Defended
from art_snn.experiment.defending import chosen_defences, defend
from art_snn.experiment.grid import with_values
from art_snn.experiment.result import Examples, Result
from art_snn.experiment.resuming import (
    check_same_data,
    checksum_of,
    identity,
    restored_defended,
    restored_result,
)
from art_snn.experiment.sections import MODELS, defences
from art_snn.experiment.spec import Experiment, problems
from art_snn.experiment.trainings import digest
from art_snn.experiment.trigger_pictures import Shown, show_trigger

__all__ = [
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
    "chosen_defences",
    "defences",
    "defend",
    "digest",
    "identity",
    "problems",
    "restored_defended",
    "restored_result",
    "run",
    "show_trigger",
    "with_values",
]
