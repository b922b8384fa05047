"""A new run that begins with the networks of a trained one: other data, labels, rates, frozen layers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

import gradpen
from gradpen.networks.frozen import freeze_first
from gradpen.runs.audience import Audience
from gradpen.runs.checkpoint import checkpoint_folders

SMALL: dict[str, Any] = {"batch_size": 8, "critic_steps": 1}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> gradpen.Run:
    out = tmp_path_factory.mktemp("start") / "run"
    widths: dict[str, Any] = {"generator__width": 4, "critic__width": 4}
    return gradpen.train(preset="wgan-gp", iterations=4, average=0.5, out=out, **SMALL, **widths)


@pytest.fixture
def others() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (64, 8, 8), dtype=np.uint8)


def weights(run: gradpen.Run, iteration: int, network: str) -> dict[str, torch.Tensor]:
    return load_file(run.path / "checkpoint" / f"{iteration:08d}" / f"{network}.safetensors")


def test_networks_average_and_optimisers_go_on_with_other_data(
    trained: gradpen.Run, others: NDArray[np.uint8], tmp_path: Path
) -> None:
    said: list[str] = []
    run = gradpen.train(
        others, start=trained.path, iterations=2, out=tmp_path / "new", audience=Audience(say=said.append)
    )
    for network in ("generator", "critic", "average", "generator_optimizer", "critic_optimizer"):
        before, now = weights(trained, 4, network), weights(run, 0, network)
        assert before.keys() == now.keys()
        assert all(torch.equal(before[name], now[name]) for name in before), network
    assert any("generator: 14 of 14 tensors taken; its optimiser goes on" in line for line in said)
    assert any("critic: 6 of 6 tensors taken; its optimiser goes on" in line for line in said)
    assert run.config.generator == trained.config.generator
    assert run.config.start == str(trained.path)
    assert json.loads((run.path / "start.json").read_text())["iteration"] == 4


def test_it_is_an_ordinary_run_that_repeats_and_resumes_bit_for_bit(
    trained: gradpen.Run, others: NDArray[np.uint8], tmp_path: Path
) -> None:
    whole = gradpen.train(others, start=trained.path, iterations=4, out=tmp_path / "whole")
    part = gradpen.train(others, start=trained.path, iterations=2, out=tmp_path / "part")
    gradpen.train(others, resume=part.path, iterations=4)
    again = gradpen.train(others, config=whole.path / "config.json", out=tmp_path / "again")
    for run in (part, again):
        for network in ("generator", "critic"):
            assert all(
                torch.equal(tensor, weights(run, 4, network)[name])
                for name, tensor in weights(whole, 4, network).items()
            )


def test_frozen_layers_of_the_critic_keep_their_weights_and_the_others_learn(
    trained: gradpen.Run, others: NDArray[np.uint8], tmp_path: Path
) -> None:
    run = gradpen.train(others, start=trained.path, freeze_critic=1, iterations=3, out=tmp_path / "new")
    before, now = weights(trained, 4, "critic"), weights(run, 3, "critic")
    frozen, learning = {"0.bias", "0.weight"}, {"2.weight", "5.weight"}
    assert all(torch.equal(before[name], now[name]) for name in frozen)
    assert not any(torch.equal(before[name], now[name]) for name in learning)
    resumed = gradpen.train(others, resume=run.path, iterations=5)
    after = weights(resumed, 5, "critic")
    assert all(torch.equal(before[name], after[name]) for name in frozen)


def test_a_norm_after_a_frozen_layer_is_frozen_with_it() -> None:
    layers = [torch.nn.Conv2d(1, 2, 3), torch.nn.GroupNorm(1, 2), torch.nn.Conv2d(2, 2, 3), torch.nn.Linear(2, 1)]
    critic = torch.nn.Sequential(*layers)
    freeze_first(critic, 1)
    learns = [all(p.requires_grad for p in layer.parameters()) for layer in layers]
    assert learns == [False, False, True, True]


def test_labels_join_a_run_that_had_none(trained: gradpen.Run, others: NDArray[np.uint8], tmp_path: Path) -> None:
    said: list[str] = []
    run = gradpen.train(
        others,
        labels=np.arange(64) % 3,
        conditional=True,
        start=trained.path,
        iterations=1,
        out=tmp_path / "new",
        audience=Audience(say=said.append),
    )
    now, before = weights(run, 0, "critic")["network.0.weight"], weights(trained, 4, "critic")["0.weight"]
    assert torch.equal(now[:, :1], before)
    assert now.shape[1] == 4
    assert any("3 columns of 0.weight" in line and "optimiser begins afresh" in line for line in said)


def test_another_rate_keeps_the_optimisers_another_optimiser_does_not(
    trained: gradpen.Run, others: NDArray[np.uint8], tmp_path: Path
) -> None:
    run = gradpen.train(others, start=trained.path, learning_rate=0.01, iterations=1, out=tmp_path / "rate")
    assert json.loads((run.path / "start.json").read_text())["critic"]["optimizer"]
    rms: dict[str, Any] = {"generator_optimizer": "rmsprop", "critic_optimizer": "rmsprop"}
    run = gradpen.train(others, start=trained.path, iterations=1, out=tmp_path / "kind", **rms)
    assert not json.loads((run.path / "start.json").read_text())["critic"]["optimizer"]


def test_images_of_another_size_come_to_the_size_of_the_networks(
    trained: gradpen.Run, images: Path, tmp_path: Path
) -> None:
    from PIL import Image

    for file in images.iterdir():
        Image.open(file).resize((20, 20)).convert("RGB").save(file)
    run = gradpen.train(images, start=trained.path, iterations=1, batch_size=8, out=tmp_path / "new")
    assert run.sample(1).shape == (1, 8, 8, 1)
    assert json.loads((run.path / "start.json").read_text())["generator"]["fresh"] == []


def test_what_does_not_fit_is_listed_and_nothing_at_all_is_refused(
    trained: gradpen.Run, others: NDArray[np.uint8], tmp_path: Path
) -> None:
    said: list[str] = []
    gradpen.train(
        np.repeat(others, 2, axis=1).repeat(2, axis=2),
        start=trained.path,
        critic__width=8,
        iterations=1,
        out=tmp_path / "part",
        audience=Audience(say=said.append),
    )
    assert any("initialised afresh: 0.weight (4x1x3x3 there, 8x1x4x4 here)" in line for line in said), said
    with pytest.raises(gradpen.GradpenError, match=r"nothing of .* fits the networks of this run"):
        gradpen.train(start=trained.path, preset="wgan-gp-mnist", iterations=1, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_frozen_layers_without_a_start_and_all_of_them_are_refused(trained: gradpen.Run) -> None:
    with pytest.raises(gradpen.GradpenError, match="name the run"):
        gradpen.train(freeze_critic=1, iterations=1)
    with pytest.raises(gradpen.GradpenError, match="this critic has 3 layers"):
        gradpen.train(start=trained.path, freeze_critic=3, iterations=1)


def test_on_the_command_line(trained: gradpen.Run, images: Path, tmp_path: Path, command: Any) -> None:
    options = ["--from", trained.path, "--freeze-critic", 1, "--iterations", 1, "--batch-size", 8]
    code, _, err = command("train", images, *options, "--out", tmp_path / "new")
    assert code == 0
    assert "starting from" in err
    code, _, err = command("train", "--resume", tmp_path / "new", "--batch-size", 4)
    assert code == 2
    assert f"--from {tmp_path / 'new'} begins a new run with its networks" in err
    code, _, err = command("train", images, "--from", tmp_path / "nothing")
    assert code == 2
    assert "is not a run" in err


def test_all_checkpoints_are_kept_where_asked_for_and_each_can_be_sampled(tmp_path: Path, command: Any) -> None:
    marks: dict[str, Any] = {"cadence__save_every": 1, "cadence__sample_every": 2}
    run = gradpen.train(
        iterations=6, cadence__keep="all", out=tmp_path / "all", preset="wgan-gp-mnist", **SMALL, **marks
    )
    assert [int(place.name) for place in checkpoint_folders(run.path / "checkpoint")] == [6, 5, 4, 3, 2, 1, 0]
    assert len(checkpoint_folders(run.path / "best")) < 4
    run = gradpen.train(
        iterations=7, cadence__keep_every=3, out=tmp_path / "some", preset="wgan-gp-mnist", **SMALL, **marks
    )
    assert [int(place.name) for place in checkpoint_folders(run.path / "checkpoint")] == [7, 6, 3, 0]
    code, out, _ = command("sample", run.path, "--iteration", 3, "--out", tmp_path / "three.png")
    assert code == 0
    assert "of iteration 3" in out
