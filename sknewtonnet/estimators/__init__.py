"""The estimators that users import."""

from sknewtonnet.estimators._criteria import criterion_scorer
from sknewtonnet.estimators._mlp import NewtonMLPRegressor
from sknewtonnet.estimators._mlp_classifier import NewtonMLPClassifier
from sknewtonnet.estimators._rbf import RBFNetRegressor
from sknewtonnet.estimators._rbf_classifier import RBFNetClassifier

__all__ = [
    "NewtonMLPClassifier",
    "NewtonMLPRegressor",
    "RBFNetClassifier",
    "RBFNetRegressor",
    "criterion_scorer",
]
