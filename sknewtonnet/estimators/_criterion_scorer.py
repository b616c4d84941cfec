"""Information criteria as scores of scikit-learn's searches."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from sknewtonnet._names import must_be_one_of
from sknewtonnet._threads import one_thread
from sknewtonnet.inference import CRITERIA


@dataclass(frozen=True)
class CriterionScorer:
    """A scorer: minus an information criterion of the data of the fit.

    Parameters
    ----------
    criterion : str
        One of ``CRITERIA``.
    """

    criterion: str

    @one_thread()  # bits then do not depend on how many candidates are scored at once
    def __call__(
        self,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **known: ArrayLike,
    ) -> float:
        """Minus the criterion, so that greater is better; NaN where the fit is no minimum."""
        if isinstance(estimator, Pipeline):
            if len(estimator) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator[-1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results = estimator.inference(X, y, sample_weight, cov_type="HC0", **known)
        kinds = {finding.kind for finding in results.findings if finding.severity == "fatal"}
        if "separation" in kinds:
            return np.nan  # a likelihood without a maximum must not win
        if "not stationary" in kinds or "negative curvature" in kinds:
            raise ValueError(
                f"{self.criterion} belongs to the data of the fit, at a minimum: search with "
                "cv=[(rows, rows)], where rows = numpy.arange(len(X)), and fit to convergence."
            )
        if not results.information.is_likelihood and self.criterion not in ("gcv", "nic"):
            raise ValueError(
                f"there is no {self.criterion}: the loss, or class_weight, makes the objective no "
                "likelihood."
            )
        value = float(getattr(results, self.criterion))
        return -value if np.isfinite(value) else np.nan


def criterion_scorer(criterion: str = "bic") -> CriterionScorer:
    """Make a scorer for searches by an information criterion, without cross-validation.

    A criterion estimates from all rows what cross-validation estimates from rows left out, at the
    cost of one fit for each candidate.

    Parameters
    ----------
    criterion : {"aic", "aicc", "bic", "nic", "tic", "gcv"}, default="bic"
        The criterion; :class:`sknewtonnet.inference.Criteria` has the formulas.

    Returns
    -------
    callable
        ``scorer(estimator, X, y, sample_weight=None)`` returns minus the criterion; it takes the
        ``offset`` or ``exposure`` of the rows as well. A criterion
        belongs to the data of the fit, so a search must use all rows for both training and
        scoring: ``GridSearchCV(net, grid, scoring=scorer, cv=[(rows, rows)])``. The estimator may
        be a pipeline that ends in a net. A call costs one ``inference``, about n P^2 + 20 P^3
        flops. With ``alpha="auto"`` each candidate has the strength of penalty that suits it;
        criteria count the parameters that it leaves, not that it was chosen.

    Raises
    ------
    ValueError
        If there is no such criterion. The scorer raises it if the data are not those of the fit,
        the fit is not at a minimum, or the objective is no likelihood ("gcv" and "nic" aside).

    See Also
    --------
    sknewtonnet.inference.Criteria : The criteria.
    sknewtonnet.InformationCriterionSearch : A search over the sizes of a net.
    sklearn.model_selection.GridSearchCV : A search that takes the scorer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sknewtonnet import NewtonMLPRegressor, criterion_scorer
    >>> X, y = load_diabetes(return_X_y=True)
    >>> rows = np.arange(len(X))
    >>> net = NewtonMLPRegressor(alpha=1.0, random_state=0, skip_connections="input-output")
    >>> sizes = {"hidden_layer_sizes": [(), (1,), (2,)]}
    >>> search = GridSearchCV(net, sizes, scoring=criterion_scorer("bic"), cv=[(rows, rows)])
    >>> search.fit(X, y).best_params_
    {'hidden_layer_sizes': ()}
    """
    if criterion not in CRITERIA:
        raise ValueError(must_be_one_of("criterion", criterion, CRITERIA))
    return CriterionScorer(criterion)
