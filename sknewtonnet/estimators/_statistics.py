"""What a fitted net says beyond predictions: inference, importances, input derivatives."""

import warnings
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted, validate_data

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Loss, Network
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.estimators._fit import Problem, is_stationary
from sknewtonnet.inference import (
    COV_TYPES,
    MODEL_BASED,
    WEIGHT_TYPES,
    InferenceResults,
    Information,
    Reported,
    cluster_numbers,
)
from sknewtonnet.inference._checks import check_choice
from sknewtonnet.inspection import importances
from sknewtonnet.inspection._conditioning import DENSE_LIMIT
from sknewtonnet.solvers import SolverResult, get_solver

# Up to so many parameters importances are worked out for a pickle, which leaves the data behind.
_CHEAP = 500


@dataclass(frozen=True)
class EstimatorRefit:
    """How an estimator would fit the same data again.

    Attributes
    ----------
    estimator : BaseNewtonNet
        The estimator, for its starts.
    problem : Problem
        The data.
    """

    estimator: Any
    problem: Problem

    def minimize(self, objective: AffineObjective, start: Array) -> tuple[Array, float, bool]:
        """Minimum from a start, its value, and whether the gradient vanishes there."""
        net = self.estimator
        solver = get_solver("auto", tol=net.tol, max_iter=net.max_iter)
        result = solver.minimize(objective, start)
        return result.params, result.value, is_stationary(result)

    def start(self, seed: int) -> Array:
        """A random start."""
        found: Array = self.estimator._start(self.problem, np.random.RandomState(seed))
        return found


class StatisticsMixin:
    """Statistics of a fit; goes left of the base class that fits."""

    params_: Array
    critical_point_: str
    solver_result_: SolverResult
    _network_: Network
    _loss_: Loss
    _target_: Any
    _problem_: Problem
    _importances_: tuple[Array, Array] | None
    _post_selection_: bool

    @abstractmethod
    def _fitted_problem(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> Problem:
        """What the fit solved, on any data."""

    def inference(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        cov_type: str = "hessian",
        *,
        groups: ArrayLike | None = None,
        weight_type: str = "frequency",
        use_t: bool | None = None,
    ) -> InferenceResults:
        """Standard errors, tests, criteria and predictions with errors, at the fitted minimum.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Its targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Its weights.
        cov_type : str, default="hessian"
            How to estimate the covariance: "hessian" (observed information; under a penalty
            phi H^-1 H0 H^-1), "gauss-newton" (the same without the curvature of the net; for
            all losses but gamma the expected information), "bayesian" (phi H^-1),
            "HC0" to "HC3" (sandwiches, which hold also if variances differ between rows), or
            "cluster" (rows of a group may depend on each other).
            :class:`sknewtonnet.inference.InferenceResults` has the formulas.
        groups : array-like of shape (n_samples,), default=None
            Label of the cluster of each row, for "cluster".
        weight_type : {"frequency", "precision", "sampling"}, default="frequency"
            What a weight s means: s equal rows; a row whose variance is the dispersion over s;
            or a row that stands for s of a population, for which only sandwiches hold.
        use_t : bool, default=None
            Whether tests refer to t and F laws, else to normal and chi-square. None: where
            a dispersion is estimated (squared error, gamma).

        Returns
        -------
        InferenceResults

        Raises
        ------
        ValueError
            If an argument is not among these, or does not go with the loss or the weights; if
            there are more than 3000 parameters.

        Warns
        -----
        UserWarning
            If the gate finds that p-values cannot be relied on; ``diagnosis`` says why.

        Notes
        -----
        One exact Hessian, n P^2 flops, one Gauss-Newton matrix and their eigenvalues, about 10 P^3
        flops each; "HC2", "HC3" and several outputs take an array of n O P numbers, the other
        sandwiches one of n P.
        """
        check_is_fitted(self)
        _check_kinds(self, cov_type, weight_type, groups, use_t)
        if len(self.params_) > DENSE_LIMIT:
            raise ValueError(
                f"inference for {len(self.params_)} parameters needs the eigenvalues of dense "
                f"Hessians, which is refused above {DENSE_LIMIT}: use fewer units."
            )
        problem = self._fitted_problem(X, y, sample_weight)
        clusters = None
        if groups is not None:
            clusters = _clusters(groups, X, sample_weight)
        information = Information(
            problem.objective(),
            self.params_,
            self._active(),
            weight_type,
            class_weights=self._has_class_weights,
            converged=self.critical_point_ != "not stationary",
        )
        loss, network = problem.loss, problem.network
        results = InferenceResults(
            information=information,
            reported=Reported.of(network, loss.shift_invariant),
            feature_names=tuple(feature_names(self)),
            output_names=network.output_names,
            named=hasattr(self, "feature_names_in_"),
            model=_described(self, problem),
            refit=EstimatorRefit(self._without_data(), problem),
            cov_type=cov_type,
            groups=clusters,
            use_t=loss.free_dispersion if use_t is None else bool(use_t),
            post_selection=self._post_selection_,
        )
        _warn(results)
        return results

    def input_derivatives(self, X: ArrayLike, order: int = 1, raw: bool = False) -> Array:
        """Exact derivatives of the predictions in the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        order : {1, 2}, default=1
            First or second derivatives.
        raw : bool, default=False
            Whether of the raw predictions (logits, logarithms of means) instead.

        Returns
        -------
        ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_features)
            For several outputs with a second axis of length n_outputs; for two classes of
            the probability of the second.
        """
        check_is_fitted(self)
        if order not in (1, 2):
            raise ValueError(f"order must be 1 or 2, got {order!r}.")
        samples = validate_data(self, X, reset=False, dtype=np.float64)
        network = self._network_
        found = input_derivatives(network, self.params_, samples, order)
        wanted = found[-1]
        if not raw:
            values = network.predict_raw(self.params_, samples)
            outputs = [
                _chained(self._loss_.mean_derivatives(values, o, order), found)
                for o in range(network.n_outputs)
            ]
            wanted = np.stack(outputs, axis=1)
        return wanted[:, 0] if network.n_outputs == 1 else wanted

    @property
    def weight_importance_(self) -> Array:
        """OBS saliency of each weight; computed when it is asked for."""
        return self._importances()[0]

    @property
    def feature_importance_(self) -> Array:
        """Share of each feature in what the fit would lose without them."""
        return self._importances()[1]

    @property
    def feature_importances_(self) -> Array:
        """The same under scikit-learn's name, for SelectFromModel and RFE."""
        return self.feature_importance_

    @staticmethod
    def _unasked(problem: Problem) -> dict[str, Any]:
        """Attributes of a new fit, of which nobody has asked anything yet."""
        return {"_problem_": problem, "_importances_": None, "_post_selection_": False}

    def _importances(self) -> tuple[Array, Array]:
        check_is_fitted(self)
        if self._importances_ is None:
            if "_problem_" not in vars(self):
                raise AttributeError(
                    "importances need the data of the fit, which do not travel with a pickle: ask "
                    "for them before, or call feature_importance(net.objective(X, y), "
                    "net.params_) of sknewtonnet.inspection."
                )
            self._importances_ = importances(
                self._problem_.objective(), self.params_, self._active()
            )
        return self._importances_

    @property
    def _has_class_weights(self) -> bool:
        """Whether classes weigh differently in the fit, which then is no likelihood."""
        return getattr(self._target_, "factors", None) is not None

    def _active(self) -> Array | None:
        """Rows of the constraints that hold the fit back."""
        found = self.solver_result_.multipliers
        return None if found is None else found.active

    def _without_data(self) -> Any:
        """The estimator as it is now; what is fitted later does not change it."""
        # Not copy.copy: that goes the way of a pickle, which works out importances.
        other = type(self).__new__(type(self))
        other.__dict__.update(
            {name: value for name, value in vars(self).items() if name != "_problem_"}
        )
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Leave the training data behind, and take along what would need them."""
        if len(vars(self).get("params_", ())) <= _CHEAP and "_problem_" in vars(self):
            # A fit that is no minimum has no importances, and needs none.
            with suppress(ValueError):
                self._importances()
        state: dict[str, Any] = dict(super().__getstate__())  # type: ignore[call-overload]
        state.pop("_problem_", None)
        return state


def feature_names(estimator: Any) -> list[str]:
    """Names of the features of a fit; x0, x1, ... where they had none."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return [f"x{j}" for j in range(estimator.n_features_in_)]
    return [str(name) for name in names]


def _chained(mean: tuple[Array, ...], inputs: list[Array]) -> Array:
    """Derivatives of a mean in the inputs from those of all raw predictions."""
    first = np.einsum("ik,ik...->i...", mean[1], inputs[-1])
    if len(inputs) == 1:
        return first
    bend = mean[2]
    if bend.ndim == 2:
        return first + np.einsum("ikp,ik,ikq->ipq", inputs[0], bend, inputs[0], optimize=True)
    return first + np.einsum("ikp,ikl,ilq->ipq", inputs[0], bend, inputs[0], optimize=True)


def _check_kinds(
    net: Any, cov_type: str, weight_type: str, groups: ArrayLike | None, use_t: bool | None
) -> None:
    check_choice("cov_type", cov_type, COV_TYPES)
    check_choice("weight_type", weight_type, WEIGHT_TYPES)
    check_choice("use_t", use_t, (True, False, None))
    if (cov_type == "cluster") != (groups is not None):
        raise ValueError(
            'cov_type="cluster" and groups go together, got '
            f"cov_type={cov_type!r} and groups={'None' if groups is None else 'labels'}."
        )
    if cov_type not in MODEL_BASED:
        return
    robust = [kind for kind in COV_TYPES if kind not in MODEL_BASED]
    reason = None
    if weight_type == "sampling":
        reason = 'weight_type="sampling"'
    elif not net._loss_.likelihood:
        reason = f"the loss {net._loss_.name}, which is no likelihood,"
    elif net._has_class_weights:
        reason = "class_weight, which makes the objective no likelihood,"
    if reason is not None:
        raise ValueError(f"{reason} needs a cov_type of {robust}, got {cov_type!r}.")


def _clusters(groups: ArrayLike, X: ArrayLike, sample_weight: ArrayLike | None) -> Ints:
    """Clusters of the rows that count."""
    numbers = cluster_numbers(groups, len(np.asarray(X)))
    if sample_weight is None:
        return numbers
    kept = np.broadcast_to(np.asarray(sample_weight) > 0, numbers.shape)
    return cluster_numbers(numbers[kept], int(kept.sum()))


def _described(net: Any, problem: Problem) -> str:
    """One line on what was fitted."""
    network = problem.network
    sizes = "-".join(str(size) for size in network.node_sizes)
    kinds = [layer.activation.name for layer in network.layers[:-1]]
    hidden = f", {' '.join(dict.fromkeys(kinds))}" if kinds else ""
    return f"{type(net).__name__}: {sizes}{hidden}, loss {problem.loss.name}"


def _warn(results: InferenceResults) -> None:
    if results.identifiable:
        return
    grave = [f.message for f in results.findings if f.severity != "note"]
    more = f" ({len(grave) - 1} more in .diagnosis)" if len(grave) > 1 else ""
    warnings.warn(f"Inference: {grave[0]}{more}", UserWarning, stacklevel=3)
