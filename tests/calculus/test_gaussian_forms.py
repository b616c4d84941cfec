"""Forms of covariances: what users see of units, and that a new form is added in one place."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracle_layers import COVARIANCE_TYPES
from sklearn.mixture._gaussian_mixture import _compute_precision_cholesky

from sknewtonnet import RBFNetClassifier, RBFNetRegressor
from sknewtonnet.calculus import GaussianRBF, Network
from sknewtonnet.calculus.pieces.gaussian import radial_layer
from sknewtonnet.calculus.pieces.gaussian_forms import FORMS, GaussianForm, Shapes
from sknewtonnet.calculus.pieces.penalties import WidthPenalty
from sknewtonnet.testing import check_layer, check_penalty

P = 3

each_form = pytest.mark.parametrize("name", COVARIANCE_TYPES)


def parameters(name, n_inputs=P, seed=0):
    n_free = int(FORMS[name].rows(n_inputs).max()) + 1
    return 0.5 * np.random.default_rng(seed).normal(size=(4, n_free))


def as_matrices(array, n_inputs=P):
    """Variances or matrices as matrices."""
    if array.ndim == 3:
        return array
    return array.reshape(len(array), -1)[:, :, None] * np.eye(n_inputs)


@each_form
@pytest.mark.parametrize("n_inputs", [1, 2, 5])
def test_array_and_parameters_are_the_same(name, n_inputs):
    form, free = FORMS[name], parameters(name, n_inputs)
    array = form.array(free, n_inputs)
    assert array.shape == Network.rbf(n_inputs, 4, 1, name).layout.shapes["precisions_cholesky"]
    assert_array_equal(form.free(array, n_inputs), free)


@each_form
def test_shapes_agree_with_each_other(name):
    form, free = FORMS[name], parameters(name)
    shapes, M = form.shapes(free, P), form.precisions(free, P)
    assert_allclose(as_matrices(shapes.precisions), M, rtol=1e-13)
    assert_allclose(as_matrices(shapes.covariances) @ M, [np.eye(P)] * 4, atol=1e-13)
    variances = np.einsum("spp->sp", as_matrices(shapes.covariances))
    widths = np.broadcast_to(shapes.widths.reshape(4, -1), (4, P))
    assert_allclose(widths**2, variances, rtol=1e-13)
    expected = _compute_precision_cholesky(shapes.covariances, name)
    assert_allclose(shapes.factors, expected, rtol=1e-12, atol=1e-14)


@each_form
def test_shapes_have_derivatives_by_complex_steps(name):
    form, free = FORMS[name], parameters(name)
    along = np.random.default_rng(1).normal(size=free.shape)
    stepped = form.shapes(free + 1e-30j * along, P)
    plus, minus = (form.shapes(free + h * along, P) for h in (1e-5, -1e-5))
    for found, high, low in zip(stepped, plus, minus, strict=True):
        assert_allclose(found.imag / 1e-30, (high - low) / 2e-5, rtol=1e-7, atol=1e-9)


@each_form
def test_round_units(name):
    form, tau = FORMS[name], np.array([-0.5, 0.0, 2.0])
    M = form.precisions(form.round_units(tau, P), P)
    assert_allclose(M, np.exp(2.0 * tau)[:, None, None] * np.eye(P), rtol=1e-14)


@each_form
def test_reference_widths(name):
    """Together as wide as the data; never 0, whatever is constant."""
    spread = np.array([0.5, 2.0, 0.0])
    found = FORMS[name].reference(spread)
    distance = np.sqrt(0.25 + 4.0)
    expected = np.sqrt(3.0) * np.array([0.5, 2.0, 1.0]) if name == "diag" else [distance] * 3
    assert_allclose(found, expected, rtol=1e-14)
    assert (FORMS[name].reference(np.zeros(3)) > 0.0).all()


def test_nets_without_radial_units_or_with_several_layers_of_them():
    with pytest.raises(ValueError, match="no layers"):
        radial_layer(Network.mlp(2, (3,), 1).layers)
    several = [GaussianRBF((0,), 2), GaussianRBF((1,), 2)]
    with pytest.raises(ValueError, match="2 layers"):
        radial_layer(several)


# A form of one's own ------------------------------------------------------------------------


class Stretched(GaussianForm):
    """M = exp(2 tau) diag(1, 4, 9, ...): one width, in units that differ between inputs."""

    round = FORMS["spherical"]

    @staticmethod
    def scale(array):
        """Factors of the inputs, which are the second axis of an array."""
        return np.arange(1.0, array.shape[1] + 1.0).reshape(-1, *[1] * (array.ndim - 2))

    def rows(self, n_inputs):
        return np.array(0)

    def shapes(self, free, n_inputs):
        factors = np.exp(free) * np.arange(1.0, n_inputs + 1.0)
        return Shapes(factors, factors**2, factors**-2, 1.0 / factors)

    def round_units(self, tau, n_inputs):
        return tau[:, None]

    def reference(self, spread):
        return np.where(spread > 0, spread, 1.0)

    def divergence(self, free, reference):
        t = free + np.log(reference * np.arange(1.0, len(reference) + 1.0))
        bend = 2.0 * np.exp(2.0 * t)
        parts = (0.5 * np.expm1(2.0 * t) - t, np.expm1(2.0 * t), bend)
        return tuple(part.sum(axis=1, keepdims=True) for part in parts)

    def precisions(self, free, n_inputs):
        return self.round.precisions(free, n_inputs) * np.arange(1.0, n_inputs + 1.0) ** 2

    def times(self, free, d):
        return self.scale(d) ** 2 * self.round.times(free, d)

    def value(self, free, d):
        return self.round.value(free, self.scale(d) * d)

    def slopes(self, free, d):
        return self.round.slopes(free, self.scale(d) * d)

    def mixed(self, free, d, delta):
        return self.scale(d)[None] * self.round.mixed(free, self.scale(d) * d, delta)

    def square(self, d, delta):
        return self.round.square(self.scale(d) * d, delta)

    def gradient(self, free, square):
        return self.round.gradient(free, square)

    def second(self, free, mean, square):
        return self.round.second(free, self.scale(mean) ** 2 * mean, square)

    def monomials(self, z, out):
        self.round.monomials(self.scale(z[None])[:, 0, None] * z, out)

    def centred(self, squares, mean, total, nu):
        c = self.scale(nu)
        return self.round.centred(squares, c[:, None] * mean, total, c * nu)

    def weights(self, free):
        return self.round.weights(free)

    def lift(self, free, nu):
        pull, weights, widths = self.round.lift(free, nu)
        return self.scale(nu) ** 2 * pull, weights, widths / self.scale(nu)

    def weights_along(self, free, along):
        return self.round.weights_along(free, along)

    def times_along(self, free, along, nu):
        found = self.round.times_along(free, along, nu)
        return self.scale(found) ** 2 * found


@pytest.fixture
def own_form(monkeypatch):
    """One line of the registry."""
    monkeypatch.setitem(FORMS, "stretched", Stretched())


@pytest.mark.usefixtures("own_form")
def test_derivatives_of_an_own_form():
    check_layer(GaussianRBF((0,), 4, "stretched"))
    net = Network.rbf(3, 4, 2, "stretched")
    widths = WidthPenalty(net.layers[0].form, 0.3, np.array([0.5, 1.0, 2.0]))
    check_penalty(widths, layout=net.layout)


@pytest.mark.usefixtures("own_form")
def test_estimators_with_an_own_form():
    """Fit, attributes, penalty of widths, start and inference: no other file knows the form."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(150, 2))
    y = 2.0 * np.exp(-0.5 * ((X[:, 0] - 0.5) ** 2 + 4.0 * X[:, 1] ** 2))
    y += 0.1 * rng.normal(size=150)
    est = RBFNetRegressor(
        1, covariance_type="stretched", alpha=0.01, random_state=0, standardize=False
    ).fit(X, y)
    assert est.critical_point_ == "minimum"
    assert est.score(X, y) > 0.9
    assert est.precisions_.shape == est.covariances_.shape == (1, 2)
    assert_allclose(est.precisions_[:, 1], 4.0 * est.precisions_[:, 0], rtol=1e-13)
    d = X - est.centers_[0]
    bump = np.exp(-0.5 * (d**2) @ est.precisions_[0])
    assert_allclose(est.predict(X), bump * est.coefs_[0][0, 0] + est.intercepts_[0], rtol=1e-12)
    units = est.inference(X, y).radial_units()
    assert_allclose(units.covariances, est.covariances_, rtol=1e-12)
    assert units.widths.shape == units.widths_se.shape == (1, 2)
    # d width_2 / d tau is half of d width_1 / d tau, and so are the errors.
    assert_allclose(units.widths_se[:, 1], 0.5 * units.widths_se[:, 0], rtol=1e-12)
    classes = RBFNetClassifier(
        2, covariance_type="stretched", random_state=0, standardize=False, alpha=1.0
    ).fit(X, y > 1.0)
    assert classes.score(X, y > 1.0) > 0.9
