"""A minimum that was found in standardised columns, and the units in which it is reported."""

from __future__ import annotations

from dataclasses import dataclass

from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.pieces.affine_map import AffineMap


@dataclass(frozen=True, eq=False, repr=False)
class Rescaled(Worded):
    """The same objective in the units of the table, and the map to these units.

    Statistics are computed for standardised columns, where rounding does least, and reported for
    the parameters w = T v + t, with inputs and outputs in the units of the table.

    Parameters
    ----------
    objective : Objective
        A function of w, on the data in the units of the table.
    map : AffineMap
        From v to w.
    factor : float
        This objective over the standardised one: the squared scale of the target.
    out_scale : ndarray of shape (n_outputs,)
        Scale of each output, in the units of the table.

    See Also
    --------
    infer : The function that takes it.
    Reported : What is reported in the units of the table.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> rescaled = results.rescaled
    >>> round(rescaled.factor / float(np.var(y)), 6), rescaled.out_scale.shape
    (1.0, (1,))
    >>> w = rescaled.map.forward(results.information.params)
    >>> np.allclose(w, results.params)
    True
    """

    objective: Objective
    map: AffineMap
    factor: float
    out_scale: Array

    def _in_words(self) -> str:
        return f"to units of the table, factor {self.factor:.4g}"
