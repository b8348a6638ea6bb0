"""What there is, by name: one dict a kind, for the command line, the reports and the law suite to walk over."""

from art_snn import data, models
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import SpikingClassifier

TRIGGERS: dict[str, type] = {"patch": PatchTrigger}
ATTACKS: dict[str, type] = {"trigger-backdoor": TriggerBackdoor}
ESTIMATORS: dict[str, type] = {"spiking": SpikingClassifier}
DATASETS = data.LOADERS
NETWORKS = models.MODELS
