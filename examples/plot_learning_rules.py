"""
From an ANN to a spiking network: what a backdoor makes of the journey
======================================================================

A backdoored network is converted to a spiking one, with thresholds from clean samples, and trained on by spike timing,
on clean samples too. Does the backdoor come along, and how many time steps does it take?
"""

import matplotlib.pyplot as plt
from torch import nn

from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.data import load_dataset
from art_snn.estimators.classification import ConvertedClassifier, HybridClassifier
from art_snn.metrics import accuracy, attack_success_rate
from art_snn.models import small_cnn

digits = load_dataset("digits")
trigger = PatchTrigger(size=2)
poisoned = TriggerBackdoor(trigger, target_class=1, percent_poison=0.1).poison_dataset(digits.x_train, digits.y_train)
x_triggered = trigger(digits.x_test)


def rates(clean, triggered):
    """Accuracy, and success over the samples of other classes."""
    return accuracy(digits.y_test, clean), attack_success_rate(digits.y_test, triggered, target=1)


# %%
# Conversion needs average pooling. The thresholds are the largest activations over clean samples.

converted = ConvertedClassifier(
    small_cnn(1, 10, pool="avg"), nn.CrossEntropyLoss(), (1, 16, 16), 10, timesteps=64, clip_values=digits.clip_values
)
converted.fit_ann(poisoned.x, poisoned.y, batch_size=32, nb_epochs=4)
converted.convert(digits.x_train[:200])
of_ann = rates(converted.ann.predict(digits.x_test), converted.ann.predict(x_triggered))
print(f"ANN: accuracy {of_ann[0]:.3f}, success {of_ann[1]:.3f}")

# %%
# One pass over 64 time steps tells what each smaller number would have given.

timesteps = [4, 5, 6, 8, 12, 16, 32, 64]
clean, triggered = (converted.predict_at(x, timesteps) for x in (digits.x_test, x_triggered))
over_time = [rates(clean[t], triggered[t]) for t in timesteps]
for t, (acc, asr) in zip(timesteps, over_time, strict=True):
    print(f"converted, T = {t}: accuracy {acc:.3f}, success {asr:.3f}")

# %%
# The hybrid rule trains on from there, at 16 time steps and on the same clean samples: here, it repairs little.

hybrid = HybridClassifier(
    small_cnn(1, 10, pool="avg"), nn.CrossEntropyLoss(), (1, 16, 16), 10, timesteps=16, clip_values=digits.clip_values
)
hybrid.ann.model.load_state_dict(converted.ann.model.state_dict())
hybrid.convert(digits.x_train[:200])
repaired = [rates(hybrid.predict(digits.x_test), hybrid.predict(x_triggered))]
for epoch in range(5):
    hybrid.fit_snn(digits.x_train[:200], digits.y_train[:200], batch_size=32, nb_epochs=1, seed=epoch)
    repaired.append(rates(hybrid.predict(digits.x_test), hybrid.predict(x_triggered)))
    print(f"hybrid after {epoch + 1} epochs: accuracy {repaired[-1][0]:.3f}, success {repaired[-1][1]:.3f}")

# %%
# Dashed is what the ANN does.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
for label, index, colour in (("accuracy", 0, "tab:blue"), ("success", 1, "tab:red")):
    axes[0].plot(timesteps, [pair[index] for pair in over_time], "o-", color=colour, label=label)
    axes[1].plot([pair[index] for pair in repaired], "o-", color=colour)
    for ax in axes:
        ax.axhline(of_ann[index], color=colour, linestyle="--", linewidth=1)
axes[0].set(xscale="log", xlabel="time steps", title="converted")
axes[0].set_xticks(timesteps, timesteps)
axes[0].minorticks_off()
axes[1].set(xlabel="epochs on 200 clean samples", title="hybrid, T = 16")
axes[0].legend()
figure.savefig("learning_rules.png")
