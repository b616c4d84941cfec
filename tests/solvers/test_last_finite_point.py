"""Functions that are not finite somewhere: runs end at the last finite point and say so."""

import numpy as np
import pytest
from functions import GRADIENT_ONLY, Function

from sknewtonnet.solvers import SOLVERS, Constraints, Status, get_solver
from sknewtonnet.solvers._model_dense import QuadraticModel

each_solver = pytest.mark.parametrize("name", SOLVERS)
SETTINGS = {"gd": {"learning_rate": 0.01}}


def quartic(order, bad, name=""):
    """Return sum w^4 / 4 + w^2 / 2, of which a derivative is bad where w_0 < 1."""

    def spoil(k, w, found):
        return found + bad if k == order and w[0] < 1.0 else found

    function = Function(
        2,
        lambda w: spoil(0, w, float((w**4).sum() / 4.0 + w @ w / 2.0)),
        lambda w: spoil(1, w, w**3 + w),
        lambda w: spoil(2, w, np.diag(3.0 * w**2 + 1.0)),
    )
    function.kind = "gauss-newton" if name == "lm" else "exact"
    return function


@each_solver
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_run_ends_at_the_last_finite_point(name, order, bad):
    function, start = quartic(order, bad, name), np.array([3.0, -2.0])
    solver = get_solver(name, max_iter=200, options=SETTINGS.get(name))
    result = solver.minimize(function, start)
    assert result.value <= function.value(start)
    assert np.isfinite(result.value)
    assert np.isfinite(result.gradient).all()
    assert len(result.history) == result.n_iter + 1
    if order < 2:
        assert result.params[0] >= 1.0
        assert not result.converged
    elif name not in GRADIENT_ONLY:
        assert result.status is Status.NOT_FINITE
    if result.status is Status.NOT_FINITE:
        assert result.message == "the function or a derivative of it is not finite"


@each_solver
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("error", [OSError, ZeroDivisionError, ValueError, np.linalg.LinAlgError])
def test_errors_of_the_function_pass_on(name, order, error):
    function = quartic(0, 0.0, name)
    calls = function.functions

    def fail(w):
        if w[0] < 3.0 or order == 2:
            raise error("of my own")
        return calls[order](w)

    function.functions = (*calls[:order], fail, *calls[order + 1 :])
    if order == 2 and name in GRADIENT_ONLY:
        return
    solver = get_solver(name, max_iter=50, options=SETTINGS.get(name))
    with pytest.raises(error, match="of my own"):
        solver.minimize(function, np.array([3.0, -2.0]))


@each_solver
def test_errors_of_a_callback_pass_on(name):
    def fail(iteration):
        raise ValueError("of my own")

    with pytest.raises(ValueError, match="of my own"):
        get_solver(name).minimize(quartic(0, 0.0, name), np.array([3.0, -2.0]), fail)


@pytest.mark.parametrize("name", ["auto", "l-bfgs-b", "slsqp", "trust-constr"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_under_bounds(name, order, bad):
    limits = Constraints(np.array([-9.0, -1.0]), np.array([9.0, 9.0]), np.empty((0, 2)), *2 * [[]])
    function, start = quartic(order, bad), np.array([3.0, 2.0])
    result = get_solver(name, max_iter=100, constraints=limits).minimize(function, start)
    assert np.isfinite(result.value)
    assert result.value <= function.value(start)
    assert result.params[0] >= 1.0 or order == 2
    assert not result.converged or order == 2


@pytest.mark.parametrize("scale", [1e-300, 1e100, 1e150, 1e300])
@each_solver
def test_functions_of_extreme_size(name, scale):
    """No division by zero, no error out of LAPACK, no warning."""
    function = Function(
        2,
        lambda w: scale * float((w**2).sum() / 2.0),
        lambda w: scale * w,
        lambda w: scale * np.eye(2),
    )
    function.kind = "gauss-newton" if name == "lm" else "exact"
    result = get_solver(name, tol=1e-10 * scale, max_iter=30).minimize(function, np.ones(2))
    assert np.isfinite(result.value)
    assert result.value <= scale or name == "gd"  # whose steps are too long


@pytest.mark.parametrize("size", [1e-200, 1e200, 1e300])
def test_models_of_extreme_curvature(size):
    """Lengths of steps may underflow: a Poisson model of raw years has curvatures of 1e200."""
    H, g = np.diag([size, 1e-3 * size]), np.array([1.0, 1.0])
    for radius in (1e-300, 1.0, 1e150):
        with np.errstate(over="ignore"):
            step = QuadraticModel(H, g).step(radius)
        assert np.isfinite(step.s).all()
        assert step.norm <= 1.06 * radius
