"""The residual pair and the convolutions it is made of."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import avg_pool2d

import gradpen
from gradpen.errors import UsageError
from gradpen.networks.fused import EnlargedConvolution, PooledConvolution
from gradpen.networks.layers import use_stock_derivatives
from gradpen.networks.residual import ResidualCritic, ResidualGenerator
from gradpen.penalties import gradient_penalty

CIFAR = (3, 32, 32)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_counts_are_those_of_the_release() -> None:
    """Counted layer by layer from gan_cifar_resnet.py: two 3x3 convolutions with biases a block, 1x1 shortcuts."""
    assert count(ResidualGenerator().build(CIFAR)) == 1_204_483
    assert count(ResidualGenerator(labels="norm").build(CIFAR, 10)) == 1_218_307
    assert count(ResidualCritic().build(CIFAR)) == 1_053_825
    assert count(ResidualCritic(labels="classify").build(CIFAR, 10)) == 1_053_825 + 1_290


@settings(max_examples=30)
@given(
    layer=st.sampled_from([PooledConvolution, EnlargedConvolution]),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    half=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    bias=st.booleans(),
    memory_format=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_one_convolution_is_the_two_steps(
    layer: type[PooledConvolution | EnlargedConvolution],
    channels: tuple[int, int],
    half: tuple[int, int],
    bias: bool,
    memory_format: torch.memory_format,
) -> None:
    """Values, first and second derivatives in float64 equal those of convolving, and pooling or enlarging."""
    torch.manual_seed(0)
    ours = layer(*channels, bias=bias).double()
    stock = copy.deepcopy(ours)
    use_stock_derivatives(stock)
    x = torch.randn(2, channels[0], 2 * half[0], 2 * half[1], dtype=torch.float64).to(memory_format=memory_format)
    found = []
    for network in (ours, stock):
        points = x.clone().requires_grad_()
        maps = network(points)
        (gradient,) = torch.autograd.grad(maps.square().sum(), points, create_graph=True)
        gradient.square().sum().backward()
        found.append([maps, gradient, points.grad, *(parameter.grad for parameter in network.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-10)


def test_the_critics_penalty_has_the_stock_gradient() -> None:
    torch.manual_seed(0)
    lean = ResidualCritic(width=6).build((2, 16, 16)).double()
    stock = copy.deepcopy(lean)
    use_stock_derivatives(stock)
    assert not any(getattr(module, "lean", False) for module in stock.modules())
    points = torch.randn(3, 2, 16, 16, dtype=torch.float64)
    for network in (lean, stock):
        (network(points).mean() + gradient_penalty(network, points, points)).backward()
    for one, other in zip(lean.parameters(), stock.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-12)


def test_a_shortcut_that_pools_first_is_the_release_s() -> None:
    """The release convolves 1x1 and then pools; both are linear and commute."""
    shortcut = nn.Conv2d(3, 5, 1).double()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(shortcut(avg_pool2d(x, 2)), avg_pool2d(shortcut(x), 2))


def test_layers_begin_as_in_the_release() -> None:
    """Uniform with deviation sqrt(4 / (9 in + 9 out)) for 3x3, sqrt(2 / (in + out)) for shortcuts; biases 0."""
    torch.manual_seed(0)
    critic: Any = ResidualCritic().build(CIFAR)
    block = critic[2]
    assert block.first.weight.std().item() == pytest.approx((4 / (9 * 256)) ** 0.5, rel=0.02)
    assert critic[1].shortcut.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.03)
    assert critic[1].pool.weight.std().item() == pytest.approx((4 / (9 * 256)) ** 0.5, rel=0.02)
    assert all(not bias.any() for name, bias in critic.named_parameters() if name.endswith("bias"))
    generator: Any = ResidualGenerator().build(CIFAR)
    assert generator[-2].weight.std().item() == pytest.approx((2 / (9 * 131)) ** 0.5, rel=0.03)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 16, 8), (3, 64, 96), (1, 8, 8), (1, 28, 28)])
def test_images_that_halve_evenly(shape: tuple[int, int, int]) -> None:
    samples = ResidualGenerator(width=4).build(shape)(torch.randn(2, 128))
    assert samples.shape == (2, *shape)
    assert ResidualCritic(width=4).build(shape)(samples).shape == (2,)


@pytest.mark.parametrize("shape", [(3, 30, 32), (1, 4, 4), (1, 32, 33), (1, 6, 6), (3, 31, 44)])
def test_other_images_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match=r"choose for example `data\.size=(\d+)x(\d+)`$") as error:
        ResidualGenerator(width=4).build(shape)
    height, width = map(int, str(error.value).rstrip("`").rsplit("=", 1)[1].split("x"))
    ResidualGenerator(width=4).build((shape[0], height, width))
    ResidualCritic(width=4).build((shape[0], height, width))


def test_the_pair_trains_by_its_settings(tmp_path: Path) -> None:
    run = gradpen.train(
        preset="wgan-gp",
        out=tmp_path / "run",
        generator={"name": "residual", "width": 4},
        critic={"name": "residual", "width": 4},
        iterations=2,
        critic_steps=1,
        batch_size=8,
    )
    assert run.sample(2).shape == (2, 8, 8, 1)
