"""
Detecting and removing a backdoor in a spiking network
======================================================

A defender has a trained spiking network, its training data, and some clean samples that it was not trained on. Which
training samples are poisoned? Does the network have a backdoor? How much of it do pruning and fine-tuning remove?
`art-snn defend` answers the same questions for every defence and model.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_auc_score
from torch import nn

from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.data import load_dataset
from art_snn.defences.detector import MembranePotentialDefence, SpikeActivationDefence, STRIPDefence
from art_snn.defences.trainer import CleanFineTuning
from art_snn.defences.transformer import FinePruning
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import EliminationEvaluation
from art_snn.models import small_cnn

digits = load_dataset("digits")
attack = TriggerBackdoor(PatchTrigger(size=2), target_class=1, percent_poison=0.1)
defender, attacker = np.split(np.random.default_rng(0).permutation(len(digits.x_train)), [150])
poisoned = attack.poison_dataset(digits.x_train[attacker], digits.y_train[attacker])

snn = SpikingModule(small_cnn(1, 10, neuron="lif"), timesteps=4)
classifier = SpikingClassifier(snn, nn.CrossEntropyLoss(), (1, 16, 16), 10, clip_values=digits.clip_values)
classifier.fit(poisoned.x, poisoned.y, batch_size=32, nb_epochs=6)

# %%
# Sample detectors give each training sample a score: the higher, the more suspicious.

scores = {}
for defence in (SpikeActivationDefence, STRIPDefence):
    detector = defence(classifier, poisoned.x, poisoned.y)
    report, _ = detector.detect_poison()
    scores[defence.__name__] = detector.scores()
    print(f"{defence.__name__}: AUROC {roc_auc_score(poisoned.is_poison, detector.scores()):.3f}")

# %%
# A model detector needs no data here: it examines the membrane potentials of the last layer.

verdict = MembranePotentialDefence(classifier).detect_backdoor()
print(f"backdoored: {verdict.is_backdoored}; most suspicious class: {verdict.target_class}")

# %%
# Fine-tune the network on the clean samples, with or without pruning channels that these leave silent. The learning
# rate matters more than pruning. The attack success rate (ASR) is the share of triggered samples of other classes that
# are classified as the target.

defences = {f"{lr:g}": partial(CleanFineTuning, learning_rate=lr, nb_epochs=10) for lr in (1e-4, 1e-3, 5e-3)}
defences |= {f"pruned, {lr:g}": partial(FinePruning, learning_rate=lr, nb_epochs=10) for lr in (1e-4, 1e-3, 5e-3)}
results = EliminationEvaluation(attack, {"lif": classifier}, defences).evaluate(
    digits.x_train[defender], digits.y_train[defender], digits.x_test, digits.y_test, verbose=False
)
for result in results:
    print(
        f"{result.defence}: accuracy {result.accuracy_before:.3f} to {result.accuracy_after:.3f}, "
        f"ASR {result.asr_before:.3f} to {result.asr_after:.3f}"
    )

# %%
# Left: scores of clean and of poisoned training samples. Right: accuracy and ASR before and after fine-tuning.

figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
for ax, (name, values) in zip(axes, scores.items(), strict=False):
    for rows, label, colour in (
        (~poisoned.is_poison, "clean", "tab:blue"),
        (poisoned.is_poison, "poisoned", "tab:red"),
    ):
        ax.hist(values[rows], bins=np.histogram_bin_edges(values, 40), color=colour, alpha=0.6, label=label)
    ax.set(title=name, xlabel="score", ylabel="training samples", yscale="log")
axes[0].legend()
names = ["before", *(result.defence for result in results)]
shares = {
    "accuracy": [results[0].accuracy_before, *(result.accuracy_after for result in results)],
    "ASR": [results[0].asr_before, *(result.asr_after for result in results)],
}
for offset, (label, values) in zip((-0.2, 0.2), shares.items(), strict=True):
    axes[2].bar(np.arange(len(names)) + offset, values, 0.4, label=label)
axes[2].set_xticks(range(len(names)), names, rotation=40, ha="right")
axes[2].set(title="after fine-tuning, by learning rate", ylim=(0, 1.2))
axes[2].legend(loc="upper right", ncols=2)
figure.savefig("defences.png")
