"""
Does a backdoor survive the conversion of an ANN to a spiking network?
======================================================================

A backdoored ANN is converted to a spiking network with thresholds from clean samples, and then fine-tuned by spike
timing, also on clean samples. Does the backdoor survive, and at how many time steps does it appear?
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
    """Accuracy, and attack success rate (ASR): the share of triggered samples of other classes taken for the target."""
    return accuracy(digits.y_test, clean), attack_success_rate(digits.y_test, triggered, target=1)


# %%
# Conversion needs average pooling. Each threshold is the largest activation of its layer on clean samples.

converted = ConvertedClassifier(
    small_cnn(1, 10, pool="avg"), nn.CrossEntropyLoss(), (1, 16, 16), 10, timesteps=64, clip_values=digits.clip_values
)
converted.fit_ann(poisoned.x, poisoned.y, batch_size=32, nb_epochs=4)
converted.convert(digits.x_train[:200])
ann_rates = rates(converted.ann.predict(digits.x_test), converted.ann.predict(x_triggered))
print(f"ANN: accuracy {ann_rates[0]:.3f}, ASR {ann_rates[1]:.3f}")

# %%
# One pass over 64 time steps also gives the predictions after each smaller number of steps.

timesteps = [4, 5, 6, 8, 12, 16, 32, 64]
clean, triggered = (converted.predict_at(x, timesteps) for x in (digits.x_test, x_triggered))
over_time = [rates(clean[t], triggered[t]) for t in timesteps]
for t, (acc, asr) in zip(timesteps, over_time, strict=True):
    print(f"converted, T = {t}: accuracy {acc:.3f}, ASR {asr:.3f}")

# %%
# The hybrid rule fine-tunes the converted network at 16 time steps on the same clean samples. Here, it removes little
# of the backdoor.

hybrid = HybridClassifier(
    small_cnn(1, 10, pool="avg"), nn.CrossEntropyLoss(), (1, 16, 16), 10, timesteps=16, clip_values=digits.clip_values
)
hybrid.ann.model.load_state_dict(converted.ann.model.state_dict())
hybrid.convert(digits.x_train[:200])
repaired = [rates(hybrid.predict(digits.x_test), hybrid.predict(x_triggered))]
for epoch in range(5):
    hybrid.fit_snn(digits.x_train[:200], digits.y_train[:200], batch_size=32, nb_epochs=1, seed=epoch)
    repaired.append(rates(hybrid.predict(digits.x_test), hybrid.predict(x_triggered)))
    print(f"hybrid after {epoch + 1} epochs: accuracy {repaired[-1][0]:.3f}, ASR {repaired[-1][1]:.3f}")

# %%
# Dashed lines show the ANN.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
for label, index, colour in (("accuracy", 0, "tab:blue"), ("ASR", 1, "tab:red")):
    axes[0].plot(timesteps, [pair[index] for pair in over_time], "o-", color=colour, label=label)
    axes[1].plot([pair[index] for pair in repaired], "o-", color=colour)
    for ax in axes:
        ax.axhline(ann_rates[index], color=colour, linestyle="--", linewidth=1)
axes[0].set(xscale="log", xlabel="time steps", title="converted")
axes[0].set_xticks(timesteps, timesteps)
axes[0].minorticks_off()
axes[1].set(xlabel="epochs on 200 clean samples", title="hybrid, T = 16")
axes[0].legend()
figure.savefig("learning_rules.png")
