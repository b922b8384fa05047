"""idx files as MNIST and Fashion-MNIST come, and as they break."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.errors import DataError


def idx(values: np.ndarray) -> bytes:
    return (
        struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    )


def write(folder: Path, *, zipped: bool, test: bool = True, joint: str = "-") -> np.ndarray:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 6, 5), dtype=np.uint8)
    labels = rng.integers(0, 3, 50, dtype=np.uint8)
    parts = {"train": slice(0, 40)} | ({"t10k": slice(40, 50)} if test else {})
    for part, rows in parts.items():
        for what, values in ((f"images{joint}idx3", images[rows]), (f"labels{joint}idx1", labels[rows])):
            name = f"{part}-{what}-ubyte"
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(values)))
            else:
                (folder / name).write_bytes(idx(values))
    return images


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw", "FashionMNIST/raw"])
def test_layouts(tmp_path: Path, below: str, zipped: bool) -> None:
    images = write(tmp_path / below, zipped=zipped)
    source = open_source(DataChoice(path=str(tmp_path)))
    assert np.array_equal(source.images[:, 0], images)
    assert source.train.tolist() == list(range(40))
    assert source.held_out.tolist() == list(range(40, 50))
    assert sum(source.report.classes.values()) == 50


def test_the_folders_name_does_not_matter(tmp_path: Path) -> None:
    write(tmp_path / "fashion_mnist", zipped=True)
    first = open_source(DataChoice(path=str(tmp_path / "fashion_mnist")))
    (tmp_path / "fashion_mnist").rename(tmp_path / "clothes")
    assert open_source(DataChoice(path=str(tmp_path / "clothes"))).fingerprint == first.fingerprint


def test_without_test_part_a_tenth_is_held_out(tmp_path: Path) -> None:
    write(tmp_path, zipped=True, test=False, joint=".")
    source = open_source(DataChoice(path=str(tmp_path)))
    assert (len(source.train), len(source.held_out)) == (36, 4)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda content: content[:-7], "holds"),
        (lambda content: b"\0\0\x0d" + content[3:], "not an idx file of unsigned bytes"),
        (lambda _: b"hello", "not an idx file"),
        (lambda _: b"", "not an idx file"),
        (lambda content: content[:3], "not an idx file"),
        (lambda content: b"\0\0\x08\x03" + content[4:9], "ends within its header"),
        (lambda _: struct.pack(">BBBBIII", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 9), "should hold"),
    ],
)
def test_damaged_files(tmp_path: Path, damage: Callable[[bytes], bytes], expected: str) -> None:
    write(tmp_path, zipped=False)
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=expected) as error:
        open_source(DataChoice(path=str(tmp_path)))
    assert file.name in str(error.value)


def test_damaged_gzip(tmp_path: Path) -> None:
    write(tmp_path, zipped=True)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz cannot be read"):
        open_source(DataChoice(path=str(tmp_path)))


def test_labels_that_do_not_match(tmp_path: Path) -> None:
    write(tmp_path, zipped=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(7, np.uint8)))
    with pytest.raises(DataError, match="7 labels for the 40 images"):
        open_source(DataChoice(path=str(tmp_path)))


def test_real_mnist(mnist: Path) -> None:
    source = open_source(DataChoice(path=str(mnist)))
    assert (len(source.train), len(source.held_out), source.shape) == (60_000, 10_000, (1, 28, 28))
    assert source.images.nbytes == 70_000 * 28 * 28
    assert source.report.classes["0"] == 5923 + 980
    resized = open_source(DataChoice(path=str(mnist), size=(32, 32)))
    assert resized.shape == (1, 32, 32)
    assert resized.images[:100].mean() == pytest.approx(source.images[:100].mean(), rel=0.05)
