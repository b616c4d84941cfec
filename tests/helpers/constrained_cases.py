"""Constraints in short form, and how the tests run a solver under them."""

import numpy as np
import pandas as pd
import pytest
from estimator_cases import data

from sknewtonnet.solvers import SOLVERS, Constraints, Status, get_solver

INF = np.inf
CONSTRAINED = [name for name, cls in SOLVERS.items() if cls.under_constraints() is not None]


def constraints(size, lower=-INF, upper=INF, rows=()):
    """Bounds by position or for all, and rows (coefficients, lower, upper)."""
    bounds = []
    for given, default in ((lower, -INF), (upper, INF)):
        bound = np.full(size, default if isinstance(given, dict) else given, dtype=float)
        for where, value in given.items() if isinstance(given, dict) else ():
            bound[where] = value
        bounds.append(bound)
    A = np.array([row for row, *_ in rows], dtype=float).reshape(-1, size)
    limits = np.array([limits for _, *limits in rows], dtype=float).reshape(-1, 2)
    return Constraints(*bounds, A, limits[:, 0], limits[:, 1])


def violation(limits, w):
    rows, lower, upper = limits.rows()
    return np.maximum(lower - rows @ w, rows @ w - upper).max(initial=0.0)


def minimize(name, function, start, limits, callback=None, **settings):
    solver = get_solver(name, constraints=limits, **settings)
    return solver.minimize(function, np.array(start, dtype=float), callback)


def table(make_data=data):
    """Return the data with names of columns."""
    X, y = make_data()
    return pd.DataFrame(X, columns=["age", "dose"]), y


def is_constrained_minimum(est, X, y):
    residuals = est.solver_result_.multipliers.residuals
    assert est.solver_result_.status is Status.CONVERGED
    assert residuals.largest <= est.tol
    assert est.critical_point_ == "minimum"
    assert est.loss_ == pytest.approx(est.objective(X, y).value(est.params_), rel=1e-14)
