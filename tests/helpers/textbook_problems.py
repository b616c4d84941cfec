"""Textbook problems under nonlinear constraints, with known solutions and multipliers."""

from dataclasses import dataclass

import numpy as np
from constrained_cases import INF
from functions import Function
from scipy.optimize import rosen, rosen_der, rosen_hess

from sknewtonnet.calculus import NonlinearConstraint
from sknewtonnet.solvers import Constraints


@dataclass(frozen=True)
class Textbook:
    """A function, its constraints, a start, the solution and the nonlinear multipliers."""

    function: Function
    constraints: Constraints
    start: tuple
    value: float
    params: tuple | None
    multipliers: tuple


def ball(size, lower, upper):
    """Return limits of the sum of squares."""
    return NonlinearConstraint(
        lambda x: x @ x, lower, upper, lambda x: 2.0 * x, lambda x, v: 2.0 * v[0] * np.eye(size)
    )


def quadratic_constraint(A, B, lower, upper):
    """Return limits of sum_j A_kj x_j^2 + B_kj x_j."""
    return NonlinearConstraint(
        lambda x: A @ x**2 + B @ x,
        lower,
        upper,
        lambda x: 2.0 * A * x + B,
        lambda x, v: np.diag(2.0 * v @ A),
    )


def without(x, *places):
    return float(np.prod(np.delete(x, places)))


def product_hessian(x):
    n = len(x)
    return np.array([[0.0 if i == j else without(x, i, j) for j in range(n)] for i in range(n)])


def plane(*slopes):
    g = np.array(slopes, dtype=float)
    n = len(g)
    return Function(n, lambda x: float(g @ x), lambda x: g, lambda x: np.zeros((n, n)))


def separable(squares, slopes):
    d, c = np.array(squares, dtype=float), np.array(slopes, dtype=float)
    return Function(
        len(d),
        lambda x: float(d @ x**2 + c @ x),
        lambda x: 2.0 * d * x + c,
        lambda x: np.diag(2.0 * d),
    )


ROSENBROCK = Function(2, rosen, rosen_der, rosen_hess)

HS7 = Function(
    2,
    lambda x: float(np.log(1.0 + x[0] ** 2) - x[1]),
    lambda x: np.array([2.0 * x[0] / (1.0 + x[0] ** 2), -1.0]),
    lambda x: np.diag([2.0 * (1.0 - x[0] ** 2) / (1.0 + x[0] ** 2) ** 2, 0.0]),
)

HS71 = Function(
    4,
    lambda x: float(x[0] * x[3] * x[:3].sum() + x[2]),
    lambda x: np.array(
        [
            x[3] * (x[0] + x[:3].sum()),
            x[0] * x[3],
            x[0] * x[3] + 1.0,
            x[0] * x[:3].sum(),
        ]
    ),
    lambda x: np.array(
        [
            [2.0 * x[3], x[3], x[3], x[0] + x[:3].sum()],
            [x[3], 0.0, 0.0, x[0]],
            [x[3], 0.0, 0.0, x[0]],
            [x[0] + x[:3].sum(), x[0], x[0], 0.0],
        ]
    ),
)

SCIPY_DOCS = Constraints(
    np.array([0.0, -0.5]),
    np.array([1.0, 2.0]),
    np.array([[1.0, 2.0], [2.0, 1.0]]),
    np.array([-INF, 1.0]),
    np.array([1.0, 1.0]),
    (
        quadratic_constraint(
            np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, -1.0]]), None, [1, 1]
        ),
    ),
)

# What makes HS43: squares and slopes of its three constraints.
_A43 = np.array([[1.0, 1, 1, 1], [1, 2, 1, 2], [2, 1, 1, 0]])
_B43 = np.array([[1.0, -1, 1, -1], [-1, 0, 0, -1], [2, -1, 0, -1]])
_HALF = float(np.sqrt(0.5))

# [H] and Hock and Schittkowski (1981), by the numbers there; scipy's tutorial.
TEXTBOOK = {
    "circle": Textbook(
        plane(-1, -1),
        Constraints.of(2, ball(2, 1, 1)),
        (1, 0.2),
        -2 * _HALF,
        (_HALF,) * 2,
        (_HALF,),
    ),
    "disk": Textbook(
        plane(-1, -1),
        Constraints.of(2, ball(2, None, 1)),
        (0, 0),
        -2 * _HALF,
        (_HALF,) * 2,
        (_HALF,),
    ),
    "Rosenbrock in a disk": Textbook(
        ROSENBROCK,
        Constraints.of(2, ball(2, None, 1)),
        (0, 0),
        0.04567480871950,  # the least value on the circle, from scipy's minimize_scalar
        (0.78641515419, 0.61769831249),
        (0.12149655,),
    ),
    "Rosenbrock in a wide disk": Textbook(
        ROSENBROCK, Constraints.of(2, ball(2, None, 9)), (0, 0), 0.0, (1, 1), (0.0,)
    ),
    "scipy's tutorial": Textbook(
        ROSENBROCK, SCIPY_DOCS, (0.5, 0), 0.342717574843313, (0.41494431567, 0.17011136866), (0, 0)
    ),
    "HS6": Textbook(
        separable((1, 0), (-2, 0)),
        Constraints.of(
            2, quadratic_constraint(np.array([[-10.0, 0]]), np.array([[0, 10.0]]), 0, 0)
        ),
        (-1.2, 1),
        -1.0,
        (1, 1),
        (0.0,),
    ),
    "HS7": Textbook(
        HS7,
        Constraints.of(
            2,
            NonlinearConstraint(
                lambda x: (1.0 + x[0] ** 2) ** 2 + x[1] ** 2,
                4,
                4,
                lambda x: np.array([4.0 * x[0] * (1.0 + x[0] ** 2), 2.0 * x[1]]),
                lambda x, v: v[0] * np.diag([4.0 + 12.0 * x[0] ** 2, 2.0]),
            ),
        ),
        (2, 2),
        -np.sqrt(3.0),
        (0, np.sqrt(3.0)),
        (np.sqrt(1.0 / 12.0),),
    ),
    "HS39": Textbook(
        plane(-1, 0, 0, 0),
        Constraints.of(
            4,
            NonlinearConstraint(
                lambda x: [x[1] - x[0] ** 3 - x[2] ** 2, x[0] ** 2 - x[1] - x[3] ** 2],
                0.0,
                [0.0, 0.0],
                lambda x: [
                    [-3.0 * x[0] ** 2, 1.0, -2.0 * x[2], 0.0],
                    [2.0 * x[0], -1.0, 0.0, -2.0 * x[3]],
                ],
                lambda x, v: np.diag(
                    [2.0 * v[1] - 6.0 * v[0] * x[0], 0, -2.0 * v[0], -2.0 * v[1]]
                ),
            ),
        ),
        (2, 2, 2, 2),
        -1.0,
        (1, 1, 0, 0),
        (-1, -1),
    ),
    "HS43": Textbook(
        separable((1, 1, 2, 1), (-5, -5, -21, 7)),
        Constraints.of(4, quadratic_constraint(_A43, _B43, None, [8, 10, 5])),
        (0, 0, 0, 0),
        -44.0,
        (0, 1, 2, -1),
        (1, 0, 2),
    ),
    "HS71": Textbook(
        HS71,
        Constraints(
            np.ones(4),
            np.full(4, 5.0),
            np.empty((0, 4)),
            np.empty(0),
            np.empty(0),
            (
                NonlinearConstraint(
                    np.prod,
                    25,
                    None,
                    lambda x: np.array([without(x, i) for i in range(4)]),
                    lambda x, v: v[0] * product_hessian(x),
                ),
                ball(4, 40, 40),
            ),
        ),
        (1, 5, 5, 1),
        17.0140172891520,
        (1, 4.74299964, 3.82114998, 1.37940829),
        (-0.55229366, 0.16146857),
    ),
}
