"""Cases are done once, wherever; a failure or a killed worker stops no other, and changes no result."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import gradpen.studies.engine
import study_cases
from gradpen.commands.schedule import teller
from gradpen.commands.study import StudyCommand
from gradpen.errors import UsageError
from gradpen.runs.folder import RunFolder
from gradpen.studies.engine import Outcome, Shard, carry_out, parse_shard, place_of, results_of
from gradpen.studies.study import Case, Results

ONE = 1
SmallRuns = tuple[list[Case], Results]


def cases_of(work: Any, count: int = 5, name: str = "number") -> list[Case]:
    return [Case(name=f"case-{n}", work=work, arguments={name: n}) for n in range(count)]


@pytest.fixture(scope="module")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> SmallRuns:
    """Two cases that train, and what they gave when they were done one after the other."""
    cases = cases_of(study_cases.small_run, 2, "seed")
    out = tmp_path_factory.mktemp("serial")
    assert carry_out(cases, out) == {}
    return cases, results_of(cases, out)


def test_each_case_is_done_once(tmp_path: Path) -> None:
    cases = cases_of(study_cases.squared)
    told: list[tuple[str, int, int]] = []

    def tell(outcome: Outcome, done: int, of: int) -> None:
        told.append((outcome.case, done, of))

    assert carry_out(cases, tmp_path, tell=tell) == {}
    assert told == [(f"case-{n}", n + 1, 5) for n in range(5)]
    before = {file: file.read_bytes() for file in tmp_path.rglob("result.json")}
    assert carry_out(cases, tmp_path, tell=tell) == {}
    assert len(told) == 5
    assert {file: file.read_bytes() for file in tmp_path.rglob("result.json")} == before
    assert [one["square"] for one in results_of(cases, tmp_path).values()] == [0, 1, 4, 9, 16]


def test_a_changed_case_is_another_and_a_damaged_result_none(tmp_path: Path) -> None:
    case = Case(name="one", work=study_cases.squared, arguments={"number": 3})
    carry_out([case], tmp_path)
    other = Case(name="one", work=study_cases.squared, arguments={"number": 4})
    assert results_of([other], tmp_path) == {}
    file = place_of(case, tmp_path) / "result.json"
    file.write_text(file.read_text()[:-9])
    assert results_of([case], tmp_path) == {}
    file.write_text(json.dumps({"case": "another", "found": {"square": 1}}))
    assert results_of([case], tmp_path) == {}
    carry_out([case], tmp_path)
    assert results_of([case], tmp_path)["one"]["square"] == 9


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_is_told_and_stops_no_other(tmp_path: Path, jobs: int) -> None:
    cases = cases_of(study_cases.failing)
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("gradpen.commands.schedule.complain", said.append)
        failures = carry_out(cases, tmp_path, jobs=jobs, tell=teller(StudyCommand))
    (line,) = (one for one in said if "failed" in one)
    assert f"there is nothing to square (all of it in {place_of(cases[ONE], tmp_path) / 'failure.txt'})" in line
    assert failures == {"case-1": "there is nothing to square"}
    assert sorted(results_of(cases, tmp_path)) == ["case-0", "case-2", "case-3", "case-4"]
    assert "DataError" in (place_of(cases[ONE], tmp_path) / "failure.txt").read_text()


def test_workers_that_were_started_elsewhere_write_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = cases_of(study_cases.squared, 2)
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        carry_out(cases, Path("out"), jobs=2)
        assert len(results_of(cases, Path("out"))) == 2


def test_other_processes_do_the_work(tmp_path: Path) -> None:
    cases = cases_of(study_cases.squared)
    carry_out(cases, tmp_path, jobs=2)
    results = results_of(cases, tmp_path)
    assert [one["square"] for one in results.values()] == [0, 1, 4, 9, 16]
    assert os.getpid() not in {one["process"] for one in results.values()}


def test_a_killed_worker_s_case_is_begun_again(tmp_path: Path) -> None:
    cases = cases_of(study_cases.killed_once)
    assert carry_out(cases, tmp_path, jobs=2) == {}
    assert [one["square"] for one in results_of(cases, tmp_path).values()] == [0, 1, 4, 9, 16]


def test_a_case_that_always_kills_its_worker_is_given_up(tmp_path: Path) -> None:
    cases = cases_of(study_cases.always_killed, 3)
    failures = carry_out(cases, tmp_path, jobs=2)
    assert "its worker was killed 3 times" in failures["case-1"]


def test_a_run_whose_worker_was_killed_goes_on_to_the_same_bits(tmp_path: Path, small_runs: SmallRuns) -> None:
    cases, serial = small_runs
    place = place_of(cases[0], tmp_path / "killed")
    killed = []

    def kill() -> None:
        deadline = time.monotonic() + 120
        while not list(RunFolder(path=place / "run").checkpoints.glob("*[1-9]*")):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        killed.append(int((place / "pid").read_text()))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert carry_out(cases, tmp_path / "killed", jobs=2) == {}
    killer.join()
    assert killed
    assert int((place / "pid").read_text()) != killed[0]
    assert results_of(cases, tmp_path / "killed") == serial


def test_two_parts_make_the_whole(tmp_path: Path) -> None:
    cases = cases_of(study_cases.squared)
    carry_out(cases, tmp_path, shard=Shard(0, 2))
    assert sorted(results_of(cases, tmp_path)) == ["case-0", "case-2", "case-4"]
    carry_out(cases, tmp_path, shard=Shard(1, 2))
    assert len(results_of(cases, tmp_path)) == 5


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2", ""])
def test_parts_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="expected a part and their number"):
        parse_shard(text)


def test_parts_of_a_slurm_array(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_shard(None) == Shard(0, 1)
    for name, value in (("ID", "7"), ("MIN", "1"), ("MAX", "9"), ("STEP", "2")):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    assert parse_shard(None) == Shard(3, 5)
    assert parse_shard("1/4") == Shard(0, 4)


def test_a_cluster_of_two_gives_the_same_bits(tmp_path: Path, small_runs: SmallRuns) -> None:
    distributed = pytest.importorskip("distributed")
    cases, serial = small_runs
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path / "dask")
    ) as cluster:
        failures = carry_out(cases, tmp_path / "cluster", jobs=-1, cluster=cluster.scheduler_address)
    assert failures == {}
    assert results_of(cases, tmp_path / "cluster") == serial
    pids = {(place_of(case, tmp_path / "cluster") / "pid").read_text() for case in cases}
    assert str(os.getpid()) not in pids


def test_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(gradpen.studies.engine, "PATIENCE", 1)
    with pytest.raises(UsageError, match="cannot be reached"):
        carry_out(cases_of(study_cases.squared), tmp_path, cluster="tcp://127.0.0.1:9")
