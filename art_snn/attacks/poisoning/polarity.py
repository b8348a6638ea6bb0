"""The polarities that a trigger can write, as states of the OFF and ON channel, and their published codes."""

from typing import Literal

from art_snn._validation import check_choice

Polarity = Literal["none", "on", "off", "both"]

CHANNELS: dict[Polarity, tuple[int, int]] = {"none": (0, 0), "on": (0, 1), "off": (1, 0), "both": (1, 1)}  # (OFF, ON)
CODES: dict[str, tuple[Polarity, ...]] = {"ndss24": ("none", "on", "off", "both"), "ccs22": ("off", "on", "both")}


def polarity_from_code(code: int, convention: Literal["ndss24", "ccs22"] = "ndss24") -> Polarity:
    """Look up the polarity that a publication gives a number; the two tables contradict each other.

    Args:
        code: Number of the polarity, 0 to 3 ("ndss24") or 0 to 2 ("ccs22").
        convention: Publication whose table counts.

    Raises:
        ValueError: If the table has no such number.

    Source: "ndss24": Abad et al., Sneaky Spikes, NDSS 2024, released code. "ccs22": Abad et al., poster, CCS 2022, and
    Jin et al., 2024, https://arxiv.org/abs/2409.15670, released code.

    >>> polarity_from_code(2), polarity_from_code(2, convention="ccs22")
    ('off', 'both')
    """
    check_choice("convention", convention, CODES)
    check_choice("code", code, range(len(CODES[convention])))
    return CODES[convention][code]
