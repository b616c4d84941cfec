"""Second derivatives, in the parameters, of slopes in an input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.memory import check_memory

# Samples at a time take about so many numbers for each unit.
_NUMBERS = 200_000


def slope_curvature(network: Network, w: Array, X: Array, feature: int, factors: Array) -> Array:
    """Second derivatives in w of sum_io v_io d raw_io / d x_ij, for a net of linear layers.

    The gradient comes backwards, with t for the derivative in the input j, and b and c for the
    adjoints of a_t and a:

        b = h' (W b)_above,   c = h' (W c)_above + h'' a_t (W b)_above
        gradient in W:  z c' + z_t b',   in the intercepts:  c

    Each line is differentiated once more along all parameters, forwards for z and z_t and then
    backwards for b and c.

    Parameters
    ----------
    network : Network
        A net of linear layers, whose activations have three derivatives.
    w : ndarray of shape (n_parameters,)
        Parameters.
    X : ndarray of shape (n_samples, n_features)
        Samples.
    feature : int
        The input j.
    factors : ndarray of shape (n_samples, n_outputs)
        The factors v.

    Returns
    -------
    ndarray of shape (n_parameters, n_parameters)

    Notes
    -----
    About 10 n P^2 flops, and memory for three P x P matrices.
    """
    layout = network.layout
    size = layout.n_full
    check_memory(f"curvatures of slopes of {size} parameters", 24.0 * size**2, "use fewer units")
    directions = network.by_layer(np.eye(size))
    weights, found = network.matrices(w), np.zeros((size, size))
    n_rows = max(1, _NUMBERS // size)
    for start in range(0, len(X), n_rows):
        rows = slice(start, start + n_rows)
        some = _Samples(network, weights, directions, X[rows].T, feature)
        some.add_to(network.by_layer(found), factors[rows].T)
    return layout.pull_back_matrix(0.5 * (found + found.T))


@dataclass(frozen=True, eq=False)
class _Values:
    """Values of units, their derivatives in the input, and those of both along all directions.

    Parameters
    ----------
    of, t : ndarray of shape (n_units, n_samples)
        Values, and derivatives in the input.
    q, tq : ndarray of shape (n_directions, n_units, n_samples)
        Their derivatives along the directions.
    """

    of: Array
    t: Array
    q: Array
    tq: Array

    @classmethod
    def joined(cls, parts: Sequence[_Values]) -> _Values:
        """Those of several nodes, one after the other."""
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("of", "t")),
            *(np.concatenate([getattr(part, name) for part in parts], 1) for name in ("q", "tq")),
        )


class _Samples:
    """The forward pass on some samples, with derivatives."""

    def __init__(
        self,
        network: Network,
        weights: Sequence[Array],
        directions: Sequence[Array],
        X: Array,
        feature: int,
    ):
        self.network, self.weights, self.directions = network, weights, directions
        along = np.zeros_like(X)
        along[feature] = 1.0
        nothing = np.zeros((len(directions[0]), *X.shape))
        nodes = [_Values(X, along, nothing, nothing)]
        self.inputs: list[_Values] = []
        self.slopes: list[tuple[Array, ...]] = []
        self.before: list[_Values] = []
        for k, layer in enumerate(network.layers):
            z = _Values.joined([nodes[node] for node in layer.sources])
            W, dW = weights[k][:-1].T, directions[k]
            a = _Values(
                W @ z.of + weights[k][-1][:, None],
                W @ z.t,
                W @ z.q + dW[:, :-1].swapaxes(1, 2) @ z.of + dW[:, -1][:, :, None],
                W @ z.tq + dW[:, :-1].swapaxes(1, 2) @ z.t,
            )
            self.inputs.append(z)
            self.before.append(a)
            if k < len(weights) - 1:
                h = layer.activation.derivatives(a.of, 3)
                x_tq = h[2] * a.t * a.q + h[1] * a.tq
                nodes.append(_Values(h[0], h[1] * a.t, h[1] * a.q, x_tq))
                self.slopes.append(h)

    def add_to(self, blocks: Sequence[Array], factors: Array) -> None:
        """Add the second derivatives to blocks of shape (n_directions, t_k, s_k)."""
        # Adjoints of the nodes' values (g) and of their derivatives in the input (g_t).
        sizes = self.network.node_sizes
        n, n_directions = factors.shape[1], len(self.directions[0])
        g = [  # to be added to
            _Values(
                *(np.zeros((s, n)) for _ in range(2)),
                *(np.zeros((n_directions, s, n)) for _ in range(2)),
            )
            for s in sizes
        ]
        for k in range(len(self.weights) - 1, -1, -1):
            c = self._adjoint(k, g[k + 1], factors)
            z, W, dW = self.inputs[k], self.weights[k][:-1], self.directions[k][:, :-1]
            blocks[k][:, :-1] += z.q @ c.of.T + z.of @ c.q.swapaxes(1, 2)
            blocks[k][:, :-1] += z.tq @ c.t.T + z.t @ c.tq.swapaxes(1, 2)
            blocks[k][:, -1] += c.q.sum(axis=2)
            back = _Values(W @ c.of, W @ c.t, W @ c.q + dW @ c.of, W @ c.tq + dW @ c.t)
            start = 0
            for node in self.network.layers[k].sources:
                rows = slice(start, start + sizes[node])
                g[node].of[...] += back.of[rows]
                g[node].t[...] += back.t[rows]
                g[node].q[...] += back.q[:, rows]
                g[node].tq[...] += back.tq[:, rows]
                start = rows.stop

    def _adjoint(self, k: int, g: _Values, factors: Array) -> _Values:
        """Adjoints c of a layer's a, and b of its a_t: as ``of`` and ``t``."""
        if k == len(self.weights) - 1:
            return _Values(np.zeros_like(factors), factors, np.zeros_like(g.q), np.zeros_like(g.q))
        (_, h1, h2, h3), a = self.slopes[k], self.before[k]
        return _Values(
            h1 * g.of + h2 * a.t * g.t,
            h1 * g.t,
            h2 * a.q * g.of + h1 * g.q + h3 * a.q * a.t * g.t + h2 * (a.tq * g.t + a.t * g.tq),
            h2 * a.q * g.t + h1 * g.tq,
        )
