"""The learn page in a real browser: alone, by keyboard, on a phone, in light and dark, with less motion."""

import functools
import http.server
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "learn"


def until(page: Any, condition: str) -> None:
    """Wait for a condition; the page's policy forbids what Playwright would wait with."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


def visit(page: Any) -> None:
    """Use everything: scenes, languages, chapters."""
    page.evaluate("learn.playground.play(true)")
    for button in page.locator("#scenes button").all():
        button.click()
        page.wait_for_timeout(60)
    for chapter in page.locator(".chapter").all():
        chapter.scroll_into_view_if_needed()
        page.wait_for_timeout(60)
    for language in ("ko", "en"):
        page.select_option("#language", language)
        page.wait_for_timeout(60)


def test_nothing_leaves_the_page_and_nothing_fails(opened: Any) -> None:
    page, seen = opened(reduced_motion="no-preference")
    visit(page)
    assert seen.errors == []
    assert all(url.startswith((PAGE.as_uri() + "/", "data:")) for url in seen.requests)
    assert len(seen.requests) > 20
    with pytest.raises(Exception, match=r"Content Security Policy|Failed to fetch"):
        page.evaluate("fetch('https://example.org/')")


def test_page_can_be_served_too(browser: Any) -> None:
    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=str(PAGE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = browser.new_context().new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.goto(f"http://127.0.0.1:{server.server_port}/?lang=ko")
        page.evaluate("learn.playground.run(2)")
        assert page.evaluate("document.documentElement.lang") == "ko"
        assert wrong == []
        page.context.close()
    finally:
        server.shutdown()
        server.server_close()


FOCUSABLE = "button, select, input, a[href], [tabindex='0']"


def test_every_control_has_a_name_and_the_keyboard_reaches_it(opened: Any) -> None:
    page, _ = opened(fragment="#data=drawn&generator=trained")
    names = page.evaluate(
        f"""() => [...document.querySelectorAll("{FOCUSABLE}")].filter((e) => e.checkVisibility()).map((e) =>
          e.getAttribute("aria-label") ?? e.labels?.[0]?.querySelector(".name")?.textContent ?? e.textContent)"""
    )
    assert len(names) > 40
    assert all(name.strip() for name in names)
    page.evaluate("document.body.focus()")
    reached = page.evaluate_handle("new Set()")
    for _ in range(len(names)):
        page.keyboard.press("Tab")
        page.evaluate("(reached) => reached.add(document.activeElement)", reached)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    missing = page.evaluate(
        f"""(reached) => [...document.querySelectorAll("{FOCUSABLE}")].filter((e) => e.checkVisibility() &&
          !reached.has(e)).map((e) => e.outerHTML)""",
        reached,
    )
    assert missing == []


def test_the_keyboard_works_everything(opened: Any) -> None:
    page, _ = opened()
    page.focus("#play")
    page.keyboard.press("Space")
    assert page.text_content("#play") == "Pause"
    page.keyboard.press("Space")
    page.focus("#step")
    before = page.evaluate("learn.playground.sides[1].run.iteration")
    page.keyboard.press("Enter")
    assert page.evaluate("learn.playground.sides.map((s) => s.run.iteration)") == [before + 1] * 2
    assert f"Iteration {before + 1}" in page.text_content("#live")
    page.focus("#shared label:nth-child(2) input")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("learn.playground.sides[0].run.settings.depth") == 4
    page.focus(".side:last-child .sliders label:nth-child(2) input")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("learn.playground.sides[1].run.settings.weight") == 2.5
    page.select_option("#choose-data select", "drawn")
    page.focus("#pad")
    for key in ("ArrowUp", "Space", "ArrowRight", "ArrowRight", "Space", "Space", "Backspace"):
        page.keyboard.press(key)
    until(page, "learn.playground.settings().drawn.length === 2")
    drawn = page.evaluate("learn.playground.settings().drawn")
    assert drawn == [pytest.approx([0, 0.15], abs=0.01), pytest.approx([0.3, 0.15], abs=0.01)]
    assert "drawn=" in page.evaluate("location.hash")


def test_drawing_by_pointer(opened: Any) -> None:
    page, _ = opened(fragment="#data=drawn")
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 * box["width"] / 4, box["y"] + box["height"] / 2, steps=10)
    page.mouse.up()
    until(page, "learn.playground.settings().drawn.length > 5")
    xs, ys = np.array(page.evaluate("learn.playground.settings().drawn")).T
    assert (xs.min(), xs.max()) == pytest.approx((-1.5, 1.5), abs=0.1)
    assert np.abs(ys).max() < 0.1
    page.click("#clear")
    until(page, "learn.playground.settings().drawn.length === 0")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_nothing_overflows_a_phone(opened: Any, language: str) -> None:
    page, _ = opened(viewport={"width": 390, "height": 844}, locale=language, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate("learn.playground.settings().view") == "one"
    for view in ("one", "both"):
        page.select_option("#choose-view select", view)
        page.select_option("#choose-data select", "drawn")
        page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") == 390


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = (colour) => colour.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => { for (let e = element; e; e = e.parentElement) {
    const colour = rgb(getComputedStyle(e).backgroundColor); if (colour[3] === 255) return colour; } return null; };
  return [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility() &&
      [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
    const style = getComputedStyle(e);
    const [a, b] = [light(rgb(e instanceof SVGElement ? style.fill : style.color)), light(behind(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 80)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(opened: Any, scheme: str) -> None:
    page, _ = opened(color_scheme=scheme, fragment="#data=drawn&left=none")
    page.evaluate("learn.playground.run(1)")
    page.locator("#figure-balance").scroll_into_view_if_needed()
    page.wait_for_timeout(700)
    found = page.evaluate(CONTRASTS)
    assert len(found) > 100
    assert [one for one in found if one[0] < 4.5] == []


def test_less_motion_means_two_pictures_a_second(opened: Any) -> None:
    page, _ = opened()
    assert page.text_content("#play") == "Play"
    drawn, took = page.evaluate(
        """async () => {
          const { draw } = learn.surface;
          let count = 0;
          learn.surface.draw = (canvas, ...rest) => {
            if (canvas.closest(".side:last-child")) count += 1;
            draw(canvas, ...rest);
          };
          const start = performance.now();
          learn.playground.play(true);
          await new Promise((done) => setTimeout(done, 1600));
          return [count, performance.now() - start];
        }"""
    )
    assert 1 <= drawn <= took / 500 + 1
    moving, _ = opened(reduced_motion="no-preference")
    assert moving.text_content("#play") == "Pause"


def test_numbers_are_said_to_those_who_do_not_see_the_picture(opened: Any) -> None:
    page, _ = opened()
    page.evaluate("learn.playground.run(10)")
    until(
        page, "document.querySelector('.side:last-child canvas').getAttribute('aria-label')?.includes('iteration 10')"
    )
    words = page.get_attribute(".side:last-child canvas", "aria-label")
    gap = page.evaluate("learn.language.number(learn.playground.sides[1].marks.at(-1).gap)")
    assert f"Wasserstein estimate {gap}, mean slope" in words
    assert "Gradient penalty" in words
    figures = page.locator("figure svg[role=img], canvas[role=img]").all()
    assert len(figures) > 8
    for index, figure in enumerate(figures):
        figure.scroll_into_view_if_needed()
        until(
            page, f"document.querySelectorAll('figure svg[role=img], canvas[role=img]')[{index}].ariaLabel?.length > 9"
        )
