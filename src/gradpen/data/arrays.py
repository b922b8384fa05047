"""Images from a ``.npy`` or ``.npz`` file, or from an array in memory."""

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradpen.data.labels import Labels, class_labels
from gradpen.errors import DataError
from gradpen.text import printable

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
)
"""what NumPy and zipfile were seen to raise on damaged files"""
LAYOUTS = "[N, H, W], [N, H, W, C] or [N, C, H, W] with 1 to 4 channels"


def read_array(file: Path) -> tuple[NDArray[np.uint8], Labels | None, str]:
    """Return images ``[N, C, H, W]``, labels if there are any, and the dtype found in the file.

    Raises:
        DataError: the file is damaged, holds Python objects, or its array cannot be images.
    """
    name = printable(file)
    labels = None
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
        else:
            array = loaded
    except ARRAY_ERRORS as error:
        raise DataError(
            f"{name} cannot be read as a NumPy array ({printable(error)}); arrays of Python objects are "
            f"never loaded: save numbers with numpy.save or numpy.savez"
        ) from None
    images = images_from_array(array, name)
    return images, labels_from_array(labels, len(images), name), str(array.dtype)


def images_from_array(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Return the array as uint8 images ``[N, C, H, W]``.

    Raises:
        DataError: naming the shape, dtype or value that is wrong and what was expected.
    """
    if array.ndim not in (3, 4) or 0 in array.shape:
        raise DataError(f"{name} has shape {list(array.shape)}; images have shape {LAYOUTS}")
    pixels = to_uint8(array, name)
    if pixels.ndim == 3:
        return pixels[:, None]
    if pixels.shape[3] <= 4:
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    if pixels.shape[1] <= 4:
        return pixels
    raise DataError(f"{name} has shape {list(array.shape)}; images have shape {LAYOUTS}")


def to_uint8(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Return pixel values 0..255 from uint8, booleans, integers in 0..255, 16-bit, or floats."""
    if array.dtype == np.uint8:
        return array.view(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16 and array.max() > 255:
        return (array.astype(np.uint16) >> 8).astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{name} has dtype {array.dtype}; expected uint8, or floats in [0, 1] or [-1, 1]")
    values = array.astype(np.float32)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise DataError(f"{name} holds {bad:,} values that are NaN or infinite; remove those images first")
    low, high = float(values.min()), float(values.max())
    if array.dtype.kind in "iu" and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.rint(values * 255).astype(np.uint8)
    if array.dtype.kind == "f" and low >= -1 and high <= 1:
        return np.asarray(np.rint(values * 127.5 + 127.5), dtype=np.uint8)
    raise DataError(
        f"{name} holds {array.dtype} values from {low:g} to {high:g}; expected integers in [0, 255] or floats "
        f"in [0, 1] or [-1, 1]"
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
