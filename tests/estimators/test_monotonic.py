"""Predictions that rise or fall with a feature."""

import numpy as np
import pytest
from constrained_cases import is_constrained_minimum, table
from estimator_cases import class_data, classes, classifier, data, regressor
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import ACTIVATIONS, Network
from sknewtonnet.estimators import fit_of
from sknewtonnet.estimators._named_constraints import monotonic_bounds


def monotone(est, signs, X, predict=None):
    """Rises or falls along constrained features, whatever the others are."""
    predict = predict or est.predict
    rng, line = np.random.default_rng(0), np.linspace(-5.0, 5.0, 201)
    for feature, sign in enumerate(signs):
        for _ in range(12 if sign else 0):
            grid = np.tile(rng.uniform(-3.0, 3.0, X.shape[1]), (len(line), 1))
            grid[:, feature] = line
            rise = sign * np.diff(predict(grid), axis=0)
            if (rise < -1e-10).any():
                return False
    return True


NEVER_FALL = [name for name, activation in ACTIVATIONS.items() if activation.monotonic]


@pytest.mark.parametrize("name", NEVER_FALL)
@pytest.mark.parametrize(
    ("sizes", "skip"), [((3,), False), ((3, 2), "all"), ((2, 2), False), ((2,), "input-output")]
)
@pytest.mark.filterwarnings("ignore:.*Second derivatives of .* jump")
def test_monotonic(name, sizes, skip):
    X, y = data()
    est = regressor(
        hidden_layer_sizes=sizes,
        activation=name,
        skip_connections=skip,
        random_state=0,
        tol=1e-6,
        monotonic_cst=[1, -1],
    )
    est.fit(X, y)
    assert monotone(est, [1, -1], X)
    assert not monotone(est, [-1, 0], X)  # the check can fail
    if name == "tanh":
        assert not monotone(est.set_params(monotonic_cst=None).fit(X, y), [1, -1], X)


def test_starts_of_monotonic_nets_are_alive():
    """A start cut off to zeros would be stationary, and stay."""
    X, y = data()
    y = np.tanh(2.0 * X[:, 0] + 1.0) - X[:, 1]
    est = regressor(hidden_layer_sizes=(2, 2), monotonic_cst=[1, -1], tol=1e-6, random_state=0)
    est.set_params(n_init=10).fit(X, y)
    assert est.starts_["n_iter"].min() > 10
    assert est.starts_["loss"].max() < 0.2 * y.var() / 2.0


def test_monotonic_targets():
    """Several outputs, counts, two classes; some of the features by name."""
    X, y = table()
    est = regressor(random_state=0, monotonic_cst={"dose": -1}).fit(X, np.c_[y, y**2])
    assert est.predict(X).shape == (50, 2)
    raw = fit_of(est).network.predict_raw
    assert monotone(est, [0, -1], X, lambda grid: raw(est.params_, grid))
    is_constrained_minimum(est, X, np.c_[y, y**2])
    X, y = data()
    counts = np.floor(np.exp(y))
    est = regressor(loss="poisson", random_state=0, monotonic_cst=[-1, 1]).fit(X, counts)
    assert monotone(est, [-1, 1], X)
    est = classifier(random_state=0, monotonic_cst=np.array([1, 0])).fit(X, X[:, 1] > y)
    assert monotone(est, [1, 0], X, lambda grid: est.predict_proba(grid)[:, 1])
    est.set_params(monotonic_cst=None).fit(X, X[:, 1] > y)
    assert not monotone(est, [1, 0], X, lambda grid: est.predict_proba(grid)[:, 1])


def test_monotonic_by_name_and_by_position():
    X, y = table()
    by_name = regressor(random_state=0, monotonic_cst={"dose": 1}).fit(X, y)
    by_position = regressor(random_state=0, monotonic_cst=(0, 1)).fit(X, y)
    assert_array_equal(by_name.params_, by_position.params_)
    none = regressor(random_state=0).fit(X, y)
    for zeros in ([0, 0], {}, {"age": 0}, np.zeros(2)):
        est = regressor(random_state=0, monotonic_cst=zeros).fit(X, y)
        assert_array_equal(est.params_, none.params_)
        assert est.solver_result_.multipliers is None


def test_monotonic_is_exact_where_it_can_be():
    """A linear model that is monotone anyway is not changed; else the coefficient is 0."""
    X, y = data()
    free = NewtonMLPRegressor((), standardize=False, alpha=1.0).fit(X, y)
    signs = np.sign(free.coefs_[0][:, 0]).astype(int)
    same = NewtonMLPRegressor((), monotonic_cst=signs, standardize=False, alpha=1.0).fit(X, y)
    assert_allclose(same.params_, free.params_, atol=1e-9)
    against = NewtonMLPRegressor((), monotonic_cst=-signs, standardize=False, alpha=1.0).fit(X, y)
    assert_allclose(against.coefs_[0], 0.0, atol=1e-12)


def bounded_names(network, signs):
    """Names of parameters that are not negative, and not positive."""
    lower, upper = monotonic_bounds(network, np.array(signs))
    assert set(lower) <= {0.0, -np.inf}
    assert set(upper) <= {0.0, np.inf}
    names = np.array(network.layout.names)
    return set(names[lower == 0.0]), set(names[upper == 0.0])


def test_signs_are_free_where_nothing_depends_on_the_feature():
    network = Network.mlp(2, (2,), 1)
    rising, falling = bounded_names(network, [-1, 0])
    assert rising == {"coefs_1[h0, y]", "coefs_1[h1, y]"}
    assert falling == {"coefs_0[x0, h0]", "coefs_0[x0, h1]"}
    mask = {"coefs_0": np.array([[True, False], [True, True]])}
    rising, falling = bounded_names(Network.mlp(2, (2,), 1, connectivity=mask), [1, 0])
    assert rising == {"coefs_0[x0, h0]", "coefs_1[h0, y]"}
    assert falling == set()
    # The second hidden unit reads nothing that depends on x0, though it reads two layers.
    deep = Network.mlp(
        2,
        (2, 2),
        1,
        skip_connections="all",
        connectivity=mask | {"coefs_1": np.array([[1, 0], [1, 1], [1, 0], [1, 1]], bool)},
    )
    rising, falling = bounded_names(deep, [-1, 0])
    names = deep.layout.names
    depends = [name for name in names if name.startswith(("coefs_2[x0", "coefs_1[x0"))]
    assert falling == {"coefs_0[x0, h1_0]", *depends}
    assert len(depends) == 2
    assert rising == {"coefs_1[h1_0, h2_0]", "coefs_2[h1_0, y]", "coefs_2[h2_0, y]"}
    assert bounded_names(network, [0, 0]) == (set(), set())


def test_free_unit_uses_its_sign():
    X, y = data()
    mask = {"coefs_0": np.array([[True, True, False], [False, False, True]])}
    params = {"connectivity": mask, "monotonic_cst": [1, 0], "random_state": 0}
    est = regressor(**params).fit(X, -np.abs(y) - np.tanh(X[:, 1]))
    assert monotone(est, [1, 0], X)
    assert est.coefs_[1][2, 0] * est.coefs_[0][1, 2] < -0.1
    flipped = regressor(**params, bounds={"coefs_0[x1, h2]": (0.1, None)})
    assert flipped.fit(X, -np.abs(y) - np.tanh(X[:, 1])).coefs_[1][2, 0] < -0.1


@pytest.mark.parametrize("name", ["tanh", "logistic"])
def test_unit_that_its_constraints_switch_off_is_no_saddle(name):
    """Curvature is negative only where one of two signs is forbidden: nothing lower is near."""
    X, _ = data()
    params = {"hidden_layer_sizes": (1,), "activation": name, "monotonic_cst": [1, 1]}
    est = regressor(random_state=0, **params).fit(X, -X.sum(axis=1))  # without a warning
    assert_allclose(est.coefs_[1], 0.0, atol=1e-9)
    assert est.critical_point_ in ("minimum", "inconclusive")


def test_three_classes_cannot_be_monotonic():
    with pytest.raises(ValueError, match="monotonic_cst is not supported for more than two"):
        classifier(monotonic_cst=[1, 0]).fit(*classes())
    X, y = class_data(2)
    assert classifier(monotonic_cst=[1, 0, 0, 0], random_state=0).fit(X, y).score(X, y) > 0.6
