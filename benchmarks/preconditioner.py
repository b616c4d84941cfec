"""Products with and without the blocks of units as a preconditioner; writes doc/preconditioner.md.

    python benchmarks/preconditioner.py --write doc/preconditioner.md
    python benchmarks/preconditioner.py --shapes wide --runs newton:near --seconds 5

Both runs of a pair start at the same point in one process with one BLAS thread. They may end at
different minima, so the pair is compared where the run that ended higher ended: by the products
and the CPU seconds, refreshes included, that each took down to that value.
"""

import argparse
import os
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

from sknewtonnet.calculus import Network, Objective
from sknewtonnet.solvers import get_solver

# Rows, columns, hidden units, outputs, strength of the penalty, correlation and spread of columns.
SHAPES = {
    "columns of other units": (1000, 50, (40,), 1, 10.0, 0.0, 30.0),
    "two hidden layers": (2000, 30, (40, 20), 1, 10.0, 0.0, 1.0),
    "three hidden layers, correlated": (2000, 30, (30, 20, 20), 1, 10.0, 0.9, 1.0),
    "wide": (500, 200, (20,), 1, 10.0, 0.0, 1.0),
    "wide, correlated": (500, 200, (20,), 1, 10.0, 0.9, 1.0),
    "classes": (1000, 64, (32,), 10, 10.0, 0.0, 1.0),
    "classes, correlated": (1000, 64, (32,), 10, 10.0, 0.9, 1.0),
    "classes, correlated, weak penalty": (1000, 64, (32,), 10, 1.0, 0.9, 1.0),
    "radial, correlated": (1000, 10, "diag 100", 1, 10.0, 0.9, 1.0),
    "wide, 5000 rows": (5000, 200, (20,), 1, 10.0, 0.0, 1.0),
    "classes, 5000 rows": (5000, 64, (32,), 10, 10.0, 0.0, 1.0),
    "two hidden layers, 5000 rows, correlated": (5000, 30, (40, 20), 1, 10.0, 0.9, 1.0),
    "classes, 20,000 parameters": (1000, 100, (180,), 10, 10.0, 0.9, 1.0),
    "100,000 parameters, correlated": (1000, 100, (970,), 1, 10.0, 0.9, 1.0),
}
RUNS = ["newton:near", "trust-ncg:near"]
# More seconds for these.
LARGE = {
    "wide, 5000 rows": 3.0,
    "classes, 5000 rows": 3.0,
    "two hidden layers, 5000 rows, correlated": 3.0,
    "classes, 20,000 parameters": 2.0,
    "100,000 parameters, correlated": 5.0,
}

VERDICT = """## What it says

- **Classes with correlated columns** are where it pays, under both solvers: products fall to a third or a quarter, seconds to a half. Curvature of such a
  net is that of the columns in the block of each unit, which is just what blocks know. "trust-ncg" gains as much for classes with 5000 rows.
- **Three hidden layers of correlated columns, and two with 5000 rows**: products fall by up to 2.6, seconds by 1.4 to 1.8 under "newton"; little is gained, or some lost,
  under "trust-ncg".
- **Wide tables**: products fall by two to five, seconds hardly, or they rise. To apply blocks of 201 parameters costs more than a product of 500 rows.
- **Large nets**, of 20,000 and 100,000 parameters: products fall by half, and seconds rise.
- **Elsewhere** (radial units, columns of other units, two hidden layers) there is little to gain, or products multiply: what makes these problems hard is how units act on each
  other, which blocks leave out.
- Where both runs end at different minima, or are cut off, a row compares the way down to the higher value; single rows move by a factor from one start to another.

So it is an option and no default. Try it for classes, with columns that are correlated, and with more rows than a unit has parameters.
"""

HEAD = """# Blocks as a preconditioner

`solver_options={"preconditioner": "block"}` of "newton", "auto", "trust-ncg", "trust-krylov" and "newton-cg" makes conjugate gradients on exact
products use the Hessian's blocks of each unit. With B those blocks, |B| the matrix of the absolute values of their eigenvalues, and the radius of the
trust region, steps are measured by

    s'Ms,   M = I + |B| / shift,   shift = 10 |g| / radius

which is definite also where f is concave. Far from a minimum M is near I, the ball in which a linear model may be trusted; towards one it
becomes a multiple of |B|. (|B| alone was tried first: along directions in which a unit hardly bends it allows steps that are far too long. The region then shrinks to
nothing, and iterations multiply.) Blocks take sum_k s_k t_k^2 numbers (s_k units of t_k parameters), three times as many with their
eigenvectors and roots, and some 10 sum_k s_k t_k^3 flops beside the sums over the rows. They are kept for 100 products, or as many as a unit has parameters if these are more.

scipy's methods take no preconditioner: they run in coordinates v with s = M^(-1/2) v and start again, with the radius of the last steps, where the blocks are worked out anew.

The tables are written by `benchmarks/preconditioner.py`: CPU seconds and products of exact Hessians with one BLAS thread, of artificial tables; targets are smooth
functions of the columns and noise, and columns have a standard deviation of 1, unless they are in other units (a spread of 30 to one, not standardised).
"correlated" columns share a factor, with correlations of 0.9. A run without ("none") and one with blocks ("block") start at the same point: where L-BFGS has brought
the largest gradient entry of a random start to a thousandth, in 300 iterations at most ("near"), for that is where products count: far from a minimum a step takes few of them. They end at 1e-6 of that of the random start, or after {seconds:g} seconds (twice as many for 20,000 parameters, three times with 5000 rows, five times for 100,000). Minima differ, so both are compared at
the value where the one that ended higher ended; "f, none" and "f, block" are the ends. Ratios above 1 are in favour of the blocks.
"""

COLUMNS = "| shape | P | solver | start | products, none | block | ratio | s, none | block | ratio | refreshes | f, none | f, block |"


class Counted(Objective):
    """An objective that counts its products."""

    n_products = 0

    def hessian_product(self, w, v, kind="exact"):
        self.n_products += 1
        return super().hessian_product(w, v, kind)


class Jacobi(Counted):
    """With the diagonals of the blocks alone."""

    def hessian_blocks(self, w, kind="block"):
        return [block * np.eye(block.shape[-1]) for block in super().hessian_blocks(w, kind)]


class GaussNewton(Counted):
    """With the blocks of the Gauss-Newton matrix, formed as a whole."""

    def hessian_blocks(self, w, kind="block"):
        G = np.pad(self.hessian(w, "gauss-newton"), (0, 1))
        return [G[p[:, :, None], p[:, None, :]] for p in self.block_positions()]


def problem(name, kind=Counted):
    """Return an objective and a random start."""
    n, p, hidden, n_outputs, alpha, rho, spread = SHAPES[name]
    rng = np.random.default_rng(0)
    X = np.sqrt(1.0 - rho) * rng.normal(size=(n, p)) + np.sqrt(rho) * rng.normal(size=(n, 1))
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    directions = rng.normal(size=(p, 3, n_outputs)) / np.sqrt(p)
    parts = np.einsum("np,pqo->nqo", Z, directions)
    y = np.sin(2.0 * parts[:, 0]) + parts[:, 1] * parts[:, 2]
    y = (y - y.mean(axis=0)) / y.std(axis=0) + 0.3 * rng.normal(size=y.shape)
    loss = "squared_error" if n_outputs == 1 else "multinomial_log_loss"
    y = y if n_outputs == 1 else np.eye(n_outputs)[y.argmax(axis=1)]
    Z *= spread ** rng.uniform(-0.5, 0.5, p)
    if isinstance(hidden, str):
        covariance_type, n_units = hidden.split()
        network = Network.rbf(p, int(n_units), n_outputs, covariance_type=covariance_type)
    else:
        network = Network.mlp(p, hidden, n_outputs)
    w = rng.normal(size=network.n_parameters)
    for theta in network.by_layer(w):
        theta /= np.sqrt(len(theta))
    if isinstance(hidden, str):
        arrays = network.layout.unpack(w)
        arrays["centers"] = Z[rng.choice(n, int(n_units), replace=False)]
        arrays["precisions_cholesky"] = np.full_like(arrays["precisions_cholesky"], -np.log(3.0))
        w = network.layout.pack(arrays)
    return kind(network, loss, Z, y, alpha=alpha), w


def near(f, w):
    """Where L-BFGS has brought the gradient to a thousandth, or 300 iterations."""
    goal = 1e-3 * np.abs(f.gradient(w)).max()
    return get_solver("l-bfgs-b", tol=goal, max_iter=300).minimize(f, w).params


def run(f, w, tol, solver, preconditioner, seconds):
    """Return values, products and CPU seconds after each iteration, and the result."""
    f.n_products, path = 0, []
    begin = time.process_time()

    def see(iteration):
        path.append((iteration.value, f.n_products, time.process_time() - begin))
        return path[-1][2] > seconds

    how = {"tol": tol, "max_iter": 5000, "options": {"preconditioner": preconditioner}}
    result = get_solver(solver, **how).minimize(f, w, see)
    return np.array(path), result


def until(path, value):
    """Products and seconds of the first iteration at a value, or below."""
    first = int(np.argmax(path[:, 0] <= value + 1e-9 * abs(value)))
    return path[first, 1:]


def compare(name, solver, start, seconds):
    """One row of the first table."""
    f, w = problem(name)
    tol = 1e-6 * np.abs(f.gradient(w)).max()
    w = near(f, w) if start == "near" else w
    limit = seconds * LARGE.get(name, 1.0)
    runs = [run(f, w, tol, solver, one, limit) for one in ("none", "block")]
    worse = max(path[-1, 0] for path, _ in runs)
    (n0, t0), (n1, t1) = (until(path, worse) for path, _ in runs)
    ends = " | ".join(f"{result.value:.7g}" for _, result in runs)
    n_made = runs[1][1].n_events["preconditioners"]
    cells = f"{n0:.0f} | {n1:.0f} | {n0 / max(n1, 1):.2f} | {t0:.2f} | {t1:.2f} | {t0 / t1:.2f}"
    return f"| {name} | {f.n_parameters} | {solver} | {start} | {cells} | {n_made} | {ends} |"


CHOICES = {
    "none": (Counted, "none", None),
    "blocks, kept for 100 products": (Counted, "block", None),
    "blocks, kept for 0": (Counted, "block", 0),
    "blocks, kept for 400": (Counted, "block", 400),
    "diagonals": (Jacobi, "block", None),
    "Gauss-Newton blocks": (GaussNewton, "block", None),
}
CHOSEN_ON = ["classes, correlated"]


def choices(name, seconds):
    """One row of the second table: products to the highest of the ends."""
    found = []
    for kind, preconditioner, kept in CHOICES.values():
        f, w = problem(name, kind)
        tol = 1e-6 * np.abs(f.gradient(w)).max()
        w = near(f, w)
        kept_for = "sknewtonnet.solvers._preconditioner._KEPT_FOR"
        with patch(kept_for, 100 if kept is None else kept):
            found.append(run(f, w, tol, "trust-ncg", preconditioner, seconds)[0])
    worse = max(path[-1, 0] for path in found)
    cells = [until(path, worse) for path in found]
    return f"| {name} | {' | '.join(f'{n:.0f} ({t:.1f} s)' for n, t in cells)} |"


def main():
    """Print the rows, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--runs", nargs="+", default=RUNS, help="solver:start")
    parser.add_argument("--seconds", type=float, default=4.0, help="CPU seconds of a run")
    parser.add_argument("--no-choices", action="store_true", help="leave out the second table")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    rows = [COLUMNS, "|---" * 13 + "|"]
    print(*rows, sep="\n")
    with threadpool_limits(1):
        for one in options.runs:
            for name in options.shapes:
                rows.append(compare(name, *one.split(":"), options.seconds))
                print(rows[-1], flush=True)
        if not options.no_choices:
            rows += ["", "## Which blocks, and how old", "", TEXT_OF_CHOICES, ""]
            rows += [f"| shape | {' | '.join(CHOICES)} |", "|---" * (len(CHOICES) + 1) + "|"]
        for name in [] if options.no_choices else CHOSEN_ON:
            rows.append(choices(name, options.seconds))
            print(rows[-1], flush=True)
    if options.write is not None:
        head = HEAD.replace("{seconds:g}", f"{options.seconds:g}")
        options.write.write_text("\n".join([head, *rows, "", VERDICT]), encoding="utf-8")


TEXT_OF_CHOICES = """Products, and seconds in brackets, of "trust-ncg" from "near" down to the highest of the six ends. "diagonals" are those of the blocks (Jacobi); Gauss-Newton blocks
are taken from the whole matrix here, so that their seconds say nothing. How old blocks are hardly matters; diagonals alone do little."""


if __name__ == "__main__":
    main()
