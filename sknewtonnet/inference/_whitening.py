"""Parameters of the same net on centred inputs without correlation.

How well a net's parameters are told apart should not depend on where the inputs have their
origin, or on how correlated they are: that is a matter of the data, not of the size of the
net. What 3.7 measured, on independent standard normal inputs, then holds for all.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from sknewtonnet.calculus import Objective

Array = NDArray[np.float64]


def whitening(objective: Objective) -> Array:
    """The matrix T with w = T v, for v the parameters of the net on whitened inputs.

    With x = m + C u, C C' the covariance of x, a layer W'x + b is (C'W)'u + (b + W'm). Of a
    unit that does not read all inputs the ones it reads are whitened. The identity where inputs
    are collinear, and for radial units.
    """
    wiring, layout = objective.network.wiring, objective.network.layout
    X, weight = objective.samples, objective.sample_weight
    mean = weight @ X / weight.sum()
    centred = X - mean
    spread = (centred * weight[:, None]).T @ centred / weight.sum()
    T = np.eye(layout.n_parameters)
    places = wiring.matrices(layout.positions)
    for k, rows in wiring.readers[0]:
        if not wiring.linear[k]:
            continue
        for unit in places[k].T:
            read = np.flatnonzero(unit[rows] >= 0)
            if not read.size:
                continue
            try:
                C = cholesky(spread[np.ix_(read, read)], lower=True)
            except LinAlgError:
                return np.eye(layout.n_parameters)
            own = unit[rows][read]
            inverse = solve_triangular(C, np.eye(len(read)), lower=True)
            T[np.ix_(own, own)] = inverse.T
            if unit[-1] >= 0:
                T[unit[-1], own] = -mean[read] @ inverse.T
    return T
