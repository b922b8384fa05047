"""What a preset is: a named configuration and where it comes from."""

from collections.abc import Callable
from dataclasses import dataclass

from gradpen.config import RunConfig
from gradpen.networks.blocks import Shape


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
    labels: int = 0
    """numbers in a label's vector at which its parameters are counted"""
    config: Callable[[], RunConfig]
