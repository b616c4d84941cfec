"""The estimators that users import."""

from sknewtonnet.estimators._criterion_scorer import criterion_scorer
from sknewtonnet.estimators._mlp import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.estimators._rbf import RBFNetClassifier, RBFNetRegressor

__all__ = [
    "NewtonMLPClassifier",
    "NewtonMLPRegressor",
    "RBFNetClassifier",
    "RBFNetRegressor",
    "criterion_scorer",
]
