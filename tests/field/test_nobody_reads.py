"""A closed terminal, a pipe whose reader has seen enough, a full disk under the log, an ASCII locale."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GRADPEN = [sys.executable, "-m", "gradpen"]
TRAIN = [
    *GRADPEN,
    "train",
    "--preset",
    "wgan-gp-digits",
    "--iterations=30",
    "--batch-size=8",
    "--set",
    "cadence.log_every=1",
]


def is_finished(run: Path) -> bool:
    return bool(json.loads((run / "run.json").read_text())["state"] == "finished") and (run / "report.html").is_file()


@pytest.mark.parametrize(
    "shell",
    [
        "{train} 2>&1 | head -1",
        "{train} > /dev/full 2> /dev/full",
        "{train} >&- 2>&-",
        "{train} 2>&-",
        "({train} 2>&1; echo $? > {out}.code) | true",
    ],
    ids=["head", "full disk", "closed", "closed messages", "nobody"],
)
def test_a_run_goes_on_when_nobody_listens(tmp_path: Path, shell: str) -> None:
    out = tmp_path / "run"
    train = " ".join([*map(str, TRAIN), "--out", str(out)])
    subprocess.run(["bash", "-c", shell.format(train=train, out=out)], check=False, timeout=120, capture_output=True)
    for _ in range(100):  # the reader may be gone before the run is
        if (out / "run.json").is_file() and is_finished(out):
            break
        subprocess.run(["sleep", "0.2"], check=True)
    assert is_finished(out)
    if out.with_suffix(".code").is_file():
        assert out.with_suffix(".code").read_text().strip() == "0"


@pytest.mark.parametrize("command", [["--help"], ["train", "--help"], ["presets"], ["data", "embedded:digits"]])
def test_output_to_a_full_disk_is_a_sentence(command: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*GRADPEN, *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_an_ascii_locale(tmp_path: Path) -> None:
    """Signs that it lacks are written as their codes, not as a traceback."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    out = tmp_path / "run"
    done = subprocess.run([*TRAIN, "--out", str(out)], env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert rb"\xb1" in done.stderr
    measured = [*GRADPEN, "evaluate", str(out), "--count=20", "--sets=2", "--no-classes"]
    done = subprocess.run(measured, env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert rb"\xb1" in done.stdout
