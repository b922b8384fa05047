"""The command line as a user meets it: every command, every mistake."""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Outcome
from gradpen.cli import COMMANDS, main
from gradpen.commands.options import flag

TINY = [
    "--preset=wgan-gp",
    "--iterations=4",
    "--batch-size=16",
    "--set",
    "critic_steps=1",
    "generator.width=4",
    "critic.width=4",
    "cadence.grid=9",
]


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


@pytest.fixture
def run(tmp_path: Path, command: Callable[..., Outcome]) -> Path:
    code, _, err = command("train", *TINY, "--out", tmp_path / "run")
    assert code == 0, err
    return tmp_path / "run"


def test_train_names_what_it_wrote(tmp_path: Path, command: Callable[..., Outcome]) -> None:
    code, out, err = command("train", *TINY, "--out", tmp_path / "run")
    assert code == 0
    names = dict(line.split() for line in out.splitlines())
    assert list(names) == ["samples", "real", "curves", "report"]
    assert all(Path(file).stat().st_size > 0 for file in names.values())
    assert "iteration 4/4" in err
    for word in ("gap", "train", "held-out", "slope", "left"):
        assert word in err
    assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == [
        "best",
        "checkpoint",
        "config.json",
        "critic.json",
        "curves.png",
        "data.json",
        "measures.jsonl",
        "real.png",
        "report.html",
        "run.json",
        "run.lock",
        "samples",
        "verdict.json",
    ]


def test_options_reach_the_configuration(tmp_path: Path, images: Path, command: Callable[..., Outcome]) -> None:
    code, _, err = command(
        "train", images, *TINY, "cadence.log_every=2", "--penalty-weight=3", "--learning-rate=1e-3", "--seed=7",
        "--size=9x6", "--fit=pad", "--channels=3", "--device=cpu", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 0, err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["constraint"] == {
        "name": "gradient-penalty",
        "weight": 3.0,
        "target": 1.0,
        "one_sided": False,
        "where": "line",
        "every": 1,
    }
    assert config["critic_optimizer"]["learning_rate"] == config["generator_optimizer"]["learning_rate"] == 1e-3
    assert (config["seed"], config["device"], config["cadence"]["log_every"]) == (7, "cpu", 2)
    assert (config["data"]["size"], config["data"]["fit"], config["data"]["channels"]) == ([9, 6], "pad", 3)
    assert config["data"]["path"] == str(images)


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_configuration_files(tmp_path: Path, command: Callable[..., Outcome], suffix: str) -> None:
    file = tmp_path / f"mine.{suffix}"
    text = {
        "json": '{"preset": "wgan", "iterations": 3, "constraint": {"threshold": 0.02}, "critic": {"norm": "none"}}',
        "toml": 'preset = "wgan"\niterations = 3\n[constraint]\nthreshold = 0.02\n[critic]\nnorm = "none"\n',
    }
    file.write_text(text[suffix])
    code, _, err = command("train", "--config", file, "--batch-size=8", "--out", tmp_path / "run")
    assert code == 0, err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["constraint"] == {"name": "weight-clipping", "threshold": 0.02, "norm_layers": True}
    assert (config["iterations"], config["batch_size"], config["critic"]["norm"]) == (3, 8, "none")
    again = command("train", "--config", tmp_path / "run" / "config.json", "--out", tmp_path / "again")
    assert again[0] == 0
    assert (tmp_path / "again" / "config.json").read_bytes() == (tmp_path / "run" / "config.json").read_bytes()


def test_sample_as_grid_array_and_folder(tmp_path: Path, run: Path, command: Callable[..., Outcome]) -> None:
    for out in ("grid.png", "array.npz", "folder"):
        code, said, _ = command("sample", run, "--count=70", "--seed=5", "--out", tmp_path / out)
        assert code == 0
        assert "70 samples" in said
    array = np.load(tmp_path / "array.npz")["images"]
    assert array.shape == (70, 8, 8, 1)
    files = sorted((tmp_path / "folder").iterdir())
    assert len(files) == 70
    assert np.array_equal(np.stack([pixels(file) for file in files]), array[..., 0])
    assert command("sample", run, "--count=3", "--seed=5", "--out", tmp_path / "few.npz")[0] == 0
    assert np.array_equal(np.load(tmp_path / "few.npz")["images"], array[:3])
    assert pixels(tmp_path / "grid.png").shape[0] > 500


def test_sampling_with_the_runs_seed_gives_its_last_grid(
    tmp_path: Path, run: Path, command: Callable[..., Outcome]
) -> None:
    command("sample", run, "--count=9", "--seed=0", "--out", tmp_path / "grid.png")
    assert (tmp_path / "grid.png").read_bytes() == (run / "samples" / "00000004.png").read_bytes()


def test_evaluate(run: Path, command: Callable[..., Outcome]) -> None:
    code, out, _ = command("evaluate", run, "--count=100", "--sets=3", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["samples"]["n"] == result["floor"]["n"] == 100
    assert result["samples"]["sets"] == 3
    assert result["samples"]["mean"] > result["floor"]["mean"] > 0
    code, out, _ = command("evaluate", run, "--count=100", "--sets=3")
    assert f"{result['samples']['mean']:.4f}" in out


def test_data_report(images: Path, command: Callable[..., Outcome]) -> None:
    (images / "bad\x1b[31m.png").write_bytes(b"")
    code, out, _ = command("data", images)
    assert code == 0
    assert r"bad\x1b[31m.png: empty file" in out
    assert "40 usable of 41 found" in out
    values = json.loads(command("data", images, "--json")[1])
    assert values["unreadable"] == [[r"bad\x1b[31m.png", "empty file"]]
    assert values["train_images"] == 36


def test_presets(command: Callable[..., Outcome]) -> None:
    listed = {entry["name"]: entry for entry in json.loads(command("presets", "--json")[1])}
    assert list(listed)[:6] == ["quick", "wgan-gp", "wgan", "gan", "wgan-gp-digits", "wgan-gp-mnist"]
    assert listed["wgan-gp-mnist"]["generator_parameters"] == 1_756_032
    assert listed["wgan-mnist"]["critic_parameters"] == 533_505
    out = command("presets")[1]
    for name, entry in listed.items():
        assert name in out
        assert entry["source"] in out


POSITIONAL = {
    "source": "package.module:function|file.py:function|file.py",
    "data": "[DATA]",
    "names": "NAME ...",
    "run_folder": "RUN",
    "other": "[RUN]",
    "subject": "RUN|IMAGES",
    "folder": "[RUN|FOLDER]",
    "action": "push|pull",
    "place": "RUN|NAME/REPO",
    "repo": "[NAME/REPO]",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_every_option(name: str, command: Callable[..., Outcome]) -> None:
    """Every field of a command has a line of its own in the help: a positional argument, an option or a flag."""
    module, kind, _ = COMMANDS[name]
    code, out, _ = command(name, "--help")
    assert code == 0
    names = [field.name for field in fields(getattr(importlib.import_module(module), kind))]
    # A study and the page's folder are named by their position, and data by an option.
    usual = POSITIONAL | ({"data": flag("data")} if name in ("study", "page") else {})
    options = [usual.get(field, flag(field)) for field in names]
    assert options
    missing = [option for option in options if not re.search(rf"^\W (.*, )?{re.escape(option)}[ ,]", out, re.MULTILINE)]
    assert missing == []


def corrupt(run: Path) -> None:
    for place in (*(run / "checkpoint").iterdir(), *(run / "best").iterdir()):
        (place / "manifest.json").write_text("")


MISTAKES: dict[str, tuple[list[str], str]] = {
    "misspelt command": (["trian"], "train"),
    "misspelt option": (["train", "--iteratoins=3"], "--iterations"),
    "page of no folder": (["page", "{empty}/nowhere"], "is no folder; give a run, or a folder that holds runs"),
    "frozen page of no run": (["page", "{empty}", "--out={empty}/page"], "is not a run"),
    "frozen page over something": (["page", "{run}", "--out={texts}"], "is not empty; choose a new folder as --out"),
    "not a number": (["train", "--iterations=many"], "many"),
    "misspelt preset": (["train", "--preset=wgan-pg"], "did you mean 'wgan-gp'?"),
    "misspelt setting": (["train", "--set", "critic_step=3"], "did you mean 'critic_steps'?"),
    "misspelt part of a setting": (["train", "--set", "critic.widht=3"], "no setting 'critic.widht'; did you mean"),
    "setting of another choice": (["train", "--set", "constraint.threshold=1"], "no setting 'constraint.threshold'"),
    "unknown choice": (["train", "--set", "constraint=clip"], "there is no 'clip'; choose one of"),
    "setting without a value": (["train", "--set", "critic_steps"], "write KEY=VALUE"),
    "setting out of range": (["train", "--set", "critic_steps=0"], "critic_steps: input should be greater than 0"),
    "wrong type": (["train", "--set", "batch_size=big"], "batch_size: input should be a valid integer"),
    "infinite": (["train", "--penalty-weight=inf"], "constraint.weight: input should be a finite number"),
    "negative": (["train", "--preset=wgan-gp", "--learning-rate=-1"], "learning_rate: input should be greater than 0"),
    "size": (["train", "--size=big"], "--size big: write one number, or HEIGHTxWIDTH"),
    "size zero": (["train", "--size=0"], "--size 0"),
    "colour": (["train", "--background=blakc"], "background: unknown color specifier"),
    "batch of one": (["train", "--batch-size=1"], "batch_size: input should be greater than or equal to 2"),
    "too large": (["train", "--size=60000"], "there is not enough memory"),
    "too wide": (["train", "--set", "generator.width=20000000"], "there is not enough memory"),
    "resume to nothing": (["train", "--resume={run}", "--iterations=0"], "iterations: input should be greater than 0"),
    "choice in place of a setting": (["train", "--config={adam_json}"], "no setting 'adam'"),
    "name of a choice as a setting": (["train", "--config={mlp_json}"], "no setting 'critic.mlp'"),
    "very long name": (["sample", "x" * 300], "is not a run"),
    "device": (["train", "--device=abacus"], "device 'abacus' is not available here"),
    "penalty without one": (["train", "--preset=wgan", "--penalty-weight=3"], "is weight-clipping, which has none"),
    "batch norm": (["train", "--set", "critic.norm=batch"], "is BatchNorm2d, which a gradient penalty does not allow"),
    "no configuration file": (["train", "--config=nowhere.json"], "nowhere.json cannot be read: No such file"),
    "configuration suffix": (["train", "--config={file}"], "end in .json or .toml"),
    "damaged configuration": (["train", "--config={bad_json}"], "is not valid JSON"),
    "configuration of another kind": (["train", "--config={list_json}"], "holds no settings"),
    "misspelt key in a file": (["train", "--config={key_json}"], "no setting 'itterations'; did you mean 'iterations'"),
    "no such folder": (["train", "nowhere"], "there is no file or folder"),
    "empty folder": (["train", "{empty}"], "holds no image file"),
    "no image": (["train", "{texts}"], "holds no image file (only 1 .txt)"),
    "no readable image": (["train", "{unreadable}"], "none of the 2 image files in"),
    "one image": (["train", "{one}"], "has 1 usable image(s)"),
    "fewer than a batch": (
        ["train", "{images}", "--batch-size=37"],
        "fewer than a batch of 37; choose --batch-size 36 or less",
    ),
    "strict": (["train", "{mixed}", "--strict"], "zero.png is unreadable (empty file)"),
    "unknown label": (["train", "--only", "eleven"], "has no class 'eleven'; it has: 0, 1, 2"),
    "label without classes": (["train", "{array}", "--only", "cat"], "has no classes to choose cat from"),
    "classes without folders": (["train", "{images}", "--labels", "folders"], "lies in none"),
    "misspelt labels": (["train", "{images}", "--labels", "foldres"], "did you mean 'folders'?"),
    "no such table": (["train", "{images}", "--labels", "nowhere.csv"], "there is no table of labels"),
    "no table at the folder": (["train", "{images}", "--columns", "Hat"], "has a table called list_attr_celeba.csv"),
    "columns without files": (["train", "{array}", "--columns", "Hat"], "has no labels to choose Hat from"),
    "columns without a table": (["train", "{images}", "--labels=names", "--columns", "Hat"], "are columns of a table"),
    "table without files": (
        ["data", "--labels", "{table_csv}"],
        "has no image files whose names could tell",
    ),
    "unknown column": (["data", "{images}", "--labels={table_csv}", "--columns", "smile"], "did you mean 'Smiles'?"),
    "no column chosen": (["data", "{images}", "--labels={table_csv}"], "choose --columns among Smiles, Hat"),
    "ragged table": (["data", "{images}", "--labels={ragged_csv}"], "line 3: found 1 cell(s), expected 2"),
    "empty table": (["data", "{images}", "--labels={empty_csv}"], "is an empty table"),
    "images without rows": (["data", "{images}", "--labels={few_csv}"], "40 of 40 images have no row in"),
    "nested table": (["data", "{images}", "--labels={deep_json}"], "is not JSON that can be read"),
    "harmful pickle": (["train", "{harm}"], "data_batch_1 is refused: it has the name posix system"),
    "CIFAR-10 in part": (["train", "{part}"], "lacks data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_b"),
    "constant array": (["train", "{flat}"], "holds the number 0 everywhere, so there is nothing to learn"),
    "array dtype": (["train", "{strings}"], "dtype <U1"),
    "array NaN": (["train", "{nan}"], "NaN or infinite"),
    "other file": (["train", "{file}"], "is a file gradpen cannot train on"),
    "used folder": (["train", "--iterations=1", "--out={used}"], "is not empty; a run never writes over another"),
    "unwritable folder": (["train", "--iterations=1", "--out=/proc/gradpen"], "/proc/gradpen cannot be written"),
    "out below a file": (["train", "--iterations=1", "--out={file}/run"], "cannot be written (Not a directory)"),
    "resume nothing": (["train", "--resume=nowhere"], "nowhere is not a run: it does not exist"),
    "resume another folder": (["train", "--resume={images}"], "has no config.json"),
    "resume with options": (["train", "--resume={run}", "--seed=3", "--preset=gan"], "--seed, --preset cannot go"),
    "resume with a setting": (["train", "--resume={run}", "--set", "critic.width=9"], "--critic.width cannot go"),
    "resume other data": (["train", "{array}", "--resume={run}"], "does not hold the data"),
    "resume backwards": (["train", "--resume={run}", "--iterations=2"], "is at iteration 4 already, beyond 2"),
    "resume without a whole checkpoint": (["train", "--resume={corrupt}"], "none of its 2 checkpoints is whole"),
    "sample nothing": (["sample", "nowhere"], "is not a run"),
    "sample none": (["sample", "{run}", "--count=0"], "at least 1 sample"),
    "sample to another kind": (["sample", "{run}", "--out=x.jpg"], "a .png grid, an .npz array or a folder"),
    "sample to nowhere": (["sample", "{run}", "--out=/proc/x.png"], "/proc/x.png cannot be written"),
    "sample without a whole checkpoint": (["sample", "{corrupt}"], "none of its 2 checkpoints is whole"),
    "evaluate too few": (["evaluate", "{run}", "--sets=1"], "at least 2 images and 2 sets"),
    "evaluate other data": (["evaluate", "{run}", "--against={array}"], "does not hold the data"),
    "too large a batch in a comparison": (
        ["compare", "{images}", "--cells", "gan", "wgan", "--out={empty}/compare"],
        "choose --set batch_size=36 or less",
    ),
    "seed of a comparison": (["compare", "--cells", "gan", "wgan", "--set", "seed=3"], "--seeds says how many"),
    "conditional on an array": (["train", "{array}", "--preset=cgan-mnist"], "save an .npz with images and labels"),
    "conditional on a folder": (
        ["train", "{images}", "--preset=cgan-faces", "--batch-size=8"],
        "choose --labels as folders, names",
    ),
    "null for a part": (["train", "--config={null_json}", "--labels=folders"], "data: input should be"),
    "data nowhere": (["data", "nowhere"], "there is no file or folder"),
}


@pytest.fixture
def places(tmp_path: Path, images: Path, run: Path) -> dict[str, str]:
    folders = {
        name: tmp_path / name for name in ("empty", "texts", "unreadable", "one", "mixed", "used", "harm", "part")
    }
    for folder in folders.values():
        folder.mkdir()
    picture = (images / "000.png").read_bytes()
    (folders["texts"] / "notes.txt").write_text("")
    (folders["unreadable"] / "a.png").write_bytes(b"")
    (folders["unreadable"] / "b.png").write_bytes(picture[:60])
    (folders["one"] / "a.png").write_bytes(picture)
    for file in images.iterdir():
        (folders["mixed"] / file.name).write_bytes(file.read_bytes())
    (folders["mixed"] / "zero.png").write_bytes(b"")
    (folders["used"] / "thesis.txt").write_text("")
    for batch in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (folders["harm"] / batch).write_bytes(b"cposix\nsystem\n(U\x0atouch hurt!tR.")
    (folders["part"] / "data_batch_1.bin").write_bytes(bytes(3073))
    arrays: dict[str, np.ndarray] = {
        "array": np.zeros((90, 8, 8), np.uint8),
        "flat": np.zeros((90, 64)),
        "strings": np.full((90, 8, 8), "x"),
        "nan": np.full((90, 8, 8), np.nan),
    }
    files = {}
    for name, array in arrays.items():
        files[name] = tmp_path / f"{name}.npy"
        np.save(files[name], array)
    texts = {"file": "x", "bad_json": "{", "list_json": "[1]", "key_json": '{"itterations": 3}'}
    texts |= {
        "adam_json": '{"adam": {"learning_rate": 1}}',
        "mlp_json": '{"critic": {"mlp": 5}}',
        "null_json": '{"data": null}',
    }
    texts |= {"table_csv": "file,Smiles,Hat\n000.png,1,0\n", "ragged_csv": "file,Hat\na,1\nb\n", "empty_csv": ""}
    texts |= {"few_csv": "file,Hat\nzzz.png,1\n", "deep_json": "[" * 100_000}
    for name, text in texts.items():
        files[name] = tmp_path / (name.replace("_", ".") if "_" in name else name)
        files[name].write_text(text)
    import shutil

    shutil.copytree(run, tmp_path / "corrupt")
    corrupt(tmp_path / "corrupt")
    found = {**folders, **files, "images": images, "run": run, "corrupt": tmp_path / "corrupt"}
    return {name: str(path) for name, path in found.items()}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "run.lock"
    }


def test_mistakes_get_a_sentence_and_cost_nothing(
    tmp_path: Path, places: dict[str, str], command: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    before = contents(tmp_path)
    wrong = []
    for mistake, (arguments, expected) in MISTAKES.items():
        filled = [argument.format(**places) for argument in arguments]
        code, out, err = command(*filled)
        plain = " ".join((out + err).replace("│", " ").split())
        if code != 2 or expected not in plain or plain.count("gradpen: error:") > 1:
            wrong.append((mistake, code, plain))
    assert not wrong
    after = contents(tmp_path)
    assert {name for name in after if after[name] != before.get(name)} == set(), "files were left or changed"
    assert not (tmp_path / "cwd" / "runs").exists()


def test_damaged_checkpoint_is_passed_over_aloud(run: Path, command: Callable[..., Outcome], tmp_path: Path) -> None:
    command("train", "--resume", run, "--iterations=6")
    (run / "checkpoint" / "00000006" / "generator.safetensors").write_bytes(b"x")
    code, out, err = command("sample", run, "--checkpoint=last", "--out", tmp_path / "a.png")
    assert code == 0
    assert "checkpoint 00000006 is damaged" in err
    assert "iteration 4" in out


def test_unreadable_files_are_named(tmp_path: Path, images: Path, command: Callable[..., Outcome]) -> None:
    (images / "zero.png").write_bytes(b"")
    code, _, err = command("train", images, *TINY, "--out", tmp_path / "run")
    assert code == 0
    assert "1 of 41 image files are unreadable and left out, the first zero.png (empty file)" in " ".join(err.split())
    assert "zero.png" in (tmp_path / "run" / "report.html").read_text()


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gradpen", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_as_a_process_with_a_file_size_limit(tmp_path: Path) -> None:
    """A disk that is full for every file over 200 KB: one sentence, exit code 2, no traceback, nothing torn."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "from gradpen.cli import main; sys.exit(main())"
    )
    arguments = ["train", "--preset=wgan-gp", "--iterations=40", "--batch-size=8", "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot be written (File too large)" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "run" / "checkpoint").iterdir()) == []


def test_odd_environment(tmp_path: Path) -> None:
    """No home, C locale, a name with spaces and quotes."""
    folder = tmp_path / 'it\'s a "run" ü'
    done = process("train", *TINY, "--out", folder, HOME="/nonexistent", LC_ALL="C", PYTHONIOENCODING="ascii:replace")
    assert done.returncode == 0, done.stderr
    assert (folder / "report.html").is_file()


def test_an_option_given_several_times_keeps_all_its_values(images: Path, tmp_path: Path) -> None:
    given = ["--set", "critic_steps=1", "--set=batch_size=8", "--iterations=1", "--set", "cadence.grid=4"]
    assert main(["train", str(images), "--preset=wgan-gp", *given, "--out", str(tmp_path / "run")]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["critic_steps"], config["batch_size"], config["cadence"]["grid"]) == (1, 8, 4)
