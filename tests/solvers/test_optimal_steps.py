"""Optimal steps: momentum, other curvatures, losses and batches, replayed from the formulas."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from functions import PROBLEMS, minimize, quadratic
from numpy.testing import assert_allclose
from oracles import assert_close
from scipy import sparse

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import ModifiedObjective, Network, NormPenalty, Objective
from sknewtonnet.calculus.functions.subspace import AffineObjective, MappedObjective
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.pieces.affine_map import AffineMap
from sknewtonnet.calculus.pieces.losses import SquaredError
from sknewtonnet.solvers import SOLVERS, OptimalStepSolver, Status, get_solver


def points(name, function, start, **settings):
    """Return the result of a run and the points it went through, from the start on."""
    seen = [np.array(start, float)]
    result = minimize(name, function, start, lambda i: seen.append(i.params.copy()), **settings)
    return result, seen


def targets(loss, n, n_outputs):
    rng = np.random.default_rng(2)
    if loss == "multinomial_log_loss":
        return np.eye(n_outputs)[rng.integers(n_outputs, size=n)]
    return rng.poisson(1.0, size=(n, n_outputs)).clip(0, 1 if loss == "binary_log_loss" else 9)


def network(loss="squared_error", n_outputs=1, alpha=0.3, n=40, X=None):
    """Make a small net with weights, some of them zero, and a start from afar."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 2)) if X is None else X
    net = Network.mlp(2, (3,), n_outputs, skip_connections="all")
    weight = rng.integers(0, 3, n)
    f = Objective(net, loss, X, targets(loss, n, n_outputs), weight, alpha)
    return f, rng.normal(size=net.n_parameters)


# Momentum -------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["standard", "modified"])
@pytest.mark.parametrize("momentum", [0.3, 0.9])
def test_steps_with_momentum(momentum, objective):
    """Each ends where the gradient of the model has no part along g, and has mu s in it."""
    f, w = network(n_outputs=2)
    options = {"momentum": momentum, "objective": objective}
    result, seen = points("bpos", f, w, max_iter=12, options=options)
    F, last, plain = ModifiedObjective(f) if objective == "modified" else f, 0.0, 0
    for k, found in enumerate(seen[1:]):
        g, H = F.gradient(w), F.hessian(w)
        push = momentum * last
        eta = (g @ g + g @ H @ np.broadcast_to(push, g.shape)) / (g @ H @ g)
        step = push - eta * g
        if k and g @ step >= 0.0:
            step, plain = -(g @ g) / (g @ H @ g) * g, plain + 1
        while F.value(w + step) >= F.value(w):
            step = 0.5 * step
        assert_allclose(found, w + step, rtol=1e-8, atol=1e-10)
        w, last = found, found - w
    assert plain < 6
    assert result.n_evaluations["hessian_product"] == 12


def test_optimal_momentum_is_conjugate_gradients_on_a_quadratic():
    f = quadratic(6, 50.0)
    settings = {"tol": 1e-8, "max_iter": 30}  # of 70 at the start; six steps come to 1e-11
    start = np.linspace(-3.0, 4.0, 6)
    found, seen = points("bpos", f, start, options={"momentum": "optimal"}, **settings)
    other, path = points("bpos", f, start, options={"direction": "conjugate"}, **settings)
    assert found.status is Status.CONVERGED
    assert found.n_iter == other.n_iter == 6
    for a, b in zip(seen, path, strict=True):
        assert_allclose(a, b, rtol=1e-7, atol=1e-8)
    assert found.n_evaluations["hessian_product"] == 2 * 6 - 1


@pytest.mark.parametrize("objective", ["standard", "modified"])
def test_optimal_momentum_on_a_network(objective):
    """Where the model is convex in the plane of g and s, no point of it is lower."""
    f, w = network(n_outputs=2)
    options = {"momentum": "optimal", "objective": objective}
    _, seen = points("bpos", f, w, max_iter=15, options=options)
    F, last, whole = ModifiedObjective(f) if objective == "modified" else f, None, 0
    for found in seen[1:]:
        step, g, H = found - w, F.gradient(w), F.hessian(w)
        assert F.value(found) < F.value(w)
        if last is not None:
            V = np.stack([g, last], axis=1)
            K = V.T @ H @ V
            best = V @ np.linalg.solve(K, -V.T @ g)
            if np.linalg.eigvalsh(K)[0] > 0.0 and F.value(w + best) < F.value(w):
                assert_allclose(step, best, rtol=1e-6, atol=1e-8)
                whole += 1
        w, last = found, step
    assert whole >= 10


@pytest.mark.parametrize("momentum", [0.9, "optimal"])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_momentum_gets_there(problem, momentum):
    """Through negative curvature, too, and never up."""
    options = {"momentum": momentum}
    _, result = PROBLEMS[problem].run("bpos", tol=1e-6, max_iter=1000, options=options)
    assert result.converged
    assert (np.diff(result.history) <= 1e-14).all()
    if problem == "indefinite start":
        assert result.n_events["negative_curvature"] > 0


# Other curvatures -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["block", "gauss-newton"])
def test_steps_from_other_curvatures(kind):
    f, w = network(n_outputs=2)
    result, seen = points("bpos", f, w, max_iter=10, hessian=kind)
    for found in seen[1:]:
        g, H = f.gradient(w), f.hessian(w, kind)
        step = -(g @ g) / abs(g @ H @ g) * g
        while f.value(w + step) >= f.value(w):
            step = 0.5 * step
        assert_allclose(found, w + step, rtol=1e-8, atol=1e-10)
        w = found
    counted = "hessian" if kind == "block" else "hessian_product"
    assert result.n_evaluations[counted] == result.n_iter == 10


@pytest.mark.parametrize("kind", ["exact", "block", "lagrangian", "gauss-newton"])
def test_curvature_of_every_kind(kind):
    """Also where connections are missing and penalties mix the units."""
    rng = np.random.default_rng(0)
    masks = {"coefs_0": np.array([[1, 0, 1], [0, 1, 1]], dtype=bool)}
    net = Network.mlp(2, (3,), 2, connectivity=masks)
    data = rng.normal(size=(9, 2)), rng.normal(size=(9, 2))
    f = Objective(net, "squared_error", *data, alpha=0.2)
    w, d = rng.normal(size=(2, net.n_parameters))
    assert_close(f.curvature(w, d, kind), d @ f.hessian(w, kind) @ d, 1e-12)


def test_gauss_newton_steps_of_the_modified_objective():
    """Its curvature is the square of the slopes alone, so that eta = 2 F / |g|^2 for one part."""
    f, w = network()
    options = {"objective": "modified"}
    _, seen = points("bpos", f, w, max_iter=1, hessian="gauss-newton", options=options)
    value, g = f.value(w), f.gradient(w)
    step = -value / (g @ g) * g  # of f: down its tangent to 0
    while f.value(w + step) >= f.value(w):
        step = 0.5 * step
    assert_allclose(seen[1], w + step, rtol=1e-10)


# Losses -----------------------------------------------------------------------------------

LOSSES = ["squared_error", "poisson", "binary_log_loss", "multinomial_log_loss", "pseudo_huber"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_modified_steps_of_every_loss(loss, n_outputs):
    """Replayed from the public function; f and its gradient are reported."""
    f, w = network(loss if (loss, n_outputs) != (LOSSES[3], 1) else "squared_error", n_outputs)
    F = ModifiedObjective(f)
    result, seen = points("bpos", f, w, max_iter=8, options={"objective": "modified"})
    for found in seen[1:]:
        g, H = F.gradient(w), F.hessian(w)
        step = -(g @ g) / abs(g @ H @ g) * g
        while F.value(w + step) >= F.value(w):
            step = 0.5 * step
        assert_allclose(found, w + step, rtol=1e-8, atol=1e-10)
        w = found
    assert_close(result.value, f.value(result.params))
    assert_close(result.gradient, f.gradient(result.params))


@pytest.mark.parametrize("name", ["newton", "trust-ncg", "l-bfgs-b", "bpos"])
def test_every_solver_minimises_the_modified_objective(name):
    """For one output it has the minimum of f; for several another one."""
    options = {"direction": "conjugate"} if name == "bpos" else None
    everywhere = {"coefs_0": 1.0, "coefs_1": 1.0, "intercepts_0": 1.0}
    f, w = network(alpha=everywhere)
    own = get_solver("newton", tol=1e-9).minimize(f, w)
    solver = get_solver(name, tol=1e-7, max_iter=2000, options=options)
    found = solver.minimize(ModifiedObjective(f), own.params + 0.01)
    assert found.converged
    assert_allclose(found.params, own.params, atol=1e-4)
    f, w = network(n_outputs=2, alpha=everywhere)
    found = solver.minimize(ModifiedObjective(f), w)
    assert found.converged
    assert np.abs(f.gradient(found.params)).max() > 1e-4


def test_an_estimator_in_other_units():
    """The outputs are found through the coordinates of standardised columns."""
    rng = np.random.default_rng(0)
    X = 5.0 + 3.0 * rng.normal(size=(40, 2))
    Y = np.stack([np.tanh(X[:, 0] - 5.0), 100.0 * X[:, 1]], axis=1)
    parts = []

    class Watched(OptimalStepSolver):
        def target(self, function):
            parts.append(super().target(function).n_parts)
            return super().target(function)

    solver = Watched(objective="modified", max_iter=30, ftol=1e-2)
    NewtonMLPRegressor((2,), alpha=0.1, solver=solver, random_state=0).fit(X, Y)
    assert set(parts) == {2}


class Shifted(SquaredError):
    name = "shifted"

    def derivatives(self, y, raw, order=2):
        value, *rest = super().derivatives(y, raw, order)
        return (value - 3.0, *rest)[: order + 1]


def test_a_loss_that_is_negative():
    """Said at the start; on the way such a step is none, and the end says so."""
    options = {"objective": "modified"}
    f, w = network(Shifted(), X=np.zeros((40, 2)), alpha=0.0)
    with pytest.raises(ValueError, match=r"objective='modified': f is -.*at least 0"):
        minimize("bpos", f, 0.0 * w, options=options)
    w = 0.0 * w
    w[-1] = 5.0
    assert f.value(w) > 0.0
    result = minimize("bpos", f, w, options=options, max_iter=3000)
    assert result.status is Status.STALLED
    assert 0.0 <= result.value < 1e-6
    assert minimize("bpos", f, w, max_iter=100).value < -1.0


# Batches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_batches_add_up(n_outputs):
    """With weights, penalties and an offset; rows of no weight are in none."""
    f, w = network(n_outputs=n_outputs)
    data = f.samples, f.targets, f.sample_weight, 0.5
    offset = np.random.default_rng(5).normal(size=f.targets.shape)
    f = Objective(f.network, "poisson", *data, penalties=NormPenalty(0.7), offset=offset)
    blocks = f.batches(4, np.random.default_rng(0))
    sizes = [block.function.n_samples for block in blocks]
    assert sum(sizes) == (f.sample_weight > 0).sum()
    assert max(sizes) - min(sizes) <= 1
    assert_close(sum(block.share for block in blocks), 1.0)
    assert_close(sum(b.share * b.function.value(w) for b in blocks), f.value(w))
    assert_close(sum(b.share * b.function.gradient(w) for b in blocks), f.gradient(w))
    for kind in ("exact", "gauss-newton", "block"):
        H = sum(b.share * b.function.hessian(w, kind) for b in blocks)
        assert_close(H, f.hessian(w, kind), 1e-11)
    penalty, mixed = f.penalty.value(w), f.penalty.hessian(w)
    ridge = Objective(f.network, f.loss, *data).batches(4, np.random.default_rng(0))
    for block, other in zip(blocks, ridge, strict=True):
        assert_close(block.function.penalty.value(w), penalty)
        assert_close(block.function.penalty.hessian(w), mixed)
        # A diagonal stays one: no matrix is formed for it.
        assert other.function.penalty.hessian_of_others(w) is None


def test_batches_in_other_coordinates():
    """They are those of f, seen through the map or on the subspace."""
    f, w = network()
    rng, P = np.random.default_rng(4), len(w)
    T = sparse.csc_array(np.eye(P) + 0.1 * rng.normal(size=(P, P)))
    basis = np.linalg.qr(rng.normal(size=(P, 5)))[0]
    for g in (MappedObjective(f, AffineMap(T, w)), AffineObjective(f, w, basis)):
        blocks = g.batches(3, np.random.default_rng(0))
        u = rng.normal(size=g.n_parameters)
        assert_close(sum(b.share * b.function.gradient(u) for b in blocks), g.gradient(u))
        assert [b.share for b in blocks] == [
            b.share for b in f.batches(3, np.random.default_rng(0))
        ]


def test_bad_batches():
    f, w = network(n=6)
    with pytest.raises(ValueError, match=r"n_batches must be from 1 to .* got 7"):
        minimize("gd", f, w, options={"n_batches": 7})
    with pytest.raises(TypeError, match="n_batches=2 needs a sum over rows; Function has no"):
        minimize("gd", quadratic(), np.zeros(6), options={"n_batches": 2})


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_gradient_descent_in_batches(momentum):
    """Replayed: the same rows in all epochs, in an order that the seed gives."""
    f, w = network()
    options = {"learning_rate": 0.05, "momentum": momentum, "n_batches": 4, "random_state": 3}
    result, seen = points("gd", f, w, max_iter=6, options=options)
    rng, step = np.random.default_rng(3), 0.0
    blocks = f.batches(4, rng)
    for found in seen[1:]:
        for b in rng.permutation(4):
            step = momentum * step - 0.05 * blocks[b].function.gradient(w)
            w = w + step
        assert_allclose(found, w, rtol=1e-12)
    assert_close(result.value, f.value(w))
    assert_close(result.gradient, f.gradient(w))
    assert result.n_evaluations == {"value": 7, "gradient": 13, "hessian": 0, "hessian_product": 0}
    again = minimize("gd", f, seen[0], max_iter=6, options=options)
    assert (again.params == result.params).all()
    other = minimize("gd", f, seen[0], max_iter=6, options=options | {"random_state": 4})
    assert not np.allclose(other.params, result.params)


@pytest.mark.parametrize("objective", ["standard", "modified"])
def test_optimal_steps_in_batches(objective):
    """A step for each batch, optimal for its rows, and halved until their objective falls."""
    f, w = network()
    options = {"objective": objective, "n_batches": 3, "random_state": 1}
    result, seen = points("bpos", f, w, max_iter=5, options=options)
    rng = np.random.default_rng(1)
    blocks = f.batches(3, rng)
    functions = [b.function for b in blocks]
    if objective == "modified":
        functions = [ModifiedObjective(function) for function in functions]
    for found in seen[1:]:
        for b in rng.permutation(3):
            F = functions[b]
            g, H = F.gradient(w), F.hessian(w)
            step = -(g @ g) / abs(g @ H @ g) * g
            while F.value(w + step) >= F.value(w):
                step = 0.5 * step
            w = w + step
        assert_allclose(found, w, rtol=1e-8, atol=1e-10)
    assert_close(result.value, f.value(w))
    assert result.n_evaluations["hessian_product"] == 5
    assert result.n_evaluations["gradient"] == 11


def test_divergence_in_batches():
    f, w = network()
    result = minimize("gd", f, w, options={"learning_rate": 1e5, "n_batches": 3})
    assert result.status is Status.STALLED
    assert "is too large" in result.message


# What does not go together ----------------------------------------------------------------


def test_a_measured_rate_has_no_batches():
    with pytest.raises(ValueError, match="learning_rate='auto' needs n_batches=1"):
        get_solver("gd", options={"learning_rate": "auto", "n_batches": 2})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"direction": "conjugate", "momentum": 0.1}, "has a momentum of its own"),
        ({"direction": "conjugate", "n_batches": 2}, "needs n_batches=1"),
        ({"hessian": "block", "momentum": "optimal"}, "no products of hessian='block'"),
        ({"hessian": "block", "objective": "modified"}, "has no hessian='block'"),
        ({"hessian": "lagrangian", "momentum": 0.5}, "no products of hessian='lagrangian'"),
    ],
)
def test_settings_that_do_not_go_together(settings, message):
    with pytest.raises(ValueError, match=message):
        OptimalStepSolver(**settings)


# Counts -----------------------------------------------------------------------------------


class Seen(Objective):
    """An objective that keeps the points where it is asked."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.asked, self.n_calls = {"value": [], "gradient": []}, Counter()

    def value(self, w):
        self._note("value", w)
        return super().value(w)

    def gradient(self, w):
        self._note("gradient", w)
        return super().gradient(w)

    def _note(self, kind, w):
        self.n_calls[kind] += 1
        if np.isfinite(w).all():
            self.asked[kind].append(np.array(w).tobytes())

    def reduced(self):  # whose calls are those of another function
        return None


@pytest.mark.parametrize("name", SOLVERS)
def test_what_is_known_is_not_counted(name):
    """Counts are calls of the function, none of them twice in a row at a point.

    But "auto" is made of runs, each of which begins by itself.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2]
    f = Seen(Network.mlp(3, (2,), 1), "squared_error", X, y, alpha=0.01)
    result = get_solver(name, max_iter=25).minimize(f, rng.normal(size=f.n_parameters))
    for kind, asked in f.asked.items():
        assert result.n_evaluations[kind] == f.n_calls[kind]
        again = sum(a == b for a, b in pairwise(asked))
        assert again <= (1 if name == "auto" else 0)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize(
    "options",
    [{}, {"objective": "modified"}, {"momentum": "optimal"}, {"direction": "conjugate"}],
)
def test_counts_are_passes(options, n_outputs, monkeypatch):
    """A value is a pass forwards, a gradient one backwards, that of a Jacobian one per output."""
    passes = Counter()

    def counted(name):
        method = getattr(Chunk, name)

        def count(self, *arguments):
            passes[name] += 1
            return method(self, *arguments)

        monkeypatch.setattr(Chunk, name, count)

    for name in ("forward", "adjoint", "product"):
        counted(name)
    f, w = network(n_outputs=n_outputs)
    calls = minimize("bpos", f, w, max_iter=20, options=options).n_evaluations
    assert calls["hessian_product"] == passes["product"]
    assert abs(calls["value"] - passes["forward"]) <= 1
    if n_outputs == 1 or "objective" not in options:
        assert calls["gradient"] == passes["adjoint"]
    else:  # the start's, and two parts at each point
        assert calls["gradient"] == 1 + 2 * 21
