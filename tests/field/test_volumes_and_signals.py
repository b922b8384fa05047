"""Volumes and signals: read as what they are, convolved along their own sides, and back in their own shape."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import gradpen
from gradpen.data.arrays import images_from_array
from gradpen.errors import GradpenError
from gradpen.networks.choices import DcganCritic, DcganGenerator
from gradpen.networks.layers import use_stock_derivatives
from gradpen.penalties import gradient_norm
from gradpen.runs.audience import Audience

SMALL: dict[str, Any] = {"batch_size": 8, "critic_steps": 1, "iterations": 2}
NARROW: dict[str, Any] = {"preset": "wgan-gp", "generator__width": 4, "critic__width": 4}


def balls(count: int = 40, side: int = 8) -> NDArray[np.float32]:
    """Balls of random size and place, 1 inside, ``[N, 1, D, H, W]``."""
    random = np.random.default_rng(0)
    places = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"))
    centres, radii = random.uniform(2, side - 2, (count, 3, 1, 1, 1)), random.uniform(1.5, 3, (count, 1, 1, 1))
    distances = np.sqrt(((places[None] - centres) ** 2).sum(axis=1))
    inside: NDArray[np.float32] = np.clip(radii - distances, 0, 1)[:, None].astype(np.float32)
    return inside


@pytest.mark.parametrize(("axes", "order"), [("NCDHW", (0, 1, 2, 3, 4)), ("NDHWC", (0, 2, 3, 4, 1))])
def test_a_volume_is_told_by_its_five_axes_and_comes_back(axes: str, order: tuple[int, ...]) -> None:
    volumes = np.random.default_rng(0).random((5, 2, 4, 6, 8)).astype(np.float32)
    read = images_from_array(volumes.transpose(order), "a")
    assert read.images.shape == (5, 2, 24, 8)
    assert (read.values.layout, read.values.depth) == ("volumes", 4)
    np.testing.assert_allclose(read.values.restore(np.asarray(read.images)), volumes, atol=1e-6)
    np.testing.assert_allclose(read.values.taken(volumes), read.images, atol=1e-6)


@pytest.mark.parametrize("preset", ["quick", "wgan-gp"])
def test_volumes_train_sample_project_and_resume(preset: str, tmp_path: Path) -> None:
    volumes = balls()
    said: list[str] = []
    settings: dict[str, Any] = {} if preset == "quick" else NARROW
    run = gradpen.train(volumes, out=tmp_path / "run", audience=Audience(say=said.append), **SMALL, **settings)
    assert any("1 channel of 8x8x8" in line for line in said)
    samples = run.sample(3)
    assert samples.shape == (3, 1, 8, 8, 8)
    assert samples.dtype == np.float32
    assert 0 <= samples.min() <= samples.max() <= 1
    assert run.pictures(2).shape == (2, 1, 24, 24)
    assert run.project(samples[:1]).samples.shape == (1, 1, 8, 8, 8)
    longer: dict[str, Any] = {"iterations": 4} if preset == "wgan-gp" else {}
    again = gradpen.train(volumes, resume=run.path, **longer)
    assert again.sample(1).shape == (1, 1, 8, 8, 8)
    with Image.open(run.path / "real.png") as picture:
        assert picture.width > 100


def test_volumes_without_a_channel_are_said_by_the_axes(tmp_path: Path) -> None:
    run = gradpen.train(balls()[:, 0], data__axes="NDHW", out=tmp_path / "run", **SMALL, **NARROW)
    assert run.sample(2).shape == (2, 1, 8, 8, 8)
    assert run.config.generator.depth == 8  # type: ignore[attr-defined]


def test_networks_for_images_refuse_volumes_before_training(tmp_path: Path) -> None:
    with pytest.raises(GradpenError, match=r"generator residual of .* is for images, and the data are volumes"):
        gradpen.train(balls(), preset="wgan-gp", generator="residual", out=tmp_path / "a", iterations=1)
    with pytest.raises(GradpenError, match="is for volumes, and the data are images"):
        gradpen.train(generator__depth=2, preset="wgan-gp", out=tmp_path / "a", iterations=1)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("way", ["transposed", "upsample"])
@pytest.mark.parametrize(
    ("shape", "depth"),
    [((1, 64, 8), 8), ((2, 5 * 9, 12), 5), ((1, 1, 64), None), ((3, 1, 50), None), ((1, 1, 3), None)],
)
def test_networks_for_volumes_and_signals_have_the_shape_of_the_data(
    shape: tuple[int, int, int], depth: int | None, way: Any
) -> None:
    generator = DcganGenerator(latent_dim=5, width=2, depth=depth, way=way).build(shape)
    critic = DcganCritic(width=2, depth=depth).build(shape)
    made = generator(torch.randn(3, 5))
    assert made.shape == (3, *shape)
    assert critic(made).shape == (3,)


@pytest.mark.parametrize(("shape", "depth"), [((1, 64, 8), 8), ((2, 1, 32), None)])
@pytest.mark.parametrize("norm", ["none", "layer"])
def test_second_derivatives_along_one_and_three_sides_are_pytorchs(
    shape: tuple[int, int, int], depth: int | None, norm: Any
) -> None:
    """The penalty's gradient with lean derivatives is that of PyTorch's own, in float64."""
    found = []
    for stock in (False, True):
        torch.manual_seed(0)
        critic = DcganCritic(width=2, depth=depth, norm=norm).build(shape).double()
        if stock:
            use_stock_derivatives(critic)
        x = torch.randn(4, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        penalty = (gradient_norm(critic, x) - 1).square().mean()
        parameters = list(critic.parameters())
        gradients = torch.autograd.grad(penalty, parameters, allow_unused=True, materialize_grads=True)
        found.append(gradients)
    largest = max(gradient.abs().max() for gradient in found[1])
    for lean, stock_gradient in zip(*found, strict=True):
        torch.testing.assert_close(lean, stock_gradient, rtol=0, atol=float(largest) * 1e-10)


def test_convolutions_of_a_signal_go_along_it() -> None:
    critic = DcganCritic(width=2).build((1, 1, 64))
    kernels = [module.kernel_size for module in critic.modules() if isinstance(module, torch.nn.Conv2d)]
    assert kernels == [(1, 4)] * 4


def test_signals_train_with_convolutions(tmp_path: Path) -> None:
    time = np.linspace(0, 1, 64)
    phases = np.random.default_rng(0).uniform(0, 6, (40, 1, 1))
    signals = np.sin(12 * time + phases).astype(np.float32)
    run = gradpen.train(signals, data__axes="NCL", out=tmp_path / "run", **SMALL, **NARROW)
    assert run.sample(2).shape == (2, 1, 64)


def test_a_volume_generator_is_exported(tmp_path: Path) -> None:
    run = gradpen.train(balls(), out=tmp_path / "run", **SMALL, **NARROW)
    assert gradpen.export(run, tmp_path / "g.onnx").difference < 1e-4
