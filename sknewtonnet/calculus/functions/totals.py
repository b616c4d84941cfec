"""Sums of what blocks answer, added in an order that hangs on nothing but their number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.function import may_overflow

# Sums over the rows of a block, in arrays of any shape.
Sums = list[Array]

# So many neighbours are added, then so many of their sums, and so on: a tree whose branches may
# be on several machines, and whose rounding errors grow with its height alone.
FAN = 8


@may_overflow
def added(total: Sums, more: Sums) -> Sums:
    """Sums with those of further rows, in place."""
    for part, other in zip(total, more, strict=True):
        part += other
    return total


def branch(answers: Iterable[Sums | None]) -> Sums | None:
    """The sum of some answers, which stay as they are; None where all are None."""
    total: Sums | None = None
    for found in answers:
        if found is not None:
            total = [np.array(part) for part in found] if total is None else added(total, found)
    return total


def tree_total(answers: Iterable[Sums | None]) -> Sums | None:
    """The sum of all answers, as they come, :data:`FAN` by :data:`FAN`.

    Answers of blocks without rows are None. Of each height of the tree one sum is in memory.
    """
    totals: list[Sums | None] = []
    counts: list[int] = []
    for answer in answers:
        found, height = answer, 0
        while True:
            if height == len(totals):
                totals.append(None)
                counts.append(0)
            totals[height] = _more(totals[height], found)
            counts[height] += 1
            if counts[height] < FAN:
                break
            found, totals[height], counts[height] = totals[height], None, 0
            height += 1
    total: Sums | None = None
    for found in totals:
        total = _more(found, total)
    return total


def _more(total: Sums | None, found: Sums | None) -> Sums | None:
    if total is None or found is None:
        return found if total is None else total
    # What comes from other processes may be read-only.
    return added([np.require(part, requirements="W") for part in total], found)
