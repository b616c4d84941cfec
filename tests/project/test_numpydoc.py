"""Public docstrings pass numpydoc's validation, with sections for all that a reader looks for.

Classes and functions must have no finding of any code (numpydoc's documentation lists them).
Methods and properties may lack an extended summary, a "See Also" and examples of their own: for
these three their class speaks, as in scikit-learn's test of its docstrings.
"""

import enum
import functools
import importlib
import inspect
import pkgutil

import pytest

import sknewtonnet

validate = pytest.importorskip("numpydoc.validate", reason="numpydoc is not installed").validate
get_doc_object = importlib.import_module("numpydoc.docscrape").get_doc_object

OF_CLASSES_AND_FUNCTIONS = {"ES01", "SA01", "EX01"}
# The signature of an enumeration is that of Python's functional way to make one, which differs
# between versions: nobody calls its classes.
OF_ALL_BUT_ENUMERATIONS = {"PR01"}


def packages():
    yield sknewtonnet
    for info in pkgutil.iter_modules(sknewtonnet.__path__, "sknewtonnet."):
        if not info.name.rpartition(".")[2].startswith("_"):
            yield importlib.import_module(info.name)


def public_objects():
    """Classes and functions with their public names, each once, as of the package it is from."""
    found = {}
    for package in packages():
        for name in package.__all__:
            thing = getattr(package, name)
            of_it = getattr(thing, "__module__", "").startswith(f"{package.__name__}.")
            documented = inspect.isclass(thing) or inspect.isfunction(thing)
            if documented and (of_it or thing not in found):
                found[thing] = package.__name__, name, thing
    return list(found.values())


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
    found = validate(get_doc_object(thing))["errors"]
    is_enumeration = inspect.isclass(thing) and issubclass(thing, enum.Enum)
    no_fault = OF_ALL_BUT_ENUMERATIONS if is_enumeration else set()
    return [(code, text) for code, text in found if code not in no_fault]


PUBLIC = public_objects()
IDS = [f"{package}.{name}" for package, name, _ in PUBLIC]


def test_public_objects_are_found():
    names = {f"{package}.{name}" for package, name, _ in PUBLIC}
    assert {"sknewtonnet.calculus.Objective", "sknewtonnet.inference.infer"} <= names
    assert {"minimize", "under_constraints"} <= dict(
        members(sknewtonnet.solvers.BFGSSolver)
    ).keys()
    assert "fit" in dict(members(sknewtonnet.BackwardPruning))


@pytest.mark.parametrize(("package", "name", "thing"), PUBLIC, ids=IDS)
def test_docstrings_are_valid(package, name, thing):
    found = [(name, *finding) for finding in findings(thing)]
    for attribute, member in members(thing) if inspect.isclass(thing) else ():
        found += [
            (f"{name}.{attribute}", code, text)
            for code, text in findings(member)
            if code not in OF_CLASSES_AND_FUNCTIONS
        ]
    assert not found
    examples = get_doc_object(thing)["Examples"]
    assert any(line.startswith(">>> ") for line in examples), "an example is code, and runs"


def named(package, name):
    """The object that a "See Also" means: of the same package, or with its whole name."""
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(package))
    except AttributeError:
        return pkgutil.resolve_name(name)


@pytest.mark.parametrize(("package", "name", "thing"), PUBLIC, ids=IDS)
def test_references_lead_somewhere(package, name, thing):
    for references, _ in get_doc_object(thing)["See Also"]:
        for reference, _ in references:
            assert named(package, reference) is not thing, reference
