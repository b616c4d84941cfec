"""Derivatives of any order of a function of a function, by Faa di Bruno's formula."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from sknewtonnet._typing import Array


def set_partitions(n: int, sizes: Collection[int]) -> Iterator[list[tuple[int, ...]]]:
    """Partitions of the set 0, .., n - 1 into blocks of these sizes.

    Parameters
    ----------
    n : int
        Size of the set.
    sizes : collection of int
        Sizes that blocks may have.

    Yields
    ------
    list of tuple of int
        Blocks, each with its elements in increasing order.

    Examples
    --------
    >>> from sknewtonnet.calculus.pieces.composition import set_partitions
    >>> list(set_partitions(3, (1, 2)))
    [[(0,), (1,), (2,)], [(0, 2), (1,)], [(0,), (1, 2)], [(0, 1), (2,)]]
    """
    found: list[list[tuple[int, ...]]] = [[]]
    largest = max(sizes)
    for element in range(n):
        grown = []
        for blocks in found:
            grown.append([*blocks, (element,)])
            grown += [
                [*blocks[:k], (*block, element), *blocks[k + 1 :]]
                for k, block in enumerate(blocks)
                if len(block) < largest
            ]
        found = grown
    for blocks in sorted(found, key=lambda blocks: -len(blocks)):
        if all(len(block) in sizes for block in blocks):
            yield blocks


def composed(outer: Sequence[Array], inner: Sequence[Array | None], order: int) -> Array:
    """Derivatives of order p of sum_i h(q_i(theta)), summed over the partitions of p axes.

        sum over partitions of {1, .., p} into m blocks B:  h^(m)(q) prod_B D^|B| q

    Parameters
    ----------
    outer : sequence of ndarray of shape (s, c)
        h^(m)(q) for m = 0, .., p, for each of s functions and c samples; may have factors.
    inner : sequence of ndarray or None
        D^n q for n = 0, .., p, of shape (s, t, .., t, c) with n axes of t parameters; None where
        it is 0. The first axis is 1 where it is the same for all functions.
    order : int
        p, at least 1.

    Returns
    -------
    ndarray of shape (s, t, .., t)
        With p axes of parameters.
    """
    parts = {n: part for n, part in enumerate(inner) if part is not None and 1 <= n <= order}
    n_units, t = len(outer[0]), next(iter(parts.values())).shape[1]
    total = np.zeros((n_units, *[t] * order))
    for blocks in set_partitions(order, list(parts)):
        product: Array | None = None
        for block in blocks:
            part = parts[len(block)]
            flat = part.reshape(len(part), -1, part.shape[-1])
            if product is None:
                product = flat
            else:  # all products of their entries, sample by sample
                product = product[:, :, None] * flat[:, None]
                product = product.reshape(len(product), -1, part.shape[-1])
        assert product is not None, "an order of at least 1 has a block"
        weight = outer[len(blocks)]
        if len(product) == 1:
            summed = weight @ product[0].T
        else:
            summed = np.matmul(product, weight[:, :, None])[:, :, 0]
        axes = np.argsort([axis for block in blocks for axis in block])
        total += summed.reshape(total.shape).transpose(0, *(1 + axes))
    return total
