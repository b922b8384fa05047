"""Studies as a user meets them: listed, done, written, and judged by numbers that can fail."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradpen.cli import main
from gradpen.data.toys import EIGHT
from gradpen.studies import depth, lines, surfaces, toys, two_gaussians
from gradpen.studies.catalogue import STUDIES
from gradpen.studies.engine import fingerprint, place_of
from gradpen.studies.study import SCALES, Criterion, Study


def test_lines_leave_everything_that_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "study"
    assert main(["study", "lines", "--out", str(out), "--jobs", "1"]) == 0
    printed = capsys.readouterr()
    assert "| -0.5 | 0.5 | 0.5 |" in printed.out
    assert "1 of 1: lines" in printed.err
    place = out / "small" / "lines"
    assert {file.name for file in place.iterdir() if file.is_file()} == {
        "figure-1.png",
        "figure-1.svg",
        "study.html",
        "study.json",
        "table.csv",
    }
    record = json.loads((place / "study.json").read_text())
    assert record["missing"] == 0
    assert all(one["met"] for one in record["criteria"])
    with (place / "table.csv").open() as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + len(lines.SHIFTS)
    assert "http" not in (place / "study.html").read_text().replace("http-equiv", "")
    before = (place / "study.json").read_bytes()
    assert main(["study", "lines", "--out", str(out), "--jobs", "1", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)[0]["study"] == "lines"
    assert "of 1" not in printed.err
    assert (place / "study.json").read_bytes() == before
    assert "Two parallel lines" in (out / "small" / "studies.html").read_text()


def test_the_list_says_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "--list"]) == 0
    words = capsys.readouterr().out
    for study in STUDIES:
        assert f"{study.name}\n    {study.title}" in words
    assert main(["study", "--list", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == [study.name for study in STUDIES]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["study"], "name a study, or all"),
        (["study", "linse"], "did you mean 'lines'"),
        (["study", "lines", "--jobs", "0"], "at least 1 is needed"),
        (["study", "lines", "--jobs", "1", "--out", "/proc/study"], "/proc/study cannot be written"),
        (["study", "lines", "--shard", "3/2"], "--shard 3/2: expected a part and their number"),
    ],
)
def test_mistakes_are_sentences(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert says in capsys.readouterr().err


def test_a_part_of_a_study_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_gaussians, "STEPS", 3)
    arguments = ["study", "two-gaussians", "--out", str(tmp_path), "--jobs", "1"]
    assert main([*arguments, "--shard", "1/2"]) == 1
    page = tmp_path / "small" / "two-gaussians" / "study.html"
    assert "4 of its cases are not finished" in page.read_text()
    assert main([*arguments, "--shard", "2/2"]) == 1  # three steps train nothing, so criteria are not met
    assert "not finished" not in page.read_text()


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_cases_have_names_of_their_own_and_are_told_as_json(study: Study) -> None:
    for scale in SCALES:
        cases = study.cases(scale)
        assert len({case.name for case in cases}) == len(cases)
        assert all(json.loads(json.dumps(case.arguments)) == case.arguments for case in cases)
        assert len({place_of(case, Path()) for case in cases}) == len(cases)


SHORT: list[tuple[Any, str, Any]] = [
    (surfaces, "SIZES", {"small": (8, 3, 1e-3), "paper": (8, 3, 1e-3)}),
    (depth, "STEPS", {"small": (2, 3), "paper": (2, 3)}),
    (two_gaussians, "STEPS", 3),
    (toys, "SMALL", {"iterations": 3, "generator.widths": [8], "critic.widths": [8]}),
]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_findings_of_one_case_and_of_all(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short runs, so that the criteria may fail; that the whole way from case to page holds is what counts here."""
    for module, name, value in SHORT:
        monkeypatch.setattr(module, name, value)
    cases = study.cases("small")[:2]
    results = {
        case.name: json.loads(json.dumps(case.work(folder(tmp_path, case.name), **case.arguments))) for case in cases
    }
    for some in (dict(list(results.items())[:1]), results):
        found = study.findings(some, "small")
        assert found.rows
        assert all(len(row) == len(found.columns) for row in found.rows)
        assert found.figures
        assert found.criteria


@pytest.mark.parametrize(("module", "name", "value"), SHORT, ids=lambda part: str(getattr(part, "__name__", ""))[-12:])
def test_a_study_of_another_length_is_worked_on_anew(
    module: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [fingerprint(case) for case in module.STUDY.cases("small")]
    monkeypatch.setattr(module, name, value)
    after = [fingerprint(case) for case in module.STUDY.cases("small")]
    assert not set(before) & set(after)


def folder(base: Path, name: str) -> Path:
    place = base / name
    place.mkdir()
    return place


def test_a_criterion_without_a_number_is_not_met() -> None:
    assert not Criterion(words="x", value=math.nan, bound=1).met
    assert not Criterion(words="x", value=math.nan, bound=1, at_least=False).met
    assert Criterion(words="x", value=1, bound=1).met
    assert not Criterion(words="x", value=1.01, bound=1, at_least=False).met


@pytest.mark.parametrize(
    ("norms", "decades"), [([1e-3, 1e-2, 1e-1], -1.0), ([4.0, 4.0, 4.0], 0.0), ([1e4, 1e2, 1.0], 2.0)]
)
def test_decades_are_counted_backwards(norms: list[float], decades: float) -> None:
    assert depth.decades_a_layer(norms) == pytest.approx(decades)


def test_gradients_of_linear_layers_are_their_products() -> None:
    """A critic whose weights are all w and inputs positive multiplies a gradient by width times w in each layer."""
    import torch

    from gradpen.studies.critics import perceptron

    critic = perceptron(2, 4, 3)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.fill_(0.5 if parameter.dim() == 2 else 0.0)
    real, fake = torch.ones(3, 2), 2 * torch.ones(3, 2)
    norms = depth.gradient_norms(critic, real, fake)
    assert norms[1] / norms[2] == pytest.approx(4 * 0.5)
    assert norms[0] / norms[1] == pytest.approx(4 * 0.5)
    assert norms[2] == pytest.approx(math.sqrt(6 * 4 * (0.5 / 3) ** 2))


def test_contrast_of_known_critics() -> None:
    """A cone about one mode has its rise; a critic of the radius alone has none on the circle."""
    import torch

    class Radius(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            norms: torch.Tensor = x.norm(dim=1)
            return -norms

    class Nearest(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            centres = torch.from_numpy(EIGHT.centres).float()
            return -torch.cdist(x, centres).min(dim=1).values

    assert surfaces.contrast(Radius(), 1.0) == pytest.approx(0, abs=1e-6)
    assert surfaces.contrast(Nearest(), 1.0) == pytest.approx(1, abs=1e-5)


def test_divergence_of_known_histograms() -> None:
    import numpy as np

    check: Callable[[Any, Any], float] = lines.jensen_shannon
    assert check(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert check(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(
        0.5 * math.log(1 / 0.75) + 0.5 * (0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25))
    )
