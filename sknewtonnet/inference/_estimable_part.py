"""The part of a hypothesis that the data determine (doc/statistics.md 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import null_space

from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.scaled_spectrum import ScaledSpectrum
from sknewtonnet.inference._minimum import Information

# Null directions are known to rounding over the gap to the other eigenvalues.
_ROUNDING = 1e-6

NOT_ESTIMABLE = "not estimable: the data determine nothing of the hypothesis"


def constant_combinations(rows: Array, directions: Array) -> Array:
    """Combine linear functions so that they stay as they are along some directions.

    It is the part of a hypothesis that can be tested where the data leave some directions open,
    such as all levels of a factor against the intercept.

    Parameters
    ----------
    rows : ndarray of shape (q, n_parameters)
        Coefficients of the functions.
    directions : ndarray of shape (n_parameters, n_directions)
        Such as those without curvature.

    Returns
    -------
    ndarray of shape (q, n_left)
        A column for each combination, orthonormal but for the units of the rows; the identity if
        all functions stay as they are.

    See Also
    --------
    flat_directions : Directions that the data leave open.
    wald_statistic : The test of what is left.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.inference import constant_combinations
    >>> dummies, moved = np.eye(4)[:3], np.array([[1.0], [1.0], [1.0], [-1.0]])
    >>> constant_combinations(dummies, moved).shape
    (3, 2)
    """
    # Relative to what cancels in them, whatever the units of the parameters.
    sizes = (np.abs(rows) @ np.abs(directions)).max(axis=1, initial=0.0)
    sizes = np.where(sizes > 0, sizes, 1.0)[:, None]
    changes = rows @ directions / sizes
    changes[np.abs(changes) <= _ROUNDING] = 0.0
    if not changes.any():
        return np.eye(len(rows))
    left = null_space(changes.T, rcond=_ROUNDING) / sizes
    return np.asarray(left / np.linalg.norm(left, axis=0))


def estimable_part(
    information: Information, factors: Sequence[ScaledSpectrum], rows: Array
) -> Array:
    """Combinations of linear functions of the parameters that can be tested.

    Of a full set of dummies these are the differences between levels. Under a penalty they are
    those of which the loss knows something; if there are none, those that the penalty holds.

    Parameters
    ----------
    information : Information
        The minimum.
    factors : sequence of ScaledSpectrum
        Of the matrices that must determine a function with a standard error.
    rows : ndarray of shape (q, n_parameters)
        Coefficients of the functions.

    Returns
    -------
    ndarray of shape (q, n_left)
    """
    flat = np.hstack([factor.null_parameters for factor in factors])
    found = constant_combinations(rows, flat)
    if not (information.penalised and found.shape[1]):
        return found
    known = constant_combinations(found.T @ rows, information.loss_factor.null_parameters)
    return found @ known if known.shape[1] else found


def tested_part(left: Array) -> str:
    """What is tested, if not all."""
    q, tested = left.shape
    if q == tested:
        return ""
    return f"the data determine {tested} of {q} hypotheses, which are tested"
