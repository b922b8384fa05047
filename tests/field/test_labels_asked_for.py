"""Labels that people name are what is trained on, or the run is refused before it starts."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradpen
from conftest import Outcome
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.errors import UsageError

AGES = [20 + 1.5 * (number % 30) for number in range(40)]
KINDS = ["nv", "mel", "bkl", "df"]


def write_table(images: Path, columns: dict[str, Sequence[Any]]) -> Path:
    table = images.parent / "table.csv"
    lines = [",".join(["image", *columns])]
    for number, cells in enumerate(zip(*columns.values(), strict=True)):
        lines.append(",".join([f"{number:03d}", *map(str, cells)]).replace(f"{number:03d}", f"{number:03d}.png", 1))
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.fixture
def table(images: Path) -> Path:
    return write_table(
        images,
        {
            "age": [f"{age:.1f}" for age in AGES],
            "year": [1990 + number for number in range(40)],
            "dx": [KINDS[number % 4] for number in range(40)],
            "hat": [number % 2 for number in range(40)],
        },
    )


SHORT = ["--iterations=1", "--batch-size=8"]


@pytest.mark.parametrize("columns", [["dx"], ["dx", "hat"]])
def test_labels_for_a_preset_without_them(
    images: Path, table: Path, columns: list[str], command: Callable[..., Outcome], tmp_path: Path
) -> None:
    """wgan-gp looks at no label: refused before a folder is made, and --conditional is the way."""
    out = tmp_path / "run"
    labels = ["--labels", table, "--columns", *(f"{column}:class" if column == "hat" else column for column in columns)]
    asked = ["train", images, "--preset=wgan-gp-digits", *labels, "--out", out, *SHORT]
    code, _, err = command(*asked)
    assert code == 2
    assert "--labels names labels, but the networks of wgan-gp-digits look at none" in err
    assert "make them conditional with --conditional, or leave out --labels" in err
    assert not out.exists()
    code, _, err = command(*asked, "--conditional")
    assert code == 0, err
    assert gradpen.load(out).labels is not None
    assert "one of 4 classes" in err


def test_classes_that_only_choose_images(images: Path, table: Path, command: Callable[..., Outcome]) -> None:
    """Training on one class of a table needs no conditional networks."""
    out = images.parent / "run"
    labels = ["--labels", table, "--columns", "dx", "--only", "nv", "mel"]
    assert command("train", images, "--preset=wgan-gp-digits", *labels, "--out", out, *SHORT)[0] == 0
    assert gradpen.load(out).labels is None


def test_labels_beside_an_array(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    chosen: dict[str, Any] = {"preset": "wgan-gp-digits", "iterations": 1, "batch_size": 8, "labels": AGES_AS_CLASSES}
    with pytest.raises(UsageError, match="labels= gives labels, but the networks of wgan-gp-digits look at none"):
        gradpen.train(pixels, out=tmp_path / "refused", **chosen)
    run = gradpen.train(pixels, out=tmp_path / "run", conditional=True, **chosen)
    assert run.labels is not None


AGES_AS_CLASSES = np.arange(40) % 3


def test_ages_are_a_quantity(images: Path, table: Path, command: Callable[..., Outcome], tmp_path: Path) -> None:
    """Whole numbers are one class each unless they are said to be a number, and then samples have any age."""
    as_classes = ["train", images, "--labels", table, "--columns", "year", "--out", tmp_path / "classes", *SHORT]
    code, _, err = command(*as_classes)
    assert code == 0, err
    assert "40 different numbers are as many classes, none nearer to another" in err
    assert "write --columns NAME:number" in err
    run = tmp_path / "numbers"
    code, _, err = command("train", images, "--labels", table, "--columns", "year:number", "--out", run, *SHORT)
    assert code == 0, err
    assert "a number from 1990 to 2029" in err
    assert command("sample", run, "--label", "year=2001.5", "--count=4", "--out", tmp_path / "s.png")[0] == 0
    code, _, err = command("sample", run, "--label", "2001", "--out", tmp_path / "s.png")
    assert code == 2
    assert "is not of the form year=NUMBER" in err


def test_age_diagnosis_and_hat_in_one_label(images: Path, table: Path, tmp_path: Path) -> None:
    columns = ("age", "dx", "hat", "year:number")
    source = open_source(DataChoice(path=str(images), labels=str(table), columns=columns))
    assert source.labels is not None
    space = source.labels.space()
    assert space.size == 1 + 4 + 1 + 1
    vectors = space.vectors(source.labels.values)
    assert vectors.shape == (40, 7)
    # 40 is 20 of the 43.5 years above 20; classes in byte order: bkl, df, mel, nv.
    expected = [2 * 20 / 43.5 - 1, 0, 0, 0, 1, 1, -1]
    assert space.parse("age=40,dx=nv,hat=1,year=1990") == pytest.approx(expected, abs=1e-6)
    assert space.parse("year=1990,dx=nv,hat=1,age=40") == pytest.approx(expected, abs=1e-6)
    row = np.flatnonzero(source.labels.values[:, 3] == 1993)[0]
    assert vectors[row, 1:6].tolist() == [0, 1, 0, 0, 1]
    assert vectors[:, 0].min() == -1
    assert vectors[:, 0].max() == 1
    for name, vector in zip(space.example_names(), space.example_vectors(), strict=True):
        assert space.parse(name) == pytest.approx(vector)
    assert source.report.classes == {"dx=bkl": 10, "dx=df": 10, "dx=mel": 10, "dx=nv": 10, "hat=hat": 20}
    for wrong in ("age=40", "age=40,dx=nv,hat=1", "age=40,dx=none,hat=1,year=1", "age=x,dx=nv,hat=0,year=1", "nv"):
        with pytest.raises(UsageError):
            space.parse(wrong)
    chosen: dict[str, Any] = {"data__labels": str(table), "data__columns": columns, "iterations": 2, "batch_size": 8}
    run = gradpen.train(images, out=tmp_path / "run", **chosen)
    assert run.labels == space
    samples = run.sample(4, label="age=63.5,dx=mel,hat=0,year=2000")
    assert samples.shape == (4, 8, 8, 1)
    assert run.sample_every_label(2).shape == (8, 2, 8, 8, 1)
    assert np.array_equal(gradpen.load(run.path).sample(4), run.sample(4))
    longer = gradpen.train(resume=run.path)
    assert longer.labels == space


def test_numbers_that_are_names(images: Path) -> None:
    """Postal codes written as numbers: one class each, in the order of the numbers."""
    table = write_table(images, {"code": [f"{5 + 5 * (number % 3)}.0" for number in range(40)]})
    source = open_source(DataChoice(path=str(images), labels=str(table), columns=("code:class",)))
    assert source.labels is not None
    assert source.labels.names == ("5.0", "10.0", "15.0")


def test_columns_in_any_order_and_names_with_commas(images: Path) -> None:
    who = [["Smith, J", "Lee"][number % 2] for number in range(40)]
    quoted = [f'"{name}"' for name in who]
    table = write_table(images, {"who": quoted, "hat+": EVEN, "age": AGES})
    source = open_source(DataChoice(path=str(images), labels=str(table), columns=("who", "hat+", "age")))
    assert source.labels is not None
    space = source.labels.space()
    assert space.parse("who=Smith, J,hat+=1,age=20").tolist() == [0, 1, 1, -1]
    for name, vector in zip(space.example_names(), space.example_vectors(), strict=True):
        assert space.parse(name) == pytest.approx(vector)


EVEN = [number % 2 for number in range(40)]
