"""Volumes: networks are told how many slices the data have, or refused if they look at images alone."""

from dataclasses import replace
from typing import Any

from gradpen.config import RunConfig
from gradpen.data.source import Source
from gradpen.errors import UsageError

FLAT = ("mlp", "own")
"""networks that see no sides at all, or get volumes as they are"""


def with_depth(config: RunConfig, source: Source) -> RunConfig:
    """Return the configuration with networks for volumes of the data's depth; unchanged for all other data.

    Raises:
        UsageError: a network, or the augmentation, is for images alone.
    """
    depth = source.values.depth
    networks: dict[str, Any] = {"generator": config.generator, "critic": config.critic}
    if depth is None:
        set_anyway = [name for name, network in networks.items() if getattr(network, "depth", None) is not None]
        if set_anyway:
            raise UsageError(f"`{set_anyway[0]}.depth` is for volumes, and the data are {source.values.layout}")
        return config
    if config.augmentation is not None:
        raise UsageError("the augmentation is for images, and the data are volumes; choose `augmentation=null`")
    for name, network in networks.items():
        if network.name not in FLAT and not hasattr(network, "depth"):
            raise UsageError(
                f"the {name} {network.name} of {config.preset} is for images, and the data are volumes; choose "
                f"`{name}=dcgan`, `{name}=mlp` or a preset that is sized from the data (quick, wgan-gp, wgan, gan)"
            )
    found = {name: replace(n, depth=depth) for name, n in networks.items() if hasattr(n, "depth")}
    return replace(config, **found)
