"""Data of any kind as pictures that people can look at."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from gradpen.data.image import MODE_OF_CHANNELS
from gradpen.data.symbols import UNKNOWN, lines_of
from gradpen.data.values import IN_THE_PLANE, PIXELS, Values
from gradpen.text import DRAWN_BY

CURVE_HEIGHT, CURVE_WIDTH = 64, 128
GREYS = (0, 120, 180, 60)
"""of the first, second, … channel of a curve, in turn"""
SHORTEST_SHOWN = 64
LETTER, ROW = 12, 16
"""height of letters and of a line of text"""
LONG = 4
"""an image so many times as wide as it is high is a line, and not enlarged"""
GAP = 2
GAP_COLOUR: dict[int, float | tuple[int, ...]] = {1: 128, 2: (128, 255), 3: (128, 128, 128), 4: (128, 128, 128, 255)}


def as_pixels(images: NDArray[Any], values: Values = PIXELS) -> NDArray[np.uint8]:
    """Return data as uint8 ``[N, C, H, W]`` with 1, 2, 3 or 4 channels.

    Args:
        images: uint8 ``[N, C, H, W]``, or floats in [-1, 1]. Of more than four channels the mean is shown. Data of one
            row, vectors and signals, are drawn as curves, one for each channel.
        values: what they mean. Slices of volumes, which lie one below the other, are shown in rows, beginning at the
            top left. Text is codes ``[N, 1, 1, L]``, or a number for each symbol ``[N, V, 1, L]``, and shown as lines.
    """
    if values.symbols is not None:
        return written(
            lines_of(images if images.dtype == np.uint16 else images.argmax(1, keepdims=True), values.symbols),
            images.shape[3],
        )
    if images.shape[1:] == (1, 1, IN_THE_PLANE) and images.dtype != np.uint8:
        return dots(images)
    if images.shape[2] == 1 and images.shape[3] > 1:
        return curves(images if images.dtype != np.uint8 else images / 127.5 - 1)
    pixels = images
    if images.dtype != np.uint8:
        pixels = np.clip(np.rint(images * 127.5 + 127.5), 0, 255).astype(np.uint8)
    if pixels.shape[1] > 4:
        pixels = pixels.mean(axis=1, keepdims=True).round().astype(np.uint8)
    return pixels if values.depth is None else in_tiles(pixels, values.depth)


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


def dots(points: NDArray[Any]) -> NDArray[np.uint8]:
    """Return each point ``[1, 1, 2]`` as a grey picture of where it lies, [-2, 2] along both axes."""
    pictures = np.full((len(points), 1, CURVE_HEIGHT, CURVE_HEIGHT), 255, dtype=np.uint8)
    places = (np.clip(points[:, 0, 0] / 4 + 0.5, 0, 1) * (CURVE_HEIGHT - 3)).round().astype(int)
    for picture, (x, y) in zip(pictures, places, strict=True):
        picture[0, CURVE_HEIGHT - 3 - y : CURVE_HEIGHT - y, x : x + 3] = 0
    return pictures


@cache
def letters() -> ImageFont.FreeTypeFont:
    """Return the font of written lines: matplotlib's own, which knows Latin, Greek and Cyrillic letters."""
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf")), LETTER)


def written(lines: Sequence[str], length: int) -> NDArray[np.uint8]:
    """Return each line of at most so many characters as a grey picture ``[1, H, W]``, a cell for each character."""
    across = math.ceil(letters().getlength("m"))
    pictures = np.full((len(lines), 1, ROW, length * across + 2 * GAP), 255, dtype=np.uint8)
    for picture, line in zip(pictures, lines, strict=True):
        drawn = Image.new("L", (picture.shape[2], ROW), 255)
        pen = ImageDraw.Draw(drawn)
        for place, symbol in enumerate(line):
            pen.text((GAP + place * across, 0), UNKNOWN if symbol < " " else symbol, font=letters(), fill=0)
        picture[0] = np.asarray(drawn)
    return pictures


def save_drawn(picture: Image.Image, file: Path) -> None:
    """Write a picture that gradpen drew of many images as PNG, marked as such."""
    says = PngInfo()
    says.add_text("Software", DRAWN_BY)
    picture.save(file, pnginfo=says)


def as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return uint8 pixels ``[C, H, W]`` with 1 to 4 channels as a picture."""
    if len(pixels) == 1:
        return Image.fromarray(pixels[0])
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), MODE_OF_CHANNELS[len(pixels)])


def grid(pixels: NDArray[np.uint8], columns: int | None = None) -> Image.Image:
    """Return uint8 images ``[N, C, H, W]`` as one grid with thin gaps, nearly square unless columns are given.

    Images with sides under 64 pixels are shown enlarged by a whole factor, bicubic, since few people can read a
    digit of 8x8 blocks.
    """
    count, channels, height, width = pixels.shape
    shorter, longer = sorted((height, width))
    factor = 1 if longer >= max(LONG * shorter, SHORTEST_SHOWN) else -(-SHORTEST_SHOWN // min(shorter, SHORTEST_SHOWN))
    height, width = height * factor, width * factor
    columns = columns or min(max(int(np.ceil(np.sqrt(count * height / width))), 1), count)
    rows = -(-count // columns)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    canvas = Image.new(MODE_OF_CHANNELS[channels], size, GAP_COLOUR[channels])
    for index, image in enumerate(pixels):
        place = (GAP + index % columns * (width + GAP), GAP + index // columns * (height + GAP))
        canvas.paste(as_image(image).resize((width, height), Image.Resampling.BICUBIC), place)
    return canvas
