"""MNIST and Fashion-MNIST as idx files, gzipped or not, in the layout torchvision leaves on disk.

The format: two zero bytes, a type byte (8 for uint8), the number of axes, each axis as a big-endian 32-bit
integer, then the values (yann.lecun.com/exdb/mnist).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradpen.errors import DataError
from gradpen.text import printable

PREFIXES = {"train": "train", "test": "t10k"}
SUBFOLDERS = ("", "raw", "MNIST/raw", "FashionMNIST/raw")
FASHION = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")


def idx_folder(path: Path) -> Path | None:
    """Return the folder at or below ``path`` that holds idx training images, or None."""
    for below in SUBFOLDERS:
        if _idx_file(path / below, "train", "images", 3):
            return path / below
    return None


def _idx_file(folder: Path, part: str, what: str, axes: int) -> Path | None:
    """Return the file of this part, gzipped or not; torchvision's and LeCun's spellings are known."""
    for joint in ("-", "."):
        for suffix in ("", ".gz"):
            file = folder / f"{PREFIXES[part]}-{what}{joint}idx{axes}-ubyte{suffix}"
            if file.is_file():
                return file
    return None


def read_idx(file: Path) -> NDArray[np.uint8]:
    """Return the array in an idx file of unsigned bytes.

    Raises:
        DataError: the file is no idx file, is damaged, or holds another type.
    """
    name = printable(file)
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} cannot be read ({error}); copy the file again") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != 8:
        raise DataError(f"{name} is not an idx file of unsigned bytes (it starts with {content[:4].hex()})")
    axes = content[3]
    if len(content) < 4 + 4 * axes:
        raise DataError(f"{name} ends within its header; copy the file again")
    shape = struct.unpack_from(f">{axes}I", content, 4)
    values = content[4 + 4 * axes :]
    if len(values) != math.prod(shape):
        raise DataError(
            f"{name} should hold {math.prod(shape):,} values for shape {list(shape)} and holds {len(values):,}; "
            f"copy the file again"
        )
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def read_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None] | None:
    """Return images ``[N, 1, H, W]`` and labels of ``train`` or ``test``; None if there is no such part."""
    images_file = _idx_file(folder, part, "images", 3)
    if images_file is None:
        return None
    images = read_idx(images_file)
    if images.ndim != 3 or 0 in images.shape:
        raise DataError(f"{printable(images_file)} holds shape {list(images.shape)}, expected [N, H, W]")
    labels_file = _idx_file(folder, part, "labels", 1)
    labels = None if labels_file is None else read_idx(labels_file).astype(np.int64)
    if labels is not None and labels.shape != (len(images),):
        raise DataError(
            f"{printable(labels_file)} holds {labels.size} labels for the {len(images)} images of "
            f"{printable(images_file.name)}"
        )
    return images[:, None], labels
