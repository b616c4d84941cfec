"""Variants of the optimal step, [G]'s own net, and what hangs on the last bit of a start.

    python benchmarks/optimal_step_variants.py --write doc/optimal_step_variants.md
    python benchmarks/optimal_step_variants.py --sections iris --epochs 100

Each section can be made anew by itself: those that are not asked for stay as they are in the
file. The whole takes about six minutes of CPU time on one thread.
"""
# ruff: noqa: E402  (numpy starts with the number of threads that is set here)

import argparse
import os
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import optimal_steps as base
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from sknewtonnet.calculus import Network, Objective, SmoothFunction, critical_point
from sknewtonnet.solvers import get_solver

STARTS, SEEDS, EPOCHS, LONG = 10, (0, 1, 2), 1000, 5000
MODIFIED, CONJUGATE = {"objective": "modified"}, {"direction": "conjugate"}
MAIN = {
    "BPOS, modified": MODIFIED,
    "BPOS, standard": {},
    "BPOS, modified, conjugate": MODIFIED | CONJUGATE,
    "BPOS, standard, conjugate": CONJUGATE,
}


def bpos(**options):
    return "bpos", options, "exact"


VARIANTS = {
    "constant step": ("gd", {"learning_rate": 0.3}, "exact"),
    "constant step, momentum 0.9": ("gd", {"learning_rate": 0.3, "momentum": 0.9}, "exact"),
    "constant step, 25 batches": ("gd", {"learning_rate": 0.3, "n_batches": 25}, "exact"),
    "BPOS": bpos(),
    "BPOS, modified": bpos(**MODIFIED),
    "BPOS, Gauss-Newton curvature": ("bpos", {}, "gauss-newton"),
    "BPOS, block curvature": ("bpos", {}, "block"),
    "BPOS, momentum 0.9": bpos(momentum=0.9),
    "BPOS, optimal momentum": bpos(momentum="optimal"),
    "BPOS, modified, optimal momentum": bpos(momentum="optimal", **MODIFIED),
    "BPOS, conjugate": bpos(**CONJUGATE),
    "BPOS, 25 batches": bpos(n_batches=25),
    "LM, marquardt": ("lm", {"damping": "marquardt"}, "exact"),
    "LM, nielsen": ("lm", {"damping": "nielsen"}, "exact"),
    "default": ("auto", {}, "exact"),
}


def perturbed(start, k):
    """The start, with each weight moved by k units of its last place or so."""
    return start * (1.0 + k * 2e-16)


def logistic_iris():
    """[G]'s own net: logistic units throughout, so classes are 0, 1/2 and 1."""
    X, y = load_iris(return_X_y=True)
    network = Network.mlp(4, (17,), 1, "logistic", output_activation="logistic")
    return Objective(network, "squared_error", scale(X), y / 2.0)


def run(objective, start, entrant, epochs, limit=np.inf, goal=-np.inf):
    """Errors after each iteration, CPU seconds, and the result."""
    name, options, hessian = entrant
    errors, begun = [objective.value(start)], time.process_time()

    def watch(it):
        errors.append(it.value)
        return time.process_time() - begun >= limit or it.value <= goal

    solver = get_solver(name, max_iter=epochs, options=options, hessian=hessian)
    result = solver.minimize(objective, start, watch)
    return np.array(errors), time.process_time() - begun, result


def span(values, pattern="{:.3g}"):
    """From the least to the largest, once where both read the same."""
    if not values:
        return "-"
    ends = [pattern.format(pick(values)) for pick in (min, max)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def last_bits(epochs):
    """Ranges over starts that differ in their last bits."""
    entrants = {label: bpos(**options) for label, options in MAIN.items()}
    return LAST_BITS.format(last=STARTS - 1) + ranges(entrants, (10, 50, 500, epochs))


def last_bits_of_newton(_):
    """The same for methods that solve equations."""
    entrants = {label: VARIANTS[label] for label in ("LM, marquardt", "LM, nielsen", "default")}
    return LAST_BITS_OF_NEWTON + ranges(entrants, (10, 50, 500))


def ranges(entrants, shown):
    """A table of ranges over starts that differ in their last bits."""
    rows, objective, shown = [], base.iris(), sorted({min(k, shown[-1]) for k in shown})
    for seed in SEEDS:
        for label, entrant in entrants.items():
            found = []
            for k in range(STARTS):
                start = perturbed(base.iris_start(seed), k)
                found.append(150 * run(objective, start, entrant, shown[-1])[0])
            cells = [span([e[min(k, len(e) - 1)] for e in found]) for k in shown]
            rows.append([f"{seed}", label, *cells])
            print(rows[-1], flush=True)
    return base.lines(["seed", "", *(f"{k} epochs" for k in shown)], rows)


def iris(epochs):
    """Variants on both nets."""
    shown = [k for k in (10, 50, 200, 1000) if k <= epochs]
    text = IRIS.format(epochs=epochs)
    for objective, words in ((base.iris(), LINEAR_OUTPUT), (logistic_iris(), LOGISTIC_OUTPUT)):
        size, rows = 103, []
        for label, entrant in VARIANTS.items():
            starts = [np.random.default_rng(s).uniform(-0.5, 0.5, size) for s in SEEDS]
            found = [run(objective, start, entrant, epochs) for start in starts]
            errors = [150 * e for e, _, _ in found]
            cells = [base.each([e[min(k, len(e) - 1)] for e in errors]) for k in shown]
            calls = found[0][2]
            per = {name: n / calls.n_iter for name, n in calls.n_evaluations.items()}
            pace = 1e3 * float(np.median([s / r.n_iter for _, s, r in found]))
            rows.append([label, *cells, base.plain(pace), counted(per)])
            print(rows[-1], flush=True)
        title = ["", *(f"{k} epochs" for k in shown), "ms an epoch", "evaluations an epoch"]
        text += words + base.lines(title, rows)
    return text


def counted(per):
    """Values, gradients, Hessians and products of an iteration, in a few letters."""
    letters = {"value": "f", "gradient": "g", "hessian": "H", "hessian_product": "Hv"}
    return ", ".join(f"{n:.1f} {letters[name]}" for name, n in per.items() if n > 0.04)


def approximation(_):
    """Rosenbrock net with 500 variables: last bits, momentum and batches."""
    objective, _, _ = base.approximation(500)
    entrants = {
        "BPOS, modified": bpos(**MODIFIED), "BPOS, standard": bpos(),
        "BPOS, conjugate": bpos(**CONJUGATE), "BPOS, optimal momentum": bpos(momentum="optimal"),
        "BPOS, momentum 0.9": bpos(momentum=0.9),
        "BPOS, Gauss-Newton curvature": ("bpos", {}, "gauss-newton"),
        "BPOS, block curvature": ("bpos", {}, "block"),
        "BPOS, 25 batches": bpos(n_batches=25),
        "BPOS, modified, 25 batches": bpos(n_batches=25, **MODIFIED),
        "constant step 0.05, 25 batches": ("gd", {"learning_rate": 0.05, "n_batches": 25}, "exact"),
    }  # fmt: skip
    rows = []
    for label, entrant in entrants.items():
        starts = STARTS if label in ("BPOS, modified", "BPOS, standard") else 1
        found = [
            run(
                objective,
                perturbed(base.approximation_start(500, 0), k),
                entrant,
                3000,
                10.0,
                5e-4,
            )
            for k in range(starts)
        ]
        cells = []
        for level in (0.1, 0.01, 0.001):
            reached = [np.flatnonzero(2.0 * e <= level)[:1] for e, _, _ in found]
            cells.append(span([int(k[0]) for k in reached if len(k)], "{}"))
        pace = 1e3 * float(np.median([s / r.n_iter for _, s, r in found]))
        last = span([2.0 * e[-1] for e, _, _ in found], "{:.2g}")
        rows.append([label, f"{starts}", *cells, base.plain(pace, 3), last])
        print(rows[-1], flush=True)
    title = ["", "starts", "to 0.1", "to 0.01", "to 0.001", "ms an epoch", "last error"]
    return APPROXIMATION + base.lines(title, rows)


def small_approximation(n_variables, seed):
    """The net of examples/plot_rosenbrock_net.py: 2 N points, a start, and points anew."""
    rng = np.random.default_rng(seed)
    n = 2 * n_variables
    X = rng.integers(-20, 21, (2 * n_variables, n_variables)) / 10.0
    y = base.rosenbrock(X)
    y = (y - y.mean()) / y.std()
    network = Network.mlp(n_variables, (5,), 1, activation="logistic")
    objective = Objective(network, "squared_error", X / 1.183, y)
    return objective, rng.uniform(-0.5, 0.5, network.n_parameters) / np.sqrt(n_variables), n


def where_lm_ends(_):
    """Verdicts at the ends of LM, and what is below them."""
    rows = []
    for label in ("LM, marquardt", "LM, nielsen"):
        for seed in SEEDS:
            objective, start, _ = small_approximation(100, seed)
            errors, _, result = run(objective, start, VARIANTS[label], 1000, 20.0)
            w = result.params
            arrays = objective.network.layout.unpack(w)
            inputs = objective.samples @ arrays["coefs_0"] + arrays["intercepts_0"]
            point = critical_point(objective, w)
            on, _, after = run(objective, w, ("newton", {}, "exact"), 2000, 20.0)
            rows.append([
                label, f"{seed}", f"{result.n_iter}", result.status.name.lower(),
                f"{2.0 * errors[-1]:.2g}", f"{result.gradient_norm:.0e}", point.kind,
                f"{point.lowest:.1e}", f"{(np.abs(inputs) > 10.0).mean():.0%}",
                f"{2.0 * on[-1]:.1e}", f"{after.n_iter}",
            ])  # fmt: skip
            print(rows[-1], flush=True)
    title = ["", "seed", "iterations", "ended", "error", "gradient", "verdict"]
    title += ["least eigenvalue", "flat", "error after Newton steps from there", "of which"]
    return WHERE_LM_ENDS + base.lines(title, rows)


def errata(_):
    """Equations 29 and 30, in a block that the tests run."""
    return ERRATA.rstrip("\n") + "\n"


class Rosenbrock(SmoothFunction):
    """Sum over i of 100 (w_i+1 - w_i^2)^2 + (1 - w_i)^2."""

    def __init__(self, n_parameters):
        self.n_parameters = n_parameters

    def value(self, w):
        return float((100.0 * (w[1:] - w[:-1] ** 2) ** 2 + (1.0 - w[:-1]) ** 2).sum())

    def gradient(self, w):
        valley = 200.0 * (w[1:] - w[:-1] ** 2)
        return np.append(-2.0 * w[:-1] * valley - 2.0 * (1.0 - w[:-1]), 0.0) + np.append(
            0.0, valley
        )

    def hessian_product(self, w, v, kind="exact"):
        u = v.T  # directions as rows
        ends = 200.0 * (u[..., 1:] - 2.0 * w[:-1] * u[..., :-1])
        starts = -2.0 * w[:-1] * ends + (2.0 - 400.0 * (w[1:] - w[:-1] ** 2)) * u[..., :-1]
        product = np.zeros_like(u)
        product[..., :-1] += starts
        product[..., 1:] += ends
        return product.T


def itself(_):
    """The function of Rosenbrock as a function to minimise."""
    entrants = {
        "BPOS": bpos(), "BPOS, modified": bpos(**MODIFIED), "BPOS, momentum 0.9": bpos(momentum=0.9),
        "BPOS, conjugate": bpos(**CONJUGATE), "BPOS, optimal momentum": bpos(momentum="optimal"),
        "l-bfgs-b": ("l-bfgs-b", {}, "exact"), "newton": ("newton", {}, "exact"),
    }  # fmt: skip
    rows = []
    for label, (name, options, _) in entrants.items():
        cells = []
        for size in (2, 500, 1000):
            start = np.resize([-1.2, 1.0], size)
            solver = get_solver(name, tol=1e-6, max_iter=20_000, options=options)
            result = solver.minimize(Rosenbrock(size), start)
            calls = result.n_evaluations
            cells.append(f"{result.n_iter} ({calls['value']}, {calls['gradient']}, "
                         f"{calls['hessian_product']})" if result.converged else "-")  # fmt: skip
        rows.append([label, *cells])
        print(rows[-1], flush=True)
    return ITSELF + base.lines(["", "N = 2", "N = 500", "N = 1000"], rows)


# ---- the document ----
HEADER = """# Optimal steps: variants, and the last bit

[optimal_steps.md](optimal_steps.md) repeats the experiments of Gong et al. (2012), [G]. This page goes on: [G]'s own net, whose output is logistic,
steps with momentum, with other curvatures and in batches, where Levenberg-Marquardt ends, and which figures hang on the last bit of a start.
Errors are SSE / 2 on Iris, and mean squared errors of a standardised target on the Rosenbrock function. One thread; times are CPU
times of a busy machine. Written by `benchmarks/optimal_step_variants.py`; `--sections` makes single sections anew.
"""
LAST_BITS = """
## What hangs on the last bit

Starts whose weights are multiplied by 1 + k 2e-16 agree to 15 digits. Ranges of SSE / 2 over k = 0, ..., {last} on Iris, 4-17-1, linear
output; one number where all print alike:

"""
LAST_BITS_OF_NEWTON = """
## The last bit of Levenberg-Marquardt and the default

The same starts; an error that a run had ended at counts for the epochs after it.

"""
IRIS = """
## Iris: variants

Cells give SSE / 2 from three starts after so many epochs (of {epochs} at most). "Evaluations" are those of the first start over its
iterations: values f, gradients g, Hessians H, products Hv; those for batches count by their share of the rows.
"""
LINEAR_OUTPUT = """
Linear output, classes -1, 0 and 1, as on the other page:

"""
LOGISTIC_OUTPUT = """
Logistic output, [G]'s own net; classes 0, 1/2 and 1, so that errors are a quarter of those above:

"""
APPROXIMATION = """
## Rosenbrock net with 500 variables

N-5-1, 1000 points, from the start of seed 0; with several starts these differ in the last bit as above, and cells give ranges. Epochs to a
mean squared error; 10 CPU seconds at most, and an end at 0.001. [G] trains "in 25 batches" of this function: here those are 40 rows
each, with a step for each batch.

"""
WHERE_LM_ENDS = """
## Where Levenberg-Marquardt ends

The N-5-1 net of `examples/plot_rosenbrock_net.py`, N = 100, 511 weights on 200 points: the error can fall to 0. "Flat" is the share of hidden inputs
beyond +-10, where a logistic unit is constant; the verdict is that of `critical_point`. Newton steps go on from there.

"""
ITSELF = """
## The Rosenbrock function itself

Solvers take any `SmoothFunction`:

```python
import numpy as np
from scipy.optimize import rosen, rosen_der, rosen_hess
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.solvers import get_solver


class Rosenbrock(SmoothFunction):
    n_parameters = 500

    def value(self, w):
        return rosen(w)

    def gradient(self, w):
        return rosen_der(w)

    def hessian(self, w, kind="exact"):
        return rosen_hess(w)


start = np.resize([-1.2, 1.0], 500)
options = {"momentum": "optimal"}
result = get_solver("bpos", ftol=1e-3, options=options).minimize(Rosenbrock(), start)
assert result.value < 0.05 * rosen(start)
```

Iterations to a gradient of 1e-6 from that start, (-1.2, 1, -1.2, 1, ...), with values, gradients and products in brackets; "-" where 20,000
iterations did not do. For F = f^2 / 2 the gradient is still that of f.

"""
ERRATA = """
## Equations 29 and 30

The second derivatives of e-hat = (y - d)^2 that [G] prints, on a 2-2-1 net of logistic units and one sample, beside what follows from
the chain rule and what the package has. The first is that of w_11 and w_22, the second that of w_12 and w_22, where w_km
goes from input k to hidden unit m.

```python
import numpy as np
from sknewtonnet.calculus import Network, Objective

x, d = np.array([1.0, 2.0]), 0.0
W, v = np.array([[0.5, -1.0], [1.0, 0.5]]), np.array([1.0, -2.0])
net = Network.mlp(2, (2,), 1, "logistic", output_activation="logistic")
f = Objective(net, "squared_error", x[None], [d])
w = net.layout.pack(
    {"coefs_0": W, "intercepts_0": [0, 0], "coefs_1": v[:, None], "intercepts_1": [0]}
)

b = 1 / (1 + np.exp(-x @ W))  # hidden outputs
y = 1 / (1 + np.exp(-b @ v))
D, s, e = b * (1 - b), y * (1 - y), y - d  # s is y', and y'' is s (1 - 2 y)
bend = s**2 + e * s * (1 - 2 * y)
printed_29 = 2 * s * v[1] * v[0] * x[1] * x[0] * D[1] ** 2
right_29 = 2 * bend * v[1] * v[0] * x[1] * x[0] * D[1] * D[0]
printed_30 = 2 * v[1] * D[1] * x[1] * x[0] * (e * (1 - 2 * b[1]) + s * v[1] * D[1])
right_30 = 2 * v[1] * D[1] * x[1] * x[0] * (e * s * (1 - 2 * b[1]) + bend * v[1] * D[1])

H = 2 * f.hessian(w)  # of e-hat, twice f
row, column = net.layout.names.index("coefs_0[x0, h0]"), net.layout.names.index("coefs_0[x1, h1]")
assert np.isclose(H[row, column], right_29, rtol=1e-12) and round(right_29, 4) == -0.0094
row = net.layout.names.index("coefs_0[x0, h1]")
assert np.isclose(H[row, column], right_30, rtol=1e-12) and round(right_30, 4) == 0.0669
assert (round(printed_29, 3), round(printed_30, 3)) == (-0.125, 0.25)
```
"""
SECTIONS = {
    "bits": last_bits, "bits-newton": last_bits_of_newton, "iris": iris, "approximation": approximation,
    "lm": where_lm_ends, "itself": itself, "errata": errata,
}  # fmt: skip
OPENINGS = (
    LAST_BITS, LAST_BITS_OF_NEWTON, IRIS, APPROXIMATION, WHERE_LM_ENDS, ITSELF, ERRATA
)  # fmt: skip
FOUND = "\nWhat came out:\n"


def merged(old, fresh):
    """The sections of a page by their headings, fresh ones in place of the old, remarks kept."""
    known = {part.split("\n", 1)[0]: part for part in old.split("\n## ")[1:]}
    for part in fresh:
        body = part.strip("\n").removeprefix("## ") + "\n"
        heading = body.split("\n", 1)[0]
        remarks = known.get(heading, "").partition(FOUND)[2]
        known[heading] = body + (FOUND + remarks.rstrip("\n") + "\n" if remarks else "")
    order = [text.strip().split("\n", 1)[0].removeprefix("## ") for text in OPENINGS]
    return {heading: known[heading] for heading in order if heading in known}


def main():
    """Measure the sections asked for, and put them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, help="file for the document")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of variants on Iris")
    parser.add_argument("--long", type=int, default=LONG, help="epochs of the last bits")
    options = parser.parse_args()
    fresh = [
        SECTIONS[name](options.long if name == "bits" else options.epochs)
        for name in options.sections
    ]
    old = ""
    if options.write and options.write.exists():
        old = options.write.read_text(encoding="utf-8")
    parts = merged(old, fresh)
    text = base.wrapped(HEADER) + "".join(f"\n## {part.rstrip()}\n" for part in parts.values())
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
