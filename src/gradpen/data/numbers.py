"""One file of numbers: more than 8 bits, or any number of bands, as an array in its own units.

NumPy's ``.npy`` files, and TIFF, PNG and PNM whose values do not fit 8 bits or whose bands are no colours. A TIFF that
Pillow cannot read whole is read by tifffile (extra ``tiff``).
"""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gradpen.data.arrays import ARRAY_ERRORS, Axes, axes_of, placed, refuse_other_axes
from gradpen.data.image import (
    DECODER_ERRORS,
    ORIENTATION,
    STACK,
    Header,
    UnreadableImageError,
    declared_range,
    deep_values,
    left_out,
    open_image,
    read_header,
)
from gradpen.data.values import Layout
from gradpen.errors import DataError

NUMPY, TIFFS = b"\x93NUMPY", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""how files of these kinds begin"""
MOST_BANDS = 4096
STACKS = ("NDHW", "NDHWC", "NCDHW")
PNM = "PNM of 16 bits"
TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image, 1),
}
"""what brings an image ``[H, W, …]`` of each EXIF orientation upright"""


@dataclass(frozen=True, kw_only=True)
class Example:
    """The numbers of one file."""

    numbers: NDArray[Any]
    """``[C, H, W]`` in the file's own units; NaN and infinity are refused"""
    mode: str
    """Pillow's name of its kind, or the bands and their type"""
    layout: Layout = "images"
    depth: int | None = None
    """as :class:`gradpen.data.values.Values` has them"""
    notes: list[str] = field(default_factory=list)
    declared: tuple[float, float] | None = None
    """range that the file declares"""


def read_numbers(content: bytes, max_pixels: int, axes: Axes | None) -> Example | None:
    """Return the numbers of a file's bytes; None for a picture of 8 bits, which Pillow reads whole.

    Args:
        content: the file.
        max_pixels: largest image to decode.
        axes: the axes of an array, with that of the examples; None tells them from its shape.

    Raises:
        UnreadableImageError: it is damaged, too large, or holds what are no finite numbers.
    """
    if content.startswith(NUMPY):
        example = from_numpy(content, axes)
    elif content.startswith(TIFFS) and (axes in STACKS or not pillow_reads_whole(content, max_pixels)):
        example = from_tiff(content, max_pixels, axes if axes in STACKS else None)
    else:
        image = open_image(content, max_pixels)
        if not (image.mode.startswith("I") or image.mode == "F"):
            return None
        example = from_pillow(image)
    if example.numbers.dtype.kind == "f" and not np.isfinite(example.numbers).all():
        bad = int((~np.isfinite(example.numbers)).sum())
        raise UnreadableImageError(f"{bad:,} of its numbers are NaN or infinite")
    return example


def from_numpy(content: bytes, axes: Axes | None) -> Example:
    """Return the array of a ``.npy`` file as one example."""
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except ARRAY_ERRORS as error:
        raise UnreadableImageError(f"cannot be read as a NumPy array: {str(error) or type(error).__name__}") from None
    return one_example(array, axes)


def one_example(array: NDArray[Any], axes: Axes | None) -> Example:
    """Return an array of these axes, without that of the examples, as an example."""
    if array.dtype.kind not in "iufb":
        raise UnreadableImageError(f"dtype {array.dtype}; expected numbers: integers, floats or booleans")
    try:
        name = "one example, with an axis of examples before its own,"
        axes = axes_of((1, *array.shape), name) if axes is None else axes
        refuse_other_axes((1, *array.shape), axes, name)
        numbers, layout, depth = placed(array[None], axes)
    except DataError as error:
        raise UnreadableImageError(str(error)) from None
    return Example(numbers=numbers[0], mode=str(array.dtype), layout=layout, depth=depth)


def from_pillow(image: Image.Image) -> Example:
    """Return the values of a picture with one band of more than 8 bits."""
    notes = []
    try:
        if getattr(image, "n_frames", 1) > 1:
            notes.append(STACK)
        values, orientation = deep_values(image), image.getexif().get(ORIENTATION, 1)
    except DECODER_ERRORS as error:
        raise UnreadableImageError(f"damaged: {str(error) or type(error).__name__}") from None
    if orientation in TURNS:
        notes.append("turned by its EXIF orientation")
        values = TURNS[orientation](values)
    if "transparency" in image.info:
        notes.append("one value that is declared transparent, taken as it is")
    mode = PNM if image.format == "PPM" else image.mode
    return Example(numbers=values[None], mode=mode, notes=notes, declared=declared_range(image))


def pillow_reads_whole(content: bytes, max_pixels: int) -> bool:
    """Return whether Pillow reads all bands and bits of a TIFF, or nothing else could."""
    try:
        image = open_image(content, max_pixels)
    except UnreadableImageError:
        return False
    return not left_out(image) or not can_read_tiff()


@cache
def can_read_tiff() -> bool:
    """Return whether tifffile and its codecs are installed; what it logs reaches who listens to it alone."""
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    return find_spec("tifffile") is not None and find_spec("imagecodecs") is not None


def from_tiff(content: bytes, max_pixels: int, axes: Axes | None) -> Example:
    """Return all bands of a TIFF's first page; with the axes of volumes all pages."""
    if not can_read_tiff():
        raise UnreadableImageError("a TIFF of a kind that needs tifffile: pip install 'gradpen[tiff]'")
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            page = file.pages.first
            if page.imagewidth * page.imagelength > max_pixels or page.samplesperpixel > MOST_BANDS:
                raise UnreadableImageError(f"{page.imagelength}x{page.imagewidth}: more than {max_pixels:,} pixels")
            if axes is not None:
                return one_example(file.asarray(), axes)
            array, order, pages = page.asarray(), page.axes, len(file.pages)
            orientation = page.tags.valueof(ORIENTATION, 1)
            inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
    except (*DECODER_ERRORS, tifffile.TiffFileError) as error:
        raise UnreadableImageError(f"damaged: {str(error) or type(error).__name__}") from None
    if order not in ("YX", "YXS", "SYX") or array.ndim != len(order) or array.dtype.kind not in "iufb":
        raise UnreadableImageError(f"a TIFF of {array.dtype} with axes {order}; expected one image of numbers")
    if inverted and array.dtype.kind == "u":
        array = np.iinfo(array.dtype).max - array
    bands_last = array[..., None] if order == "YX" else array.transpose(1, 2, 0) if order == "SYX" else array
    notes = [STACK] if pages > 1 else []
    if orientation in TURNS:
        notes.append("turned by its EXIF orientation")
        bands_last = TURNS[orientation](bands_last)
    bands = np.ascontiguousarray(bands_last.transpose(2, 0, 1))
    mode = f"{len(bands)} bands of {bands.dtype}" if len(bands) > 1 else str(bands.dtype)
    return Example(numbers=bands, mode=mode, notes=notes)


def header_of(content: bytes, max_pixels: int, axes: Axes | None) -> Header:
    """Return what a file is: a picture of 8 bits, or numbers with their type, bands and extremes.

    Raises:
        UnreadableImageError: as :func:`read_numbers`.
    """
    example = read_numbers(content, max_pixels, axes)
    if example is None:
        return read_header(content, max_pixels)
    numbers = example.numbers
    bands, height, width = numbers.shape
    if min(numbers.shape) < 1:
        raise UnreadableImageError(f"an empty array of shape {list(numbers.shape)}")
    return Header(
        height=height,
        width=width,
        mode=example.mode,
        dtype=str(numbers.dtype),
        bands=bands,
        extremes=example.declared or (float(numbers.min()), float(numbers.max())),
        layout=example.layout,
        depth=example.depth,
    )
