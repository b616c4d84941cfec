"""Second derivatives of an objective's loss, as sums over samples of products of factors.

Between linear layers every block is, per sample, a small tensor times z^k z^l', so a block
of the Hessian is the matrix product of two tall factors (doc/mathematics.md 3.1). Where both
factors are symmetric only their upper halves are formed, which makes an exact Hessian cheaper than
the J'J of the Jacobian. With G and u of :mod:`sknewtonnet.calculus.passes.sample_curvature`:

    H[(k,j),(l,r)] = sum_i G^{kl}_{jr} z^k z^l' + [k < l] z^k (delta^l_r d z^l / d u^k_j)'

Gauss-Newton drops the term with delta. For layers that are not linear see :class:`UnitSums`.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.passes.chunk import Chunk, sample_chunks
from sknewtonnet.calculus.passes.graph import Graph
from sknewtonnet.calculus.passes.sample_curvature import SampleCurvature
from sknewtonnet.calculus.passes.shared_samples import (
    cost_of_hessian,
    in_order,
    is_shared,
    product,
    shared_size,
    summed,
)
from sknewtonnet.calculus.passes.workspace import Workspace
from sknewtonnet.calculus.pieces.symmetric import (
    flat,
    n_half,
    pairs,
    spread_pairs,
    symmetric_part,
    upper_products,
)


def dense_hessian(
    graph: Graph,
    weights: Sequence[Array],
    chunks: Sequence[Chunk],
    workspace: Workspace,
    *,
    gauss_newton: bool,
) -> Array:
    """Exact Hessian or Gauss-Newton matrix of the weighted loss.

    Parameters
    ----------
    graph : Graph
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
    cost = cost_of_hessian(graph, sum(chunk.n_samples for chunk in chunks))
    for fast in (True, False):
        sums = _Sums(graph, workspace, fast)
        pieces = sums.pieces(chunks, cost)
        alone = len(pieces) == 1

        def sums_over(
            piece: tuple[Chunk, slice], sums: _Sums = sums, alone: bool = alone
        ) -> _Sums:
            chunk, where = piece
            part = sums if alone else _Sums(graph, workspace, sums.fast, sums.chains)
            part.add(SampleCurvature(chunk, weights, where, gauss_newton, sums.fast))
            return part

        in_order(pieces, sums_over, sums.merge, cost=cost, by_turns=True)
        H = sums.assemble()
        if not sums.lost or sums.lost <= _ACCURACY * max(H.max(), -H.min()):
            break
    return H


def neuron_blocks(
    graph: Graph,
    weights: Sequence[Array],
    chunks: Sequence[Chunk],
    workspace: Workspace,
    *,
    lagrangian: bool,
) -> list[Array]:
    """Blocks sum_i c_ij q_j q_j' + delta_j d2p_j/dtheta dtheta' of each unit j with itself.

    With q = dp/dtheta, which is z in a linear layer, where d2p/dtheta dtheta' is 0. The factor
    c is G^{kk}_jj for the exact Hessian's own blocks, and e h''(a) for the Hessian of the
    Lagrangian ([I] eq. 10), which is 0 in the last layer unless that has an activation.

    Returns
    -------
    list of ndarray of shape (s_k, t_k, t_k)
    """
    sizes = list(zip(graph.n_units, graph.n_rows, strict=True))
    # A third of the multiplications: many short steps gain from threads later.
    cost = sum(chunk.n_samples * s * t**2 for chunk in chunks for s, t in sizes) / 3.0
    for fast in (True, False):

        def blocks_over(piece: tuple[Chunk, slice], fast: bool = fast) -> list[Any]:
            chunk, where = piece
            sums = _Sums(graph, workspace, fast)
            factors = SampleCurvature(chunk, weights, where, gauss_newton=False, fast=fast)
            if lagrangian:
                scales = [*factors.bend, factors.output_bend]
            else:
                factors.run()
                scales = [factors.own_curvature(k) for k in range(len(weights))]
            blocks = [sums.unit_blocks(factors, k, scale) for k, scale in enumerate(scales)]
            return [*blocks, sums.lost]

        pieces = _Sums(graph, workspace, fast).pieces(chunks, cost)
        *found, lost = summed(pieces, blocks_over, cost=cost, by_turns=True)
        if lost <= _ACCURACY * max(float(np.abs(blocks).max(initial=0.0)) for blocks in found):
            break
    return [symmetric_part(blocks) for blocks in found]


# Part of the largest entry that may be lost in the fast form of a layer; else it is made anew
# from exact slopes.
_ACCURACY = 5e-14

# The work array of products of inputs: one at a time, for one matrix product.
_INPUTS = "products of inputs"

# Units up to which a product of twice the size costs less than forming the halves of z z'.
_FEW_UNITS = 16


class _Sums:
    """The sums over samples that make up the dense matrix, of linear layers here.

    Each is the product of two tall matrices with a column per sample (doc/mathematics.md 3.1):

    - ``own[k]`` = sum_i (z z') G^{kk}, upper halves of both;
    - ``cross[k, l]`` = sum_i G^{kl} (z^k z^l')';
    - ``through[k, l, q]`` = sum_i (z^k delta^l') (dx^q/du^k), by which layer l, which reads layer
      q, sees layer k.
    """

    def __init__(
        self,
        graph: Graph,
        workspace: Workspace,
        fast: bool,
        chains: dict[int, Array | None] | None = None,
    ):
        self.graph = graph
        self.workspace = workspace
        self.fast = fast
        # What may be lost of a Hessian entry by rounding of what is subtracted from each other.
        self.lost = 0.0
        self.units = graph.n_units
        self.n_layers = len(self.units)
        self.found: dict[tuple[Any, ...], Array] = {}
        self.unit_sums = UnitSums(graph, workspace)
        # Rows that units share, and of layers linear in functions of their parameters these.
        self.rows: dict[int, int] = {}
        self.chains: dict[int, Array | None] = {} if chains is None else chains
        self.curvature: dict[int, Array] = {}

    def pieces(self, chunks: Sequence[Chunk], cost: float) -> list[tuple[Chunk, slice]]:
        """Pieces of the chunks whose factors take no more memory than the Hessian, or little."""
        graph, rows = self.graph, self.graph.n_rows
        # Numbers per sample: the most products of inputs at a time, upper halves of all G, ...
        first, *others = sorted(rows, reverse=True)
        width = first * max(others, default=first) + sum(self.units) ** 2 // 2
        for k in range(self.n_layers):
            if not graph.linear[k] and not (self.fast and graph.layers[k].sources == (0,)):
                p, s, t = graph.n_inputs[k], self.units[k], rows[k]
                # ... and slopes (s, t + p), mixed curvatures (s, t, p) of layers not linear.
                width += s * (t + p) + (s * t * p if graph.hidden_sources(k) else 0)
        entries = 300_000 + self.graph.n_full**2
        if is_shared(cost):  # threads wait less for each other
            entries = max(entries, 1_000_000)
        size = max(64, entries // width)
        if len(chunks) == 1:  # else their number is even, if there are many samples
            size = shared_size(chunks[0].n_samples, size, cost)
        return [
            (chunk, where) for chunk in chunks for where in sample_chunks(chunk.n_samples, size)
        ]

    def merge(self, part: _Sums) -> None:
        """Add the sums over other samples, if they are others."""
        if part is self:
            return
        self.lost += part.lost
        self.rows |= part.rows
        self._merge("sum", self.found, part.found)
        self._merge("bends", self.curvature, part.curvature)
        self._merge("unit sum", self.unit_sums.found, part.unit_sums.found)

    def _merge(self, what: str, totals: dict[Any, Array], parts: dict[Any, Array]) -> None:
        for key, part in parts.items():
            if key in totals:
                totals[key] += part
            else:  # a part is in a work array of its thread
                total = self.workspace.sums.array((what, key), 1, part.size).reshape(part.shape)
                total[...] = part
                totals[key] = total

    def accumulate(self, key: tuple[object, ...], left: Array, right: Array) -> None:
        """The sum of that key: left @ right'."""
        out = self.workspace.array(("part", key), len(left), len(right))
        self.found[key] = product(left, right.T, out)

    def squares(self, z: Array) -> Array:
        """Upper half of z z' per sample, where other products of inputs were."""
        out = self.workspace.array(_INPUTS, n_half(len(z)), z.shape[1])
        return upper_products(z, z, out)

    def products(self, left: Array, right: Array) -> Array:
        """All products of a row of left and a row of right, per sample, where others were."""
        out = self.workspace.array(_INPUTS, len(left) * len(right), left.shape[1])
        shaped = out.reshape(len(left), len(right), -1)
        np.multiply(left[:, None], right[None], out=shaped)
        return out

    def unit_blocks(self, piece: SampleCurvature, k: int, scale: Array | None) -> Array:
        """Sum of scale q q' and p's own curvature for each unit of a layer, (s, t, t)."""
        layer = piece.layers[k]
        total = layer.curvature(piece.delta[k])
        rows = piece.shared_rows(k)
        if scale is None:
            return total
        if rows is None:  # q differs by unit
            slopes = layer.unit_slopes()
            return total + np.matmul(slopes * scale[:, None], slopes.swapaxes(1, 2))
        if len(scale) <= _FEW_UNITS:
            blocks = np.matmul(rows * scale[:, None], rows.T)
        else:
            # q is z for all units: one product of the halves of z z' with all scales.
            squares = self.squares(rows)
            out = self.workspace.array(("unit squares", k), len(squares), len(scale))
            half = product(squares, scale.T, out)
            blocks = np.moveaxis(half[pairs(len(rows))], -1, 0)
        chain = piece.chain(k)
        if chain is not None:  # q = C z with C = dW/dtheta of each unit
            self._note_lost(chain, blocks)
            blocks = np.matmul(np.matmul(chain, blocks), chain.swapaxes(1, 2))
        return total + blocks

    def _note_lost(self, chain: Array, blocks: Array) -> None:
        """Add to what is lost in C S C': eps |C| |S| |C'| on its diagonal, where it is largest.

        Where centres are far apart, against their widths, C has large entries of both signs.
        """
        sizes = np.abs(chain)
        terms = np.einsum("stu,stu->st", np.matmul(sizes, np.abs(blocks)), sizes)
        self.lost += float(np.finfo(float).eps * terms.max())

    def add(self, piece: SampleCurvature) -> None:
        """Add the samples of a piece to all sums."""
        rows = [piece.shared_rows(k) for k in range(self.n_layers)]
        # From the last layer down, G^{kl} of a layer as soon as it is known.
        piece.start()
        for k in range(self.n_layers - 1, -1, -1):
            if k < piece.last:
                piece.descend(k)
            if 0 < k < piece.last:  # earlier layers need it in full, of layer 0 half is enough
                piece.G[k, k] = piece.symmetric(k)
            own = rows[k]
            if own is None:
                self.unit_sums.add_own(piece, k)
            else:
                self._add_own(piece, k, own)
            if not self.graph.linear[k]:  # delta d2p/dtheta dtheta' (doc/mathematics.md 3.3)
                self._add_curvature(piece, k)
            for other in range(k + 1, self.n_layers):
                other_rows = rows[other]
                if own is None or other_rows is None:
                    self.unit_sums.add_cross(piece, k, other)
                else:
                    self._add_cross(piece, k, other, own, other_rows)

    def _add_curvature(self, piece: SampleCurvature, k: int) -> None:
        if piece.shared_rows(k) is not None and k not in self.chains:  # the same for all pieces
            self.chains[k] = piece.chain(k)
        if not piece.gauss_newton:
            part = piece.layers[k].curvature(piece.delta[k])
            self.curvature[k] = part

    def _add_cross(
        self, piece: SampleCurvature, k: int, other: int, rows: Array, other_rows: Array
    ) -> None:
        # Sum of G^{kl} z^k z^l': (s_k s_l, n) times (n, p_k p_l).
        both = self.products(rows, other_rows)
        self.accumulate(("cross", k, other), flat(piece.G[k, other]), both)
        if not piece.gauss_newton:  # [k < l] z^k (delta^l dz^l/du^k)'
            self._add_through(piece, k, other, rows)

    def _add_own(self, piece: SampleCurvature, k: int, z: Array) -> None:
        size, self.rows[k] = self.units[k], len(z)
        if size == 1:  # a weighted z z': no need for its half
            factor = piece.G[k, k] if (k, k) in piece.G else piece.symmetric(k)
            self.accumulate(("own", k), np.multiply(z, factor[0]), z)
            return
        # (p(p+1)/2, n) times (n, s(s+1)/2): the flops of both symmetries.
        half = self.workspace.array("half", n_half(size), z.shape[1])
        self.accumulate(("own", k), self.squares(z), piece.symmetric_half(k, half))

    def _add_through(self, piece: SampleCurvature, k: int, other: int, rows: Array) -> None:
        """z^k (delta^l_r d x^q / d u^k_j)' for the sources q >= k of a later layer l."""
        tangents = piece.output_tangents(k)
        for node, _ in self.graph.hidden_sources(other):
            q = node - 1
            if q == k or q in tangents:
                tangent = piece.slope[k] if q == k else flat(tangents[q])
                both = self.products(rows, piece.delta[other])
                self.accumulate(("through", k, other, q), both, tangent)

    def assemble(self) -> Array:
        """The dense symmetric matrix from its sums."""
        H = np.empty((self.graph.n_full, self.graph.n_full))
        written = [key[1:] for key in self.found if key[0] == "cross"]
        written += [(k, k) for k in self.rows]
        for k, other in written:
            self._write(H, k, other)
        # Blocks that touch a layer whose units have factors of their own, in all pieces or some.
        self.unit_sums.write(H, written)
        # The curvature of propagations in their parameters, in each unit's own block.
        for k, bends in self.curvature.items():
            s, t, _ = bends.shape
            where = self.graph.blocks[k]
            dense = H[where, where].reshape(t, s, t, s)
            for j, bend in enumerate(symmetric_part(bends)):
                dense[:, j, :, j] += bend
        return H

    def _write(self, H: Array, k: int, other: int) -> None:
        """Write a block and its mirror image, by the chain rule where there is one."""
        columns = self.graph.blocks[other]
        place = H[self.graph.blocks[k], columns]
        chained = any(self.chains.get(layer) is not None for layer in (k, other))
        shape = (self.rows[k] * self.units[k], self.rows[other] * self.units[other])
        target = np.empty(shape) if chained else place
        if k == other:
            self._fill_own(target, k)
            chain = self.chains.get(k)
            if chain is not None:
                shaped = target.reshape(self.rows[k], self.units[k], self.rows[k], -1)
                self._note_lost(chain, np.einsum("ajbj->jab", shaped))
        else:
            self._fill_cross(target, k, other)
        if chained:
            found = self._chained(target, k, other)
            place[...] = symmetric_part(found) if k == other else found
        if k != other:
            H[columns, self.graph.blocks[k]] = place.T

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
        own = self.found["own", k].astype(float, copy=False)  # as it is after merging
        if s == 1:
            target[...] = symmetric_part(own)
            return
        block = target.reshape(p, s, p, s)  # parameters stand by row, units run fastest
        if p * s <= 256:  # the table of positions is as large as the block
            block[...] = own.take(spread_pairs(p, s))
            return
        units, start = pairs(s).ravel(), 0
        for a in range(p):  # rows of z z' one after the other, with their mirror images
            stop = start + p - a
            spread = self.workspace.sums.array(("spread", k), p, s * s)[: p - a]
            # "clip" (all positions are in range) lets numpy write to out without a copy.
            np.take(own[start:stop], units, axis=1, out=spread, mode="clip")
            shaped = spread.reshape(-1, s, s)
            block[a, :, a:] = shaped.swapaxes(0, 1)
            block[a + 1 :, :, a] = shaped[1:]
            start = stop

    def _fill_cross(self, target: Array, k: int, other: int) -> None:
        p, s, p2, s2 = self.rows[k], self.units[k], self.rows[other], self.units[other]
        block = target.reshape(p, s, p2, s2)
        block[...] = self.found["cross", k, other].reshape(s, s2, p, p2).transpose(2, 0, 3, 1)
        # The term with delta: z^k meets those coefficients of layer l that read layer q.
        for node, rows in self.graph.hidden_sources(other):
            through = self.found.get(("through", k, other, node - 1))
            if through is None:
                continue
            if node - 1 == k:  # d x^k / d u^k is diagonal: rows j of z^l meet units j
                diagonal = np.einsum("ajjr->ajr", block[:, :, rows])
                diagonal += through.reshape(p, s2, s).swapaxes(1, 2)
            else:
                block[:, :, rows, :] += through.reshape(p, s2, -1, s).transpose(0, 3, 2, 1)


def assembled_blocks(graph: Graph, blocks: Sequence[Array]) -> Array:
    """Blocks of each unit with itself, at their places in a dense matrix."""
    H = np.zeros((graph.n_full, graph.n_full))
    for where, layer in zip(graph.blocks, blocks, strict=True):
        units, rows, _ = layer.shape
        dense = H[where, where].reshape(rows, units, rows, units)
        for j, block in enumerate(layer):
            dense[:, j, :, j] = block
    return H


class UnitSums:
    """The sums over samples of blocks with a layer whose units have slopes q_j of their own.

        H[(k,j),(l,r)] = sum_i G^{kl}_{jr} q^k_j q^l_r'
                         + [k < l] q^k_j (delta^l_r (d2p^l_r/dtheta dz) dz^l/du^k_j)'

    (doc/mathematics.md 3.3), one matrix product for each unit j with all units r.

    Parameters
    ----------
    graph : Graph
        The graph of the layers.
    workspace : Workspace
        Where work arrays are.
    """

    def __init__(self, graph: Graph, workspace: Workspace):
        self.graph = graph
        self.workspace = workspace
        self.found: dict[tuple[int, int], Array] = {}

    def add_own(self, factors: SampleCurvature, k: int) -> None:
        """Add a layer with itself: of each unit j with the units r >= j."""
        slopes = factors.layers[k].unit_slopes()
        s, t, c = slopes.shape
        total = self._sum(k, k)
        G = factors.G[k, k] if (k, k) in factors.G else factors.symmetric(k)
        for j, own in enumerate(slopes):  # G^{kk} is symmetric: units r >= j
            others = np.multiply(G[j, j:, None], slopes[j:], out=self._array((s - j, t, c)))
            total[j, :, j * t :] += own @ others.reshape(-1, c).T

    def add_cross(self, factors: SampleCurvature, k: int, other: int) -> None:
        """Add layer k with a later one."""
        slopes, total = factors.layers[k].unit_slopes(), self._sum(k, other)
        far, G = factors.layers[other].unit_slopes(), factors.G[k, other]
        tangent = None if factors.gauss_newton else factors.input_tangent(other, k)
        linear, delta = self.graph.linear[other], factors.delta[other]
        if tangent is not None and not linear:
            mixed = factors.mixed_curvature(other)
        for j, own in enumerate(slopes):
            others = self._array(far.shape)  # all that q^k_j is multiplied with, of all units r
            np.multiply(G[j, :, None], far, out=others)
            if tangent is not None and linear:  # coefficients meet their own inputs
                others[:, :-1] += delta[:, None] * tangent[:, j]
            elif tangent is not None:
                others += np.einsum("rtpi,pi->rti", mixed, tangent[:, j])
            total[j] += own @ others.reshape(-1, own.shape[1]).T

    def write(self, H: Array, written: Container[tuple[int, int]]) -> None:
        """Write all blocks to the dense matrix, or add them to those that have been written."""
        for (k, other), total in self.found.items():
            s, t, s2, t2 = self._shape(k, other)
            blocks = total.reshape(s, t, s2, t2)
            if k == other:
                for j in range(s):
                    own = blocks[j, :, j]
                    own[...] = symmetric_part(own)
                    blocks[j + 1 :, :, j] = blocks[j, :, j + 1 :].transpose(1, 2, 0)
            rows, columns = self.graph.blocks[k], self.graph.blocks[other]
            upper = H[rows, columns].reshape(t, s, t2, s2)
            if (k, other) in written:
                upper += blocks.transpose(1, 0, 3, 2)
            else:
                upper[...] = blocks.transpose(1, 0, 3, 2)
            if k != other:
                H[columns, rows] = H[rows, columns].T

    def _shape(self, k: int, other: int) -> tuple[int, int, int, int]:
        units, rows = self.graph.n_units, self.graph.n_rows
        return units[k], rows[k], units[other], rows[other]

    def _sum(self, k: int, other: int) -> Array:
        if (k, other) not in self.found:
            s, t, s2, t2 = self._shape(k, other)
            total = self.workspace.array(("units", k, other), s, t * s2 * t2)
            total[...] = 0.0
            self.found[k, other] = total.reshape(s, t, s2 * t2)
        return self.found[k, other]

    def _array(self, shape: tuple[int, ...]) -> Array:
        return self.workspace.array("others", shape[0] * shape[1], shape[2]).reshape(shape)
