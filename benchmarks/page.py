"""The local page: how soon it shows a long run, how soon a hundred runs, and what training beside it costs.

    python benchmarks/page.py [--pairs 5]

Needs chromium. Prints medians; the cost is the ratio of training with the page open in a browser to training without.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import gradpen

RUNS, ITERATIONS, LOG_EVERY = 100, 8_000, 50
FLAGS = ["--no-sandbox", "--disable-gpu"]
TRAIN = [
    "--preset",
    "wgan-gp-digits",
    "--iterations",
    "600",
    "--set",
    "cadence.log_every=20",
    "cadence.sample_every=60",
]


@contextmanager
def page_of(folder: Path) -> Iterator[str]:
    """Serve a folder, and give the address."""
    command = [sys.executable, "-m", "gradpen", "page", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http\S+", process.stdout.readline())
        assert found is not None
        try:
            yield found[0]
        finally:
            process.terminate()


def lengthen(run: Path) -> None:
    """Give a run the measures and grids of a long one, by repeating its own."""
    rows = [json.loads(line) for line in (run / "measures.jsonl").read_text().splitlines()]
    marks = range(0, ITERATIONS + 1, LOG_EVERY)
    longer = [rows[min(place, len(rows) - 1)] | {"iteration": mark} for place, mark in enumerate(marks)]
    (run / "measures.jsonl").write_text("".join(json.dumps(row) + "\n" for row in longer))
    grid = sorted((run / "samples").glob("*.png"))[-1]
    for mark in range(0, ITERATIONS + 1, 200):
        if not (run / "samples" / f"{mark:08d}.png").exists():
            shutil.copy(grid, run / "samples" / f"{mark:08d}.png")


def first_paint(browser: Any, address: str, view: str) -> tuple[float, float]:
    """Return the seconds until the words of a view are there, and until all its pictures are."""
    context = browser.new_context()
    let_in = context.new_page()
    let_in.goto(address)
    let_in.close()
    page = context.new_page()
    began = time.perf_counter()
    page.goto(f"{address.partition('?')[0]}{view}")
    page.wait_for_selector("h2:has-text('Verdict'), .cards a.run")
    words = time.perf_counter() - began
    page.wait_for_load_state("networkidle")
    pictures = time.perf_counter() - began - 0.5  # so long must nothing be asked for
    context.close()
    return words, pictures


def listing(address: str) -> float:
    """Return the seconds that the list of runs takes the server."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.open(address).read()
    began = time.perf_counter()
    opener.open(f"{address.partition('?')[0]}api/overview").read()
    return time.perf_counter() - began


def training(out: Path, watch: Callable[[], object] = lambda: None) -> float:
    """Return the seconds that a run takes, which is watched from its first record on."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "gradpen", "train", *TRAIN, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (out / "run.json").exists():
            time.sleep(0.2)
        watch()
        assert process.wait() == 0
    return time.perf_counter() - began


def beside(browser: Any, place: Path, pairs: int) -> list[float]:
    """Return the ratios of training with the page open on the run to training without."""
    ratios = []
    for number in range(pairs):
        alone = training(place / f"alone-{number}")
        with page_of(place) as address:
            page = browser.new_page()
            page.goto(address)
            page.wait_for_selector("h1")
            view = f"{address.partition('?')[0]}#/run/watched-{number}"
            watched = training(place / f"watched-{number}", partial(page.goto, view))
            assert page.locator("progress").count() == 1
            page.close()
        ratios.append(watched / alone)
        print(f"  pair {number + 1}: {alone:.1f} s alone, {watched:.1f} s with the page open", flush=True)
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    pairs = parser.parse_args().pairs
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as room, sync_playwright() as playwright:
        place = Path(room)
        runs = place / "runs"
        gradpen.train(preset="wgan-gp-digits", out=runs / "000", iterations=50, cadence__sample_every=25)
        lengthen(runs / "000")
        for number in range(1, RUNS):
            shutil.copytree(runs / "000", runs / f"{number:03d}")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        with page_of(runs) as address:
            listed = [listing(address) for _ in range(5)]
            painted = [first_paint(browser, address, "#/run/000") for _ in range(5)]
            cards = [first_paint(browser, address, "#/") for _ in range(5)]
        shown = statistics.median(words for words, _ in cards)
        print(f"{RUNS} runs: {statistics.median(listed):.2f} s to answer, {shown:.2f} s to show", flush=True)
        words, pictures = (statistics.median(values) for values in zip(*painted, strict=True))
        print(f"a run of {ITERATIONS:,} iterations: {words:.2f} s to its words, {pictures:.2f} s to its last figure")
        if pairs:
            ratios = beside(browser, place, pairs)
            print(
                f"training with the page open takes {statistics.median(ratios):.3f} of the time without ({pairs} pairs)"
            )
        browser.close()


if __name__ == "__main__":
    main()
