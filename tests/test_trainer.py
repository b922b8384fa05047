"""Runs in process: exact resume, refusals, records, what a mark changes and does not."""

import json
import math
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gradpen
from gradpen.config import RunConfig
from gradpen.data.choice import LabelledArray
from gradpen.errors import DataError, DivergedError, RunError, UsageError
from gradpen.metrics.critic import PLACES
from gradpen.presets.catalogue import PRESETS
from gradpen.presets.language import LINE
from gradpen.presets.preset import Preset
from gradpen.presets.toys import POINT
from gradpen.runs import iteration, trainer
from gradpen.runs.audience import Audience
from gradpen.runs.checkpoint import checkpoint_folders, read_checkpoint
from gradpen.runs.folder import RunFolder, read_measures
from gradpen.runs.training import resume, train
from gradpen.settings import configure

SMALL: dict[str, Any] = {
    "batch_size": 16,
    "critic_steps": 2,
    "iterations": 12,
    "generator": {"name": "mlp", "widths": [16, 16]},
    "critic": {"name": "mlp", "widths": [16]},
    "cadence.log_every": 3,
    "cadence.sample_every": 4,
    "cadence.save_every": 5,
    "cadence.grid": 9,
    "threads": 1,
}
LINEAR = {"start": 8e-4, "end": 0.0, "shape": "linear"}
DECAYING: dict[str, Any] = {"generator_optimizer.learning_rate": LINEAR}
TIMES = ("seconds", "images_per_second")


def small(preset: str = "wgan-gp", **settings: Any) -> RunConfig:
    return configure(preset, settings=SMALL | settings)


def weights(checkpoints: Path) -> dict[str, bytes]:
    """The tensors of each checkpoint, as their files hold them; manifests differ in the name of the run."""
    files = sorted(checkpoints.rglob("*.safetensors"))
    return {str(file.relative_to(checkpoints)): file.read_bytes() for file in files}


def state(folder: RunFolder) -> dict[str, Any]:
    """Everything a run leaves that must not depend on how often it was stopped."""
    newest = read_checkpoint(checkpoint_folders(folder.checkpoints)[0])
    rows = [{key: value for key, value in row.items() if key not in TIMES} for row in read_measures(folder)]
    return {
        "iteration": newest.iteration,
        "tensors": {
            f"{part}.{name}": tensor.numpy().tobytes()
            for part, tensors in newest.tensors.items()
            for name, tensor in tensors.items()
        },
        "measures": rows,
        "samples": {grid.name: grid.read_bytes() for grid in folder.sample_grids()},
        "best": weights(folder.best),
    }


class Stop:
    """An audience that interrupts after given iterations."""

    def __init__(self, *iterations: int) -> None:
        self.iterations = set(iterations)

    def audience(self) -> Audience:
        audience = Audience()

        def show(iteration: int, config: RunConfig, row: dict[str, Any]) -> None:
            if iteration in self.iterations:
                self.iterations.remove(iteration)
                audience.interrupt.signal = 2

        audience.show = show
        return audience


VARIANTS: dict[str, dict[str, Any]] = {
    "penalised": {},
    "penalised convolutions": {
        "generator": {"name": "dcgan", "width": 4},
        "critic": {"name": "dcgan", "width": 4},
    },
    "clipped with batch norm": {
        "preset": "wgan",
        "generator": {"name": "dcgan", "width": 4},
        "critic": {"name": "dcgan", "width": 4, "norm": "batch"},
    },
    "gan": {"preset": "gan", "critic_steps": 1},
    "conditional, averaged, decaying": {
        "generator": {"name": "mlp", "widths": [16, 16], "labels": "embed"},
        "critic": {"name": "mlp", "widths": [16, 16], "labels": "planes", "dropout": 0.2},
        "average": 0.9,
        "generator_optimizer.learning_rate": {"start": 1e-3, "end": 0.0, "shape": "linear"},
        "accumulate": 2,
    },
    "scheduled, lazy, both ends": {
        "objective": "relativistic",
        "constraint": {"name": "gradient-penalty", "where": "both", "target": 0, "every": 3},
        "constraint.weight": {"start": 0.5, "end": 0.05},
        "critic_optimizer.beta2": {"start": 0.9, "end": 0.99, "images": 200},
        "critic_optimizer.learning_rate": LINEAR,
        "average": {"half_life": {"start": 0.0, "end": 500.0}, "ramp_up": 0.5},
    },
    "AC-GAN on one batch": {
        "preset": "gan",
        "generator": {"name": "dcgan", "width": 4, "labels": "norm"},
        "critic": {"name": "dcgan", "width": 4, "labels": "classify"},
        "reuse_batch": True,
    },
    "warm-up with TensorFlow's RMSProp": {
        "critic_warm_up": {"steps": 5, "first": 3, "every": 4},
        "critic_optimizer": {"name": "rmsprop", "form": "tensorflow"},
        "generator_optimizer": {"name": "rmsprop", "form": "tensorflow"},
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_resume_is_exact_at_every_iteration(tmp_path: Path, variant: str) -> None:
    config = small(**VARIANTS[variant])
    whole = state(train(config, out=tmp_path / "whole"))
    assert whole["iteration"] == 12
    for stop in range(1, 12):
        folder = train(config, out=tmp_path / str(stop), audience=Stop(stop).audience())
        assert read_checkpoint(checkpoint_folders(folder.checkpoints)[0]).iteration == stop
        assert state(resume(folder.path)) == whole, f"stopped after {stop}"


def test_resume_is_exact_after_many_stops(tmp_path: Path) -> None:
    whole = state(train(small(), out=tmp_path / "whole"))
    folder = train(small(), out=tmp_path / "stopped", audience=Stop(2).audience())
    for stop in (3, 4, 9):
        resume(folder.path, audience=Stop(stop).audience())
    assert state(resume(folder.path)) == whole
    assert state(resume(folder.path)) == whole, "resuming a finished run changes nothing"


def test_the_same_seed_gives_the_same_run_and_another_does_not(tmp_path: Path) -> None:
    one, same, other = (
        state(train(small(seed=seed), out=tmp_path / name)) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert one == same
    assert one["tensors"] != other["tensors"]
    assert one["samples"] != other["samples"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_marks_change_nothing_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str) -> None:
    """Measured and sampled after every iteration, or never, not even before the first."""
    import gradpen.runs.iteration

    cadence: dict[str, Any] = dict.fromkeys(("cadence.log_every", "cadence.sample_every", "cadence.save_every"), 1)
    often = state(train(small(**VARIANTS[variant], **cadence), out=tmp_path / "often"))
    assert [row["iteration"] for row in often["measures"]] == list(range(13))
    monkeypatch.setattr(gradpen.runs.trainer.Trainer, "mark", lambda *_, **__: None)
    never = state(train(small(**VARIANTS[variant]), out=tmp_path / "never"))
    assert never["measures"] == []
    assert never["tensors"] == often["tensors"]


def test_training_longer_continues_the_same_run(tmp_path: Path) -> None:
    folder = train(small(iterations=6), out=tmp_path / "short")
    longer = state(resume(folder.path, iterations=12))
    assert longer["tensors"] == state(train(small(), out=tmp_path / "long"))["tensors"]
    assert json.loads(folder.config.read_text())["iterations"] == 12
    with pytest.raises(RunError, match="is at iteration 12 already, beyond 3"):
        resume(folder.path, iterations=3)


def test_a_damaged_checkpoint_falls_back_and_says_so(tmp_path: Path) -> None:
    whole = state(train(small(), out=tmp_path / "whole"))
    folder = train(small(), out=tmp_path / "run", audience=Stop(11).audience())
    newest = checkpoint_folders(folder.checkpoints)[0]
    assert newest.name == "00000011"
    (newest / "critic.safetensors").write_bytes(b"rot")
    said: list[str] = []
    resume(folder.path, audience=Audience(say=said.append))
    assert "checkpoint 00000011 is damaged (critic.safetensors is not as it was written)" in said[0]
    assert "continuing" in said[1]
    assert "iteration 10" in said[1]
    assert state(folder) == whole


def test_other_data_are_refused(tmp_path: Path, images: Path) -> None:
    config = small(**{"data.path": str(images)})
    folder = train(config, out=tmp_path / "run", audience=Stop(4).audience())
    moved = images.rename(tmp_path / "moved")
    with pytest.raises(DataError, match="no file or folder"):
        resume(folder.path)
    resume(folder.path, data=str(moved), audience=Stop(6).audience())
    (moved / "003.png").unlink()
    with pytest.raises(RunError, match=r"moved does not hold the data \S+run was trained on \(39 images, "):
        resume(folder.path)
    with pytest.raises(RunError, match="does not hold the data"):
        resume(folder.path, array=LabelledArray(images=np.zeros((50, 8, 8), np.uint8)))


def test_a_changed_configuration_is_refused_by_key(tmp_path: Path) -> None:
    folder = train(small(), out=tmp_path / "run", audience=Stop(4).audience())
    values = json.loads(folder.config.read_text())
    values["critic_optimizer"]["learning_rate"] = 0.5
    folder.config.write_text(json.dumps(values))
    with pytest.raises(RunError, match=r"critic_optimizer.learning_rate: 0.0002 -> 0.5"):
        resume(folder.path)


def test_arrays_in_memory(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random((60, 6, 9, 3))
    whole = state(train(small(), array=LabelledArray(images=array), out=tmp_path / "whole"))
    folder = train(small(), array=LabelledArray(images=array), out=tmp_path / "run", audience=Stop(5).audience())
    assert state(resume(folder.path, array=LabelledArray(images=array))) == whole
    assert gradpen.load(folder.path).sample(2).shape == (2, 6, 9, 3)


def test_samples_do_not_depend_on_how_many_are_drawn(tmp_path: Path) -> None:
    run = gradpen.load(train(small(), out=tmp_path / "run").path)
    many = run.sample(200, seed=3)
    for count in (1, 5, 64, 65, 130):
        assert np.array_equal(run.sample(count, seed=3), many[:count])
    assert not np.array_equal(run.sample(64, seed=4), many[:64])
    with pytest.raises(UsageError, match="at least 1"):
        run.sample(0)


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    folder = train(small(), out=tmp_path / "run")
    before = state(folder)
    with pytest.raises(RunError, match="is not empty; a run never writes over another"):
        train(small(), out=tmp_path / "run")
    assert state(folder) == before


def test_runs_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [train(small(iterations=1)).path.name for _ in range(3)]
    assert names == ["00001-digits-wgan-gp", "00002-digits-wgan-gp", "00003-digits-wgan-gp"]


def test_two_processes_cannot_share_a_run(tmp_path: Path) -> None:
    from gradpen.runs.folder import locked

    folder = train(small(), out=tmp_path / "run", audience=Stop(4).audience())
    with locked(folder, pytest.fail), pytest.raises(RunError, match="is being trained by process"):
        resume(folder.path)
    resume(folder.path)


def test_batch_norm_in_a_penalised_critic_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    config = small(critic={"name": "dcgan", "norm": "batch"})
    with pytest.raises(UsageError, match=r"critic's layer '\d+' is BatchNorm2d"):
        train(config, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_fewer_images_than_a_batch(tmp_path: Path, images: Path) -> None:
    with pytest.raises(
        DataError, match=r"has 36 images to train on .* fewer than a batch of 37; choose `batch_size=36`"
    ):
        train(small(batch_size=37, **{"data.path": str(images)}), out=tmp_path / "run")
    train(small(batch_size=36, **{"data.path": str(images)}), out=tmp_path / "run")


def poison(what: str) -> Callable[[Any], None]:
    """Return what puts NaN into a gan."""

    def apply(gan: Any) -> None:
        with torch.no_grad():
            next(getattr(gan, what).parameters()).fill_(math.nan)

    return apply


@pytest.mark.parametrize("what", ["critic", "generator"])
@pytest.mark.parametrize("when", [6, 8])
def test_non_finite_losses_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, when: int) -> None:
    import gradpen.algorithm
    import gradpen.runs.iteration

    real = gradpen.algorithm.train_iteration
    done = {"n": 0}

    def poisoned(gan: Any, *arguments: Any, **options: Any) -> Any:
        done["n"] += 1
        if done["n"] == when:
            poison(what)(gan)
        return real(gan, *arguments, **options)

    whole = state(train(small(), out=tmp_path / "whole"))
    monkeypatch.setattr(gradpen.runs.iteration, "train_iteration", poisoned)
    measured = max(iteration for iteration in range(when) if iteration % 3 == 0 or iteration % 4 == 0)
    story = rf"infinite or NaN between iterations {measured + 1} and {when}; at iteration {measured} the critic gap was"
    with pytest.raises(DivergedError, match=story) as e:
        train(small(), out=tmp_path / "run")
    assert "the checkpoint of iteration 5 is whole" in str(e.value)
    assert "`learning_rate`" in str(e.value)
    folder = RunFolder(path=tmp_path / "run")
    assert json.loads(folder.record.read_text())["state"] == "diverged"
    assert [place.name for place in checkpoint_folders(folder.checkpoints)] == ["00000005", "00000000"]
    monkeypatch.setattr(gradpen.runs.iteration, "train_iteration", real)
    assert state(resume(folder.path)) == whole


def test_the_divergence_message_tells_a_straight_story(tmp_path: Path) -> None:
    with pytest.raises(DivergedError) as error:
        train(
            configure("wgan-gp", settings=SMALL | {"learning_rate": 1e30, "cadence.log_every": 1}), out=tmp_path / "run"
        )
    first, last = re.findall(r"between iterations (\d+) and (\d+); at iteration", str(error.value))[0]
    assert int(first) <= int(last)
    assert "mean slope inf" not in str(error.value)
    assert "mean slope nan" not in str(error.value)


def test_killed_before_the_first_periodic_checkpoint(tmp_path: Path) -> None:
    """The untrained networks are a checkpoint too, so there is always something to resume from."""
    whole = state(train(small(), out=tmp_path / "whole"))

    def die(iteration: int, config: RunConfig, row: dict[str, Any]) -> None:
        if iteration == 3:
            raise SystemExit

    with pytest.raises(SystemExit):
        train(small(), out=tmp_path / "run", audience=Audience(show=die))
    assert [place.name for place in checkpoint_folders(tmp_path / "run" / "checkpoint")] == ["00000000"]
    assert state(resume(tmp_path / "run")) == whole


@pytest.mark.parametrize("count", [6, 15, 19])
def test_few_images(tmp_path: Path, count: int) -> None:
    array = np.random.default_rng(0).integers(0, 256, (count, 8, 8), dtype=np.uint8)
    folder = train(small(batch_size=4), array=LabelledArray(images=array), out=tmp_path / "run")
    record = json.loads(folder.record.read_text())
    assert record["held_out_images"] == 2
    assert record["distance_to_held_out"]["floor"]["n"] == 2


def test_as_few_images_as_can_be(tmp_path: Path) -> None:
    """Three to train on and two held out: one image a set, of which a distance can be taken and nothing else."""
    array = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    settings: dict[str, Any] = {"batch_size": 2, "data.held_out": 0.4}
    config = small(**settings)
    folder = train(config, array=LabelledArray(images=array), out=tmp_path / "run")
    assert json.loads(folder.record.read_text())["distance_to_held_out"]["distance"]["n"] == 1
    names = ["samples", "floor", "sliced", "real_sliced", "sharpness", "real_sharpness"]
    assert list(gradpen.evaluate(folder.path, array)) == names


def test_training_inside_the_data_folder(tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run's own pictures are no data."""
    monkeypatch.chdir(images)
    config = configure("wgan-gp", settings=SMALL | {"data.path": "."})
    folder = train(config, audience=Stop(4).audience())
    assert folder.path.parent.resolve() == images / "runs"
    resume(folder.path)
    folder = train(config)
    assert json.loads(folder.data.read_text())["found"] == 40


@pytest.mark.parametrize("name", ["notes.d\udce9tails", "f\udcff/a.txt"])
def test_names_that_are_no_text(tmp_path: Path, images: Path, name: str) -> None:
    (images / name).parent.mkdir(exist_ok=True)
    (images / name).write_bytes(b"")
    moved = images.rename(tmp_path / "im\udcffages")
    config = configure("wgan-gp", settings=SMALL | {"data.path": str(moved)})
    folder = train(config, out=tmp_path / "run", audience=Stop(4).audience())
    assert state(resume(folder.path))["iteration"] == 12
    assert "im\\udcffages" in json.loads(folder.data.read_text())["path"]


def test_resume_takes_nothing_that_makes_another_run(tmp_path: Path) -> None:
    folder = train(small(), out=tmp_path / "run", audience=Stop(4).audience())
    others: list[dict[str, Any]] = [{"preset": "gan"}, {"out": tmp_path / "x"}, {"config": "x.json"}, {"seed": 3}]
    for settings in others:
        with pytest.raises(UsageError, match=f"so {next(iter(settings))} cannot be given"):
            gradpen.train(resume=folder.path, **settings)
    with pytest.raises(UsageError, match="iterations: input should be greater than 0"):
        gradpen.train(resume=folder.path, iterations=0)
    assert gradpen.train(resume=folder.path, iterations=5).iteration == 5


def test_huge_learning_rate_diverges_with_a_sentence(tmp_path: Path) -> None:
    """Not simulated: a step of 1e30 overflows float32."""
    with pytest.raises(DivergedError, match="the checkpoint of iteration 0 is whole"):
        train(small(learning_rate=1e30), out=tmp_path / "run")


@pytest.mark.parametrize("name", ["measures.jsonl", "checkpoint", "samples"])
def test_a_full_disk_is_a_sentence_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import gradpen.runs.iteration

    whole = state(train(small(), out=tmp_path / "whole"))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / name))

    def fill_disk() -> Audience:
        def show(iteration: int, config: RunConfig, row: dict[str, Any]) -> None:
            if iteration == 7:
                monkeypatch.setattr(gradpen.runs.trainer, "append_row", full)
                monkeypatch.setattr(gradpen.runs.trainer, "write_checkpoint", full)

        return Audience(show=show)

    with pytest.raises(RunError, match=r"cannot be written \(No space left on device\); the checkpoint of iteration 5"):
        train(small(), out=tmp_path / "run", audience=fill_disk())
    monkeypatch.undo()
    assert state(resume(tmp_path / "run")) == whole


def test_measures_cut_short_by_a_crash_are_repaired(tmp_path: Path) -> None:
    whole = state(train(small(), out=tmp_path / "whole"))
    folder = train(small(), out=tmp_path / "run", audience=Stop(7).audience())
    with folder.measures.open("a") as file:
        file.write('{"iteration": 9, "images": 288}\n{"iteration": 10, "ima')
    assert state(resume(folder.path)) == whole


def test_record_and_measures(tmp_path: Path) -> None:
    folder = train(small(), out=tmp_path / "run")
    record = json.loads(folder.record.read_text())
    assert record["state"] == "finished"
    assert record["versions"]["torch"] == torch.__version__
    distances = record["distance_to_held_out"]
    assert distances["distance"]["n"] == distances["floor"]["n"] == record["held_out_images"] == 179
    assert distances["floor"]["mean"] > 0
    rows = read_measures(folder)
    assert [row["iteration"] for row in rows] == [0, 3, 4, 6, 8, 9, 12]
    assert [row["iteration"] for row in rows if "distance" in row] == [0, 4, 8, 12]
    assert rows[-1]["images"] == 12 * 2 * 16
    for row in rows:
        assert row["critic_gap_train_error"] > 0
        assert row["slope_max"] >= row["slope_mean"] > 0
        assert row["lipschitz_estimate"] >= max(row["slope_max"], row["slope_data"], row["slope_samples"]) > 0
        assert "clipped" not in row
    assert "penalty" not in rows[0]
    assert "critic_step_cosine" not in rows[0]
    assert all(0 < row["critic_step_cosine"] <= 1 for row in rows[1:]), "Adam without momentum never steps uphill"
    assert all(0 < abs(row["dual_efficiency"]) < 2 for row in rows if "distance" in row)


def test_the_critic_at_the_newest_sample_mark(tmp_path: Path) -> None:
    folder = train(small(constraint="weight-clipping"), out=tmp_path / "run")
    assert all(0.01 < row["clipped"] <= 1 for row in read_measures(folder)[2:])
    found = json.loads(folder.critic.read_text())
    critic = read_checkpoint(checkpoint_folders(folder.checkpoints)[0]).tensors["critic"]
    layers = {name: tensor.numel() for name, tensor in critic.items() if tensor.dim() > 1}
    assert found["iteration"] == 12
    assert found["bound"] == 0.01
    assert found["weight_edges"][-1] == pytest.approx(0.01)
    assert sum(found["weight_counts"]) == sum(layers.values())
    assert found["layer_gradients"].keys() == layers.keys()
    assert {place: len(slopes) for place, slopes in found["slopes"].items()} == dict.fromkeys(PLACES, 64)


def test_a_folder_without_a_run_is_a_sentence(tmp_path: Path) -> None:
    for path, why in ((tmp_path, "has no config.json"), (tmp_path / "nowhere", "does not exist")):
        with pytest.raises(RunError, match=why):
            gradpen.load(path)
        with pytest.raises(RunError, match=why):
            resume(path)


def test_load_warns_of_a_damaged_checkpoint(tmp_path: Path) -> None:
    folder = train(small(), out=tmp_path / "run")
    shutil.rmtree(checkpoint_folders(folder.checkpoints)[0] / "generator.safetensors", ignore_errors=True)
    (checkpoint_folders(folder.checkpoints)[0] / "generator.safetensors").write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged"):
        assert gradpen.load(folder.path).iteration == 10


def test_an_iteration_takes_its_critic_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many batches as critic updates, each new, or all the same one; warm-up where it is due."""
    import gradpen.runs.iteration

    def batches_of(**settings: Any) -> list[list[bytes]]:
        seen: list[list[bytes]] = []

        def watch(gan: Any, objective: Any, constraint: Any, batches: Any, **options: Any) -> Any:
            taken = list(batches)
            seen.append([batch.images.numpy().tobytes() for batch in taken])
            return real(gan, objective, constraint, iter(taken), **options)

        real = gradpen.algorithm.train_iteration
        monkeypatch.setattr(gradpen.runs.iteration, "train_iteration", watch)
        train(small(iterations=6, **settings), out=tmp_path / repr(len(settings) + len(list(tmp_path.iterdir()))))
        monkeypatch.setattr(gradpen.runs.iteration, "train_iteration", real)
        return seen

    usual = batches_of()
    assert [len(taken) for taken in usual] == [2] * 6
    assert len({batch for taken in usual for batch in taken}) == 12
    reused = batches_of(reuse_batch=True)
    assert [(len(taken), len(set(taken))) for taken in reused] == [(2, 1)] * 6
    assert len({batch for taken in reused for batch in taken}) == 6
    warm = batches_of(critic_warm_up={"steps": 3, "first": 1, "every": 4})
    assert [len(taken) for taken in warm] == [3, 2, 2, 2, 3, 2]


def test_learning_rates_fall_linearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gradpen.runs.iteration

    rates = []

    def watch(gan: Any, *arguments: Any, **options: Any) -> Any:
        rates.append([group["lr"] for group in gan.generator_optimizer.param_groups])
        return real(gan, *arguments, **options)

    real = gradpen.algorithm.train_iteration
    monkeypatch.setattr(gradpen.runs.iteration, "train_iteration", watch)
    config = small(iterations=4, **DECAYING)
    folder = train(config, out=tmp_path / "run", audience=Stop(2).audience())
    with pytest.raises(RunError, match="schedules that end with its 4 iterations, so another number"):
        resume(folder.path, iterations=5)
    resume(folder.path, iterations=4)
    assert rates == [[pytest.approx(rate)] for rate in (8e-4, 6e-4, 4e-4, 2e-4)]


def test_samples_come_from_the_average(tmp_path: Path) -> None:
    folder = train(small(average=0.5), out=tmp_path / "run")
    newest = read_checkpoint(checkpoint_folders(folder.checkpoints)[0])
    loaded = gradpen.load(folder.path).generator.state_dict()
    differ = False
    for name, tensor in loaded.items():
        assert torch.equal(tensor, newest.tensors["average"][name])
        differ |= not torch.equal(tensor, newest.tensors["generator"][name])
    assert differ


def test_conditional_runs_sample_by_label(tmp_path: Path) -> None:
    run = gradpen.load(train(small(**VARIANTS["conditional, averaged, decaying"]), out=tmp_path / "run").path)
    assert run.labels is not None
    assert run.labels.names == tuple("0123456789")
    every = run.sample_every_label(3, seed=5)
    assert every.shape == (10, 3, 8, 8, 1)
    assert np.array_equal(every[7], run.sample(3, seed=5, label="7"))
    assert not np.array_equal(every[7], every[8]), "another label, other images"
    assert np.array_equal(run.sample(70, label="7")[:3], run.sample(3, label="7")), "more samples, the same first ones"
    assert np.array_equal(run.sample(12, seed=5)[2], run.sample(3, seed=5, label="2")[2]), "labels in turn"
    with pytest.raises(UsageError, match="no label 'seven'"):
        run.sample(1, label="seven")
    plain = gradpen.load(train(small(), out=tmp_path / "plain").path)
    with pytest.raises(UsageError, match="trained without labels, so there is no '7'"):
        plain.sample(1, label="7")
    with pytest.raises(UsageError, match="trained without labels"):
        plain.sample_every_label(2)


def test_conditional_networks_need_labels(tmp_path: Path) -> None:
    config = small(**VARIANTS["conditional, averaged, decaying"])
    with pytest.raises(DataError, match="trains conditional networks, but array in memory has no labels"):
        train(config, out=tmp_path / "a", array=LabelledArray(images=np.zeros((90, 8, 8), np.uint8)))
    with pytest.raises(
        UsageError, match=r"either both networks take labels or none does, but generator\.labels is none"
    ):
        small(critic={"name": "mlp", "labels": "planes"})
    with pytest.raises(DataError, match="needs one class for each image, but faces drawn by gradpen has attributes"):
        train(
            small(**VARIANTS["AC-GAN on one batch"] | {"data.path": "embedded:faces", "data.size": [8, 8]}),
            out=tmp_path / "b",
        )
    with pytest.raises(UsageError, match="a batch of 16 cannot be accumulated from 3 equal parts"):
        small(accumulate=3)


def test_an_array_with_labels_trains_a_conditional_run(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    kinds = np.array(["ox", "ape"])[np.arange(60) % 2]
    settings = {**SMALL, **VARIANTS["conditional, averaged, decaying"], "preset": "wgan-gp", "iterations": 2}
    dotted = {key.replace(".", "__"): value for key, value in settings.items()}
    run = gradpen.train(images, labels=kinds, out=tmp_path / "run", **dotted)
    assert run.labels is not None
    assert run.labels.names == ("ape", "ox")
    assert gradpen.evaluate(run.path, images, labels=kinds, count=4)["samples"].n == 4
    assert gradpen.train(images, labels=kinds, resume=run.path, iterations=2).iteration == 2
    with pytest.raises(UsageError, match="does not hold the data"):
        gradpen.evaluate(run.path, images, labels=kinds[::-1])
    with pytest.raises(UsageError, match="labels go with an array"):
        gradpen.train(labels=kinds)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_reduced_presets_train(tmp_path: Path, preset: Preset) -> None:
    """Every preset, with nothing but its embedded data, makes its images, points or lines."""
    settings = {"iterations": 1, "batch_size": 4, "critic_warm_up": None, "data.held_out": 0.02}
    config = configure(preset.name, reduced=True, settings=settings)
    run = gradpen.load(train(config, out=tmp_path / "run").path)
    usual = preset.shape[1:] if run.config.data.size else (8, 8)
    assert run.sample(2).shape[1:3] == {POINT: (2,), LINE: ()}.get(preset.shape, usual)
    assert (run.labels is not None) == (preset.labels > 0)


@pytest.mark.parametrize("critic", ["mlp", "dcgan"])
def test_the_reference_engine_trains_the_same_run_to_rounding(tmp_path: Path, critic: str) -> None:
    settings: dict[str, Any] = {"iterations": 3}
    if critic == "dcgan":
        networks = {"generator": {"name": "dcgan", "width": 4}, "critic": {"name": "dcgan", "width": 4}}
        settings |= networks | {"data.size": [16, 16]}
    gaps = []
    for engine in ("lean", "reference"):
        folder = train(small(engine=engine, **settings), out=tmp_path / engine)
        gaps.append([row["critic_gap_train"] for row in read_measures(folder)])
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-3, abs=1e-5)
    assert gaps[0][0] != gaps[0][-1]


def test_samples_are_shown_early(tmp_path: Path) -> None:
    often: dict[str, Any] = {"iterations": 52, "cadence.sample_every": 60}
    folder = train(small(**often), out=tmp_path / "run")
    assert [int(grid.stem) for grid in folder.sample_grids()] == [0, 10, 50, 52]


def test_an_edited_length_of_a_decaying_run_is_refused(tmp_path: Path) -> None:
    folder = train(small(iterations=4, **DECAYING), out=tmp_path / "run")
    values = json.loads(folder.config.read_text())
    folder.config.write_text(json.dumps(values | {"iterations": 8}))
    with pytest.raises(RunError, match="was changed since the checkpoint was written \\(iterations: 4 -> 8"):
        resume(folder.path)


def test_labels_as_python_users_write_them(tmp_path: Path) -> None:
    """A list, a column of integers as Keras' CIFAR-10 has it, a number to sample by; names that look like formulas."""
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    settings = {**SMALL, **VARIANTS["conditional, averaged, decaying"], "preset": "wgan-gp", "iterations": 1}
    dotted = {key.replace(".", "__"): value for key, value in settings.items()}
    number = np.arange(60) % 3
    forms: list[Any] = [number.tolist(), number[:, None], number.astype("S")]
    for index, labels in enumerate(forms):
        run = gradpen.train(images, labels=labels, out=tmp_path / str(index), **dotted)
        assert run.labels is not None
        assert (run.labels.kind, run.labels.names) == ("classes", ("0", "1", "2"))
        assert np.array_equal(run.sample(2, label=1), run.sample_every_label(2)[1])
    odd = gradpen.train(images, labels=np.array(["a+b", "none"])[number % 2], out=tmp_path / "odd", **dotted)
    assert odd.sample_every_label(2).shape == (2, 2, 8, 8, 1)
    cold = gradpen.train(images, labels=number[:, None] * 1234567.0, out=tmp_path / "numbers", **dotted)
    assert cold.labels is not None
    assert cold.labels.kind == "values"
    assert "0=2469134" in cold.labels.example_names()
    with pytest.raises(UsageError, match="is not of the form 0=NUMBER"):
        cold.sample(1, label="0=nan")


def test_slow_first_steps_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SLOW_SECONDS", 0.2)
    real = iteration.iterate

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.5)
        return real(*arguments)

    monkeypatch.setattr(trainer, "iterate", slowly)
    heard: list[str] = []
    train(small(iterations=3), out=tmp_path / "run", audience=Audience(say=heard.append))
    assert 1 <= sum("take longer than 0.2 s here" in sentence for sentence in heard) <= 2
