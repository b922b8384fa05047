"""Images, vectors, signals or volumes from a ``.npy``, ``.npz`` or ``.h5`` file, or from an array in memory."""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradpen.data import hdf5
from gradpen.data.labels import Labels, class_labels
from gradpen.data.values import Images, Layout, Range, Values, in_columns, mapped, unscaled
from gradpen.errors import DataError
from gradpen.text import printable

ChosenRange = Range | Literal["unscaled"] | None
Axes = Literal["NHW", "NHWC", "NCHW", "ND", "NCL", "NDHW", "NDHWC", "NCDHW"]
NARROW = 0.1
"""share of the range of all vectors that a column must span, or each gets a range of its own"""
HARDLY = 0.01
"""share of the range of pixels below which a column is pointed out"""
ZIPPED = b"PK"
"""how an archive of arrays begins"""
IMAGE_KEYS = ("images", "x_train", "x", "data", "arr_0")
LABEL_KEYS = ("labels", "y_train", "y", "targets")
ARRAY_ERRORS = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    SyntaxError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
)
"""what NumPy and zipfile were seen to raise on damaged files"""
LAYOUTS = (
    "[N, H, W], [N, H, W, C] or [N, C, H, W] of images, [N, D] of vectors, [N, C, L] of signals or [N, C, D, H, W] of "
    "volumes"
)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """An array as it is trained on."""

    images: Images
    """``[N, C, H, W]``, uint8 from 0 to 255 or float32 in [-1, 1]; vectors and signals have one row, the slices of
    volumes lie one below the other"""
    values: Values
    notes: dict[str, int]


def read_array(file: Path, axes: Axes | None = None, chosen: ChosenRange = None) -> tuple[Numbers, Labels | None, str]:
    """Return images, labels if there are any, and the dtype found in the file; see :func:`images_from_array`.

    Raises:
        DataError: the file is damaged, holds Python objects, or its array cannot be images.
    """
    name = printable(file)
    with arrays_of(file) as found:
        keys = list(found)
        key = next((key for key in IMAGE_KEYS if key in keys), keys[0] if len(keys) == 1 else None)
        if key is None:
            held = ", ".join(printable(key) for key in keys) or "nothing"
            raise DataError(f"{name} holds {held}; name the array of images 'images'")
        label_key = next((key for key in LABEL_KEYS if key in keys), None)
        array, labels = found[key], None if label_key is None else found[label_key]
    if not isinstance(array, np.ndarray) or not isinstance(labels, np.ndarray | None):
        raise DataError(f"{name} has a member that is no array; write it with numpy.savez")
    unused = [other for other in keys if other not in (key, label_key)]
    numbers = images_from_array(array, name, axes, chosen)
    notes = numbers.notes | {f"array '{printable(other)}' in the file, not used": 1 for other in unused}
    return replace(numbers, notes=notes), labels_from_array(labels, len(array), name), str(array.dtype)


@contextmanager
def arrays_of(file: Path) -> Iterator[Mapping[str, Any]]:
    """Give the arrays of a file by their names, each read when it is taken; that of a ``.npy`` file is ``images``.

    Raises:
        DataError: the file is damaged or holds Python objects.
    """
    if file.suffix.lower() in hdf5.SUFFIXES:
        with hdf5.arrays_of(file) as found:
            yield found
        return
    try:
        with file.open("rb") as stream:
            # NumPy leaves a damaged archive open that it has opened itself, and maps only what it opens itself.
            zipped = stream.read(len(ZIPPED)) == ZIPPED
            stream.seek(0)
            if zipped:
                with np.load(stream, allow_pickle=False) as archive:
                    yield archive
            else:
                yield {IMAGE_KEYS[0]: np.load(file, mmap_mode="r", allow_pickle=False)}
    except ARRAY_ERRORS as error:
        raise DataError(
            f"{printable(file)} cannot be read as a NumPy array ({printable(error)}); arrays of Python objects are "
            f"never loaded: save numbers with numpy.save or numpy.savez"
        ) from None


def images_from_array(
    array: NDArray[np.generic], name: str, axes: Axes | None = None, chosen: ChosenRange = None
) -> Numbers:
    """Return an array of any rank from 2 to 5 as images, vectors, signals or volumes.

    Args:
        array: integers, floats or booleans.
        name: what messages call it.
        axes: what each axis is; None tells it from the shape.
        chosen: smallest and largest number, or none at all; None tells them from type and data.

    Raises:
        DataError: naming the shape, dtype or value that is wrong and what was expected.
    """
    axes = axes_of(array.shape, name) if axes is None else axes
    refuse_other_axes(array.shape, axes, name)
    if chosen == "unscaled":
        vectors, values = unscaled(array, name)
        return Numbers(images=vectors[:, None, None], values=replace(values, layout="vectors"), notes={})
    numbers, values, notes = mapped(array, name, chosen)
    if axes == "ND" and chosen is None and numbers.dtype != np.uint8 and (columns := column_ranges(array, values)):
        values = replace(values, columns=columns)
        numbers = in_columns(array, columns)
        notes = notes | {"column has a range of its own, since some span little of the range of all": len(columns)}
    elif axes == "ND" and array.dtype != np.uint8 and numbers.dtype == np.uint8:
        notes = notes | narrow_columns(array, values)
    images, layout, depth = placed(numbers, axes)
    return Numbers(images=images, values=replace(values, layout=layout, depth=depth), notes=notes)


def refuse_other_axes(shape: tuple[int, ...], axes: Axes, name: str) -> None:
    """Raise unless an array of this shape can have these axes.

    Raises:
        DataError: saying so.
    """
    if len(shape) != len(axes) or 0 in shape:
        raise DataError(f"{name} has shape {list(shape)}; with `data.axes={axes}` it has {len(axes)} axes")


def placed(array: NDArray[Any], axes: Axes) -> tuple[NDArray[Any], Layout, int | None]:
    """Return an array of these axes as ``[N, C, H, W]``, its layout and the slices of volumes."""
    if axes == "NHW":
        return array[:, None], "images", None
    if axes == "NHWC":
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2)), "images", None
    if axes == "NCHW":
        return array, "images", None
    if axes == "ND":
        return array[:, None, None], "vectors", None
    if axes == "NCL":
        return array[:, :, None], "signals", None
    array = array[:, None] if axes == "NDHW" else array
    array = array.transpose(0, 4, 1, 2, 3) if axes == "NDHWC" else array
    count, channels, depth, height, width = array.shape
    return np.ascontiguousarray(array).reshape(count, channels, depth * height, width), "volumes", depth


def column_ranges(vectors: NDArray[Any], values: Values) -> tuple[Range, ...] | None:
    """Return a range for each column of vectors; None where one range for all leaves every column room.

    A column of one number says nothing, and gets the range of all.
    """
    lows, highs = vectors.min(axis=0).astype(np.float64), vectors.max(axis=0).astype(np.float64)
    varying = highs > lows
    if not (varying & (highs - lows < NARROW * (values.high - values.low))).any():
        return None
    lows, highs = np.where(varying, lows, values.low), np.where(varying, highs, values.high)
    return tuple(zip(lows.tolist(), highs.tolist(), strict=True))


def narrow_columns(vectors: NDArray[Any], values: Values) -> dict[str, int]:
    """Return a note of columns that the usual range of bytes leaves hardly any room: the networks cannot see them."""
    spans = (vectors.max(axis=0).astype(np.float64) - vectors.min(axis=0)) / (values.high - values.low)
    narrow = int(((spans > 0) & (spans < HARDLY)).sum())
    words = (
        f"column spans less than {HARDLY:.0%} of {values.low:g} to {values.high:g}, the range of all, since these look "
        f"like pixels; scale the columns alike before training"
    )
    return {words: narrow} if narrow else {}


def axes_of(shape: tuple[int, ...], name: str) -> Axes:
    """Return what the axes of an array are, told by its shape: channels are the fewest.

    Raises:
        DataError: the shape does not tell.
    """
    rank = len(shape)
    if rank == 2:
        return "ND"
    if rank == 3:
        return "NHW"
    if rank == 4 and (shape[3] <= 4 or shape[3] < min(shape[1:3])):
        return "NHWC"
    if rank == 4 and (shape[1] <= 4 or shape[1] < min(shape[2:])):
        return "NCHW"
    if rank == 5 and min(shape[1], shape[4]) <= max(4, min(shape[2:4]) - 1):
        return "NCDHW" if shape[1] <= shape[4] else "NDHWC"
    raise DataError(
        f"{name} has shape {list(shape)}; expected {LAYOUTS}, and `data.axes` where the shape does not tell"
    )


def labels_from_array(labels: NDArray[np.generic] | None, count: int, name: str) -> Labels | None:
    """Return labels from integers or texts ``[count]`` (classes), or from numbers ``[count, K]``.

    Numbers that are all 0 or 1 are attributes, others values; columns are named 0, 1, …
    """
    if labels is None:
        return None
    if labels.shape == (count, 1) and labels.dtype.kind in "iubUS":
        labels = labels[:, 0]
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels.astype(np.bytes_), "utf-8", "replace")
    if labels.shape == (count,) and labels.dtype.kind in "iubU":
        found, numbers = np.unique(labels, return_inverse=True)
        return class_labels(numbers, tuple(str(value) for value in found.tolist()))
    if labels.ndim == 2 and len(labels) == count and labels.shape[1] > 0 and labels.dtype.kind in "iubf":
        values = labels.astype(np.float32)
        if np.isfinite(values).all():
            binary = bool(np.isin(values, (0, 1)).all())
            names = tuple(str(column) for column in range(values.shape[1]))
            return Labels(kind="attributes" if binary else "values", names=names, values=values)
    raise DataError(
        f"{name} has labels of shape {list(labels.shape)} and dtype {labels.dtype}; expected {count} integers or "
        f"texts, or finite numbers of shape [{count}, K]"
    )
