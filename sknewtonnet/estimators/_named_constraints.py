"""Constraints as users give them, by names; and as solvers take them, by positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sknewtonnet._names import unknown_name
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Constraint, Network, ParameterLayout
from sknewtonnet.calculus.functions.constraints import listed_constraints
from sknewtonnet.calculus.functions.shaped_constraint import ShapedConstraint
from sknewtonnet.estimators._arguments import own_copy
from sknewtonnet.estimators._parameters import Parameters
from sknewtonnet.solvers import Constraints
from sknewtonnet.solvers.constraints import unconstrained


@dataclass(frozen=True, eq=False)
class AskedConstraints:
    """What a user asks of the parameters, whatever the connections.

    Parameters
    ----------
    bounds, linear
        As the estimators take them.
    monotonic : ndarray of int or None
        One sign for each feature.
    nonlinear : tuple of Constraint
        Nonlinear constraints, for any net.
    """

    bounds: Any
    linear: Any
    monotonic: Ints | None = None
    nonlinear: tuple[Constraint, ...] = ()

    @classmethod
    def by(cls, net: Parameters, monotonic: Ints | None) -> AskedConstraints:
        """Copies of what the parameters of an estimator say."""
        nonlinear = listed_constraints(own_copy("constraints", net.constraints))
        return cls(
            own_copy("bounds", net.bounds),
            own_copy("linear_constraints", net.linear_constraints),
            monotonic,
            nonlinear,
        )

    def __call__(self, network: Network) -> Constraints | None:
        """The constraints of a net, or None."""
        size = network.n_parameters
        nonlinear = tuple(ShapedConstraint(each.on(network), size) for each in self.nonlinear)
        found = make_constraints(network, self.bounds, self.linear, self.monotonic)
        if not nonlinear:
            return found
        return replace(found or unconstrained(size), nonlinear=nonlinear)


def make_constraints(
    network: Network, bounds: Any, linear: Any, monotonic: Ints | None = None
) -> Constraints | None:
    """What the three settings say together; None if they say nothing.

    Raises
    ------
    ValueError
        If a name is unknown, limits are crossed or no numbers, or a setting has a wrong form.
    """
    layout = network.layout
    lower = np.full(layout.n_parameters, -np.inf)
    upper = np.full(layout.n_parameters, np.inf)
    for name, given in _items("bounds", bounds):
        low, high = _limits(layout, name, given)
        lower, upper = np.maximum(lower, low), np.minimum(upper, high)
    if monotonic is not None:
        low, high = monotonic_bounds(network, monotonic)
        lower, upper = np.maximum(lower, low), np.minimum(upper, high)
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        name = layout.names[crossed[0]]
        raise ValueError(
            f"the constraints are infeasible: {name!r} must be at least {lower[crossed[0]]:g} "
            f"and at most {upper[crossed[0]]:g}."
        )
    rows = [_row(layout, number, given) for number, given in enumerate(_rows(linear))]
    if not rows and np.isinf(lower).all() and np.isinf(upper).all():
        return None
    A = np.array([row for row, *_ in rows]).reshape(-1, layout.n_parameters)
    limits = np.array([[low, high] for _, low, high in rows]).reshape(-1, 2)
    return Constraints(lower, upper, A, limits[:, 0], limits[:, 1])


def _items(argument: str, given: Any) -> list[tuple[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise ValueError(f"{argument} must map names of parameters to limits, got {given!r}.")
    return list(given.items())


def _limits(layout: ParameterLayout, name: str, given: Any) -> tuple[Array, Array]:
    """Lower and upper bounds that one entry of ``bounds`` sets, infinite elsewhere."""
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str) or len(given) != 2:
        raise ValueError(f"bounds[{name!r}] must be a pair (lower, upper), got {given!r}.")
    low, high = (
        _values(layout, "bounds", name, default if limit is None else limit, default, narrower)
        for limit, default, narrower in zip(
            given, (-np.inf, np.inf), (np.maximum, np.minimum), strict=True
        )
    )
    if np.isnan(low).any() or np.isnan(high).any() or (low > high).any():
        raise ValueError(
            f"bounds[{name!r}] must have a lower limit that is not above the upper one, "
            f"got {given!r}."
        )
    if np.isposinf(low).any() or np.isneginf(high).any():
        raise ValueError(f"bounds[{name!r}] leave no finite number, got {given!r}.")
    return low, high


def _values(
    layout: ParameterLayout, where: str, name: str, given: Any, fill: float, merge: np.ufunc
) -> Array:
    """See :meth:`ParameterLayout.values_of`, with messages that name the setting."""
    try:
        return layout.values_of(name, given, fill, merge)
    except ValueError as reason:
        raise ValueError(f"{where}: {reason}") from None


def _rows(given: Any) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, Mapping | str) or not isinstance(given, Sequence):
        raise ValueError(
            "linear_constraints must be a sequence of triples (terms, lower, upper), "
            f"got {given!r}."
        )
    return list(given)


def _row(layout: ParameterLayout, number: int, given: Any) -> tuple[Array, float, float]:
    """Coefficients and limits of one linear constraint."""
    where = f"linear_constraints[{number}]"
    if not isinstance(given, Sequence) or len(given) != 3 or not isinstance(given[0], Mapping):
        raise ValueError(
            f"{where} must be a triple (terms, lower, upper) with terms a dict of names and "
            f"factors, got {given!r}."
        )
    terms, low, high = given
    row, size = np.zeros(layout.n_parameters), np.zeros(layout.n_parameters)
    for name, factor in terms.items():
        part = _values(layout, where, name, factor, 0.0, np.add)
        row, size = row + part, size + np.abs(part)
    try:
        if isinstance(low, str) or isinstance(high, str):
            raise TypeError
        low = -np.inf if low is None else float(low)
        high = np.inf if high is None else float(high)
    except (TypeError, ValueError):
        raise ValueError(f"{where} must have numbers as limits, got {given[1:]!r}.") from None
    if not low <= high or low == np.inf or high == -np.inf:
        raise ValueError(
            f"{where} must have a lower limit that is not above the upper one, got {given[1:]!r}."
        )
    if low == -np.inf and high == np.inf:
        raise ValueError(f"{where} sets no limit, got {given[1:]!r}.")
    if size.any() and np.isfinite(size).all() and not row.any():
        raise ValueError(
            f"{where} has factors that cancel where parameters are tied, so that nothing is left, "
            f"got {terms!r}."
        )
    # Squares of smaller ones underflow, and a row without a length has no direction.
    if not np.isfinite(row).all() or not 1e-150 <= np.abs(row).max() <= 1e150:
        raise ValueError(
            f"{where} must have finite factors up to 1e150, one of them of at least 1e-150, got "
            f"{terms!r}."
        )
    return row, low, high


def monotonic_signs(
    given: Any, feature_names: Sequence[str] | None, n_features: int
) -> Ints | None:
    """One of -1, 0, 1 for each feature, or None if there is no constraint.

    Raises
    ------
    ValueError
        If the setting has another form, length or values, or names an unknown feature.
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        known = list(feature_names) if feature_names is not None else []
        unknown = [name for name in given if name not in known]
        if unknown:
            if not known:
                raise ValueError(
                    f"monotonic_cst has {unknown[0]!r}, but the features have no names."
                )
            raise ValueError(unknown_name("monotonic_cst", unknown[0], known, "feature"))
        signs = np.array([given.get(name, 0) for name in known])
    else:
        signs = np.asarray(given)
        if signs.shape != (n_features,):
            raise ValueError(
                f"monotonic_cst must have one entry for each of the {n_features} features, got "
                f"shape {signs.shape}."
            )
    if not np.isin(signs, (-1, 0, 1)).all():
        raise ValueError(f"monotonic_cst must have entries -1, 0 or 1, got {given!r}.")
    return signs.astype(int) if signs.any() else None


def monotonic_bounds(network: Network, signs: Ints) -> tuple[Array, Array]:
    """Bounds under which the raw predictions rise (1) or fall (-1) with features.

    Where a layer reads a constrained feature, its coefficients have that feature's sign; where
    it reads a unit that depends on one, they are not negative. With activations that never
    fall every such unit rises with sign times feature, layer after layer, and so do the outputs.
    """
    layout = network.layout
    full_lower, full_upper = np.full(layout.n_full, -np.inf), np.full(layout.n_full, np.inf)
    lower, upper = network.by_layer(full_lower), network.by_layer(full_upper)
    depends: list[Ints] = [signs]
    for k, layer in enumerate(network.layers):
        read = np.concatenate([depends[node] for node in layer.sources])
        lower[k][:-1][read > 0] = 0.0  # the last row are the intercepts
        upper[k][:-1][read < 0] = 0.0
        depends.append(network.exists[k][:-1][read != 0].any(axis=0).astype(int))
    return layout.merge(full_lower, np.maximum), layout.merge(full_upper, np.minimum)
