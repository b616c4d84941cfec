"""Importances of weights and of inputs, from the Hessian at a fit."""

from __future__ import annotations

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.functions.critical_point import DENSE_LIMIT
from sknewtonnet.calculus.functions.flatness import is_constant, varies
from sknewtonnet.calculus.functions.neutral import neutral_parameters
from sknewtonnet.inference import (
    Information,
    feature_saliencies,
    shares,
    weight_saliencies,
)


def weight_importance(
    objective: Objective, w: Array, method: str = "obs", active: Array | None = None
) -> Array:
    """How much the objective would grow without a weight, to second order.

    The importance is the growth of M = S f, the sum over rows plus the penalty, where S is the
    sum of the sample weights and H the Hessian of M:

        "obs":  1/2 w_j^2 / [H^-1]_jj      all other weights adapt (Hassibi and Stork 1993)
        "obd":  1/2 w_j^2 H_jj             they stay (LeCun, Denker and Solla 1990)

    A centre of zero or a width of one means nothing: for Gaussian units w_j is the way to where a
    parameter says nothing of its own. That is the mean of the column for a centre, and for a
    width that of the data, the standard deviation times the root of the number of columns
    ("spherical": the root mean square distance from the mean). Intercepts, and linear terms of
    quadratic forms, become 0 at the origin of the columns as they are given.

    Parameters
    ----------
    objective : Objective
        The function that was minimised.
    w : ndarray of shape (n_parameters,)
        The minimum.
    method : {"obs", "obd"}, default="obs"
        Which of the two formulas to use.
    active : ndarray of shape (n_active, n_parameters), default=None
        Rows of active constraints, for "obs": the others adapt only along them.

    Returns
    -------
    ndarray of shape (n_parameters,)
        With squared errors and without a penalty, 2 / sigma^2 times "obs" is the Wald statistic.

    Raises
    ------
    ValueError
        If the method is unknown; for "obs", if H has negative eigenvalues or there are more than
        3000 parameters.

    See Also
    --------
    feature_importance : The same for all weights of an input.
    importances : Both from one Hessian.
    sknewtonnet.BackwardPruning : Removal of what is not significant.

    Notes
    -----
    "obs" takes one Hessian and its eigenvalues, about 10 P^3 flops. "obd" takes only the blocks
    of the Hessian within each unit, and works for any number of parameters; where units share
    some it takes one Hessian. A shared parameter goes with all its entries.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.inspection import weight_importance
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = np.tanh(2.0 * X[:, 0]) + 0.1 * rng.normal(size=200)
    >>> net = NewtonMLPRegressor((2,), alpha=0.1, random_state=0).fit(X, y)
    >>> saliency = weight_importance(net.objective(X, y), net.params_, method="obd")
    >>> saliency.shape == net.params_.shape
    True
    """
    if method == "obd":
        moved = w - neutral_parameters(objective, w)
        return 0.5 * moved**2 * objective.weight_sum * hessian_diagonal(objective, w)
    if method != "obs":
        raise ValueError(f"method must be 'obs' or 'obd', got {method!r}.")
    return importances(objective, w, active)[0]


def hessian_diagonal(objective: Objective, w: Array) -> Array:
    """The diagonal of the Hessian, from its blocks within each unit.

    Parameters
    ----------
    objective : Objective
        The function.
    w : ndarray of shape (n_parameters,)
        The point.

    Returns
    -------
    ndarray of shape (n_parameters,)
        Exact; where units share parameters, that of the kind "block".
    """
    network = objective.network
    if network.layout.has_ties:
        return objective.hessian(w, "block").diagonal()
    diagonal = np.zeros(network.layout.n_full)
    blocks = objective.hessian_blocks(w, "block")
    for matrix, block in zip(network.by_layer(diagonal), blocks, strict=True):
        matrix[...] = np.einsum("jpp->pj", block)
    return network.layout.restrict(diagonal)


def feature_importance(objective: Objective, w: Array, active: Array | None = None) -> Array:
    """Share of each input in the growth of the objective if inputs were removed.

    It is the OBS saliency of all coefficients that leave the input, skip connections included,
    1/2 w_S' ([H^-1]_SS)^-1 w_S, divided by the sum over inputs. Where radial units read the
    inputs, or inputs share coefficients, no set of zero coefficients removes an input alone. There
    it is the growth if the input is held at its mean and the output layer V is refitted,

        min over V of M(V, other weights; X with x_j = mean x_j)  -  M
            =  M_j - 1/2 g'H^-1 g - M,

    with the value M_j, the gradient g and the Hessian H of M in V where the input is held: exact
    for squared errors, the first of some Newton steps for other losses. It depends neither on
    the origin nor on the unit of an input, and bounds the growth in a fit without the input.

    Parameters
    ----------
    objective : Objective
        The function that was minimised.
    w : ndarray of shape (n_parameters,)
        The minimum.
    active : ndarray of shape (n_active, n_parameters), default=None
        Rows of active constraints.

    Returns
    -------
    ndarray of shape (n_features,)
        The shares, which sum to one; zeros, if all predictions are the same.

    Raises
    ------
    ValueError
        If the Hessian has negative eigenvalues, or there are more than 3000 parameters.

    See Also
    --------
    weight_importance : The same for single weights.
    importances : Both from one Hessian.
    sklearn.inspection.permutation_importance : How much a score falls if a column is shuffled.

    Notes
    -----
    The cost is one Hessian and its eigenvalues, about 10 P^3 flops.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.inspection import feature_importance
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = np.tanh(2.0 * X[:, 0]) + 0.1 * rng.normal(size=200)
    >>> net = NewtonMLPRegressor((2,), alpha=0.1, random_state=0).fit(X, y)
    >>> share = feature_importance(net.objective(X, y), net.params_)
    >>> int(share.argmax()), round(float(share.sum()), 6)
    (0, 1.0)
    """
    return importances(objective, w, active)[1]


def importances(
    objective: Objective, w: Array, active: Array | None = None
) -> tuple[Array, Array]:
    """Weigh single weights ("obs") and inputs, from one Hessian.

    It is :func:`weight_importance` and :func:`feature_importance` at the cost of one of them.

    Parameters
    ----------
    objective : Objective
        The function that was minimised.
    w : ndarray of shape (n_parameters,)
        The minimum.
    active : ndarray of shape (n_active, n_parameters), default=None
        Rows of active constraints.

    Returns
    -------
    weights : ndarray of shape (n_parameters,)
        As ``weight_importance(objective, w, "obs", active)``. NaN at a point that is no minimum,
        if all predictions are the same.
    features : ndarray of shape (n_features,)
        As ``feature_importance(objective, w, active)``.

    Raises
    ------
    ValueError
        If the Hessian has negative eigenvalues, or there are more than 3000 parameters.

    See Also
    --------
    weight_importance : What the importance of a weight is.
    feature_importance : What the importance of an input is.
    importances_of : The same where the Hessian is known.

    Notes
    -----
    The cost is one Hessian and its eigenvalues, about 10 P^3 flops.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.inspection import importances
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = np.tanh(2.0 * X[:, 0]) + 0.1 * rng.normal(size=200)
    >>> net = NewtonMLPRegressor((2,), alpha=0.1, random_state=0).fit(X, y)
    >>> weights, features = importances(net.objective(X, y), net.params_)
    >>> weights.shape == net.params_.shape
    True
    >>> int(features.argmax())
    0
    """
    if objective.n_parameters > DENSE_LIMIT:
        raise ValueError(
            f"the importance of {objective.n_parameters} weights with the others adapting needs a "
            f"dense Hessian, which is refused above {DENSE_LIMIT}; "
            'weight_importance(objective, w, method="obd") works for any number.'
        )
    return importances_of(Information(objective, w, active))


def importances_of(information: Information) -> tuple[Array, Array]:
    """Weigh single weights and inputs at a point whose Hessian may be known.

    It is :func:`importances` where an inference has worked out the Hessian already.

    Parameters
    ----------
    information : Information
        The point.

    Returns
    -------
    weights : ndarray of shape (n_parameters,)
        As of :func:`importances`.
    features : ndarray of shape (n_features,)
        Likewise.

    Raises
    ------
    ValueError
        If the Hessian has negative eigenvalues.

    See Also
    --------
    importances : The same from an objective and a point.
    sknewtonnet.inference.Information : A point with its Hessian.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information
    >>> from sknewtonnet.inspection import importances_of
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> weights, features = importances_of(Information(f, np.array([0.9, 0.8])))
    >>> weights.round(1).tolist(), features.tolist()
    ([2.0, 1.1], [1.0])
    """
    with information.threads():
        found = _importances_of(information)
    return found


def _importances_of(information: Information) -> tuple[Array, Array]:
    objective, w = information.objective, information.params
    # Of a constant prediction only rounding could be shared out.
    used = varies(objective) and not is_constant(objective, w)
    if information.critical_point.has_negative_curvature:
        if not used:
            return np.full(len(w), np.nan), np.zeros(objective.network.n_features)
        raise ValueError(
            "importances need a minimum, but the Hessian has negative eigenvalues: fit to "
            "convergence, or from other starts."
        )
    features = shares(feature_saliencies(information)) if used else None
    return weight_saliencies(information, neutral_parameters(objective, w)), (
        np.zeros(objective.network.n_features) if features is None else features
    )
