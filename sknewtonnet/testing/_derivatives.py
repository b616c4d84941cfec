"""The checks of derivatives: of activations, losses and layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus import (
    Activation,
    Layer,
    Loss,
)
from sknewtonnet.calculus.pieces.layers import checked_arrays
from sknewtonnet.testing._differences import difference

_ORDINALS = ("value", "first", "second", "third", "fourth", "fifth", "sixth")

# Away from 0, where activations may have a kink, and with room for a stencil.
_POINTS = np.array([-6.1, -2.3, -1.0, -0.4, -0.11, 0.13, 0.5, 1.2, 2.7, 5.9])


def check_activation(activation: Activation, *, rtol: float = 1e-7) -> None:
    """Check each derivative of an activation against differences of the one below it.

    For activations of one's own, in a test of one's own. Wrong derivatives raise no error in a
    fit, which then stalls or ends at a wrong point. They are compared at ten points from -6.1 to
    5.9.

    Parameters
    ----------
    activation : Activation
        The object to check; orders 1 to ``max_order``, or to 4 if that is None.
    rtol : float, default=1e-7
        Allowed error, relative to the largest value of that derivative (at least 1).

    Raises
    ------
    AssertionError
        Naming the first derivative that is wrong, the point and both numbers, or what
        is wrong with what ``derivatives`` returns.

    See Also
    --------
    sknewtonnet.calculus.Activation : The base class, with an example.
    check_layer : The same for layers.
    check_loss : The same for losses.

    Examples
    --------
    >>> from sknewtonnet.calculus import ACTIVATIONS
    >>> from sknewtonnet.testing import check_activation
    >>> check_activation(ACTIVATIONS["tanh"])
    """
    if not isinstance(activation, Activation):
        raise TypeError(f"activation must be an Activation, got {activation!r}.")
    highest = 4 if activation.max_order is None else activation.max_order
    given = _POINTS.copy()
    found = activation.derivatives(given, highest)
    name = f"activation {activation.name!r}"
    real = isinstance(found, tuple | list) and all(map(_is_real, found))
    assert real, (
        f"{name}: derivatives(a, {highest}) must return a tuple of arrays of real numbers."
    )
    assert np.array_equal(given, _POINTS), f"{name} writes to its argument."
    for order in range(highest + 1):
        shorter = activation.derivatives(_POINTS, order)
        assert len(shorter) == order + 1, (
            f"{name}: derivatives(a, {order}) returned {len(shorter)} arrays, not {order + 1}."
        )
        assert np.shape(shorter[order]) == _POINTS.shape, (
            f"{name}: the {_word(order)} has shape {np.shape(shorter[order])} where a has "
            f"{_POINTS.shape}."
        )
        np.testing.assert_allclose(
            shorter[order],
            found[order],
            err_msg=f"{name}: the {_word(order)} depends on the order that is asked for.",
        )
    for order in range(1, highest + 1):
        lower = order - 1

        def below(a: Array, lower: int = lower) -> Array:
            return activation.derivatives(a, lower)[lower]

        _compare(name, order, _POINTS, found[order], difference(below, _POINTS), rtol)


def _is_real(found: object) -> bool:
    return isinstance(found, np.ndarray | np.floating) and found.dtype.kind == "f"


def check_loss(loss: Loss, *, n_outputs: int = 3, rtol: float = 1e-7) -> None:
    """Check gradient and Hessian of a loss against differences of value and gradient.

    Its quantiles, if it has any, are checked against its density, and its distribution function
    against them.

    Parameters
    ----------
    loss : Loss
        The object to check, on targets out of those kinds (real, positive, in [0, 1],
        one-hot) that its ``check_target`` admits.
    n_outputs : int, default=3
        Number of raw predictions per sample.
    rtol : float, default=1e-7
        Allowed error, relative to the largest value of that derivative (at least 1).

    Raises
    ------
    AssertionError
        Naming the derivative that is wrong, the point and both numbers.

    See Also
    --------
    sknewtonnet.calculus.Loss : The base class, with an example.
    check_activation : The same for activations.

    Examples
    --------
    >>> from sknewtonnet.calculus import LOSSES
    >>> from sknewtonnet.testing import check_loss
    >>> check_loss(LOSSES["poisson"]())
    """
    rng = np.random.default_rng(0)
    raw = 1.5 * rng.standard_normal((12, n_outputs))
    y = _admitted_target(loss, rng, raw.shape)
    name = f"loss {loss.name!r}"
    for order in range(3):
        given = (y.copy(), raw.copy())
        n_arrays = len(loss.derivatives(*given, order))
        assert n_arrays == order + 1, (
            f"{name}: derivatives(y, raw, {order}) returned {n_arrays} arrays, not {order + 1}."
        )
        unchanged = np.array_equal(given[0], y) and np.array_equal(given[1], raw)
        assert unchanged, f"{name} writes to its arguments."
    value, gradient, hessian = loss.derivatives(y, raw, 2)
    for what, array, shapes in (
        ("value", value, [(12,)]),
        ("gradient", gradient, [raw.shape]),
        ("Hessian", hessian, [raw.shape, (*raw.shape, n_outputs)]),
    ):
        assert np.shape(array) in shapes, f"{name}: the {what} has shape {np.shape(array)}."
    full = hessian
    if hessian.ndim == 2:
        full = hessian[:, :, None] * np.eye(n_outputs)
    for output in range(n_outputs):
        along = np.eye(n_outputs)[output]

        def value_along(t: Array, along: Array = along) -> Array:
            return loss.derivatives(y, raw + np.outer(t, along), 0)[0]

        def gradient_along(t: Array, along: Array = along) -> Array:
            return loss.derivatives(y, raw + np.outer(t, along), 1)[1]

        origin = np.zeros(len(raw))
        expected = difference(value_along, origin)
        _compare(name, 1, raw[:, output], gradient[:, output], expected, rtol)
        expected = difference(gradient_along, origin)
        points = np.broadcast_to(raw[:, output, None], expected.shape)
        _compare(name, 2, points, full[:, :, output], expected, rtol)
    _check_quantiles(loss, raw, name, rtol)
    _check_cumulative(loss, raw, name, rtol)


def _check_quantiles(loss: Loss, raw: Array, name: str, rtol: float) -> None:
    """Check quantiles against the density: their slope is one over it, or they add up to a level.

    A loss without quantiles, or without a density to compare them with, passes.
    """
    mean, levels = loss.inverse_link(raw), np.array([0.1, 0.5, 0.9])
    dispersion = 0.7 if loss.free_dispersion else 1.0
    try:
        found = loss.quantiles(mean, dispersion, levels)
    except NotImplementedError:
        return
    shape = (*mean.shape, len(levels))
    assert np.shape(found) == shape, f"{name}: quantiles has shape {np.shape(found)}, not {shape}."
    assert (np.diff(found, axis=-1) >= 0).all(), f"{name}: quantiles fall where levels rise."
    if type(loss).log_density is Loss.log_density:
        return

    def density(y: Array) -> Array:
        return np.exp(loss.log_density(y, raw, dispersion))

    if np.array_equal(found, np.round(found)):  # counts
        for level, values in zip(levels, np.moveaxis(found, -1, 0), strict=True):
            terms = [
                np.where(k <= values, density(np.full(mean.shape, float(k))), 0.0)
                for k in range(int(values.max()) + 1)
            ]
            up_to = np.sum(terms, axis=0)
            right = (up_to >= level - rtol) & (up_to - density(values) < level + rtol)
            assert right.all(), (
                f"{name}: up to the quantile of level {level} the probability is "
                f"{up_to[~right][0]:.6g}, its last part {density(values)[~right][0]:.6g}."
            )
        return
    slopes = difference(lambda t: loss.quantiles(mean, dispersion, levels + t), np.array(0.0))
    dense = np.stack([density(values) for values in np.moveaxis(found, -1, 0)], axis=-1)
    # Where quantiles do not move there is a value, such as 0, with a probability of its own.
    atom = (slopes == 0.0) & (dense >= levels - rtol)
    slopes, expected = np.where(atom, 1.0, slopes), np.where(atom, 1.0, 1.0 / dense)
    error = np.abs(slopes - expected) / np.maximum(1.0, np.abs(expected))
    assert (error <= max(rtol, 1e-6)).all(), (
        f"{name}: at the quantile {found.ravel()[error.argmax()]:.6g} the density is "
        f"{1.0 / expected.ravel()[error.argmax()]:.6g}, but differences of quantiles give "
        f"{1.0 / slopes.ravel()[error.argmax()]:.6g}."
    )


def _check_cumulative(loss: Loss, raw: Array, name: str, rtol: float) -> None:
    """Check the distribution function: a level is between those below and up to its quantile."""
    mean, dispersion = loss.inverse_link(raw), 0.7 if loss.free_dispersion else 1.0
    for level in (0.1, 0.5, 0.9):
        try:
            values = loss.quantiles(mean, dispersion, [level])[..., 0]
            below, up_to = loss.cumulative(values, mean, dispersion)
        except NotImplementedError:
            return
        right = (below <= level + rtol) & (level <= up_to + rtol)
        assert right.all(), (
            f"{name}: at the quantile of level {level} cumulative has the probabilities "
            f"{below[~right][0]:.6g} and {up_to[~right][0]:.6g}."
        )


def check_layer(layer: Layer, *, n_inputs: int = 3, rtol: float = 1e-7) -> None:
    """Check each derivative of a layer against differences of what it is the derivative of.

    For layers of one's own, in a test of one's own: all derivatives of a net follow from these
    methods. Wrong ones raise no error in a fit, which then stalls or ends at a wrong point.

    Parameters
    ----------
    layer : Layer
        The object to check, at random parameters and inputs. A layer for the input alone
        need not have ``curvature_mixed`` and ``curvature_inputs``.
    n_inputs : int, default=3
        Number of inputs.
    rtol : float, default=1e-7
        Allowed error, relative to the largest entry of that derivative (at least 1).

    Raises
    ------
    AssertionError
        Naming the method that is wrong, the entry and both numbers, or what is wrong with
        the shape of what it returns.

    See Also
    --------
    sknewtonnet.calculus.Layer : The base class, with an example.
    check_activation : The same for activations.

    Examples
    --------
    >>> from sknewtonnet.calculus import GaussianRBF
    >>> from sknewtonnet.testing import check_layer
    >>> check_layer(GaussianRBF((0,), 4, "full"))
    """
    rng = np.random.default_rng(0)
    try:
        arrays = checked_arrays(layer, n_inputs)
    except ValueError as reason:
        raise AssertionError(str(reason)) from None
    n_rows = 1 + max((int(rows.max()) for rows in arrays.values()), default=-1)
    theta = 0.5 * rng.standard_normal((n_rows, layer.n_units))
    z = rng.standard_normal((n_inputs, 7))
    delta = rng.standard_normal((layer.n_units, 7))
    _check_start(layer, n_inputs, theta.shape)
    probe = _LayerProbe(layer, theta, z, delta, rtol)
    probe.check("value", lambda t, x: layer.value(t, x), ("units", "samples"))
    slopes = layer.slopes(theta, z)
    assert len(slopes) == 2, f"{probe.name}: slopes must return two arrays, not {len(slopes)}."

    def widened(t: Array, x: Array) -> Array:
        return layer.value(t, x)[:, None]

    for along, slope in (
        ("inputs", lambda t, x: layer.slopes(t, x)[0]),
        ("parameters", lambda t, x: layer.slopes(t, x)[1]),
    ):
        axes = ("units", along, "samples")
        probe.check(f"slopes in {along}", slope, axes, widened, along)
    probe.check(
        "curvature_parameters",
        lambda t, x: layer.curvature_parameters(t, x, delta),
        ("units", "parameters", "parameters"),
        lambda t, x: (layer.slopes(t, x)[1] * delta[:, None]).sum(axis=2)[:, :, None],
        "parameters",
    )
    probe.check_tensors(layer)
    probe.check_input_rows(layer)
    probe.check_input_shift(layer)
    if type(layer).curvature_mixed is not Layer.curvature_mixed:
        probe.check(
            "curvature_mixed",
            lambda t, x: layer.curvature_mixed(t, x, delta),
            ("units", "parameters", "inputs", "samples"),
            lambda t, x: (layer.slopes(t, x)[1] * delta[:, None])[:, :, None],
            "inputs",
        )
    if type(layer).curvature_inputs is not Layer.curvature_inputs:
        probe.check(
            "curvature_inputs",
            lambda t, x: layer.curvature_inputs(t, x, delta),
            ("inputs", "inputs", "samples"),
            lambda t, x: (layer.slopes(t, x)[0] * delta[:, None]).sum(axis=0)[:, None],
            "inputs",
        )


def _check_start(layer: Layer, n_inputs: int, shape: tuple[int, int]) -> None:
    """Check where fits start: any place, but for each seed one, and units apart."""
    center, spread = np.linspace(-2.0, 3.0, n_inputs), np.linspace(0.5, 2.0, n_inputs)
    first, again = (layer.start(center, spread, np.random.RandomState(0)) for _ in range(2))
    name = f"start of {layer!r}"
    assert np.shape(first) == shape, (
        f"{name} must return an array of shape {shape} (parameters, units), not {np.shape(first)}."
    )
    assert np.isfinite(first).all(), f"{name} is not finite."
    assert np.array_equal(first, again), f"{name} depends on more than its arguments."
    others = range(1, shape[1]) if shape[0] else ()  # without parameters there is no start
    equal = [j for j in others if np.array_equal(first[:, j], first[:, 0])]
    assert not equal, f"{name} has equal units, 0 and {equal[0]}, which a fit would keep equal."


class _LayerProbe:
    """Compares what a layer returns with differences along its inputs or parameters."""

    def __init__(self, layer: Layer, theta: Array, z: Array, delta: Array, rtol: float):
        self.theta, self.z, self.rtol = theta, z, rtol
        self.name = f"layer {type(layer).__name__!r}"
        self.given = [theta, z, delta]
        self.kept = [array.copy() for array in self.given]
        (n_rows, n_units), (n_inputs, n_samples) = theta.shape, z.shape
        self.sizes = {
            "units": n_units,
            "inputs": n_inputs,
            "parameters": n_rows,
            "samples": n_samples,
        }

    def check(
        self,
        what: str,
        function: Callable[[Array, Array], Array],
        axes: tuple[str, ...],
        below: Callable[[Array, Array], Array] | None = None,
        along: str = "",
    ) -> None:
        """Check shape and value of one derivative, whose axis of length 1 below runs along."""
        found = function(self.theta, self.z)
        shape = tuple(self.sizes[axis] for axis in axes)
        assert np.shape(found) == shape, (
            f"{self.name}: {what} must have shape {shape} ({', '.join(axes)}), got "
            f"{np.shape(found)}."
        )
        unchanged = all(
            np.array_equal(now, before) for now, before in zip(self.given, self.kept, strict=True)
        )
        assert unchanged, f"{self.name}: {what} writes to its arguments."
        if below is None or np.size(found) == 0:
            return
        axis = len(axes) - 1 - axes[::-1].index(along)  # where below has a length of 1
        parts = [self._difference(below, along, row) for row in range(self.sizes[along])]
        expected = np.concatenate(parts, axis=axis)
        scale = max(1.0, float(np.abs(expected).max()))
        error = np.abs(found - expected)
        if not np.all(error <= self.rtol * scale):  # NaN fails, too
            worst = np.unravel_index(int(np.nanargmax(error)), error.shape)
            where = ", ".join(f"{a[:-1]} {i}" for a, i in zip(axes, worst, strict=True))
            raise AssertionError(
                f"{self.name}: {what} is {found[worst]:.10g} at {where}, where differences "
                f"give {expected[worst]:.10g}."
            )

    def check_tensors(self, layer: Layer) -> None:
        """Check derivatives of orders 1 to 3 in the parameters, as far as there are any."""

        def tensor(order: int, theta: Array, z: Array) -> Array:
            found = layer.tensor_parameters(theta, z, order)
            shape = (layer.n_units, *[len(theta)] * order, z.shape[1])
            if found is None:
                return np.zeros(shape)
            shared = np.shape(found) == (1, *shape[1:])
            return np.broadcast_to(found, shape) if shared else found

        for order in (1, 2, 3):
            try:
                layer.tensor_parameters(self.theta, self.z, order)
            except NotImplementedError:
                return

            def below(theta: Array, z: Array, order: int = order) -> Array:
                lower = tensor(order - 1, theta, z) if order > 1 else layer.value(theta, z)
                return np.expand_dims(lower, -2)

            axes = ("units", *["parameters"] * order, "samples")
            what = f"tensor_parameters of order {order}"
            self.check(what, partial(tensor, order), axes, below, "parameters")

    def check_input_shift(self, layer: Layer) -> None:
        """Check that a change of the parameters does what a shift of an input does."""
        shift = layer.input_shift(len(self.z))
        if shift is None:
            return
        shape = (len(self.z), len(self.theta))
        assert np.shape(shift) == shape, (
            f"{self.name}: input_shift must have shape {shape}, got {np.shape(shift)}."
        )
        for j, row in enumerate(shift):
            moved = self.z.copy()
            moved[j] += 0.5
            expected = layer.value(self.theta, moved)
            found = layer.value(self.theta + 0.5 * row[:, None], self.z)
            scale = max(1.0, float(np.abs(expected).max()))
            error = float(np.abs(found - expected).max())
            assert error <= self.rtol * scale, (
                f"{self.name}: along input_shift value does not change as with input {j}, but "
                f"differs by {error:.3g}."
            )

    def check_input_rows(self, layer: Layer) -> None:
        """Check that a unit does not depend on an input whose parameters are zero."""
        rows = layer.input_rows(len(self.z))
        if rows is None:
            return
        assert len(rows) == len(self.z), (
            f"{self.name}: input_rows must return rows for each of {len(self.z)} inputs, got "
            f"{len(rows)}."
        )
        for j, own in enumerate(rows):
            theta, moved = self.theta.copy(), self.z.copy()
            theta[own] = 0.0
            moved[j] += 1.0
            change = np.abs(layer.value(theta, moved) - layer.value(theta, self.z)).max()
            assert change <= self.rtol, (
                f"{self.name}: with rows {np.asarray(own).tolist()} of theta zero, as input_rows "
                f"says, value still depends on input {j} (by {change:.3g})."
            )

    def _difference(self, below: Callable[[Array, Array], Array], along: str, row: int) -> Array:
        """Derivative along one input of all samples, or one parameter of all units."""

        def at(t: Array) -> Array:
            theta, z = self.theta.copy(), self.z.copy()
            (z if along == "inputs" else theta)[row] += t
            return below(theta, z)

        return difference(at, np.array(0.0))


def _admitted_target(loss: Loss, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """The first kind of target that the loss does not refuse."""
    one_hot = np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
    refused = []
    for y in (rng.standard_normal(shape), rng.gamma(2.0, size=shape), rng.random(shape), one_hot):
        try:
            loss.check_target(y)
        except ValueError as reason:
            refused.append(str(reason))
        else:
            return y
    raise AssertionError(f"loss {loss.name!r} refuses every kind of target: {refused}.")


def _compare(name: str, order: int, at: Array, found: Array, expected: Array, rtol: float) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    error = np.abs(found - expected)
    if not np.all(error <= rtol * scale):  # NaN fails, too
        worst = np.unravel_index(int(np.nanargmax(error)), error.shape)
        raise AssertionError(
            f"{name}: the {_word(order)} is {found[worst]:.10g} at {at[worst]:.4g}, where "
            f"differences of the {_word(order - 1)} give {expected[worst]:.10g}."
        )


def _word(order: int) -> str:
    if order >= len(_ORDINALS):
        return f"derivative of order {order}"
    return _ORDINALS[0] if order == 0 else f"{_ORDINALS[order]} derivative"
