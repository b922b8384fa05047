"""What a table says about the images of a folder: their labels, and CelebA's official partition."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gradpen.data.image import SUFFIXES
from gradpen.data.labels import Labels, class_labels
from gradpen.data.tables import PARTITIONS, Table, read_table
from gradpen.errors import DataError
from gradpen.text import composed, printable

ColumnKind = Literal["attribute", "integer", "number", "text"]
STATED: dict[str, ColumnKind] = {"number": "number", "class": "text", "attribute": "attribute"}
"""kinds of a column that a user can state, as in ``age:number``"""

MOST_CLASSES = 1000
LARGEST_NUMBER = float(np.finfo(np.float32).max)
NAMED = 3
"""files and rows that a message names"""
FEWEST = 2
"""images in each part of a partition: a held-out measure needs a standard error"""


def keys_of_images(table: Table, folder: Path, files: list[str]) -> list[str | None]:
    """Return the key of each image's row.

    A row is found by the image's path in the folder or from the table, else by as many of its last parts as fit, so
    that absolute paths from another machine and bare names will do; suffixes may be missing in the table.

    Raises:
        DataError: what fits, fits more than one row or image.
    """
    base = os.path.relpath(folder.absolute(), table.file.absolute().parent)
    paths = [composed(file) for file in files]
    most = max((file.count(os.sep) for file in paths), default=0) + 1
    rows, images = Endings(table.rows, most), Endings(paths, most)

    def key_of(file: str) -> str | None:
        for path in (file, os.path.normpath(os.path.join(base, file))):
            if path in table.rows:
                return path
        for ending in endings(file, most):
            found = rows.of.get(ending, [])
            if len(found) == 1 and len(images.of[ending]) == 1:
                return found[0]
            if found:
                raise DataError(
                    f"{printable(table.file)} has no row '{printable(file)}', and '{printable(os.sep.join(ending))}' "
                    f"alone means {len(found)} row(s) and {len(images.of[ending])} images; write paths relative to "
                    f"{printable(folder)} into the table"
                )
        return None

    return [key_of(file) for file in paths]


class Endings:
    """Paths by their last parts, at most so many, with the suffix of the last one and without."""

    def __init__(self, paths: Iterable[str], most: int) -> None:
        self.of: dict[tuple[str, ...], list[str]] = {}
        for path in paths:
            for ending in endings(path, most):
                self.of.setdefault(ending, []).append(path)


def endings(path: str, most: int) -> Iterator[tuple[str, ...]]:
    """Yield the last parts of a path, many first, then those without the suffix of a file.

    >>> list(endings("home/me/a/1.png", most=2))
    [('a', '1.png'), ('1.png',), ('a', '1'), ('1',)]
    """
    parts = tuple(part for part in path.split(os.sep) if part)[-most:]
    for whole in dict.fromkeys((parts, (*parts[:-1], os.path.splitext(parts[-1])[0]) if parts else ())):
        for start in range(len(whole)):
            yield whole[start:]


def name_and_kind(column: str) -> tuple[str, ColumnKind | None]:
    """Return the name of a column and the kind that is stated with it, if any.

    >>> name_and_kind("age:number"), name_and_kind("dx"), name_and_kind("a:b")
    (('age', 'number'), ('dx', None), ('a:b', None))
    """
    name, _, kind = column.rpartition(":")
    return (name, STATED[kind]) if name and kind in STATED else (column, None)


def table_labels(
    table: Table, folder: Path, files: list[str], stated: Mapping[str, ColumnKind] = MappingProxyType({})
) -> tuple[Labels, dict[str, int]]:
    """Return the labels of a folder's images from a table, with the kinds that were stated, and notes for the report.

    Raises:
        DataError: an image has no row, a number is not finite, or the columns are no label together.
    """
    keys = keys_of_images(table, folder, files)
    missing = [file for file, key in zip(files, keys, strict=True) if key is None]
    used = set(keys)
    unused = [key for key in table.rows if key not in used]
    if missing:
        rows = f"; rows without an image: {some(unused)}" if unused else ""
        raise DataError(
            f"{len(missing):,} of {len(files):,} images have no row in {printable(table.file)}: {some(missing)}{rows}; "
            f"correct the names, add rows, or move such images out of {printable(folder)}"
        )
    notes = {f"row of {printable(table.file.name)} without an image": len(unused)} if unused else {}
    notes |= dict.fromkeys(table.notes, 1)
    bare = sum(os.path.splitext(key)[1].lower() not in SUFFIXES for key in keys if key is not None)
    notes |= {f"row of {printable(table.file.name)} found by a name without a suffix": bare} if bare else {}
    return labels_of_rows(table, [table.rows[key] for key in keys if key is not None], stated), notes


def labels_of_rows(
    table: Table, rows: list[tuple[str, ...]], stated: Mapping[str, ColumnKind] = MappingProxyType({})
) -> Labels:
    """Return labels from the cells of each image: two classes, attributes, classes by combination, numbers, or each."""
    kinds = [
        stated_kind(table, place, stated[column]) if column in stated else column_kind(table, place)
        for place, column in enumerate(table.columns)
    ]
    if set(kinds) == {"attribute"}:
        values = np.array([[truth(cell) for cell in row] for row in rows], dtype=np.float32)
        if len(kinds) == 1:
            (column,) = table.columns
            return class_labels(values[:, 0], (f"not {column}", column))
        return Labels(kind="attributes", names=table.columns, values=values)
    if "number" in kinds and set(kinds) <= {"number", "integer"}:
        numbers = np.array([[float(cell) for cell in row] for row in rows], dtype=np.float32)
        return Labels(kind="values", names=table.columns, values=numbers)
    if set(kinds) <= {"text", "integer"}:
        return combinations(table, rows, kinds)
    if "integer" in kinds:
        column = printable(table.columns[kinds.index("integer")])
        raise DataError(
            f"{printable(table.file)}: the whole numbers of '{column}' can be classes or a number; say which, as "
            f"`data.columns={column}:class` or {column}:number"
        )
    parts = tuple(
        part_of_label(only_column(table, place), [(row[place],) for row in rows], kind)
        for place, (column, kind) in enumerate(zip(table.columns, kinds, strict=True))
    )
    values = np.stack([part.values.reshape(len(rows)) for part in parts], axis=1).astype(np.float32)
    return Labels(kind="mixed", names=table.columns, values=values, parts=parts)


def only_column(table: Table, place: int) -> Table:
    """Return the table with one of its columns."""
    rows: dict[str, tuple[str, ...]] = {key: (row[place],) for key, row in table.rows.items()}
    return replace(table, columns=(table.columns[place],), rows=rows)


def part_of_label(table: Table, rows: list[tuple[str, ...]], kind: ColumnKind) -> Labels:
    """Return the labels of one column of several kinds; an attribute stays one number."""
    if kind == "attribute":
        values = np.array([[truth(cell)] for (cell,) in rows], dtype=np.float32)
        return Labels(kind="attributes", names=table.columns, values=values)
    return labels_of_rows(table, rows, dict.fromkeys(table.columns, kind))


def some(names: list[str]) -> str:
    """Return the first three names as words."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(printable(name) for name in names[:NAMED]) + more


def stated_kind(table: Table, place: int, kind: ColumnKind) -> ColumnKind:
    """Return the kind that was stated for a column.

    Raises:
        DataError: a cell is empty or not of that kind.
    """
    cells = {row[place]: key for key, row in table.rows.items()}
    expected = {"number": "a finite number", "attribute": "0 or 1, -1 or 1, true or false", "text": "a text"}[kind]
    for cell, key in cells.items():
        number = number_in(cell)
        fits = {
            "number": number is not None and abs(number) <= LARGEST_NUMBER,
            "attribute": number in (-1, 0, 1) or cell.lower() in ("true", "false"),
            "text": True,
        }
        if not cell or not fits[kind]:
            raise DataError(
                f"{printable(table.file)}: column '{printable(table.columns[place])}' holds '{printable(cell)}' for "
                f"'{printable(key)}', expected {expected}; correct it, or state another kind"
            )
    return kind


def combinations(table: Table, rows: list[tuple[str, ...]], kinds: list[ColumnKind]) -> Labels:
    """Return one class for each combination of cells found, integers in their order and texts in byte order."""
    numeric = [all(number_in(row[place]) is not None for row in rows) for place in range(len(kinds))]

    def order(row: tuple[str, ...]) -> list[float | str]:
        return [float(cell) if number else cell for cell, number in zip(row, numeric, strict=True)]

    found = sorted(set(rows), key=order)
    names = tuple(" ".join(row) for row in found)
    if len(found) > MOST_CLASSES:
        raise DataError(
            f"{printable(table.file)}: {', '.join(map(printable, table.columns))} make {len(found):,} classes, more "
            f"than {MOST_CLASSES:,}; choose `data.columns` with fewer values"
        )
    if len(set(names)) < len(names):
        raise DataError(
            f"{printable(table.file)}: two combinations of {', '.join(map(printable, table.columns))} read the same; "
            f"choose one column as `data.columns`"
        )
    numbers = {row: number for number, row in enumerate(found)}
    return class_labels(np.array([numbers[row] for row in rows]), names)


def column_kind(table: Table, place: int) -> ColumnKind:
    """Return what the cells of a column are.

    Raises:
        DataError: one is empty, or a number that is not finite.
    """
    cells = {row[place]: key for key, row in table.rows.items()}
    name = f"{printable(table.file)}: column '{printable(table.columns[place])}'"
    if "" in cells:
        raise DataError(f"{name} is empty for '{printable(cells[''])}'; fill it in, or remove that row")
    if {cell.lower() for cell in cells} <= {"true", "false"}:
        return "attribute"
    numbers = {cell: number_in(cell) for cell in cells}
    if None in numbers.values():
        return "text"
    for cell, number in numbers.items():
        if number is None or not abs(number) <= LARGEST_NUMBER:
            raise DataError(
                f"{name} is {printable(cell)} for '{printable(cells[cell])}', expected a finite number of at most "
                f"{LARGEST_NUMBER:.1e}; correct it, or remove that row"
            )
    found = set(numbers.values())
    if found <= {-1, 1} or found <= {0, 1}:
        return "attribute"
    return "integer" if all(number is not None and number.is_integer() for number in found) else "number"


def number_in(cell: str) -> float | None:
    """Return the number a cell holds, or None.

    >>> number_in("1e3"), number_in("-inf"), number_in("1_000"), number_in("cat")
    (1000.0, -inf, None, None)
    """
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def truth(cell: str) -> bool:
    """Return whether an attribute's cell says that it is there.

    >>> [truth(cell) for cell in ("1", "-1", "0", "True", "false")]
    [True, False, False, True, False]
    """
    return cell.lower() == "true" or number_in(cell) == 1


def official_parts(
    table: Table | None, folder: Path, files: list[str]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]] | None, dict[str, int]]:
    """Return the rows to train on and the held-out rows of CelebA's partition, if it is there, and notes.

    The partition lies beside the table of labels or in the image folder. It counts where it names every image
    and both parts have at least two.

    Raises:
        DataError: the partition is damaged.
    """
    places = [folder] if table is None else [table.file.parent, folder]
    found = [place / name for place in places for name in PARTITIONS if (place / name).is_file()]
    if not found:
        return None, {}
    partition = read_table(found[0], ())
    for key, (part,) in partition.rows.items():
        if part not in ("0", "1", "2"):
            raise DataError(
                f"{printable(found[0])} puts '{printable(key)}' into part {printable(part)}, expected 0, 1 or 2; "
                f"correct it, or move that file away for the usual split"
            )
    name = printable(found[0].name)
    keys = keys_of_images(partition, folder, files)
    if None in keys:
        return None, {f"image without a row in {name}, so that the usual split is taken": keys.count(None)}
    training = np.array([partition.rows[key] == ("0",) for key in keys if key is not None])
    train, held_out = np.flatnonzero(training), np.flatnonzero(~training)
    if len(train) < FEWEST or len(held_out) < FEWEST:
        return None, {f"image in one part of {name}, so that the usual split is taken": len(files)}
    return (train, held_out), {f"image held out by {name}": len(held_out)}
