"""Second derivatives of an objective's loss, as sums over samples of products of factors.

Between linear layers every block is, per sample, a small tensor times z^k z^l', so a block
of the Hessian is the matrix product of two tall factors (MATHEMATICS 3.1). Where both factors
are symmetric only their upper halves are formed, which makes an exact Hessian cheaper than
the J'J of the Jacobian. With G and u of :mod:`sknewtonnet.calculus._factors`:

    H[(k,j),(l,r)] = sum_i G^{kl}_{jr} z^k z^l' + [k < l] z^k (delta^l_r d z^l / d u^k_j)'

Gauss-Newton drops the term with delta. All other layers are the matter of
:mod:`sknewtonnet.calculus._unit_sums`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus._arrays import Workspace, flat, n_half, pairs, spread_pairs
from sknewtonnet.calculus._chunk import Chunk
from sknewtonnet.calculus._factors import Factors
from sknewtonnet.calculus._unit_sums import UnitSums
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
    weights : list of ndarray of shape (t_k, s_k)
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
            sums.add(Factors(chunk, weights, where, gauss_newton))
    return sums.assemble()


def neuron_blocks(
    wiring: Wiring,
    weights: Sequence[Array],
    chunks: Iterable[Chunk],
    workspace: Workspace,
    *,
    lagrangian: bool,
) -> list[Array]:
    """Blocks sum_i c_ij q_j q_j' + delta_j d2p_j/dtheta dtheta' of each unit j with itself.

    With q = dp/dtheta, which is z in a linear layer, where d2p/dtheta dtheta' is 0. The factor
    c is G^{kk}_jj for the exact Hessian's own blocks, and e h''(a) for the Hessian of the
    Lagrangian ([I] eq. 10), which is 0 in the last layer.

    Returns
    -------
    list of ndarray of shape (s_k, t_k, t_k)
    """
    sums = _Sums(wiring, workspace)
    found: dict[int, Array] = {}
    for chunk in chunks:
        for where in sums.slices(chunk.n_samples):
            factors = Factors(chunk, weights, where, gauss_newton=False)
            if lagrangian:
                scales = [*factors.bend, None]  # the last activation is the identity
            else:
                factors.run()
                scales = [factors.own_curvature(k) for k in range(len(weights))]
            for k, scale in enumerate(scales):
                part = sums.unit_blocks(factors, k, scale)
                found[k] = found[k] + part if k in found else part
    return [found[k] for k in range(len(weights))]


class _Sums:
    """The sums over samples that make up the dense matrix, of linear layers here.

    ``own[k]`` holds sum_i (z z') G^{kk}, upper halves of both; ``cross[k, l]`` holds
    sum_i (z^k z^l') G^{kl}; ``through[k, l, q]`` the term in which layer l reads layer q.
    """

    def __init__(self, wiring: Wiring, workspace: Workspace):
        self.wiring = wiring
        self.workspace = workspace
        self.units = wiring.n_units
        self.n_layers = len(self.units)
        self.found: dict[tuple[object, ...], Array] = {}
        self.unit_sums = UnitSums(wiring, workspace)
        # Rows that units share, and of layers linear in functions of their parameters these.
        self.rows: dict[int, int] = {}
        self.chains: dict[int, Array | None] = {}
        self.curvature: dict[int, Array] = {}

    def slices(self, n_samples: int) -> list[slice]:
        """Pieces of a chunk whose factors take no more memory than the Hessian, or little."""
        wiring, rows = self.wiring, self.wiring.n_rows
        width = (sum(rows) ** 2 + sum(self.units) ** 2) // 2
        for k in range(self.n_layers):
            if not wiring.linear[k] and wiring.layers[k].sources != (0,):
                p, s, t = wiring.n_inputs[k], self.units[k], rows[k]
                width += s * (t + p) + (s * t * p if wiring.hidden_sources(k) else 0)
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

    def unit_blocks(self, piece: Factors, k: int, scale: Array | None) -> Array:
        """Sum of scale q q' and p's own curvature for each unit of a layer, (s, t, t)."""
        local = piece.local[k]
        total = local.curvature(piece.delta[k])
        rows = piece.shared_rows(k)
        if scale is None:
            return total
        if rows is None:
            slopes = local.unit_slopes()
            return total + np.matmul(slopes * scale[:, None], slopes.swapaxes(1, 2))
        half = self.squares(k, rows) @ scale.T
        blocks = np.moveaxis(half[pairs(len(rows))], -1, 0)
        chain = piece.chain(k)
        if chain is not None:
            blocks = np.matmul(np.matmul(chain, blocks), chain.swapaxes(1, 2))
        return total + blocks

    def add(self, piece: Factors) -> None:
        """Add the samples of a piece to all sums."""
        rows = [piece.shared_rows(k) for k in range(self.n_layers)]
        piece.start()
        for k in range(self.n_layers - 1, -1, -1):
            if k < piece.last:
                piece.descend(k)
            if 0 < k < piece.last:
                piece.G[k, k] = piece.symmetric(k)
            own = rows[k]
            if own is None:
                self.unit_sums.add_own(piece, k)
            else:
                self._add_own(piece, k, own)
            if not self.wiring.linear[k]:
                self._add_curvature(piece, k)
            for other in range(k + 1, self.n_layers):
                other_rows = rows[other]
                if own is None or other_rows is None:
                    self.unit_sums.add_cross(piece, k, other)
                else:
                    self._add_cross(piece, k, other, own, other_rows)

    def _add_curvature(self, piece: Factors, k: int) -> None:
        if piece.shared_rows(k) is not None and k not in self.chains:
            self.chains[k] = piece.chain(k)
        if not piece.gauss_newton:
            part = piece.local[k].curvature(piece.delta[k])
            self.curvature[k] = self.curvature[k] + part if k in self.curvature else part

    def _add_cross(
        self, piece: Factors, k: int, other: int, rows: Array, other_rows: Array
    ) -> None:
        factor = piece.G[k, other]
        both = self.products(("cross", k, other), rows, other_rows)
        self.accumulate(("cross", k, other), both, flat(factor))
        if not piece.gauss_newton:
            self._add_through(piece, k, other, rows)

    def _add_own(self, piece: Factors, k: int, z: Array) -> None:
        size, self.rows[k] = self.units[k], len(z)
        if size == 1:
            factor = piece.G[k, k] if (k, k) in piece.G else piece.symmetric(k)
            self.accumulate(("own", k), np.multiply(z, factor[0]), z)
            return
        half = self.workspace.array(("half", k), n_half(size), z.shape[1])
        self.accumulate(("own", k), self.squares(k, z), piece.symmetric_half(k, half))

    def _add_through(self, piece: Factors, k: int, other: int, rows: Array) -> None:
        """z^k (delta^l_r d x^q / d u^k_j)' for the sources q >= k of a later layer l."""
        tangents = piece.output_tangents(k)
        for node, _ in self.wiring.hidden_sources(other):
            q = node - 1
            if q == k or q in tangents:
                tangent = piece.slope[k] if q == k else flat(tangents[q])
                both = self.products(("through", k, other), rows, piece.delta[other])
                self.accumulate(("through", k, other, q), both, tangent)

    def assemble(self) -> Array:
        """The dense symmetric matrix from its sums."""
        H = np.empty((self.wiring.n_full, self.wiring.n_full))
        self.unit_sums.write(H)
        shared = sorted(self.rows)
        for k in shared:
            for other in shared:
                if other >= k:
                    self._write(H, k, other)
        for k, bends in self.curvature.items():
            s, t, _ = bends.shape
            where = self.wiring.blocks[k]
            dense = H[where, where].reshape(t, s, t, s)
            for j, bend in enumerate(bends):
                dense[:, j, :, j] += 0.5 * (bend + bend.T)
        return H

    def _write(self, H: Array, k: int, other: int) -> None:
        """Write a block and its mirror image, by the chain rule where there is one."""
        columns = self.wiring.blocks[other]
        place = H[self.wiring.blocks[k], columns]
        chained = any(self.chains.get(layer) is not None for layer in (k, other))
        shape = (self.rows[k] * self.units[k], self.rows[other] * self.units[other])
        target = np.empty(shape) if chained else place
        if k == other:
            self._fill_own(target, k)
        else:
            self._fill_cross(target, k, other)
        if chained:
            found = self._chained(target, k, other)
            place[...] = 0.5 * (found + found.T) if k == other else found
        if k != other:
            H[columns, self.wiring.blocks[k]] = place.T

    def _chained(self, target: Array, k: int, other: int) -> Array:
        """A block in parameters, from one in the coefficients that are functions of them."""
        for layer in (k, other):  # rows first; then, transposed, columns
            chain, s = self.chains.get(layer), self.units[layer]
            if chain is not None:
                by_unit = target.reshape(-1, s, target.shape[1]).swapaxes(0, 1)
                target = np.matmul(chain, by_unit).swapaxes(0, 1).reshape(-1, target.shape[1])
            target = target.T
        return target

    def _fill_own(self, target: Array, k: int) -> None:
        """Spread both upper halves; blocks (a, b) and (b, a) of a layer are the same."""
        p, s = self.rows[k], self.units[k]
        own = self.found["own", k]
        if s == 1:
            target[...] = 0.5 * (own + own.T)  # symmetric to the last bit
            return
        block = target.reshape(p, s, p, s)
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

    def _fill_cross(self, target: Array, k: int, other: int) -> None:
        p, s, p2, s2 = self.rows[k], self.units[k], self.rows[other], self.units[other]
        block = target.reshape(p, s, p2, s2)
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


def assembled_blocks(wiring: Wiring, blocks: Sequence[Array]) -> Array:
    """Blocks of each unit with itself, at their places in a dense matrix."""
    H = np.zeros((wiring.n_full, wiring.n_full))
    for where, layer in zip(wiring.blocks, blocks, strict=True):
        units, rows, _ = layer.shape
        dense = H[where, where].reshape(rows, units, rows, units)
        for j, block in enumerate(layer):
            dense[:, j, :, j] = block
    return H
