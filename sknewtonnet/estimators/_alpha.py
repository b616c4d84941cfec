"""The strength of the penalty, chosen by cross-validation.

Fits to parts of the rows are judged by the mean loss of the rows that were left out. Each
fit has its own start: from the minimum of another strength it would fall into the basin of
that minimum. Strengths come from a grid, 10^(k / 2) rows; the search stops once the best one lies
between two that are worse. Weak penalties, which cost most, are thus tried only where they help.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils.parallel import Parallel, delayed

from sknewtonnet._sklearn import one_blas_thread
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Network
from sknewtonnet.estimators._alpha_selection import AlphaSelection
from sknewtonnet.estimators._fit import Data, Problem
from sknewtonnet.solvers import Iteration

_FIRST = (2, 1, 0)  # strengths 10, 3.2 and 1: nine of ten tables have their best next to these
_LAST = (-8, 8)
_FEW_ROWS = 200
_MANY_ROWS = 4000
# A loss this much lower is no reason to go on.
_NO_GAIN = 1e-6
# Far from the minimum of f held-out losses are what they will be: gradient over f.
_NEAR = 0.02
_MAX_ITER = 100

Folds = Sequence[tuple[Ints, Ints]]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows and folds on which strengths of a problem are compared, each fit from its own start.

    Attributes
    ----------
    problem : Problem
        What will be solved.
    rows : Data
        Distinct rows; a sample of them if there are many.
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
    def of(cls, problem: Problem, seed: int) -> "Comparison":
        """The comparison of a problem; the same for the same seed."""
        rows = distinct(problem.known_data)
        n_rows = len(rows.X)
        # Alpha counts rows, so its best value hardly depends on how many there are.
        if n_rows > _MANY_ROWS:
            sample = np.sort(np.random.RandomState(seed).permutation(n_rows)[:_MANY_ROWS])
            rows = Data(rows.X[sample], rows.Y[sample], rows.sample_weight[sample])
        return cls(problem, rows, _folds(rows, problem, seed), seed)

    def losses(self, alphas: Sequence[Any], parallel: Parallel) -> list[Array]:
        """Loss of each row where it was left out, for strengths as settings have them."""
        n_folds = len(self.folds)
        tasks = [(alpha, number) for alpha in alphas for number in range(n_folds)]
        found = parallel(delayed(self.held_out)(alpha, number) for alpha, number in tasks)
        return [self.joined(found[k * n_folds : (k + 1) * n_folds]) for k in range(len(alphas))]

    def joined(self, parts: Sequence[Array]) -> Array:
        """Losses of all rows, from those of the rows that each fold leaves out."""
        losses = np.empty(len(self.rows.X))
        for part, (_, test) in zip(parts, self.folds, strict=True):
            losses[test] = part
        return losses

    def part(self, number: int) -> Problem:
        """The problem with the rows to fit of a fold."""
        train, rows = self.folds[number][0], self.rows
        data = Data(rows.X[train], rows.Y[train], rows.sample_weight[train])
        return replace(self.problem, data=data)

    def held_out(self, alpha: Any, number: int) -> Array:
        """Losses of the rows that a fold leaves out."""
        part, test = self.part(number).with_alpha(alpha), self.folds[number][1]
        with one_blas_thread():
            start = part.start(self.seed + number)
            result = part.solver().minimize(part.objective(), start, _near_enough)
        raw = part.network.predict_raw(result.params, self.rows.X[test])
        losses = part.loss.value(self.rows.Y[test], raw)
        return np.where(np.isfinite(losses), losses, np.finfo(float).max ** 0.5)


def chosen_alpha(comparison: Comparison, alpha_of: Any, n_jobs: int | None) -> AlphaSelection:
    """Choose the strength of the penalty of a problem.

    Parameters
    ----------
    comparison : Comparison
        The problem, and how strengths are compared.
    alpha_of : callable
        From a strength to what the settings of a problem have for it.
    n_jobs : int or None
        Fits to run in parallel.

    Returns
    -------
    AlphaSelection
    """
    n_folds, weight = len(comparison.folds), comparison.rows.sample_weight
    if not n_folds:
        one, unknown = np.ones(1), np.full(1, np.nan)
        reason = "too few rows to compare"
        alpha = _strength(0, weight)
        return AlphaSelection(one * alpha, unknown, unknown, alpha, 0, len(weight), reason)
    losses: dict[int, Array] = {}
    wanted: Sequence[int] = _FIRST
    with Parallel(n_jobs=n_jobs) as parallel:
        while wanted := [k for k in wanted if k not in losses and _LAST[0] <= k <= _LAST[1]]:
            found = comparison.losses([alpha_of(_strength(k, weight)) for k in wanted], parallel)
            losses |= dict(zip(wanted, found, strict=True))
            best = _best(losses, weight)
            wanted = (best - 1, best + 1)
    return _selection(losses, weight, best, n_folds)


def with_hidden_intercepts(network: Network, alpha: Any) -> Any:
    """Strengths by arrays, those of coefficients also for the intercepts of hidden units.

    In standardised columns they say where a unit bends, in standard deviations. Without a
    penalty they may run to infinity, where units become linear or constant.
    """
    if isinstance(alpha, dict):
        return alpha
    n_linear = sum(network.linear)
    each = [alpha] * n_linear if np.ndim(alpha) == 0 else list(alpha)
    named = {f"coefs_{k}": strength for k, strength in enumerate(each)}
    hidden = {f"intercepts_{k}": strength for k, strength in enumerate(each[: n_linear - 1])}
    return named | (hidden if len(each) == n_linear else {})


def _strength(k: int, weight: Array) -> float:
    """10^(k / 2) rows; where weights are small, rows of mean weight, which then all count alike.

    Boosting has weights that sum to one: in full rows the whole grid would drown the data.
    """
    return float(10.0 ** (k / 2.0)) * min(1.0, float(weight.mean()))


def _best(losses: dict[int, Array], weight: Array) -> int:
    """The strength with the lowest mean loss; of equal ones the stronger."""
    means = {k: float(np.average(values, weights=weight)) for k, values in losses.items()}
    lowest = min(means.values())
    return max(k for k, mean in means.items() if mean <= lowest + _NO_GAIN * abs(lowest))


def _selection(losses: dict[int, Array], weight: Array, best: int, n: int) -> AlphaSelection:
    order = sorted(losses, reverse=True)
    values = np.array([losses[k] for k in order])
    share = weight / weight.sum()
    mean = values @ share
    errors = std_errors(values - losses[best], share)
    edge = best in _LAST
    reason = (
        f"lowest held-out loss of {len(order)} strengths in {n} folds"
        f"{', at the end of the range that is tried' if edge else ''}"
    )
    return AlphaSelection(
        np.array([_strength(k, weight) for k in order]),
        mean,
        errors,
        _strength(best, weight),
        n,
        values.shape[1],
        reason,
    )


def std_errors(values: Array, share: Array) -> Array:
    """Standard errors, over rows, of weighted means of the rows of a matrix."""
    centred = values - (values @ share)[:, None]
    return np.sqrt((centred**2) @ share**2)


def distinct(data: Data) -> Data:
    """Equal rows as one, with the sum of their weights, in an order that only values decide.

    So a row twice and a row of weight two are left out together, and count the same.
    """
    both = np.column_stack([data.X, data.Y])
    rows, inverse = np.unique(both, axis=0, return_inverse=True)
    weight = np.bincount(inverse.ravel(), weights=data.sample_weight)
    n_features = data.X.shape[1]
    return Data(rows[:, :n_features], rows[:, n_features:], weight.astype(float))


def _folds(rows: Data, problem: Problem, seed: int) -> Folds:
    """Rows to fit and rows to leave out; none if there are too few."""
    n_rows = len(rows.X)
    n_folds = min(5 if n_rows < _FEW_ROWS else 3, n_rows // 2)
    if n_folds < 2:
        return []
    labels = rows.Y @ np.arange(1, rows.Y.shape[1] + 1)
    counts = np.unique(labels, return_counts=True)[1]
    if problem.target.attributes and counts.min() >= n_folds:  # classes
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
        return list(splitter.split(rows.X, labels))
    return list(KFold(n_folds, shuffle=True, random_state=seed).split(rows.X))


def _near_enough(iteration: Iteration) -> bool:
    near = iteration.gradient_norm <= _NEAR * abs(iteration.value)
    return near or iteration.n_iter >= _MAX_ITER
