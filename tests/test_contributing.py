"""CONTRIBUTING is true: what it adds to the source, done to a copy, works as it says."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def apply(copy: Path, block: str) -> None:
    """Do to the copy what the first line of a block says: a new file, or lines beside an anchor."""
    first, _, code = block.partition("\n")
    found = re.fullmatch(r"# (\S+?)(?:, (before|after|instead of): (.+))?", first)
    assert found, first
    file, how, anchor = copy / found[1], found[2], found[3]
    if how is None:
        file.write_text(code)
        return
    lines = file.read_text().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if line.startswith(anchor))
    lines[place + (how == "after") : place + (how != "before")] = [code, "\n\n"] if how == "before" else [code]
    file.write_text("".join(lines))


def test_every_addition_works_as_written(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src")
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        apply(tmp_path, block)
    (tmp_path / "tiles.8x8.raw").write_bytes(bytes(range(256)) * 10)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "OMP_NUM_THREADS": "1"}
    commands = re.findall(r"^\$ gradpen (.*)$", TEXT, re.MULTILINE)
    assert len(commands) == 5
    code = (
        f"import sys; from gradpen.cli import main; sys.exit(any(main(a) for a in {list(map(shlex.split, commands))}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for words in ("| wasserstein + absolute-penalty |", "contrast  ", "40 usable of 40 found"):
        assert words in done.stdout
    assert '"name": "linear"' in (tmp_path / "network" / "config.json").read_text()
    code = "import gradpen; print(gradpen.AbsolutePenalty(), gradpen.LinearCritic())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "AbsolutePenalty(name='absolute-penalty', weight=10.0)" in done.stdout
