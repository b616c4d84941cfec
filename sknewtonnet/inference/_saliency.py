"""How much the objective would grow without a weight or an input (doc/statistics.md 3.5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import lstsq, null_space
from scipy.linalg.lapack import dposv

from sknewtonnet._typing import Array, Ints
from sknewtonnet.inference._held_inputs import held_saliency, inputs_are_held
from sknewtonnet.inference._minimum import Information


def weight_saliencies(information: Information, origin: Array | None = None) -> Array:
    """OBS saliencies of all weights, 1/2 w_j^2 / [H^-1]_jj, of shape (n_parameters,).

    The saliency is the growth of M = S f, to second order, if the weight becomes 0 and all others
    adapt (Hassibi and Stork 1993). It is zero for a weight that can go to 0 along a direction
    without curvature. w is the minimum of the quadratic model, params - H^-1 gradient.

    Parameters
    ----------
    information : Information
        The minimum.
    origin : ndarray of shape (n_parameters,), default=None
        What each weight becomes in place of 0.

    Returns
    -------
    ndarray of shape (n_parameters,)
        In units of M.

    See Also
    --------
    group_saliency : Weights that go together.
    feature_saliencies : All weights that leave an input.
    sknewtonnet.inspection.weight_importance : The same for users, by two methods.

    References
    ----------
    Hassibi and Stork (1993), Second order derivatives for network pruning: optimal brain surgeon.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, weight_saliencies
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> minimum = Information(f, np.array([0.9, 0.8]))
    >>> weight_saliencies(minimum).round(1).tolist()
    [2.0, 1.1]
    """
    origin = np.zeros(len(information.params)) if origin is None else origin
    minimum = information.model_minimum - origin
    variance = np.diag(information.factor.inverse)
    found = np.zeros(len(minimum))
    fixed = ~(flat_directions(information) != 0).any(axis=1) & (variance > 0)
    found[fixed] = 0.5 * minimum[fixed] ** 2 / variance[fixed]
    if information.basis is not None:
        for j in np.flatnonzero(information.held(np.eye(len(minimum)))):
            found[j] = _released(information, np.array([j]), origin)
    return found


def group_saliency(information: Information, group: Ints) -> float:
    """OBS saliency of weights that go together, 1/2 w_S' ([H^-1]_SS)^-1 w_S.

    The growth of M, to second order, if the weights become 0 together and all others adapt.

    Parameters
    ----------
    information : Information
        The minimum.
    group : ndarray of int
        Positions of the weights.

    Returns
    -------
    float
        In units of M. The same as :func:`weight_saliencies` for a single weight; 0 for none.

    See Also
    --------
    weight_saliencies : Weights one by one.
    unit_parameters : The groups that leave hidden units.
    without_parameters : Where the others then are.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, group_saliency
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> minimum = Information(f, np.array([0.9, 0.8]))
    >>> round(group_saliency(minimum, np.array([0, 1])), 2)
    5.15
    """
    if not len(group):
        return 0.0
    rows = np.zeros((len(group), len(information.params)))
    rows[np.arange(len(group)), group] = 1.0
    if information.held(rows).any():
        return _released(information, group, np.zeros(len(information.params)))
    minimum = information.model_minimum[group]
    inverse = information.factor.inverse[np.ix_(group, group)]
    flat = flat_directions(information)[group]
    if flat.any():
        # Along directions without curvature weights go to 0 for nothing: only the rest counts.
        held = null_space(flat.T)
        minimum, inverse = held.T @ minimum, held.T @ inverse @ held
    if not minimum.size:
        return 0.0
    _, divided, failed = dposv(inverse, minimum)
    if failed:
        divided = lstsq(inverse, minimum)[0]
    return 0.5 * float(minimum @ divided)


def _released(information: Information, group: Ints, origin: Array) -> float:
    """The saliency of weights that constraints hold: those are released, the others stay.

    This is the lowest value of g'd + 1/2 d'Hd with d_S = origin_S - w_S along all other
    active constraints.
    """
    assert information.active is not None, "something holds the weights"
    others = information.active[~information.active[:, group].any(axis=1)]
    fixed = np.vstack([np.eye(len(information.params))[group], others])
    first = lstsq(fixed, np.r_[(origin - information.params)[group], np.zeros(len(others))])[0]
    along = null_space(fixed)
    H = information.hessian
    slope = along.T @ (information.gradient + H @ first)
    gain = 0.5 * float(slope @ lstsq(along.T @ H @ along, slope)[0])
    return float(information.gradient @ first + 0.5 * first @ H @ first) - gain


def flat_directions(information: Information) -> Array:
    """Find the directions of the parameters along which the data determine nothing.

    They are those without curvature in H, and those that the form of the loss leaves open, such as
    a common shift of the logits of a softmax. No function of the parameters that changes along one
    of them has a standard error.

    Parameters
    ----------
    information : Information
        The minimum.

    Returns
    -------
    ndarray of shape (n_parameters, n_directions)
        Columns of unit length, not orthogonal.

    See Also
    --------
    constant_combinations : Functions that do not change along them.
    findings : What their cause may be.
    sknewtonnet.calculus.critical_point : The verdict on the point.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, flat_directions
    >>> X = np.array([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])  # the same column twice
    >>> f = Objective(Network.mlp(2, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> found = flat_directions(Information(f, np.array([0.45, 0.45, 0.8])))
    >>> np.abs(found).round(2).ravel().tolist()  # one weight up, the other one down
    [0.71, 0.71, 0.0]
    """
    return information.flat_directions


def feature_saliencies(information: Information) -> Array:
    """Saliency of each input: that of all weights that leave it.

    Where radial units read the inputs, no group of weights belongs to one input: there it is
    the growth of M with the input held at its mean (:func:`held_saliency`).

    Parameters
    ----------
    information : Information
        The minimum.

    Returns
    -------
    ndarray of shape (n_features,)
        In units of M.

    See Also
    --------
    weight_saliencies : Weights one by one.
    input_saliencies : Inputs that go together.
    sknewtonnet.inspection.feature_importance : The same for users, as shares.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, feature_saliencies
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> minimum = Information(f, np.array([0.9, 0.8]))
    >>> feature_saliencies(minimum).round(1).tolist()
    [2.0]
    """
    groups = [np.array([j]) for j in range(information.objective.network.n_features)]
    return np.array(input_saliencies(information, groups))


def input_saliencies(information: Information, groups: Sequence[Ints]) -> list[float]:
    """Saliency of each group of inputs, by the weights that leave them or with them held.

    For columns that belong together, such as those of a factor, and for radial units, whose inputs
    have no weights of their own.

    Parameters
    ----------
    information : Information
        The minimum.
    groups : sequence of ndarray of int
        Which inputs go together.

    Returns
    -------
    list of float
        In units of M.

    See Also
    --------
    feature_saliencies : Inputs one by one.
    held_saliency : The growth with inputs held.
    shares : Saliencies over their sum.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, input_saliencies
    >>> X = np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.0]])
    >>> f = Objective(Network.mlp(2, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> minimum = Information(f, np.array([0.9, 0.0, 0.8]))
    >>> [round(growth, 2) for growth in input_saliencies(minimum, [np.array([0, 1])])]
    [2.15]
    """
    outgoing = information.input_parameters
    if outgoing is None or inputs_are_held(information):
        return [held_saliency(information, group) for group in groups]
    places = [np.unique(np.concatenate([outgoing[j] for j in group])) for group in groups]
    return [group_saliency(information, place) for place in places]


def shares(saliencies: Sequence[float] | Array) -> Array:
    """Divide saliencies by their sum; zeros if the net depends on nothing.

    A feature that only a constraint keeps in the net has a negative saliency, and share 0.

    Parameters
    ----------
    saliencies : array-like of shape (n_features,)
        Growth of the objective without each feature.

    Returns
    -------
    ndarray of shape (n_features,)
        From 0 to 1.

    See Also
    --------
    feature_saliencies : The saliencies.
    sknewtonnet.inspection.feature_importance : The shares of inputs.

    Examples
    --------
    >>> from sknewtonnet.inference import shares
    >>> shares([1.0, 3.0]).tolist()
    [0.25, 0.75]
    """
    values = np.maximum(np.asarray(saliencies, dtype=float), 0.0)
    total = values.sum()
    return values / total if total > 0 else np.zeros(len(values))
