"""A whole experiment, where all parts come together: a validated spec, `run`, and a result that is a value."""

from art_snn.experiment.result import Examples, Result
from art_snn.experiment.running import run
from art_snn.experiment.showing import Shown, show_trigger
from art_snn.experiment.spec import MODELS, Experiment

__all__ = ["MODELS", "Examples", "Experiment", "Result", "Shown", "run", "show_trigger"]
