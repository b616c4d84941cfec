"""The estimators that users import."""

from sknewtonnet.estimators._mlp import NewtonMLPClassifier, NewtonMLPRegressor

__all__ = ["NewtonMLPClassifier", "NewtonMLPRegressor"]
