"""Comparisons of two nets: nested ones as anova does, others by Vuong, and by simulated data."""

import re

import numpy as np
import pytest
from inference_cases import counts, net, positive, regression, two_units
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels_pairs import COUNTS, WEIGHTS, design, sm, table, targets

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Network
from sknewtonnet.inference._nesting import Nesting

# What is nested ----------------------------------------------------------------------------------


def mask(shape, *zeros):
    flags = np.ones(shape, dtype=bool)
    for place in zeros:
        flags[place] = False
    return flags


def mlp(p, hidden, m=1, **options):
    return Network.mlp(p, hidden, m, **options)


# The smaller net, the larger one, the columns of the former in the latter, identified or not.
NESTED = {
    "a unit": (mlp(3, (1,)), mlp(3, (2,)), [0, 1, 2], False),
    "units of two layers": (mlp(3, (2, 1)), mlp(3, (3, 2)), [0, 1, 2], False),
    "an input": (mlp(2, (2,)), mlp(3, (2,)), [0, 1], True),
    "inputs in another order": (mlp(2, (2,)), mlp(4, (2,)), [3, 1], True),
    "an input and a unit": (mlp(2, (2,)), mlp(3, (3,)), [2, 0], False),
    "a connection": (
        mlp(3, (2,), connectivity={"coefs_0": mask((3, 2), (0, 1))}),
        mlp(3, (2,)),
        [0, 1, 2],
        True,
    ),
    "all that goes out of a unit": (
        mlp(3, (2,), connectivity={"coefs_1": mask((2, 1), (1, 0))}),
        mlp(3, (2,)),
        [0, 1, 2],
        False,
    ),
    "all that a unit reads": (
        mlp(2, (2,), connectivity={"coefs_0": mask((2, 2), (0, 1), (1, 1))}),
        mlp(2, (2,)),
        [0, 1],
        False,
    ),
    "a skip connection": (
        mlp(3, (2,), 2),
        mlp(3, (2,), 2, skip_connections="input-output"),
        [0, 1, 2],
        True,
    ),
    "all skip connections": (
        mlp(3, (2, 2)),
        mlp(3, (2, 2), skip_connections="all"),
        [0, 1, 2],
        True,
    ),
    "a line": (mlp(2, ()), mlp(3, (2,), skip_connections="input-output"), [2, 1], False),
    "a bump": (Network.rbf(2, 1, 1), Network.rbf(2, 2, 1), [0, 1], False),
    "bumps beside lines": (
        Network.rbf(2, 2, 1),
        Network.rbf(2, 2, 1, skip_connections="input-output"),
        [0, 1],
        True,
    ),
}


@pytest.mark.parametrize("case", NESTED)
def test_the_larger_net_can_be_the_smaller_one(case):
    """Whatever the units read that nothing reads."""
    small, large, columns, identified = NESTED[case]
    nesting = Nesting.of(small, large, columns)
    rng = np.random.default_rng(0)
    w, others = rng.normal(size=small.n_parameters), rng.normal(size=large.n_parameters)
    X = rng.normal(size=(5, large.n_features))
    at = nesting.embedded(w, others)
    assert_allclose(large.predict_raw(at, X), small.predict_raw(w, X[:, columns]), rtol=1e-12)
    assert nesting.unidentified is not identified
    back = [columns.index(j) if j in columns else -1 for j in range(large.n_features)]
    assert Nesting.of(large, small, back) is None


NOT_NESTED = {
    "other activations": (mlp(3, (1,)), mlp(3, (2,), activation="logistic"), [0, 1, 2]),
    "other depths": (mlp(3, (2,)), mlp(3, (2, 2)), [0, 1, 2]),
    "a line without skip": (mlp(3, ()), mlp(3, (2,)), [0, 1, 2]),
    "an input that is not there": (mlp(2, (1,)), mlp(3, (2,)), [0, -1]),
    "more outputs": (mlp(3, (1,), 1), mlp(3, (2,), 2), [0, 1, 2]),
    "more units of one layer": (mlp(3, (3, 1)), mlp(3, (2, 4)), [0, 1, 2]),
    "fewer inputs of bumps": (Network.rbf(1, 1, 1), Network.rbf(2, 1, 1), [0]),
    "bumps and units": (Network.rbf(2, 1, 1), mlp(2, (2,)), [0, 1]),
    "connections the other way round": (
        mlp(3, (2,)),
        mlp(3, (2,), connectivity={"coefs_0": mask((3, 2), (0, 1))}),
        [0, 1, 2],
    ),
    "skip": (mlp(3, (1,), skip_connections="input-output"), mlp(3, (2,)), [0, 1, 2]),
}


@pytest.mark.parametrize("case", NOT_NESTED)
def test_not_nested(case):
    assert Nesting.of(*NOT_NESTED[case]) is None


# Likelihood ratios -------------------------------------------------------------------------------


def linear(columns, target, weight=None, weight_type="frequency", **options):
    X, y = table()[columns], targets()[target]
    kind = NewtonMLPClassifier if target == "binary" else NewtonMLPRegressor
    est = kind((), **{"alpha": 0.0, "tol": 1e-10} | options).fit(X, y, weight)
    return est.inference(X, y, weight, weight_type=weight_type)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("weights", ["none", "frequency", "precision"])
def test_linear_models(weights, standardize):
    y, Z = targets()["normal"], design(table())
    options = {"standardize": standardize}
    weight = {"none": None, "frequency": COUNTS.astype(float), "precision": WEIGHTS}[weights]
    kind = "precision" if weights == "precision" else "frequency"
    large = linear(["age", "dose", "sex"], "normal", weight, kind, **options)
    small = linear(["dose"], "normal", weight, kind, **options)
    if weights == "frequency":
        y, Z = np.repeat(y, COUNTS), np.repeat(Z, COUNTS, axis=0)
    given = {"weights": WEIGHTS} if weights == "precision" else {}
    model = sm.WLS if given else sm.OLS
    theirs = model(y, Z, **given).fit()
    f, p, df = theirs.compare_f_test(model(y, Z[:, [1, 3]], **given).fit())
    lr, _, _ = theirs.compare_lr_test(model(y, Z[:, [1, 3]], **given).fit())
    for found in (large.compare(small), small.compare(large)):
        assert (found.method, found.df) == ("likelihood ratio", df)
        assert found.statistic == pytest.approx(lr, rel=1e-8)
        assert found.p_value == pytest.approx(p, rel=1e-7)
        assert found.df_denom == theirs.df_resid
        assert found.reason == ""
    assert found.log_likelihoods == (small.log_likelihood, large.log_likelihood)
    assert f == pytest.approx(np.expm1(lr / len(y)) * theirs.df_resid / df, rel=1e-8)


@pytest.mark.parametrize(("target", "model"), [("binary", sm.Logit), ("count", sm.Poisson)])
def test_discrete_models(target, model):
    options = {} if target == "binary" else {"loss": "poisson"}
    large = linear(["age", "dose", "sex"], target, **options)
    small = linear(["dose", "sex"], target, **options)
    y, Z = targets()[target], design(table())
    full, less = (model(y, Z[:, c]).fit(disp=0, tol=1e-13) for c in ([0, 1, 2, 3], [1, 2, 3]))
    found = large.compare(small)
    lr = 2.0 * (full.llf - less.llf)
    assert found.statistic == pytest.approx(lr, rel=1e-7)
    assert found.p_value == pytest.approx(stats.chi2.sf(lr, 1), rel=1e-7)
    assert found.df_denom == np.inf


def test_gamma():
    """R's anova(test = "F"): the difference of the deviances over the dispersion."""
    large = linear(["age", "dose", "sex"], "gamma", loss="gamma")
    small = linear(["age"], "gamma", loss="gamma")
    y, Z = targets()["gamma"], design(table())
    family = sm.families.Gamma(sm.families.links.Log())
    full, less = (
        sm.GLM(y, Z[:, c], family=family).fit(tol=1e-13, maxiter=200)
        for c in ([0, 1, 2, 3], [0, 3])
    )
    statistic = (less.deviance - full.deviance) / full.scale
    found = large.compare(small)
    assert found.statistic == pytest.approx(statistic, rel=1e-7)
    p = stats.f.sf(statistic / 2, 2, full.df_resid)
    assert found.p_value == pytest.approx(p, rel=1e-6)


def test_a_net_without_an_input_as_its_restriction():
    """The likelihood-ratio test of these results, which fits under the hypothesis itself."""
    X, y = regression()
    X = X[:, [2, 0, 1]]
    large = net().fit(X, y).inference(X, y)
    small = net().fit(X[:, [2, 1]], y).inference(X[:, [2, 1]], y)
    expected = large.likelihood_ratio_test("x0")
    found = large.compare(small)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-6)
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-6)
    assert found.df == expected.df


def test_units_have_no_chi_square():
    X, y = regression(n=60)
    one = net(n_init=2).fit(X, y).inference(X, y)
    with pytest.warns(UserWarning, match="Inference"):
        two = net((2,)).fit(X, y).inference(X, y)
    found = one.compare(two)
    assert found.statistic > 0
    assert np.isnan(found.p_value)
    assert "Davies' problem" in found.reason
    assert "bootstrap=199" in found.reason
    drawn = one.compare(two, bootstrap=9, n_init=1)
    assert drawn.bootstrap_p_value * 10 == pytest.approx(round(drawn.bootstrap_p_value * 10))
    assert drawn.bootstrap_p_value >= 0.1  # the smaller net is true
    assert drawn.failed == 0
    assert "bootstrap=199" not in drawn.reason
    assert "by the parametric bootstrap" in str(drawn)


def test_a_unit_that_is_there_is_found():
    X, y = regression(two_units, n=80)
    one = net((1,), n_init=2).fit(X, y).inference(X, y)
    two = net((2,)).fit(X, y).inference(X, y)
    assert one.compare(two, bootstrap=9, n_init=0).bootstrap_p_value == 0.1


@pytest.mark.parametrize("standardize", [(False, False), (False, True), (True, True)])
def test_simulated_data_of_linear_models(standardize):
    """Each ratio by least squares on the targets that were drawn, in any units."""
    X, y = regression(n=40)
    y = 7.0 + 3.0 * (y - 1.5 * X[:, 2])
    small, large = (
        net((), n_init=1, standardize=s).fit(X[:, c], y).inference(X[:, c], y)
        for s, c in zip(standardize, (slice(0, 2), slice(0, 3)), strict=True)
    )
    found = large.compare(small, bootstrap=12, random_state=3)

    def rss(X, y):
        Z = np.column_stack([X, np.ones(len(X))])
        return ((y - Z @ np.linalg.lstsq(Z, y)[0]) ** 2).sum()

    mean = small.get_prediction(X[:, :2]).mean
    drawn = []
    for number in range(12):
        noise = np.random.default_rng([3, number]).standard_normal(40)
        target = mean + np.sqrt(small.dispersion) * noise
        drawn.append(rss(X[:, :2], target) / rss(X, target))
    as_large = (np.array(drawn) >= rss(X[:, :2], y) / rss(X, y)).sum()
    assert found.bootstrap_p_value == (1 + as_large) / 13


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_simulated_data_agree_with_chi_square(loss):
    """In a linear model, where it holds."""
    X, y = counts(60) if loss == "poisson" else positive(60)
    small, large = (
        net((), n_init=1, loss=loss).fit(X[:, :k], y).inference(X[:, :k], y) for k in (2, 3)
    )
    found = small.compare(large, bootstrap=80, n_init=0)
    error = np.sqrt(found.p_value * (1 - found.p_value) / 80)
    assert found.bootstrap_p_value == pytest.approx(found.p_value, abs=3 * error + 0.02)


def test_penalised_nets():
    X, y = regression(n=60)
    results = [net(alpha=0.3, n_init=1).fit(X[:, :k], y).inference(X[:, :k], y) for k in (2, 3)]
    found = results[0].compare(results[1])
    assert np.isnan(found.p_value)
    assert "under a penalty" in found.reason
    drawn = results[0].compare(results[1], bootstrap=9, n_init=0)
    assert 0.1 <= drawn.bootstrap_p_value <= 1.0
    assert drawn.statistic == found.statistic


def test_a_larger_net_that_is_worse():
    X, y = regression(n=60)
    small = net((), n_init=1).fit(X[:, :2], y).inference(X[:, :2], y)
    held = {"coefs_0[x0, y]": (0.0, 0.0)}
    large = net((), n_init=1, bounds=held).fit(X, y).inference(X, y)
    found = small.compare(large, bootstrap=5)
    assert "larger net has a higher loss" in found.reason
    assert np.isnan(found.p_value)
    assert np.isnan(found.bootstrap_p_value)


def test_frequency_weights_are_repeated_rows_in_simulated_data():
    X, y = regression(n=30)
    weight = np.random.default_rng(0).integers(1, 3, 30).astype(float)
    rows = np.repeat(np.arange(30), weight.astype(int))
    found = []
    for data, given in (((X, y), weight), ((X[rows], y[rows]), None)):
        results = [
            net((), n_init=1)
            .fit(data[0][:, :k], data[1], given)
            .inference(data[0][:, :k], data[1], given)
            for k in (2, 3)
        ]
        found.append(results[0].compare(results[1], bootstrap=10))
    assert found[0].statistic == pytest.approx(found[1].statistic, rel=1e-8)
    assert found[0].bootstrap_p_value == found[1].bootstrap_p_value


# Vuong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["none", "frequency", "precision"])
@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma"])
def test_vuong_by_a_slow_loop(loss, weights):
    X, y = {"squared_error": regression, "poisson": counts, "gamma": positive}[loss](n=50)
    rng = np.random.default_rng(0)
    weight = {
        "none": np.ones(50),
        "frequency": rng.integers(1, 4, 50).astype(float),
        "precision": rng.uniform(0.5, 2.0, 50),
    }[weights]
    kind = "precision" if weights == "precision" else "frequency"
    one, other = (
        net(hidden, n_init=1, alpha=alpha, loss=loss)
        .fit(X, y, weight)
        .inference(X, y, weight, weight_type=kind)
        for hidden, alpha in (((1,), 0.2), ((), 0.0))
    )
    found = one.compare(other)
    assert found.method == "Vuong"
    n = weight.sum() if kind == "frequency" else 50

    def density(results, i):
        mean = results.get_prediction(X[[i]]).mean[0]
        s = weight[i] if kind == "precision" else 1.0
        if loss == "poisson":
            return s * stats.poisson.logpmf(y[i], mean)
        phi = results.information.objective.loss.likeliest_dispersion(
            results.information.total_loss / n, weight[:, None] if kind == "precision" else 1.0
        )
        if loss == "gamma":
            return stats.gamma.logpdf(y[i], s / phi, scale=mean * phi / s)
        return stats.norm.logpdf(y[i], mean, np.sqrt(phi / s))

    total = squares = 0.0
    for i in range(50):
        difference = density(one, i) - density(other, i)
        times = weight[i] if kind == "frequency" else 1.0
        total += times * difference
        squares += times * difference**2
    omega = np.sqrt(squares / n - (total / n) ** 2)
    k = one.effective_parameters - other.effective_parameters
    expected = {"": total, "aic": total - k, "bic": total - 0.5 * k * np.log(n)}
    for name, value in expected.items():
        z, p = found.corrected[name] if name else (found.statistic, found.p_value)
        assert z == pytest.approx(value / (np.sqrt(n) * omega), rel=1e-7)
        assert p == pytest.approx(2.0 * stats.norm.sf(abs(z)), rel=1e-9)
    assert total == pytest.approx(found.log_likelihoods[0] - found.log_likelihoods[1], rel=1e-8)
    back = other.compare(one)
    assert back.statistic == pytest.approx(-found.statistic, rel=1e-9)


def test_vuong_in_any_units():
    X, y = regression(n=60)
    results = [
        [
            net(hidden, n_init=1, alpha=0.0, standardize=s, tol=1e-10).fit(X, y).inference(X, y)
            for s in (False, True)
        ]
        for hidden in ((1,), ())
    ]
    one = results[0][0].compare(results[1][0])
    other = results[0][1].compare(results[1][0])
    assert other.statistic == pytest.approx(one.statistic, rel=1e-5)


# Text and errors ---------------------------------------------------------------------------------


def test_text_and_table():
    pd = pytest.importorskip("pandas")
    large, small = linear(["age", "dose"], "normal"), linear(["dose"], "normal")
    found = large.compare(small)
    lines = str(found).splitlines()
    assert lines[1].split() == ["net", "parameters", "log-likelihood", "AIC", "BIC"]
    assert lines[3].startswith("NewtonMLPRegressor: 2-1")
    assert lines[6].startswith("Likelihood ratio")
    assert "F(1, 107.0)" in lines[6]
    frame = found.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["aic"].tolist() == [large.aic, small.aic]
    assert frame["parameters"].round(6).tolist() == [3.0, 2.0]
    other = linear(["age"], "normal")
    assert "Vuong's z" in str(small.compare(other))
    assert "Corrected as in BIC" in str(small.compare(other))


@pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")
def test_refused():
    X, y = regression(n=50)
    small = net((), n_init=1).fit(X[:, :2], y)
    one = small.inference(X[:, :2], y)
    est = net((), n_init=1)
    weight = np.linspace(1.0, 2.0, 50)
    cases = {
        "other must be results of inference": "x1",
        "shapes (49, 1) there and (50, 1) here": est.fit(X[:49], y[:49]).inference(X[:49], y[:49]),
        "its targets differ": est.fit(X[::-1], y[::-1]).inference(X[::-1], y[::-1]),
        "its sample weights differ": est.fit(X, y, weight).inference(X, y, weight),
        "other must have weight_type='frequency'": est.fit(X, y).inference(
            X, y, weight_type="precision"
        ),
        "both have the same parameters": one,
    }
    for message, other in cases.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            one.compare(other)
    with pytest.raises(ValueError, match="bootstrap is for nested nets"):
        one.compare(est.fit(X[:, 1:], y).inference(X[:, 1:], y), bootstrap=9)
    with pytest.raises(ValueError, match="bootstrap must be an integer of at least 0, got -1"):
        one.compare(one, bootstrap=-1)
    huber = net((), n_init=1, loss="pseudo_huber").fit(X, y).inference(X, y)
    with pytest.raises(ValueError, match="by their likelihoods, and one of them has none"):
        one.compare(huber)
