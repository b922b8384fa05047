"""Presets after *Generative Deep Learning*, 2nd edition (D. Foster), chapter 4.

The notebooks are github.com/davidADSP/Generative_Deep_Learning_2nd_Edition. Their `LeakyReLU()` without an argument has
slope 0.3; their batch norm has momentum 0.9 (0.1 here) and eps 1e-3.
"""

from typing import Literal

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty, Unconstrained
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import NonSaturating, Wasserstein
from gradpen.optimizers import Adam
from gradpen.presets.preset import Preset

BOOK = "Foster, Generative Deep Learning, 2nd edition"


def normed(channels: int | None, *, way: Literal["down", "up"], stride: int = 2, valid: bool = False) -> Stage:
    """Return a 4x4 stage without bias, with the book's batch norm."""
    return Stage(
        channels=channels,
        way=way,
        stride=stride,
        valid=valid,
        bias=False,
        norm="batch",
        norm_eps=1e-3,
        norm_momentum=0.1,
    )


def book_generator(latent_dim: int, *, last_bias: bool) -> StagedGenerator:
    """Return the second edition's generator to 64x64: five 4x4 transposed convolutions, leaky ReLU 0.2, tanh."""
    return StagedGenerator(
        latent_dim=latent_dim,
        stages=(
            normed(512, way="up", stride=1, valid=True),
            *(normed(channels, way="up") for channels in (256, 128, 64)),
            Stage(way="up", bias=last_bias, activation="tanh"),
        ),
        initialiser="glorot-uniform",
    )


def dcgan_bricks() -> RunConfig:
    """DCGAN on grey 64x64 pictures of LEGO bricks (section 4.2 of the second edition).

    Adam 2e-4, beta1 0.5, batch 128, dropout 0.3. The notebook's noisy targets lie in [1, 1.1] and [-0.1, 0], outside
    the range in which cross-entropy is bounded; here real targets are drawn from [0.9, 1] and fake ones are 0
    (one-sided smoothing). ``--set objective.beyond_bounds=true "objective.real_targets=[1,1.1]"
    "objective.fake_targets=[-0.1,0]"`` is the notebook's form. There both players are updated from one forward pass;
    here the generator steps after the critic, on the same samples.
    """
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return RunConfig(
        preset="dcgan-bricks",
        generator=book_generator(100, last_bias=False),
        critic=StagedCritic(
            stages=(
                Stage(channels=64, bias=False, dropout=0.3),
                *(
                    Stage(channels=channels, bias=False, norm="batch", norm_eps=1e-3, norm_momentum=0.1, dropout=0.3)
                    for channels in (128, 256, 512)
                ),
                Stage(channels=1, stride=1, valid=True, bias=False, activation="none"),
            ),
            initialiser="glorot-uniform",
        ),
        objective=NonSaturating(real_targets=(0.9, 1.0)),
        constraint=Unconstrained(),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=1,
        share_samples=True,
        batch_size=128,
        iterations=93_600,
        data=DataChoice(path="embedded:bricks", size=(64, 64), fit="stretch"),
    )


def wgan_gp_faces() -> RunConfig:
    """WGAN-GP on 64x64 faces (section 4.3 of the second edition).

    Batch 512, Adam 2e-4, beta1 0.5, beta2 0.9, three critic steps, lambda 10, dropout 0.3 in the critic. The notebook
    draws epsilon from N(0, 1), so that two thirds of its points lie beyond the segment; here it is uniform. It takes
    its three critic steps on one batch; here each has its own. ``--set constraint.where=normal-line reuse_batch=true``
    is the notebook's form. Its 200 epochs of 2 steps are 400 updates.
    """
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.9)
    return RunConfig(
        preset="wgan-gp-faces",
        generator=book_generator(128, last_bias=True),
        critic=StagedCritic(
            stages=(
                Stage(channels=64),
                Stage(channels=128, negative_slope=0.3, dropout=0.3),
                Stage(channels=256, dropout=0.3),
                Stage(channels=512, dropout=0.3),
                Stage(channels=1, stride=1, valid=True, activation="none"),
            ),
            initialiser="glorot-uniform",
        ),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=3,
        batch_size=512,
        iterations=10_000,
        data=DataChoice(path="embedded:faces", size=(64, 64), fit="stretch"),
    )


def cgan_faces() -> RunConfig:
    """Conditional WGAN-GP on 64x64 faces, blond hair or not (section 4.4 of the second edition).

    The generator's latent of 32 has the one-hot label beside it, the critic's image one constant plane for each label.
    Batch 128, Adam 5e-5, beta1 0.5, beta2 0.9, three critic steps, lambda 10, 2,000 updates. The penalty's gradient is
    with respect to the image alone, with the batch's labels at the interpolates. The notebook's epsilon and its one
    batch for three steps are as in the ``wgan-gp-faces`` preset; its last cells compare labels with different latents,
    ``gradpen sample --labels all`` with the same ones.
    """
    optimizer = Adam(learning_rate=5e-5, beta1=0.5, beta2=0.9)
    return RunConfig(
        preset="cgan-faces",
        generator=StagedGenerator(
            latent_dim=32,
            labels="concatenate",
            stages=(
                normed(128, way="up", stride=1, valid=True),
                *(normed(channels, way="up") for channels in (128, 128, 64)),
                Stage(way="up", activation="tanh"),
            ),
            initialiser="glorot-uniform",
        ),
        critic=StagedCritic(
            labels="planes",
            stages=(
                Stage(channels=64),
                Stage(channels=128, negative_slope=0.3, dropout=0.3),
                Stage(channels=128, dropout=0.3),
                Stage(channels=128, dropout=0.3),
                Stage(channels=1, stride=1, valid=True, activation="none"),
            ),
            initialiser="glorot-uniform",
        ),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=3,
        batch_size=128,
        iterations=2_000,
        data=DataChoice(path="embedded:faces", size=(64, 64), fit="stretch", columns=("Blond_Hair",)),
    )


PRESETS = (
    Preset(
        name="dcgan-bricks",
        summary="DCGAN at 64x64",
        source=f"{BOOK}, section 4.2",
        data="grey pictures of objects, shown at 64x64",
        shape=(1, 64, 64),
        config=dcgan_bricks,
    ),
    Preset(
        name="wgan-gp-faces",
        summary="WGAN-GP at 64x64",
        source=f"{BOOK}, section 4.3",
        data="colour pictures of faces, shown at 64x64",
        shape=(3, 64, 64),
        config=wgan_gp_faces,
    ),
    Preset(
        name="cgan-faces",
        summary="conditional WGAN-GP at 64x64",
        source=f"{BOOK}, section 4.4",
        data="colour pictures of faces with attributes, shown at 64x64",
        shape=(3, 64, 64),
        config=cgan_faces,
        labels=2,
    ),
)
