"""The rules of the house: who may import whom, and that nothing happens at import.

Rooms meet through files, never through each other's code. Inside the library data flows one way:
nouns <- leaves <- what joins them. A new file of the library belongs in one of these layers below.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "scripts",
    "synthetic_aug",
    "orientation",
    "camera",
    "ensemble",
    "submissions",
    "unsupervised",
    "gallery",
)
# Rooms that may import others. None: even the scripts run the other rooms' verbs as commands.
CONDUCTORS: frozenset[str] = frozenset()

# A pool hands its worker processes a value through a global or not at all.
POOL_WORKERS = frozenset({"synthetic_aug/city/worker.py"})

# The library's modules, below ``vreid``; a package stands for all that is in it.
NOUNS = frozenset(
    {"errors", "files", "named_rows", "tables", "data.sample", "features", "distance"}
    | {"ranking", "protocol", "provenance", "scores", "relevance"}
    # How arrays are worked on fast: products, compiled loops, exact search.
    | {"product", "compiled", "blocks", "counting", "neighbours", "draws"}
    | {"distributed", "masks", "predictions", "bootstrap"}
)
LEAVES = frozenset(
    {"data", "models", "losses", "optim", "schedules", "averaging", "precision"}
    | {
        "metrics",
        "rerank",
        "fusion",
        "rank_fusion",
        "expand",
        "tracks",
        "debias",
        "whitening",
        "pairs",
        "clusters",
        "constraints",
        "image_distance",
        "coordinate",
        "shared_vehicles",
        "slices",
        "travel",
    }
)
JOINING = frozenset(
    {
        "build",
        "build_boxes",
        "build_data",
        "build_losses",
        "build_swap",
        "checkpoint",
        "class_values",
        "classify",
        "cli",
        "config",
        "config_check",
        "config_keys",
        "config_tree",
        "engine",
        "keeper",
        "extract",
        "finite",
        "forward_hash",
        "journal",
        "judge",
        "learner",
        "learnt",
        "options",
        "predict_verbs",
        "report",
        "runs",
        "step",
        "stopping",
        "trained",
        "validate",
    }
)
# Functions of arrays: no configuration, no logging, no files but what the nouns save and load.
ARRAY_MODULES = (
    "metrics",
    "scores",
    "counting",
    "relevance",
    "neighbours",
    "rerank",
    "fusion",
    "rank_fusion",
    "expand",
    "tracks",
    "debias",
    "whitening",
    "ranking",
    "protocol",
    "blocks",
    "distance",
)
NOT_FOR_ARRAYS = frozenset({"logging", "argparse", "yaml", "yacs", "io", "os", "tempfile"})

# Calls that only make a value; a constructor, told by its capital, is one as well.
VALUE_CALLS = frozenset(
    {"dict", "enumerate", "float", "frozenset", "int", "len", "list", "range", "sorted", "str"}
    | {"tuple", "zip", "max", "min", "maketrans"}
    | {"array", "compile", "field", "get_args", "getLogger", "timedelta"}
)


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


LIBRARY_FILES = python_files(ROOT / "lib" / "vreid")
ROOM_FILES = [path for room in ROOMS for path in python_files(ROOT / room)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def dotted(path: Path, base: Path) -> str:
    """``lib/vreid/data/sample.py`` -> ``vreid.data.sample``."""
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.Module, module: str) -> Iterator[str]:
    """Full names of everything imported anywhere in a file, relative imports resolved.

    ``from a import b`` gives ``a.b``, since b may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(module.split(".")[: -node.level]) if node.level else ""
            whole = ".".join(part for part in (base, node.module) if part)
            yield from (f"{whole}.{alias.name}" for alias in node.names)


def belongs(name: str, modules: frozenset[str]) -> str | None:
    """The module of a layer that ``vreid.…`` is or lies in."""
    parts = name.removeprefix("vreid.").split(".")
    found = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((module for module in found if module in modules), None)


def layer_breaches(module: str, imported: str) -> str | None:
    """Why a module of the library may not import another, or None when it may."""
    if imported == "vreid" or belongs(imported, NOUNS):
        return None
    if belongs(module, NOUNS):
        return "a noun imports nouns only"
    home = belongs(module, LEAVES)
    if home is None:
        return None
    if belongs(imported, LEAVES) == home:
        return None
    return f"{home} is a leaf and imports nouns and its own package only"


@pytest.mark.parametrize("path", LIBRARY_FILES, ids=name_of)
def test_the_library_keeps_its_layers(path: Path) -> None:
    module = dotted(path, ROOT / "lib")
    if module not in ("vreid", "vreid.data"):
        known = NOUNS | LEAVES | JOINING
        assert belongs(module, known), f"{name_of(path)}: put {module} into a layer of this test"
    for imported in imports(parse(path), module):
        assert imported.split(".")[0] not in ROOMS, f"{name_of(path)} imports the room {imported}"
        if imported.split(".")[0] == "vreid":
            breach = layer_breaches(module, imported)
            assert breach is None, f"{name_of(path)} imports {imported}: {breach}"


@pytest.mark.parametrize("path", ROOM_FILES, ids=name_of)
def test_rooms_do_not_import_each_other(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for imported in imports(parse(path), dotted(path, ROOT)):
        other = imported.split(".")[0]
        allowed = other not in ROOMS or other == room or room in CONDUCTORS
        assert allowed, f"{name_of(path)} imports {imported}; rooms meet through files"


@pytest.mark.parametrize("module", ARRAY_MODULES)
def test_functions_of_arrays_know_no_configuration(module: str) -> None:
    single = ROOT / "lib" / "vreid" / f"{module}.py"
    for path in [single] if single.exists() else python_files(single.with_suffix("")):
        for imported in imports(parse(path), dotted(path, ROOT / "lib")):
            assert imported.split(".")[0] not in NOT_FOR_ARRAYS, f"{path} imports {imported}"
            assert belongs(imported, frozenset({"config", "options"})) is None


@pytest.mark.parametrize("path", LIBRARY_FILES, ids=name_of)
def test_compiled_loops_call_only_those_of_their_own_file(path: Path) -> None:
    """numba's cache on disk knows when this file changed, not when another one did."""
    tree = parse(path)
    loops = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and {getattr(one, "id", "") for one in node.decorator_list} & {"compiled", "reordered"}
    ]
    imported = {
        (alias.asname or alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vreid")
        for alias in node.names
    }
    for loop in loops:
        called = {
            node.func.id
            for node in ast.walk(loop)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & imported, f"{loop.name} calls {called & imported} of another file"


@pytest.mark.parametrize("path", LIBRARY_FILES + ROOM_FILES, ids=name_of)
def test_nothing_happens_at_import(path: Path) -> None:
    breaches = [
        f"{name_of(path)}:{line}: {what}" for line, what in import_time_breaches(parse(path).body)
    ]
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize("path", LIBRARY_FILES + ROOM_FILES, ids=name_of)
def test_no_function_changes_a_global(path: Path) -> None:
    if name_of(path) in POOL_WORKERS:
        return
    lines = [node.lineno for node in ast.walk(parse(path)) if isinstance(node, ast.Global)]
    assert not lines, f"{name_of(path)}: global statement in line {lines}; pass the value instead"


def import_time_breaches(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """What a module's or a class's body does beyond imports, definitions and constants."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) or is_docstring(node):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defaults = [*node.args.defaults, *node.args.kw_defaults]
            yield from (call for value in defaults if value for call in forbidden_calls(value))
        elif isinstance(node, ast.ClassDef):
            yield from import_time_breaches(node.body)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            if node.value is not None:
                yield from forbidden_calls(node.value)
        elif isinstance(node, ast.If) and is_import_guard(node.test):
            if ast.unparse(node.test) == "TYPE_CHECKING":
                yield from import_time_breaches(node.body)
        else:
            yield node.lineno, f"{type(node).__name__} statement at import"


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_import_guard(test: ast.expr) -> bool:
    return ast.unparse(test) in ("__name__ == '__main__'", "TYPE_CHECKING")


def forbidden_calls(value: ast.expr) -> Iterator[tuple[int, str]]:
    """Calls in an expression that do more than make a value; those inside lambdas wait."""
    waiting = {
        id(inner)
        for node in ast.walk(value)
        if isinstance(node, ast.Lambda)
        for inner in ast.walk(node.body)
    }
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and id(node) not in waiting:
            called = ast.unparse(node.func).rsplit(".", 1)[-1]
            if called not in VALUE_CALLS and not called[:1].isupper():
                yield node.lineno, f"calls {ast.unparse(node.func)} at import"


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.manual_seed(0)",
        "import logging\nlogging.basicConfig()",
        "RNG = np.random.default_rng(0)",
        "for name in names:\n    pass",
        "class A:\n    seed = now()",
        "def f(rng=default_rng(0)): ...",
        "if here:\n    import there",
    ],
)
def test_the_import_rule_has_teeth(code: str) -> None:
    assert list(import_time_breaches(ast.parse(code).body))


@pytest.mark.parametrize(
    "code",
    [
        '"""What it is."""\nimport re\nNUMBER = re.compile("[0-9]+")\nMARKET = Protocol(name="m")',
        "class A:\n    names: list[str] = field(default_factory=lambda: list(range(3)))",
        "if __name__ == '__main__':\n    main()",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import b",
        "def f(k=1, *, dist=None):\n    torch.manual_seed(0)",
    ],
)
def test_the_import_rule_lets_definitions_pass(code: str) -> None:
    assert not list(import_time_breaches(ast.parse(code).body))


@pytest.mark.parametrize(
    ("module", "imported", "allowed"),
    [
        ("vreid.distance", "vreid.features.Features", True),
        ("vreid.distance", "vreid.rerank", False),
        ("vreid.metrics", "vreid.data.sample.UNKNOWN", True),
        ("vreid.metrics", "vreid.data.images", False),
        ("vreid.data.csv_table", "vreid.data.images.read", True),
        ("vreid.losses.combined", "vreid.config.Config", False),
        ("vreid.engine", "vreid.losses.combined", True),
    ],
)
def test_the_layers_are_told_apart(module: str, imported: str, allowed: bool) -> None:
    assert (layer_breaches(module, imported) is None) == allowed


def test_relative_imports_are_resolved() -> None:
    tree = ast.parse("from . import a\nfrom .b import c\nfrom ..d import e\nimport f.g")
    found = ["vreid.data.a", "vreid.data.b.c", "vreid.d.e", "f.g"]
    assert list(imports(tree, "vreid.data.sample")) == found
