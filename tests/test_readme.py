"""The README is true: its commands run, its Python runs, its tree is the tree."""

import ast
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gradpen
from gradpen.cli import main
from gradpen.data.sentences import sentences

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
KOREAN = (ROOT / "README.ko.md").read_text()
SHORT = "--iterations=2 --batch-size=8 --set generator.width=4 critic.width=4"


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for index in range(30):
        height, width = rng.integers(20, 60, 2)
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{index}.jpg")
    rows = "".join(f"{index}.jpg,{'blue' if index % 7 == 0 else 'red'}\n" for index in range(30))
    (tmp_path / "book.txt").write_text("\n".join(sentences()[:200]))
    (tmp_path / "photos.csv").write_text(f"file,colour\n{rows}")
    return tmp_path


def test_commands_run_as_written(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In order, in one folder; training commands get few iterations and narrow networks on top."""
    commands = [line[2:] for block in blocks("console") for line in block.splitlines()]
    ours = [shlex.split(command, comments=True) for command in commands if command.startswith("gradpen")]
    assert len(ours) >= 8
    for _, *arguments in ours:
        if "--minutes" in arguments:
            place_of_minutes = arguments.index("--minutes")
            arguments = [*arguments[:place_of_minutes], *arguments[place_of_minutes + 2 :]]
        short = shlex.split(SHORT) if arguments[0] == "train" and "--resume" not in arguments else []
        if "--reduced" in arguments:
            short = short[:2]
        if arguments[0] == "compare":
            short = ["--iterations=2", "--seeds=1"]
        if arguments[0] == "vae":
            short = ["--iterations=2"]
        assert main([*arguments, *short]) == 0, (arguments, capsys.readouterr().err)
    assert (place / "samples.png").is_file()
    make = [command.split()[1] for command in commands if command.startswith("make ")]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert make == ["demo", "test"]
    assert set(make) <= set(targets)


def test_python_runs_as_written(place: Path) -> None:
    code = blocks("python")
    assert len(code) == 3
    train, own, loop = code
    train = train.replace("minutes=20", "iterations=2, batch_size=8, generator__width=4, critic__width=4")
    names: dict[str, object] = {}
    exec(train, names)
    assert np.array_equal(names["images"], names["same"])  # type: ignore[arg-type]
    assert names["images"].shape == (16, 32, 32, 3)  # type: ignore[attr-defined]
    exec(own.replace('preset="wgan-gp"', 'preset="wgan-gp", iterations=1, batch_size=8, generator__width=4'), names)
    assert isinstance(names["run"].config.critic, gradpen.OwnCritic)  # type: ignore[attr-defined]
    exec(loop, names)


def test_tree_lists_every_source_file() -> None:
    tree = re.findall(r"```\n(Makefile .*?)```", README, re.DOTALL)[0]
    source = ROOT / "src" / "gradpen"
    expected = {
        str(file.relative_to(source))
        for file in source.rglob("*.py")
        if file.name not in ("__init__.py", "__main__.py")
    }
    listed, room = [], ""
    for line in tree.splitlines():
        if heading := re.match(r"  ([a-z]+/) ", line):
            room = heading[1]
        listed += [room + name for name in re.findall(r"[a-z0-9_]+\.py", line)]
    assert sorted(listed) == sorted(expected)


def test_the_korean_readme_says_the_same() -> None:
    """The same commands and Python, but for their comments; as many sections and rows; the tree is English alone."""

    def commands(text: str) -> list[list[str]]:
        lines = [line for block in blocks("console", text) for line in block.splitlines()]
        return [shlex.split(line, comments=True) for line in lines]

    def shape(text: str) -> list[str]:
        return [line[:2] for line in text.splitlines() if re.match(r"##|\||!\[", line)]

    def links(text: str) -> list[str]:
        return sorted(re.findall(r"\]\(([^)]+)\)", text))

    assert commands(KOREAN) == commands(README)
    assert [ast.dump(ast.parse(code)) for code in blocks("python", KOREAN)] == [
        ast.dump(ast.parse(code)) for code in blocks("python")
    ]
    assert shape(KOREAN) == shape(README)
    own = {"README.md", "README.ko.md", "README.md#the-tree"}
    assert [link for link in links(KOREAN) if link not in own] == [link for link in links(README) if link not in own]
    assert own - {"README.ko.md"} <= {*links(KOREAN)}
    assert "README.ko.md" in links(README)


def test_links_lead_somewhere() -> None:
    for file in [ROOT / "README.md", ROOT / "README.ko.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", file.read_text()):
            if "://" not in target:
                assert (file.parent / target).exists(), (file.name, target)


def test_example_pictures_are_pictures() -> None:
    for file in (ROOT / "docs" / "pictures").glob("*.png"):
        with Image.open(file) as image:
            image.load()
            assert image.width > 500


def test_the_page_of_presets_is_what_the_code_says() -> None:
    from gradpen.presets.catalogue import page

    assert (ROOT / "docs" / "presets.md").read_text() == page(), "gradpen presets --markdown > docs/presets.md"
