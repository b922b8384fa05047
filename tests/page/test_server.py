"""The page's server: who may ask, what is answered, and what nobody gets."""

import base64
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

import gradpen
from gradpen.cli import main
from gradpen.commands.page import listening
from gradpen.data.plane import SAMPLES, draw_plane, window_of
from gradpen.data.sentences import sentences
from gradpen.data.shown import as_image
from gradpen.errors import RunError
from gradpen.looking.figures import critic_panel, panel, svg
from gradpen.looking.report import floor_of, read_record
from gradpen.page.frozen import freeze
from gradpen.page.listing import group_of, look_below, state_now
from gradpen.runs.folder import RunFolder, read_measures

from .conftest import HOSTILE, TOKEN, Served, digits, serve

pytestmark = pytest.mark.figures

PLAIN = quote(f"plain/{HOSTILE}")


def contents(root: Path) -> dict[str, str]:
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in root.rglob("*") if file.is_file()}


def pixels(address: str) -> Any:
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_nobody_gets_in_without_the_token_under_another_name_or_from_another_page(served: Served) -> None:
    without: tuple[dict[str, Any], ...] = (
        {"Cookie": ""},
        {"Cookie": "gradpen=wrong"},
        {"Cookie": "other=1"},
        {"Host": "evil.example"},
        {"Host": f"localhost.evil.example:{served.port}"},
        {"Host": ""},
    )
    for headers in without:
        for path in ("/", "/app.js", "/api/overview"):
            status, content, _ = served.asked(path, **headers)
            assert (status, b"gradpen" in content) == (403, True), headers
    assert served.asked("/?token=wrong", Cookie="")[0] == 403
    for origin in ("http://evil.example", "null", ""):
        assert served.asked("/api/find?run=labels", body=b"x", Origin=origin)[0] == 403


def test_the_printed_address_gives_a_cookie_that_no_script_reads(served: Served) -> None:
    status, _, headers = served.asked(f"/?token={TOKEN}", Cookie="")
    assert (status, headers["location"]) == (303, "/")
    assert f"gradpen={TOKEN}" in headers["set-cookie"]
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    status, content, headers = served.asked("/")
    assert status == 200
    assert b"<main" in content
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/api/run?run=..",
        "/api/run?run=../secret.txt",
        "/api/run?run=%2Fetc",
        "/api/grid?run=labels/../../secret.txt",
        "/api/grid?run=foreign/..",
        "/api/group?group=..",
        "/api/group?group=study&picture=../../secret.txt",
        "/../secret.txt",
        "/static/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/conftest.py",
    ],
)
def test_nothing_outside_is_read(served: Served, path: str) -> None:
    status, content, _ = served.asked(path)
    assert b"nobody reads this" not in content
    assert status == 404 or b"as far as it came" in content


def test_every_run_and_study_in_a_line(served: Served) -> None:
    found = served.answer("/api/overview")
    lines = {line["id"]: line for line in found["runs"]}
    assert sorted(lines) == sorted(
        ["began", "damaged", "foreign", "labels", "numbers", f"plain/{HOSTILE}", "points", "stopped", "text"]
    )
    assert lines["labels"]["problem"] is None
    record = read_record(RunFolder(path=served.root / "labels"))
    assert lines["labels"]["distance"] == record["distance_to_held_out"]["distance"]["mean"]
    assert lines["labels"]["floor"] == record["distance_to_held_out"]["floor"]["mean"]
    assert (lines["labels"]["state"], lines["labels"]["iteration"], lines["labels"]["iterations"]) == ("finished", 6, 6)
    assert lines["stopped"]["state"] == "stopped"
    assert lines["began"]["problem"] == "The run has only begun: it has no record yet."
    assert "run.json cannot be read" in lines["damaged"]["problem"]
    assert lines["foreign"]["problem"]
    (study,) = found["groups"]
    assert (study["id"], study["finished"], study["under_way"], study["failed"]) == ("study", 1, 1, 0)
    assert study["page"]


def test_a_run_being_trained_is_running(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path)
    assert state_now(folder, "running") == "running"
    for holder, state in (
        (f"process {os.getpid()}", "running"),
        (f"process {os.getpid()} on {socket.gethostname()}", "running"),
        ("process 999999999", "stopped"),
        (f"process 999999999 on {socket.gethostname()}", "stopped"),
        ("process 999999999 on another machine", "running"),
        ("\xff", "running"),
    ):
        (tmp_path / "run.lock").write_text(holder)
        assert state_now(folder, "running") == state, holder
    assert state_now(folder, "finished") == "finished"


@pytest.mark.parametrize("name", ["began", "damaged", "foreign", "nowhere"])
def test_what_cannot_be_read_is_a_sentence(served: Served, name: str) -> None:
    for question in ("run", "report", "curve"):
        said = served.problem(f"/api/{question}?run={name}&name=gap")
        assert len(said.split()) > 5
        assert "Traceback" not in said


def test_the_model_of_a_damaged_run_is_whole(served: Served) -> None:
    """Its checkpoint is, and that is all that samples need."""
    assert len(served.answer("/api/samples?run=damaged&count=3")["samples"]) == 3
    assert "has no checkpoint" in served.problem("/api/samples?run=began")


def test_a_run_as_it_is(served: Served) -> None:
    found = served.answer("/api/run?run=labels")
    assert found["grids"] == [0, 2, 4, 6]
    assert found["verdict"]["verdicts"][0]["meaning"]
    assert found["critic"]["iteration"] == 6
    assert ["Fingerprint", read_record(RunFolder(path=served.root / "labels"))["data_fingerprint"]] in found["data"]
    again = served.answer(f"/api/run?run=labels&version={found['version']}")
    assert again["unchanged"]
    assert again["iteration"] == 6
    assert served.answer("/api/lines?run=text&iteration=2")["lines"] == (
        (served.root / "text" / "samples" / "00000002.txt").read_text().split("\n")
    )


def test_figures_are_those_of_the_report(served: Served) -> None:
    folder = RunFolder(path=served.root / "labels")
    rows, floor = read_measures(folder), floor_of(read_record(folder))
    for name in served.answer("/api/run?run=labels")["panels"]:
        status, content, headers = served.asked(f"/api/curve?run=labels&name={name}")
        assert (status, headers["content-type"]) == (200, "image/svg+xml")
        assert content == svg(panel(name, rows, floor=floor))
    found = json.loads(folder.critic.read_text())
    assert served.asked("/api/critic?run=labels&name=slopes")[1] == svg(critic_panel("slopes", found))
    assert "There is no curve" in served.problem("/api/curve?run=labels&name=nothing")
    one, other = (served.asked(f"/api/curve?run={way}&name=gap")[1] for way in ("points&beside=labels", "points"))
    assert one != other
    assert b"iteration (generator updates)" in one


def test_samples_are_those_of_the_run(served: Served) -> None:
    run = gradpen.load(served.root / "labels", checkpoint="best")
    found = served.answer("/api/samples?run=labels&seed=3&count=5&label=7")["samples"]
    expected = run.pictures(5, seed=3, label="7")
    assert [sample["reference"] for sample in found] == [f"s3.{index}" for index in range(5)]
    assert all(sample["label"] == "7" for sample in found)
    for sample, picture in zip(found, expected, strict=True):
        assert (pixels(sample["picture"]) == picture[0]).all()
    turn = served.answer("/api/samples?run=labels&count=12")["samples"]
    assert [sample["label"] for sample in turn] == [str(digit) for digit in (*range(10), 0, 1)]
    every = served.answer("/api/samples?run=labels&count=2&every=")["samples"]
    assert [sample["reference"] for sample in every] == ["s0.0", "s0.1"] * 10
    assert [sample["label"] for sample in every] == [str(digit) for digit in range(10) for _ in range(2)]
    for sample, picture in zip(every, run.pictures_of_every_label(2), strict=True):
        assert (pixels(sample["picture"]) == picture[0]).all()
    calm = served.answer("/api/samples?run=labels&count=1&truncation=0.5&label=0")["samples"][0]
    latents = run.latents(1, truncation=0.5)
    assert (pixels(calm["picture"]) == run.pictures(latents=latents, label="0")[0, 0]).all()


def test_points_lines_and_numbers(served: Served) -> None:
    assert served.answer("/api/model?run=points")["kind"] == "points"
    found = served.answer("/api/samples?run=points")
    assert found["critic"] == 2
    points = gradpen.load(served.root / "points", checkpoint="best").sample(1_000)
    bare = np.asarray(draw_plane(window_of(points), [(points, SAMPLES)]))
    assert (pixels(found["plane"]) != bare).mean() > 0.5  # coloured by the critic nearly everywhere
    lines = gradpen.load(served.root / "text", checkpoint="best").sample(3).tolist()
    assert [sample["line"] for sample in served.answer("/api/samples?run=text&count=3")["samples"]] == lines
    (one,) = served.answer("/api/nearest?run=text&sample=s0.0")["samples"]
    assert one["train"]["line"] in sentences()
    assert one["held_out"]["line"] in sentences()
    labels = served.answer("/api/model?run=numbers")["labels"]
    assert labels["kind"] in ("values", "mixed")
    for example in labels["examples"][:2]:
        served.answer(f"/api/samples?run=numbers&count=2&label={quote(example)}")


def test_a_walk_begins_and_ends_at_its_samples(served: Served) -> None:
    way = "/api/walk?run=labels&sample=s0.1&sample=s3.4&label=5&steps=5"
    frames = served.answer(way)["frames"]
    run = gradpen.load(served.root / "labels", checkpoint="best")
    ends = run.pictures(2, label="5")[1], run.pictures(5, seed=3, label="5")[4]
    assert len(frames) == 5
    assert (pixels(frames[0]) == ends[0][0]).all()
    assert (pixels(frames[-1]) == ends[1][0]).all()
    status, content, headers = served.asked(f"{way}&gif=")
    assert status == 200
    assert "attachment" in headers["content-disposition"]
    with Image.open(io.BytesIO(content)) as film:
        assert film.n_frames == 8  # type: ignore[attr-defined]


def test_nearest_pictures_are_those_of_gradpen_nearest(served: Served) -> None:
    found = served.answer("/api/nearest?run=labels&" + "&".join(f"sample=s0.{n}&as={n}" for n in range(4)))
    expected = gradpen.nearest(served.root / "labels", count=4, checkpoint="best")
    assert [one["train"]["distance"] for one in found["samples"]] == pytest.approx(expected.train.distances.tolist())
    assert [one["held_out"]["distance"] for one in found["samples"]] == pytest.approx(
        expected.held_out.distances.tolist()
    )
    assert found["floor"] == pytest.approx(expected.real.median)
    assert "need one each" in served.problem("/api/nearest?run=labels&sample=s0.0")


def test_a_picture_is_found_among_the_samples(served: Served) -> None:
    run = gradpen.load(served.root / "labels", checkpoint="best")
    buffer = io.BytesIO()
    as_image(run.pictures(1, seed=9, label="3")[0]).save(buffer, format="png")
    status, content, _ = served.asked("/api/find?run=labels&label=3", body=buffer.getvalue())
    assert status == 200
    found = json.loads(content)
    assert found["distance"] < 10
    walk = served.answer(f"/api/walk?run=labels&sample={found['sample']['reference']}&sample=s0.0&label=3&steps=2")
    assert walk["frames"][0] == found["sample"]["picture"]
    for body, said in ((b"no picture", "cannot be taken as a picture"), (b"", "cannot be taken as a picture")):
        status, content, _ = served.asked("/api/find?run=labels", body=body)
        assert status == 422
        assert said in json.loads(content)["problem"]
    status, content, _ = served.asked("/api/find?run=labels", body=bytes(20_000_001))
    assert status == 413
    assert "smaller picture" in json.loads(content)["problem"]
    status, content, _ = served.asked("/api/find?run=text", body=buffer.getvalue())
    assert "makes no pictures" in json.loads(content)["problem"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("samples?run=labels&count=0", "shows 1 to 64"),
        ("samples?run=labels&count=65", "shows 1 to 64"),
        ("samples?run=labels&count=-1", "whole number"),
        ("file?run=labels&count=999999999", "shows 1 to 64"),
        ("samples?run=labels&seed=x", "whole number"),
        ("samples?run=labels&label=eleven", "there is no label 'eleven'"),
        ("samples?run=labels&truncation=often", "truncation is a number"),
        ("samples?run=labels&truncation=nan", "expected a positive number"),
        ("samples?run=labels&checkpoint=12345", "keeps no checkpoint of iteration 12,345"),
        ("walk?run=labels&sample=s0.0", "2 to 4 samples"),
        ("walk?run=labels&sample=s0.0&sample=s0.1&steps=1000", "2 to 32 steps"),
        ("walk?run=labels&sample=s0.0&sample=../x", "There are no latents"),
        ("walk?run=labels&sample=s0.0&sample=f99", "give the picture again"),
        ("walk?run=labels&sample=s0.0&sample=s0.999999", "the first 1,000"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(served: Served, question: str, said: str) -> None:
    assert said in served.problem(f"/api/{question}")


def test_downloads(served: Served) -> None:
    status, content, headers = served.asked("/api/file?run=labels&count=3&label=2&as=npz")
    assert (status, 'filename="samples.npz"' in headers["content-disposition"]) == (200, True)
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        run = gradpen.load(served.root / "labels", checkpoint="best")
        assert (file["images"] == run.sample(3, label="2")).all()
        assert (file["latents"] == run.latents(3).numpy()).all()
    with np.load(io.BytesIO(served.asked("/api/file?run=points&as=npz")[1]), allow_pickle=False) as file:
        assert file["images"].shape == (1_000, 2)
    with Image.open(io.BytesIO(served.asked("/api/file?run=points")[1])) as drawn:
        assert drawn.width == drawn.height
    status, content, _ = served.asked("/api/file?run=labels&count=2&every=")
    rows = served.asked("/api/file?run=labels&count=2&every=&as=npz")[1]
    with np.load(io.BytesIO(rows), allow_pickle=False) as file:
        assert (len(file["images"]), file["latents"].shape[0]) == (20, 20)
    with Image.open(io.BytesIO(content)) as grid:
        assert status == 200
        assert grid.height > 4 * grid.width


def test_reports_and_studies_are_whole_pages(served: Served) -> None:
    for path, words in ((f"report?run={PLAIN}", b"Curves, and what they say"), ("group?group=study", b"as far")):
        status, content, headers = served.asked(f"/api/{path}")
        assert status == 200
        assert words in content
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script" not in headers["content-security-policy"]
    assert b"<img src=x" not in served.asked(f"/api/report?run={PLAIN}")[1]


def test_a_link_out_of_the_folder_leads_nowhere(place: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("nobody reads this")
    for name, file in (("grid", "samples/00000006.png"), ("real", "real.png"), ("data", "data.json")):
        shutil.copytree(place / "labels", tmp_path / "runs" / name)
        (tmp_path / "runs" / name / file).unlink()
        (tmp_path / "runs" / name / file).symlink_to(secret)
        with pytest.raises(RunError, match="a link out of its folder"):
            freeze(tmp_path / "runs" / name, tmp_path / f"{name}-page", data=None, say=print)
    (tmp_path / "runs" / "outside").symlink_to(place / "labels")
    for served in serve(tmp_path / "runs"):
        assert sorted(line["id"] for line in served.answer("/api/overview")["runs"]) == ["data", "grid", "real"]
        for question in ("run?run=real", "report?run=real", "grid?run=grid&iteration=6", "run?run=data"):
            assert "holds a link out of its folder" in served.problem(f"/api/{question}")
        assert "There is no run" in served.problem("/api/run?run=outside")


def test_odd_folders_hide_no_others(place: Path, tmp_path: Path) -> None:
    """A name that is no UTF-8, numbers that are none, a grid that is a copy."""
    for name in ("good", "nan", "inf"):
        shutil.copytree(place / "labels", tmp_path / name)
    record = json.loads((tmp_path / "nan" / "run.json").read_text())
    record["distance_to_held_out"]["floor"]["mean"] = float("nan")
    (tmp_path / "nan" / "run.json").write_text(json.dumps(record))
    (tmp_path / "inf" / "run.json").write_text(json.dumps(record | {"iteration": float("inf")}))
    os.rename(tmp_path / "good", os.fsencode(tmp_path) + b"/caf\xe9")
    (tmp_path / "nan" / "samples" / "00000001 (copy).png").write_bytes(b"")
    for served in serve(tmp_path):
        lines = {line["id"]: line for line in served.answer("/api/overview")["runs"]}
        assert sorted(lines) == ["caf\\udce9", "inf", "nan"]
        assert lines["caf\\udce9"]["problem"] is None
        assert (lines["nan"]["problem"], lines["nan"]["floor"]) == (None, None)
        assert lines["inf"]["problem"]
        assert served.answer(f"/api/run?run={quote('caf' + chr(92) + 'udce9')}")["iteration"] == 6
        assert served.answer("/api/run?run=nan")["grids"] == [0, 2, 4, 6]


def test_a_run_that_moves_away_is_said_to(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "labels", tmp_path / "here")
    for served in serve(tmp_path):
        served.answer("/api/run?run=here")
        shutil.move(tmp_path / "here", tmp_path / "there")
        assert "may have been moved or deleted" in served.problem("/api/run?run=here")
        served.answer("/api/run?run=there")


def test_a_run_trained_anew_in_its_place_is_loaded_anew(tmp_path: Path) -> None:
    digits(tmp_path / "run", iterations=1)
    for served in serve(tmp_path):
        before = served.answer("/api/samples?run=run&count=1")["samples"]
        shutil.rmtree(tmp_path / "run")
        digits(tmp_path / "run", iterations=1, seed=5)
        assert served.answer("/api/samples?run=run&count=1")["samples"] != before


def test_cookies_of_other_servers_of_this_machine_do_no_harm(served: Served) -> None:
    for other in ('theme={"a": 1}', "foo", "u[]=1", 'prefs=a b "c"', "a/b=1"):
        assert served.asked("/api/overview", Cookie=f"{other}; gradpen={TOKEN}")[0] == 200


def test_a_comparison_is_listed_once(tmp_path: Path) -> None:
    for case in ("01-x/seed-0", "01-x/seed-1", "02-y/seed-0"):
        (tmp_path / "compared" / case / "run").mkdir(parents=True)
    (tmp_path / "compared" / "01-x" / "seed-0" / "result.json").write_text("{}")
    (tmp_path / "compared" / "compare.json").write_text("[]")
    (group,) = look_below(tmp_path).groups
    found = group_of(group, tmp_path / group)
    assert (group, found["finished"], found["under_way"]) == ("compared", 1, 2)


def test_the_page_of_one_run(place: Path) -> None:
    for served in serve(place / "labels"):
        (line,) = served.answer("/api/overview")["runs"]
        assert (line["id"], line["name"]) == (".", "labels")
        assert served.answer("/api/run?run=.")["iteration"] == 6
        assert len(served.answer("/api/samples?run=.&count=3")["samples"]) == 3


def test_without_its_extra_the_command_says_what_to_install(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["page", str(place)]) == 2
    assert "pip install 'gradpen[page]'" in capsys.readouterr().err


def test_the_next_free_port_is_taken_and_a_wrong_host_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listening("127.0.0.1", 18700) as one, listening("127.0.0.1", one.getsockname()[1]) as other:
        assert other.getsockname()[1] > one.getsockname()[1]
    for port in ("70000", "-1"):
        assert main(["page", str(place), f"--port={port}"]) == 2
        assert "expected a port, 0 to 65535" in capsys.readouterr().err
    assert main(["page", str(place), "--host", "192.0.2.1"]) == 2
    assert "--host 192.0.2.1" in capsys.readouterr().err


def test_nothing_is_written(served: Served) -> None:
    before = contents(served.root)
    for path in ("overview", "run?run=points", "report?run=points", "samples?run=points", "model?run=text"):
        assert served.asked(f"/api/{path}")[0] == 200
    assert contents(served.root) == before


def test_what_differs(served: Served) -> None:
    found = served.answer(f"/api/difference?run=labels&beside={PLAIN}")["differs"]
    assert "critic_steps: 1 -> 2" in found


def test_the_command_prints_its_address_and_ends_with_ctrl_c(place: Path) -> None:
    command = [sys.executable, "-m", "gradpen", "page", str(place), "--port", "18600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[0] == "page"
        assert words[1].startswith("http://127.0.0.1:18")
        assert "/?token=" in words[1]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in said
