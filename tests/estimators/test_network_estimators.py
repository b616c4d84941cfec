"""Nets of any layers as estimators: the layers, their starts, and all that follows from a fit."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from cases import Multiquadric
from estimator_cases import (
    BUMP_ALPHA,
    MODELS,
    PLAIN,
    bumps_and_trend,
    class_data,
    count_data,
    fitted,
    forms_of_units,
    regression_data,
    weights,
)
from inference_oracles import Inference, agree_covariances, problem_of
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Oracle
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import GaussianRBF, Layer, Linear, Quadratic
from sknewtonnet.estimators import fit_from, fit_of

NETS = [name for name in MODELS if name.startswith("net")]
each_net = pytest.mark.parametrize("name", NETS)
quiet = pytest.mark.filterwarnings("ignore:Inference. :UserWarning")


class Gates(Layer):
    """Products of two inputs, z_0 z_1 times a factor: one parameter, and no start of its own."""

    def unit_arrays(self, n_inputs):
        return {"factors": np.array(0)}

    def value(self, theta, z):
        return theta.T * z[0] * z[1]

    def slopes(self, theta, z):
        inputs = theta.T[:, :, None] * np.array([z[1], z[0]])
        return inputs, np.broadcast_to(z[0] * z[1], (self.n_units, 1, z.shape[1]))

    def curvature_parameters(self, theta, z, delta):
        return np.zeros((self.n_units, 1, 1))

    def curvature_mixed(self, theta, z, delta):
        return delta[:, None, None] * np.array([z[1], z[0]])

    def curvature_inputs(self, theta, z, delta):
        across = (theta.T * delta).sum(axis=0)
        return np.array([[np.zeros_like(across), across], [across, np.zeros_like(across)]])


# What is fitted --------------------------------------------------------------------------------


def test_without_layers_it_is_a_multilayer_perceptron():
    """Of ten tanh units: the same start, the same steps, the same end."""
    X, y = regression_data(2)
    nets = [
        make(random_state=0, **PLAIN).fit(X, y)
        for make in (NewtonNetRegressor, NewtonMLPRegressor)
    ]
    assert_array_equal(nets[0].params_, nets[1].params_)
    X, y = class_data()
    nets = [
        make(random_state=0, **PLAIN).fit(X, y)
        for make in (NewtonNetClassifier, NewtonMLPClassifier)
    ]
    assert_array_equal(nets[0].predict_proba(X), nets[1].predict_proba(X))


def test_layers_in_a_list_or_from_a_function():
    X, y = regression_data()
    alpha = {"quadratic_forms": 1.0, "coefs_0": 0.5, "coefs_1": 0.5}
    fits = [
        NewtonNetRegressor(layers, alpha=alpha, random_state=0, standardize=False).fit(X, y)
        for layers in (forms_of_units(4, 1), tuple(forms_of_units(4, 1)), forms_of_units)
    ]
    for other in fits[1:]:
        assert_array_equal(other.params_, fits[0].params_)


@each_net
def test_objective_is_that_of_the_oracle(name):
    est, X, y = fitted(name, weights(len(MODELS[name][1]()[0])))
    if not callable(est.layers):
        layers = est.layers
        est.layers = lambda n_features, n_outputs: layers
    w = est.params_ + 0.1
    f = est.objective(X, y, weights(len(X)))
    reference = Oracle(problem_of(est, X, y, weights(len(X))), f.network.layout, w)
    assert f.value(w) == pytest.approx(reference.value, rel=1e-12)
    for found, wanted in (
        (f.gradient(w), reference.gradient),
        (f.hessian(w), reference.hessian),
    ):
        assert_allclose(found, wanted, atol=1e-9 * np.abs(wanted).max())
    assert est.critical_point_ == "minimum"


@each_net
def test_attributes(name):
    """All parameters by the names of arrays; of linear layers in lists as well."""
    est, X, y = fitted(name)
    layout = est.objective(X, y).network.layout
    assert list(est.arrays_) == list(layout.shapes)
    assert_array_equal(layout.pack(est.arrays_), est.params_)
    assert est.parameter_names_ == layout.names
    for k, (coefs, intercepts) in enumerate(zip(est.coefs_, est.intercepts_, strict=True)):
        assert_array_equal(est.arrays_[f"coefs_{k}"], coefs)
        assert_array_equal(est.arrays_[f"intercepts_{k}"], intercepts)
    assert est.n_layers_ == len(fit_of(est).network.layers) + 1


def test_a_radial_net_is_a_net_of_layers():
    """From the minimum of the one the other does not move."""
    X, y = regression_data()
    alpha = {"coefs_0": 0.5, "centers": 0.1, "precisions_cholesky": 0.5}
    radial = RBFNetRegressor(
        3, alpha=alpha, alpha_widths=0.0, random_state=0, standardize=False
    ).fit(X, y)
    same = NewtonNetRegressor(
        [GaussianRBF((0,), 3, "spherical"), Linear((1,), 1)], alpha=alpha, standardize=False
    )
    fit_from(same, fit_of(radial), X, y)
    assert same.loss_ == pytest.approx(radial.loss_, rel=1e-12)
    assert same.n_iter_ == 0
    assert_array_equal(same.predict(X), radial.predict(X))


def test_a_layer_of_ones_own_finds_an_interaction():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    y = 1.0 + 0.5 * X[:, 0] + 2.0 * X[:, 0] * X[:, 1] + 0.1 * rng.standard_normal(200)
    layers = [Gates((0,), 1), Linear((0, 1), 1)]
    bounds = {"coefs_0[c0, y]": (1.0, 1.0)}  # the factor of the product is its own
    est = NewtonNetRegressor(
        layers, alpha=0.0, bounds=bounds, random_state=0, standardize=False
    ).fit(X, y)
    design = np.column_stack([X[:, 0] * X[:, 1], X, np.ones(200)])
    wanted = np.linalg.lstsq(design, y, rcond=None)[0]
    found = [est.arrays_["factors"][0], *est.coefs_[0][:2, 0], est.intercepts_[0][0]]
    assert_allclose(found, wanted, rtol=1e-7)


def test_connections_bounds_and_constraints_by_name():
    X, y = regression_data()
    mask = {"coefs_0": np.array([[True], [False], [True], [True], [True], [True]])}
    est = NewtonNetRegressor(
        bumps_and_trend,
        alpha={"precisions_cholesky": 1.0, "coefs_0": 0.5},
        connectivity=mask,
        bounds={"centers": (-0.5, 0.5)},
        linear_constraints=[({"coefs_0[x0, y]": 1.0, "coefs_0[x2, y]": 1.0}, 0.3, 0.3)],
        random_state=0,
        standardize=False,
    ).fit(X, y)
    assert est.coefs_[0][1] == 0.0
    assert np.abs(est.arrays_["centers"]).max() <= 0.5
    assert est.coefs_[0][0] + est.coefs_[0][2] == pytest.approx(0.3)
    assert "coefs_0[x1, y]" not in est.parameter_names_


def test_counts_and_several_outputs():
    X, y = count_data()
    both = np.column_stack([y, y[::-1]])
    est = NewtonNetRegressor(
        bumps_and_trend, loss="poisson", alpha=BUMP_ALPHA, random_state=0, standardize=False
    ).fit(X, both)
    assert est.predict(X).shape == both.shape
    # The intercepts have no penalty, so the residuals have a mean of zero.
    assert_allclose(est.predict(X).mean(axis=0), both.mean(axis=0), rtol=1e-7)


# Starts ----------------------------------------------------------------------------------------


def start_of(layers, X, seed=3):
    """Where a net on such inputs starts, whatever its targets."""
    y = np.random.default_rng(0).standard_normal(len(X))
    est = NewtonNetRegressor(layers, max_iter=1, random_state=0, standardize=False, alpha=1.0)
    with pytest.warns(ConvergenceWarning):  # one step is not enough
        problem = fit_of(est.fit(X, y), X, y).problem
    return problem.network.layout.unpack(problem.start(seed))


def test_bumps_start_among_their_inputs():
    """Moved and stretched inputs move and stretch the units, whose widths reach others."""
    X = np.random.default_rng(1).standard_normal((80, 3))
    layers = [GaussianRBF((0,), 5, "diag"), Linear((1,), 1)]
    here, there = start_of(layers, X), start_of(layers, 5.0 + 4.0 * X)
    assert_allclose(there["centers"] - 5.0, 4.0 * here["centers"], rtol=1e-9, atol=1e-12)
    narrower = there["precisions_cholesky"] - here["precisions_cholesky"]
    assert_allclose(narrower, -np.log(4.0), rtol=1e-9)
    assert np.abs(here["centers"] - X.mean(axis=0)).max() < 4.0
    assert (np.ptp(here["precisions_cholesky"], axis=1) == 0.0).all()  # round


def test_a_layer_inside_starts_among_what_it_reads():
    """Its inputs are units between -1 and 1 and the features, where those start."""
    X = 100.0 + np.random.default_rng(1).standard_normal((80, 2))
    mask = {"coefs_0": np.array([[True, False], [True, True]])}
    layers = [Linear((0,), 2, "tanh"), GaussianRBF((0, 1), 4, "full"), Linear((2,), 1)]
    y = np.sin(X[:, 0])
    est = NewtonNetRegressor(
        layers, max_iter=1, connectivity=mask, random_state=0, standardize=False, alpha=1.0
    )
    with pytest.warns(ConvergenceWarning):
        problem = fit_of(est.fit(X, y), X, y).problem
    arrays = problem.network.layout.unpack(problem.start(0))
    centers = arrays["centers"]
    assert np.abs(centers[:, :2] - 100.0).max() < 5.0
    units = np.tanh(X @ arrays["coefs_0"] + arrays["intercepts_0"])
    spread = np.sqrt(((units - units.mean(axis=0)) ** 2).mean(axis=0))
    assert (np.abs(centers[:, 2:] - units.mean(axis=0)) <= 5.0 * spread + 1e-12).all()
    assert arrays["coefs_0"][0, 1] == 0.0


def test_quadratic_forms_start_as_bumps():
    X = np.random.default_rng(1).standard_normal((80, 3))
    bumps = start_of([GaussianRBF((0,), 4, "spherical"), Linear((1,), 1)], X)
    forms = start_of([Quadratic((0,), 4), Linear((1,), 1)], X)["quadratic_forms"]
    ones = np.column_stack([X, np.ones(80)])
    found = np.einsum("ia,jab,ib->ij", ones, forms, ones)
    squares = ((X[:, None] - bumps["centers"]) ** 2).sum(axis=2)
    assert_allclose(found, squares * np.exp(2.0 * bumps["precisions_cholesky"]), rtol=1e-9)


def test_other_layers_start_at_small_random_numbers():
    X = np.random.default_rng(1).standard_normal((80, 3))
    nodes = start_of([Multiquadric((0,), 6), Linear((1,), 1)], X)["nodes"]
    assert np.abs(nodes).max() <= 0.5 * np.sqrt(6.0 / 9.0)
    assert len(np.unique(nodes)) == nodes.size


def test_a_start_of_ones_own():
    class Placed(Multiquadric):
        def start(self, center, spread, random_state):
            nodes = np.linspace(-1, 1, self.n_units) * spread[:, None] + center[:, None]
            return np.vstack([nodes, np.zeros(self.n_units)])

    X = 3.0 + np.random.default_rng(1).standard_normal((80, 2))
    found = start_of([Placed((0,), 3), Linear((1,), 1)], X)
    assert_allclose(found["nodes"][1], X.mean(axis=0))
    assert_allclose(found["nodes"][2], X.mean(axis=0) + X.std(axis=0))

    class Wrong(Multiquadric):
        def start(self, center, spread, random_state):
            return np.zeros((3, 1))

    with pytest.raises(ValueError, match=r"start of Wrong.*shape \(3, 2\), got \(3, 1\)"):
        NewtonNetRegressor([Wrong((0,), 2), Linear((1,), 1)], standardize=False, alpha=1.0).fit(
            X, X[:, 0]
        )


# What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Linear((0,), 3, "tanh"), Linear((1,), 2)], r"last .* must have 1 units.*Linear.*2\)"),
        ([], r"instances of Layer, at least one, got \[\]"),
        (["linear"], r"instances of Layer.*'linear'"),
        (lambda n_features, n_outputs: None, r"instances of Layer.*None"),
        ([Linear((2,), 1)], r"reads|sources|nodes?"),
        (3, r"'layers' parameter .* must be"),
        (Linear((0,), 1), r"'layers' parameter .* must be"),
    ],
)
def test_layers_that_make_no_sense(layers, message):
    with pytest.raises(ValueError, match=message):
        NewtonNetRegressor(layers, standardize=False, alpha=1.0).fit(*regression_data())


def test_last_layer_of_classes():
    X, y = class_data()
    with pytest.raises(ValueError, match=r"must have 3 units, one for each raw prediction"):
        NewtonNetClassifier([Linear((0,), 1)], standardize=False, alpha=1.0).fit(X, y)
    X, y = class_data(2)
    assert (
        NewtonNetClassifier([Linear((0,), 1)], standardize=False, alpha=1.0).fit(X, y).score(X, y)
        > 0.9
    )


def test_changed_layers_change_nothing_of_a_fit():
    X, y = regression_data()
    layers = [Quadratic((0,), 1), Linear((0, 1), 1)]
    est = NewtonNetRegressor(
        layers, alpha={"quadratic_forms": 1.0}, random_state=0, standardize=False
    ).fit(X, y)
    prediction = est.predict(X)
    layers[0].activation = Linear((0,), 1, "tanh").activation
    layers.pop()
    assert_array_equal(est.predict(X), prediction)
    assert_allclose(est.objective(X, y).value(est.params_), est.loss_, rtol=1e-14)


# What follows from a fit -----------------------------------------------------------------------


@quiet
def test_copies():
    est, X, y = fitted("net classes")
    twin = pickle.loads(pickle.dumps(est))
    assert_array_equal(twin.predict_proba(X), est.predict_proba(X))
    assert_array_equal(twin.inference(X, y).std_errors, est.inference(X, y).std_errors)
    again = clone(est).fit(X, y)
    assert_array_equal(again.params_, est.params_)


@dataclass(frozen=True)
class Bumps:
    """So many bumps beside a linear model."""

    n_units: int

    def __call__(self, n_features, n_outputs):
        if not self.n_units:
            return [Linear((0,), n_outputs)]
        return [GaussianRBF((0,), self.n_units, "spherical"), Linear((0, 1), n_outputs)]


def one_bump(n=200):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((n, 2))
    bump = np.exp(-2.0 * ((X - [0.5, 0.0]) ** 2).sum(axis=1))
    return X, X[:, 0] + 3.0 * bump + 0.2 * rng.standard_normal(n)


@quiet
@pytest.mark.parametrize("kind", ["numbers", "counts", "classes"])
@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "HC0", "HC1"])
def test_standard_errors_are_those_of_the_oracle(kind, cov_type):
    X, y = one_bump()
    alpha = {"coefs_0": 0.05, "centers": 0.05, "precisions_cholesky": 0.05}
    make, options = (
        NewtonNetRegressor,
        {"alpha": alpha, "standardize": False, "n_init": 3, "random_state": 0},
    )
    if kind == "counts":
        y, options = (
            np.random.default_rng(1).poisson(np.exp(0.5 * y)),
            {**options, "loss": "poisson"},
        )
    if kind == "classes":
        make, y = NewtonNetClassifier, np.digitize(y, [0.0, 1.5])
    est = make(Bumps(1), **options).fit(X, y)
    results = est.inference(X, y, cov_type=cov_type)
    agree_covariances(results.covariance, Inference(est, X, y).covariance(cov_type), rtol=1e-6)
    assert results.names[0] == "centers[c0, x0]"
    assert results.summary()


@quiet
def test_size_by_a_criterion():
    X, y = one_bump()
    net = NewtonNetRegressor(alpha={}, n_init=3, random_state=0, standardize=False)
    search = InformationCriterionSearch(net, {"layers": [Bumps(k) for k in range(3)]}).fit(X, y)
    assert search.best_params_ == {"layers": Bumps(1)}
    assert_allclose(search.best_estimator_.arrays_["centers"], [[0.5, 0.0]], atol=0.2)
    rows = np.arange(len(X))
    grid = GridSearchCV(net, {"layers": [Bumps(0), Bumps(1)]}, cv=[(rows[::2], rows[1::2])])
    assert grid.fit(X, y).best_params_ == {"layers": Bumps(1)}


@quiet
def test_pruning():
    """Of two bumps and a trend in two inputs a bump and one slope are left."""
    X, y = one_bump()
    net = NewtonNetRegressor(
        Bumps(2), alpha={"coefs_0": 0.01}, n_init=3, random_state=0, standardize=False
    )
    pruned = BackwardPruning(net, scoring="bic").fit(X, y)
    left = pruned.estimator_
    assert isinstance(left, NewtonNetRegressor)
    assert sum(mask.sum() for mask in pruned.unit_support_) == 1
    assert (left.coefs_[0][:2, 0] != 0).tolist() == [True, False]
    assert left.score(X, y) > 0.9
    assert left.inference(X, y).post_selection is True
    confirmed = pruned.confirm(*one_bump(300))
    assert confirmed.post_selection is False
    assert confirmed.names == left.parameter_names_


class Powers(Layer):
    """exp(z' theta): with z the logarithms of x, a product of powers of x."""

    def unit_arrays(self, n_inputs):
        return {"exponents": np.arange(n_inputs)}

    def input_rows(self, n_inputs):
        return [np.array([j]) for j in range(n_inputs)]

    def value(self, theta, z):
        return np.exp(theta.T @ z)

    def slopes(self, theta, z):
        p = self.value(theta, z)[:, None]
        return theta.T[:, :, None] * p, z * p

    def curvature_parameters(self, theta, z, delta):
        return np.einsum("ai,bi,ji->jab", z, z, delta * self.value(theta, z))


def pendulum():
    """Draw periods that depend on length and gravity, and not on mass."""
    rng = np.random.default_rng(0)
    x = np.log(rng.uniform([0.2, 1.5, 0.1], [3.0, 25.0, 2.0], size=(150, 3)))
    period = 2.0 * np.pi * np.exp(0.5 * (x[:, 0] - x[:, 1]))
    return x, period * (1.0 + 0.03 * rng.standard_normal(150))


@pytest.mark.parametrize("unit", ["weight", "feature"])
def test_pruning_of_a_law(unit):
    """Exponents are zero where an input has no part: they go like coefficients."""
    X, y = pendulum()
    mask = {"intercepts_0": np.array([False])}
    net = NewtonNetRegressor(
        [Powers((0,), 1), Linear((1,), 1)],
        alpha=0.0,
        connectivity=mask,
        random_state=0,
        standardize=False,
    )
    pruned = BackwardPruning(net, unit=unit).fit(X, y)
    gone = "exponents[c0, x2]" if unit == "weight" else "x2"
    assert [step.removed for step in pruned.path_ if step.accepted] == [(), (gone,)]
    assert pruned.get_support().tolist() == [True, True, False]
    exponents = pruned.estimator_.arrays_["exponents"][0]
    assert_allclose(exponents, [0.5, -0.5, 0.0], atol=0.02)
    assert exponents[2] == 0.0


@quiet
def test_pruning_of_terms():
    """Entries of a quadratic form are terms of a polynomial, each with a test of its own."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 2))
    y = 1.0 + X[:, 0] + 2.0 * X[:, 0] * X[:, 1] + 0.5 * rng.standard_normal(200)
    net = NewtonNetRegressor(
        [Quadratic((0,), 1, "identity")], alpha=0.0, random_state=0, standardize=False
    )
    pruned = BackwardPruning(net).fit(X, y)
    form = pruned.estimator_.arrays_["quadratic_forms"][0]
    assert_allclose(form, [[0.0, 1.0, 0.5], [1.0, 0.0, 0.0], [0.5, 0.0, 1.0]], atol=0.15)
    assert form[0, 0] == form[1, 1] == form[1, 2] == 0.0
