"""Preset after keras.io's WGAN-GP example (github.com/keras-team/keras-io, ``examples/generative/wgan_gp.py``)."""

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam
from gradpen.presets.preset import Preset


def wgan_gp_fashion() -> RunConfig:
    """WGAN-GP on Fashion-MNIST, after keras.io's example ``wgan_gp.py``: batch 512, three critic steps, lambda 10.

    Images are padded to 32x32 for the critic and the generator's 32x32 are cropped to 28x28, both at the centre; batch
    norm stands before the generator's tanh. Stored versions draw epsilon from N(0, 1), corrected there in 2023.
    """
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.9)

    def up(channels: int | None, *, last: bool = False) -> Stage:
        return Stage(
            channels=channels,
            kernel=3,
            way="upsample",
            bias=False,
            norm="batch",
            norm_eps=1e-3,
            norm_momentum=0.01,
            activation="tanh" if last else "leaky-relu",
            crop=28 if last else None,
            crop_centre=last,
        )

    return RunConfig(
        preset="wgan-gp-fashion",
        generator=StagedGenerator(
            latent_dim=128,
            first=(256, 4, 4),
            first_bias=False,
            first_norm="batch-features",
            norm_eps=1e-3,
            norm_momentum=0.01,
            first_activation="leaky-relu",
            stages=(up(128), up(64), up(None, last=True)),
            initialiser="glorot-uniform",
        ),
        critic=StagedCritic(
            pad_to=32,
            stages=(
                Stage(channels=64, kernel=5),
                Stage(channels=128, kernel=5, dropout=0.3),
                Stage(channels=256, kernel=5, dropout=0.3),
                Stage(channels=512, kernel=5),
            ),
            last_dropout=0.2,
            initialiser="glorot-uniform",
        ),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=3,
        batch_size=512,
        iterations=780,
        data=DataChoice(size=(28, 28)),
    )


PRESETS = (
    Preset(
        name="wgan-gp-fashion",
        summary="WGAN-GP on Fashion-MNIST at 28x28",
        source="keras.io, examples/generative/wgan_gp.py",
        data="Fashion-MNIST as idx files",
        shape=(1, 28, 28),
        config=wgan_gp_fashion,
    ),
)
