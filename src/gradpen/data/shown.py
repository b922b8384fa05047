"""Data of any kind as pictures that people can look at."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

CURVE_HEIGHT, CURVE_WIDTH = 64, 128
GREYS = (0, 120, 180, 60)
"""of the first, second, … channel of a curve, in turn"""


def as_pixels(images: NDArray[Any], depth: int | None = None) -> NDArray[np.uint8]:
    """Return data as uint8 ``[N, C, H, W]`` with 1, 2, 3 or 4 channels.

    Args:
        images: uint8 ``[N, C, H, W]``, or floats in [-1, 1]. Of more than four channels the mean is shown. Data of one
            row, vectors and signals, are drawn as curves, one for each channel.
        depth: slices of volumes, which lie one below the other and are shown in rows, beginning at the top left.
    """
    if images.shape[2] == 1 and images.shape[3] > 1:
        return curves(images if images.dtype != np.uint8 else images / 127.5 - 1)
    pixels = images
    if images.dtype != np.uint8:
        pixels = np.clip(np.rint(images * 127.5 + 127.5), 0, 255).astype(np.uint8)
    if pixels.shape[1] > 4:
        pixels = pixels.mean(axis=1, keepdims=True).round().astype(np.uint8)
    return pixels if depth is None else in_tiles(pixels, depth)


def in_tiles(slices: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Return slices ``[N, C, D * H, W]`` in rows of as many as make a picture about as wide as it is high.

    >>> in_tiles(np.zeros((2, 1, 8 * 4, 4), np.uint8), 8).shape
    (2, 1, 12, 12)
    """
    count, channels, rows, width = slices.shape
    across = math.ceil(math.sqrt(depth * (rows // depth) / width))
    missing = -depth % across
    tiles = slices.reshape(count, channels, depth, rows // depth, width)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, missing), (0, 0), (0, 0)))
    tiles = tiles.reshape(count, channels, -1, across, rows // depth, width).swapaxes(3, 4)
    return np.ascontiguousarray(tiles).reshape(count, channels, -1, across * width)


def curves(signals: NDArray[Any]) -> NDArray[np.uint8]:
    """Return each signal ``[C, 1, L]`` in [-1, 1] as a grey picture of its curves."""
    pictures = []
    for signal in signals[:, :, 0]:
        picture = Image.new("L", (CURVE_WIDTH, CURVE_HEIGHT), 255)
        pen = ImageDraw.Draw(picture)
        for channel, numbers in enumerate(np.clip(signal, -1, 1)):
            places = np.linspace(1, CURVE_WIDTH - 2, len(numbers))
            heights = (CURVE_HEIGHT - 3) * (1 - numbers) / 2 + 1
            pen.line(list(zip(places.tolist(), heights.tolist(), strict=True)), fill=GREYS[channel % len(GREYS)])
        pictures.append(np.asarray(picture)[None])
    return np.stack(pictures)
