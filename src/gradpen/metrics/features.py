"""Images as feature vectors, in which distances see shape: distances of pixels hardly do.

The features here need no training and no labels. They are named wherever a number is made of them, since the same
distance in other features is another number.
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d

from gradpen.machine.seeds import derived_seed

__all__ = ["random_features"]

WIDTH, GRID, SCALES = 16, 4, 3
SMALLEST_SCALE = 4
"""rows and columns that an image has at its smallest scale"""
AT_ONCE = 256
NAME = "random convolutions"


def random_features(images: Tensor) -> Tensor:
    """Return what a small convolutional net with fixed random weights sees of each image, at three scales.

    Each scale is half the one before. It goes through 5x5 and 3x3 convolutions of 16 channels, each followed by ReLU,
    with weights of mean 0 and length 1, and is averaged over 4x4 places, so that the layout of an image counts.

    Source: random convolutional features know shape and texture without training (Saxe et al. 2011, On random weights
    and unsupervised feature learning); that Fréchet and kernel distances in features of untrained networks order damage
    to images is measured in docs/log.md.

    Args:
        images: ``[n, C, H, W]`` in [-1, 1].

    Returns:
        float32 ``[n, d]``, d = 256 for each scale that has at least 4 rows and columns, at most 768. The same image has
        the same features on every call; features of images of other channels or sizes cannot be compared.

    >>> random_features(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 768])
    """
    return torch.cat([features_of_part(part.float()) for part in images.detach().split(AT_ONCE)])


def features_of_part(images: Tensor) -> Tensor:
    """Return the features of some images."""
    found = []
    for scale in range(SCALES):
        first = random_filters(images.shape[1], 5, 2 * scale).to(images.device)
        second = random_filters(WIDTH, 3, 2 * scale + 1).to(images.device)
        maps = conv2d(conv2d(images, first, padding=2).relu(), second, padding=1, stride=2).relu()
        found.append(adaptive_avg_pool2d(maps, GRID).flatten(1))
        if min(images.shape[2:]) < 2 * SMALLEST_SCALE:
            break
        images = avg_pool2d(images, 2)
    return torch.cat(found, dim=1)


def random_filters(channels: int, size: int, number: int) -> Tensor:
    """Return 16 filters ``[16, channels, size, size]`` of mean 0 and length 1, always the same for a number."""
    generator = torch.Generator().manual_seed(derived_seed(0, "random features", number))
    filters = torch.randn(WIDTH, channels, size, size, generator=generator)
    filters -= filters.mean((1, 2, 3), keepdim=True)
    unit: Tensor = filters / filters.flatten(1).norm(dim=1)[:, None, None, None]
    return unit
