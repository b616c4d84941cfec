"""The size of a net, chosen by an information criterion."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from sknewtonnet._sklearn import N_JOBS, Names, has_callbacks
from sknewtonnet._tables import Report, Shown, Table, counted, fixed
from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.critical_point import DENSE_LIMIT
from sknewtonnet.estimators import BaseNewtonNet, after_selection, fit_of
from sknewtonnet.inference import CRITERIA, fatal_messages
from sknewtonnet.pruning._meta import MetaNet, NetTask, Task, advice

_NO_LIKELIHOOD = "The loss, or class_weight, makes the objective no likelihood."


class SearchResults(Shown, dict[str, Any]):
    """Columns of a search, a dict of arrays that is a table in notebooks."""

    def _report(self) -> Report:
        ranks = self["rank"]
        order = np.argsort(ranks, kind="stable")
        criterion = next(name for name in CRITERIA if name in self)
        labels = {"setting": [_setting(self["params"][k]) for k in order]}
        columns = {
            "rank": [str(ranks[k]) for k in order],
            criterion: fixed([self[criterion][k] for k in order], 2),
            "parameters": [str(self["n_parameters"][k]) for k in order],
            "effective": fixed([self["effective_parameters"][k] for k in order], 1),
            "identifiable": ["yes" if self["identifiable"][k] else "no" for k in order],
            "critical point": [str(self["critical_point"][k]) for k in order],
            "minima": [str(self["n_minima"][k]) for k in order],
        }
        reasons = [
            f"{setting}: {self['reason'][k]}"
            for setting, k in zip(labels["setting"], order, strict=True)
            if self["reason"][k]
        ]
        return Report("", [Table.of(labels, columns)], reasons)

    def _in_words(self) -> str:
        return f"of {counted(len(self['params']), 'setting')}, a dict of {', '.join(self)}"


def _setting(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.split('__')[-1]}={value!r}" for name, value in params.items())


class InformationCriterionSearch(MetaNet):
    """Fit a net with each of several settings, and keep the one with the lowest criterion.

    Named and shaped like scikit-learn's searches, but without cross-validation: each setting is
    fitted once, to all rows, from ``n_init`` starts of the net.

    Parameters
    ----------
    estimator : NewtonMLPRegressor, NewtonMLPClassifier, RBFNetRegressor, RBFNetClassifier, \
            NewtonNetRegressor, NewtonNetClassifier, or a Pipeline that ends in one
        The net. It is cloned. The steps before it are fitted once, to X and y alone. Give the net
        several starts (``n_init``), since a criterion is only as good as the minimum. With
        ``alpha="auto"`` each setting has the strength of penalty that suits it; criteria count
        the parameters that it leaves, not that it was chosen. For a size that will be tested a
        small number, such as 0.1, is the steadier comparison.
    param_grid : dict or list of dict
        Settings to try, as for :class:`sklearn.model_selection.GridSearchCV`, such as
        ``{"hidden_layer_sizes": [(), (1,), (2,), (3,)]}``; of a pipeline those of its last step,
        with the name of the step: "newtonmlpregressor__hidden_layer_sizes".
    criterion : {"aic", "aicc", "bic", "nic", "tic", "gcv"}, default="bic"
        The criterion to minimise; :class:`sknewtonnet.inference.Criteria` has the formulas.
    n_jobs : int, default=None
        Number of settings to fit in parallel, as in joblib. The result is the same to the last
        bit, whatever the number and the backend; ``results_["fit_time"]`` aside.
    verbose : int, default=0
        1 prints a line for each setting.

    Attributes
    ----------
    best_estimator_ : object
        The net with the lowest criterion, fitted, or the pipeline with it at its end. Its
        inference reports that p-values come after a selection.
    best_params_ : dict
        Settings of the best net.
    best_score_ : float
        Criterion of the best net.
    best_index_ : int
        Row of the best net in ``results_``.
    results_ : dict of array, a table in notebooks
        A row per setting: "params", "param_..." for each, the criterion by its name, "rank",
        "loss", "n_parameters", "effective_parameters", "identifiable", "critical_point",
        "n_minima" (different ones among the starts) and "fit_time". The criterion is NaN where
        there is none, such as at a fit that is no minimum; "reason" says why.
        ``pandas.DataFrame(search.results_)`` shows it.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, where X has any.

    See Also
    --------
    BackwardPruning : Removes the parts that a net does not need.
    sknewtonnet.criterion_scorer : The criteria as scores of scikit-learn's own searches.

    Notes
    -----
    Tests of a net with more units than the data show reject true hypotheses far too often
    (doc/statistics.md 3.7), so choose the size first. BIC finds the number of hidden units in
    nearly all of the cases there. Criteria of nets that are too large are approximations, since
    their likelihood is not regular. They compare fits to the same targets in the same units.

    References
    ----------
    Schwarz (1978), Estimating the dimension of a model, Annals of Statistics 6. Anders and Korn
    (1999), Model selection in neural networks, Neural Networks 12.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import InformationCriterionSearch, NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * np.tanh(1.5 * X[:, 0] - X[:, 1]) + 0.3 * rng.normal(size=200)
    >>> net = NewtonMLPRegressor(alpha=0.1, n_init=3, random_state=0)
    >>> search = InformationCriterionSearch(net, {"hidden_layer_sizes": [(), (1,), (2,)]})
    >>> search.fit(X, y).best_params_
    {'hidden_layer_sizes': (1,)}
    """

    _net_name = "best_estimator_"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "param_grid": [dict, list],
        "criterion": [Names(CRITERIA)],
        "n_jobs": N_JOBS,
        "verbose": ["verbose"],
    }

    param_grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]
    criterion: str
    n_jobs: int | None
    verbose: int

    best_estimator_: Any
    best_params_: dict[str, Any]
    best_score_: float
    best_index_: int
    results_: dict[str, NDArray[Any]]

    def __init__(
        self,
        estimator: BaseNewtonNet | Pipeline,
        param_grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
        *,
        criterion: str = "bic",
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.criterion = criterion
        self.n_jobs = n_jobs
        self.verbose = verbose

    @property
    def _n_parts(self) -> int:
        return len(ParameterGrid(self.param_grid))

    def _fitted(
        self, net: Any, X: ArrayLike, y: ArrayLike, rows: Mapping[str, ArrayLike], task: Task
    ) -> dict[str, Any]:
        grid = list(ParameterGrid(self.param_grid))
        if not grid:
            raise ValueError(f"param_grid must have a setting at least, got {self.param_grid!r}.")
        own = [task.stage.own_params(params) for params in grid]
        watched = has_callbacks(self)  # else no data are sent for nothing
        parts = [task.part("setting", self._net_name) if watched else None for _ in grid]
        runs = Parallel(n_jobs=self.n_jobs)(
            delayed(_run)(clone(net).set_params(**params), X, y, rows, self.criterion, part)
            for params, part in zip(own, parts, strict=True)
        )
        nets, table = zip(*runs, strict=True)
        losses = sorted({fit_of(net).loss.name for net in nets})
        if len(losses) > 1 and self.criterion in ("gcv", "nic"):
            raise ValueError(
                f"{self.criterion} is in units of the loss, so it does not compare the losses "
                f"{losses}; use another criterion."
            )
        scores = np.array([row[self.criterion] for row in table])
        if self.verbose:
            for params, score in zip(grid, scores, strict=True):
                print(f"{params}: {self.criterion} {score:.6g}")
        if np.isnan(scores).all():
            reasons = " ".join(sorted({row["reason"] for row in table}))
            points = sorted({row["critical_point"] for row in table})
            raise ValueError(
                f"none of the {len(grid)} settings has a {self.criterion} (critical points "
                f"{points}, n_samples = {np.shape(X)[0]}): {reasons}{advice(*points)}"
            )
        best = int(np.nanargmin(scores))
        chosen = after_selection(nets[best], post_selection=len(grid) > 1)
        return {
            "results_": _table(grid, table, scores),
            "best_index_": best,
            "best_score_": float(scores[best]),
            "best_params_": grid[best],
            "best_estimator_": chosen,
        }


@one_thread()
def _run(
    net: Any,
    X: ArrayLike,
    y: ArrayLike,
    rows: Mapping[str, ArrayLike],
    criterion: str,
    task: NetTask | None,
) -> tuple[Any, dict[str, Any]]:
    """One setting: its fit, and a row of the table."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        # A setting that is too large is no reason for a warning; the table reports it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        with nullcontext() if task is None else task.around(net):
            net.fit(X, y, **rows)
        warnings.simplefilter("ignore", UserWarning)
        if len(net.params_) > DENSE_LIMIT:
            return net, _row(net, criterion, start, f"More than {DENSE_LIMIT} parameters.")
        results = net.inference(X, y, cov_type="HC0", **rows)
    # Without a minimum there is no criterion.
    fatal = fatal_messages(results.findings)
    score = np.nan if fatal else float(getattr(results, criterion))
    reason = fatal[0] if fatal else "" if np.isfinite(score) else _NO_LIKELIHOOD
    row = _row(net, criterion, start, reason)
    row[criterion] = score if np.isfinite(score) else np.nan
    row["effective_parameters"] = results.effective_parameters
    row["identifiable"] = results.identifiable
    return net, row


def _row(net: Any, criterion: str, start: float, reason: str) -> dict[str, Any]:
    """The row of a fit in the table, as far as it is known without inference."""
    return {
        criterion: np.nan,
        "loss": net.loss_,
        "n_parameters": len(net.params_),
        "effective_parameters": np.nan,
        "identifiable": False,
        "critical_point": net.critical_point_,
        "reason": reason,
        "n_minima": len(set(net.starts_["minimum"].tolist()) - {-1}),
        "fit_time": time.perf_counter() - start,
    }


def _table(
    grid: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    scores: Array,
) -> SearchResults:
    """Columns of the results."""
    found = SearchResults(params=list(grid))
    for name in sorted({key for params in grid for key in params}):
        column = np.ma.MaskedArray(np.empty(len(grid), dtype=object), mask=True)
        for k, params in enumerate(grid):
            if name in params:
                column[k] = params[name]
        found[f"param_{name}"] = column
    for name in rows[0]:
        found[name] = np.array([row[name] for row in rows])
    found["rank"] = rankdata(np.where(np.isnan(scores), np.inf, scores), method="min").astype(int)
    return found
