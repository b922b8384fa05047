"""Presets after figures 2 and 4 of Gulrajani et al. 2017 (arXiv 1704.00028): architectures at 64x64 and at 128x128.

All with the gradient penalty. The figure crosses them with weight clipping, least squares and the original GAN;
``gradpen train --set objective=… constraint=…`` does, or ``gradpen compare``.
"""

from dataclasses import replace
from typing import Literal

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty
from gradpen.networks.blocks import CriticChoice, GeneratorChoice, Initialiser
from gradpen.networks.bottleneck import BottleneckCritic, BottleneckGenerator
from gradpen.networks.mlp import MlpGenerator
from gradpen.networks.stages import Activation, Stage, StagedCritic, StagedGenerator
from gradpen.networks.strided import StridedCritic, StridedGenerator
from gradpen.networks.tapered import TaperedCritic, TaperedGenerator
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam
from gradpen.presets.papers import IMPROVED
from gradpen.presets.preset import Preset
from gradpen.schedule import Schedule

WIDTHS = (256, 128, 64)
SCRIPT = f"{IMPROVED}, gan_64x64.py"


def generator(
    *, activation: Activation = "relu", norm: bool = True, initialiser: Initialiser = "uniform-0.02"
) -> StagedGenerator:
    """Return the DCGAN-shaped generator: 5x5 transposed convolutions from 512 maps of 4x4, tanh at the end."""
    return StagedGenerator(
        latent_dim=128,
        first=(512, 4, 4),
        first_norm="batch" if norm else "none",
        first_activation=activation,
        stages=(
            *(
                Stage(channels=width, kernel=5, way="up", norm="batch" if norm else "none", activation=activation)
                for width in WIDTHS
            ),
            Stage(kernel=5, way="up", activation="tanh"),
        ),
        initialiser=initialiser,
    )


def critic(
    *, activation: Activation = "leaky-relu", norm: bool = True, initialiser: Initialiser = "uniform-0.02"
) -> StagedCritic:
    """Return the DCGAN-shaped critic: 5x5 convolutions of stride 2 to 512 maps of 4x4; layer norm but in the first."""
    between: Literal["layer", "none"] = "layer" if norm else "none"
    return StagedCritic(
        stages=(
            Stage(channels=64, kernel=5, activation=activation),
            *(
                Stage(channels=width, kernel=5, norm=between, activation=activation)
                for width in (*WIDTHS[1::-1], 2 * WIDTHS[0])
            ),
        ),
        initialiser=initialiser,
    )


def pair(name: str, generator: GeneratorChoice, critic: CriticChoice) -> RunConfig:
    """Return a pair with what all share: Adam 1e-4, lambda 10, five critic steps, batch 64, 200,000 iterations.

    Beta1 is 0.5 as appendix E has it; the script has 0 since May 2017, as Algorithm 1 does.
    """
    optimizer = Adam(learning_rate=1e-4, beta1=0.5, beta2=0.9)
    return RunConfig(
        preset=name,
        generator=generator,
        critic=critic,
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        iterations=200_000,
        data=DataChoice(path="embedded:faces", size=(64, 64)),
    )


def lsun_64_dcgan() -> RunConfig:
    """The baseline: DCGAN-shaped networks, batch norm in the generator, layer norm in the critic."""
    return pair("lsun-64-dcgan", generator(), critic())


def lsun_64_constant_filters() -> RunConfig:
    """A generator without norm whose every layer has 64 maps, against the baseline's critic."""
    crippled = replace(
        generator(norm=False, initialiser="he-uniform"),
        first=(64, 4, 4),
        stages=(
            *(Stage(channels=64, kernel=5, way="up", activation="relu") for _ in WIDTHS),
            Stage(kernel=5, way="up", activation="tanh"),
        ),
    )
    return pair("lsun-64-constant-filters", crippled, critic())


def lsun_64_mlp() -> RunConfig:
    """A perceptron of four hidden layers of 512 with ReLU and tanh at the end, against the baseline's critic.

    The script's last layer begins by Glorot; here it begins by He, whose weights are five times as large.
    """
    perceptron = MlpGenerator(
        latent_dim=128, widths=(512,) * 4, batch_norm=False, negative_slope=0, initialiser="he-uniform"
    )
    return pair("lsun-64-mlp", perceptron, critic())


def lsun_64_no_norm() -> RunConfig:
    """The baseline without norm layers in either network."""
    return pair("lsun-64-no-norm", generator(norm=False), critic(norm=False))


def lsun_64_gated() -> RunConfig:
    """Gated activations, sigmoid times tanh, everywhere."""
    gated: Activation = "gated"
    return pair(
        "lsun-64-gated",
        generator(activation=gated, initialiser="he-uniform"),
        critic(activation=gated, initialiser="he-uniform"),
    )


def lsun_64_tanh() -> RunConfig:
    """The baseline with tanh for every activation."""
    return pair("lsun-64-tanh", generator(activation="tanh"), critic(activation="tanh"))


def lsun_64_residual_101() -> RunConfig:
    """The 101-layer residual pair of bottleneck blocks."""
    return pair("lsun-64-residual-101", BottleneckGenerator(), BottleneckCritic())


def lsun_64_residual() -> RunConfig:
    """The residual pair that the script takes by default, GoodGenerator and GoodDiscriminator; not in the figure."""
    return pair("lsun-64-residual", TaperedGenerator(), TaperedCritic())


def lsun_128_residual() -> RunConfig:
    """The residual pair for bedrooms at 128x128, on eight GPUs in the paper: Adam 1e-4 falling to zero, beta1 0.

    The paper's code for it was not released: after wgan_imagenet128.py of the first author's research code.
    """
    falling = Adam(learning_rate=Schedule(shape="linear", start=1e-4, end=0.0), beta1=0.0, beta2=0.9)
    return replace(
        pair("lsun-128-residual", StridedGenerator(), StridedCritic()),
        generator_optimizer=falling,
        critic_optimizer=falling,
        data=DataChoice(path="embedded:faces", size=(128, 128)),
    )


AT_64 = tuple(
    Preset(
        name=config().preset,
        summary=f"{words}, WGAN-GP at 64x64",
        source=f"{SCRIPT}, {names}; Gulrajani et al. 2017, arXiv 1704.00028, figure 2",
        data="colour images, shown at 64x64 (LSUN bedrooms in the paper)",
        shape=(3, 64, 64),
        config=config,
    )
    for config, words, names in (
        (lsun_64_dcgan, "DCGAN-shaped networks", "DCGANGenerator and DCGANDiscriminator"),
        (lsun_64_constant_filters, "a generator of 64 maps everywhere, no norm", "WGANPaper_CrippledDCGANGenerator"),
        (lsun_64_mlp, "a perceptron as generator", "FCGenerator"),
        (lsun_64_no_norm, "no norm layers", "DCGAN pair with bn=False"),
        (lsun_64_gated, "gated activations", "MultiplicativeDCGANGenerator and -Discriminator"),
        (lsun_64_tanh, "tanh everywhere", "DCGAN pair with nonlinearity=tanh"),
        (lsun_64_residual_101, "101 residual layers", "ResnetGenerator and ResnetDiscriminator"),
        (lsun_64_residual, "a residual pair", "GoodGenerator and GoodDiscriminator"),
    )
)
PRESETS = (
    *AT_64,
    Preset(
        name="lsun-128-residual",
        summary="a residual pair, WGAN-GP at 128x128",
        source="github.com/igul222/nn, wgan_imagenet128.py; Gulrajani et al. 2017, arXiv 1704.00028, figure 4",
        data="colour images, shown at 128x128 (LSUN bedrooms in the paper)",
        shape=(3, 128, 128),
        config=lsun_128_residual,
    ),
)
