"""CIFAR10-DVS: a tenth of CIFAR-10 moving on a screen, seen by an event camera."""

from pathlib import Path

from art_snn.data._event_files import EventFiles
from art_snn.data._files import listed, top_folder
from art_snn.data._recordings import Samples, first_nine_tenths
from art_snn.data.cifar10 import CLASSES

SUFFIXES = (".aedat", ".aedat4")  # of a recording in both forms the later one


def find_samples(root: Path) -> Samples:
    """`<class>/*.aedat`, or `*.aedat4` as they were offered later, in `root` or its `CIFAR10DVS/`."""
    top = top_folder(root, "CIFAR10DVS")
    recordings = {
        name: list({path.stem: path for path in listed(top / name, "*.aedat*") if path.suffix in SUFFIXES}.values())
        for name in CLASSES
    }
    return first_nine_tenths(recordings)


load_cifar10_dvs = EventFiles(
    name="cifar10-dvs",
    title="CIFAR10-DVS",
    sensor_size=(128, 128, 2),
    offered_at="https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671",
    layout="CIFAR10DVS/<class>/*.aedat or *.aedat4",
    find=find_samples,
    source="Li et al., CIFAR10-DVS: An Event-Stream Dataset for Object Classification, 2017, "
    "https://doi.org/10.3389/fnins.2017.00309",
)
