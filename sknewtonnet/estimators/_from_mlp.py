"""From a fitted MLP of scikit-learn to a fitted net."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._sklearn import features_of
from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.known_terms import NO_TERMS
from sknewtonnet.estimators._base import feature_names
from sknewtonnet.estimators._data import Table
from sknewtonnet.estimators._fit import Fit, Importances, Problem
from sknewtonnet.estimators._prediction_errors import PredictionErrors
from sknewtonnet.estimators._targets import ClassTarget, RegressionTarget, Target
from sknewtonnet.solvers import SolverResult, Status

# The loss whose raw predictions go through an output activation.
_LOSSES = {"identity": "squared_error", "exp": "poisson"}

_WITHOUT_DATA = "from_sklearn was given no data: from_sklearn(mlp, X, y) looks at them."


def from_mlp(
    kind: type[Any],
    mlp: Any,
    X: Any = None,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Any:
    """A fitted net of a class, from a fitted MLP; see :meth:`NewtonMLPRegressor.from_sklearn`."""
    _check(kind, mlp)
    if X is None and (y is not None or sample_weight is not None):
        raise ValueError("X must be given with y and sample_weight, got None.")
    net = kind(
        hidden_layer_sizes=tuple(coefs.shape[1] for coefs in mlp.coefs_[:-1]),
        activation=mlp.activation,
        alpha=alpha_in_force(mlp),
        standardize=False,
        random_state=mlp.random_state,
        **({"loss": _loss(mlp)} if isinstance(mlp, MLPRegressor) else {}),
    )
    vars(net).update(features_of(mlp))
    vars(net).update(_known(net, mlp))
    if X is not None:
        with one_thread():
            vars(net).update(_found(net, mlp, net._table(X, y, sample_weight, NO_TERMS)))
    return net


def alpha_in_force(mlp: Any) -> float:
    """The alpha of the objective whose gradient an MLP has followed, on average.

    A batch of b rows has the penalty alpha |w|^2 / (2 b). The mean over the batches of a pass
    over n rows is that of alpha n mean(1 / b) rows.

    Parameters
    ----------
    mlp : MLPRegressor or MLPClassifier
        Fitted.

    Returns
    -------
    float
        The alpha of the MLP itself where a batch has all rows.
    """
    n_passes = len(getattr(mlp, "loss_curve_", ()))
    if mlp.solver == "lbfgs" or n_passes == 0:
        return float(mlp.alpha)
    n_rows = mlp.t_ / n_passes
    batch = min(200 if mlp.batch_size == "auto" else mlp.batch_size, n_rows)
    n_whole = int(n_rows // batch)
    rest = n_rows - n_whole * batch
    sizes = [batch] * n_whole + ([rest] if rest > 0 else [])
    return float(mlp.alpha * n_rows * np.mean(1.0 / np.array(sizes)))


def _check(kind: type[Any], mlp: Any) -> None:
    """Raise unless it is a fitted MLP of the right kind."""
    expected = MLPRegressor if issubclass(kind, RegressorMixin) else MLPClassifier
    if not isinstance(mlp, expected):
        raise ValueError(
            f"mlp must be a fitted {expected.__name__}, got {type(mlp).__name__}"
            f"{_instead(kind, mlp)}."
        )
    check_is_fitted(mlp, "coefs_", msg="mlp must be fitted: call its fit first.")
    if isinstance(mlp, MLPClassifier) and len(mlp.classes_) < 2:
        raise ValueError(
            f"mlp has seen one class only, {mlp.classes_[0]}; a classifier needs at least two."
        )


def _instead(kind: type[Any], mlp: Any) -> str:
    """What to do with something else."""
    call = f"{kind.__name__}.from_sklearn"
    if hasattr(mlp, "steps"):
        return (
            f": convert its last step and put it back, as in Pipeline([*pipe.steps[:-1], ('net', "
            f"{call}(pipe[-1]))]), which pipeline_inference takes"
        )
    if hasattr(mlp, "regressor"):
        return (
            f": convert its regressor and put it back, as in model.regressor_ = "
            f"{call}(model.regressor_), which pipeline_inference takes"
        )
    if hasattr(mlp, "best_estimator_"):
        return ": give its best_estimator_"
    other = {MLPRegressor: "NewtonMLPRegressor", MLPClassifier: "NewtonMLPClassifier"}
    right = next((name for one, name in other.items() if isinstance(mlp, one)), None)
    return "" if right is None else f": use {right}.from_sklearn"


def _loss(mlp: MLPRegressor) -> str:
    """The loss of an MLP for regression, or raise."""
    if mlp.out_activation_ not in _LOSSES:
        raise ValueError(
            f"mlp has out_activation_={mlp.out_activation_!r}, which no loss of MLPRegressor has."
        )
    return _LOSSES[mlp.out_activation_]


def _target(mlp: Any) -> Target:
    """What the outputs mean."""
    if isinstance(mlp, MLPRegressor):
        return RegressionTarget(one_dimensional=mlp.n_outputs_ == 1)
    labels = mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1
    return ClassTarget(np.asarray(mlp.classes_), multilabel=labels)


def _known(net: Any, mlp: Any) -> dict[str, Any]:
    """Fitted attributes that the MLP tells of."""
    target = _target(mlp)
    network = net._network_of(
        mlp.n_outputs_,
        feature_names=getattr(mlp, "feature_names_in_", None),
        output_names=target.names,
    )
    loss = net._make_loss(target, network.n_outputs)
    settings = net._settings(network, loss)
    problem = Problem(network, loss, target, settings, None, feature_names(net))
    params = network.layout.pack(
        {f"coefs_{k}": np.asarray(coefs, dtype=float) for k, coefs in enumerate(mlp.coefs_)}
        | {f"intercepts_{k}": np.asarray(b, dtype=float) for k, b in enumerate(mlp.intercepts_)}
    )
    fit = Fit(
        problem,
        params,
        importances=Importances(reason=_WITHOUT_DATA),
        errors=PredictionErrors(reason=_WITHOUT_DATA),
    )
    reported = float(getattr(mlp, "loss_", np.nan))
    return net._attributes(fit) | {
        "alpha_": net.alpha,
        "alpha_selection_": None,
        "n_iter_": int(mlp.n_iter_),
        "loss_": reported,
        "loss_curve_": [float(value) for value in getattr(mlp, "loss_curve_", [reported])],
        "solver_result_": _result(mlp, params, reported, np.full(len(params), np.nan)),
        "critical_point_": "inconclusive",
        "critical_point_message_": _WITHOUT_DATA,
    }


def _result(mlp: Any, params: Array, value: float, gradient: Array) -> SolverResult:
    """How the run of the MLP ended, as far as it tells."""
    return SolverResult(
        params=params,
        value=value,
        gradient=gradient,
        status=Status.STOPPED,
        message=f"solver {mlp.solver!r} of scikit-learn ended here",
        n_iter=int(mlp.n_iter_),
        n_evaluations={},
        history=(value,),
        initial_gradient_norm=float(np.abs(gradient).max()),
        n_events={"restarts": 0, "ended_early": 0},
    )


def _found(net: Any, mlp: Any, data: Table) -> dict[str, Any]:
    """Fitted attributes that the data tell of; nothing is kept of them."""
    fit = net._fit_
    problem = fit.problem.on(data)
    objective = problem.objective()
    value, gradient = objective.value_and_gradient(fit.params)
    result = _result(mlp, fit.params, value, gradient)
    found, _ = net._ended(problem, objective, [result])
    del found["loss_curve_"]
    if found["critical_point_"] == "not stationary":
        found["critical_point_message_"] = (
            "The MLP has not ended at a minimum: the largest gradient entry is "
            f"{result.gradient_norm:.2g}. set_params(warm_start=True).fit(X, y) goes on to one."
        )
    return found


__all__ = ["alpha_in_force", "from_mlp"]
