"""The exact Hessian against Bishop's algorithm, and what a block-diagonal one leaves out.

    python benchmarks/bishop.py --write doc/bishop.md

Bishop (1992) differentiates in the input of one hidden unit at a time: one forward and one
backward propagation for each, and then products of what they carry. It is written out here,
all samples at once, in two forms, and must agree with ``Objective.hessian`` to 1e-10. All run
in turns with ours, by the helpers of ``derivatives.py``; each net in a process of its own, on
one thread and in CPU time.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import timeit
from functools import partial
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from derivatives import alternating, interleaved, summary, table

from sknewtonnet.calculus import Network, Objective, count_second_derivatives
from sknewtonnet.solvers import get_solver

N_SAMPLES, N_FEATURES, ALPHA, ITERATIONS = 1000, 10, 1.0, 300
ONE_LAYER = [(h,) for h in (5, 10, 20, 40, 80, 160)]
TWO_LAYERS = [(k, k) for k in (5, 10, 20, 40)]
NORMS = [(5,), (20,), (80,), (5, 5), (10, 10), (20, 20)]
SKIP_NETS = [(20,), (5, 5), (10, 10), (20, 20), (10, 10, 10)]
CHUNKS, TOLERANCE = (200, 500, 1000), 1e-10

HEADER = """# Bishop's algorithm, and the block-diagonal Hessian

Iovleff (2004), [I], says that the exact Hessian by Bishop's (1992) algorithm needs 2h + 2 propagations for h hidden units, that one
back-propagation is enough, and that the Hessian is block diagonal, one block for each unit, so that few numbers have to be kept.
Here the costs are timed, and the blocks are compared with the true Hessian. What is block diagonal is another matrix: the
W,W block of the Lagrangian's Hessian, at fixed states and multipliers ([calculus.md](calculus.md)).

{n} samples, {p} features, tanh units, one output. The target is Friedman's function of five of the features with noise; all is
standardised. Random weights after Glorot. Times are CPU time on one thread, medians of blocks run in turns within one process
([how](../benchmarks/README.md)). Written by `benchmarks/bishop.py` with numpy {numpy}.

## Cost of the exact Hessian

"Bishop" is his algorithm: for each hidden unit i one forward propagation of all d a_l / d a_i, one backward propagation of all
d delta_n / d a_i, then sums of products over the samples. Symmetric entries are formed once. "Kept" makes the same propagations,
but forms the products z z' once for all units, as this package does, where that pays. Both get the fastest of {chunks}
samples at a time. "Passes only" leaves the products out. Every Hessian starts from nothing, so ours includes its own two
passes. Times are for squared error. Both forms equal `Objective.hessian`, for squared error and for log loss: the largest
relative difference is {gap:.0e}. "Growth" is the exponent of the units per layer, from the net of the row above to this one.

"""
COST_FOUND = """
What came out:

- The count is right: 2h + 2 propagations. Most are shorter than a full one, as they begin and end at the unit's layer.
- The count is not the cost. On the largest net the passes are {one[passes/bishop]:.0%} of Bishop's time with one hidden layer and
  {two[passes/bishop]:.0%} with two. The rest are the products, of which any full Hessian needs on the order of P^2 per sample.
- So the gain is a factor, not an order. Bishop's algorithm takes {all[bishop/package][0]:.2f} to {all[bishop/package][1]:.2f} times the package's time, the kept form
  {all[kept/package][0]:.2f} to {all[kept/package][1]:.2f} times; where that is below 1, on small nets, the package is the slower one. Bishop and kept make the same
  propagations: what lies between the two is how the products are formed.
- Growth over the three largest nets (package, Bishop, kept): h^{one[package power]:.2f}, h^{one[bishop power]:.2f}, h^{one[kept power]:.2f} with one hidden layer;
  k^{two[package power]:.2f}, k^{two[bishop power]:.2f}, k^{two[kept power]:.2f} with two of k units. P^2 grows as h^2 and, in the end, as k^4; these nets are too small for that.
- An exact Hessian does not cost one back-propagation. It costs {all[package/gradient][0]:.0f} to {all[package/gradient][1]:.0f} gradients, and more with every unit. The one
  backward pass carries a matrix for each sample; Bishop's passes carry the same numbers column by column.
- [I]'s blocks do cost little, {all[blocks/gradient][0]:.1f} to {all[blocks/gradient][1]:.1f} gradients. But they are not the Hessian: see the last table.

"""
STORAGE = """## Storage

In doubles. `hessian_blocks` returns arrays of the same shapes for "block" and "lagrangian". [I]'s are zero in the last layer, and
"not zero" is what is left. Symmetry would halve every column, nearly.
"""
SKIPS = """
### With skip connections

Nets in which every layer reads all layers before it, without intercepts, one output. [I] counts sum_k s_k sum_k1 s_k1^2 non-zero second derivatives
of the Lagrangian over the layers k1 that layer k reads (4.1, "the number of non-null second derivatives"). That leaves out those of a
unit in coefficients of two layers that it reads, e h'' x^k1 x^k2'. The right number is sum_k s_k (sum_k1 s_k1)^2, which
`count_second_derivatives` gives for any net, with missing connections and layers of other kinds. Both are of the hidden layers: the last one has
no activation here. "Counted" are entries of `hessian_blocks(w, "lagrangian")` that are not 0 at random weights.

| hidden | P | full, P x P | [I]'s formula | right | counted | right / [I]'s |
|---|---|---|---|---|---|---|
"""
SHARES = """
## Share of the true Hessian

H is the Hessian of the loss without penalty: a penalty adds the same diagonal to all kinds. "Start" is random, "end" where
`get_solver("newton")` stopped with alpha = {alpha:g} and at most {iterations} iterations; "gradient" and "lowest" are the norm of the
gradient and the least eigenvalue of the exact Hessian of the penalised objective. "Entries" is the share of H's entries that lie
in the blocks, "in blocks" their share of the sum of squares of H, and "hidden only" the same without the output unit's
block, where [I]'s formula is zero. B is `kind="block"`, H's own blocks, and so the nearest matrix of this form; L is
`kind="lagrangian"`, [I]'s. The last three columns are Frobenius norms over that of H.
"""
SHARES_FOUND = """
What came out:

- The storage claim is right, of [I]'s blocks, for nets in which each layer reads the one before it. With skip connections [I]'s number is
  too small, even for the Lagrangian; what has to be kept is the square of all that a unit reads. What is not zero there grows as h, where the full matrix grows as h^2; with two
  hidden layers, in the end, as k^3 against k^4. H's own block of the output unit is (h + 1)^2.
- The Hessian of the objective is not block diagonal. Its own blocks hold {start[in][0]:.0%} to {start[in][1]:.0%} of its squares at the start and {end[in][0]:.0%} to {end[in][1]:.0%}
  at the end. That is more than their share of the entries, but {both[B][0]:.0%} to {both[B][1]:.0%} of the norm is left out.
- Part of what they hold is the output unit's. Without it {start[bare][0]:.1%} to {start[bare][1]:.1%} remain at the start, {end[bare][0]:.1%} to {end[bare][1]:.1%} at the end.
- [I]'s blocks are no approximation of H: they lie {both[H-L][0]:.3f} to {both[H-L][1]:.3f} of its norm away, and the zero matrix lies 1 away. They are
  small, too: {start[L][0]:.3f} to {start[L][1]:.3f} of H at the start and {end[L][0]:.4f} to {end[L][1]:.4f} at the end. They are sums of residuals times second
  derivatives of the units, so they fade as the fit gets better, and H does not.
- This is one small problem with one output. The shares depend on data, weights and net; that the blocks are not H does not.
"""
COST_COLUMNS = {
    "hidden": "{net}", "P": "{P}", "passes of Bishop": "{counted}",
    "package ms": "{package ms:.3g}", "Bishop ms": "{bishop ms:.3g}", "kept ms": "{kept ms:.3g}",
    "passes only ms": "{passes ms:.3g}", "Bishop / package": "{bishop/package:.2f}",
    "kept / package": "{kept/package:.2f}", "gradient ms": "{gradient ms:.3g}",
    "package / gradient": "{package/gradient:.1f}", "blocks of [I] / gradient": "{blocks/gradient:.1f}",
    "growth: package": "{package growth}", "Bishop": "{bishop growth}", "kept": "{kept growth}",
}  # fmt: skip
STORAGE_COLUMNS = {
    "hidden": "{net}", "P": "{P}", "full, P x P": "{full}", "blocks": "{stored}",
    "of [I], not zero": "{nonzero}", "full / blocks": "{full/stored:.1f}",
}  # fmt: skip
SHARES_COLUMNS = {
    "hidden": "{net}", "P": "{P}", "at": "{at}", "loss": "{value:.3g}", "gradient": "{slope:.0e}",
    "lowest": "{lowest:.0e}", "entries": "{entries:.1%}", "in blocks": "{in:.1%}",
    "hidden only": "{bare:.1%}", "H - B": "{B:.3f}", "H - L": "{H-L:.3f}", "L": "{L:.4f}",
}  # fmt: skip


# ---- Bishop's algorithm, for tanh units and one output ----
class Bishop:
    """The Hessian of a mean loss by 2h + 2 propagations; flat order as in the package."""

    def __init__(self, loss, X, Y, size, kept=False):
        self.loss, self.size, self.kept, self.n_samples = loss, size, kept, len(X)
        inputs, starts = np.vstack([X.T, np.ones(len(X))]), range(0, len(X), size)
        self.chunks = [(inputs[:, i : i + size].copy(), Y[i : i + size].T) for i in starts]

    def hessian(self, weights, products=True):
        """H, from matrices of shape (p + 1, s); without ``products`` the propagations only."""
        sums, self.passes = {}, 0
        for inputs, targets in self.chunks:
            state = self.first_passes(weights, inputs, targets)
            for k, W in enumerate(weights[:-1]):
                for i in range(W.shape[1]):
                    g, b = self.unit_passes(weights, state, k, i)
                    if products:
                        self.add_unit(sums, state, k, i, g, b)
            last, z = len(weights) - 1, state["z"][-1]
            self.add(sums, (last, 0, last), ((z * state["bend"][-1]) @ z.T)[:, :, None])
        self.passes //= len(self.chunks)
        return self.assemble(weights, sums) if products else None

    def first_passes(self, weights, inputs, targets):
        """States, and derivatives of the loss, of all units; bend is e h''."""
        z, slopes = [inputs], []
        for W in weights[:-1]:
            x = np.tanh(W.T @ z[-1])
            z.append(np.vstack([x, np.ones(x.shape[1])]))
            slopes.append(1.0 - x * x)
        raw = weights[-1].T @ z[-1]
        logistic = self.loss == "binary_log_loss"
        mean = 1.0 / (1.0 + np.exp(-raw)) if logistic else raw
        curvature = mean * (1.0 - mean) if logistic else np.ones_like(raw)
        delta, bend = [(mean - targets) / self.n_samples], [curvature / self.n_samples]
        for W, x, slope in zip(weights[:0:-1], z[:0:-1], slopes[::-1], strict=True):
            e = W[:-1] @ delta[0]
            delta.insert(0, e * slope)
            bend.insert(0, -2.0 * e * slope * x[:-1])
        self.passes += 2
        return {"z": z, "slope": slopes, "delta": delta, "bend": bend, "kept": {}}

    def unit_passes(self, weights, state, k, i):
        """Derivatives in a_i, unit i of layer k: g of later inputs, b of delta from i on."""
        slope, bend, last = state["slope"], state["bend"], len(weights) - 1
        g = {k + 1: weights[k + 1][i][:, None] * slope[k][i]}
        for layer in range(k + 2, last + 1):
            g[layer] = weights[layer][:-1].T @ (slope[layer - 1] * g[layer - 1])
        b = {last: bend[last] * g[last]}
        for layer in range(last - 1, k, -1):
            b[layer] = slope[layer] * (weights[layer + 1][:-1] @ b[layer + 1])
            b[layer] += bend[layer] * g[layer]
        b[k] = slope[k][i:] * (weights[k + 1][i:-1] @ b[k + 1])
        b[k][0] += bend[k][i]
        self.passes += 2
        return g, b

    def add_unit(self, sums, state, k, i, g, b):
        """Rows of unit i: sum over samples of z_j (z_l b_n + delta_n h'(a_l) g_l)."""
        z, delta = state["z"], state["delta"]
        for layer in range(k, len(z)):
            shape = (len(z[k]), len(z[layer]), len(b[layer]))
            # Of the layer before, either unit i alone depends on a_i, or all do.
            rows, bent = None, None
            if layer == k + 1:
                rows, bent = slice(i, i + 1), state["slope"][k][i : i + 1]
            elif layer > k + 1:
                rows, bent = slice(0, -1), state["slope"][layer - 1] * g[layer - 1]
            if self.kept and layer == k and len(b[layer]) > shape[0] // 2:
                half, part = np.triu_indices(shape[0]), np.empty(shape)
                part[half] = self.keep(state, "half", z, z, k, layer) @ b[layer].T
                part[half[::-1]] = part[half]
            elif self.kept and len(b[layer]) > shape[0] // 2:
                part = (self.keep(state, "zz", z, z, k, layer) @ b[layer].T).reshape(shape)
                if rows is not None:
                    through = self.keep(state, "zd", z, delta, k, layer) @ bent.T
                    part[:, rows] += through.reshape(shape[0], shape[2], -1).swapaxes(1, 2)
            else:
                right = z[layer][:, None] * b[layer]
                if rows is not None:
                    right[rows] += bent[:, None] * delta[layer]
                part = z[k] @ right.reshape(-1, right.shape[2]).T
            self.add(sums, (k, i, layer), part.reshape(shape))

    def add(self, sums, key, part):
        sums[key] = sums[key] + part if key in sums else part

    def keep(self, state, name, left, right, k, layer):
        """Products of all rows of two arrays, formed at the first call."""
        key = (name, k, layer)
        if key not in state["kept"]:
            shape = len(left[k]), len(right[layer])
            pairs = np.triu_indices(shape[0]) if name == "half" else np.indices(shape)
            rows, columns = np.reshape(pairs, (2, -1))
            state["kept"][key] = left[k][rows] * right[layer][columns]
        return state["kept"][key]

    def assemble(self, weights, sums):
        """The matrix and what mirrors it; every unit has the units from itself on."""
        ends = np.cumsum([0, *(W.size for W in weights)])
        places = [slice(*pair) for pair in pairwise(ends)]
        H = np.empty((ends[-1], ends[-1]))
        for (k, i, layer), part in sums.items():
            shape, other, first = weights[k].shape, weights[layer].shape, i if layer == k else 0
            H[places[k], places[layer]].reshape(*shape, *other)[:, i, :, first:] = part
            mirror = H[places[layer], places[k]].reshape(*other, *shape)
            mirror[:, first:, :, i] = part.transpose(1, 2, 0)
        return H


# ---- what runs in the workers ----
def problem(hidden):
    """(network, X, {loss: Y}, [w, w'])."""
    rng = np.random.default_rng(0)
    U = rng.uniform(size=(N_SAMPLES, N_FEATURES))
    y = 10.0 * np.sin(np.pi * U[:, 0] * U[:, 1]) + 20.0 * (U[:, 2] - 0.5) ** 2
    y += 10.0 * U[:, 3] + 5.0 * U[:, 4] + rng.standard_normal(N_SAMPLES)
    Y = ((y - y.mean()) / y.std())[:, None]
    network = Network.mlp(N_FEATURES, hidden, 1)
    points = rng.uniform(-1.0, 1.0, (2, network.n_parameters))
    for W in (W for w in points for W in network.matrices(w)):
        W *= np.sqrt(6.0 / (len(W) - 1 + W.shape[1]))
    targets = {"squared_error": Y, "binary_log_loss": (Y > 0).astype(float)}
    return network, (U - U.mean(axis=0)) / U.std(axis=0), targets, points


def checked(network, X, targets, points, forms):
    """Largest relative difference from ours; an error if it is too large."""
    gaps = []
    for loss, w, form in product(targets, points, forms):
        H = Objective(network, loss, X, targets[loss]).hessian(w)
        theirs = Bishop(loss, X, targets[loss], *form).hessian(network.matrices(w))
        gaps.append(np.linalg.norm(theirs - H) / np.linalg.norm(H))
    if not max(gaps) <= TOLERANCE:
        raise AssertionError(f"ours and Bishop's differ by {max(gaps):.1e}")
    return float(max(gaps))


def work_cost(hidden, budget):
    """Times of the package and of Bishop's algorithm, in turns."""
    network, X, targets, points = problem(hidden)
    data = ("squared_error", X, targets["squared_error"])
    matrices = [network.matrices(w) for w in points]

    def seconds(bishop):
        call = partial(bishop.hessian, matrices[0])
        return min(timeit.repeat(call, timer=time.process_time, number=1, repeat=3))

    plain, kept = (
        min((Bishop(*data, size, kept) for size in CHUNKS), key=seconds) for kept in (False, True)
    )
    gap = checked(network, X, targets, points, [(b.size, b.kept) for b in (plain, kept)])
    objective = Objective(network, *data)
    functions = {
        "package": alternating(objective.hessian, points),
        "bishop": alternating(plain.hessian, matrices),
        "kept": alternating(kept.hessian, matrices),
        "passes": alternating(partial(plain.hessian, products=False), matrices),
        "gradient": alternating(objective.gradient, points),
        "blocks": alternating(partial(objective.hessian_blocks, kind="lagrangian"), points),
    }
    times = interleaved(functions, 1, budget)
    if plain.passes != 2 * sum(hidden) + 2:
        raise AssertionError(f"{plain.passes} propagations")
    found = {"hidden": hidden, "P": len(points[0]), "counted": plain.passes, "gap": gap}
    for name in ("gradient", "package", "bishop"):
        found |= summary(times, name)
    found |= {f"{name} ms": 1e3 * found[name] for name in functions}
    found["chunks"] = [plain.size, kept.size]
    blocks = objective.hessian_blocks(points[0], kind="lagrangian")
    found["full"], found["stored"] = len(points[0]) ** 2, sum(part.size for part in blocks)
    found["nonzero"] = sum(int(np.count_nonzero(part)) for part in blocks)
    return {**found, "full/stored": found["full"] / found["stored"]}


def shares(objective, penalised, w):
    """How much of the Hessian lies in the blocks."""
    H, B, L = (objective.hessian(w, kind) for kind in ("exact", "block", "lagrangian"))
    size = np.linalg.norm(H)
    hidden = len(H) - objective.network.node_sizes[-2] - 1
    return {
        "value": objective.value(w),
        "slope": np.linalg.norm(penalised.gradient(w)),
        "lowest": np.linalg.eigvalsh(penalised.hessian(w))[0],
        "entries": sum(part.size for part in objective.hessian_blocks(w)) / H.size,
        "in": np.linalg.norm(B) ** 2 / size**2,
        "bare": np.linalg.norm(B[:hidden, :hidden]) ** 2 / size**2,
        "B": np.linalg.norm(H - B) / size,
        "H-L": np.linalg.norm(H - L) / size,
        "L": np.linalg.norm(L) / size,
    }


def work_shares(hidden, budget):
    """The shares at a random start and where Newton's method ends."""
    network, X, targets, points = problem(hidden)
    data = (network, "squared_error", X, targets["squared_error"])
    plain, penalised = Objective(*data), Objective(*data, alpha=ALPHA)
    end = get_solver("newton", tol=1e-8, max_iter=ITERATIONS).minimize(penalised, points[0])
    return [
        {"hidden": hidden, "P": len(w), "at": at, **shares(plain, penalised, w)}
        for at, w in (("start", points[0]), ("end", end.params))
    ]


# ---- the driver ----
def run_worker(work, hidden, options):
    """Run one work in a process whose number of threads is set before numpy starts."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    command = [sys.executable, __file__, "--budget", str(options.budget)]
    command += ["--core", str(options.core), "--worker", work, *map(str, hidden)]
    environment = os.environ | dict.fromkeys(names, "1")
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    print(done.stdout.decode(), file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def costs(nets, options):
    """Times of all nets, with the exponents of their growth."""
    results = [run_worker("cost", hidden, options) for hidden in nets]
    units = np.log([hidden[0] for hidden in nets])
    for name in ("package", "bishop", "kept"):
        seconds = np.log([found[name] for found in results])
        powers = ["-", *(f"{power:.2f}" for power in np.diff(seconds) / np.diff(units))]
        for found, power in zip(results, powers, strict=True):
            found[f"{name} growth"] = power
        results[-1][f"{name} power"] = np.polyfit(units[-3:], seconds[-3:], 1)[0]
    return results


def filled(title, columns, results):
    pattern = f"| {' | '.join(columns.values())} |"
    for found in results:
        found["net"] = ", ".join(map(str, found["hidden"]))
    return table(title, " | ".join(columns), [pattern.format(**found) for found in results])


def skip_rows():
    """Numbers of second derivatives of the Lagrangian where every layer reads all before it."""
    rows = []
    for hidden in SKIP_NETS:
        absent = {f"intercepts_{k}": False for k in range(len(hidden) + 1)}
        net = Network.mlp(N_FEATURES, hidden, 1, skip_connections="all", connectivity=absent)
        sizes, rng = (N_FEATURES, *hidden), np.random.default_rng(0)
        printed = sum(s * sum(r**2 for r in sizes[:k]) for k, s in enumerate(sizes[1:], start=1))
        right = count_second_derivatives(net)
        X, y = rng.normal(size=(100, N_FEATURES)), rng.normal(size=(100, 1))
        f = Objective(net, "squared_error", X, y)
        blocks = f.hessian_blocks(rng.normal(size=f.n_parameters), "lagrangian")
        counted = sum(int(np.count_nonzero(block)) for block in blocks)
        if counted != right.lagrangian:
            raise AssertionError(f"{counted} are not 0, not {right.lagrangian}")
        rows.append(
            f"| {', '.join(map(str, hidden))} | {f.n_parameters} | {right.stored_dense} | "
            f"{printed} | {right.lagrangian} | {counted} | {right.lagrangian / printed:.2f} |\n"
        )
    return "".join(rows)


def ranges(results):
    """Least and largest of every number."""
    keys = [key for key, value in results[0].items() if isinstance(value, float)]
    return {key: [pick(found[key] for found in results) for pick in (min, max)] for key in keys}


def report(options):
    """Return the whole document."""
    one, two = costs(ONE_LAYER, options), costs(TWO_LAYERS, options)
    both = [found for hidden in NORMS for found in run_worker("shares", hidden, options)]
    sizes = {"n": N_SAMPLES, "p": N_FEATURES, "chunks": ", ".join(map(str, CHUNKS))}
    sizes |= {"alpha": ALPHA, "iterations": ITERATIONS, "numpy": np.__version__}
    numbers = {"all": ranges(one + two), "one": one[-1], "two": two[-1], "both": ranges(both)}
    numbers |= {"start": ranges(both[::2]), "end": ranges(both[1::2])}
    text = HEADER.format(**sizes, gap=numbers["all"]["gap"][1])
    text += filled("### One hidden layer", COST_COLUMNS, one)
    text += filled("\n### Two hidden layers", COST_COLUMNS, two) + COST_FOUND.format(**numbers)
    text += filled(STORAGE.strip(), STORAGE_COLUMNS, one + two)
    text += SKIPS + skip_rows()
    text += filled(SHARES.format(**sizes).rstrip(), SHARES_COLUMNS, both)
    return text + SHARES_FOUND.format(**numbers)


def main():
    """Print the document, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=8.0, help="seconds per net")
    parser.add_argument("--core", type=int, default=0, help="where to pin the runs")
    parser.add_argument("--write", type=Path, help="file for the document")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {options.core})
        function = {"cost": work_cost, "shares": work_shares}[options.worker[0]]
        print(json.dumps(function([int(units) for units in options.worker[1:]], options.budget)))
        return
    text = report(options)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
