"""Whether a net has a unit too many: nets without one unit are fitted from where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, lstsq, null_space

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Network, SmoothFunction
from sknewtonnet.calculus.functions.subspace import AffineObjective
from sknewtonnet.calculus.functions.units import connected_units
from sknewtonnet.inference._criteria import Criteria
from sknewtonnet.inference._gate_units import Finding
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._removal import unit_parameters, without_parameters
from sknewtonnet.inference._restricted_fits import Refit
from sknewtonnet.inference._saliency import group_saliency

# Part of a constraint's value that is rounding.
_MET = 1e-8

# Gradients that a fit of a smaller net may take. Those that end at a minimum take 16 as a rule and
# 80 at most in the designs of doc/sizes.md; others follow weights that run to infinity.
_PATIENCE = 200


def size_findings(information: Information, refit: Refit, factor: float = 1.0) -> list[Finding]:
    """Whether a net without one of the hidden units has a lower BIC.

    Each unit is taken away by the surgeon's step, and the others go on from there to a minimum
    under the same penalty; no net starts anew. Units go in the order of what the quadratic model
    loses with them, until a smaller net is better. Constraints that hold the fit back stay in
    force; others are not known here. A unit whose incoming parameters others share is not asked
    for: without it they are as well determined as before.

    Parameters
    ----------
    information : Information
        The minimum; there must be one.
    refit : Refit
        How to minimise.
    factor : float, default=1.0
        As of :class:`Criteria`.

    Returns
    -------
    list of Finding
        A warning "over-sized" if a smaller net is better; a note if some could not be fitted.
        Empty for nets without hidden units.

    Notes
    -----
    One fit from near its minimum, and two Hessians, for each unit that is tried.
    """
    network = information.objective.network
    units = unit_parameters(network)
    if network.layout.has_ties:
        units = [unit for unit in units if _leaves_unknown(network, unit[1])]
    bic = Criteria(information, factor).bic
    if not units or not np.isfinite(bic):
        return []
    lost = [group_saliency(information, positions) for _, positions in units]
    missing = []
    for place in np.argsort(lost, kind="stable"):
        name, positions = units[place]
        smaller = _without(information, refit, positions)
        if smaller is None:
            missing.append(name)
        elif not _is_minimum(smaller):
            # Without parameters at all it may be worse: then no more need be known.
            if not -2.0 * Criteria(smaller, factor).log_likelihood > bic:
                missing.append(name)
        elif (without := Criteria(smaller, factor).bic) < bic:
            return [_over_sized(name, without, bic, information, positions)]
    return list(_not_asked(missing))


def _leaves_unknown(network: Network, positions: Ints) -> bool:
    """Whether other parameters mean nothing once some are zero."""
    flags = [(at >= 0) & ~np.isin(at, positions) for at in network.positions]
    connected = connected_units(network, flags)[1:]
    left = [at[:, on] for at, on in zip(network.positions, connected, strict=True)]
    known = np.concatenate([positions, *(at[at >= 0] for at in left)])
    return len(np.unique(known)) < network.n_parameters


def _is_minimum(smaller: Information) -> bool:
    point = smaller.critical_point
    return point.is_stationary and not point.has_negative_curvature


def _over_sized(
    name: str, without: float, bic: float, information: Information, positions: Ints
) -> Finding:
    names = information.objective.network.layout.names
    return Finding(
        "over-sized",
        f"Over-sized: without unit {name} BIC is {without:.1f} instead of {bic:.1f}. In a net "
        "with a unit too many weights are not identified, and their tests reject true hypotheses "
        "far too often: refit with fewer units, or rely on effects and predictions only.",
        tuple(names[position] for position in positions),
    )


def _not_asked(units: list[str]) -> Iterator[Finding]:
    if units:
        yield Finding(
            "size not known",
            f"The net without {_listed('unit', units)} could not be fitted, so nothing is known "
            "of whether it has units too many.",
            severity="note",
        )


def _listed(what: str, names: list[str]) -> str:
    return f"{what}{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _without(information: Information, refit: Refit, positions: Ints) -> Information | None:
    """Where the fit without some parameters ends; None if there is no such fit.

    It is the same net with the parameters that are gone held at zero.
    """
    try:
        information.check_flat("smaller nets")
        place = _Place.of(information, positions)
        if place is None:
            return None
        objective = _Impatient(information.objective, place.origin, place.basis)
        u = objective.end(refit)
        found = replace(
            information,
            params=objective.expand(u),
            active=place.fixed,
            tight=None,
            converged=True,
            known=None,
        )
        _ = found.effective_parameters  # formed here, where errors are caught
    except (LinAlgError, ValueError):  # such as derivatives that overflow
        return None
    return found


class _Impatient(AffineObjective):
    """An objective on a subspace that ends a fit that takes too long."""

    def __init__(self, objective: SmoothFunction, origin: Array, basis: Array):
        super().__init__(objective, origin, basis)
        self._asked, self._last = 0, np.zeros(self.n_parameters)

    def gradient(self, u: Array) -> Array:
        """That of the subspace; the fit ends when it has been asked for too often."""
        self._asked, self._last = self._asked + 1, u
        if self._asked > _PATIENCE:
            raise _TooLongError
        return super().gradient(u)

    def end(self, refit: Refit) -> Array:
        """Where a fit from the origin ends."""
        start = self._last
        if not self.n_parameters:
            return start
        try:
            return refit.minimize(self, start)
        except _TooLongError:
            return self._last


class _TooLongError(Exception):
    """A fit has taken too long."""


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a smaller net is within the net.

    Parameters
    ----------
    origin : ndarray of shape (n_parameters,)
        The surgeon's step, moved to meet the constraints.
    basis : ndarray of shape (n_parameters, n_free)
        Directions in which the smaller net may go.
    fixed : ndarray of shape (n_fixed, n_parameters)
        Coefficients of what is held.
    """

    origin: Array
    basis: Array
    fixed: Array

    @classmethod
    def of(cls, information: Information, positions: Ints) -> _Place | None:
        """The place without some parameters; None if constraints do not let them be zero."""
        w, layout = information.params, information.objective.network.layout
        full, kept = without_parameters(information, positions)
        start, gone = layout.restrict(full), ~layout.merge(kept, np.logical_or)
        fixed, values = np.eye(len(w))[gone], np.zeros(int(gone.sum()))
        basis = np.eye(len(w))[:, ~gone]
        active = np.empty((0, len(w))) if information.active is None else information.active
        active = active[active[:, ~gone].any(axis=1)]  # bounds of what is gone are gone
        if len(active):
            fixed, values = np.vstack([fixed, active]), np.r_[values, active @ w]
            start = start + lstsq(fixed, values - fixed @ start)[0]
            if np.abs(fixed @ start - values).max() > _MET * max(1.0, np.abs(values).max()):
                return None
            basis = null_space(fixed)
        return cls(start, basis, fixed)
