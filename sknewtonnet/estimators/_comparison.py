"""How settings of a problem are compared: by the rows that fits to parts of the rows left out.

Each fit has its own start: from the minimum of another setting it would fall into the basin of
that minimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.parallel import Parallel, delayed

from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array, Ints
from sknewtonnet.estimators._arguments import check_labels
from sknewtonnet.estimators._data import Data
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.solvers import Iteration

_FIVE_BELOW = 200
# Far from the minimum of f held-out losses are what they will be: gradient over f.
_NEAR = 0.02
_MAX_ITER = 100

Folds = Sequence[tuple[Ints, Ints]]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows and folds on which settings of a problem are compared, each fit from its own start.

    Parameters
    ----------
    problem : Problem
        What will be solved.
    rows : Data
        Distinct rows, a sample of them if there are many; or all rows, if folds were given.
    folds : sequence of (train, test)
        Rows to fit and rows to leave out; none if there are too few.
    seed : int
        Of the starts.
    """

    problem: Problem
    rows: Data
    folds: Folds
    seed: int

    @classmethod
    def of(cls, problem: Problem, seed: int, cv: int | Folds | None = None) -> Comparison:
        """The comparison of a problem; the same for the same seed.

        Parameters
        ----------
        problem : Problem
            What will be solved.
        seed : int
            Of folds and starts.
        cv : int, sequence of (train, test), or None
            Number of folds, or the folds of the rows of the problem. None: 5 folds below 200
            distinct rows, else 3.
        """
        if cv is not None and not isinstance(cv, int):
            return cls(problem, problem.known_data.in_memory, cv, seed)
        # Alpha counts rows, so its best value hardly depends on how many there are.
        rows = problem.known_data.sample(seed)
        return cls(problem, rows, _own_folds(rows, problem, seed, cv), seed)

    @property
    def n_left_out(self) -> Ints:
        """How often each row is left out."""
        tests = [test for _, test in self.folds]
        return np.bincount(np.concatenate(tests), minlength=len(self.rows.X))

    @property
    def share(self) -> Array:
        """What each row counts in means of held-out losses: its weight, if it is left out."""
        weight = np.where(self.n_left_out > 0, self.rows.sample_weight, 0.0)
        return np.asarray(weight / weight.sum())

    def std_errors(self, values: Array) -> Array:
        """Standard errors of weighted means of the rows of a matrix, an entry for each row here.

        Weights are counts: a row twice and a row of weight two say the same. Weights below one on
        average are relative.
        """
        weight = self.rows.sample_weight[self.n_left_out > 0]
        n_rows = max(float(weight.sum()), len(weight))
        centred = values - (values @ self.share)[:, None]
        return np.sqrt(centred**2 @ self.share / n_rows)

    def losses(self, alphas: Sequence[Any], parallel: Parallel) -> list[Array]:
        """Loss of each row where it was left out, for strengths as settings have them."""
        n_folds = len(self.folds)
        tasks = [(alpha, part) for alpha in alphas for part in self.parts]
        found = parallel(delayed(part.held_out)(alpha) for alpha, part in tasks)
        return [self.joined(found[k * n_folds : (k + 1) * n_folds]) for k in range(len(alphas))]

    def joined(self, parts: Sequence[Array]) -> Array:
        """Losses of all rows, from those of the rows that each fold leaves out.

        The mean, if a row was left out more than once; 0 if it never was.
        """
        losses, times = np.zeros(len(self.rows.X)), np.maximum(self.n_left_out, 1)
        for part, (_, test) in zip(parts, self.folds, strict=True):
            losses[test] += part / times[test]
        return losses

    @cached_property
    def parts(self) -> list[Part]:
        """What each fold fits and leaves out, the same for all settings."""
        return [
            Part(self.problem.on(self.rows.at(train).canonical), self.rows.at(test), self.seed + k)
            for k, (train, test) in enumerate(self.folds)
        ]


@dataclass(frozen=True, eq=False)
class Part:
    """A fold: small enough to travel to another process.

    Parameters
    ----------
    problem : Problem
        The problem with the rows to fit.
    left_out : Data
        The others.
    seed : int
        Of the start.
    """

    problem: Problem
    left_out: Data
    seed: int

    def held_out(self, alpha: Any) -> Array:
        """Losses of the rows that are left out, for strengths as settings have them."""
        problem, left_out = self.problem.with_alpha(alpha), self.left_out
        with one_thread():
            start = problem.start(self.seed)
            near = partial(near_enough, near=_NEAR, max_iter=_MAX_ITER)
            result = problem.solver().minimize(problem.objective(), start, near)
            raw = left_out.raw(problem.network.predict_raw(result.params, left_out.X))
            losses = problem.loss.value(left_out.Y, raw)
        return np.where(np.isfinite(losses), losses, np.finfo(float).max ** 0.5)


def near_enough(iteration: Iteration, near: float, max_iter: int) -> bool:
    """Whether a run may end: by its gradient over f, or the number of its iterations."""
    small = iteration.gradient_norm <= near * abs(iteration.value)
    return small or iteration.n_iter >= max_iter


def given_folds(
    cv: Any, X: Array, y: Any, weight: Array, groups: ArrayLike | None, *, classes: bool, seed: int
) -> int | Folds | None:
    """Folds of the rows with a positive weight, as users ask for them.

    Parameters
    ----------
    cv : int, splitter, iterable of (train, test), or None
        How to split all rows.
    X, y, weight : arrays
        The table.
    groups : array-like of shape (n_samples,) or None
        Rows of one group stay together.
    classes : bool
        Whether y are labels, so that folds of groups are stratified.
    seed : int
        Of folds of groups, unless cv is a splitter.

    Returns
    -------
    int, list of (train, test), or None
        Numbers as they are, if there are no groups: the rows then are put together first.

    Raises
    ------
    ValueError
        If groups do not fit the table or are too few, a fold is empty, or the splitter refuses.
    """
    labels = None
    if groups is not None:
        check_labels("groups", groups)
        labels = np.asarray(column_or_1d(groups))
        check_consistent_length(X, labels)
    if cv is None or isinstance(cv, Integral):
        if labels is None:
            return None if cv is None else int(cv)
        try:
            n_groups = len(np.unique(labels[weight > 0]))
        except TypeError:
            raise ValueError("groups mixes labels of kinds that have no order.") from None
        if n_groups < 2:
            raise ValueError(
                f"groups must have at least two values in rows that count, got {n_groups}."
            )
        n_folds = min(cv or _n_folds(n_groups), n_groups)
        kind = StratifiedGroupKFold if classes and np.ndim(y) == 1 else GroupKFold
        cv = kind(n_folds, shuffle=True, random_state=seed)
    position = np.cumsum(weight > 0) - 1
    given = cv.split(X, y, labels) if hasattr(cv, "split") else cv
    pairs = (_row_numbers(pair, len(X)) for pair in given)
    folds = [
        (position[train[weight[train] > 0]], position[test[weight[test] > 0]])
        for train, test in pairs
    ]
    if any(len(rows) == 0 for fold in folds for rows in fold):
        raise ValueError(f"cv={cv!r} has a fold without rows to fit or without rows to leave out.")
    return folds


def _row_numbers(pair: Any, n_rows: int) -> tuple[Ints, Ints]:
    """The two sets of row numbers of a fold, or an error if they are something else."""
    sets = [np.asarray(rows) for rows in pair] if isinstance(pair, Sequence) else []
    sets = [np.flatnonzero(rows) if rows.dtype == bool else rows for rows in sets]
    numbers = [rows.size == 0 or rows.dtype.kind in "iu" for rows in sets]
    if (
        numbers != [True, True]
        or any(rows.ndim != 1 for rows in sets)
        or any(np.abs(rows + 0.5).max(initial=0.0) > n_rows for rows in sets)
    ):
        raise ValueError(
            f"cv must yield pairs of arrays of row numbers below {n_rows}, got {pair!r}."
        )
    train, test = (rows.astype(int) for rows in sets)
    return train, test


def _n_folds(n_rows: int) -> int:
    return 5 if n_rows < _FIVE_BELOW else 3


def _own_folds(rows: Data, problem: Problem, seed: int, n_folds: int | None) -> Folds:
    """Rows to fit and rows to leave out; none if there are too few."""
    n_rows = len(rows.X)
    n_folds = _n_folds(n_rows) if n_folds is None else n_folds
    n_folds = min(n_folds, n_rows // 2)
    if n_folds < 2:
        return []
    labels = rows.Y @ np.arange(1, rows.Y.shape[1] + 1)
    counts = np.unique(labels, return_counts=True)[1]
    stratified = problem.target.attributes and counts.min() >= n_folds  # classes
    kind = StratifiedKFold if stratified else KFold
    splitter = kind(n_folds, shuffle=True, random_state=seed)
    return list(splitter.split(rows.X, labels))
