"""What an import loads, and that names which are imported late are those that types see."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import sknewtonnet

PACKAGE = Path(sknewtonnet.__file__).parent
LAZY = ["", "calculus", "estimators", "inference", "inspection", "pruning", "solvers"]


def loaded_by(statement):
    """Return the modules that a new interpreter has after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_who_fits_a_net_waits_for_nothing_else():
    loaded = loaded_by("from sknewtonnet import NewtonMLPClassifier")
    assert "sknewtonnet.estimators._mlp" in loaded
    heavy = {"matplotlib", "sklearn.cluster", "sklearn.compose", "sklearn.feature_selection"}
    assert not loaded & heavy
    late = ("sknewtonnet.pruning", "sknewtonnet.inference._results", "sknewtonnet.estimators._rbf")
    assert not [module for module in loaded if module.startswith(late)]
    # scikit-learn itself imports pandas, where that is installed.
    theirs = loaded_by("import sklearn.neural_network")
    further = {m.partition(".")[0] for m in loaded - theirs} - sys.stdlib_module_names
    assert further == {"sknewtonnet", "scipy"}


def test_the_package_alone_loads_hardly_anything():
    assert {m for m in loaded_by("import sknewtonnet") if m.startswith("sk")} == {
        "sknewtonnet",
        "sknewtonnet._lazy",
        "sknewtonnet._version",
    }


@pytest.mark.parametrize("folder", LAZY)
def test_late_names_are_those_that_types_see(folder):
    name = f"sknewtonnet.{folder}".rstrip(".")
    module = importlib.import_module(name)
    tree = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {node.module: [alias.name for alias in node.names] for node in block.body}
    (call,) = (node for node in ast.walk(block) if isinstance(node, ast.Call))
    assert ast.literal_eval(call.args[1]) == seen
    late = {one for names in seen.values() for one in names}
    assert late == set(module.__all__) - {"__version__"}
    assert late <= set(dir(module))
    for one in late:
        assert getattr(module, one) is vars(module)[one]


def test_modules_are_attributes_and_other_names_are_not():
    assert sknewtonnet.inference is importlib.import_module("sknewtonnet.inference")
    assert {"inference", "solvers", "BackwardPruning"} <= set(dir(sknewtonnet))
    with pytest.raises(AttributeError, match="module 'sknewtonnet' has no attribute 'infer'"):
        sknewtonnet.infer  # noqa: B018
    assert not hasattr(sknewtonnet.solvers, "no_such_solver")
