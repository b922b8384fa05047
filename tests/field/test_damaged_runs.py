"""What stands beside the checkpoints is damaged: a run is read and goes on, and says what it left out."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradpen
from conftest import Outcome
from gradpen.errors import GradpenError
from gradpen.runs.audience import Audience
from gradpen.runs.folder import RunFolder, read_measures

SHORT: dict[str, Any] = {"preset": "wgan-gp-digits", "batch_size": 8, "critic_steps": 1, "cadence.log_every": 1}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    audience = Audience(publish=lambda _: None)
    return gradpen.train(out=tmp_path_factory.mktemp("runs") / "run", iterations=8, audience=audience, **SHORT).path


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "run"))


def flipped(content: bytes, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def test_bits_of_the_measures_flip(run: Path) -> None:
    """Every row is read or left out; none but the damaged ones is, and what is left out is counted."""
    file, folder = run / "measures.jsonl", RunFolder(path=run)
    whole = file.read_bytes()
    rows = read_measures(folder)
    for bit in random.Random(0).sample(range(8 * len(whole)), 2000):
        file.write_bytes(flipped(whole, bit))
        said: list[str] = []
        found = read_measures(folder, said.append)
        # A line end that flips joins two rows, and one that appears parts one.
        assert len(rows) - 2 <= len(found) <= len(rows) + 1
        assert sum(row in rows for row in found) >= len(rows) - 2
        if len(found) < len(rows) and whole.count(b"\n", bit // 8 + 1) > 1:  # the last may just be cut short
            assert "damaged and left out" in said[0]


@pytest.mark.parametrize(
    "line", [b"\xff\xfe\x00", b"[]", b"3", b'{"iteration": 3}', b'{"iteration": "x"}', b"[" * 100_000], ids=range(6)
)
def test_a_run_with_a_damaged_line_loads_and_resumes(run: Path, line: bytes, command: Callable[..., Outcome]) -> None:
    file = run / "measures.jsonl"
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*lines[:3], line, *lines[3:]]) + b"\n")
    with pytest.warns(UserWarning, match=r"1 of 10 lines of .*measures.jsonl are damaged and left out"):
        assert len(gradpen.load(run).measures) == 9
    code, _, err = command("train", "--resume", run, "--iterations=9")
    assert code == 0, err
    assert "damaged and left out" in err
    assert len(read_measures(RunFolder(path=run))) == 10


def test_measures_that_were_removed(run: Path, command: Callable[..., Outcome]) -> None:
    (run / "measures.jsonl").unlink()
    assert gradpen.load(run).measures == []
    assert command("train", "--resume", run, "--iterations=10")[0] == 0
    assert [row["iteration"] for row in gradpen.load(run).measures] == [9, 10]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"{}", b"\xff", b"[" * 100_000], ids=range(7))
@pytest.mark.parametrize("name", ["data.json", "run.json"])
def test_a_damaged_record_is_written_anew(
    run: Path, name: str, content: bytes, command: Callable[..., Outcome]
) -> None:
    before = json.loads((run / name).read_bytes())
    (run / name).write_bytes(content)
    code, _, err = command("train", "--resume", run, "--iterations=9")
    assert code == 0, err
    assert json.loads((run / name).read_bytes()).keys() == before.keys()
    assert ("data.json was damaged and is written anew" in err) == (name == "data.json")
    assert gradpen.load(run).iteration == 9


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"\xff", b"[" * 100_000], ids=range(6))
def test_a_damaged_configuration_is_a_sentence(run: Path, content: bytes) -> None:
    (run / "config.json").write_bytes(content)
    for use in (gradpen.load, lambda path: gradpen.train(resume=path)):
        with pytest.raises(GradpenError, match=r"config.json"):
            use(run)
