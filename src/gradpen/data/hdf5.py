"""Arrays of an HDF5 file, read by h5py (extra ``h5``)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.errors import DataError
from gradpen.text import printable

SUFFIXES = (".h5", ".hdf5")


class Arrays(Mapping[str, NDArray[Any]]):
    """The arrays of an open file by their paths in it, each read when it is taken."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found

    def __getitem__(self, path: str) -> NDArray[Any]:
        import h5py

        item = self.found[path]
        if h5py.check_string_dtype(item.dtype) is None:
            return np.asarray(item[()])
        return np.asarray(item.asstr()[()]).astype(str)

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


@contextmanager
def arrays_of(file: Path) -> Iterator[Arrays]:
    """Give the arrays of numbers or texts in a file by their paths, such as ``images`` or ``train/images``.

    Links to other files are not followed.

    Raises:
        DataError: h5py is not installed, or the file is damaged.
    """
    name = printable(file)
    if find_spec("h5py") is None:
        raise DataError(f"{name} needs h5py; install it with pip install 'gradpen[h5]'")
    import h5py

    found: dict[str, Any] = {}

    def take(path: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.shape and not item.external and not item.is_virtual:
            found[path] = item

    try:
        with h5py.File(file, "r") as opened:
            opened.visititems(take)
            yield Arrays(found)
    except (OSError, RuntimeError, ValueError, LookupError, TypeError, MemoryError) as error:
        raise DataError(f"{name} cannot be read as HDF5 ({printable(error)}); write it anew with h5py") from None
