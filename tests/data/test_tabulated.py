"""Numbers in a text file: read as they come, or one sentence that names the line."""

from pathlib import Path

import numpy as np
import pytest

import gradpen
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.tabulated import read_numbers_table
from gradpen.errors import DataError

ROWS = np.random.default_rng(0).normal(size=(40, 3)).round(6)


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", ", "  "])
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_numbers_come_back(tmp_path: Path, separator: str, names: bool, ending: str) -> None:
    lines = [separator.join(map(str, row)) for row in ROWS.tolist()]
    head = [separator.join(("width", "height", "mass"))] if names else []
    file = tmp_path / "numbers.csv"
    file.write_bytes(("﻿" + ending.join([*head, *lines, "", ""])).encode())
    found, columns = read_numbers_table(file)
    assert found == pytest.approx(ROWS)
    assert columns == (("width", "height", "mass") if names else ())


def test_a_table_trains_and_samples_come_in_its_units(tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("a,b\n" + "\n".join(f"{100 + x},{y}" for x, y in ROWS[:, :2]))
    run = gradpen.train(file, out=tmp_path / "run", iterations=2, batch_size=8)
    samples = run.sample(50)
    assert samples.shape == (50, 2)
    assert 95 < samples[:, 0].min() < samples[:, 0].max() < 105
    assert "2 numbers" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"1,2\n3,4\n5\n", r"line 3: 1 columns, where the first line has 2"),
        (b"a,b\n1,2\n3,4,5\n", r"line 3: 3 columns, where the first line has 2"),
        (b"a,b\n1,2\n3,red\n", r"line 3, column 2 \(b\): expected a number, found 'red'"),
        (b"1,2\n3,\n", r"line 2, column 2: expected a number, found ''"),
        (b"1,2\n3,nan\n5,6\n", "1 values that are NaN or infinite"),
        (b"", "holds no line"),
        (b"\n\n \n", "holds no line"),
        (b"a,b\n", "holds a line of names and no numbers"),
        ("größe\n1\n".encode("latin-1"), "is not text in UTF-8"),
        (b"1," * (1 << 22) + b"1\n", "has a line of more than"),
        (b"1,1\n1,1\n1,1\n", "holds the number 1 everywhere"),
        (b"1\n2\n3\n", "has one column; expected two or more"),
        (b"size\n1\n2\n", "has one column; expected two or more"),
    ],
)
def test_what_cannot_be_trained_on_is_said(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "numbers.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=says):
        open_source(DataChoice(path=str(file)))
