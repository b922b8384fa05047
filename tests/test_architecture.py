"""The import direction, and what never enters the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "gradpen"
LAYERS = [
    ["choice", "errors", "names", "batch", "processes"],
    [
        "networks.blocks",
        "networks.layers",
        "networks.dropout",
        "networks.precision",
        "networks.norms",
        "networks.fused",
    ],
    ["networks.conditional", "data.labels"],
    [
        "objectives",
        "lipschitz",
        "optimizers",
        "networks.mlp",
        "networks.dcgan",
        "networks.stages",
        "networks.residual",
        "data.decode",
        "runtime",
    ],
    [
        "data.choice",
        "data.tables",
        "data.source",
        "data.folder",
        "data.procedural",
        "data.idx",
        "data.cifar",
        "data.arrays",
        "figures",
        "progress",
    ],
    ["data.decoding", "data.columns", "data.lsun"],
    ["data.store"],
    ["data.open"],
    ["gan", "averaging", "metrics.critic", "metrics.samples", "metrics.neighbours"],
    ["algorithm"],
    ["auxiliary"],
    ["config"],
    ["presets.preset", "sampling", "checkpoint"],
    [
        "presets.sized",
        "presets.pytorch_gan",
        "presets.papers",
        "presets.book",
        "presets.book_2019",
        "presets.keras_io",
        "presets.reduced",
    ],
    ["presets.catalogue"],
    ["runs", "evaluation", "walks"],
    ["session", "memorisation"],
    ["measuring", "preconditions"],
    ["trainer", "report"],
    ["vae"],
    ["api"],
    ["compare"],
    ["commands.options"],
    ["commands.train", "commands.look", "commands.compare", "commands.data", "commands.presets", "commands.vae"],
    ["cli"],
    ["__main__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = [file for file in sorted(SOURCE.rglob("*.py")) if file.name != "__init__.py"]
FORBIDDEN = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "torchvision"}


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts)


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_imports_go_down_only(file: Path) -> None:
    own = LEVEL[module_name(file)]
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradpen"):
            base = (node.module or "").removeprefix("gradpen").lstrip(".")
            names = [base] if base in LEVEL else [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
        for name in names:
            assert LEVEL[name] < own or (LEVEL[name] == own and own <= 3), f"{module_name(file)} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_nothing_unsafe(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert not FORBIDDEN & {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "a bare except hides errors"
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            assert call not in ("eval", "exec", "torch.load", "torch.jit.load", "os.system")
            arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert arguments.get("shell") != "True"
            if call == "np.load":
                assert arguments.get("allow_pickle", "False") == "False"
            if call == "print":
                assert module_name(file) == "cli" or module_name(file).startswith("commands.")


def test_algorithm_is_a_page() -> None:
    text = (SOURCE / "algorithm.py").read_text()
    assert text.count("\n") <= 100
    for word in ("logging", "print(", "config", "checkpoint", "autocast"):
        assert word not in text


def test_importing_gradpen_costs_nothing() -> None:
    """Neither the package nor the command line's help brings torch in."""
    code = "import sys, gradpen, gradpen.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_are_there() -> None:
    import gradpen

    for name in gradpen.__all__:
        assert getattr(gradpen, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gradpen.nothing  # noqa: B018
