"""Presets for text: the language model of Gulrajani et al. 2017, and a small one for minutes of a laptop."""

from dataclasses import replace

from gradpen.config import Cadence, RunConfig
from gradpen.data.choice import DataChoice
from gradpen.lipschitz import GradientPenalty
from gradpen.networks.blocks import Shape
from gradpen.networks.language import LanguageCritic, LanguageGenerator
from gradpen.objectives import Wasserstein
from gradpen.optimizers import Adam
from gradpen.presets.papers import IMPROVED
from gradpen.presets.preset import Preset
from gradpen.schedule import Schedule

LINE: Shape = (100, 1, 32)
"""lines of 32 characters, of 100 symbols"""
DATA = "a .txt file in UTF-8, one example a line"


def language_model() -> RunConfig:
    """WGAN-GP on characters: width 512, five blocks, ten critic steps, lambda 10, Adam 1e-4, beta1 0.5, beta2 0.9.

    Lines of 32 characters; their data are ten million lines of the Billion Word corpus, whose bytes they take for
    characters. Nothing was published but samples: standard GANs made none that compare.
    """
    adam = Adam(learning_rate=1e-4, beta1=0.5, beta2=0.9)
    return RunConfig(
        preset="language-model",
        generator=LanguageGenerator(),
        critic=LanguageCritic(),
        objective=Wasserstein(),
        constraint=GradientPenalty(weight=10),
        generator_optimizer=adam,
        critic_optimizer=adam,
        critic_steps=10,
        iterations=200_000,
        data=DataChoice(path="embedded:sentences"),
        cadence=Cadence(log_every=100, sample_every=1_000, save_every=1_000),
    )


def text() -> RunConfig:
    """The language model for minutes of a laptop: width 64, two blocks, two critic steps, batches of 8, faster Adam.

    Not a published run: widths and rates were chosen at equal time on books and on sentences (docs/log.md). The rates
    fall to 0 over the run: at a constant 1e-3 lines get no better after some thousand iterations.
    """
    adam = Adam(learning_rate=Schedule(start=1e-3, end=0.0, shape="cosine"), beta1=0.5, beta2=0.9)
    return replace(
        language_model(),
        preset="text",
        generator=LanguageGenerator(width=64, blocks=2),
        critic=LanguageCritic(width=64, blocks=2),
        generator_optimizer=adam,
        critic_optimizer=adam,
        critic_steps=2,
        batch_size=8,
        iterations=10_000,
        precision="auto",
    )


PRESETS = (
    Preset(
        name="text",
        summary="lines of text in the minutes given (the default for text)",
        source="a small version of language-model, chosen by measurement: docs/log.md",
        data=DATA,
        shape=LINE,
        config=text,
    ),
    Preset(
        name="language-model",
        summary="character-level language model, WGAN-GP",
        source=f"{IMPROVED}, gan_language.py",
        data=DATA,
        shape=LINE,
        config=language_model,
    ),
)
