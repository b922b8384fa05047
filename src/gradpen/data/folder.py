"""A folder of images of any size, mode and format, to one uint8 array."""

import os
import re
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from gradpen.data.arrays import Axes
from gradpen.data.image import SUFFIXES, Fit, Header, UnreadableImageError
from gradpen.data.labels import Labels, class_labels
from gradpen.data.numbers import header_of
from gradpen.errors import DataError
from gradpen.text import composed, printable

LARGEST_FILE = 1 << 30
NUMBERS = ".npy"
RUN_FILES = {b"config.json", b"run.lock"}
BESIDE = frozenset(["@eadir", "__macosx", "thumbnails", "thumbs", "#recycle", "$recycle.bin"])
"""folders that file servers, archives and viewers put beside images, in lower case; hidden ones are left out too"""
TRAINING = ("train", "training")
HELD_OUT = ("val", "valid", "validation", "test", "testing")
"""top-level folders that are parts of a split, in lower case"""

Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]
"""called with what is being done, how many are done and how many there are"""


class FolderOptions(Protocol):
    """What decides how a folder becomes an array."""

    @property
    def size(self) -> tuple[int, int] | None: ...  # noqa: D102
    @property
    def channels(self) -> int | None: ...  # noqa: D102
    @property
    def fit(self) -> Fit: ...  # noqa: D102
    @property
    def background(self) -> str: ...  # noqa: D102
    @property
    def range(self) -> tuple[float, float] | None: ...  # noqa: D102
    @property
    def axes(self) -> Axes | None: ...  # noqa: D102
    @property
    def max_pixels(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files below a folder."""

    files: list[str]
    """image files by suffix, or of numbers where there are no images, relative, in byte order"""
    stats: list[tuple[int, int]]
    """size in bytes and modification time in nanoseconds of each"""
    other: dict[str, int]
    """count of other files by suffix"""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Encoded images by name, wherever they lie."""

    kind: str
    """folder or lsun"""
    path: Path
    listing: Listing
    read: Callable[[str], bytes]
    """return the encoded image of this name; raises :class:`UnreadableImageError`"""


DEEPEST = 100
"""folders within folders that are looked into"""


def list_folder(folder: Path) -> Listing:
    """Return the image files below the folder; links to folders are not followed, folders of runs not entered.

    Where there are no images, the ``.npy`` files are what is listed.
    """
    found: list[tuple[bytes, tuple[int, int]]] = []
    arrays: list[tuple[bytes, tuple[int, int]]] = []
    other: Counter[str] = Counter()
    root = os.fsencode(folder)

    def unreadable(_: OSError) -> None:
        other["unreadable folder"] += 1

    for place, subfolders, files in os.walk(root, onerror=unreadable):
        if set(files) >= RUN_FILES:
            other["folder of a run"] += 1
            subfolders.clear()
            continue
        if place.count(os.fsencode(os.sep)) - root.count(os.fsencode(os.sep)) >= DEEPEST:
            other[f"folder nested deeper than {DEEPEST}"] += len(subfolders)
            subfolders.clear()
        other["link to a folder"] += sum(os.path.islink(os.path.join(place, folder)) for folder in subfolders)
        beside = [folder for folder in subfolders if lies_beside(folder)]
        other["hidden folder, or one of thumbnails or of an archive's extras"] += len(beside)
        other["empty folder"] += not subfolders and not files and place != root
        subfolders[:] = sorted(set(subfolders) - set(beside))
        for file in files:
            if file.startswith(b"."):
                other["hidden file"] += 1
                continue
            path = os.path.join(place, file)
            suffix = os.path.splitext(os.fsdecode(file))[1].lower()
            try:
                status = os.stat(path)
            except OSError:
                other["broken link"] += 1
                continue
            if suffix in SUFFIXES and stat.S_ISREG(status.st_mode):
                found.append((os.path.relpath(path, root), (status.st_size, status.st_mtime_ns)))
            elif suffix == NUMBERS and stat.S_ISREG(status.st_mode):
                arrays.append((os.path.relpath(path, root), (status.st_size, status.st_mtime_ns)))
            else:
                other[suffix or "no suffix"] += 1
    if found:
        other[NUMBERS] += len(arrays)
    found = sorted(found or arrays)
    return Listing(
        files=[os.fsdecode(path) for path, _ in found],
        stats=[status for _, status in found],
        other=dict((+other).most_common()),
    )


def lies_beside(folder: bytes) -> bool:
    """Return whether a folder of this name holds what programs put beside images."""
    return folder.startswith(b".") or os.fsdecode(folder).lower() in BESIDE


def parts_of_split(files: list[str]) -> tuple[list[str], list[str]] | None:
    """Return the top-level folders to train on and those held out, where the files lie in such folders alone.

    >>> parts_of_split(["train/cat/1.png", "val/cat/2.png"])
    (['train'], ['val'])
    """
    tops = sorted({class_of(file) for file in files})
    training = [top for top in tops if top.lower() in TRAINING]
    held_out = [top for top in tops if top.lower() in HELD_OUT]
    return (training, held_out) if training and held_out and len(training) + len(held_out) == len(tops) else None


def read_file(path: Path) -> bytes:
    """Return a file's bytes; raise :class:`UnreadableImageError` for one that cannot be read."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UnreadableImageError(f"file larger than {LARGEST_FILE >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"cannot be read: {error.strerror}") from None


def in_order(
    work: Callable[[str], Result], files: list[str], step: str, progress: Progress, first: int = 0
) -> Iterator[Result]:
    """Yield the results of ``work`` on each file from ``first`` on in order, several at a time."""
    window = 512
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.simplefilter("ignore")
        for start in range(first, len(files), window):
            for done, result in enumerate(pool.map(work, files[start : start + window]), start + 1):
                if done in (start + window, len(files)):
                    progress(step, done, len(files))
                yield result


def scan(collection: Collection, options: FolderOptions, progress: Progress) -> list[Header | UnreadableImageError]:
    """Return the header of each listed file, or why there is none."""

    def header(file: str) -> Header | UnreadableImageError:
        try:
            return header_of(collection.read(file), options.max_pixels, options.axes)
        except UnreadableImageError as error:
            return error

    return list(in_order(header, collection.listing.files, "reading headers", progress))


def class_of(file: str, below: int = 0) -> str:
    """Return the first sub-folder of a relative path, the image's class; empty at the top level.

    >>> class_of("cat/1.png"), class_of("train/cat/1.png", below=1), class_of("train/1.png", below=1)
    ('cat', 'cat', '')
    """
    folders = file.split(os.sep)[below:-1]
    return folders[0] if folders else ""


def class_in_name(file: str) -> str:
    """Return what a file's name says before its last word, if that is a running number.

    >>> class_in_name("3003 brick 2x2 314L.png"), class_in_name("img/cat_0042.jpg"), class_in_name("plan.png")
    ('3003 brick 2x2', 'cat', 'plan')
    """
    stem = os.path.splitext(os.path.basename(file))[0]
    return re.sub(r"[ _.-]+\d+[A-Za-z]?$", "", stem) or stem


def folder_classes(files: list[str], folder: Path) -> Labels:
    """Return the first sub-folder of each file as its class, classes in byte order.

    Raises:
        DataError: an image lies beside the class folders.
    """
    names = [class_of(file, below=0 if parts_of_split(files) is None else 1) for file in files]
    if "" in names:
        stray = files[names.index("")]
        raise DataError(
            f"{printable(folder)} is to have one sub-folder per class, but {printable(stray)} lies in none; "
            f"move it into a class folder, or train without `data.labels=folders`"
        )
    return named_classes(names)


def named_classes(names: list[str]) -> Labels:
    """Return labels from the name of each image's class, classes in byte order."""
    names = [composed(name) for name in names]
    classes = sorted(set(names), key=os.fsencode)
    numbers = {name: number for number, name in enumerate(classes)}
    return class_labels(np.array([numbers[name] for name in names]), tuple(classes))
