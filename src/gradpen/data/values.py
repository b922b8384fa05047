"""What the numbers of the data mean: how they reach the networks' range, and how samples come back in their units."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradpen.data.symbols import codes_of, lines_of, spread_out_symbols
from gradpen.errors import DataError
from gradpen.language import marked
from gradpen.machine.room import new_array

Layout = Literal["images", "vectors", "signals", "volumes", "lines"]
Range = tuple[float, float]
Floats = NDArray[np.float32]
Images = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.uint16]
IN_THE_PLANE = 2
"""numbers of a point in the plane"""
FEW_LEVELS = 32
"""different values below which whole numbers are pointed out"""


@dataclass(frozen=True, kw_only=True)
class Values:
    """The numbers of the data: ``low`` is -1 to the networks and ``high`` is 1."""

    low: float
    high: float
    dtype: str = "uint8"
    """NumPy's name of their type"""
    layout: Layout = "images"
    depth: int | None = None
    """slices of a volume, which lie one below the other in ``[N, C, H, W]``"""
    columns: tuple[Range, ...] | None = None
    """range of each number of a vector, where they differ so much that one range would hide some"""
    unscaled: bool = False
    """the networks take them as they are, without a range"""
    symbols: tuple[str, ...] | None = None
    """of text: what the codes of characters stand for; the networks take a number for each"""

    def are_points(self, width: int) -> bool:
        """Whether they are points in the plane, so many numbers being in one row."""
        return self.layout == "vectors" and width == IN_THE_PLANE

    @property
    def are_pixels(self) -> bool:
        """Whether they are the usual 0 to 255 of images in bytes."""
        return self == PIXELS

    def restore(self, samples: Floats) -> NDArray[Any]:
        """Return samples ``[N, C, H, W]`` in [-1, 1] in the data's units, type and layout.

        Images come as ``[N, H, W, C]``, vectors as ``[N, D]``, signals as ``[N, C, L]``, volumes ``[N, C, D, H, W]``,
        text as ``[N]`` lines.

        >>> Values(low=200, high=4000, dtype="uint16").restore(np.full((1, 1, 1, 1), -1, np.float32)).ravel().tolist()
        [200]
        """
        if self.symbols is not None:
            return np.array(lines_of(samples.argmax(1, keepdims=True), self.symbols))
        kind = np.dtype(self.dtype)
        if self.unscaled:
            return samples.astype(kind).reshape(len(samples), -1)
        low, high = self.bounds()
        numbers = np.clip(low + (samples.astype(np.float64) + 1) / 2 * (high - low), low, high)
        if kind.kind == "b":
            numbers = (numbers >= (self.low + self.high) / 2).astype(kind)
        elif kind.kind in "iu":
            limits = np.iinfo(kind)
            # The largest integers of 64 bits have no double: the next one below is the limit.
            most = limits.max if limits.max < 2**53 else np.nextafter(float(limits.max), 0)
            numbers = np.clip(np.rint(numbers), limits.min, most).astype(kind)
        else:
            numbers = numbers.astype(kind)
        if self.layout == "vectors":
            return numbers.reshape(len(numbers), -1)
        if self.depth is not None:
            return numbers.reshape(*numbers.shape[:2], self.depth, -1, numbers.shape[3])
        return numbers[:, :, 0] if self.layout == "signals" else np.ascontiguousarray(numbers.transpose(0, 2, 3, 1))

    def taken(self, numbers: NDArray[Any], width: int | None = None) -> Floats:
        """Return numbers in the data's units and layout as the networks take them, ``[N, C, H, W]`` in [-1, 1].

        Lines are brought to that many characters.

        >>> Values(low=0, high=10, dtype="float64", layout="vectors").taken(np.array([[0.0, 5.0]])).tolist()
        [[[[-1.0, 0.0]]]]
        """
        if self.symbols is not None:
            codes = codes_of(numbers.tolist(), self.symbols, width or max(map(len, numbers.tolist())))
            return spread_out_symbols(codes, len(self.symbols))
        if self.layout == "vectors":
            placed = numbers[:, None, None]
        elif self.layout == "volumes":
            placed = numbers.reshape(*numbers.shape[:2], -1, numbers.shape[4])
        else:
            placed = numbers[:, :, None] if self.layout == "signals" else numbers.transpose(0, 3, 1, 2)
        if self.unscaled:
            return placed.astype(np.float32)
        if self.columns is not None:
            return in_columns(numbers, self.columns)[:, None, None]
        return in_range(np.ascontiguousarray(placed), self.low, self.high)

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the smallest and the largest number, or those of each column."""
        low, high = zip(*(self.columns or ((self.low, self.high),)), strict=True)
        return np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return asdict(self)

    def note(self, count: int) -> dict[str, int]:
        """Return a note for the report on what is mapped to what, in so many examples; none for pixels in bytes."""
        words = f"{self.dtype} values from {self.low:g} to {self.high:g} taken as -1 to 1"
        if self.columns is not None:
            words = f"{self.dtype} values from the smallest to the largest of each column taken as -1 to 1"
        if self.unscaled:
            words = f"{self.dtype} values taken as they are"
        if self.symbols is not None:
            words = "different character, the mark at a line's end and that of rare ones among them"
            return {words: len(self.symbols)}
        return {} if self.are_pixels else {words: count}


PIXELS = Values(low=0.0, high=255.0)


def mapped(array: NDArray[Any], name: str, chosen: Range | None) -> tuple[NDArray[Any], Values, dict[str, int]]:
    """Return an array as the networks get it, what its numbers mean, and notes for the report.

    What fits bytes without loss stays bytes, ``uint8`` from 0 to 255; all else becomes ``float32`` in [-1, 1]. The
    range is the one chosen; else 0 to 255 for bytes, 0 to 1 for masks, [0, 1], [-1, 1] or 0 to 255 for numbers that
    fill most of it; else from the smallest number to the largest.

    Raises:
        DataError: naming the type or value that is wrong and what was expected.
    """
    if array.dtype.kind not in "iufb":
        raise DataError(f"{name} has dtype {array.dtype}; expected numbers: integers, floats or booleans")
    if array.dtype.kind == "f" and (bad := sum(int((~np.isfinite(array[rows])).sum()) for rows in blocks(array))):
        raise DataError(f"{name} holds {bad:,} values that are NaN or infinite; remove those images first")
    found = (float(array.min()), float(array.max()))
    low, high = range_of(array.dtype, found, name) if chosen is None else chosen
    values = Values(low=low, high=high, dtype=str(array.dtype))
    outside = 0
    if found[0] < low or found[1] > high:
        outside = sum(int(((array[rows] < low) | (array[rows] > high)).sum()) for rows in blocks(array))
    notes = {f"value beyond {low:g} to {high:g}, cut off there": outside} if outside else {}
    if array.dtype.kind in "iub" and (low, high) == (0, 255):
        return clipped(array), values, notes | few_levels(array, values)
    bytes_of = as_bytes(array, low, high)
    return (in_range(array, low, high) if bytes_of is None else bytes_of), values, notes


def unscaled(array: NDArray[Any], name: str) -> tuple[Floats, Values]:
    """Return vectors ``[N, D]`` as the networks get them where no range is wanted, and what their numbers mean.

    Raises:
        DataError: they are no finite floats.
    """
    if array.dtype.kind != "f" or array.ndim != UNSCALED_AXES:
        raise DataError(
            f"{name} has dtype {array.dtype} and shape {list(array.shape)}; `data.unscaled` is for vectors "
            f"[N, D] of floats"
        )
    if not np.isfinite(array).all():
        raise DataError(f"{name} holds {int((~np.isfinite(array)).sum()):,} values that are NaN or infinite")
    return array.astype(np.float32), Values(low=-1, high=1, dtype=str(array.dtype), unscaled=True)


UNSCALED_AXES = 2


def range_of(dtype: np.dtype[Any], found: Range, name: str) -> Range:
    """Return the range that numbers of this type and extent are meant in.

    Raises:
        DataError: they are all the same.
    """
    low, high = found
    if low == high and dtype != np.uint8:
        raise DataError(f"{name} holds the number {low:g} everywhere, so there is nothing to learn")
    if dtype.kind == "b" or (dtype.kind in "iu" and low >= 0 and high <= 1):
        return 0, 1
    if dtype == np.uint8 or (dtype.kind in "iu" and low >= 0 and 128 <= high <= 255):
        return 0, 255
    if dtype.kind == "f":
        for least, most in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
            if low >= least and high <= most and high > most / 2 and low <= least / 2 + (most - least) / 4:
                return least, most
    return low, high


def few_levels(array: NDArray[Any], values: Values) -> dict[str, int]:
    """Return a note where bytes fill few of their levels, which may be labels or a mask."""
    levels = np.unique(array[: max(1, 10_000_000 // max(array[0].size, 1))])
    if 2 < len(levels) < FEW_LEVELS and levels[-1] < values.high / 2:
        return {
            f"level alone is used, from {levels[0]} to {levels[-1]} of 255: `data.range={levels[0]},{levels[-1]}` maps "
            f"them to the full range": len(levels)
        }
    return {}


def clipped(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return whole numbers as bytes, cut off at 0 and 255; bytes in memory as they are."""
    if array.dtype == np.uint8 and not isinstance(array, np.memmap):
        return array
    result: NDArray[np.uint8] = new_array(array.shape, np.uint8)
    for rows in blocks(array):
        result[rows] = np.clip(array[rows], 0, 255)
    return result


def blocks(array: NDArray[Any]) -> Iterator[slice]:
    """Yield rows of an array a part at a time, so that little memory is needed beside a result."""
    step = max(1, BLOCK // max(array[0].size, 1))
    for start in range(0, len(array), step):
        yield slice(start, start + step)


def as_bytes(array: NDArray[Any], low: float, high: float) -> NDArray[np.uint8] | None:
    """Return numbers on 256 even levels as bytes; None where that would lose anything."""
    levels = (array[:1].astype(np.float64) - low) * (255 / (high - low))
    if np.abs(levels - np.rint(levels)).max() > EXACT:
        return None
    result: NDArray[np.uint8] = new_array(array.shape, np.uint8)
    for rows in blocks(array):
        levels = (array[rows].astype(np.float64) - low) * (255 / (high - low))
        whole = np.rint(levels)
        if np.abs(levels - whole).max() > EXACT:
            return None
        result[rows] = np.clip(whole, 0, 255)
    return result


BLOCK = 1 << 21
"""numbers that are converted at a time"""
EXACT = 1e-4
"""how far from a whole level a number may be: float32 and float16 round"""


def in_range(array: NDArray[Any], low: float, high: float) -> Floats:
    """Return numbers as float32 in [-1, 1]."""
    result: Floats = new_array(array.shape, np.float32)
    for rows in blocks(array):
        result[rows] = np.clip((array[rows].astype(np.float64) - low) * (2 / (high - low)) - 1, -1, 1)
    return result


def in_columns(vectors: NDArray[Any], columns: tuple[Range, ...]) -> Floats:
    """Return vectors ``[N, D]`` as float32 in [-1, 1], each column by its own range."""
    return np.stack([in_range(vectors[:, n], *column) for n, column in enumerate(columns)], axis=1)


def shape_in_words(shape: Sequence[int], values: Mapping[str, Any], say: Callable[[str], str] = marked) -> str:
    """Return the shape of one example ``[C, H, W]`` as people know it, from what :meth:`Values.to_json` wrote.

    In English, unless ``say`` is :func:`~gradpen.language.said`.

    >>> shape_in_words((3, 32, 24), {}), shape_in_words((1, 12, 5), {"layout": "volumes", "depth": 4})
    ('3x32x24 (channels, height, width)', '1x4x3x5 (channels, depth, height, width)')
    >>> shape_in_words((1, 1, 7), {"layout": "vectors"}), shape_in_words((2, 1, 16), {"layout": "signals"})
    ('7 numbers', '2x16 (channels, length)')
    """
    channels, height, width = shape
    layout, depth = values.get("layout", "images"), values.get("depth")
    if layout == "lines":
        return say(marked("{width} characters of {channels}")).format(width=width, channels=channels)
    if layout == "vectors":
        return say(marked("{width} numbers")).format(width=width)
    if layout == "signals":
        return f"{channels}x{width} " + say(marked("(channels, length)"))
    if depth:
        return f"{channels}x{depth}x{height // depth}x{width} " + say(marked("(channels, depth, height, width)"))
    return f"{channels}x{height}x{width} " + say(marked("(channels, height, width)"))


def values_from_json(values: dict[str, Any] | None) -> Values:
    """Return what :meth:`Values.to_json` wrote; runs of earlier versions were of pixels."""
    if values is None:
        return PIXELS
    columns = values.get("columns")
    symbols = values.get("symbols")
    return Values(
        **{
            **values,
            "columns": columns and tuple((low, high) for low, high in columns),
            "symbols": symbols and tuple(symbols),
        }
    )
