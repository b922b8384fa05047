"""Numbers in a text file: one example a line, its columns apart by commas, semicolons, tabs or spaces."""

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradpen.errors import DataError
from gradpen.text import printable

SUFFIXES = (".csv", ".tsv")
LONGEST_LINE = 1 << 22
"""characters of a line that is still one of numbers"""
SEPARATORS = (";", "\t", ",")
"""in the order they are looked for; else spaces"""


def read_numbers_table(file: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return numbers ``[N, D]`` and the columns' names, none where the file has no line of names.

    Raises:
        DataError: naming the line and what is wrong with it.
    """
    name = printable(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not text in UTF-8 (byte {error.start:,}); save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror})") from None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if not first or max(map(len, lines)) > LONGEST_LINE:
        what = "holds no line" if not first else f"has a line of more than {LONGEST_LINE:,} characters"
        raise DataError(f"{name} {what}; expected one example a line, its numbers apart by commas")
    separator = next((mark for mark in SEPARATORS if mark in first), " ")
    rows: list[list[str]] = []
    numbered: list[int] = []
    for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True), 1):
        if any(cell.strip() for cell in row):
            rows.append([cell for cell in row if cell] if separator == " " else row)
            numbered.append(number)
    names = () if all(map(is_number, rows[0])) else tuple(cell.strip() for cell in rows[0])
    if names:
        rows, numbered = rows[1:], numbered[1:]
    if not rows:
        raise DataError(f"{name} holds a line of names and no numbers")
    if len(rows[0]) == 1:
        raise DataError(
            f"{name} has one column; expected two or more, apart by commas, semicolons, tabs or spaces. One number an "
            f"example is trained on as an array [N, 1] (.npy)"
        )
    return checked(rows, numbered, names, name), names


def checked(rows: list[list[str]], numbered: list[int], names: tuple[str, ...], file: str) -> NDArray[np.float64]:
    """Return the numbers of lines that have equally many.

    Raises:
        DataError: a line has more or fewer than the first, or something that is no number.
    """
    width = len(names) or len(rows[0])
    for number, row in zip(numbered, rows, strict=True):
        if len(row) != width:
            raise DataError(f"{file}, line {number:,}: {len(row)} columns, where the first line has {width}")
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError:
        pass
    for number, row in zip(numbered, rows, strict=True):
        for column, cell in enumerate(row):
            if not is_number(cell):
                called = f" ({printable(names[column])})" if names else ""
                raise DataError(
                    f"{file}, line {number:,}, column {column + 1}{called}: expected a number, found "
                    f"'{printable(cell[:40])}'; keep the columns of numbers, one line an example"
                )
    raise DataError(f"{file} holds numbers that cannot be read")


def is_number(cell: str) -> bool:
    """Return whether a cell holds a number, which may be infinite or NaN."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
