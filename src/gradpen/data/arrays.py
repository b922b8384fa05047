"""Images, vectors or signals from a ``.npy`` or ``.npz`` file, or from an array in memory."""

import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gradpen.data.labels import Labels, class_labels
from gradpen.data.values import Images, Range, Values, mapped
from gradpen.errors import DataError
from gradpen.text import printable

Axes = Literal["NHW", "NHWC", "NCHW", "ND", "NCL", "NDHW", "NDHWC", "NCDHW"]
NARROW = 0.01
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
VOLUMES = ("NDHW", "NDHWC", "NCDHW")


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """An array as it is trained on."""

    images: Images
    """``[N, C, H, W]``, uint8 from 0 to 255 or float32 in [-1, 1]; vectors and signals have one row, the slices of
    volumes lie one below the other"""
    values: Values
    notes: dict[str, int]


def read_array(file: Path, axes: Axes | None = None, chosen: Range | None = None) -> tuple[Numbers, Labels | None, str]:
    """Return images, labels if there are any, and the dtype found in the file; see :func:`images_from_array`.

    Raises:
        DataError: the file is damaged, holds Python objects, or its array cannot be images.
    """
    name = printable(file)
    labels = None
    unused: list[str] = []
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                key = next((key for key in IMAGE_KEYS if key in loaded.files), None)
                if key is None and len(loaded.files) == 1:
                    key = loaded.files[0]
                if key is None:
                    keys = ", ".join(printable(key) for key in loaded.files) or "nothing"
                    raise DataError(f"{name} holds {keys}; name the array of images 'images'")
                array = loaded[key]
                label_key = next((key for key in LABEL_KEYS if key in loaded.files), None)
                labels = None if label_key is None else loaded[label_key]
                unused = [other for other in loaded.files if other not in (key, label_key)]
        else:
            array = loaded
        if not isinstance(array, np.ndarray) or not isinstance(labels, np.ndarray | None):
            raise DataError(f"{name} has a member that is no array; write it with numpy.savez")
    except ARRAY_ERRORS as error:
        raise DataError(
            f"{name} cannot be read as a NumPy array ({printable(error)}); arrays of Python objects are "
            f"never loaded: save numbers with numpy.save or numpy.savez"
        ) from None
    numbers = images_from_array(array, name, axes, chosen)
    notes = numbers.notes | {f"array '{printable(other)}' in the file, not used": 1 for other in unused}
    return replace(numbers, notes=notes), labels_from_array(labels, len(array), name), str(array.dtype)


def images_from_array(
    array: NDArray[np.generic], name: str, axes: Axes | None = None, chosen: Range | None = None
) -> Numbers:
    """Return an array of any rank from 2 to 5 as images, vectors, signals or volumes.

    Args:
        array: integers, floats or booleans.
        name: what messages call it.
        axes: what each axis is; None tells it from the shape.
        chosen: smallest and largest number; None tells them from type and data.

    Raises:
        DataError: naming the shape, dtype or value that is wrong and what was expected.
    """
    axes = axes_of(array, name) if axes is None else axes
    if array.ndim != len(axes) or 0 in array.shape:
        raise DataError(f"{name} has shape {list(array.shape)}; with `data.axes={axes}` it has {len(axes)} axes")
    numbers, values, notes = mapped(array, name, chosen)
    if axes == "NHW":
        numbers = numbers[:, None]
    elif axes == "NHWC":
        numbers = np.ascontiguousarray(numbers.transpose(0, 3, 1, 2))
    elif axes == "ND":
        notes = notes | narrow_columns(array, values)
        numbers, values = numbers[:, None, None], replace(values, layout="vectors")
    elif axes == "NCL":
        numbers, values = numbers[:, :, None], replace(values, layout="signals")
    elif axes in VOLUMES:
        numbers = numbers[:, None] if axes == "NDHW" else numbers
        numbers = numbers.transpose(0, 4, 1, 2, 3) if axes == "NDHWC" else numbers
        count, channels, depth, height, width = numbers.shape
        numbers = np.ascontiguousarray(numbers).reshape(count, channels, depth * height, width)
        values = replace(values, layout="volumes", depth=depth)
    return Numbers(images=numbers, values=values, notes=notes)


def narrow_columns(vectors: NDArray[np.generic], values: Values) -> dict[str, int]:
    """Return a note of columns that one range for all leaves hardly any room: the networks cannot see them."""
    spans = (vectors.max(axis=0).astype(np.float64) - vectors.min(axis=0)) / (values.high - values.low)
    narrow = int((spans < NARROW).sum())
    words = f"column spans less than {NARROW:.0%} of the range of all; scale the columns alike before training"
    return {words: narrow} if narrow else {}


def axes_of(array: NDArray[np.generic], name: str) -> Axes:
    """Return what the axes of an array are, told by its shape: channels are the fewest.

    Raises:
        DataError: the shape does not tell.
    """
    shape = array.shape
    if array.ndim == 2:
        return "ND"
    if array.ndim == 3:
        return "NHW"
    if array.ndim == 4 and (shape[3] <= 4 or shape[3] < min(shape[1:3])):
        return "NHWC"
    if array.ndim == 4 and (shape[1] <= 4 or shape[1] < min(shape[2:])):
        return "NCHW"
    if array.ndim == 5 and min(shape[1], shape[4]) <= max(4, min(shape[2:4]) - 1):
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
