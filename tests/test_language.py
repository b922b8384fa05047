"""English and Korean: whose language is spoken, verdicts and pages in either, figures with letters or none."""

import dataclasses
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

import gradpen
from gradpen.data.choice import DataChoice
from gradpen.data.embedded import DRAWN
from gradpen.data.recognise import open_source
from gradpen.data.toys import TOYS
from gradpen.language import Language, language, retold, said, speaking, system_language, worded
from gradpen.looking import lettering
from gradpen.looking.diagnosis import diagnose
from gradpen.looking.figures import curves, png
from gradpen.looking.meanings import meanings
from gradpen.looking.report import page, publish
from gradpen.looking.report_tables import name_of
from gradpen.looking.verdict_pages import from_json, in_a_line, to_json
from gradpen.looking.verdict_pages import page as verdict_page
from gradpen.runs.folder import RunFolder, read_measures
from gradpen.settings import configure
from test_diagnose import SHOWN
from test_report import CHROMIUM, FLAGS, SAID, TAGS, Reader, row

pytestmark = pytest.mark.figures

HANGUL = re.compile("[가-힣]")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko"}, "ko"),
        ({"LC_MESSAGES": "ko_KR", "LANG": "en_US.UTF-8"}, "ko"),
        ({"LC_ALL": "en_GB.UTF-8", "LC_MESSAGES": "ko_KR", "LANG": "ko_KR"}, "en"),
        ({"LC_ALL": "", "LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "kok_IN"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_system_chooses(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert system_language(environment) == expected
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == expected
    with speaking("ko"), speaking(None):
        assert language() == "ko"
        with speaking("en"):
            assert said("critic") == "critic"
    assert language() == expected


def test_two_threads_speak_two_languages() -> None:
    barrier, heard = threading.Barrier(2), {}

    def speak(chosen: Language) -> None:
        with speaking(chosen):
            barrier.wait(10)
            heard[chosen] = said("critic")
            barrier.wait(10)

    threads = [threading.Thread(target=speak, args=(chosen,)) for chosen in ("en", "ko")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert heard == {"en": "critic", "ko": "비평자"}


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d[\d,.]*\d|\d", text))


@pytest.mark.parametrize("shown", [case[1] for case in SHOWN], ids=[f"{case[0]}-{i}" for i, case in enumerate(SHOWN)])
def test_a_verdict_is_said_in_korean(shown: Any) -> None:
    """Also after it was written down and read again; the numbers are the same, in whatever order."""
    verdicts = diagnose(shown)
    english = verdict_page(verdicts, Path("run"))
    again = [from_json(json.loads(json.dumps(to_json(verdict)))) for verdict in verdicts]
    assert verdict_page(again, Path("run")) == english
    with speaking("ko"):
        korean = verdict_page(verdicts, Path("run"))
        assert verdict_page(again, Path("run")) == korean
        assert HANGUL.search(in_a_line(verdicts, Path("run")))
    assert all(HANGUL.search(line) for line in korean.splitlines())
    for line, other in zip(english.splitlines(), korean.splitlines(), strict=True):
        # A learning rate that is lowered tenfold is one tenth in Korean.
        assert numbers(line) == numbers(other.replace("10분의 1", "")), (line, other)


@pytest.mark.parametrize(("preset", "settings", "changed", "panel"), [case[:4] for case in SAID])
def test_a_curve_is_explained_in_korean(
    preset: str, settings: dict[str, Any], changed: dict[str, float], panel: str
) -> None:
    def sentences() -> list[str]:
        return meanings([row(0), row(9, **changed)], configure(preset, settings=settings), 3.0)[panel]

    english = sentences()
    with speaking("ko"):
        korean = sentences()
    assert len(english) == len(korean)
    assert all(HANGUL.search(sentence) and sentence.endswith("다.") for sentence in korean)


def test_a_verdict_from_elsewhere_is_shown_as_it_is() -> None:
    """An old one has no template; a template that is none of ours is not filled in, nor are wrong values."""
    whole = to_json(diagnose(SHOWN[3][1])[0])
    old = {key: value for key, value in whole.items() if key not in ("template", "values")}
    hostile = whole | {"template": "{iteration.__class__.__mro__}"}
    wrong = whole | {"values": {"iteration": "many"}}
    with speaking("ko"):
        assert HANGUL.search(retold(from_json(whole).evidence))
        for values in (old, hostile, wrong):
            assert retold(from_json(values).evidence) == whole["evidence"]
    assert retold("plain words") == "plain words"
    assert retold(worded("{rows} rows of measures", rows=3)) == "3 rows of measures"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    place = tmp_path_factory.mktemp("korean") / "run"
    gradpen.train(preset="wgan-gp-digits", iterations=8, batch_size=8, out=place, cadence__sample_every=1)
    return RunFolder(path=place)


@pytest.fixture
def no_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: [])
    lettering.hangul.cache_clear()
    yield
    lettering.hangul.cache_clear()


@pytest.fixture
def font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A font whose every syllable is a square, under the name of a common one."""
    family, file = "Squares", tmp_path / "NanumGothic.ttf"
    builder = FontBuilder(1000)
    pen = TTGlyphPen(None)
    for draw, corner in ((pen.moveTo, (0, 0)), *((pen.lineTo, corner) for corner in ((0, 800), (800, 800), (800, 0)))):
        draw(corner)
    pen.closePath()
    square = pen.glyph()
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap(dict.fromkeys(range(ord("가"), ord("힣") + 1), "square"))
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": square})
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", "square"), (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(file)
    others = [str(tmp_path / name) for name in ("NanumGothicBold.ttf", "Other.ttf")]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: [*others, str(file)])
    lettering.hangul.cache_clear()
    yield family
    lettering.hangul.cache_clear()
    manager = font_manager.fontManager
    manager.ttflist[:] = [each for each in manager.ttflist if each.name != family]


def test_figures_without_a_korean_font_stay_english(run: RunFolder, no_font: None) -> None:
    """And the page says so; a missing letter would be a warning, which fails here."""
    rows = read_measures(run)
    english = png(curves(rows))
    with speaking("ko"):
        assert png(curves(rows)) == english
        assert "그림 속 글자는 영어" in page(run, rows, json.loads(run.record.read_text()), english)
    assert "no Korean font" not in page(run, rows, json.loads(run.record.read_text()), english)


def test_figures_with_a_korean_font_are_korean(run: RunFolder, font: str) -> None:
    rows = read_measures(run)
    english = png(curves(rows))
    assert lettering.hangul() == font
    with speaking("ko"):
        figure = curves(rows)
        assert figure.axes[0].get_title().startswith("비평자 점수 차")
        assert png(figure) != english
        assert "그림 속 글자는 영어" not in page(run, rows, json.loads(run.record.read_text()), english)
    assert png(curves(rows)) == english


def test_a_run_is_reported_in_korean(run: RunFolder, command: Callable[..., Any], no_font: None) -> None:
    code, english, _ = command("diagnose", run.path, "--language", "en")
    assert code == 0
    before, written = run.report.read_bytes(), run.verdict.read_bytes()
    code, out, _ = command("diagnose", run.path, "--language", "ko")
    assert code == 0
    assert HANGUL.search(out)
    assert run.verdict.read_bytes() == written, "what programs read is English"
    korean = run.report.read_text()
    assert '<html lang="ko">' in korean
    verdict = json.loads(written)["verdicts"][0]
    assert verdict["name"] in english
    assert verdict["evidence"] not in korean
    reader = Reader()
    reader.feed(re.sub("<(pre|code|style|th)>.*?</\\1>", "", korean, flags=re.DOTALL))
    assert set(reader.tags) <= TAGS
    english_words = [re.sub(r"\(.*?\)", "", words) for words in reader.words if "scikit-learn" not in words]
    assert not [words for words in english_words if re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", words)]
    assert not re.search(r"<h\d>[^<]*[A-Za-z]{3}", korean.replace("<h1>run</h1>", ""))
    code, as_json, _ = command("diagnose", run.path, "--json", "--language", "ko")
    assert not HANGUL.search(as_json)
    assert command("report", run.path, "--language", "ko")[0] == 0
    assert run.report.read_text() == korean
    assert command("report", run.path)[0] == 0
    assert run.report.read_bytes() == before


def test_two_runs_are_compared_in_korean(run: RunFolder, command: Callable[..., Any], tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "other")
    out = tmp_path / "both.html"
    assert command("report", run.path, tmp_path / "other", "--language", "ko", "--out", out)[0] == 0
    korean = out.read_text()
    assert '<html lang="ko">' in korean
    assert "두 실행의 설정이 같습니다" in korean
    assert not re.search(r"<h2>[^<]*[A-Za-z]{3}", korean.replace("<h2>run</h2>", "").replace("<h2>other</h2>", ""))


def test_training_ends_with_a_korean_verdict(tmp_path: Path, command: Callable[..., Any]) -> None:
    code, _, err = command(
        "train",
        "--preset=wgan-gp-digits",
        "--iterations=2",
        "--batch-size=8",
        "--out",
        tmp_path / "run",
        "--language=ko",
    )
    assert code == 0
    assert "진단: 판단하기 이름(too early to say)" in err
    assert '<html lang="ko">' in (tmp_path / "run" / "report.html").read_text()
    code, _, err = command("train", "--resume", tmp_path / "run", "--iterations=3", "--language=en")
    assert code == 0
    assert "verdict: too early to say" in err


@pytest.mark.parametrize("name", ["digits", "sentences", *TOYS, *DRAWN])
def test_embedded_data_have_korean_names(name: str) -> None:
    path = open_source(DataChoice(path=f"embedded:{name}")).report.path
    assert name_of({"path": path}) == path
    with speaking("ko"):
        assert HANGUL.search(name_of({"path": path}))


def test_a_path_is_never_translated() -> None:
    with speaking("ko"):
        assert said("data") == "데이터"
        assert name_of({"path": "data"}) == "data"


def test_files_that_were_left_out_are_explained_in_korean(images: Path, tmp_path: Path) -> None:
    (images / "empty.png").write_bytes(b"")
    (images / "words.png").write_bytes(b"not an image" * 20)
    run = gradpen.train(images, preset="wgan-gp-digits", iterations=1, batch_size=8, out=tmp_path / "run")
    folder = RunFolder(path=run.path)
    with speaking("ko"):
        publish(folder)
    korean = folder.report.read_text()
    assert "<th>제외: empty.png</th><td>빈 파일</td>" in korean
    assert "<th>제외: words.png</th><td>알 수 없는 형식의 파일</td>" in korean


def test_a_language_that_is_not_there(run: RunFolder, command: Callable[..., Any]) -> None:
    code, _, err = command("report", run.path, "--language", "de")
    assert code == 2
    assert "en" in err
    assert "ko" in err


def test_verdicts_can_be_copied() -> None:
    """As ``dataclasses`` does, with what other languages need."""
    verdict = diagnose(SHOWN[3][1])[0]
    with speaking("ko"):
        assert retold(dataclasses.asdict(verdict)["evidence"]) == retold(verdict.evidence) != verdict.evidence


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_korean_page_in_a_browser(run: RunFolder, command: Callable[..., Any], tmp_path: Path) -> None:
    """Whole words at the ends of lines, and nothing wider than a phone."""
    out = tmp_path / "korean.html"
    assert command("report", run.path, "--language", "ko", "--out", out)[0] == 0
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=120_000)
        shown = browser.new_page(viewport={"width": 400, "height": 800})
        messages: list[str] = []
        shown.on("console", lambda message: messages.append(message.text))
        shown.goto(out.resolve().as_uri(), timeout=120_000)
        assert shown.evaluate("document.documentElement.lang") == "ko"
        assert shown.evaluate("document.documentElement.scrollWidth <= 400"), "nothing overflows"
        assert shown.evaluate("getComputedStyle(document.body).wordBreak") == "keep-all"
        assert "주요 수치" in shown.inner_text("body")
        browser.close()
    assert messages == []
