"""What a Python program holds as data: tensors, arrays, lists of them, and PyTorch's data sets."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset

from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.folder import read_file
from gradpen.data.image import Header, UnreadableImageError
from gradpen.data.numbers import header_of
from gradpen.data.target import decode_file, target_of
from gradpen.errors import DataError, UsageError
from gradpen.text import printable

Held = NDArray[np.generic] | torch.Tensor | Sequence[Any] | Dataset[Any] | DataLoader[Any]
"""data that a program holds"""
KINDS = "a path, an array or tensor, a list of them, of images or of files, or a Dataset or DataLoader of PyTorch"
AUGMENTS = 2
"""examples that are read twice, to see whether a data set gives the same each time"""


def is_held(data: object) -> bool:
    """Return whether these are data themselves, and not where they lie.

    Raises:
        UsageError: they are neither.
    """
    if data is None or isinstance(data, str | Path):
        return False
    if isinstance(data, np.ndarray | torch.Tensor | Dataset | DataLoader) or is_sequence(data):
        return True
    raise UsageError(f"data of type {type(data).__module__}.{type(data).__qualname__} are not known; give {KINDS}")


def is_sequence(data: object) -> bool:
    """Return whether these are a list or tuple of examples."""
    return isinstance(data, list | tuple)


def as_array(data: Any, say: Callable[[str], None]) -> tuple[NDArray[np.generic], NDArray[np.generic] | None]:
    """Return examples ``[N, …]`` as one array, and the labels that come with each, if any.

    Args:
        data: what :func:`is_held` knows. A data set is read once, from its first example to its last.
        say: told what is read, and what a single reading leaves out.

    Raises:
        DataError: there are none, they differ in shape, or they have no end.
    """
    if isinstance(data, np.ma.MaskedArray) and np.ma.getmaskarray(data).any():
        hidden = int(np.ma.getmaskarray(data).sum())
        raise DataError(f"the array has {hidden:,} masked numbers; give them a value first, as array.filled(0) does")
    if isinstance(data, np.ndarray):
        return np.asarray(data), None
    if isinstance(data, torch.Tensor):
        return array_of(data), None
    if is_sequence(data) and data and all(isinstance(file, str | Path) for file in data):
        return of_files([Path(file) for file in data], say), None
    if is_sequence(data):
        return stacked([array_of(example) for example in data]), None
    if isinstance(data, DataLoader):
        say("the examples of the loader's data set are read once; batches are gradpen's own (`batch_size`)")
        data = data.dataset
    if isinstance(data, IterableDataset) or not hasattr(data, "__len__"):
        raise DataError(
            f"{type(data).__name__} does not say how many examples it has and may have no end; take a part of it, for "
            f"example list(itertools.islice(iter(data), 10_000))"
        )
    examples = [data[index] for index in range(len(data))]
    images, labels = zip(*map(parted, examples), strict=True) if examples else ((), ())
    again = [array_of(parted(data[index])[0]) for index in range(min(AUGMENTS, len(examples)))]
    arrays = [array_of(image) for image in images]
    if not all(np.array_equal(*pair) for pair in zip(again, islice(arrays, len(again)), strict=True)):
        say(
            "the data set gives another example each time it is asked for the same: it augments; what was read once is "
            "trained on (`augmentation={}` augments what the critic sees)"
        )
    given = None if any(label is None for label in labels) else np.array([array_of(label) for label in labels])
    return stacked(arrays), given


def of_files(files: list[Path], say: Callable[[str], None]) -> NDArray[np.generic]:
    """Return image files as an array ``[N, H, W, C]``, as a folder of them would be read, in their own units.

    Raises:
        DataError: one of them cannot be read, or they do not go together.
    """
    options = DataChoice()
    contents: list[bytes] = []
    headers: list[Header] = []
    for file in files:
        try:
            contents.append(read_file(file))
            headers.append(header_of(contents[-1], options.max_pixels, None))
        except UnreadableImageError as error:
            raise DataError(f"{printable(file)} is unreadable ({printable(error)}); leave it out of the list") from None
    target = target_of(headers, options)
    images = []
    notes: Counter[str] = Counter()
    for file, content, header in zip(files, contents, headers, strict=True):
        try:
            image, noted = decode_file(content, header, target, options)
            notes.update(noted)
        except UnreadableImageError as error:
            raise DataError(f"{printable(file)} is unreadable ({printable(error)}); leave it out of the list") from None
        images.append(image)
    if len({(header.height, header.width) for header in headers}) > 1:
        say(f"the files of the list differ in size and are brought to {target.shape[1]}x{target.shape[2]}")
    for note, count in notes.items():
        say(f"of the files of the list {count:,} × {note}")
    taken = np.stack(images)
    if not target.numbers:
        return taken.transpose(0, 2, 3, 1)
    ranged = taken.astype(np.float32)
    ranged = ranged / 127.5 - 1 if taken.dtype == np.uint8 else ranged
    numbers: NDArray[np.generic] = target.values.restore(ranged)
    return numbers


def in_memory(
    data: str | Path | Held | None, labels: ArrayLike | None, say: Callable[[str], None] = lambda _: None
) -> LabelledArray | None:
    """Return examples that the program holds, with their labels; None if the data lie elsewhere.

    Raises:
        UsageError: they are neither.
        DataError: they cannot be read.
    """
    if not is_held(data):
        return None
    array, own = as_array(data, say)
    return LabelledArray(images=array, labels=own if labels is None else np.asarray(labels), asked=labels is not None)


def parted(example: Any) -> tuple[Any, Any]:
    """Return image and label of an example; None where there is no label."""
    if isinstance(example, tuple | list) and len(example) == 2:
        return example[0], example[1]
    if isinstance(example, tuple | list):
        return example[0], None
    return example, None


def array_of(example: Any) -> NDArray[np.generic]:
    """Return one example as an array.

    Raises:
        DataError: it is none.
    """
    if isinstance(example, torch.Tensor):
        held = example.detach().cpu()
        return (held.float() if held.dtype == torch.bfloat16 else held).numpy()
    if isinstance(example, Image.Image):
        return np.asarray(example)
    if isinstance(example, str | Path):
        raise DataError(
            f"the list holds names of files ({printable(example)} …) among other things; give one or the other"
        )
    array = np.asarray(example)
    if array.dtype.kind not in "biufUS":
        raise DataError(f"an example is of type {type(example).__name__}; expected an array, a tensor or an image")
    return array


def stacked(examples: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Return examples of one shape as one array ``[N, …]``."""
    shapes = {example.shape for example in examples}
    if not examples:
        raise DataError("there are no examples")
    if len(shapes) > 1:
        some = " and ".join(str(list(shape)) for shape in sorted(shapes)[:2])
        raise DataError(f"examples differ in shape ({some}); bring them to one, or give a folder of image files")
    return np.stack(examples)
