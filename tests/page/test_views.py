"""The page in a real browser: every view, every control, by keyboard and on a phone, and nothing from elsewhere."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradpen.page.frozen import MODULES, STATIC, freeze, question

from .conftest import HOSTILE, Served, serve

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
VIEWS: tuple[str, ...] = (
    "#/",
    "#/run/labels",
    "#/run/points",
    "#/run/text",
    "#/explore/labels",
    "#/explore/points",
    "#/explore/text",
)
VIEWS += ("#/explore/numbers", "#/beside/labels/points", "#/run/damaged", "#/explore/began", "#/nothing")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        yield browser
        browser.close()


class Visit:
    """A page that is looked at, with all that went wrong and all that was asked for."""

    def __init__(self, browser: Any, *, width: int = 1200, height: int = 900, **context: Any) -> None:
        self.page = browser.new_context(viewport={"width": width, "height": height}, **context).new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def go(self, address: str) -> None:
        self.page.goto(address)
        self.settled()

    def settled(self) -> None:
        self.page.wait_for_selector("main[aria-busy=false]")
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def visit(browser: Any, served: Served) -> Visit:
    visit = Visit(browser)
    visit.go(served.first)
    return visit


UNNAMED = """() => [...document.querySelectorAll("input, select, button, a, img, progress")].filter((one) =>
    !(one.labels?.length || one.textContent.trim() || one.getAttribute("aria-label") || one.hasAttribute("alt")))
    .map((one) => one.outerHTML)"""


@pytest.mark.parametrize(("width", "height"), [(1200, 900), (390, 844)])
def test_every_view_is_whole(browser: Any, served: Served, width: int, height: int) -> None:
    """No error, no request elsewhere, a name on every control, no sideways scrolling, no markup from names."""
    visit = Visit(browser, width=width, height=height)
    visit.go(served.first)
    for view in VIEWS:
        visit.wrong.clear()
        visit.go(f"{served.address}/{view}")
        assert visit.page.evaluate(UNNAMED) == [], view
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
        assert visit.page.locator("img[src=x]").count() == 0
        if view.endswith(("damaged", "began", "nothing")):
            assert len(visit.page.locator("#view .problem").inner_text()) > 10
            # The browser itself notes that the answer was no success.
            assert all("Failed to load resource" in words for words in visit.wrong)
        else:
            assert visit.wrong == [], view
            assert visit.page.locator(".problem[role=alert]").count() == 0, view
    assert all(url.startswith((served.address, "data:")) for url in visit.asked)


CONTRAST = """() => {
  const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => { const s = v / 255;
    return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent|color-mix|color\\(/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("main *, header *")].filter((one) => [...one.childNodes].some((node) =>
    node.nodeType === 3 && node.textContent.trim()) && one.checkVisibility() && !one.disabled).map((one) => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), one.outerHTML.slice(0, 120)]; }).filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out(browser: Any, served: Served, scheme: str) -> None:
    visit = Visit(browser, color_scheme=scheme)
    visit.go(served.first)
    for view in ("#/", "#/run/labels", "#/explore/labels"):
        visit.go(f"{served.address}/{view}")
        assert visit.page.evaluate(CONTRAST) == [], view


def test_from_the_list_to_the_sevens_nearest_to_training_pictures(visit: Visit, served: Served) -> None:
    """A run, explore, label 7, nearest: four clicks and a choice."""
    page = visit.page
    page.click("a.run:has-text('labels')")
    page.click("text=Explore the model")
    page.select_option("label:has-text('Label') select", "7")
    page.wait_for_selector(".sample span:text-is('7')")
    page.wait_for_selector(".sample span:text-is('8')", state="detached")
    page.click("text=Nearest pictures of all")
    page.wait_for_selector(".neighbours li")
    distances = [float(words.split()[1]) for words in page.locator(".neighbours li span").all_inner_texts()]
    assert len(distances) == 24
    assert distances == sorted(distances)
    assert "copies" in page.locator("section[aria-live] p >> nth=0").inner_text()
    assert visit.wrong == []


def test_a_walk_by_keyboard(visit: Visit, served: Served) -> None:
    page = visit.page
    visit.go(f"{served.address}/#/explore/labels")
    samples = page.locator(".sample")
    for place in (0, 4):
        samples.nth(place).focus()
        page.keyboard.press("Enter")
    assert page.locator(".sample[aria-pressed=true]").count() == 2
    page.locator("text=Walk between two").focus()
    page.keyboard.press("Space")
    page.wait_for_selector(".walk img")
    assert page.locator("section[aria-live] .samples img").count() == 12
    assert page.locator("a:has-text('Download as GIF')").get_attribute("download") == "walk.gif"
    page.locator("text=Other samples").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".sample[aria-pressed=true]", state="detached")
    assert page.locator("label:has-text('Seed') input").input_value() == "1"
    assert page.locator(".walk").count() == 0
    assert visit.wrong == []


def test_the_same_latents_under_every_label_and_a_picture_of_ones_own(visit: Visit, served: Served) -> None:
    page = visit.page
    visit.go(f"{served.address}/#/explore/labels")
    page.set_input_files("input[type=file]", str(served.root / "labels" / "real.png"))
    page.wait_for_selector("section[aria-live] .problem")
    assert "drew" in page.locator("section[aria-live] .problem").inner_text()
    page.set_input_files(
        "input[type=file]",
        {"name": "a.ppm", "mimeType": "image/x-portable-pixmap", "buffer": b"P6 8 8 255 " + bytes(192)},
    )
    page.wait_for_selector("text=Your picture, and the nearest sample")
    assert page.locator(".sample").count() == 25
    page.click("text=the same latents under every label")
    page.wait_for_function("() => document.querySelectorAll('.sample').length === 80")
    words = page.locator(".sample span").all_inner_texts()
    assert words == [str(digit) for digit in range(10) for _ in range(8)]


def test_sliders_for_numbers(visit: Visit, served: Served) -> None:
    page = visit.page
    visit.go(f"{served.address}/#/explore/numbers")
    before = page.locator(".sample img >> nth=0").get_attribute("src")
    page.uncheck("text=every label of the data in turn")
    slider = page.locator("input[type=range] >> nth=0")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "(before) => document.querySelector('.sample img').getAttribute('src') !== before", arg=before
    )
    assert page.locator(".problem[role=alert]").count() == 0


def test_the_slider_goes_back_through_training(visit: Visit, served: Served) -> None:
    page = visit.page
    visit.go(f"{served.address}/#/run/labels")
    assert page.locator("figure.grid img >> nth=0").get_attribute("src") == "api/grid?iteration=6&run=labels"
    page.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    assert page.locator("figure.grid img >> nth=0").get_attribute("src") == "api/grid?iteration=0&run=labels"
    assert page.locator("input[type=range]").get_attribute("aria-valuetext") == "0"
    page.click("text=Play how it learned")
    page.wait_for_function("() => document.querySelector('input[type=range]').value === '3'")


def test_the_way_past_the_head_and_addresses_that_are_none(visit: Visit, served: Served) -> None:
    page = visit.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "view"
    assert page.locator("a.run").count() > 0
    visit.go(f"{served.address}/#/run/%")
    page.wait_for_selector("text=There is no such page")
    assert visit.wrong == []


def test_who_looks_back_is_left_to_it(browser: Any, place: Path, tmp_path: Path) -> None:
    """A run that goes on moves neither the slider nor the focus; one that is gone says so."""
    shutil.copytree(place / "labels", tmp_path / "run")
    for served in serve(tmp_path):
        visit = Visit(browser)
        visit.go(served.first)
        visit.page.clock.install()
        visit.go(f"{served.address}/#/run/run")
        slider = visit.page.locator("input[type=range]")
        slider.focus()
        visit.page.keyboard.press("Home")
        record = tmp_path / "run" / "run.json"
        record.write_text(record.read_text().replace('"iterations": 6', '"iterations": 60'))
        visit.page.clock.run_for(30_000)
        visit.page.wait_for_selector("text=6 of 60 iterations")
        assert slider.input_value() == "0"
        visit.page.keyboard.press("End")
        record.write_text(record.read_text().replace('"iterations": 60', '"iterations": 90'))
        visit.page.clock.run_for(30_000)
        visit.page.wait_for_selector("text=6 of 90 iterations")
        assert slider.evaluate("(one) => one === document.activeElement")
        shutil.move(tmp_path / "run", tmp_path / "away")
        visit.page.clock.run_for(3_000)
        visit.page.wait_for_selector("#trouble:has-text('moved or deleted')")


def test_two_runs_side_by_side(visit: Visit, served: Served) -> None:
    page = visit.page
    page.check("div.card:has(a[href$='labels']) input")
    assert not page.locator("text=Show both side by side").is_visible()
    page.check("div.card:has(a[href$='points']) input")
    page.click("text=Show both side by side")
    page.wait_for_selector("h1:has-text('Two runs')")
    visit.settled()
    assert page.locator("figure.figure").count() == 12
    assert visit.wrong == []


def test_a_run_that_begins_and_goes_on_shows(browser: Any, tmp_path: Path) -> None:
    """An empty folder says so; a run appears, and its progress moves while the page is open."""
    from .conftest import digits

    root = tmp_path / "runs"
    root.mkdir()
    for served in serve(root):
        visit = Visit(browser)
        visit.go(served.first)
        assert "There is no run here yet" in visit.page.inner_text("main")
        digits(root / "new")
        visit.page.wait_for_selector("a.run:has-text('new')", timeout=15_000)
        visit.go(f"{served.address}/#/run/new")
        measures = root / "new" / "run.json"
        measures.write_text(measures.read_text().replace('"iterations": 6', '"iterations": 60'))
        visit.page.wait_for_selector("text=6 of 60 iterations", timeout=15_000)


def test_a_page_from_disk(browser: Any, served: Served, tmp_path: Path) -> None:
    said: list[str] = []
    first = freeze(served.root / "labels", tmp_path / "page", data=None, say=said.append)
    assert said == []
    visit = Visit(browser)
    visit.page.goto(first.as_uri())
    page = visit.page
    page.wait_for_selector("h1")
    assert page.locator("figure.figure").count() == 9
    page.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    assert "after 0 iterations" in page.inner_text("figure.grid >> nth=0")
    page.click("text=Explore the model")
    page.select_option("label:has-text('Label') select", "7")
    page.click("text=Nearest pictures of all")
    page.wait_for_selector(".neighbours li")
    page.click(".sample >> nth=1")
    page.click(".sample >> nth=4")
    page.click("text=Walk between two")
    page.wait_for_selector(".walk img")
    page.click("text=the same latents under every label")
    page.wait_for_function("() => document.querySelectorAll('.sample').length === 80")
    page.select_option("label:has-text('Seed') select", "3")
    page.wait_for_timeout(200)
    assert page.locator("#view .problem").count() == 0
    assert page.locator("input[type=file]").count() == 0
    assert visit.wrong == []
    assert [url for url in visit.asked if not url.startswith("data:")] == [first.as_uri()]
    assert (first.parent / "report.html").is_file()


@pytest.mark.parametrize("name", ["points", "text", "numbers", f"plain/{HOSTILE}"])
def test_pages_of_other_runs_from_disk(browser: Any, served: Served, tmp_path: Path, name: str) -> None:
    said: list[str] = []
    first = freeze(served.root / name, tmp_path / "page", data=None, say=said.append)
    visit = Visit(browser)
    for view in ("", "#/explore/."):
        visit.page.goto(first.as_uri() + view)
        visit.page.wait_for_selector("main[aria-busy=false] h1")
        assert visit.page.locator("#view .problem").count() == 0
    assert visit.wrong == []
    # The volumes were an array in memory, so nothing is there to compare with.
    assert ("nearest pictures are left out" in " ".join(said)) == (name == "numbers")


def test_questions_are_those_of_the_browser(visit: Visit) -> None:
    values = {"sample": ["s0.1", "f2"], "label": "a b~*é&=+", "seed": 3}
    asked = visit.page.evaluate(
        "async (values) => (await import('/ask.js')).query('walk', { run: '.', ...values })", values
    )
    assert asked == question("walk", **values)


def test_every_module_is_in_a_page_from_disk() -> None:
    assert sorted(MODULES) == sorted(file.name for file in STATIC.glob("*.js"))
    names: list[str] = []
    for module in MODULES:
        text = (STATIC / module).read_text()
        names += re.findall(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", text, re.MULTILINE)
    assert len(names) == len(set(names)), "names of one module would hide those of another"


def test_first_paint_of_a_long_run_needs_no_figure(visit: Visit, served: Served) -> None:
    """The words of a run are on the page before any curve is drawn."""
    visit.page.route("**/api/curve**", lambda route: route.abort())
    visit.page.goto(f"{served.address}/#/run/labels")
    visit.page.wait_for_selector("h2:has-text('Curves')")
    assert "Verdict" in visit.page.inner_text("main")
