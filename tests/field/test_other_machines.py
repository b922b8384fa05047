"""Machines that lack what Linux on a disk of its own has: each call taken away, and the run goes on or says why not."""

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradpen
from conftest import Outcome
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.errors import DataError, RunError
from gradpen.machine import files
from gradpen.machine.room import cache_folder

SHORT: dict[str, Any] = {"preset": "wgan-gp-digits", "batch_size": 8}


@pytest.fixture
def new_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def failing(number: int) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def trains_and_resumes(images: Path, out: Path, command: Callable[..., Outcome]) -> str:
    train = ["train", images, "--preset=wgan-gp-digits", "--batch-size=8", "--iterations=2", "--out", out]
    code, _, first = command(*train)
    assert code == 0, first
    code, _, err = command("train", "--resume", out, "--iterations=3")
    assert code == 0, err
    return first + err


@pytest.mark.usefixtures("new_cache")
@pytest.mark.parametrize("lacks", ["the call", errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_a_mac_takes_no_room_ahead(
    images: Path, tmp_path: Path, lacks: str | int, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    if isinstance(lacks, str):
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", failing(lacks))
    trains_and_resumes(images, tmp_path / "run", command)


@pytest.mark.usefixtures("new_cache")
def test_a_full_disk_is_said_so(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", failing(errno.ENOSPC))
    with pytest.raises(DataError, match="No space left on device"):
        open_source(DataChoice(path=str(images)))


@pytest.mark.usefixtures("new_cache")
@pytest.mark.parametrize("lacks", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_network_drive_has_no_locks(
    images: Path, tmp_path: Path, lacks: int, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    """A run begins and resumes; that nothing guards it is said, and nobody is accused of training it."""
    monkeypatch.setattr(files, "flock_at_once", failing(lacks))
    said = trains_and_resumes(images, tmp_path / "run", command)
    assert said.count("has no locks, so nothing keeps another process from training this run too") == 2
    assert "is being trained by" not in said


@pytest.mark.usefixtures("new_cache")
def test_a_system_without_the_module_of_locks(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert "has no locks" in trains_and_resumes(images, tmp_path / "run", command)


def test_only_a_lock_that_is_held_means_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = gradpen.train(out=tmp_path / "run", iterations=1, **SHORT)
    monkeypatch.setattr(files, "flock_at_once", failing(errno.EWOULDBLOCK))
    with pytest.raises(RunError, match="is being trained by process"):
        gradpen.train(resume=run.path, iterations=2)
    monkeypatch.setattr(files, "flock_at_once", failing(errno.EIO))
    with pytest.raises(RunError, match="Input/output error"):
        gradpen.train(resume=run.path, iterations=2)


@pytest.mark.usefixtures("new_cache")
@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES, errno.ENOTSUP])
def test_a_file_system_that_syncs_no_folders(
    images: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    sync = os.fsync

    def sync_files_alone(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_files_alone)
    trains_and_resumes(images, tmp_path / "run", command)


@pytest.mark.usefixtures("new_cache")
def test_a_system_that_opens_no_folders(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    opens = os.open

    def open_files_alone(path: Any, *rest: Any, **more: Any) -> int:
        if os.path.isdir(path) and "pytest" in str(path):
            raise PermissionError(errno.EACCES, "a folder")
        return opens(path, *rest, **more)

    monkeypatch.setattr(os, "open", open_files_alone)
    trains_and_resumes(images, tmp_path / "run", command)


def test_a_user_without_a_home(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As containers start users: the cache is then among the temporary files."""
    monkeypatch.delenv("GRADPEN_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    assert cache_folder() == tmp_path / "temporary" / "gradpen"
    assert open_source(DataChoice(path=str(images))).report.used == 40
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "gradpen"


def test_a_home_of_nobody(command: Callable[..., Outcome]) -> None:
    code, _, err = command("data", "~nouser/x")
    assert code == 2
    assert "there is no file or folder" in err
    code, _, err = command("train", "~nouser/x", "--labels", "~nouser/t.csv")
    assert code == 2
    assert "there is no" in err


def test_a_cache_that_cannot_be_written(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "file" / "cache"))
    code, _, err = command("data", images)
    assert code == 2
    assert "set GRADPEN_CACHE to a folder with room" in err
