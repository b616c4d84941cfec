"""The check of solvers: all of the package pass it, and each kind of lie is found."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers import (
    SOLVERS,
    Capability,
    NewtonSolver,
    Solver,
    Status,
    get_solver,
)
from sknewtonnet.testing import check_solver

SETTINGS = [
    ("newton", {"hessian": "block"}),
    ("newton", {"hessian": "gauss-newton"}),
    ("auto", {"tol": 1e-13}),
    ("auto", {"tol": 1e-2}),
    ("l-bfgs-b", {"tol": 0.0, "max_iter": 200}),
    ("bpos", {"options": {"direction": "conjugate"}}),
    ("bpos", {"options": {"objective": "modified"}, "max_iter": 200}),
    ("bpos", {"options": {"momentum": "optimal"}}),
    ("bpos", {"options": {"momentum": 0.9, "objective": "modified"}, "max_iter": 300}),
    ("bpos", {"hessian": "gauss-newton", "max_iter": 100}),
    ("bpos", {"hessian": "block", "max_iter": 100}),
    ("newton", {"options": {"fatol": 1e-3, "f_target": 1e-3}}),
    ("lm", {"options": {"damping": "marquardt"}}),
]


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_pass(name):
    check_solver(get_solver(name, tol=1e-7))


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=str)
def test_settings_pass(name, settings):
    """Also where they do not lead to a minimum: then the status says so."""
    check_solver(get_solver(name, **settings))


@dataclass(frozen=True, kw_only=True)
class Descent(Solver):
    """Gradient descent with halvings, a solver that passes; what follows breaks it."""

    max_iter: int = 300

    def step(self, run, state):
        for halvings in range(40):
            w = run.params - 0.5**halvings * run.gradient
            value = run.function.value(w)
            if value < run.value:
                run.take(w, value)
                return


def test_settings_that_lead_nowhere_fail():
    steep = get_solver("gd", options={"learning_rate": 1e4})
    with pytest.raises(AssertionError, match=r"does not fall: .*learning_rate=10000 is too large"):
        check_solver(steep)


def test_own_solver_passes():
    check_solver(Descent(tol=1e-6))


class Idle(Descent):
    def step(self, run, state):
        pass


class OtherValue(Descent):
    def step(self, run, state):
        w = run.params - 0.1 * run.gradient
        run.take(w, 0.5 * run.value)


class OtherGradient(Descent):
    def step(self, run, state):
        w = run.params - 0.1 * run.gradient
        run.take(w, run.function.value(w), 0.5 * run.gradient)


class Undeclared(Descent):
    def step(self, run, state):
        run.function.hessian(run.params)
        super().step(run, state)


class Uncounted(Descent):
    def step(self, run, state):
        run.function.function.gradient(run.params)
        super().step(run, state)


class Changing(Descent):
    """Overrides the whole of ``minimize``, where there is more to get wrong."""

    def change(self, result):
        return result

    def minimize(self, function, w0, callback=None):
        return self.change(super().minimize(function, w0, callback))


class Boastful(Changing):
    def change(self, result):
        return replace(result, status=Status.CONVERGED)


class Modest(Changing):
    def change(self, result):
        return replace(result, status=Status.STALLED)


class Impatient(Changing):
    def change(self, result):
        return replace(result, status=Status.MAX_ITER)


class Forgetful(Changing):
    def change(self, result):
        return replace(result, history=result.history[1:])


class Elsewhere(Changing):
    def change(self, result):
        return replace(result, params=result.params + 1e-3)


class Writing(Descent):
    def minimize(self, function, w0, callback=None):
        result = super().minimize(function, w0, callback)
        w0[:] = result.params
        return result


class Deaf(Descent):
    def minimize(self, function, w0, callback=None):
        return super().minimize(function, w0, lambda i: callback and callback(i) and False)


class Silent(Descent):
    def minimize(self, function, w0, callback=None):
        return super().minimize(function, w0)


class Unlimited(Descent):
    def minimize(self, function, w0, callback=None):
        return NewtonSolver(tol=self.tol).minimize(function, w0, callback)


class Careless(Descent):
    def minimize(self, function, w0, callback=None):
        return super().minimize(function, np.nan_to_num(w0), callback)


BROKEN = {
    Idle: "the function does not fall",
    OtherValue: "its value is|saw a value",
    OtherGradient: "gradient is not that",
    Undeclared: r"calls \['hessian'\], which its needs do not declare",
    Uncounted: "it counts .*'gradient'.* the function saw",
    Boastful: "says CONVERGED with a gradient of",
    Modest: "says STALLED where the gradient is below tol",
    Impatient: "says MAX_ITER",
    Forgetful: "history",
    Elsewhere: "its value is .* not",
    Writing: "writes to the starting point",
    Deaf: "where a callback asked to stop|asked to stop after 1",
    Silent: r"saw iterations \[\]",
    Unlimited: "calls|takes .* iterations for max_iter=1",
    Careless: "starts where the function is not finite",
}


@pytest.mark.parametrize(("cls", "message"), BROKEN.items())
def test_broken_solvers_fail(cls, message):
    """With the name of the class, of the function, and what is wrong."""
    with pytest.raises(AssertionError, match=f"^{cls.__name__} on .*: .*({message})"):
        check_solver(cls(tol=1e-4))


# What a function lacks -------------------------------------------------------------------


class First(SmoothFunction):
    n_parameters = 2

    def value(self, w):
        return 0.5 * float(w @ w)

    def gradient(self, w):
        return w


class Exact(First):
    def hessian(self, w, kind="exact"):
        return np.eye(2)


def calls_second(cls):
    return bool(cls.needs & (Capability.HESSIAN | Capability.HESSIAN_PRODUCT))


@pytest.mark.parametrize("name", SOLVERS)
def test_missing_methods_are_named_before_any_work(name):
    solver, f = get_solver(name), First()
    if not calls_second(SOLVERS[name]):
        assert solver.minimize(f, np.ones(2)).n_iter > 0
        return
    f.value = None  # no call gets through
    called = " and ".join(n for n in solver.needs.methods if n.startswith("hessian"))
    message = (
        f"{type(solver).__name__} calls {called} with kind='{solver.kind}', and First has neither"
    )
    with pytest.raises(TypeError, match=message):
        solver.minimize(f, np.ones(2))


@pytest.mark.parametrize("name", SOLVERS)
def test_missing_kinds_are_named(name):
    solver = get_solver(name)
    if solver.kind == "exact":
        assert solver.minimize(Exact(), np.ones(2)).converged
        kinds = [kind for kind in solver.hessian_kinds if kind != "exact"]
        if not kinds:
            return
        solver = replace(solver, hessian=kinds[0])
    message = rf"{type(solver).__name__} calls .* with kind='{solver.kind}', and Exact has hessian"
    with pytest.raises(TypeError, match=message):
        solver.minimize(Exact(), np.ones(2))


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match=r"BFGSSolver minimises a .*SmoothFunction, got <function"):
        get_solver("bfgs").minimize(lambda w: w @ w, np.ones(2))
