"""Folders of images as people have them: every mode, size and kind of damage."""

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.errors import DataError

RNG = np.random.default_rng(0)


def ramp(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8))


def fill(folder: Path, count: int = 20) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        Image.fromarray(RNG.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"good{index:02d}.png")


def only_image(folder: Path, **options: object) -> np.ndarray:
    """Return the picture called odd.* among good ones."""
    source, files = open_with_names(folder, **options)
    return np.asarray(source.images[next(i for i, name in enumerate(files) if "odd" in name)])


def open_with_names(folder: Path, **options: object) -> tuple[Source, list[str]]:
    source = open_source(DataChoice(path=str(folder), **options))  # type: ignore[arg-type]
    bad = {name for name, _ in source.report.unreadable}
    return source, [name for name in sorted(os.listdir(folder)) if name not in bad]


def bomb(path: Path, side: int = 30_000) -> None:
    """A PNG of a few bytes that claims a gigapixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def zoo(folder: Path) -> dict[str, str]:
    """Write damaged files among good ones; return a part of the reason expected for each."""
    fill(folder)
    (folder / "zero.png").write_bytes(b"")
    (folder / "page.jpg").write_text("<html>not found</html>")
    (folder / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    noise = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for suffix in ("png", "jpg", "webp", "bmp", "gif", "tif"):
        whole = folder / f"whole.{suffix}"
        noise.save(whole)
        (folder / f"half.{suffix}").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        whole.unlink()
    bomb(folder / "bomb.png")
    bomb(folder / "large.png", 9_000)
    return {
        "zero.png": "empty file",
        "page.jpg": "not an image",
        "script.png": "not an image",
        "half.png": "",
        "half.jpg": "",
        "half.webp": "",
        "half.bmp": "",
        "half.gif": "",
        "half.tif": "",
        "bomb.png": "pixels",
        "large.png": "9000x9000: more than 64,000,000 pixels",
    }


def test_damaged_files_are_left_out_counted_and_named(tmp_path: Path) -> None:
    expected = zoo(tmp_path / "zoo")
    source = open_source(DataChoice(path=str(tmp_path / "zoo")))
    found = dict(source.report.unreadable)
    assert found.keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in found[name], (name, found[name])
    assert source.report.found == 20 + len(expected)
    assert source.report.used == len(source.images) == 20


@pytest.mark.parametrize("suffix", ["gif", "tif", "png", "webp"])
def test_no_damage_is_more_than_an_unreadable_file(tmp_path: Path, suffix: str) -> None:
    """Files of several frames, cut or overwritten anywhere: each is used or named, and nothing is raised."""
    fill(tmp_path)
    frames = [Image.fromarray(RNG.integers(0, 256, (20, 20), dtype=np.uint8)) for _ in range(3)]
    frames[0].save(tmp_path / f"whole.{suffix}", save_all=True, append_images=frames[1:])
    content = (tmp_path / f"whole.{suffix}").read_bytes()
    for number in range(120):
        damaged = bytearray(content)
        if number % 2:
            damaged = damaged[: int(RNG.integers(1, len(content)))]
        else:
            for place in RNG.integers(0, len(content), 8):
                damaged[place] = RNG.integers(0, 256)
        (tmp_path / f"damaged{number:03d}.{suffix}").write_bytes(damaged)
    report = open_source(DataChoice(path=str(tmp_path), size=(8, 8))).report
    assert report.used + len(report.unreadable) == report.found == 141
    assert len(report.unreadable) > 10


def test_strict_makes_the_first_damaged_file_fatal(tmp_path: Path) -> None:
    zoo(tmp_path / "zoo")
    with pytest.raises(DataError, match=r"bomb.png is unreadable .* leave out `data.strict`"):
        open_source(DataChoice(path=str(tmp_path / "zoo"), strict=True))
    open_source(DataChoice(path=str(tmp_path / "zoo")))
    with pytest.raises(DataError, match="is unreadable"):
        open_source(DataChoice(path=str(tmp_path / "zoo"), strict=True))


@pytest.mark.parametrize("name", ["zero.png", "page.jpg", "half.jpg", "bomb.png"])
def test_only_damaged_files_is_an_error_that_names_one(tmp_path: Path, name: str) -> None:
    zoo(tmp_path / "zoo")
    folder = tmp_path / "one"
    folder.mkdir()
    (tmp_path / "zoo" / name).rename(folder / name)
    with pytest.raises(DataError, match=rf"none of the 1 image files .* {name}"):
        open_source(DataChoice(path=str(folder)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda p: Image.fromarray(np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)).save(p),
            np.linspace(0, 255, 64),
        ),
        (lambda p: ramp(8, 8).save(p), np.linspace(0, 255, 64).astype(np.uint8)),
        (lambda p: ramp(8, 8).point(lambda v: v > 127, mode="1").save(p), [0] * 32 + [255] * 32),
    ],
    ids=["16-bit", "8-bit", "1-bit"],
)
def test_grey_depths_keep_their_levels(tmp_path: Path, make: Callable[[Path], None], expected: Iterable[int]) -> None:
    fill(tmp_path)
    make(tmp_path / "odd.png")
    assert only_image(tmp_path).ravel().tolist() == pytest.approx(list(expected), abs=1)


def test_sixteen_bit_netpbm(tmp_path: Path) -> None:
    fill(tmp_path)
    values = np.arange(0, 65536, 1024, dtype=">u2").reshape(8, 8)
    (tmp_path / "odd.pgm").write_bytes(b"P5 8 8 65535\n" + values.tobytes())
    assert only_image(tmp_path).ravel().tolist() == np.rint(np.arange(0, 65536, 1024) / 257).tolist()


def test_sixteen_bit_is_counted(tmp_path: Path) -> None:
    fill(tmp_path)
    Image.fromarray(np.full((8, 8), 256 * 200, np.uint16)).save(tmp_path / "odd.png")
    source = open_source(DataChoice(path=str(tmp_path)))
    assert source.report.notes == {"16-bit values from 51200 to 51201 taken as 0 to 255": 1}
    assert source.report.modes == {"L": 20, "I;16": 1}


@pytest.mark.parametrize("mode", ["RGB", "P", "CMYK", "RGBA", "YCbCr"])
def test_colour_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    fill(tmp_path)
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    Image.new("RGB", (8, 8), (250, 10, 20)).convert(mode).save(tmp_path / f"odd.{suffix}", quality=100)
    pixels = only_image(tmp_path)
    assert pixels.shape == (3, 8, 8)
    assert pixels.reshape(3, -1).mean(1).tolist() == pytest.approx([250, 10, 20], abs=6)


def test_transparency_lies_on_the_background(tmp_path: Path) -> None:
    """Hidden colours must not come back: a fully transparent red pixel is background."""
    fill(tmp_path)
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "odd.png")
    assert only_image(tmp_path).min() == 255
    assert only_image(tmp_path, background="black").max() == 0
    assert only_image(tmp_path, channels=4)[3].max() == 0
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([255, 0, 0])
    palette.save(tmp_path / "odd.png", transparency=0)
    assert only_image(tmp_path).min() == 255


def test_all_grey_stays_grey_and_channels_can_be_chosen(tmp_path: Path) -> None:
    fill(tmp_path)
    for channels in (None, 1, 2, 3, 4):
        source = open_source(DataChoice(path=str(tmp_path), channels=channels))
        assert source.shape[0] == (channels or 1)


def test_exif_orientation_is_respected(tmp_path: Path) -> None:
    upright = ramp(8, 16)
    for orientation in range(1, 9):
        folder = tmp_path / str(orientation)
        fill(folder, 5)
        turned = upright
        back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
        if back is not None:
            turned = upright.transpose(Image.Transpose(back))
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned.save(folder / "odd.png", exif=exif)
        pixels = only_image(folder, size=(8, 16))
        assert pixels[0].tolist() == np.asarray(upright).tolist(), orientation


def test_fit_policies(tmp_path: Path) -> None:
    """A wide picture, black left, white right: crop keeps the middle, stretch all, pad adds background."""
    fill(tmp_path)
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 12:] = 200
    Image.fromarray(wide).save(tmp_path / "odd.png")
    crop = only_image(tmp_path, size=(8, 8), fit="crop")[0]
    assert crop[0].tolist() == [0] * 4 + [200] * 4
    stretch = only_image(tmp_path, size=(8, 8), fit="stretch")[0]
    assert stretch[0, 0] == 0
    assert stretch[0, -1] == 200
    pad = only_image(tmp_path, size=(8, 8), fit="pad", background="#ffffff")[0]
    assert pad[0].tolist() == [255] * 8
    assert pad[4, 0] == 0
    assert pad[4, 7] == 200


def test_default_size_is_shared_or_64(tmp_path: Path) -> None:
    fill(tmp_path)
    assert open_source(DataChoice(path=str(tmp_path))).shape == (1, 8, 8)
    ramp(9, 7).save(tmp_path / "odd.png")
    assert open_source(DataChoice(path=str(tmp_path))).shape == (1, 64, 64)
    assert open_source(DataChoice(path=str(tmp_path), size=(5, 9))).shape == (1, 5, 9)


def test_other_files_hidden_names_and_odd_places(tmp_path: Path) -> None:
    fill(tmp_path / "deep" / "er")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "dir.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink(tmp_path, tmp_path / "deep" / "loop")
    os.symlink(tmp_path / "nowhere", tmp_path / "broken.png")
    raw = os.fsencode(tmp_path) + b"/\xff\x1b[31m.png"
    ramp(8, 8).save(tmp_path / "x.png")
    os.rename(tmp_path / "x.png", raw)
    source = open_source(DataChoice(path=str(tmp_path)))
    assert source.report.used == 21
    assert source.report.other_files == {
        "link to a folder": 1,
        ".txt": 1,
        "broken link": 1,
        ".png": 1,
        "empty folder": 1,
    }


def test_duplicates_are_reported_not_removed(tmp_path: Path) -> None:
    fill(tmp_path)
    content = (tmp_path / "good00.png").read_bytes()
    (tmp_path / "copy.png").write_bytes(content)
    source = open_source(DataChoice(path=str(tmp_path)))
    assert source.report.duplicates == [["copy.png", "good00.png"]]
    assert source.report.used == 21


def test_classes_are_sub_folders(tmp_path: Path) -> None:
    fill(tmp_path / "cats", 30)
    fill(tmp_path / "dogs" / "small", 20)
    source = open_source(DataChoice(path=str(tmp_path), labels="folders"))
    assert source.labels is not None
    assert source.labels.names == ("cats", "dogs")
    assert source.report.classes == {"cats": 30, "dogs": 20}
    dogs = open_source(DataChoice(path=str(tmp_path), only=("dogs",)))
    assert len(dogs.images) == dogs.report.used == 20
    assert len(dogs.train) + len(dogs.held_out) == 20
    assert set(dogs.train.tolist()) & set(dogs.held_out.tolist()) == set()
    assert np.array_equal(dogs.images, source.images[source.labels.values == 1])
    with pytest.raises(DataError, match=r"no class 'dgos'; it has: cats, dogs"):
        open_source(DataChoice(path=str(tmp_path), only=("dgos",)))
    ramp(8, 8).save(tmp_path / "stray.png")
    with pytest.raises(DataError, match=r"stray.png lies in none"):
        open_source(DataChoice(path=str(tmp_path), labels="folders"))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_images(tmp_path: Path, count: int) -> None:
    fill(tmp_path, count)
    expected = "holds no image file" if count == 0 else f"{count} usable"
    with pytest.raises(DataError, match=expected):
        open_source(DataChoice(path=str(tmp_path)))


def test_second_start_reads_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "cache"))
    fill(tmp_path / "images")
    first = open_source(DataChoice(path=str(tmp_path / "images")))
    monkeypatch.setattr("gradpen.data.store.build", None)
    again = open_source(DataChoice(path=str(tmp_path / "images")))
    assert again.fingerprint == first.fingerprint
    assert isinstance(again.images, np.memmap)


@pytest.mark.parametrize("damage", ["pixels", "missing", "meta", "empty", "a digit"])
def test_a_damaged_store_is_decoded_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "cache"))
    fill(tmp_path / "images")
    first = open_source(DataChoice(path=str(tmp_path / "images")))
    wanted = first.images.copy()
    (place,) = (tmp_path / "cache").iterdir()
    if damage == "pixels":
        content = bytearray((place / "images.npy").read_bytes())
        content[-100] ^= 1
        (place / "images.npy").write_bytes(content)
    elif damage == "missing":
        (place / "images.npy").unlink()
    elif damage == "empty":
        (place / "images.npy").write_bytes(b"")
    elif damage == "meta":
        (place / "meta.json").write_text("")
    else:
        content = bytearray((place / "meta.json").read_bytes())
        content[content.index(b'"rows": [0, 1') + 12] ^= 1
        (place / "meta.json").write_bytes(content)
    said: list[str] = []
    again = open_source(DataChoice(path=str(tmp_path / "images")), progress=lambda step, done, total: said.append(step))
    assert np.array_equal(again.images, wanted)
    assert (again.fingerprint, again.report) == (first.fingerprint, first.report)
    assert "the decoded images in the cache were damaged, so they are decoded again" in said


def test_fingerprint_follows_content_not_place(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    first = open_source(DataChoice(path=str(tmp_path / "a")))
    (tmp_path / "a").rename(tmp_path / "b")
    for file in (tmp_path / "b").iterdir():
        os.utime(file, (1, 1))
    assert open_source(DataChoice(path=str(tmp_path / "b"))).fingerprint == first.fingerprint
    with Image.open(tmp_path / "b" / "good03.png") as image:
        changed = np.asarray(image).copy()
    changed[0, 0] ^= 1
    Image.fromarray(changed).save(tmp_path / "b" / "good03.png")
    assert open_source(DataChoice(path=str(tmp_path / "b"))).fingerprint != first.fingerprint


def test_unwritable_cache_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "images")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match="set GRADPEN_CACHE"):
        open_source(DataChoice(path=str(tmp_path / "images")))


def test_full_cache_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    fill(tmp_path / "images")
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 10, 0))
    with pytest.raises(DataError, match=r"20 images of 1x8x8 need .* has 0 MiB free"):
        open_source(DataChoice(path=str(tmp_path / "images")))


def test_report_is_json_with_safe_names(tmp_path: Path) -> None:
    from gradpen.data.source import report_to_json

    fill(tmp_path)
    (tmp_path / "bad\x1b[2J\n.png").write_bytes(b"")
    text = json.dumps(report_to_json(open_source(DataChoice(path=str(tmp_path)))), ensure_ascii=False)
    assert "\x1b" not in text
    assert r"bad\\x1b[2J\\n.png" in text


def test_real_tiles_of_mixed_modes(tmp_path: Path) -> None:
    """4,075 game tiles, five modes, three sizes: all readable. Skipped where they are absent."""
    import tarfile

    from conftest import REAL_DATA

    if not (REAL_DATA / "crawl_tiles.tar").is_file():
        pytest.skip("the tiles are not at hand")
    with tarfile.open(REAL_DATA / "crawl_tiles.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    report = open_source(DataChoice(path=str(tmp_path))).report
    assert report.used == report.found == 4075
    assert report.modes == {"P": 2539, "RGBA": 1274, "RGB": 227, "L": 30, "LA": 5}
