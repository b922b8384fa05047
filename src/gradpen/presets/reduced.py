"""A preset made small enough for a laptop: the same layers with a part of the channels, a short run."""

from dataclasses import replace
from typing import Any

from gradpen.config import RunConfig
from gradpen.networks.blocks import CriticChoice, GeneratorChoice
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator

DIVISOR = 8
FEWEST_CHANNELS = 4
LARGEST_BATCH = 64
ITERATIONS = 2000


def reduced(config: RunConfig, divisor: int = DIVISOR) -> RunConfig:
    """Return the run with a part of the channels, batches of at most 64 and at most 2,000 iterations.

    Image size, latents, losses, optimisers and the order of all layers stay. Multilayer perceptrons keep their widths:
    they are small already.

    Args:
        config: the run.
        divisor: how many times fewer channels it gets.

    >>> from gradpen.presets.book import wgan_gp_faces
    >>> small = reduced(wgan_gp_faces())
    >>> small.batch_size, small.critic_steps, small.critic.build((3, 64, 64))[0]
    (64, 3, Convolution(3, 8, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1)))
    """
    return replace(
        config,
        generator=reduced_generator(config.generator, divisor),
        critic=reduced_critic(config.critic, divisor),
        batch_size=min(config.batch_size, LARGEST_BATCH),
        iterations=min(config.iterations, ITERATIONS),
    )


def reduced_generator(choice: GeneratorChoice, divisor: int) -> GeneratorChoice:
    """Return the generator with fewer channels."""
    if isinstance(choice, StagedGenerator):
        first = None if choice.first is None else (fewer(choice.first[0], divisor), *choice.first[1:])
        return replace(choice, first=first, stages=reduced_stages(choice.stages, divisor))
    smaller: GeneratorChoice = narrower(choice, divisor)
    return smaller


def reduced_critic(choice: CriticChoice, divisor: int) -> CriticChoice:
    """Return the critic with fewer channels."""
    if isinstance(choice, StagedCritic):
        return replace(choice, stages=reduced_stages(choice.stages, divisor))
    smaller: CriticChoice = narrower(choice, divisor)
    return smaller


def narrower(choice: Any, divisor: int) -> Any:
    """Return a network with a part of its width; one without a width, as a multilayer perceptron, stays."""
    return replace(choice, width=fewer(choice.width, divisor)) if hasattr(choice, "width") else choice


def reduced_stages(stages: tuple[Stage, ...], divisor: int) -> tuple[Stage, ...]:
    """Return the stages with fewer channels; those that make the image or the score keep theirs."""
    return tuple(
        stage if stage.channels in (None, 1) else replace(stage, channels=fewer(stage.channels, divisor))
        for stage in stages
    )


def fewer(channels: int, divisor: int) -> int:
    """Return a part of the channels, at least 4."""
    return max(FEWEST_CHANNELS, channels // divisor)
