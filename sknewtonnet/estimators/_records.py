"""From an estimator to the record of its fit, and back: what meta-estimators work with."""

from dataclasses import replace
from typing import TypeVar

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sknewtonnet.calculus.pieces.known_terms import KnownTerms
from sknewtonnet.estimators._base import BaseNewtonNet
from sknewtonnet.estimators._fit import Fit

Net = TypeVar("Net", bound=BaseNewtonNet)


def fit_of(
    net: BaseNewtonNet,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    exposure: ArrayLike | None = None,
) -> Fit:
    """The record of a fitted net.

    Parameters
    ----------
    net : estimator of this package
        A fitted net.
    X, y, sample_weight, offset, exposure : array-like, default=None
        The data of its fit, which the net does not keep: what needs them is in the record if they
        are given here.

    Returns
    -------
    Fit

    Raises
    ------
    NotFittedError
        If it is not fitted.
    """
    check_is_fitted(net)
    if X is None:
        return net._fit_
    return net._on(X, y, sample_weight, KnownTerms(offset, exposure))


def fit_from(
    net: Net,
    start: Fit,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    exposure: ArrayLike | None = None,
    *,
    post_selection: bool = False,
) -> Net:
    """Fit a net from where another fit ended, in place of its own starts.

    Parameters
    ----------
    net : estimator of this package
        What is fitted, with all its settings.
    start : Fit
        Of a net with the same parameters by name, and the same link; its inputs may have had
        other names.
    X, y, sample_weight, offset, exposure
        As in ``net.fit``.
    post_selection : bool, default=False
        Whether its form was chosen on these data, so that p-values are too small.

    Returns
    -------
    object
        The net.

    Raises
    ------
    ValueError
        If the parameters are others, or ``fit`` would refuse the arguments.
    """
    known = KnownTerms(offset, exposure)
    names = tuple(getattr(X, "columns", []))
    if not (names and all(isinstance(name, str) for name in names)):
        names = tuple(f"x{j}" for j in range(start.network.n_features))
    if len(names) == start.network.n_features:
        start = start.renamed(names)
    return net._fit_from(start, X, y, sample_weight, known, post_selection)


def after_selection(net: Net, post_selection: bool = True) -> Net:
    """Tell a fitted net that it was chosen among several by the data of its fit.

    Parameters
    ----------
    net : estimator of this package
        The fitted net.
    post_selection : bool, default=True
        False if it was the only one.

    Returns
    -------
    object
        The net.
    """
    net._fit_ = replace(fit_of(net), post_selection=post_selection)
    return net


def with_feature_names(net: Net, names: tuple[str, ...]) -> Net:
    """Give the inputs of a fitted net names that its own table did not have.

    Parameters
    ----------
    net : estimator of this package
        The fitted net. It still takes tables without names.
    names : tuple of str
        One for each input.

    Returns
    -------
    object
        The net.
    """
    net._fit_ = fit_of(net).renamed(names)
    net.parameter_names_ = list(net._fit_.network.layout.names)
    return net
