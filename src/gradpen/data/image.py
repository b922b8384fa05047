"""One image file to uint8 pixels (orientation, bit depth, transparency, size), and pixels to a picture or a grid."""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps, TiffImagePlugin, UnidentifiedImageError

from gradpen.data.values import Images, Layout
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
ORIENTATION = 0x0112
"""EXIF's tag of which way is up"""
PHOTOMETRIC, SAMPLES, BITS, SAMPLE_FORMAT = 262, 277, 258, 339
"""TIFF's tags of what 0 means, the number of bands, the bits of each, and whether they are signed"""
DEEPEST, BYTES_END = 65_535, 255
STACK = "several pages: the first is used; `data.axes=NDHW` takes a stack of pages as a volume"
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
    """What an image file is, before its pixels are taken."""

    height: int
    width: int
    mode: str
    """Pillow's name of its kind, or the bands and their type"""
    dtype: str = ""
    """type of a file of numbers, see :mod:`gradpen.data.numbers`; empty for a picture of 8 bits"""
    bands: int = 0
    """of a file of numbers"""
    extremes: tuple[float, float] = (0, BYTES_END)
    """smallest and largest number"""
    layout: Layout = "images"
    depth: int | None = None


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
    return image


def read_header(content: bytes, max_pixels: int) -> Header:
    """Return size (after EXIF orientation) and mode; raise :class:`UnreadableImageError`."""
    image = open_image(content, max_pixels)
    try:
        turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    except DECODER_ERRORS:
        turned = False
    height, width = (image.width, image.height) if turned else (image.height, image.width)
    return Header(height=height, width=width, mode=image.mode)


def is_deep(image: Image.Image) -> bool:
    """Return whether an image has one band of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def deep_values(image: Image.Image) -> NDArray[Any]:
    """Return the values ``[H, W]`` of an image with more than 8 bits in their own type, dark small.

    Some TIFF files have white at 0, and unsigned values of 32 bits, which Pillow takes for signed ones. Pillow brings
    the values of PNM files to 16 bits by the depth that they declare.
    """
    values = np.asarray(image)
    if image.mode == "F":
        return values
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return values.astype(np.uint16)
    bits, signed = bits_of(image), image.tag_v2.get(SAMPLE_FORMAT, (1,))[0] == 2
    values = values.astype(np.dtype(f"{'i' if signed else 'u'}{2 if bits <= 16 else 4}"))
    return values.dtype.type(2**bits - 1) - values if image.tag_v2.get(PHOTOMETRIC, 1) == 0 and not signed else values


def bits_of(image: TiffImagePlugin.TiffImageFile) -> int:
    """Return how many bits a TIFF declares for a value."""
    return int(image.tag_v2.get(BITS, (16,))[0])


def declared_range(image: Image.Image) -> tuple[float, float] | None:
    """Return the range of an image of more than 8 bits that its file declares; None where it says no more than a type.

    Pillow brings the values of PNM files to 16 bits by the depth that they declare; a TIFF may have 10 or 12 bits.
    """
    if image.format == "PPM":
        return 0, DEEPEST
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.mode != "F" and bits_of(image) % 8:
        return 0, 2 ** bits_of(image) - 1
    return None


def left_out(image: Image.Image) -> str:
    """Return in words what Pillow leaves out of an image; empty if nothing.

    Of PNG, PNM and TIFF with several bands of 16 bits it takes the upper eight.
    """
    bands = len(image.getbands())
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if image.tag_v2.get(SAMPLES, 1) > bands and image.mode != "P":
            return "bands beyond the colours, left out: pip install 'gradpen[tiff]' reads all"
        deep = bands > 1 and max(image.tag_v2.get(BITS, (8,))) > 8
        return "the upper 8 of 16 bits a band taken: pip install 'gradpen[tiff]' reads all" if deep else ""
    tiles = getattr(image, "tile", ())
    raw = tiles[0][3] if tiles else None
    if image.format == "PNG" and bands > 1 and isinstance(raw, str) and ";16" in raw:
        return "the upper 8 of 16 bits a band taken; TIFF and .npy are read whole"
    most = raw[-1] if isinstance(raw, tuple) and raw else raw
    if image.format == "PPM" and bands > 1 and isinstance(most, int) and most > 255:
        return "the upper 8 of 16 bits a band taken; TIFF and .npy are read whole"
    return ""


def decode(
    content: bytes,
    channels: int,
    size: tuple[int, int],
    fit: Fit,
    background: str,
    max_pixels: int,
    value_range: tuple[float, float] | None = None,
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
        value_range: values that become 0 and 255; None: 0 and 65,535 of more than 8 bits, 0 and 255 of 8.

    Returns:
        uint8 pixels ``[channels, height, width]`` and notes on what was done.

    Raises:
        UnreadableImageError: the file cannot be decoded to its last pixel.
    """
    image = open_image(content, max_pixels)
    notes: list[str] = []
    try:
        if getattr(image, "n_frames", 1) > 1:
            notes.append(STACK if image.format == "TIFF" else "animated: first frame used")
        if lost := left_out(image):
            notes.append(lost)
        image.load()
        orientation = image.getexif().get(ORIENTATION, 1)
        turned = ImageOps.exif_transpose(in_bytes(image, value_range, notes))
        pixels = as_channels_first(resize(to_mode(turned, channels, background, notes), size, fit, background))
    except DECODER_ERRORS as error:
        raise UnreadableImageError(f"damaged: {str(error) or type(error).__name__}") from None
    if orientation in range(2, 9):
        notes.append("turned by its EXIF orientation")
    return pixels, notes


def in_bytes(image: Image.Image, value_range: tuple[float, float] | None, notes: list[str]) -> Image.Image:
    """Return an image of 8 bits, with its values brought from the range to 0 to 255.

    Pillow brings the values of PNM files to 16 bits by the depth that they declare, so no range applies to those.
    """
    deep = is_deep(image)
    if deep and (value_range is None or image.format == "PPM"):
        low, high = 0.0, float(DEEPEST)
    elif value_range is None:
        return image
    elif not deep and (image.mode not in ("L", "RGB") or value_range[1] > BYTES_END):
        notes.append(f"of mode {image.mode}, 8 bits: as it is, `data.range` does not apply")
        return image
    else:
        low, high = value_range
    values = deep_values(image) if deep else np.asarray(image)
    levels = np.clip(np.rint((values.astype(np.float64) - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
    notes.append(f"{f'{8 * values.itemsize}-bit ' if deep else ''}values from {low:g} to {high:g} taken as 0 to 255")
    if "transparency" in image.info:
        notes.append("one value that is declared transparent, taken as it is")
    result = Image.fromarray(levels)
    result.info = {name: value for name, value in image.info.items() if name != "transparency"}
    result.getexif = image.getexif  # type: ignore[method-assign]
    return result


def to_mode(image: Image.Image, channels: int, background: str, notes: list[str]) -> Image.Image:
    """Return the image in the 8-bit mode with this many channels."""
    if image.mode == "RGBX":
        notes.append("fourth band that is not declared as transparency, left out")
    mode = MODE_OF_CHANNELS[channels]
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if channels in (1, 3):
            notes.append("transparency laid on the background colour")
            under = Image.new("RGBA", image.size, background)
            image = Image.alpha_composite(under, image)
    return image if image.mode == mode else image.convert(mode)


def resize(image: Image.Image, size: tuple[int, int], fit: Fit, background: str | float) -> Image.Image:
    """Return the image at ``size`` (height, width), bilinear with antialiasing."""
    target = (size[1], size[0])
    if image.size == target:
        return image
    if fit == "stretch":
        return image.resize(target, Image.Resampling.BILINEAR)
    if fit == "crop":
        return ImageOps.fit(image, target, Image.Resampling.BILINEAR)
    return ImageOps.pad(image, target, Image.Resampling.BILINEAR, color=background)  # type: ignore[arg-type]


def as_channels_first(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of an 8-bit image as ``[C, H, W]``."""
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def resize_array(images: Images, size: tuple[int, int], fit: Fit, background: str) -> Images:
    """Resize images ``[N, C, H, W]`` one by one, as files are: uint8, or float32 in [-1, 1]."""
    if images.shape[2:] == size:
        return images
    # A second or fourth band may be anything; taken for transparency it would change the others.
    if images.dtype != np.uint8 or images.shape[1] not in (1, 3):
        return resize_channels(images, size, fit, background)
    result = np.empty((*images.shape[:2], *size), dtype=np.uint8)
    mode = MODE_OF_CHANNELS[images.shape[1]]
    for target, pixels in zip(result, images, strict=True):
        shown = pixels[0] if mode == "L" else np.ascontiguousarray(pixels.transpose(1, 2, 0))
        target[:] = as_channels_first(resize(Image.fromarray(shown, mode), size, fit, background))
    return result


def resize_channels(images: Images, size: tuple[int, int], fit: Fit, background: str) -> Images:
    """Resize images channel by channel, a grey of the background's lightness around padded ones."""
    grey = ImageColor.getcolor(background, "L")
    lightness = float(grey[0] if isinstance(grey, tuple) else grey)
    under = lightness if images.dtype == np.uint8 else lightness / 127.5 - 1
    result = np.empty((*images.shape[:2], *size), dtype=images.dtype)
    for target, channels in zip(result, images, strict=True):
        for place, channel in enumerate(channels):
            numbers = Image.fromarray(channel.astype(np.float32), "F")
            resized = np.asarray(resize(numbers, size, fit, under))
            target[place] = resized if images.dtype != np.uint8 else np.rint(resized)
    return result
