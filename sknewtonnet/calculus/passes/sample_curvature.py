"""What each sample contributes to second derivatives: small tensors between the layers.

With an offset u^k added to each pre-activation a^k (doc/mathematics.md 3.1, 3.3):

    G^{kl} = d delta^k / d u^l                                          (s_k, s_l)
    G^{kl} = diag(h') sum_q [ (dp^q/dx^k)' G^{ql} + Z^q dz^q/du^l ] + [k = l] diag(e h'')

over the readers q of layer k, with G^{ql} = (G^{lq})' for q > l and the Hessian of the loss
on top. Z^q = sum_j delta^q_j d2p^q_j/dx^k dz is the curvature of a propagation in its input,
zero in a linear layer. Gauss-Newton drops e h'' and Z.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.pieces.layer_at_point import LayerAtPoint, LinearAtPoint
from sknewtonnet.calculus.pieces.symmetric import pack_upper, pairs, upper_products


class SampleCurvature:
    """Some samples of a chunk: their factors G, from the last layer down.

    Parameters
    ----------
    chunk : Chunk
        Samples, after their second-order pass.
    weights : list of ndarray of shape (t_k, s_k)
        Parameters of the point.
    where : slice
        Which of the samples.
    gauss_newton : bool
        Whether to leave out the curvature of activations and propagations.
    fast : bool, default=True
        Whether layers that read the input may have a form of their own there.
    """

    def __init__(
        self,
        chunk: Chunk,
        weights: Sequence[Array],
        where: slice,
        gauss_newton: bool,
        fast: bool = True,
    ):
        self.graph = chunk.graph
        # Contiguous rows, where a piece is not the whole chunk: 5 % of all time.
        self.z, self.slope, self.delta, self.bend = (
            [np.ascontiguousarray(array[:, where]) for array in kept]
            for kept in (chunk.z, chunk.slope, chunk.delta, chunk.bend)
        )
        self.layers = self.graph.layers_at(weights, self.z, fast)
        hessian = chunk.loss_model if gauss_newton else chunk.loss_hessian
        self.loss_hessian = hessian[..., where]
        bend = chunk.output_bend
        self.output_bend = None if bend is None else bend[:, where]
        self.gauss_newton = gauss_newton
        self.G: dict[tuple[int, int], Array] = {}
        self._tangents: dict[int, dict[int, Array]] = {}
        self._input_bends: dict[int, Array] = {}

    @property
    def last(self) -> int:
        """Index of the last layer."""
        return len(self.layers) - 1

    def run(self) -> None:
        """All G^{kl} with k <= l in full, down to the first layer, but for its own.

        The recursion of doc/mathematics.md 3.1, from the last layer down. What earlier layers
        do not need is left to those who ask: :meth:`own_curvature` of its diagonal.
        """
        self.start()
        for k in range(self.last - 1, -1, -1):
            self.descend(k)
            if k > 0:
                self.G[k, k] = self.symmetric(k)

    def start(self) -> None:
        """G of the last layer: the Hessian of the loss."""
        top = self.loss_hessian
        if top.ndim == 2:  # each output's loss depends on its own raw prediction alone
            diagonal = top
            top = np.zeros((len(diagonal), *diagonal.shape), diagonal.dtype)
            np.einsum("ooi->oi", top)[...] = diagonal
        self.G[self.last, self.last] = top

    def descend(self, k: int) -> None:
        """G^{kl} of layer k with all later layers l."""
        for other in range(self.last, k, -1):
            total: Array | None = None
            # Sum over the readers q of (dp^q/dx^k)' G^{ql}; slopes have two axes where they are
            # the same for all samples, as the coefficients W^q of a linear layer.
            for reader, rows in self.graph.readers[k + 1]:
                slopes = self.layers[reader].input_slopes(rows)
                if reader > other and slopes.ndim == 2:
                    # G^{ql} = (G^{lq})' for q > l, without forming the transpose.
                    part = np.matmul(slopes.T, self.G[other, reader]).swapaxes(0, 1)
                else:
                    part = _pull_back(slopes, self._between(reader, other))
                total = part if total is None else total + part
                # Z^q dz^q/du^l of readers that are not linear (doc/mathematics.md 3.3).
                total = self._with_input_bend(total, reader, rows, other)
            assert total is not None, "every hidden layer is read by a later one"
            total *= self.slope[k][:, None, :]  # diag(h'(a^k)) from the left
            self.G[k, other] = total

    def symmetric(self, k: int) -> Array:
        """G^{kk} of a hidden layer, of shape (s_k, s_k, n)."""
        total: Array | None = None
        # The recursion from the other side, by the G^{kq} that descend has formed:
        # G^{kk} = sum_q G^{kq} (dp^q/dx^k) diag(h') + diag(e h'').
        for reader, rows in self.graph.readers[k + 1]:
            slopes, factor = self.layers[reader].input_slopes(rows), self.G[k, reader]
            if slopes.ndim == 2:
                part = np.matmul(slopes.T, factor)
            else:
                part = np.einsum("mji,rmi->rji", slopes, factor)
            total = part if total is None else np.add(total, part, out=total)
            total = self._with_input_bend(total, reader, rows, k, transposed=True)
        assert total is not None, "every hidden layer is read by a later one"
        total *= self.slope[k]
        if not self.gauss_newton:  # [k = l] diag(e^k h''(a^k)): the activation's own curvature
            np.einsum("jji->ji", total)[...] += self.bend[k]
        return total

    def symmetric_half(self, k: int, out: Array) -> Array:
        """Upper half of G^{kk}, formed without the lower one; G^{kk} is not kept."""
        if k == self.last or (k, k) in self.G:
            return pack_upper(self.G[k, k], out)
        (reader, rows), *others = self.graph.readers[k + 1]
        # The sum over several readers, or with slopes that differ by sample, is formed in full.
        if others or not self.graph.linear[reader]:
            return pack_upper(self.symmetric(k), out)
        matrix = self.layers[reader].input_slopes(rows).T
        factor, slope = self.G[k, reader], self.slope[k]
        size, width = matrix.shape
        if width > 1 and out.size < 50_000:  # so small that one product beats a loop over rows
            return pack_upper(self.symmetric(k), out)
        if width == 1:  # row j of G is a multiple of one vector
            upper_products(matrix * slope, factor[:, 0], out)
        else:
            start = 0
            for j in range(size):  # row j from the diagonal on
                stop = start + size - j
                row = np.matmul(matrix[j:], factor[j], out=out[start:stop])
                row *= slope[j:]
                start = stop
        if not self.gauss_newton:
            out[pairs(size).diagonal()] += self.bend[k]
        return out

    def own_curvature(self, k: int) -> Array:
        """Diagonal of G^{kk}: the second derivative in each unit's own offset."""
        if (k, k) in self.G:
            return np.einsum("jji->ji", self.G[k, k])
        total = np.zeros_like(self.slope[k])
        # The sum of symmetric, of the entries on the diagonal alone.
        for reader, rows in self.graph.readers[k + 1]:
            slopes, factor = self.layers[reader].input_slopes(rows), self.G[k, reader]
            total += np.einsum("mj,jmi->ji" if slopes.ndim == 2 else "mji,jmi->ji", slopes, factor)
            bends = not self.gauss_newton and not self.graph.linear[reader]
            tangent = self.input_tangent(reader, k) if bends else None
            if tangent is not None:  # Z^q dz^q/du^k (doc/mathematics.md 3.3)
                total += np.einsum("jqi,qji->ji", self.input_bend(reader)[rows], tangent)
        total *= self.slope[k]
        return total if self.gauss_newton else total + self.bend[k]

    def shared_rows(self, k: int) -> Array | None:
        """The factors (T, n) that all units of layer k have in common, if they have."""
        layer = self.layers[k]
        return layer.z if isinstance(layer, LinearAtPoint) else None

    def chain(self, k: int) -> Array | None:
        """Derivative of a layer's shared coefficients in its parameters, if it has any."""
        layer = self.layers[k]
        return layer.chain() if isinstance(layer, LinearAtPoint) else None

    def mixed_curvature(self, k: int) -> Array:
        """Values delta d2p/dtheta dz of each unit of layer k, of shape (s, t, p, n)."""
        layer = self.layers[k]
        assert isinstance(layer, LayerAtPoint), "of layers that are not linear"
        return layer.curvature_mixed(self.delta[k])

    def output_tangents(self, k: int) -> dict[int, Array]:
        """D x^q / d u^k of the layers q > k, of shape (s_q, s_k, n), where not zero.

        T^q_k = h' sum over hidden sources t of q of (dp^q/dx^t) d x^t / d u^k.
        """
        if k in self._tangents:
            return self._tangents[k]
        found: dict[int, Array] = {}
        # The forward recursion T^q_k of doc/mathematics.md 3.1, times h'(a^q).
        for q in range(k + 1, self.last):
            total: Array | None = None
            for node, rows in self.graph.hidden_sources(q):
                slopes = self.layers[q].input_slopes(rows)
                if node - 1 == k:  # dx^k/du^k = diag(h'(a^k))
                    part = (slopes if slopes.ndim == 3 else slopes[:, :, None]) * self.slope[k]
                elif node - 1 in found:
                    part = _push_forward(slopes, found[node - 1])
                else:
                    continue
                total = part if total is None else total + part
            if total is not None:
                total *= self.slope[q][:, None, :]
                found[q] = total
        self._tangents[k] = found
        return found

    def input_tangent(self, q: int, k: int) -> Array | None:
        """D z^q / d u^k, of shape (p_q, s_k, n); None where layer q does not see layer k."""
        found = self.output_tangents(k)
        nodes = [(node - 1, rows) for node, rows in self.graph.hidden_sources(q)]
        if not any(source == k or source in found for source, _ in nodes):
            return None
        slope = self.slope[k]
        total = np.zeros((self.graph.n_inputs[q], *slope.shape), slope.dtype)
        for source, rows in nodes:
            if source == k:
                np.einsum("jji->ji", total[rows])[...] = slope
            elif source in found:
                total[rows] = found[source]
        return total

    def input_bend(self, q: int) -> Array:
        """Curvature Z^q of a propagation in its input, contracted with delta, (p, p, n)."""
        if q not in self._input_bends:
            layer = self.layers[q]
            assert isinstance(layer, LayerAtPoint), "of layers that are not linear"
            self._input_bends[q] = layer.curvature_inputs(self.delta[q])
        return self._input_bends[q]

    def _between(self, k: int, other: int) -> Array:
        """G^{kl} for any order of the two."""
        return self.G[k, other] if k <= other else self.G[other, k].swapaxes(0, 1)

    def _with_input_bend(
        self, total: Array, reader: int, rows: slice, k: int, transposed: bool = False
    ) -> Array:
        """Add Z^q dz^q/du^k, for a reader q that is not linear."""
        if self.gauss_newton or self.graph.linear[reader] or reader <= k:
            return total
        tangent = self.input_tangent(reader, k)
        if tangent is None:
            return total
        form = "pqi,qri->rpi" if transposed else "pqi,qri->pri"
        return total + np.einsum(form, self.input_bend(reader)[rows], tangent)


def _pull_back(slopes: Array, tensor: Array) -> Array:
    """Sum over units m of slopes[m, j(, i)] tensor[m, r, i]."""
    if slopes.ndim == 2:
        return _contract(slopes.T, tensor)
    return np.einsum("mji,mri->jri", slopes, tensor)


def _push_forward(slopes: Array, tensor: Array) -> Array:
    """Sum over inputs m of slopes[j, m(, i)] tensor[m, r, i]."""
    if slopes.ndim == 2:
        return _contract(slopes, tensor)
    return np.einsum("jmi,mri->jri", slopes, tensor)


def _contract(matrix: Array, tensor: Array) -> Array:
    """Sum over q of matrix[j, q] tensor[q, r, i]."""
    if matrix.shape[1] == 1:
        return matrix[:, :, None] * tensor
    flat = np.matmul(matrix, tensor.reshape(len(tensor), -1))
    return flat.reshape(len(matrix), *tensor.shape[1:])
