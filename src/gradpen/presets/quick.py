"""The preset for one's own data: the nearest to good pictures that minutes of a laptop allow, as measured."""

from dataclasses import replace

from gradpen.config import Cadence, RunConfig
from gradpen.lipschitz import GradientPenalty
from gradpen.networks.blocks import CriticChoice, GeneratorChoice, Shape
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.objectives import NonSaturating
from gradpen.optimizers import Adam, Average
from gradpen.presets.preset import Preset
from gradpen.schedule import Schedule

SIZES = (
    *((width, 16) for width in (8, 12, 16, 24, 32)),
    *((32, batch) for batch in (32, 64)),
    *((width, 64) for width in (48, 64, 96, 128)),
    (128, 128),
)
"""channels nearest the image and images in a batch, from a minute of a laptop to an hour of a GPU: with more time wider
networks are worth more at first, then larger batches, as measured (docs/log.md)"""
USUAL_WIDTH = 16
TINY = 12
"""images of at most so many rows and columns get a multilayer perceptron"""
ENOUGH = 5_000
"""iterations below which smaller networks and batches give better pictures, as measured (docs/log.md)"""
HALF_LIFE = 8_000
AVERAGE = Average(half_life=HALF_LIFE, ramp_up=0.1)
PENALTY = GradientPenalty(where="real", target=0, weight=1, every=4)
PENALTY_OF_POINTS = replace(PENALTY, weight=0.01)
"""where vectors are taken as they are: modes may lie close together, and a weight of 1 blurs them (docs/log.md)"""
MINUTES = 10.0
"""how long a run takes where nothing else was asked for"""


def pair(
    shape: Shape, width: int, *, labelled: bool = False, bounded: bool = True
) -> tuple[GeneratorChoice, CriticChoice]:
    """Return generator and critic for images of this shape, labels concatenated to latents and shown as planes.

    Vectors that are taken as they are need a generator that is not bounded, and one without norm reaches more of their
    modes (docs/log.md).

    >>> pair((3, 32, 32), 16)[1]
    DcganCritic(name='dcgan', width=16, depth=None, norm='none', ..., labels='none', ...)
    """
    if takes_perceptron(shape):
        hidden = (16 * width, 16 * width)
        return (
            MlpGenerator(
                latent_dim=64,
                widths=hidden,
                tanh=bounded,
                batch_norm=bounded,
                labels="concatenate" if labelled else "none",
            ),
            MlpCritic(widths=hidden, labels="planes" if labelled else "none"),
        )
    return (
        DcganGenerator(latent_dim=64, width=width, labels="concatenate" if labelled else "none"),
        DcganCritic(width=width, labels="planes" if labelled else "none"),
    )


def takes_perceptron(shape: Shape) -> bool:
    """Return whether data of this shape get multilayer perceptrons: small images, vectors and signals."""
    return max(shape[1:]) <= TINY or min(shape[1:]) == 1


def batch_for(shape: Shape) -> int:
    """Return the images in a batch: few for convolutions, whose time they take; more for the small perceptrons."""
    return 64 if takes_perceptron(shape) else 16


def sizes_for(shape: Shape) -> tuple[tuple[int, int], ...]:
    """Return the widths and batches to choose from, small first; perceptrons keep their batch.

    >>> sizes_for((1, 8, 8))[:2]
    ((8, 64), (12, 64))
    """
    if takes_perceptron(shape):
        return tuple((width, batch_for(shape)) for width in dict.fromkeys(width for width, _ in SIZES))
    return SIZES


def quick(shape: Shape = (1, 28, 28), width: int = 16, *, labelled: bool = False) -> RunConfig:
    """Good pictures in the minutes people have: a small non-saturating GAN with a lazy R1 penalty and small batches.

    Not a published run, but pieces of published ones, each chosen by measurement at equal time (docs/log.md): the
    non-saturating objective (Goodfellow et al. 2014, arXiv 1406.2661), R1 (Mescheder et al. 2018, arXiv 1801.04406) in
    every fourth step (Karras et al. 2020, arXiv 1912.04958), one critic step, Adam with beta1 0, rates that fall to 0
    in the second half, and an average of the generator's weights that forgets half in a tenth of the run so far.
    ``gradpen train --minutes`` measures this machine and chooses width and length.
    """
    generator, critic = pair(shape, width, labelled=labelled)
    optimizer = Adam(learning_rate=Schedule(start=2e-3, end=0.0, shape="linear", hold=0.5), beta2=0.99)
    return RunConfig(
        preset="quick",
        generator=generator,
        critic=critic,
        objective=NonSaturating(),
        constraint=PENALTY,
        generator_optimizer=optimizer,
        critic_optimizer=optimizer,
        critic_steps=1,
        batch_size=batch_for(shape),
        average=AVERAGE,
        precision="auto",
        cadence=Cadence(log_every=200, sample_every=1000, save_every=1000),
    )


PRESETS = (
    Preset(
        name="quick",
        summary="the best pictures in the minutes given: sized from the data and this machine (the default)",
        source="pieces of published runs, chosen by measurement: docs/log.md",
        data="images of any size and 1 to 4 channels",
        shape=(1, 28, 28),
        config=quick,
    ),
)
