"""How fits get on: the objective and its gradient over iterations and over seconds."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator

from sknewtonnet._figures import (
    COLOURS,
    LINE_STYLES,
    MARKERS,
    key,
    nth_colour,
    paper,
    readable,
    style,
)
from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.validation import check_truth, real_array
from sknewtonnet.display._base import Display, draws
from sknewtonnet.display._nets import fitted_net
from sknewtonnet.solvers import Iteration, SolverResult

_TAKE_OVER = {"Newton": "D", "quasi-Newton": "s"}
_NUMBERS = ("values", "gradient_norms", "seconds", "n_hessians")


class Course(NamedTuple):
    """The way of one fit: numbers for its start and each iteration.

    Parameters
    ----------
    values : ndarray of shape (n_points,)
        The objective.
    first : int, default=0
        The iteration of the first of them.
    gradient_norms, seconds : ndarray of shape (n_points,), default=None
        The largest gradient entry, and the time since the start; None if it is not known.
    n_hessians : ndarray of int of shape (n_points,), default=None
        Matrices of second derivatives formed so far; None if that is not known.
    phases : tuple of (int, str), default=()
        Iterations after which another method took over, and its name.
    converged : bool, default=None
        Whether the fit reached its tolerance; None if that is not known.
    """

    values: Array
    first: int = 0
    gradient_norms: Array | None = None
    seconds: Array | None = None
    n_hessians: Ints | None = None
    phases: tuple[tuple[int, str], ...] = ()
    converged: bool | None = None

    @property
    def iterations(self) -> Ints:
        """The iterations, an array."""
        return np.arange(self.first, self.first + len(self.values))

    @property
    def forms_hessian(self) -> Ints:
        """Which points came from an iteration that formed a Hessian, their numbers."""
        if self.n_hessians is None:
            return np.arange(0)
        return np.flatnonzero(np.diff(self.n_hessians) > 0) + 1


class ConvergenceDisplay(Display):
    """How fits get on: objective and gradient over iterations and over seconds.

    The upper panels show f - m for the objective f in each iteration, the lower ones the largest
    absolute gradient entry ("gradient norm" of an :class:`~sknewtonnet.solvers.Iteration`). m is
    the lowest objective of all fits of the picture, so that the curve of a fit that ends in
    another minimum levels off; or the lowest of each fit; or a number. What is within the rounding
    error eps ``|m|`` of m is drawn at that error. The end of a curve is hollow where a fit has not
    reached its tolerance. Small strokes are iterations that formed a Hessian; diamonds and squares
    are where Newton and quasi-Newton steps took over. Panels of what is not known are left out.

    Parameters
    ----------
    courses : mapping of str to Course
        The ways of the fits by their labels.
    minimum : {"common", "own"} or float, default="common"
        m.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        Objective and gradient by rows, iterations and seconds by columns.
    figure_ : matplotlib.figure.Figure
        The figure.
    lines_ : dict of str to list of matplotlib.lines.Line2D
        The curves by label, in the order of the panels they are in.
    ends_ : dict of str to list of matplotlib.lines.Line2D
        Their ends.
    hessians_ : dict of str to list of matplotlib.lines.Line2D
        The strokes of iterations that formed a Hessian.
    phases_ : dict of str to list of matplotlib.lines.Line2D
        The marks of methods that took over.

    See Also
    --------
    SpectrumDisplay : The extreme eigenvalues along a run.
    sknewtonnet.solvers.SolverResult : It has history and trace of a run.

    Notes
    -----
    Seconds are those of the kept start alone, on the machine of the fit, with all that callbacks
    did: not the starts that were given up, nor the choice of ``alpha``. Gradients of an estimator
    are those of the problem that its solver saw: of standardised columns, under
    ``standardize=True``.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.display import ConvergenceDisplay
    >>> from sknewtonnet.solvers import get_solver
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(50, 2))
    >>> f = Objective(Network.mlp(2, 3, 1), "squared_error", X, np.tanh(X[:, 0]), alpha=0.1)
    >>> w = 0.3 * rng.normal(size=f.n_parameters)
    >>> results = {name: get_solver(name, tol=1e-6).minimize(f, w) for name in ("newton", "lm")}
    >>> display = ConvergenceDisplay.from_results(results)
    >>> display.axes_.shape, list(display.lines_)
    ((2, 2), ['newton', 'lm'])
    """

    def __init__(self, *, courses: Mapping[str, Course], minimum: str | float = "common"):
        self.courses = courses
        self.minimum = minimum

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        label: str | None = None,
        minimum: str | float = "common",
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the way of a fitted net.

        Parameters
        ----------
        estimator : fitted estimator
            A net of this package, or what ends in one: a pipeline, a search, a pruning. Its data
            are not needed.
        label : str, default=None
            Its label; the name of its class if None.
        minimum : {"common", "own"} or float, default="common"
            What the objective is compared with: its lowest value, or a number.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        ConvergenceDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        TypeError
            If there is no net of this package.
        """
        net = fitted_net(estimator, cls.__name__)
        name = type(net).__name__ if label is None else label
        return cls.from_results({name: net}, minimum=minimum, ax=ax, **keywords)

    @classmethod
    def from_results(
        cls,
        results: Any,
        *,
        minimum: str | float = "common",
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the ways of several fits of one objective.

        Parameters
        ----------
        results : mapping of str to result, or one result
            By their labels results of solvers, fitted nets, lists of
            :class:`~sknewtonnet.solvers.Iteration` that a callback ``trace.append`` has collected
            (from iteration 1 on, without times), or for methods of other packages mappings with
            "values" and, if they are known, "gradient_norms", "seconds" and "n_hessians":
            sequences with a number for the start and each iteration.
        minimum : {"common", "own"} or float, default="common"
            What the objective is compared with: the lowest value of all fits, that of each one, or
            a number.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        ConvergenceDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If a result is something else.
        ValueError
            If there is none, numbers are missing, or ``minimum`` is another word.
        """
        cls._check_plot(ax, keywords)
        a_number = isinstance(minimum, Real) and not isinstance(minimum, bool)
        if a_number and not np.isfinite(minimum):
            raise ValueError(f"minimum must be finite, got {minimum!r}.")
        if not a_number and minimum not in ("common", "own"):
            raise ValueError(must_be_one_of("minimum", minimum, ("common", "own"), "a number"))
        named = results if isinstance(results, Mapping) and not _is_course(results) else None
        named = {"fit": results} if named is None else named
        if not named:
            raise ValueError("results must have at least one fit.")
        courses = {str(label): _course(label, result) for label, result in named.items()}
        return cls(courses=courses, minimum=minimum).plot(ax, **keywords)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        of: str | Sequence[str] = ("objective", "gradient"),
        over: str | Sequence[str] = ("iterations", "seconds"),
        xscale: str = "linear",
        marks: bool = True,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes whose place the panels take; a new figure if None.
        of : str or sequence of str, default=("objective", "gradient")
            What is drawn, one or both: the rows of panels.
        over : str or sequence of str, default=("iterations", "seconds")
            Over what, one or both: the columns of panels.
        xscale : {"linear", "log"}, default="linear"
            The scale of iterations and seconds; "log" leaves out the start.
        marks : bool, default=True
            Whether to mark Hessians, and methods that took over.
        line_kwargs : dict, default=None
            Keywords of the curves, those of a ``Line2D``.

        Returns
        -------
        ConvergenceDisplay
            The display itself.
        """
        if xscale not in ("linear", "log"):
            raise ValueError(must_be_one_of("xscale", xscale, ("linear", "log")))
        check_truth("marks", marks)
        rows = _asked("of", of, ("objective", "gradient"))
        columns = _asked("over", over, ("iterations", "seconds"))
        several = self.courses.values()
        if all(one.gradient_norms is None for one in several):
            rows = [one for one in rows if one != "gradient"] or ["objective"]
        if all(one.seconds is None for one in several):
            columns = [one for one in columns if one != "seconds"] or ["iterations"]
        panels = self._places(len(rows), len(columns), ax, size=(3.8, 2.8))
        self.lines_: dict[str, list[Any]] = {label: [] for label in self.courses}
        self.ends_: dict[str, list[Any]] = {label: [] for label in self.courses}
        self.hessians_: dict[str, list[Any]] = {label: [] for label in self.courses}
        self.phases_: dict[str, list[Any]] = {label: [] for label in self.courses}
        for row, what in zip(panels, rows, strict=True):
            for panel, across in zip(row, columns, strict=True):
                self._plot_panel(panel, what, across, marks, line_kwargs)
                panel.set_xscale(xscale)
                if xscale == "linear":
                    panel.locator_params(axis="x", nbins=5)
                panel.set_yscale("log")
                panel.set_xlabel("iteration" if across == "iterations" else across)
                steep = what == "gradient"
                panel.set_ylabel("largest gradient entry" if steep else self._above)
        handles = self._key()
        labels = [handle.get_label() for handle in handles]
        if ax is None:
            key(self.figure_, panels[0, 0], handles, labels, own=True)
        else:
            panels[0, 0].legend(handles, labels, fontsize="x-small")
        return self

    def _plot_panel(
        self,
        panel: Any,
        what: str,
        over: str,
        marks: bool,
        given: Mapping[str, Any] | None,
    ) -> None:
        """The curves of a panel."""
        from matplotlib.lines import Line2D

        for number, (label, one) in enumerate(self.courses.items()):
            x = one.seconds if over == "seconds" else one.iterations
            y = _above_zero(one.gradient_norms) if what == "gradient" else self._gaps(one)
            if x is None or y is None:
                continue
            colour, dash = nth_colour(number), LINE_STYLES[number % 8]
            look = {"color": colour, "linestyle": dash, "linewidth": 1.2, "label": readable(label)}
            self.lines_[label] += panel.plot(x, y, **style(look, given, Line2D))
            look = {"color": colour, "marker": MARKERS[number % 8], "markersize": 6.0}
            look["markerfacecolor"] = paper() if one.converged is False else colour
            self.ends_[label] += panel.plot(x[-1:], y[-1:], **look)
            if not marks:
                continue
            at = one.forms_hessian
            look = {"color": colour, "linestyle": "none", "marker": "|", "markersize": 4.5}
            self.hessians_[label] += panel.plot(x[at], y[at], **look)
            for iteration, name in one.phases:
                at = np.flatnonzero((one.iterations == iteration) & (iteration > 0))
                look |= {"marker": _TAKE_OVER.get(name, "o"), "markersize": 6.0}
                look |= {"markerfacecolor": paper(), "gid": name}
                self.phases_[label] += panel.plot(x[at], y[at], **look)

    def _gaps(self, one: Course) -> Array:
        """By how much the objective is above the minimum."""
        if isinstance(self.minimum, Real):
            least = float(self.minimum)
        elif self.minimum == "own":
            least = float(np.nanmin(one.values))
        else:
            least = min(float(np.nanmin(other.values)) for other in self.courses.values())
        tiny = float(np.finfo(float).eps) * abs(least) or float(np.finfo(float).tiny)
        return np.maximum(one.values - least, tiny)

    @property
    def _above(self) -> str:
        """What the upper panels show."""
        if isinstance(self.minimum, Real):
            return f"objective above {self.minimum:.6g}"
        if self.minimum == "own":
            return "objective above its end"
        return "objective above the lowest" if len(self.courses) > 1 else "objective above its end"

    def _key(self) -> list[Any]:
        """Handles of a legend: of the fits, and of the marks that there are."""
        from matplotlib.lines import Line2D

        handles = []
        for label, lines in self.lines_.items():
            handle = Line2D([], [])
            handle.update_from(self.ends_[label][0])
            handle.set_label(readable(label))
            handle.set_linestyle(lines[0].get_linestyle())
            handles.append(handle)
        grey: dict[str, Any] = {"color": COLOURS["grey"], "linestyle": "none", "markersize": 7.0}
        if any(len(line.get_xdata()) for lines in self.hessians_.values() for line in lines):
            handles.append(Line2D([], [], marker="|", label="forms a Hessian", **grey))
        names = {
            line.get_gid(): line.get_marker()
            for lines in self.phases_.values()
            for line in lines
            if len(line.get_xdata())
        }
        for name, marker in names.items():
            look = grey | {"markerfacecolor": paper(), "label": f"{name} steps take over"}
            handles.append(Line2D([], [], marker=marker, **look))
        return handles


def _above_zero(norms: Array | None) -> Array | None:
    """Gradients for a logarithmic axis, which has one that is 0 at the rounding error of 1."""
    if norms is None:
        return None
    return np.where(norms == 0.0, np.finfo(float).eps, norms)


def _asked(name: str, given: str | Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Panels that are asked for, in the order of the picture."""
    wanted = [given] if isinstance(given, str) else list(given)
    for one in wanted:
        if one not in allowed:
            raise ValueError(must_be_one_of(name, one, allowed))
    return [one for one in allowed if one in wanted] or list(allowed)


def _is_course(result: Mapping[Any, Any]) -> bool:
    return "values" in result and not isinstance(result["values"], SolverResult)


def _course(label: Any, result: Any) -> Course:
    """The way of a fit, in any of the forms in which it may be given."""
    if isinstance(result, BaseEstimator):
        result = fitted_net(result, "ConvergenceDisplay")
        found = _of_result(result.solver_result_)
        curve = getattr(result, "loss_curve_", None)
        return found if curve is None else found._replace(values=np.asarray(curve))
    if isinstance(result, SolverResult):
        return _of_result(result)
    if isinstance(result, Mapping) and _is_course(result):
        return _of_numbers(label, result)
    if isinstance(result, Sequence) and all(isinstance(one, Iteration) for one in result):
        if not result:
            raise ValueError(f"the trace of {label!r} has no iterations.")
        values = np.array([one.value for one in result])
        norms = np.array([one.gradient_norm for one in result])
        return Course(values, result[0].n_iter, norms)
    if isinstance(result, BaseEstimator):
        return _course(label, fitted_net(result, "ConvergenceDisplay"))
    hint = ""
    if isinstance(result, Sequence) and all(isinstance(one, BaseEstimator) for one in result):
        hint = ' Several fits are a mapping of their labels: {"one start": net, "another": other}.'
    raise TypeError(
        "results must be SolverResult, fitted nets, lists of Iteration, or mappings with "
        f"'values', got {reprlib.repr(result)} for {label!r}.{hint}"
    )


def _of_result(result: SolverResult) -> Course:
    """The way of a run of a solver."""
    values, trace = np.array(result.history), result.trace
    if trace is None:
        return Course(values, converged=result.converged)
    return Course(
        values,
        0,
        np.array(trace.gradient_norms),
        np.array(trace.seconds),
        np.array(trace.n_hessians),
        trace.phases,
        result.converged,
    )


def _of_numbers(label: Any, given: Mapping[str, Any]) -> Course:
    """That of another package, whose numbers are checked."""
    unknown = [name for name in given if name not in _NUMBERS]
    if unknown:
        raise ValueError(must_be_one_of(f"results[{label!r}]", unknown[0], _NUMBERS))
    arrays = {
        name: real_array(f"{name} of {label!r}", numbers)
        for name, numbers in given.items()
        if numbers is not None
    }
    if not np.isfinite(arrays["values"]).any():
        raise ValueError(f"values of {label!r} must have a finite one, got {given['values']!r}.")
    shape = arrays["values"].shape
    if len(shape) != 1 or not shape[0] or any(one.shape != shape for one in arrays.values()):
        shapes = {name: one.shape for name, one in arrays.items()}
        raise ValueError(f"all numbers of {label!r} must be as many, and some, got {shapes}.")
    return Course(**arrays)  # type: ignore[arg-type]
