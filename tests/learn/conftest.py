"""The learn page in a real browser, as a double click opens it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PAGE = Path(__file__).parents[2] / "docs" / "learn" / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield found
        found.close()


class Seen:
    """What a page asked for and said while it was open."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []


Open = Callable[..., tuple[Any, Seen]]


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """The page as a double click opens it, until the end of the test; it begins paused unless motion is asked for."""
    contexts = []

    def open_page(*, fragment: str = "", **options: Any) -> tuple[Any, Seen]:
        options = {"reduced_motion": "reduce", "locale": "en-GB", "viewport": {"width": 1280, "height": 900}} | options
        contexts.append(browser.new_context(**options))
        page, seen = contexts[-1].new_page(), Seen()
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("console", lambda message: seen.errors.append(message.text))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.goto(PAGE.as_uri() + fragment)
        return page, seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Any]:
    """A page for what does not touch it."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(PAGE.as_uri())
    yield page
    context.close()
