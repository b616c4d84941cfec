"""Standardised columns: in which units a net takes them, and what its parameters are there.

    z_j = (x_j - m_j) / s_j,        t_o = (y_o - c_o) / d_o

with the weighted means m, c and standard deviations s, d of the columns. The target is
standardised only under losses of differences, such as the squared error. Columns that are read
through one parameter have the mean and the standard deviation of all their values together, so
that units may be changed and ties stay ties; those that one parameter ties to what has no unit, as
a weight between hidden units, are taken as they come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.block_source import Rows
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.rescaling import column_groups, rescaling
from sknewtonnet.calculus.functions.subspace import MappedObjective
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.calculus.pieces.moments import Moments, joined_lists

# A column whose spread is at the rounding of its mean is constant: it is centred, not scaled.
_ROUNDING = 32.0 * np.finfo(float).eps

# Numbers of a row from which on it does not matter that numpy starts anew with each row.
_LONG_ROW = 512


@dataclass(frozen=True, eq=False)
class Units:
    """Means and standard deviations of the columns of a table and its target.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_features,)
        Means m and standard deviations s of the inputs; s is 1 for a constant column.
    out_shift, out_scale : ndarray of shape (n_outputs,)
        Those of the target; 0 and 1 where it keeps its units.
    """

    shift: Array
    scale: Array
    out_shift: Array
    out_scale: Array

    @classmethod
    def of(
        cls, X: Array, Y: Array, weight: Array, of_target: bool, network: Network | None = None
    ) -> Units:
        """Units of a table and its target, each row counted by its weight, for the ties of a net.

        Without a net each column has units of its own.
        """
        return cls.of_moments(Moments.of(X, weight), Moments.of(Y, weight), of_target, network)

    @classmethod
    def of_moments(
        cls, X: Moments, Y: Moments, of_target: bool, network: Network | None = None
    ) -> Units:
        """The same from the moments of the columns, which tables too large for memory have too."""
        inputs = outputs = None
        if network is not None and network.layout.has_ties:
            inputs, outputs = column_groups(network)
        shift, scale = _pooled_moments(X, inputs)
        if of_target:
            return cls(shift, scale, *_pooled_moments(Y, outputs))
        n_outputs = len(Y.mean)
        return cls(shift, scale, np.zeros(n_outputs), np.ones(n_outputs))

    @property
    def uncentred(self) -> Units:
        """The same scales without the shifts, for a net that lacks intercepts."""
        return Units(
            np.zeros_like(self.shift), self.scale, np.zeros_like(self.out_shift), self.out_scale
        )

    @property
    def reversed(self) -> Units:
        """Those that lead back: of standardised columns, in units of the columns as they are."""
        return Units(
            -self.shift / self.scale,
            1.0 / self.scale,
            -self.out_shift / self.out_scale,
            1.0 / self.out_scale,
        )

    def inputs(self, X: Array) -> Array:
        """Standardised inputs."""
        return standardised(X, self.shift, self.scale)

    def targets(self, Y: Array) -> Array:
        """Standardised targets."""
        return (Y - self.out_shift) / self.out_scale


def standardised(X: Array, shift: Array, scale: Array, out: Array | None = None) -> Array:
    """(X - shift) / scale, where columns are few several rows at a time.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        The columns.
    shift, scale : ndarray of shape (n_columns,)
        What is taken off, and what is divided by.
    out : ndarray of the shape of X, or None
        Where to write; it may be X.

    Returns
    -------
    ndarray of the shape of X
        With the same bits whatever the number of rows at a time.

    Notes
    -----
    numpy goes along rows one by one, and starts anew for each: with five columns that takes three
    times as long as rows of some hundred numbers.
    """
    found = np.empty_like(X) if out is None else out
    at_a_time = _LONG_ROW // max(1, X.shape[1])
    whole = len(X) - len(X) % at_a_time if at_a_time > 1 else 0
    if whole and X.flags.c_contiguous and found.flags.c_contiguous:
        long = (whole // at_a_time, at_a_time * X.shape[1])
        target = found[:whole].reshape(long)
        np.subtract(X[:whole].reshape(long), np.tile(shift, at_a_time), out=target)
        target /= np.tile(scale, at_a_time)
    else:
        whole = 0
    np.subtract(X[whole:], shift, out=found[whole:])
    found[whole:] /= scale
    return found


def in_units(network: Network, units: Units) -> tuple[Units, Network, AffineMap]:
    """A net of standardised columns as one of the columns as they are.

    Columns are not centred if the net lacks an intercept that this needs, and inputs are
    taken as they come by layers that have no :meth:`~sknewtonnet.calculus.Layer.rescaled`. The
    same goes for ties that centring, or scaling, would tear.

    Parameters
    ----------
    network : Network
        The net of standardised columns.
    units : Units
        Those of the columns.

    Returns
    -------
    units : Units
        Those that the net can take.
    network : Network
        The net of the columns as they are.
    map : AffineMap
        From the parameters of the first net to those of the second.
    """
    zeros, ones = np.zeros_like(units.shift), np.ones_like(units.scale)
    as_they_come = Units(zeros, ones, units.out_shift, units.out_scale)
    nothing = Units(zeros, ones, 0.0 * units.out_shift, np.ones_like(units.out_scale))
    tried = [units, units.uncentred, as_they_come, as_they_come.uncentred, nothing]
    if network.layout.has_ties:
        scaled_inputs = Units(zeros, units.scale, units.out_shift, units.out_scale)
        inputs_alone = Units(units.shift, units.scale, nothing.out_shift, nothing.out_scale)
        tried[1:1] = [scaled_inputs]
        tried[-1:-1] = [inputs_alone, inputs_alone.uncentred]
    for chosen in tried:
        found = rescaling(network, chosen.shift, chosen.scale, chosen.out_shift, chosen.out_scale)
        if found is not None:
            break
    assert found is not None, "nothing to rescale needs no layer's help"
    return chosen, *found


def on_standardized_columns(objective: AnyObjective) -> MappedObjective:
    """The same function in the parameters of the net on standardised columns.

    f(T v + t), with the net's parameters w = T v + t; the penalty, too, stays the function of w
    that it is. Nothing is fitted: values are equal at points that belong together, gradients are
    T'g and Hessians T'HT.

    Parameters
    ----------
    objective : Objective or BlockObjective
        A net on columns as they are, with its data.

    Returns
    -------
    MappedObjective
        ``restrict(w)`` is the point v of w.
    """
    inputs, left = joined_lists(objective.over_rows(_moments))
    of_target = objective.loss.of_differences
    units = Units.of_moments(inputs, left, of_target, objective.network)
    _, _, to_standard = in_units(objective.network, units.reversed)
    return MappedObjective(objective, to_standard.reversed)


def _moments(rows: Rows) -> list[Moments]:
    """Moments of the inputs, and of what is left of the targets beside an offset."""
    left = rows.Y if rows.offset is None else rows.Y - rows.offset
    return [Moments.of(columns, rows.sample_weight) for columns in (rows.X, left)]


def _pooled_moments(columns: Moments, groups: Ints | None) -> tuple[Array, Array]:
    """Means and standard deviations of columns, and of all values of the columns of a group."""
    if groups is None:
        return columns.mean, _scales(columns.mean, columns.spread)
    mean, spread = np.zeros(len(groups)), np.ones(len(groups))
    for group in np.unique(groups[groups >= 0]):
        members = np.flatnonzero(groups == group)
        middle, width = columns.pooled(members)
        mean[members], spread[members] = middle, _scales(np.array(middle), np.array(width))
    return mean, spread


def _scales(mean: Array, spread: Array) -> Array:
    """Standard deviations, 1 for constant columns."""
    constant = spread <= _ROUNDING * np.abs(mean)
    return np.where(constant | (spread == 0.0), 1.0, spread)
