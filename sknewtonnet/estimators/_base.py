"""The one fit skeleton: validation, strings to objects, starts, results."""

import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_regressor
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from sknewtonnet._sklearn import (
    Interval,
    Options,
    StrOptions,
    check_sample_weight,
    fit_context,
    has_callbacks,
)
from sknewtonnet._typing import Array
from sknewtonnet.calculus import ACTIVATIONS, Activation, Loss, Network, Objective
from sknewtonnet.calculus.pieces.layers import Layer
from sknewtonnet.calculus.pieces.penalties import Penalty
from sknewtonnet.estimators._callbacks import CallbackBridge, Progress
from sknewtonnet.estimators._fit import (
    Problem,
    attributes,
    report_of_starts,
    run_one_of_several,
    run_start,
    verdict,
)
from sknewtonnet.estimators._named_constraints import make_constraints
from sknewtonnet.estimators._statistics import StatisticsMixin
from sknewtonnet.solvers import (
    HESSIAN_KINDS,
    SOLVERS,
    Constraints,
    Solver,
    SolverResult,
    Status,
    get_solver,
)

# _warn, _fit, fit, and the two decorators of fit: a warning points to who called it.
FRAMES_TO_CALLER = 6


class BaseNewtonNet(StatisticsMixin, CallbackSupportMixin, BaseEstimator):
    """What regressors and classifiers share: from a table to a fitted minimum."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        # Of a linear propagation it would be a plain exponential, without bound.
        "activation": [
            StrOptions(set(ACTIVATIONS) - {"squared_exponential"}),
            Activation,
            list,
            tuple,
        ],
        "alpha": [Interval(Real, 0, None, closed="left"), "array-like", dict],
        "skip_connections": [Options(bool, {False}), StrOptions({"input-output", "all"})],
        "solver": [StrOptions(set(SOLVERS))],
        "hessian": [StrOptions(set(HESSIAN_KINDS))],
        "solver_options": [dict, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "connectivity": [dict, None],
        "bounds": [dict, None],
        "linear_constraints": [list, tuple, None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    @abstractmethod
    def _describe_target(self, y: Any, names: tuple[str, ...] | None, sample_weight: Array) -> Any:
        """What the target is: its codec, and what is wrong with it."""

    @abstractmethod
    def _make_loss(self, target: Any, n_outputs: int) -> Loss:
        """The loss for such a target."""

    @abstractmethod
    def _make_network(self, n_outputs: int, **names: Any) -> Network:
        """The net of such estimators; names and connectivity go through."""

    @abstractmethod
    def _start(self, problem: Problem, random_state: np.random.RandomState) -> Array:
        """A starting point."""

    def _make_penalties(self, network: Network, X: Array, weight: Array) -> tuple[Penalty, ...]:
        """What is added to the penalty of the coefficients."""
        return ()

    @staticmethod
    def _layer_attributes(network: Network, arrays: dict[str, Array]) -> dict[str, Any]:
        """Fitted attributes of layers that are not linear."""
        return {}

    def _findings(self, problem: Problem, params: Array) -> dict[str, Any]:
        """Fitted attributes that say what is odd about a fit."""
        return {}

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Any:
        """Find a minimum of the objective.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, best standardised.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. A row of weight 2 counts like the row twice.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        before = self._fitted()
        try:
            self._fit(X, y, sample_weight)
        except BaseException:
            # An interrupted or failed fit leaves the estimator as it was.
            for name in self._fitted():
                delattr(self, name)
            self.__dict__.update(before)
            raise
        return self

    def objective(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Objective:
        """The objective of the fitted net on data, on the scale of ``loss_``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, as in :meth:`fit`.

        Returns
        -------
        Objective
            With value, gradient, Hessian and more at any parameters, ``params_`` above all.
        """
        return self._fitted_problem(X, y, sample_weight).objective()

    def _fitted_problem(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> Problem:
        """What the fit solved, on any data."""
        check_is_fitted(self)
        samples, labels, weight = self._validated(X, y, sample_weight, reset=False)
        target = self._target_
        weight = target.weigh(labels, weight)
        Y = target.encode(labels)
        return Problem(
            self._network_, self._loss_, samples, Y, weight, self.alpha, self._penalties_
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit has ended; while one goes on, some attributes are there already."""
        return hasattr(self, "params_")

    def _fitted(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") and not name.endswith("__")
        }

    def _fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> None:
        solver = self._solver(None)
        last = self._fitted() if self.warm_start else {}
        hooks = {
            "estimator": self,
            "X": X,
            "y": y,
            "metadata": None if sample_weight is None else {"sample_weight": sample_weight},
        }
        samples, labels, weight = self._validated(X, y, sample_weight, reset=True)
        columns = getattr(y, "columns", None)  # of a data frame
        names = None if columns is None else tuple(str(name) for name in columns)
        target = self._describe_target(labels, names, weight)
        problem = self._problem(target, samples, labels, weight)
        network, loss = problem.network, problem.loss
        objective = problem.objective()  # what is wrong with the data is said here
        constraints = self._make_constraints(network, loss)
        if constraints is not None:
            solver = self._solver(constraints)
            constraints.nearest(np.zeros(network.n_parameters))  # says if there is no point
        starts = self._starts(problem, last)

        context = self._init_callback_context(max_subtasks=len(starts), sequential_subtasks=False)
        context.call_on_fit_task_begin(**hooks)
        reconstruct = partial(attributes, network, loss, target, self._layer_attributes)
        observers = [
            self._observer(context, number, hooks, reconstruct) for number in range(len(starts))
        ]
        if len(starts) == 1:
            results = [run_start(objective, solver, starts[0], observers[0])]
        else:
            results = Parallel(n_jobs=self.n_jobs)(
                delayed(run_one_of_several)(problem, solver, start, observer)
                for start, observer in zip(starts, observers, strict=True)
            )
        best = min(results, key=lambda result: result.value)
        fitted = reconstruct(best.params) | {
            "_penalties_": problem.penalties,
            **self._unasked(problem),
            "n_iter_": best.n_iter,
            "loss_": best.value,
            "loss_curve_": list(best.history),
            "solver_result_": best,
            "starts_": report_of_starts(network, samples, results),
            "critical_point_": verdict(objective, best),
            **self._findings(problem, best.params),
        }
        self._warn(best, fitted["critical_point_"], network.layers)
        self.__dict__.update(fitted)
        context.call_on_fit_task_end(**hooks, reconstruction_attributes=lambda: fitted)

    def _solver(self, constraints: Constraints | None) -> Solver:
        return get_solver(
            self.solver,
            tol=self.tol,
            max_iter=self.max_iter,
            hessian=self.hessian,
            options=self.solver_options,
            constraints=constraints,
        )

    def _make_constraints(self, network: Network, loss: Loss) -> Constraints | None:
        """What parameters are held to."""
        return make_constraints(network, self.bounds, self.linear_constraints)

    def _validated(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, reset: bool
    ) -> tuple[Array, Any, Array]:
        """Checked data, without the rows of weight zero, which count as not there."""
        if is_regressor(self) and y is not None:
            _check_numbers(y)
        samples, labels = validate_data(
            self,
            X,
            y,
            reset=reset,
            dtype=np.float64,
            multi_output=True,
            y_numeric=is_regressor(self),
        )
        weight = check_sample_weight(
            sample_weight, samples, dtype=np.float64, ensure_non_negative=True
        )
        counts = weight > 0
        return samples[counts], labels[counts], weight[counts]

    def _problem(self, target: Any, X: Array, y: Any, weight: Array) -> Problem:
        Y = target.encode(y)
        network = self._make_network(
            Y.shape[1],
            connectivity=self.connectivity,
            feature_names=getattr(self, "feature_names_in_", None),
            output_names=target.names,
        )
        loss = self._make_loss(target, Y.shape[1])
        weight = target.weigh(y, weight)
        penalties = self._make_penalties(network, X, weight)
        return Problem(network, loss, X, Y, weight, self.alpha, penalties)

    def _starts(self, problem: Problem, last: dict[str, Any]) -> list[Array]:
        """Starting points; each has a seed of its own, whoever runs it."""
        network = problem.network
        if "params_" in last:
            names, link = last["_network_"].layout.names, last["out_activation_"]
            if names != network.layout.names or link != problem.loss.out_activation:
                raise ValueError(
                    "warm_start=True, but the last fit had other parameters: "
                    f"{len(names)} from {names[0]!r} to {names[-1]!r} ({link}), now "
                    f"{network.n_parameters} from {network.layout.names[0]!r} to "
                    f"{network.layout.names[-1]!r} ({problem.loss.out_activation}). "
                    "Set warm_start=False to start anew."
                )
            return [last["params_"]]
        random_state = check_random_state(self.random_state)
        seeds = random_state.randint(np.iinfo(np.int32).max, size=self.n_init)
        return [self._start(problem, np.random.RandomState(seed)) for seed in seeds]

    def _observer(
        self,
        context: Any,
        number: int,
        hooks: dict[str, Any],
        reconstruct: Callable[[Array], dict[str, Any]],
    ) -> Progress:
        bridge = None
        if has_callbacks(self):
            task = context.subcontext("start", number, max_subtasks=self.max_iter)
            bridge = CallbackBridge(task, hooks, reconstruct)
        return Progress(number, int(self.verbose), bridge)

    def _warn(self, result: SolverResult, critical: str, layers: Sequence[Layer]) -> None:
        """Say what a user should know of the end of a fit, and what can be done."""
        stopped = (
            f"{self.solver} stopped after {result.n_iter} iterations with a largest "
            f"{'gradient entry' if result.multipliers is None else 'KKT residual'} of "
            f"{result.stationarity:.2e} (tol={self.tol:g}): {result.message}. "
        )
        kinked = {layer.activation.name for layer in layers if not layer.activation.smooth}
        if result.status in (Status.MAX_ITER, Status.STALLED) and kinked:
            message = stopped + (
                f"Second derivatives of {' and '.join(sorted(kinked))} jump, so steps may not "
                "settle: use a smooth activation such as 'softplus', or raise tol."
            )
        elif result.status is Status.MAX_ITER:
            message = stopped + (
                "Increase max_iter, standardise X and y, use fewer units, or raise alpha or tol."
            )
        elif result.status is Status.STALLED and result.n_events.get("diverged"):
            message = stopped
        elif result.status is Status.STALLED:
            message = stopped + (
                "Often this is as far as double precision goes, and tol is too small for the "
                "scale of the objective: standardise y, raise tol, or try another solver."
            )
        elif critical == "saddle":
            message = (
                "The fit ended at a saddle point: the Hessian has a negative eigenvalue there, "
                "so lower values are near. Try a smaller tol, another random_state or n_init > 1."
            )
        else:
            return
        warnings.warn(message, ConvergenceWarning, stacklevel=FRAMES_TO_CALLER)

    def _raw_prediction(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        samples = validate_data(self, X, reset=False, dtype=np.float64)
        return self._network_.predict_raw(self.params_, samples)


def _check_numbers(y: ArrayLike) -> None:
    array = np.asarray(y)
    if array.dtype.kind in "OSU":
        try:
            array.astype(float)
        except (TypeError, ValueError) as reason:
            raise ValueError(f"y must be numbers: {reason}.") from None
