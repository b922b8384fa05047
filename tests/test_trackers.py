"""Trackers: TensorBoard, Weights & Biases offline, a table, one's own; a broken one ends nothing."""

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradpen
from gradpen.errors import DivergedError, UsageError
from gradpen.runs.folder import RunFolder, read_measures

SHORT: dict[str, Any] = {
    "preset": "wgan-gp-digits",
    "batch_size": 8,
    "critic_steps": 1,
    "cadence__sample_every": 2,
    "cadence__log_every": 1,
}


class Recorder:
    """Remembers what it is told."""

    def __init__(self, failing_at: int | None = None) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.failing_at = failing_at

    def begin(self, folder: RunFolder, config: Any, iteration: int) -> None:
        self.heard.append(("begin", iteration))
        assert config.batch_size == 8
        assert folder.config.is_file()

    def measures(self, row: dict[str, Any]) -> None:
        self.heard.append(("measures", row["iteration"]))
        if row["iteration"] == self.failing_at:
            raise OSError("no room")

    def picture(self, iteration: int, picture: Path) -> None:
        assert picture.is_file()
        self.heard.append(("picture", iteration))

    def end(self) -> None:
        self.heard.append(("end", None))


def test_a_tracker_hears_everything_once(tmp_path: Path) -> None:
    recorder = Recorder()
    run = gradpen.train(out=tmp_path / "run", iterations=4, track=[recorder], **SHORT)
    rows = [row["iteration"] for row in read_measures(RunFolder(path=run.path))]
    assert recorder.heard[0] == ("begin", 0)
    assert recorder.heard[-1] == ("end", None)
    assert [n for event, n in recorder.heard if event == "measures"] == rows == [0, 1, 2, 3, 4]
    assert [n for event, n in recorder.heard if event == "picture"] == [0, 2, 4]
    assert len(recorder.heard) == 10
    again = Recorder()
    gradpen.train(resume=run.path, iterations=6, track=[again])
    assert again.heard[0] == ("begin", 4)
    assert ("picture", 6) in again.heard
    assert [n for event, n in again.heard if event == "measures"] == [5, 6]


def test_a_tracker_that_fails_is_left_out(tmp_path: Path) -> None:
    said: list[str] = []
    broken, whole = Recorder(failing_at=1), Recorder()
    audience = gradpen.runs.audience.Audience(say=said.append)
    run = gradpen.train(out=tmp_path / "run", iterations=2, track=[broken, whole], audience=audience, **SHORT)
    assert run.iteration == 2
    assert broken.heard[-1] == ("measures", 1)
    assert whole.heard[-1] == ("end", None)
    assert any("Recorder failed and keeps nothing from iteration 1 on: OSError: no room" in line for line in said)


def test_a_diverged_run_ends_its_trackers(tmp_path: Path) -> None:
    recorder = Recorder()
    with pytest.raises(DivergedError):
        gradpen.train(out=tmp_path / "run", iterations=9, learning_rate=1e30, track=[recorder], **SHORT)
    assert recorder.heard[-1] == ("end", None)


def test_tensorboard_holds_measures_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

    run = gradpen.train(out=tmp_path / "run", iterations=4, track=["tensorboard"], **SHORT)
    gradpen.train(resume=run.path, iterations=6, track=["tensorboard"])
    events = EventAccumulator(str(run.path / "tensorboard")).Reload()
    rows = read_measures(RunFolder(path=run.path))
    for name in ("critic_gap_train", "slope_mean"):
        found = {event.step: event.value for event in events.Scalars(name)}
        assert found == pytest.approx({row["iteration"]: row[name] for row in rows})
    pictures = events.Images("samples")
    assert [event.step for event in pictures] == [0, 2, 4, 6]
    assert pictures[0].encoded_image_string.startswith(b"\x89PNG")


def test_weights_and_biases_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    run = gradpen.train(out=tmp_path / "run", iterations=4, track=["wandb"], **SHORT)
    (folder,) = (run.path / "wandb").glob("offline-run-*")
    (file,) = folder.glob("run-*.wandb")
    assert json.loads((run.path / "run.json").read_text())["run_id"] in file.name
    # The file's own reader is not public; its records hold names as they are. A process of wandb's own writes them.
    deadline = time.monotonic() + 30
    while any(file.read_bytes().count(name) < 5 for name in (b"critic_gap_train", b"slope_mean")):
        assert time.monotonic() < deadline, f"{file} has {file.stat().st_size} bytes"
        time.sleep(0.2)
    assert len(list((folder / "files" / "media" / "images").glob("samples_*.png"))) == 3
    assert wandb.run is None


def test_a_table_for_spreadsheets(tmp_path: Path, command: Callable[..., Any]) -> None:
    arguments = ["--preset=wgan-gp-digits", "--batch-size=8", "--iterations=4", "--set", "cadence.sample_every=2"]
    code, _, err = command("train", *arguments, "--track", "csv", "--out", tmp_path / "run")
    assert code == 0, err
    rows = read_measures(RunFolder(path=tmp_path / "run"))
    with (tmp_path / "run" / "measures.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [int(line["iteration"]) for line in table] == [row["iteration"] for row in rows]
    assert all(float(line["slope_mean"]) == row["slope_mean"] for line, row in zip(table, rows, strict=True))
    assert table[0]["critic_loss"] == "", "untrained networks have no loss"


def test_trackers_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="did you mean 'tensorboard'"):
        gradpen.train(out=tmp_path / "run", track=["tensorbord"], **SHORT)
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(UsageError, match=r"pip install 'gradpen\[wandb\]'"):
        gradpen.train(out=tmp_path / "run", track=["wandb"], **SHORT)
    assert not (tmp_path / "run").exists()
