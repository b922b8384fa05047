"""Sizes of an example and kinds of a loss, as far as a name tells them."""

import math
from collections.abc import Sequence

KINDS = ("type", "mode", "kind")
"""parts of the names of what says which loss it is"""
CHANNELS = ("nc", "c_dim", "in_ch", "channel", "channels")
HEIGHTS = (
    "h",
    "img_size",
    "image_size",
    "imsize",
    "im_size",
    "isize",
    "imagesize",
    "img_height",
    "image_height",
    "height",
)
WIDTHS = ("w", "img_width", "image_width", "width")
VALUES = ("input_dim", "x_dim", "data_dim", "feature_dim", "n_features", "num_features", "in_features", "input_size")
"""names of sizes of an example, the last of which others end in, and of how many values it has"""


def kind_among(words: Sequence[str]) -> str:
    """Return the word that stands for a penalised Wasserstein loss; empty where none does.

    >>> kind_among(("r1", "wgan", "wgan-gp")), kind_among(("mean", "sum"))
    ('wgan-gp', '')
    """
    for parts in (("wgan", "gp"), ("gp",), ("wgan",)):
        found = [word for word in words if word.isprintable() and all(part in word.lower() for part in parts)]
        if found:
            return min(found, key=len)
    return ""


def size_named(name: str, shape: Sequence[int]) -> int:
    """Return what a size of this name is where examples have this shape, the batch first; 0 where it is none.

    >>> [size_named(name, (6, 3, 32, 16)) for name in ("img_channels", "height", "img_size", "in_features", "steps")]
    [3, 32, 32, 1536, 0]
    """
    plain = name.strip("_").lower()
    for axis, words in ((1, CHANNELS), (2, HEIGHTS), (3, WIDTHS)):
        if axis < len(shape) and (plain in words or plain.endswith(words[-1])):
            return shape[axis]
    return math.prod(shape[1:]) if plain in VALUES else 0
