"""N-MNIST: MNIST on a screen, seen by an event camera that moved three times."""

from pathlib import Path

from art_snn.data._event_files import EventFiles
from art_snn.data._files import listed, top_folder
from art_snn.data._recordings import Sample, Samples

CLASSES = tuple("0123456789")


def find_samples(root: Path) -> Samples:
    """`Train/<digit>/*.bin` and `Test/<digit>/*.bin` in `root` or its `NMNIST/`; the publisher's splits."""
    top = top_folder(root, "NMNIST")
    train, test = (
        [Sample(path, int(digit)) for digit in CLASSES for path in listed(top / split / digit, "*.bin")]
        for split in ("Train", "Test")
    )
    return Samples(train, test, CLASSES)


load_nmnist = EventFiles(
    name="nmnist",
    title="N-MNIST",
    sensor_size=(34, 34, 2),
    offered_at="https://www.garrickorchard.com/datasets/n-mnist",
    layout="NMNIST/Train/<digit>/*.bin and NMNIST/Test/<digit>/*.bin",
    find=find_samples,
    source="Orchard et al., Converting static image datasets to spiking neuromorphic datasets using saccades, 2015, "
    "https://doi.org/10.3389/fnins.2015.00437",
)
