"""A fitted net: its objective on data, and its raw predictions."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.dask_blocks import is_dask
from sknewtonnet.calculus.pieces.known_terms import NO_TERMS, KnownTerms
from sknewtonnet.estimators._arguments import checked_params, checked_table
from sknewtonnet.estimators._block_predictions import OnBlock, of_all_blocks
from sknewtonnet.estimators._block_tables import Samples, blocks_of, known_features
from sknewtonnet.estimators._dask_tables import lazy_answers
from sknewtonnet.estimators._data import Data, Table
from sknewtonnet.estimators._fit import Fit
from sknewtonnet.estimators._given import Given
from sknewtonnet.estimators._to_mlp import to_mlp

_NO_OFFSET = (
    "The net was fitted with an offset or exposure, and none is given: what it predicts is for "
    "offset 0, or exposure 1. Give offset= or exposure= of these rows; offset=0 says that it is "
    "meant."
)


class FittedNet:
    """What a fit has left, on data; goes left of the base class that fits."""

    params_: Array
    critical_point_: str
    _fit_: Fit

    @abstractmethod
    def _validated(
        self,
        X: ArrayLike,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        known: KnownTerms,
        *,
        reset: bool,
    ) -> Given:
        """Checked data; rows of weight zero only tell which classes there are."""

    def objective(
        self,
        X: Samples,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> AnyObjective:
        """The objective of the fitted net on data, on the scale of ``loss_``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data, in any form that ``fit`` takes; blocks hold their targets and weights.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as in :meth:`fit`.
        offset, exposure : array-like, default=None
            Known terms of the rows, as in :meth:`fit`.

        Returns
        -------
        Objective or BlockObjective
            Value, gradient, Hessian and more at any parameters, such as ``params_``; the latter of
            rows in blocks.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the data do not match those of the fit, or have no offset where the fit had one.
        """
        data = self._table(X, y, sample_weight, KnownTerms(offset, exposure))
        return self._fit_.problem.original_objective(data)

    def to_sklearn(self) -> MLPRegressor | MLPClassifier:
        """Make a fitted MLP of scikit-learn that predicts the same.

        What reads scikit-learn's models then reads the net: converters to ONNX or PMML, SHAP, and
        who has no sknewtonnet installed. It shares nothing with the net.

        Returns
        -------
        MLPRegressor or MLPClassifier
            Its predictions and probabilities are those of the net, to 1e-12. It takes columns in
            the units of the table: standardised columns are in the first and last coefficients.

        Raises
        ------
        NotFittedError
            If the net is not fitted.
        ValueError
            If no MLP can be the same function: skip connections, layers that are not linear,
            an offset, activations other than "identity", "logistic", "tanh" and "relu" or several
            of them, outputs that go through a function that MLPs have not.

        Notes
        -----
        ``alpha`` of the MLP is that of the net where this is one number and ``standardize=False``,
        else scikit-learn's default, and its ``loss`` is "poisson" under all logarithmic
        links: to fit it again may give another net. ``loss_`` is that of the net. A target that
        was one column of two axes is predicted with one axis.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from sknewtonnet import NewtonMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> net = NewtonMLPClassifier((3,), alpha=1.0, random_state=0).fit(X, y)
        >>> mlp = net.to_sklearn()
        >>> type(mlp).__name__, mlp.out_activation_, mlp.n_layers_
        ('MLPClassifier', 'softmax', 3)
        >>> bool(np.allclose(mlp.predict_proba(X), net.predict_proba(X), rtol=0.0, atol=1e-12))
        True
        """
        return to_mlp(self)

    @property
    def multipliers_(self) -> dict[str, Array]:
        """Multipliers of the constraints, in the units of the table; for fits under constraints.

        Moving a limit by d changes ``loss_`` by -d times its multiplier, to first order. They are
        positive where an upper limit holds the fit back, negative where a lower one does, and 0
        where a constraint does not. "bounds" has one for each parameter, "linear" one for each of
        ``linear_constraints``, "nonlinear" one for each function of ``constraints`` in order.
        """
        found = self._fit_.result
        return self._fit_.problem.multipliers(None if found is None else found.multipliers)

    @property
    def _shown(self) -> Fit:
        """The fit, at the point that the attributes show."""
        given = checked_params(self.params_, len(self._fit_.params))
        params = self._fit_.problem.from_original(given)
        return replace(self._fit_, params=params, verdict=self.critical_point_)

    def _on(
        self,
        X: ArrayLike,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        known: KnownTerms = NO_TERMS,
    ) -> Fit:
        """The same on any data."""
        data = self._table(X, y, sample_weight, known)
        return self._shown.on(self._fit_.problem.standardised(data))

    def _table(
        self, X: Samples, y: ArrayLike | None, sample_weight: ArrayLike | None, known: KnownTerms
    ) -> Table:
        """Checked data in the units in which they come."""
        check_is_fitted(self)
        given = self._validated(X, y, sample_weight, known, reset=False)
        problem, target = self._fit_.problem, self._fit_.problem.target
        data = given.beside(known, given.table(target), target, problem.loss)
        if problem.has_offset and not data.has_offset:
            raise ValueError(
                "the net was fitted with an offset or exposure: give that of these rows as well, "
                "or offset=0 if they have none."
            )
        # What users change later is not what was asked about.
        return data.copy() if isinstance(data, Data) else data

    def _by_blocks(self, method: str, X: Any, known: KnownTerms, **arguments: Any) -> Any:
        """What a method gives for blocks of rows, one after the other; None for other tables."""
        check_is_fitted(self)
        if is_dask(X):
            return lazy_answers(OnBlock(self, method, arguments), X, known)
        blocks = blocks_of(X, known=known, features=known_features(self))
        return None if blocks is None else of_all_blocks(blocks, OnBlock(self, method, arguments))

    def _raw_prediction(
        self, X: ArrayLike, known: KnownTerms, params: ArrayLike | None = None
    ) -> Array:
        """Raw predictions, at the fitted parameters or at others, with the known terms."""
        check_is_fitted(self)
        samples = checked_table(self, X, reset=False)
        w = self.params_ if params is None else checked_params(params, len(self.params_))
        terms = self._known_terms(known, samples.shape[0])
        with one_thread():
            raw = self._fit_.problem.original_network.predict_raw(w, samples)
        return raw if terms is None else raw + terms

    def _known_terms(self, known: KnownTerms, n_samples: int) -> Array | None:
        """Those of rows to predict; warns if there are none and the fit had some."""
        problem = self._fit_.problem
        terms = known.terms(problem.loss, n_samples, problem.network.n_outputs)
        if terms is None and problem.has_offset:
            warnings.warn(_NO_OFFSET, UserWarning, stacklevel=4)
        return terms
