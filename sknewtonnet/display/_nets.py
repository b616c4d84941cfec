"""The fitted net inside of what a user hands to a display, and the rows that it reads."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.estimators import BaseNewtonNet, columns_through, with_feature_names
from sknewtonnet.formula import FormulaFit

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
    return _taken_apart(estimator, caller).net


def objective_of(
    estimator: Any, X: Any, y: Any, caller: str, **given: Any
) -> tuple[SmoothFunction, Array]:
    """The objective that a net was fitted by, and its parameters, from the user's table.

    Parameters
    ----------
    estimator : object
        As in :func:`fitted_net`.
    X, y : array-like
        The data of the fit, before the steps of a pipeline and the transformation of a target.
    caller : str
        Who asks, for the message.
    **given : dict
        Further data of the fit, as in the ``objective`` of the net; what is None is left out.

    Returns
    -------
    objective : SmoothFunction
    params : ndarray of shape (n_parameters,)

    Raises
    ------
    NotFittedError
        If it is not fitted.
    TypeError
        If there is no net of this package.
    ValueError
        If the data do not match the fit.
    """
    parts = _taken_apart(estimator, caller)
    for step in parts.steps:
        X = step.transform(X)
    if parts.target is not None:
        values: NDArray[Any] = np.asarray(y)
        y = parts.target.transform(values.reshape(len(values), -1))
        y = y[:, 0] if values.ndim == 1 and np.ndim(y) == 2 and y.shape[1] == 1 else y
    known = {name: value for name, value in given.items() if value is not None}
    net = _named(estimator, parts)
    return net.objective(X, y, **known), net.params_


def named_net(estimator: Any, caller: str) -> Any:
    """The net inside, its inputs named by the columns of the table before the steps.

    Parameters
    ----------
    estimator : object
        As in :func:`fitted_net`.
    caller : str
        Who asks, for the message.

    Returns
    -------
    BaseNewtonNet
        A copy, where names are known that the net has not.
    """
    parts = _taken_apart(estimator, caller)
    return _named(estimator, parts)


class _Parts(NamedTuple):
    """A fitted model, taken apart: what X goes through, what y goes through, the net."""

    steps: list[Any]
    target: Any
    net: BaseNewtonNet


def _taken_apart(estimator: Any, caller: str) -> _Parts:
    none = TypeError(
        f"{caller} draws nets of this package, or what ends in one, such as a Pipeline, "
        f"got {_described(estimator)}."
    )
    inner, steps, target, inside = estimator, [], None, False
    while not isinstance(inner, BaseNewtonNet):
        if isinstance(inner, FormulaFit):
            steps.append(FunctionTransformer(inner.design))
            inner = inner.estimator
            continue
        around = isinstance(inner, TransformedTargetRegressor)
        if not (around or isinstance(inner, Pipeline) or hasattr(inner, "estimator")):
            raise none
        if isinstance(inner, Pipeline):
            steps += [step for _, step in inner.steps[:-1] if step not in (None, "passthrough")]
            inner = inner.steps[-1][1]
            continue
        check_is_fitted(inner)
        inside, target = True, inner.transformer_ if around else target
        found = (getattr(inner, name, None) for name in _INSIDE)
        inner = next((each for each in found if each is not None), None)
    if inside and not hasattr(inner, "n_features_in_"):  # what an ensemble makes its nets of
        raise none
    check_is_fitted(inner)
    return _Parts(steps, target, inner)


def _named(estimator: Any, parts: _Parts) -> Any:
    net, steps = parts.net, parts.steps
    if hasattr(net, "feature_names_in_") or not steps or not hasattr(estimator, "n_features_in_"):
        return net
    table = getattr(estimator, "feature_names_in_", None)
    table = [f"x{k}" for k in range(estimator.n_features_in_)] if table is None else list(table)
    before = Pipeline([*((str(k), step) for k, step in enumerate(steps)), ("net", "passthrough")])
    try:
        found = [column.name for column in columns_through(before, table)]
    except ValueError:  # a step mixes columns
        try:
            found = list(before.get_feature_names_out(table))
        except (AttributeError, ValueError):  # a step that names nothing
            return net
    if len(found) != net.n_features_in_:
        return net
    return with_feature_names(copy.copy(net), tuple(found))


def _described(estimator: Any) -> str:
    """What it is; of a pipeline or search also what is at its end."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    name = type(estimator).__name__
    return f"{name} that ends in {type(last).__name__}" if last is not estimator else name
