"""Settings, environments and files that are beyond any machine: a sentence and code 2, never a traceback or a hang."""

import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradpen
from gradpen.errors import GradpenError
from gradpen.runs.checkpoint import read_checkpoint

LONG = "z" * 90_000
Command = Callable[..., Any]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "generator.latent_dim=99999999999999999999"], "generator.latent_dim: input should be less than"),
        (["--set", "generator.width=1000000000000"], "generator.width: input should be less than"),
        (["--set", "threads=100000000000000"], "threads: input should be less than"),
        (["--size", "99999999999"], "data.size"),
        (["--set", f"x={'[' * 100_000}"], "nested too deeply"),
        (["--set", f"critic.width={'[' * 900}{']' * 900}"], "critic.width"),
        (["--set", f"critic={LONG}"], "there is no 'zzz"),
        (["--set", f"{LONG}=1"], "there is no setting 'zzz"),
        (["--preset", LONG], "there is no preset 'zzz"),
        (["--preset", ""], "there is no preset ''"),
        (["--set", ""], "sets nothing"),
    ],
    ids=range(11),
)
def test_a_setting_beyond_any_machine_is_one_short_sentence(
    options: list[str], words: str, command: Command, tmp_path: Path
) -> None:
    preset = [] if "--preset" in options else ["--preset", "wgan-gp"]
    code, _, err = command("train", *preset, *options, "--iterations", 1, "--out", tmp_path / "run")
    assert code == 2
    assert words in err
    assert len(err) < 1500
    assert not (tmp_path / "run").exists()


def test_a_setting_of_another_choice_says_whose_it_is(command: Command) -> None:
    code, _, err = command("train", "--preset", "wgan-gp-mnist", "--set", "critic.norm=layer")
    assert code == 2
    assert "there is no setting 'critic.norm' for mlp; dcgan, residual, tapered, strided, bottleneck have it" in err
    code, _, err = command("train", "--preset", "wgan-gp", "--set", 'critic={"name":"dcgan","normm":"layer"}')
    assert code == 2
    assert "for dcgan; did you mean 'norm'?" in err


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"WORLD_SIZE": "x"}, "WORLD_SIZE is 'x'"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "MASTER_ADDR and MASTER_PORT not"),
        ({"RANK": "5", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}, "RANK=5 is beyond"),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "p"}, "MASTER_PORT is 'p'"),
        ({"TORCHELASTIC_RESTART_COUNT": "-"}, "TORCHELASTIC_RESTART_COUNT is '-'"),
    ],
)
def test_an_environment_that_no_launcher_made_is_named(
    variables: dict[str, str], words: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, _, err = command("train", "--preset", "wgan-gp-digits", "--iterations", 1, "--out", tmp_path / "run")
    assert code == 2
    assert words in err


def test_folders_nested_beyond_a_hundred_are_left_out_and_counted(images: Path, command: Command) -> None:
    here = os.getcwd()
    try:
        os.chdir(images)
        for _ in range(150):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    code, out, _ = command("data", images)
    assert code == 0
    assert "nested deeper than 100" in out


def test_links_to_devices_and_pipes_are_no_images(images: Path, command: Command) -> None:
    (images / "endless.png").symlink_to("/dev/zero")
    os.mkfifo(images / "pipe.png")
    code, out, _ = command("data", images)
    assert code == 0
    assert "40" in out


@pytest.mark.parametrize("header", [b'{"descr": (((\n   ', b"{'descr': '<f4', 'shape': (", b"\x00" * 16])
def test_a_damaged_header_of_an_array_is_named(header: bytes, tmp_path: Path, command: Command) -> None:
    file = tmp_path / "a.npy"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    code, _, err = command("data", file)
    assert code == 2
    assert "cannot be read as a NumPy array" in err


@pytest.mark.parametrize("member", ["images", "labels"])
def test_a_member_that_is_no_array_is_named(member: str, tmp_path: Path, command: Command) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, images=np.zeros((4, 8, 8), np.uint8)) if member == "labels" else None
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(member, "hello")
    code, _, err = command("data", file)
    assert code == 2
    assert "no array" in err


@pytest.fixture
def run(tmp_path: Path) -> gradpen.Run:
    widths: dict[str, Any] = {"generator__width": 4, "critic__width": 4}
    return gradpen.train(
        preset="wgan-gp",
        iterations=4,
        batch_size=8,
        critic_steps=1,
        cadence__save_every=2,
        out=tmp_path / "run",
        **widths,
    )


def test_a_flipped_format_number_is_damage_and_the_checkpoint_before_is_taken(run: gradpen.Run) -> None:
    manifest = run.path / "checkpoint" / "00000004" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format_version": 1', '"format_version": 9'))
    with pytest.warns(UserWarning, match="is damaged"):
        assert gradpen.load(run.path).iteration == 2
    gradpen.train(resume=run.path)


def test_a_whole_manifest_of_a_later_format_is_of_a_newer_gradpen(run: gradpen.Run) -> None:
    from gradpen.runs.checkpoint import manifest_digest

    place = run.path / "checkpoint" / "00000004"
    manifest = json.loads((place / "manifest.json").read_text()) | {"format_version": 9}
    manifest["sha256"] = manifest_digest(manifest)
    (place / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(GradpenError, match="newer gradpen"):
        read_checkpoint(place)


def test_samples_come_from_what_the_checkpoint_says_and_a_changed_configuration_is_named(run: gradpen.Run) -> None:
    before = run.sample(3)
    file = run.path / "config.json"
    values = json.loads(file.read_text())
    values["critic"]["negative_slope"] = 1.2
    values["generator"]["way"] = "upsample"
    file.write_text(json.dumps(values))
    with pytest.warns(UserWarning, match=r"critic.negative_slope: 0.2 -> 1.2.*as it was trained"):
        again = gradpen.load(run.path)
    assert np.array_equal(again.sample(3), before)
