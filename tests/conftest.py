"""Shared by all tests: a cache of their own, and small images on disk."""

import io
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings
from matplotlib.figure import Figure
from PIL import Image

from gradpen.language import system_language

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REAL_DATA = Path(os.environ.get("GRADPEN_TEST_DATA", "real data are not at hand"))
"""a folder of real data sets that tests may look at; those that need one are skipped where it is not named"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate-golden", action="store_true", help="write the numbers of tests/golden/ anew")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    os.environ["GRADPEN_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    torch.set_num_threads(1)
    yield
    del os.environ["GRADPEN_CACHE"]


@pytest.fixture(autouse=True, scope="session")
def _english() -> Iterator[None]:
    """What tests read is English on a Korean machine too."""
    with pytest.MonkeyPatch.context() as patch:
        if system_language(os.environ) != "en":
            patch.delenv("LC_ALL", raising=False)
            patch.setenv("LC_MESSAGES", "C")
        yield


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard() -> None:
    """A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _doctest_names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["torch"] = torch


@pytest.fixture(autouse=True)
def _figures_of_runs_are_blank(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of a run of few iterations; tests that look at figures are marked, and draw them."""
    if request.node.get_closest_marker("figures") is None:
        monkeypatch.setattr("gradpen.looking.report.png", blank)


def blank(figure: Figure) -> bytes:
    """Return a white picture of a figure's size."""
    buffer = io.BytesIO()
    width, height = figure.get_size_inches() * figure.dpi
    Image.new("L", (int(width), int(height)), 255).save(buffer, format="png")
    return buffer.getvalue()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Forty grey 8x8 PNGs in a folder."""
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    return folder


@pytest.fixture
def mnist() -> Path:
    """The real MNIST files."""
    folder = REAL_DATA / "mnist"
    if not folder.is_dir():
        pytest.skip("no GRADPEN_TEST_DATA names a folder with mnist/")
    return folder


Outcome = tuple[int, str, str]
"""exit code, standard output, standard error with its lines joined"""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command line in this process."""

    def call(*arguments: object) -> Outcome:
        from gradpen.cli import main

        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, " ".join(err.replace("│", " ").split())

    return call
