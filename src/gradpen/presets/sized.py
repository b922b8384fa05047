"""Presets whose networks are sized from the data: any image trains with them."""

from gradpen.config import RunConfig
from gradpen.lipschitz import GradientPenalty, Unconstrained, WeightClipping
from gradpen.networks.blocks import Shape
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import NonSaturating, Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.presets.preset import Preset

IMAGES = "images of any size and 1 to 4 channels"
DIGITS: Shape = (1, 8, 8)


def wgan_gp() -> RunConfig:
    """WGAN-GP for images of any size: DCGAN shape, batch norm in the generator only.

    Gulrajani et al. 2017 (arXiv 1704.00028), Algorithm 1: lambda 10, n_critic 5, Adam with beta1 0 and beta2
    0.9. The learning rate is 2e-4, as in the release's CIFAR-10 ResNet, where Algorithm 1 has 1e-4.
    """
    return RunConfig(
        preset="wgan-gp",
        generator=DcganGenerator(),
        critic=DcganCritic(),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=Adam(learning_rate=2e-4),
        critic_optimizer=Adam(learning_rate=2e-4),
    )


def wgan() -> RunConfig:
    """WGAN with weight clipping for images of any size: DCGAN shape with batch norm in both networks.

    Arjovsky et al. 2017 (arXiv 1701.07875), Algorithm 1: RMSProp 5e-5, c = 0.01, n_critic 5, batch 64. The
    paper clips after the optimiser step; its released code clips before, which is not followed.
    """
    return RunConfig(
        preset="wgan",
        generator=DcganGenerator(latent_dim=100, initialiser="normal-0.02"),
        critic=DcganCritic(norm="batch", initialiser="normal-0.02"),
        objective=Wasserstein(),
        constraint=WeightClipping(threshold=0.01),
        generator_optimizer=RMSProp(),
        critic_optimizer=RMSProp(),
    )


def gan() -> RunConfig:
    """Non-saturating GAN for images of any size, with DCGAN's networks and hyperparameters.

    Radford, Metz & Chintala 2016 (arXiv 1511.06434), section 4: Adam 2e-4, beta1 0.5, N(0, 0.02) weights.
    One discriminator step per generator step.
    """
    return RunConfig(
        preset="gan",
        generator=DcganGenerator(latent_dim=100, initialiser="normal-0.02"),
        critic=DcganCritic(norm="batch", initialiser="normal-0.02"),
        objective=NonSaturating(),
        constraint=Unconstrained(),
        generator_optimizer=Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999),
        critic_optimizer=Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999),
        critic_steps=1,
    )


def wgan_gp_digits() -> RunConfig:
    """MLP WGAN-GP for very small images such as the embedded 8x8 digits; legible in minutes on two cores.

    Not a published run: Algorithm 1 of Gulrajani et al. 2017 (lambda 10, n_critic 5, batch 64, beta2 0.9) with
    networks and a learning rate chosen on the digits. At 8x8 pixels an MLP comes closer to held-out data in a minute
    than DCGAN-shaped networks do in five (docs/log.md).
    """
    optimizer = Adam(learning_rate=1e-3, beta1=0.5, beta2=0.9)
    return RunConfig(
        preset="wgan-gp-digits",
        generator=MlpGenerator(latent_dim=64, widths=(256, 256)),
        critic=MlpCritic(widths=(256, 256, 256)),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        iterations=8_000,
    )


PRESETS = (
    Preset(
        name="wgan-gp",
        summary="WGAN-GP, DCGAN-shaped networks sized from the data",
        source="Gulrajani et al. 2017, arXiv 1704.00028, Algorithm 1",
        data=IMAGES,
        shape=DIGITS,
        config=wgan_gp,
    ),
    Preset(
        name="wgan",
        summary="WGAN with weight clipping, DCGAN-shaped networks sized from the data",
        source="Arjovsky, Chintala & Bottou 2017, arXiv 1701.07875, Algorithm 1",
        data=IMAGES,
        shape=DIGITS,
        config=wgan,
    ),
    Preset(
        name="gan",
        summary="non-saturating GAN, DCGAN-shaped networks sized from the data",
        source="Radford, Metz & Chintala 2016, arXiv 1511.06434; Goodfellow et al. 2014, arXiv 1406.2661",
        data=IMAGES,
        shape=DIGITS,
        config=gan,
    ),
    Preset(
        name="wgan-gp-digits",
        summary="MLP WGAN-GP for very small images",
        source="Algorithm 1 of Gulrajani et al. 2017, arXiv 1704.00028, with networks chosen on the embedded digits",
        data="images of about 8x8",
        shape=DIGITS,
        config=wgan_gp_digits,
    ),
)
