"""Exact Hessian of an RBF net against automatic differentiation, as ratios within one run.

    python benchmarks/rbf_hessian.py --write doc/rbf_speed.md
    python benchmarks/rbf_hessian.py --threads 1 --kinds full

The same objective is written in jax, in double precision and compiled, in two forms: with
the differences between samples and centres as in a textbook, and with the quadratic form
multiplied out, so that one product of a constant matrix of monomials with the coefficients
gives all activations. Each form is differentiated twice in several ways, and the fastest of
all competes: in turns with ours, by the helpers of ``derivatives.py``. A way that needs more
work memory than allowed is not run. Both Hessians must agree to 1e-9 of the largest entry.

Each covariance type runs in a process of its own. On one thread the time is CPU time (of a
process pinned to a core, where the system can do that), on more it is wall time.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from derivatives import alternating, interleaved, milliseconds, summary, table, verdict

N_SAMPLES, N_FEATURES, N_CENTERS = 2000, 10, 20
# Seconds of automatic differentiation over ours that are asked for.
BARS = {"spherical": 5.0, "diag": 5.0, "full": 2.0}
FORMS = ("differences", "multiplied out")
GROUPS = (1, 2, 4, 8, 16)
SAMPLE_CHUNKS = (50, 100, 200)
TOLERANCE = 1e-9

HEADER = """# The Hessian of an RBF net: exact formulas against automatic differentiation

Squared error, {n} samples of {p} features, {s} centres, one output; double precision. jax's time is that of the fastest way found
for the same objective; the second table of each part has all ways. "multiplied out" is the quadratic form as one product with a
matrix of monomials of the data, which loses digits where a width is small against the distance to the origin; "differences" does
not. Ratios are medians over blocks run in turns within one process ([how](../benchmarks/README.md)); "agree" is the largest
difference of two entries over the largest entry. Written by `benchmarks/rbf_hessian.py` with {versions}.

"""
HESSIAN_COLUMNS = (
    "covariance | P | ours ms | jax ms | jax / ours | bar | | fastest way of jax"
    " | differences only, jax / ours | agree"
)
PRODUCT_COLUMNS = "covariance | quantity | ours ms | jax ms | jax / ours | jax's form | agree"


def unit_parameters(kind):
    """Free parameters of one Gaussian unit."""
    p = N_FEATURES
    return {"spherical": p + 1, "diag": 2 * p, "full": p + p * (p + 1) // 2}[kind]


def problem(kind):
    """Random data and two points: (network, X, Y, [w, w'])."""
    from sknewtonnet.calculus import Network

    n, p, s = N_SAMPLES, N_FEATURES, N_CENTERS
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n, p)), rng.standard_normal((n, 1))
    network = Network.rbf(p, s, 1, covariance_type=kind)
    points = []
    for _ in range(2):
        # Widths near 3 for distances near sqrt(20): no unit is off, none is constant.
        if kind == "full":
            precisions = np.triu(0.03 * rng.standard_normal((s, p, p))) - np.log(3) * np.eye(p)
        else:
            shape = {"spherical": (s,), "diag": (s, p)}[kind]
            precisions = 0.1 * rng.standard_normal(shape) - np.log(3)
        arrays = {
            "centers": rng.standard_normal((s, p)),
            "precisions_cholesky": precisions,
            "coefs_0": rng.standard_normal((s, 1)),
            "intercepts_0": rng.standard_normal(1),
        }
        points.append(network.layout.pack(arrays))
    return network, X, Y, points


# ---- the objective in jax ----
def jax_activations(kind, form):
    """Quadratic forms of all samples and centres, from the (t, s) matrix of parameters."""
    import jax.numpy as jnp

    p = N_FEATURES
    rows, columns = np.triu_indices(p)

    def factors(free):
        empty = jnp.zeros((free.shape[1], p, p))
        upper = empty.at[:, rows, columns].set(free.T)
        diagonal = np.arange(p)
        return upper.at[:, diagonal, diagonal].set(jnp.exp(upper[:, diagonal, diagonal]))

    def differences(theta, X):
        gaps = X[:, None] - theta[:p].T
        if kind == "full":
            gaps = jnp.einsum("nsp,spq->nsq", gaps, factors(theta[p:]))
            return jnp.sum(gaps**2, axis=2)
        return jnp.sum(jnp.exp(2.0 * theta[p:].T) * gaps**2, axis=2)

    def multiplied_out(theta, X):
        centers = theta[:p].T
        if kind == "full":
            U = factors(theta[p:])
            M = U @ U.transpose(0, 2, 1)
            slopes = jnp.einsum("spq,sq->sp", M, centers)
            squares = X[:, rows] * X[:, columns]
            heads = M[:, rows, columns] * np.where(rows == columns, 1.0, 2.0)
        else:
            heads = jnp.exp(2.0 * theta[p:].T)
            slopes = heads * centers
            squares = X**2 if kind == "diag" else jnp.sum(X**2, axis=1, keepdims=True)
        monomials = jnp.concatenate([squares, X, jnp.ones((len(X), 1))], axis=1)
        constants = jnp.sum(slopes * centers, axis=1)
        return monomials @ jnp.concatenate([heads.T, -2.0 * slopes.T, constants[None]])

    return differences if form == "differences" else multiplied_out


def jax_value(kind, form):
    """The objective as a function of w, X and Y."""
    import jax.numpy as jnp

    activations = jax_activations(kind, form)
    t, s = unit_parameters(kind), N_CENTERS

    def value(w, X, Y):
        hidden = jnp.exp(-0.5 * activations(w[: t * s].reshape(t, s), X))
        output = w[t * s :].reshape(s + 1, 1)
        return 0.5 * jnp.sum((hidden @ output[:-1] + output[-1] - Y) ** 2) / N_SAMPLES

    return value


def jax_ways(value):
    """Ways to the Hessian of a value, by name."""
    import jax
    import jax.numpy as jnp

    def by_products(group):
        def hessian(w, X, Y):
            product = jax.linearize(lambda u: jax.grad(value)(u, X, Y), w)[1]
            return jax.lax.map(product, jnp.eye(len(w)), batch_size=group)

        return hessian

    def by_samples(size):
        def hessian(w, X, Y):
            def add(total, part):
                return total + jax.jacrev(jax.grad(value))(w, *part), None

            parts = X.reshape(-1, size, N_FEATURES), Y.reshape(-1, size, 1)
            return jax.lax.scan(add, jnp.zeros((len(w), len(w))), parts)[0]

        return hessian

    return {
        "forward over reverse": jax.hessian(value),
        "reverse over reverse": jax.jacrev(jax.grad(value)),
        **{f"products, groups of {group}": by_products(group) for group in GROUPS},
        **{f"reverse over reverse, {size} samples at a time": by_samples(size)
           for size in SAMPLE_CHUNKS},
    }  # fmt: skip


# ---- what runs in the workers ----
def seconds_per_call(function, threads):
    """Least time of up to three calls; a slow function is called once."""
    clock = time.process_time if threads == 1 else time.perf_counter
    least, begun = np.inf, time.perf_counter()
    for _ in range(4):
        start = clock()
        function().block_until_ready()
        least = min(least, clock() - start)
        if time.perf_counter() - begun > 3.0:
            break
    return least


def try_ways(kind, w, data, options):
    """Time all ways of jax: ({form: {way: seconds or None}}, gigabytes, compiled Hessians)."""
    import jax

    seconds, gigabytes, compiled = {}, {}, {}
    for form in FORMS:
        seconds[form], gigabytes[form] = {}, {}
        for way, function in jax_ways(jax_value(kind, form)).items():
            made = jax.jit(function).lower(w, *data).compile()
            needed = made.memory_analysis().temp_size_in_bytes / 2**30
            gigabytes[form][way], seconds[form][way] = needed, None
            if needed <= options.memory:
                found = seconds_per_call(lambda made=made: made(w, *data), options.workers)
                seconds[form][way], compiled[form, way] = found, made
    return seconds, gigabytes, compiled


def agreement(ours, theirs):
    """Largest difference over the largest entry; an error if the two are not the same."""
    gap = float(np.abs(ours - np.asarray(theirs)).max() / np.abs(ours).max())
    if not gap <= TOLERANCE:
        raise AssertionError(f"ours and jax's differ by {gap:.1e}")
    return gap


def work_hessian(kind, objective, points, data, options):
    """All ways of jax, and then the fastest and ours, in turns."""
    moved = [np.asarray(w) for w in points]
    seconds, gigabytes, compiled = try_ways(kind, points[0], data, options)
    form, way = min(compiled, key=lambda key: seconds[key[0]][key[1]])
    theirs = compiled[form, way]
    functions = {
        "ours": alternating(objective.hessian, moved),
        "jax": alternating(lambda w: theirs(w, *data).block_until_ready(), points),
    }
    found = summary(interleaved(functions, options.workers, options.budget), "ours")
    plain = [value for value in seconds["differences"].values() if value is not None]
    return {
        **found,
        "P": objective.n_parameters,
        "way": f"{form}; {way}",
        "plain": min(plain, default=np.nan) / found["ours"],
        "seconds": seconds,
        "gigabytes": gigabytes,
        "agree": agreement(objective.hessian(moved[0]), theirs(points[0], *data)),
    }


def jax_products(kind, form, point, data):
    """Gradient, product at a new point, and product at a kept point, as functions of (w, v)."""
    import jax

    value = jax_value(kind, form)

    def at(w):
        return jax.grad(value)(w, *data)

    gradient = jax.jit(at)
    kept = jax.linearize(at, point)[1]
    apply = jax.jit(lambda linear, v: linear(v))
    return {
        "gradient": lambda w, v: gradient(w),
        "product, new point": jax.jit(lambda w, v: jax.jvp(at, (w,), (v,))[1]),
        "product, kept point": lambda w, v: apply(kept, v),
    }


def work_products(kind, objectives, points, data, options):
    """Gradient and product with a vector, ours and both forms of jax's in turns."""
    import jax.numpy as jnp

    moving, kept = objectives
    moved = [np.asarray(w) for w in points]
    v = np.random.default_rng(1).standard_normal(len(moved[0]))
    direction = jnp.asarray(v)
    ours = {
        "gradient": moving.gradient,
        "product, new point": lambda w: moving.hessian_product(w, v),
        "product, kept point": lambda w: kept.hessian_product(moved[0], v),
    }

    def call(w, function):
        return function(w, direction).block_until_ready()

    theirs = {form: jax_products(kind, form, points[0], data) for form in FORMS}
    found = {}
    for name, mine in ours.items():
        functions = {"ours": alternating(mine, moved)}
        for form in FORMS:
            functions[form] = alternating(partial(call, function=theirs[form][name]), points)
        times = summary(interleaved(functions, options.workers, options.budget / 3), "ours")
        form = min(FORMS, key=times.get)
        gap = agreement(mine(moved[0]), theirs[form][name](points[0], direction))
        found[name] = [times["ours"], times[form], times[f"{form}/ours"], form, gap]
    return found


def work(kind, options):
    """All numbers of one covariance type."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    from sknewtonnet.calculus import Objective

    network, X, Y, points = problem(kind)
    objectives = [Objective(network, "squared_error", X, Y) for _ in range(2)]
    data = jnp.asarray(X), jnp.asarray(Y)
    points = [jnp.asarray(w) for w in points]
    return {
        "hessian": work_hessian(kind, objectives[0], points, data, options),
        "products": work_products(kind, objectives, points, data, options),
    }


# ---- the driver ----
def run_worker(kind, threads, options):
    """Run one type in a process whose number of threads is set before numpy starts."""
    # jax sizes its pool of threads by NPROC.
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"]
    environment = os.environ | dict.fromkeys(names, str(threads)) | {"JAX_PLATFORMS": "cpu"}
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    command = [sys.executable, __file__, "--workers", str(threads), "--worker", kind]
    for name in ("budget", "core", "memory"):
        command += [f"--{name}", str(getattr(options, name))]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def hessian_line(kind, found):
    ratio = found["jax/ours"]
    # The verdict's ratio is to be small, and ours is to be large.
    return (
        f"| {kind} | {found['P']} | {milliseconds(found['ours'])} | {milliseconds(found['jax'])}"
        f" | {ratio:.1f} | {BARS[kind]:g} | {verdict(BARS[kind], ratio)} | {found['way']}"
        f" | {found['plain']:.0f} | {found['agree']:.0e} |"
    )


def product_lines(kind, found):
    return [
        f"| {kind} | {name} | {milliseconds(ours)} | {milliseconds(jax)} | {ratio:.2f}"
        f" | {form} | {gap:.0e} |"
        for name, (ours, jax, ratio, form, gap) in found.items()
    ]


def way_lines(results):
    """One row per way of jax, one column per covariance type and form."""
    cases = [(found["hessian"], form) for found in results.values() for form in FORMS]
    for way in cases[0][0]["seconds"][FORMS[0]]:
        cells = []
        for found, form in cases:
            seconds = found["seconds"][form][way]
            needed = found["gigabytes"][form][way]
            cells.append(f"({needed:.0f} GB)" if seconds is None else milliseconds(seconds))
        yield f"| {way} | " + " | ".join(cells) + " |"


def report(threads, options):
    """Return the Markdown tables for one number of threads."""
    results = {}
    for kind in options.kinds:
        results[kind] = run_worker(kind, threads, options)
        print(threads, kind, results[kind], file=sys.stderr, flush=True)
    clock = f"{threads} thread(s), {'CPU' if threads == 1 else 'wall'} time"
    ways = " | ".join(["way", *(f"{kind}, {form}" for kind in results for form in FORMS)])
    lines = [hessian_line(kind, found["hessian"]) for kind, found in results.items()]
    products = [
        line for kind, found in results.items() for line in product_lines(kind, found["products"])
    ]
    return "\n".join(
        [
            table(f"## Hessian, {clock}", HESSIAN_COLUMNS, lines),
            table(f"### Ways of jax in ms (not run: the memory needed), {clock}", ways,
                  list(way_lines(results))),
            table(f"### Gradient and product, {clock}", PRODUCT_COLUMNS, products),
        ]
    )  # fmt: skip


def main():
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kinds", nargs="+", choices=list(BARS), default=list(BARS))
    parser.add_argument("--budget", type=float, default=10.0, help="seconds per comparison")
    parser.add_argument("--memory", type=float, default=6.0, help="GB that jax may work with")
    parser.add_argument("--core", type=int, default=0, help="where to pin a one-thread run")
    parser.add_argument("--write", type=Path, help="file for the tables")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        if options.workers == 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {options.core})
        print(json.dumps(work(options.worker, options)))
        return
    import jax

    versions = f"numpy {np.__version__} and jax {jax.__version__}"
    sizes = {"n": N_SAMPLES, "p": N_FEATURES, "s": N_CENTERS}
    text = HEADER.format(versions=versions, **sizes)
    text += "\n".join(report(threads, options) for threads in options.threads)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
