"""Hypotheses as users write them, and as linear functions of parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array, Ints
from sknewtonnet.inference._checks import check_names
from sknewtonnet.inference._reported import Reported

NO_COEFFICIENTS = (
    "a radial unit has no parameter whose zero removes an input, nor has an input that shares its "
    "parameters with others; see marginal_effects"
)


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """R theta = r, for the reported parameters theta.

    Parameters
    ----------
    R : ndarray of shape (q, n_reported)
        Coefficients.
    r : ndarray of shape (q,)
        Values.
    reason : str
        Why there is nothing to test, if so.
    """

    R: Array
    r: Array
    reason: str = ""

    @classmethod
    def of(
        cls,
        given: str | Sequence[str] | ArrayLike,
        r: ArrayLike | None,
        outgoing: Sequence[Ints] | None,
        reported: Reported,
        feature_names: Sequence[str],
        argument: str = "R",
    ) -> Hypothesis:
        """From a matrix, or from names of parameters and features that are to be zero.

        What leaves each input comes from :attr:`sknewtonnet.calculus.Network.feature_parameters`.

        Raises
        ------
        ValueError
            If shapes do not fit, or a name is unknown.
        """
        names = _names(given)
        if names is not None:
            check_names(argument, names, [*feature_names, *reported.names])
            R, reason = _selection(names, outgoing, reported, feature_names)
        else:
            R, reason = _matrix(given, len(reported.names), argument), ""
        values = np.zeros(len(R)) if r is None else np.atleast_1d(np.asarray(r, dtype=float))
        if values.shape == (1,) and len(R) > 1:
            values = np.full(len(R), values[0])
        if values.shape != (len(R),) or not np.isfinite(values).all():
            raise ValueError(
                f"r must be finite and of shape ({len(R)},), one value per row of R, got {r!r}."
            )
        return cls(R, values, reason)

    @property
    def df(self) -> int:
        """Number of independent rows."""
        return int(np.linalg.matrix_rank(self.R)) if len(self.R) else 0


def feature_groups(
    groups: Mapping[str, Sequence[str]] | None, feature_names: Sequence[str]
) -> dict[str, list[str]]:
    """The features that are tested together: each alone, but for those in groups.

    Raises
    ------
    ValueError
        If a group names what is no feature, or a feature is in two groups.
    """
    if groups is None:
        return {name: [name] for name in feature_names}
    if not isinstance(groups, Mapping):
        raise ValueError(f"groups must map names to lists of features, got {groups!r}.")
    lists = {
        name: [members] if isinstance(members, str) else list(members)
        for name, members in groups.items()
    }
    inside = [member for members in lists.values() for member in members]
    check_names("groups", inside, feature_names)
    if len(set(inside)) < len(inside) or not all(lists.values()):
        raise ValueError(f"groups must be disjoint and not empty, got {groups!r}.")
    for name, members in lists.items():
        if name in feature_names and name not in members:
            raise ValueError(f"groups has a group called {name!r} without the feature {name!r}.")
    owner = {member: name for name, members in lists.items() for member in members}
    found: dict[str, list[str]] = {}
    for name in feature_names:
        group = owner.get(name, name)
        found[group] = lists.get(group, [name])
    return found


def _names(given: object) -> list[str] | None:
    """Names, if these are names."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, Sequence) and given and all(isinstance(name, str) for name in given):
        return list(given)
    return None


def _selection(
    names: Sequence[str],
    outgoing: Sequence[Ints] | None,
    reported: Reported,
    feature_names: Sequence[str],
) -> tuple[Array, str]:
    """Rows that pick the parameters named, or all that leave the features named."""
    coefficients = reported.contrasts
    chosen = np.zeros(len(reported.names), dtype=bool)
    for name in names:
        if name in reported.names:
            chosen[reported.names.index(name)] = True
        elif outgoing is None:
            return np.zeros((0, len(chosen))), NO_COEFFICIENTS
        else:
            places = outgoing[list(feature_names).index(name)]
            chosen |= (coefficients[:, places] != 0).any(axis=1)
    reason = "" if chosen.any() else f"no weight leaves {', '.join(names)}"
    return np.eye(len(chosen))[chosen], reason


def _matrix(given: Any, n_parameters: int, argument: str) -> Array:
    try:
        if np.iscomplexobj(given):
            raise ValueError
        R = np.atleast_2d(np.asarray(given, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(
            f"{argument} must be a matrix of numbers, or names of parameters or features, got "
            f"{given!r}."
        ) from None
    if R.ndim != 2 or R.shape[1] != n_parameters or not len(R):
        raise ValueError(
            f"{argument} must have shape (q, {n_parameters}), a column per parameter of the "
            f"results, got {np.shape(given)}."
        )
    if not np.isfinite(R).all():
        raise ValueError(f"{argument} must be finite, but contains NaN or infinity.")
    if np.abs(R).max() > 1e100:  # squares overflow
        raise ValueError(f"{argument} must have entries up to 1e100, got {np.abs(R).max():.3g}.")
    return R
