"""Exact derivatives against the operations they are measured by, as ratios within one run.

    python benchmarks/derivatives.py --threads 1 2 --write doc/benchmarks.md
    python benchmarks/derivatives.py --threads 2 --kernels SkylakeX --shapes d e

The Hessian is compared with one dsyrk on the (n_samples n_outputs, P) Jacobian (the product
that Gauss-Newton and Levenberg-Marquardt cannot avoid, the Jacobian given), the product with
a vector with one gradient, the gradient with scikit-learn's own and with that of jax, where
jax is installed: compiled, in double precision, also of nets of Gaussian units. The two sides of
a ratio run in turns, block by block, and the median is taken over the ratios of neighbouring blocks, so
that a drift of the machine hits both. Every gradient and Hessian is taken at another point
than the one before: nothing kept is reused, except in the products, whose point stays.

Each shape runs in processes of its own, under each kernel of OpenBLAS asked for: with and without
AVX-512 a dsyrk and our products take different times. On one thread the time is CPU time of the
process (pinned to a core, where the system can do that), on more it is wall time.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

# n_samples, features - hidden units - outputs, loss
SHAPES = {
    "a": (150, (4, 17, 3), "multinomial_log_loss"),
    "b": (150, (4, 17, 1), "squared_error"),
    "c": (442, (10, 20, 1), "squared_error"),
    "d": (5000, (20, 30, 1), "squared_error"),
    "e": (5000, (20, 30, 20, 1), "squared_error"),
    "f": (20000, (30, 50, 1), "squared_error"),
    "g": (2000, (64, 32, 10), "multinomial_log_loss"),
    "h": (100000, (20, 20, 1), "squared_error"),
    "m": (60000, (784, 100, 10), "multinomial_log_loss"),
}
# Nets of Gaussian units, those of rbf_hessian.py.
RADIAL = ("spherical", "diag", "full")
# Exact Hessian in units of the dsyrk; Hessian-vector product in gradients, with two hidden layers
# what flops allow; gradient in gradients of scikit-learn, and in those of jax.
HESSIAN_BARS = {"a": 2.4, "b": 3.0, "c": 2.2, "d": 0.62, "e": 0.85, "f": 0.58, "g": 0.07, "h": 1.1}
PRODUCT_BARS = {"e": 1.6}
PRODUCT_BAR = 1.1
GRADIENT_BAR = 1.0
# Shapes whose derivatives are taken in single precision as well.
SINGLE = "defgh"
JACOBIAN_BYTES = 3e9
HESSIAN_COLUMNS = (
    "shape | P | dsyrk ms | Hessian ms | Hessian / dsyrk | bar | | Gauss-Newton / dsyrk"
    " | block / dsyrk | jax / Hessian | kept point MB | Hessian MB | allowed MB"
)
PRODUCT_COLUMNS = (
    "shape | gradient ms | scikit-learn ms | gradient / scikit-learn | jax ms | gradient / jax"
    " | bar | | product ms | product / gradient | bar |"
)
SINGLE_COLUMNS = (
    "shape | | float64 ms | float32 ms | float64 / float32 | largest difference / largest entry"
)
INTRODUCTION = """# Benchmarks of the derivatives

Written by `benchmarks/derivatives.py` ([how it measures](../benchmarks/README.md)): ratios within one run, the two sides in turns, with
{versions}. A Hessian is set
against one `dsyrk` on a Jacobian of the same size, given, with as many threads. The bars for it are goals at b, d, e, f and g, and for
a, c and h what a plain numpy prototype of the flop-optimal sums reached. A product may cost 1.1 gradients, with two hidden layers 1.6,
as its flops do; a gradient may be slower neither than scikit-learn's own nor than jax's, compiled. Tables of single
precision have `Objective(..., dtype=np.float32)` beside the default: passes in float32, sums over chunks in float64.

"""
REMARKS = """## What falls short

- **Hessians against one `dsyrk`.** At d, on one thread, matrix products take three quarters of the time (28 of 37 ms), at 44 to 48 of the
  50 GFLOP/s that a large `dgemm` reaches here, those with a side of 30 to 50 rows at 33 to 41. The `dsyrk` runs at 41 GFLOP/s with the
  Haswell kernels and at 46 with those for AVX-512; so the products alone are 0.54 to 0.6 of it, and a bar of 0.62 leaves less than
  the gradient and the curvature of the units (2 ms), the factors (5 ms) and the matrix with its sums (1.5 ms) take. Tried without gain:
  pieces of 128 to 256 samples, whose factors would fit the second-level cache (the BLAS drives them out with its own panels);
  a `dgemm` that adds to a sum in place (3 % of the products with the Haswell kernels, 5 to 10 % with those for AVX-512 in a noisy trial;
  scipy's keeps the interpreter's lock). Products of the inputs that stay from call to call would save 2 % of the time at d.
- **150 x 4-17-1.** A gradient alone takes more than one `dsyrk` of that size. Of 0.31 ms for a Hessian 0.06 ms are matrix products; the rest
  are some 350 calls of functions, none of which stands out.
- **Gradients against jax.** At d a third of the time is `tanh` and a third matrix products; jax compiles what is between. At e chunks are long, so that
  two threads seldom wait for each other: four chunks in place of two take 1.54 ms in place of 1.76 on one thread, but 1.51 in place of 1.29 on two.
- **Products of Gaussian units** sum moments of the samples twice, for the change of delta and for delta itself, which a gradient does once;
  and the change of the coefficients is worked out for each chunk.
- **Memory** at shape h is above four matrices and 5 MB: second derivatives of the units at all samples stay at the point. On two
  threads d, e and f are above it as well: each thread has factors and sums of its own.
- **Single precision** is for nets of linear layers: the sums of Gaussian units subtract large terms from each other. Chunks are as long as in
  double precision; longer ones were not tried.
"""


def problem(shape):
    """Random data and two points of one shape: (network, loss, X, Y, [w, w'])."""
    import numpy as np

    from sknewtonnet.calculus import Network

    n, sizes, loss = SHAPES[shape]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, sizes[0]))
    if loss == "squared_error":
        Y = rng.standard_normal((n, sizes[-1]))
    else:
        Y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], n)]
    network = Network.mlp(sizes[0], sizes[1:-1], sizes[-1])
    points = []
    for _ in range(2):
        arrays = {}
        for k, (p, s) in enumerate(pairwise(sizes)):
            limit = np.sqrt(6.0 / (p + s))
            arrays[f"coefs_{k}"] = rng.uniform(-limit, limit, (p, s))
            arrays[f"intercepts_{k}"] = rng.uniform(-limit, limit, s)
        points.append(network.layout.pack(arrays))
    return network, loss, X, Y, points


def alternating(function, points):
    """Return a function of no argument that calls the given one at the points in turn."""
    state = {"next": 0}

    def call():
        state["next"] = 1 - state["next"]
        return function(points[state["next"]])

    return call


def interleaved(functions, threads, budget):
    """Seconds per call of each function, one list per name, from blocks run in turns."""
    clock = time.process_time if threads == 1 else time.perf_counter
    repeats = {}
    for name, function in functions.items():
        function()
        start, calls = time.perf_counter(), 0
        while time.perf_counter() - start < 0.04:
            function()
            calls += 1
        repeats[name] = calls
    times = {name: [] for name in functions}
    start = time.perf_counter()
    for done in range(41):
        if done and time.perf_counter() - start > budget:
            break
        for name, function in functions.items():
            if threads > 1:  # until idle threads of the one before stop spinning
                time.sleep(0.1)
            begin = clock()
            for _ in range(repeats[name]):
                function()
            times[name].append((clock() - begin) / repeats[name])
    return times


def summary(times, against):
    """Median seconds of each function, and median of its ratios to one of them."""
    import numpy as np

    found = {"rounds": len(times[against])}
    for name, seconds in times.items():
        found[name] = float(np.median(seconds))
        found[f"{name}/{against}"] = float(np.median(np.divide(seconds, times[against])))
    return found


# ---- what runs in the workers ----
def resident_mb(peak):
    """Memory of this process in MB, now or (``peak``) at most so far."""
    key = "VmHWM" if peak else "VmRSS"
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 1024)


def work_memory(shape, threads, budget):
    """Peak memory above that of the kept point, of the first Hessian of a process."""
    from sknewtonnet.calculus import Objective

    network, loss, X, Y, points = problem(shape)
    objective = Objective(network, loss, X, Y)
    before = resident_mb(peak=False)
    objective.gradient(points[0])
    kept = resident_mb(peak=False)
    objective.hessian(points[0])
    return {"point_mb": kept - before, "hessian_mb": resident_mb(peak=True) - kept}


def work_hessian(shape, threads, budget):
    """All kinds of Hessian, and the dsyrk, in turns."""
    import numpy as np
    from scipy.linalg.blas import dsyrk

    from sknewtonnet.calculus import Objective

    network, loss, X, Y, points = problem(shape)
    objective = Objective(network, loss, X, Y)
    n_parameters = network.n_parameters
    rows = len(X) * network.n_outputs
    kept_rows = min(rows, int(JACOBIAN_BYTES / (8 * n_parameters)))
    transposed = np.random.default_rng(0).standard_normal((kept_rows, n_parameters)).T
    out = np.zeros((n_parameters, n_parameters), order="F")
    functions = {"dsyrk": lambda: dsyrk(1.0, transposed, c=out, overwrite_c=1)}
    for kind in ("exact", "gauss-newton", "block"):
        functions[kind] = alternating(partial(objective.hessian, kind=kind), points)
    times = interleaved(functions, threads, budget)
    scale = rows / kept_rows
    times["dsyrk"] = [scale * seconds for seconds in times["dsyrk"]]
    direction = np.random.default_rng(1).standard_normal(n_parameters)
    product = objective.hessian_product(points[0], direction)
    gap = objective.hessian(points[0]) @ direction - product
    return {
        **summary(times, "dsyrk"),
        "note": "" if scale == 1 else f" (from n / {scale:.1f})",
        "hessian_error": float(np.linalg.norm(gap) / np.linalg.norm(product)),
    }


def sklearn_gradient(network, loss, X, Y):
    """scikit-learn's loss and gradient as a function of coefficients and intercepts."""
    import warnings

    import numpy as np
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    sizes = network.node_sizes
    regression = loss == "squared_error"
    kind = MLPRegressor if regression else MLPClassifier
    model = kind(hidden_layer_sizes=sizes[1:-1], activation="tanh", solver="lbfgs", max_iter=1)
    model.alpha = 0.0
    few = min(len(X), 500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[:few], Y[:few].ravel() if regression else Y[:few].argmax(axis=1))
    buffers = (
        [X, *(np.empty((len(X), s)) for s in sizes[1:])],
        [np.empty((len(X), s)) for s in sizes[1:]],
        [np.empty(shape) for shape in pairwise(sizes)],
        [np.empty(s) for s in sizes[1:]],
    )
    targets = Y if regression else Y.astype(bool)
    return lambda packed: model._loss_grad_lbfgs(packed, X, targets, None, *buffers)


def sklearn_packed(network, w):
    """Return the flat vector in scikit-learn's order: all coefficients, then all intercepts."""
    import numpy as np

    arrays = network.layout.unpack(w)
    names = sorted(arrays, key=lambda name: name.startswith("intercepts"))
    return np.concatenate([arrays[name].ravel() for name in names])


def jax_value(shape):
    """The objective in jax, as a function of w, X and Y."""
    import jax
    import jax.numpy as jnp

    network, loss, *_ = problem(shape)

    def value(w, X, Y):
        h = X
        for k, full in enumerate(network.by_layer(w)):
            h = (jnp.tanh(h) if k else h) @ full[:-1] + full[-1]
        if loss == "squared_error":
            return 0.5 * jnp.sum((h - Y) ** 2) / len(X)
        return -jnp.sum(Y * jax.nn.log_softmax(h, axis=1)) / len(X)

    return value


def jax_gradient(value, X, Y):
    """Value and gradient by jax, compiled, as a function of w."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import numpy as np

    data, compiled = (jnp.asarray(X), jnp.asarray(Y)), jax.jit(jax.value_and_grad(value))

    def gradient(w):
        found, slope = compiled(w, *data)
        return float(found), np.asarray(slope)

    return gradient


def against_gradient(functions, threads, budget):
    """Times of all functions and their ratios to the gradient, and of this one to its rivals."""
    times = interleaved(functions, threads, budget)
    found = summary(times, "gradient")
    for rival in {"sklearn", "jax"} & set(times):
        key = f"gradient/{rival}"
        found[key] = summary(times, rival)[key]
    return found


def work_radial(kind, threads, budget):
    """Gradient and product at a kept point of Gaussian units, and jax's gradient, in turns."""
    import numpy as np
    import rbf_hessian

    from sknewtonnet.calculus import Objective

    network, X, Y, points = rbf_hessian.problem(kind)
    moving, kept = (Objective(network, "squared_error", X, Y) for _ in range(2))
    direction = np.random.default_rng(1).standard_normal(network.n_parameters)
    functions = {
        "gradient": alternating(moving.value_and_gradient, points),
        "product": lambda: kept.hessian_product(points[0], direction),
    }
    if find_spec("jax"):
        theirs = jax_gradient(rbf_hessian.jax_value(kind, "multiplied out"), X, Y)
        gap = np.abs(theirs(points[0])[1] - moving.gradient(points[0])).max()
        assert gap < 1e-12, f"jax's gradient differs by {gap:.0e}"
        functions["jax"] = alternating(theirs, points)
    return against_gradient(functions, threads, budget)


def work_products(shape, threads, budget):
    """Gradient, product at a kept point, and the gradients of scikit-learn and jax, in turns."""
    import numpy as np

    from sknewtonnet.calculus import Objective

    network, loss, X, Y, points = problem(shape)
    moving, kept = (Objective(network, loss, X, Y) for _ in range(2))
    theirs = sklearn_gradient(network, loss, X, Y)
    packed = [sklearn_packed(network, w) for w in points]
    ours = sklearn_packed(network, moving.gradient(points[0]))
    gap = np.linalg.norm(ours - theirs(packed[0])[1]) / np.linalg.norm(ours)
    direction = np.random.default_rng(1).standard_normal(network.n_parameters)
    functions = {
        "gradient": alternating(moving.value_and_gradient, points),
        "product": lambda: kept.hessian_product(points[0], direction),
        "sklearn": alternating(theirs, packed),
    }
    if find_spec("jax"):
        functions["jax"] = alternating(jax_gradient(jax_value(shape), X, Y), points)
    return {**against_gradient(functions, threads, budget), "gradient_error": float(gap)}


def work_single(shape, threads, budget):
    """Gradient, product and Hessian with passes in double and single precision, in turns."""
    import numpy as np

    from sknewtonnet.calculus import Objective

    network, loss, X, Y, points = problem(shape)
    both = {name: Objective(network, loss, X, Y, dtype=name) for name in ("float64", "float32")}
    direction = np.random.default_rng(1).standard_normal(network.n_parameters)
    calls = {
        "gradient": lambda f: alternating(f.gradient, points),
        "product": lambda f: partial(f.hessian_product, points[0], direction),
        "Hessian": lambda f: alternating(f.hessian, points),
    }
    found = {}
    for what, call in calls.items():
        functions = {name: call(f) for name, f in both.items()}
        wanted, single = (function() for function in functions.values())
        found[what] = summary(interleaved(functions, threads, budget / 3), "float32")
        found[what]["error"] = float(np.abs(single - wanted).max() / np.abs(wanted).max())
    return found


def work_jax(shape, threads, budget):
    """Hessian by jax from products in groups of eight, and ours, in turns."""
    import jax
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    from sknewtonnet.calculus import Objective

    network, loss, X, Y, points = problem(shape)
    objective, value = Objective(network, loss, X, Y), jax_value(shape)

    @jax.jit
    def hessian(w, X, Y):
        def column(i):
            unit = jnp.zeros_like(w).at[i].set(1.0)
            return jax.jvp(lambda u: jax.grad(value)(u, X, Y), (w,), (unit,))[1]

        return jax.lax.map(column, jnp.arange(len(w)), batch_size=8)

    data = jnp.asarray(X), jnp.asarray(Y)
    functions = {
        "exact": alternating(objective.hessian, points),
        "jax": alternating(lambda w: hessian(jnp.asarray(w), *data).block_until_ready(), points),
    }
    found = summary(interleaved(functions, threads, budget), "exact")
    gap = np.asarray(hessian(jnp.asarray(points[0]), *data)) - objective.hessian(points[0])
    return {**found, "jax_error": float(np.abs(gap).max())}


WORKS = {
    "memory": work_memory,
    "hessian": work_hessian,
    "products": work_products,
    "radial": work_radial,
    "single": work_single,
    "jax": work_jax,
}


# ---- the driver ----
def run_worker(work, shape, threads, kernel, options):
    """Run one work in a process whose number of threads is set before numpy starts."""
    # jax sizes its pool of threads by NPROC.
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"]
    environment = os.environ | dict.fromkeys(names, str(threads)) | {"JAX_PLATFORMS": "cpu"}
    if kernel:
        environment["OPENBLAS_CORETYPE"] = kernel
    if threads == 1:
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    command = shlex.split(options.prefix) if threads > 1 else []
    command += [sys.executable, __file__, "--threads", str(threads)]
    command += ["--budget", str(options.budget), "--core", str(options.core)]
    done = subprocess.run(
        [*command, "--worker", work, shape], env=environment, stdout=subprocess.PIPE, check=True
    )
    found = json.loads(done.stdout)
    print(kernel, threads, work, shape, found, file=sys.stderr, flush=True)
    return found


def verdict(ratio, bar):
    return "reached" if ratio <= bar else "missed"


def label(shape):
    n, sizes, loss = SHAPES[shape]
    return f"{shape}: {n} x {'-'.join(map(str, sizes))} {loss.replace('_', ' ')}"


def milliseconds(seconds):
    return f"{1e3 * seconds:.3g}"


def hessian_line(shape, found, memory, jax):
    """One row of the table of Hessians."""
    ratio, bar = found["exact/dsyrk"], HESSIAN_BARS[shape]
    P = sum((p + 1) * s for p, s in pairwise(SHAPES[shape][1]))
    slower = f"{jax['jax/exact']:.1f}" if jax else "-"
    return (
        f"| {label(shape)} | {P} | {milliseconds(found['dsyrk'])}{found['note']}"
        f" | {milliseconds(found['exact'])} | {ratio:.3f} | {bar:g} | {verdict(ratio, bar)}"
        f" | {found['gauss-newton/dsyrk']:.2f} | {found['block/dsyrk']:.2f} | {slower}"
        f" | {memory['point_mb']:.1f} | {memory['hessian_mb']:.1f}"
        f" | {4 * 8 * P**2 / 2**20 + 5:.1f} |"
    )


def product_line(name, found, product_bar):
    """One row of the table of gradients and products; rivals that are not there are dashes."""
    cells, worst = [name, milliseconds(found["gradient"])], 0.0
    for rival in ("sklearn", "jax"):
        ratio = found.get(f"gradient/{rival}")
        cells += ["-", "-"] if ratio is None else [milliseconds(found[rival]), f"{ratio:.2f}"]
        worst = max(worst, ratio or 0.0)
    cells += [f"{GRADIENT_BAR:g}", verdict(worst, GRADIENT_BAR) if worst else "-"]
    to_gradient = found["product/gradient"]
    cells += [milliseconds(found["product"]), f"{to_gradient:.2f}", f"{product_bar:g}"]
    return f"| {' | '.join([*cells, verdict(to_gradient, product_bar)])} |"


def single_lines(name, found):
    """Rows of the table of single precision, one for each quantity."""
    return [
        f"| {name} | {what} | {milliseconds(of['float64'])} | {milliseconds(of['float32'])}"
        f" | {of['float64/float32']:.2f} | {of['error']:.0e} |"
        for what, of in found.items()
    ]


def table(title, columns, lines):
    rule = "|---" * (columns.count("|") + 1) + "|"
    return "\n".join([title, "", f"| {columns} |", rule, *lines, ""])


def report(threads, kernel, options):
    """Return the Markdown tables of all shapes asked for, under one kernel."""
    run = partial(run_worker, threads=threads, kernel=kernel, options=options)
    hessians, products = [], []
    for shape in options.shapes:
        if threads > 1 and shape in "abc":  # they take one thread anyway
            continue
        if shape in HESSIAN_BARS:
            jax = run("jax", shape) if options.jax else {}
            hessians.append(hessian_line(shape, run("hessian", shape), run("memory", shape), jax))
        bar = PRODUCT_BARS.get(shape, PRODUCT_BAR)
        products.append(product_line(label(shape), run("products", shape), bar))
    for kind in options.radial if threads == 1 else ():
        name = f"2000 x 10, 20 Gaussian units ({kind}), 1 output"
        products.append(product_line(name, run("radial", kind), PRODUCT_BAR))
    clock = f"{threads} thread(s), {'CPU' if threads == 1 else 'wall'} time"
    clock += f", {kernel} kernels" if kernel else ""
    first = table(f"## Hessian, {clock}", HESSIAN_COLUMNS, hessians)
    second = table(f"## Gradient and product, {clock}", PRODUCT_COLUMNS, products)
    if threads > 1:
        return "\n".join([first, second])
    chosen = [shape for shape in options.shapes if shape in SINGLE]
    single = [row for shape in chosen for row in single_lines(label(shape), run("single", shape))]
    third = table(f"## Single precision, {clock}", SINGLE_COLUMNS, single)
    return "\n".join([first, second, third])


def has_avx512():
    """Whether the processor is known to have AVX-512, for kernels that need it."""
    cpus = Path("/proc/cpuinfo")
    return cpus.exists() and " avx512f " in cpus.read_text()


def versions():
    """What is measured with, in words."""
    names = ["numpy", "scipy", "scikit-learn", *(["jax"] if find_spec("jax") else [])]
    told = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{told} and Python {platform.python_version()} on {os.cpu_count()} processors"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    kernels = ["Haswell", *(["SkylakeX"] if has_avx512() else [])]
    told = "kernels of OpenBLAS; none for what it chooses"
    parser.add_argument("--kernels", nargs="*", default=kernels, help=told)
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--radial", nargs="*", choices=list(RADIAL), default=list(RADIAL))
    parser.add_argument("--budget", type=float, default=6.0, help="seconds per shape and table")
    parser.add_argument("--core", type=int, default=0, help="where to pin a one-thread run")
    parser.add_argument("--jax", action="store_true", help="also jax's Hessian, which takes long")
    told = "a command put before each worker of several threads, such as one for a priority"
    parser.add_argument("--prefix", default="", help=told)
    parser.add_argument("--write", type=Path, help="a file for the page")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        (threads,) = options.threads
        if threads == 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {options.core})
        work, shape = options.worker
        print(json.dumps(WORKS[work](shape, threads, options.budget)))
        return
    tables = [
        report(threads, kernel, options)
        for threads in options.threads
        for kernel in options.kernels or [""]
    ]
    text = "\n".join([INTRODUCTION.format(versions=versions()) + tables[0], *tables[1:], REMARKS])
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
