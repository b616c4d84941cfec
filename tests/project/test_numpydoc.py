"""Public docstrings pass numpydoc's validation, with sections for all that a reader looks for.

Classes and functions must have no finding of any code (numpydoc's documentation lists them).
Methods and properties may lack an extended summary, a "See Also" and examples of their own: for
these three their class speaks, as in scikit-learn's test of its docstrings.
"""

import functools
import importlib
import inspect
import pkgutil

import pytest

import sknewtonnet

validate = pytest.importorskip("numpydoc.validate", reason="numpydoc is not installed").validate
get_doc_object = importlib.import_module("numpydoc.docscrape").get_doc_object

OF_CLASSES_AND_FUNCTIONS = {"ES01", "SA01", "EX01"}

# Packages whose docstrings are not complete yet; the set shrinks, and is to be empty.
UNFINISHED = {
    "sknewtonnet",
    "sknewtonnet.calculus",
    "sknewtonnet.display",
    "sknewtonnet.estimators",
    "sknewtonnet.formula",
    "sknewtonnet.inference",
    "sknewtonnet.inspection",
    "sknewtonnet.pruning",
    "sknewtonnet.solvers",
    "sknewtonnet.testing",
}


def packages():
    yield sknewtonnet
    for info in pkgutil.iter_modules(sknewtonnet.__path__, "sknewtonnet."):
        if not info.name.rpartition(".")[2].startswith("_"):
            yield importlib.import_module(info.name)


def public_objects():
    """Classes and functions by their public names, each once, whatever packages have it."""
    seen = set()
    for package in reversed(list(packages())):
        for name in package.__all__:
            thing = getattr(package, name)
            documented = inspect.isclass(thing) or inspect.isfunction(thing)
            if documented and thing not in seen:
                seen.add(thing)
                yield package.__name__, name, thing


def members(cls):
    """Public methods and properties of a class that the package wrote, inherited ones too."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if isinstance(member, classmethod | staticmethod):
            member = member.__func__
        elif hasattr(member, "fn"):  # scikit-learn's available_if
            member = member.fn
        code = getattr(member, "fget", getattr(member, "func", member))
        ours = inspect.isfunction(code) and code.__module__.startswith("sknewtonnet")
        if ours and not name.startswith("_"):
            yield name, member


@functools.cache
def findings(thing):
    """What numpydoc finds, worked out once for a method that many classes inherit."""
    return validate(get_doc_object(thing))["errors"]


PUBLIC = list(public_objects())


def test_public_objects_are_found():
    names = {f"{package}.{name}" for package, name, _ in PUBLIC}
    assert {"sknewtonnet.calculus.Objective", "sknewtonnet.inference.infer"} <= names
    assert {"minimize", "under_constraints"} <= dict(
        members(sknewtonnet.solvers.BFGSSolver)
    ).keys()
    assert "fit" in dict(members(sknewtonnet.BackwardPruning))


@pytest.mark.parametrize(
    ("package", "name", "thing"), PUBLIC, ids=[f"{package}.{name}" for package, name, _ in PUBLIC]
)
def test_docstrings_are_valid(package, name, thing):
    if package in UNFINISHED:
        pytest.skip("not complete yet")
    found = [(name, *finding) for finding in findings(thing)]
    for attribute, member in members(thing) if inspect.isclass(thing) else ():
        found += [
            (f"{name}.{attribute}", code, text)
            for code, text in findings(member)
            if code not in OF_CLASSES_AND_FUNCTIONS
        ]
    assert not found
