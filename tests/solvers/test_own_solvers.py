"""A solver of one's own is one class: its options are fields, the loop does the rest."""

import pickle
from dataclasses import FrozenInstanceError, dataclass, replace

import numpy as np
import pytest
from constrained_cases import constraints
from functions import PROBLEMS, Function, double_well, quadratic

from sknewtonnet.solvers import (
    SOLVERS,
    AutoSolver,
    Capability,
    Choice,
    ConstraintKind,
    LBFGSBSolver,
    NewtonSolver,
    Range,
    SLSQPSolver,
    Solver,
    Status,
    get_solver,
    option,
)
from sknewtonnet.testing import check_solver


@dataclass(frozen=True, kw_only=True)
class CubicSolver(Solver):
    """Newton steps of a model with a cubic term, sigma |s|^3 / 3 (Cartis, Gould and Toint)."""

    needs = Capability.VALUE | Capability.GRADIENT | Capability.HESSIAN
    hessian_kinds = ("exact", "gauss-newton")

    sigma: float = option(1.0, Range(1e-12, 1e12))
    update: str = option("simple", Choice(("simple", "never")))

    def begin(self, run):
        run.events["rejected"] = 0
        return {"sigma": self.sigma}

    def step(self, run, state):
        values, vectors = np.linalg.eigh(run.function.hessian(run.params, self.hessian))
        parts = vectors.T @ run.gradient
        for _ in range(60):
            low = max(0.0, -values[0]) + 1e-14
            high = low + 1e6
            for _ in range(200):  # sigma |s| = shift
                shift = 0.5 * (low + high)
                length = np.linalg.norm(parts / (values + shift))
                low, high = (shift, high) if state["sigma"] * length > shift else (low, shift)
            s = -vectors @ (parts / (values + shift))
            value = run.function.value(run.params + s)
            if value < run.value:
                run.take(run.params + s, value)
                state["sigma"] *= 0.5 if self.update == "simple" else 1.0
                return
            state["sigma"] *= 4.0
            run.events["rejected"] += 1
        run.message = "sigma grew without end"


@pytest.fixture
def cubic(monkeypatch):
    monkeypatch.setitem(SOLVERS, "cubic", CubicSolver)
    return "cubic"


def test_it_passes_the_check():
    check_solver(CubicSolver(tol=1e-6))


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_it_finds_minima(problem, cubic):
    function, result = problem.run(cubic, tol=1e-6)
    assert result.status is Status.CONVERGED
    np.testing.assert_allclose(result.params, problem.minimum, atol=1e-5)
    assert result.n_evaluations == dict(function.calls)
    assert set(result.n_events) == {"rejected"}


def test_its_name_has_options(cubic):
    made = get_solver(cubic, tol=1e-3, options={"sigma": 2, "update": "never"})
    assert made == CubicSolver(tol=1e-3, sigma=2, update="never")
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(
        ValueError,
        match=r"of 'cubic' must be among \['f_target', 'fatol', 'sigma', 'update'\], got 'x'",
    ):
        get_solver(cubic, options={"x": 1})
    with pytest.raises(
        ValueError, match=r"solver_options\['update'\] must be one of .*got 'often'"
    ):
        get_solver(cubic, options={"update": "often"})
    with pytest.raises(ValueError, match=r"hessian must be one of \['exact', 'gauss-newton'\]"):
        get_solver(cubic, hessian="block")
    with pytest.raises(ValueError, match="'cubic' cannot keep to constraints; use one of"):
        get_solver(cubic, constraints=constraints(2, 0.0, 1.0))


BAD = [
    ({"sigma": 0.0}, "sigma of CubicSolver must be a number from 1e-12 to below"),
    ({"update": 3}, r"update of CubicSolver must be one of \['simple', 'never'\], got 3"),
    ({"tol": -1.0}, "tol of CubicSolver must be a finite number of at least 0, got -1.0"),
    ({"tol": np.nan}, "tol of CubicSolver must be a finite number"),
    ({"max_iter": 2.5}, "max_iter of CubicSolver must be an integer of at least 0, got 2.5"),
    ({"hessian": "block"}, r"hessian must be one of \['exact', 'gauss-newton'\], got 'block'"),
]


@pytest.mark.parametrize(("settings", "message"), BAD, ids=str)
def test_settings_are_checked_when_it_is_made(settings, message):
    with pytest.raises(ValueError, match=message):
        CubicSolver(**settings)
    with pytest.raises(ValueError, match=message):
        replace(CubicSolver(), **settings)


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        CubicSolver().tol = 1.0


def test_run_without_iterations():
    result = NewtonSolver(max_iter=0).minimize(quadratic(), np.zeros(6))
    assert (result.n_iter, result.status) == (0, Status.MAX_ITER)
    assert result.history == (result.value,)


def test_words_of_a_run_that_stalls():
    class Stuck(CubicSolver):
        def step(self, run, state):
            run.message = "no way on"

    result = Stuck().minimize(quadratic(), np.zeros(6))
    assert (result.status, result.message) == (Status.STALLED, "no way on")


def test_solver_without_a_step():
    class Empty(Solver):
        pass

    with pytest.raises(NotImplementedError, match="Empty has no step"):
        Empty().minimize(quadratic(), np.zeros(6))


def test_leaving_a_point_without_gradient():
    """A method may go on where the gradient vanishes; if no step is taken the run ends."""

    class Wary(CubicSolver):
        def leaves(self, run, state):
            return np.linalg.eigvalsh(run.function.hessian(run.params))[0] < 0.0

    assert CubicSolver(tol=1e-6).minimize(double_well(), np.zeros(2)).n_iter == 0
    left = Wary(tol=1e-6).minimize(double_well(), np.array([1e-8, 0.0]))
    assert left.status is Status.CONVERGED
    np.testing.assert_allclose(np.abs(left.params), (1.0, 0.0), atol=1e-5)

    class Hopeless(Wary):
        def step(self, run, state):
            pass

    stays = Hopeless(tol=1e-6).minimize(double_well(), np.zeros(2))
    assert (stays.n_iter, stays.status) == (1, Status.CONVERGED)


# Objects in place of names ---------------------------------------------------------------


def test_objects_pass_through():
    solver = NewtonSolver(tol=1e-4)
    assert get_solver(solver) is solver
    assert get_solver(solver, tol=1.0, max_iter=1) is solver
    for other in ({"options": {}}, {"hessian": "block"}):
        with pytest.raises(ValueError, match="belongs to a solver given by name; solver=NewtonS"):
            get_solver(solver, **other)
    with pytest.raises(ValueError, match=r"solver must be one of .*'newton'.* got 3"):
        get_solver(3)


def test_objects_under_constraints():
    """The class that keeps to them has the settings of the object; or says what it cannot."""
    limits = constraints(2, 0.0, 1.0)
    rows = constraints(2, rows=[((1, 1), 0, 1)])
    bounded = get_solver(LBFGSBSolver(tol=1e-4, max_iter=7, maxcor=5), constraints=limits)
    assert (bounded.tol, bounded.max_iter, bounded.maxcor) == (1e-4, 7, 5)
    assert bounded.constraints is limits
    assert get_solver(SLSQPSolver(tol=1e-4), constraints=rows).constraints is rows
    assert get_solver(AutoSolver(hessian="block"), constraints=rows).hessian == "block"
    with pytest.raises(ValueError, match="solver=NewtonSolver cannot keep to constraints; use"):
        get_solver(NewtonSolver(), constraints=limits)
    with pytest.raises(ValueError, match="LBFGSBSolver cannot keep to linear constraints; use"):
        get_solver(LBFGSBSolver(), constraints=rows)
    with pytest.raises(ValueError, match="initial_trust_radius of AutoSolver has no effect under"):
        get_solver(AutoSolver(initial_trust_radius=1.0), constraints=limits)
    with pytest.raises(ValueError, match="SLSQPSolver has constraints of its own"):
        get_solver(SLSQPSolver(constraints=rows), constraints=limits)
    with pytest.raises(ValueError, match="BoundedLBFGSBSolver cannot keep to linear constraints"):
        type(bounded)(constraints=rows)


def test_what_solvers_keep_to():
    kept = {name: cls.keeps for name, cls in SOLVERS.items() if cls.keeps}
    nonlinear = dict.fromkeys(("auto", "slsqp", "trust-constr"), ConstraintKind.NONLINEAR)
    assert kept == nonlinear | {"l-bfgs-b": ConstraintKind.BOUNDS}
    for cls in SOLVERS.values():
        taken = cls.under_constraints()
        assert (taken is None) == (cls.keeps is ConstraintKind.NOTHING)
        assert taken is None or taken.keeps is cls.keeps


@pytest.mark.parametrize("name", SOLVERS)
def test_defaults_of_options_are_allowed(name):
    """And are those of the constructor, so a name and an object are one thing."""
    assert get_solver(name) == SOLVERS[name]()
    options = {key: getattr(SOLVERS[name](), key) for key in SOLVERS[name].options()}
    assert get_solver(name, options=options) == SOLVERS[name]()


def test_counts_of_a_function_with_one_pass():
    """``value_and_gradient`` counts as both."""

    class Pair(CubicSolver):
        def step(self, run, state):
            w = run.params + 1.0
            run.take(w, *run.function.value_and_gradient(w))
            run.function.value_and_gradient(w)  # known, so no evaluation

    f = Function(1, lambda w: 1.0, lambda w: np.ones(1), lambda w: np.eye(1))
    result = Pair(max_iter=3).minimize(f, np.zeros(1))
    assert result.n_evaluations == {"value": 4, "gradient": 4, "hessian": 0, "hessian_product": 0}
