"""Both forms of the learning problem: states eliminated, and states as variables.

    python benchmarks/full_space.py --write doc/full_space.md

[I] eq. 4, the chain rule, minimised by Newton's method; and [I] eq. 5, weights and states under
the propagation equations, by ``minimize_full_space`` from states that obey them and that do not.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from derivatives import table
from threadpoolctl import threadpool_limits

from sknewtonnet.calculus import Lagrangian, Network, Objective
from sknewtonnet.solvers import get_solver, minimize_full_space

HEADER = """# Both forms of the learning problem

Iovleff (2004), [I], writes the learning problem in two forms: the states X as functions of the weights W (eq. 4), and the propagation
equations as constraints of a problem in W and X (eq. 5), with the Lagrangian of eq. 6. `sknewtonnet.calculus.Lagrangian` is that
function with its derivatives ([calculus.md](calculus.md)), and `minimize_full_space` solves (5) by scipy's "trust-constr", also
from states that do not obey the equations. A few Newton steps on dL/d(W, X, E) = 0, by scipy's sparse solver, give the last digits.

```python
import numpy as np
from sknewtonnet.calculus import Lagrangian, Network, Objective, canonical
from sknewtonnet.solvers import get_solver, minimize_full_space

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 2))
y = np.sin(X[:, :1]) + 0.3 * X[:, 1:] ** 2
f = Objective(Network.mlp(2, 2, 1), "squared_error", X, y, alpha=0.5)
lagrangian, w0 = Lagrangian(f), 0.5 * rng.normal(size=f.n_parameters)

full = minimize_full_space(lagrangian, w0)  # form (5), from states that are all 0
reduced = get_solver("newton", tol=1e-12).minimize(f, w0)  # form (4)
assert full.converged and full.feasibilities[0] > 0.1 and full.feasibility < 1e-12
same = canonical(f, full.params) - canonical(f, reduced.params)  # up to symmetries of the net
assert abs(same).max() < 1e-9
for found, adjoint in zip(full.multipliers, f.multipliers(full.params)):
    assert abs(found - adjoint).max() < 1e-12  # Lagrange multipliers are adjoints
```

Penalised nets (alpha = 0.5) from one random start each. "Newton" minimises f(W) (tol 1e-10), "full" f(W, X) under the equations (tol 1e-8)
from the states that the start propagates (feasible), from states of 0, and from random ones. "Variables" counts W and X.
"Off at first" and "at most" are the largest violation of an equation at the start and on the way, "stationarity" and "feasibility" the
largest entries of the gradient of the Lagrangian at the end, in W and X and in the multipliers. "Loss - Newton's" compares the minima,
"falls on by" is how far f falls if Newton's method for f (tol 1e-10) goes on from where the full space ended, "multipliers" the largest
relative difference of the Lagrange multipliers from those of the adjoint pass.
CPU time on one thread, numpy {numpy}. Written by `benchmarks/full_space.py`.
"""
FOUND = """
What came out:

- Both forms have the same minima: where the full space ends, Newton's method for f has nothing left to do, and the Lagrange multipliers
  that scipy estimates are those of the adjoint pass. Of several minima a start may lead to another one than Newton's, as two
  solvers may: then the losses differ.
- States need not be propagated: random states, or zeros, serve as well as feasible ones.
- Eliminating the states is far cheaper. The full space took {iterations[0]:.1f} to {iterations[1]:.1f} times the iterations and {times[0]:.0f} to
  {times[1]:.0f} times the time. Each of its iterations factorises sparse matrices of n_weights + 2 n_states rows.
- The sum over samples is what scipy minimises: with the mean in its place it took 5 to 12 times the iterations.
"""
COLUMNS = (
    "net | samples | W | variables | start | Newton: iterations | ms | full: iterations | ms | "
    "off at first | at most | stationarity | feasibility | loss - Newton's | falls on by | multipliers"
)


def problems():
    """Yield names and objectives."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.sin(2.0 * X[:, :1]) + 0.3 * X[:, 1:] ** 2 + 0.1 * rng.normal(size=(200, 1))
    labels = np.eye(3)[np.digitize(X[:, 0] * X[:, 1], [-0.3, 0.3])]
    some, more, all_of_them = slice(50), slice(100), slice(200)
    yield "2-3-1 tanh", Network.mlp(2, 3, 1), "squared_error", X[some], y[some]
    deep = Network.mlp(2, (3, 2), 1, skip_connections="all")
    yield "2-3-2-1 tanh, all skips", deep, "squared_error", X[some], y[some]
    yield (
        "2-3-3 logistic, softmax",
        Network.mlp(2, 3, 3, "logistic"),
        "log_loss",
        X[more],
        labels[more],
    )
    yield "2-3-1 Gaussian, diag", Network.rbf(2, 3, 1, "diag"), "squared_error", X[all_of_them], y


def clocked(function):
    """What it returns, and its CPU time in ms."""
    before = time.process_time()
    found = function()
    return found, 1e3 * (time.process_time() - before)


def starts(lagrangian, w0):
    """States to start from, by name."""
    propagated = lagrangian.at(w0).states
    rng = np.random.default_rng(1)
    return {
        "feasible": propagated,
        "zeros": None,
        "random": [rng.normal(size=state.shape) for state in propagated],
    }


def measured(name, f, max_iter):
    """Rows of one problem."""
    lagrangian, rng = Lagrangian(f), np.random.default_rng(2)
    w0 = 0.5 * rng.normal(size=f.n_parameters)
    newton, newton_ms = clocked(lambda: get_solver("newton", tol=1e-10).minimize(f, w0))
    for start, states in starts(lagrangian, w0).items():
        full, full_ms = clocked(
            lambda states=states: minimize_full_space(lagrangian, w0, states, max_iter=max_iter)
        )
        on = get_solver("newton", tol=1e-10).minimize(f, full.params)
        adjoint = f.multipliers(full.params)
        off = max(
            abs(e - a).max() / abs(a).max() for e, a in zip(full.multipliers, adjoint, strict=True)
        )
        row = (
            f"| {name} | {f.n_samples} | {f.n_parameters} | {f.n_parameters + lagrangian.n_states} | "
            f"{start} | {newton.n_iter} | {newton_ms:.0f} | {full.n_iter} | {full_ms:.0f} | "
            f"{full.feasibilities[0]:.1g} | {max(full.feasibilities):.1g} | "
            f"{full.stationarity:.0e} | {full.feasibility:.0e} | {full.value - newton.value:.0e} | "
            f"{full.value - on.value:.0e} | {off:.0e} |"
        )
        yield row, full.n_iter / newton.n_iter, full_ms / newton_ms


def main():
    """Print the document, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, default=4, help="number of problems")
    parser.add_argument("--max-iter", type=int, default=1000)
    parser.add_argument("--write", type=Path, help="file for the document")
    options = parser.parse_args()
    rows = []
    with threadpool_limits(1):
        for number, (name, *data) in enumerate(problems()):
            if number < options.only:
                f = Objective(*data, alpha=0.5)
                f.hessian(np.ones(f.n_parameters))  # what is made once does not count
                rows += measured(name, f, options.max_iter)
    lines, iterations, times = zip(*rows, strict=True)
    text = HEADER.replace("{numpy}", np.__version__) + "\n"
    text += table("", COLUMNS, lines).lstrip("\n")
    text += FOUND.format(
        iterations=(min(iterations), max(iterations)), times=(min(times), max(times))
    )
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
