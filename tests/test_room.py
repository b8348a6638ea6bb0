"""What does not fit into memory or onto the disk is known before any of it is taken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from art_snn import _free_space
from art_snn._free_space import available_memory, check_disk, check_memory
from art_snn.data import Dataset, load_dataset
from art_snn.events import make_events, to_frames
from art_snn.experiment import building, run, show_trigger
from art_snn.experiment.memory import _n_activations, _n_weights, check_fits
from tests.backdoored import bars
from tests.specs import spec_of

BARS = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")
MANY = 10**9


def test_the_memory_that_is_free_is_some_of_what_there_is() -> None:
    total = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)

    assert 2**20 < available_memory() <= 1024 * total


def test_a_containers_limit_counts_and_what_it_keeps_of_files_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_free_space, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 1000\ninactive_file 400\nactive_file 600\n")
    assert available_memory() == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 5000


def test_what_fits_is_taken_and_what_does_not_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_free_space, "available_memory", lambda: 2 * 10**9)
    check_memory("it", 2 * 10**9, "")
    with pytest.raises(MemoryError, match=r"expected it to fit into the 2 GB of memory .*, got 2 GB; shrink it"):
        check_memory("it", 2 * 10**9 + 1, "shrink it")
    check_disk("it", 1, tmp_path, "")
    with pytest.raises(OSError, match=f"free in {tmp_path}, got more than 1000 EB; shrink it"):
        check_disk("it", 10**21, tmp_path, "shrink it")
    monkeypatch.setattr(_free_space, "available_memory", lambda: None)
    check_memory("it", 10**21, "where nobody knows")


@pytest.fixture
def bars_for_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)


@pytest.mark.usefixtures("bars_for_digits")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"width": 1e4}, "the weights of 3 models of small_cnn to fit"),
        ({"width": 1e12}, "the weights of 3 models"),
        ({"width": 1e300}, "the weights of 3 models"),
        ({"timesteps": MANY}, f"a batch of 32 samples over {MANY} time steps"),
        ({"models": ("hybrid",), "timesteps": MANY}, f"a batch of 32 samples over {MANY} time steps"),
        ({"models": ("converted",), "timesteps": MANY}, f"the outputs over timesteps={MANY}"),
    ],
)
def test_an_experiment_that_does_not_fit_is_refused_before_it_begins(given: dict[str, Any], message: str) -> None:
    with pytest.raises(MemoryError, match=message):
        run(spec_of(**given), verbose=False)


def test_a_batch_is_no_larger_than_the_data() -> None:
    check_fits(spec_of(batch_size=10**12, models=("ann",)), BARS, spec_of(models=("ann",)).models)


def test_weights_and_activations_are_counted_right() -> None:
    net = building.make_network(SPEC := spec_of(width=0.25), BARS)

    assert _n_weights(SPEC, BARS) == sum(weights.numel() for weights in net.parameters())
    a, b, hidden, K = 4, 8, 32, 4  # channels and features; images are 8 × 8
    convolutions = 3 * a * 8 * 8 + a * 4 * 4 + 3 * b * 4 * 4 + b * 2 * 2  # each with norm, activation and pool
    assert _n_activations(SPEC, BARS) == convolutions + 2 * b * 4 * 4 + 2 * hidden + K  # resized, flat, two linear


@pytest.mark.parametrize("n_bins", [10**8, 10**30])
def test_bins_beyond_memory_are_refused_where_frames_are_made(n_bins: int) -> None:
    stream = make_events(x=[0, 1], y=[0, 0], t=[5, 9], p=[1, 0])
    options = {"data": "digits-dvs", "n_bins": n_bins, "models": ("ann",)}
    for start in (
        lambda: to_frames(stream, (346, 260), n_bins),
        lambda: load_dataset("digits-dvs", n_bins=n_bins, limit=1),
        lambda: run(spec_of(**options)),
        lambda: show_trigger(spec_of(**options)),
    ):
        _refused(start, n_bins)


def _refused(start: Callable[[], object], n_bins: int) -> None:
    with pytest.raises(MemoryError, match=f"of n_bins={n_bins} to fit into the"):
        start()


def test_frames_beyond_the_disk_are_refused_before_any_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split in ("Train", "Test"):
        (tmp_path / "NMNIST" / split / "0").mkdir(parents=True)
        (tmp_path / "NMNIST" / split / "0" / "a.bin").write_bytes(bytes([1, 2, 0x80, 0, 3]))
    free = type("Usage", (), {"free": 10**6})
    monkeypatch.setattr(_free_space.shutil, "disk_usage", lambda _folder: free)
    with pytest.raises(OSError, match=r"frames of 2 samples to fit into the 1 MB .*, got 92\.5 MB; .*XDG_CACHE_HOME"):
        load_dataset("nmnist", tmp_path, n_bins=20_000, cache_dir=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
