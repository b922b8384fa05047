"""Text: read, encoded, refused where it is none, trained on, and given back as lines."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

import gradpen
from gradpen.cli import main
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.recognise import open_source
from gradpen.data.sentences import COUNT, LONGEST, sentences
from gradpen.data.source import gather, settled
from gradpen.data.symbols import END, UNKNOWN, codes_of, lines_of
from gradpen.data.values import values_from_json
from gradpen.errors import DataError

CPU = torch.device("cpu")
POEM = [f"line {number} of a poem" for number in range(40)]


def written(folder: Path, content: bytes | str, name: str = "book.txt") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_a_line_is_an_example_of_one_length(tmp_path: Path) -> None:
    source = open_source(DataChoice(path=str(written(tmp_path, "\n".join([*POEM, "", "x" * 50, POEM[0]])))))
    assert source.shape == (len(source.values.symbols or ()), 1, 32)
    assert len(source.images) == 42
    notes = source.report.notes
    assert notes["line without a character, left out"] == 1
    assert notes["line cut off after 32 characters (`data.length`)"] == 1
    assert notes["line that is there before"] == 1
    networks = gather(source, np.arange(3), CPU)
    assert networks.shape == (3, *source.shape)
    assert networks.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(networks.sum(1), torch.ones(3, 1, 32))
    assert source.values.restore(networks.numpy()).tolist() == POEM[:3]
    assert np.array_equal(source.values.taken(np.array(POEM[:3]), 32), networks.numpy())
    assert values_from_json(json.loads(json.dumps(source.values.to_json()))) == source.values


def test_symbols_are_in_the_order_of_their_number() -> None:
    source = open_source(DataChoice(length=4), array=LabelledArray(images=np.array(["aab", "abc"] * 15)))
    assert source.values.symbols == (UNKNOWN, END, "a", "b", "c")
    assert source.images[:2, 0, 0].tolist() == [[2, 2, 3, 1], [2, 3, 4, 1]]


def test_rare_characters_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradpen.data.lines.MOST_SYMBOLS", 4)
    source = open_source(DataChoice(), array=LabelledArray(images=np.array(["aab", "abc"] * 15)))
    assert source.values.symbols == (UNKNOWN, END, "a", "b")
    assert source.report.notes[f"character among the rarest, taken as {UNKNOWN}"] == 15
    assert source.values.restore(gather(source, np.array([1]), CPU).numpy()).tolist() == [f"ab{UNKNOWN}"]


@given(some.lists(some.text(alphabet="abc éß한", max_size=9), min_size=1, max_size=5))
def test_codes_give_back_their_lines(lines: list[str]) -> None:
    symbols = (UNKNOWN, END, *"abc éß한")
    assert lines_of(codes_of(lines, symbols, 9), symbols) == lines


def test_other_lines_are_other_data(tmp_path: Path) -> None:
    one, other = (
        open_source(DataChoice(path=str(written(tmp_path, "\n".join(lines)))))
        for lines in (["a" * (1 + row % 9) for row in range(40)], ["b" * (1 + row % 9) for row in range(40)])
    )
    assert np.array_equal(one.images, other.images)
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"\n \n\t\n", "it is empty"),
        (b"one long line without an end", "put one example on each line"),
        (b"\xff\xfeh\0i\0", "UTF-16"),
        (b"caf\xe9\n" * 30, "not text in UTF-8 (byte 3)"),
        (b"\x7fELF\0\0\n" * 30, "no text"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        open_source(DataChoice(path=str(written(tmp_path, content))))
    assert says in str(error.value)
    assert "book.txt" in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "data.size=8"], "have no size"),
        (["--set", "data.range=0,1"], "have no range"),
        (["--set", "data.unscaled=true"], "holds lines"),
        (["--preset", "wgan-gp"], "make images; choose --preset text"),
        (["--preset", "quick"], "make images; choose --preset text"),
        (["--set", "data.flip=true"], "is for images"),
        (["--set", "augmentation={}"], "is for images"),
        (["--conditional"], "labels"),
    ],
)
def test_what_has_no_meaning_for_text_is_refused(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "\n".join(POEM))
    assert main(["train", str(file), "--iterations", "1", "--out", str(tmp_path / "run"), *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_language_networks_refuse_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "embedded:digits", "--preset", "text", "--out", str(tmp_path / "run")]) == 2
    assert "makes lines of text, but" in capsys.readouterr().err
    assert main(["train", "embedded:digits", "--set", "data.length=8", "--out", str(tmp_path / "run")]) == 2
    assert "is for lines of text" in capsys.readouterr().err


SMALL = ["generator.width=8", "critic.width=8", "batch_size=8", "cadence.sample_every=2", "cadence.save_every=2"]


def test_a_book_from_training_to_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, run = written(tmp_path, "\n".join(sentences()[:400])), tmp_path / "run"
    assert main(["train", str(file), "--iterations", "4", "--out", str(run), "--set", *SMALL]) == 0
    assert "read 400 lines (400 characters) as 32 characters of" in capsys.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert config["preset"] == "text"
    rows = [json.loads(line) for line in (run / "measures.jsonl").read_text().splitlines()]
    assert all(0 <= rows[-1][f"jsd_{n}"] <= 1 for n in range(1, 5))
    assert "frechet_distance" not in rows[-1]
    assert (run / "best").is_dir()
    shown = (run / "samples" / "00000004.txt").read_text()
    report = (run / "report.html").read_text()
    assert "Jensen-Shannon" in report
    assert "<pre>" in report

    assert main(["sample", str(run), "--count", "3", "--checkpoint", "last"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 3
    loaded = gradpen.load(run)
    assert loaded.sample(3).tolist() == [line.rstrip("\n") for line in printed.splitlines()]
    assert loaded.sample(64, seed=loaded.config.seed).tolist() == shown.split("\n")[:-1]
    assert loaded.describe()["symbols"] == loaded.values.symbols

    assert main(["sample", str(run), "--count", "5", "--out", str(tmp_path / "five.txt")]) == 0
    assert len((tmp_path / "five.txt").read_text().splitlines()) == 5
    for name in ("five.png", "five.npz", "five.gif"):
        assert main(["sample", str(run), "--count", "5", "--out", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 0
    assert main(["sample", str(run), "--label", "a"]) == 2
    assert "trained without labels" in capsys.readouterr().err
    assert main(["vae", str(run)]) == 2
    assert "makes lines of text" in capsys.readouterr().err
    assert main(["data", str(file)]) == 0
    assert "lines       400 usable of 400 found" in capsys.readouterr().out

    assert main(["evaluate", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"samples", "jsd_1", "real_jsd_4", "diversity"} <= set(found)
    assert main(["nearest", str(run), "--count", "2", "--out", str(tmp_path / "nearest.png")]) == 0
    assert "percent of the characters that differ" in capsys.readouterr().out


def test_text_resumes_to_the_same_bits(tmp_path: Path) -> None:
    file = written(tmp_path, "\n".join(sentences()[:200]))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    common = ["train", str(file), "--preset", "language-model", "--set", *SMALL]
    assert main([*common, "--iterations", "4", "--out", str(whole)]) == 0
    assert main([*common, "--iterations", "2", "--out", str(parts)]) == 0
    assert main(["train", "--resume", str(parts), "--iterations", "4"]) == 0
    one, other = (
        torch.cat([tensor.flatten() for tensor in gradpen.load(path).generator.state_dict().values()])
        for path in (whole, parts)
    )
    assert torch.equal(one, other)


def test_lines_of_a_program_and_other_lines_against_them(tmp_path: Path) -> None:
    lines = sentences()[:200]
    run = gradpen.train(
        np.array(lines),
        iterations=2,
        batch_size=8,
        generator__width=8,
        critic__width=8,
        precision="fp32",
        out=tmp_path / "run",
    )
    assert run.config.preset == "text"
    with pytest.raises(gradpen.errors.UsageError, match="nearest lines"):
        run.project(run.sample(1))
    with pytest.raises(gradpen.errors.UsageError, match="no units"):
        run.plain_generator(units=True)
    made, real = written(tmp_path, "\n".join(lines[:60]), "made.txt"), written(tmp_path, "\n".join(lines), "real.txt")
    found = gradpen.evaluate(made, real, count=20)
    assert found["jsd_1"].mean < 0.2
    assert found["samples"].n == 20


def test_a_line_of_the_data_is_found_as_a_copy(tmp_path: Path) -> None:
    from gradpen.metrics.copies import find_neighbours

    source = open_source(DataChoice(path=str(written(tmp_path, "\n".join(sentences()[:300])))))
    row = int(source.train[5])
    line = source.values.restore(gather(source, np.array([row]), CPU).numpy())
    changed = np.array(["#" + line[0][1:]])
    found = find_neighbours(np.zeros((2, 1, 16, 8), np.uint8), source, np.concatenate([line, changed]))
    assert found.train.rows.tolist() == [row, row]
    assert found.train.distances == pytest.approx([0, 100 / 32])
    assert found.copies[0] == 0


def test_settled_text_is_the_likeliest_symbol() -> None:
    soft = torch.tensor([[0.2, 0.5], [0.7, 0.1], [0.1, 0.4]])[None, :, None]
    assert settled(soft)[0, :, 0].tolist() == [[0, 1], [1, 0], [0, 0]]


def test_sentences_are_always_the_same_short_and_different() -> None:
    found = sentences()
    assert len(set(found)) == len(found) == COUNT
    assert max(map(len, found)) <= LONGEST
    assert found == sentences()
