"""The catalogue of translations: whole, up to date, compiled, and matched by what the data's report may hold."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import gradpen
from gradpen.language import LOCALE, speaking
from gradpen.looking.data_words import said_of_data

SOURCE = Path(gradpen.__file__).parent
CALLS = ("said", "marked", "worded")
HANGUL = re.compile("[가-힣]")
CATALOGUE = LOCALE / "ko" / "LC_MESSAGES" / "gradpen.po"


def catalogue(file: Path) -> Catalog:
    with file.open("rb") as lines:
        return read_po(lines)


def texts(found: Catalog) -> dict[str, Any]:
    return {str(message.id): message for message in found if message.id}


def placeholders(text: str) -> set[tuple[str | None, str | None]]:
    return {(name, form) for _, name, form, _ in string.Formatter().parse(text) if name is not None}


def test_the_template_is_what_the_source_says() -> None:
    """Every text, in the files that it stands in; ``make messages`` writes it."""
    found: dict[str, set[str]] = {}
    for file, _, text, _, _ in extract_from_dir(SOURCE, keywords=dict.fromkeys(CALLS), comment_tags=()):
        found.setdefault(str(text), set()).add(f"src/gradpen/{file}")
    template = texts(catalogue(LOCALE / "gradpen.pot"))
    assert {text: {file for file, _ in message.locations} for text, message in template.items()} == found, (
        "make messages"
    )
    assert len(found) > 250


def test_every_text_is_translated() -> None:
    korean, template = texts(catalogue(CATALOGUE)), texts(catalogue(LOCALE / "gradpen.pot"))
    assert korean.keys() == template.keys(), "make messages"
    for text, message in korean.items():
        assert message.string, text
        assert not message.fuzzy, text
        assert placeholders(text) == placeholders(str(message.string)), text
        # Bits, file names and separators aside, a translation is written in Korean.
        assert HANGUL.search(str(message.string)) or not re.search("[A-Za-z]{4}", re.sub("{.*?}|gram", "", text)), text


def test_the_compiled_catalogue_is_that_of_the_text() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = texts(read_mo(file))
    korean = texts(catalogue(CATALOGUE))
    assert {text: message.string for text, message in compiled.items()} == {
        text: message.string for text, message in korean.items()
    }, "make messages"


def test_no_text_is_put_together_before_it_is_translated() -> None:
    files = [file for file in SOURCE.rglob("*.py") if file != SOURCE / "language.py"]
    for node in (node for file in files for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            first = node.args[0]
            assert not isinstance(first, (ast.JoinedStr, ast.BinOp)), ast.unparse(node)
            assert node.func.id == "said" or isinstance(first, ast.Constant), ast.unparse(node)
        # Python 3.11 reads a string with values as one piece, and so does the extraction.
        if isinstance(node, ast.JoinedStr):
            calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
            assert not [n for n in calls if n.func.id in CALLS and isinstance(n.args[0], ast.Constant)]  # type: ignore[attr-defined]


def written(node: ast.expr) -> str | None:
    """A text of the source with X for each of its values; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return None


def noted() -> Iterator[str]:
    """What the data's report may hold: reasons of unreadable files, and notes, which are appended or keys of counts."""
    for file in sorted((SOURCE / "data").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            texts: list[ast.expr] = []
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("UnreadableImageError", "notes.append"):
                texts = [node.args[0].orelse, node.args[0].body] if isinstance(node.args[0], ast.IfExp) else node.args
            if isinstance(node, ast.FunctionDef) and node.name == "left_out":
                texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
                texts = [part for each in texts for part in ([each.body] if isinstance(each, ast.IfExp) else [each])]
            if isinstance(node, ast.Dict) and len(node.keys) == 1:
                texts = [key for key in node.keys if key is not None]
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("words", "STACK"):
                texts = [node.value]
            yield from (text for text in map(written, texts) if text and " " in text)


@pytest.mark.parametrize("text", sorted(set(noted())))
def test_what_is_noted_about_data_is_said_in_korean(text: str) -> None:
    # One begins with how many bits there are, or with nothing.
    english = text.removeprefix("X") if text.startswith("Xvalues") else text
    assert said_of_data(english) == english
    with speaking("ko"):
        korean = said_of_data(english)
    assert HANGUL.search(korean)
    assert korean.count("X") == english.count("X")
