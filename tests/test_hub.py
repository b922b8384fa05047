"""Runs on the hub: the real huggingface_hub against a stand-in on this machine, never a network."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

import gradpen
from conftest import Outcome
from gradpen.errors import GradpenError, RunError, UsageError
from gradpen.hub import pack, push
from gradpen.looking.card import block, plain
from gradpen.runs.checkpoint import Checkpoint, newest_checkpoint, write_checkpoint
from hub_stand_in import READER, WRITER, Hub, Repo, hub_on_this_machine

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")
"""huggingface_hub's own way to upload a file without Xet"""
COMMON: dict[str, Any] = {"iterations": 3, "batch_size": 16, "critic_steps": 1, "threads": 1}
REPO = "ada/digits"
SETTINGS = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}


def silent(_: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The stand-in, as huggingface_hub finds it: by its environment, which it reads when it is imported."""
    with hub_on_this_machine() as hub, pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("huggingface")
        for name, value in (SETTINGS | {"HF_ENDPOINT": hub.address, "HF_HOME": str(home)}).items():
            patch.setenv(name, value)
        for name in [name for name in sys.modules if name.split(".")[0] == "huggingface_hub"]:
            patch.delitem(sys.modules, name)
        yield hub
        for name in [name for name in sys.modules if name.split(".")[0] == "huggingface_hub"]:
            del sys.modules[name]


@pytest.fixture
def hub(endpoint: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The stand-in without repositories, a cache without files, and somebody logged in."""
    endpoint.repos.clear()
    endpoint.asked.clear()
    endpoint.broken = None
    monkeypatch.setenv("HF_TOKEN", WRITER)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache-of-the-hub"))
    return endpoint


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a folder whose name and place are nobody's business."""
    place = tmp_path_factory.mktemp("private-place")
    photos = place / "holiday"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for index in range(60):
        pixels = rng.integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"patient-{index}.png")
    shutil.copy(photos / "patient-0.png", photos / "patient-twice.png")
    (photos / "patient-broken.png").write_bytes(b"none")
    run = gradpen.train(photos, preset="wgan-gp-digits", out=place / "run", **COMMON)
    return run.path


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("conditional") / "run"
    return gradpen.train(preset="wgan-gp-digits", conditional=True, out=out, average=0.9, **COMMON).path


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gradpen.train("embedded:sentences", out=tmp_path_factory.mktemp("text") / "run", **COMMON).path


def pushed(hub: Hub, run: Path, tmp_path: Path) -> Repo:
    pack(run, REPO, tmp_path / "packed")
    assert push(tmp_path / "packed", REPO) == f"{hub.address}/{REPO}"
    return hub.repos[REPO]


@pytest.mark.parametrize("kind", ["digits", "conditional", "text"])
def test_what_comes_back_is_the_same_run(
    kind: str, hub: Hub, tmp_path: Path, request: pytest.FixtureRequest, command: Callable[..., Outcome]
) -> None:
    """Bit for bit, with labels, lines and measures; and its folder is a run to the command line."""
    path: Path = request.getfixturevalue(kind)
    before = gradpen.load(path, checkpoint="best")
    code, said, err = command("hub", "push", path, REPO)
    assert (code, said) == (0, f"iteration 3: {hub.address}/{REPO}\n"), err
    after = gradpen.from_hub(REPO)
    assert np.array_equal(after.sample(70, seed=3), before.sample(70, seed=3))
    assert after.labels == before.labels
    assert after.measures == before.measures
    assert after.values == before.values
    assert (after.iteration, after.data_fingerprint) == (before.iteration, before.data_fingerprint)
    if kind == "conditional":
        assert np.array_equal(after.sample(5, label="7"), before.sample(5, label="7"))
        assert not np.array_equal(after.sample(5, label="7"), after.sample(5, label="1"))
    assert command("hub", "pull", REPO, "--out", tmp_path / "pulled")[0] == 0
    out = tmp_path / ("samples.txt" if kind == "text" else "samples.npz")
    assert command("sample", tmp_path / "pulled", "--count=9", "--out", out)[0] == 0
    drawn = out.read_text().splitlines() if kind == "text" else np.load(out)["images"]
    assert np.array_equal(drawn, [line.rstrip() if kind == "text" else line for line in before.sample(9)])
    assert np.array_equal(gradpen.load(tmp_path / "pulled").sample(4), before.sample(4))


def test_nothing_private_is_pushed(hub: Hub, digits: Path, tmp_path: Path) -> None:
    """No data, no names of files, no places; weights of the generator alone."""
    files = pushed(hub, digits, tmp_path).files
    assert sorted(files) == [
        "README.md",
        "checkpoint/00000003/generator.safetensors",
        "checkpoint/00000003/manifest.json",
        "config.json",
        "data.json",
        "measures.jsonl",
        "run.json",
        "samples.png",
        "verdict.json",
    ]
    assert json.loads((digits / "data.json").read_text())["duplicates"]
    secrets = ["patient-", "private-place", str(digits.parent), str(Path.home()), WRITER]
    for name, content in files.items():
        for secret in secrets:
            if len(secret) > 1:
                assert secret.encode() not in content, (name, secret)
    assert json.loads(files["config.json"])["data"]["path"] == "holiday"
    assert files["samples.png"] != (digits / "real.png").read_bytes()


def test_the_card_is_read_by_the_hub_and_says_what_there_is(hub: Hub, digits: Path, tmp_path: Path) -> None:
    import huggingface_hub

    run = pack(digits, REPO, tmp_path / "packed", license_name="mit")
    words = (tmp_path / "packed" / "README.md").read_text()
    read = huggingface_hub.ModelCard(words).data.to_dict()  # type: ignore[no-untyped-call]
    assert read == {
        "library_name": "gradpen",
        "license": "mit",
        "pipeline_tag": "unconditional-image-generation",
        "tags": ["gradpen", "gan", "wasserstein-gan"],
    }
    record = json.loads((digits / "run.json").read_text())
    distance, floor = (record["distance_to_held_out"][name] for name in ("distance", "floor"))
    for said in (
        "![samples](samples.png)",
        f'gradpen.from_hub("{REPO}")',
        f"generator | mlp, {record['parameters']['generator']:,} parameters",
        "gradient-penalty (weight 10.0",
        f"{distance['mean']:.4f} ± {distance['standard_deviation']:.4f} (5 sets)",
        f"{floor['mean']:.4f} ± {floor['standard_deviation']:.4f} (5 sets) | {floor['n']} |",
        f"{run.measures[-1]['frechet_distance']:.4f} (one set)",
        "nothing here is FID or an Inception score",
        f"{record['train_images']} to train on, {record['held_out_images']} held out",
        "## Verdict at iteration 3",
        "\n    gradpen train holiday --config config.json\n",
    ):
        assert said in words, said


def test_the_command_on_the_card_makes_the_run_again(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Outcome]
) -> None:
    pack(digits, REPO, tmp_path / "packed")
    monkeypatch.chdir(tmp_path / "packed")
    (tmp_path / "packed" / "holiday").symlink_to(digits.parent / "holiday")
    written = next(
        line for line in (tmp_path / "packed" / "README.md").read_text().splitlines() if "gradpen train" in line
    )
    code, _, err = command(*written.split()[1:], "--out", tmp_path / "again")
    assert code == 0, err
    assert np.array_equal(gradpen.load(tmp_path / "again").sample(9), gradpen.load(digits).sample(9))


def test_what_evaluate_measured_is_on_the_card(digits: Path, tmp_path: Path, command: Callable[..., Outcome]) -> None:
    """Of the state that is pushed; of another one it says nothing."""
    run = tmp_path / "run"
    shutil.copytree(digits, run)
    assert command("evaluate", run, "--sets=2")[0] == 0
    pack(run, REPO, tmp_path / "measured")
    found = json.loads((run / "evaluation.json").read_text())["measures"]
    row = f"| `sliced` | {found['sliced']['mean']:.4f} ± {found['sliced']['standard_deviation']:.4f} |"
    assert row in (tmp_path / "measured" / "README.md").read_text()
    pack(run, REPO, tmp_path / "other", checkpoint=0)
    words = (tmp_path / "other" / "README.md").read_text()
    assert "`sliced`" not in words
    assert "after 0 of 3 iterations" in words
    assert not (tmp_path / "other" / "evaluation.json").exists()


def test_hostile_names_stay_words(tmp_path: Path) -> None:
    """A folder, a table and classes whose names are Markdown, HTML or the ends of blocks."""
    place = tmp_path / "![x](http:evil) `<script>`"
    for name in ("a|b", "```", "<img src=x>"):
        (place / name).mkdir(parents=True)
        for index in range(20):
            pixels = np.full((8, 8), 5 * index + len(name), dtype=np.uint8)
            Image.fromarray(pixels).save(place / name / f"{index}.png")
    settings = COMMON | {"preset": "wgan-gp-digits", "conditional": True, "data__labels": "folders"}
    run = gradpen.train(place, out=tmp_path / "run", **settings)
    pack(run.path, REPO, tmp_path / "packed")
    words = (tmp_path / "packed" / "README.md").read_text()
    rendered = MarkdownIt().enable("table").render(words.split("---\n", 2)[2])
    assert re.findall(r"<(?:img|a|script)[^>]*>", rendered) == ['<img src="samples.png" alt="samples" />']
    assert rendered.count("<pre>") == 2
    assert "one label: &lt;img src=x&gt;, ```, a|b." in rendered
    rows = re.findall(r"<tr>(.*?)</tr>", rendered, re.DOTALL)
    assert {row.count("<td>") for row in rows} == {0, 2, 5}
    (line,) = re.findall(r"gradpen train .*", words)
    assert shlex.split(line) == ["gradpen", "train", place.name, "--config", "config.json"]
    assert plain("a\nb") == r"a\\nb"
    assert block(["```\n# x"]) == r"    ```\n# x"


def test_another_push_replaces_the_first(hub: Hub, digits: Path, conditional: Path, tmp_path: Path) -> None:
    pushed(hub, digits, tmp_path)
    pack(conditional, REPO, tmp_path / "second", checkpoint=0)
    push(tmp_path / "second", REPO)
    names = set(hub.repos[REPO].files)
    assert {name for name in names if name.startswith("checkpoint/")} == {
        "checkpoint/00000000/average.safetensors",
        "checkpoint/00000000/manifest.json",
    }
    first, second = hub.repos[REPO].commits
    assert gradpen.from_hub(REPO).iteration == 0
    assert gradpen.from_hub(REPO, revision=first).iteration == 3
    assert gradpen.from_hub(REPO, revision=second).labels is not None


def test_only_what_is_needed_is_fetched_and_only_once(hub: Hub, digits: Path, tmp_path: Path) -> None:
    repo = pushed(hub, digits, tmp_path)
    repo.commit(
        repo.files | {"train.py": b"raise SystemExit", "weights.pkl": b"x", "checkpoint/x/manifest.json": b"{}"}
    )
    hub.asked.clear()
    gradpen.from_hub(REPO)
    fetched = {
        line.partition(" ")[2].split("/", 5)[-1] for line in hub.asked if line.startswith("GET") and "resolve" in line
    }
    assert fetched == set(repo.files) - {"train.py", "weights.pkl", "checkpoint/x/manifest.json"}
    hub.asked.clear()
    gradpen.from_hub(REPO)
    assert not [line for line in hub.asked if line.startswith("GET") and "resolve" in line]


def test_nothing_is_asked_of_the_hub_unasked(
    hub: Hub, digits: Path, tmp_path: Path, command: Callable[..., Outcome]
) -> None:
    assert command("hub", "push", digits, REPO, "--out", tmp_path / "look")[0] == 0
    assert command("sample", tmp_path / "look", "--out", tmp_path / "samples.png")[0] == 0
    assert hub.asked == []


def test_offline_takes_what_was_fetched(
    hub: Hub, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(hub, digits, tmp_path)
    before = gradpen.from_hub(REPO).sample(3)
    hub.asked.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert np.array_equal(gradpen.from_hub(REPO).sample(3), before)
    with pytest.raises(RunError, match="ada/other is not whole in the hub's cache, and HF_HUB_OFFLINE is set"):
        gradpen.from_hub("ada/other")
    with pytest.raises(RunError, match="HF_HUB_OFFLINE is set; unset it to reach the hub"):
        push(tmp_path / "packed", REPO)
    assert hub.asked == []


def test_a_hub_that_is_not_there(hub: Hub, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where an older copy lies in the cache: it may have changed since."""
    pushed(hub, digits, tmp_path)
    gradpen.from_hub(REPO)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    for call in (lambda: gradpen.from_hub(REPO), lambda: push(tmp_path / "packed", REPO)):
        with pytest.raises(RunError, match="the hub cannot be reached") as found:
            call()
        assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ((500, b'{"error": "out of order"}'), r"the hub refused ada/digits: it answered 500 \(out of order\)"),
        ((200, b"<html>Please log in to the hotel's network</html>"), "ada/digits: the hub or its library failed"),
        ((200, b"{}"), "ada/digits"),
    ],
)
def test_a_hub_that_answers_nonsense(
    broken: tuple[int, bytes], sentence: str, hub: Hub, digits: Path, command: Callable[..., Outcome]
) -> None:
    hub.broken = broken
    for words in (("push", digits, REPO), ("pull", REPO)):
        code, _, err = command("hub", *words)
        assert code == 2
        assert re.search(sentence, err), err


def test_data_that_a_program_held(tmp_path: Path) -> None:
    """The card says the call instead of a command, and it makes the same run."""
    array, labels = np.random.default_rng(0).random((60, 8, 8), dtype=np.float32), np.arange(60) % 3
    run = gradpen.train(array, labels=labels, conditional=True, preset="wgan-gp-digits", out=tmp_path / "run", **COMMON)
    pack(run.path, REPO, tmp_path / "packed")
    call = 'gradpen.train(array, labels=labels, config="config.json")'
    assert f"\n    {call}\n" in (tmp_path / "packed" / "README.md").read_text()
    again = gradpen.train(array, labels=labels, config=tmp_path / "packed" / "config.json", out=tmp_path / "again")
    assert np.array_equal(again.sample(9), run.sample(9))


def damage(repo: Repo, name: str) -> None:
    content = repo.files[name]
    repo.commit(repo.files | {name: content[:-9] + b"X" + content[-8:]})


def without(repo: Repo, *names: str) -> None:
    repo.commit({name: content for name, content in repo.files.items() if not name.startswith(names)})


def with_manifest(repo: Repo, change: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    """Let a repository hold a manifest that is whole and says something else."""
    made = newest_checkpoint(tmp_path / "packed" / "checkpoint", silent)
    change(made.facts)
    place = write_checkpoint(
        tmp_path / "forged", Checkpoint(iteration=3, tensors=made.tensors, facts=made.facts), keep=None
    )
    repo.commit(repo.files | {"checkpoint/00000003/manifest.json": (place / "manifest.json").read_bytes()})


def own_generator(facts: dict[str, Any]) -> None:
    facts["config"]["generator"] = {"name": "own", "source": "antigravity:Generator"}


WRONG: dict[str, tuple[Callable[[Repo, Path], object], str]] = {
    "weights": (
        lambda repo, _: damage(repo, "checkpoint/00000003/generator.safetensors"),
        "is damaged: in checkpoint 00000003 generator.safetensors is not as it was written",
    ),
    "manifest": (
        lambda repo, _: damage(repo, "checkpoint/00000003/manifest.json"),
        "is damaged: in checkpoint 00000003",
    ),
    "configuration": (lambda repo, _: repo.commit(repo.files | {"config.json": b"{"}), r"config\.json cannot be read"),
    "no configuration": (lambda repo, _: without(repo, "config.json"), "it has no config.json"),
    "no checkpoint": (lambda repo, _: without(repo, "checkpoint/"), "it has no checkpoint/"),
    "no weights": (
        lambda repo, _: without(repo, "checkpoint/00000003/generator"),
        "is damaged: in checkpoint 00000003 generator.safetensors: No such file",
    ),
    "two checkpoints": (
        lambda repo, _: repo.commit(repo.files | {"checkpoint/00000009/manifest.json": b"{}"}),
        "2 checkpoints where a pushed run has one",
    ),
    "another kind": (
        lambda repo, _: repo.commit({"model.bin": b"x", "config.json": b"{}"}),
        r"it has no checkpoint/ \(it holds model.bin, config.json\)",
    ),
    "a shape that does not fit": (
        lambda repo, place: with_manifest(repo, lambda facts: facts.update(shape=[1, 9, 9]), place),
        "cannot be loaded: .* does not describe the generator in the checkpoint",
    ),
    "a shape that is none": (
        lambda repo, place: with_manifest(repo, lambda facts: facts.update(shape="x"), place),
        "files do not fit together",
    ),
    "facts that are missing": (
        lambda repo, place: with_manifest(repo, lambda facts: facts.pop("data_fingerprint"), place),
        "files do not fit together",
    ),
    "a stranger's code": (
        lambda repo, place: with_manifest(repo, own_generator, place),
        "its maker's own class, antigravity:Generator; in Python, give that class",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_repository_is_a_sentence(
    case: str, hub: Hub, digits: Path, tmp_path: Path, command: Callable[..., Outcome]
) -> None:
    spoil, sentence = WRONG[case]
    spoil(pushed(hub, digits, tmp_path), tmp_path)
    with pytest.raises(GradpenError, match=sentence) as found:
        gradpen.from_hub(REPO)
    assert REPO in str(found.value)
    assert "\n" not in str(found.value)
    code, _, err = command("hub", "pull", REPO, "--out", tmp_path / "pulled")
    assert code == 2
    assert REPO in err
    assert "antigravity" not in sys.modules
    assert not (tmp_path / "pulled").exists()


def test_a_generator_of_ones_own_is_given(hub: Hub, tmp_path: Path) -> None:
    from own_networks import Generator

    run = gradpen.train(preset="wgan-gp-digits", generator=Generator, out=tmp_path / "run", **COMMON)
    pushed(hub, run.path, tmp_path)
    assert "must be given" in (tmp_path / "packed" / "README.md").read_text()
    with pytest.raises(
        UsageError, match=r"give that class or a module of it: gradpen.from_hub\('ada/digits', generator=…\)"
    ):
        gradpen.from_hub(REPO)
    assert np.array_equal(gradpen.from_hub(REPO, generator=Generator).sample(3), run.sample(3))


def test_a_repository_of_somebody_elses_work_is_left_alone(hub: Hub, digits: Path, tmp_path: Path) -> None:
    hub.repos[REPO] = Repo()
    hub.repos[REPO].commit({".gitattributes": b"", "model.safetensors": b"work"})
    with pytest.raises(UsageError, match=r"ada/digits holds something else \(model.safetensors\)"):
        pushed(hub, digits, tmp_path)
    assert set(hub.repos[REPO].files) == {".gitattributes", "model.safetensors"}


def test_private_is_private_or_refused(hub: Hub, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(digits, REPO, tmp_path / "packed")
    push(tmp_path / "packed", REPO, private=True)
    assert hub.repos[REPO].private
    push(tmp_path / "packed", REPO, private=True)
    monkeypatch.setenv("HF_TOKEN", "hf_unknown")
    with pytest.raises(RunError, match="the hub has no model repository ada/digits, or it is private"):
        gradpen.from_hub(REPO)
    monkeypatch.setenv("HF_TOKEN", WRITER)
    push(tmp_path / "packed", "ada/open")
    with pytest.raises(UsageError, match="ada/open is there already and public"):
        push(tmp_path / "packed", "ada/open", private=True)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("", "nobody is logged in to the hub; run hf auth login"),
        ("hf_unknown", "the hub does not know the token it was given for ada/digits"),
        (READER, "your token may not do that to ada/digits"),
    ],
)
def test_who_may_not_push_is_told(
    token: str,
    sentence: str,
    hub: Hub,
    digits: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Callable[..., Outcome],
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    code, out, err = command("hub", "push", digits, REPO)
    assert (code, out) == (2, "")
    assert sentence in err
    assert not token or token not in err
    assert not hub.repos


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["push", "RUN", "digits"], "digits is no name of a repository; expected NAME/REPO"),
        (["push", "RUN", "ada/../x"], "is no name of a repository"),
        (["push", "RUN", "ada/x\n# y"], r"ada/x\n# y is no name of a repository"),
        (["push", "RUN", REPO, "--license=a: b"], "--license a: b: expected the hub's name of a licence"),
        (["push", "RUN", REPO, "--checkpoint=77"], "keeps no checkpoint of iteration 77"),
        (["push", "RUN", REPO, "--out", "RUN"], "is not empty"),
        (["push", "RUN", REPO, "--revision=main"], "--revision has no meaning for push"),
        (["push", "RUN"], "gradpen hub push RUN NAME/REPO"),
        (["push", "nowhere", REPO], "nowhere is not a run: it does not exist"),
        (["pull", "digits"], "digits is no name of a repository"),
        (["pull", REPO, "ada/other"], "gradpen hub pull NAME/REPO"),
        (["pull", REPO, "--private"], "--private has no meaning for pull"),
        (["pull", REPO, "--out", "RUN"], "is not empty"),
        (["pull", REPO, "--revision=v9"], "the hub has no model repository ada/digits"),
    ],
)
def test_mistakes_are_a_sentence(
    arguments: list[str], sentence: str, hub: Hub, digits: Path, command: Callable[..., Outcome]
) -> None:
    code, _, err = command("hub", *[str(digits) if word == "RUN" else word for word in arguments])
    assert code == 2
    assert sentence in err


def test_a_revision_that_is_not_there(hub: Hub, digits: Path, tmp_path: Path) -> None:
    pushed(hub, digits, tmp_path)
    with pytest.raises(RunError, match="ada/digits has no such revision"):
        gradpen.from_hub(REPO, revision="v9")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, digits: Path, tmp_path: Path) -> None:
    """What would be pushed can be looked at all the same."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match=r"install it with pip install 'gradpen\[hub\]'"):
        gradpen.from_hub(REPO)
    pack(digits, REPO, tmp_path / "packed")


def test_a_run_that_lost_its_description(digits: Path, tmp_path: Path) -> None:
    shutil.copytree(digits, tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    with pytest.raises(RunError, match=r"run\.json cannot be read"):
        pack(tmp_path / "run", REPO, tmp_path / "packed")


def test_what_other_commands_say_of_a_run_from_the_hub(tmp_path: Path, command: Callable[..., Outcome]) -> None:
    """It has no critic to train and no training images to show; its report and its verdict need neither."""
    gradpen.train(preset="wgan-gp-digits", out=tmp_path / "run", **COMMON)
    pack(tmp_path / "run", REPO, tmp_path / "packed")
    for option in ("--resume", "--from"):
        code, _, err = command("train", option, tmp_path / "packed", "--iterations=9")
        assert code == 2
        assert "packed holds a generator alone, as runs from the hub do" in err
    assert command("hub", "push", tmp_path / "packed", REPO, "--out", tmp_path / "again")[0] == 0
    first, second = (tmp_path / name / "README.md" for name in ("packed", "again"))
    assert first.read_text() == second.read_text()
    assert command("diagnose", tmp_path / "packed")[0] == 0
    assert command("report", tmp_path / "packed")[0] == 0
    page = (tmp_path / "packed" / "report.html").read_text()
    assert "Verdict at iteration 3" in page
    assert "training images</figcaption>" not in page


def test_as_a_user_types_it(hub: Hub, digits: Path, tmp_path: Path) -> None:
    """In processes of their own, with the environment alone."""
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_TOKEN": WRITER}
    for words in (["push", str(digits), REPO], ["pull", REPO, "--out", "pulled"]):
        command = [sys.executable, "-m", "gradpen", "hub", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert np.array_equal(gradpen.load(tmp_path / "pulled").sample(3), gradpen.load(digits).sample(3))
