"""A folder of runs of every kind, and the page's server on it."""

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

import gradpen
from gradpen.commands.page import listening
from gradpen.page.folder import Page
from gradpen.page.server import application

TOKEN = "a-token-that-nobody-guesses"
HOSTILE = "<img src=x onerror=alert(1)>"
SHORT: dict[str, Any] = {"batch_size": 8, "critic_steps": 1, "cadence__sample_every": 2, "cadence__log_every": 1}


def digits(out: Path, **settings: Any) -> None:
    gradpen.train(preset="wgan-gp-digits", out=out, **SHORT | {"iterations": 6} | settings)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with labels, of points, of text, one that only began, a damaged one, and one with a hostile name."""
    root = tmp_path_factory.mktemp("page") / "runs"
    digits(root / "labels", conditional=True)
    digits(root / "plain" / HOSTILE, critic_steps=2)
    gradpen.train("embedded:8gaussians", out=root / "points", iterations=2, **SHORT)
    gradpen.train("embedded:sentences", out=root / "text", iterations=2, **SHORT)
    columns = np.stack([np.random.default_rng(0).random(60), np.arange(60) % 2], axis=1)
    volumes = np.random.default_rng(0).random((60, 1, 4, 4, 4))
    gradpen.train(volumes, labels=columns, conditional=True, out=root / "numbers", iterations=2, **SHORT)
    shutil.copytree(root / "labels", root / "damaged")
    for file in ("run.json", "measures.jsonl"):
        (root / "damaged" / file).write_bytes(b"\xff{")
    (root / "began").mkdir()
    shutil.copy(root / "labels" / "config.json", root / "began")
    (root / "foreign").mkdir()
    (root / "foreign" / "config.json").write_text('{"model_type": "bert"}')
    (root / "foreign" / "run.json").write_text('{"state": "finished"}')
    shutil.copytree(root / "labels", root / "stopped")
    record = json.loads((root / "stopped" / "run.json").read_text())
    (root / "stopped" / "run.json").write_text(json.dumps(record | {"state": "running"}))
    (root / "stopped" / "run.lock").write_text("process 999999999")
    (root / "study" / "case-1" / "run").mkdir(parents=True)
    (root / "study" / "case-2").mkdir()
    (root / "study" / "case-2" / "result.json").write_text("{}")
    (root / "study" / "study.json").write_text(json.dumps({"title": f"A study {HOSTILE}"}))
    (root / "study" / "study.html").write_text("<!DOCTYPE html><title>study</title><p>as far as it came")
    (root.parent / "secret.txt").write_text("nobody reads this")
    return root


@dataclass
class Served:
    """A page that answers on this machine."""

    root: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def first(self) -> str:
        """The address that is printed."""
        return f"{self.address}/?token={TOKEN}"

    def asked(self, path: str, *, body: bytes | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Return status, content and headers of an answer."""
        usual = {"Cookie": f"gradpen={TOKEN}", "Origin": self.address}
        request = urllib.request.Request(f"{self.address}{path}", data=body, headers=usual | headers)
        try:
            with urllib.request.build_opener(NoRedirect).open(request, timeout=60) as response:
                return response.status, response.read(), dict(response.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read(), dict(error.headers)

    def answer(self, path: str) -> Any:
        """Return a good answer's values."""
        status, content, _ = self.asked(path)
        assert status == 200, content
        return json.loads(content)

    def problem(self, path: str) -> str:
        """Return the sentence of an answer that says what is wrong."""
        status, content, _ = self.asked(path)
        assert status in (404, 422), (status, content)
        return str(json.loads(content)["problem"])


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any) -> None:
        return None


def serve(root: Path) -> Iterator[Served]:
    listener = listening("127.0.0.1", 18465)
    port = listener.getsockname()[1]
    app = application(Page(root=root), token=TOKEN, hosts={f"127.0.0.1:{port}"}, cookie="gradpen")
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Served(root=root, port=port)
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="session")
def served(place: Path) -> Iterator[Served]:
    yield from serve(place)
