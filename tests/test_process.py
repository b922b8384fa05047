"""What gradpen takes of the process it runs in, and gives back."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gradpen
from gradpen.errors import UsageError
from gradpen.runs.audience import Audience

QUICK: dict[str, Any] = {"iterations": 3, "batch_size": 8, "threads": 1}


def drawn() -> list[float]:
    """The next numbers of every generator of the process."""
    return [random.random(), float(np.random.random()), float(torch.rand(()))]


@contextmanager
def generators_left_alone() -> Iterator[None]:
    def seed() -> None:
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)

    seed()
    expected = drawn()
    seed()
    yield
    assert drawn() == expected


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gradpen.train(out=tmp_path_factory.mktemp("runs") / "run", audience=silent(), **QUICK).path


def silent() -> Audience:
    return Audience(publish=lambda _: None)


@pytest.mark.parametrize(
    "use",
    [
        lambda run, out: gradpen.train(out=out / "new", audience=silent(), **QUICK),
        lambda run, out: gradpen.train(preset="wgan-gp-digits", minutes=0.01, out=out / "new", audience=silent()),
        lambda run, out: gradpen.load(run).sample(3),
        lambda run, out: gradpen.evaluate(run, count=20, sets=2),
        lambda run, out: gradpen.nearest(run, count=3),
    ],
    ids=["train", "minutes", "sample", "evaluate", "nearest"],
)
def test_a_search_that_trains_goes_on_drawing_new_numbers(
    run: Path, tmp_path: Path, use: Callable[[Path, Path], object]
) -> None:
    with generators_left_alone():
        use(run, tmp_path)


def test_resuming_leaves_generators_alone(tmp_path: Path) -> None:
    path = gradpen.train(preset="wgan-gp-digits", out=tmp_path / "run", audience=silent(), **QUICK).path
    with generators_left_alone():
        gradpen.train(resume=path, iterations=5, audience=silent())


def test_threads_and_allocator_stay_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: pytest.fail("the allocator was set"))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        gradpen.train(out=tmp_path / "run", audience=silent(), **QUICK)
        gradpen.train(preset="wgan-gp-digits", minutes=0.01, out=tmp_path / "fitted", audience=silent())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_two_trainings_at_once_are_refused(tmp_path: Path) -> None:
    """The second is refused with a sentence, and the first gives what it gives alone."""
    refused: list[str] = []

    def second() -> None:
        try:
            gradpen.train(out=tmp_path / "second", audience=silent(), **QUICK)
        except UsageError as error:
            refused.append(str(error))

    def in_the_middle(iteration: int, *_: object) -> None:
        if iteration == 2:
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()

    audience = silent()
    audience.show = in_the_middle
    first = gradpen.train(out=tmp_path / "first", audience=audience, **QUICK)
    assert len(refused) == 1
    assert "another thread of this process is training" in refused[0]
    alone = gradpen.train(out=tmp_path / "alone", audience=silent(), **QUICK)
    assert np.array_equal(first.sample(4), alone.sample(4))


def test_after_a_failure_the_next_training_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_text("")
    with pytest.raises(gradpen.GradpenError, match="used"):
        gradpen.train(out=tmp_path / "used", audience=silent(), **QUICK)
    gradpen.train(out=tmp_path / "new", audience=silent(), **QUICK)
