"""The verdict on a run: each rule on symptoms that show it, the command, the file and the head of the report."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor, nn

import gradpen
from gradpen.cli import main
from gradpen.data.recognise import open_source
from gradpen.data.source import gather, spread_out
from gradpen.looking.diagnosis import diagnose
from gradpen.looking.left_out import LeftOut, left_out
from gradpen.looking.loop import source_of
from gradpen.looking.symptoms import Symptoms, squeezed
from gradpen.looking.verdict_pages import in_a_line
from gradpen.looking.wiring import Wiring
from gradpen.runs.trained import Run
from gradpen.settings import configure, from_dict, parse_override, to_dict
from gradpen.text import printable

MARKS = tuple(range(100, 1_100, 100))


def row(iteration: int, **measures: float) -> dict[str, float]:
    return {
        "iteration": iteration,
        "critic_gap_train": 1.0,
        "critic_gap_train_error": 0.02,
        "critic_gap_held_out": 0.97,
        "critic_gap_held_out_error": 0.03,
        "slope_mean": 0.95,
        "frechet_distance": 2.0,
    } | measures


def healthy(preset: str = "wgan-gp-digits", settings: dict[str, Any] | None = None, **changes: Any) -> Symptoms:
    """A run that shows nothing, with changes."""
    return dataclasses.replace(
        Symptoms(
            config=to_dict(configure(preset, settings=settings)),
            rows=[row(0, frechet_distance=30.0), *map(row, MARKS)],
            state="finished",
            iteration=1_000,
            iterations=1_000,
            train_images=1_000,
            distinct=1_000,
            spread=6.0,
            measures={
                "frechet": 2.0,
                "real_frechet": 1.7,
                "samples": 4.0,
                "floor": 3.5,
                "diversity": 6.0,
                "real_diversity": 6.1,
                "coverage": 0.9,
                "real_coverage": 0.95,
            },
            copies={"samples": 30.0, "held_out": 30.5, "real": 18.0, "copied": 0.0},
        ),
        **changes,
    )


def rows(**measures: float) -> list[dict[str, float]]:
    return [row(0), *(row(iteration, **measures) for iteration in MARKS)]


def leaping(penalty: float, usual: float = 0.01, times: int = 2) -> list[dict[str, float]]:
    """Rows with a penalty that is much larger at the last of some marks; its weight in the loss is 10, or 1."""
    weight = 1.0 if usual == 0.1 else 10.0
    penalties = [usual] * (len(MARKS) - 2 * times) + [usual, penalty] * times
    return [row(0), *(row(i, penalty=p, critic_loss=weight * p - 1.0) for i, p in zip(MARKS, penalties, strict=True))]


def apart(s: Symptoms, **measures: float) -> Symptoms:
    """Samples that are far from the data."""
    return dataclasses.replace(s, measures=s.measures | {"frechet": 9.0} | measures)


def wired(**changes: Any) -> Wiring:
    """How networks hang together, with changes."""
    whole: dict[str, Any] = {"at_rest": (), "weights": 8, "batch_norm": "", "lowest": -1.0, "highest": 1.0}
    return Wiring(**whole | changes)


NOISY = {"objective": {"name": "non-saturating", "flip": 0.45}, "constraint": "none"}
GAN = {"objective": "minimax", "constraint": "none", "critic_steps": 1}
LABELLED = {"generator.labels": "concatenate", "critic.labels": "planes"}
CLASSIFIED = {"generator.labels": "concatenate", "critic.labels": "classify", "class_loss.generator_weight": 0.01}
CLIPPED = {"objective": "wasserstein", "constraint": "weight-clipping"}
SHOWN: list[tuple[str, Symptoms, str]] = [
    ("healthy", healthy(), "2 before"),
    (
        "still improving",
        healthy(rows=[row(i, frechet_distance=30 - i / 50) for i in MARKS]),
        "Fréchet distance in features 10",
    ),
    ("too early to say", healthy(rows=[row(100)]), "1 rows"),
    ("too early to say", apart(healthy(rows=rows()[:5])), "4 marks"),
    ("healthy", healthy(rows=rows()[:5]), "4 marks"),
    ("diverged", healthy(state="diverged", iteration=37), "iteration 37"),
    ("data unfit", healthy(distinct=12), "12 different"),
    ("data unfit", healthy(distinct=300), "300 of 1,000"),
    ("data unfit", healthy(spread=0.0), "mean distance"),
    ("condition ignored", healthy(settings=LABELLED, label_change=0.02), "2%"),
    ("condition ignored", healthy(settings=CLASSIFIED, label_change=0.02), "2%"),
    ("critic unconstrained", healthy(rows=rows(slope_mean=40.0)), "since"),
    ("exploding gradients", healthy(settings=CLIPPED, rows=rows(slope_mean=40.0)), "mean slope 40"),
    ("vanishing gradients", healthy(settings=CLIPPED, rows=rows(slope_mean=1e-5)), "mean slope 1e-05"),
    ("too early to say", apart(healthy(rows=[row(i, frechet_distance=5 + i / 1000) for i in MARKS[:7]])), "7 marks"),
    ("critic too weak", apart(healthy(rows=rows(critic_gap_held_out=0.01))), "0.01 ± 0.03"),
    ("critic too weak", apart(healthy(rows=rows(critic_gap_held_out=0.1, distance=7.0))), "1.5% as far apart"),
    (
        "critic too weak",
        apart(healthy(rows=rows(critic_gap_held_out=0.0, critic_gap_held_out_error=0.0, slope_mean=0.2))),
        "critic gap 0 ± 0",
    ),
    ("vanishing gradients", apart(healthy(settings=CLIPPED, rows=rows(slope_mean=0.004))), "mean slope 0.004"),
    (
        "getting worse",
        apart(healthy(rows=[row(i, frechet_distance=5 + i / 1000) for i in MARKS])),
        "Fréchet distance in features 5.8 at the last 3 marks, 5.1 before",
    ),
    (
        "overfitting critic",
        healthy(rows=rows(critic_gap_train=1.14, critic_gap_train_error=0.04, critic_gap_held_out_error=0.04)),
        "6 marks long",
    ),
    ("collapsed", apart(healthy(settings=GAN, rows=rows(accuracy=1.0)), diversity=0.01), "0%"),
    ("critic too weak", healthy(settings={"constraint.weight": 1000}, rows=rows(penalty=3.0)), "3 times"),
    ("critic too weak", apart(healthy(settings=GAN, rows=rows(accuracy=0.5))), "accuracy 50.0%"),
    ("critic too strong", apart(healthy(settings=GAN, rows=rows(accuracy=1.0))), "accuracy 100.0%"),
    ("generator not learning", apart(healthy(rows=rows()), coverage=0.02), "2%"),
    ("collapsed", apart(healthy(rows=[row(i, frechet_distance=30 - i / 50) for i in MARKS]), diversity=1.0), "16%"),
    (
        "collapsed",
        apart(healthy(left_out=LeftOut(["2", "4"], 10, "classes")), diversity=1.0),
        "hardly one shows 2 of 10 classes: 2, 4",
    ),
    (
        "collapsed",
        apart(healthy(rows=[row(i, diversity=6.0 if i < 300 else 1.0) for i in MARKS]), diversity=1.0),
        "(below 50%) since",
    ),
    (
        "modes missing",
        healthy(left_out=LeftOut(["(2, 0)", "(0, 2)"], 8, "modes")),
        "hardly a sample shows 2 of 8 modes: (2, 0), (0, 2)",
    ),
    ("healthy", healthy(left_out=LeftOut([], 8, "modes")), "2 before"),
    (
        "modes missing",
        dataclasses.replace(healthy(), measures=healthy().measures | {"coverage": 0.2}),
        "coverage 21%",
    ),
    ("memorising", healthy(copies={"samples": 3.0, "held_out": 30.0, "real": 18.0, "copied": 0.9}), "10%"),
    ("overfitting critic", healthy(rows=rows(critic_gap_train=3.0)), "3 on training"),
    (
        "penalty violated",
        healthy(rows=rows(slope_mean=4.0)),
        "mean slope 4 between data and samples (expected within 0.3",
    ),
    ("penalty violated", healthy(rows=rows(slope_mean=0.1)), "since"),
    (
        "critic unsteady",
        healthy(rows=leaping(8.5)),
        "penalty 8.5 in the batch of iteration 1,000 (at most 4), median 0",
    ),
    (
        "critic unsteady",
        healthy(rows=leaping(85.0, usual=0.1), wiring=wired()),
        "penalty 8.5 in the batch of iteration 1,000 (at most 4), median 0.01",
    ),
    (
        "critic upside down",
        apart(healthy(rows=rows(critic_gap_train=-4.0, critic_gap_held_out=-4.0, distance=7.0))),
        "critic gap -4 ± 0.02",
    ),
    ("critic upside down", apart(healthy(settings=GAN, rows=rows(accuracy=0.04))), "should be above 0"),
    ("critic too weak", healthy(settings=NOISY), "0.1 apart on average, of 1 without noise"),
    ("data unfit", healthy(classes={"cat": 0, "dog": 500, "eel": 500}), "no image of class cat"),
    ("data unfit", healthy(classes={"cat": 3, "dog": 500, "eel": 500}), "3 training images of class cat"),
    ("class missing", healthy(classes={str(n): 99 for n in range(10) if n != 7}), "classes from 0 to 9, no image of 7"),
    (
        "labels not followed",
        healthy(settings=LABELLED, label_change=1.2, agreement={"samples": 0.11, "held_out": 0.97, "chance": 0.1}),
        "in 11% of samples and 97% of held-out images, by chance in 10%",
    ),
    (
        "generator moving away",
        apart(healthy(rows=[row(0, frechet_distance=8.0), *(row(i, frechet_distance=20.0) for i in MARKS)])),
        "Fréchet distance in features 20 at the last 3 marks, 8 untrained",
    ),
    (
        "other than watched",
        apart(
            healthy(
                wiring=wired(),
                rows=rows(critic_loss=-2.5, penalty=0.02, distance=7.0, critic_gap_train=0.1, critic_gap_held_out=0.1),
            )
        ),
        "critic gap 2.5 by the loop's losses, and 0.1 ± 0.02 on what is watched (medians of the last 3 looks)",
    ),
    (
        "critic upside down",
        apart(
            healthy(
                wiring=wired(),
                rows=rows(critic_loss=-2.5, distance=7.0, critic_gap_train=-2.4, critic_gap_held_out=-2.4),
            )
        ),
        "critic gap -2.4 ± 0.02",
    ),
    ("too few latents", apart(healthy(settings={"generator.latent_dim": 1}, numbers=64)), "1 latents (at least 3)"),
    ("data unfit", healthy(squeezed=(2, 6)), "98% of the values within 2% of the range in column 2, 6"),
    (
        "labels tell nothing",
        healthy(
            settings=LABELLED,
            label_change=1.2,
            agreement={"samples": 0.1, "held_out": 0.12, "chance": 0.1, "by_chance": 0.1, "asked": 400.0},
        ),
        "in 12.0% of 400, by chance in 10.0%",
    ),
    (
        "vanishing gradients",
        apart(healthy(settings=GAN, rows=rows(slope_mean=1e-6, accuracy=0.5))),
        "mean slope 1e-06 (below 0.0001)",
    ),
    ("weights at rest", apart(healthy(wiring=wired(stopped=("critic: 1.weight",)))), "1 of 8 matrices and filters"),
    (
        "weights at rest",
        apart(healthy(wiring=wired(moved={"generator": 0.02, "critic": 0.9}), rows=rows(frechet_distance=20.0))),
        "the weights of the generator have moved by 0.02 of their size",
    ),
    (
        "weights shrinking",
        healthy(wiring=wired(size={"generator": 0.1, "critic": 0.9})),
        "the weights of the generator have 0.1 of the size",
    ),
    (
        "weights made anew",
        apart(healthy(wiring=wired(likeness={"generator": 0.97, "critic": 0.05}))),
        "cosine 0.05 of the weights of the critic",
    ),
    (
        "other than watched",
        apart(healthy(settings=GAN, wiring=wired(), rows=rows(critic_loss=0.01, distance=7.0, accuracy=0.5))),
        "critic loss 0.01 in the loop (0.7 or 1.4 where it guesses), and accuracy 50% on what is watched",
    ),
    (
        "gradients piling up",
        apart(healthy(wiring=wired(), rows=[row(i, generator_gradient_norm=100.0 + i) for i in (0, *MARKS)])),
        "gradients of the generator from 600 to 1.1e+03 over 6 looks",
    ),
    ("critic sees a part", healthy(wiring=wired(unseen=0.5)), "50% of the numbers of an example"),
    ("data unfit", healthy(widths=9_000.0), "9000 times as far as the narrowest"),
    ("too much dropout", healthy(wiring=wired(dropout=0.9)), "a share of 0.9"),
    ("weights at rest", healthy(wiring=wired(at_rest=("generator: 0.weight",))), "1 of 8 matrices and filters"),
    ("batch norm under a penalty", healthy(wiring=wired(batch_norm="layers.2")), "layer layers.2 is batch norm"),
    (
        "range out of reach",
        healthy(wiring=wired(lowest=0.0), beyond=0.6),
        "between 0 and 1 whatever the weights, and 60%",
    ),
]
WELL: list[Symptoms] = [
    healthy(settings=CLIPPED, rows=rows(slope_mean=0.004)),
    healthy(rows=rows()[:6] + rows(critic_gap_train=1.14)[6:]),
    healthy(rows=rows(slope_mean=0.1), settings={"constraint.one_sided": True}),
    healthy(rows=rows(slope_mean=4.0), settings={"constraint.weight": 0.1}),
    healthy(rows=leaping(3.5)),
    healthy(rows=leaping(8.5, times=1)),
    healthy(rows=leaping(8.5, usual=5.0)),
    healthy(rows=leaping(8.5), settings={"constraint.weight": 0.1}),
    healthy(rows=leaping(8.5), settings={"constraint.target": 0}),
    healthy(rows=leaping(35.0, usual=0.1), wiring=wired()),
    healthy(rows=rows(slope_mean=4.0), settings={"constraint.where": "real"}),
    healthy(classes={"1": 99, "2": 99, "5": 99}),
    healthy(classes={"cat": 99, "dog": 30}),
    healthy(classes={str(n): 99 for n in range(10) if n != 7}, settings={"data.only": ["0", "1"]}),
    healthy(label_change=1.2, agreement={"samples": 0.9, "held_out": 0.97, "chance": 0.1}),
    healthy(label_change=1.2, agreement={"samples": 0.1, "held_out": 0.15, "chance": 0.1}),
    healthy(wiring=wired(), beyond=0.0),
    healthy(wiring=wired(stopped=("critic: 1.weight",), moved={"generator": 0.02}, dropout=0.5)),
    healthy(wiring=wired(size={"critic": 0.1}, unseen=0.1), settings=CLIPPED, widths=30.0),
    apart(healthy(rows=[row(i, generator_gradient_norm=100.0 + i) for i in (0, *MARKS)])),
    apart(healthy(rows=[row(0, frechet_distance=200.0), *(row(i, frechet_distance=5 + i / 1_000) for i in MARKS)])),
    healthy(wiring=wired(), rows=rows(critic_loss=-2.5, penalty=0.02, distance=7.0)),
    healthy(settings={"generator.latent_dim": 1}, numbers=2),
    apart(
        healthy(
            rows=[
                row(0, frechet_distance=200.0),
                *rows(critic_gap_train=0.01, critic_gap_held_out=0.01, distance=7)[1:],
            ]
        )
    ),
    apart(healthy(rows=[row(0, frechet_distance=200.0), *rows()[1:]]), coverage=0.02),
    apart(healthy(wiring=wired(), rows=[row(0, diversity=1.0, frechet_distance=2.2), *rows()[1:]]), diversity=1.0),
    *(
        healthy(
            label_change=1.2,
            agreement={"samples": 0.9, "held_out": told, "chance": 0.5, "by_chance": chance, "asked": asked},
        )
        for told, chance, asked in ((0.6, 0.5, 400.0), (0.54, 0.5, 200.0), (0.985, 0.98, 1_000.0), (0.12, 0.1, 60.0))
    ),
    healthy(wiring=wired(), rows=rows(critic_loss=-2.5, distance=7.0, critic_gap_train=0.1)),
    healthy(wiring=wired(batch_norm="layers.2"), settings=CLIPPED),
]
"""near what the rules name, and nothing wrong"""


@pytest.mark.parametrize("shown", WELL)
def test_what_is_near_a_rule_and_right_is_well(shown: Symptoms) -> None:
    assert [verdict.name for verdict in diagnose(shown)] == ["healthy"]


@pytest.mark.parametrize(("name", "shown", "words"), SHOWN, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(SHOWN)])
def test_each_verdict_has_its_evidence_and_a_way_out(name: str, shown: Symptoms, words: str) -> None:
    first = diagnose(shown)[0]
    assert first.name == name
    evidence = first.evidence + (" since" if first.since else "")
    assert words in evidence
    assert first.sick == (name not in ("healthy", "still improving", "too early to say"))
    assert not first.sick or first.remedies


@pytest.mark.parametrize(("name", "shown", "words"), SHOWN, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(SHOWN)])
def test_what_is_to_be_changed_can_be_changed(name: str, shown: Symptoms, words: str) -> None:
    """Every remedy's settings make a configuration out of the run's."""
    for verdict in diagnose(shown):
        for remedy in verdict.remedies:
            configure(base=from_dict(shown.config), settings=dict(map(parse_override, remedy.settings)))


@pytest.mark.parametrize(("name", "shown", "words"), SHOWN, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(SHOWN)])
def test_what_is_said_at_the_end_is_not_cut(name: str, shown: Symptoms, words: str) -> None:
    line = in_a_line(diagnose(shown), Path("runs/00001-a-folder-of-photos-wgan-gp"))
    assert printable(line) == line


def test_samples_that_come_nearer_may_leave_out_much_yet() -> None:
    nearing = healthy(rows=[row(i, frechet_distance=30 - i / 50) for i in MARKS])
    covering = dataclasses.replace(nearing, measures=nearing.measures | {"coverage": 0.2})
    assert diagnose(covering)[0].name == "still improving"
    left = dataclasses.replace(covering, left_out=LeftOut(["2"], 10, "classes"))
    assert diagnose(left)[0].name == "modes missing"


def test_a_discriminator_under_a_penalty_may_be_always_right() -> None:
    assert not diagnose(apart(healthy("quick", rows=rows(accuracy=1.0))))[0].sick


def test_a_generator_of_few_marks_may_still_learn() -> None:
    """Its distance halves from mark to mark, but four marks tell no course."""
    young = healthy(
        rows=[row(0, frechet_distance=30.0), *(row(i, frechet_distance=3_000 / i) for i in (100, 200, 400))]
    )
    assert not diagnose(apart(young, coverage=0.02))[0].sick


def test_since_when_is_the_first_mark_of_the_last_stretch() -> None:
    slopes = {100: 19.0, 200: 1.0, 300: 19.0, 400: 19.0}
    shown = healthy(rows=[row(iteration, slope_mean=slope) for iteration, slope in slopes.items()])
    assert diagnose(shown)[0].since == 300
    fewer = [row(i, diversity=6.0 if i < 400 else 1.0) for i in MARKS]
    assert diagnose(apart(healthy(rows=fewer), diversity=1.0))[0].since == 400
    assert diagnose(apart(healthy(rows=rows(diversity=6.0)), diversity=1.0))[0].since is None


class Always(nn.Module):
    """A generator of the same examples in turn."""

    def __init__(self, examples: Tensor) -> None:
        super().__init__()
        self.examples = nn.Parameter(examples, requires_grad=False)

    def forward(self, z: Tensor) -> Tensor:
        return self.examples[torch.arange(len(z)) % len(self.examples)]


def left_out_by(run: Run, keep: Callable[[Tensor, NDArray[Any]], Any]) -> list[str]:
    """Return what a generator of some of the training examples leaves out."""
    source = open_source(run.config.data)
    rows = spread_out(source.train, 1_000)
    examples = gather(source, rows, torch.device("cpu"))
    classes = source.labels.values[rows] if source.labels is not None else np.zeros(len(rows))
    chosen = examples[torch.as_tensor(keep(examples, classes))]
    found = left_out(dataclasses.replace(run, generator=Always(chosen)), source)
    assert found is not None
    return found.names


def test_classes_that_samples_leave_out_are_named(tmp_path: Path) -> None:
    run = gradpen.train(preset="wgan-gp-digits", iterations=1, batch_size=8, out=tmp_path / "run")
    assert left_out_by(run, lambda _, classes: classes >= 0) == []
    assert left_out_by(run, lambda _, classes: (classes != 3) & (classes != 8)) == ["3", "8"]


def test_modes_that_samples_leave_out_are_named(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"generator.widths": [8], "critic.widths": [8]}
    run = gradpen.train(
        "embedded:ring", preset="toy-wgan-gp", iterations=1, batch_size=8, out=tmp_path / "run", **settings
    )
    assert left_out_by(run, lambda points, _: points.flatten(1)[:, 0] < 9) == []
    names = left_out_by(run, lambda points, _: points.flatten(1)[:, 0] < 0.2 * points.max())
    assert names == ["(1, 0)", "(0.707, 0.707)", "(0.707, -0.707)"]


def test_a_generator_that_is_asked_for_labels_leaves_none_out(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"generator.labels": "concatenate", "critic.labels": "planes"}
    run = gradpen.train(preset="wgan-gp-digits", iterations=1, batch_size=8, out=tmp_path / "run", **settings)
    assert left_out(run, open_source(run.config.data)) is None


def columns() -> dict[str, NDArray[np.float32]]:
    numbers = np.random.default_rng(0)
    usual = numbers.normal(size=(2_000, 3))
    marked, rare = usual.copy(), usual.copy()
    marked[::300, 1] = -999
    rare[:, 2] = numbers.integers(1, 4, 2_000) * (numbers.random(2_000) < 0.006)
    return {
        "usual": usual,
        "codes for missing values": marked,
        "rare events": rare,
        "heavy tails": numbers.lognormal(sigma=1.5, size=(2_000, 3)),
        "flattened pictures": load_digits().data / 8 - 1,
    }


@pytest.mark.parametrize(("name", "stretched"), [(name, (2,) if "codes" in name else ()) for name in columns()])
def test_columns_whose_range_few_values_stretch(name: str, stretched: tuple[int, ...]) -> None:
    table = columns()[name]
    scaled = 2 * (table - table.min(0)) / np.maximum(np.ptp(table, axis=0), 1e-9) - 1
    assert squeezed(source_of(scaled.astype(np.float32), None, None, None)) == stretched


def test_a_run_is_judged_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: Callable[..., Any]
) -> None:
    run = gradpen.train(preset="wgan-gp-digits", iterations=6, batch_size=8, out=tmp_path / "run", seed=1)
    code, out, _ = command("diagnose", str(run.path))
    record = json.loads((run.path / "verdict.json").read_text())
    assert record["iteration"] == 6
    assert out.startswith(record["verdicts"][0]["name"])
    assert code == 0
    report = (run.path / "report.html").read_text()
    assert report.index("Verdict at iteration 6") < report.index("In figures")
    code, out, _ = command("diagnose", str(run.path), "--json")
    assert [one["name"] for one in json.loads(out)] == [one["name"] for one in record["verdicts"]]
    assert main(["diagnose", str(tmp_path / "nothing")]) == 2


def test_the_report_escapes_what_a_verdict_file_says(tmp_path: Path, command: Callable[..., Any]) -> None:
    run = gradpen.train(preset="wgan-gp-digits", iterations=2, batch_size=8, out=tmp_path / "run")
    command("diagnose", str(run.path))
    file = run.path / "verdict.json"
    record = json.loads(file.read_text())
    record["verdicts"][0] |= {"name": "<script>alert(1)</script>"}
    file.write_text(json.dumps(record))
    from gradpen.looking.report import publish
    from gradpen.runs.folder import RunFolder

    publish(RunFolder(path=run.path))
    assert "<script>" not in (run.path / "report.html").read_text()
    file.write_text("{")
    publish(RunFolder(path=run.path))
    assert "Verdict at" not in (run.path / "report.html").read_text()
