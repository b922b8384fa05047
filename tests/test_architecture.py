"""The import direction, and what never enters the source."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "gradpen"
LAYERS = [
    "errors text language choice schedule augmentation batch objectives penalties lipschitz coupling networks data "
    "machine",
    "gan algorithm auxiliary optimizers sampling metrics checking",
    "config settings presets",
    "runs",
    "looking",
    "studies",
    "api evaluation hub page commands cli",
    "__main__",
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms.split()}
FILES = [file for file in sorted(SOURCE.rglob("*.py")) if file.name != "__init__.py"]
FORBIDDEN = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "torchvision"}
SCHEDULES = ("studies.engine", {"joblib"})
"""the one file that hands work to joblib, which reads files there never"""


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts)


def imported(file: Path) -> set[str]:
    """The modules of gradpen that a file imports, as ``room.module``."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gradpen"):
            base = (node.module or "").removeprefix("gradpen").lstrip(".")
            names = [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
            found |= {name if name in MODULES else base for name in names} - {""}
    return found


MODULES = {module_name(file) for file in FILES}
IMPORTS = {module_name(file): imported(file) for file in FILES}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_only(module: str) -> None:
    own = LEVEL[module.split(".")[0]]
    for other in IMPORTS[module]:
        assert LEVEL[other.split(".")[0]] <= own, f"{module} imports {other}"


def test_no_circles() -> None:
    """Not among modules, of which each can so be imported first, and not among rooms."""
    rooms: dict[str, set[str]] = {}
    for module, others in IMPORTS.items():
        room = module.split(".")[0]
        rooms.setdefault(room, set()).update({other.split(".")[0] for other in others} - {room})
    for graph in (IMPORTS, rooms):
        list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_nothing_unsafe(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert not FORBIDDEN & {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            allowed = SCHEDULES[1] if module_name(file) == SCHEDULES[0] else set()
            assert (node.module or "").split(".")[0] not in FORBIDDEN - allowed
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
    assert text.count("\n") <= 120
    for word in ("logging", "print(", "config", "checkpoint", "autocast"):
        assert word not in text


def test_importing_gradpen_costs_nothing() -> None:
    """Neither the package nor the command line's help brings torch in."""
    code = "import sys, gradpen, gradpen.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_training_imports_no_compiler_and_no_classifiers(tmp_path: Path) -> None:
    """``torch._dynamo`` and scikit-learn take two seconds of every command, and training needs neither."""
    code = "import sys, gradpen.cli; gradpen.cli.main(); print(sorted({'torch._dynamo', 'sklearn'} & set(sys.modules)))"
    command = ["train", "--preset", "wgan-gp-digits", "--iterations", "2", "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_public_names_are_those_of_their_modules() -> None:
    """Each module says in ``__all__`` what is public; the package and its stub name the modules, and no name twice."""
    package: Any = importlib.import_module("gradpen")
    stub = (SOURCE / "__init__.pyi").read_text()
    assert sorted(re.findall(r"^from gradpen\.([\w.]+) import \*", stub, re.MULTILINE)) == sorted(package.HOMES)
    assert len(package.__all__) == len(set(package.__all__)) > 40
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018


def families() -> dict[str, tuple[type, ...]]:
    from gradpen.lipschitz import CONSTRAINTS
    from gradpen.networks.choices import CRITICS, GENERATORS
    from gradpen.objectives import OBJECTIVES
    from gradpen.optimizers import OPTIMIZERS

    return {
        "objective": OBJECTIVES,
        "constraint": CONSTRAINTS,
        "generator": GENERATORS,
        "critic": CRITICS,
        "critic_optimizer": OPTIMIZERS,
    }


def test_every_choice_is_public_and_can_be_configured() -> None:
    """One tuple for each family is what the package, configurations and the schema read."""
    import gradpen
    from gradpen.settings import ADAPTER

    schema = ADAPTER.json_schema()
    for part, family in families().items():
        for member in family:
            assert getattr(gradpen, member.__name__) is member
        names = {member.name for member in family}  # type: ignore[attr-defined]
        assert set(schema["properties"][part]["discriminator"]["mapping"]) == names


def public() -> dict[str, Any]:
    package: Any = importlib.import_module("gradpen")
    return {name: getattr(package, name) for name in package.__all__}


@pytest.mark.parametrize("name", sorted(name for name, found in public().items() if inspect.isfunction(found)))
def test_every_argument_of_a_public_function_is_explained(name: str) -> None:
    function = public()[name]
    text = inspect.getdoc(function) or ""
    arguments = text.partition("Args:")[2].partition("Returns:")[0]
    missing = [argument for argument in inspect.signature(function).parameters if f"    {argument}: " not in arguments]
    assert not missing


@pytest.mark.parametrize("name", sorted(name for name, found in public().items() if inspect.isclass(found)))
def test_every_public_class_shows_how_it_is_used(name: str) -> None:
    assert ">>> " in (public()[name].__doc__ or "")


COPIED = ("looking.verdict_pages",)
"""what prints commands to copy"""


def prose(tree: ast.AST) -> list[str]:
    """All texts of a module but its docstrings."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(n.body[0].value) for n in ast.walk(tree) if isinstance(n, holders) and ast.get_docstring(n)}  # type: ignore[attr-defined]
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return [node.value for node in constants if isinstance(node.value, str)]


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if not name.startswith(("commands", "cli", "presets", *COPIED)))
)
def test_options_are_named_by_the_command_line_alone(module: str) -> None:
    """Messages below it name settings, in backticks."""
    file = SOURCE / f"{module.replace('.', '/')}.py"
    for text in filter(lambda text: " " in text, prose(ast.parse(file.read_text()))):
        assert not re.search(r"(?<![\w(-])--[a-z]+[ =).,;]", f"{text} "), text
