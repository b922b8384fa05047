"""Recognise what the user points at, and open it as a source."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gradpen.data import arrays, cifar, hdf5, idx, lines, lsun, tabulated
from gradpen.data.choice import EMBEDDED, READ, WITHOUT_TABLE, DataChoice, LabelledArray
from gradpen.data.columns import name_and_kind, official_parts, table_labels
from gradpen.data.embedded import embedded
from gradpen.data.folder import Progress, class_in_name, class_of, folder_classes, named_classes, parts_of_split
from gradpen.data.labels import Labels, class_labels
from gradpen.data.memory import from_memory, of_lines
from gradpen.data.source import (
    FEWEST_HELD_OUT,
    Indices,
    Source,
    make_source,
    only_classes,
    split,
)
from gradpen.data.store import load_collection, load_folder
from gradpen.data.tables import Table, find_table, read_table
from gradpen.data.tabulated import read_numbers_table
from gradpen.errors import DataError
from gradpen.text import printable

ARRAY_SUFFIXES = (".npy", ".npz", *hdf5.SUFFIXES)


def no_progress(step: str, done: int, total: int) -> None:
    """Show nothing."""
    del step, done, total


def open_source(choice: DataChoice, *, array: LabelledArray | None = None, progress: Progress = no_progress) -> Source:
    """Open the data that a choice describes.

    Args:
        choice: path and options.
        array: images in memory, used instead of the path.
        progress: called while a folder is decoded.

    Raises:
        DataError: the data cannot be used; the message names the file and what was expected.
    """
    if array is not None and array.images.dtype.kind == "U" and array.images.ndim == 1:
        source = of_lines(array.images.tolist(), "array", "lines in memory", choice)
    elif array is not None:
        numbers = arrays.images_from_array(array.images, "the array", choice.axes, choice.numbers)
        labels = arrays.labels_from_array(array.labels, len(array.images), "the array")
        source = from_memory(
            "array", "array in memory", numbers.images, labels, str(array.images.dtype), choice, numbers=numbers
        )
    elif choice.path.startswith(EMBEDDED):
        source = embedded(choice)
    else:
        source = from_path(Path(os.path.expanduser(choice.path)), choice, progress)
    refuse_labels_without_files(choice, source)
    if choice.length is not None and source.values.symbols is None:
        raise DataError(f"{printable(source.report.path)} holds no text; `data.length` is for lines of text")
    if choice.unscaled and not source.values.unscaled:
        raise DataError(
            f"{printable(source.report.path)} holds {source.values.layout}; `data.unscaled` is for vectors of floats"
        )
    source = only_classes(source, choice.only)
    if len(source.train) < 2 or len(source.held_out) < FEWEST_HELD_OUT:
        raise DataError(
            f"{printable(source.report.path)} has {source.report.used} usable image(s), {len(source.held_out)} of them "
            f"held out: a run needs at least 2 to train on and {FEWEST_HELD_OUT} held out; add images, or hold out "
            f"more with `data.held_out=0.3`"
        )
    return source


def from_path(path: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open a folder or a file."""
    name = printable(path)
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise DataError(f"there is no file or folder {name}; give {READ}")
    for form in FORMS:
        if (found := form.find(path)) is not None:
            return form.open(found, choice, progress)
    raise DataError(f"{name} is a file gradpen cannot train on; give {READ}")


def from_array(path: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open an array in a file."""
    del progress
    numbers, labels, dtype = arrays.read_array(path, choice.axes, choice.numbers)
    return from_memory("array", str(path), numbers.images, labels, dtype, choice, numbers=numbers)


def from_table(path: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open a file of numbers, one vector a line."""
    del progress
    array, columns = read_numbers_table(path)
    numbers = arrays.images_from_array(array, printable(path), "ND", choice.numbers)
    notes = {f"column, named {', '.join(map(printable, columns))}": len(columns)} if columns else {}
    numbers = replace(numbers, notes=numbers.notes | notes)
    return from_memory("array", str(path), numbers.images, None, "float64", choice, numbers=numbers)


def from_text(path: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open a text file, a line an example."""
    del progress
    return of_lines(lines.read_lines(path), "text", str(path), choice)


def from_folder(path: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open a folder of images through the store."""
    table = chosen_table(path, choice)  # before the images, which may take long, so that a misspelt column does not
    stored = load_folder(path, choice, strict=choice.strict, progress=progress)
    labels, notes = folder_labels(path, stored.files, choice, table)
    parts, more_notes = official_parts(table, path, stored.files)
    if parts is None:
        parts, more = parts_by_folder(stored.files)
        more_notes |= more
    report = stored.report
    report = replace(report, notes=report.notes | notes | more_notes)
    if labels is not None:
        report = replace(report, classes=labels.counts(), labels=origin_of_labels(choice, table))
    train, held_out = parts or split(len(stored.images), choice.held_out)
    return make_source(stored.images, train, held_out, labels, report, stored.pixels, stored.values)


def parts_by_folder(files: list[str]) -> tuple[tuple[Indices, Indices] | None, dict[str, int]]:
    """Return the rows of ``train/`` and those of ``val/`` and ``test/``, if all images lie there, and notes."""
    found = parts_of_split(files)
    if found is None:
        return None, {}
    training = np.array([class_of(file) in found[0] for file in files])
    train, held_out = np.flatnonzero(training), np.flatnonzero(~training)
    where = ", ".join(f"{printable(name)}/" for name in found[1])
    if len(train) < FEWEST_HELD_OUT or len(held_out) < FEWEST_HELD_OUT:
        return None, {f"image in {where}, too few so that the usual split is taken": len(held_out)}
    return (train, held_out), {f"image held out, since it lies in {where}": len(held_out)}


def from_lsun(path: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open LSUN's encoded images through the store."""
    with lsun.lsun_images(path) as collection:
        stored = load_collection(collection, choice, strict=choice.strict, progress=progress)
    train, held_out = split(len(stored.images), choice.held_out)
    return make_source(stored.images, train, held_out, None, stored.report, stored.pixels, stored.values)


def chosen_table(folder: Path, choice: DataChoice) -> Table | None:
    """Return the table of labels that a choice names, or the one at the folder if it names columns only."""
    names = tuple(name_and_kind(column)[0] for column in choice.columns)
    if choice.labels is None and choice.columns:
        return read_table(find_table(folder), names)
    if choice.labels in WITHOUT_TABLE:
        if choice.columns:
            raise DataError(
                f"columns ({', '.join(map(printable, choice.columns))}) are columns of a table, and labels are "
                f"{choice.labels}; leave out `data.columns`, or give `data.labels=FILE`"
            )
        return None
    return read_table(Path(os.path.expanduser(str(choice.labels))), names)


def folder_labels(
    path: Path, files: list[str], choice: DataChoice, table: Table | None
) -> tuple[Labels | None, dict[str, int]]:
    """Return the labels of a folder's images, where the choice says that they have any, and notes for the report."""
    if table is not None:
        kinds = {name: kind for name, kind in map(name_and_kind, choice.columns) if kind is not None}
        return table_labels(table, path, files, kinds)
    if choice.labels == "names":
        return named_classes([class_in_name(file) for file in files]), {}
    if choice.labels == "folders" or choice.only:
        return folder_classes(files, path), {}
    return None, {}


def origin_of_labels(choice: DataChoice, table: Table | None) -> str:
    """Return where a folder's labels come from, in words."""
    return choice.labels or "folders" if table is None else f"{table.file}: {', '.join(table.columns)}"


def refuse_labels_without_files(choice: DataChoice, source: Source) -> None:
    """Raise if labels are to come from folders, file names or a table, but the images have no file names.

    Raises:
        DataError: saying so.
    """
    if source.report.kind == "folder" or (choice.labels is None and source.report.kind != "lsun"):
        return
    if choice.labels is not None or choice.columns:
        option = "`data.columns`" if choice.labels is None else f"`data.labels={printable(choice.labels)}`"
        raise DataError(
            f"{printable(source.report.path)} has no image files whose names could tell their labels; leave out "
            f"{option}, or give a folder of images"
        )


def from_idx(folder: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open idx files; the test part, if it is there, is held out."""
    del progress
    train_part, test_part = idx.read_part(folder, "train"), idx.read_part(folder, "test")
    assert train_part is not None, "idx_folder found the training images"
    images, labels = train_part
    parts = None
    if test_part is not None:
        if test_part[0].shape[1:] != images.shape[1:]:
            raise DataError(
                f"{printable(folder)}: training images are {list(images.shape[2:])} and test images "
                f"{list(test_part[0].shape[2:])}; they must have one size"
            )
        total = len(images) + len(test_part[0])
        parts = (np.arange(len(images)), np.arange(len(images), total))
        labels = None if labels is None or test_part[1] is None else np.concatenate([labels, test_part[1]])
        images = np.concatenate([images, test_part[0]])
    known = None
    if labels is not None:
        fashion = "fashion" in str(folder).lower() and labels.max() < len(idx.FASHION)
        names = idx.FASHION if fashion else tuple(str(n) for n in range(int(labels.max()) + 1))
        known = class_labels(labels, names)
    return from_memory("idx", str(folder), images, known, "uint8", choice, parts)


def from_cifar(folder: Path, choice: DataChoice, progress: Progress) -> Source:
    """Open CIFAR-10; the test part is held out."""
    del progress
    (images, classes), (test_images, test_classes), names = cifar.read_cifar(folder)
    parts = (np.arange(len(images)), np.arange(len(images), len(images) + len(test_images)))
    labels = class_labels(np.concatenate([classes, test_classes]), names)
    return from_memory("cifar", str(folder), np.concatenate([images, test_images]), labels, "uint8", choice, parts)


@dataclass(frozen=True)
class Form:
    """A form that data come in."""

    find: Callable[[Path], Path | None]
    """return where such data lie at a path that exists, or None"""
    open: Callable[[Path, DataChoice, Progress], Source]


FORMS = (
    Form(idx.idx_folder, from_idx),
    Form(cifar.cifar_folder, from_cifar),
    Form(lambda path: path if lsun.is_lsun(path) else None, from_lsun),
    Form(lambda path: path if path.suffix.lower() in ARRAY_SUFFIXES and path.is_file() else None, from_array),
    Form(lambda path: path if path.suffix.lower() in tabulated.SUFFIXES and path.is_file() else None, from_table),
    Form(lambda path: path if path.suffix.lower() in lines.SUFFIXES and path.is_file() else None, from_text),
    Form(lambda path: path if path.is_dir() else None, from_folder),
)
"""all forms, the first that fits is taken; a new one is a file that reads it, and a row here"""
