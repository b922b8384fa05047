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
from gradpen.cli import main
from gradpen.config import RunConfig
from gradpen.looking.figures import CRITIC_PANELS, PANELS
from gradpen.looking.meanings import course, meanings
from gradpen.runs.folder import Row, RunFolder, read_measures
from gradpen.settings import configure

pytestmark = pytest.mark.figures

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
TAGS |= {"figcaption", "img", "div", "pre", "li", "ul", "code", "strong", "br", "h3"}


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
    for heading in ("In figures", "Curves, and what they say", "Critic at iteration 4", "Images", "Data", "Run"):
        assert heading in words
    assert "Configuration" in words
    last = read_measures(folder)[-1]
    assert f"Critic loss {last['critic_loss']:.3g}: " in words
    assert f"asks for 1. The penalty, {last['penalty']:.3g} with its weight" in words


def row(iteration: int, **changed: float) -> Row:
    return {
        "iteration": iteration,
        "critic_loss": -2.0,
        "generator_loss": 5.0,
        "penalty": 0.5,
        "critic_gap_train": 2.0,
        "critic_gap_train_error": 0.1,
        "critic_gap_held_out": 1.9,
        "critic_gap_held_out_error": 0.1,
        "slope_mean": 0.98,
        "lipschitz_estimate": 1.4,
        "critic_gradient_norm": 1.0,
        "generator_gradient_norm": 0.1,
    } | changed


SAID = [
    # preset, settings, changed measures, panel, what is said
    ("wgan-gp", {}, {}, "gap", "Critic loss -2: negative as it should be"),
    ("wgan-gp", {}, {"critic_loss": 0.5}, "gap", "positive, so on that batch the critic scored samples above data"),
    ("wgan-gp", {}, {"critic_gap_held_out": 1.0}, "gap", "smaller by 7.1 standard errors: the critic learns"),
    ("wgan-gp", {}, {}, "gap", "the critic does not overfit"),
    ("wgan-gp", {}, {}, "gap", "Its level and its sign say nothing"),
    ("wgan-gp", {}, {}, "slopes", "Mean slope between data and samples 0.98; the penalty asks for 1"),
    ("wgan-gp", {}, {}, "slopes", "The penalty, 0.5 with its weight, is 25% of the gap"),
    ("wgan-gp", {"constraint.one_sided": True}, {}, "slopes", "asks for at most 1"),
    ("wgan-gp", {}, {}, "slopes", "Lipschitz constant is at least that"),
    ("wgan", {}, {"clipped": 0.3}, "steps", "30% of the critic's weights lie at the clip threshold"),
    ("wgan", {}, {}, "gap", "Clipping fixes no slope"),
    ("wgan", {}, {"slope_mean": 0.1}, "slopes", "0.1: what clipping at 0.01 leaves"),
    ("wgan-gp", {}, {"dual_efficiency": 0.4, "distance": 5.0}, "steps", "40.0% of the exact distance"),
    ("wgan-gp", {}, {"dual_efficiency": 1.4, "distance": 5.0}, "steps", "above 100 % it is steeper than 1"),
    ("wgan-gp", {}, {"dual_efficiency": 0.4, "distance": 5.0}, "steps", "Of 5 as much as 3 is the floor"),
    ("wgan-gp", {}, {"critic_step_cosine": -0.2}, "steps", "cosine -0.20: it stepped uphill"),
    ("wgan-gp", {}, {"distance": 5.0}, "distance", "training data are 3 from held-out ones"),
    ("wgan-gp", {}, {"frechet_distance": 4.0}, "nearness", "Fréchet distance in features 4 at iteration 9"),
    ("gan", {}, {"critic_loss": 1.38, "accuracy": 0.52}, "gap", "near that of a critic that cannot tell"),
    ("gan", {}, {"critic_loss": 0.01, "accuracy": 1.0}, "gap", "nearly sure"),
    ("gan", {}, {"accuracy": 0.7}, "gap", "right about 70% of images"),
    ("gan", {"objective": "hinge"}, {"critic_loss": 1.0}, "gap", "2 is the loss of a critic that cannot tell"),
    ("gan", {"objective": "relativistic"}, {"critic_loss": 0.3}, "gap", "log 2 = 0.693"),
    ("gan", {"objective": "least-squares"}, {}, "gap", "depends on the targets"),
    ("wgan-gp", {}, {}, "norms", "norm 1 over the critic's parameters and 0.1"),
]


@pytest.mark.parametrize(("preset", "settings", "changed", "panel", "words"), SAID)
def test_a_curve_says_what_it_means(
    preset: str, settings: dict[str, Any], changed: dict[str, float], panel: str, words: str
) -> None:
    config: RunConfig = configure(preset, settings=settings)
    said = meanings([row(0), row(9, **changed)], config, 3.0)
    assert words in " ".join(said[panel])
    assert meanings([row(0)], config, None) == {}


def test_a_course_needs_six_marks_and_a_tenth() -> None:
    for values, expected in (
        ([9, 8, 7, 6, 5, 4], "falling"),
        ([-4, -5, -6, -7, -8, -9], "falling"),
        ([1, 2, 3, 4, 5, 6], "rising"),
        ([5, 5.1, 5, 5.1, 5, 5.1], "level"),
        ([9, 8, 7, 6, 5], ""),
        ([0, 0, 0, 0, 0, 0], "level"),
    ):
        assert course([{"iteration": n, "gap": value} for n, value in enumerate(values)], "gap") == expected
    falling = [row(n, critic_gap_train=9.0 - n) for n in range(9)]
    assert "The gap is still falling" in " ".join(meanings(falling, configure("wgan-gp"), None)["gap"])


def test_two_runs_stand_side_by_side(folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(folder.path, tmp_path / "<i>other")
    other = RunFolder(path=tmp_path / "<i>other")
    other.config.write_text(other.config.read_text().replace('"critic_steps": 5', '"critic_steps": 3'))
    out = tmp_path / "both.html"
    assert main(["report", str(folder.path), str(other.path), "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    page, reader = out.read_text(), Reader()
    reader.feed(page)
    assert set(reader.tags) <= TAGS
    words = " ".join(reader.words)
    assert "critic_steps: 5 -> 3" in words
    assert words.count("Verdict at iteration 4") == 2
    assert "<i>other, after 4 iterations" in words
    assert len(reader.attributes["src"]) == 2 * (len(PANELS) + len(folder.sample_grids()))
    assert main(["report", str(folder.path), str(folder.path), "--out", str(out)]) == 0
    assert "Nothing: their configurations are equal." in out.read_text()
    before = folder.report.read_bytes()
    folder.report.unlink()
    assert main(["report", str(folder.path)]) == 0
    assert folder.report.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"), [(["{}", "--out", "x.pdf"], "written to a .html file"), (["nowhere"], "is not a run")]
)
def test_mistakes_of_a_report(
    folder: RunFolder, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *(argument.format(folder.path) for argument in arguments)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_page_in_a_browser(folder: RunFolder, tmp_path: Path) -> None:
    """Every picture is drawn, nothing is asked of the network, nothing overflows a narrow window, alone or beside."""
    beside = tmp_path / "beside.html"
    assert main(["report", str(folder.path), str(folder.path), "--out", str(beside)]) == 0
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
        assert len(pictures) == 1 + len(PANELS) + len(CRITIC_PANELS) + len(folder.sample_grids())
        assert all(complete and width > 50 for complete, width in pictures)
        for address in (folder.report, beside):
            page.goto(address.resolve().as_uri(), timeout=120_000)
            page.set_viewport_size({"width": 400, "height": 800})
            assert page.evaluate("[...document.images].every(i => i.getBoundingClientRect().width <= 400)")
            assert page.evaluate("document.documentElement.scrollWidth <= 400"), "nothing overflows"
            page.emulate_media(media="print")
            assert page.evaluate("getComputedStyle(document.querySelector('figure')).breakInside") == "avoid"
            page.emulate_media(media="screen")
        page.screenshot(path=tmp_path / "page.png")
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert messages == []
    with Image.open(tmp_path / "page.png") as image:
        colours = image.convert("L").getcolors(256)
    assert colours is not None
    assert len(colours) > 10, "the page is not blank"
