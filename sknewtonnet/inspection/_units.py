"""Units that do no work of their own."""

import numpy as np

from sknewtonnet._typing import Array


def degenerate_units(activations: Array, sample_weight: Array, outgoing: Array) -> dict[int, str]:
    """Radial units that a fit could not place, and why.

    Parameters
    ----------
    activations : ndarray of shape (n_samples, n_units)
        Values of the units between 0 and 1 at distinct samples.
    sample_weight : ndarray of shape (n_samples,)
        Their weights.
    outgoing : ndarray of shape (n_units,)
        Norm of each unit's outgoing coefficients.

    Returns
    -------
    dict of int to str
        For each degenerate unit the first of these that holds: "unused" (its contribution is
        at most 1e-6 of the largest), "far from all samples" (no value above 1e-3), "constant"
        (values vary by less than 1e-3 of the largest), "on one sample" (which has 99 % of
        its weighted values), "same as unit r" (correlation above 1 - 1e-6 with an earlier one).
    """
    highest, lowest = activations.max(axis=0), activations.min(axis=0)
    weighed = sample_weight[:, None] * activations
    total = weighed.sum(axis=0)
    share = np.divide(weighed.max(axis=0), total, out=np.zeros_like(total), where=total > 0)
    contribution = outgoing * highest
    centred = activations - total / sample_weight.sum()
    centred *= np.sqrt(sample_weight)[:, None]
    norms = np.linalg.norm(centred, axis=0)
    found: dict[int, str] = {}
    for j in range(activations.shape[1]):
        if contribution[j] <= 1e-6 * contribution.max():
            found[j] = "unused"
        elif highest[j] < 1e-3:
            found[j] = "far from all samples"
        elif highest[j] - lowest[j] < 1e-3 * highest[j]:
            found[j] = "constant"
        elif share[j] > 0.99 and len(activations) > 1:
            found[j] = "on one sample"
        else:
            twins = np.abs(centred[:, j] @ centred[:, :j]) > (1 - 1e-6) * norms[j] * norms[:j]
            if twins.any():
                found[j] = f"same as unit {int(np.flatnonzero(twins)[0])}"
    return found
