"""Backdoor attacks, defences and measurements for spiking neural networks, on the Adversarial Robustness Toolbox.

Importing this package loads neither torch nor ART; import what you need from its modules, whose paths are ART's
(`art.attacks.poisoning` is `art_snn.attacks.poisoning`).
"""

import logging

__version__ = "0.1.0"

# Without Triton, which only serves GPUs, torch would say so several times as spikingjelly loads.
logging.getLogger("torch._library.triton").setLevel(logging.ERROR)
