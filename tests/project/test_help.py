"""help() can be read: no signature shows what stands behind an alias."""

import inspect
import pydoc

import pytest
from test_docstrings import PUBLIC

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.inference import InferenceResults
from sknewtonnet.solvers import SolverResult

MAIN = [
    BackwardPruning,
    InferenceResults,
    InformationCriterionSearch,
    Network,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    Objective,
    RBFNetRegressor,
    SolverResult,
]


@pytest.mark.parametrize("cls", MAIN, ids=lambda cls: cls.__name__)
def test_pages_of_the_main_classes(cls):
    page = pydoc.plain(pydoc.render_doc(cls))
    for behind in ("_array_like", "_nested_sequence", "typing.Union", "numpy.dtype["):
        assert behind not in page
    longest = max(page.splitlines(), key=len)
    assert len(longest) < 1400, longest


def test_signatures_name_aliases():
    found = 0
    for name, thing in PUBLIC.items():
        try:
            signature = str(inspect.signature(thing))
        except (TypeError, ValueError):  # classes of Python's own
            continue
        assert "numpy." not in signature.replace("<class 'numpy.float64'>", ""), name
        assert "Union[" not in signature, name
        found += "ArrayLike" in signature
    assert found > 50


def test_results_list_their_attributes():
    """Each public property is a method or an attribute of the docstring."""
    text = inspect.getdoc(InferenceResults)
    attributes = text[text.index("\nAttributes\n") : text.index("\nSee Also\n")]
    for name in ("params", "std_errors", "p_values", "z_values", "covariance", "names"):
        assert name in attributes
    for name in ("aic", "bic", "log_likelihood", "n_obs", "df_resid", "dispersion", "tests"):
        assert name in attributes
    for name in ("bse", "tvalues", "pvalues", "llf", "nobs", "resid", "fittedvalues", "rsquared"):
        assert name in attributes
