"""A run judged while it trains: what is said and when, what is written, and that it changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradpen
from gradpen.errors import DivergedError
from gradpen.looking import judging
from gradpen.looking.judging import Judge
from gradpen.looking.symptoms import Symptoms
from gradpen.runs import trainer
from gradpen.runs.audience import Audience
from gradpen.runs.folder import RunFolder
from gradpen.runs.training import resume, train
from test_diagnose import healthy, row, rows
from test_trainer import Stop, small, state, weights

STEEP = healthy(rows=rows(slope_mean=30.0))
COLLAPSED = healthy(measures=healthy().measures | {"diversity": 0.1})
YOUNG = healthy(rows=[row(0), row(100), row(200), row(300)], measures=COLLAPSED.measures)
IMPROVING = healthy(rows=[row(i, frechet_distance=30 - i / 50) for i in range(100, 1100, 100)])
SAID: list[tuple[str, list[Symptoms], list[list[str]]]] = [
    ("twice, then once", [STEEP, STEEP, STEEP], [[], ["critic unconstrained"], []]),
    ("once is chance", [STEEP, healthy(), STEEP, healthy()], [[], [], [], []]),
    ("over", [STEEP, STEEP, healthy(), healthy()], [[], ["critic unconstrained"], ["no longer"], []]),
    ("samples of the first minutes", [YOUNG] * 3, [[], [], []]),
    ("samples in the end", [COLLAPSED, COLLAPSED], [[], ["collapsed"]]),
    ("healthy", [healthy(), IMPROVING], [[], []]),
]


@pytest.mark.parametrize(("shown", "expected"), [case[1:] for case in SAID], ids=[case[0] for case in SAID])
def test_what_is_said_in_the_middle_of_a_run(
    shown: list[Symptoms], expected: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = gradpen.train(preset="wgan-gp-digits", iterations=1, batch_size=8, critic_steps=1, out=tmp_path / "run")
    heard: list[str] = []
    judge, queue = Judge(heard.append), list(shown)
    monkeypatch.setattr(judging, "symptoms", lambda *_, **__: queue.pop(0))
    for words in expected:
        heard.clear()
        judge(run, None, "running")  # type: ignore[arg-type]
        assert len(heard) == len(words)
        assert all(word in sentence for word, sentence in zip(words, heard, strict=True))
    queue.append(shown[-1])
    judge(run, None, "finished")  # type: ignore[arg-type]
    assert heard[-1].startswith("verdict: ")
    assert json.loads((run.path / "verdict.json").read_text())["iteration"] == 1


def test_a_finished_run_ends_with_its_verdict(tmp_path: Path, command: Callable[..., Any]) -> None:
    arguments = ["--preset=wgan-gp-digits", "--iterations=4", "--batch-size=8", "--set", "cadence.sample_every=1"]
    code, _, err = command("train", *arguments, "--out", tmp_path / "run")
    assert code == 0
    found = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert f"verdict: {found['verdicts'][0]['name']}. " in err
    report = (tmp_path / "run" / "report.html").read_text()
    assert 0 < report.index("Verdict at iteration 4") < report.index("In figures")


def test_judging_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = train(small(), out=tmp_path / "plain")
    monkeypatch.setattr(trainer, "PUBLISH_SECONDS", 0)
    monkeypatch.setattr(trainer, "JUDGED_SHARE", 0)
    looked: list[str] = []

    def judge(run: Any, source: Any, stage: str) -> None:
        looked.append(stage)
        Judge(lambda _: None)(run, source, stage)

    judged = train(small(), out=tmp_path / "judged", audience=Audience(judge=judge))
    assert looked == ["running"] * 4 + ["finished"]
    assert state(judged) == state(plain)
    assert weights(judged.checkpoints) == weights(plain.checkpoints)


def test_a_judge_that_fails_costs_no_run(tmp_path: Path) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("no room for samples")

    said: list[str] = []
    folder = train(small(), out=tmp_path / "run", audience=Audience(judge=fail, say=said.append))
    assert json.loads(folder.record.read_text())["state"] == "finished"
    assert "the run could not be judged: MemoryError: no room for samples" in said


def test_a_diverged_run_is_judged_and_an_interrupted_one_is_not(tmp_path: Path) -> None:
    with pytest.raises(DivergedError):
        gradpen.train(preset="wgan-gp", iterations=9, batch_size=8, learning_rate=1e30, out=tmp_path / "diverged")
    found = json.loads((tmp_path / "diverged" / "verdict.json").read_text())
    assert found["verdicts"][0]["name"] == "diverged"
    assert "Verdict at iteration" in (tmp_path / "diverged" / "report.html").read_text()
    stages: list[str] = []
    audience = Stop(7).audience()
    audience.judge = lambda _run, _source, stage: stages.append(stage)
    folder = train(small(), out=tmp_path / "stopped", audience=audience)
    assert stages == []
    assert not RunFolder(path=folder.path).verdict.exists()
    resume(folder.path, audience=Audience(judge=lambda _run, _source, stage: stages.append(stage)))
    assert stages == ["finished"]
