"""The best checkpoint of a run: which it is, how it is asked for, and that an interruption changes nothing of it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradpen
from conftest import Outcome
from gradpen.data.choice import LabelledArray
from gradpen.errors import RunError, UsageError
from gradpen.runs import marks
from gradpen.runs.audience import Audience
from gradpen.runs.checkpoint import checkpoint_folders, read_checkpoint
from gradpen.runs.folder import RunFolder, read_measures
from gradpen.runs.training import resume, train
from test_trainer import Stop, small, state, weights

FINELY: dict[str, Any] = {"cadence.log_every": 1, "cadence.sample_every": 2}
STORY = {0: 0.5, 2: 5.0, 4: 3.0, 6: 4.0, 8: 3.7, 10: 9.0, 12: 4.0}
"""Fréchet distances at the sample marks of a run: iteration 4 is nearest, and none later within a fifth of it"""


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sample marks of every run measure the same Fréchet distances."""
    real = marks.distances

    def told(state: Any, *arguments: Any) -> Any:
        return real(state, *arguments) | {"frechet_distance": STORY[state.iteration]}

    monkeypatch.setattr(marks, "distances", told)


@pytest.fixture
def run(tmp_path: Path, story: None) -> RunFolder:
    return train(small(**FINELY), out=tmp_path / "run")


def test_a_later_one_that_is_about_as_near_is_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a fifth of the nearest later is better; beyond it the run has turned worse."""
    real = marks.distances
    for number, (distances, best) in enumerate(
        (
            ((5.0, 3.0, 3.59, 4.0, 9.0, 9.0), 6),
            ((5.0, 3.0, 3.61, 4.0, 9.0, 9.0), 4),
            ((5.0, 3.0, 9.0, 9.0, 9.0, 3.5), 12),
            ((3.0, 3.5, 2.9, 3.4, 3.5, 2.4), 12),
            ((3.0, 3.5, 2.9, 3.4, 3.5, 4.2), 8),
            ((9.0, 1.0, 9.0, 9.0, 9.0, 9.0), 4),
        )
    ):

        def told(state: Any, *arguments: Any, told_by: Any = distances) -> Any:
            return real(state, *arguments) | {"frechet_distance": (0.1, *told_by)[state.iteration // 2]}

        monkeypatch.setattr(marks, "distances", told)
        folder = train(small(**FINELY), out=tmp_path / str(number))
        assert gradpen.load(folder.path, checkpoint="best").iteration == best


def names(folder: Path) -> list[int]:
    return [int(place.name) for place in checkpoint_folders(folder)]


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_newest_of_the_near_ones(tmp_path: Path, seed: int) -> None:
    folder = train(small(seed=seed, learning_rate=3e-3, **FINELY), out=tmp_path / "run")
    rows = [row for row in read_measures(folder) if "frechet_distance" in row]
    assert [row["iteration"] for row in rows] == list(STORY)
    assert all(math.isfinite(row["frechet_distance"]) and row["compared_images"] == 179 for row in rows)
    smallest = min(float(row["frechet_distance"]) for row in rows[1:])
    nearest = [row for row in rows[1:] if float(row["frechet_distance"]) <= 1.2 * smallest][-1]
    best = gradpen.load(folder.path, checkpoint="best")
    assert best.iteration == nearest["iteration"] == names(folder.best)[0]
    assert best.measures[-1] == nearest


def test_it_holds_only_what_samples_come_from(tmp_path: Path) -> None:
    for average, name in ((None, "generator"), (0.5, "average")):
        folder = train(small(average=average, **FINELY), out=tmp_path / name)
        assert set(read_checkpoint(checkpoint_folders(folder.best)[0]).tensors) == {name}
        assert gradpen.load(folder.path, checkpoint="best").sample(2).shape == (2, 8, 8, 1)


def test_a_checkpoint_is_asked_for(run: RunFolder) -> None:
    assert gradpen.load(run.path).iteration == gradpen.load(run.path, checkpoint="last").iteration == 12
    assert gradpen.load(run.path, checkpoint="best").iteration == 4
    for iteration in (4, 10, 12):
        assert gradpen.load(run.path, checkpoint=iteration).iteration == iteration
    assert np.array_equal(
        gradpen.load(run.path, checkpoint=4).sample(3), gradpen.load(run.path, checkpoint="best").sample(3)
    )
    assert not np.array_equal(gradpen.load(run.path, checkpoint=4).sample(3), gradpen.load(run.path).sample(3))
    with pytest.raises(RunError, match=r"keeps no checkpoint of iteration 3; it keeps those of 4, 10, 12"):
        gradpen.load(run.path, checkpoint=3)
    for word in ("better", "4", ""):
        with pytest.raises(UsageError, match=f"no checkpoint '{word}'; choose best, last or the number of an iter"):
            gradpen.load(run.path, checkpoint=word)  # type: ignore[arg-type]


def test_looking_takes_a_checkpoint(run: RunFolder) -> None:
    best, last = (
        gradpen.evaluate(run.path, count=40, sets=2, checkpoint=which)["samples"].mean for which in (4, "last")
    )
    assert best != last
    assert gradpen.evaluate(run.path, count=40, sets=2, checkpoint="best")["samples"].mean == best
    assert gradpen.evaluate(run.path, count=40, sets=2)["samples"].mean == last
    found = gradpen.nearest(run.path, count=2, checkpoint="best").samples
    assert np.array_equal(found.transpose(0, 2, 3, 1), gradpen.load(run.path, checkpoint=4).sample(2))


def test_on_the_command_line(tmp_path: Path, run: RunFolder, command: Callable[..., Outcome]) -> None:
    def said(*arguments: str) -> str:
        code, out, err = command("sample", run.path, "--count=9", *arguments, "--out", tmp_path / "grid.png")
        assert code == 0, err
        return out

    assert "9 samples of iteration 4 (the best), seed 0" in said()
    assert (tmp_path / "grid.png").read_bytes() == run.sample_grid(4).read_bytes()
    assert "9 samples of iteration 4 (the best), seed 0" in said("--checkpoint=best")
    assert "9 samples of iteration 12, seed 0" in said("--checkpoint=last")
    assert (tmp_path / "grid.png").read_bytes() == run.sample_grid(12).read_bytes()
    assert "9 samples of iteration 10, seed 0" in said("--checkpoint=10")
    for name in ("evaluate", "nearest"):
        few = ["--count=5", "--json"] + (["--out", str(tmp_path / "n.png")] if name == "nearest" else ["--sets=2"])
        chosen = [command(name, run.path, *few, *more)[1] for more in ((), ("--checkpoint=4",), ("--checkpoint=last",))]
        assert chosen[0] == chosen[1] != chosen[2]
    for name in ("sample", "evaluate", "nearest"):
        code, _, err = command(name, run.path, "--checkpoint=better")
        assert (code, "--checkpoint better: expected best, last or the number of an iteration" in err) == (2, True)
        code, _, err = command(name, run.path, "--checkpoint=7")
        assert (code, "it keeps those of 4, 10, 12" in err) == (2, True)


def test_without_a_best_one_it_is_the_last(tmp_path: Path) -> None:
    folder = train(small(), out=tmp_path / "run", audience=Stop(2).audience())
    assert names(folder.best) == []
    assert gradpen.load(folder.path, checkpoint="best").iteration == 2


def test_too_few_images_for_a_distance_keep_no_best(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    settings: dict[str, Any] = {"batch_size": 2, "data.held_out": 0.4, "cadence.patience": 1}
    folder = train(small(**settings), array=LabelledArray(images=array), out=tmp_path / "run")
    assert not any("frechet_distance" in row for row in read_measures(folder))
    assert names(folder.best) == []
    assert gradpen.load(folder.path, checkpoint="best").iteration == 12


def test_a_damaged_best_checkpoint_is_passed_over_aloud(run: RunFolder) -> None:
    (checkpoint_folders(run.best)[0] / "generator.safetensors").write_bytes(b"rot")
    said: list[str] = []
    assert gradpen.load(run.path, checkpoint="best", say=said.append).iteration == 12
    assert "checkpoint 00000004 is damaged (generator.safetensors is not as it was written)" in said[0]


@pytest.mark.parametrize(("every", "average"), [(1, None), (2, 0.5), (4, None)])
def test_an_interrupted_run_keeps_the_same_best(tmp_path: Path, every: int, average: float | None) -> None:
    settings: dict[str, Any] = {"cadence.sample_every": every, "average": average, "learning_rate": 3e-3}
    config = small(**settings)
    whole = train(config, out=tmp_path / "whole")
    assert weights(whole.best)
    for stops in ((1,), (4,), (7,), (11,), (2, 3, 8), (4, 9, 10, 11)):
        folder = train(config, out=tmp_path / "-".join(map(str, stops)), audience=Stop(stops[0]).audience())
        for stop in stops[1:]:
            resume(folder.path, audience=Stop(stop).audience())
        resume(folder.path)
        best, expected = (checkpoint_folders(each.best)[0] for each in (folder, whole))
        assert (best.name, weights(best)) == (expected.name, weights(expected)), f"stopped after {stops}"
        # A superseded one is kept for the oldest checkpoint, and which that is depends on where the run was stopped.
        oldest = max(checkpoint_folders(each.checkpoints)[-1].name for each in (folder, whole))
        kept, otherwise = (
            {name: file for name, file in weights(each.best).items() if name > oldest} for each in (folder, whole)
        )
        assert kept == otherwise, f"stopped after {stops}"


def test_after_a_damaged_checkpoint_the_best_of_that_time_is_there(tmp_path: Path, story: None) -> None:
    whole = state(train(small(**FINELY), out=tmp_path / "whole"))
    folder = train(small(**FINELY), out=tmp_path / "run", audience=Stop(9).audience())
    (checkpoint_folders(folder.checkpoints)[0] / "critic.safetensors").write_bytes(b"rot")
    resume(folder.path)
    assert state(folder) == whole


def test_patience_ends_a_run(tmp_path: Path, story: None) -> None:
    config = small(**FINELY | {"cadence.patience": 2})
    said: list[str] = []
    folder = train(config, out=tmp_path / "run", audience=Audience(say=said.append))
    record = json.loads(folder.record.read_text())
    assert (record["state"], record["iteration"], record["iterations"]) == ("finished", 8, 12)
    assert record["distance_to_held_out"]["distance"]["n"] == 179
    words = "ended after iteration 8: 2 sample marks brought nothing nearer to held-out images than iteration 4"
    assert [sentence for sentence in said if words in sentence] == [said[-1]]
    assert (names(folder.checkpoints)[0], names(folder.best)) == (8, [4])
    whole = state(folder)
    resume(folder.path)
    assert state(folder) == whole, "an ended run stays as it is"
    for stop in (1, 5, 6, 7):
        other = train(config, out=tmp_path / str(stop), audience=Stop(stop).audience())
        resume(other.path)
        assert json.loads(other.record.read_text())["state"] == "finished"
        assert state(other) == whole, f"stopped after {stop}"


def test_with_more_patience_a_run_goes_to_its_end(tmp_path: Path, story: None) -> None:
    said: list[str] = []
    audience = Audience(say=said.append)
    folder = train(small(**FINELY | {"cadence.patience": 5}), out=tmp_path / "run", audience=audience)
    assert json.loads(folder.record.read_text())["iteration"] == 12
    assert not any("ended after" in sentence for sentence in said)
