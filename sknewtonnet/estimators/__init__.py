"""The estimators that users import, and the records of their fits."""

from sknewtonnet.estimators._base import BaseNewtonNet
from sknewtonnet.estimators._criterion_scorer import criterion_scorer
from sknewtonnet.estimators._fit import Fit
from sknewtonnet.estimators._mlp import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.estimators._network import NewtonNetClassifier, NewtonNetRegressor
from sknewtonnet.estimators._pipelines import columns_through, pipeline_inference
from sknewtonnet.estimators._rbf import RBFNetClassifier, RBFNetRegressor
from sknewtonnet.estimators._records import (
    after_selection,
    fit_from,
    fit_of,
    with_feature_names,
)

__all__ = [
    "BaseNewtonNet",
    "Fit",
    "NewtonMLPClassifier",
    "NewtonMLPRegressor",
    "NewtonNetClassifier",
    "NewtonNetRegressor",
    "RBFNetClassifier",
    "RBFNetRegressor",
    "after_selection",
    "columns_through",
    "criterion_scorer",
    "fit_from",
    "fit_of",
    "pipeline_inference",
    "with_feature_names",
]
