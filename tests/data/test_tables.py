"""Labels from tables: every format, every kind of label, every way a table can be wrong."""

import json
import os
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import REAL_DATA, Outcome
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.data.tables import LARGEST_TABLE
from gradpen.errors import DataError, UsageError
from gradpen.evaluation import evaluate as evaluate_run
from gradpen.runs.folder import read_config
from gradpen.runs.training import resume, train
from gradpen.settings import configure
from test_cli import TINY

FILES = [f"{number:03d}.png" for number in range(40)]
EVEN = [number % 2 for number in range(40)]


def csv_table(columns: Mapping[str, Sequence[object]], files: list[str] = FILES, key: str = "image_id") -> str:
    lines = [",".join([key, *columns])]
    lines += [",".join([file, *map(str, cells)]) for file, *cells in zip(files, *columns.values(), strict=True)]
    return "\n".join(lines) + "\n"


def opened(folder: Path, table: str | None = None, *columns: str, **options: object) -> Source:
    return open_source(DataChoice(path=str(folder), labels=table, columns=columns, **options))  # type: ignore[arg-type]


def labelled(folder: Path, columns: Mapping[str, Sequence[object]], *chosen: str) -> Source:
    (folder.parent / "mine.csv").write_text(csv_table(columns))
    return opened(folder, str(folder.parent / "mine.csv"), *chosen)


FORMATS: dict[str, str] = {
    "mine.csv": csv_table({"kind": [f"k{n}" for n in EVEN]}),
    "quoted.csv": '\ufeff"image_id","kind"\r\n'
    + "".join(f'"{f}","k{n}"\r\n\r\n' for f, n in zip(FILES, EVEN, strict=True)),
    "last.csv": "kind,File_Name\n" + "".join(f"k{n},./{f}\n" for f, n in zip(FILES, EVEN, strict=True)),
    "deeper.csv": csv_table({"kind": [f"k{n}" for n in EVEN]}, [f"images/{file}" for file in FILES]),
    "elsewhere.csv": csv_table({"kind": [f"k{n}" for n in EVEN]}, [f"C/d/{file}" for file in FILES]),
    "labels.json": json.dumps({file: f"k{n}" for file, n in zip(FILES, EVEN, strict=True)}),
    "nested.json": json.dumps({file: {"kind": f"k{n}"} for file, n in zip(FILES, EVEN, strict=True)}),
    "list.json": json.dumps([{"kind": f"k{n}", "path": file} for file, n in zip(FILES, EVEN, strict=True)]),
    "list_attr_celeba.txt": "40\nkind\n" + "".join(f"{f}  k{n}\n" for f, n in zip(FILES, EVEN, strict=True)),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("place", [".", "images"])
def test_every_format_says_the_same(images: Path, name: str, place: str) -> None:
    if (name, place) == ("deeper.csv", "images"):
        place = "."
    table = images.parent / place / name
    table.write_text(FORMATS[name])
    source = opened(images, str(table))
    assert source.labels is not None
    assert (source.labels.kind, source.labels.names) == ("classes", ("k0", "k1"))
    assert source.labels.values.tolist() == EVEN
    assert source.report.labels == f"{table}: {'label' if name == 'labels.json' else 'kind'}"
    assert source.report.used == 40


@pytest.mark.parametrize("cells", [("-1", "1"), ("0", "1"), ("false", "true"), ("False", "True"), ("0.0", "1.0")])
def test_attributes(images: Path, cells: tuple[str, str]) -> None:
    """One attribute is two classes, several are attributes."""
    columns: Mapping[str, Sequence[object]] = {
        "Smiling": [cells[n] for n in EVEN],
        "Hat": [cells[number < 30] for number in range(40)],
        "eyes": ["round"] * 40,
    }
    one = labelled(images, columns, "Smiling")
    assert one.labels is not None
    assert one.labels.names == ("not Smiling", "Smiling")
    assert one.labels.values.tolist() == EVEN
    assert one.report.classes == {"not Smiling": 20, "Smiling": 20}
    several = labelled(images, columns, "Hat", "Smiling")
    assert several.labels is not None
    assert (several.labels.kind, several.labels.names) == ("attributes", ("Hat", "Smiling"))
    assert several.labels.values.tolist() == [[number < 30, n] for number, n in enumerate(EVEN)]
    assert several.report.classes == {"Hat": 30, "Smiling": 20}
    only = opened(images, str(images.parent / "mine.csv"), "Hat", "Smiling", only=("Hat", "Smiling"), held_out=0.5)
    assert only.report.used == 15


def test_texts_are_a_class_for_each_combination(images: Path) -> None:
    columns: Mapping[str, Sequence[object]] = {"fur": ["red", "grey"] * 20, "age": [11, 2, 11, 9] * 10}
    source = labelled(images, columns, "fur", "age")
    assert source.labels is not None
    assert source.labels.names == ("grey 2", "grey 9", "red 11")
    assert source.report.classes == {"grey 2": 10, "grey 9": 10, "red 11": 20}
    assert source.labels.values.tolist() == [2, 0, 2, 1] * 10
    ages = labelled(images, columns, "age").labels
    assert ages is not None
    assert ages.names == ("2", "9", "11"), "integers stand in their order"


def test_numbers_are_values(images: Path) -> None:
    columns: Mapping[str, Sequence[object]] = {"height": [n / 4 for n in range(40)], "age": list(range(40))}
    source = labelled(images, columns, "height", "age")
    assert source.labels is not None
    assert (source.labels.kind, source.labels.names) == ("values", ("height", "age"))
    assert source.labels.values.tolist() == [[n / 4, n] for n in range(40)]


def test_bare_names_and_paths(images: Path) -> None:
    """A path in the folder counts before a bare name, and a bare name only where it is one file's."""
    for name in ("a", "b"):
        (images / name).mkdir()
        os.link(images / "000.png", images / name / "same.png")
    table = images.parent / "mine.csv"
    text = csv_table({"kind": [f"k{n}" for n in EVEN]})
    table.write_text(text + "a/same.png,k0\nb/same.png,k1\n")
    source = opened(images, str(table))
    assert source.labels is not None
    assert source.labels.values[-2:].tolist() == [0, 1]
    table.write_text(text + "same.png,k0\n")
    with pytest.raises(DataError, match=r"'same.png' alone means 1 row\(s\) and 2 images; write paths"):
        opened(images, str(table))
    table.write_text(text + "x/same.png,k0\ny/same.png,k1\n")
    with pytest.raises(DataError, match=r"means 2 row\(s\) and 2 images"):
        opened(images, str(table))


def test_rows_without_images_are_counted_and_images_without_rows_refused(images: Path) -> None:
    table = images.parent / "mine.csv"
    table.write_text(csv_table({"kind": ["a", "b", "c"] * 14}, [*FILES, "zzz.png", "zzy.png"]))
    source = opened(images, str(table))
    assert source.report.notes == {"row of mine.csv without an image": 2}
    table.write_text(csv_table({"kind": ["a", "b"] * 15}, FILES[10:]))
    with pytest.raises(
        DataError,
        match=r"10 of 40 images have no row in .*mine.csv: 000.png, 001.png, 002.png and 7 more; correct",
    ):
        opened(images, str(table))


@pytest.mark.parametrize("name", ["list_attr_celeba.csv", "attributes.csv", "labels.csv"])
@pytest.mark.parametrize("place", [".", "images"])
def test_columns_alone_find_the_table_at_the_folder(images: Path, name: str, place: str) -> None:
    table = images.parent / place / name
    table.write_text(csv_table({"Hat": EVEN, "Smiling": EVEN}))
    source = opened(images, None, "Hat")
    assert source.report.labels == f"{images.parent / place / name}: Hat"
    assert source.report.classes == {"not Hat": 20, "Hat": 20}
    assert opened(images).labels is None, "a table that nobody asked for is no label"
    (images / "labels.json").write_text("{}")
    with pytest.raises(DataError, match=r"there are 2 tables at .* choose one with `data.labels=FILE`"):
        opened(images, None, "Hat")


PARTS = [0] * 30 + [1] * 4 + [2] * 6


@pytest.mark.parametrize("place", [".", "images"])
@pytest.mark.parametrize("suffix", ["csv", "txt"])
def test_the_official_partition_is_kept(images: Path, suffix: str, place: str) -> None:
    (images.parent / "list_attr_celeba.csv").write_text(csv_table({"Hat": EVEN}))
    text = csv_table({"partition": PARTS})
    if suffix == "txt":
        text = "".join(f"{file} {part}\n" for file, part in zip(FILES, PARTS, strict=True))
    partition = images.parent / place / f"list_eval_partition.{suffix}"
    partition.write_text(text)
    source = opened(images, None, "Hat")
    assert source.train.tolist() == list(range(30))
    assert source.held_out.tolist() == list(range(30, 40))
    assert source.report.notes == {f"image held out by {partition.name}": 10}


def test_a_partition_that_leaves_a_part_empty_is_passed_over_aloud(images: Path) -> None:
    partition = images / "list_eval_partition.csv"
    partition.write_text(csv_table({"partition": [0] * 40}))
    source = opened(images)
    assert len(source.held_out) == 4
    assert source.report.notes == {"image in one part of list_eval_partition.csv, so that the usual split is taken": 40}
    partition.write_text(csv_table({"partition": PARTS[:-1]}, FILES[:-1]))
    assert list(opened(images).report.notes.values()) == [1]
    partition.write_text(csv_table({"partition": [3] * 40}))
    with pytest.raises(DataError, match=r"puts '000.png' into part 3, expected 0, 1 or 2"):
        opened(images)


MANY = csv_table({"Smiling": EVEN, "Blond_Hair": EVEN})
WRONG: dict[str, tuple[str, str | bytes, tuple[str, ...], str]] = {
    "unknown column": ("t.csv", MANY, ("Smilling",), "no column 'Smilling' to choose; did you mean 'Smiling'?"),
    "no column named": ("t.csv", MANY, (), "has 2 columns that can be labels; choose `data.columns` among Smiling, Bl"),
    "column named twice": ("t.csv", MANY, ("Smiling", "Smiling"), "has two columns 'Smiling'"),
    "two columns of a name": ("t.csv", "file,a,a\n000.png,1,2\n", ("a",), "has two columns 'a'"),
    "one column": ("t.csv", "file\n000.png\n", (), "has one column, 'file'"),
    "empty": ("t.csv", "", (), "is an empty table"),
    "header alone": ("t.csv", "file,a\n", (), "is an empty table"),
    "empty text": ("t.txt", "", (), "is an empty table"),
    "empty object": ("t.json", "{}", (), "is an empty table"),
    "empty list": ("t.json", "[]", (), "is an empty table"),
    "ragged": ("t.csv", "file,a\n000.png,1\n001.png\n", (), "line 3: found 1 cell(s), expected 2"),
    "ragged text": ("t.txt", "2\na b\n000.png 1 1\n001.png 1\n", ("a",), "line 4: found 2 cell(s), expected 3"),
    "ragged list": ("t.json", '[{"file": "a", "b": 1}, {"file": "c"}]', (), "entry 2: found 1 cell(s), expected 2"),
    "mixed object": ("t.json", '{"a": {"b": 1}, "c": 2}', (), "entry 1: expected text, a number, true or false"),
    "miscounted": ("t.txt", "3\na\n000.png 1\n", (), "says it has 3 rows and has 1"),
    "other text": ("t.txt", "000.png 1\n", (), "starts with '000.png 1'; a .txt table is as CelebA's"),
    "not UTF-8": ("t.csv", b"file,a\n000.png,\xff\xfe\n", (), "is not UTF-8 text"),
    "another row": ("t.csv", "file,a\n0.png,1\n0.png,2\n", (), "line 3: another row says otherwise of '0.png'"),
    "another entry": ("t.json", '{"0.png": 1, "0.png": 2}', (), "says two things about '0.png'"),
    "NaN": ("t.csv", csv_table({"a": [0.5] * 39 + ["nan"]}), (), "column 'a' is nan for '039.png', expected a finite"),
    "infinite": ("t.csv", csv_table({"a": [0.5] * 39 + ["-inf"]}), (), "column 'a' is -inf for '039.png'"),
    "too large": ("t.csv", csv_table({"a": [0.5] * 39 + ["1e300"]}), (), "column 'a' is 1e300 for '039.png'"),
    "NaN in JSON": (
        "t.json",
        json.dumps(dict.fromkeys(FILES, 0.5) | {"001.png": float("nan")}),
        (),
        "'label' is nan for '001.png'",
    ),
    "empty cell": ("t.csv", csv_table({"a": ["x"] * 39 + [""]}), (), "column 'a' is empty for '039.png'"),
    "deep": ("t.json", "[" * 200_000, (), "is not JSON that can be read"),
    "deep and whole": ("t.json", '{"a":' * 100_000 + "1" + "}" * 100_000, (), "is not JSON that can be read"),
    "broken JSON": ("t.json", '{"a": ', (), "is not JSON that can be read"),
    "long number": ("t.json", '{"0.png": ' + "9" * 5000 + "}", (), "is not JSON that can be read"),
    "number alone": ("t.json", "3", (), "is no table"),
    "null": ("t.json", '{"0.png": null}', (), "expected text, a number, true or false, found NoneType"),
    "unclosed quote": ("t.csv", 'file,a\n000.png,"x\n', (), "is damaged CSV"),
    "long cell": ("t.csv", "file,a\n000.png," + "x" * 200_000, (), "is damaged CSV"),
    "whole numbers beside texts": (
        "t.csv",
        csv_table({"age": range(40), "hat": [0, 1] * 20}),
        ("age", "hat"),
        "the whole numbers of 'age' can be classes or a number; say which, as `data.columns=age:class` or age:number",
    ),
    "no number": (
        "t.csv",
        csv_table({"age": [*range(39), "old"]}),
        ("age:number",),
        "column 'age' holds 'old' for '039.png', expected a finite number; correct it, or state another kind",
    ),
    "no attribute": (
        "t.csv",
        csv_table({"age": range(40)}),
        ("age:attribute",),
        "expected 0 or 1, -1 or 1, true or false",
    ),
    "same words": ("t.csv", csv_table({"a": ["x y", "x"] * 20, "b": ["z", "y z"] * 20}), ("a", "b"), "read the same"),
    "another kind of file": ("t.xlsx", "PK", (), "is not a table of labels, which ends in .csv, .tsv, .txt"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_tables_get_a_sentence(images: Path, wrong: str) -> None:
    name, content, columns, expected = WRONG[wrong]
    table = images.parent / name
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as error:
        opened(images, str(table), *columns)
    assert expected in str(error.value)
    assert name in str(error.value)
    assert len(str(error.value)) < 600


def test_a_thousand_classes_at_most(images: Path) -> None:
    files = [*FILES, *(f"other{number}.png" for number in range(1000))]
    rng = np.random.default_rng(0)
    for file in files[40:]:
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(images / file)
    (images / "labels.csv").write_text(csv_table({"name": list(range(1040))}, files))
    with pytest.raises(DataError, match=r"name make 1,040 classes, more than 1,000"):
        opened(images, None, "name")


def test_a_huge_table_is_not_read(images: Path) -> None:
    table = images.parent / "huge.csv"
    table.touch()
    os.truncate(table, LARGEST_TABLE + 1)
    with pytest.raises(DataError, match="larger than 128 MiB"):
        opened(images, str(table))


def test_missing_tables(images: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'folders'"):
        opened(images, "foldres")
    with pytest.raises(DataError, match="there is no table of labels"):
        opened(images, str(images / "no.csv"))
    with pytest.raises(DataError, match="File name too long"):
        opened(images, "x" * 400 + ".csv")
    with pytest.raises(DataError, match=r"neither .* nor the folder it lies in has a table"):
        opened(images, None, "Hat")
    with pytest.raises(DataError, match=r"columns \(Hat\) are columns of a table, and labels are names"):
        opened(images, "names", "Hat")


def test_a_misspelt_column_is_refused_before_anything_is_decoded(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (images / "attributes.csv").write_text(MANY)
    monkeypatch.setattr("gradpen.data.store.build", None)
    with pytest.raises(DataError, match="no column 'Hat'"):
        opened(images, None, "Hat")


def test_data_without_files_take_no_table(images: Path) -> None:
    (images / "labels.csv").write_text(FORMATS["mine.csv"])
    with pytest.raises(UsageError, match="no column 'Hat' among the labels \\(no columns\\)"):
        open_source(DataChoice(columns=("Hat",)))
    with pytest.raises(DataError, match=r"has no image files .* leave out `data.labels=.*labels.csv`"):
        open_source(DataChoice(labels=str(images / "labels.csv")))


def test_a_run_with_a_relative_table_goes_on_from_another_folder(
    images: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (images / "labels.csv").write_text(FORMATS["mine.csv"])
    monkeypatch.chdir(images.parent)
    settings: dict[str, object] = {
        "critic_steps": 1,
        "generator.width": 4,
        "critic.width": 4,
        "batch_size": 8,
        "iterations": 2,
    }
    settings |= {"generator.labels": "concatenate", "critic.labels": "planes"}
    config = configure("wgan-gp", settings=settings)
    config = replace(config, data=DataChoice(path="images", labels="images/labels.csv"))
    folder = train(config, out=tmp_path / "run")
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    resume(folder.path, iterations=3)
    images.rename(tmp_path / "moved")
    resume(folder.path, iterations=4, data=str(tmp_path / "moved"))
    resume(folder.path, iterations=5, data=str(tmp_path / "moved"))
    (tmp_path / "moved").rename(tmp_path / "again")
    assert evaluate_run(folder.path, str(tmp_path / "again"), count=2, sets=2)["samples"].n == 2
    with pytest.raises(DataError, match="there is no file or folder"):
        resume(folder.path, iterations=6)


def test_a_table_beside_its_images_moves_with_them(images: Path, tmp_path: Path) -> None:
    """CelebA's usual layout: one folder that holds the images' folder and the table."""
    place = tmp_path / "celeba"
    place.mkdir()
    images.rename(place / "img")
    (place / "labels.csv").write_text(FORMATS["mine.csv"])
    settings = {"critic_steps": 1, "generator.width": 4, "critic.width": 4, "batch_size": 8, "iterations": 2}
    config = configure("wgan-gp", settings=settings | {"generator.labels": "concatenate", "critic.labels": "planes"})
    config = replace(config, data=DataChoice(path=str(place / "img"), labels=str(place / "labels.csv")))
    folder = train(config, out=tmp_path / "run")
    place.rename(tmp_path / "elsewhere")
    for iterations in (3, 4):
        resume(folder.path, iterations=iterations, data=str(tmp_path / "elsewhere" / "img"))
        moved = read_config(folder).data
        assert (moved.path, moved.labels) == tuple(str(tmp_path / "elsewhere" / name) for name in ("img", "labels.csv"))


def test_on_the_command_line(images: Path, command: Callable[..., Outcome]) -> None:
    (images / "attributes.csv").write_text(csv_table({"Hat": EVEN, "Smiling": EVEN}))
    code, out, err = command("data", images, "--columns", "Hat", "--json")
    assert code == 0, err
    assert json.loads(out)["classes"] == {"not Hat": 20, "Hat": 20}
    code, out, _ = command("data", images, "--labels", images / "attributes.csv", "--columns", "Hat", "Smiling")
    assert code == 0
    assert "Smiling: 20" in out
    code, _, err = command("train", images, "--columns", "Hat", "--only", "Hat", *TINY, "--out", images.parent / "run")
    assert code == 0, err
    config = json.loads((images.parent / "run" / "config.json").read_text())
    assert (config["data"]["columns"], config["data"]["only"]) == (["Hat"], ["Hat"])


def unpacked(name: str, folder: Path, count: int) -> Path:
    """Unpack a real data set's first images and everything else; the test is skipped where it is absent."""
    if not (REAL_DATA / f"{name}.tar").is_file():
        pytest.skip(f"{name} is not at hand")
    with tarfile.open(REAL_DATA / f"{name}.tar") as archive:
        members = sorted(archive.getmembers(), key=lambda member: member.name)
        pictures = [member for member in members if member.name.endswith(".png")]
        kept = pictures[:: max(1, len(pictures) // count)]
        archive.extractall(folder, [m for m in members if not m.name.endswith(".png")] + kept, filter="data")
    return folder / name


def test_real_avatars(tmp_path: Path) -> None:
    folder = unpacked("avatars_set5", tmp_path, 2000)
    source = opened(folder, None, "Blond_Hair")
    assert source.report.classes == {"not Blond_Hair": 1508, "Blond_Hair": 492}
    assert opened(folder / "img64", None, "Blond_Hair").report.classes == source.report.classes
    several = opened(folder, None, "Eyeglasses", "Wearing_Hat")
    assert several.report.classes == {"Eyeglasses": 609, "Wearing_Hat": 255}
    with pytest.raises(DataError, match="did you mean 'Blond_Hair'"):
        opened(folder, None, "Blonde_Hair")


def test_real_cats(tmp_path: Path) -> None:
    folder = unpacked("cats_set4", tmp_path, 250)
    source = opened(folder, None, "body")
    assert source.labels is not None
    assert source.labels.kind == "classes"
    assert sum(source.report.classes.values()) == source.report.used == 250
    assert sum(source.report.notes.values()) >= 250, "rows without an image are counted"
    assert len(opened(folder, None, "body", "mouth").report.classes) > len(source.report.classes)


def test_real_bricks(tmp_path: Path) -> None:
    folder = unpacked("lego_bricks", tmp_path, 130)
    by_folder = opened(folder / "img", "folders")
    by_name = opened(folder / "img", "names")
    assert len(by_folder.report.classes) == len(by_name.report.classes) == 13
    assert "3003 brick 2x2" in by_name.report.classes
    assert sorted(by_folder.report.classes.values()) == sorted(by_name.report.classes.values())
