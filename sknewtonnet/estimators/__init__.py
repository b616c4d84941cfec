"""The estimators that users import, and the records of their fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy

if TYPE_CHECKING:
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
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.estimators._base": ["BaseNewtonNet"],
            "sknewtonnet.estimators._criterion_scorer": ["criterion_scorer"],
            "sknewtonnet.estimators._fit": ["Fit"],
            "sknewtonnet.estimators._mlp": ["NewtonMLPClassifier", "NewtonMLPRegressor"],
            "sknewtonnet.estimators._network": ["NewtonNetClassifier", "NewtonNetRegressor"],
            "sknewtonnet.estimators._pipelines": ["columns_through", "pipeline_inference"],
            "sknewtonnet.estimators._rbf": ["RBFNetClassifier", "RBFNetRegressor"],
            "sknewtonnet.estimators._records": [
                "after_selection",
                "fit_from",
                "fit_of",
                "with_feature_names",
            ],
        },
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
