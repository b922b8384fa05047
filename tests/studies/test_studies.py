"""Studies as a user meets them: listed, done, written, and judged by numbers that can fail."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradpen.cli import main
from gradpen.data.recognise import open_source
from gradpen.data.toys import EIGHT
from gradpen.metrics.classifier import can_classify
from gradpen.settings import configure
from gradpen.studies import (
    activations,
    architectures,
    autoencoder,
    books,
    convergence,
    defects,
    depth,
    estimates,
    language,
    lines,
    mixtures,
    momentum,
    overfitting,
    random_architectures,
    residual,
    stacked_mnist,
    surfaces,
    toys,
    two_gaussians,
    verdicts,
)
from gradpen.studies.catalogue import STUDIES
from gradpen.studies.engine import fingerprint, place_of
from gradpen.studies.scores import class_score
from gradpen.studies.study import SCALES, Criterion, Study, on_data


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
    every = out / "small" / "studies.html"
    assert "Two parallel lines" in every.read_text()
    every.write_text("all of them")
    main(["study", "lines", "--out", str(out), "--jobs", "1", "--json"])
    assert every.read_text() == "all of them", "a study by name leaves the page of all as it is"


def test_of_several_the_end_says_which_do_not_show_what_they_should(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(two_gaussians, "STEPS", 3)
    assert main(["study", "lines", "two-gaussians", "--out", str(tmp_path), "--jobs", "1"]) == 1
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first == "1 of 2 studies show what they should"
    assert second.startswith("not two-gaussians: ")
    assert "(not met: " in second


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
        (["study", "lines", "--data", "book.txt"], "leave out --data"),
        (["study", "all", "--data", "mnist"], "goes with studies by name"),
        (["study", "stacked-mnist"], "needs MNIST: its folder as --data"),
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
    (estimates, "SMALL", {"iterations": 3, "cadence.log_every": 1, "cadence.sample_every": 1}),
    (momentum, "ITERATIONS", {"small": 3, "paper": 3}),
    (architectures, "SMALL", {"iterations": 2, "cadence.log_every": 1, "cadence.sample_every": 1}),
    (random_architectures, "LENGTH", {"small": 4, "paper": 4}),
    (convergence, "LENGTH", {"small": 8, "paper": 8}),
    (activations, "STEPS", {"small": 3, "paper": 3}),
    (defects, "STEPS", {"small": 3, "paper": 3}),
    (language, "LENGTH", {"small": 2, "paper": 2}),
    (overfitting, "LENGTH", {"small": 30, "paper": 30}),
    (mixtures, "ITERATIONS", {"small": 2, "paper": 2}),
    (stacked_mnist, "LENGTH", {"small": 4, "paper": 4}),
    (books, "LENGTH", {"small": 2, "paper": 2}),
    (residual, "LENGTH", {"small": 4, "paper": 4}),
    (autoencoder, "LENGTH", {"small": 4, "paper": 4}),
    (verdicts, "ITERATIONS", {"small": 10, "paper": 10}),
]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_findings_of_one_case_and_of_all(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short runs, so that the criteria may fail; that the whole way from case to page holds is what counts here."""
    for module, name, value in SHORT:
        monkeypatch.setattr(module, name, value)
    if study.needs:
        monkeypatch.setattr(stacked_mnist, "TRIPLES", 600)
        monkeypatch.setattr(stacked_mnist, "SAMPLES", 200)
        some_digits(tmp_path / "mnist")
        monkeypatch.chdir(tmp_path)
    cases = study.cases("small")[:2]
    results = {
        case.name: json.loads(json.dumps(case.work(folder(tmp_path, case.name), **case.arguments))) for case in cases
    }
    for some in (dict(list(results.items())[:1]), results):
        found = study.findings(some, "small")
        assert found.rows
        assert all(len(row) == len(found.columns) for row in found.rows)
        assert found.figures
        assert found.criteria or study is momentum.STUDY  # a report: the paper says "at times"


@pytest.mark.parametrize(("module", "name", "value"), SHORT, ids=lambda part: str(getattr(part, "__name__", ""))[-12:])
def test_a_study_of_another_length_is_worked_on_anew(
    module: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [fingerprint(case) for case in module.STUDY.cases("small")]
    monkeypatch.setattr(module, name, value)
    after = [fingerprint(case) for case in module.STUDY.cases("small")]
    assert not set(before) & set(after)


def some_digits(place: Path) -> None:
    """Write scikit-learn's digits at 28x28 as MNIST's idx files."""
    import numpy as np
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.kron(bunch.images * 15, np.ones((3, 3)))
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    place.mkdir()
    for name, array in (("images-idx3", images), ("labels-idx1", bunch.target.astype(np.uint8))):
        head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        (place / f"train-{name}-ubyte").write_bytes(head + array.tobytes())


def folder(base: Path, name: str) -> Path:
    place = base / name
    place.mkdir()
    return place


@pytest.mark.parametrize("study", [residual.STUDY, convergence.STUDY], ids=lambda study: study.name)
def test_what_is_scored_by_classes_has_some_at_the_papers_scale(study: Study) -> None:
    """CIFAR-10's size, of data with classes, which the user may name in their place."""
    cases = study.cases("paper")
    for case in on_data(study.name, cases, "cifar10"):
        assert Path(case.arguments["settings"]["data.path"]).name == "cifar10"
    for case in cases[:2]:
        config = configure(case.arguments["preset"], settings=case.arguments["settings"])
        source = open_source(config.data)
        assert source.shape[1:] == (32, 32)
        assert can_classify(source)


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


def test_a_study_on_other_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same runs on another text, in folders of their own."""
    from gradpen.data.sentences import sentences

    monkeypatch.setattr(language, "LENGTH", {"small": 2, "paper": 2})
    book = tmp_path / "book.txt"
    book.write_text("\n".join(line.upper() for line in sentences()[:300]))
    main(["study", "language", "--data", str(book), "--out", str(tmp_path / "study"), "--jobs", "1", "--shard", "1/4"])
    place = tmp_path / "study" / "small" / "language"
    (run,) = place.glob("*/run")
    assert json.loads((run / "config.json").read_text())["data"]["path"] == str(book)
    usual = {place_of(case, place) for case in language.STUDY.cases("small")}
    assert run.parent not in usual


def test_watched_steps_know_their_direction() -> None:
    """Plain gradient descent goes with the gradient; a step back goes against it."""
    import torch

    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    descent = torch.optim.SGD([weight], lr=0.1)
    with momentum.watched(descent) as watch:
        for sign in (1.0, -1.0):
            descent.param_groups[0]["lr"] = 0.1
            weight.grad = torch.tensor([1.0, 2.0])
            descent.step()
            descent.param_groups[0]["maximize"] = sign > 0
    assert watch.cosines == pytest.approx([1.0, -1.0])
    weight.grad = torch.tensor([1.0, 2.0])
    descent.step()
    assert len(watch.cosines) == 2


def test_a_run_halfway_to_the_data() -> None:
    from gradpen.studies.runs import progress_made

    rows = [{"iteration": 0, "distance": 9.0}, {"iteration": 5, "distance": 5.0}]
    distances = {"distance": {"mean": 5.0}, "floor": {"mean": 1.0}}
    assert progress_made({"rows": rows, "distances": distances, "diverged": False}) == 0.5
    assert math.isnan(progress_made({"rows": rows, "distances": {}, "diverged": True}))


@pytest.mark.parametrize("form", list(defects.FORMS))
def test_wrong_penalties_are_wrong_as_they_say(form: str) -> None:
    """On a critic that is linear with slope 2, in which every pixel has the same part."""
    import torch

    real, fake = torch.randn(16, 1, 8, 8), torch.randn(16, 1, 8, 8)
    weight = torch.full((64,), 2 / 8, requires_grad=True)

    def score(images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = images.flatten(1) @ weight
        return scores

    value = defects.Wrong(name=form).penalty(score, real, fake)
    expected = {
        "norm over the channels alone": 10 * (1 / 4 - 1) ** 2,
        "norm over the rows alone": 10 * (8**0.5 / 4 - 1) ** 2,
        "one norm for the batch": 10 * (4 * 2 - 1) ** 2,
        "target 0 in place of 1": 10 * 4,
        "weight squared": 100,
        "never added to the loss": 0,
    }.get(form, 10 * (2 - 1) ** 2)
    assert value.item() == pytest.approx(expected, rel=1e-5)
    assert value.requires_grad == (form not in ("never added to the loss", "not differentiated again"))


def test_points_of_wrong_penalties() -> None:
    import torch

    torch.manual_seed(0)
    real, fake = torch.ones(4, 1, 8, 8), torch.zeros(4, 1, 8, 8)
    spread = {form: defects.points_of(form, real, fake) for form in defects.FORMS}
    right = spread[defects.RIGHT]
    assert torch.equal(right, right[:, :, :1, :1].expand_as(right))
    assert len(right[:, 0, 0, 0].unique()) == 4
    assert len(spread["one share for the batch"].unique()) == 1
    assert len(spread["a share for every pixel"].unique()) > 200
    assert torch.equal(spread["at the data alone"], real)
    normal = defects.points_of("share drawn from a normal distribution", real.expand(4, 1, 8, 8), fake)
    assert len(normal.flatten(1).unique(dim=1).flatten()) == 4


def test_architectures_are_drawn_always_the_same_and_differ() -> None:
    drawn = [random_architectures.settings_drawn(number, "paper") for number in range(200)]
    assert drawn[:3] == [random_architectures.settings_drawn(number, "paper") for number in range(3)]
    assert len({tuple(one.values()) for one in drawn}) > 190
    for name, values in (("depth_critic", {4, 8, 12, 20}), ("width_generator", {32, 64, 128})):
        assert {one[name] for one in drawn} == values


def test_the_class_score_of_sure_and_unsure_readers() -> None:
    import torch

    from gradpen.metrics.classifier import Classifier

    class Reader(torch.nn.Sequential):
        pass

    sure = torch.nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        sure.weight.copy_(50 * torch.eye(4))
    images = torch.eye(4).reshape(4, 1, 2, 2)
    reader = Classifier(network=Reader(torch.nn.Flatten(), sure), names=tuple("abcd"), accuracy=1.0, tested=4)
    assert class_score(reader, images) == pytest.approx(4, rel=1e-4)
    assert class_score(reader, images[:1].expand(4, 1, 2, 2)) == pytest.approx(1)


def test_running_medians_and_means_with_errors() -> None:
    assert estimates.smoothed([1.0, 2.0, 30.0, 4.0, 5.0, 6.0]) == [2.0, 3.0, 4.0, 5.0, 5.5, 5.0]
    assert momentum.roughness([2.0, 2.0]) == 0


@pytest.mark.parametrize("form", list(defects.FORMS))
def test_every_wrong_penalty_trains_a_critic(form: str, tmp_path: Path) -> None:
    found = defects.train(tmp_path, form, 0, 2)
    assert all(math.isfinite(value) for value in found.values())


def test_triples_of_digits_are_read_and_counted() -> None:
    import numpy as np
    import torch

    from gradpen.metrics.classifier import Classifier

    class Level(torch.nn.Module):
        """Read the grey level of the first pixel as a digit."""

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return -(features[:, :1] * 127.5 + 127.5 - 20 * torch.arange(10)).abs()

    levels = (20 * np.arange(10)).astype(np.uint8)
    digits = np.tile(levels[:, None, None], (1, 28, 28))
    reader = Classifier(
        network=torch.nn.Sequential(torch.nn.Flatten(), Level()), names=tuple("0123456789"), accuracy=1.0, tested=10
    )
    images = digits[np.array([[1, 2, 3], [9, 0, 4]])].transpose(0, 2, 3, 1)
    assert stacked_mnist.read_triples(reader, images).tolist() == [123, 904]
    triples = stacked_mnist.triples_of(digits, 0)
    assert triples.shape == (stacked_mnist.TRIPLES, 28, 28, 3)
    assert len({tuple(image[0, 0]) for image in triples[:2000]}) > 800
    modes, kl = stacked_mnist.coverage(np.array([5, 5, 7, 7]))
    assert (modes, round(kl, 6)) == (2, round(math.log(500), 6))
