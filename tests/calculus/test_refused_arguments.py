"""Arguments of the calculus, the spectra and the solvers that are refused by name."""

import numpy as np
import pytest
from scipy.sparse import csr_array, dia_array

from sknewtonnet.calculus import (
    Constraint,
    LagrangeFunction,
    Lagrangian,
    ModifiedObjective,
    Network,
    NonlinearConstraint,
    NormConstraint,
    Objective,
    PredictionConstraint,
    SlopeConstraint,
    convolution,
    count_second_derivatives,
)
from sknewtonnet.calculus.functions.shaped_constraint import ShapedConstraint
from sknewtonnet.inspection import SpectrumPath, spectrum, way_down
from sknewtonnet.solvers import Constraints, feasible_point, get_solver, minimize_full_space

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
NET = Network.mlp(3, (2,), 1)
F = Objective(NET, "squared_error", X, np.sin(X[:, :1]), alpha=0.1)
W = RNG.normal(size=F.n_parameters)
L = Lagrangian(F)
JOINT = L.pack(*L.at(W))
NORM = NormConstraint("coefs_0", upper=1.0)
POINTS = PredictionConstraint(X[:3], 0.0)
NO_ROWS = np.empty((0, 3)), np.empty(0), np.empty(0)


def circle(**changed):
    given = {"jac": lambda w: 2.0 * w, "hess": lambda w, v: 2.0 * v[0] * np.eye(len(w))}
    return NonlinearConstraint(
        **{"fun": lambda w: w @ w, "lower": 1.0, "upper": 1.0} | given | changed
    )


class Ball(Constraint):
    """A constraint with attributes replaced."""

    limits = np.array([-np.inf]), np.array([1.0])

    def __init__(self, **changed):
        for name, answer in changed.items():
            if name == "limits":
                self.__class__ = type("Ball", (Ball,), {"limits": answer})
            else:
                setattr(self, name, lambda *args, answer=answer: answer)

    def value(self, w):
        return np.array([w @ w])

    def jacobian(self, w):
        return 2.0 * w[None]

    def hessian(self, w, v):
        return 2.0 * v[0] * np.eye(len(w))


# What the message says, the error, and the call.
REFUSED = {
    "tied ragged": (
        r"tied\['coefs_0'\] must be an array",
        ValueError,
        lambda: Network.mlp(3, (2,), 1, tied={"coefs_0": [[0], [1, 2], [3]]}),
    ),
    "connectivity ragged": (
        r"connectivity\['coefs_0'\] must be an array",
        ValueError,
        lambda: Network.mlp(3, (2,), 1, connectivity={"coefs_0": [[True], [True, True], [True]]}),
    ),
    "huge convolution": (r"ties of \d+ columns.*GB", MemoryError, lambda: convolution(10**12, 3)),
    "activations of outputs": (
        r"output_activation must have one entry.*got \['tanh'\]",
        ValueError,
        lambda: Network.mlp(3, (2,), 2, output_activation=["tanh"]),
    ),
    "an unknown one": (
        "output_activation must be one of",
        ValueError,
        lambda: Network.mlp(3, (2,), 1, output_activation=["no"]),
    ),
    "too few layers": (
        r"activation has 1 entries for 2 hidden layers.*got \['tanh'\]",
        ValueError,
        lambda: Network.mlp(3, (2, 2), 1, ["tanh"]),
    ),
    "counts of None": (
        "network must be a Network, got None",
        TypeError,
        lambda: count_second_derivatives(None),
    ),
    "counts of many units": (
        r"the pairs of \d+ units.*GB",
        MemoryError,
        lambda: count_second_derivatives(Network.mlp(3, (10**6,), 1)),
    ),
    "joined states": (
        "states must be one array for each layer.*got 3",
        ValueError,
        lambda: L.pack(W, 3, None),
    ),
    "null space of NaN": (
        "joint must be finite",
        ValueError,
        lambda: L.null_space(np.nan * JOINT),
    ),
    "full space tol": (
        "tol must be positive, got True",
        ValueError,
        lambda: minimize_full_space(L, W, tol=True),
    ),
    "full space max_iter": (
        "max_iter must be an integer.*got True",
        ValueError,
        lambda: minimize_full_space(L, W, max_iter=True),
    ),
    "modified product": (
        r"v must have shape \(11,\) or \(11, r\), got \(10,\)",
        ValueError,
        lambda: ModifiedObjective(F).hessian_product(W, W[1:]),
    ),
    "complex matrix": (
        "real numbers, got complex128",
        ValueError,
        lambda: spectrum(1j * np.eye(3)),
    ),
    "spectrum of None": ("model must be.*got NoneType", TypeError, lambda: spectrum(None)),
    "complex point": (
        "w must be an array of real numbers",
        ValueError,
        lambda: spectrum(F, W + 1j),
    ),
    "negative seed": (
        "random_state must be None, an integer from 0.*got -1",
        ValueError,
        lambda: spectrum(F, W, random_state=-1),
    ),
    "a seed of text": (
        "random_state must be.*got 'a'",
        ValueError,
        lambda: spectrum(F, W, random_state="a"),
    ),
    "a truth as a count": (
        "n_extremes must be an integer.*got True",
        ValueError,
        lambda: spectrum(F, W, n_extremes=True),
    ),
    "standardize": (
        "standardize must be True or False, got 'yes'",
        ValueError,
        lambda: spectrum(F, W, standardize="yes"),
    ),
    "directions": (
        "n must be an integer of at least 1, got -1",
        ValueError,
        lambda: spectrum(F, W).directions(n=-1),
    ),
    "width 0": (
        "width must be a positive number, got 0.0",
        ValueError,
        lambda: spectrum(F, W).density.at(np.ones(2), width=0.0),
    ),
    "width NaN": (
        "width must be a positive number, got nan",
        ValueError,
        lambda: spectrum(F, W).density.at(np.ones(2), width=np.nan),
    ),
    "grid of text": (
        "grid must be an array of real numbers",
        ValueError,
        lambda: spectrum(F, W).density.at("a"),
    ),
    "average of None": (
        "function must be a function of eigenvalues, got None",
        TypeError,
        lambda: spectrum(F, W).density.average(None),
    ),
    "path of text": (
        "function must be a SmoothFunction or None, got 'f'",
        TypeError,
        lambda: SpectrumPath("f", W),
    ),
    "way down of a wrong point": (
        "point must be a CriticalPoint or None, got 3",
        TypeError,
        lambda: way_down(F, W, 3),
    ),
    "norm of a number": (
        "arrays must be names of arrays, got 3",
        ValueError,
        lambda: NormConstraint(3, upper=1.0).on(NET),
    ),
    "norm per_unit": (
        "per_unit must be True or False, got 'yes'",
        ValueError,
        lambda: NormConstraint("coefs_0", upper=1.0, per_unit="yes"),
    ),
    "norm of a complex limit": (
        "upper must be a number or numbers, got 1j",
        ValueError,
        lambda: NormConstraint("coefs_0", upper=1j),
    ),
    "norm on no net yet": (
        r"use NormConstraint\(...\).on\(network\)",
        ValueError,
        lambda: NORM.value(W),
    ),
    "norm on None": ("network must be a Network, got None", TypeError, lambda: NORM.on(None)),
    "norm at a short vector": (
        r"w must have shape \(11,\), got \(3,\)",
        ValueError,
        lambda: NORM.on(NET).value(W[:3]),
    ),
    "average": (
        "average must be True or False, got 'yes'",
        ValueError,
        lambda: PredictionConstraint(X, 0.0, average="yes"),
    ),
    "factors": (
        r"v must have shape \(3,\), got \(2,\)",
        ValueError,
        lambda: POINTS.on(NET).hessian(W, np.ones(2)),
    ),
    "slope of None": (
        "feature must be a name, or an integer from 0 to 2, got None",
        ValueError,
        lambda: SlopeConstraint(X, None, 0.0).on(NET),
    ),
    "slope of a half": (
        "feature must be.*got 1.5",
        ValueError,
        lambda: SlopeConstraint(X, 1.5, 0.0).on(NET),
    ),
    "slope of True": (
        "feature must be.*got True",
        ValueError,
        lambda: SlopeConstraint(X, True, 0.0).on(NET),
    ),
    "complex function": (
        "what fun of a NonlinearConstraint returns must be.*real",
        ValueError,
        lambda: circle(fun=lambda w: 1j).value(W),
    ),
    "function of None": (
        "what fun of a NonlinearConstraint returns must be",
        ValueError,
        lambda: circle(fun=lambda w: None).value(W),
    ),
    "Hessian of text": (
        "what hess of a NonlinearConstraint returns",
        ValueError,
        lambda: circle(hess=lambda w, v: "a").hessian(W, np.ones(1)),
    ),
    "not on a net": (
        "must return a sknewtonnet.calculus.Constraint, got None",
        TypeError,
        lambda: ShapedConstraint(None, 11),
    ),
    "limits crossed": (
        "limits of Ball must be two arrays",
        ValueError,
        lambda: ShapedConstraint(Ball(limits=(np.ones(1), np.zeros(1))), 11),
    ),
    "limits None": (
        "limits of Ball must be",
        ValueError,
        lambda: ShapedConstraint(Ball(limits=None), 11),
    ),
    "limits of two lengths": (
        "limits of Ball must be two arrays",
        ValueError,
        lambda: ShapedConstraint(Ball(limits=(np.zeros(2), np.ones(1))), 11),
    ),
    "value": (
        r"value of Ball must return shape \(1,\), got \(2,\)",
        ValueError,
        lambda: ShapedConstraint(Ball(value=np.ones(2)), 11).value(W),
    ),
    "jacobian": (
        r"jacobian of Ball must return shape \(1, 11\), got \(11,\)",
        ValueError,
        lambda: ShapedConstraint(Ball(jacobian=W), 11).jacobian(W),
    ),
    "hessian": (
        "hessian of Ball must",
        ValueError,
        lambda: ShapedConstraint(Ball(hessian=W), 11).hessian(W, np.ones(1)),
    ),
    "Lagrange function of None": (
        "function must be a SmoothFunction, got None",
        TypeError,
        lambda: LagrangeFunction(None, [], W),
    ),
    "terms": ("terms must be pairs.*got 3", TypeError, lambda: LagrangeFunction(F, [3], W)),
    "size": (
        "n_parameters must be an integer of at least 1, got 'a'",
        ValueError,
        lambda: Constraints.of("a"),
    ),
    "no constraint": (
        "instances of Constraint, got 'no'",
        TypeError,
        lambda: Constraints.of(3, "no"),
    ),
    "crossed bounds": (
        "lower must not be above upper",
        ValueError,
        lambda: Constraints(np.ones(3), np.zeros(3), *NO_ROWS),
    ),
    "bounds of NaN": (
        "lower and upper must not be NaN",
        ValueError,
        lambda: Constraints(np.full(3, np.nan), np.ones(3), *NO_ROWS),
    ),
    "bounds of two lengths": (
        r"upper must have shape \(3,\), got \(2,\)",
        ValueError,
        lambda: Constraints(np.zeros(3), np.ones(2), *NO_ROWS),
    ),
    "matrix": (
        r"A must have shape \(2, 3\), got \(2, 2\)",
        ValueError,
        lambda: Constraints(np.zeros(3), np.ones(3), np.ones((2, 2)), np.zeros(2), np.ones(2)),
    ),
    "feasible point of None": (
        "constraints must be sknewtonnet.solvers.Constraints, got None",
        TypeError,
        lambda: feasible_point(None, W),
    ),
    "feasible point from a short vector": (
        r"w must have shape \(11,\), got \(10,\)",
        ValueError,
        lambda: feasible_point(Constraints.of(11, Ball()), W[1:]),
    ),
    "another size": (
        r"constraints are of 5 parameters, and the function has 11",
        ValueError,
        lambda: get_solver("slsqp", constraints=Constraints.of(5, Ball())).minimize(F, W),
    ),
    "constraints of text": (
        "constraints must be sknewtonnet.solvers.Constraints, got 'no'",
        TypeError,
        lambda: get_solver("slsqp", constraints="no"),
    ),
    "shares": (
        "n must be an integer of at least 1, got 'a'",
        ValueError,
        lambda: spectrum(F, W).directions()[0].shares("a"),
    ),
    "path of another function": (
        r"w must have shape \(11,\), got \(12,\)",
        ValueError,
        lambda: SpectrumPath(F, np.ones(12)),
    ),
    "derivatives of NaN": (
        "derivatives of Ball number 0 are not finite",
        ValueError,
        lambda: feasible_point(
            Constraints.of(11, Ball(jacobian=np.full((1, 11), np.nan))), W + 9.0
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name(name):
    message, error, call = REFUSED[name]
    with pytest.raises(error, match=message):
        call()


def test_any_sparse_matrix_has_a_spectrum():
    assert spectrum(dia_array(np.diag([1.0, 4.0]))).condition == 4.0


def test_points_and_derivatives_may_be_sparse():
    placed = PredictionConstraint(csr_array(X[:2]), 0.0).on(NET)
    np.testing.assert_array_equal(placed.points, X[:2])
    given = circle(jac=lambda w: csr_array(2.0 * w[None]))
    np.testing.assert_allclose(given.jacobian(W), 2.0 * W[None])


def test_products_with_no_vectors():
    none = np.zeros((len(JOINT), 0))
    assert L.hessian_product(JOINT, none).shape == none.shape


def test_tensors_of_shared_parameters_without_a_penalty():
    net = Network.mlp(3, (2,), 1, tied={"coefs_0": 0})
    w = np.linspace(-1.0, 1.0, net.n_parameters)
    found = Objective(net, "squared_error", X, X[:, :1]).lagrangian_tensors(w, 3)
    bare = Objective(net, "squared_error", X, X[:, :1], alpha=0.1)
    for one, other in zip(found, bare.lagrangian_tensors(w, 3, penalised=False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_products_form_the_curvature_of_constraints_once():
    calls = []

    def hess(w, v):
        calls.append(1)
        return 2.0 * v[0] * np.eye(len(w))

    f = LagrangeFunction(F, [(circle(hess=hess), np.array([0.5]))], W)
    for v in np.eye(3, len(W)):
        expected = F.hessian_product(W, v) + v
        np.testing.assert_allclose(f.hessian_product(W, v), expected, rtol=1e-12, atol=1e-15)
    assert len(calls) == 1
    f.bend(W)[:] = 7.0  # what is handed out is a copy
    np.testing.assert_allclose(f.bend(W), np.eye(len(W)), rtol=1e-15)
    np.testing.assert_allclose(f.bend(2.0 * W), np.eye(len(W)), rtol=1e-15)
    assert len(calls) == 2


def test_a_measured_rate_where_squares_overflow():
    f = Objective(NET, "squared_error", X, 1e100 * X[:, :1])
    far = W * np.r_[np.ones(8), np.full(3, 1e100)]  # a far output layer
    assert np.abs(f.gradient(far)).max() > 1e160
    result = get_solver("gd", options={"learning_rate": "auto"}, max_iter=5).minimize(f, far)
    assert np.isfinite(result.value)
    assert result.value <= f.value(far)
