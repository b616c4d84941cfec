"""What the documents show as Python runs, in one namespace per document."""

import re
from pathlib import Path

import pytest

from sknewtonnet.calculus import ACTIVATIONS, LAYERS, LOSSES
from sknewtonnet.inference import COVARIANCES
from sknewtonnet.solvers import SOLVERS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "doc").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
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


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks_run(path, capsys):
    if path.name == "many_machines.md":
        pytest.importorskip("distributed", reason="dask is not installed")
    namespace = {"__name__": "__main__"}
    for code in BLOCK.findall(path.read_text(encoding="utf-8")):
        exec(compile(code, path.name, "exec"), namespace)
    capsys.readouterr()


def test_readme_has_exactly_two_commands():
    commands = SHELL.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(commands) == 2
    assert "examples/plot_quickstart.py" in commands[0]
    assert "pytest" in commands[1]
