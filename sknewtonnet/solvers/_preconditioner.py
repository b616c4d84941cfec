"""Metrics of trust regions from the blocks of units: conjugate gradients take fewer steps there.

In coordinates v with s = R v and R R' = M^-1, conjugate gradients on R'HR are those on H with the
preconditioner M, and a ball |v| <= radius is the ellipsoid s'Ms <= radius^2: Conn, Gould and Toint
(2000), 5.1.6 and 7.4. Here

    M = I + |B| / shift,   shift = 10 |g| / radius

with B the blocks of second derivatives of each unit with itself, and |B| the matrix with the
absolute values of its eigenvalues, so that M is definite wherever f is concave. It is at least I:
the ellipsoid lies in the ball of that radius, and is shorter than the ball where f bends a lot.
Far from a minimum M is near I, so that the ball may be trusted; towards one the shift goes to 0,
and M to a multiple of |B|.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.calculus.pieces.function import PRODUCT_KINDS
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.solvers._run import Run

PRECONDITIONERS = ("none", "block")

# Blocks with their eigenvalues cost as much as some 20 products for units of fifty parameters,
# and as many as they have parameters for larger ones: they are kept for so many products.
_KEPT_FOR = 100

# Of |g| / radius. With 1 in its place steps were too long where a unit hardly bends, and runs on
# two hidden layers took twice the products; with 100 the blocks gained less.
_SHIFT = 10.0


@dataclass(frozen=True)
class Metric:
    """The change of coordinates s = R v, with R symmetric.

    Parameters
    ----------
    places : list of ndarray of int of shape (s_k, t_k)
        Where the parameters of each block are; -1 where there is none.
    roots : list of ndarray of shape (s_k, t_k, t_k)
        The blocks of R; what is in no block stays as it is.
    """

    places: Sequence[Ints]
    roots: Sequence[Array]

    def apply(self, x: Array) -> Array:
        """Return R x: s of a v, or R'g, the gradient in v, of a gradient g in s."""
        found = np.append(x, 0.0)
        padded = np.append(x, 0.0)  # place -1 holds a zero
        for places, root in zip(self.places, self.roots, strict=True):
            found[places] = np.matmul(root, padded[places][:, :, None])[:, :, 0]
        return found[:-1]


class BlockPreconditioner:
    """Eigenvalues of the blocks at a point, and the metric they make for any shift.

    Parameters
    ----------
    function : SmoothFunction
        A function with blocks.
    w : ndarray of shape (n_parameters,)
        The point.

    Raises
    ------
    MemoryError
        If blocks and eigenvectors, four numbers for each entry, would not fit the memory.
    """

    def __init__(self, function: SmoothFunction, w: Array):
        self.places = block_positions(function)
        sizes = [places.shape[0] * places.shape[1] ** 2 for places in self.places]
        what = f"a preconditioner of {sum(sizes)} entries, with its work arrays,"
        check_memory(what, 32.0 * sum(sizes), "preconditioner='none' needs no matrix")
        blocks = function.hessian_blocks(w)
        pairs = [np.linalg.eigh(block) for block in blocks]
        self._values = [np.abs(values) for values, _ in pairs]
        self._vectors = [vectors for _, vectors in pairs]

    def metric(self, shift: float) -> Metric:
        """The coordinates of M = I + |B| / shift."""
        roots = []
        for values, vectors in zip(self._values, self._vectors, strict=True):
            scales = np.sqrt(shift / (shift + values))
            roots.append(np.matmul(vectors * scales[:, None, :], vectors.swapaxes(1, 2)))
        return Metric(self.places, roots)


class LaggedPreconditioner:
    """The preconditioner of a run, which is kept for some products.

    Parameters
    ----------
    run : Run
        The run; ``run.events["preconditioners"]`` counts how often blocks are worked out.
    """

    def __init__(self, run: Run):
        self.run = run
        self._blocks: BlockPreconditioner | None = None
        self._made = 0
        sizes = [places.size for places in block_positions(run.function)]
        widths = [places.shape[1] for places in block_positions(run.function)]
        # The size of the block of a mean parameter.
        width = float(np.average(widths, weights=sizes))
        self._kept_for = max(_KEPT_FOR, width)

    @property
    def is_old(self) -> bool:
        """Whether it has been kept for long enough."""
        return self._blocks is None or self._products - self._made >= self._kept_for

    @property
    def _products(self) -> int:
        return self.run.function.calls["hessian_product"]

    def metric(self, radius: float) -> Metric:
        """The metric at the current point of the run, for a trust region of that radius."""
        run = self.run
        if self.is_old or self._blocks is None:
            self._blocks = BlockPreconditioner(run.function, run.params)
            self._made = self._products
            run.events["preconditioners"] += 1
        tiny = float(np.finfo(float).tiny)
        shift = _SHIFT * float(np.linalg.norm(run.gradient)) / radius
        return self._blocks.metric(max(shift, tiny))


def block_positions(function: SmoothFunction) -> list[Ints]:
    """Where the blocks of a function are, which :func:`check_blocks` has made sure of."""
    found = function.block_positions()
    assert found is not None
    return found


def check_blocks(name: str, preconditioner: str, function: SmoothFunction) -> None:
    """Raise a TypeError if a function lacks the blocks that are asked for.

    Parameters
    ----------
    name : str
        Of the class of the solver.
    preconditioner : str
        One of ``PRECONDITIONERS``.
    function : SmoothFunction
        The function.
    """
    if preconditioner == "none" or function.block_positions() is not None:
        return
    raise TypeError(
        f"preconditioner={preconditioner!r} of {name} needs blocks of second derivatives that "
        f"share no parameters, and {type(function).__name__} has none here (block_positions() "
        "is None): use preconditioner='none'."
    )


def check_products(name: str, preconditioner: str, hessian: str) -> None:
    """Raise a ValueError for a preconditioner of a Hessian that is formed."""
    if preconditioner != "none" and hessian not in PRODUCT_KINDS:
        raise ValueError(
            f"preconditioner={preconditioner!r} of {name} has no effect on hessian={hessian!r}, "
            f"of which there are no products; use one of {list(PRODUCT_KINDS)}."
        )
