"""Wald, likelihood ratio and score tests, profile intervals, adjusted p-values."""

import warnings

import numpy as np
import pandas as pd
import pytest
from inference_cases import (
    N,
    binary,
    classes,
    counts,
    fitted,
    inputs,
    net,
    one_unit,
    regression,
    three,
    two_units,
)
from inference_oracles import Inference, agree, wald
from scipy import stats
from scipy.optimize import brentq, minimize

from sknewtonnet.inference import adjust_p_values

sm = pytest.importorskip("statsmodels.api")
multitest = pytest.importorskip("statsmodels.stats.multitest")

SKIP = "input-output"
COLORS = {"color": ["red", "green"]}


def chance(statistic, df, res):
    """P-value of a chi-square statistic, by F where the dispersion is estimated."""
    if res.use_t:
        return stats.f.sf(statistic / df, df, res.df_resid)
    return stats.chi2.sf(statistic, df)


def same_test(found, statistic, df, p_value, rel=1e-6):
    assert found.df == df
    assert found.statistic == pytest.approx(statistic, rel=rel)
    assert found.p_value == pytest.approx(p_value, rel=10 * rel)


def leaving(names, feature):
    """Positions of all coefficients that read a feature, skip links too."""
    return [k for k, name in enumerate(names) if f"[{feature}, " in name]


def with_irrelevant():
    """Depend on two features and not on the third."""
    X = inputs()
    mean = one_unit(X * [1.0, 1.0, 0.0]) + 0.7 * X[:, 1]
    return X, mean + 0.3 * np.random.default_rng(10).normal(size=N)


def colors():
    """One number and the dummies of three colours, with names."""
    rng = np.random.default_rng(11)
    which = rng.integers(0, 3, N)
    X = pd.DataFrame({"size": rng.normal(size=N), "red": which == 1, "green": which == 2})
    X = X.astype(float)
    mean = 1.8 * np.tanh(1.2 * X["size"] + 0.7 * X["red"] - 0.5 * X["green"] - 0.3)
    return X, mean.to_numpy() + 0.25 * rng.normal(size=N)


# Wald ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 0.1])
@pytest.mark.parametrize("name", ["x0", "x1", "x2"])
def test_wald_is_the_saliency_of_the_group(name, alpha):
    """W_S = 2 L_S / sigma^2 with L_S = 1/2 w_S' ([H^-1]_SS)^-1 w_S."""
    X, y = regression(two_units)
    est = net((2,), alpha=alpha).fit(X, y)
    res = est.inference(X, y, cov_type="bayesian")
    oracle = Inference(est, X, y)
    S = leaving(res.names, name)
    w, inverse = est.params_[S], np.linalg.inv(oracle.H)
    L = 0.5 * w @ np.linalg.solve(inverse[np.ix_(S, S)], w)
    W = 2.0 * L / oracle.dispersion
    for found in (res.wald_test(name), res.wald_test_features()[name]):
        same_test(found, W, 2, stats.f.sf(W / 2.0, 2, N - oracle.df))
        assert found.df_denom == pytest.approx(N - oracle.df, rel=1e-8)
        assert not found.reason


@pytest.mark.parametrize("case", ["one unit", "penalised", "binary, penalised", "poisson"])
def test_weight_importance_is_half_the_square_of_t(case):
    est, X, y, _ = fitted(case)
    oracle = Inference(est, X, y)
    L = 0.5 * est.params_**2 / np.diag(np.linalg.inv(oracle.H))
    agree(est.weight_importance_, L)
    res = est.inference(X, y, cov_type="bayesian")
    agree(est.weight_importance_, 0.5 * oracle.dispersion * res.z_values**2)


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "HC1", "HC3"])
@pytest.mark.parametrize("case", ["two units", "two outputs", "softmax", "poisson", "radial"])
def test_wald_of_any_rows(case, cov_type):
    est, X, y, _ = fitted(case)
    res = est.inference(X, y, cov_type=cov_type)
    V = Inference(est, X, y).covariance(cov_type)
    rng = np.random.default_rng(12)
    p = len(res.params)
    for q in (1, 3):
        R, r = rng.normal(size=(q, p)), rng.normal(size=q)
        for given, gap in (({}, 0.0), ({"r": r}, r)):
            W = wald(res.params, V, R, gap)
            same_test(res.wald_test(R, **given), W, q, chance(W, q, res))
            chi2 = res.wald_test(R, use_f=False, **given)
            same_test(chi2, W, q, stats.chi2.sf(W, q))
            by_f = res.wald_test(R, use_f=True, **given)
            same_test(by_f, W, q, stats.f.sf(W / q, q, res.df_resid))
    W = wald(res.params, V, R[0])
    same_test(res.wald_test(R[0]), W, 1, chance(W, 1, res))


def test_redundant_rows_count_once():
    est, X, y, _ = fitted("two units")
    res = est.inference(X, y)
    R = np.random.default_rng(13).normal(size=(2, len(res.params)))
    once, twice = res.wald_test(R), res.wald_test(np.vstack([R, R[0] - 2.0 * R[1]]))
    same_test(twice, once.statistic, 2, once.p_value)


def test_wald_by_names():
    est, X, y, _ = fitted("two units")
    res = est.inference(X, y)
    identity = np.eye(len(res.names))
    for names in ([res.names[3]], list(res.names[2:5])):
        rows = identity[[res.names.index(name) for name in names]]
        expected = res.wald_test(rows)
        for given in (names, tuple(names), names[0] if len(names) == 1 else names):
            same_test(res.wald_test(given), expected.statistic, len(names), expected.p_value)
    both = leaving(res.names, "x0") + leaving(res.names, "x2")
    expected = res.wald_test(identity[both])
    same_test(res.wald_test(["x0", "x2"]), expected.statistic, 4, expected.p_value)


@pytest.mark.parametrize("cov_type", ["hessian", "HC1"])
def test_features_with_skip_connections(cov_type):
    """First layer and skip links together: the feature does nothing."""
    X, y = with_irrelevant()
    est = net(skip_connections=SKIP, alpha=0.05).fit(X, y)
    res = est.inference(X, y, cov_type=cov_type)
    V = Inference(est, X, y).covariance(cov_type)
    tests = res.wald_test_features()
    assert list(tests) == ["x0", "x1", "x2"]
    for name, found in tests.items():
        S = leaving(res.names, name)
        assert len(S) == 2
        W = wald(res.params, V, np.eye(len(res.params))[S])
        same_test(found, W, 2, chance(W, 2, res))
    assert tests["x1"].p_value < 1e-6
    assert tests["x2"].p_value > 0.01


@pytest.mark.parametrize("make", [net, lambda: net(skip_connections=SKIP, alpha=0.1)])
def test_dummies_are_tested_together(make):
    X, y = colors()
    est = make().fit(X, y)
    res = est.inference(X, y)
    tests = res.wald_test_features(groups=COLORS)
    assert list(tests) == ["size", "color"]
    S = [k for name in COLORS["color"] for k in leaving(res.names, name)]
    V = Inference(est, X, y).covariance(res.cov_type)
    W = wald(res.params, V, np.eye(len(res.params))[S])
    same_test(tests["color"], W, len(S), chance(W, len(S), res))
    same_test(
        tests["size"], *[getattr(res.wald_test("size"), v) for v in ("statistic", "df", "p_value")]
    )


def test_softmax_features():
    X, y = three()
    est = classes().fit(X, y)
    res = est.inference(X, y)
    for name, found in res.wald_test_features().items():
        W = wald(
            res.params,
            Inference(est, X, y).covariance("hessian"),
            np.eye(len(res.params))[leaving(res.names, name)],
        )
        same_test(found, W, 1, stats.chi2.sf(W, 1))


def test_radial_features_have_no_test():
    est, X, y, _ = fitted("radial")
    for found in est.inference(X, y).wald_test_features().values():
        assert np.isnan(found.p_value)
        assert found.reason


# Several tests at a time -----------------------------------------------------------------------


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_adjusted_p_values(method, theirs):
    rng = np.random.default_rng(14)
    for p in (rng.random(9) ** 3, np.array([0.02, 0.02, 0.5, 1.0]), np.array([0.3])):
        agree(adjust_p_values(p, method), multitest.multipletests(p, method=theirs)[1], 1e-12)
    X, y = with_irrelevant()
    res = net(skip_connections=SKIP, alpha=0.05).fit(X, y).inference(X, y)
    tests = res.wald_test_features(adjust=method)
    p = np.array([t.p_value for t in tests.values()])
    agree(p, [t.p_value for t in res.wald_test_features().values()], 1e-12)
    expected = multitest.multipletests(p, method=theirs)[1]
    agree([t.p_adjusted for t in tests.values()], expected, 1e-12)


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_tests_that_cannot_be_made_are_of_the_family(method, theirs):
    """As if each of them had a p-value of one."""
    p = np.array([np.nan, 1e-4, 0.03, np.nan, 0.2, np.nan])
    made = ~np.isnan(p)
    expected = multitest.multipletests(np.where(made, p, 1.0), method=theirs)[1]
    agree(adjust_p_values(p, method)[made], expected[made], 1e-12)
    assert np.isnan(adjust_p_values(p, method)[~made]).all()
    assert np.isnan(adjust_p_values(p[~made], method)).all()


# Likelihood ratio ----------------------------------------------------------------------------


def linear_pair(kind):
    """Return a net without hidden layer, its data, and statsmodels' two fits."""
    data = {"ols": regression, "logit": lambda: binary(150), "poisson": counts}[kind]
    X, y = data()
    est = (
        classes(()) if kind == "logit" else net((), loss={"ols": "squared_error"}.get(kind, kind))
    )
    model = {"ols": sm.OLS, "logit": sm.Logit, "poisson": sm.Poisson}[kind]
    Z = np.column_stack([X, np.ones(len(X))])
    target = (y == "yes").astype(float) if kind == "logit" else y
    options = {} if kind == "ols" else {"disp": 0, "tol": 1e-13}
    full = model(target, Z).fit(**options)
    return est.fit(X, y), X, y, full, model(target, Z[:, [0, 3]]).fit(**options)


@pytest.mark.parametrize("hypothesis", ["names", "features", "rows"])
@pytest.mark.parametrize("kind", ["ols", "logit", "poisson"])
def test_likelihood_ratio_of_linear_models(kind, hypothesis):
    est, X, y, full, small = linear_pair(kind)
    res = est.inference(X, y)
    given = {
        "names": list(res.names[1:3]),
        "features": ["x1", "x2"],
        "rows": np.array([[0.0, 1.0, 2.0, 0.0], [0.0, 0.0, 1.0, 0.0]]),
    }[hypothesis]
    found = res.likelihood_ratio_test(given)
    LR = 2.0 * (full.llf - small.llf)
    p_value = stats.chi2.sf(LR, 2)
    if kind == "ols":
        assert full.compare_lr_test(small)[0] == pytest.approx(LR, rel=1e-9)
        p_value = full.compare_f_test(small)[1]
    same_test(found, LR, 2, p_value)
    b = small.params
    agree(found.restricted_params, [b[0], 0.0, 0.0, b[1]])
    restricted = est.objective(X, y).value([b[0], 0.0, 0.0, b[1]])
    assert found.restricted_loss == pytest.approx(restricted, rel=1e-9)
    assert not found.reason


@pytest.mark.parametrize("kind", ["squared", "binary", "poisson"])
def test_likelihood_ratio_against_a_masked_net(kind):
    make, (X, y) = {
        "squared": (net, with_irrelevant()),
        "binary": (classes, binary()),
        "poisson": (lambda **p: net(loss="poisson", **p), counts()),
    }[kind]
    est = make().fit(X, y)
    found = est.inference(X, y).likelihood_ratio_test("x2")
    masked = make(connectivity={"coefs_0": np.array([[True], [True], [False]])}).fit(X, y)
    n = len(X)
    LR = 2.0 * n * (masked.loss_ - est.loss_)
    p_value = stats.chi2.sf(LR, 1)
    if kind == "squared":
        LR = n * np.log(masked.loss_ / est.loss_)
        F = (masked.loss_ - est.loss_) / est.loss_ * (n - 6)
        p_value = stats.f.sf(F, 1, n - 6)
    same_test(found, LR, 1, p_value)
    assert found.restricted_loss == pytest.approx(masked.loss_, rel=1e-9)


def test_likelihood_ratio_of_penalised_fits_has_no_p_value():
    est, X, y, _ = fitted("penalised")
    found = est.inference(X, y).likelihood_ratio_test("x2")
    assert np.isnan(found.p_value)
    assert "penal" in found.reason


# Score ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["logit", "poisson"])
def test_score_of_linear_models(kind):
    est, X, y, full, _ = linear_pair(kind)
    family = sm.families.Binomial() if kind == "logit" else sm.families.Poisson()
    Z = full.model.exog
    small = sm.GLM(full.model.endog, Z[:, [0, 3]], family=family).fit(tol=1e-13)
    statistic, p_value = small.score_test(exog_extra=Z[:, 1:3])[:2]
    same_test(est.inference(X, y).score_test(["x1", "x2"]), statistic, 2, p_value)
    # Theirs has centred scores over n - 1; n R^2 of a regression of ones has plain sums.
    n = len(X)
    centred = small.score_test(exog_extra=Z[:, 1:3], cov_type="HC0")[0] * n / (n - 1.0)
    robust = centred / (1.0 + centred / n)
    found = est.inference(X, y).score_test(["x1", "x2"], robust=True)
    same_test(found, robust, 2, stats.chi2.sf(robust, 2))


def test_score_of_least_squares_is_n_times_r_squared():
    """Of the restricted residuals on all regressors; n less the restricted parameters."""
    est, X, y, full, small = linear_pair("ols")
    statistic = (N - 2) * sm.OLS(small.resid, full.model.exog).fit().rsquared
    theirs = sm.GLM(y, small.model.exog).fit().score_test(exog_extra=full.model.exog[:, 1:3])[0]
    assert theirs == pytest.approx(statistic, rel=1e-8)
    found = est.inference(X, y).score_test(["x1", "x2"])
    same_test(found, statistic, 2, stats.chi2.sf(statistic, 2))


@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("kind", ["squared", "binary"])
def test_score_of_a_net(kind, robust):
    """At the masked fit, by matrices of the oracle: e = g_S - G_SR G_RR^-1 g_R."""
    make, (X, y) = {"squared": (net, with_irrelevant()), "binary": (classes, binary())}[kind]
    est = make().fit(X, y)
    found = est.inference(X, y).score_test("x2", robust=robust)
    masked = make(connectivity={"coefs_0": np.array([[True], [True], [False]])}).fit(X, y)
    at = make().fit(X, y)
    at.params_ = np.insert(masked.params_, 2, 0.0)
    oracle = Inference(at, X, y)
    rest = [0, 1, 3, 4, 5]
    C = np.insert(-oracle.G[2, rest] @ np.linalg.inv(oracle.G[np.ix_(rest, rest)]), 2, 1.0)
    e = C @ oracle.oracle.gradient * oracle.S
    variance = (oracle.residuals**2).sum() / (len(X) - 5) if kind == "squared" else 1.0
    scores = oracle.oracle.scores @ C
    spread = scores @ scores if robust else variance * C @ oracle.G @ C
    same_test(found, e**2 / spread, 1, stats.chi2.sf(e**2 / spread, 1), rel=1e-5)


# Profiles ------------------------------------------------------------------------------------


def test_profile_of_a_linear_model_is_the_interval():
    est, X, y, full, _ = linear_pair("ols")
    res = est.inference(X, y)
    for level in (0.95, 0.7):
        found = res.profile_interval(list(res.names), level)
        agree([found[name] for name in res.names], full.conf_int(1.0 - level))


@pytest.mark.parametrize("kind", ["squared", "poisson"])
def test_profile_against_refits(kind):
    """Refit all others at each value, until the deviation is what the level allows."""
    est, X, y, _ = fitted({"squared": "one unit"}.get(kind, kind))
    res, objective = est.inference(X, y), est.objective(X, y)
    n, best = len(X), objective.value(est.params_)
    names = [res.names[0], res.names[4]]
    found = res.profile_interval(names)
    for name in names:
        k = res.names.index(name)
        others = np.delete(np.arange(len(res.names)), k)

        def refit(value, k=k, others=others):
            w = est.params_.copy()
            w[k] = value

            def rest(v):
                w[others] = v
                f, g = objective.value_and_gradient(w)
                return f, g[others]

            return minimize(rest, est.params_[others], jac=True, options={"gtol": 1e-10}).fun

        def excess(value, refit=refit):
            if kind == "poisson":
                return 2.0 * n * (refit(value) - best) - stats.chi2.ppf(0.95, 1)
            return (refit(value) / best - 1.0) * (n - 6) - stats.t.ppf(0.975, n - 6) ** 2

        for side, end in zip((-1.0, 1.0), found[name], strict=True):
            steps = res.params[k] + side * 0.25 * res.std_errors[k] * np.arange(1.0, 30.0)
            beyond = next(i for i, value in enumerate(steps) if excess(value) > 0.0)
            near, far = steps[beyond - 1], steps[beyond]
            assert end == pytest.approx(brentq(excess, near, far, rtol=1e-9), rel=1e-5)


def test_profile_where_refits_jump():
    """With a small outgoing weight a step is the better unit: the profile has two branches."""
    est, X, y, _ = fitted("binary")
    res = est.inference(X, y)
    found = res.profile_interval("coefs_1[h0, yes]")
    lower, upper = found["coefs_1[h0, yes]"]
    assert lower < res.params[4] < upper
    # The branch of the estimate ends at 1.953, that of the step at 1.528.
    near = min(abs(lower), abs(upper))  # the unit, and so the interval, may have the other sign
    assert min(abs(near - 1.952937), abs(near - 1.528066)) < 1e-5


@pytest.mark.slow  # 23 seconds of refits along a valley
def test_profile_that_leaves_the_branch_of_the_fit():
    """Refits beyond the limit jump to a better unit; the end is where the first branch leaves."""
    rng = np.random.default_rng(60088)
    X = rng.normal(size=(500, 2))
    chance = 1.0 / (1.0 + np.exp(-2.5 * np.tanh(1.2 * X[:, 0] + 0.8 * X[:, 1]) - 0.3))
    y = (rng.random(500) < chance).astype(int)
    est = classes(n_init=3, random_state=88).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        res = est.inference(X, y)
    lower, upper = res.profile_interval("coefs_0[x0, h0]")["coefs_0[x0, h0]"]
    assert lower < res.params[0] < upper
    assert min(abs(lower), abs(upper)) < 0.01
    assert max(abs(lower), abs(upper)) == pytest.approx(1.1489981, rel=1e-4)


def test_profile_under_a_penalty_is_the_bayesian_interval():
    X, y = regression()
    res = quiet(net((), alpha=20.0), X, y)
    found = res.profile_interval(res.names)
    assert res.cov_type == "bayesian"
    agree([found[name] for name in res.names], res.conf_int())


# Delta method --------------------------------------------------------------------------------


def test_delta_method():
    est, X, y, _ = fitted("one unit")
    res = est.inference(X, y, cov_type="HC1")
    values, V = res.delta_method(lambda w: np.array([w[0] * w[4], np.exp(w[1]), w[2] / w[0]]))
    w = res.params
    J = np.zeros((3, len(w)))
    J[0, [0, 4]], J[1, 1], J[2, [0, 2]] = (w[4], w[0]), np.exp(w[1]), (-w[2] / w[0] ** 2, 1 / w[0])
    agree(values, [w[0] * w[4], np.exp(w[1]), w[2] / w[0]], 1e-12)
    agree(V, J @ res.covariance @ J.T, 1e-9)


# A full set of dummies -----------------------------------------------------------------------


def levels(full):
    """One number and the dummies of three colours, all of them or all but the first."""
    X, y = colors()
    if full:
        X.insert(1, "blue", 1.0 - X["red"] - X["green"])
    return X, y


def quiet(est, X, y, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Inference: ")
        return est.fit(X, y).inference(X, y, **options)


@pytest.mark.parametrize("hidden", [(), (1,)])
@pytest.mark.parametrize("test", ["wald_test", "likelihood_ratio_test", "score_test"])
def test_full_dummies_are_the_model_without_one(test, hidden):
    """The data determine the differences between levels: two of three hypotheses."""
    full, part = (quiet(net(hidden), *levels(which)) for which in (True, False))
    found = getattr(full, test)(["blue", "red", "green"])
    wanted = getattr(part, test)(["red", "green"])
    assert found.df == wanted.df == 2
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-5)
    assert found.p_value == pytest.approx(wanted.p_value, rel=1e-4)
    assert found.reason == "the data determine 2 of 3 hypotheses, which are tested"
    alone = full.wald_test("blue")
    assert np.isnan(alone.p_value)
    assert alone.reason.startswith("not estimable")
    difference = np.zeros(len(full.names))
    difference[
        [
            full.names.index(f"coefs_0[{name}, {'h0' if hidden else 'y'}]")
            for name in ("red", "green")
        ]
    ] = 1, -1
    assert full.wald_test(difference).reason == ""


@pytest.mark.parametrize("cov_type", ["hessian", "bayesian", "HC3"])
def test_full_dummies_under_a_penalty(cov_type):
    res = quiet(net(alpha=0.1), *levels(True), cov_type=cov_type)
    tests = res.wald_test_features(groups={"color": ["blue", "red", "green"]})
    assert tests["color"].df == 2
    assert tests["color"].p_value < 1e-10
    assert res.score_test(["blue", "red", "green"]).df == 2
    assert res.wald_test("blue").df == 1  # the penalty determines what the data do not


def test_dummies_of_other_sizes():
    """What is estimable does not hang on the units of columns."""
    X, y = levels(True)
    X["red"] *= 1e6
    found = quiet(net(()), X, y).wald_test(["blue", "red", "green"])
    wanted = quiet(net(()), *levels(False)).wald_test(["red", "green"])
    assert found.df == 2
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-5)
