"""LSUN's databases as they are published, and as they break."""

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradpen.cli import main
from gradpen.data import chunks
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.errors import DataError


def opened(path: Path, **options: object) -> Source:
    return open_source(DataChoice(path=str(path), **options))  # type: ignore[arg-type]


def encoded(count: int, form: str = "WEBP") -> list[tuple[bytes, bytes]]:
    """Keys in the order of the database, and lossless pictures."""
    rng = np.random.default_rng(0)
    result = []
    for number in range(count):
        content = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)).save(content, form, lossless=True)
        result.append((f"{number:040x}".encode(), content.getvalue()))
    return result


def write(folder: Path, items: list[tuple[bytes, bytes]]) -> Path:
    lmdb = pytest.importorskip("lmdb")
    with lmdb.open(str(folder), map_size=16 << 20) as database, database.begin(write=True) as transaction:
        for key, value in items:
            transaction.put(key, value)
    return folder


def test_a_database_is_the_same_data_as_its_files(tmp_path: Path) -> None:
    items = encoded(40)
    source = opened(write(tmp_path / "bedroom_lmdb", items))
    (tmp_path / "files").mkdir()
    for key, value in items:
        (tmp_path / "files" / f"{key.decode()}.webp").write_bytes(value)
    assert source.fingerprint == opened(tmp_path / "files").fingerprint
    assert (source.report.kind, source.report.used, source.shape) == ("lsun", 40, (3, 10, 12))
    assert isinstance(source.images, np.memmap)
    assert opened(tmp_path / "bedroom_lmdb", size=(8, 8), channels=1).shape == (1, 8, 8)


def test_it_is_decoded_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "lmdb", encoded(30))
    first = opened(folder)
    with monkeypatch.context() as patch:
        patch.setattr(chunks, "decode_file", None)
        assert opened(folder).fingerprint == first.fingerprint
    write(folder, encoded(31)[30:])
    assert opened(folder).report.used == 31


def test_unreadable_values_are_named(tmp_path: Path) -> None:
    items = encoded(30)
    folder = write(tmp_path / "lmdb", [*items, (b"bad\x1b", b"no image"), (b"half", items[0][1][:50]), (b"void", b"")])
    report = opened(folder).report
    assert (report.used, report.found) == (30, 33)
    assert [name for name, _ in report.unreadable] == ["bad\x1b", "half", "void"]
    with pytest.raises(DataError, match=r"leave out `data\.strict`"):
        opened(folder, strict=True)


def test_damaged_databases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "lmdb", encoded(200))
    whole = (folder / "data.mdb").read_bytes()
    os.truncate(folder / "data.mdb", len(whole) // 2)
    with pytest.raises(DataError, match=r"data.mdb has .* bytes of .*; copy the database again"):
        opened(folder)
    (folder / "data.mdb").write_bytes(b"nonsense" * 4096)
    with pytest.raises(DataError, match=r"cannot be opened as lmdb"):
        opened(folder)
    (folder / "data.mdb").write_bytes(b"")
    assert main(["data", str(folder)]) == 2
    assert "copy the database again" in capsys.readouterr().err
    with pytest.raises(DataError, match="is an empty lmdb database"):
        opened(write(tmp_path / "empty", []))


def test_without_lmdb_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.mdb").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "lmdb", None)
    assert main(["data", str(tmp_path)]) == 2
    assert "lmdb is not installed: pip install 'gradpen[lsun]'" in capsys.readouterr().err


def test_a_table_has_no_files_to_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"leave out `data\.columns`"):
        opened(write(tmp_path / "lmdb", encoded(30)), columns=("Smiling",))
