"""A classifier of the data's classes: trained once, kept, and what it says of samples."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

import gradpen
from conftest import Outcome
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, gather, label_vectors
from gradpen.metrics.classes import label_consistency
from gradpen.metrics.classifier import Classifier, can_classify, class_distance, classifier_of
from gradpen.metrics.sets import frechet_distance

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> Source:
    return open_source(DataChoice())


@pytest.fixture(scope="module")
def classifier(digits: Source, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADPEN_CACHE", str(tmp_path_factory.mktemp("classifiers")))
        return classifier_of(digits)


def images_of(source: Source, rows: np.ndarray) -> Tensor:
    return gather(source, rows, CPU)


def test_it_reads_images_it_was_not_trained_on(digits: Source, classifier: Classifier) -> None:
    assert digits.labels is not None
    read = classifier.read(images_of(digits, digits.held_out)).numpy()
    right = float((read == digits.labels.values[digits.held_out]).mean())
    assert right == pytest.approx(classifier.accuracy)
    assert right > 0.93
    assert classifier.tested == len(digits.held_out)


def test_it_orders_a_ladder_of_damage(digits: Source, classifier: Classifier) -> None:
    """Real < a tenth blurred < noise < one class missing < one class only; and untrained far away."""
    assert digits.labels is not None
    classes, chance = digits.labels.values[digits.train], torch.Generator().manual_seed(0)
    n = len(digits.held_out)
    real, missing, only = (
        images_of(digits, digits.train[mask][:n]) for mask in (classes >= 0, classes != 0, classes == 0)
    )
    rungs = [
        real,
        torch.cat([avg_pool2d(pad(real[: n // 10], (1, 1, 1, 1), mode="replicate"), 3, 1), real[n // 10 :]]),
        (real + 0.5 * torch.randn(real.shape, generator=chance)).clamp(-1, 1),
        missing,
        only,
    ]
    untrained = torch.tanh(0.1 * torch.randn(real.shape, generator=chance))
    reference = classifier.features(images_of(digits, digits.held_out))
    found = [frechet_distance(reference, classifier.features(images)) for images in rungs]
    assert found == sorted(found)
    # An untrained generator is far away too, but need not be farther than one class: both are hardly ever seen.
    assert frechet_distance(reference, classifier.features(untrained)) > 5 * found[3]
    shares = classifier.shares(images_of(digits, digits.held_out))
    to = [class_distance(classifier.shares(images), shares) for images in (real, missing, only)]
    assert to[0] < to[1] < 0.25
    assert to[2] > 0.8


def test_label_consistency(digits: Source, classifier: Classifier) -> None:
    """Real images asked for by their own label are read as often as any; by the next class's, hardly ever."""
    rows = digits.held_out
    images, asked = images_of(digits, rows), label_vectors(digits, rows)
    right = label_consistency(classifier, [images, images], asked)
    assert right["label_consistency"].mean == pytest.approx(classifier.accuracy)
    assert right["label_consistency"].n == len(rows)
    assert right["real_label_consistency"].mean == classifier.accuracy
    assert label_consistency(classifier, [images, images], asked.roll(1, 1))["label_consistency"].mean < 0.05


def test_it_is_trained_once_in_one_way(
    digits: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classifier: Classifier
) -> None:
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path))
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    said: list[str] = []
    images = images_of(digits, digits.held_out)
    first = classifier_of(digits, said.append)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(first.features(images), classifier.features(images))
    again = classifier_of(digits, said.append)
    assert said == ["training a classifier of the 10 classes on 1,618 images; it is kept"]
    assert (again.accuracy, again.tested) == (first.accuracy, first.tested)
    assert torch.equal(again.features(images), first.features(images))
    (file,) = (tmp_path / "classifiers").iterdir()
    file.write_bytes(file.read_bytes()[:5000])
    assert torch.equal(classifier_of(digits, said.append).features(images), first.features(images))
    assert len(said) == 2


def test_where_it_cannot_be_kept_it_is_used_all_the_same(
    digits: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GRADPEN_CACHE", str(tmp_path / "file"))
    assert classifier_of(digits).accuracy > 0.9


def test_data_that_cannot_be_classified(digits: Source) -> None:
    assert digits.labels is not None
    assert can_classify(digits)
    assert not can_classify(replace(digits, labels=None))
    assert not can_classify(replace(digits, labels=replace(digits.labels, kind="attributes")))
    assert not can_classify(replace(digits, train=digits.train[:60]))
    assert not can_classify(replace(digits, images=digits.images[:, :, :6]))


def test_large_images_are_made_smaller(classifier: Classifier) -> None:
    images = torch.rand(3, 1, 64, 64) * 2 - 1
    halves = avg_pool2d(images, 2)
    assert torch.allclose(classifier.features(images), classifier.features(halves), atol=1e-5)


def test_evaluate_says_what_it_reads(tmp_path: Path, command: Callable[..., Outcome]) -> None:
    run = gradpen.train(preset="cgan-mnist", reduced=True, iterations=2, size=(8, 8), out=tmp_path / "run")
    code, out, err = command("evaluate", run.path, "--count=50", "--sets=2", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert 0 <= found["label_consistency"]["mean"] < 0.6
    assert found["real_label_consistency"]["n"] == 179
    assert found["class_frechet"]["mean"] > found["real_class_frechet"]["mean"]
    assert "label_consistency" in command("evaluate", run.path, "--count=50", "--sets=2")[1]
    without = json.loads(command("evaluate", run.path, "--count=50", "--sets=2", "--json", "--no-classes")[1])
    assert sorted(set(found) - set(without)) == [
        "class_frechet",
        "class_shares",
        "label_consistency",
        "real_class_frechet",
        "real_class_shares",
        "real_label_consistency",
    ]


def test_images_from_anywhere(digits: Source) -> None:
    pixels = np.array(digits.images[digits.train[:300], 0])
    found = gradpen.evaluate(pixels, "embedded:digits", count=100, sets=2)
    assert found["class_frechet"].mean == pytest.approx(found["real_class_frechet"].mean, rel=0.5)
    assert "label_consistency" not in found
