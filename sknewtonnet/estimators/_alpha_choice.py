"""The strength of the penalty that the data of a fit choose, as its estimator asks."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor
from sklearn.utils import check_random_state

from sknewtonnet.estimators._alpha import chosen_alpha
from sknewtonnet.estimators._alpha_selection import AlphaSelection
from sknewtonnet.estimators._ard import ard_alpha
from sknewtonnet.estimators._callbacks import Tell
from sknewtonnet.estimators._comparison import Comparison
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.estimators._given import Given


def alpha_of_data(
    estimator: Any,
    problem: Problem,
    given: Given,
    groups: ArrayLike | None,
    alpha_of: Any,
    tell: Tell,
) -> AlphaSelection:
    """How the data choose the strength, by the estimator's ``alpha``, ``cv`` and ``n_jobs``.

    Parameters
    ----------
    estimator : estimator
        Its parameters.
    problem : Problem
        What there is to minimise.
    given : Given
        The rows, for the folds.
    groups : array-like of shape (n_samples,), or None
        Rows of a group stay together.
    alpha_of : callable
        From a strength to what the objective takes.
    tell : callable
        Called after each strength that was tried.

    Returns
    -------
    AlphaSelection
    """
    # From a copy, so that starts are those of the same strength given as a number.
    state = deepcopy(check_random_state(estimator.random_state))
    seed = state.randint(np.iinfo(np.int32).max)
    folds = given.folds(estimator.cv, groups, classes=not is_regressor(estimator), seed=seed)
    choose = ard_alpha if estimator.alpha == "ard" else chosen_alpha
    return choose(Comparison.of(problem, seed, folds), alpha_of, estimator.n_jobs, tell)
