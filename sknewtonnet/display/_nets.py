"""The fitted net inside of what a user hands to a display."""

from __future__ import annotations

from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknewtonnet.estimators import BaseNewtonNet

# Where estimators around a net keep it.
_INSIDE = ("best_estimator_", "estimator_", "regressor_")


def fitted_net(estimator: Any, caller: str) -> Any:
    """The net itself, or that at the end of a pipeline, a search or a pruning.

    Parameters
    ----------
    estimator : object
        A net of this package, fitted, or what is fitted around one.
    caller : str
        Who asks, for the message.

    Returns
    -------
    BaseNewtonNet

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If there is no net of this package.
    """
    inner = estimator
    while not isinstance(inner, BaseNewtonNet):
        around = isinstance(inner, TransformedTargetRegressor)
        if not (around or isinstance(inner, Pipeline) or hasattr(inner, "estimator")):
            raise TypeError(
                f"{caller} draws nets of this package, or what ends in one, such as a Pipeline, "
                f"got {type(estimator).__name__}."
            )
        if isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
            continue
        check_is_fitted(inner)
        found = (getattr(inner, name, None) for name in _INSIDE)
        inner = next((each for each in found if each is not None), None)
    check_is_fitted(inner)
    return inner
