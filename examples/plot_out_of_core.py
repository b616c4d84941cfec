"""
A table that never is in memory
===============================

Fifty thousand rows lie in files, in single precision. A fit reads them one after the other, as
often as it needs sums over all rows, and ends at the minimum of the whole table. Its memory does
not depend on how many files there are; a fit in memory takes many times the table.
"""

import tempfile
import tracemalloc
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sknewtonnet import NewtonMLPRegressor

# %%
# The files: rows of five features, of which three matter, and the target.

folder = Path(tempfile.mkdtemp())
ROWS, LAST = 10_000, 5


def write(number):
    """One file."""
    rng = np.random.default_rng(number)
    X = rng.normal(size=(ROWS, 5))
    y = np.sin(2.0 * X[:, 0]) + X[:, 1] * np.tanh(X[:, 2]) + 0.3 * rng.normal(size=ROWS)
    np.save(folder / f"{number}.npy", np.column_stack([X, y]).astype(np.float32))


def read(number):
    """Its features and its target."""
    table = np.load(folder / f"{number}.npy")
    return table[:, :5], table[:, 5]


for number in range(LAST + 1):
    write(number)

# %%
# Functions that read a file each are blocks. `alpha="auto"` compares strengths of the penalty on
# a sample of the rows; the fit itself is of all of them. The last file is kept for a test.

files = [partial(read, number) for number in range(LAST)]
net = NewtonMLPRegressor((5,), ftol=1e-3, random_state=0).fit(files)
print(f"alpha {net.alpha_:.3g}: {net.alpha_selection_.reason}")
print(f"{net.n_iter_} iterations on {LAST * ROWS} rows; test R2 {net.score([read(LAST)]):.4f}")

# %%
# The same minimum as from memory, here of two files.

settings = {"alpha": 1.0, "random_state": 0}
some = NewtonMLPRegressor((3,), **settings).fit(files[:2])
X, y = (np.concatenate(parts) for parts in zip(*(read(k) for k in range(2)), strict=True))
whole = NewtonMLPRegressor((3,), **settings).fit(X, y)
off = np.abs(some.params_ - whole.params_).max() / np.abs(whole.params_).max()
print(f"both end at a {some.critical_point_}; largest difference of the parameters: {off:.0e}")


# %%
# Memory that the first steps of a fit take, for more and more files.


def peak(*table):
    """Megabytes at the peak of a short fit."""
    short = NewtonMLPRegressor((3,), ftol=0.5, **settings)
    tracemalloc.start()
    short.fit(*table)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / 1e6


numbers = [1, 3, 5]
in_blocks = [peak(files[:n]) for n in numbers]
in_memory = []
for n in numbers:
    tables = [read(k) for k in range(n)]
    in_memory.append(peak(*(np.concatenate(parts) for parts in zip(*tables, strict=True))))
    del tables
thousands = ROWS * np.array(numbers) / 1000.0

# %%
# Left: memory. Right: what the fit has found of the first feature, and what is true.

fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), layout="constrained")
left.plot(thousands, in_memory, "s--", color="0.5", label="arrays in memory")
left.plot(thousands, in_blocks, "o-", color="C0", label="files, one at a time")
left.plot(thousands, thousands * 6 * 4 / 1e3, ":", color="C3", label="the files themselves")
left.set(xlabel="thousand rows", ylabel="peak memory of a fit (MB)", ylim=(0.0, None))
left.legend()
x = np.linspace(-2.5, 2.5, 200)
grid = np.zeros((200, 5))
grid[:, 0] = x
right.plot(x, np.sin(2.0 * x), color="0.5", linewidth=4.0, alpha=0.5, label="true")
right.plot(x, net.predict(grid), color="C0", label=f"net of 5 units, {LAST * ROWS} rows")
right.set(xlabel="first feature, others 0", ylabel="mean of the target")
right.set_ylim(-1.3, 1.8)
right.legend(loc="upper left")
plt.show()
