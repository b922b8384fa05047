"""One image file to uint8 pixels (orientation, bit depth, transparency, size), and pixels to a picture or a grid."""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from gradpen.text import DRAWN_BY

Fit = Literal["crop", "pad", "stretch"]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
SUFFIXES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".webp",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".avif",
    ]
)
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
MODE_OF_CHANNELS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""what Pillow's decoders were seen to raise on damaged files"""


class UnreadableImageError(Exception):
    """Why an image file cannot be used, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the first bytes of an image file say."""

    height: int
    width: int
    mode: str


def open_image(content: bytes, max_pixels: int) -> Image.Image:
    """Open an image of an allowed format without decoding it.

    Raises:
        UnreadableImageError: the content is empty, no image, or larger than ``max_pixels``.
    """
    if not content:
        raise UnreadableImageError("empty file")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UnreadableImageError(f"more than {max_pixels:,} pixels") from None
    except UnidentifiedImageError:
        raise UnreadableImageError("not an image of a known format") from None
    except DECODER_ERRORS as error:
        raise UnreadableImageError(f"broken header ({type(error).__name__})") from None
    if image.width * image.height > max_pixels:
        raise UnreadableImageError(f"{image.height}x{image.width}: more than {max_pixels:,} pixels")
    if image.info.get("Software") == DRAWN_BY or image.info.get("comment") == DRAWN_BY.encode():
        raise UnreadableImageError("a picture of many samples that gradpen drew, no data")
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise UnreadableImageError(f"mode {image.mode}: 32-bit values of unknown range")
    return image


def read_header(content: bytes, max_pixels: int) -> Header:
    """Return size (after EXIF orientation) and mode; raise :class:`UnreadableImageError`."""
    image = open_image(content, max_pixels)
    try:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except DECODER_ERRORS:
        turned = False
    height, width = (image.width, image.height) if turned else (image.height, image.width)
    return Header(height=height, width=width, mode=image.mode)


def decode(
    content: bytes, channels: int, size: tuple[int, int], fit: Fit, background: str, max_pixels: int
) -> tuple[NDArray[np.uint8], list[str]]:
    """Decode an image file to pixels.

    Args:
        content: the file's bytes.
        channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
        size: height and width of the result.
        fit: ``crop`` scales to cover the size and cuts the centre; ``pad`` scales to fit inside and fills
            with the background; ``stretch`` changes the aspect ratio.
        background: a colour name or ``#rrggbb``, under transparent pixels where alpha is not kept.
        max_pixels: largest image to decode.

    Returns:
        uint8 pixels ``[channels, height, width]`` and notes on what was done.

    Raises:
        UnreadableImageError: the file cannot be decoded to its last pixel.
    """
    image = open_image(content, max_pixels)
    notes: list[str] = []
    try:
        if getattr(image, "n_frames", 1) > 1:
            notes.append("animated: first frame used")
        image.load()
        orientation = image.getexif().get(0x0112, 1)
        turned = ImageOps.exif_transpose(image)
        pixels = as_channels_first(resize(to_mode(turned, channels, background, notes), size, fit, background))
    except DECODER_ERRORS as error:
        raise UnreadableImageError(f"damaged: {str(error) or type(error).__name__}") from None
    if orientation in range(2, 9):
        notes.append("turned by its EXIF orientation")
    return pixels, notes


def to_mode(image: Image.Image, channels: int, background: str, notes: list[str]) -> Image.Image:
    """Return the image in the 8-bit mode with this many channels."""
    if image.mode.startswith("I"):
        notes.append("16-bit values scaled to 8 bits")
        deep = np.asarray(image)
        image = Image.fromarray((deep >> 8).astype(np.uint8))
    mode = MODE_OF_CHANNELS[channels]
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels in (1, 3):
            notes.append("transparency laid on the background colour")
            under = Image.new("RGBA", image.size, background)
            image = Image.alpha_composite(under, image)
    return image if image.mode == mode else image.convert(mode)


def resize(image: Image.Image, size: tuple[int, int], fit: Fit, background: str) -> Image.Image:
    """Return the image at ``size`` (height, width), bilinear with antialiasing."""
    target = (size[1], size[0])
    if image.size == target:
        return image
    if fit == "stretch":
        return image.resize(target, Image.Resampling.BILINEAR)
    if fit == "crop":
        return ImageOps.fit(image, target, Image.Resampling.BILINEAR)
    return ImageOps.pad(image, target, Image.Resampling.BILINEAR, color=background)


def as_channels_first(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of an 8-bit image as ``[C, H, W]``."""
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def resize_array(images: NDArray[np.uint8], size: tuple[int, int], fit: Fit, background: str) -> NDArray[np.uint8]:
    """Resize uint8 images ``[N, C, H, W]`` one by one, as files are."""
    if images.shape[2:] == size:
        return images
    result = np.empty((*images.shape[:2], *size), dtype=np.uint8)
    mode = MODE_OF_CHANNELS[images.shape[1]]
    for target, pixels in zip(result, images, strict=True):
        shown = pixels[0] if mode == "L" else np.ascontiguousarray(pixels.transpose(1, 2, 0))
        target[:] = as_channels_first(resize(Image.fromarray(shown, mode), size, fit, background))
    return result


def save_drawn(picture: Image.Image, file: Path) -> None:
    """Write a picture that gradpen drew of many images as PNG, marked as such."""
    says = PngInfo()
    says.add_text("Software", DRAWN_BY)
    picture.save(file, pnginfo=says)


SHORTEST_SHOWN = 64


GAP = 2


GAP_COLOUR: dict[int, float | tuple[int, ...]] = {1: 128, 2: (128, 255), 3: (128, 128, 128), 4: (128, 128, 128, 255)}


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
    factor = -(-SHORTEST_SHOWN // min(height, width, SHORTEST_SHOWN))
    height, width = height * factor, width * factor
    columns = columns or min(max(int(np.ceil(np.sqrt(count * height / width))), 1), count)
    rows = -(-count // columns)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    canvas = Image.new(MODE_OF_CHANNELS[channels], size, GAP_COLOUR[channels])
    for index, image in enumerate(pixels):
        place = (GAP + index % columns * (width + GAP), GAP + index // columns * (height + GAP))
        canvas.paste(as_image(image).resize((width, height), Image.Resampling.BICUBIC), place)
    return canvas
