"""
An ANN and an SNN under the same backdoor
=========================================

This example trains an ANN and an SNN of the same topology on handwritten digits. A tenth of the training images gets
a white patch of 2 × 2 pixels and the target's label. `art-snn compare` runs the same steps.
"""

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.data import load_dataset
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import BackdoorEvaluation
from art_snn.models import small_cnn

digits = load_dataset("digits")
attack = TriggerBackdoor(PatchTrigger(size=2), target_class=1, percent_poison=0.1)

# %%
# The ANN is an instance of ART's own class, and the SNN can be used wherever the ANN can. Both networks have the same
# topology and the same initial weights.

ann = small_cnn(in_channels=1, nb_classes=10)
snn = SpikingModule(small_cnn(in_channels=1, nb_classes=10, neuron="lif"), timesteps=4)
shape = digits.x_train.shape[1:]
estimators = {
    "ann": PyTorchClassifier(ann, nn.CrossEntropyLoss(), shape, 10, optimizer=torch.optim.Adam(ann.parameters())),
    "lif": SpikingClassifier(snn, nn.CrossEntropyLoss(), shape, 10, clip_values=digits.clip_values),
}

# %%
# Each network is trained twice: on poisoned data, and as its clean twin on the same data without poison. The attack
# success rate (ASR) is the share of triggered samples of other classes that are classified as the target. The floor is
# the same rate of the clean twin.

evaluation = BackdoorEvaluation(attack, estimators)
results = evaluation.evaluate(
    digits.x_train, digits.y_train, digits.x_test, digits.y_test, seed=0, batch_size=32, nb_epochs=4
)
for result in results:
    print(
        f"{result.model}: accuracy {result.accuracy_clean:.3f} clean, {result.accuracy:.3f} backdoored; "
        f"ASR {result.asr:.3f} of {result.n_asr} samples, floor {result.floor:.3f}"
    )

# %%
# The trigger also changes the firing rates of the last hidden layer: compare clean and triggered samples.

backdoored = evaluation.trained["lif"].backdoored
zeros = digits.x_test[digits.y_test == 0]
rates = [backdoored.get_activations(x, "net.act3").mean(axis=0) for x in (zeros, attack.trigger(zeros))]
print(f"the trigger changes the firing rate of a hidden neuron by {np.abs(rates[1] - rates[0]).mean():.2f} on average")
