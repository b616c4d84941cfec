"""Neural networks for tables, with exact second derivatives, in scikit-learn's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy
from sknewtonnet._version import __version__

if TYPE_CHECKING:
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
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.estimators": [
                "NewtonMLPClassifier",
                "NewtonMLPRegressor",
                "NewtonNetClassifier",
                "NewtonNetRegressor",
                "RBFNetClassifier",
                "RBFNetRegressor",
                "criterion_scorer",
                "pipeline_inference",
            ],
            "sknewtonnet.pruning": ["BackwardPruning", "InformationCriterionSearch"],
        },
        modules=[
            "calculus",
            "display",
            "estimators",
            "formula",
            "inference",
            "inspection",
            "pruning",
            "solvers",
            "testing",
        ],
    )

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
