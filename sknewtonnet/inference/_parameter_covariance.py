"""Covariances of a minimum (doc/statistics.md 3.2), in sums over rows.

All are  K B K  with a bread K = H^-1 or (G + L)^-1 and a meat B, the covariance of the scores:
what the model says of it, or what the scores show.
"""

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array, Ints
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._scaled_spectrum import square_root

MODEL_BASED = ("hessian", "gauss-newton", "bayesian")

ROBUST = ("HC0", "HC1", "HC2", "HC3", "cluster")

COV_TYPES = (*MODEL_BASED, *ROBUST)


def covariance(information: Information, cov_type: str, groups: Ints | None = None) -> Array:
    """Covariance of the parameters, of shape (n_parameters, n_parameters).

    Zero along directions that are not identified; see :meth:`Factor.estimable`.

    Parameters
    ----------
    information : Information
        The minimum.
    cov_type : str
        One of ``COV_TYPES``.
    groups : ndarray of int of shape (n_samples,)
        Number of the cluster of each row, for "cluster".
    """
    if cov_type in MODEL_BASED:
        return _model_based(information, cov_type)
    K = information.factor.inverse
    n, df = information.n_rows, information.n_rows - information.df_resid
    if cov_type == "cluster":
        assert groups is not None, "clusters are known"
        meat, count = clustered_meat(information, groups)
        factor = count / (count - 1.0) * (n - 1.0) / (n - df)
    else:
        power = {"HC2": 0.5, "HC3": 1.0}.get(cov_type)
        if power is None:
            meat = information.centred_meat
        else:
            scores = adjusted_scores(information, power)
            meat = information.products(scores - information.mean_score)
        factor = n / (n - df) if cov_type == "HC1" else 1.0
    return factor * (K @ meat @ K)


def _model_based(information: Information, cov_type: str) -> Array:
    gauss_newton = cov_type == "gauss-newton"
    factor = information.gauss_newton_factor if gauss_newton else information.factor
    K = factor.inverse
    if cov_type == "bayesian":
        return information.dispersion * K
    if information.objective.loss.quadratic and information.n_entries > 1:
        return K @ _meat_of_outputs(information) @ K
    if not information.penalised:
        return information.dispersion * K
    unpenalised = information.gauss_newton
    if not gauss_newton:
        unpenalised = information.hessian - information.penalty
    return K @ (information.dispersion * unpenalised) @ K


def _meat_of_outputs(information: Information) -> Array:
    """For several outputs with squared errors, sum s_i J_i' Sigma J_i.

    Their errors may differ in variance and be correlated, while the fit weighs them alike.
    """
    jacobian, weight = information.jacobian, information.objective.sample_weight
    root = square_root(information.residual_covariance)
    rows = np.einsum("imp,mk->ikp", jacobian, root) * np.sqrt(weight)[:, None, None]
    flat = rows.reshape(-1, rows.shape[2])
    return flat.T @ flat


def clustered_meat(information: Information, groups: Ints) -> tuple[Array, float]:
    """Products of centred scores summed within clusters, and the number of clusters."""
    weight = information.objective.sample_weight
    centred = information.scores - information.mean_score
    count = int(groups.max()) + 1
    sums = np.zeros((count, centred.shape[1]))
    np.add.at(sums, groups, weight[:, None] * centred)
    return sums.T @ sums, float(count)


def adjusted_scores(information: Information, power: float) -> Array:
    """Scores J_i' (I - h_i)^-power r_i with the leverage h_i = s_i L_i J_i H^-1 J_i'.

    L_i is the Hessian of the loss in the raw predictions; for one output h_i is a number. Of
    equal rows (frequency weights) each has a leverage of its own, without the weight.

    Returns
    -------
    ndarray of shape (n_samples, n_parameters)
        NaN where a leverage is 1 or more: such a row is fitted whatever it says.
    """
    curvature, jacobian = information.loss_curvature, information.jacobian
    if information.weight_type != "frequency":
        curvature = curvature * information.objective.sample_weight[:, None, None]
    spread = np.matmul(jacobian @ information.factor.inverse, jacobian.swapaxes(1, 2))
    if jacobian.shape[1] == 1:
        left = 1.0 - (curvature * spread)[:, 0, 0]
        factor = np.where(left > 0, left, np.nan) ** -power
        return information.scores * factor[:, None]
    residuals = _leverage_power(curvature, spread, power, information.residuals)
    return np.einsum("im,imp->ip", residuals, jacobian)


def _leverage_power(L: Array, spread: Array, power: float, residuals: Array) -> Array:
    """(I - L P)^-power r for each row, with L and P positive semi-definite.

    With R = L^1/2 and the symmetric B = R P R this is r + R q(B) R P r, where
    q(b) = ((1 - b)^-power - 1) / b.
    """
    values, vectors = np.linalg.eigh(L)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None]) @ vectors.swapaxes(1, 2)
    leverages, directions = np.linalg.eigh(root @ spread @ root)
    left = np.where(leverages < 1.0, 1.0 - leverages, np.nan)
    near = np.abs(leverages) < 1e-12
    quotient = (left**-power - 1.0) / np.where(near, 1.0, leverages)
    quotient = np.where(near, power, quotient)
    middle = (directions * quotient[:, None]) @ directions.swapaxes(1, 2)
    pulled = np.matmul(spread, residuals[:, :, None])
    return residuals + (root @ middle @ root @ pulled)[:, :, 0]


def cluster_numbers(groups: ArrayLike, n_samples: int) -> Ints:
    """Clusters numbered from 0, from labels of any kind.

    Raises
    ------
    ValueError
        If there is not one label per row, or only one cluster.
    """
    labels = np.asarray(groups)
    missing = np.array([label is None or label != label for label in labels.ravel()])
    if labels.shape != (n_samples,):
        raise ValueError(
            f"groups must have shape ({n_samples},), one label per row, got {labels.shape}."
        )
    if missing.any():
        raise ValueError("groups has missing labels; give each row the label of its cluster.")
    names, numbers = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"groups must have at least two clusters, got only {names[0]!r}.")
    return numbers
