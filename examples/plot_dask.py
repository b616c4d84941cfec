"""
Rows on several machines
========================

The rows of a dask array stay on the workers of a cluster: parameters go out, sums over rows come
back, and a fit ends at the minimum that it would find with all rows in memory. Here a worker is
lost in mid-fit. The others make its rows again, and the fit goes on as if nothing had happened.

The cluster is two threads of this process; ``Client("tcp://...")`` would be one of many machines.
"""

import logging

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client

from sknewtonnet import NewtonMLPRegressor

client = Client(
    processes=False,
    n_workers=2,
    threads_per_worker=1,
    dashboard_address=":0",
    silence_logs=logging.ERROR,  # it would warn of the worker that is lost
)

# %%
# Electricity that a town uses, by the hour of the day and the temperature: what is drawn here, on
# the workers, would be read from files in real life. A lost chunk is drawn, or read, once more.


def chunk(number, n_rows=2_500):
    """Hour, temperature and load of some hours."""
    rng = np.random.default_rng(number)
    hour, temperature = rng.uniform(0.0, 24.0, n_rows), rng.normal(12.0, 8.0, n_rows)
    day = 8.0 + 3.0 * np.exp(-0.5 * ((hour - 19.0) / 2.5) ** 2) - 2.0 * np.cos(hour * np.pi / 12)
    heating = 0.25 * np.logaddexp(0.0, 15.0 - temperature)
    return np.column_stack([hour, temperature, day + heating + rng.normal(0.0, 0.6, n_rows)])


chunks = [da.from_delayed(dask.delayed(chunk)(k), (2_500, 3), float) for k in range(4)]
table = da.concatenate(chunks)
X, y = table[:, :2], table[:, 2]

# %%
# After its tenth iteration the fit loses a worker, with half the rows.


class Watch:
    """Do something after one of the iterations."""

    def __init__(self, after, then):
        self.after, self.then, self.n_iter = after, then, 0

    def setup(self, *args, **kwargs):
        """Called by scikit-learn before and after a fit, and before its parts."""

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, **kwargs):
        """Called after each start and each iteration of it."""
        if context.task_name == "iteration":
            self.n_iter += 1
            if self.n_iter == self.after:
                self.then()


def lose_a_worker():
    """Close one of the workers, with all that it holds."""
    worker = next(iter(client.cluster.workers.values()))
    client.sync(worker.close, executor_wait=False)


net = NewtonMLPRegressor((4,), alpha=1.0, random_state=0)
net.set_callbacks(Watch(10, lose_a_worker)).fit(X, y)
left = len(client.scheduler_info()["workers"])
print(f"{X.shape[0]} rows, {net.n_iter_} iterations, ended at a {net.critical_point_}")
print(f"workers: 2 at first, {left} at the end")

in_memory = NewtonMLPRegressor((4,), alpha=1.0, random_state=0).fit(X.compute(), y.compute())
difference = np.abs(net.params_ - in_memory.params_).max()
print(f"largest difference from the parameters of a fit in memory: {difference:.1e}")

# %%
# Predictions of a dask array are a dask array: nothing is computed before it is asked for.

predicted = net.predict(X)
residuals = y - predicted
print(f"predictions: {predicted}")
print(f"R2 {net.score(X, y):.3f}, residual standard deviation {residuals.std().compute():.3f}")

hour = np.linspace(0.0, 24.0, 200)
some = chunk(0, 1500)
figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
left.scatter(some[:, 0], some[:, 2], s=4, c="0.75", label="some of the rows")
for temperature, look in ((0.0, "C0-"), (12.0, "k--"), (24.0, "C3-.")):
    curve = net.predict(np.column_stack([hour, np.full_like(hour, temperature)]))
    left.plot(hour, curve, look, label=f"{temperature:.0f} °C")
left.set(title="the fit on all rows", xlabel="hour", ylabel="load (MW)", xticks=range(0, 25, 6))
left.legend()

for each, label, style in ((in_memory, "in memory", "-"), (net, "on workers", ".")):
    fall = np.array(each.loss_curve_[:-1]) - each.loss_curve_[-1]
    right.semilogy(fall, style, label=label)
right.axvline(10, color="C3", lw=0.8, label="a worker is lost")
right.set(title="the way down", xlabel="iterations", ylabel="objective above its minimum")
right.legend()
client.close()
plt.show()
