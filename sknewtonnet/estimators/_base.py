"""The one fit skeleton: validation, strings to objects, starts, results."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_regressor
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sknewtonnet._frames import frames_inside
from sknewtonnet._sklearn import (
    LinkedPage,
    VersionedPickles,
    features_of,
    fit_method,
    fitted_attributes,
    has_callbacks,
    set_fitted,
)
from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import (
    Loss,
    Network,
)
from sknewtonnet.calculus.functions.any_objective import AnyObjective, with_rows
from sknewtonnet.calculus.pieces.known_terms import NO_TERMS, KnownTerms
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.output_activation import behind
from sknewtonnet.calculus.pieces.penalties import Penalty, listed_penalties
from sknewtonnet.estimators._advice import (
    advice,
    advice_on_lost_digits,
    advice_on_range,
    advice_on_scales,
    advice_on_weights,
    nothing_learnt,
)
from sknewtonnet.estimators._alpha import with_hidden_intercepts
from sknewtonnet.estimators._alpha_choice import alpha_of_data
from sknewtonnet.estimators._arguments import (
    check_range,
    own_copy,
    said_of_memory,
)
from sknewtonnet.estimators._block_tables import Samples, blocks_of, known_features
from sknewtonnet.estimators._by_turns import beside_constant, by_turns
from sknewtonnet.estimators._callbacks import CallbackBridge, Progress, begun, choice_told
from sknewtonnet.estimators._crossover import run_rounds
from sknewtonnet.estimators._data import Table
from sknewtonnet.estimators._fit import End, Fit, Importances, Problem, Settings
from sknewtonnet.estimators._given import Given, given_rows
from sknewtonnet.estimators._given_blocks import given_blocks
from sknewtonnet.estimators._named_constraints import AskedConstraints
from sknewtonnet.estimators._parameters import Parameters
from sknewtonnet.estimators._prediction_errors import PredictionErrors
from sknewtonnet.estimators._remarks import remarks
from sknewtonnet.estimators._runs import (
    Start,
    report_of_starts,
    run_all,
    run_threads,
    stuck_at,
    with_canonical_best,
)
from sknewtonnet.estimators._solver_parameters import AskedSolver, SolverParametersMixin
from sknewtonnet.estimators._starts import StartWithinReach
from sknewtonnet.estimators._statistics import StatisticsMixin
from sknewtonnet.estimators._targets import Target
from sknewtonnet.inference import Information
from sknewtonnet.solvers import (
    NOT_FINITE,
    SolverResult,
    Status,
)


class BaseNewtonNet(
    Parameters,
    StatisticsMixin,
    SolverParametersMixin,
    CallbackSupportMixin,
    VersionedPickles,
    LinkedPage,
    BaseEstimator,
):
    """What regressors and classifiers share: from a table to a fitted minimum.

    ``isinstance(model, BaseNewtonNet)`` tells a net of this package. The estimators below are made
    of it: beside the methods of scikit-learn they have ``objective``, ``inference`` and the like.

    See Also
    --------
    NewtonMLPRegressor : Perceptrons.
    RBFNetRegressor : Radial basis nets.
    NewtonNetRegressor : Nets of any layers.
    fit_of : The record of a fit.

    Examples
    --------
    >>> from sknewtonnet import NewtonMLPRegressor, RBFNetClassifier
    >>> from sknewtonnet.estimators import BaseNewtonNet
    >>> all(issubclass(net, BaseNewtonNet) for net in (NewtonMLPRegressor, RBFNetClassifier))
    True
    """

    @abstractmethod
    def _describe_target(
        self, y: Any, names: tuple[str, ...] | None, sample_weight: Array
    ) -> Target:
        """What the target is: its codec, and what is wrong with it."""

    @abstractmethod
    def _make_loss(self, target: Any, n_outputs: int) -> Loss:
        """The loss for such a target."""

    @abstractmethod
    def _make_network(self, data: Table, **names: Any) -> Network:
        """The net of such estimators for such data; names and connectivity go through."""

    @abstractmethod
    def _draw(self) -> Callable[[Problem, np.random.RandomState], Array]:
        """How to find a starting point."""

    def _penalties(self, data: Table) -> tuple[Penalty, ...]:
        """Penalties besides that of the coefficients."""
        return listed_penalties(own_copy("penalties", self.penalties))

    def _monotonic(self, network: Network, loss: Loss) -> Ints | None:
        """One sign for each feature, if predictions are to be monotonic."""
        return None

    @staticmethod
    def _layer_attributes(network: Network, arrays: dict[str, Array]) -> dict[str, Any]:
        """Fitted attributes of layers that are not linear."""
        return {}

    def _findings(self, fit: Fit) -> dict[str, Any]:
        """Fitted attributes that report oddities of a fit."""
        return {}

    def fit(
        self,
        X: Samples,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Find a minimum of the objective.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data. A sparse matrix is made dense, if that takes at most a quarter of the
            memory of the machine. Memory maps and large tables are read in blocks of rows. Or
            blocks that hold all: a list of tuples (X, y), (X, y, sample_weight) or (X, y,
            sample_weight, offset), a list of functions that read one, or a generator function;
            or a table, a dataset or a Parquet file of Arrow. See doc/large_data.md. Rows of a dask
            array or data frame stay on its workers; see doc/many_machines.md.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values; None where X are blocks. Of Arrow tables the name of its column, or
            names of several, and so for weights, offset and exposure.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative. A row of weight 2 counts like the row twice, and ``alpha``
            like rows of weight 1.
        offset : float or array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Known terms that are added to the raw predictions, in their units: those of the target,
            or logarithms, or logits. One for each row is that of all its outputs; three classes or
            more need a column each. Predictions, ``objective`` and ``inference`` need the offsets
            of their rows; with metadata routing, ask for it by ``set_fit_request(offset=True)``,
            ``set_score_request(offset=True)`` and the like.
        exposure : float or array-like like offset, default=None
            Time, persons or sums at risk, positive, under a logarithmic link (Poisson, gamma): its
            logarithm is added to the offset, so that the target is a count or a total, not a rate.
        groups : array-like of shape (n_samples,), default=None
            Group of each row, for a penalty that the fit chooses: rows of one group are left out
            together. With metadata routing, ask for it by ``set_fit_request(groups=True)``.

        Returns
        -------
        Self
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter has an invalid value, the data do not suit the loss, or the objective
            is not finite at a starting point.
        MemoryError
            If a sparse X is too large to be made dense.

        Warns
        -----
        ConvergenceWarning
            If the fit does not end at a minimum.
        UserWarning
            If weights are so small that a fixed ``alpha`` drowns the data, or columns that are not
            standardised have a spread below 1e-3 or above 1e3.
        """
        last = self._shown if self.warm_start and "_fit_" in vars(self) else None
        known = KnownTerms(offset, exposure)
        return self._fit_from(last, X, y, sample_weight, known, groups=groups)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse X is fine."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit has ended; while one goes on, some attributes are there already."""
        return hasattr(self, "params_")

    @fit_method(nested_validation=False)
    def _fit_from(
        self,
        last: Fit | None,
        X: Samples,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        known: KnownTerms = NO_TERMS,
        post_selection: bool = False,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit from where another fit ended, or from starts; all or nothing."""
        # On a draft: until the fit has ended, who looks at the estimator sees the last one.
        draft = object.__new__(type(self))
        draft.__dict__ = dict(vars(self))
        with said_of_memory(self.solver):
            draft._fit(self, last, X, y, sample_weight, known, post_selection, groups)
        return self

    def _fit(
        self,
        estimator: Self,
        last: Fit | None,
        X: Samples,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        known: KnownTerms,
        post_selection: bool,
        groups: ArrayLike | None,
    ) -> None:
        """The phases of a fit: checked data, problem, starts, runs, report to the estimator."""
        beside = {"sample_weight": sample_weight, **known.metadata, "groups": groups}
        metadata = {name: value for name, value in beside.items() if value is not None}
        hooks = {"estimator": estimator, "X": X, "y": y, "metadata": metadata or None}
        with one_thread():
            given = self._validated(X, y, sample_weight, known, reset=True)
            problem = self._problem(given, known)
            # Of each start the point, the end, and what the solver says of it are kept.
            n_bytes = self.n_init * (24.0 * problem.network.n_parameters + 1000.0)
            check_memory(f"n_init={self.n_init} starts", n_bytes, "use fewer")
            self._warn_of_data(problem, given)
            context, n_starts = None, self.n_init if last is None else 1
            chosen: dict[str, Any] = {"alpha_": own_copy("alpha", self.alpha)}
            chosen["alpha_selection_"] = None
            if isinstance(self.alpha, str):
                # What is impossible is refused before callbacks hear of anything.
                self._checked(problem.on(problem.known_data.canonical))
                context = begun(estimator, hooks, 1 + n_starts)
                alpha_of = partial(self._spread, problem.network)
                with choice_told(context, hooks) as tell:
                    found = alpha_of_data(self, problem, given, groups, alpha_of, tell)
                problem = problem.with_alpha(alpha_of(found.chosen))
                chosen = {"alpha_": found.chosen, "alpha_selection_": found}
            solved = problem.on(problem.known_data.canonical)
            objective = self._checked(solved)
            starts = self._starts(solved, last)
            context = context or begun(estimator, hooks, n_starts)
        with run_threads(solved, len(starts)):
            results = self._runs(solved, objective, starts, context, hooks)
            problem, objective, results = by_turns(problem, solved, objective, results)
            if last is None:  # else units keep the names that they have
                results = with_canonical_best(problem, objective, results)
            fitted = self._report(problem, objective, results, post_selection) | chosen
        set_fitted(estimator, fitted_attributes(self) | fitted)
        context.call_on_fit_task_end(**hooks, reconstruction_attributes=lambda: fitted)

    def _validated(
        self,
        X: Samples,
        y: ArrayLike | None,
        sample_weight: ArrayLike | None,
        known: KnownTerms,
        *,
        reset: bool,
    ) -> Given:
        """Checked data; rows of weight zero only tell which classes there are."""
        features = None if reset else known_features(self)
        blocks = blocks_of(X, y, sample_weight, known, features)
        if blocks is not None:
            return given_blocks(self, blocks, reset=reset)
        return given_rows(self, X, y, sample_weight, reset=reset)

    def _problem(self, given: Given, known: KnownTerms) -> Problem:
        """What there is to minimise."""
        target = self._describe_target(given.labels, given.target_names, given.label_weight)
        data = given.table(target)
        check_range("X", data.inputs.size)
        check_range("y", data.targets.size)
        network = self._make_network(
            data,
            connectivity=self.connectivity,
            tied=self.tied,
            feature_names=getattr(self, "feature_names_in_", None),
            output_names=target.names,
        )
        network.check_samples(data.n_rows)
        self._warn_of_lost_digits(data, feature_names(self), network)
        loss = behind(self._make_loss(target, network.n_outputs), network.layers[-1].activation)
        data = given.beside(known, data, target, loss)
        loss = beside_constant(loss, data)
        settings = self._settings(network, loss)
        names, beside = feature_names(self), data.has_offset
        problem = Problem(network, loss, target, settings, None, names, has_offset=beside)
        if self.standardize:
            problem = problem.in_units(data.canonical.units(loss.of_differences, network))
        data = problem.standardised(data)
        penalties = self._penalties(data)
        return problem.on(data).with_settings(replace(settings, penalties=penalties))

    def _settings(self, network: Network, loss: Loss) -> Settings:
        """What the parameters ask of such a net; only penalties besides alpha look at data."""
        alpha = own_copy("alpha", self.alpha)
        # Copies: what a user changes later is not what was fitted.
        return Settings(
            solver=AskedSolver(
                self.solver,
                self.tol,
                self.ftol,
                self.max_iter,
                self.hessian,
                own_copy("solver_options", self.solver_options),
            ),
            alpha=1.0 if isinstance(alpha, str) else self._spread(network, alpha),
            penalties=(),
            constrain=AskedConstraints.by(self, self._monotonic(network, loss)),
            draw=StartWithinReach(self._draw()),
        )

    def _spread(self, network: Network, alpha: Any) -> Any:
        """Strengths as the objective takes them."""
        return with_hidden_intercepts(network, alpha) if self.standardize else alpha

    def _checked(self, problem: Problem) -> AnyObjective:
        """The objective, or an error that says what is wrong with the data or the settings."""
        objective, constraints = problem.objective(), problem.constraints()
        problem.solver()
        if constraints is not None:
            constraints.nearest(np.zeros(problem.network.n_parameters))
        return objective

    def _starts(self, problem: Problem, last: Fit | None) -> list[Start]:
        """Starting points; each has a seed of its own, whoever runs it."""
        layout, link = problem.network.layout, problem.loss.out_activation
        if last is not None:
            known, known_link = last.network.layout, last.loss.out_activation
            if not known.has_parameters_of(layout) or known_link != link:
                raise ValueError(
                    "warm_start=True, but the last fit had other parameters: "
                    f"{len(known.names)} from {known.names[0]!r} to {known.names[-1]!r} "
                    f"({known_link}), now {len(layout.names)} from {layout.names[0]!r} to "
                    f"{layout.names[-1]!r} ({link}). Set warm_start=False to start anew."
                )
            return [Start(problem.from_original(last.original_params), None)]
        random_state = check_random_state(self.random_state)
        seeds = random_state.randint(np.iinfo(np.int32).max, size=self.n_init)
        if self.n_init > 1:  # drawn where they run, if they do
            return [Start(None, int(seed)) for seed in seeds]
        return [Start(problem.start(seed), int(seed)) for seed in seeds]

    def _runs(
        self,
        problem: Problem,
        objective: AnyObjective,
        starts: list[Start],
        context: Any,
        hooks: dict[str, Any],
    ) -> list[SolverResult]:
        """How each start ends."""
        observers = [
            self._observer(context, number, hooks, problem) for number in range(len(starts))
        ]
        run = run_rounds if self.init == "crossover" else run_all
        return run(problem, objective, starts, observers, self.n_jobs)

    def _report(
        self,
        problem: Problem,
        objective: AnyObjective,
        results: list[SolverResult],
        post_selection: bool,
    ) -> dict[str, Any]:
        """Fitted attributes, of the lowest end; warns if it is no minimum."""
        fitted, message = self._ended(problem, objective, results, post_selection)
        if message is not None:
            warnings.warn(message, ConvergenceWarning, stacklevel=1 + frames_inside())
        return fitted

    def _ended(
        self,
        problem: Problem,
        objective: AnyObjective,
        results: list[SolverResult],
        post_selection: bool = False,
    ) -> tuple[dict[str, Any], str | None]:
        """Fitted attributes, of the lowest end, and what to warn of if it is no minimum."""
        factor = problem.factor
        starts, best, end = report_of_starts(problem, objective, results)
        kind, lost = end.kind, ""
        if not end.finite:
            # By the rows of the table, not those that are solved.
            lost = problem.objective().why_not_finite(best.params)
            if best.status is Status.NOT_FINITE:
                best = replace(best, message=lost)
        if not np.isfinite(best.value):
            raise ValueError(f"{NOT_FINITE}: {lost}.")
        stuck = stuck_at(problem, objective, best) if end.finite and end.bounded else ""
        remark = remarks(objective, best, end, stuck, lost)
        fit = Fit(problem, best.params, best, kind, post_selection)
        fit = self._with_what_is_known(fit, end, objective)
        fitted = self._attributes(fit.on(None)) | {
            "n_iter_": best.n_iter,
            "loss_": factor * best.value,
            "loss_curve_": [factor * value for value in best.history],
            "solver_result_": best,
            "starts_": starts,
            "critical_point_": kind,
            "critical_point_message_": remark,
            **self._findings(fit),
        }
        standardize = problem.units is not None
        kinks = objective.kinks(best.params)
        message = nothing_learnt(stuck, kind, starts["n_restarts"], standardize) or advice(
            best, end, self.solver, problem, kinks, remark
        )
        return fitted, message

    def _with_what_is_known(self, fit: Fit, end: End, objective: AnyObjective) -> Fit:
        """A fit with all that the Hessian of its verdict tells, before data and Hessian go."""
        information = Information(
            with_rows(objective),
            fit.params,
            fit.active,
            curvature=fit.curvature,
            class_weights=fit.class_weights,
            converged=fit.may_be_stationary,
            tight=fit.tight,
            known=end.known,
        )
        importances = Importances.at(end, information)
        if not is_regressor(self):
            return replace(fit, importances=importances)
        errors = PredictionErrors.at(information, end.kind)
        return replace(fit, importances=importances, errors=errors)

    def _attributes(self, fit: Fit) -> dict[str, Any]:
        """The fitted attributes that parameters determine; enough to predict."""
        network, params = fit.network, fit.original_params
        arrays = network.layout.unpack(params)
        n_linear = sum(network.linear)
        return {
            **fit.problem.target.attributes,
            **self._layer_attributes(fit.problem.original_network, arrays),
            **features_of(self),
            "params_": params.copy(),
            "arrays_": arrays,
            "coefs_": [arrays[f"coefs_{k}"] for k in range(n_linear)],
            "intercepts_": [arrays[f"intercepts_{k}"] for k in range(n_linear)],
            "parameter_names_": list(network.layout.names),
            "n_layers_": len(network.layers) + 1,
            "n_outputs_": network.n_outputs,
            "out_activation_": fit.loss.out_activation,
            "loss_parameters_": fit.loss.own_parameters,
            "_fit_": fit,
        }

    def _attributes_on_the_way(self, problem: Problem, params: Array) -> dict[str, Any]:
        """The same while the fit goes on."""
        return self._attributes(Fit(problem, params).on(None))

    def _observer(
        self, context: Any, number: int, hooks: dict[str, Any], problem: Problem
    ) -> Progress:
        bridge = None
        if has_callbacks(self):
            task = context.subcontext("start", number, max_subtasks=problem.solver().max_iter)
            bridge = CallbackBridge(task, hooks, partial(self._attributes_on_the_way, problem))
        return Progress(number, int(self.verbose), bridge)

    def _warn_of_data(self, problem: Problem, given: Given) -> None:
        """Warn if the penalty is strong next to small weights, or units are far from one."""
        fixed = None if isinstance(self.alpha, str) else problem.settings.alpha
        messages = (
            advice_on_weights(problem.network, fixed, given.n_counted, given.weight_sum),
            advice_on_scales(problem, fixed),
            advice_on_range(problem),
        )
        for message in messages:
            if message is not None:
                warnings.warn(message, UserWarning, stacklevel=1 + frames_inside())

    @staticmethod
    def _warn_of_lost_digits(data: Table, feature_names: Sequence[str], network: Network) -> None:
        """Warn if values of a column are equal in nearly all their digits."""
        message = advice_on_lost_digits("X", feature_names, data.inputs)
        message = message or advice_on_lost_digits("y", network.output_names, data.targets)
        if message is not None:
            warnings.warn(message, UserWarning, stacklevel=1 + frames_inside())


def feature_names(estimator: Any) -> tuple[str, ...]:
    """Names of the features of a fit; x0, x1, ... where they had none."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return tuple(f"x{j}" for j in range(estimator.n_features_in_))
    return tuple(str(name) for name in names)
