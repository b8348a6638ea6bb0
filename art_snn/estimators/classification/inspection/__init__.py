"""Looking into a network: its neurons and step modes, the order of its calls, and what its layers put out.

Nobody else but `conversion` looks into one.
"""

from art_snn.estimators.classification.inspection.activation_modules import activation_modules, passing
from art_snn.estimators.classification.inspection.call_trace import Call, Trace, trace
from art_snn.estimators.classification.inspection.firing import Firing, firing
from art_snn.estimators.classification.inspection.first_pass import Inspection, inspect
from art_snn.estimators.classification.inspection.fixed_layers import check_some_are_trained, held_fixed, layers_called
from art_snn.estimators.classification.inspection.hooks import hooked
from art_snn.estimators.classification.inspection.neuron_settings import neuron_settings, neurons_set, set_neurons
from art_snn.estimators.classification.inspection.operations import (
    ActivationCount,
    OperationCounts,
    SynapseCount,
    operations_counted,
    uncounted_layers,
)
from art_snn.estimators.classification.inspection.recording import (
    Quantity,
    Recording,
    Reduction,
    Watched,
    in_time,
    record,
)
from art_snn.estimators.classification.inspection.stimulation import Side, read, stimulated
from art_snn.estimators.classification.inspection.structure import (
    StepMode,
    check_network,
    has_state,
    is_spiking,
    spiking_layers,
    step_mode,
)

__all__ = [
    "ActivationCount",
    "Call",
    "Firing",
    "Inspection",
    "OperationCounts",
    "Quantity",
    "Recording",
    "Reduction",
    "Side",
    "StepMode",
    "SynapseCount",
    "Trace",
    "Watched",
    "activation_modules",
    "check_network",
    "check_some_are_trained",
    "firing",
    "has_state",
    "held_fixed",
    "hooked",
    "in_time",
    "inspect",
    "is_spiking",
    "layers_called",
    "neuron_settings",
    "neurons_set",
    "operations_counted",
    "passing",
    "read",
    "record",
    "set_neurons",
    "spiking_layers",
    "step_mode",
    "stimulated",
    "trace",
    "uncounted_layers",
]
