"""Arrays in files and in memory: which shapes, types and values are images."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gradpen.data.arrays import images_from_array, read_array
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.recognise import open_source
from gradpen.data.shown import as_pixels
from gradpen.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (30, 5, 7), dtype=np.uint8)


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (GREY, (30, 1, 5, 7)),
        (GREY[..., None], (30, 1, 5, 7)),
        (GREY[:, None], (30, 1, 5, 7)),
        (RNG.integers(0, 256, (30, 5, 7, 3), dtype=np.uint8), (30, 3, 5, 7)),
        (RNG.integers(0, 256, (30, 3, 5, 7), dtype=np.uint8), (30, 3, 5, 7)),
        (RNG.integers(0, 256, (30, 8, 8, 4), dtype=np.uint8), (30, 4, 8, 8)),
    ],
)
def test_layouts(array: np.ndarray, shape: tuple[int, ...]) -> None:
    assert images_from_array(array, "a").images.shape == shape


@pytest.mark.parametrize(
    "array",
    [
        GREY,
        GREY.astype(np.int64),
        GREY.astype(np.uint16),
        GREY.astype(np.uint16) * 257,
        GREY / 255,
        (GREY / 255).astype(np.float16).astype(np.float32),
        GREY / 127.5 - 1,
        (GREY / 127.5 - 1).astype(np.float32),
    ],
    ids=lambda array: f"{array.dtype} to {array.max():g}",
)
def test_the_same_pixels_from_every_type(array: np.ndarray) -> None:
    assert np.abs(as_pixels(images_from_array(array, "a").images)[:, 0].astype(int) - GREY).max() <= (
        array.dtype == np.float32
    )


def test_booleans_are_black_and_white() -> None:
    assert set(images_from_array(GREY > 127, "a").images.ravel().tolist()) == {0, 255}


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros(30), r"shape \[30\]; expected \[N, H, W\]"),
        (np.ones((3, 5, 5, 5)), r"shape \[3, 5, 5, 5\]; expected .*, and `data.axes` where the shape does not tell"),
        (np.zeros((0, 5, 5)), r"shape \[0, 5, 5\]"),
        (np.ones((2, 7, 7, 7, 7)), "shape"),
        (np.full((9, 5, 5), np.nan), "225 values that are NaN or infinite"),
        (np.full((9, 5, 5), np.inf), "infinite"),
        (np.full((9, 5, 5), 7.5), "holds the number 7.5 everywhere, so there is nothing to learn"),
        (np.full((9, 5, 5), -3), "holds the number -3 everywhere"),
        (np.full((9, 5, 5), 1j), "dtype complex128"),
        (np.full((9, 5, 5), "x"), "dtype <U1"),
    ],
)
def test_what_is_no_image_is_named(array: np.ndarray, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        images_from_array(array, "mine.npy")


def test_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    numbers, labels, dtype = read_array(tmp_path / "a.npy")
    assert (numbers.images.shape, labels, dtype) == ((30, 1, 5, 7), None, "uint8")
    np.savez(tmp_path / "b.npz", images=GREY, labels=np.arange(30) % 3 + 5)
    source = open_source(DataChoice(path=str(tmp_path / "b.npz")))
    assert source.report.classes == {"5": 10, "6": 10, "7": 10}
    np.savez(tmp_path / "c.npz", GREY)
    assert read_array(tmp_path / "c.npz")[0].images.shape == (30, 1, 5, 7)


def test_broken_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "keys.npz", one=GREY, two=GREY)
    with pytest.raises(DataError, match="holds one, two; name the array of images 'images'"):
        read_array(tmp_path / "keys.npz")
    np.savez(tmp_path / "labels.npz", images=GREY, labels=np.arange(7))
    with pytest.raises(DataError, match=r"labels of shape \[7\].* expected 30 integers"):
        read_array(tmp_path / "labels.npz")
    for name in ("zero.npy", "zero.npz"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(DataError, match=rf"{name} cannot be read"):
            read_array(tmp_path / name)
    np.savez_compressed(tmp_path / "rot.npz", images=GREY)
    content = bytearray((tmp_path / "rot.npz").read_bytes())
    content[80:120] = bytes(40)
    (tmp_path / "rot.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"rot.npz cannot be read"):
        read_array(tmp_path / "rot.npz")
    np.save(tmp_path / "cut.npy", GREY)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:300])
    with pytest.raises(DataError, match="cannot be read"):
        read_array(tmp_path / "cut.npy")


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    """A pickle inside an array file must not run."""
    canary = tmp_path / "canary"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (canary,))  # type: ignore[return-value]

    np.save(tmp_path / "evil.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    buffer = io.BytesIO((tmp_path / "evil.npy").read_bytes())
    with zipfile.ZipFile(tmp_path / "evil.npz", "w") as archive:
        archive.writestr("images.npy", buffer.getvalue())
    for name in ("evil.npy", "evil.npz"):
        with pytest.raises(DataError, match="never loaded"):
            read_array(tmp_path / name)
    assert not canary.exists()


def test_channels_of_arrays_are_not_converted() -> None:
    with pytest.raises(DataError, match=r"has 1 channel\(s\) \(L\), but 3 were asked for"):
        open_source(DataChoice(channels=3))


def test_resizing_an_array_keeps_its_mean() -> None:
    bright = np.full((20, 6, 6, 3), 100, np.uint8)
    source = open_source(DataChoice(size=(9, 4)), array=LabelledArray(images=bright))
    assert source.shape == (3, 9, 4)
    assert set(source.images.ravel().tolist()) == {100}
