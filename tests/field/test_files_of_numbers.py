"""Files of numbers: folders of arrays, deep and many-band pictures, HDF5; whole, in their own units, and said."""

import logging
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import gradpen
from conftest import Outcome
from gradpen.data import numbers, store
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.held import as_array
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.errors import DataError
from gradpen.machine import room

RANDOM = np.random.default_rng(0)
COUNT = 30
FIELD = RANDOM.normal(3, 7, (COUNT, 8, 10)).astype(np.float32)


def written(folder: Path, examples: Any, suffix: str = "npy", **options: Any) -> Path:
    """A folder with one file an example."""
    folder.mkdir(parents=True)
    for number, example in enumerate(examples):
        file = folder / f"{number:03d}.{suffix}"
        if suffix == "npy":
            np.save(file, example)
        else:
            tifffile.imwrite(file, example, **options)
    return folder


def opened(folder: Path, **options: Any) -> Source:
    return open_source(DataChoice(path=str(folder), **options))


def restored(source: Source) -> NDArray[Any]:
    return source.values.restore(np.asarray(source.images, dtype=np.float32))


EXAMPLES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "fields": (FIELD, {}, "images"),
    "fields of doubles": (FIELD.astype(np.float64), {}, "images"),
    "fields of six bands": (RANDOM.normal(size=(COUNT, 9, 8, 6)), {}, "images"),
    "bands first": (RANDOM.normal(size=(COUNT, 3, 12, 9)), {}, "images"),
    "heights": (RANDOM.integers(-400, 3000, (COUNT, 8, 8)).astype(np.int16), {}, "images"),
    "vectors": (RANDOM.normal(size=(COUNT, 7)), {}, "vectors"),
    "signals": (RANDOM.normal(size=(COUNT, 2, 16)), {"axes": "NCL"}, "signals"),
    "volumes": (RANDOM.normal(size=(COUNT, 1, 4, 5, 6)), {}, "volumes"),
}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_folder_of_arrays(tmp_path: Path, kind: str) -> None:
    """One file is one example; what comes back is what lay there."""
    examples, options, layout = EXAMPLES[kind]
    source = opened(written(tmp_path / "arrays", examples), **options)
    back = restored(source)
    assert source.values.layout == layout
    assert back.dtype == examples.dtype
    one_band = back[..., 0] if layout == "images" and back.shape[-1] == 1 else back
    expected = examples.transpose(0, 2, 3, 1) if kind == "bands first" else examples
    assert np.allclose(one_band, expected, atol=1e-5 * np.abs(expected).max())
    assert any(f"{examples.dtype} values from" in note for note in source.report.notes)
    assert source.images.dtype == np.float32


def test_arrays_of_bytes_stay_bytes(tmp_path: Path) -> None:
    colours = RANDOM.integers(0, 256, (COUNT, 9, 8, 3), dtype=np.uint8)
    source = opened(written(tmp_path / "arrays", colours))
    assert source.images.dtype == np.uint8
    assert np.array_equal(source.images, colours.transpose(0, 3, 1, 2))
    assert source.values.are_pixels
    masks = opened(written(tmp_path / "masks", colours[..., 0] > 127))
    assert np.array_equal(masks.images[:, 0], 255 * (colours[..., 0] > 127))


def test_classes_tables_and_splits_go_with_arrays(tmp_path: Path) -> None:
    for name in ("calm", "storm"):
        written(tmp_path / "train" / name, FIELD[:12])
        written(tmp_path / "val" / name, FIELD[12:16])
    source = opened(tmp_path, labels="folders")
    assert source.report.classes == {"calm": 16, "storm": 16}
    assert len(source.held_out) == 8


def test_damaged_arrays_are_left_out_and_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "arrays", FIELD)
    (folder / "000.npy").write_bytes((folder / "001.npy").read_bytes()[:200])
    np.save(folder / "002.npy", np.full((8, 10), np.nan, np.float32))
    np.save(folder / "003.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(folder / "004.npy", np.array("text"))
    (folder / "005.npy").write_bytes(b"no array")
    reasons = dict(opened(folder).report.unreadable)
    assert reasons.keys() == {"000.npy", "002.npy", "003.npy", "004.npy", "005.npy"}
    assert reasons["002.npy"] == "80 of its numbers are NaN or infinite"
    assert "allow_pickle" in reasons["003.npy"]
    assert "expected numbers" in reasons["004.npy"]


def test_arrays_of_several_sizes_and_of_several_kinds(tmp_path: Path) -> None:
    folder = written(tmp_path / "sizes", [*FIELD[:15], *RANDOM.normal(size=(15, 20, 20)).astype(np.float32)])
    assert opened(folder).shape == (1, 64, 64)
    assert opened(folder, size=(16, 16)).shape == (1, 16, 16)
    np.save(folder / "other.npy", RANDOM.normal(size=(20, 20, 2)))
    with pytest.raises(DataError, match=r"30 of 1 band\(s\), 1 of 2 band\(s\); one file is one example"):
        opened(folder)
    signals = written(tmp_path / "signals", [np.zeros((2, 16)), np.ones((2, 20))])
    with pytest.raises(DataError, match="signals of 2x1x16"):
        opened(signals, axes="NCL")
    with pytest.raises(DataError, match="have no size"):
        opened(written(tmp_path / "vectors", RANDOM.normal(size=(COUNT, 7))), size=(8, 8))
    with pytest.raises(DataError, match="6 bands"):
        opened(written(tmp_path / "bands", EXAMPLES["fields of six bands"][0]), channels=3)
    with pytest.raises(DataError, match="holds the number 2 everywhere"):
        opened(written(tmp_path / "constant", np.full((COUNT, 8, 8), 2.0)))


def test_arrays_beside_pictures_are_counted(images: Path) -> None:
    np.save(images / "extra.npy", FIELD)
    report = opened(images).report
    assert report.used == 40
    assert report.other_files == {".npy": 1}


TIFFS: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
    "five bands of 16 bits": (
        RANDOM.integers(0, 3000, (COUNT, 9, 8, 5)).astype(np.uint16),
        {"photometric": "minisblack", "planarconfig": "contig"},
    ),
    "band after band": (
        RANDOM.integers(0, 3000, (COUNT, 5, 9, 8)).astype(np.uint16),
        {"photometric": "minisblack", "planarconfig": "separate"},
    ),
    "colours of 16 bits": (RANDOM.integers(0, 65536, (COUNT, 9, 8, 3)).astype(np.uint16), {"photometric": "rgb"}),
    "two bands of 8 bits": (
        RANDOM.integers(0, 256, (COUNT, 9, 8, 2), dtype=np.uint8),
        {"photometric": "minisblack", "planarconfig": "contig"},
    ),
    "floats": (RANDOM.normal(size=(COUNT, 9, 8)).astype(np.float32), {}),
    "doubles of two bands": (
        RANDOM.normal(size=(COUNT, 9, 8, 2)),
        {"photometric": "minisblack", "planarconfig": "contig"},
    ),
    "32 bits, unsigned": (RANDOM.integers(0, 2**32, (COUNT, 9, 8)).astype(np.uint32), {}),
    "32 bits, signed": (RANDOM.integers(-(2**31), 2**31, (COUNT, 9, 8)).astype(np.int32), {}),
    "16 bits, signed": (RANDOM.integers(-400, 3000, (COUNT, 9, 8)).astype(np.int16), {}),
}


@pytest.mark.parametrize("kind", TIFFS)
def test_a_folder_of_tiffs_keeps_all_bands_and_levels(tmp_path: Path, kind: str) -> None:
    examples, options = TIFFS[kind]
    source = opened(written(tmp_path / "tiffs", examples, "tif", **options))
    bands_last = examples[..., None] if examples.ndim == 3 else examples
    bands_last = bands_last.transpose(0, 2, 3, 1) if kind == "band after band" else bands_last
    assert source.report.unreadable == []
    back = restored(source) if source.images.dtype == np.float32 else source.images.transpose(0, 2, 3, 1)
    assert back.dtype == examples.dtype
    span = float(examples.max()) - float(examples.min())
    assert np.abs(back.astype(np.float64) - bands_last).max() <= 1e-6 * span


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_stack_of_pages_is_a_volume_when_asked(tmp_path: Path, dtype: str) -> None:
    stacks = RANDOM.integers(0, 256 if dtype == "uint8" else 3000, (COUNT, 4, 8, 9)).astype(dtype)
    folder = written(tmp_path / "stacks", stacks, "tif", photometric="minisblack")
    first = opened(folder)
    assert first.shape == (1, 8, 9)
    assert any("first" in note for note in first.report.notes)
    volumes = opened(folder, axes="NDHW")
    assert volumes.sides == "4x8x9"
    assert np.array_equal(restored(volumes)[:, 0] if dtype != "uint8" else volumes.images.reshape(stacks.shape), stacks)


def test_without_tifffile_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "can_read_tiff", lambda: False)
    examples, options = TIFFS["five bands of 16 bits"]
    with pytest.raises(DataError, match=r"needs tifffile: pip install 'gradpen\[tiff\]'"):
        opened(written(tmp_path / "bands", examples, "tif", **options))
    examples, options = TIFFS["colours of 16 bits"]
    source = opened(written(tmp_path / "colours", examples, "tif", **options))
    assert source.report.notes["the upper 8 of 16 bits a band taken: pip install 'gradpen[tiff]' reads all"] == COUNT
    assert np.abs(source.images.transpose(0, 2, 3, 1).astype(int) - examples // 256).max() <= 1
    examples, options = TIFFS["two bands of 8 bits"]
    notes = opened(written(tmp_path / "two", examples, "tif", **options)).report.notes
    assert notes["bands beyond the colours, left out: pip install 'gradpen[tiff]' reads all"] == COUNT


def test_without_h5py_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.h5").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"pip install 'gradpen\[h5\]'"):
        opened(tmp_path / "a.h5")


def test_many_bands_among_pictures_are_left_out_and_named(images: Path) -> None:
    tifffile.imwrite(images / "bands.tif", TIFFS["five bands of 16 bits"][0][0], **TIFFS["five bands of 16 bits"][1])
    report = opened(images).report
    assert report.unreadable == [("bands.tif", "5 bands of uint16 among pictures of 8 bits")]
    assert report.used == 40


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pictures_are_turned_as_others_are(tmp_path: Path, orientation: int) -> None:
    """By the same tag, the same way as 8 bits of the same picture."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "flat").mkdir()
    ramp = np.arange(96, dtype=np.uint8).reshape(8, 12) * 2
    tag = Image.Exif()
    tag[0x0112] = orientation
    for number in range(COUNT):
        Image.fromarray(ramp.astype(np.uint16) * 257 + number).save(tmp_path / f"deep/{number}.png", exif=tag)
        Image.fromarray(ramp).save(tmp_path / f"flat/{number}.png", exif=tag)
    deep, flat = opened(tmp_path / "deep"), opened(tmp_path / "flat")
    assert deep.shape == flat.shape
    assert np.abs(restored(deep)[..., 0] / 257 - flat.images[:, 0]).max() < 1
    assert deep.report.notes.get("turned by its EXIF orientation", 0) == (COUNT if orientation > 1 else 0)


@pytest.mark.parametrize("suffix", ["png", "ppm"])
def test_colours_of_sixteen_bits_that_lose_some_say_so(tmp_path: Path, suffix: str) -> None:
    """Pillow reads eight of them; what is lost is said."""
    import zlib

    for number in range(COUNT):
        values = RANDOM.integers(0, 65536, (8, 8, 3)).astype(">u2")
        if suffix == "ppm":
            content = b"P6 8 8 65535\n" + values.tobytes()
        else:
            rows = b"".join(b"\0" + row.tobytes() for row in values)
            parts = [
                (b"IHDR", (8).to_bytes(4) * 2 + bytes([16, 2, 0, 0, 0])),
                (b"IDAT", zlib.compress(rows)),
                (b"IEND", b""),
            ]
            content = b"\x89PNG\r\n\x1a\n" + b"".join(
                len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4) for name, data in parts
            )
        (tmp_path / f"{number}.{suffix}").write_bytes(content)
    notes = opened(tmp_path).report.notes
    assert notes == {"the upper 8 of 16 bits a band taken; TIFF and .npy are read whole": COUNT}


def test_a_damaged_tiff_says_nothing_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What tifffile logs does not reach the terminal of a user who listens to no log."""
    examples, options = TIFFS["five bands of 16 bits"]
    folder = written(tmp_path / "tiffs", examples, "tif", **options)
    for number in range(10):
        file = folder / f"{number:03d}.tif"
        file.write_bytes(file.read_bytes()[: 20 + 30 * number])
    report = opened(folder).report
    assert 0 < len(report.unreadable) <= 10
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("tifffile").handlers)


def test_an_hdf5_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["images"] = RANDOM.integers(0, 256, (COUNT, 8, 8, 3), dtype=np.uint8)
        file["labels"] = np.arange(COUNT) % 3
        file["meta/notes"] = ["a", "b"]
    source = opened(tmp_path / "data.h5")
    assert source.shape == (3, 8, 8)
    assert source.report.classes == {"0": 10, "1": 10, "2": 10}
    assert source.report.notes["array 'meta/notes' in the file, not used"] == 1
    with h5py.File(tmp_path / "one.HDF5", "w") as file:
        file["train/fields"] = FIELD
    assert np.allclose(restored(opened(tmp_path / "one.HDF5"))[..., 0], FIELD, atol=1e-4)
    with h5py.File(tmp_path / "many.h5", "w") as file:
        file["a"], file["b"] = FIELD, FIELD
    with pytest.raises(DataError, match="holds a, b; name the array of images 'images'"):
        opened(tmp_path / "many.h5")
    whole = (tmp_path / "data.h5").read_bytes()
    for place in (10, 200, 900, len(whole) - 50):
        (tmp_path / "cut.h5").write_bytes(whole[:place])
        with pytest.raises(DataError, match=r"cut\.h5"):
            opened(tmp_path / "cut.h5")


def test_large_arrays_lie_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGE", 1000)
    np.save(tmp_path / "fields.npy", FIELD)
    source = opened(tmp_path / "fields.npy")
    base: Any = source.images
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert np.allclose(restored(source)[..., 0], FIELD, atol=1e-4)


def test_masked_arrays_are_not_taken_for_what_lies_under_the_mask() -> None:
    masked = np.ma.masked_less(FIELD, 0)
    with pytest.raises(DataError, match=r"masked numbers; .* array.filled"):
        gradpen.evaluate(masked, FIELD, count=4, sets=2)


def test_fields_train_and_come_back_in_their_units(tmp_path: Path, command: Callable[..., Outcome]) -> None:
    folder = written(tmp_path / "arrays", FIELD)
    code, _, err = command("train", folder, "--iterations=1", "--batch-size=8", "--out", tmp_path / "run")
    assert code == 0, err
    low, high = float(FIELD.min()), float(FIELD.max())
    assert f"float32 values from {low:g} to {high:g} taken as -1 to 1" in err
    run = gradpen.load(tmp_path / "run")
    assert run.sample(3).dtype == np.float32
    assert run.sample(3).shape == (3, 8, 10, 1)
    found = gradpen.evaluate(FIELD[:20], folder, count=4, sets=2)
    assert found["samples"].mean < 3 * found["floor"].mean


def test_vectors_of_many_units_train_export_and_come_back(tmp_path: Path) -> None:
    table = np.stack([RANDOM.random(60), 1e6 * RANDOM.random(60)], axis=1)
    run = gradpen.train(table, out=tmp_path / "run", iterations=2, batch_size=8)
    numbers_back = gradpen.load(tmp_path / "run").sample(50)
    assert (numbers_back <= table.max(axis=0) * 1.001).all()
    assert numbers_back[:, 1].max() > 1000 > numbers_back[:, 0].max()
    plain = run.plain_generator(units=True)
    made = plain(*run.inputs(50)).detach().numpy()[:, 0, 0]
    assert np.allclose(made, run.sample(50), rtol=1e-4, atol=1e-3)
    assert gradpen.evaluate(tmp_path / "run", table, count=4, sets=2)["samples"].mean > 0
    assert gradpen.evaluate(table[:30], table, count=4, sets=2)["samples"].mean < 1


def test_twelve_bits_of_a_tiff_are_the_depth_that_it_declares(tmp_path: Path) -> None:
    """Two values in three bytes, as scanners write them; no value of these reaches either end."""
    values = RANDOM.integers(500, 2000, (COUNT, 8, 8)).astype(np.uint16)
    for number, image in enumerate(values):
        bits = np.unpackbits(image.ravel().astype(">u2").view(np.uint8)).reshape(-1, 16)[:, 4:]
        strip = np.packbits(bits.ravel()).tobytes()
        tags = [(256, 8), (257, 8), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8)]
        tags.append((279, len(strip)))
        offset = 8 + len(strip)
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        content = struct.pack("<2sHI", b"II", 42, offset) + strip + struct.pack("<H", len(tags)) + entries + bytes(4)
        (tmp_path / f"{number:03d}.tif").write_bytes(content)
    source = opened(tmp_path)
    assert (source.values.low, source.values.high) == (0, 4095)
    assert np.array_equal(restored(source)[..., 0], values)


@pytest.mark.parametrize("bands", [2, 4])
def test_bands_that_are_no_transparency_do_not_change_the_others(tmp_path: Path, bands: int) -> None:
    examples = np.full((COUNT, 20, 20, bands), 200, np.uint8)
    examples[..., -1] = 0
    examples[:, :10, :, -1] = 90
    folder = written(tmp_path / "bands", examples)
    for source in (opened(folder, size=(10, 10)), opened_array(examples, size=(10, 10))):
        assert (source.images[:, :-1] == 200).all()
        assert (source.images[:, -1, :4] == 90).all()


def opened_array(array: NDArray[Any], **options: Any) -> Source:
    return open_source(DataChoice(**options), array=LabelledArray(images=array))


def test_compressed_tiffs_are_read(tmp_path: Path) -> None:
    examples, options = TIFFS["colours of 16 bits"]
    source = opened(written(tmp_path / "lzw", examples, "tif", compression="lzw", **options))
    assert source.report.unreadable == []
    assert source.values.dtype == "uint16"


def test_a_tiff_of_many_bands_is_turned_by_its_orientation(tmp_path: Path) -> None:
    examples, options = TIFFS["five bands of 16 bits"]
    tags = [(274, "H", 1, 6, True)]
    source = opened(written(tmp_path / "turned", examples, "tif", extratags=tags, **options))
    assert source.shape == (5, 8, 9)
    assert np.array_equal(restored(source)[0], np.rot90(examples[0], -1))


def test_what_is_installed_later_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples, options = TIFFS["colours of 16 bits"]
    folder = written(tmp_path / "colours", examples, "tif", **options)
    with monkeypatch.context() as patch:
        for module in (numbers, store):
            patch.setattr(module, "can_read_tiff", lambda: False)
        assert opened(folder).images.dtype == np.uint8
    assert opened(folder).images.dtype == np.float32


def test_a_cache_whose_type_was_changed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "cache"))
    folder = written(tmp_path / "arrays", FIELD)
    whole = np.array(opened(folder).images)
    (file,) = (tmp_path / "cache").glob("*/images.npy")
    file.write_bytes(file.read_bytes().replace(b"'<f4'", b"'<i4'", 1))
    assert np.array_equal(opened(folder).images, whole)


def test_lists_of_arrays_in_files_keep_their_layout(tmp_path: Path) -> None:
    for name, examples in {
        "vectors": RANDOM.integers(0, 256, (12, 20), dtype=np.uint8),
        "volumes": RANDOM.integers(0, 256, (12, 1, 6, 7, 8), dtype=np.uint8),
        "masks": RANDOM.integers(0, 2, (12, 8, 8)).astype(bool),
    }.items():
        files = sorted(written(tmp_path / name, examples).iterdir())
        held, _ = as_array(files, print)
        assert held.dtype == examples.dtype
        assert np.array_equal(held[..., 0] if name == "masks" else held, examples)


def test_whole_numbers_like_pixels_that_hide_a_column_are_said() -> None:
    table = np.stack([RANDOM.integers(18, 90, 60), RANDOM.integers(0, 2, 60), RANDOM.integers(0, 200, 60)], axis=1)
    notes = opened_array(table).report.notes
    assert sum("column spans less than 1% of 0 to 255" in note for note in notes) == 1
