"""Published runs by name, each a function that returns its configuration."""

from collections.abc import Callable
from dataclasses import dataclass

from gradpen.config import RunConfig
from gradpen.data.open import DataChoice
from gradpen.errors import UsageError
from gradpen.lipschitz import GradientPenalty, Unconstrained, WeightClipping
from gradpen.names import nearest, safe_name
from gradpen.networks.blocks import Shape
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import NonSaturating, Wasserstein
from gradpen.optimizers import Adam, RmsProp


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named configuration and where it comes from."""

    name: str
    summary: str
    source: str
    data: str
    """what data it is meant for"""
    shape: Shape
    """image shape at which its parameters are counted: the published one, or the embedded digits'"""
    config: Callable[[], RunConfig]


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
        generator_optimizer=RmsProp(),
        critic_optimizer=RmsProp(),
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
        generator_optimizer=RmsProp(learning_rate=5e-5),
        critic_optimizer=RmsProp(learning_rate=5e-5),
        iterations=37_600,
        data=DataChoice(size=(28, 28)),
    )


def wgan_gp_mnist() -> RunConfig:
    """MLP WGAN-GP on MNIST resized to 32x32, as PyTorch-GAN's ``wgan_gp.py``.

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


PYTORCH_GAN = "github.com/eriklindernoren/PyTorch-GAN"
IMAGES = "images of any size and 1 to 4 channels"
DIGITS: Shape = (1, 8, 8)

PRESETS = (
    Preset(
        name="wgan-gp",
        summary="WGAN-GP, DCGAN-shaped networks sized from the data (the default)",
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
        summary="MLP WGAN-GP for very small images (the demo)",
        source="Algorithm 1 of Gulrajani et al. 2017, arXiv 1704.00028, with networks chosen on the embedded digits",
        data="images of about 8x8",
        shape=DIGITS,
        config=wgan_gp_digits,
    ),
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
)


def find(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        UsageError: there is none; the nearest name is given.

    >>> find("wgan-gp").config().constraint
    GradientPenalty(name='gradient-penalty', weight=10.0, one_sided=False)
    """
    names = [preset.name for preset in PRESETS]
    if name not in names:
        raise UsageError(f"there is no preset '{safe_name(name)}' among {', '.join(names)}{nearest(name, names)}")
    return PRESETS[names.index(name)]


def parameter_counts(preset: Preset) -> tuple[int, int]:
    """Return the trainable parameters of generator and critic at the preset's image shape."""
    config = preset.config()
    networks = (config.generator.build(preset.shape), config.critic.build(preset.shape))
    generator, critic = (sum(p.numel() for p in network.parameters()) for network in networks)
    return generator, critic
