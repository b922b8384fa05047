"""Presets after *Generative Deep Learning*, 1st edition (D. Foster), chapter 4.

The notebooks are github.com/davidADSP/GDL_code; their batch norm has eps 1e-3.
"""

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty, Unconstrained, WeightClipping
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import NonSaturating, Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.presets.preset import Preset

BOOK = "Foster, Generative Deep Learning, 1st edition, chapter 4"


def wgan_gp_faces_2019() -> RunConfig:
    """WGAN-GP on 64x64 faces (chapter 4 of the first edition): 5x5 convolutions, Adam 2e-4 with beta1 0.5, batch 64."""
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return RunConfig(
        preset="wgan-gp-faces-2019",
        generator=StagedGenerator(
            latent_dim=100,
            first=(512, 4, 4),
            first_norm="batch-features",
            norm_eps=1e-3,
            first_activation="leaky-relu",
            stages=(
                *(
                    Stage(channels=channels, kernel=5, way="up", norm="batch", norm_eps=1e-3)
                    for channels in (256, 128, 64)
                ),
                Stage(kernel=5, way="up", activation="tanh"),
            ),
            initialiser="normal-0.02",
        ),
        critic=StagedCritic(
            stages=tuple(Stage(channels=channels, kernel=5) for channels in (64, 128, 256, 512)),
            initialiser="normal-0.02",
        ),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        iterations=6_000,
        data=DataChoice(path="embedded:faces", size=(64, 64), fit="stretch"),
    )


def wgan_horses() -> RunConfig:
    """WGAN with weight clipping on 32x32 pictures of horses (chapter 4 of the first edition).

    RMSProp 5e-5, c = 0.01, n_critic 5, batch 128, 6,000 updates. There data and samples are two optimiser steps and
    moving statistics are clipped too; here they are one joint loss, and parameters alone are clipped.
    """
    return RunConfig(
        preset="wgan-horses",
        generator=StagedGenerator(
            latent_dim=100,
            first=(128, 4, 4),
            first_norm="batch-features",
            norm_eps=1e-3,
            norm_momentum=0.2,
            first_activation="leaky-relu",
            stages=(
                *(
                    Stage(channels=channels, kernel=5, way="upsample", norm="batch", norm_eps=1e-3, norm_momentum=0.2)
                    for channels in (128, 64, 32)
                ),
                Stage(kernel=5, stride=1, activation="tanh"),
            ),
            initialiser="normal-0.02",
        ),
        critic=StagedCritic(
            stages=(
                *(Stage(channels=channels, kernel=5) for channels in (32, 64, 128)),
                Stage(channels=128, kernel=5, stride=1),
            ),
            initialiser="normal-0.02",
        ),
        objective=Wasserstein(),
        constraint=WeightClipping(threshold=0.01),
        generator_optimizer=RMSProp(learning_rate=5e-5),
        critic_optimizer=RMSProp(learning_rate=5e-5),
        batch_size=128,
        iterations=6_000,
        data=DataChoice(path="embedded:faces", size=(32, 32)),
    )


def gan_camel() -> RunConfig:
    """GAN on 28x28 line drawings of camels (chapter 4 of the first edition).

    RMSProp 8e-4 for the discriminator and 4e-4 for the generator, batch 64, dropout 0.4, 6,000 updates.
    """
    return RunConfig(
        preset="gan-camel",
        generator=StagedGenerator(
            latent_dim=100,
            first=(64, 7, 7),
            first_norm="batch-features",
            norm_eps=1e-3,
            stages=(
                *(
                    Stage(channels=channels, kernel=5, way="upsample", norm="batch", norm_eps=1e-3, activation="relu")
                    for channels in (128, 64)
                ),
                Stage(channels=64, kernel=5, stride=1, way="up", norm="batch", norm_eps=1e-3, activation="relu"),
                Stage(kernel=5, stride=1, way="up", activation="tanh"),
            ),
            initialiser="normal-0.02",
        ),
        critic=StagedCritic(
            stages=tuple(
                Stage(channels=channels, kernel=5, stride=stride, activation="relu", dropout=0.4)
                for channels, stride in ((64, 2), (64, 2), (128, 2), (128, 1))
            ),
            initialiser="normal-0.02",
        ),
        objective=NonSaturating(),
        constraint=Unconstrained(),
        generator_optimizer=RMSProp(learning_rate=4e-4, alpha=0.9, eps=1e-7),
        critic_optimizer=RMSProp(learning_rate=8e-4, alpha=0.9, eps=1e-7),
        critic_steps=1,
        iterations=6_000,
        data=DataChoice(size=(28, 28)),
    )


PRESETS = (
    Preset(
        name="wgan-gp-faces-2019",
        summary="WGAN-GP at 64x64, 5x5 convolutions",
        source=BOOK,
        data="colour pictures of faces, shown at 64x64",
        shape=(3, 64, 64),
        config=wgan_gp_faces_2019,
    ),
    Preset(
        name="wgan-horses",
        summary="WGAN with weight clipping at 32x32",
        source=BOOK,
        data="colour pictures of one kind at 32x32 (CIFAR-10's horses)",
        shape=(3, 32, 32),
        config=wgan_horses,
    ),
    Preset(
        name="gan-camel",
        summary="GAN at 28x28",
        source=BOOK,
        data="grey line drawings at 28x28 (Quick, Draw!)",
        shape=(1, 28, 28),
        config=gan_camel,
    ),
)
