"""Presets after the released code of the two Wasserstein GAN papers."""

from dataclasses import replace
from typing import Literal

from gradpen.config import CriticWarmUp, RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty, Unconstrained, WeightClipping
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import NonSaturating, Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.presets.preset import Preset

IMPROVED = "github.com/igul222/improved_wgan_training"
WASSERSTEIN = "github.com/martinarjovsky/WassersteinGAN"


def mnist_64(
    name: str,
    objective: Wasserstein | NonSaturating,
    constraint: Unconstrained | WeightClipping | GradientPenalty,
    optimizer: Adam | RMSProp,
    *,
    critic_steps: int,
    batch_norm: bool,
) -> RunConfig:
    """Return what the three modes of ``gan_mnist.py`` share: 5x5 convolutions, DIM 64, batch 50, a sigmoid output.

    The generator's 8x8 maps are cropped to 7x7. The release trains on pixels in [0, 1]; here the sigmoid's range is
    stretched to the data's [-1, 1], so slopes per data unit are half of those there.
    """
    norm: Literal["batch", "none"] = "batch" if batch_norm else "none"
    return RunConfig(
        preset=name,
        generator=StagedGenerator(
            latent_dim=128,
            first=(256, 4, 4),
            first_norm="batch-features" if batch_norm else "none",
            stages=(
                Stage(channels=128, kernel=5, way="up", norm=norm, activation="relu", crop=7),
                Stage(channels=64, kernel=5, way="up", norm=norm, activation="relu"),
                Stage(kernel=5, way="up", activation="sigmoid-range"),
            ),
            initialiser="he-uniform",
        ),
        critic=StagedCritic(
            stages=(
                Stage(channels=64, kernel=5),
                Stage(channels=128, kernel=5, norm=norm),
                Stage(channels=256, kernel=5, norm=norm),
            ),
            initialiser="he-uniform",
        ),
        objective=objective,
        constraint=constraint,
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=critic_steps,
        batch_size=50,
        iterations=200_000,
        data=DataChoice(size=(28, 28)),
    )


def mnist_64_wgan_gp() -> RunConfig:
    """The mode ``wgan-gp`` of ``gan_mnist.py``: no norm layers, Adam 1e-4, beta1 0.5, beta2 0.9, lambda 10."""
    optimizer = Adam(learning_rate=1e-4, beta1=0.5, beta2=0.9)
    return mnist_64(
        "mnist-64-wgan-gp", Wasserstein(), GradientPenalty(weight=10), optimizer, critic_steps=5, batch_norm=False
    )


def mnist_64_wgan() -> RunConfig:
    """The mode ``wgan`` of ``gan_mnist.py``: batch norm in both networks, RMSProp 5e-5, clip 0.01.

    TensorFlow's RMSProp in TensorFlow's form.
    """
    optimizer = RMSProp(learning_rate=5e-5, alpha=0.9, eps=1e-10, form="tensorflow")
    return mnist_64(
        "mnist-64-wgan", Wasserstein(), WeightClipping(threshold=0.01), optimizer, critic_steps=5, batch_norm=True
    )


def mnist_64_gan() -> RunConfig:
    """The mode ``dcgan`` of ``gan_mnist.py``: no norm layers, Adam 2e-4, beta1 0.5, one discriminator step."""
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return mnist_64("mnist-64-gan", NonSaturating(), Unconstrained(), optimizer, critic_steps=1, batch_norm=False)


def wgan_lsun() -> RunConfig:
    """The DCGAN pair of the WGAN release at 64x64, clipped: RMSProp 5e-5, c = 0.01, n_critic 5, batch 64.

    As in the release (and not in the paper's algorithm), 100 critic steps are taken instead of 5 in the first 25
    iterations and every 500th; ``--set critic_warm_up=null`` leaves that out. There weights are clipped before the
    optimiser step; here after it, as Algorithm 1 has it.
    """
    return RunConfig(
        preset="wgan-lsun",
        generator=StagedGenerator(
            latent_dim=100,
            stages=(
                Stage(channels=512, stride=1, way="up", valid=True, bias=False, norm="batch", activation="relu"),
                *(
                    Stage(channels=channels, way="up", bias=False, norm="batch", activation="relu")
                    for channels in (256, 128, 64)
                ),
                Stage(way="up", bias=False, activation="tanh"),
            ),
            initialiser="normal-0.02",
        ),
        critic=StagedCritic(
            stages=(
                Stage(channels=64, bias=False),
                *(Stage(channels=channels, bias=False, norm="batch") for channels in (128, 256, 512)),
                Stage(channels=1, stride=1, valid=True, bias=False, activation="none"),
            ),
            initialiser="normal-0.02",
        ),
        objective=Wasserstein(),
        constraint=WeightClipping(threshold=0.01),
        generator_optimizer=RMSProp(learning_rate=5e-5),
        critic_optimizer=RMSProp(learning_rate=5e-5),
        critic_warm_up=CriticWarmUp(),
        iterations=200_000,
        data=DataChoice(path="embedded:faces", size=(64, 64)),
    )


def wgan_lsun_mlp_generator() -> RunConfig:
    """The same critic with the release's MLP generator of three hidden layers of 512, without tanh (figure 3).

    The caption of the paper's figure 3 says four hidden layers; the released code has three.
    """
    return replace(
        wgan_lsun(),
        preset="wgan-lsun-mlp-generator",
        generator=MlpGenerator(widths=(512, 512, 512), batch_norm=False, negative_slope=0, tanh=False),
    )


def wgan_lsun_mlp() -> RunConfig:
    """MLPs of three hidden layers of 512 as generator and critic (figure 3, the pair whose training failed).

    The paper's run had a "substantially high" learning rate that it does not state; here it is the usual 5e-5. The
    release leaves PyTorch's initialisation, as here.
    """
    return replace(
        wgan_lsun_mlp_generator(),
        preset="wgan-lsun-mlp",
        critic=MlpCritic(widths=(512, 512, 512), negative_slope=0),
    )


PRESETS = (
    Preset(
        name="mnist-64-wgan-gp",
        summary="convolutional WGAN-GP on MNIST at 28x28",
        source=f"{IMPROVED}, gan_mnist.py, mode wgan-gp",
        data="MNIST as idx files",
        shape=(1, 28, 28),
        config=mnist_64_wgan_gp,
    ),
    Preset(
        name="mnist-64-wgan",
        summary="convolutional WGAN with weight clipping on MNIST at 28x28",
        source=f"{IMPROVED}, gan_mnist.py, mode wgan",
        data="MNIST as idx files",
        shape=(1, 28, 28),
        config=mnist_64_wgan,
    ),
    Preset(
        name="mnist-64-gan",
        summary="convolutional GAN on MNIST at 28x28",
        source=f"{IMPROVED}, gan_mnist.py, mode dcgan",
        data="MNIST as idx files",
        shape=(1, 28, 28),
        config=mnist_64_gan,
    ),
    Preset(
        name="wgan-lsun",
        summary="DCGAN pair with weight clipping at 64x64",
        source=f"{WASSERSTEIN}, models/dcgan.py; Arjovsky, Chintala & Bottou 2017, arXiv 1701.07875",
        data="colour images, shown at 64x64 (LSUN bedrooms in the paper)",
        shape=(3, 64, 64),
        config=wgan_lsun,
    ),
    Preset(
        name="wgan-lsun-mlp-generator",
        summary="MLP generator against the DCGAN critic, weight clipping, at 64x64",
        source=f"{WASSERSTEIN}, models/mlp.py; Arjovsky, Chintala & Bottou 2017, arXiv 1701.07875, figure 3",
        data="colour images, shown at 64x64 (LSUN bedrooms in the paper)",
        shape=(3, 64, 64),
        config=wgan_lsun_mlp_generator,
    ),
    Preset(
        name="wgan-lsun-mlp",
        summary="MLP pair with weight clipping at 64x64",
        source=f"{WASSERSTEIN}, models/mlp.py; Arjovsky, Chintala & Bottou 2017, arXiv 1701.07875, figure 3",
        data="colour images, shown at 64x64 (LSUN bedrooms in the paper)",
        shape=(3, 64, 64),
        config=wgan_lsun_mlp,
    ),
)
