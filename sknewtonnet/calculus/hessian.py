"""Second derivatives of an objective's loss, as sums over samples of products of factors.

Per sample every block is a small tensor times z^k z^l', so a block of the Hessian is the
matrix product of two tall factors (MATHEMATICS 3.1). Where both factors are symmetric only
their upper halves are formed, which makes an exact Hessian cheaper than the J'J of the
Jacobian. With an offset u^k added to each pre-activation a^k:

    G^{kl} = d delta^k / d u^l                                          (s_k, s_l)
    H[(k,j),(l,r)] = sum_i G^{kl}_{jr} z^k z^l' + [k < l] z^k (delta^l_r d z^l / d u^k_j)'

G runs from the last layer down, where it is the Hessian of the loss:

    G^{kl} = diag(h') sum_q W^q[rows of k] G^{ql} + [k = l] diag(e h''),     q the readers of k

with G^{ql} = (G^{lq})' for q > l. Gauss-Newton drops e h'' and the term with delta.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus._arrays import Workspace, flat, n_half, pack_upper, pairs, spread_pairs
from sknewtonnet.calculus._chunk import Chunk
from sknewtonnet.calculus.layers import Wiring, sample_chunks

Array = NDArray[np.float64]


def dense_hessian(
    wiring: Wiring,
    weights: Sequence[Array],
    chunks: Sequence[Chunk],
    workspace: Workspace,
    *,
    gauss_newton: bool,
) -> Array:
    """Exact Hessian or Gauss-Newton matrix of the weighted loss.

    Parameters
    ----------
    wiring : Wiring
        The graph of the layers.
    weights : list of ndarray of shape (p_k + 1, s_k)
        Parameters of the point.
    chunks : sequence of Chunk
        Samples, after their second-order pass at that point.
    workspace : Workspace
        Where the work arrays of earlier calls are.
    gauss_newton : bool
        Which of the two matrices.

    Returns
    -------
    ndarray of shape (n_full, n_full)

    Notes
    -----
    One forward and one backward pass; about n P_k^2 / 2 flops for a diagonal block,
    2 n P_k P_l for another one. The workspace keeps the sums, at most half of the result, one
    array of the size of the largest sum, and the factors of one piece of the samples.
    """
    sums = _Sums(wiring, workspace)
    for chunk in chunks:
        for where in sums.slices(chunk.n_samples):
            sums.add(_Piece(chunk, weights, where, gauss_newton))
    return sums.assemble()


def neuron_blocks(
    wiring: Wiring,
    weights: Sequence[Array],
    chunks: Iterable[Chunk],
    workspace: Workspace,
    *,
    lagrangian: bool,
) -> list[Array]:
    """Blocks sum_i c_ij z^k z^k' of each unit j with itself.

    The factor c is G^{kk}_jj for the exact Hessian's own blocks, and e h''(a) for the
    Hessian of the Lagrangian ([I] eq. 10), which is 0 in the linear last layer.

    Returns
    -------
    list of ndarray of shape (s_k, p_k + 1, p_k + 1)
    """
    sums = _Sums(wiring, workspace)
    packed = [
        np.zeros((n_half(p + 1), s)) for p, s in zip(wiring.n_inputs, wiring.n_units, strict=True)
    ]
    for chunk in chunks:
        for where in sums.slices(chunk.n_samples):
            piece = _Piece(chunk, weights, where, gauss_newton=False)
            if lagrangian:
                factors = piece.bend
            else:
                piece.run()
                factors = [piece.own_curvature(k) for k in range(len(weights))]
            for k, factor in enumerate(factors):
                packed[k] += sums.squares(k, piece.z[k]) @ factor.T
    return [
        np.moveaxis(half[pairs(p + 1)], -1, 0)
        for half, p in zip(packed, wiring.n_inputs, strict=True)
    ]


class _Piece:
    """Some samples of a chunk: their factors G, from the last layer down."""

    def __init__(self, chunk: Chunk, weights: Sequence[Array], where: slice, gauss_newton: bool):
        self.wiring = chunk.wiring
        self.weights = weights
        # Contiguous rows, where a piece is not the whole chunk: 5 % of all time.
        self.z, self.slope, self.delta, self.bend = (
            [np.ascontiguousarray(array[:, where]) for array in kept]
            for kept in (chunk.z, chunk.slope, chunk.delta, chunk.bend)
        )
        self.loss_hessian = chunk.loss_hessian[..., where]
        self.gauss_newton = gauss_newton
        self.G: dict[tuple[int, int], Array] = {}

    @property
    def last(self) -> int:
        """Index of the last layer."""
        return len(self.weights) - 1

    def run(self) -> None:
        """All G^{kl} with k <= l in full, down to the first layer."""
        self.start()
        for k in range(self.last - 1, -1, -1):
            self.descend(k)
            self.G[k, k] = self.symmetric(k)

    def start(self) -> None:
        """G of the last layer: the Hessian of the loss."""
        top = self.loss_hessian
        if top.ndim == 2:
            diagonal = top
            top = np.zeros((len(diagonal), *diagonal.shape))
            np.einsum("ooi->oi", top)[...] = diagonal
        self.G[self.last, self.last] = top

    def descend(self, k: int) -> None:
        """G^{kl} of layer k with all later layers l."""
        for other in range(self.last, k, -1):
            total: Array | None = None
            for reader, rows in self.wiring.readers[k + 1]:
                matrix = self.weights[reader][rows]
                if reader <= other:
                    part = _contract(matrix, self.G[reader, other])
                else:
                    part = np.matmul(matrix, self.G[other, reader]).swapaxes(0, 1)
                total = part if total is None else total + part
            assert total is not None, "every hidden layer is read by a later one"
            total *= self.slope[k][:, None, :]
            self.G[k, other] = total

    def symmetric(self, k: int) -> Array:
        """G^{kk} of a hidden layer, of shape (s_k, s_k, n)."""
        total: Array | None = None
        for reader, rows in self.wiring.readers[k + 1]:
            part = np.matmul(self.weights[reader][rows], self.G[k, reader])
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None, "every hidden layer is read by a later one"
        total *= self.slope[k]
        if not self.gauss_newton:
            np.einsum("jji->ji", total)[...] += self.bend[k]
        return total

    def symmetric_half(self, k: int, out: Array) -> Array:
        """Upper half of G^{kk}, formed without the lower one; G^{kk} is not kept."""
        if k == self.last or (k, k) in self.G:
            return pack_upper(self.G[k, k], out)
        (reader, rows), *others = self.wiring.readers[k + 1]
        matrix, factor, slope = self.weights[reader][rows], self.G[k, reader], self.slope[k]
        size, width = matrix.shape
        if others or (width > 1 and out.size < 50_000):
            return pack_upper(self.symmetric(k), out)
        if width == 1:  # row j of G is a multiple of one vector
            outgoing, inner = matrix * slope, factor[:, 0]
        start = 0
        for j in range(size):
            stop = start + size - j
            if width == 1:
                np.multiply(outgoing[j], inner[j:], out=out[start:stop])
            else:
                row = np.matmul(matrix[j:], factor[j], out=out[start:stop])
                row *= slope[j:]
            start = stop
        if not self.gauss_newton:
            out[pairs(size).diagonal()] += self.bend[k]
        return out

    def own_curvature(self, k: int) -> Array:
        """Diagonal of G^{kk}: the second derivative in each unit's own offset."""
        return np.einsum("jji->ji", self.G[k, k])

    def input_tangents(self, k: int) -> dict[int, Array]:
        """D x^q / d u^k of the layers q > k, of shape (s_q, s_k, n), where not zero.

        T^q_k = sum over hidden sources t of q of W^q[rows of t]' d x^t / d u^k.
        """
        found: dict[int, Array] = {}
        for q in range(k + 1, self.last):
            total: Array | None = None
            for node, rows in self.wiring.hidden_sources(q):
                matrix = self.weights[q][rows].T
                if node - 1 == k:
                    part = matrix[:, :, None] * self.slope[k]
                elif node - 1 in found:
                    part = _contract(matrix, found[node - 1])
                else:
                    continue
                total = part if total is None else total + part
            if total is not None:
                total *= self.slope[q][:, None, :]
                found[q] = total
        return found


def _contract(matrix: Array, tensor: Array) -> Array:
    """Sum over q of matrix[j, q] tensor[q, r, i]."""
    if matrix.shape[1] == 1:
        return matrix[:, :, None] * tensor
    flat = np.matmul(matrix, tensor.reshape(len(tensor), -1))
    return flat.reshape(len(matrix), *tensor.shape[1:])


class _Sums:
    """The sums over samples that make up the dense matrix.

    ``own[k]`` holds sum_i (z z') G^{kk}, upper halves of both; ``cross[k, l]`` holds
    sum_i (z^k z^l') G^{kl}; ``through[k, l, q]`` the term in which layer l reads layer q.
    """

    def __init__(self, wiring: Wiring, workspace: Workspace):
        self.wiring = wiring
        self.workspace = workspace
        self.rows = [p + 1 for p in wiring.n_inputs]
        self.units = wiring.n_units
        self.n_layers = len(self.units)
        self.found: dict[tuple[object, ...], Array] = {}

    def slices(self, n_samples: int) -> list[slice]:
        """Pieces of a chunk whose factors take no more memory than the Hessian, or little."""
        width = (sum(self.rows) ** 2 + sum(self.units) ** 2) // 2
        entries = 300_000 + self.wiring.n_full**2
        return sample_chunks(n_samples, max(64, entries // width))

    def accumulate(self, key: tuple[object, ...], left: Array, right: Array) -> None:
        """Add left @ right' to the sum of that key."""
        shape = (len(left), len(right))
        if key in self.found:
            # One buffer for the parts of all sums.
            part = self.workspace.array("part", 1, shape[0] * shape[1]).reshape(shape)
            self.found[key] += np.matmul(left, right.T, out=part)
        else:
            total = self.workspace.array(("sum", key), *shape)
            self.found[key] = np.matmul(left, right.T, out=total)

    def squares(self, k: int, z: Array) -> Array:
        """Upper half of z z' per sample."""
        out = self.workspace.array(("squares", k), n_half(len(z)), z.shape[1])
        start = 0
        for j in range(len(z)):
            stop = start + len(z) - j
            np.multiply(z[j], z[j:], out=out[start:stop])
            start = stop
        return out

    def products(self, key: object, left: Array, right: Array) -> Array:
        """All products of a row of left and a row of right, per sample."""
        out = self.workspace.array(key, len(left) * len(right), left.shape[1])
        shaped = out.reshape(len(left), len(right), -1)
        np.multiply(left[:, None], right[None], out=shaped)
        return out

    def add(self, piece: _Piece) -> None:
        """Add the samples of a piece to all sums."""
        piece.start()
        for k in range(self.n_layers - 1, -1, -1):
            if k < piece.last:
                piece.descend(k)
            if 0 < k < piece.last:
                piece.G[k, k] = piece.symmetric(k)
            self._add_own(piece, k)
            for other in range(k + 1, self.n_layers):
                factor = piece.G[k, other]
                both = self.products(("cross", k, other), piece.z[k], piece.z[other])
                self.accumulate(("cross", k, other), both, flat(factor))
            if not piece.gauss_newton and k < piece.last:
                self._add_through(piece, k)

    def _add_own(self, piece: _Piece, k: int) -> None:
        z, size = piece.z[k], self.units[k]
        if size == 1:
            factor = piece.G[k, k] if (k, k) in piece.G else piece.symmetric(k)
            self.accumulate(("own", k), np.multiply(z, factor[0]), z)
            return
        half = self.workspace.array(("half", k), n_half(size), z.shape[1])
        self.accumulate(("own", k), self.squares(k, z), piece.symmetric_half(k, half))

    def _add_through(self, piece: _Piece, k: int) -> None:
        """z^k (delta^l_r d x^q / d u^k_j)' for the sources q >= k of later layers l."""
        tangents = piece.input_tangents(k)
        for other in range(k + 1, self.n_layers):
            for node, _ in self.wiring.hidden_sources(other):
                q = node - 1
                if q == k or q in tangents:
                    tangent = piece.slope[k] if q == k else flat(tangents[q])
                    both = self.products(("through", k, other), piece.z[k], piece.delta[other])
                    self.accumulate(("through", k, other, q), both, tangent)

    def assemble(self) -> Array:
        """The dense symmetric matrix from its sums."""
        H = np.empty((self.wiring.n_full, self.wiring.n_full))
        for k in range(self.n_layers):
            self._write_own(H, k)
            for other in range(k + 1, self.n_layers):
                self._write_cross(H, k, other)
        return H

    def _write_own(self, H: Array, k: int) -> None:
        """Spread both upper halves; blocks (a, b) and (b, a) of a layer are the same."""
        p, s, where = self.rows[k], self.units[k], self.wiring.blocks[k]
        own = self.found["own", k]
        if s == 1:
            H[where, where] = 0.5 * (own + own.T)  # symmetric to the last bit
            return
        block = H[where, where].reshape(p, s, p, s)
        if p * s <= 256:
            block[...] = own.take(spread_pairs(p, s))
            return
        units, start = pairs(s).ravel(), 0
        for a in range(p):
            stop = start + p - a
            spread = self.workspace.array(("spread", k), p, s * s)[: p - a]
            # "clip" (all positions are in range) lets numpy write to out without a copy.
            np.take(own[start:stop], units, axis=1, out=spread, mode="clip")
            shaped = spread.reshape(-1, s, s)
            block[a, :, a:] = shaped.swapaxes(0, 1)
            block[a + 1 :, :, a] = shaped[1:]
            start = stop

    def _write_cross(self, H: Array, k: int, other: int) -> None:
        p, s, p2, s2 = self.rows[k], self.units[k], self.rows[other], self.units[other]
        upper = H[self.wiring.blocks[k], self.wiring.blocks[other]]
        block = upper.reshape(p, s, p2, s2)
        block[...] = self.found["cross", k, other].reshape(p, p2, s, s2).swapaxes(1, 2)
        for node, rows in self.wiring.hidden_sources(other):
            through = self.found.get(("through", k, other, node - 1))
            if through is None:
                continue
            if node - 1 == k:  # d x^k / d u^k is diagonal: rows j of z^l meet units j
                diagonal = np.einsum("ajjr->ajr", block[:, :, rows])
                diagonal += through.reshape(p, s2, s).swapaxes(1, 2)
            else:
                block[:, :, rows, :] += through.reshape(p, s2, -1, s).transpose(0, 3, 2, 1)
        H[self.wiring.blocks[other], self.wiring.blocks[k]] = upper.T
