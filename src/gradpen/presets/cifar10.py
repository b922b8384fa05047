"""Presets after the CIFAR-10 scripts of Gulrajani et al. 2017 (arXiv 1704.00028): figure 3 and table 3."""

from dataclasses import replace

from gradpen.auxiliary import ClassLoss
from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import Constraint, GradientPenalty, Unconstrained, WeightClipping
from gradpen.networks.residual import ResidualCritic, ResidualGenerator
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import NonSaturating, Objective, Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.presets.papers import IMPROVED
from gradpen.presets.preset import Preset
from gradpen.schedule import Schedule

DATA = DataChoice(path="embedded:faces", size=(32, 32), channels=3)
SHAPE = (3, 32, 32)
LIKE_TENSORFLOW = RMSProp(learning_rate=5e-5, alpha=0.9, eps=1e-10, form="tensorflow")


def convolutional(
    name: str, objective: Objective, constraint: Constraint, optimizer: Adam | RMSProp, *, steps: int, batch_norm: bool
) -> RunConfig:
    """Return what the four curves of figure 3 share: ``gan_cifar.py``, 5x5 convolutions, DIM 128, batch 64.

    Batch norm in the generator always; in the critic wherever no gradient is penalised.
    """
    return RunConfig(
        preset=name,
        generator=StagedGenerator(
            latent_dim=128,
            first=(512, 4, 4),
            first_norm="batch-features",
            stages=(
                Stage(channels=256, kernel=5, way="up", norm="batch", activation="relu"),
                Stage(channels=128, kernel=5, way="up", norm="batch", activation="relu"),
                Stage(kernel=5, way="up", activation="tanh"),
            ),
            initialiser="he-uniform",
        ),
        critic=StagedCritic(
            stages=(
                Stage(channels=128, kernel=5),
                Stage(channels=256, kernel=5, norm="batch" if batch_norm else "none"),
                Stage(channels=512, kernel=5, norm="batch" if batch_norm else "none"),
            ),
            initialiser="he-uniform",
        ),
        objective=objective,
        constraint=constraint,
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=steps,
        iterations=200_000,
        data=DATA,
    )


def cifar10_wgan_gp() -> RunConfig:
    """WGAN-GP with Adam 1e-4, beta1 0.5, beta2 0.9 and lambda 10: the best penalised curve of figure 3."""
    adam = Adam(learning_rate=1e-4, beta1=0.5, beta2=0.9)
    return convolutional("cifar10-wgan-gp", Wasserstein(), GradientPenalty(weight=10), adam, steps=5, batch_norm=False)


def cifar10_wgan_gp_rmsprop() -> RunConfig:
    """WGAN-GP with the optimiser of weight clipping, RMSProp 5e-5: what the constraint alone changes (figure 3)."""
    return convolutional(
        "cifar10-wgan-gp-rmsprop",
        Wasserstein(),
        GradientPenalty(weight=10),
        LIKE_TENSORFLOW,
        steps=5,
        batch_norm=False,
    )


def cifar10_wgan() -> RunConfig:
    """WGAN with weight clipping at 0.01, RMSProp 5e-5 and batch norm in both networks (figure 3)."""
    return convolutional(
        "cifar10-wgan", Wasserstein(), WeightClipping(threshold=0.01), LIKE_TENSORFLOW, steps=5, batch_norm=True
    )


def cifar10_gan() -> RunConfig:
    """DCGAN with Adam 2e-4, beta1 0.5, one discriminator step and batch norm in both networks (figure 3)."""
    adam = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return convolutional("cifar10-gan", NonSaturating(), Unconstrained(), adam, steps=1, batch_norm=True)


def cifar10_residual() -> RunConfig:
    """The residual pair of table 3 (Inception score 7.86 ± 0.07 there), after ``gan_cifar_resnet.py``.

    Width 128, batch norm in the generator, no norm in the critic, lambda 10, five critic steps of 64 images and
    generator steps of 128 samples; Adam 2e-4, beta1 0, beta2 0.9, the rate falling to zero along a line; noise of one
    grey level in the pixels. Blocks enlarge before their first convolution, as the script does; the paper says before
    the second.
    """
    adam = Adam(learning_rate=Schedule(shape="linear", start=2e-4, end=0.0), beta1=0.0, beta2=0.9)
    return RunConfig(
        preset="cifar10-residual",
        generator=ResidualGenerator(),
        critic=ResidualCritic(),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=adam,
        critic_optimizer=adam,
        generator_batches=2,
        iterations=100_000,
        data=replace(DATA, dequantise=True),
    )


def cifar10_residual_labels() -> RunConfig:
    """The same pair told the ten classes (8.42 ± 0.10 in table 3): conditional batch norm and AC-GAN.

    The critic learns classes from data alone, weight 1; the generator's weight is 0.1. Samples take the labels of the
    data's batch where the script draws classes evenly, which is the same on CIFAR-10.
    """
    return replace(
        cifar10_residual(),
        preset="cifar10-residual-labels",
        generator=ResidualGenerator(labels="norm"),
        critic=ResidualCritic(labels="classify"),
        class_loss=ClassLoss(critic_weight=1.0, generator_weight=0.1, on_samples=False),
        data=DataChoice(path="embedded:bricks", size=(32, 32), dequantise=True),
    )


PRESETS = (
    Preset(
        name="cifar10-wgan-gp",
        summary="convolutional WGAN-GP on CIFAR-10, Adam",
        source=f"{IMPROVED}, gan_cifar.py, mode wgan-gp",
        data="CIFAR-10",
        shape=SHAPE,
        config=cifar10_wgan_gp,
    ),
    Preset(
        name="cifar10-wgan-gp-rmsprop",
        summary="convolutional WGAN-GP on CIFAR-10, RMSProp",
        source="Gulrajani et al. 2017, arXiv 1704.00028, figure 3",
        data="CIFAR-10",
        shape=SHAPE,
        config=cifar10_wgan_gp_rmsprop,
    ),
    Preset(
        name="cifar10-wgan",
        summary="convolutional WGAN with weight clipping on CIFAR-10",
        source=f"{IMPROVED}, gan_cifar.py, mode wgan",
        data="CIFAR-10",
        shape=SHAPE,
        config=cifar10_wgan,
    ),
    Preset(
        name="cifar10-gan",
        summary="DCGAN on CIFAR-10",
        source=f"{IMPROVED}, gan_cifar.py, mode dcgan",
        data="CIFAR-10",
        shape=SHAPE,
        config=cifar10_gan,
    ),
    Preset(
        name="cifar10-residual",
        summary="residual WGAN-GP on CIFAR-10",
        source=f"{IMPROVED}, gan_cifar_resnet.py",
        data="CIFAR-10",
        shape=SHAPE,
        config=cifar10_residual,
    ),
    Preset(
        name="cifar10-residual-labels",
        summary="residual AC-GAN with gradient penalty on CIFAR-10",
        source=f"{IMPROVED}, gan_cifar_resnet.py with ACGAN; Odena, Olah & Shlens 2017, arXiv 1610.09585",
        data="CIFAR-10 and its ten classes",
        shape=SHAPE,
        labels=10,
        config=cifar10_residual_labels,
    ),
)
