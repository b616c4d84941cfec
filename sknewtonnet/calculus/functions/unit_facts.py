"""What rows tell of the units of a layer, and of raw predictions: parts of a table add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.calculus.pieces.radial import RadialLayer


@dataclass(frozen=True, eq=False)
class UnitFacts:
    """Values of some units on rows, their pre-activations and the slopes of their activation.

    Parameters
    ----------
    values : Moments
        Of the values x.
    squares : ndarray of shape (n_units,)
        Weighted sums of x^2.
    products : ndarray of shape (n_units, n_units)
        Weighted sums of products of values less their means.
    inner : Line or None
        Of x beside the pre-activations; None where these are not known.
    tail : Line or None
        Of the logarithms of slopes beside the pre-activations.
    sloped : ndarray of bool of shape (n_units,)
        Whether the slope is not zero at any row.
    steepest : ndarray of shape (n_units,)
        The largest magnitude of a slope.
    shares : Shares or None
        What single samples have of the values; None where it is not asked for.
    """

    values: Moments
    squares: Array
    products: Array
    inner: Line | None
    tail: Line | None
    sloped: Bools
    steepest: Array
    shares: Shares | None

    @classmethod
    def of(
        cls,
        values: Array,
        weight: Array,
        inner: Array | None = None,
        slope: Array | None = None,
        shares: Shares | None = None,
    ) -> UnitFacts:
        """Those of some rows, from arrays with a column for each unit."""
        moments, line, tail = Moments.of(values, weight), None, None
        sloped, steepest = np.zeros(values.shape[1], dtype=bool), np.zeros(values.shape[1])
        if inner is not None and slope is not None:
            sloped, steepest = (slope != 0.0).all(axis=0), np.abs(slope).max(axis=0)
            logs = np.log(np.abs(np.where(sloped, slope, 1.0)))
            line, tail = Line.of(values, inner, weight), Line.of(logs, inner, weight)
        centred = values - moments.mean
        return cls(
            moments,
            weight @ values**2,
            (weight[:, None] * centred).T @ centred,
            line,
            tail,
            sloped,
            steepest,
            shares,
        )

    def joined(self, other: UnitFacts) -> UnitFacts:
        """Those of these rows and others."""
        apart = self.values.mean - other.values.mean
        line, tail, shares = self.inner, self.tail, self.shares
        return UnitFacts(
            self.values.joined(other.values),
            self.squares + other.squares,
            self.products
            + other.products
            + _between(self.values, other.values) * np.outer(apart, apart),
            line if line is None or other.inner is None else line.joined(other.inner),
            tail if tail is None or other.tail is None else tail.joined(other.tail),
            self.sloped & other.sloped,
            np.maximum(self.steepest, other.steepest),
            shares if shares is None or other.shares is None else shares.joined(other.shares),
        )

    @property
    def size(self) -> Array:
        """Root mean squares of the values."""
        return np.sqrt(self.squares / self.values.weight)

    @property
    def lengths(self) -> Array:
        """Roots of the sums of squares of values less their means."""
        return self.values.spread * np.sqrt(self.values.weight)


@dataclass(frozen=True, eq=False)
class Line:
    """Columns beside others, from which it follows how they correlate.

    Parameters
    ----------
    left, right : Moments
        Of the columns, and of those beside them.
    shared : ndarray of shape (n_columns,)
        Weighted sums of products of both, less their means.
    """

    left: Moments
    right: Moments
    shared: Array

    @classmethod
    def of(cls, left: Array, right: Array, weight: Array) -> Line:
        """That of some rows."""
        one, other = Moments.of(left, weight), Moments.of(right, weight)
        shared = np.einsum("i,ij,ij->j", weight, left - one.mean, right - other.mean)
        return cls(one, other, shared)

    def joined(self, other: Line) -> Line:
        """That of these rows and others."""
        left, right = self.left.mean - other.left.mean, self.right.mean - other.right.mean
        return Line(
            self.left.joined(other.left),
            self.right.joined(other.right),
            self.shared + other.shared + _between(self.left, other.left) * left * right,
        )

    def correlates(self, nothing: float) -> Bools:
        """Which columns correlate, with either sign, by more than 1 - nothing."""
        lengths = self.left.weight * self.left.spread * self.right.spread
        return np.asarray(np.abs(self.shared) > (1.0 - nothing) * lengths)


@dataclass(frozen=True, eq=False)
class Shares:
    """What the distinct sample with the largest part has of the values of each unit.

    Parameters
    ----------
    largest : tuple of dict
        For each unit the sums of those samples that had the largest in some part of the rows.
    totals : ndarray of shape (n_units,)
        The sums over all samples.
    first : bytes
        One of the samples.
    several : bool
        Whether there are others.
    """

    largest: tuple[dict[bytes, float], ...]
    totals: Array
    first: bytes
    several: bool

    @classmethod
    def of(cls, values: Array, weight: Array, X: Array) -> Shares:
        """Those of some rows of a table X."""
        rows, number = np.unique(X, axis=0, return_inverse=True)
        weighed = weight[:, None] * values
        sums = np.array([np.bincount(number.ravel(), weights=column) for column in weighed.T])
        sums = sums.reshape(values.shape[1], len(rows))
        tops = sums.argmax(axis=1)
        largest = tuple(
            {rows[top].tobytes(): float(own[top])} for top, own in zip(tops, sums, strict=True)
        )
        return cls(largest, sums.sum(axis=1), rows[0].tobytes(), len(rows) > 1)

    def joined(self, other: Shares) -> Shares:
        """Those of these rows and others."""
        largest = []
        for mine, theirs in zip(self.largest, other.largest, strict=True):
            both = {sample: mine.get(sample, 0.0) + theirs.get(sample, 0.0) for sample in theirs}
            largest.append({**mine, **both})
        several = self.several or other.several or self.first != other.first
        return Shares(tuple(largest), self.totals + other.totals, self.first, several)

    def above(self, part: float) -> Bools:
        """Whether one of several samples has more than that part of all."""
        tops = np.array([max(sums.values()) for sums in self.largest])
        return np.asarray(self.several & (tops > part * self.totals))


@dataclass(frozen=True, eq=False)
class RawFacts:
    """Raw predictions of a net on rows, and how far they are from what is left of the targets.

    Parameters
    ----------
    raw : Moments
        Of the raw predictions of the net, without the offset.
    residuals, targets : ndarray of shape (n_outputs,)
        Weighted sums of squares of targets less offset and predictions, and less the offset.
    """

    raw: Moments
    residuals: Array
    targets: Array

    @classmethod
    def of(cls, raw: Array, rows: Rows) -> RawFacts:
        """Those of some rows."""
        left = rows.Y if rows.offset is None else rows.Y - rows.offset
        weight = rows.sample_weight
        return cls(Moments.of(raw, weight), weight @ (raw - left) ** 2, weight @ left**2)

    def joined(self, other: RawFacts) -> RawFacts:
        """Those of these rows and others."""
        return RawFacts(
            self.raw.joined(other.raw),
            self.residuals + other.residuals,
            self.targets + other.targets,
        )

    def unit(self, quadratic: bool) -> float:
        """What matters on the scale of raw predictions: of squared errors a residual, else 1."""
        if not quadratic:
            return 1.0
        rounding = np.finfo(float).eps * np.sqrt(self.targets)  # of a perfect fit
        residual = np.maximum(np.sqrt(self.residuals), rounding) / np.sqrt(self.raw.weight)
        return float(np.sqrt((residual**2).mean())) or 1.0


def facts_of_rows(rows: Rows, network: Network, w: Array) -> tuple[RawFacts, list[UnitFacts]]:
    """Facts of the raw predictions, and of the units of each hidden layer that are there."""
    X, weight = rows.X, rows.sample_weight
    states, inner = network.states(w, X), network.pre_activations(w, X)
    found = []
    for k, layer in enumerate(network.layers[:-1]):
        there = np.flatnonzero(network.exists[k].any(axis=0))
        values = states[k + 1][:, there]
        slope = layer.activation.derivatives(inner[k].T, 1)[1].T[:, there]
        bumps = isinstance(layer, RadialLayer) and layer.has_bumps
        shares = Shares.of(values, weight, X) if bumps else None
        found.append(UnitFacts.of(values, weight, inner[k][:, there], slope, shares))
    return RawFacts.of(states[-1], rows), found


def _between(one: Moments, other: Moments) -> float:
    """The factor of the distance of two means in the sum of products of both parts."""
    return one.weight * other.weight / (one.weight + other.weight)
