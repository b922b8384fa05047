"""Comparisons: equal budget, refused and diverged cells in the table, going on after an interruption."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import gradpen
import gradpen.studies.compare
import gradpen.studies.runs
from gradpen.cli import main
from gradpen.errors import DataError, RunError
from gradpen.lipschitz import CONSTRAINT_FORMS
from gradpen.looking.pictures import save_rows
from gradpen.machine.signals import Interrupt
from gradpen.runs.folder import RunFolder, locked
from gradpen.studies.compare import OBJECTIVE_NAMES, compare, grid_cells, parse_cell, table
from gradpen.studies.engine import Outcome, Shard
from gradpen.studies.runs import run_in

COMMON: dict[str, Any] = {"iterations": 3, "batch_size": 16, "critic_steps": 1, "threads": 1}


def silent(_: str) -> None:
    """Say nothing."""


def test_every_objective_and_every_constraint_trains(tmp_path: Path) -> None:
    """A cross through the grid; that every cell has finite losses and gradients is a contract of its own."""
    cells = grid_cells("wgan-gp-digits", OBJECTIVE_NAMES, ["gradient-penalty"], COMMON)
    cells += grid_cells(
        "wgan-gp-digits", ["hinge"], [name for name in CONSTRAINT_FORMS if name != "gradient-penalty"], COMMON
    )
    results = compare(cells, 1, tmp_path)
    assert len(results) == 17
    assert [result.failures for result in results] == [[]] * 17
    assert all(len(result.distances) == 1 and result.n == 179 for result in results)


def test_refused_and_diverged_cells_say_why(tmp_path: Path) -> None:
    narrow = COMMON | {"generator.width": 4, "critic.width": 4}
    cells = [
        parse_cell("wgan-gp", narrow),
        parse_cell("wgan-gp,critic.norm=batch", narrow),
        parse_cell("wgan-gp,critic_optimizer.learning_rate=1e30", narrow),
    ]
    good, refused, diverged = compare(cells, 2, tmp_path)
    assert len(good.distances) == 2
    assert good.failures == []
    assert refused.distances == diverged.distances == []
    assert "BatchNorm2d" in refused.failures[0]
    assert len(refused.failures) == 1
    assert "infinite or NaN" in diverged.failures[1]
    text = (tmp_path / "compare.md").read_text()
    assert text == table([good, refused, diverged])
    assert len(text.splitlines()) == 5
    assert len(json.loads((tmp_path / "compare.json").read_text())) == 3
    with Image.open(tmp_path / "compare.png") as picture:
        assert picture.size[0] > 500


def test_samples_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each cell that finished, of the same latents; none for one that failed."""
    rows: list[tuple[str, Any]] = []

    def kept(given: list[tuple[str, Any]], out: Path) -> None:
        rows[:] = given
        save_rows(given, out)

    monkeypatch.setattr(gradpen.studies.compare, "save_rows", kept)
    narrow = COMMON | {"generator.width": 4, "critic.width": 4}
    failing = "wgan-gp,critic_optimizer.learning_rate=1e30"
    names = (failing, "wgan-gp", "wgan-gp,generator.way=upsample")
    compare([parse_cell(name, narrow) for name in names], 1, tmp_path)
    assert [words for words, _ in rows] == ["wgan-gp, seed 0", "wgan-gp,generator.way=upsample, seed 0"]
    for place, (_, images) in zip(sorted(tmp_path.glob("0[23]-*")), rows, strict=True):
        expected = gradpen.load(place / "seed-0" / "run").sample(8, seed=0)
        assert (images.transpose(0, 2, 3, 1) == expected).all()
    with Image.open(tmp_path / "samples.png") as picture:
        assert picture.width > 1000
        two = picture.height
    save_rows(rows[:1], tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as picture:
        assert two == pytest.approx(2 * picture.height, abs=4)


def test_no_cell_finished_and_no_samples(tmp_path: Path) -> None:
    cells = [parse_cell(f"wgan-gp,critic.norm=batch,critic_steps={steps}", COMMON) for steps in (1, 2)]
    results = compare(cells, 1, tmp_path)
    assert [result.distances for result in results] == [[], []]
    assert not (tmp_path / "samples.png").exists()


def test_an_interrupted_comparison_goes_on(tmp_path: Path) -> None:
    cells = [parse_cell(name, COMMON) for name in ("wgan-gp-digits", "wgan-gp-digits,objective=hinge")]
    whole = compare(cells, 2, tmp_path / "whole")
    done: list[str] = []

    def tell(outcome: Outcome, number: int, of: int) -> None:
        assert of == 4
        done.append(outcome.case)
        if number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(cells, 2, tmp_path / "other", tell=tell)
    assert done == ["wgan-gp-digits, seed 0", "wgan-gp-digits, seed 1", "wgan-gp-digits,objective=hinge, seed 0"]
    assert len(json.loads((tmp_path / "other" / "compare.json").read_text())[1]["distances"]) == 1
    assert compare(cells, 2, tmp_path / "other") == whole


def test_a_comparison_in_parts_by_two_processes_is_the_same(tmp_path: Path) -> None:
    cells = [parse_cell(name, COMMON) for name in ("wgan-gp-digits", "wgan-gp-digits,objective=hinge")]
    whole = compare(cells, 2, tmp_path / "whole")
    first = compare(cells, 2, tmp_path / "parts", jobs=2, shard=Shard(0, 2))
    assert [len(result.distances) for result in first] == [1, 1]
    assert compare(cells, 2, tmp_path / "parts", jobs=2, shard=Shard(1, 2)) == whole


def test_an_interrupted_run_leaves_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGINT in a run ends it after its iteration and raises; the same call goes on to the same bits."""
    long = COMMON | {"iterations": 40, "cadence.log_every": 20}
    config = parse_cell("wgan-gp-digits", long).config
    whole = run_in(tmp_path / "whole", config)

    class Stopping(Interrupt):
        def __init__(self) -> None:
            super().__init__()
            self.signal = signal.SIGINT

    monkeypatch.setattr(gradpen.studies.runs, "Interrupt", Stopping)
    with pytest.raises(KeyboardInterrupt):
        run_in(tmp_path / "stopped", config)
    monkeypatch.undo()
    kept = [int(folder.name) for folder in RunFolder(path=tmp_path / "stopped").checkpoints.iterdir()]
    assert kept == [0]
    assert run_in(tmp_path / "stopped", config)["distance_to_held_out"] == whole["distance_to_held_out"]


def test_a_run_stopped_before_its_first_checkpoint_is_begun_again(tmp_path: Path) -> None:
    cell = parse_cell("wgan-gp-digits", COMMON)
    whole = run_in(tmp_path / "whole", cell.config)
    stopped = tmp_path / "stopped"
    shutil.copytree(tmp_path / "whole", stopped)
    for file in (*stopped.glob("*.html"), *stopped.glob("*.svg"), stopped / "curves.png"):
        file.unlink(missing_ok=True)
    shutil.rmtree(stopped / "best")
    shutil.rmtree(stopped / "checkpoint")
    again = run_in(stopped, cell.config)
    assert again["distance_to_held_out"] == whole["distance_to_held_out"]


def test_a_folder_with_a_file_of_another_s_is_not_begun_again(tmp_path: Path) -> None:
    stopped = RunFolder(path=tmp_path / "run")
    stopped.samples.mkdir(parents=True)
    letter = stopped.path / "letter.txt"
    letter.write_text("keep me")
    with pytest.raises(RunError, match="is not empty"):
        run_in(stopped.path, parse_cell("wgan-gp-digits", COMMON).config)
    assert letter.read_text() == "keep me"


def test_a_run_being_trained_is_not_begun_again(tmp_path: Path) -> None:
    being_trained = RunFolder(path=tmp_path)
    being_trained.samples.mkdir()
    with locked(being_trained, silent), pytest.raises(RunError, match="is being trained by"):
        run_in(tmp_path, parse_cell("wgan-gp-digits", COMMON).config)
    assert being_trained.samples.is_dir()


def test_other_settings_in_the_same_folder_are_not_mixed(tmp_path: Path) -> None:
    names = ("wgan-gp-digits", "wgan-gp-digits,objective=hinge")
    compare([parse_cell(name, COMMON) for name in names], 1, tmp_path)
    other = COMMON | {"critic_steps": 2}
    with pytest.raises(RunError, match=r"another configuration \(critic_steps: 1 -> 2\)"):
        compare([parse_cell(name, other) for name in names], 1, tmp_path)


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in (
        (["--cells", "wgan-gp-digits"], "at least two cells"),
        (["--objectives", "hing"], "did you mean 'hinge'?"),
        (["--constraints", "wgan-gp"], "there is no 'wgan-gp' among none, weight-clipping"),
        (["--cells", "wgan-gp,critic.widht=3", "gan"], "did you mean 'width'?"),
        (["--cells", "wgan-gp", "gan", "--seeds", "0"], "at least 1 run"),
    ):
        assert main(["compare", *arguments, "--out", str(tmp_path / "out")]) == 2
        assert expected in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_a_comparison_of_other_data_is_another_comparison(tmp_path: Path, images: Path) -> None:
    def cells(**settings: Any) -> list[Any]:
        small = COMMON | {"generator.width": 4, "critic.width": 4} | settings
        return [parse_cell("wgan-gp", small), parse_cell("wgan-gp,critic_steps=2", small)]

    compare(cells(), 1, tmp_path / "out")
    with pytest.raises(RunError, match=r"holds a run of another configuration \(data\.path"):
        compare(cells(**{"data.path": str(images)}), 1, tmp_path / "out")
    compare(cells(), 1, tmp_path / "out")


def test_a_conditional_cell_without_labels_is_refused_before_anything_trains(tmp_path: Path, images: Path) -> None:
    settings = COMMON | {"data.path": str(images), "generator.width": 4, "critic.width": 4}
    cells = [
        parse_cell("wgan-gp", settings),
        parse_cell("wgan-gp,generator.labels=concatenate,critic.labels=planes", settings),
    ]
    with pytest.raises(DataError, match=r"has no labels; choose `data.labels` as folders"):
        compare(cells, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_lists_within_a_cell() -> None:
    cell = parse_cell('wgan-gp,data.size=[9,7],data.columns=["a","b"],critic_steps=2', {})
    assert (cell.config.data.size, cell.config.data.columns, cell.config.critic_steps) == ((9, 7), ("a", "b"), 2)
