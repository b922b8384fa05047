"""Presets for points in the plane, after ``gan_toy.py`` of the WGAN-GP release, and after PacGAN."""

from gradpen.config import Cadence, RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import Constraint, GradientPenalty, Unconstrained, WeightClipping
from gradpen.networks.blocks import Shape
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import NonSaturating, Wasserstein
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


def mixture_gan() -> RunConfig:
    """The GAN that PacGAN packs: 4 x 400 ReLU with batch norm against 3 x 200 maxout of 5, Adam 1e-4, beta1 0.8.

    Packing is ``pack=2`` with twice the batch, and so on. Their 400 epochs of 100,000 points are 400,000 iterations.
    Batch norm stands after all hidden layers but the first, where theirs has it after each. The generator's loss there
    has a term that does not depend on it, left out here.
    """
    adam = Adam(learning_rate=1e-4, beta1=0.8, beta2=0.999)
    return RunConfig(
        preset="mixture-gan",
        generator=MlpGenerator(
            latent_dim=2, widths=(400,) * 4, negative_slope=0, tanh=False, initialiser="normal-0.02"
        ),
        critic=MlpCritic(widths=(200,) * 3, maxout=5, initialiser="normal-0.02"),
        objective=NonSaturating(),
        constraint=Unconstrained(),
        generator_optimizer=adam,
        critic_optimizer=adam,
        critic_steps=1,
        batch_size=100,
        iterations=400_000,
        data=DataChoice(path="embedded:grid"),
        cadence=Cadence(log_every=2_000, sample_every=10_000, save_every=10_000),
    )


POINTS = "points in the plane: embedded:8gaussians, 25gaussians, swissroll, ring or grid, or one's own, unscaled"
PRESETS = (
    *(
        Preset(
            name=config().preset,
            summary=f"points in the plane, {words}",
            source=f"{IMPROVED}, gan_toy.py, mode {mode}",
            data=POINTS,
            shape=POINT,
            config=config,
        )
        for config, words, mode in (
            (toy_wgan_gp, "gradient penalty", "wgan-gp"),
            (toy_wgan, "weight clipping", "wgan"),
        )
    ),
    Preset(
        name="mixture-gan",
        summary="points in the plane, the GAN that PacGAN packs",
        source="Lin et al. 2018, arXiv 1712.04086, section 4.1; github.com/fjxmlzn/PacGAN",
        data=POINTS,
        shape=POINT,
        config=mixture_gan,
    ),
)
