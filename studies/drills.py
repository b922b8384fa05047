"""Reliability drills: what stops or damages a run is done to it, many times, and what comes of it is counted.

Each drill says how often it was tried, how often gradpen did what it promises, and what fell short.

    python studies/drills.py [--share 1] [--only kill signals ...] [--out drills.json]

``--share 0.1`` tries a tenth as often. About ten minutes on one core, in a temporary folder (``TMPDIR`` chooses the
disk).
"""

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import gradpen
from gradpen.cli import main
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.errors import DataError, GradpenError
from gradpen.runs.checkpoint import checkpoint_folders

TINY = [
    *("--preset", "wgan-gp-digits", "--iterations", "60", "--batch-size", "8", "--set", "threads=1", "critic_steps=1"),
    *("cadence.log_every=10", "cadence.sample_every=30", "cadence.save_every=1", "cadence.grid=4"),
]
STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}
LONGEST_SENTENCE = 1500


@dataclass
class Count:
    """What came of a drill."""

    tried: int = 0
    short: list[str] = field(default_factory=list)

    def take(self, as_promised: bool, what: str) -> None:
        self.tried += 1
        if not as_promised:
            self.short.append(what)


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A gradpen of its own."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    started: subprocess.Popen[str] = subprocess.Popen([sys.executable, "-m", "gradpen", *map(str, arguments)], **given)
    return started


def weights(run: Path) -> bytes:
    """The newest checkpoint's networks and optimisers, whole."""
    newest = checkpoint_folders(run / "checkpoint")[0]
    return b"".join(file.read_bytes() for file in sorted(newest.glob("*.safetensors")))


def kill(place: Path, chance: random.Random, tries: int) -> Count:
    """Killed at any instant while it saves after every iteration, and resumed: the same weights, bit for bit."""
    count = Count()
    start("train", *TINY, "--out", place / "whole").communicate()
    expected = weights(place / "whole")
    for number in range(tries):
        run = place / f"run{number}"
        process = start("train", *TINY, "--out", run)
        while process.poll() is None and not (run / "checkpoint").exists():
            time.sleep(0.01)
        time.sleep(chance.random() * 1.5)
        process.kill()
        process.communicate()
        resumed = start("train", "--resume", run)
        _, err = resumed.communicate()
        same = resumed.returncode == 0 and weights(run) == expected
        count.take(same and "Traceback" not in err, f"kill {number}: {resumed.returncode} {err[-200:]}")
        shutil.rmtree(run)
    return count


def wait_for_handlers(process: subprocess.Popen[str]) -> None:
    """Wait until a process answers SIGTERM itself, as Linux tells; elsewhere as long as Python takes to begin."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        time.sleep(0.3)
    while status.exists() and process.poll() is None:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.005)


def signals(place: Path, chance: random.Random, tries: int) -> Count:
    """Ctrl-C, SIGTERM and two Ctrl-C at any instant from import to end: a sentence and the signal's exit code."""
    count = Count()
    begun = time.monotonic()
    start("train", *TINY, "--out", place / "whole").communicate()
    lasts = time.monotonic() - begun
    for number in range(tries):
        sent = chance.choice([signal.SIGINT, signal.SIGTERM])
        after = chance.random() * lasts
        process = start("train", *TINY, "--out", place / f"run{number}")
        wait_for_handlers(process)
        time.sleep(after)
        process.send_signal(sent)
        if sent == signal.SIGINT and number % 3 == 0:
            time.sleep(0.05)
            process.send_signal(sent)
        _, err = process.communicate()
        fine = process.returncode in (0, STOPPED[sent]) and "Traceback" not in err
        count.take(fine, f"{sent.name} after {after:.2f} s: {process.returncode} {err[-200:]}")
    return count


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A bit flipped, bytes overwritten, the end cut off, or nothing left."""
    way = chance.randrange(4)
    if way == 0 and content:
        place = chance.randrange(len(content))
        return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
    if way == 1 and content:
        place = chance.randrange(len(content))
        return content[:place] + chance.randbytes(8) + content[place + 8 :]
    return content[: chance.randrange(len(content) + 1)] if way == 2 else b""


def reads(run: Path, allowed: list[np.ndarray[Any, Any]]) -> str:
    """Load a run and draw samples: empty if they are among those allowed or a sentence came, else what happened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn = gradpen.load(run).sample(4)
    except GradpenError as error:
        return "" if len(str(error)) < LONGEST_SENTENCE else "a sentence too long"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "" if any(np.array_equal(drawn, one) for one in allowed) else "other samples without a word"


def small_run(place: Path) -> tuple[Path, list[np.ndarray[Any, Any]]]:
    """A run with two checkpoints, and the samples of both."""
    call("train", *TINY[:-1], "--out", str(place / "run"))
    numbers = [int(folder.name) for folder in checkpoint_folders(place / "run" / "checkpoint")]
    return place / "run", [gradpen.load(place / "run", checkpoint=number).sample(4) for number in numbers]


def damage_of(pattern: str) -> Callable[[Path, random.Random, int], Count]:
    """The drill that damages one file of a run at a time."""

    def drill(place: Path, chance: random.Random, tries: int) -> Count:
        run, allowed = small_run(place)
        count = Count()
        files = sorted(run.glob(pattern))
        for _ in range(tries):
            file = chance.choice(files)
            whole = file.read_bytes()
            file.write_bytes(damaged(whole, chance))
            short = reads(run, allowed)
            count.take(not short, f"{file.relative_to(run)}: {short}")
            file.write_bytes(whole)
        return count

    return drill


def cache(place: Path, chance: random.Random, tries: int) -> Count:
    """Decoded images and their description are damaged: they are decoded again, the same."""
    os.environ["GRADPEN_CACHE"] = str(place / "cache")
    folder = pictures(place / "images", 30)
    source = open_source(DataChoice(path=str(folder)))
    expected, pixels = (source.fingerprint, source.report), source.images.copy()
    count = Count()
    for _ in range(tries):
        (stored,) = (entry for entry in (place / "cache").iterdir() if entry.is_dir() and "." not in entry.name)
        file = stored / chance.choice(["meta.json", "images.npy"])
        file.write_bytes(damaged(file.read_bytes(), chance))
        try:
            found = open_source(DataChoice(path=str(folder)))
            same = (found.fingerprint, found.report) == expected and np.array_equal(found.images, pixels)
            count.take(same, f"{file.name}: other data or another report")
        except Exception as error:
            count.take(False, f"{file.name}: {type(error).__name__}: {error}"[:200])
    return count


def pictures(folder: Path, number: int) -> Path:
    """A folder of noise."""
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (number, 12, 12, 3), dtype=np.uint8)
    for row, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{row:03d}.png")
    return folder


def images(place: Path, chance: random.Random, tries: int) -> Count:
    """Damaged files of every format among whole ones: used or named, never raised."""
    count = Count()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8))
    for suffix in ("png", "jpg", "webp", "gif", "bmp", "tif", "ppm"):
        folder = pictures(place / suffix, 20)
        buffer = io.BytesIO()
        noise.save(buffer, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
        for number in range(max(1, tries // 7)):
            (folder / f"odd{number}.{suffix}").write_bytes(damaged(buffer.getvalue(), chance))
        try:
            report = open_source(DataChoice(path=str(folder), size=(12, 12))).report
            whole = report.used + len(report.unreadable) == report.found
            for _ in range(max(1, tries // 7)):
                count.take(whole, f"{suffix}: {report.used} of {report.found} used, {len(report.unreadable)} named")
        except Exception as error:
            count.take(False, f"{suffix}: {type(error).__name__}: {error}"[:200])
    return count


def arrays(place: Path, chance: random.Random, tries: int) -> Count:
    """Damaged arrays: opened as they are, or a sentence."""
    count = Count()
    numbers = np.random.default_rng(0).normal(size=(30, 8, 8)).astype(np.float32)
    np.save(place / "whole.npy", numbers)
    np.savez(place / "whole.npz", images=numbers, labels=np.arange(30) % 3)
    for number in range(tries):
        suffix = ("npy", "npz")[number % 2]
        file = place / f"damaged.{suffix}"
        file.write_bytes(damaged((place / f"whole.{suffix}").read_bytes(), chance))
        try:
            open_source(DataChoice(path=str(file)))
            count.take(True, "")
        except DataError as error:
            count.take(len(str(error)) < LONGEST_SENTENCE, f"{suffix}: a sentence too long")
        except Exception as error:
            count.take(False, f"{suffix}: {type(error).__name__}: {error}"[:200])
    return count


SETTINGS = [
    *("batch_size=1", "batch_size=big", "batch_size=1e99", "critic_steps=0", "critic_step=3", "generator.width=0"),
    *("generator.width=99999999999", "constraint=clip", "constraint.weight=nan", "constraint.threshold=1", "seed=-1"),
    *("device=abacus", "precision=fp8", "threads=0", "threads=100000", "data.size=0", "data.size=1x2x3", "data.fit=no"),
    *("data.range=2,1", "data.axes=XYZ", "data.background=blakc", "objective=", "=3", "seed", "generator.arguments=3"),
    *("generator=own", "generator.source=os:system", "critic.norm=batch", "average=2", "average=-1", "augmentation=3"),
    *("iterations=0", "cadence.keep=1", "cadence.keep=some", "generator_optimizer.beta1=2", "data.held_out=0.9"),
    f"x={'[' * 50_000}",
    f"seed={'9' * 5000}",
    f"{'a' * 3000}=1",
    "generator.latent_dim=1e9",
]


def configurations(place: Path, chance: random.Random, tries: int) -> Count:
    """Settings that cannot be: exit code 2 and a sentence of bounded length."""
    del chance
    count = Count()
    for setting in SETTINGS[: max(tries, 1)]:
        code, said = call("train", *TINY[:2], "--iterations", "1", "--out", str(place / "run"), "--set", setting)
        fine = code == 2 and len(said) < LONGEST_SENTENCE and "Traceback" not in said
        count.take(fine, f"{setting[:60]}: {code} {said[-200:]}")
        shutil.rmtree(place / "run", ignore_errors=True)
    return count


def call(*arguments: str) -> tuple[int, str]:
    """The command line in this process: its exit code and what it says of errors."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(heard):
        try:
            code = main(list(arguments))
        except Exception as error:
            return -1, f"Traceback {type(error).__name__}: {error}"
    return code, heard.getvalue()


def same_folder(place: Path, chance: random.Random, tries: int) -> Count:
    """Four begin in one folder at once: one trains, three say why not."""
    del chance
    count = Count()
    for number in range(tries):
        crowd = [start("train", *TINY, "--out", place / f"run{number}") for _ in range(4)]
        said = [process.communicate()[1] for process in crowd]
        codes = sorted(process.returncode for process in crowd)
        count.take(codes == [0, 2, 2, 2] and "Traceback" not in "".join(said), f"{codes} {said[-1][-200:]}")
    return count


def full_disk(place: Path, chance: random.Random, tries: int) -> Count:
    """No file may grow beyond a limit, as on a full disk: exit code 2, and what was saved before is whole."""
    count = Count()
    for number in range(tries):
        run, limit = place / f"run{number}", chance.randrange(1_000, 2_000_000)

        def limited(limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        process = start("train", *TINY, "--out", run, preexec_fn=limited)
        _, err = process.communicate()
        fine = process.returncode in (0, 2) and "Traceback" not in err
        whole = not checkpoint_folders(run / "checkpoint") if (run / "checkpoint").is_dir() else True
        count.take(fine and (whole or not reads_whole(run)), f"limit {limit:,}: {process.returncode} {err[-200:]}")
    return count


def reads_whole(run: Path) -> str:
    """Load a run and draw samples: empty if that works, else what happened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gradpen.load(run).sample(2)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return ""


def nobody_listens(place: Path, chance: random.Random, tries: int) -> Count:
    """Who reads the log goes away, or it leads to a full disk: training goes on to its end."""
    count = Count()
    for number in range(tries):
        run = place / f"run{number}"
        if number % 2:
            with open("/dev/full", "w") as full:
                process = start("train", *TINY, "--out", run, stdout=full, stderr=full)
                process.communicate()
        else:
            process = start("train", *TINY, "--out", run)
            time.sleep(chance.random() * 3)
            assert process.stdout is not None and process.stderr is not None  # noqa: PT018
            process.stdout.close()
            process.stderr.close()
            process.wait()
        state = json.loads((run / "run.json").read_text())["state"] if (run / "run.json").exists() else "no folder"
        count.take(state == "finished" and process.returncode in (0, 1, 2), f"{process.returncode}, {state}")
    return count


DRILLS: dict[str, tuple[Callable[[Path, random.Random, int], Count], int]] = {
    "kill": (kill, 8),
    "signals": (signals, 20),
    "checkpoints": (damage_of("checkpoint/*/*"), 250),
    "manifests": (damage_of("checkpoint/*/manifest.json"), 250),
    "run files": (damage_of("*.json*"), 300),
    "cache": (cache, 120),
    "images": (images, 350),
    "arrays": (arrays, 200),
    "configurations": (configurations, len(SETTINGS)),
    "same folder": (same_folder, 2),
    "full disk": (full_disk, 6),
    "nobody listens": (nobody_listens, 4),
}
"""each with how often it is tried"""


def results(names: list[str], share: float, seed: int) -> Iterator[tuple[str, Count, float]]:
    """Do the drills one after the other, each in a folder of its own."""
    for name in names:
        drill, tries = DRILLS[name]
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            os.environ["GRADPEN_CACHE"] = str(Path(place) / "cache")
            counted = drill(Path(place), random.Random(seed), max(1, round(tries * share)))
        yield name, counted, time.monotonic() - begun


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", choices=list(DRILLS), default=list(DRILLS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    table: dict[str, Any] = {}
    for name, counted, seconds in results(options.only, options.share, options.seed):
        promised = counted.tried - len(counted.short)
        print(f"{name:16s}{counted.tried:6d} tried {promised:6d} as promised {seconds:7.0f} s", flush=True)
        for short in counted.short[:3]:
            print(f"    {short}")
        table[name] = {"tried": counted.tried, "as promised": promised, "fell short": counted.short, "seconds": seconds}
    if options.out:
        options.out.write_text(json.dumps({"gradpen": gradpen.__version__, "drills": table}, indent=1))
    return 1 if any(row["fell short"] for row in table.values()) else 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
