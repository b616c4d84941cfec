"""The plan of the house: who imports whom, and how large a room may be."""

import ast
import io
import re
import sys
import tokenize
import tomllib
import warnings
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sknewtonnet"

# From the ground up; rooms of one floor do not know each other. The contracts of import-linter in
# pyproject.toml say the same for `lint-imports`; this is what the README's test command sees.
FLOORS = [
    {"_typing", "_lazy", "_figures", "_frames", "_names", "_tables", "_threads", "_version"},
    {"_path_figures"},
    {"calculus.pieces"},
    {"calculus.passes"},
    {"calculus.functions"},
    {"calculus"},
    {"solvers", "inference"},
    {"inspection", "testing"},
    {"_sklearn"},
    {"estimators"},
    {"pruning"},
    {"formula"},
    {"display"},
    {"__init__"},
]
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}

GROUND = {*sys.stdlib_module_names, "numpy", "scipy", "joblib", "sknewtonnet"}
KNOWS_SKLEARN = {"_sklearn", "estimators", "pruning", "formula", "display"}
OPTIONAL = {"dask", "distributed", "formulaic", "matplotlib", "pandas"}
COMPAT = "sknewtonnet._sklearn"

# Lines of code: docstrings and comments do not count.
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))

each_module = pytest.mark.parametrize("module", SOURCES)
each_test_file = pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.name)


def room(module):
    parts = module.split(".")[1:3]
    if parts[:1] == ["calculus"]:
        return ".".join(parts)
    return parts[0] if parts else "__init__"


def imports(tree):
    """Yield the absolute name of each thing that is imported, and the node that does it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def own_module(name):
    """Return the module of the package that an imported name is, or comes from."""
    return name if name in SOURCES else name.rpartition(".")[0]


def functions(tree):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


@each_module
def test_rooms_import_from_floors_below(module):
    here = room(module)
    assert here in FLOOR_OF, f"{here} has no place in FLOORS"
    for name, _ in imports(TREES[module]):
        if name.startswith("sknewtonnet."):
            there = room(own_module(name))
            assert there == here or FLOOR_OF[there] < FLOOR_OF[here], f"{module} imports {name}"


@each_module
def test_only_the_top_knows_sklearn(module):
    allowed = GROUND | OPTIONAL | ({"sklearn"} if room(module) in KNOWS_SKLEARN else set())
    allowed |= {"joblib", "threadpoolctl"} if room(module) == "_threads" else set()
    for name, _ in imports(TREES[module]):
        assert name.split(".")[0] in allowed, f"{module} imports {name}"


@each_module
def test_solvers_see_a_protocol(module):
    """And the calculus does not see who minimises it."""
    if room(module) == "solvers":
        for name, _ in imports(TREES[module]):
            assert not name.endswith((".Objective", ".Network")), f"{module} imports {name}"


@each_module
def test_imports_are_absolute_and_on_top(module):
    """Except for what is optional: that is imported where it is used, and only there."""
    inside = {
        id(node)
        for function in functions(TREES[module])
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    for name, node in imports(TREES[module]):
        assert getattr(node, "level", 0) == 0, f"{module} has a relative import"
        optional = name.split(".")[0] in OPTIONAL
        assert optional == (id(node) in inside), f"{module} imports {name} in the wrong place"


def test_private_names_stay_on_their_floor():
    """A module or name with a leading underscore is used by its own folder alone."""
    found = set()
    for module, tree in TREES.items():
        here = room(module).partition(".")[0]
        for name, _ in imports(tree):
            top, _, inside = name.removeprefix("sknewtonnet.").partition(".")
            shared = {*FLOORS[0], *FLOORS[1], "_sklearn"}
            foreign = name.startswith("sknewtonnet.") and top not in {here, *shared}
            if foreign and any(part.startswith("_") for part in [top, *inside.split(".")]):
                found.add(f"{here} imports {top}.{inside}")
    assert not found


def test_the_graph_is_private_to_the_calculus():
    """Others ask a network for its layers, and for what goes in and out of units."""
    mentioned = re.compile(r"\.graph\b|\b_graph\b|\bwiring\b")
    inside = (PACKAGE / "calculus", ROOT / "tests" / "calculus", Path(__file__))
    files = [
        path
        for folder in ("sknewtonnet", "tests", "benchmarks", "examples")
        for path in (ROOT / folder).rglob("*.py")
        if not any(path.is_relative_to(place) for place in inside)
    ]
    assert len(files) > 100
    assert not [path for path in files if mentioned.search(path.read_text(encoding="utf-8"))]


def test_no_cycles():
    graph = {
        module: {own_module(name) for name, _ in imports(tree) if name.startswith("sknewtonnet.")}
        for module, tree in TREES.items()
    }
    assert len(graph) == len(SOURCES) > 10
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(SOURCES)


@each_module
def test_private_names_of_sklearn_are_in_one_file(module):
    if module == COMPAT:
        return
    for name, _ in imports(TREES[module]):
        parts = name.split(".")
        private = parts[0] == "sklearn" and any(part.startswith("_") for part in parts)
        assert not private, f"{module} imports {name}"
    for node in ast.walk(TREES[module]):
        named = getattr(node, "attr", getattr(node, "value", None))
        assert not str(named).startswith("_skl"), f"{module} uses {named}, line {node.lineno}"


def stores(statement):
    """Whether a statement is `self.name = name`."""
    return isinstance(statement, ast.Assign) and ast.unparse(statement) == (
        f"self.{ast.unparse(statement.value)} = {ast.unparse(statement.value)}"
    )


def code_lines(text, tree):
    """Return the lines that hold code: no comments, no docstrings, no blank lines."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent and token.type != tokenize.ENDMARKER:
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            found -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return found


@pytest.mark.parametrize(
    "path", [*SOURCES.values(), *TEST_FILES], ids=lambda path: str(path.relative_to(ROOT))
)
def test_size(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = code_lines(text, tree)
    assert len(lines) <= MAX_FILE_LINES
    for function in functions(tree):
        if all(map(stores, function.body)):  # a constructor has a line for each parameter
            continue
        size = len(lines & set(range(function.lineno, function.end_lineno + 1)))
        assert size <= MAX_FUNCTION_LINES, f"{function.name} has {size} lines of code"


@each_test_file
def test_no_comparison_is_discarded(path):
    """A comparison that stands alone as a statement tests nothing."""
    silent = {"allclose", "isclose", "array_equal", "array_equiv", "approx", "isfinite"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr):
            called = getattr(node.value, "func", None)
            name = getattr(called, "attr", getattr(called, "id", None))
            assert name not in silent, f"line {node.lineno} discards {name}"
            assert not isinstance(node.value, ast.Compare), f"line {node.lineno} discards it"


@pytest.mark.parametrize("module", ["sknewtonnet", "sknewtonnet.solvers", "test_x", "cases"])
def test_warnings_of_the_package_and_its_tests_are_errors(module):
    with pytest.raises(UserWarning, match="told"):
        warnings.warn_explicit("told", UserWarning, "x.py", 1, module)


def test_oldest_environment_has_the_lowest_versions_that_are_asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["test"], *extras["plot"], *extras["pandas"]]
    pins = (ROOT / ".ci" / "oldest-requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {requirement.replace(">=", "==") for requirement in asked} <= set(pins)
