"""Convolutional networks written down stage by stage, as papers' tables and notebooks do.

Padding is TensorFlow's and Keras' ``same`` unless a stage says otherwise: an image of n pixels comes out with
ceil(n / stride) pixels, or n * stride going up, and an odd number of padding rows has its larger part at the end.
So a 5x5 convolution of stride 2 on an even side pads 1 before and 2 after. A ``symmetric`` stage pads both sides by
(kernel - 1) // 2, as PyTorch's code does: 2 and 2, of which the last row is not reached.
"""

import math
from dataclasses import replace
from typing import Literal, Self

from pydantic import Field, PositiveFloat, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import softplus

from gradpen.choice import STRICT, Size
from gradpen.errors import UsageError
from gradpen.networks.blocks import Crop, Initialiser, Scores, Shape, initialise
from gradpen.networks.dropout import Dropout, MapDropout
from gradpen.networks.labels import (
    ConditionalBatchNorm,
    CriticLabels,
    GeneratorLabels,
    Layers,
    critic_with_labels,
    generator_with_labels,
    refuse_missing_labels,
)
from gradpen.networks.layers import Convolution, LeakyReLU, Linear, TransposedConvolution
from gradpen.networks.norms import BatchNorm1d, BatchNorm2d

Activation = Literal["none", "relu", "leaky-relu", "softplus", "tanh", "sigmoid-range", "gated"]
GATED = 2
"""maps that a gate makes one of"""
StageNorm = Literal["none", "batch", "conditional-batch", "layer", "instance", "group"]
GROUPS = 8
Part = Literal["norm", "activation", "dropout"]
ORDER: tuple[Part, ...] = ("norm", "activation", "dropout")


class ToRange(nn.Module):
    """Stretch [0, 1], the range of a sigmoid, to the data's [-1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``2 x - 1``."""
        return 2 * x - 1


class Gate(nn.Module):
    r"""Of two maps at a time one, :math:`\sigma(x_{2c}) \tanh(x_{2c+1})`.

    Source: the gated networks in the release of Gulrajani et al. 2017 (``gan_64x64.py``); van den Oord et al. 2016
    (arXiv 1606.05328), equation 2.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C / 2, ...]``."""
        return x[:, ::2].sigmoid() * x[:, 1::2].tanh()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Stage:
    """One convolution with what follows it.

    >>> Stage(channels=64, kernel=5, norm="layer").activation
    'leaky-relu'
    """

    channels: Size | None = None
    """channels that come out; none: the image's"""
    kernel: Size = 4
    stride: Size = 2
    way: Literal["down", "up", "upsample"] = "down"
    """down: convolution; up: transposed convolution; upsample: enlargement, then convolution"""
    enlargement: Literal["nearest", "bilinear"] = "nearest"
    """how upsample enlarges"""
    valid: bool = False
    """no padding"""
    symmetric: bool = False
    """the same padding on both sides, (kernel - 1) // 2, for odd kernels"""
    bias: bool = True
    norm: StageNorm = "none"
    norm_eps: PositiveFloat = 1e-5
    norm_momentum: PositiveFloat = 0.1
    activation: Activation = "leaky-relu"
    """gated: the convolution makes twice the channels, of which one half opens and shuts the other; softplus: a smooth
    one for critics under a penalty, softplus(2x + 2) / 2 - 1"""
    negative_slope: float = 0.2
    dropout: float = Field(default=0.0, ge=0, lt=1)
    dropout_maps: bool = False
    """drop whole channels instead of single values"""
    order: tuple[Part, ...] = ORDER
    """in which these follow the convolution"""
    crop: Size | None = None
    """rows and columns kept after everything else, the first ones; smaller maps stay as they are"""
    crop_centre: bool = False
    """keep the middle ones instead"""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if sorted(self.order) != sorted(ORDER):
            raise ValueError(f"order names each of {', '.join(ORDER)} once, found {', '.join(self.order)}")
        if self.activation == "gated" and self.order.index("activation") < self.order.index("norm"):
            raise ValueError("a gate halves the channels, so its norm comes before it")
        if self.symmetric and (self.valid or self.kernel % 2 == 0):
            raise ValueError("symmetric padding is for odd kernels that are not valid")
        if self.symmetric and self.way == "up" and self.stride > self.kernel:
            raise ValueError("symmetric padding is for transposed convolutions with strides up to their kernel")
        return self


def norm_module(stage: Stage, channels: int, labels: int) -> list[nn.Module]:
    """Return the stage's norm layer, as a list of none or one."""
    if stage.norm == "conditional-batch":
        refuse_missing_labels(stage.norm, labels)
        return [ConditionalBatchNorm(channels, labels, eps=stage.norm_eps, momentum=stage.norm_momentum)]
    if stage.norm == "batch":
        return [BatchNorm2d(channels, eps=stage.norm_eps, momentum=stage.norm_momentum)]
    if stage.norm == "instance":
        return [nn.InstanceNorm2d(channels, eps=stage.norm_eps, affine=True)]
    if stage.norm in ("layer", "group"):
        groups = 1 if stage.norm == "layer" else math.gcd(GROUPS, channels)
        return [nn.GroupNorm(groups, channels, eps=stage.norm_eps)]
    return []


class Softplus(nn.Module):
    r"""A smooth activation that is ELU's shape with a second derivative: ``softplus(2x + 2) / 2 - 1``.

    Source: Gulrajani et al. 2017 (arXiv 1704.00028), appendix D, where critics with ELU failed to train.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return values above -1."""
        return softplus(2 * x + 2) / 2 - 1


def activation_module(activation: Activation, negative_slope: float) -> list[nn.Module]:
    """Return the activation, as a list of none, one or two modules."""
    modules: dict[Activation, list[nn.Module]] = {
        "none": [],
        "relu": [LeakyReLU(0)],
        "leaky-relu": [LeakyReLU(negative_slope)],
        "softplus": [Softplus()],
        "tanh": [nn.Tanh()],
        "sigmoid-range": [nn.Sigmoid(), ToRange()],
        "gated": [Gate()],
    }
    return modules[activation]


def convolution(stage: Stage, fan_in: int, fan_out: int, height: int, width: int) -> tuple[list[nn.Module], int, int]:
    """Return the stage's convolution with its padding, and the height and width that come out."""
    kernel, stride = stage.kernel, stage.stride
    if stage.way == "up":
        if stage.valid:
            up = TransposedConvolution(fan_in, fan_out, kernel, stride, bias=stage.bias)
            return [up], (height - 1) * stride + kernel, (width - 1) * stride + kernel
        if stage.symmetric:
            # What the padding takes from the end beyond n * stride is put back there.
            up = TransposedConvolution(fan_in, fan_out, kernel, stride, kernel // 2, stride - 1, bias=stage.bias)
            return [up], height * stride, width * stride
        # TensorFlow's "same" keeps n * stride of the (n - 1) * stride + kernel positions that come out. Where an odd
        # number is too many, the larger part goes from the end, which PyTorch cannot pad away: crop it instead.
        before = max(kernel - stride, 0) // 2
        up = TransposedConvolution(fan_in, fan_out, kernel, stride, padding=before, bias=stage.bias)
        size = (height * stride, width * stride)
        exact = kernel - stride == 2 * before
        return [up] if exact else [up, Crop(*size)], *size
    layers: list[nn.Module] = []
    if stage.way == "upsample":
        nearest = stage.enlargement == "nearest"
        enlarge = (
            nn.UpsamplingNearest2d(scale_factor=stride)
            if nearest
            else nn.Upsample(scale_factor=stride, mode="bilinear")
        )
        layers.append(enlarge)
        height, width, stride = height * stride, width * stride, 1
    if stage.valid:
        out = ((height - kernel) // stride + 1, (width - kernel) // stride + 1)
        return [*layers, Convolution(fan_in, fan_out, kernel, stride, bias=stage.bias)], *out
    out = (-(-height // stride), -(-width // stride))  # rounded up
    if stage.symmetric:
        return [*layers, Convolution(fan_in, fan_out, kernel, stride, kernel // 2, bias=stage.bias)], *out
    total = [max((o - 1) * stride + kernel - n, 0) for o, n in zip(out, (height, width), strict=True)]
    if all(t % 2 == 0 for t in total):
        padding = (total[0] // 2, total[1] // 2)
        return [*layers, Convolution(fan_in, fan_out, kernel, stride, padding, bias=stage.bias)], *out
    # PyTorch's convolutions pad both sides alike; the odd row or column goes to the end, as in TensorFlow.
    sides = (total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2)
    return [*layers, nn.ZeroPad2d(sides), Convolution(fan_in, fan_out, kernel, stride, bias=stage.bias)], *out


def build_stages(
    stages: tuple[Stage, ...], channels: int, height: int, width: int, image_channels: int, labels: int = 0
) -> tuple[list[nn.Module], int, int, int]:
    """Return the modules of all stages, and the channels, height and width that come out."""
    layers: list[nn.Module] = []
    for stage in stages:
        fan_out = stage.channels or image_channels
        made = fan_out * (GATED if stage.activation == "gated" else 1)
        convolved, height, width = convolution(stage, channels, made, height, width)
        dropout = MapDropout if stage.dropout_maps else Dropout
        following: dict[str, list[nn.Module]] = {
            "norm": norm_module(stage, made, labels),
            "activation": activation_module(stage.activation, stage.negative_slope),
            "dropout": [dropout(stage.dropout)] if stage.dropout else [],
        }
        layers += convolved + [module for part in stage.order for module in following[part]]
        if stage.crop:
            rows, columns = max(height - stage.crop, 0), max(width - stage.crop, 0)
            if stage.crop_centre:
                # Negative padding crops; of an odd number of rows too many, the larger part goes from the end.
                layers.append(nn.ZeroPad2d((-(columns // 2), columns // 2 - columns, -(rows // 2), rows // 2 - rows)))
            else:
                layers.append(Crop(stage.crop, stage.crop))
            height, width = height - rows, width - columns
        channels = fan_out
    return layers, channels, height, width


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StagedGenerator:
    """Latents to a first feature map, by a linear layer or as a 1x1 map, then stages up to the image.

    >>> import torch
    >>> stages = (Stage(channels=4, way="up"), Stage(way="up", activation="tanh"))
    >>> StagedGenerator(latent_dim=10, first=(8, 4, 4), stages=stages).build((1, 16, 16))(torch.zeros(2, 10)).shape
    torch.Size([2, 1, 16, 16])
    """

    name: Literal["staged"] = "staged"
    latent_dim: Size = 100
    first: tuple[Size, Size, Size] | None = None
    """channels, height and width that a linear layer makes of the latents; none: the latents are a 1x1 map"""
    first_bias: bool = True
    first_norm: Literal["none", "batch", "batch-features"] = "none"
    """norm of that map: per channel, or per feature before it becomes a map"""
    norm_eps: PositiveFloat = 1e-5
    norm_momentum: PositiveFloat = 0.1
    first_activation: Activation = "relu"
    negative_slope: float = 0.2
    stages: tuple[Stage, ...] = Field(min_length=1)
    way: Literal["as-written", "transposed", "upsample"] = "as-written"
    """how maps grow: as each stage says, or in all of them (of stride 2) by transposed convolution or by upsampling"""
    initialiser: Initialiser = "pytorch"
    labels: GeneratorLabels = "none"
    """how labels enter: none, concatenate, embed, multiply or norm (conditional batch norm)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator; raise :class:`UsageError` if its stages do not end in images of this shape."""
        return generator_with_labels(self, labels, lambda latent_dim: self.layers(latent_dim, shape, labels))

    def layers(self, latent_dim: int, shape: Shape, labels: int) -> Layers:
        """Return the layers from latents of that size."""
        layers: list[nn.Module] = []
        first = self.first or (latent_dim, 1, 1)
        wide = GATED if self.first and self.first_activation == "gated" else 1
        if self.first:
            features = wide * math.prod(self.first)
            layers.append(Linear(latent_dim, features, bias=self.first_bias))
            if self.first_norm == "batch-features":
                layers.append(BatchNorm1d(features, eps=self.norm_eps, momentum=self.norm_momentum))
        layers.append(nn.Unflatten(1, (wide * first[0], *first[1:])))
        if self.first:
            if self.first_norm == "batch":
                layers.append(BatchNorm2d(wide * first[0], eps=self.norm_eps, momentum=self.norm_momentum))
            layers += activation_module(self.first_activation, self.negative_slope)
        stages, *made = build_stages(with_way(self.stages, self.way), *first, shape[0], labels)
        if tuple(made) != tuple(shape):
            raise UsageError(
                f"this generator makes images of {'x'.join(map(str, made))}, but the data are "
                f"{'x'.join(map(str, shape))} (channels, height, width); choose `data.size={made[1]}x{made[2]}`, or a "
                f"preset that is sized from the data (wgan-gp, wgan, gan)"
            )
        generator = Layers(*layers, *stages)
        initialise(generator, self.initialiser)
        return generator


def with_way(stages: tuple[Stage, ...], way: str) -> tuple[Stage, ...]:
    """Return the stages, those that double the size doing so this way."""
    if way == "as-written":
        return stages
    wanted: Literal["up", "upsample"] = "up" if way == "transposed" else "upsample"
    return tuple(
        replace(stage, way=wanted) if stage.way != "down" and stage.stride == 2 and not stage.valid else stage
        for stage in stages
    )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StagedCritic:
    """Stages down from the image, then a linear layer to one score; or no linear layer where one value is left.

    >>> import torch
    >>> stages = (Stage(channels=4), Stage(channels=8))
    >>> StagedCritic(stages=stages).build((1, 16, 16))(torch.zeros(2, 1, 16, 16)).shape
    torch.Size([2])
    """

    name: Literal["staged"] = "staged"
    stages: tuple[Stage, ...] = Field(min_length=1)
    last_dropout: float = Field(default=0.0, ge=0, lt=1)
    """dropout before the linear layer"""
    pad_to: Size | None = None
    """height and width to which images are padded with zeros first, evenly on all sides"""
    initialiser: Initialiser = "pytorch"
    labels: CriticLabels = "none"
    """how labels enter: none, planes, embed, or classify (AC-GAN)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic for images ``[channels, height, width]`` with label vectors of that size."""

        def build(added: int, outputs: int) -> nn.Module:
            return self.layers(shape, added, outputs)

        return critic_with_labels(self, labels, build)

    def layers(self, shape: Shape, added: int, outputs: int) -> nn.Module:
        """Return the layers from images with so many more channels to so many outputs."""
        channels, height, width = shape[0] + added, *shape[1:]
        layers: list[nn.Module] = []
        if self.pad_to:
            rows, columns = self.pad_to - height, self.pad_to - width
            layers.append(nn.ZeroPad2d((columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)))
            height = width = self.pad_to
        written = self.stages
        # A last stage of one channel is the score itself; a critic that classifies needs its logits there too.
        if written[-1].channels == 1:
            written = (*written[:-1], replace(written[-1], channels=outputs))
        stages, channels, height, width = build_stages(written, channels, height, width, channels)
        if height < 1 or width < 1:
            raise UsageError(
                f"images of {shape[1]}x{shape[2]} are too small for this critic; choose a larger `data.size`, or a "
                f"preset that is sized from the data (wgan-gp, wgan, gan)"
            )
        layers += [*stages, nn.Flatten()]
        if self.last_dropout:
            layers.append(Dropout(self.last_dropout))
        if (channels, height, width) != (outputs, 1, 1):
            layers.append(Linear(channels * height * width, outputs))
        critic = nn.Sequential(*layers, Scores())
        initialise(critic, self.initialiser)
        return critic
