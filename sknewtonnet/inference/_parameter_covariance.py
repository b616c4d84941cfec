"""Covariances of a minimum (doc/statistics.md 3.2), in sums over rows: one table of all kinds.

All are  K B K  with a bread K = H^-1 or (G + L)^-1 and a meat B, the covariance of the scores,
either by the model or from the scores themselves. A new kind is one function and one entry in
``COVARIANCES``, from which choices, checks and messages are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.scaled_spectrum import ScaledSpectrum, square_root
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._rows import RowsAt

# With fewer clusters than this tests reject too often.
_FEW_CLUSTERS = 30


@dataclass(frozen=True, eq=False, repr=False)
class Dependence(Worded):
    """Which rows may depend on each other.

    Sandwich covariances sum the products of scores of rows that may depend on each other, within
    clusters or up to some lags.

    Parameters
    ----------
    groups : ndarray of int of shape (n_samples,) or (n_samples, 2), or None
        Number of the cluster of each row, from :func:`cluster_numbers`; two columns for clusters
        of two kinds, such as firms and years.
    maxlags : int or None
        How many rows later a row may still depend on another one.

    See Also
    --------
    parameter_covariance : The covariance.
    cluster_numbers : Numbers of clusters from labels.

    Examples
    --------
    >>> from sknewtonnet.inference import Dependence, cluster_numbers
    >>> firms = Dependence(groups=cluster_numbers(["a", "b", "a", "b"], 4))
    >>> firms.groups.tolist(), firms.maxlags is None
    ([0, 1, 0, 1], True)
    """

    groups: Ints | None = None
    maxlags: int | None = None

    def _in_words(self) -> str:
        if self.groups is not None:
            return "within clusters"
        return "of no rows" if self.maxlags is None else f"over {self.maxlags} lags"


def _bayesian(information: Information, dependence: Dependence) -> Array:
    """Phi K; for several outputs with squared errors phi K L K beside the variance."""
    K, phi = information.factor.inverse, information.dispersion
    if not _of_outputs(information):
        return phi * K
    return K @ (_meat_of_outputs(information) + phi * information.penalty) @ K


def _hessian(information: Information, dependence: Dependence) -> Array:
    """Phi K H0 K."""
    meat = information.hessian - information.penalty
    return _model_based(information, information.factor.inverse, meat)


def _gauss_newton(information: Information, dependence: Dependence) -> Array:
    """Phi (G + L)^-1 G (G + L)^-1."""
    K = information.gauss_newton_factor.inverse
    return _model_based(information, K, information.gauss_newton)


def _model_based(information: Information, K: Array, meat: Array) -> Array:
    if _of_outputs(information):
        return K @ _meat_of_outputs(information) @ K
    if not information.penalised:
        return information.dispersion * K
    return K @ (information.dispersion * meat) @ K


def _of_outputs(information: Information) -> bool:
    """Whether residuals of several outputs may differ in variance and be correlated."""
    return information.objective.loss.normal_errors and information.n_entries > 1


def _sandwich(information: Information, dependence: Dependence) -> Array:
    """K J K, of the centred scores."""
    K = information.factor.inverse
    return K @ information.centred_meat @ K


def _scaled_sandwich(information: Information, dependence: Dependence) -> Array:
    """The same times n / (n - df)."""
    n, df = information.n_rows, information.n_rows - information.df_resid
    return n / (n - df) * _sandwich(information, dependence)


def _leveraged(power: float) -> Callable[[Information, Dependence], Array]:
    """The sandwich of scores divided by a power of 1 - leverage."""

    def found(information: Information, dependence: Dependence) -> Array:
        K, mean = information.factor.inverse, information.mean_score
        return K @ information.sum_over_rows(_adjusted_products, power, K, mean) @ K

    return found


def _clustered(information: Information, dependence: Dependence) -> Array:
    """Scores summed in clusters; times C / (C - 1) (n - 1) / (n - df).

    Of clusters of two kinds V1 + V2 - V12, where those of V12 are in one cluster of either kind,
    each with its own C (Cameron, Gelbach and Miller 2011).
    """
    assert dependence.groups is not None, "clusters are known"
    K, n = information.factor.inverse, information.n_rows
    meat = np.zeros_like(K)
    for sign, numbers in _kinds_of_clusters(dependence.groups):
        found, count = clustered_meat(information, numbers, centred_scores(information))
        meat += sign * count / (count - 1.0) * found
    return (n - 1.0) / information.df_resid * (K @ meat @ K)


def _kinds_of_clusters(groups: Ints) -> list[tuple[float, Ints]]:
    """Each kind of clusters, and whether its products are added or taken off."""
    if groups.ndim == 1:
        return [(1.0, groups)]
    both = np.unique(groups, axis=0, return_inverse=True)[1].ravel()
    return [(1.0, groups[:, 0]), (1.0, groups[:, 1]), (-1.0, both)]


def _of_neighbours(information: Information, dependence: Dependence) -> Array:
    """Products of the scores of rows up to L apart, with weights 1 - l / (L + 1) at lag l.

    Newey and West (1987), with Bartlett's kernel.
    """
    assert dependence.maxlags is not None, "lags are known"
    weight, K = information.objective.sample_weight[:, None], information.factor.inverse
    scores = weight * (information.scores - information.mean_score)
    return K @ _lagged_meat(scores, dependence.maxlags) @ K


def _lagged_meat(rows: Array, maxlags: int) -> Array:
    """Products of weighted rows up to L apart, with Bartlett's weights."""
    before = np.zeros_like(rows)
    for lag in range(1, maxlags + 1):
        before[lag:] += (1.0 - lag / (maxlags + 1.0)) * rows[:-lag]
    half = rows.T @ (0.5 * rows + before)
    return np.asarray(half + half.T)


def dependent_products(information: Information, rows: Array, dependence: Dependence) -> Array:
    """Covariance of the weighted sum of rows with mean zero, for tests of scores.

    Sums of products of rows, or of their sums in clusters, or of rows and those before them,
    without a correction for their number.
    """
    if dependence.groups is not None:
        return np.asarray(
            sum(
                sign * clustered_meat(information, numbers, rows.__getitem__)[0]
                for sign, numbers in _kinds_of_clusters(dependence.groups)
            )
        )
    if dependence.maxlags is not None:
        return _lagged_meat(
            information.objective.sample_weight[:, None] * rows, dependence.maxlags
        )
    return information.products(rows)


def usual_lags(n_rows: int) -> int:
    """Newey and West's rule of thumb for the number of lags, 4 (n / 100)^(2/9), rounded down."""
    return min(int(4.0 * (n_rows / 100.0) ** (2.0 / 9.0)), n_rows - 1)


@dataclass(frozen=True, repr=False)
class CovarianceType(Worded):
    """How to estimate a covariance, and what that needs; the values of ``COVARIANCES``.

    A further kind of covariance is one more entry of ``COVARIANCES``: tests, intervals and
    messages follow what it says of itself.

    Parameters
    ----------
    estimate : callable
        From the minimum, and which rows may depend on each other, to the covariance.
    model_based : bool
        Whether it assumes the likelihood; else it uses the scores of the rows.
    clustered : bool
        Whether it needs clusters.
    lagged : bool
        Whether it needs the rows in their order, and a number of lags.
    gauss_newton : bool
        Whether its bread is (G + L)^-1, so that G + L must determine a direction, too.

    See Also
    --------
    parameter_covariance : The covariance of a kind.
    COVARIANCES : The kinds by name.

    Examples
    --------
    >>> from sknewtonnet.inference import COVARIANCES
    >>> [name for name, kind in COVARIANCES.items() if kind.model_based]
    ['hessian', 'gauss-newton', 'bayesian']
    >>> COVARIANCES["cluster"].clustered, COVARIANCES["HAC"].lagged
    (True, True)
    """

    estimate: Callable[[Information, Dependence], Array]
    model_based: bool = False
    clustered: bool = False
    lagged: bool = False
    gauss_newton: bool = False

    def _in_words(self) -> str:
        names = [name for name, kind in COVARIANCES.items() if kind is self]
        return f"{names[0]!r}" if names else "of no name"

    def factors(self, information: Information) -> list[ScaledSpectrum]:
        """The factorisations of the matrices that must determine a function with a standard error.

        Parameters
        ----------
        information : Information
            The minimum.

        Returns
        -------
        list of ScaledSpectrum
            Of H, and of G + L for "gauss-newton".
        """
        more = [information.gauss_newton_factor] if self.gauss_newton else []
        return [information.factor, *more]


COVARIANCES: dict[str, CovarianceType] = {
    "hessian": CovarianceType(_hessian, model_based=True),
    "gauss-newton": CovarianceType(_gauss_newton, model_based=True, gauss_newton=True),
    "bayesian": CovarianceType(_bayesian, model_based=True),
    "HC0": CovarianceType(_sandwich),
    "HC1": CovarianceType(_scaled_sandwich),
    "HC2": CovarianceType(_leveraged(0.5)),
    "HC3": CovarianceType(_leveraged(1.0)),
    "cluster": CovarianceType(_clustered, clustered=True),
    "HAC": CovarianceType(_of_neighbours, lagged=True),
}

COV_TYPES = tuple(COVARIANCES)

MODEL_BASED = tuple(name for name, kind in COVARIANCES.items() if kind.model_based)


def default_covariance(information: Information, dependence: Dependence) -> str:
    """The kind of covariance where none is asked for.

    Under a penalty "bayesian", whose intervals cover also what the penalty shrinks (Nychka 1988);
    "hessian" does not. A sandwich where the objective is no likelihood.
    """
    if dependence.groups is not None:
        return "cluster"
    if dependence.maxlags is not None:
        return "HAC"
    if not information.is_likelihood:
        return "HC3"
    return "bayesian" if information.penalised else "hessian"


def parameter_covariance(
    information: Information,
    cov_type: str,
    groups: Ints | None = None,
    maxlags: int | None = None,
    *,
    given_penalty: bool = False,
) -> Array:
    """Covariance of the parameters of a net, of shape (n_parameters, n_parameters).

    It is zero along directions that are not identified;
    :attr:`InferenceResults.reasons` tells which parameters have no standard error.

    Parameters
    ----------
    information : Information
        The minimum.
    cov_type : str
        A name of ``COVARIANCES``.
    groups : ndarray of int of shape (n_samples,) or (n_samples, 2), default=None
        Number of the cluster of each row, from :func:`cluster_numbers`, for "cluster".
    maxlags : int, default=None
        Number of lags, for "HAC".
    given_penalty : bool, default=False
        Whether to take the strength of the penalty as given, also where the data have chosen it.

    Returns
    -------
    ndarray of shape (n_parameters, n_parameters)
        Symmetric. :class:`InferenceResults` has the formulas.

    Raises
    ------
    KeyError
        If ``cov_type`` is unknown.

    See Also
    --------
    InferenceResults : Results of a fit; ``covariance`` is that of what is reported.
    CovarianceType : What the kinds are.
    Dependence : Which rows depend on each other.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, parameter_covariance
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.mlp(1, (), 1), "squared_error", X, [0.0, 1.0, 1.0, 3.0])
    >>> parameter_covariance(Information(f, np.array([0.9, 0.8])), "hessian").round(3).tolist()
    [[0.07, -0.035], [-0.035, 0.105]]
    """
    # Of targets whose squares leave the range of doubles a covariance is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        found = COVARIANCES[cov_type].estimate(information, Dependence(groups, maxlags))
    if cov_type == "bayesian" and information.chosen_penalty and not given_penalty:
        # The logarithm of the strength is known up to a standard deviation of 1, about a step of
        # the path on which it is chosen; after Wood, Pya and Säfken (2016), section 4.
        found = found + np.outer(information.penalty_slope, information.penalty_slope)
    return 0.5 * (found + found.T)


def _meat_of_outputs(information: Information) -> Array:
    """For several outputs with squared errors, sum s_i J_i' Sigma J_i, with J of the means.

    The residuals of the outputs may differ in variance and be correlated, while the fit weighs
    them alike.
    """
    return information.sum_over_rows(
        _products_of_outputs, square_root(information.residual_covariance)
    )


def _products_of_outputs(rows: RowsAt, where: slice, root: Array) -> Array:
    """The sum over some rows, with a root of Sigma."""
    jacobian, slopes = rows.jacobian[where], rows.mean_slopes[where]
    found = np.einsum("imp,im,mk->ikp", jacobian, slopes, root, optimize=True)
    found *= np.sqrt(rows.weight[where])[:, None, None]
    flat = found.reshape(-1, found.shape[2])
    return np.asarray(flat.T @ flat)


def _adjusted_products(
    rows: RowsAt, where: slice, power: float, inverse: Array, mean: Array
) -> Array:
    """Products of scores divided by a power of 1 - leverage, less the mean score."""
    factors = _leverage_factors(rows, where, inverse)
    return rows.products(where, _adjusted_scores(rows, where, power, factors) - mean)


def few_clusters(dependence: Dependence | None) -> str:
    """What to be careful about where there are few clusters."""
    if dependence is None or dependence.groups is None:
        return ""
    count = int(dependence.groups.max(axis=0).min()) + 1
    if count >= _FEW_CLUSTERS:
        return ""
    return f"only {count} clusters: tests hold for many, {_FEW_CLUSTERS} or more"


def centred_scores(information: Information) -> Callable[[slice], Array]:
    """Scores of some rows, less the mean of all."""
    scores, mean = information.scores, information.mean_score
    return lambda where: scores[where] - mean


def clustered_meat(
    information: Information, groups: Ints, rows: Callable[[slice], Array]
) -> tuple[Array, float]:
    """Products of weighted rows summed within clusters, and the number of clusters."""
    weight, count = information.objective.sample_weight, int(groups.max()) + 1
    sums = np.zeros((count, rows(slice(0, 1)).shape[1]))
    for where in information.rows.blocks():
        np.add.at(sums, groups[where], weight[where, None] * rows(where))
    return sums.T @ sums, float(count)


def adjusted_scores(
    information: Information,
    power: float,
    where: slice = slice(None),
    factors: tuple[Array, Array] | None = None,
) -> Array:
    """Scores J_i' (I - h_i)^-power r_i of some rows, or of all.

    The leverage is h_i = s_i L_i J_i H^-1 J_i', where L_i is the Hessian of the loss in the raw
    predictions; for one output h_i is a number. With frequency weights each of the equal rows has
    its own leverage, without the weight. The factors are :func:`leverage_factors`, if they are
    known.

    Returns
    -------
    ndarray of shape (n_rows, n_parameters)
        NaN where a leverage is 1 or more: the fit passes through such a row, whatever its target.
    """
    known = factors or leverage_factors(information, where)
    return _adjusted_scores(information.rows, where, power, known)


def _adjusted_scores(
    rows: RowsAt, where: slice, power: float, factors: tuple[Array, Array]
) -> Array:
    jacobian, residuals = rows.jacobian[where], rows.residuals[where]
    curvature, spread = factors
    if jacobian.shape[1] == 1:
        left = 1.0 - (curvature * spread)[:, 0, 0]
        factor = np.where(left > 0, left, np.nan) ** -power
        return jacobian[:, 0] * (residuals[:, 0] * factor)[:, None]
    adjusted = _leverage_power(curvature, spread, power, residuals)
    return np.einsum("im,imp->ip", adjusted, jacobian)


def leverage_factors(information: Information, where: slice = slice(None)) -> tuple[Array, Array]:
    """The factors s_i L_i and J_i H^-1 J_i' of leverages, of some rows or of all.

    With frequency weights, where each of the equal rows has its own, without s_i.

    Returns
    -------
    tuple of two ndarrays of shape (n_rows, n_outputs, n_outputs)
    """
    return _leverage_factors(information.rows, where, information.factor.inverse)


def _leverage_factors(rows: RowsAt, where: slice, inverse: Array) -> tuple[Array, Array]:
    curvature, jacobian = rows.loss_curvature[where], rows.jacobian[where]
    if rows.weight_type != "frequency":
        curvature = curvature * rows.weight[where, None, None]
    return curvature, np.matmul(jacobian @ inverse, jacobian.swapaxes(1, 2))


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
    """Number clusters from 0, from labels of any kind.

    For arguments ``groups``, whose labels may be text, dates or numbers.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or (n_samples, 2)
        Label of the cluster of each row; two columns for clusters of two kinds.
    n_samples : int
        Number of rows.

    Returns
    -------
    ndarray of int of the shape of groups
        Clusters of each kind in the order of their sorted labels.

    Raises
    ------
    ValueError
        If there is not one label per row and kind, a label is missing, or there is only one
        cluster of a kind.

    See Also
    --------
    Dependence : Which rows depend on each other.
    parameter_covariance : Covariances of clusters.

    Examples
    --------
    >>> from sknewtonnet.inference import cluster_numbers
    >>> cluster_numbers(["north", "south", "north"], 3).tolist()
    [0, 1, 0]
    >>> cluster_numbers([["north", 2001], ["south", 2001], ["north", 2002]], 3).tolist()
    [[0, 0], [1, 0], [0, 1]]
    """
    labels = np.asarray(groups)
    if labels.shape not in ((n_samples,), (n_samples, 2)):
        raise ValueError(
            f"groups must have shape ({n_samples},), one label per row, or ({n_samples}, 2) for "
            f"clusters of two kinds, got {labels.shape}."
        )
    if any(label is None or label != label for label in labels.ravel()):
        raise ValueError("groups has missing labels; give each row the label of its cluster.")
    if labels.ndim == 1:
        return _numbers_of_one_kind(labels)
    return np.column_stack([_numbers_of_one_kind(column) for column in labels.T])


def _numbers_of_one_kind(labels: NDArray[Any]) -> Ints:
    try:
        names, numbers = np.unique(labels, return_inverse=True)
    except TypeError:
        raise ValueError(
            "groups mixes labels of kinds that have no order, such as 'a' and 1."
        ) from None
    if len(names) < 2:
        raise ValueError(f"groups must have at least two clusters, got only {names[0]!r}.")
    return numbers
