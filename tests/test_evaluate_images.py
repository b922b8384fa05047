"""Images from anywhere measured against data: folders, files and arrays; and networks too slow to measure at first."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import gradpen
from conftest import Outcome
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.errors import GradpenError, UsageError
from gradpen.looking.report_tables import summary
from gradpen.runs.folder import RunFolder, read_measures
from gradpen.runs.state import SLOW, convolutions_cost
from gradpen.settings import configure


def digits(count: int, first: int = 0) -> np.ndarray:
    source = open_source(DataChoice())
    return np.array(source.images[source.train[first : first + count], 0])


def test_real_images_are_as_near_as_training_images(tmp_path: Path) -> None:
    found = gradpen.evaluate(digits(600), "embedded:digits")
    assert found["frechet"].n == found["real_frechet"].n == 179
    assert found["frechet"].mean == pytest.approx(found["real_frechet"].mean, rel=0.15)
    noise = np.random.default_rng(0).integers(0, 256, (300, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "noise.npy", noise)
    far = gradpen.evaluate(tmp_path / "noise.npy", "embedded:digits")
    assert far["frechet"].mean > 5 * found["frechet"].mean
    assert far["precision"].mean < 0.1


def test_sets_share_no_image_where_there_are_enough() -> None:
    """Sets of 100 of 500 images, each used once: with one set's worth of images all sets would be the same."""
    few, many = (gradpen.evaluate(digits(count), "embedded:digits", count=100) for count in (100, 500))
    assert few["frechet"].n == many["frechet"].n == 100
    assert few["samples"].standard_deviation == pytest.approx(0.0, abs=1e-9)
    assert many["samples"].standard_deviation > 1e-3


def test_data_are_brought_to_the_images_size(images: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 6, 6), dtype=np.uint8)
    assert gradpen.evaluate(pixels, images, count=3)["samples"].n == 3


def test_on_the_command_line(tmp_path: Path, images: Path, command: Callable[..., Outcome]) -> None:
    out = tmp_path / "found.json"
    code, printed, err = command("evaluate", images, "--against", images, "--count=3", "--out", out)
    assert code == 0, err
    assert "3 images a set, 5 sets" in printed
    written = json.loads(out.read_text())
    assert written["of"] == str(images)
    assert written["measures"]["samples"]["n"] == 3
    assert not (images / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{images}"], "is no run, so what its images are measured against must be named: --against DATA"),
        (["{images}", "--against", "nowhere"], "there is no file or folder nowhere"),
        (["nowhere"], "nowhere is not a run: it does not exist"),
        (["{images}", "--against", "{images}", "--out", "found.txt"], "measures are written to a .json file"),
        (["{images}", "--against", "{images}", "--out", "no/where.json"], "no/where.json"),
        (["{images}", "--against", "{images}", "--checkpoint", "first"], "expected best, last or the number"),
    ],
)
def test_mistakes(images: Path, command: Callable[..., Outcome], arguments: list[str], sentence: str) -> None:
    code, _, err = command("evaluate", *(argument.format(images=images) for argument in arguments), "--count=3")
    assert code == 2
    assert sentence in err


def test_an_array_needs_data() -> None:
    with pytest.raises(UsageError, match="the array is no run, so what its images are measured against"):
        gradpen.evaluate(digits(10))
    with pytest.raises(GradpenError):
        gradpen.evaluate("nowhere")


def test_slow_networks_train_a_step_before_they_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A grid at once, no row before the first step; fast ones are measured untrained. Both end with measures."""
    settings: dict[str, Any] = {"iterations": 2, "batch_size": 4, "cadence__sample_every": 1, "generator__width": 4}
    for name, limit in (("fast", SLOW), ("slow", 1.0)):
        monkeypatch.setattr("gradpen.runs.state.SLOW", limit)
        run = gradpen.train(out=tmp_path / name, **settings)
        folder = RunFolder(path=run.path)
        first = [row["iteration"] for row in read_measures(folder)]
        assert first == ([0, 1, 2] if name == "fast" else [1, 2])
        assert [int(grid.stem) for grid in folder.sample_grids()] == [0, 1, 2]
        assert ("Untrained generator" in folder.report.read_text()) == (name == "fast")


def test_operations_of_convolutions_are_those_that_pytorch_counts() -> None:
    """Plain, grouped, transposed and one-dimensional layers, of one sample and of two."""
    network = nn.Sequential(
        nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1),
        nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2),
        nn.Flatten(2),
        nn.Conv1d(8, 3, 5),
    )
    for x in (torch.zeros(1, 4, 8, 8), torch.zeros(2, 4, 8, 8)):
        with FlopCounterMode(display=False) as counter:
            network(x)
        assert convolutions_cost(network, x) == counter.get_total_flops() > 0


def test_who_generates_once() -> None:
    """Presets whose source takes the generator step's samples again, as far as each network can."""
    sharing = {"dcgan-mnist", "cgan-mnist", "dcgan-bricks"}
    assert all(configure(name).share_samples for name in sharing)
    assert not any(configure(name).share_samples for name in ("quick", "wgan-gp", "acgan-mnist", "wgan-gp-mnist"))
    with pytest.raises(UsageError, match="share_samples goes with whole batches"):
        configure("dcgan-mnist", settings={"accumulate": 2})


def test_a_report_without_measures_is_a_report() -> None:
    record = {"distance_to_held_out": {}, "train_images": 10}
    assert summary([], record)[0][0] == "Measures"
    row = {"iteration": 5, "critic_gap_train": 1.0, "critic_gap_train_error": 0.1, "critic_gap_held_out": 1.0}
    row |= {"critic_gap_held_out_error": 0.1, "slope_mean": 1.0, "slope_max": 2.0, "seconds": 1.0, "images": 80}
    row["images_per_second"] = 80.0
    assert not any("Distance" in name for name, _ in summary([row], record))
