"""The check of the derivatives of a constraint."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Constraint, Network
from sknewtonnet.testing._differences import difference


def check_constraint(
    constraint: Constraint,
    *,
    network: Network | None = None,
    params: Array | None = None,
    rtol: float = 1e-7,
) -> None:
    """Check Jacobian and Hessian of a constraint against differences of value and Jacobian.

    For constraints of one's own, in a test of one's own. Wrong derivatives raise no error in a
    fit, which then stalls or ends at a wrong point.

    Parameters
    ----------
    constraint : Constraint
        The object to check, at random points.
    network : Network, default=None
        The net that it is put on. By default a multilayer perceptron with three inputs, four
        hidden units and two outputs; with ``params``, the constraint is taken as it is.
    params : ndarray of shape (n_parameters,), default=None
        The one point to check it at, such as for a function that is not that of a net.
    rtol : float, default=1e-7
        Allowed error, relative to the largest entry of that derivative (at least 1).

    Raises
    ------
    AssertionError
        Naming the derivative that is wrong, its entry and both numbers; or what is not finite,
        has a wrong shape, or writes to its argument.

    See Also
    --------
    sknewtonnet.calculus.Constraint : The base class, with an example.
    check_penalty : The same for penalties.

    Examples
    --------
    >>> from sknewtonnet.calculus import NormConstraint
    >>> from sknewtonnet.testing import check_constraint
    >>> check_constraint(NormConstraint("coefs_0", upper=1.0))
    """
    if not isinstance(constraint, Constraint):
        raise TypeError(f"constraint must be a Constraint, got {constraint!r}.")
    if network is None and params is None:
        network = Network.mlp(3, (4,), 2)
    placed = constraint if network is None else constraint.on(network)
    rng = np.random.default_rng(0)
    size = network.n_parameters if network is not None else 0
    points = [rng.standard_normal(size) for _ in range(3)] if params is None else [params]
    for w in points:
        _check_at(placed, np.array(w, dtype=float), rng, rtol)


def _check_at(constraint: Constraint, w: Array, rng: np.random.Generator, rtol: float) -> None:
    name = f"constraint {type(constraint).__name__!r}"
    lower, upper = constraint.limits
    m, P = len(lower), len(w)
    assert (lower <= upper).all(), f"{name}: a lower limit is above the upper one."
    v = rng.standard_normal(m)

    def ask(method: str, shape: tuple[int, ...], *arguments: Array) -> Array:
        given = [argument.copy() for argument in arguments]
        found = np.asarray(getattr(constraint, method)(*given), dtype=float)
        for now, before in zip(given, arguments, strict=True):
            assert np.array_equal(now, before), f"{name}: {method} writes to its argument."
        assert found.shape == shape, f"{name}: {method} must return {shape}, got {found.shape}."
        assert np.isfinite(found).all(), f"{name}: {method} is not finite."
        return found

    jacobian = ask("jacobian", (m, P), w)
    expected = _differences(lambda u: ask("value", (m,), u), w)
    _compare(name, "jacobian", jacobian, expected, "differences", rtol)
    hessian = ask("hessian", (P, P), w, v)
    _compare(name, "hessian", hessian, hessian.T, "the other half of it", rtol)
    expected = _differences(lambda u: v @ ask("jacobian", (m, P), u), w)
    _compare(name, "hessian", hessian, expected, "differences of the Jacobian", rtol)


def _differences(function: Callable[[Array], Array], w: Array) -> Array:
    """Derivatives of values in each parameter, on the last axis."""

    def values(t: Array) -> Array:
        return np.stack([function(w + t * axis) for axis in np.eye(len(w))], axis=-1)

    return difference(values, np.array(0.0))


def _compare(
    name: str, what: str, found: Array, expected: Array, source: str, rtol: float
) -> None:
    """Name the worst entry if that is off."""
    error = np.abs(found - expected)
    if not np.all(error <= rtol * max(1.0, float(np.abs(expected).max(initial=0.0)))):
        worst = np.unravel_index(int(np.argmax(error)), error.shape)
        raise AssertionError(
            f"{name}: {what}{[int(k) for k in worst]} is {found[worst]:.10g}, where {source} "
            f"gives {expected[worst]:.10g}: off by {error[worst]:.2g}."
        )
