"""Checkpoints: complete, checked, atomic at every instant."""

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gradpen.errors import RunError
from gradpen.runs.checkpoint import (
    Checkpoint,
    DamagedCheckpointError,
    checkpoint_folders,
    manifest_digest,
    newest_checkpoint,
    optimizer_tensors,
    read_checkpoint,
    remove_newer,
    replace_file,
    restore_optimizer,
    write_checkpoint,
)


def make(iteration: int) -> Checkpoint:
    values = torch.full((50,), float(iteration))
    tensors = {"generator": {"weight": values, "steps": torch.tensor(iteration)}, "critic": {"weight": values}}
    return Checkpoint(iteration=iteration, tensors=tensors, facts={"run_id": "x", "n": iteration})


def fail(message: str) -> None:
    raise AssertionError(message)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    place = write_checkpoint(tmp_path, make(7), keep=2)
    found = read_checkpoint(place)
    assert found.iteration == 7
    assert found.facts == {"run_id": "x", "n": 7}
    assert torch.equal(found.tensors["generator"]["weight"], torch.full((50,), 7.0))
    assert found.tensors["generator"]["steps"].item() == 7


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for iteration in (1, 2, 30, 4):
        write_checkpoint(tmp_path, make(iteration), keep=2)
    assert [place.name for place in checkpoint_folders(tmp_path)] == ["00000030", "00000004"]


@pytest.mark.parametrize("seed", range(60))
def test_any_damage_is_noticed_and_the_previous_is_used(tmp_path: Path, seed: int) -> None:
    """A flipped bit, a cut, an appended byte or a missing file, anywhere."""
    write_checkpoint(tmp_path, make(1), keep=2)
    place = write_checkpoint(tmp_path, make(2), keep=2)
    chance = random.Random(seed)
    file = chance.choice(sorted(place.iterdir()))
    content = bytearray(file.read_bytes())
    kind = chance.choice(["flip", "cut", "append", "delete"])
    if kind == "flip":
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        content = content[: chance.randrange(len(content))]
    elif kind == "append":
        content.append(chance.randrange(33, 256))
    file.unlink() if kind == "delete" else file.write_bytes(content)
    with pytest.raises(DamagedCheckpointError):
        read_checkpoint(place)
    said: list[str] = []
    assert newest_checkpoint(tmp_path, said.append).iteration == 1
    assert "checkpoint 00000002 is damaged" in said[0]


def test_no_whole_checkpoint_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no checkpoint yet"):
        newest_checkpoint(tmp_path, fail)
    place = write_checkpoint(tmp_path, make(1), keep=2)
    (place / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match="none of its 1 checkpoints is whole"):
        newest_checkpoint(tmp_path, lambda _: None)


def test_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    place = write_checkpoint(tmp_path, make(1), keep=2)
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["format_version"] = 99
    manifest["sha256"] = manifest_digest(manifest)
    (place / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=r"newer gradpen \(format 99"):
        read_checkpoint(place)


class Crash(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("kind", [Crash, OSError])
def test_every_crash_point_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    """The writer is stopped before each of its calls to the system in turn; after a crash nothing is tidied."""
    calls = {"n": 0, "stop": -1}

    def counted(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            calls["n"] += 1
            if calls["n"] == calls["stop"]:
                raise kind("stop")
            return real(*arguments, **options)

        return call

    for name in ("fsync", "rename", "open"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    monkeypatch.setattr(Path, "open", counted(Path.open))
    remove = shutil.rmtree

    def tidy(*arguments: Any, **options: Any) -> None:
        if kind is OSError or calls["n"] < calls["stop"] or calls["stop"] < 0:
            remove(*arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", tidy)
    write_checkpoint(tmp_path, make(1), keep=2)
    total = calls["n"]
    assert total >= 8
    good = 1
    for stop in range(1, total + 1):
        iteration = 1 + stop
        calls.update(n=0, stop=stop)
        with pytest.raises(kind):
            write_checkpoint(tmp_path, make(iteration), keep=2)
        calls["stop"] = -1
        found = newest_checkpoint(tmp_path, fail)
        assert found.iteration in (good, iteration)
        assert found.facts["n"] == found.iteration == found.tensors["critic"]["weight"][0].item()
        good = found.iteration
        if kind is OSError:
            assert not list(tmp_path.glob(".*")), "nothing is left behind"
    monkeypatch.undo()
    write_checkpoint(tmp_path, make(999), keep=2)
    assert not list(tmp_path.glob(".*")), "what a crash left is swept by the next checkpoint"


def test_files_reach_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Power loss: files are synced, then their folder, then renamed, then the folder above synced."""
    log: list[str] = []
    real = {name: getattr(os, name) for name in ("fsync", "rename")}

    def fsync(descriptor: int) -> None:
        log.append("sync " + Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        real["fsync"](descriptor)

    def rename(old: Path, new: Path) -> None:
        log.append(f"rename {Path(new).name}")
        real["rename"](old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    write_checkpoint(tmp_path, make(3), keep=2)
    assert log == [
        "sync generator.safetensors",
        "sync critic.safetensors",
        "sync manifest.json",
        "sync .writing-00000003",
        "rename 00000003",
        f"sync {tmp_path.name}",
    ]


def test_replace_file_is_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.json"
    replace_file(file, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_damaged_newer_checkpoints_are_cleared_on_resume(tmp_path: Path) -> None:
    for iteration in (1, 2):
        write_checkpoint(tmp_path, make(iteration), keep=2)
    remove_newer(tmp_path, 1)
    assert [place.name for place in checkpoint_folders(tmp_path)] == ["00000001"]


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.RMSprop])
def test_optimizers_continue_exactly(kind: type[torch.optim.Optimizer]) -> None:
    def step(network: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
        torch.manual_seed(seed)
        optimizer.zero_grad()
        network(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()

    one = nn.Linear(3, 2)
    first = kind(one.parameters(), lr=0.01)  # type: ignore[call-arg]
    for seed in range(3):
        step(one, first, seed)
    other = nn.Linear(3, 2)
    other.load_state_dict(one.state_dict())
    second = kind(other.parameters(), lr=0.01)  # type: ignore[call-arg]
    restore_optimizer(second, {key: value.clone() for key, value in optimizer_tensors(first).items()})
    for seed in range(3, 6):
        step(one, first, seed)
        step(other, second, seed)
    assert torch.equal(one.weight, other.weight)
    restore_optimizer(kind(nn.Linear(3, 2).parameters(), lr=0.01), {})  # type: ignore[call-arg]
