"""All presets, found by name."""

import inspect

from gradpen.errors import UsageError
from gradpen.presets import (
    book,
    book_2019,
    cifar10,
    keras_io,
    language,
    lsun,
    papers,
    pytorch_gan,
    quick,
    sized,
    toys,
)
from gradpen.presets.preset import Preset
from gradpen.text import did_you_mean, printable

PRESETS: tuple[Preset, ...] = (
    *quick.PRESETS,
    *sized.PRESETS,
    *pytorch_gan.PRESETS,
    *papers.PRESETS,
    *lsun.PRESETS,
    *cifar10.PRESETS,
    *toys.PRESETS,
    *language.PRESETS,
    *book.PRESETS,
    *book_2019.PRESETS,
    *keras_io.PRESETS,
)


def find(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        UsageError: there is none; the nearest name is given.

    >>> find("wgan").config().constraint
    WeightClipping(name='weight-clipping', threshold=0.01, norm_layers=True)
    """
    names = [preset.name for preset in PRESETS]
    if name not in names:
        raise UsageError(f"there is no preset '{printable(name)}' among {', '.join(names)}{did_you_mean(name, names)}")
    return PRESETS[names.index(name)]


def about(preset: Preset) -> str:
    """Return what a preset is, where it comes from and where it deviates, as Markdown."""
    generator, critic = parameter_counts(preset)
    config = preset.config()
    shape = "x".join(str(size) for size in preset.shape)
    text = inspect.getdoc(preset.config) or ""
    return (
        f"## {preset.name}\n\n{text.replace('``', '`')}\n\n"
        f"- Source: {preset.source}.\n"
        f"- Data: {preset.data}; without any: `{config.data.path}`.\n"
        f"- Parameters at {shape}: generator {generator:,}, critic {critic:,}.\n"
        f"- Objective: `{config.objective}`. Constraint: `{config.constraint}`.\n"
        f"- Optimisers: generator `{config.generator_optimizer}`, critic `{config.critic_optimizer}`.\n"
        f"- {config.critic_steps} critic steps, batch {config.batch_size}, {config.iterations:,} iterations.\n"
        f"- Try it: `gradpen train --preset {preset.name} --reduced`.\n"
    )


def page() -> str:
    """Return the page of all presets, ``docs/presets.md``."""
    return PAGE_HEAD + "\n".join(about(preset) for preset in PRESETS)


PAGE_HEAD = """# Presets

Published configurations by name, with their sources and every deviation that is known. Written by
`gradpen presets --markdown > docs/presets.md`; a test keeps it true.

| you have | preset |
|---|---|
| photos or drawings, minutes | `quick`, which plain `gradpen train` takes |
| the same, hours, and a Wasserstein GAN | `wgan-gp` |
| images of about 8x8, vectors | `wgan-gp-digits` |
| MNIST or Fashion-MNIST | `wgan-gp-mnist` |
| CIFAR-10 | `cifar10-wgan-gp`; on a GPU `cifar10-residual` |
| classes or attributes | `cgan-faces`, `acgan-mnist`, or any with `--conditional` |
| lines of text | `text`; on a GPU `language-model` |
| points in the plane | `toy-wgan-gp` |

"""


def parameter_counts(preset: Preset) -> tuple[int, int]:
    """Return the trainable parameters of generator and critic at the preset's image shape."""
    config = preset.config()
    networks = (config.generator.build(preset.shape, preset.labels), config.critic.build(preset.shape, preset.labels))
    generator, critic = (sum(p.numel() for p in network.parameters()) for network in networks)
    return generator, critic
