"""A minimum that was found in standardised columns, and the units in which it is reported."""

from dataclasses import dataclass

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.pieces.affine_map import AffineMap


@dataclass(frozen=True, eq=False)
class Rescaled:
    """The same objective in the units of the table, and the way there.

    Statistics are worked out where columns are standardised, which costs no digits, and
    reported for parameters w = T v + t, inputs and outputs in the units of the table.

    Attributes
    ----------
    objective : Objective
        A function of w, on the data in the units of the table.
    map : AffineMap
        From v to w.
    factor : float
        This objective over the standardised one: the squared unit of the target.
    out_scale : ndarray of shape (n_outputs,)
        Unit of each output.
    """

    objective: Objective
    map: AffineMap
    factor: float
    out_scale: Array
