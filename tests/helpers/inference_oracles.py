"""The statistics of a fitted net by slow and obvious loops, from formulas in textbooks.

Derivatives come from the dual numbers of ``oracles.py``, which know no formula of a net, and
once more from :func:`differenced_hessian`, which is plain NumPy. Sums go row by row, inverses
are those of small dense matrices, and of the package only fitted parameters are read.
"""

from functools import cached_property

import numpy as np
from cases import strengths
from oracle_layers import kind_of
from oracles import Oracle, Problem, loss_derivatives
from penalty_cases import with_penalty
from scipy import stats
from scipy.linalg import fractional_matrix_power, null_space
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, xlogy

MODEL_BASED = ("hessian", "gauss-newton", "bayesian")
ROBUST = ("HC0", "HC1", "HC2", "HC3", "cluster")


def agree(actual, desired, rtol=1e-6):
    """Compare arrays; entries near zero against the largest one."""
    desired = np.asarray(desired, dtype=float)
    scale = float(np.max(np.abs(desired), initial=0.0))
    np.testing.assert_allclose(np.asarray(actual, float), desired, rtol=rtol, atol=rtol * scale)


def agree_covariances(actual, desired, rtol=1e-6):
    """Compare covariance matrices on the scale of their correlations."""
    desired = np.asarray(desired, dtype=float)
    scale = np.sqrt(np.diag(desired))
    scale = np.where(scale > 0, scale, 1.0)
    outer = np.outer(scale, scale)
    np.testing.assert_allclose(np.asarray(actual) / outer, desired / outer, rtol=0, atol=rtol)


# From estimators to plain problems ------------------------------------------------------


def indicators(y):
    """One column per class, but one in all for two classes."""
    Y = (np.asarray(y)[:, None] == np.unique(y)).astype(float)
    return Y[:, 1:] if Y.shape[1] == 2 else Y


def graph_of(layers):
    """What the oracle is told of layers: their sizes, functions, sources and kinds."""
    return {
        "sizes": tuple(layer.n_units for layer in layers),
        "activations": tuple(layer.activation.name for layer in layers[:-1]),
        "skip": tuple(layer.sources for layer in layers),
        "kinds": tuple(kind_of(layer) for layer in layers),
    }


def problem_of(est, X, y, weight=None):
    """Write down what an estimator minimises, as the oracle's plain data."""
    classifier = hasattr(est, "classes_")
    Y = indicators(y) if classifier else np.asarray(y, float).reshape(len(y), -1)
    if hasattr(est, "layers"):
        graph = graph_of(est.layers(np.shape(X)[1], Y.shape[1]))
    else:
        hidden = tuple(np.atleast_1d(np.asarray(est.hidden_layer_sizes, dtype=int)))
        kinds, activations = ["linear"] * (len(hidden) + 1), [est.activation] * len(hidden)
        if hasattr(est, "centers_"):
            hidden = (est.n_centers, *hidden)
            kinds.insert(0, est.covariance_type)
            activations.insert(0, "squared_exponential")
            assert est.alpha_widths == 0.0, "the oracle knows squares as penalties, nothing else"
        graph = {
            "sizes": (*hidden, Y.shape[1]),
            "activations": tuple(activations),
            "skip": est.skip_connections,
            "kinds": tuple(kinds),
        }
    loss = est.loss if not classifier else "binary_log_loss"
    if classifier and Y.shape[1] > 1:
        loss = "multinomial_log_loss"
    layout = est.objective(X, y).network.layout
    problem = Problem(
        **graph | {"sizes": (np.shape(X)[1], *graph["sizes"])},
        loss=loss,
        X=np.asarray(X, dtype=float),
        Y=Y,
        sample_weight=np.ones(len(Y)) if weight is None else np.asarray(weight, dtype=float),
        penalty=strengths(est.alpha, layout.shapes),
    )
    return problem if est.penalties is None else with_penalty(problem, est.penalties, layout)


def contrasts(est, layout):
    """From all parameters to those that are reported: differences from the first class."""
    identity = np.eye(layout.n_parameters)
    if est.out_activation_ != "softmax":
        return identity
    last = len(est.coefs_) - 1
    places = layout.unpack(np.arange(1.0, layout.n_parameters + 1.0))
    ends = {name: np.rint(places[name]).astype(int) - 1 for name in places}
    rows = []
    for name, where in ends.items():
        if name not in (f"coefs_{last}", f"intercepts_{last}"):
            rows += [identity[p] for p in np.unique(where[where >= 0])]
            continue
        for line in np.atleast_2d(where):
            rows += [identity[p] - identity[line[0]] for p in line[1:]]
    return np.array(rows)


class Inference:
    """Everything about one fitted net, each number by its definition.

    ``frozen`` are parameters held at a value; of a softmax without penalty one class is
    held where it is, since only differences of classes are reported.
    """

    def __init__(self, est, X, y, weight=None, weight_type="frequency", frozen=()):
        self.problem = problem_of(est, X, y, weight)
        layout = est.objective(X, y).network.layout
        self.oracle = Oracle(self.problem, layout, est.params_)
        self.T = contrasts(est, layout)
        self.weight, self.weight_type = self.problem.sample_weight, weight_type
        self.S = float(self.weight.sum())
        self.n = self.S if weight_type == "frequency" else float(len(self.weight))
        p = self.problem
        self.raw = p.states(self.oracle.arrays)[-1]
        self.losses, self.slopes, self.curvatures = loss_derivatives(p.loss, p.Y, self.raw)
        self.M_penalty = self.S * self.oracle.penalty_hessian
        self.H = self.S * self.oracle.hessian
        self.H0 = self.H - self.M_penalty
        self.G = self.S * self.oracle.gauss_newton - self.M_penalty
        frozen = [*frozen, *self._gauge(est, layout)]
        self.Z = np.delete(np.eye(layout.n_parameters), frozen, axis=1)

    def _gauge(self, est, layout):
        """Parameters of the first class that no penalty determines."""
        if est.out_activation_ != "softmax":
            return []
        last = len(est.coefs_) - 1
        places = layout.unpack(np.arange(1.0, layout.n_parameters + 1.0))
        first = [places[f"coefs_{last}"][:, 0], places[f"intercepts_{last}"][:1]]
        where = np.rint(np.concatenate(first)).astype(int) - 1
        return [p for p in where if self.M_penalty[p, p] == 0.0]

    def inverse(self, matrix):
        """Inverse where parameters are free."""
        return self.Z @ np.linalg.inv(self.Z.T @ matrix @ self.Z) @ self.Z.T

    @cached_property
    def bread(self):
        return self.inverse(self.H)

    @cached_property
    def df(self):
        """Effective parameters."""
        return float(np.trace(self.bread @ self.H0))

    @property
    def n_outputs(self):
        """Observations in a row: classes of a softmax are one."""
        return 1 if self.problem.loss.startswith("multinomial") else self.raw.shape[1]

    @cached_property
    def residuals(self):
        return self.problem.Y - self.raw

    @cached_property
    def dispersion(self):
        if self.problem.loss == "squared_error":
            total = sum(s * r @ r for s, r in zip(self.weight, self.residuals, strict=True))
            return total / (self.n * self.n_outputs - self.df)
        if self.problem.loss == "gamma":
            mean = np.exp(self.raw)
            pearson = (self.weight[:, None] * (self.problem.Y / mean - 1.0) ** 2).sum()
            return pearson / (self.n * self.n_outputs - self.df)
        return 1.0

    @cached_property
    def residual_covariance(self):
        """Sigma of several outputs."""
        R = self.residuals
        total = sum(s * np.outer(r, r) for s, r in zip(self.weight, R, strict=True))
        return total / (self.n - self.df / self.n_outputs)

    def model_based(self, cov_type):
        phi = self.dispersion
        several = self.problem.loss == "squared_error" and self.n_outputs > 1
        if cov_type == "bayesian" and not several:
            return phi * self.bread
        if cov_type == "gauss-newton":
            bread, middle = self.inverse(self.G + self.M_penalty), phi * self.G
        else:
            bread, middle = self.bread, phi * self.H0
        if several:
            J, Sigma = self.oracle.jacobian, self.residual_covariance
            middle = sum(s * j.T @ Sigma @ j for s, j in zip(self.weight, J, strict=True))
            if cov_type == "bayesian":
                middle = middle + phi * self.M_penalty
        return bread @ middle @ bread

    def score(self, i, cov_type):
        """Gradient of the loss of row i, its residual blown up by the leverage."""
        J, r = self.oracle.jacobian[i], self.slopes[i]
        power = {"HC2": -0.5, "HC3": -1.0}.get(cov_type, 0.0)
        if power == 0.0:
            return J.T @ r
        # A row of frequency weight 3 is three rows, each with a leverage of its own.
        s = 1.0 if self.weight_type == "frequency" else self.weight[i]
        leverage = s * self.curvatures[i] @ J @ self.bread @ J.T
        shrunk = np.eye(len(r)) - leverage
        return J.T @ np.real(fractional_matrix_power(shrunk, power)) @ r

    def meat(self, cov_type, groups=None):
        """Sum of outer products of scores, row by row or cluster by cluster.

        They are centred by the mean of the plain scores, which is zero without a penalty.
        """
        total = np.zeros_like(self.H)
        mean = sum(s * self.score(i, "HC0") for i, s in enumerate(self.weight)) / self.S
        if cov_type == "cluster":
            for label in set(groups):
                rows = [i for i in range(len(self.weight)) if groups[i] == label]
                g = sum(self.weight[i] * (self.score(i, "HC0") - mean) for i in rows)
                total += np.outer(g, g)
            return total
        for i, s in enumerate(self.weight):
            g = self.score(i, cov_type) - mean
            total += (s if self.weight_type == "frequency" else s**2) * np.outer(g, g)
        return total

    def robust(self, cov_type, groups=None):
        n, k = self.n, self.df / self.n_outputs  # of separate regressions each its own
        factor = n / (n - k) if cov_type == "HC1" else 1.0
        if cov_type == "cluster":
            C = len(set(groups))
            factor = C / (C - 1.0) * (n - 1.0) / (n - k)
        return factor * self.bread @ self.meat(cov_type, groups) @ self.bread

    def covariance(self, cov_type, groups=None):
        """Covariance of the reported parameters."""
        if cov_type in MODEL_BASED:
            V = self.model_based(cov_type)
        else:
            V = self.robust(cov_type, groups)
        return self.T @ V @ self.T.T

    @cached_property
    def log_likelihood(self):
        """Of all rows, at the dispersion of largest likelihood."""
        Y, raw = self.problem.Y, self.raw
        if self.problem.loss == "poisson":
            terms = Y * raw - np.exp(raw) - gammaln(Y + 1.0)
            return float((self.weight[:, None] * terms).sum())
        if self.problem.loss == "squared_error":
            variance = (self.weight[:, None] * self.residuals**2).sum() / self.n / self.n_outputs
            if self.weight_type == "frequency":
                terms = stats.norm.logpdf(self.residuals, scale=np.sqrt(variance))
                return float((self.weight[:, None] * terms).sum())
            scale = np.sqrt(variance / self.weight)[:, None]
            return float(stats.norm.logpdf(self.residuals, scale=scale).sum())
        if self.problem.loss == "gamma":
            return self._gamma_likelihood()
        entropy = xlogy(Y, Y).sum()
        assert entropy == 0.0, "labels"
        return -float(self.weight @ self.losses)

    def _gamma_likelihood(self):
        mean, weight = np.exp(self.raw), self.weight[:, None]
        frequency = self.weight_type == "frequency"

        def negative(log_shape):
            shape = np.exp(log_shape) * (1.0 if frequency else weight)
            terms = stats.gamma.logpdf(self.problem.Y, shape, scale=mean / shape)
            return -float((weight * terms if frequency else terms).sum())

        return -minimize_scalar(negative, (0.0, 2.0), options={"xtol": 1e-12}).fun

    def criteria(self):
        """Return AIC, AICc, BIC, NIC, TIC and GCV."""
        n, k = self.n * self.n_outputs, self.df
        robust = np.trace(self.bread @ self.meat("HC0"))
        D, ll = self.weight @ self.losses, self.log_likelihood
        return {
            "aic": -2 * ll + 2 * k,
            "aicc": -2 * ll + 2 * k + 2 * k * (k + 1) / (n - k - 1),
            "bic": -2 * ll + k * np.log(n),
            "nic": D / n + robust / n,
            "tic": -2 * ll + 2 * robust / self.dispersion,
            "gcv": (2 * D / n) / (1 - k / n) ** 2,
        }


# Once more, without any of the package's or the oracle's machinery -------------------------


def tanh_net(w, X, n_hidden):
    """One hidden layer, one output, for real or complex w in the package's order."""
    p = X.shape[1]
    first = w[: p * n_hidden].reshape(p, n_hidden)
    rest = w[p * n_hidden :]
    hidden = np.tanh(X @ first + rest[:n_hidden])
    return hidden @ rest[n_hidden : 2 * n_hidden] + rest[2 * n_hidden]


def differenced_hessian(function, w, step=1e-3):
    """Central differences, twice extrapolated, of complex-step gradients of a function."""

    def gradient(at):
        steps = at + 1e-30j * np.eye(len(at))
        return np.array([function(row).imag / 1e-30 for row in steps])

    def slope(h, direction):
        return (gradient(w + h * direction) - gradient(w - h * direction)) / (2.0 * h)

    columns = []
    for direction in np.eye(len(w)):
        coarse, middle, fine = (slope(step / 2**k, direction) for k in range(3))
        first, second = (4.0 * middle - coarse) / 3.0, (4.0 * fine - middle) / 3.0
        columns.append((16.0 * second - first) / 15.0)
    H = np.array(columns)
    return (H + H.T) / 2.0


def wald(estimate, covariance, R, r=0.0):
    """Wald's statistic, by its definition."""
    R = np.atleast_2d(R)
    gap = R @ estimate - r
    return float(gap @ np.linalg.solve(R @ covariance @ R.T, gap))


def restriction_basis(R):
    """Directions in which R w does not change."""
    return null_space(np.atleast_2d(R))
