"""The page's words: two catalogues of the same keys, each used; and recordings that are those of their script."""

import ast
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "learn"


def catalogues() -> dict[str, dict[str, str]]:
    found = {}
    for name in ("en", "ko"):
        text = (PAGE / f"strings.{name}.js").read_text(encoding="utf-8")
        body = text[text.index(f"learn.strings.{name} = ") :].split("= ", 1)[1].rstrip().removesuffix(";")
        found[name] = dict(json.loads(re.sub(r",\s*}$", "}", body)))
    return found


def test_catalogues_have_the_same_keys_and_values() -> None:
    english, korean = catalogues().values()
    assert list(english) == list(korean)
    for key, words in english.items():
        assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", korean[key])), key
        assert words.count("`") == korean[key].count("`"), key
        assert (words.count("*") > 0) == (korean[key].count("*") > 0), key


def test_every_key_is_used_and_none_is_missing() -> None:
    """Keys stand in the source as they are, or as a family: the name of a choice, or what comes before a value."""
    keys = set(catalogues()["en"])
    source = "\n".join(file.read_text(encoding="utf-8") for file in [PAGE / "index.html", *PAGE.glob("js/**/*.js")])
    asked = set(re.findall(r'(?:data-text=|data-name=|key: |say\(|announce\()"([\w.-]+)"', source))
    assert len(asked) > 60
    assert asked - keys == set()
    families = set(re.findall(r"`([\w.]+)\.\$\{", source)) | set(re.findall(r'choice\([^;]*?key: "([\w.]+)"', source))
    families |= set(re.findall(r'for \(const name of \[("data".*?)\]\)', source)[0].replace('"', "").split(", "))
    unused = {key for key in keys if f'"{key}"' not in source and key.rpartition(".")[0] not in families}
    assert unused == set()
    chosen = {f"{name}.{one}" for name, many in choices().items() for one in many}
    assert chosen - keys == set()


def choices() -> dict[str, list[str]]:
    """Names of choices and of recorded runs, as the sources have them."""
    state = (PAGE / "js" / "state.js").read_text(encoding="utf-8")
    data = (PAGE / "js" / "data.js").read_text(encoding="utf-8")
    runs = [name for name in script_tables()["RECORDED"] if name != "healthy"]
    found = {name: re.findall(rf"{name}: \[(.*?)\]", state) for name in ("generator", "view", "colours")}
    found["data"] = re.findall(r"NAMES = \[(.*?)\]", data)
    found["constraint"] = re.findall(r"CONSTRAINTS = \[(.*?)\]", state)
    split = {name: [one.strip('"') for one in text[0].split(", ")] for name, text in found.items()}
    return split | {"trouble": runs, "symptom": runs, "remedy": runs}


def script_tables() -> dict[str, dict[str, str]]:
    """The tables of ``studies/learn_recordings.py``, without running it."""
    tree = ast.parse((ROOT / "studies" / "learn_recordings.py").read_text(encoding="utf-8"))
    pairs = [(node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign)]
    return {ast.unparse(name): ast.literal_eval(value) for name, value in pairs if isinstance(value, ast.Dict)}


def test_chapters_are_short() -> None:
    words = catalogues()["en"]
    for chapter in ("loss", "clipping", "batchnorm", "balance", "conditional", "report"):
        text = " ".join(value for key, value in words.items() if re.fullmatch(rf"{chapter}\.\d", key))
        assert 130 <= len(text.split()) <= 350, chapter


def test_recordings_are_those_of_the_script(page: Any) -> None:
    tables, found = script_tables(), page.evaluate("learn.recordings")
    assert set(found) == set(tables["RECORDED"])
    for run in found.values():
        assert set(run) == {"verdict", "iterations", *tables["CURVES"]}
        assert len({len(run[name]) for name in ("iterations", *tables["CURVES"])}) == 1
        assert run["iterations"][-1] == 600
