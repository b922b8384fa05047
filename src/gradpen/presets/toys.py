"""Presets for points in the plane, after ``gan_toy.py`` of the WGAN-GP release."""

from gradpen.config import Cadence, RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import Constraint, GradientPenalty, WeightClipping
from gradpen.networks.blocks import Shape
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam, RMSProp
from gradpen.presets.papers import IMPROVED
from gradpen.presets.preset import Preset

POINT: Shape = (1, 1, 2)


def toy(name: str, constraint: Constraint, optimizer: Adam | RMSProp) -> RunConfig:
    """Return what both modes share: three hidden layers of 512 with ReLU in either network, two latents, batch 256."""
    return RunConfig(
        preset=name,
        generator=MlpGenerator(
            latent_dim=2,
            widths=(512, 512, 512),
            batch_norm=False,
            negative_slope=0,
            tanh=False,
            initialiser="he-uniform",
        ),
        critic=MlpCritic(widths=(512, 512, 512), negative_slope=0, initialiser="he-uniform"),
        objective=Wasserstein(),
        constraint=constraint,
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        batch_size=256,
        iterations=100_000,
        data=DataChoice(path="embedded:8gaussians"),
        cadence=Cadence(log_every=500, sample_every=2_000, save_every=2_000),
    )


def toy_wgan_gp() -> RunConfig:
    """The mode ``wgan-gp``: Adam 1e-4, beta1 0.5, beta2 0.9, five critic steps, lambda 0.1.

    The script says of that weight that it makes things faster for toys; the paper has 10 for everything. The script's
    last layers begin by Glorot; here all begin by He, which differs by less than a hundredth at these widths.
    """
    return toy("toy-wgan-gp", GradientPenalty(weight=0.1), Adam(learning_rate=1e-4, beta1=0.5, beta2=0.9))


def toy_wgan() -> RunConfig:
    """The mode ``wgan``: RMSProp 5e-5 in TensorFlow's form, five critic steps, clip 0.01."""
    optimizer = RMSProp(learning_rate=5e-5, alpha=0.9, eps=1e-10, form="tensorflow")
    return toy("toy-wgan", WeightClipping(threshold=0.01), optimizer)


PRESETS = tuple(
    Preset(
        name=config().preset,
        summary=f"points in the plane, {words}",
        source=f"{IMPROVED}, gan_toy.py, mode {mode}",
        data="points in the plane: embedded:8gaussians, 25gaussians, swissroll, ring or grid, or one's own, unscaled",
        shape=POINT,
        config=config,
    )
    for config, words, mode in (
        (toy_wgan_gp, "gradient penalty", "wgan-gp"),
        (toy_wgan, "weight clipping", "wgan"),
    )
)
