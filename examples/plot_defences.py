"""
Finding a backdoor in a spiking network, and getting rid of it
==============================================================

A defender has a trained spiking network, the data that it was trained on, and some clean samples of the defender's own.
Which training samples are poisoned? Is the network backdoored at all? And how much of the backdoor can be pruned and
trained away? `art-snn defend` asks the same of every defence and model.
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
of_defender, of_attacker = np.split(np.random.default_rng(0).permutation(len(digits.x_train)), [150])
poisoned = attack.poison_dataset(digits.x_train[of_attacker], digits.y_train[of_attacker])

snn = SpikingModule(small_cnn(1, 10, neuron="lif"), timesteps=4)
classifier = SpikingClassifier(snn, nn.CrossEntropyLoss(), (1, 16, 16), 10, clip_values=digits.clip_values)
classifier.fit(poisoned.x, poisoned.y, batch_size=32, nb_epochs=6)

# %%
# The higher the score of a training sample, the more suspicious it is.

scores = {}
for defence in (SpikeActivationDefence, STRIPDefence):
    detector = defence(classifier, poisoned.x, poisoned.y)
    report, _ = detector.detect_poison()
    scores[defence.__name__] = detector.scores()
    print(f"{defence.__name__}: AUROC {roc_auc_score(poisoned.is_poison, detector.scores()):.3f}")

# %%
# Without any data, by the membrane potentials of the last layer alone:

verdict = MembranePotentialDefence(classifier).detect_backdoor()
print(f"backdoored: {verdict.is_backdoored}; most suspicious class: {verdict.target_class}")

# %%
# Pruning what is silent on clean samples, and training on with them. The learning rate decides more than the share.

defences = {f"{lr:g}": partial(CleanFineTuning, learning_rate=lr, nb_epochs=10) for lr in (1e-4, 1e-3, 5e-3)}
defences |= {f"pruned, {lr:g}": partial(FinePruning, learning_rate=lr, nb_epochs=10) for lr in (1e-4, 1e-3, 5e-3)}
results = EliminationEvaluation(attack, {"lif": classifier}, defences).evaluate(
    digits.x_train[of_defender], digits.y_train[of_defender], digits.x_test, digits.y_test, verbose=False
)
for result in results:
    print(
        f"{result.defence}: accuracy {result.accuracy_before:.3f} to {result.accuracy_after:.3f}, "
        f"success {result.asr_before:.3f} to {result.asr_after:.3f}"
    )

# %%
# Left, the scores of clean and of poisoned training samples; right, what is left of accuracy and success.

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
    "success": [results[0].asr_before, *(result.asr_after for result in results)],
}
for offset, (label, values) in zip((-0.2, 0.2), shares.items(), strict=True):
    axes[2].bar(np.arange(len(names)) + offset, values, 0.4, label=label)
axes[2].set_xticks(range(len(names)), names, rotation=40, ha="right")
axes[2].set(title="after training on, by learning rate", ylim=(0, 1.2))
axes[2].legend(loc="upper right", ncols=2)
figure.savefig("defences.png")
