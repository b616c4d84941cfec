"""Importance of inputs of radial units: the growth of the objective where inputs are held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import BlockObjective, Rows
from sknewtonnet.calculus.pieces.function import may_overflow
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.calculus.pieces.radial import RadialLayer
from sknewtonnet.inference._minimum import Information

# A growth that is this part of the objective is rounding.
_ROUNDING = 1e-13


def inputs_are_held(information: Information) -> bool:
    """Whether importances of inputs are growths with inputs held, and not of weights that leave.

    So it is where a radial layer reads the inputs, or any layer without parameters of its own for
    each of them (:meth:`Layer.input_rows`).

    Parameters
    ----------
    information : Information
        The minimum.

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information
    >>> from sknewtonnet.inference._held_inputs import inputs_are_held
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> for net in (Network.mlp(1, (), 1), Network.rbf(1, 1, 1)):
    ...     f = Objective(net, "squared_error", X, X)
    ...     print(inputs_are_held(Information(f, np.ones(net.n_parameters))))
    False
    True
    """
    network = information.objective.network
    radial = any(isinstance(layer, RadialLayer) and 0 in layer.sources for layer in network.layers)
    return radial or information.input_parameters is None


@may_overflow
def held_saliency(information: Information, inputs: Sequence[int] | Ints) -> float:
    """Growth of M = S f with some inputs held at their means and the output layer refitted.

        min over V of M(V, other weights; X with x_j = mean x_j)  -  M

    The minimum over the output layer V is exact for squared errors, M - 1/2 g'H^-1 g with the
    gradient and the Hessian of M in V where the inputs are held; of other convex losses Newton's
    method finds it. The other weights stay, so that it is an upper bound of the growth in a fit
    without the inputs. A unit whose input is held is one that does not depend on it, times a
    factor that the output layer makes up for. Under active constraints, and where the output
    layer has no such minimum, that layer stays, too.

    Parameters
    ----------
    information : Information
        The minimum.
    inputs : sequence of int
        Which inputs.

    Returns
    -------
    float
        In units of M. Zero, if it is rounding; negative, if the net is better off without them.

    See Also
    --------
    input_saliencies : The same, or that of weights where inputs have some of their own.
    sknewtonnet.inspection.feature_importance : Shares of all inputs.

    Notes
    -----
    The cost is a prediction and a fit of the output layer; no Hessian of all weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.inference import Information, held_saliency
    >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> f = Objective(Network.rbf(1, 1, 1), "squared_error", X, np.exp(-0.5 * X**2))
    >>> minimum = Information(f, np.array([0.0, 0.0, 1.0, 0.0]))  # a perfect fit
    >>> round(held_saliency(minimum, [0]), 3)  # half the sum of squares about the mean
    0.188
    """
    objective, w = information.objective, information.params
    held = _held(objective, inputs)
    value, before = held.value(w), objective.value(w)
    refitted = None if information.basis is not None else held.reduced() or held.projected(w)
    if refitted is not None:  # its value is infinite where there is no minimum
        value = min(value, refitted.value(refitted.restrict(w)))
    growth = objective.weight_sum * (value - before)
    scale = objective.weight_sum * max(abs(before), abs(value))
    return 0.0 if abs(growth) <= _ROUNDING * scale else float(growth)


def _held(objective: Any, inputs: Sequence[int] | Ints) -> Any:
    """The objective with inputs at their means, in memory or in blocks."""
    if isinstance(objective, BlockObjective):
        moments = reduce(Moments.joined, objective.over_rows(_moments))
        return objective.on(objective.blocks.transformed(_Held(inputs, moments.mean)))
    samples = objective.samples.copy()
    samples[:, inputs] = objective.sample_weight @ samples[:, inputs] / objective.weight_sum
    return objective.on(samples, objective.targets, objective.sample_weight, objective.offset)


def _moments(rows: Rows) -> Moments:
    return Moments.of(rows.X, rows.sample_weight)


@dataclass(frozen=True, eq=False)
class _Held:
    """Rows with some inputs at their means."""

    inputs: Sequence[int] | Ints
    mean: Array

    def __call__(self, rows: Rows) -> Rows:
        X = np.array(rows.X, dtype=float)
        X[:, self.inputs] = self.mean[self.inputs]
        return rows._replace(X=X)
