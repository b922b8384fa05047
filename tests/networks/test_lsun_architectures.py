"""The architectures of the WGAN-GP paper's figures 2 and 4: gates, residual pairs of few layers and of 101."""

import copy
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from gradpen.networks.bottleneck import Block, BottleneckCritic, BottleneckGenerator
from gradpen.networks.layers import use_stock_derivatives
from gradpen.networks.stages import Gate, Stage, StagedCritic, StagedGenerator
from gradpen.networks.strided import StridedCritic, StridedGenerator, Striding
from gradpen.networks.tapered import Growing, Shrinking, TaperedCritic
from gradpen.penalties import gradient_penalty

LARGE = (3, 64, 64)


def test_a_gate_is_sigmoid_of_even_times_tanh_of_odd_maps() -> None:
    x = torch.randn(2, 6, 3, 3, dtype=torch.float64)
    found = Gate()(x)
    for channel in range(3):
        expected = 1 / (1 + torch.exp(-x[:, 2 * channel])) * torch.tanh(x[:, 2 * channel + 1])
        torch.testing.assert_close(found[:, channel], expected)


def test_gated_networks_have_norms_of_all_maps_before_the_gate() -> None:
    stages = (Stage(channels=4, way="up", norm="batch", activation="gated"), Stage(way="up", activation="tanh"))
    generator: Any = StagedGenerator(
        latent_dim=5, first=(8, 4, 4), first_norm="batch", first_activation="gated", stages=stages
    ).build((1, 16, 16))
    norms = [layer.num_features for layer in generator if isinstance(layer, nn.BatchNorm2d)]
    assert norms == [16, 8]
    assert generator(torch.randn(3, 5)).shape == (3, 1, 16, 16)
    critic: Any = StagedCritic(
        stages=(Stage(channels=3, activation="gated"), Stage(channels=5, norm="layer", activation="gated"))
    ).build((1, 16, 16))
    assert [layer.num_channels for layer in critic if isinstance(layer, nn.GroupNorm)] == [10]
    assert critic[-2].in_features == 5 * 16
    with pytest.raises(ValidationError, match="its norm comes before it"):
        Stage(activation="gated", order=("activation", "norm", "dropout"))


@pytest.mark.parametrize("network", [BottleneckGenerator(), BottleneckCritic()], ids=["generator", "critic"])
def test_there_are_101_layers_in_a_row(network: Any) -> None:
    """33 blocks of three convolutions and a layer at both ends, without those beside the branches."""
    built = network.build(LARGE)
    blocks = [module for module in built.modules() if isinstance(module, Block)]
    assert len(blocks) == 33
    weights = sum(isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) for module in built.modules())
    beside = sum(isinstance(module, nn.Conv2d) for block in blocks for module in block.shortcut.modules())
    assert (weights - beside, beside) == (101, 4)


@pytest.mark.parametrize("way", ["same", "up", "down"])
def test_a_bottleneck_is_its_shortcut_and_0_3_of_its_branch(way: Any) -> None:
    torch.manual_seed(0)
    block = Block(6, 6 if way == "same" else 8, way, "none").double()
    x = torch.randn(2, 6, 8, 8, dtype=torch.float64)
    branch = block.widen(block.convolve(block.narrow(x.relu()).relu()).relu())
    torch.testing.assert_close(block(x), block.shortcut(x) + 0.3 * branch)
    size = {"same": 8, "up": 16, "down": 4}[way]
    assert block(x).shape[2:] == (size, size)


def test_ends_are_divided_by_5() -> None:
    torch.manual_seed(0)
    generator, critic = BottleneckGenerator(width=4, blocks=2), BottleneckCritic(width=4, blocks=2)
    makes: Any = generator.build((3, 16, 16)).eval()
    z = torch.randn(2, 128)
    inner = z
    for layer in list(makes)[:-2]:
        inner = layer(inner)
    torch.testing.assert_close(makes(z), torch.tanh(inner / 5))
    scores: Any = critic.build((3, 16, 16))
    x = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(scores(x), scores[:-2](x).squeeze(1) / 5)


def test_blocks_of_the_tapered_pair_are_the_release_s() -> None:
    """Enlargement before the first convolution and pooling after the second, shortcuts likewise; by plain layers."""
    torch.manual_seed(0)
    x = torch.randn(2, 6, 4, 4, dtype=torch.float64)
    up, down = Growing(6, 4, "none").double(), Shrinking(6, 4, "none").double()
    larger = nn.UpsamplingNearest2d(scale_factor=2)
    conv = nn.functional.conv2d
    first = conv(larger(x.relu()), up.grow.weight, padding=1).relu()
    expected = conv(first, up.convolve.weight, up.convolve.bias, padding=1)
    expected = expected + conv(larger(x), up.shortcut.weight, up.shortcut.bias)
    torch.testing.assert_close(up(x), expected)
    second = conv(x.relu(), down.convolve.weight, padding=1).relu()
    pool = nn.functional.avg_pool2d
    expected = pool(conv(second, down.pool.weight, down.pool.bias, padding=1), 2)
    expected = expected + conv(pool(x, 2), down.shortcut.weight, down.shortcut.bias)
    torch.testing.assert_close(down(x), expected)


def test_blocks_of_the_strided_critic_halve_by_their_second_convolution() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 6, 8, 8, dtype=torch.float64)
    block = Striding(6, 4, "none").double()
    conv = nn.functional.conv2d
    inner = conv(x.relu(), block.convolve.weight, block.convolve.bias, padding=1).relu()
    expected = conv(inner, block.halve.weight, block.halve.bias, stride=2, padding=1)
    expected = expected + nn.functional.avg_pool2d(conv(x, block.shortcut.weight, block.shortcut.bias), 2)
    torch.testing.assert_close(block(x), expected)


def test_convolutions_behind_an_enlargement_begin_at_half_of_he() -> None:
    torch.manual_seed(0)
    generator: Any = StridedGenerator().build((3, 128, 128))
    grown = generator[2]
    assert grown.grow.weight.std().item() == pytest.approx(0.5 * (4 / (9 * 1024)) ** 0.5, rel=0.02)
    assert grown.convolve.weight.std().item() == pytest.approx((4 / (9 * 1024)) ** 0.5, rel=0.02)
    assert generator[-2].weight.std().item() == pytest.approx(0.5 * (4 / (25 * 67)) ** 0.5, rel=0.03)


@pytest.mark.parametrize(
    "choice",
    [
        StridedCritic(width=4, most=2),
        TaperedCritic(width=4, most=2),
        BottleneckCritic(width=4, blocks=2),
        StagedCritic(stages=(Stage(channels=3, activation="gated"), Stage(channels=4, norm="layer"))),
    ],
    ids=["strided", "tapered", "bottleneck", "gated"],
)
def test_the_critics_penalty_has_the_stock_gradient(choice: Any) -> None:
    torch.manual_seed(0)
    lean = choice.build((2, 16, 16)).double()
    stock = copy.deepcopy(lean)
    use_stock_derivatives(stock)
    assert not any(getattr(module, "lean", False) for module in stock.modules())
    points = torch.randn(3, 2, 16, 16, dtype=torch.float64)
    for network in (lean, stock):
        (network(points).mean() + gradient_penalty(network, points, points)).backward()
    for one, other in zip(lean.parameters(), stock.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-12, atol=1e-12)


def test_layers_begin_as_in_the_release() -> None:
    """He for 3x3 and for a bottleneck's 1x1, Glorot beside branches and at the ends (uniform; biases 0)."""
    torch.manual_seed(0)
    critic: Any = TaperedCritic().build(LARGE)
    assert critic[0].weight.std().item() == pytest.approx((2 / (9 * 67)) ** 0.5, rel=0.03)
    assert critic[3].convolve.weight.std().item() == pytest.approx((4 / (9 * 512)) ** 0.5, rel=0.02)
    assert critic[3].shortcut.weight.std().item() == pytest.approx((2 / (256 + 512)) ** 0.5, rel=0.02)
    bottlenecks: Any = BottleneckCritic().build(LARGE)
    block = next(
        module for module in bottlenecks.modules() if isinstance(module, Block) and module.narrow.in_channels == 512
    )
    assert block.narrow.weight.std().item() == pytest.approx((4 / (512 + 256)) ** 0.5, rel=0.02)
    assert block.widen.weight.std().item() == pytest.approx((4 / (256 + 512)) ** 0.5, rel=0.02)
    assert bottlenecks[0].weight.std().item() == pytest.approx((2 / 35) ** 0.5, rel=0.15)
    baseline: Any = StagedCritic(stages=(Stage(channels=64),), initialiser="uniform-0.02").build((3, 32, 32))
    assert baseline[0].weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert baseline[0].weight.abs().max().item() <= 0.0347
