"""What the files of a folder become together: one shape, one type and one range."""

from collections import Counter
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gradpen.data.folder import FolderOptions
from gradpen.data.image import (
    BYTES_END,
    GREY_MODES,
    Header,
    UnreadableImageError,
    decode,
    resize_array,
)
from gradpen.data.numbers import PNM, read_numbers
from gradpen.data.values import PIXELS, Images, Values, in_range, range_of
from gradpen.errors import DataError

LARGEST_NATIVE_SIDE = 128
DEFAULT_SIZE = (64, 64)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What every file of a collection becomes."""

    shape: tuple[int, int, int]
    """channels, height and width"""
    values: Values
    """what the numbers mean"""
    numbers: bool
    """whether the files are numbers of their own range, and not pictures of 8 bits or brought to 8 bits"""
    deep: tuple[float, float] | None = None
    """range of the pictures of more than 8 bits that lie among others, which becomes 0 to 255"""

    @property
    def dtype(self) -> str:
        """Type of the array: bytes where the numbers fit them."""
        whole = np.dtype(self.values.dtype).kind in "iub" and (self.values.low, self.values.high) in ((0, 255), (0, 1))
        return "uint8" if not self.numbers or whole else "float32"


def target_of(headers: list[Header], options: FolderOptions) -> Target:
    """Return what the files become.

    Files of numbers alone keep their bands, type and range. Where pictures of 8 bits are among them, all become
    pictures: grey if every one is grey, else RGB, unless options say otherwise. The size is the images' own if all
    share one of at most 128 pixels a side, else 64x64.

    Raises:
        DataError: the files of numbers do not go together.
    """
    if all(header.dtype for header in headers):
        return target_of_numbers(headers, options)
    channels = options.channels or (1 if all(header.mode in (*GREY_MODES, PNM) for header in headers) else 3)
    deep = [header.extremes for header in headers if header.dtype and header.bands == 1 and header.mode != PNM]
    found = options.range
    if deep and found is None:
        # The pictures of one value are black.
        low = min(least for least, _ in deep)
        found = low, max(low + 1, *(most for _, most in deep))
    return Target(shape=(channels, *common_size(headers, options)), values=PIXELS, numbers=False, deep=found)


def common_size(headers: list[Header], options: FolderOptions) -> tuple[int, int]:
    """Return the height and width that images become."""
    shared = {(header.height, header.width) for header in headers}
    first = next(iter(shared))
    native = len(shared) == 1 and max(first) <= LARGEST_NATIVE_SIDE
    return options.size or (first if native else DEFAULT_SIZE)


def target_of_numbers(headers: list[Header], options: FolderOptions) -> Target:
    """Return what files of numbers become.

    Raises:
        DataError: they differ in bands or rank, or in size where they are no images.
    """
    first = headers[0]
    bands = options.channels or first.bands
    if bands != first.bands and first.bands != 1:
        raise DataError(f"the files hold {first.bands} bands, and `data.channels={bands}` cannot be made of those")
    images = first.layout == "images"
    if options.size is not None and not images:
        raise DataError(f"the files hold {first.layout}, which have no size; leave out `data.size`")
    kinds = Counter(in_words(header, images) for header in headers)
    if len(kinds) > 1:
        words = ", ".join(f"{count:,} of {kind}" for kind, count in kinds.most_common(3))
        raise DataError(f"the files of numbers differ: {words}; one file is one example, and all must be of one kind")
    height, width = common_size(headers, options) if images else (first.height, first.width)
    dtype = reduce(np.promote_types, (np.dtype(header.dtype) for header in headers))
    found = (min(header.extremes[0] for header in headers), max(header.extremes[1] for header in headers))
    low, high = options.range or range_of(dtype, found, "every file together")
    values = Values(low=low, high=high, dtype=str(dtype), layout=first.layout, depth=first.depth)
    return Target(shape=(bands, height, width), values=values, numbers=True)


def in_words(header: Header, images: bool) -> str:
    """Return in words what files of numbers must have in common: their bands, and the sides of what is no image."""
    if images and header.layout == "images":
        return f"{header.bands} band(s)"
    return f"{header.layout} of {header.bands}x{header.height}x{header.width}"


def decode_file(content: bytes, header: Header, target: Target, options: FolderOptions) -> tuple[Images, list[str]]:
    """Return a file as its rows of the array, and notes on what was done.

    Raises:
        UnreadableImageError: the file cannot be decoded to its last number.
    """
    if target.numbers:
        return decode_numbers(content, target, options)
    channels, height, width = target.shape
    try:
        return decode(
            content,
            channels=channels,
            size=(height, width),
            fit=options.fit,
            background=options.background,
            max_pixels=options.max_pixels,
            value_range=target.deep if header.dtype else options.range,
        )
    except UnreadableImageError:
        if header.dtype:
            raise UnreadableImageError(f"{header.mode} among pictures of 8 bits") from None
        raise


def decode_numbers(content: bytes, target: Target, options: FolderOptions) -> tuple[Images, list[str]]:
    """Return a file of numbers in the target's range and shape, and notes on what was done."""
    example = read_numbers(content, options.max_pixels, options.axes)
    if example is None:
        raise UnreadableImageError("changed while it was read")
    values, notes = target.values, list(example.notes)
    numbers = example.numbers
    if float(numbers.min()) < values.low or float(numbers.max()) > values.high:
        notes.append(f"with values beyond {values.low:g} to {values.high:g}, cut off there")
    ranged = in_range(numbers, values.low, values.high)
    images: Images = as_levels(ranged) if target.dtype == "uint8" else ranged
    images = images if len(images) == target.shape[0] else images.repeat(target.shape[0], axis=0)
    if values.layout == "images":
        images = resize_array(images[None], target.shape[1:], options.fit, options.background)[0]
    return images, notes


def as_levels(numbers: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return numbers in [-1, 1] as levels from 0 to 255."""
    return np.rint((numbers.astype(np.float64) + 1) * (BYTES_END / 2)).astype(np.uint8)
