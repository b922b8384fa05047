"""The residual pair of R3GAN against what its paper and release say."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from facts import violates
from gradpen.errors import UsageError
from gradpen.networks import r3gan
from gradpen.networks.norms import BatchNorm2d
from gradpen.networks.r3gan import R3ganCritic, R3ganGenerator
from gradpen.penalties import gradient_penalty

CIFAR = (3, 32, 32)


def branches_start_at_zero(module: Any) -> None:
    """At first a block gives back its input, and moves as soon as its last convolution does."""
    torch.manual_seed(0)
    block, x = module.Bottleneck(32, 2, 16, 8), torch.randn(2, 32, 5, 5)
    assert torch.equal(block(x), x)
    nn.init.ones_(block.narrow.weight)
    assert not torch.allclose(block(x), x)


def gains_shrink_with_depth(module: Any) -> None:
    """Weights have deviation sqrt(2 / 1.04) L^(-1/4) / sqrt(fan in): Fixup for three layers a branch, L blocks."""
    torch.manual_seed(1)
    block = module.Bottleneck(64, 4, 16, 16)
    for layer, fan_in in ((block.widen, 64), (block.convolve, 16 * 9)):
        expected = (2 / 1.04) ** 0.5 * 16**-0.25 / fan_in**0.5
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.012)
        assert layer.bias.abs().max() == 0
    assert block.narrow.bias is None


def convolutions_are_grouped(module: Any) -> None:
    """3x3 in groups of 16 channels, twice as wide as the stage; 1x1 before and after."""
    block = module.Bottleneck(32, 2, 16, 8)
    assert (block.convolve.groups, block.convolve.kernel_size, block.convolve.in_channels) == (4, (3, 3), 64)
    assert block.widen.kernel_size == block.narrow.kernel_size == (1, 1)


def branch_by_hand(module: Any) -> None:
    """1x1, leaky ReLU, 3x3, leaky ReLU, 1x1, beside the input."""
    torch.manual_seed(2)
    block, x = module.Bottleneck(4, 2, 8, 1), torch.randn(2, 4, 3, 3)
    block.narrow.weight.data.normal_()

    def bent(maps: Tensor) -> Tensor:
        return torch.where(maps > 0, maps, 0.2 * maps)

    expected = x + block.narrow(bent(block.convolve(bent(block.widen(x)))))
    assert torch.allclose(block(x), expected, atol=1e-6)


def bases_are_weighed_by_the_latent(module: Any) -> None:
    """A picture for each channel times a linear map of z: nothing for z = 0, twice as much for 2 z."""
    torch.manual_seed(3)
    basis, z = module.Basis(8, 6, (4, 4)), torch.randn(2, 8)
    assert basis(torch.zeros(2, 8)).abs().max() == 0
    assert torch.allclose(basis(2 * z), 2 * basis(z), atol=1e-5)
    assert torch.allclose(basis(z)[1, 2], basis.pictures[2] * (basis.weigh.weight[2] @ z[1]), atol=1e-5)


FACTS = [
    branches_start_at_zero,
    gains_shrink_with_depth,
    convolutions_are_grouped,
    branch_by_hand,
    bases_are_weighed_by_the_latent,
]
MUTANTS = [
    ("branch that starts at once", "bias=False), 0.0)", "bias=False), 1.0)"),
    ("no identity", "= x + self.narrow", "= self.narrow"),
    ("gain of one block", "GAIN * blocks**-0.25", "GAIN"),
    ("gain by the square root", "blocks**-0.25", "blocks**-0.5"),
    ("gain of ReLU", "math.sqrt(2 / (1 + SLOPE**2))", "math.sqrt(2)"),
    ("not grouped", "groups=groups_of(inner, group)", "groups=1"),
    ("steeper slope", "SLOPE = 0.2", "SLOPE = 0.3"),
    (
        "second bend forgotten",
        "self.bend(self.convolve(self.bend(self.widen(x))))",
        "self.convolve(self.bend(self.widen(x)))",
    ),
    ("offset in the basis", "self.weigh(z)[:, :, None, None]", "(1 + self.weigh(z))[:, :, None, None]"),
]


@pytest.mark.parametrize("fact", FACTS)
def test_fact_holds(fact: Any) -> None:
    fact(r3gan)


@pytest.mark.parametrize(("wrong", "old", "new"), MUTANTS)
def test_wrong_form_is_noticed(wrong: str, old: str, new: str) -> None:
    assert violates(r3gan, old, new, FACTS), wrong


def test_stages_of_the_pair() -> None:
    """At 32x32: four sizes from 4x4 up, two blocks each, no norm layers; scores and images of the right shapes."""
    generator, critic = R3ganGenerator().build(CIFAR), R3ganCritic().build(CIFAR)
    for network in (generator, critic):
        assert sum(isinstance(module, r3gan.Bottleneck) for module in network.modules()) == 8
        assert not any(isinstance(module, BatchNorm2d | nn.GroupNorm) for module in network.modules())
    images = generator(torch.randn(3, 64))
    assert images.shape == (3, *CIFAR)
    assert critic(images).shape == (3,)


@pytest.mark.parametrize("labels", [("concatenate", "planes"), ("embed", "embed"), ("multiply", "classify")])
def test_conditional_pairs(labels: tuple[Any, Any]) -> None:
    generator = R3ganGenerator(width=16, labels=labels[0]).build((1, 16, 16), 3)
    critic = R3ganCritic(width=16, labels=labels[1]).build((1, 16, 16), 3)
    vectors = torch.eye(3)
    assert critic(generator(torch.randn(3, 64), vectors), labels=vectors).shape == (3,)


def test_a_penalty_moves_every_weight_but_those_behind_a_zero() -> None:
    critic = R3ganCritic(width=16, blocks=1).build((1, 8, 8))
    for module in critic.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=0.1)
    gradient_penalty(critic, torch.randn(4, 1, 8, 8), torch.randn(4, 1, 8, 8), target=0, where="both").backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in critic.parameters() if p.dim() > 1)


def test_odd_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"residual networks halve images"):
        R3ganGenerator().build((1, 28, 30))
