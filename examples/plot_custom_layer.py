"""
A layer of one's own: units that multiply powers
=================================================

A product unit computes z_1^a_1 z_2^a_2 ... with exponents that are its parameters. With
log z as its input it takes a few lines, and everything else follows exactly: gradient, Hessian,
Newton's method, the test of the minimum, standard errors, tests and effects. Here it finds a
physical law from noisy measurements: the period of a pendulum with a heavy bob,
2 pi length^(1/2) gravity^(-1/2), in which mass has no part.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sknewtonnet import NewtonNetRegressor
from sknewtonnet.calculus import Layer, Linear
from sknewtonnet.testing import check_layer


class ProductUnit(Layer):
    """p_j(z) = exp(z' theta_j): with z the logarithms of x, a product of powers of x."""

    def unit_arrays(self, n_inputs):
        """One exponent for each input."""
        return {"exponents": np.arange(n_inputs)}

    def input_rows(self, n_inputs):
        """With an exponent of 0 an input does not matter."""
        return [np.array([j]) for j in range(n_inputs)]

    def value(self, theta, z):
        """Products, (units, samples)."""
        return np.exp(theta.T @ z)

    def slopes(self, theta, z):
        """Derivatives in z, (units, inputs, samples), and in the exponents."""
        p = self.value(theta, z)[:, None]
        return theta.T[:, :, None] * p, z * p

    def curvature_parameters(self, theta, z, delta):
        """Sum over samples of delta z z' p."""
        return np.einsum("ai,bi,ji->jab", z, z, delta * self.value(theta, z))

    def curvature_mixed(self, theta, z, delta):
        """Values of delta (z theta' + I) p."""
        eye = np.eye(len(z))[None, :, :, None]
        inner = z[:, None] * theta.T[:, None, :, None] + eye
        return inner * (delta * self.value(theta, z))[:, None, None]

    def curvature_inputs(self, theta, z, delta):
        """Sum over units of delta theta theta' p."""
        return np.einsum("aj,bj,ji->abi", theta, theta, delta * self.value(theta, z))


check_layer(ProductUnit((0,), 2))  # would say which derivative is wrong, and where

# %%
# Measurements, with 3 % noise.

rng = np.random.default_rng(0)
names = ["length", "gravity", "mass"]
x = rng.uniform([0.2, 1.5, 0.1], [3.0, 25.0, 2.0], size=(150, 3))
period = 2.0 * np.pi * np.sqrt(x[:, 0] / x[:, 1])
measured = period * (1.0 + 0.03 * rng.standard_normal(150))

# %%
# A net of one product unit and a linear output without intercept, as an estimator.

net = NewtonNetRegressor(
    [ProductUnit((0,), 1), Linear((1,), 1)],
    alpha=0.0,
    connectivity={"intercepts_0": np.array([False])},
    random_state=0,
)
logarithms = pd.DataFrame(np.log(x), columns=names)
net.fit(logarithms, measured)
print(f"{net.n_iter_} iterations; the Hessian says: {net.critical_point_}")

# %%
# Statistics of the fit: standard errors, and a test that mass has no effect.

results = net.inference(logarithms, measured, cov_type="HC3")
print(results.to_frame()[["estimate", "std_error", "p_value"]].round(4))
mass = results.wald_test("mass")
print(f"Mass: F = {mass.f_statistic:.2f}, p = {mass.p_value:.2f}")

# %%
# Exponents, less those of the law, with two standard errors to each side.

law = np.array([0.5, -0.5, 0.0])
away, spread = results.params[:3] - law, 2.0 * results.std_errors[:3]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.axvline(0.0, color="0.7", linewidth=0.8)
left.errorbar(away, names, xerr=spread, fmt="o", capsize=4)
left.margins(x=0.2, y=0.3)
left.set_yticks(names, [f"{name} ({power:g})" for name, power in zip(names, law, strict=True)])
left.set_xlabel("estimated exponent less that of the law")
right.plot(measured, net.predict(logarithms), ".")
right.axline((0.0, 0.0), slope=1.0, color="0.7", linewidth=0.8)
right.set_xlabel("measured period (s)")
right.set_ylabel("fitted period (s)")
plt.show()
