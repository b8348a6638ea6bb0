"""Messages name options where options are meant, and leave everything else alone."""

import pytest

from art_snn.cli import _options
from art_snn.cli.commands import app
from art_snn.cli.option_wording import in_options


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("expected data_root, the folder", "expected --data-root, the folder"),
        ("expected no timesteps for models=['ann', 'if'], got 4", "expected no --timesteps for --models ann,if, got 4"),
        ("bad; on_bad='skip' leaves it out", "bad; --on-bad skip leaves it out"),
        ("with partial=True missing ones are left out", "with --partial missing ones are left out"),
        ("expected target_class below 3", "expected --target below 3"),
        ("expected root to be a folder", "expected --data-root to be a folder"),
        ("the batch_size of it; more learning_rate", "the --batch-size of it; more --learning-rate"),
        ("expected size to be above 0, got -1.0", "expected --size to be above 0, got -1.0"),
        # what stays
        ("expected samples of that size, the target and the data", None),
        ("/home/n_bins/data_root.txt: Permission denied", None),
        ("expected data/x to be a file", None),
        ("PatchTrigger(size=2, position='middle') lies off images", None),
        ("expected models/ann.json", None),
        ("my_batch_size and batch_sizes", None),
    ],
)
def test_names_of_arguments_become_options(said: str, told: str | None) -> None:
    assert in_options(said, _options(app)) == (said if told is None else told)
