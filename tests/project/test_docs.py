"""The Python code of the documents runs, a namespace per document, and prints what they say."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from document_outputs import differences, run

from sknewtonnet.calculus import ACTIVATIONS, LAYERS, LOSSES
from sknewtonnet.inference import COVARIANCES
from sknewtonnet.solvers import SOLVERS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "doc").glob("**/*.md"))]
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def registries():
    """What a document registers stays in the document."""
    known = [ACTIVATIONS, LAYERS, LOSSES, COVARIANCES, SOLVERS]
    before = [dict(registry) for registry in known]
    yield
    for registry, entries in zip(known, before, strict=True):
        registry.clear()
        registry.update(entries)


@pytest.fixture(autouse=True)
def closed_figures():
    """Figures of a document are closed at its end."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_python_blocks_run_and_print_what_is_shown(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    if path.name == "many_machines.md":
        pytest.importorskip("distributed", reason="dask is not installed")
    for match, printed in run(path.read_text(encoding="utf-8"), path.name):
        if match["output"] is not None:
            assert not differences(match["output"], printed), f"{match['code']}prints\n{printed}"


def test_differences_of_outputs():
    assert not differences("a  1.00\n==\n", "a 1.001\n===\n")
    assert not differences("decrement 3.3e-17\n", "decrement 1e-20\n")
    assert differences("a 1.00\n", "a 1.02\n") == ["1.00 is 1.02"]
    assert differences("yes 1\n", "no 1\n") == ["yes is no"]
    assert differences("a 1\n", "a 1 b\n") == ["also b"]
    assert differences("a 1 b\n", "a 1\n") == ["no b"]


def test_outputs_may_leave_words_out():
    assert not differences("a 1\n...\nd 4\n", "a 1\nb 2\nc 3\nd 4\n")
    assert not differences("a ... c 3 ... e\n", "a 1 b 2 c 3 d e\n")
    assert differences("a 1\n...\nd 4\n", "a 1\nb 2\nc 3\nd 5\n") == ["4 is 5"]
    assert differences("a ... c 3 ... e\n", "a 1 b 2 c 4 d e\n")
    assert not differences("a\n...\n", "a 1\nb\n")
    assert differences("a ... b\n", "a\n") == ["no b"]


def test_readme_has_exactly_two_commands():
    commands = SHELL.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(commands) == 2
    assert "examples/plot_quickstart.py" in commands[0]
    assert "pytest" in commands[1]


def test_examples_have_their_place_and_documents_that_lead_to_them():
    groups = runpy.run_path(str(ROOT / "doc" / "_ext" / "gallery_order.py"))["GROUPS"]
    places = [name for names in groups.values() for name in names]
    examples = {path.stem.removeprefix("plot_") for path in ROOT.glob("examples/plot_*.py")}
    assert sorted(places) == sorted(examples)
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "doc").glob("**/*.md"))
    assert not [name for name in examples if f"/plot_{name}.py)" not in pages]
