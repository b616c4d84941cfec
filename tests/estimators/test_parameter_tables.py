"""scikit-learn's tables of parameters in notebooks: links to our pages, and tooltips."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import sknewtonnet
from sknewtonnet import BackwardPruning, InformationCriterionSearch, NewtonMLPRegressor
from sknewtonnet._version import DOCUMENTATION

ESTIMATORS = {
    "NewtonMLPRegressor": {},
    "NewtonMLPClassifier": {},
    "RBFNetRegressor": {},
    "RBFNetClassifier": {},
    "NewtonNetRegressor": {"layers": None},
    "NewtonNetClassifier": {"layers": None},
    "BackwardPruning": {"estimator": NewtonMLPRegressor()},
    "InformationCriterionSearch": {
        "estimator": NewtonMLPRegressor(),
        "param_grid": {"alpha": [0.1, 1.0]},
    },
}


def tooltips(page):
    """Names that have a link with a description, and where they lead."""
    link = re.compile(
        r'<a class="param-doc-link"[^>]*href="(?P<link>[^"]*)">\s*(?P<name>\w+)\s*'
        r'<span class="param-doc-description"',
        re.DOTALL,
    )
    return {match["name"]: match["link"] for match in link.finditer(page)}


def test_all_public_estimators_have_a_case():
    names = sknewtonnet.__all__
    estimators = [name for name in names if hasattr(getattr(sknewtonnet, name), "get_params")]
    assert sorted(estimators) == sorted(ESTIMATORS)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_parameter_has_a_link_and_a_tooltip(name):
    estimator = getattr(sknewtonnet, name)(**ESTIMATORS[name])
    assert estimator._get_doc_link() == f"{DOCUMENTATION}api/generated/sknewtonnet.{name}.html"
    found = tooltips(estimator._repr_html_())
    assert set(found) >= set(estimator.get_params(deep=False))
    for link in found.values():
        assert link.startswith(f"{DOCUMENTATION}api/generated/sknewtonnet.")
        assert "#:~:text=" in link


@pytest.mark.parametrize("name", ["NewtonMLPRegressor", "BackwardPruning"])
def test_fitted_attributes_have_tooltips(name):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = X[:, 0] + np.tanh(2.0 * X[:, 1])
    estimator = NewtonMLPRegressor((1,), alpha=0.1, random_state=0)
    if name == "BackwardPruning":
        estimator = BackwardPruning(estimator)
    page = estimator.fit(X, y)._repr_html_()
    attributes = {key for key in vars(estimator) if key.endswith("_") and key[0] != "_"}
    assert attributes
    assert attributes <= set(tooltips(page))


def test_classes_of_users_have_no_page_of_ours():
    class Mine(NewtonMLPRegressor):
        pass

    Mine.__module__ = "mine"
    assert Mine()._get_doc_link() == ""


def test_the_address_is_that_of_the_project():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["project"]["urls"]["Documentation"] == DOCUMENTATION


def test_a_search_shows_its_net():
    search = InformationCriterionSearch(NewtonMLPRegressor(), {"alpha": [0.1]})
    assert "NewtonMLPRegressor" in search._repr_html_()
