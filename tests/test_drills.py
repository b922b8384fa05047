"""The drills of ``make drill`` find what falls short, and find nothing in gradpen as it is."""

import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType

import pytest

from gradpen.data import store

FILE = Path(__file__).parents[1] / "studies" / "drills.py"
QUICK = ("checkpoints", "manifests", "run files", "cache", "images", "arrays", "configurations")


@pytest.fixture
def drills(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("GRADPEN_CACHE", "set so that it is put back")
    spec = importlib.util.spec_from_file_location("drills", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "drills", module)
    spec.loader.exec_module(module)
    return module


def test_the_quick_ones_find_nothing(drills: ModuleType, tmp_path: Path) -> None:
    code = drills.run(["--share", "0.1", "--only", *QUICK, "--out", str(tmp_path / "drills.json")])
    table = json.loads((tmp_path / "drills.json").read_text())["drills"]
    assert code == 0, table
    assert list(table) == list(QUICK)
    assert all(row["tried"] == row["as promised"] > 2 for row in table.values())


def test_a_cache_that_trusts_what_it_finds_falls_short(
    drills: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "digest_of", lambda text: "")
    monkeypatch.setattr(store, "pixel_digest", lambda images: "same")
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "cache"))
    found = drills.cache(tmp_path, random.Random(0), 20)
    assert found.tried == 20
    assert found.short


def test_samples_of_another_run_fall_short(drills: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, allowed = drills.small_run(tmp_path)
    assert drills.reads(run, allowed) == ""
    assert drills.reads(run, [samples[::-1] for samples in allowed]) == "other samples without a word"
    monkeypatch.setattr(drills.gradpen, "load", lambda path: 1 / 0)
    assert drills.reads(run, allowed).startswith("ZeroDivisionError")
