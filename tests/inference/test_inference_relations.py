"""What must not change when the same model is written in another way."""

import warnings

import numpy as np
import pytest
from fitted_oracles import infer
from inference_cases import N, classes, fitted, net, regression, three, two_units
from inference_oracles import agree, agree_covariances
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")

FIRST_AT_ZERO = {
    "bounds": {"bounds": {"coefs_1[h0, ash]": (0.0, 0.0), "intercepts_1[ash]": (0.0, 0.0)}},
    "connectivity": {
        "connectivity": {
            "coefs_1": np.array([[False, True, True]]),
            "intercepts_1": np.array([False, True, True]),
        }
    },
}


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "HC1", "HC3"])
@pytest.mark.parametrize("how", FIRST_AT_ZERO)
def test_softmax_with_the_first_class_at_zero(how, cov_type):
    """Contrasts with a class, or parameters where that class has none."""
    X, y = three()
    free = classes().fit(X, y).inference(X, y, cov_type=cov_type)
    held = classes(**FIRST_AT_ZERO[how]).fit(X, y).inference(X, y, cov_type=cov_type)
    assert held.identifiable
    assert [name.replace(" - ash", "") for name in free.names] == [
        name.replace(" - ash", "") for name in held.names
    ]
    agree(np.abs(held.params), np.abs(free.params))  # a unit may have another sign
    agree(held.std_errors, free.std_errors)
    for value in ("effective_parameters", "log_likelihood", "aic", "bic", "nic", "tic"):
        assert getattr(held, value) == pytest.approx(getattr(free, value), rel=1e-7), value


def test_units_of_measurement():
    """Units of inputs and target change no test, no verdict."""
    X, y = regression(two_units)
    scales = np.array([20.0, 0.05, 1.0])
    one = net((2,)).fit(X, y).inference(X, y)
    other = net((2,)).fit(X * scales, y * 8.0).inference(X * scales, y * 8.0)
    assert one.identifiable == other.identifiable
    assert other.dispersion == pytest.approx(64.0 * one.dispersion, rel=1e-6)
    agree(np.sort(np.abs(other.z_values)), np.sort(np.abs(one.z_values)), rtol=1e-4)
    for name, found in one.wald_test_features().items():
        same = other.wald_test(name)
        assert same.statistic == pytest.approx(found.statistic, rel=1e-4)
        assert same.p_value == pytest.approx(found.p_value, rel=1e-3)


@pytest.mark.parametrize("cov_type", ["hessian", "HC3", "cluster"])
@pytest.mark.parametrize("case", ["two units", "binary", "softmax", "gamma", "radial"])
def test_order_of_rows(case, cov_type):
    est, X, y, weight = fitted(case, "any")
    order = np.random.default_rng(0).permutation(len(X))
    groups = np.arange(len(X)) // 7
    one = {"groups": groups} if cov_type == "cluster" else {}
    other = {"groups": groups[order]} if cov_type == "cluster" else {}
    first = est.inference(X, y, weight, cov_type, **one)
    second = est.inference(X[order], y[order], weight[order], cov_type, **other)
    agree_covariances(second.covariance, first.covariance, rtol=1e-9)
    assert second.bic == pytest.approx(first.bic, rel=1e-10)


@pytest.mark.parametrize("cov_type", ["hessian", "HC1", "HC3", "cluster"])
@pytest.mark.parametrize("case", ["one unit", "two outputs", "penalised"])
def test_scale_of_precision_weights(case, cov_type):
    """Only their ratios are known, as the dispersion is; a penalty counts in their units."""
    est, X, y, weight = fitted(case, "any")
    groups = {"groups": np.arange(len(X)) // 7} if cov_type == "cluster" else {}
    how = {"cov_type": cov_type, "weight_type": "precision", **groups}
    first = est.inference(X, y, weight, **how)
    thousand = type(est)(**{**est.get_params(), "alpha": 1e3 * est.alpha})
    second = thousand.fit(X, y, 1e3 * weight).inference(X, y, 1e3 * weight, **how)
    agree(second.std_errors, first.std_errors)
    assert second.dispersion == pytest.approx(1e3 * first.dispersion, rel=1e-7)
    assert second.log_likelihood == pytest.approx(first.log_likelihood, rel=1e-9)
    assert second.df_resid == pytest.approx(first.df_resid, rel=1e-8)


@pytest.mark.parametrize("cov_type", ["HC0", "HC1", "HC2", "HC3", "cluster"])
@pytest.mark.parametrize("case", ["one unit", "binary", "softmax", "poisson"])
def test_scale_of_sampling_weights(case, cov_type):
    est, X, y, weight = fitted(case, "any")
    groups = {"groups": np.arange(len(X)) // 7} if cov_type == "cluster" else {}
    how = {"cov_type": cov_type, "weight_type": "sampling", **groups}
    first = est.inference(X, y, weight, **how)
    second = est.inference(X, y, 1e3 * weight, **how)
    agree_covariances(second.covariance, first.covariance, rtol=1e-8)
    agree(second.p_values, first.p_values, rtol=1e-7)


@pytest.mark.parametrize("cov_type", ["hessian", "HC3", "cluster"])
def test_rows_of_weight_zero_are_not_there(cov_type):
    est, X, y, weight = fitted("one unit", "any")
    weight = np.where(np.arange(N) % 3 == 0, 0.0, weight)
    est = net().fit(X, y, weight)
    groups, kept = np.arange(N) // 2 % 20, weight > 0
    one = {"groups": groups} if cov_type == "cluster" else {}
    other = {"groups": groups[kept]} if cov_type == "cluster" else {}
    for weight_type in ("frequency", "precision"):
        how = {"cov_type": cov_type, "weight_type": weight_type}
        first = est.inference(X, y, weight, **how, **one)
        second = est.inference(X[kept], y[kept], weight[kept], **how, **other)
        agree_covariances(second.covariance, first.covariance, rtol=1e-9)
        assert first.n_obs == second.n_obs
        assert first.df_resid == second.df_resid


def test_wald_does_not_depend_on_the_basis_of_a_hypothesis():
    est, X, y, _ = fitted("two units")
    res = est.inference(X, y)
    rng = np.random.default_rng(1)
    R, r, T = rng.normal(size=(3, 11)), rng.normal(size=3), rng.normal(size=(3, 3))
    one, other = res.wald_test(R, r), res.wald_test(T @ R, T @ r)
    assert other.statistic == pytest.approx(one.statistic, rel=1e-8)


def test_ratio_of_a_combination_is_that_of_a_constrained_fit():
    """R w = 0 by a linear constraint of the estimator."""
    est, X, y, _ = fitted("one unit")
    terms = {"coefs_0[x1, h0]": 1.0, "coefs_0[x2, h0]": 1.0}
    constrained = net(linear_constraints=[(terms, 0.0, 0.0)]).fit(X, y)
    res = est.inference(X, y)
    R = np.array([float(name in terms) for name in res.names])
    found = res.likelihood_ratio_test(R)
    assert found.restricted_loss == pytest.approx(constrained.loss_, rel=1e-9)
    assert found.statistic == pytest.approx(N * np.log(constrained.loss_ / est.loss_), rel=1e-7)


def test_ratio_at_the_ends_of_a_profile():
    """There a test rejects at the level of the interval."""
    est, X, y, _ = fitted("one unit")
    res = est.inference(X, y)
    name = res.names[2]
    for end in res.profile_interval(name, 0.9)[name]:
        held = net(bounds={name: (end, end)}, random_state=1).fit(X, y)
        ratio = (held.loss_ / est.loss_ - 1.0) * (N - 6)
        assert stats.f.sf(ratio, 1, N - 6) == pytest.approx(0.1, rel=1e-5)


def test_a_restricted_net_may_be_better_than_a_bad_minimum():
    rng = np.random.default_rng(1)
    X = rng.uniform(-2.0, 2.0, size=(150, 2))
    y = np.sin(2.5 * X[:, 0]) + 0.6 * X[:, 1] ** 2 + 0.2 * rng.normal(size=150)
    with warnings.catch_warnings():  # without a penalty an end may be short of tol
        warnings.simplefilter("ignore", ConvergenceWarning)
        best = min(net((3,), n_init=1, random_state=s).fit(X, y).loss_ for s in (0, 3, 4))
    est = net((3,), n_init=1, random_state=6).fit(X, y)
    assert est.loss_ > 2.0 * best
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Inference: ")
        res = est.inference(X, y)
    found = res.likelihood_ratio_test("coefs_0[x1, h0]", n_init=5)
    assert found.restricted_loss < est.loss_
    assert np.isnan(found.p_value)
    assert "lower" in found.reason


@pytest.mark.parametrize("kind", ["spherical", "diag", "full"])
def test_penalty_of_widths(kind):
    """The penalty of the widths is no square; its curvature comes from differences."""
    _, X, y, _ = fitted("radial")
    est = RBFNetRegressor(
        2,
        alpha=0.05,
        alpha_widths=0.3,
        covariance_type=kind,
        n_init=4,
        random_state=0,
        standardize=False,
    ).fit(X, y)
    f, w, n = est.objective(X, y), est.params_, len(X)

    def slope(function, h):
        return np.array(
            [(function(w + h * e) - function(w - h * e)) / (2.0 * h) for e in np.eye(len(w))]
        )

    def differences(function):
        return (4.0 * slope(function, 5e-4) - slope(function, 1e-3)) / 3.0

    bread = np.linalg.inv(n * differences(f.gradient))
    H0 = differences(lambda at: f.scores(at).sum(axis=0))
    df = np.trace(bread @ H0)
    phi = ((y - est.predict(X)) ** 2).sum() / (n - df)
    res = est.inference(X, y, cov_type="hessian")
    assert res.effective_parameters == pytest.approx(df, rel=1e-7)
    agree_covariances(res.covariance, phi * bread @ H0 @ bread)


def test_gauss_newton_says_where_it_knows_nothing():
    """v exp(-(w x)^2) and targets that grow with |x|: a minimum at w = 0, where G is flat."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(80, 1))
    y = 1.0 + 0.3 * X[:, 0] ** 2 + 0.1 * rng.normal(size=80)
    no = {"intercepts_0": np.array([False]), "intercepts_1": np.array([False])}
    est = net((1,), activation="gaussian", connectivity=no).fit(X, y)
    assert est.critical_point_ == "minimum"
    assert abs(est.params_[0]) < 1e-6
    v, H = est.params_[1], np.diag([0.0, 80.0])
    H[0, 0] = 2.0 * v * ((y - v) * X[:, 0] ** 2).sum()
    phi = ((y - v) ** 2).sum() / 78.0
    results = {}
    for cov_type in ("hessian", "gauss-newton"):
        with pytest.warns(UserWarning, match="Inference: "):
            results[cov_type] = est.inference(X, y, cov_type=cov_type)
    agree_covariances(results["hessian"].covariance, phi * np.linalg.inv(H))
    found = results["gauss-newton"]
    assert np.isnan(found.std_errors[0])
    assert found.reasons[found.names[0]]
    assert found.std_errors[1] == pytest.approx(np.sqrt(phi / 80.0), rel=1e-7)


def test_score_of_precision_weights():
    """That of least squares on rows times the root of their weights."""
    _, X, y, weight = fitted("one unit", "any")
    est = net(()).fit(X, y, weight)
    res = est.inference(X, y, weight, weight_type="precision")
    root = np.sqrt(weight)[:, None]
    Z, target = root * np.column_stack([X, np.ones(N)]), root[:, 0] * y
    rest = target - Z[:, [0, 3]] @ np.linalg.lstsq(Z[:, [0, 3]], target, rcond=None)[0]
    explained = Z @ np.linalg.lstsq(Z, rest, rcond=None)[0]
    statistic = (N - 2) * (explained @ explained) / (rest @ rest)
    found = res.score_test(["x1", "x2"])
    assert found.statistic == pytest.approx(statistic, rel=1e-6)


# The gate ------------------------------------------------------------------------------------


def test_a_class_that_is_right_by_chance_is_not_separated():
    """The largest of three probabilities may always be right where the maximum is finite."""
    rng = np.random.default_rng(1)
    sides = [np.where(rng.random(300) < 0.93, 1, -1) * rng.uniform(1.5, 1.7, 300) for _ in "AB"]
    X = np.r_[sides[0], -sides[1], rng.uniform(-0.2, 0.2, 300)][:, None]
    y = np.repeat(list("ABC"), 300)
    est = NewtonMLPClassifier((), alpha=0.0, standardize=False).fit(X, y)
    assert (est.predict(X) == "C").tolist() == (y == "C").tolist()
    res = est.inference(X, y)
    assert res.identifiable
    assert (res.std_errors < 0.3).all()


def test_a_dead_unit_is_no_saddle_point_whatever_the_scale_of_the_target():
    """Beside a parameter without effect the tolerance of a fit leaves rounding."""
    rng = np.random.default_rng(12)
    X = rng.normal(size=(300, 4))
    y = 0.003 * (np.tanh(1.5 * X[:, 0] - X[:, 1]) + 0.5 * rng.normal(size=300))
    est = NewtonMLPRegressor((3,), alpha=0.01, random_state=12, n_init=3, standardize=False).fit(
        X, y
    )
    with pytest.warns(UserWarning, match="Inference"):
        res = est.inference(X, y)
    kinds = {finding.kind for finding in res.findings}
    assert "dead unit" in kinds
    assert "negative curvature" not in kinds
    assert np.isfinite(res.get_prediction(X).se).all()


@pytest.mark.parametrize("shift", [3.0, -2.0])
@pytest.mark.parametrize("bounds", [None, {"coefs_1": (-0.9, 0.9)}])
def test_the_origin_of_inputs_does_not_make_a_net_too_large(shift, bounds):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = np.tanh(X[:, 0] - X[:, 1]) + 0.3 * rng.normal(size=200)
    conditions = []
    for moved in (X, X + shift):
        est = NewtonMLPRegressor(
            (1,), alpha=0.0, bounds=bounds, random_state=0, n_init=3, standardize=False
        )
        res = est.fit(moved, y).inference(moved, y)
        assert res.identifiable
        conditions.append([factor.condition for factor in res.information.whitened_factors])
    np.testing.assert_allclose(*conditions, rtol=0.5)


def test_information_that_only_a_penalty_holds_up_is_named():
    rng = np.random.default_rng(27)
    X = rng.normal(size=(100, 3))
    y = np.tanh(X[:, 0]) + rng.normal(size=100)
    for seed in range(20):
        est = NewtonMLPRegressor((3,), alpha=0.3, random_state=seed, standardize=False).fit(X, y)
        res = infer(est, X, y)
        information = res.information
        H0 = information.hessian - information.penalty
        named = "indefinite information" in {finding.kind for finding in res.findings}
        assert named == (np.linalg.eigvalsh(H0)[0] < -1e-6)
