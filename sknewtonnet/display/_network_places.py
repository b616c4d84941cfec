"""Where the units of a net stand in its picture, and the lines between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.display._network_edges import CONSTANT

# Places left free between two nodes of a column, for the words below the upper one.
_BETWEEN = 2
# A short column may be spread so many times as wide as the longest one.
_SPREAD = 2.5
# How far curves round a column are apart.
_CLEAR = 1.0
# Points of a curve that goes round the columns between.
_POINTS = 30


@dataclass(frozen=True, eq=False)
class Places:
    """Places of units in the unit of the longest column.

    Parameters
    ----------
    columns : ndarray of int of shape (n_nodes,)
        Column of each node: one behind those that it reads.
    shown : list of ndarray of bool
        For each node, which of its units are drawn.
    heights : list of ndarray
        For each node, the height of each unit, NaN where it is not drawn.
    spacing : ndarray of shape (n_columns,)
        Distance of the units of each column.
    top : float
        Half the height of the tallest column.
    reach : float
        Half the height of all lines between units.
    """

    columns: Ints
    shown: list[Bools]
    heights: list[Array]
    spacing: Array
    top: float
    reach: float

    @classmethod
    def of(
        cls, sizes: Sequence[int], sources: Ints, targets: Ints, strength: Array, most: int
    ) -> Places:
        """Columns by what nodes read, and in each the units with the strongest edges.

        Parameters
        ----------
        sizes : sequence of int
            Units of each node.
        sources, targets : ndarray of int of shape (n_edges, 2)
            Node and unit of the ends of each edge.
        strength : ndarray of shape (n_edges,)
            By which units are chosen, where they are too many.
        most : int
            How many units of a node are drawn.
        """
        of_constant = sources[:, 0] == CONSTANT
        columns = np.zeros(len(sizes), dtype=int)
        for node in range(1, len(sizes)):
            reads = sources[(targets[:, 0] == node) & ~of_constant, 0]
            columns[node] = 1 + (columns[reads].max() if len(reads) else 0)
        columns[-1] = max(columns.max(), 1)
        shown = []
        for node, size in enumerate(sizes):
            total = np.zeros(size)
            for ends in (sources, targets):
                own = ends[:, 0] == node
                np.add.at(total, ends[own, 1], strength[own])
            chosen = np.zeros(size, dtype=bool)
            chosen[np.argsort(-total, kind="stable")[:most]] = True
            shown.append(chosen)
        # Nodes that share a column stand apart by the place of some units.
        room = [int(own.sum()) + _BETWEEN for own in shown]
        counts = np.bincount(columns, room, minlength=columns.max() + 1) - _BETWEEN
        spacing = np.minimum(counts.max() / np.maximum(counts, 1), _SPREAD)
        heights, taken = [], np.zeros(len(counts))
        for node, own in enumerate(shown):
            column = columns[node]
            places = np.full(len(own), np.nan)
            order = taken[column] + np.arange(own.sum())
            places[own] = spacing[column] * ((counts[column] - 1) / 2.0 - order)
            taken[column] += own.sum() + _BETWEEN
            heights.append(places)
        top = max(float(max(spacing * (counts - 1) / 2.0)), 1.0)
        skips = columns[targets[:, 0]] - np.where(of_constant, np.inf, columns[sources[:, 0]]) > 1
        reach = top + (_CLEAR + 0.9 if skips.any() else 0.6)
        return cls(columns, shown, heights, spacing, top, reach)

    def has(self, ends: Ints) -> Bools:
        """Whether each of some units is drawn; constants are."""
        return np.array(
            [node == CONSTANT or self.shown[node][unit] for node, unit in ends], dtype=bool
        )

    def constant_above(self, node: int) -> tuple[float, float]:
        """Where the constant stands whose edges end in a node."""
        column = self.columns[node]
        return column - 0.5, self.reach + 0.6

    def line(self, source: Ints, target: Ints) -> Array:
        """From one unit to another, of shape (n_points, 2); past other columns in a curve."""
        end = np.array([self.columns[target[0]], self.heights[target[0]][target[1]]])
        if source[0] == CONSTANT:
            return np.array([self.constant_above(target[0]), end])
        start = np.array([self.columns[source[0]], self.heights[source[0]][source[1]]])
        if end[0] - start[0] <= 1:
            return np.array([start, end])
        # A cubic curve has three quarters of the height of its two inner points.
        up = 1.0 if start[1] + end[1] >= 0 else -1.0
        clear = up * (self.top + 0.6 + _CLEAR * abs(start[1]) / self.top)
        height = (clear - (start[1] + end[1]) / 8.0) / 0.75
        step = (end[0] - start[0]) / 3.0
        corners = np.array([start, [start[0] + step, height], [end[0] - step, height], end])
        t = np.linspace(0.0, 1.0, _POINTS)[:, None]
        weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
        return np.asarray(sum(w * corner for w, corner in zip(weights, corners, strict=True)))
