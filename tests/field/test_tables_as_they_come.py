"""Tables that other programs and other machines wrote."""

import json
import unicodedata
from pathlib import Path

import pytest

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.errors import DataError, UsageError

KINDS = ["nv", "mel"]


def opened(images: Path, name: str, text: str, *columns: str) -> Source:
    table = images.parent / name
    table.write_text(text)
    return open_source(DataChoice(path=str(images), labels=str(table), columns=columns))


def kind_of(number: int) -> str:
    return KINDS[number % 2]


def is_read(source: Source) -> None:
    assert source.labels is not None
    assert source.labels.names == ("mel", "nv")
    assert source.labels.values.tolist() == [1, 0] * 20


def rows(form: str, header: str = "image,dx") -> str:
    return "\n".join(filter(None, [header, *(form.format(n=n, dx=kind_of(n)) for n in range(40))])) + "\n"


TABLES = {
    "ids without a suffix": ("t.csv", rows("{n:03d},{dx}")),
    "paths from Windows": ("t.csv", rows("C:\\photos\\skin\\{n:03d}.png,{dx}")),
    "paths from another machine": ("t.csv", rows("/home/ana/skin/{n:03d}.png,{dx}")),
    "semicolons": ("t.csv", rows("{n:03d}.png;{dx}", "image;dx")),
    "tabs": ("t.tsv", rows("{n:03d}.png\t{dx}", "image\tdx")),
    "tabs in a .csv": ("t.csv", rows("{n:03d}.png\t{dx}", "image\tdx")),
    "a comma in a text between semicolons": ("t.csv", rows("{n:03d}.png;{dx};a,b,c", "image;dx;note")),
    "the index that pandas writes": ("t.csv", rows("{n},{n:03d}.png,{dx}", ",image_name,dx")),
    "StyleGAN's dataset.json": (
        "dataset.json",
        json.dumps({"labels": [[f"{n:03d}.png", kind_of(n)] for n in range(40)]}),
    ),
}


@pytest.mark.parametrize("wrote", TABLES)
def test_a_table_that_another_program_wrote(images: Path, wrote: str) -> None:
    is_read(opened(images, *TABLES[wrote], "dx") if wrote.startswith("a comma") else opened(images, *TABLES[wrote]))


def test_a_table_without_names_of_columns(images: Path) -> None:
    """The first line is a row like the others, which is said."""
    source = opened(images, "t.csv", rows("{n:03d}.png,{dx}", ""))
    is_read(source)
    assert "table without names of columns, called image_id, column 2" in source.report.notes


def test_the_same_names_in_several_folders(images: Path) -> None:
    """Only the last two parts together tell such images apart."""
    for folder in "ab":
        (images / folder).mkdir()
    for number, file in enumerate(sorted(images.glob("*.png"))):
        file.rename(images / "ab"[number % 2] / f"{number // 2:02d}.png")
    form = [f"/data/old/{'ab'[n % 2]}/{n // 2:02d},{kind_of(n)}" for n in range(40)]
    source = opened(images, "t.csv", "\n".join(["id,dx", *form]) + "\n")
    assert source.labels is not None
    assert source.labels.values.tolist() == [1] * 20 + [0] * 20


def test_labels_of_stylegan_by_number_and_by_several(images: Path) -> None:
    numbers = json.dumps({"labels": [[f"{n:03d}.png", n % 3] for n in range(40)]})
    one = opened(images, "dataset.json", numbers).labels
    assert one is not None
    assert one.names == ("0", "1", "2")
    several = json.dumps({"labels": [[f"{n:03d}.png", [n / 4, 0.5]] for n in range(40)]})
    pose = opened(images, "dataset.json", several, "0", "1").labels
    assert pose is not None
    assert pose.kind == "values"
    with pytest.raises(DataError, match="label 1: expected"):
        opened(images, "dataset.json", json.dumps({"labels": [["000.png", 1, 2]]}))
    with pytest.raises(DataError, match="found NoneType"):
        opened(images, "dataset.json", json.dumps({"labels": None}))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_as_macs_write_them(images: Path, form: str) -> None:
    """A class is found however its accents are written, in folders, tables and requests alike."""

    def written(text: str) -> str:
        return unicodedata.normalize(form, text)  # type: ignore[arg-type]

    other = "NFD" if form == "NFC" else "NFC"
    for number, file in enumerate(sorted(images.iterdir())):
        place = images / written(["café", "thé"][number % 2])
        place.mkdir(exist_ok=True)
        file.rename(place / written(f"é{file.name}"))
    asked = unicodedata.normalize(other, "café")  # type: ignore[arg-type]
    source = open_source(DataChoice(path=str(images), labels="folders"))
    assert source.labels is not None
    assert source.labels.space().parse(asked).tolist() == [1, 0]
    assert open_source(DataChoice(path=str(images), only=(asked,), held_out=0.2)).report.used == 20
    lines = [
        unicodedata.normalize(other, f"{['café', 'thé'][n % 2]}/é{n:03d}.png,{n % 2}")  # type: ignore[arg-type]
        for n in range(40)
    ]
    table = opened(images, "t.csv", "\n".join(["file,clé", *lines]) + "\n", written("clé"))
    assert table.labels is not None
    assert table.labels.values.tolist() == [0] * 20 + [1] * 20


def test_what_does_not_match_is_named(images: Path) -> None:
    with pytest.raises(DataError) as error:
        opened(images, "t.csv", rows("img{n:03d}.png,{dx}"))
    said = str(error.value)
    assert "40 of 40 images have no row in" in said
    assert "t.csv: 000.png, 001.png, 002.png and 37 more" in said
    assert "rows without an image: img000.png, img001.png, img002.png and 37 more" in said


def test_an_id_that_means_two_images(images: Path) -> None:
    (images / "000.jpg").write_bytes((images / "000.png").read_bytes())
    with pytest.raises(DataError, match=r"'000' alone means 1 row\(s\) and 2 images"):
        opened(images, "t.csv", rows("{n:03d},{dx}"))


def test_a_class_that_is_not_there(images: Path) -> None:
    source = opened(images, "t.csv", rows("{n:03d},{dx}"))
    assert source.labels is not None
    with pytest.raises(UsageError, match="there is no label 'nevus' among mel, nv"):
        source.labels.space().parse("nevus")


def test_a_running_index_beside_names_of_files(images: Path) -> None:
    """The column of files is the key, whatever it is called; an index that counts backwards is not."""
    lines = [f"{39 - n},{n:03d}.png,{kind_of(n)}" for n in range(40)]
    is_read(opened(images, "t.csv", "\n".join(["index,picture,dx", *lines]) + "\n", "dx"))


def test_names_without_suffixes_are_said(images: Path) -> None:
    notes = opened(images, "t.csv", rows("{n:03d},{dx}")).report.notes
    assert notes == {"row of t.csv found by a name without a suffix": 40}
