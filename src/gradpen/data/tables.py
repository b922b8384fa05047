"""Tables of file names and labels: CSV (with commas, semicolons or tabs), CelebA's text files, or JSON.

JSON may be StyleGAN's ``dataset.json``, ``{"labels": [["00000/img00000000.png", 3], …]}``, as its ``dataset_tool.py``
writes it (github.com/NVlabs/stylegan3).

CelebA's text files: the first line of ``list_attr_celeba.txt`` is a count, the second names the attributes, then
a file and a -1 or 1 for each attribute; ``list_eval_partition.txt`` has a file and a part in each line: 0 train,
1 validation, 2 test (mmlab.ie.cuhk.edu.hk/projects/CelebA.html).
"""

import csv
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from gradpen.data.image import SUFFIXES as IMAGE_SUFFIXES
from gradpen.errors import DataError
from gradpen.text import composed, did_you_mean, printable

SUFFIXES = (".csv", ".tsv", ".txt", ".json")
KNOWN_TABLES = (
    "list_attr_celeba.csv",
    "list_attr_celeba.txt",
    "attributes.csv",
    "labels.csv",
    "labels.tsv",
    "labels.json",
    "metadata.csv",
    "dataset.json",
)
PARTITIONS = ("list_eval_partition.csv", "list_eval_partition.txt")
FILE_COLUMNS = (
    "image_id",
    "file",
    "filename",
    "file_name",
    "image",
    "path",
    "filepath",
    "file_path",
    "image_path",
    "image_name",
    "img",
    "name",
)
DELIMITERS = (",", ";", "\t")
LARGEST_TABLE = 128 << 20
LONGEST_HEADER = 1 << 16

Line = tuple[str, list[str]]
"""where it stands, and its cells"""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Some columns of a table, by image file."""

    file: Path
    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]
    """the cells of the columns by file name, as the table writes it, but with / between folders"""
    notes: tuple[str, ...] = ()
    """what was taken for granted"""


def find_table(folder: Path) -> Path:
    """Return the table of a known name in the image folder or its parent.

    Raises:
        DataError: there is none, or more than one.
    """
    places = dict.fromkeys([folder.absolute(), folder.absolute().parent])
    found = [place / name for place in places for name in KNOWN_TABLES if (place / name).is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"columns were named, and there are {len(found)} tables at {printable(folder)}, "
            f"{printable(found[0])} and {printable(found[1])} among them; choose one with `data.labels=FILE`"
        )
    raise DataError(
        f"columns were named, but neither {printable(folder)} nor the folder it lies in has a table called "
        f"{', '.join(KNOWN_TABLES)}; name the table with `data.labels=FILE`"
    )


def read_table(file: Path, columns: tuple[str, ...]) -> Table:
    """Return these columns of a table, or its only one.

    Args:
        file: a ``.csv`` with a line of names, CelebA's ``.txt``, or ``.json``: ``{"file": label}``,
            ``{"file": {column: value}}`` or a list of objects with a column of file names.
        columns: the columns that are the label; empty where the table has one beside the file names.

    Raises:
        DataError: the file cannot be read, is damaged, lacks a column, or says two things about a file.
    """
    name = printable(file)
    hint = f"give `data.labels` as folders, names or the path of a table{did_you_mean(file.name, ('folders', 'names'))}"
    if file.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{name} is not a table of labels, which ends in .csv, .tsv, .txt (as CelebA's) or .json; {hint}"
        )
    try:
        if not file.is_file():
            raise DataError(f"there is no table of labels {name}; {hint}")
        if file.stat().st_size > LARGEST_TABLE:
            raise DataError(
                f"{name} is larger than {LARGEST_TABLE >> 20} MiB, too large for a table of labels; keep the column "
                f"of file names and the columns that are labels"
            )
        with file.open(encoding="utf-8-sig", newline="") as text:
            return collect(file, lines_of(file, text), columns)
    except OSError as error:
        raise DataError(f"the table of labels {name} cannot be read ({error.strerror}); {hint}") from None
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text; save it again as UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{name} is damaged CSV ({printable(error)}); save it again") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} is not JSON that can be read ({printable(error)}); save it again") from None


def lines_of(file: Path, text: TextIO) -> Iterator[Line]:
    """Yield the names of the columns, then the lines of a table."""
    if file.suffix.lower() == ".json":
        yield from json_lines(file, json.load(text, object_pairs_hook=lambda pairs: one_each(file, pairs)))
    elif file.suffix.lower() in (".csv", ".tsv"):
        start = text.readline(LONGEST_HEADER)
        text.seek(0)
        reader = csv.reader(text, strict=True, delimiter=max(DELIMITERS, key=start.count))
        yield from ((f"line {reader.line_num}", cells) for cells in reader if cells)
    elif file.name in PARTITIONS:
        yield "", ["image_id", "partition"]
        yield from ((f"line {number}", line.split()) for number, line in enumerate(text, 1) if line.strip())
    else:
        yield from celeba_lines(file, text)


def celeba_lines(file: Path, text: TextIO) -> Iterator[Line]:
    """Yield the lines of CelebA's ``list_attr_celeba.txt``."""
    count = text.readline(100).strip()
    if count and not (count.isascii() and count.isdecimal()):
        raise DataError(
            f"{printable(file)} starts with '{printable(count)}'; a .txt table is as CelebA's: a count, the names of "
            f"the columns, then lines of a file and its values"
        )
    names = text.readline().split()
    if names:
        yield "line 2", ["image_id", *names]
    found = 0
    for number, line in enumerate(text, 3):
        if line.strip():
            found += 1
            yield f"line {number}", line.split()
    if found != int(count or 0):
        raise DataError(f"{printable(file)} says it has {count} rows and has {found:,}; copy the file again")


def one_each(file: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object; raise where one key has two values."""
    values: dict[str, Any] = {}
    for key, value in pairs:
        if repr(values.setdefault(key, value)) != repr(value):
            raise DataError(f"{printable(file)} says two things about '{printable(key)}'; remove one of them")
    return values


def json_lines(file: Path, values: Any) -> Iterator[Line]:
    """Yield the lines of a table in JSON."""
    if isinstance(values, dict) and isinstance(values.get("labels"), list):
        values = {key: one_or_several(label) for key, label in pairs_of(file, values["labels"])}
    if isinstance(values, dict) and all(isinstance(value, dict) for value in values.values()):
        values = [{"file": key} | value | {"file": key} for key, value in values.items()]
    elif isinstance(values, dict):
        values = [{"file": key, "label": value} for key, value in values.items()]
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise DataError(
            f'{printable(file)} is no table: expected {{"file": label}}, {{"file": {{"column": value}}}} or a list '
            f"of objects with a file column"
        )
    if values:
        header = list(values[0])
        yield "", header
        for number, value in enumerate(values, 1):
            yield f"entry {number}", [json_cell(file, number, value[key]) for key in header if key in value]


def pairs_of(file: Path, labels: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the pairs of a file and its label in StyleGAN's ``dataset.json``."""
    for number, pair in enumerate(labels, 1):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise DataError(f"{printable(file)}, label {number}: expected [file, label]; write it again")
        yield pair[0], pair[1]


def one_or_several(label: Any) -> Any:
    """Return a label, or its numbers by their places where it is a list of them."""
    return {str(place): value for place, value in enumerate(label)} if isinstance(label, list) else label


def json_cell(file: Path, number: int, value: Any) -> str:
    """Return a JSON value as the text a CSV file would have."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    raise DataError(
        f"{printable(file)}, entry {number}: expected text, a number, true or false, found {type(value).__name__}"
    )


def collect(file: Path, lines: Iterator[Line], columns: tuple[str, ...]) -> Table:
    """Return the wanted columns of the lines by file."""
    name = printable(file)
    first = next(lines, None)
    second = next(lines, None)
    if first is None or second is None:
        raise DataError(f"{name} is an empty table; expected names of columns and a row for each image")
    header, before, notes = header_of(first, second)
    named = [place for place, cell in enumerate(header) if cell.lower() in FILE_COLUMNS]
    files = [place for place, cell in enumerate(before[-1][1]) if is_image(cell)]
    key = (named or files or [place for place, cell in enumerate(header) if cell] or [0])[0]
    places = column_places(name, header, key, columns)
    rows: dict[str, tuple[str, ...]] = {}
    for where, cells in chain(before, lines):
        if len(cells) != len(header):
            raise DataError(f"{name}, {where}: found {len(cells)} cell(s), expected {len(header)} as in the first line")
        chosen = tuple(sys.intern(composed(cells[place].strip())) for place in places)
        if rows.setdefault(as_path(cells[key]), chosen) != chosen:
            raise DataError(f"{name}, {where}: another row says otherwise of '{printable(cells[key])}'; remove one")
    return Table(file=file, columns=tuple(header[place] for place in places), rows=rows, notes=notes)


def header_of(first: Line, second: Line) -> tuple[list[str], list[Line], tuple[str, ...]]:
    """Return the names of the columns, the lines among the first two that are rows, and what was taken for granted.

    A first line that names an image file is a row, and its columns are called column 1, column 2, …
    """
    header = [composed(cell.strip()) for cell in first[1]]
    if not any(map(is_image, header)):
        return header, [second], ()
    names = [f"column {place}" for place in range(1, len(header) + 1)]
    key = next(place for place, cell in enumerate(header) if is_image(cell))
    names[key] = FILE_COLUMNS[0]
    return names, [first, second], (f"table without names of columns, called {', '.join(names)}",)


def is_image(cell: str) -> bool:
    """Return whether a cell is the name of an image file."""
    return os.path.splitext(cell.strip())[1].lower() in IMAGE_SUFFIXES


def as_path(cell: str) -> str:
    r"""Return a cell as a path in this system's spelling.

    >>> as_path(" ./a\\b.png"), as_path("C:\\data\\a.png")
    ('a/b.png', 'C:/data/a.png')
    """
    return os.path.normpath(composed(cell.strip()).replace("\\", "/"))


def column_places(name: str, header: list[str], key: int, columns: tuple[str, ...]) -> list[int]:
    """Return where the wanted columns stand."""
    # A column without a name is the index that pandas writes.
    others = [cell for place, cell in enumerate(header) if place != key and cell]
    known = ", ".join(printable(other) for other in others[:50])
    if not others:
        raise DataError(
            f"{name} has one column, '{printable(header[key])}'; expected a column of labels beside the files"
        )
    if not columns and len(others) > 1:
        raise DataError(f"{name} has {len(others)} columns that can be labels; choose `data.columns` among {known}")
    columns = tuple(map(composed, columns))
    for column in columns or others:
        if others.count(column) != 1 or columns.count(column) > 1:
            many = "two columns" if others.count(column) > 1 or columns.count(column) > 1 else "no column"
            hint = did_you_mean(column, others)
            raise DataError(f"{name} has {many} '{printable(column)}' to choose{printable(hint)}; it has: {known}")
    place_of = {cell: place for place, cell in enumerate(header) if place != key and cell}
    return [place_of[column] for column in columns or others]
