"""Numbers are what they are: deep pictures, masks, fields, vectors and signals reach networks whole and come back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import gradpen
from conftest import Outcome
from gradpen.data.arrays import images_from_array
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.recognise import open_source
from gradpen.data.shown import as_pixels
from gradpen.data.source import Source, gather
from gradpen.data.values import Values
from gradpen.errors import DataError, UsageError

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.random((40, 8, 8))
SHORT: dict[str, Any] = {"iterations": 2, "batch_size": 8}
CPU = torch.device("cpu")


def opened(array: NDArray[Any], **options: Any) -> Source:
    return open_source(DataChoice(**options), array=LabelledArray(images=array))


def seen(source: Source) -> NDArray[np.float32]:
    """What the networks get, ``[N, C, H, W]``."""
    return gather(source, np.arange(len(source.images)), CPU).numpy()


def scaled(low: float, high: float, dtype: str) -> NDArray[Any]:
    values = low + NOISE * (high - low)
    values.flat[:2] = low, high
    return values.round().astype(dtype) if np.dtype(dtype).kind in "iu" else values.astype(dtype)


ARRAYS = {
    "12-bit pictures in uint16": scaled(200, 4000, "uint16"),
    "16-bit pictures": scaled(0, 65535, "uint16"),
    "heights below the sea": scaled(-400, 3000, "int16"),
    "counts": scaled(0, 90, "int64"),
    "a field of small numbers": scaled(0, 1e-3, "float32"),
    "temperatures": scaled(250.5, 310.25, "float64"),
    "in [0, 1]": scaled(0, 1, "float32"),
    "in [-1, 1]": scaled(-1, 1, "float64"),
    "far from zero": scaled(1e6, 1e6 + 10, "float64"),
    "large": scaled(-1e20, 1e20, "float32"),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_every_range_is_seen_whole_and_comes_back(kind: str, tmp_path: Path) -> None:
    """The smallest number is -1 to the networks and the largest 1; samples are in the data's units and type."""
    array = ARRAYS[kind]
    source = opened(array)
    numbers = seen(source)
    assert numbers.dtype == np.float32
    assert (numbers.min(), numbers.max()) == (-1, 1)
    assert len(np.unique(numbers)) > 0.9 * len(np.unique(array.astype(np.float32)))
    low, high = float(array.min()), float(array.max())
    back = source.values.restore(numbers)[..., 0]
    assert back.dtype == array.dtype
    assert np.abs(back.astype(float) - array.astype(float)).max() <= 1e-6 * (high - low)
    run = gradpen.train(array, out=tmp_path / "run", **SHORT)
    samples = run.sample(20, seed=1)
    assert (samples.dtype, samples.shape) == (array.dtype, (20, 8, 8, 1))
    assert low <= samples.min() < samples.max() <= high
    assert samples.astype(float).std() > 0.001 * (high - low)
    assert run.pictures(3).dtype == np.uint8
    again = gradpen.train(array, resume=run.path)
    assert again.values == run.values == source.values


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float32", "float64"])
def test_masks_of_every_type_are_black_and_white(dtype: str) -> None:
    mask = (NOISE > 0.5).astype(dtype)
    source = opened(mask)
    assert np.array_equal(seen(source)[:, 0], 2 * mask.astype(np.float32) - 1)
    back = source.values.restore(seen(source))[..., 0]
    assert back.dtype == mask.dtype
    assert np.array_equal(back, mask)


@pytest.mark.parametrize(
    "array",
    [
        (NOISE * 255).round().astype(np.uint8),
        (NOISE * 255).round().astype(np.int64),
        (NOISE * 255).round() / 255,
        ((NOISE * 255).round() / 255).astype(np.float32),
        (NOISE * 255).round() / 127.5 - 1,
    ],
    ids=["uint8", "int64", "float64", "float32", "signed"],
)
def test_pictures_in_bytes_stay_bytes_in_memory(array: NDArray[Any]) -> None:
    """What bytes hold without loss is kept as bytes, a quarter of the memory."""
    source = opened(array)
    assert source.images.dtype == np.uint8
    assert np.array_equal(source.images[:, 0], (NOISE * 255).round())


def test_dark_pictures_stay_dark() -> None:
    """Bytes have a declared depth: a night sky is not stretched, and few levels are pointed out."""
    sky = (NOISE * 40).round().astype(np.uint8)
    assert np.array_equal(opened(sky).images[:, 0], sky)
    classes = (NOISE * 4).round().astype(np.uint8)
    source = opened(classes)
    assert any("level alone is used, from 0 to 4 of 255: `data.range=0,4`" in note for note in source.report.notes)
    assert seen(opened(classes, range=(0, 4))).max() == 1


def test_a_range_of_ones_own() -> None:
    array = ARRAYS["12-bit pictures in uint16"]
    source = opened(array, range=(0, 4095))
    assert seen(source).max() == pytest.approx(2 * 4000 / 4095 - 1, abs=1e-6)
    narrow = opened(array, range=(1000, 2000))
    cut = int(((array < 1000) | (array > 2000)).sum())
    assert narrow.report.notes == {
        "value beyond 1000 to 2000, cut off there": cut,
        "uint16 values from 1000 to 2000 taken as -1 to 1": 40,
    }
    for wrong in ("4095,0", "1", "nan,1", "a,b", "0,inf"):
        with pytest.raises((ValueError, UsageError)):
            DataChoice(range=wrong)  # type: ignore[arg-type]


def test_more_than_four_channels(tmp_path: Path) -> None:
    bands = RANDOM.integers(0, 3000, (40, 16, 16, 6)).astype(np.uint16)
    run = gradpen.train(bands, out=tmp_path / "run", **SHORT)
    assert run.sample(3).shape == (3, 16, 16, 6)
    assert run.sample(3).dtype == np.uint16
    assert run.pictures(3).shape == (3, 1, 16, 16)
    assert np.array_equal(seen(opened(bands)), seen(opened(bands.transpose(0, 3, 1, 2))))


def test_a_cube_of_one_size_asks_for_its_axes(tmp_path: Path) -> None:
    cubes = RANDOM.random((40, 8, 8, 8))
    with pytest.raises(DataError, match="where the shape does not tell"):
        opened(cubes)
    assert opened(cubes, axes="NCHW").shape == (8, 8, 8)
    with pytest.raises(DataError, match="it has 3 axes"):
        opened(cubes, axes="NCL")


@pytest.mark.parametrize("preset", [None, "wgan-gp-digits"])
def test_vectors_and_signals(tmp_path: Path, preset: str | None, command: Callable[..., Outcome]) -> None:
    vectors = RANDOM.normal(50, 20, (80, 30)).astype(np.float32)
    run = gradpen.train(vectors, preset=preset, out=tmp_path / "vectors", **SHORT)
    assert run.sample(5).shape == (5, 30)
    assert run.sample(5).dtype == np.float32
    time = np.linspace(0, 6, 100)
    waves = np.stack([np.stack([np.sin(time + shift), np.cos(time + shift)]) for shift in RANDOM.random(60) * 6])
    np.save(tmp_path / "waves.npy", waves)
    asked = ["--set", "data.axes=NCL", "--iterations=2", "--batch-size=8", "--out", tmp_path / "signals"]
    code, _, err = command("train", tmp_path / "waves.npy", *(["--preset", preset] if preset else []), *asked)
    assert code == 0, err
    signals = gradpen.load(tmp_path / "signals")
    assert signals.sample(4).shape == (4, 2, 100)
    assert signals.pictures(4).shape == (4, 1, 64, 128)
    assert command("evaluate", tmp_path / "signals", "--count=6", "--sets=2")[0] == 0
    assert command("nearest", tmp_path / "signals", "--out", tmp_path / "n.png")[0] == 0
    assert command("sample", tmp_path / "signals", "--count=3", "--out", tmp_path / "s.npz")[0] == 0
    with np.load(tmp_path / "s.npz") as written:
        assert np.array_equal(written["images"], signals.sample(3))


def test_samples_of_deep_pictures_are_written_deep(tmp_path: Path, command: Callable[..., Outcome]) -> None:
    array = ARRAYS["12-bit pictures in uint16"]
    run = gradpen.train(array, out=tmp_path / "run", **SHORT)
    assert command("sample", run.path, "--count=3", "--checkpoint=last", "--out", tmp_path / "s.npz")[0] == 0
    with np.load(tmp_path / "s.npz") as written:
        assert np.array_equal(written["images"], run.sample(3))
    assert command("sample", run.path, "--count=3", "--out", tmp_path / "s.png")[0] == 0


def test_what_else_is_in_a_file_is_said(tmp_path: Path) -> None:
    pixels = (NOISE * 255).astype(np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=pixels, x_test=pixels, y_train=np.arange(40) % 3, y_test=np.arange(40))
    notes = open_source(DataChoice(path=str(tmp_path / "mnist.npz"))).report.notes
    assert "array 'x_test' in the file, not used" in notes
    assert "array 'y_test' in the file, not used" in notes


def test_resizing_keeps_the_units() -> None:
    array = np.repeat(np.repeat(ARRAYS["temperatures"], 2, axis=1), 2, axis=2)
    source = opened(array, size=(8, 8))
    back = source.values.restore(seen(source))[..., 0]
    # Bilinear with antialiasing mixes neighbouring blocks, so the ends come nearer; the mean stays.
    assert back.mean() == pytest.approx(array.mean(), rel=1e-3)
    assert back.min() > 250
    padded = opened(array[:, :8], size=(16, 16), fit="pad", background="black")
    assert seen(padded)[:, 0, 0].max() == -1


def test_pictures_of_any_data() -> None:
    assert as_pixels(np.full((2, 3, 4, 4), -1, np.float32)).max() == 0
    numbers = images_from_array(NOISE[:, :, 0], "a")
    assert as_pixels(numbers.images).shape == (40, 1, 64, 128)


def test_samples_from_elsewhere_are_measured_in_the_datas_units(tmp_path: Path) -> None:
    """A collapsed generator's numbers, all within a hundredth of the data's range, are not stretched over it."""
    data = RANDOM.integers(200, 4000, (300, 8, 8)).astype(np.uint16)
    collapsed = RANDOM.integers(2000, 2040, (300, 8, 8)).astype(np.uint16)
    found = gradpen.evaluate(collapsed, data, count=20, sets=2)
    assert found["diversity"].mean < 0.05 * found["real_diversity"].mean
    assert found["recall"].mean < 0.2
    np.save(tmp_path / "data.npy", data)
    again = gradpen.evaluate(collapsed, tmp_path / "data.npy", count=20, sets=2)
    assert again["samples"].mean == pytest.approx(found["samples"].mean)


def test_vectors_from_elsewhere_are_measured(tmp_path: Path) -> None:
    data = RANDOM.normal(5, 2, (200, 7))
    found = gradpen.evaluate(data[:100], data, count=20, sets=2)
    assert found["samples"].mean == pytest.approx(found["floor"].mean, rel=0.3)


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint8", 0, 300), ("uint8", -10, 260), ("int64", -5.0, 2.0**63), ("bool", 0, 255), ("int8", 0, 255)],
)
def test_a_range_beyond_the_type_does_not_wrap(dtype: str, low: float, high: float) -> None:
    """The darkest sample stays the darkest and the brightest the brightest."""
    ramp = np.linspace(-1, 1, 9, dtype=np.float32).reshape(9, 1, 1, 1)
    back = Values(low=low, high=high, dtype=dtype).restore(ramp).ravel()
    assert back.dtype == dtype
    assert (np.diff(back.astype(float)) >= 0).all()
    assert back[-1] > back[0]


def test_columns_that_one_range_would_hide_have_their_own() -> None:
    """Both columns fill the networks' range, and come back in their own units; a chosen range is of all."""
    table = np.stack([RANDOM.random(100), 1e6 * RANDOM.random(100), np.full(100, 7.0)], axis=1)
    source = opened(table)
    assert source.report.notes["column has a range of its own, since some span little of the range of all"] == 3
    inner = source.images[:, 0, 0]
    assert inner[:, :2].min(axis=0).tolist() == [-1, -1]
    assert inner[:, :2].max(axis=0).tolist() == [1, 1]
    assert np.allclose(source.values.restore(np.asarray(source.images)), table, rtol=1e-6, atol=0.1)
    assert np.array_equal(source.values.taken(table), source.images)
    assert opened(table, range=(0, 1e6)).values.columns is None
    assert list(opened(table / table.max(axis=0)).report.notes) == ["float64 values from 0 to 1 taken as -1 to 1"]


def test_many_small_vectors_open_quickly() -> None:
    """A million numbers a second at least: rows are converted by the thousand."""
    vectors = RANDOM.integers(0, 3, (200_000, 1))
    source = opened(vectors)
    assert source.report.duplicates == []
    assert len(source.images) == 200_000


def pictures(folder: Path, images: dict[str, Image.Image]) -> Path:
    folder.mkdir()
    for name, image in images.items():
        image.save(folder / name)
    return folder


DEEP = (200 + NOISE * 3800).round().astype(np.uint16)
FLAT = (NOISE * 255).round().astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_folder_of_deep_pictures(tmp_path: Path, suffix: str) -> None:
    """12 bits in files of 16 keep every level: from the darkest value of all to the brightest, which is said."""
    folder = pictures(tmp_path / "deep", {f"{n:02d}.{suffix}": Image.fromarray(image) for n, image in enumerate(DEEP)})
    source = open_source(DataChoice(path=str(folder)))
    low, high = int(DEEP.min()), int(DEEP.max())
    assert np.array_equal(source.values.restore(np.asarray(source.images))[..., 0], DEEP)
    assert source.values.dtype == "uint16"
    assert source.report.notes == {f"uint16 values from {low} to {high} taken as -1 to 1": 40}
    chosen = open_source(DataChoice(path=str(folder), range=(0, 4095)))
    assert np.allclose(chosen.images[:, 0], DEEP * (2 / 4095) - 1)
    cut = open_source(DataChoice(path=str(folder), range=(1000, 2000)))
    assert cut.report.notes["with values beyond 1000 to 2000, cut off there"] > 30


def test_a_folder_of_masks(tmp_path: Path) -> None:
    """Masks of 0 and 1 in bytes are black and white, not black and nearly black."""
    folder = pictures(
        tmp_path / "masks", {f"{n:02d}.png": Image.fromarray(image // 128) for n, image in enumerate(FLAT)}
    )
    source = open_source(DataChoice(path=str(folder)))
    assert np.array_equal(source.images[:, 0], 255 * (FLAT // 128))
    assert source.report.notes == {"mask of 0 and 1 taken as black and white": 40}


def test_a_range_reaches_the_pictures_it_is_meant_for(tmp_path: Path) -> None:
    """12-bit pictures beside 8-bit ones, PNM files that declare their depth, and colours with transparency."""
    images = {f"deep{n:02d}.png": Image.fromarray(image) for n, image in enumerate(DEEP[:20])}
    images |= {f"flat{n:02d}.png": Image.fromarray(image) for n, image in enumerate(FLAT[:20])}
    folder = pictures(tmp_path / "both", images)
    (folder / "half.pgm").write_bytes(b"P5 8 8 4095\n" + np.full((8, 8), 2048, ">u2").tobytes())
    source = open_source(DataChoice(path=str(folder), range=(0, 4095)))
    assert np.array_equal(source.images[20:40, 0], FLAT[:20])
    assert abs(int(source.images[40].mean()) - 128) <= 1
    assert source.report.notes["of mode L, 8 bits: as it is, `data.range` does not apply"] == 20
    clear = pictures(
        tmp_path / "clear", {f"{n}.png": Image.fromarray(np.stack([FLAT[n]] * 4, 2), "RGBA") for n in range(40)}
    )
    notes = open_source(DataChoice(path=str(clear), range=(0, 5))).report.notes
    assert notes["of mode RGBA, 8 bits: as it is, `data.range` does not apply"] == 40


def test_a_deep_picture_with_a_transparent_value(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "deep", {f"{n:02d}.png": Image.fromarray(image) for n, image in enumerate(DEEP)})
    Image.fromarray(DEEP[0]).save(folder / "00.png", transparency=4000)
    source = open_source(DataChoice(path=str(folder)))
    assert source.report.notes["one value that is declared transparent, taken as it is"] == 1
    assert np.array_equal(source.values.restore(np.asarray(source.images))[..., 0], DEEP)


def test_white_at_zero(tmp_path: Path) -> None:
    """TIFF may store negatives; they are turned the right way round at 16 bits as at 8."""
    folder = tmp_path / "negatives"
    folder.mkdir()
    for number, image in enumerate(DEEP):
        Image.fromarray(65535 - image).save(folder / f"{number:02d}.tif", tiffinfo={262: 0})
    source = open_source(DataChoice(path=str(folder)))
    assert np.array_equal(source.values.restore(np.asarray(source.images))[..., 0], DEEP)


def test_how_values_were_taken_is_said_before_training(tmp_path: Path, command: Callable[..., Outcome]) -> None:
    np.save(tmp_path / "deep.npy", ARRAYS["12-bit pictures in uint16"])
    code, _, err = command(
        "train", tmp_path / "deep.npy", "--iterations=1", "--batch-size=8", "--out", tmp_path / "run"
    )
    assert code == 0, err
    assert "40 × uint16 values from 200 to 4000 taken as -1 to 1" in err
    assert "uint16 values from 200 to 4000" in (tmp_path / "run" / "data.json").read_text()
