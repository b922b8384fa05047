"""CIFAR-10 as Python 2 pickled it and in binary, and pickles that would do harm if they were loaded."""

import io
import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradpen.api import train
from gradpen.data.choice import DataChoice
from gradpen.data.cifar import BATCHES, CLASSES
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.errors import DataError
from gradpen.settings import configure

PER_BATCH = 20


def save_as_python2_str(pickler: Any, value: bytes) -> None:
    length = b"U" + bytes([len(value)]) if len(value) < 256 else b"T" + struct.pack("<i", len(value))
    pickler.write(length + value)
    pickler.memoize(value)


def python2(value: object) -> bytes:
    """Pickle with bytes written as Python 2 wrote its str, and NumPy's names as they were then."""
    file = io.BytesIO()
    pure: Any = vars(pickle)["_Pickler"]
    pickler = pure(file, protocol=2)
    pickler.dispatch = {**pure.dispatch, bytes: save_as_python2_str}
    pickler.dump(value)
    return file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def pixels(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    count = PER_BATCH * len(BATCHES)
    return rng.integers(0, 256, (count, 3072), dtype=np.uint8), np.arange(count) % 10


def batch(number: int) -> dict[bytes, Any]:
    images, classes = pixels()
    rows = slice(number * PER_BATCH, (number + 1) * PER_BATCH)
    return {
        b"batch_label": b"training batch",
        b"labels": classes[rows].tolist(),
        b"data": images[rows],
        b"filenames": [f"caf\xe9_{row}.png".encode("latin-1") for row in range(PER_BATCH)],
    }


def write(folder: Path, form: str) -> Path:
    folder.mkdir(parents=True)
    images, classes = pixels()
    for number, name in enumerate(BATCHES):
        if form == "python":
            (folder / name).write_bytes(python2(batch(number)))
        else:
            rows = slice(number * PER_BATCH, (number + 1) * PER_BATCH)
            records = np.concatenate([classes[rows, None].astype(np.uint8), images[rows]], axis=1)
            (folder / f"{name}.bin").write_bytes(records.tobytes())
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "cifar-10-batches-py", "python")


def opened(path: Path, **options: object) -> Source:
    return open_source(DataChoice(path=str(path), **options))  # type: ignore[arg-type]


def test_the_writer_of_these_tests_writes_what_python_2_wrote() -> None:
    """Loaded as the authors of CIFAR-10 tell it to be, with the instructions their files have."""
    content = python2(batch(0))
    assert content.startswith(b"\x80\x02}q\x00(U\x0bbatch_label")
    assert b"cnumpy.core.multiarray\n_reconstruct\n" in content
    loaded = pickle.loads(content, encoding="bytes")
    assert np.array_equal(loaded[b"data"], batch(0)[b"data"])


@pytest.mark.parametrize("form", ["python", "binary"])
@pytest.mark.parametrize("below", [".", "cifar-10-batches"])
def test_both_forms_at_the_folder_or_one_below(tmp_path: Path, form: str, below: str) -> None:
    write(tmp_path / "data" / "batches", form)
    path = tmp_path / "data" if below != "." else tmp_path / "data" / "batches"
    source = opened(path)
    images, classes = pixels()
    assert np.array_equal(source.images, images.reshape(-1, 3, 32, 32))
    assert source.labels is not None
    assert source.labels.values.tolist() == classes.tolist()
    assert source.labels.names == CLASSES
    assert source.train.tolist() == list(range(100))
    assert source.held_out.tolist() == list(range(100, 120))
    assert (source.report.kind, source.report.used) == ("cifar", 120)


def test_both_forms_are_the_same_data(tmp_path: Path) -> None:
    forms = [opened(write(tmp_path / form, form)).fingerprint for form in ("python", "binary")]
    assert forms[0] == forms[1]


def test_names_of_classes_come_from_the_folder(folder: Path) -> None:
    names = [f"name{number}".encode() for number in range(10)]
    (folder / "batches.meta").write_bytes(python2({b"label_names": names, b"num_vis": 3072}))
    assert list(opened(folder).report.classes) == [name.decode() for name in names]
    (folder / "batches.meta").write_bytes(b"nonsense")
    assert tuple(opened(folder).report.classes) == CLASSES


def test_one_class_of_both_parts(folder: Path) -> None:
    images, classes = pixels()
    source = opened(folder, only=("horse",))
    assert np.array_equal(source.images, images[classes == 7].reshape(-1, 3, 32, 32))
    assert (source.train.tolist(), source.held_out.tolist()) == (list(range(10)), [10, 11])
    assert source.report.classes == {"horse": 12}


def test_the_preset_of_horses_trains_on_horses(folder: Path, tmp_path: Path) -> None:
    run = train(
        folder.parent, preset="wgan-horses", data__only=("horse",), iterations=1, batch_size=8, critic_steps=1,
        cadence__grid=4, out=tmp_path / "run",
    )  # fmt: skip
    assert run.sample(2, seed=0).shape == (2, 32, 32, 3)
    assert configure("wgan-horses").data.size in (None, (32, 32))


class Harm:
    """What a pickle runs when it is loaded."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.file}",)


def harmful(file: Path) -> dict[str, tuple[bytes, str]]:
    head = b"\x80\x02}q\x00U\x04data"
    array = b"cnumpy.core.multiarray\n_reconstruct\n"
    return {
        "os.system": (pickle.dumps(Harm(file), protocol=2), "the name posix system"),
        "in the data": (python2(batch(0) | {b"data": Harm(file)}), "the name posix system"),
        "builtins": (head + b"c__builtin__\neval\n(U\x011tR.", "the name __builtin__ eval"),
        "another name of NumPy": (head + b"cnumpy\nload\n(U\x01xtR.", "the name numpy load"),
        "an object": (pickle.dumps({"a": file}, protocol=2), "the name pathlib"),
        "stacked name": (pickle.dumps(Harm(file), protocol=4), "the name posix system"),
        "an instance": (b"(i__main__\nHarm\np0\n.", "the instruction INST"),
        "persistent": (b"Pid\n.", "the instruction PERSID"),
        "extension": (b"\x82\x01.", "the instruction EXT1"),
        "another array": (head + array + b"cnumpy\ndtype\nK\x00\x85U\x01b\x87R.", "a call of numpy.core.multiarray"),
        "objects": (python2({b"data": np.array([None, 1])}), "a call of numpy dtype"),
        "floats": (python2({b"data": np.zeros((2, 3072))}), "a call of numpy dtype"),
    }


@pytest.mark.parametrize("kind", list(harmful(Path("x"))))
def test_nothing_foreign_is_run(folder: Path, tmp_path: Path, kind: str) -> None:
    content, expected = harmful(tmp_path / "harm")[kind]
    (folder / "data_batch_3").write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_3 is refused: it has .* nothing was run") as error:
        opened(folder)
    assert expected in str(error.value)
    assert not (tmp_path / "harm").exists()


DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not a Python batch"),
    "text": (b"<html>", "data_batch_2 is"),
    "truncated": (python2(batch(0))[:5000], "is not a Python batch"),
    "without an end": (python2(batch(0))[:-1], "is not a Python batch"),
    "huge length": (b"\x80\x02}U\x04dataT\xff\xff\xff\x7fabc", "is not a Python batch"),
    "negative length": (b"\x80\x02}U\x04dataT\xff\xff\xff\xffabc", "is not a Python batch"),
    "empty stack": (b"\x80\x02a.", "is not a Python batch"),
    "no mark": (b"\x80\x02]K\x01e.", "is not a Python batch"),
    "no memo": (b"\x80\x02h\x07.", "is not a Python batch"),
    "no dictionary": (b"\x80\x02].", "holds no dictionary"),
    "a key that is no text": (b"\x80\x02}]K\x01s.", "is not a Python batch"),
    "no data": (python2({b"labels": [1]}), "holds no array 'data'"),
    "another shape": (python2({b"data": np.zeros((2, 5), np.uint8), b"labels": [1, 2]}), "holds no array 'data'"),
    "too few labels": (python2(batch(0) | {b"labels": [1, 2]}), "holds no list 'labels' of 20 integers"),
    "labels of another kind": (python2(batch(0) | {b"labels": [b"x"] * 20}), "holds no list 'labels'"),
    "labels out of range": (python2(batch(0) | {b"labels": [10] * 20}), "holds no images of classes 0 to 9"),
    "many instructions": (b"\x80\x02" + b"]" * 300_000 + b".", "has more than 200,000 instructions"),
    "shape that lies": (python2(batch(0)).replace(b"K\x14M\x00\x0c\x86", b"K\x15M\x00\x0c\x86"), "is not a Python"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_batches(folder: Path, kind: str) -> None:
    content, expected = DAMAGED[kind]
    (folder / "data_batch_2").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DataError) as error:
        opened(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert expected in str(error.value)
    assert "data_batch_2" in str(error.value)
    assert peak < 40 << 20


def test_any_damage_is_a_sentence(folder: Path) -> None:
    whole = (folder / "test_batch").read_bytes()
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(150):
        damaged = bytearray(whole)
        for place in [*rng.integers(0, 400, 3), *rng.integers(len(whole) - 900, len(whole), 2)]:
            damaged[place] = rng.integers(0, 256)
        (folder / "test_batch").write_bytes(damaged)
        try:
            outcomes.add(opened(folder).report.kind)
        except DataError as error:
            outcomes.add("named" if "test_batch" in str(error) else str(error))
    assert outcomes <= {"cifar", "named"}
    assert "named" in outcomes


def test_one_array_many_times_costs_no_memory(folder: Path) -> None:
    """A small file that builds its bytes into a thousand arrays."""
    shared = b"T" + struct.pack("<i", 1 << 20) + bytes(1 << 20) + b"q\x01"
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tRq\x02"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    state = b"(K\x01J" + struct.pack("<i", 1 << 20) + b"\x85h\x02\x89h\x01tb"
    content = b"\x80\x02}U\x04junk](" + shared + dtype + (array + state) * 1000 + b"es."
    (folder / "data_batch_1").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DataError, match="holds no array 'data'"):
        opened(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


def test_missing_and_huge_files(folder: Path) -> None:
    (folder / "data_batch_4").unlink()
    with pytest.raises(DataError, match=r"lacks data_batch_4 of CIFAR-10's six files"):
        opened(folder)
    (folder / "data_batch_4").touch()
    os.truncate(folder / "data_batch_4", 1 << 30)
    with pytest.raises(DataError, match=r"data_batch_4 has 1,073,741,824 bytes, more than"):
        opened(folder)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "has 0 bytes"), (bytes(3072), "expected a multiple of 3,073"), (b"\x0a" + bytes(3072), "of classes 0 to 9")],
)
def test_damaged_records(tmp_path: Path, content: bytes, expected: str) -> None:
    folder = write(tmp_path / "bin", "binary")
    (folder / "test_batch.bin").write_bytes(content)
    with pytest.raises(DataError, match=expected):
        opened(folder)


def test_text_that_is_no_bytes_is_refused(folder: Path) -> None:
    text = ("\u0100" * 3072).encode()
    shared = b"X" + struct.pack("<I", len(text)) + text
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    state = b"(K\x01K\x01M\x00\x0c\x86" + dtype + b"\x89" + shared + b"tb"
    (folder / "data_batch_1").write_bytes(b"\x80\x02}(U\x04data" + array + state + b"U\x06labels](K\x01eu.")
    with pytest.raises(DataError, match="holds values that are no bytes"):
        opened(folder)


def test_an_array_of_many_axes_is_refused_at_once(folder: Path) -> None:
    dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    sizes = b"(" + (b"J" + struct.pack("<i", 1 << 30)) * 100_000 + b"t"
    state = b"(K\x01" + sizes + dtype + b"\x89U\x01Atb"
    (folder / "data_batch_1").write_bytes(b"\x80\x02}U\x04data" + array + state + b"s.")
    with pytest.raises(DataError, match="is not a Python batch of CIFAR-10"):
        opened(folder)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("keys", ["bytes", "texts"])
def test_batches_that_python_3_wrote_again(tmp_path: Path, protocol: int, keys: str) -> None:
    """As people save them after loading them with encoding="bytes" or "latin1"."""
    expected = opened(write(tmp_path / "old", "python"))
    (tmp_path / "new").mkdir()
    for number, name in enumerate(BATCHES):
        held = pickle.loads(python2(batch(number)), encoding="bytes" if keys == "bytes" else "latin1")
        (tmp_path / "new" / name).write_bytes(pickle.dumps(held, protocol))
    meta = {b"label_names": [b"n%d" % number for number in range(10)]}
    (tmp_path / "new" / "batches.meta").write_bytes(pickle.dumps(meta, protocol))
    found = opened(tmp_path / "new")
    assert found.fingerprint == expected.fingerprint
    assert list(found.report.classes) == [f"n{number}" for number in range(10)]


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_what_python_3_could_call_is_refused(tmp_path: Path, protocol: int) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("echo harm",)

    folder = write(tmp_path / "cifar", "python")
    (folder / BATCHES[0]).write_bytes(pickle.dumps({"data": Harmful()}, protocol))
    with pytest.raises(DataError, match="is refused: it has the name posix system"):
        opened(folder)
    (folder / BATCHES[0]).write_bytes(pickle.dumps({"data": np.zeros((2, 3072), np.float64)}, protocol))
    with pytest.raises(DataError, match="a call of numpy dtype other than"):
        opened(folder)
