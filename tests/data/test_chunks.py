"""Decoding that is stopped by whatever it may be, goes on where it was, and gives the same bytes."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradpen.data import chunks, store
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.target import decode_file
from gradpen.errors import DataError

COUNT, CHUNK = 600, 50
BROKEN = (7, 120, 300)

SLOW = """
import sys, time
from gradpen.data import chunks
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
chunks.CHUNK = {chunk}
decode_file = chunks.decode_file
def slow(*arguments, **options):
    with open({log!r}, "a") as log:
        log.write(".")
    time.sleep({seconds})
    return decode_file(*arguments, **options)
chunks.decode_file = slow
print(open_source(DataChoice(path={path!r})).fingerprint)
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six hundred pictures, three of them whole in their header alone."""
    folder = tmp_path_factory.mktemp("pictures") / "images"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, 12, 12), dtype=np.uint8)
    for index, image in enumerate(pixels):
        file = folder / f"{index:04d}.png"
        Image.fromarray(image).save(file)
        if index in BROKEN:
            file.write_bytes(file.read_bytes()[:100])
    return folder


def stored(cache: Path) -> dict[str, bytes]:
    """Return what the store holds; a folder of work is not among it."""
    (place,) = (place for place in cache.iterdir() if not place.name.endswith(store.WORK))
    return {file.name: file.read_bytes() for file in sorted(place.iterdir())}


@pytest.fixture(scope="module")
def whole(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The store after an uninterrupted chunks."""
    cache = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADPEN_CACHE", str(cache))
        assert len(open_source(DataChoice(path=str(pictures))).images) == COUNT - len(BROKEN)
    assert sorted(file.name for file in next(cache.iterdir()).iterdir()) == ["images.npy", "lock", "meta.json"]
    return stored(cache)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(chunks, "CHUNK", CHUNK)
    return tmp_path / "cache"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for every image decoded in this process."""
    calls: list[int] = []

    def counting(*arguments: object, **options: object) -> object:
        calls.append(1)
        return decode_file(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(chunks, "decode_file", counting)
    return calls


def start(pictures: Path, log: Path, seconds: float = 0.002) -> subprocess.Popen[str]:
    code = SLOW.format(chunk=CHUNK, log=str(log), path=str(pictures), seconds=seconds)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def notes(cache: Path) -> list[Path]:
    return sorted(cache.glob(f"*{store.WORK}/chunk-*.json"))


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not happened():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_process_is_continued(
    pictures: Path, whole: dict[str, bytes], cache: Path, counted: list[int], number: signal.Signals, tmp_path: Path
) -> None:
    process = start(pictures, tmp_path / "log", 0.02)
    wait_for(lambda: len(notes(cache)) >= 4, process)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    done = len(notes(cache)) * CHUNK
    assert 4 * CHUNK <= done < COUNT
    source = open_source(DataChoice(path=str(pictures)))
    assert len(counted) == COUNT - done, "what was done is not done again"
    assert stored(cache) == whole
    assert [name for name, _ in source.report.unreadable] == [f"{index:04d}.png" for index in BROKEN]
    assert notes(cache) == []


def test_killed_again_and_again(pictures: Path, whole: dict[str, bytes], cache: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(4):
        before = len(notes(cache))
        process = start(pictures, tmp_path / "log")
        wait_for(lambda before=before: len(notes(cache)) > before, process)  # type: ignore[misc]
        time.sleep(rng.random() * 0.05)
        process.kill()
        process.communicate(timeout=60)
    process = start(pictures, tmp_path / "log", 0)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(out.strip()) == 64
    assert stored(cache) == whole


def test_two_processes_share_the_work(pictures: Path, whole: dict[str, bytes], cache: Path, tmp_path: Path) -> None:
    """The second waits for the first; each image is decoded once."""
    processes = [start(pictures, tmp_path / "log", 0.001) for _ in range(2)]
    ends = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert (tmp_path / "log").read_text() == "." * COUNT
    assert stored(cache) == whole
    assert len(list(cache.iterdir())) == 1


def test_who_waits_takes_over_from_a_process_that_is_killed(
    pictures: Path, whole: dict[str, bytes], cache: Path, tmp_path: Path
) -> None:
    first = start(pictures, tmp_path / "log", 0.02)
    wait_for(lambda: len(notes(cache)) >= 1, first)
    second = start(pictures, tmp_path / "second")
    time.sleep(0.5)
    first.kill()
    first.communicate()
    done = len(notes(cache)) * CHUNK
    _, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    assert len((tmp_path / "second").read_text()) == COUNT - done
    assert stored(cache) == whole


def interrupted(pictures: Path, cache: Path, count: int) -> Path:
    """Stop decoding in this process after some chunks; return the folder of work."""
    written = 0
    real = chunks.write_whole

    def failing(file: Path, text: str) -> None:
        nonlocal written
        written += file.name.startswith("chunk-")
        if written > count:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file, text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "write_whole", failing)
        with pytest.raises(DataError, match=r"No space left on device.*what is decoded already is kept"):
            open_source(DataChoice(path=str(pictures)))
    assert len(notes(cache)) == count
    (work,) = cache.iterdir()
    return work


def test_a_full_disk_costs_a_chunk(
    pictures: Path, whole: dict[str, bytes], cache: Path, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(pictures, cache, 5)
    counted.clear()
    monkeypatch.setattr(chunks, "scan", None)
    open_source(DataChoice(path=str(pictures)))
    assert len(counted) == COUNT - 5 * CHUNK
    assert stored(cache) == whole


def change_pixels(work: Path) -> None:
    array = np.load(work / "images.npy", mmap_mode="r+")
    array[120] ^= 1
    array.flush()


def change_note(work: Path, key: str, value: object) -> None:
    file = chunks.note_file(work, 2 * CHUNK)
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))


DAMAGE: dict[str, tuple[Callable[[Path], object], int]] = {
    "pixels": (change_pixels, 2),
    "torn note": (lambda work: os.truncate(chunks.note_file(work, 3 * CHUNK), 40), 3),
    "note of another kind": (lambda work: chunks.note_file(work, CHUNK).write_text("[1]"), 1),
    "missing note": (lambda work: chunks.note_file(work, 0).unlink(), 0),
    "rows": (lambda work: change_note(work, "rows", [1]), 2),
    "files": (lambda work: change_note(work, "files", []), 2),
    "digest": (lambda work: change_note(work, "pixels", ""), 2),
    "another setting": (lambda work: change_note(work, "more", 1), 2),
    "no array": (lambda work: (work / "images.npy").unlink(), 0),
    "short array": (lambda work: os.truncate(work / "images.npy", 5000), 0),
    "other array": (lambda work: np.save(work / "images.npy", np.zeros((3, 1, 2, 2), np.uint8)), 0),
    "headers": (lambda work: (work / "headers.json").write_text("[3]"), 4),
    "no headers": (lambda work: (work / "headers.json").unlink(), 4),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_note_is_trusted_only_as_far_as_it_is_true(
    pictures: Path, whole: dict[str, bytes], cache: Path, counted: list[int], kind: str
) -> None:
    damage, left = DAMAGE[kind]
    damage(interrupted(pictures, cache, 4))
    counted.clear()
    open_source(DataChoice(path=str(pictures)))
    assert len(counted) == COUNT - left * CHUNK
    assert stored(cache) == whole


def test_another_folder_or_option_starts_anew(pictures: Path, cache: Path, counted: list[int]) -> None:
    interrupted(pictures, cache, 4)
    counted.clear()
    assert open_source(DataChoice(path=str(pictures), size=(6, 6))).shape == (1, 6, 6)
    assert len(counted) == COUNT


def test_work_left_long_ago_is_removed(pictures: Path, images: Path, cache: Path) -> None:
    work = interrupted(pictures, cache, 1)
    open_source(DataChoice(path=str(images)))
    assert work.is_dir()
    long_ago = time.time() - store.ABANDONED_SECONDS - 60
    os.utime(work, (long_ago, long_ago))
    with chunks.hold(work, lambda *_: None):
        open_source(DataChoice(path=str(images), size=(4, 4)))
        assert work.is_dir(), "somebody holds it"
    os.utime(work, (long_ago, long_ago))
    open_source(DataChoice(path=str(images), size=(5, 5)))
    assert not work.exists()


def test_strict_keeps_what_is_decoded(pictures: Path, cache: Path, counted: list[int]) -> None:
    with pytest.raises(DataError, match=r"0007\.png is unreadable"):
        open_source(DataChoice(path=str(pictures), strict=True))
    counted.clear()
    open_source(DataChoice(path=str(pictures)))
    assert counted == []
