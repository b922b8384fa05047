"""Where large arrays lie: the user's cache folder."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gradpen.machine.files import take_room

LARGE = 1 << 28
"""bytes from which an array lies on the disk and not in memory"""


def cache_folder() -> Path:
    """Return where decoded data are kept: ``$GRADPEN_CACHE``, else ``gradpen`` in the user's cache folder.

    Users of containers may have no home; theirs lies among the temporary files.
    """
    given = os.environ.get("GRADPEN_CACHE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    if not base:
        home = os.path.expanduser("~")
        base = os.path.join(home, ".cache") if os.path.isdir(home) else tempfile.gettempdir()
    return Path(base) / "gradpen"


def new_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a new array: in memory, or of more than :data:`LARGE` bytes in a file that goes when nobody holds it.

    Where the cache has no room for the file, memory takes it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= LARGE:
        return np.empty(shape, dtype)
    try:
        place = cache_folder()
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            file.truncate(size)
            take_room(file)
            return np.memmap(file, dtype=dtype, mode="r+", shape=shape)
    except OSError:
        return np.empty(shape, dtype)
