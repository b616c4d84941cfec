"""Curvatures along the path of a run: which saddle points it passes, and where it leaves them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import Any

import numpy as np

from sknewtonnet._tables import Report, Shown, Table, counted, imported_pandas, shown_of
from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction, critical_point
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.functions.standardization import on_standardized_columns
from sknewtonnet.calculus.pieces.validation import real_array


@dataclass(frozen=True, eq=False)
class PathPoint:
    """Second derivatives at one point of a path.

    A run passes saddle points, or lingers next to them: ``n_negative`` and ``escape`` say where,
    and along which weights it leaves.

    Parameters
    ----------
    start, n_iter : int
        The start of a fit, from 0 on, and the iteration of its run; 0 is where it starts.
    value : float
        The function there.
    gradient_norm : float
        Largest absolute entry of the gradient.
    lowest, highest : float
        The extreme eigenvalues of the Hessian.
    n_negative : int
        Eigenvalues that are negative beyond rounding; above 3000 parameters 1 for any number.
    kind : str
        The verdict of :func:`critical_point`; "not stationary" on the way.
    escape : Direction or None
        The direction of the lowest eigenvalue by the names of its weights, if that is negative.

    See Also
    --------
    SpectrumPath : The callback that keeps them.
    critical_point : The verdict on a point.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inspection import PathPoint
    >>> X = np.array([[-1.0], [0.0], [1.0]])
    >>> f = Objective(Network.mlp(1, 1, 1), "squared_error", X, np.tanh(X), alpha=0.1)
    >>> point = PathPoint.at(f, np.zeros(4), start=0, n_iter=0)
    >>> point.kind, point.n_negative, round(point.lowest, 3)
    ('saddle', 1, -0.474)
    """

    start: int
    n_iter: int
    value: float
    gradient_norm: float
    lowest: float
    highest: float
    n_negative: int
    kind: str
    escape: Direction | None = field(repr=False)

    @classmethod
    def at(cls, function: SmoothFunction, w: Array, start: int, n_iter: int) -> PathPoint:
        """Look at a point of a function.

        Parameters
        ----------
        function : SmoothFunction
            The function.
        w : ndarray of shape (n_parameters,)
            The point.
        start, n_iter : int
            Where it is on the path.

        Returns
        -------
        PathPoint
            Value, gradient and extreme curvatures there.
        """
        value, gradient = function.value_and_gradient(w)
        point = critical_point(function, w)
        return cls(
            start,
            n_iter,
            float(value),
            float(np.abs(gradient).max()),
            point.lowest,
            point.highest,
            point.negative.shape[1],
            point.kind,
            point.escape_direction,
        )


class SpectrumPath(Shown):
    """A callback that keeps the extreme curvatures at the iterations of a run.

    It is one for solvers, ``solver.minimize(function, w, SpectrumPath(function, w))``, and for
    estimators, ``net.set_callbacks(path).fit(X, y)`` with ``path = SpectrumPath()``; these are
    looked at on standardised columns if they standardise them. It never stops a run.

    Parameters
    ----------
    function : SmoothFunction, default=None
        What a solver minimises; None for estimators.
    w : ndarray of shape (n_parameters,), default=None
        Where the run starts, to be kept as iteration 0; None to begin with the first iteration.
    every : int, default=1
        Keep one in so many iterations.

    Attributes
    ----------
    points : list of PathPoint
        What was kept, in order.

    Raises
    ------
    ValueError
        If ``every`` is no positive integer.

    See Also
    --------
    PathPoint : What it keeps of a point.
    critical_point : The verdict on a point.
    way_down : How far a function falls from a saddle point.
    sknewtonnet.display.SpectrumDisplay : The same as a picture.

    Notes
    -----
    A Hessian and its eigenvalues at each point that is kept, about 10 P^3 flops; products alone
    above 3000 parameters. Starts that run in other processes (``n_jobs``) are not seen.

    Examples
    --------
    Gradients cannot part two equal units: a run of first order ends at their saddle point, and
    Newton's method leaves it.

    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inspection import SpectrumPath
    >>> from sknewtonnet.solvers import get_solver
    >>> X = np.linspace(-2.0, 2.0, 40)[:, None]
    >>> f = Objective(Network.mlp(1, (2,), 1), "squared_error", X, np.sin(2.5 * X), alpha=0.1)
    >>> equal = np.array([0.5, 0.5, 0.0, 0.0, 0.5, 0.5, 0.0])
    >>> stuck = get_solver("l-bfgs-b").minimize(f, equal).params
    >>> path = SpectrumPath(f, stuck)
    >>> end = get_solver("newton").minimize(f, stuck, path)
    >>> [(p.kind, p.n_negative) for p in (path.points[0], path.points[-1])]
    [('saddle', 2), ('minimum', 0)]
    >>> path.saddles[0] is path.points[0], 0 < path.left_at <= end.n_iter
    (True, True)
    """

    def __init__(
        self, function: SmoothFunction | None = None, w: Array | None = None, *, every: int = 1
    ):
        if not isinstance(every, Integral) or isinstance(every, bool) or every < 1:
            raise ValueError(f"every must be a positive integer, got {every!r}.")
        if not (function is None or isinstance(function, SmoothFunction)):
            raise TypeError(f"function must be a SmoothFunction or None, got {function!r}.")
        self.function: Any = function
        self.every: int = int(every)
        self.points: list[PathPoint] = []
        self._start: int = 0
        self._n_iter: int = 0
        if w is not None:
            if function is None:
                raise TypeError("a starting point needs its function: SpectrumPath(function, w).")
            self._look(function, real_array("w", w), 0)

    def __call__(self, iteration: Any) -> bool:
        """Keep an iteration of a solver.

        Parameters
        ----------
        iteration : Iteration
            What solvers hand to callbacks.

        Returns
        -------
        bool
            False: the run goes on.
        """
        if self.function is None:
            raise TypeError("as the callback of a solver it needs SpectrumPath(function).")
        if iteration.n_iter % self.every == 0:
            self._look(self.function, iteration.params, iteration.n_iter)
        return False

    @property
    def saddles(self) -> list[PathPoint]:
        """Points with negative curvature where the gradient is smaller than before and after.

        Near a saddle point a gradient falls, and grows again when the run leaves it. A start
        counts if the gradient grows from there, and the last point if it falls to there.
        """
        found = []
        for k, point in enumerate(self.points):
            beside = [
                other.gradient_norm
                for other in self.points[max(k - 1, 0) : k + 2]
                if other is not point and other.start == point.start
            ]
            if point.n_negative and point.gradient_norm < min(beside, default=np.inf):
                found.append(point)
        return found

    @property
    def left_at(self) -> int | None:
        """The iteration from which on there is no negative curvature; None if there is at the end.

        Of the last start.
        """
        found = None
        for point in self.points:
            if point.n_negative or (found is not None and point.start != self.points[-1].start):
                found = None
            elif found is None:
                found = point.n_iter
        return found

    def to_frame(self) -> Any:
        """The path as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row for each point, with the attributes of :class:`PathPoint`; "escape" in words.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        names = [field.name for field in fields(PathPoint)[:-1]]
        rows = [
            [*(getattr(point, name) for name in names), point.escape.words if point.escape else ""]
            for point in self.points
        ]
        return pd.DataFrame(rows, columns=[*names, "escape"])

    def _report(self) -> Report:
        n, where = len(self.points), shown_of(len(self.points))
        points = [self.points[k] for k in where]
        labels = {
            "start": [str(point.start) for point in points],
            "iteration": [str(point.n_iter) for point in points],
        }
        columns = {
            "value": [f"{point.value:.6g}" for point in points],
            "gradient": [f"{point.gradient_norm:.1e}" for point in points],
            "lowest": [f"{point.lowest:.3g}" for point in points],
            "highest": [f"{point.highest:.3g}" for point in points],
            "negative": [str(point.n_negative) for point in points],
            "verdict": [point.kind for point in points],
        }
        return Report("Curvatures along a run", [Table.of(labels, columns).of_first_and_last(n)])

    def _in_words(self) -> str:
        return f"of {counted(len(self.points), 'point')}"

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin anew with a fit; scikit-learn calls it.

        Parameters
        ----------
        estimator : estimator
            The net that is fitted.
        context : object
            What scikit-learn tells of the fit, or of one of its tasks.
        """
        self.points, self.function, self._start = [], None, -1

    def teardown(self, estimator: Any, context: Any) -> None:
        """Forget the data of a fit; scikit-learn calls it.

        Parameters
        ----------
        estimator : estimator
            The net that is fitted.
        context : object
            What scikit-learn tells of the fit, or of one of its tasks.
        """
        self.function = None

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Count starts; scikit-learn calls it.

        Parameters
        ----------
        estimator : estimator
            The net that is fitted.
        context : object
            What scikit-learn tells of the fit, or of one of its tasks.
        """
        if context.task_name == "start":
            self._start, self._n_iter = self._start + 1, 0

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any,
        y: Any,
        metadata: dict[str, Any] | None,
        fitted_estimator: Any,
    ) -> None:
        """Keep an iteration; scikit-learn calls it.

        Parameters
        ----------
        estimator : estimator
            The net that is fitted.
        context : object
            What scikit-learn tells of the fit, or of one of its tasks.
        X, y : array
            The data of the fit.
        metadata : dict or None
            Weights, offsets and the like.
        fitted_estimator : estimator
            A net with the parameters of the iteration.
        """
        if context.task_name != "iteration":
            return
        self._n_iter += 1
        if self._n_iter % self.every:
            return
        w = fitted_estimator.params_
        if self.function is None:
            known = {name: value for name, value in (metadata or {}).items() if name != "groups"}
            objective = fitted_estimator.objective(X, y, **known)
            standardize = fitted_estimator.standardize
            self.function = on_standardized_columns(objective) if standardize else objective
        w = self.function.restrict(w) if fitted_estimator.standardize else w
        self._look(self.function, w, self._n_iter)

    def _look(self, function: SmoothFunction, w: Array, n_iter: int) -> None:
        self.points.append(PathPoint.at(function, w, max(self._start, 0), n_iter))
