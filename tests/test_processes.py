"""Many processes that train as one, as torchrun starts them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import gradpen
from gradients_of_many import CASES
from gradpen.errors import GradpenError, UsageError
from gradpen.machine import job, sharing
from gradpen.networks.norms import BatchNorm2d, normalised
from gradpen.runs.checkpoint import newest_checkpoint
from gradpen.runs.checks import refuse_uneven
from gradpen.settings import configure

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
TRAIN = ["-m", "gradpen", "train", "--preset", "wgan-gp-digits", "--batch-size", "32", "--set", "cadence.save_every=4"]


def launch(*arguments: str, restarts: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TORCHRUN, "--max-restarts", str(restarts), *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def train(*arguments: str) -> str:
    """Train with two processes and return what was said."""
    job = launch(*TRAIN[: 3 if "--resume" in arguments else None], *arguments)
    said = "".join(job.communicate(timeout=200))
    assert job.returncode == 0, said
    return said


def workers(job: subprocess.Popen[str]) -> dict[int, int]:
    """Return the process number of each rank of a job."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = (place / "stat").read_text().rsplit(")", 1)[1].split()[1]
            environment = (place / "environ").read_text().split("\0")
        except OSError:
            continue
        ranks = [int(value.removeprefix("RANK=")) for value in environment if value.startswith("RANK=")]
        if int(parent) == job.pid and ranks:
            found[ranks[0]] = int(place.name)
    return found


def wait_for_iteration(run: Path, iteration: int, job: subprocess.Popen[str]) -> None:
    """Wait until the run has saved so many iterations."""
    deadline = time.monotonic() + 120
    while not any(int(place.name) >= iteration for place in (run / "checkpoint").glob("[0-9]*")):
        assert job.poll() is None, job.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def weights(run: Path) -> dict[str, torch.Tensor]:
    checkpoint = newest_checkpoint(run / "checkpoint", pytest.fail)
    return {f"{part}.{name}": value for part, them in checkpoint.tensors.items() for name, value in them.items()}


def assert_same_weights(one: Path, other: Path) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("gradients_of_many.py"))
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for file, how in zip(files, ([sys.executable], TORCHRUN), strict=True):
        subprocess.run([*how, script, str(file)], env=ENVIRONMENT, check=True, capture_output=True, timeout=200)
    one, two = map(np.load, files)
    assert len(one.files) == len(two.files) == 2 * len(CASES)
    for name in one.files:
        assert np.linalg.norm(one[name]) > 0, name
        rounding = 0.05 if name.startswith("bf16") else 1e-6
        assert np.linalg.norm(one[name] - two[name]) <= rounding * np.linalg.norm(one[name]), name


def test_two_processes_choose_alike_for_the_minutes_given(tmp_path: Path) -> None:
    said = "".join(
        (job := launch("-m", "gradpen", "train", "--minutes=0.03", f"--out={tmp_path / 'run'}")).communicate()
    )
    assert job.returncode == 0, said
    assert said.count("fit into 0.03 minutes") == 1
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert json.loads((tmp_path / "run" / "run.json").read_text())["iteration"] == config["iterations"]


def test_a_process_group_of_the_program_is_left_alone(tmp_path: Path) -> None:
    """One rank uses gradpen and the other does not: nothing waits for it."""
    script = str(Path(__file__).with_name("foreign_group.py"))
    done = subprocess.run(
        [*TORCHRUN, script, str(tmp_path / "run")],
        env=ENVIRONMENT,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file(), "and it trained a run alone"


def test_a_job_resumes_exactly_and_goes_on_alone(tmp_path: Path) -> None:
    straight, halves = tmp_path / "straight", tmp_path / "halves"
    train("--iterations", "12", "--out", str(straight))
    said = train("--iterations", "6", "--out", str(halves))
    assert said.count("training in") == said.count("report ") == 1
    train("--iterations", "12", "--resume", str(halves))
    assert_same_weights(straight, halves)
    rows = [json.loads(line)["iteration"] for line in (halves / "measures.jsonl").read_text().splitlines()]
    assert rows == sorted(set(rows))
    assert json.loads((halves / "run.json").read_text())["versions"]["processes"] == 2

    heard: list[str] = []
    from gradpen.runs.audience import Audience

    alone = gradpen.train(resume=halves, iterations=14, audience=Audience(say=heard.append))
    assert alone.iteration == 14
    assert any("processes 2 -> 1" in sentence for sentence in heard)


def test_a_killed_worker_ends_the_job_and_a_restart_continues_it(tmp_path: Path) -> None:
    straight, run = tmp_path / "straight", tmp_path / "run"
    job = launch(*TRAIN, "--iterations", "400", "--out", str(run))
    wait_for_iteration(run, 4, job)
    os.kill(workers(job)[1], signal.SIGKILL)
    _, said = job.communicate(timeout=60)
    assert job.returncode != 0
    assert "gradpen: error: process 0 of the job" in said
    assert "--resume" in said
    assert weights(run)

    again = tmp_path / "again"
    job = launch(*TRAIN, "--iterations", "60", "--out", str(again), restarts=1)
    wait_for_iteration(again, 4, job)
    os.kill(workers(job)[0], signal.SIGKILL)
    _, said = job.communicate(timeout=120)
    assert job.returncode == 0, said
    assert "continuing" in said
    train("--iterations", "60", "--out", str(straight))
    assert_same_weights(straight, again)


def test_a_signal_stops_all_after_the_same_iteration(tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = launch(*TRAIN, "--iterations", "4000", "--out", str(run))
    wait_for_iteration(run, 4, job)
    os.kill(workers(job)[1], signal.SIGTERM)
    said = "".join(job.communicate(timeout=60))
    assert "stopped after iteration" in said
    assert "error: process" not in said
    iteration = newest_checkpoint(run / "checkpoint", pytest.fail).iteration
    assert json.loads((run / "run.json").read_text())["iteration"] == iteration < 4000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "batch_size=33"], "a batch of 33 cannot be shared by 2 processes"),
        (["--learning-rate", "1e30"], "a loss or weight became infinite or NaN"),
        (["--out", "."], "is not empty"),
        (["no/such/folder"], "no/such/folder"),
    ],
)
def test_one_process_says_what_is_wrong(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    job = launch(*TRAIN, "--iterations", "40", "--out", str(tmp_path / "run"), *arguments)
    _, said = job.communicate(timeout=100)
    assert job.returncode != 0
    assert said.count("gradpen: error") == 1
    assert said.count(sentence) == 1
    assert "src/gradpen" not in said, "no traceback of ours, whatever the launcher adds"


def test_the_others_let_the_leader_say_first_why_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    store = torch.distributed.HashStore()  # type: ignore[attr-defined]
    store.set("leader-first-1", "failed")
    monkeypatch.setattr(job, "leads", lambda: False)
    monkeypatch.setattr(job.NOTES, "store", store)
    monkeypatch.setattr(job.NOTES, "waits", 0)
    leader = threading.Timer(0.5, store.add, (job.SAID, 1))
    leader.start()
    with pytest.raises(GradpenError, match="the leading process failed; it says why"), job.leader_first():
        pytest.fail("nothing may be done after the leader failed")
    assert store.add(job.SAID, 1) == 2, "the leader was first"
    leader.join()


def test_batch_norm_is_pytorchs() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 5, dtype=torch.float64)
    stock, ours = (BatchNorm2d(3).double() for _ in range(2))
    for norm in (stock, ours):
        torch.nn.init.constant_(norm.weight, 1.5)
    torch.testing.assert_close(normalised(ours, x), stock(x), rtol=1e-12, atol=1e-12)
    distant = 1e-3 * x.float() + 100
    torch.testing.assert_close(normalised(BatchNorm2d(3), distant), BatchNorm2d(3)(distant), rtol=1e-2, atol=1e-2)
    narrow = normalised(BatchNorm2d(3), x.bfloat16())
    assert narrow.dtype == torch.bfloat16
    torch.testing.assert_close(narrow, BatchNorm2d(3)(x.bfloat16()), rtol=0.02, atol=0.02)
    for name, value in stock.named_buffers():
        torch.testing.assert_close(ours.get_buffer(name), value)


def test_alone_nothing_is_communicated() -> None:
    x = torch.randn(3)
    assert sharing.count() == 1
    assert sharing.leads()
    assert sharing.mean_over_all(x) is x
    assert not sharing.weights_differ(torch.nn.Linear(2, 2))
    assert sharing.text_of_leader(lambda: "text") == "text"


def test_a_batch_that_cannot_be_shared_on_resume_asks_for_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "count", lambda: 3)
    config = configure(settings={"batch_size": 16})
    with pytest.raises(UsageError, match=r"by 3 processes equally; start one of 1, 2, 4, 8, 16 processes"):
        refuse_uneven(config, resuming=True)
    with pytest.raises(UsageError, match="choose a `batch_size` that is a multiple of 3 "):
        refuse_uneven(config)
