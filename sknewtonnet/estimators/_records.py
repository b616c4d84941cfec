"""From an estimator to the record of its fit, and back: what meta-estimators work with."""

from __future__ import annotations

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
    """Take the record of a fitted net.

    For meta-estimators, which refit a net without some of its parameters, or look at its minimum;
    the record is the same whatever becomes of the parameters of the estimator.

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
        With its data if they are given.

    Raises
    ------
    NotFittedError
        If it is not fitted.

    See Also
    --------
    Fit : What it returns.
    fit_from : A fit that begins where another one ended.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.estimators import fit_of
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> y = np.array([0.0, 1.0, 1.0, 3.0])
    >>> net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    >>> fit_of(net).verdict, round(fit_of(net, X, y).criteria.bic, 2)
    ('minimum', 7.15)
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

    For paths of nets that differ little: other strengths of the penalty, other rows, fewer
    parameters.

    Parameters
    ----------
    net : estimator of this package
        What is fitted, with all its settings.
    start : Fit
        Of a net with the same parameters by name, and the same link; its inputs may have had
        other names.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Training data, as in ``net.fit``.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Target values.
    sample_weight, offset, exposure : array-like, default=None
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

    See Also
    --------
    fit_of : The record of a fitted net.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.estimators import fit_from, fit_of
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> y = np.array([0.0, 1.0, 1.0, 3.0])
    >>> net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    >>> ridge = fit_from(NewtonMLPRegressor((), alpha=1.0), fit_of(net), X, y)
    >>> bool(abs(ridge.coefs_[0][0, 0]) < abs(net.coefs_[0][0, 0]))
    True
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

    The summary of its inference then says that p-values are too small, for the form of the net was
    chosen to have small ones.

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

    See Also
    --------
    fit_of : The record, which keeps it.
    sknewtonnet.InformationCriterionSearch : A search that tells its net.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.estimators import after_selection, fit_of
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> y = np.array([0.0, 1.0, 1.0, 3.0])
    >>> net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    >>> fit_of(after_selection(net)).post_selection
    True
    """
    net._fit_ = replace(fit_of(net), post_selection=post_selection)
    return net


def with_feature_names(net: Net, names: tuple[str, ...]) -> Net:
    """Give the inputs of a fitted net names that its own table did not have.

    For nets behind a preprocessing that returns arrays without names.

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

    See Also
    --------
    fit_of : The record, which keeps them.
    pipeline_inference : Names of a whole pipeline.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.estimators import with_feature_names
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> y = np.array([0.0, 1.0, 1.0, 3.0])
    >>> net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
    >>> with_feature_names(net, ("age",)).parameter_names_
    ['coefs_0[age, y]', 'intercepts_0[y]']
    """
    net._fit_ = fit_of(net).renamed(names)
    net.parameter_names_ = list(net._fit_.network.layout.names)
    return net
