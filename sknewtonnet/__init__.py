"""Neural networks for tables, with exact second derivatives, in scikit-learn's API."""

from sknewtonnet.estimators import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
    criterion_scorer,
)
from sknewtonnet.pruning import BackwardPruning, InformationCriterionSearch

__version__ = "0.1.0.dev0"

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
]
