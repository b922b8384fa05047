"""Folders as people have them: what a file server, an archive, a notebook or gradpen itself put beside the images."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import Outcome
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source


def opened(folder: Path, labels: str | None = None) -> Source:
    return open_source(DataChoice(path=str(folder), labels=labels))


def in_classes(images: Path, *tops: str) -> None:
    """Move the forty images into ``TOP/a`` and ``TOP/b``, shared out among the tops."""
    for number, file in enumerate(sorted(images.iterdir())):
        place = images / tops[number % len(tops)] / "ab"[number // len(tops) % 2]
        place.mkdir(parents=True, exist_ok=True)
        file.rename(place / file.name)


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", ".ipynb_checkpoints", ".thumbnails", "Thumbnails", "#recycle"])
def test_copying_from_a_file_server_an_archive_or_a_notebook(images: Path, name: str) -> None:
    """Such a folder is no class and its pictures are no data; both are said."""
    in_classes(images, ".")
    before = opened(images, "folders")
    shutil.copytree(images / "a", images / name)
    shutil.copytree(images / "a", images / "b" / name)
    found = opened(images, "folders")
    assert found.fingerprint == before.fingerprint
    assert found.report.classes == {"a": 20, "b": 20}
    assert found.report.other_files == {"hidden folder, or one of thumbnails or of an archive's extras": 2}


def test_unpacking_an_archive_made_on_a_mac(images: Path) -> None:
    """Each image has a resource fork beside it, ``._000.png``, which is no image although its name says so."""
    before = opened(images)
    for file in sorted(images.iterdir()):
        (images / f"._{file.name}").write_bytes(b"\0\5\26\7" + bytes(60))
    found = opened(images)
    assert found.fingerprint == before.fingerprint
    assert found.report.found == 40
    assert found.report.other_files == {"hidden file": 40}


def test_a_hidden_folder_that_is_named_is_read(images: Path) -> None:
    hidden = images.rename(images.parent / ".images")
    assert opened(hidden).report.used == 40


@pytest.mark.parametrize("parts", [("train", "val"), ("Training", "test"), ("train", "valid", "Testing")])
def test_pointing_at_a_folder_with_train_and_val(images: Path, parts: tuple[str, ...]) -> None:
    """The split is taken as it is, and classes are the folders below it, not ``train`` and ``val``."""
    in_classes(images, *parts)
    source = opened(images, "folders")
    assert set(source.report.classes) == {"a", "b"}
    assert len(source.train) == -(-40 // len(parts))
    assert any("image held out, since it lies in" in note for note in source.report.notes)
    alone = opened(images / parts[0])
    assert np.array_equal(
        np.sort(np.unique(alone.images, axis=0), axis=None),
        np.sort(np.unique(source.images[source.train], axis=0), axis=None),
    )
    assert len(opened(images).train) == len(source.train)


def test_a_class_may_be_called_train(images: Path) -> None:
    """Vehicles: with another folder beside them, ``train`` is a class."""
    in_classes(images, "train", "bus")
    source = opened(images, "folders")
    assert source.report.classes == {"bus": 20, "train": 20}
    assert len(source.held_out) == 4


def test_sampling_into_the_data_folder_and_going_on(images: Path, command: Callable[..., Outcome]) -> None:
    """Grids, walks and neighbours that gradpen draws there do not become data, and the run resumes."""
    os.chdir(images)
    train = ["train", ".", "--preset", "wgan-gp-digits", "--iterations=2", "--batch-size=8", "--out=run"]
    assert command(*train)[0] == 0
    assert command("sample", "run")[0] == 0
    assert command("sample", "run", "--out=walk.gif")[0] == 0
    assert command("nearest", "run")[0] == 0
    code, _, err = command("train", "--resume", "run", "--iterations=3")
    assert code == 0, err
    report = opened(images).report
    assert (report.used, [name for name, _ in report.unreadable]) == (40, ["nearest.png", "samples.png", "walk.gif"])
    shutil.copy("000.png", "one more.png")
    code, _, err = command("train", "--resume", "run", "--iterations=4")
    assert code == 2
    assert "newer than the run: one more.png;" in err
    (images / "one more.png").unlink()
    (images / "001.png").unlink()
    code, _, err = command("train", "--resume", "run", "--iterations=4")
    assert code == 2
    assert "no image file is newer than the run, so some are gone" in err


def test_samples_one_by_one_are_data(tmp_path: Path, command: Callable[..., Outcome]) -> None:
    run = tmp_path / "run"
    assert command("train", "--iterations=1", "--batch-size=8", "--out", run)[0] == 0
    assert command("sample", run, "--count=12", "--out", tmp_path / "drawn")[0] == 0
    assert opened(tmp_path / "drawn").report.used == 12


@pytest.mark.parametrize("data", ["", " "])
@pytest.mark.parametrize("verb", ["train", "data"])
def test_a_shell_variable_that_is_empty(verb: str, data: str, command: Callable[..., Outcome]) -> None:
    code, _, err = command(verb, data)
    assert code == 2
    assert "expected a folder, a file or embedded data by name" in err


def test_what_was_read_is_said_before_training(images: Path, tmp_path: Path, command: Callable[..., Outcome]) -> None:
    (images / "._000.png").write_bytes(b"")
    code, _, err = command("train", images, "--iterations=1", "--batch-size=8", "--out", tmp_path / "run")
    assert code == 0, err
    assert (
        "read 40 images (40 L) as 1 channel of 8x8; 36 to train on, 4 held out; left out as no images: 1 hidden file"
        in err
    )
