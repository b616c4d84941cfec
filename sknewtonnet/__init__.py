"""Neural networks for tables, with exact second derivatives, in scikit-learn's API."""

from sknewtonnet._version import __version__
from sknewtonnet.estimators import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
    criterion_scorer,
    pipeline_inference,
)
from sknewtonnet.pruning import BackwardPruning, InformationCriterionSearch

__all__ = [
    "BackwardPruning",
    "InformationCriterionSearch",
    "NewtonMLPClassifier",
    "NewtonMLPRegressor",
    "NewtonNetClassifier",
    "NewtonNetRegressor",
    "RBFNetClassifier",
    "RBFNetRegressor",
    "__version__",
    "criterion_scorer",
    "pipeline_inference",
]
