"""The report: self-contained, safe against hostile names, and right in a real browser."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gradpen
from gradpen.runs.folder import RunFolder

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = [
    '<script>alert("x")<_script>.png',
    "a\x1b[2Jb\n.png",
    "' onerror='x.png",
    "x" * 200 + ".png",
    "\u202egnp.exe.png",
]
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td", "figure"}
TAGS |= {"figcaption", "img", "div", "pre"}


def test_page_says_what_odd_data_are_and_where_a_run_began(tmp_path: Path) -> None:
    volumes = np.random.default_rng(0).random((40, 1, 8, 8, 8))
    short: dict[str, Any] = {"preset": "wgan-gp", "iterations": 1, "batch_size": 8, "critic_steps": 1}
    labels = np.arange(40) % 2
    first = gradpen.train(volumes, labels=labels, conditional=True, out=tmp_path / "first", **short)
    page = (first.path / "report.html").read_text()
    assert "1x8x8x8 (channels, depth, height, width)" in page
    assert "20 0, 20 1; with the data" in page
    assert "Begun from another run" not in page
    del short["preset"]
    second = gradpen.train(volumes, labels=labels, start=first.path, out=tmp_path / "second", **short)
    page = (second.path / "report.html").read_text()
    assert "Begun from another run" in page
    assert "first, iteration 1" in page
    data = json.loads((second.path / "data.json").read_text())
    assert (data["values"]["dtype"], data["values"]["depth"]) == ("float64", 8)


@pytest.fixture
def folder(tmp_path: Path, images: Path) -> RunFolder:
    """A run on good images and unreadable ones with hostile names."""
    for name in HOSTILE:
        (images / name).write_bytes(b"")
    settings: dict[str, Any] = {"generator__width": 4, "critic__width": 4, "cadence__sample_every": 2}
    run = gradpen.train(images, preset="wgan-gp", out=tmp_path / "run", iterations=4, batch_size=8, **settings)
    return RunFolder(path=run.path)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_page_is_self_contained_and_safe(folder: RunFolder) -> None:
    page = folder.report.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    assert set(reader.tags) <= TAGS
    assert set(reader.attributes) <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "alt", "src",
    }  # fmt: skip
    assert all(source.startswith("data:image/png;base64,") for source in reader.attributes["src"])
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)
    words = " ".join(reader.words)
    assert '<script>alert("x")<_script>.png' in words
    assert r"a\x1b[2Jb\n.png" in words


def test_page_says_what_was_measured(folder: RunFolder) -> None:
    reader = Reader()
    reader.feed(folder.report.read_text(encoding="utf-8"))
    words = " ".join(reader.words)
    record = json.loads(folder.record.read_text())
    distance = record["distance_to_held_out"]["distance"]
    assert f"{distance['mean']:.3f} ± {distance['standard_deviation']:.3f}" in words
    assert f"{distance['n']} against {distance['n']} images" in words
    assert record["data_fingerprint"] in words
    assert f"{len(HOSTILE)} of {40 + len(HOSTILE)} files left out" in words
    for heading in ("In figures", "Curves", "Images", "Data", "Run", "Configuration", "Measures"):
        assert heading in words


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_page_in_a_browser(folder: RunFolder, tmp_path: Path) -> None:
    """Every picture is drawn, nothing is asked of the network, nothing overflows a narrow window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        requests: list[str] = []
        messages: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.goto(folder.report.resolve().as_uri(), timeout=120_000)
        assert "gradpen run" in page.title()
        pictures = page.evaluate("[...document.images].map(i => [i.complete, i.naturalWidth])")
        assert len(pictures) == 3 + len(folder.sample_grids())
        assert all(complete and width > 50 for complete, width in pictures)
        page.set_viewport_size({"width": 400, "height": 800})
        assert page.evaluate("[...document.images].every(i => i.getBoundingClientRect().width <= 400)")
        page.screenshot(path=tmp_path / "page.png")
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert messages == []
    with Image.open(tmp_path / "page.png") as image:
        colours = image.convert("L").getcolors(256)
    assert colours is not None
    assert len(colours) > 10, "the page is not blank"
