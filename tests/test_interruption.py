"""Real processes, real signals: whatever stops a run, its continuation equals the uninterrupted run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradpen.runs.folder import RunFolder, read_measures
from gradpen.runs.training import resume
from test_trainer import state

ARGUMENTS = [
    "--preset=wgan-gp",
    "--iterations=240",
    "--batch-size=8",
    "--set",
    "threads=1",
    "critic_steps=1",
    "generator.width=2",
    "critic.width=2",
    "cadence.log_every=20",
    "cadence.sample_every=50",
    "cadence.save_every=30",
    "cadence.grid=9",
]
FINISHED, INTERRUPTED = 0, 130


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gradpen", "train", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_iteration(folder: Path, iteration: int, process: subprocess.Popen[str]) -> None:
    run = RunFolder(path=folder)
    while process.poll() is None:
        rows = read_measures(run)
        if rows and rows[-1]["iteration"] >= iteration:
            return
        time.sleep(0.005)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("whole") / "run"
    process = start(*ARGUMENTS, "--out", folder)
    _, err = process.communicate(timeout=200)
    assert process.returncode == FINISHED, err
    return state(RunFolder(path=folder))


@pytest.mark.parametrize(
    ("number", "code", "after"),
    [(signal.SIGINT, 130, 20), (signal.SIGTERM, 143, 60), (signal.SIGKILL, -9, 40), (signal.SIGKILL, -9, 100)],
)
def test_stopped_by_a_signal_and_resumed(
    tmp_path: Path, whole: object, number: signal.Signals, code: int, after: int
) -> None:
    folder = tmp_path / "run"
    chance = random.Random(after)
    process = start(*ARGUMENTS, "--out", folder)
    wait_for_iteration(folder, after, process)
    time.sleep(chance.random() * 0.2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err
    if number != signal.SIGKILL:
        assert f"gradpen train --resume {folder} continues" in out
    continued = start("--resume", folder)
    _, err = continued.communicate(timeout=200)
    assert continued.returncode == FINISHED, err
    assert state(RunFolder(path=folder)) == whole


def test_killed_again_and_again(tmp_path: Path, whole: object) -> None:
    """Killed at random instants of running and saving, until it gets through; the last stretch is in process."""
    folder = tmp_path / "run"
    chance = random.Random(1)
    process = start(*ARGUMENTS, "--out", folder)
    wait_for_iteration(folder, 30, process)
    for _ in range(4):
        time.sleep(chance.random() * 0.3)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        process = start("--resume", folder)
        rows = read_measures(RunFolder(path=folder))
        wait_for_iteration(folder, rows[-1]["iteration"] + 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert state(resume(folder)) == whole


def test_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    slow = ["--preset=wgan-gp", "--iterations=9", "--batch-size=1000", "--set", "critic_steps=2000", "threads=1"]
    process = start(*slow, "--out", folder)
    wait_for_iteration(folder, 0, process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None, "the first waits for the end of the iteration"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert "stopped at once" in err
    assert "Traceback" not in err


def wait_for_handlers(process: subprocess.Popen[str]) -> None:
    """Wait until a process answers SIGTERM itself, as Linux tells."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        pytest.skip("this system does not tell which signals a process answers")
    while process.poll() is None:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0.0, 0.3, 1.0, 2.0])
def test_a_signal_while_gradpen_is_imported(tmp_path: Path, number: signal.Signals, after: float) -> None:
    """From the moment on that Python runs gradpen's first lines; before that, it is not gradpen yet."""
    process = start(*ARGUMENTS, "--out", tmp_path / "run")
    wait_for_handlers(process)
    time.sleep(after)
    process.send_signal(number)
    if number == signal.SIGINT:
        time.sleep(0.02)
        process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert "stopped" in err or "stopping" in err


def test_signals_after_the_end_change_nothing(tmp_path: Path) -> None:
    """What was done is done, while Python puts itself away."""
    code = (
        "import atexit, os, signal, sys\n"
        "atexit.register(lambda: [os.kill(os.getpid(), number) for number in (signal.SIGINT, signal.SIGTERM)])\n"
        "from gradpen.__main__ import main\n"
        "sys.argv = ['gradpen', '--version']\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gradpen ")
    assert done.stderr == ""
