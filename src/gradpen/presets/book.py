"""Presets after *Generative Deep Learning* (D. Foster), chapter 4 of both editions, and keras.io.

The notebooks are github.com/davidADSP/Generative_Deep_Learning_2nd_Edition and github.com/davidADSP/GDL_code. Their
`LeakyReLU()` without an argument has slope 0.3; their batch norm has momentum 0.9 (0.1 here) and eps 1e-3.
"""

from collections.abc import Callable
from typing import Literal

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty, Unconstrained, WeightClipping
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import NonSaturating, Wasserstein
from gradpen.optimizers import Adam, RmsProp
from gradpen.presets.preset import Preset

BOOK = "Foster, Generative Deep Learning, 2nd edition"
FIRST_EDITION = "Foster, Generative Deep Learning, 1st edition"


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
    here the generator steps after the critic, on new latents.
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
        generator_optimizer=RmsProp(learning_rate=5e-5),
        critic_optimizer=RmsProp(learning_rate=5e-5),
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
        generator_optimizer=RmsProp(learning_rate=4e-4, alpha=0.9, eps=1e-7),
        critic_optimizer=RmsProp(learning_rate=8e-4, alpha=0.9, eps=1e-7),
        critic_steps=1,
        iterations=6_000,
        data=DataChoice(size=(28, 28)),
    )


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


def entry(
    name: str,
    summary: str,
    source: str,
    data: str,
    shape: tuple[int, int, int],
    config: Callable[[], RunConfig],
    labels: int = 0,
) -> Preset:
    """Return a row of the table below."""
    return Preset(name=name, summary=summary, source=source, data=data, shape=shape, config=config, labels=labels)


BRICKS, FACES = "grey pictures of objects, shown at 64x64", "colour pictures of faces, shown at 64x64"
PRESETS = (
    entry("dcgan-bricks", "DCGAN at 64x64", f"{BOOK}, section 4.2", BRICKS, (1, 64, 64), dcgan_bricks),
    entry("wgan-gp-faces", "WGAN-GP at 64x64", f"{BOOK}, section 4.3", FACES, (3, 64, 64), wgan_gp_faces),
    entry(
        "cgan-faces",
        "conditional WGAN-GP at 64x64",
        f"{BOOK}, section 4.4",
        "colour pictures of faces with attributes, shown at 64x64",
        (3, 64, 64),
        cgan_faces,
        2,
    ),
    entry(
        "wgan-gp-faces-2019",
        "WGAN-GP at 64x64, 5x5 convolutions",
        f"{FIRST_EDITION}, chapter 4",
        FACES,
        (3, 64, 64),
        wgan_gp_faces_2019,
    ),
    entry(
        "wgan-horses",
        "WGAN with weight clipping at 32x32",
        f"{FIRST_EDITION}, chapter 4",
        "colour pictures of one kind at 32x32 (CIFAR-10's horses)",
        (3, 32, 32),
        wgan_horses,
    ),
    entry(
        "gan-camel",
        "GAN at 28x28",
        f"{FIRST_EDITION}, chapter 4",
        "grey line drawings at 28x28 (Quick, Draw!)",
        (1, 28, 28),
        gan_camel,
    ),
    entry(
        "wgan-gp-fashion",
        "WGAN-GP on Fashion-MNIST at 28x28",
        "keras.io, examples/generative/wgan_gp.py",
        "Fashion-MNIST as idx files",
        (1, 28, 28),
        wgan_gp_fashion,
    ),
)
