"""All presets, found by name."""

from gradpen.errors import UsageError
from gradpen.names import nearest, safe_name
from gradpen.presets import book, papers, pytorch_gan, sized
from gradpen.presets.preset import Preset

PRESETS: tuple[Preset, ...] = (*sized.PRESETS, *pytorch_gan.PRESETS, *papers.PRESETS, *book.PRESETS)


def find(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        UsageError: there is none; the nearest name is given.

    >>> find("wgan").config().constraint
    WeightClipping(name='weight-clipping', threshold=0.01, norm_layers=True)
    """
    names = [preset.name for preset in PRESETS]
    if name not in names:
        raise UsageError(f"there is no preset '{safe_name(name)}' among {', '.join(names)}{nearest(name, names)}")
    return PRESETS[names.index(name)]


def parameter_counts(preset: Preset) -> tuple[int, int]:
    """Return the trainable parameters of generator and critic at the preset's image shape."""
    config = preset.config()
    networks = (config.generator.build(preset.shape, preset.labels), config.critic.build(preset.shape, preset.labels))
    generator, critic = (sum(p.numel() for p in network.parameters()) for network in networks)
    return generator, critic
