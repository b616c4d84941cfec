"""The bootstrap: each replication is a fit to the data that were drawn, and draws are right."""

import re

import joblib
import numpy as np
import pytest
from inference_cases import (
    binary,
    classes,
    counts,
    net,
    positive,
    regression,
    several,
    three,
    two_units,
)
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import Network, Objective
from sknewtonnet.inference import infer
from sknewtonnet.inference._resampling import Resampling
from sknewtonnet.solvers import get_solver


def linear(n=50, **options):
    X, y = regression(n=n)
    est = net((), n_init=1, **options).fit(X, y)
    return est, X, y


def design(X):
    return np.column_stack([X, np.ones(len(X))])


def least_squares(X, y, weight):
    root = np.sqrt(weight)
    return np.linalg.lstsq(design(X) * root[:, None], y * root)[0]


def source(seed, number):
    """One source of random numbers for each replication."""
    return np.random.default_rng([seed, number])


# Each replication is a fit ----------------------------------------------------------------------


def test_pairs_of_a_linear_model():
    est, X, y = linear()
    found = est.inference(X, y).bootstrap(4, "pairs", quantity="params", random_state=3)
    for number, sample in enumerate(found.samples):
        weight = source(3, number).multinomial(50, np.full(50, 0.02)).astype(float)
        assert_allclose(sample, least_squares(X, y, weight), rtol=1e-7, atol=1e-9)
    assert_allclose(found.estimates, est.params_)
    assert found.names == est.inference(X, y).names
    assert found.failed == 0


def test_clusters_of_a_linear_model():
    est, X, y = linear()
    groups = np.arange(50) // 5
    results = est.inference(X, y, cov_type="cluster", groups=groups)
    found = results.bootstrap(3, "cluster", quantity="params")
    for number, sample in enumerate(found.samples):
        drawn = source(0, number).integers(10, size=10)
        rows = np.concatenate([np.flatnonzero(groups == g) for g in drawn])
        assert_allclose(sample, least_squares(X[rows], y[rows], np.ones(len(rows))), rtol=1e-7)


@pytest.mark.parametrize("clustered", [False, True])
def test_wild_signs_of_a_linear_model(clustered):
    est, X, y = linear()
    groups = np.arange(50) // 5 if clustered else np.arange(50)
    how = {"cov_type": "cluster", "groups": groups} if clustered else {}
    found = est.inference(X, y, **how).bootstrap(3, "wild", quantity="params")
    Z = design(X)
    hat = np.einsum("ij,ji->i", Z, np.linalg.solve(Z.T @ Z, Z.T))
    residuals = (y - Z @ est.params_) / np.sqrt(1.0 - hat)
    for number, sample in enumerate(found.samples):
        signs = 2.0 * source(0, number).integers(0, 2, groups.max() + 1) - 1.0
        target = Z @ est.params_ + signs[groups] * residuals
        assert_allclose(sample, least_squares(X, target, np.ones(50)), rtol=1e-7, atol=1e-9)


CASES = {
    "one unit": (lambda **o: net(n_init=1, **o), regression, "pairs"),
    "two units": (lambda **o: net((2,), alpha=0.1, **o), lambda: regression(two_units), "wild"),
    "two outputs": (lambda **o: net(alpha=0.1, n_init=1, **o), several, "parametric"),
    "counts": (lambda **o: net(alpha=0.1, n_init=1, loss="poisson", **o), counts, "parametric"),
    "gamma": (lambda **o: net(alpha=0.1, n_init=1, loss="gamma", **o), positive, "parametric"),
    "binary": (lambda **o: classes(alpha=0.1, n_init=1, **o), binary, "parametric"),
    "classes": (lambda **o: classes(alpha=0.1, n_init=1, **o), three, "parametric"),
    "classes, pairs": (lambda **o: classes(alpha=0.1, n_init=1, **o), three, "pairs"),
}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_replications_are_minima_near_the_fit(case, standardize):
    """Of a function whose gradient at a sample is zero; units keep their places."""
    make, data, kind = CASES[case]
    X, y = data()
    est = make(standardize=standardize).fit(X, y)
    results = est.inference(X, y)
    kept = []
    found = results.bootstrap(2, kind, quantity=lambda w: kept.append(w) or w)
    assert found.failed == 0
    assert_array_equal(found.samples, kept[1:3])
    assert_allclose(kept[0], est.params_, rtol=1e-9)
    known, units = results.information.objective, results.rescaled
    resampling = Resampling(results.information, kind)
    for number, sample in enumerate(found.samples):
        targets, weight = resampling.draw(source(0, number))
        f = known.on(known.samples, targets, weight)
        w = sample if units is None else units.map.inverse(sample)
        assert np.abs(f.gradient(w)).max() < 1e-5 * f.scale()
        # Fits to other data lie a few standard errors apart, not in another order.
        assert np.abs(sample - est.params_).max() < 2.0 * (1.0 + np.abs(est.params_).max())


def test_units_are_matched():
    """A solver that ends with its units in another order, and with another sign."""
    X, y = regression(two_units)
    est = net((2,)).fit(X, y)
    layout = est.objective(X, y).network.layout

    def turned(function, start):
        w = get_solver("newton").minimize(function, start).params
        arrays = layout.unpack(w)
        for name, axis in (("coefs_0", 1), ("intercepts_0", 0), ("coefs_1", 0)):
            arrays[name] = -np.flip(arrays[name], axis)
        return layout.pack(arrays)

    straight = infer(est.objective(X, y), est.params_)
    other = infer(est.objective(X, y), est.params_, refit=turned)
    found = [results.bootstrap(3, quantity="params").samples for results in (straight, other)]
    assert_allclose(found[0], found[1], rtol=1e-4)


def test_active_constraints_stay():
    X, y = regression()
    est = net(bounds={"coefs_0[x0, h0]": (-0.9, 0.9)}).fit(X, y)
    results = est.inference(X, y)
    found = results.bootstrap(3, quantity="params")
    held = results.names.index("coefs_0[x0, h0]")
    assert_allclose(found.samples[:, held], est.params_[held], rtol=1e-12)
    assert (np.ptp(found.samples, axis=0) > 1e-4).sum() == len(results.names) - 1


def test_offsets_are_kept():
    X, y = counts()
    offset = np.linspace(-1.0, 1.0, len(X))
    f = Objective(Network.mlp(3, (), 1), "poisson", X, y, offset=offset)
    w = get_solver("newton").minimize(f, np.zeros(4)).params
    results = infer(f, w)
    found = results.bootstrap(2, "pairs", quantity="params", random_state=1)
    for number, sample in enumerate(found.samples):
        weight = source(1, number).multinomial(len(X), np.full(len(X), 1.0 / len(X)))
        g = Objective(f.network, "poisson", X, y, weight, offset=offset)
        assert np.abs(g.gradient(sample)).max() < 1e-6
    # Means of the drawn targets are those with the offset.
    mean = np.exp(f.raw_predictions(w))
    drawn = infer(f, w).bootstrap(2, "parametric", quantity="marginal_effects")
    slopes = np.outer(w[:3], mean.mean())
    assert_allclose(drawn.estimates, slopes.ravel(), rtol=1e-9)


# Quantities --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["one unit", "two outputs", "counts", "binary", "classes"])
def test_effects_are_those_of_the_results(case):
    make, data, _ = CASES[case]
    X, y = data()
    X = np.column_stack([X[:, :2], X[:, 2] > 0])  # a contrast
    results = make().fit(X, y).inference(X, y)
    found = results.bootstrap(2, quantity="marginal_effects")
    assert_allclose(found.estimates, results.marginal_effects().effects.ravel(), rtol=1e-9)
    assert len(found.names) == len(set(found.names)) == len(found.estimates)
    both = results.bootstrap(2)
    assert both.names == [*results.names, *found.names]
    assert_array_equal(both.samples[:, len(results.names) :], found.samples)


def test_effects_are_means_over_the_rows_that_are_drawn():
    X, y = counts()
    est = net((), n_init=1, loss="poisson").fit(X, y)
    found = est.inference(X, y).bootstrap(1 + 1, "pairs")
    for number, sample in enumerate(found.samples):
        weight = source(0, number).multinomial(len(X), np.full(len(X), 1.0 / len(X)))
        mean = np.exp(design(X) @ sample[:4])
        assert_allclose(sample[4:], sample[:3] * (weight @ mean) / len(X), rtol=1e-9)


def test_intervals_and_tables():
    pd = pytest.importorskip("pandas")
    est, X, y = linear()
    found = est.inference(X, y).bootstrap(40, quantity=lambda w: est.predict_at(w, X[:2]))
    low, high = np.quantile(found.samples, [0.05, 0.95], axis=0)
    assert_allclose(found.conf_int(0.9), np.column_stack([low, high]))
    basic = found.conf_int(0.9, "basic")
    twice = 2.0 * found.estimates
    assert_allclose(basic, np.column_stack([twice - high, twice - low]))
    assert_allclose(found.std_errors, found.samples.std(axis=0, ddof=1))
    assert_allclose(found.bias, found.samples.mean(axis=0) - est.predict(X[:2]))
    frame = found.to_frame(0.9)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame) == ["estimate", "std_error", "bias", "lower", "upper"]
    assert list(frame.index) == ["quantity[0]", "quantity[1]"]
    assert "0 failed" in repr(found)


# Distributions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "cov_type"), [("pairs", "HC0"), ("parametric", "hessian"), ("wild", "HC2")]
)
def test_errors_are_those_of_the_covariance(kind, cov_type):
    """In a linear model with variances that differ; 8 % is two standard errors of 300."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = X[:, 0] + (0.2 + np.abs(X[:, 0])) * rng.normal(size=300)
    results = net((), n_init=1).fit(X, y).inference(X, y, cov_type=cov_type)
    found = results.bootstrap(300, kind, quantity="params")
    assert_allclose(found.std_errors, results.std_errors, rtol=0.15)
    others = {"HC0", "hessian"} - {cov_type if kind == "parametric" else "HC0"}
    other = net((), n_init=1).fit(X, y).inference(X, y, cov_type=others.pop())
    assert np.abs(found.std_errors / other.std_errors - 1.0)[0] > 0.2


def test_correlated_outputs_are_drawn_together():
    X, Y = several()
    results = net((), n_init=1).fit(X, Y).inference(X, Y)
    found = results.bootstrap(300, "parametric", quantity="params", random_state=1)
    scale = np.outer(results.std_errors, results.std_errors)
    assert_allclose(found.covariance / scale, results.covariance / scale, atol=0.2)
    assert np.abs(results.covariance[0, 1] / scale[0, 1]) > 0.3


def test_precision_weights_divide_variances():
    X, y = regression(n=60)
    weight = np.linspace(0.2, 4.0, 60)
    est = net((), n_init=1).fit(X, y, weight)
    results = est.inference(X, y, weight, weight_type="precision")
    found = results.bootstrap(2, "parametric", quantity="params")
    spread = np.sqrt(results.dispersion / weight)
    for number, sample in enumerate(found.samples):
        target = est.predict(X) + spread * source(0, number).standard_normal((60, 1))[:, 0]
        assert_allclose(sample, least_squares(X, target, weight), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", ["parametric", "wild"])
def test_frequency_weights_are_repeated_rows(kind):
    X, y = regression(n=40)
    weight = np.random.default_rng(0).integers(1, 4, 40).astype(float)
    rows = np.repeat(np.arange(40), weight.astype(int))
    est = net(alpha=0.2, n_init=1).fit(X, y, weight)
    found = est.inference(X, y, weight).bootstrap(3, kind)
    other = est.inference(X[rows], y[rows]).bootstrap(3, kind)
    assert_allclose(found.samples, other.samples, rtol=1e-5, atol=1e-8)


def test_pairs_of_rows_that_count():
    """As many rows are drawn as the weights count, each of the equal ones with equal chance."""
    X, y = regression(n=40)
    weight = np.random.default_rng(0).integers(1, 4, 40).astype(float)
    est = net((), n_init=1).fit(X, y, weight)
    found = est.inference(X, y, weight).bootstrap(2, "pairs", quantity="params")
    drawn = source(0, 1).multinomial(int(weight.sum()), weight / weight.sum())
    assert_allclose(found.samples[1], least_squares(X, y, drawn), rtol=1e-7, atol=1e-9)


def test_number_of_processes_changes_nothing():
    X, y = regression()
    results = net(n_init=1).fit(X, y).inference(X, y)
    one = results.bootstrap(5, "wild")
    with joblib.parallel_config(backend="threading"):
        two = results.bootstrap(5, "wild", n_jobs=2)
    assert_array_equal(one.samples, two.samples)
    assert_array_equal(one.samples[:3], results.bootstrap(3, "wild").samples)
    assert not np.array_equal(one.samples, results.bootstrap(5, "wild", random_state=1).samples)


# What goes wrong ---------------------------------------------------------------------------------


def test_failed_replications_are_counted():
    X, y = regression(n=40)
    est = net((), n_init=1).fit(X, y)
    calls = []

    def sometimes(function, start):
        calls.append(0)
        if len(calls) % 3 == 0:
            raise ValueError("no luck")
        if len(calls) % 3 == 1:
            return start + 1.0  # no minimum
        return get_solver("newton").minimize(function, start).params

    results = infer(est.objective(X, y), est.params_, refit=sometimes)
    with pytest.warns(UserWarning, match="6 of 9 replications failed"):
        found = results.bootstrap(9, quantity="params")
    assert found.failed == 6
    assert np.isfinite(found.samples).all(axis=1).tolist() == [False, True, False] * 3
    assert np.isfinite(found.std_errors).all()
    assert np.isfinite(found.conf_int()).all()


def test_all_fail():
    X, y = regression(n=40)
    est = net((), n_init=1).fit(X, y)
    results = infer(est.objective(X, y), est.params_, refit=lambda function, start: start + 1.0)
    with pytest.warns(UserWarning, match="3 of 3 replications failed"):
        found = results.bootstrap(3, quantity="params")
    for values in (found.std_errors, found.bias, found.conf_int()):
        assert np.isnan(values).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n must be an integer of at least 2, got 1"),
        ({"kind": "rows"}, "kind must be"),
        ({"random_state": -1}, "random_state must be an integer of at least 0, got -1"),
        ({"quantity": "effects"}, "quantity must be"),
        ({"quantity": 3.0}, "quantity must be callable or a name, got 3.0"),
        ({"kind": "cluster"}, 'kind="cluster" draws clusters of one kind'),
    ],
)
def test_refused(options, message):
    est, X, y = linear()
    with pytest.raises(ValueError, match=re.escape(message)):
        est.inference(X, y).bootstrap(**options)


@pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")
def test_refused_for_the_loss_or_the_weights():
    X, y = counts()
    with pytest.raises(ValueError, match="the loss poisson does not allow"):
        net((), n_init=1, loss="poisson").fit(X, y).inference(X, y).bootstrap(2, "wild")
    est = net((), n_init=1, loss="pseudo_huber").fit(X, y)
    with pytest.raises(ValueError, match='kind="parametric" draws targets from the likelihood'):
        est.inference(X, y).bootstrap(2, "parametric")
    weight = np.full(len(X), 1.5)
    est = net((), n_init=1).fit(X, y, weight)
    with pytest.raises(ValueError, match="weights must be whole numbers"):
        est.inference(X, y, weight).bootstrap(2, "parametric")


@pytest.mark.parametrize("kind", ["cluster", "wild"])
def test_refused_for_clusters_of_two_kinds(kind):
    est, X, y = linear()
    results = est.inference(X, y, groups=np.column_stack([np.arange(50) // 5, np.arange(50) % 7]))
    with pytest.raises(ValueError, match=r"clusters of (one|two) kind"):
        results.bootstrap(2, kind)
    assert results.bootstrap(2, "pairs").failed == 0


@pytest.mark.filterwarnings("ignore")
def test_no_bootstrap_at_no_minimum():
    X, y = regression()
    results = net((2,), max_iter=2, n_init=1).fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match="a bootstrap starts at a minimum"):
        results.bootstrap(2)


def test_no_bootstrap_without_data():
    est, X, y = linear()
    with pytest.raises(AttributeError, match="data have been left out"):
        est.inference(X, y).without_data().bootstrap(2)


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
def test_default_estimator():
    """Standardised columns and a penalty that the fit has chosen."""
    X, y = regression(n=80)
    est = NewtonMLPRegressor((2,), random_state=0, cv=3).fit(X, y)
    found = est.inference(X, y).bootstrap(3, quantity=lambda w: est.predict_at(w, X[:4]))
    assert found.failed == 0
    assert_allclose(found.estimates, est.predict(X[:4]), rtol=1e-9)
