"""Staged networks: TensorFlow's padding, published parameter counts, refusals."""

import pytest
import torch
from torch import nn

from gradpen.errors import UsageError
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator, convolution
from gradpen.presets.catalogue import PRESETS, find, parameter_counts
from gradpen.presets.preset import Preset
from gradpen.presets.toys import POINT

PUBLISHED = {
    # counted in the notebooks or layer by layer in the released code; trainable parameters
    "wgan-mnist": (1_510_032, 533_505),
    "wgan-gp-mnist": (1_756_032, 656_385),
    "mnist-64-wgan-gp": (1_554_177, 1_030_145),
    "mnist-64-gan": (1_554_177, 1_030_145),
    "wgan-lsun": (3_576_704, 2_765_568),
    "dcgan-bricks": (3_574_656, 2_763_520),
    "wgan-gp-faces": (3_806_083, 2_764_737),
    "cgan-faces": (728_963, 662_977),
    "wgan-lsun-mlp-generator": (6_880_768, 2_765_568),
    "wgan-lsun-mlp": (6_880_768, 6_817_793),
    "wgan-gp-faces-2019": (5_150_723, 4_314_753),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parameter_counts(name: str) -> None:
    assert parameter_counts(find(name)) == PUBLISHED[name]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_makes_and_scores_its_images(preset: Preset) -> None:
    config = preset.config()
    labels = [torch.eye(preset.labels)[:2]] if preset.labels else []
    latents = torch.randn(2, config.generator.latent_dim)
    samples = config.generator.build(preset.shape, preset.labels)(latents, *labels)
    assert samples.shape == (2, *preset.shape)
    unbounded = "mlp" in preset.name or preset.shape == POINT
    assert samples.abs().max() <= 1 or unbounded, "the release's MLP ends without tanh, and so do those for points"
    assert config.critic.build(preset.shape, preset.labels)(samples, *labels).shape == (2,)


@pytest.mark.parametrize("kernel", [3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [7, 8, 28])
def test_same_padding_is_tensorflows(kernel: int, stride: int, size: int) -> None:
    """ceil(n / s) outputs; the total padding is split with its larger half at the end."""
    layers, height, width = convolution(Stage(kernel=kernel, stride=stride, bias=False), 1, 1, size, size)
    out = -(-size // stride)
    assert (height, width) == (out, out)
    total = max((out - 1) * stride + kernel - size, 0)
    weight = layers[-1].state_dict()["weight"]
    images = torch.randn(2, 1, size, size)
    padded = nn.functional.pad(images, (total // 2, total - total // 2) * 2)
    expected = nn.functional.conv2d(padded, weight, stride=stride)
    assert torch.allclose(nn.Sequential(*layers)(images), expected, atol=1e-6)


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_transposed_convolution_is_the_adjoint(kernel: int) -> None:
    """As in TensorFlow: <conv(x), y> = <x, conv_transpose(y)> with the same weights."""
    torch.manual_seed(0)
    down, *_ = convolution(Stage(kernel=kernel, bias=False), 3, 5, 14, 14)
    up, *size = convolution(Stage(kernel=kernel, bias=False, way="up"), 5, 3, 7, 7)
    assert size == [14, 14]
    up[0].load_state_dict({"weight": down[-1].state_dict()["weight"]})
    x, y = torch.randn(1, 3, 14, 14), torch.randn(1, 5, 7, 7)
    assert torch.allclose((nn.Sequential(*down)(x) * y).sum(), (x * nn.Sequential(*up)(y)).sum(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "instance", "group"])
@pytest.mark.parametrize("way", ["down", "up", "upsample"])
def test_norms_and_ways(norm: str, way: str) -> None:
    stage = Stage(channels=12, kernel=3, way=way, norm=norm, dropout=0.1)  # type: ignore[arg-type]
    last = Stage(kernel=3, stride=1, activation="sigmoid-range")
    size = 8 if way == "down" else 32
    generator = StagedGenerator(latent_dim=4, first=(6, 16, 16), stages=(stage, last)).build((2, size, size))
    samples = generator(torch.randn(3, 4))
    assert samples.shape == (3, 2, size, size)
    samples.square().sum().backward()
    assert samples.abs().max() <= 1


def test_the_centre_is_cropped() -> None:
    stage = Stage(kernel=1, stride=1, activation="none", crop=2, crop_centre=True)
    critic = StagedCritic(stages=(stage,)).build((1, 6, 6))
    image = torch.zeros(1, 1, 6, 6, requires_grad=True)
    critic(image).sum().backward()
    assert image.grad is not None
    assert image.grad[0, 0].nonzero().tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]


def test_a_fixed_network_refuses_other_images() -> None:
    with pytest.raises(UsageError, match=r"makes images of 3x64x64, but the data are 3x32x32 .* `data.size=64x64`"):
        find("wgan-gp-faces").config().generator.build((3, 32, 32))
    with pytest.raises(UsageError, match="too small for this critic"):
        find("wgan-gp-faces").config().critic.build((3, 8, 8))


def test_batch_norm_eps_is_no_momentum() -> None:
    """The second argument of BatchNorm is eps; with 0.8, as often written, features of small variance are crushed."""
    values = 0.1 * torch.randn(512, 4, 1, 1)
    spread = {}
    for eps in (1e-5, 0.8):
        stage = Stage(channels=4, kernel=1, stride=1, norm="batch", norm_eps=eps, activation="none")
        network = StagedCritic(stages=(stage,)).build((4, 1, 1))
        (norm,) = (module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
        spread[eps] = norm(values).std().item()
    assert spread[1e-5] == pytest.approx(1, rel=0.05)
    assert spread[0.8] < 0.2
