"""Presets after github.com/eriklindernoren/PyTorch-GAN: MNIST models."""

from dataclasses import replace

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty, Unconstrained, WassersteinDivergence, WeightClipping
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.objectives import LeastSquares, NonSaturating, Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.presets.preset import Preset

PYTORCH_GAN = "github.com/eriklindernoren/PyTorch-GAN"


def wgan_mnist() -> RunConfig:
    """MLP WGAN with weight clipping on MNIST at 28x28, as PyTorch-GAN's ``wgan.py``.

    RMSProp 5e-5, c = 0.01, n_critic 5, batch 64; the original's 200 epochs are about 37,600 generator
    updates. Differences: fresh latents for the generator step, exactly five critic steps before each, and
    batch norm's eps 1e-5 where the original's second positional argument sets it to 0.8.
    """
    return RunConfig(
        preset="wgan-mnist",
        generator=MlpGenerator(),
        critic=MlpCritic(),
        objective=Wasserstein(),
        constraint=WeightClipping(threshold=0.01),
        generator_optimizer=RMSProp(learning_rate=5e-5),
        critic_optimizer=RMSProp(learning_rate=5e-5),
        iterations=37_600,
        data=DataChoice(size=(28, 28)),
    )


def wgan_gp_mnist() -> RunConfig:
    """MLP WGAN-GP on MNIST, as PyTorch-GAN's ``wgan_gp.py``, at 32x32 where that file's default is 28.

    Lambda 10, n_critic 5, batch 64, Adam 2e-4 with beta1 0.5 and beta2 0.999 (the paper has 1e-4, 0 or 0.5,
    0.9). Differences: fakes detached in the critic step, and those of the ``wgan-mnist`` preset.
    """
    return RunConfig(
        preset="wgan-gp-mnist",
        generator=MlpGenerator(),
        critic=MlpCritic(),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999),
        critic_optimizer=Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999),
        iterations=37_600,
        data=DataChoice(size=(32, 32)),
    )


def wgan_div_mnist() -> RunConfig:
    """MLP WGAN-div on MNIST at 28x28, as PyTorch-GAN's ``wgan_div.py``.

    Wu et al. 2018 (arXiv 1712.01026): k = 2, p = 6, penalty on data and samples themselves. Adam 2e-4 with beta1 0.5,
    n_critic 5, batch 64. Differences as in the ``wgan-gp-mnist`` preset.
    """
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return RunConfig(
        preset="wgan-div-mnist",
        generator=MlpGenerator(),
        critic=MlpCritic(),
        objective=Wasserstein(),
        constraint=WassersteinDivergence(k=2, power=6),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        iterations=37_600,
        data=DataChoice(size=(28, 28)),
    )


def cgan_mnist() -> RunConfig:
    """Conditional least-squares GAN on MNIST resized to 32x32, as PyTorch-GAN's ``cgan.py``.

    MLPs; an embedding of 10 numbers for each digit beside the latent and beside the flattened image. Adam 2e-4 with
    beta1 0.5, batch 64, 200 epochs or 187,600 updates. There samples have labels drawn uniformly, here those of the
    batch; there the generator steps first; batch norm's eps as in the ``wgan-mnist`` preset.
    """
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)
    return RunConfig(
        preset="cgan-mnist",
        generator=MlpGenerator(labels="embed"),
        critic=MlpCritic(widths=(512, 512, 512), dropout=0.4, labels="embed"),
        objective=LeastSquares(),
        constraint=Unconstrained(),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=1,
        share_samples=True,
        iterations=187_600,
        data=DataChoice(size=(32, 32)),
    )


def grow(channels: int) -> Stage:
    """Return a stage of ``dcgan.py``'s generator."""
    return Stage(channels=channels, kernel=3, way="upsample", norm="batch", norm_momentum=0.2)


def shrink(channels: int, *, norm: bool = True) -> Stage:
    """Return a stage of ``dcgan.py``'s discriminator."""
    return Stage(
        channels=channels,
        kernel=3,
        symmetric=True,
        norm="batch" if norm else "none",
        norm_momentum=0.2,
        dropout=0.25,
        dropout_maps=True,
        order=("activation", "dropout", "norm"),
    )


DCGAN_GENERATOR = StagedGenerator(
    latent_dim=100,
    first=(128, 8, 8),
    first_norm="batch",
    first_activation="none",
    stages=(grow(128), grow(64), Stage(kernel=3, stride=1, activation="tanh")),
    initialiser="normal-0.02",
)
DCGAN_CRITIC = StagedCritic(
    stages=(shrink(16, norm=False), shrink(32), shrink(64), shrink(128)), initialiser="normal-0.02"
)


def acgan_mnist() -> RunConfig:
    """AC-GAN on MNIST resized to 32x32, as PyTorch-GAN's ``acgan.py``: the ``dcgan-mnist`` networks with labels.

    The latent is multiplied by an embedding of the digit, and the discriminator's second output classifies data and
    samples; both losses weigh the same. There the class output goes through softmax and then through a cross-entropy
    that applies it again; here the cross-entropy sees logits. Samples have the batch's labels; there uniform ones.
    """
    return replace(
        dcgan_mnist(),
        preset="acgan-mnist",
        generator=replace(DCGAN_GENERATOR, labels="multiply"),
        critic=replace(DCGAN_CRITIC, labels="classify"),
        share_samples=False,
    )


def dcgan_mnist() -> RunConfig:
    """Convolutional GAN on MNIST resized to 32x32, as PyTorch-GAN's ``dcgan.py``: upsampling and 3x3 convolutions.

    Non-saturating loss, Adam 2e-4 with beta1 0.5, batch 64, N(0, 0.02) weights; 200 epochs are 187,600 updates. There
    most batch norms are written ``BatchNorm2d(n, 0.8)``, which sets eps; here eps is 1e-5 with the momentum meant
    (0.2). There the generator steps first; here the critic does.
    """
    optimizer = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999)

    return RunConfig(
        preset="dcgan-mnist",
        generator=DCGAN_GENERATOR,
        critic=DCGAN_CRITIC,
        objective=NonSaturating(),
        constraint=Unconstrained(),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=1,
        share_samples=True,
        iterations=187_600,
        data=DataChoice(size=(32, 32)),
    )


PRESETS = (
    Preset(
        name="wgan-gp-mnist",
        summary="MLP WGAN-GP on MNIST at 32x32",
        source=f"{PYTORCH_GAN}, wgan_gp.py",
        data="MNIST as idx files",
        shape=(1, 32, 32),
        config=wgan_gp_mnist,
    ),
    Preset(
        name="wgan-mnist",
        summary="MLP WGAN with weight clipping on MNIST at 28x28",
        source=f"{PYTORCH_GAN}, wgan.py",
        data="MNIST as idx files",
        shape=(1, 28, 28),
        config=wgan_mnist,
    ),
    Preset(
        name="wgan-div-mnist",
        summary="MLP WGAN-div on MNIST at 28x28",
        source=f"{PYTORCH_GAN}, wgan_div.py; Wu et al. 2018, arXiv 1712.01026",
        data="MNIST as idx files",
        shape=(1, 28, 28),
        config=wgan_div_mnist,
    ),
    Preset(
        name="cgan-mnist",
        summary="conditional least-squares GAN on MNIST at 32x32, MLPs",
        source=f"{PYTORCH_GAN}, cgan.py; Mirza & Osindero 2014, arXiv 1411.1784; Mao et al. 2017, arXiv 1611.04076",
        data="MNIST as idx files",
        shape=(1, 32, 32),
        labels=10,
        config=cgan_mnist,
    ),
    Preset(
        name="acgan-mnist",
        summary="AC-GAN on MNIST at 32x32",
        source=f"{PYTORCH_GAN}, acgan.py; Odena, Olah & Shlens 2017, arXiv 1610.09585",
        data="MNIST as idx files",
        shape=(1, 32, 32),
        labels=10,
        config=acgan_mnist,
    ),
    Preset(
        name="dcgan-mnist",
        summary="convolutional GAN on MNIST at 32x32, upsampling generator",
        source=f"{PYTORCH_GAN}, dcgan.py",
        data="MNIST as idx files",
        shape=(1, 32, 32),
        config=dcgan_mnist,
    ),
)
