"""Everything public is documented, and what the documents say is what the code says."""

import ast
import importlib
import inspect
import pkgutil
import re
from dataclasses import is_dataclass

import pytest
from estimator_cases import MODELS

import sknewtonnet
from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
    calculus,
    testing,
)
from sknewtonnet.inference import InferenceResults, infer
from sknewtonnet.pruning import BackwardPruning, InformationCriterionSearch
from sknewtonnet.solvers import Solver

PAIRS = {
    "mlp": (NewtonMLPRegressor, NewtonMLPClassifier),
    "rbf": (RBFNetRegressor, RBFNetClassifier),
    "net": (NewtonNetRegressor, NewtonNetClassifier),
}
ESTIMATORS = [cls for pair in PAIRS.values() for cls in pair]

each_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)


def modules():
    yield sknewtonnet
    for info in pkgutil.walk_packages(sknewtonnet.__path__, "sknewtonnet."):
        yield importlib.import_module(info.name)


def members(module):
    """Public classes and functions of a module's own, and their public members."""
    for name, thing in vars(module).items():
        own = getattr(thing, "__module__", None) == module.__name__
        if name.startswith("_") or not own or not (inspect.isclass(thing) or callable(thing)):
            continue
        yield f"{module.__name__}.{name}", thing
        for attribute, member in vars(thing).items() if inspect.isclass(thing) else ():
            member = getattr(member, "__func__", getattr(member, "fget", member))
            if not attribute.startswith("_") and inspect.isfunction(inspect.unwrap(member)):
                yield f"{module.__name__}.{name}.{attribute}", member


MODULES = list(modules())
PUBLIC = dict(pair for module in MODULES for pair in members(module))


def sections(thing):
    """Return the sections of a numpydoc docstring, each as a list of lines."""
    lines = inspect.getdoc(thing).splitlines()
    found, current = {"": []}, ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if re.fullmatch("-{3,}", following) and len(following) == len(line):
            current = line
            found[current] = []
        elif not re.fullmatch("-{3,}", line):
            found[current].append(line)
    return found


def entries(thing, section):
    """Return the type and the text of each entry of a section, by name, in order."""
    found = {}
    for line in sections(thing).get(section, []):
        if line and not line.startswith(" "):
            names, _, kind = line.partition(" : ")
            block = [kind]
            found.update(dict.fromkeys(names.replace("*", "").split(", "), block))
        elif line:
            block.append(line.strip())
    return {name: (block[0], " ".join(block[1:])) for name, block in found.items()}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_modules(module):
    first = (module.__doc__ or "").strip().partition("\n")[0]
    assert first.endswith((".", ":")), f"{module.__name__} begins {first!r}"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_things_are_documented(name):
    """By a summary of one line, which is a sentence or a formula."""
    doc = inspect.getdoc(inspect.unwrap(PUBLIC[name]))
    assert doc, f"{name} has no docstring"
    summary, _, rest = doc.partition("\n")
    assert summary.endswith("."), f"{name} begins {summary!r}"
    assert not rest or rest.startswith("\n"), "a blank line follows the summary"


@pytest.mark.parametrize("name", PUBLIC)
def test_documented_parameters_are_those_of_the_signature(name):
    """In its order; and none is left out where there is a section of them."""
    thing = inspect.unwrap(PUBLIC[name])
    documented = list(entries(thing, "Parameters"))
    if not documented:
        return
    actual = [p for p in inspect.signature(thing).parameters if p not in ("self", "cls")]
    assert documented == actual


@each_estimator
def test_defaults_are_those_of_the_signature(estimator):
    documented = entries(estimator, "Parameters")
    for name, parameter in inspect.signature(estimator).parameters.items():
        kind, text = documented[name]
        default = re.search(r"default=(.+)$", kind)
        assert default, f"{name} : {kind} has no default"
        assert ast.literal_eval(default[1]) == parameter.default, name
        assert text.endswith("."), name


@each_pair
def test_shared_parameters_are_documented_alike(pair):
    regressor, classifier = (entries(cls, "Parameters") for cls in pair)
    assert set(regressor) - set(classifier) - {"output_activation"} == {"loss"}
    assert set(classifier) - set(regressor) == {"class_weight"}
    shared = [name for name in regressor if name in classifier]
    assert shared == [name for name in classifier if name in regressor]
    for name in shared:
        assert regressor[name] == classifier[name], name


def test_penalties_are_documented_alike_everywhere():
    texts = {entries(cls, "Parameters")["penalties"] for cls in ESTIMATORS}
    assert len(texts) == 1
    parameters = [inspect.signature(cls).parameters["penalties"] for cls in ESTIMATORS]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is None for p in parameters)


@each_pair
def test_shared_attributes_are_documented_alike(pair):
    regressor, classifier = (entries(cls, "Attributes") for cls in pair)
    for name in set(regressor) & set(classifier) - {"out_activation_"}:
        assert regressor[name] == classifier[name], name
    assert set(classifier) - set(regressor) == {"classes_"}


@pytest.mark.parametrize(
    "name", ["regression", "multiclass", "rbf", "rbf full multiclass", "net", "net classes"]
)
def test_attributes_are_those_of_a_fit(name):
    model, make_data = MODELS[name]
    pandas = pytest.importorskip("pandas", reason="names of features come from a data frame")
    X, y = make_data()
    frame = pandas.DataFrame(X, columns=[f"feature {j}" for j in range(X.shape[1])])
    fitted = type(model)(**model.get_params()).set_params(random_state=0).fit(frame, y)
    actual = {a for a in vars(fitted) if a.endswith("_") and not a.startswith("_")}
    actual |= {a for a in dir(type(fitted)) if a.endswith("_") and not a.startswith("_")}
    assert set(entries(type(model), "Attributes")) == actual


@each_estimator
def test_sections(estimator):
    expected = ["Parameters", "Attributes", "See Also", "Notes", "References", "Examples"]
    assert list(sections(estimator))[1:] == expected


def test_what_is_exported_exists():
    for module in MODULES:
        exported = getattr(module, "__all__", [])
        assert len(set(exported)) == len(exported)
        for name in exported:
            assert hasattr(module, name), f"{module.__name__}.{name}"


# Classes and functions whose documentation is complete: what a user calls, and the base classes
# from which a user derives.
FACES = {
    f"{module.__name__}.{name}": thing
    for module in (calculus, testing)
    for name, thing in ((name, getattr(module, name)) for name in module.__all__)
    if inspect.isclass(thing) or inspect.isfunction(thing)
}
FACES |= {
    f"{thing.__module__}.{thing.__name__}": thing
    for thing in (
        *ESTIMATORS,
        BackwardPruning,
        InferenceResults,
        InformationCriterionSearch,
        Solver,
        infer,
    )
}


def face_methods():
    """Public methods of the faces, with those that they inherit inside the package."""
    for face, cls in FACES.items():
        for name in dir(cls) if inspect.isclass(cls) else ():
            method = inspect.getattr_static(cls, name)
            method = getattr(method, "__func__", method)
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            if method.__module__.startswith("sknewtonnet."):
                yield f"{face}.{name}", method


CALLABLES = dict(face_methods()) | {n: f for n, f in FACES.items() if inspect.isfunction(f)}


@pytest.mark.parametrize("name", CALLABLES)
def test_arguments_and_results_are_documented(name):
    """In sections of their own, or in those of the method that it implements and refers to."""
    function = CALLABLES[name]
    implemented = rf"See :meth:`\w+\.{function.__name__}`"
    if re.search(implemented, inspect.getdoc(function)):
        return
    signature, found = inspect.signature(function), sections(function)
    if set(signature.parameters) - {"self", "cls"}:
        assert entries(function, "Parameters"), f"{name} has no Parameters"
    if signature.return_annotation not in (None, "None"):
        results = found.get("Yields" if inspect.isgeneratorfunction(function) else "Returns", [])
        assert any(results), f"{name} does not say what comes out"


@pytest.mark.parametrize("name", FACES)
def test_faces_have_examples_that_run(name):
    """And a class describes how it is made, or its fields where it is a record."""
    face = FACES[name]
    found = sections(face)
    assert any(line.startswith(">>> ") for line in found.get("Examples", [])), name
    if inspect.isclass(face) and inspect.signature(face).parameters:
        assert "Parameters" in found or (is_dataclass(face) and "Attributes" in found), name
