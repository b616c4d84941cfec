"""Constraints on what a net predicts: its values and its slopes at given points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._names import unknown_name
from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.constraints import (
    Constraint,
    check_network,
    checked_limits,
)
from sknewtonnet.calculus.functions.input_derivatives import input_derivatives, slope_gradients
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.objective import Objective
from sknewtonnet.calculus.functions.slope_curvature import slope_curvature
from sknewtonnet.calculus.pieces.layers import Linear
from sknewtonnet.calculus.pieces.loss import Loss
from sknewtonnet.calculus.pieces.penalties import NotPlaced
from sknewtonnet.calculus.pieces.validation import check_truth, dense, finite_array, real_vector


class Combination(Loss):
    """Raw predictions times given numbers, y' raw: a "loss" whose Hessian is that of the net."""

    name = "combination"
    of_raw = True

    def derivatives(self, y: Array, raw: Array, order: int = 2) -> tuple[Array, ...]:
        """Value, gradient y, and Hessian 0."""
        return ((y * raw).sum(axis=1), y.copy(), np.zeros_like(raw))[: order + 1]


class _AtPoints(Constraint):
    """What constraints at points have in common: m functions made of rows of one kind."""

    X: Any
    lower: ArrayLike | None
    upper: ArrayLike | None
    average: bool
    network: Network | None

    @property
    def _net(self) -> Network:
        if self.network is None:
            name = type(self).__name__
            raise NotPlaced(f"the net is not known yet: use {name}(...).on(network).")
        return self.network

    @cached_property
    def points(self) -> Array:
        """The points as an array of shape (n_points, n_features)."""
        name, X = f"X of {type(self).__name__}", self.X
        if hasattr(X, "columns"):  # a data frame, whose columns have names, and any order
            known = list(self._net.feature_names)
            if sorted(map(str, X.columns)) != sorted(known):
                raise ValueError(f"{name} must have the columns {known}, got {list(X.columns)}.")
            X = X[known]
        rows = np.asarray(dense(name, X))
        rows = rows[None] if rows.ndim == 1 else rows
        return finite_array(name, rows, (None, self._net.n_features))

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """See :attr:`Constraint.limits`."""
        shape = (1 if self.average else len(self.points), self._net.n_outputs)
        for name in ("lower", "upper"):
            given = np.shape(getattr(self, name))
            if len(given) > 1 and given != shape:
                raise ValueError(
                    f"{name} of {type(self).__name__} must be one number or have shape {shape}, a "
                    f"row for each point and a column for each output, got shape {given}."
                )
        return checked_limits(self.lower, self.upper, shape[0] * shape[1])

    def _joined(self, rows: Array) -> Array:
        """Functions on the first axis, from arrays of shape (n_points, n_outputs, ...)."""
        if self.average:
            rows = rows.mean(axis=0, keepdims=True)
        return rows.reshape(-1, *rows.shape[2:])

    def _factors(self, v: Array) -> Array:
        """Factors of each point and output, from those of the functions."""
        n_points, n_outputs = len(self.points), self._net.n_outputs
        v = real_vector("v", v, len(self.limits[0]))
        if self.average:
            return np.broadcast_to(v / n_points, (n_points, n_outputs)).copy()
        return v.reshape(n_points, n_outputs)


@dataclass(frozen=True, eq=False)
class PredictionConstraint(_AtPoints):
    """Limits of predictions at given points, or of their average.

        lower <= net(x_i; w) <= upper   for each point i and output

    These are raw predictions, before the inverse link and an activation of the outputs, and
    without an offset: means under the squared error, logarithms or logits of them under other
    losses, to which the limits belong.

    Parameters
    ----------
    X : array-like of shape (n_points, n_features) or (n_features,)
        The points, in the units of the table; of a data frame columns count by name.
    lower, upper : float or array-like of shape (n_points, n_outputs) or (n_points,), or None
        Limits, in the units of the target; None for no limit. Equal ones prescribe a prediction.
    average : bool, default=False
        Whether the limits are those of the mean over the points, one for each output.
    network : Network, default=None
        The net; :meth:`on` fills it in.

    See Also
    --------
    SlopeConstraint : Limits of slopes.
    NormConstraint : Limits of norms of arrays.
    NonlinearConstraint : Limits of functions of one's own.
    sknewtonnet.NewtonMLPRegressor : The estimator, whose argument ``constraints`` takes it.

    Notes
    -----
    The Hessian is that of an objective on the points: n_points P^2 flops for one output.

    Examples
    --------
    A fit through a known point:

    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.calculus import PredictionConstraint
    >>> X = np.linspace(-2.0, 2.0, 40)[:, None]
    >>> y = np.sin(2.0 * X[:, 0]) + 0.3
    >>> origin = PredictionConstraint([[0.0]], 0.0, 0.0)
    >>> net = NewtonMLPRegressor((3,), alpha=0.1, constraints=[origin], random_state=0).fit(X, y)
    >>> abs(round(float(net.predict([[0.0]])[0]), 9)), net.critical_point_
    (0.0, 'minimum')
    """

    X: Any = field(repr=False)
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    average: bool = False
    network: Network | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise an error that names what is wrong."""
        check_truth("average", self.average)
        checked_limits(self.lower, self.upper)

    def on(self, network: Network) -> PredictionConstraint:
        """See :meth:`Constraint.on`.

        Parameters
        ----------
        network : Network
            The net whose parameters are constrained.

        Returns
        -------
        PredictionConstraint
            The same limits, of predictions of that net.
        """
        check_network(network)
        placed = replace(self, network=network)
        assert placed.limits  # says now if points or limits do not fit
        return placed

    def _objective(self, factors: Array) -> Objective:
        """The sum of the predictions times factors, over the number of points."""
        return Objective(self._net, Combination(), self.points, factors)

    @cached_property
    def _at(self) -> Objective:
        return self._objective(np.zeros((len(self.points), self._net.n_outputs)))

    def value(self, w: Array) -> Array:
        """See :meth:`Constraint.value`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point, which is not to be written to.

        Returns
        -------
        ndarray of shape (m,)
            One value for each function.
        """
        return self._joined(self._at.raw_predictions(w))

    def jacobian(self, w: Array) -> Array:
        """See :meth:`Constraint.jacobian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (m, n_parameters)
            One row for each function.
        """
        return self._joined(self._at.jacobian(w))

    def hessian(self, w: Array, v: Array) -> Array:
        """See :meth:`Constraint.hessian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (m,)
            Factors, such as multipliers.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        return len(self.points) * self._objective(self._factors(v)).hessian(w)

    def __getstate__(self) -> dict[str, Any]:
        """Without work space."""
        return {name: value for name, value in vars(self).items() if name != "_at"}


@dataclass(frozen=True, eq=False)
class SlopeConstraint(_AtPoints):
    """Limits of the slope of predictions in one feature at given points, or of its average.

        lower <= d net(x_i; w) / d x_j <= upper   for each point i and output

    Like :class:`PredictionConstraint` it is about raw predictions.

    Parameters
    ----------
    X : array-like of shape (n_points, n_features) or (n_features,)
        The points, in the units of the table; of a data frame columns count by name.
    feature : int or str
        The feature j, by its position or, for data frames, its name.
    lower, upper : float or array-like of shape (n_points, n_outputs) or (n_points,), or None
        Limits, in units of the target per unit of the feature; None for no limit.
    average : bool, default=False
        Whether the limits are those of the mean over the points, one for each output.
    network : Network, default=None
        The net; :meth:`on` fills it in.

    See Also
    --------
    PredictionConstraint : Limits of predictions.
    NormConstraint : Limits of norms of arrays.
    sknewtonnet.NewtonMLPRegressor :
        The estimator; ``monotonic_cst`` makes predictions rise or fall everywhere.

    Notes
    -----
    The layers must be linear and their activations have three derivatives. The Hessian takes
    about 10 n_points P^2 flops.

    Examples
    --------
    No fall anywhere on a grid, where the data alone would have it:

    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.calculus import SlopeConstraint
    >>> X = np.linspace(-2.0, 2.0, 40)[:, None]
    >>> y = X[:, 0] ** 2
    >>> grid = np.linspace(-2.0, 2.0, 5)[:, None]
    >>> rising = SlopeConstraint(grid, 0, lower=0.0)
    >>> net = NewtonMLPRegressor((2,), alpha=0.1, constraints=[rising], random_state=0).fit(X, y)
    >>> bool(net.input_derivatives(grid).min() > -1e-9), net.critical_point_
    (True, 'minimum')
    """

    X: Any = field(repr=False)
    feature: int | str
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    average: bool = False
    network: Network | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raise an error that names what is wrong."""
        check_truth("average", self.average)
        checked_limits(self.lower, self.upper)

    def on(self, network: Network) -> SlopeConstraint:
        """See :meth:`Constraint.on`.

        Parameters
        ----------
        network : Network
            The net whose parameters are constrained.

        Returns
        -------
        SlopeConstraint
            The same limits, of slopes of that net.
        """
        check_network(network)
        placed = replace(self, network=network)
        placed._check()
        return placed

    def _check(self) -> None:
        """Say now if points, limits, the feature or the layers do not fit."""
        assert self.limits
        assert self._feature >= 0
        *hidden, output = self._net.layers
        for layer in (*hidden, output):
            order = None if layer is output else layer.activation.max_order
            if not isinstance(layer, Linear) or (order is not None and order < 3):
                what = f"the activation {layer.activation.name!r}"
                what = what if isinstance(layer, Linear) else f"a {type(layer).__name__} layer"
                raise ValueError(
                    "SlopeConstraint needs linear layers whose activations have three "
                    f"derivatives, got {what}."
                )

    @cached_property
    def _feature(self) -> int:
        names: Sequence[str] = self._net.feature_names
        if isinstance(self.feature, str):
            if self.feature not in names:
                raise ValueError(unknown_name("feature", self.feature, names, "feature"))
            return list(names).index(self.feature)
        number = isinstance(self.feature, Integral) and not isinstance(self.feature, bool)
        if not number or not 0 <= self.feature < len(names):
            raise ValueError(
                f"feature must be a name, or an integer from 0 to {len(names) - 1}, got "
                f"{self.feature!r}."
            )
        return int(self.feature)

    def value(self, w: Array) -> Array:
        """See :meth:`Constraint.value`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point, which is not to be written to.

        Returns
        -------
        ndarray of shape (m,)
            One value for each function.
        """
        (slopes,) = input_derivatives(self._net, w, self.points)
        return self._joined(slopes[:, :, self._feature])

    def jacobian(self, w: Array) -> Array:
        """See :meth:`Constraint.jacobian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.

        Returns
        -------
        ndarray of shape (m, n_parameters)
            One row for each function.
        """
        parts = slope_gradients(self._net, w, self.points, [self._feature])
        return self._joined(np.concatenate([gradients[:, :, 0] for *_, gradients in parts]))

    def hessian(self, w: Array, v: Array) -> Array:
        """See :meth:`Constraint.hessian`.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            The point.
        v : ndarray of shape (m,)
            Factors, such as multipliers.

        Returns
        -------
        ndarray of shape (n_parameters, n_parameters)
            Symmetric.
        """
        return slope_curvature(self._net, w, self.points, self._feature, self._factors(v))
