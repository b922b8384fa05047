"""What public networks use: their paddings, orders, dropouts, enlargements and norms, beside PyTorch's own layers."""

from itertools import pairwise
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from gradpen.networks.choices import (
    MlpGenerator,
    ResidualCritic,
    ResidualGenerator,
    Stage,
    StagedCritic,
    StagedGenerator,
)
from gradpen.networks.dropout import MapDropout
from gradpen.networks.stages import build_stages
from gradpen.settings import configure


def stage_of(**options: Any) -> nn.Sequential:
    layers, *_ = build_stages((Stage(channels=5, **options),), 3, 8, 10, 1)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("way", ["down", "up"])
def test_symmetric_padding_is_pytorchs(kernel: int, stride: int, way: Literal["down", "up"]) -> None:
    """On even and odd sides: the sizes that Keras has, and the maps that PyTorch's layer with that padding makes."""
    x = torch.randn(2, 3, 8, 11)
    layers, channels, height, width = build_stages(
        (Stage(channels=5, kernel=kernel, stride=stride, way=way, symmetric=True, activation="none"),), 3, 8, 11, 1
    )
    (layer,) = layers
    pad = (kernel - 1) // 2
    if way == "down":
        theirs: nn.Module = nn.Conv2d(3, 5, kernel, stride, pad)
    else:
        theirs = nn.ConvTranspose2d(3, 5, kernel, stride, pad, output_padding=stride - 1)
    theirs.load_state_dict(layer.state_dict())
    assert torch.allclose(layer(x), theirs(x), atol=1e-5)
    assert layer(x).shape == (2, channels, height, width)
    assert (height, width) == ((8 * stride, 11 * stride) if way == "up" else (-(-8 // stride), -(-11 // stride)))


def test_the_order_of_norm_activation_and_dropout() -> None:
    kinds = [
        type(layer).__name__ for layer in stage_of(norm="batch", dropout=0.5, order=("activation", "dropout", "norm"))
    ]
    assert kinds == ["Convolution", "LeakyReLU", "Dropout", "BatchNorm2d"]
    kinds = [type(layer).__name__ for layer in stage_of(norm="layer", dropout=0.5, dropout_maps=True)]
    assert kinds == ["Convolution", "GroupNorm", "LeakyReLU", "MapDropout"]
    with pytest.raises(ValueError, match="names each of norm, activation, dropout once"):
        Stage(order=("norm", "norm", "dropout"))
    with pytest.raises(ValueError, match="odd kernels"):
        Stage(kernel=4, symmetric=True)


def test_dropout_of_maps_drops_whole_ones_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer = MapDropout(0.25)
    kept = layer(torch.ones(400, 50, 3, 3))
    assert torch.equal(kept.amin((2, 3)), kept.amax((2, 3)))
    assert abs((kept == 0).float().mean() - 0.25) < 0.01
    assert abs(kept.mean() - 1) < 0.02
    assert torch.equal(layer.eval()(kept), kept)


def test_bilinear_enlargement() -> None:
    x = torch.randn(2, 3, 8, 10)
    stage = stage_of(way="upsample", kernel=3, enlargement="bilinear", activation="none")
    convolved = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    assert torch.allclose(stage(x), stage[-1](convolved), atol=1e-6)


def test_batch_norms_momentum() -> None:
    generator = MlpGenerator(widths=(4, 4), batch_norm_momentum=0.1).build((1, 2, 2))
    assert [layer.momentum for layer in generator.modules() if isinstance(layer, nn.BatchNorm1d)] == [0.1]


def test_the_residual_pairs_norms_and_pooling() -> None:
    generator = ResidualGenerator(width=4, norm="layer", norm_eps=1e-3).build((3, 16, 16))
    norms = [layer for layer in generator.modules() if isinstance(layer, nn.GroupNorm)]
    assert [(layer.num_groups, layer.eps) for layer in norms] == [(1, 1e-3)] * 5
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in generator.modules())
    critic = ResidualCritic(width=4, norm="layer").build((3, 16, 16))
    assert sum(isinstance(layer, nn.GroupNorm) for layer in critic.modules()) == 5
    assert critic(torch.randn(2, 3, 16, 16)).shape == (2,)
    mean, summed = (ResidualCritic(width=4, pooling=pooling).build((3, 16, 16)) for pooling in ("mean", "sum"))
    summed.load_state_dict(mean.state_dict())
    x = torch.randn(2, 3, 16, 16)
    bias = mean.state_dict()["5.bias"]
    positions = 64
    assert torch.allclose(summed(x) - bias, positions * (mean(x) - bias), rtol=1e-4, atol=1e-5)


def pytorch_gan_block(fan_in: int, fan_out: int, *, norm: bool) -> list[nn.Module]:
    """The block of PyTorch-GAN's ``dcgan.py``, written from its description, with the epsilon that gradpen has."""
    block: list[nn.Module] = [nn.Conv2d(fan_in, fan_out, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
    return [*block, nn.BatchNorm2d(fan_out, momentum=0.2)] if norm else block


def test_dcgan_mnist_is_its_sources_discriminator() -> None:
    ours = configure("dcgan-mnist").critic.build((1, 32, 32)).eval()
    channels = (1, 16, 32, 64, 128)
    blocks = [pytorch_gan_block(a, b, norm=place > 0) for place, (a, b) in enumerate(pairwise(channels))]
    theirs = nn.Sequential(*(layer for block in blocks for layer in block), nn.Flatten(), nn.Linear(512, 1)).eval()
    tensors: list[Tensor] = list(ours.state_dict().values())
    theirs.load_state_dict(dict(zip(theirs.state_dict(), tensors, strict=True)))
    x = torch.randn(3, 1, 32, 32)
    assert torch.allclose(ours(x), theirs(x)[:, 0], atol=1e-5)
    generator = configure("dcgan-mnist").generator
    assert isinstance(generator, StagedGenerator)
    assert isinstance(configure("dcgan-mnist").critic, StagedCritic)
