"""Statistics of nets with an output activation: a generalised linear model with normal errors."""

from functools import cache

import numpy as np
import pytest
from inference_oracles import agree
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit
from statsmodels_pairs import GROUPS, N, design, table

from sknewtonnet import (
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear

sm = pytest.importorskip("statsmodels.api")

# A logit is an unusual link for normal errors, says statsmodels.
pytestmark = pytest.mark.filterwarnings("ignore:The Logit link function does not respect")

BETA = np.array([0.4, 1.2, -0.7, 0.3])


@cache
def target(seed=0):
    rng = np.random.default_rng(seed)
    return expit(design(table()) @ BETA) + 0.1 * rng.normal(size=N)


def outside():
    return pytest.warns(UserWarning, match="outside the range")


@cache
def pair(offset=False):
    known = 0.5 * np.sin(np.arange(N)) if offset else None
    est = NewtonMLPRegressor((), output_activation="logistic", alpha=0.0)
    with outside():
        est.fit(table(), target(), offset=known)
    family = sm.families.Gaussian(sm.families.links.Logit(), check_link=False)
    model = sm.GLM(target(), design(table()), family=family, offset=known)
    return est, known, model.fit(start_params=BETA, tol=1e-14, maxiter=300)


@pytest.mark.parametrize("offset", [False, True])
@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton"])
def test_a_linear_net_is_a_generalised_linear_model(cov_type, offset):
    """The curvature at the data is the observed information; without e h'' the expected one."""
    est, known, glm = pair(offset)
    res = est.inference(table(), target(), offset=known, cov_type=cov_type)
    observed = cov_type == "hessian"
    information = -glm.model.hessian(glm.params, scale=1.0, observed=observed)
    agree(res.params, glm.params)
    agree(res.covariance, glm.scale * np.linalg.inv(information))
    assert res.dispersion == pytest.approx(glm.scale, rel=1e-7)
    # Theirs takes the Pearson dispersion for the variance, here it has the highest likelihood.
    sigma2 = np.mean(glm.resid_response**2)
    llf = stats.norm.logpdf(target(), glm.fittedvalues, np.sqrt(sigma2)).sum()
    assert res.log_likelihood == pytest.approx(llf, rel=1e-9)
    agree(est.predict(table(), offset=known), glm.fittedvalues)
    agree(res.resid_response, glm.resid_response)
    agree(res.resid_pearson, glm.resid_pearson)
    agree(res.resid_working, glm.resid_working)
    r2 = 1.0 - (glm.resid_response**2).sum() / ((target() - target().mean()) ** 2).sum()
    assert res.rsquared == pytest.approx(r2, rel=1e-9)


@pytest.mark.parametrize("cov_type", ["HC0", "cluster"])
def test_robust_covariances(cov_type):
    est, _, glm = pair()
    how = {"groups": GROUPS} if cov_type == "cluster" else {}
    res = est.inference(table(), target(), cov_type=cov_type, **how)
    bread = np.linalg.inv(-glm.model.hessian(glm.params, scale=1.0, observed=True))
    scores = design(table()) * glm.model.score_factor(glm.params, scale=1.0)[:, None]
    factor = 1.0
    if cov_type == "cluster":
        scores = np.array([scores[g == GROUPS].sum(axis=0) for g in np.unique(GROUPS)])
        factor = len(scores) / (len(scores) - 1.0) * (N - 1.0) / (N - 4.0)
    agree(res.covariance, factor * bread @ scores.T @ scores @ bread)


def test_predictions_have_bands_on_the_linear_predictor():
    est, _, glm = pair()
    res = est.inference(table(), target())
    V, Z = res.covariance, design(table())
    eta, se = Z @ glm.params, np.sqrt(np.einsum("ij,jk,ik->i", Z, V, Z))
    found = res.get_prediction(table(), level=0.9)
    q = stats.t.ppf(0.95, N - 4)
    agree(found.raw, eta)
    agree(found.mean, expit(eta))
    agree(found.se, expit(eta) * expit(-eta) * se)
    agree(found.confidence_interval, np.column_stack([expit(eta - q * se), expit(eta + q * se)]))
    reach = q * np.sqrt(found.se**2 + glm.scale)
    agree(found.new_observation, np.column_stack([found.mean - reach, found.mean + reach]))
    assert ((found.confidence_interval > 0) & (found.confidence_interval < 1)).all()
    mean, errors = est.predict(table(), return_std=True)
    agree(mean, found.mean)
    assert (errors > 0).all()


def test_marginal_effects_are_those_of_the_mean():
    est, _, glm = pair()
    res = est.inference(table(), target())
    theirs = glm.get_margeff()
    found = res.marginal_effects()
    agree(found.effects[:2], theirs.margeff[:2])
    # Their errors are those of the expected information.
    expected = est.inference(table(), target(), cov_type="gauss-newton").marginal_effects()
    agree(expected.std_errors[:2], theirs.margeff_se[:2])


def test_likelihood_ratio_and_wald():
    est, _, glm = pair()
    res = est.inference(table(), target())
    small = sm.GLM(target(), design(table())[:, [0, 2, 3]], family=glm.model.family).fit(
        start_params=BETA[[0, 2, 3]], tol=1e-14, maxiter=300
    )
    feature = table().columns[1]
    ratio = (small.deviance - glm.deviance) / glm.scale
    found = res.likelihood_ratio_test([feature])
    assert found.p_value == pytest.approx(stats.f.sf(ratio, 1, N - 4), rel=1e-5)
    assert found.statistic == pytest.approx(N * np.log(small.deviance / glm.deviance), rel=1e-6)
    t = glm.params[1] / res.std_errors[1]
    assert res.wald_test([feature]).statistic == pytest.approx(t**2, rel=1e-6)


def test_several_outputs_may_differ_in_variance():
    """Each output alone has the errors it has beside others."""
    X = table()
    rng = np.random.default_rng(3)
    means = np.column_stack([expit(design(X) @ BETA), expit(design(X) @ -BETA)])
    Y = np.clip(means + rng.normal(size=(N, 2)) @ [[0.05, 0.1], [0.0, 0.15]], 0.01, 0.99)
    est = NewtonMLPRegressor((), output_activation="logistic", alpha=0.0).fit(X, Y)
    res = est.inference(X, Y)
    for output in (0, 1):
        alone = NewtonMLPRegressor((), output_activation="logistic", alpha=0.0)
        where = [2 * j + output for j in range(4)]
        model = alone.fit(X, Y[:, output])
        agree(res.params[where], model.inference(X, Y[:, output]).params)
        Z, y = design(X), Y[:, output]
        eta = Z @ np.r_[model.coefs_[0].ravel(), model.intercepts_[0]]
        p, slope = expit(eta), expit(eta) * expit(-eta)
        H = (Z * (slope**2 + (p - y) * slope * (1 - 2 * p))[:, None]).T @ Z
        meat = (Z * (slope**2)[:, None]).T @ Z * ((y - p) ** 2).sum() / (N - 4)
        agree(res.std_errors[where], np.sqrt(np.diag(np.linalg.inv(H) @ meat @ np.linalg.inv(H))))


NETS = {
    "mlp": NewtonMLPRegressor((2,), output_activation="logistic", alpha=0.5, random_state=0),
    "rbf": RBFNetRegressor(2, output_activation="tanh", alpha=0.5, random_state=0),
    "layers": NewtonNetRegressor(
        [Linear((0,), 2, "tanh"), Linear((0, 1), 1, "softplus")], alpha=0.5, random_state=0
    ),
    "sine": NewtonMLPRegressor((2,), output_activation="sine", alpha=0.5, random_state=1),
}


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize("name", NETS)
def test_effects_and_errors_of_nets(name):
    """Against differences of predictions; errors against those of predictions in parameters."""
    X, y = table().to_numpy(), np.clip(target(), 0.02, 0.98)
    est = NETS[name].fit(X, y)
    assert est.critical_point_ == "minimum"
    res, h = est.inference(X, y), 1e-5
    effects = res.marginal_effects()
    for j in (0, 1):  # of the third, which has two values, it is a difference
        step = h * np.eye(X.shape[1])[j]
        rows = (est.predict(X + step) - est.predict(X - step)) / (2 * h)
        assert effects.effects[j] == pytest.approx(rows.mean(), rel=1e-6)
    w, V = est.params_, res.covariance
    steps = h * np.eye(len(w))
    J = np.array([est.predict_at(w + s, X) - est.predict_at(w - s, X) for s in steps]).T / (2 * h)
    found = res.get_prediction(X)
    agree(found.mean, est.predict(X), 1e-12)
    agree(found.se, np.sqrt(np.einsum("ij,jk,ik->i", J, V, J)), 1e-5)
    inside = (found.confidence_interval[:, 0] <= found.mean) & (
        found.mean <= found.confidence_interval[:, 1]
    )
    assert inside.all()
    first, second = est.input_derivatives(X), est.input_derivatives(X, order=2)
    of_std = est.input_derivatives(X, of="std")
    for j in range(X.shape[1]):
        step = h * np.eye(X.shape[1])[j]
        up, down = est.predict(X + step, return_std=True), est.predict(X - step, return_std=True)
        agree(first[:, j], (up[0] - down[0]) / (2 * h), 1e-7)
        agree(of_std[:, j], (up[1] - down[1]) / (2 * h), 1e-5)
        bends = (est.input_derivatives(X + step) - est.input_derivatives(X - step)) / (2 * h)
        agree(second[:, j], bends, 1e-6)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
def test_bootstrap_influence_and_reports():
    """What draws targets draws them about the means; the summary names the outputs."""
    X, y = table().to_numpy(), np.clip(target(), 0.02, 0.98)
    est = NewtonMLPRegressor((), output_activation="logistic", alpha=0.0).fit(X, y)
    res = est.inference(X, y)
    for kind in ("pairs", "wild", "parametric"):
        errors = res.bootstrap(60, kind=kind, random_state=0).std_errors
        assert_allclose(errors[:4], res.std_errors, rtol=0.4)
    influence = res.influence()
    left_out = NewtonMLPRegressor((), output_activation="logistic", alpha=0.0)
    left_out.fit(np.delete(X, 3, axis=0), np.delete(y, 3))
    change = est.params_ - left_out.params_
    scale = np.abs(influence.d_params[3]).max()
    assert_allclose(influence.d_params[3], change, atol=0.05 * scale)
    assert "squared_error of logistic outputs" in str(res.summary())
    assert not [f for f in res.findings if f.kind == "separation"]


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize(
    ("output", "low", "high"), [("tanh", -1.0, 1.0), ("softplus", 0.0, np.inf)]
)
def test_bands_of_curves_stay_in_the_range(output, low, high):
    """On the distance to the bounds, so that narrow ones are those of the delta method."""
    X, y = table().to_numpy(), np.clip(target(), 0.02, 0.98)
    est = NewtonMLPRegressor((), output_activation=output, alpha=0.0).fit(X, y)
    res = est.inference(X, y)
    for level in (0.05, 1.0 - 1e-12):
        curve = res.partial_effect("x1", grid=[-8.0, 0.0, 8.0], level=level)
        assert (low < curve.lower).all()
        assert (curve.lower < curve.mean).all()
        assert (curve.mean < curve.upper).all()
        assert (curve.upper < high).all()
    narrow = res.partial_effect("x1", grid=[0.0], level=0.01)
    reach = stats.t.ppf(0.505, N - 4) * narrow.se
    assert_allclose(narrow.upper - narrow.mean, reach, rtol=1e-2)
    assert_allclose(narrow.mean - narrow.lower, reach, rtol=1e-2)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize("output", ["logistic", "sine"])
def test_profiles_are_those_of_means(output):
    """Ends of a prediction's interval, by likelihood, near those by its standard error."""
    X, y = table().to_numpy(), np.clip(target(), 0.02, 0.98)
    est = NewtonMLPRegressor((), output_activation=output, alpha=0.0).fit(X, y)
    res = est.inference(X, y)
    at = X[4:5]
    found, wald = res.profile_effect(at=at), res.get_prediction(at)
    assert found.estimate == pytest.approx(wald.mean[0], rel=1e-9)
    assert_allclose([found.lower, found.upper], wald.confidence_interval[0], atol=0.3 * wald.se[0])


def test_the_slope_test_weighs_changes_of_means():
    """In a linear net the mean squared slope of the mean is known, and the test is Wald's."""
    est, _, glm = pair()
    res = est.inference(table(), target())
    slopes = glm.fittedvalues * (1.0 - glm.fittedvalues)
    for j, feature in enumerate(("age", "dose")):
        found, wald = res.slope_test(feature), res.wald_test([feature])
        spread = table()[feature].var(ddof=0)
        expected = (slopes**2).mean() * glm.params[j] ** 2 * spread
        assert found.mean_square == pytest.approx(expected, rel=1e-6)
        assert found.statistic == pytest.approx(wald.statistic, rel=1e-6)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_shares_on_both_sides_of_a_half_are_no_classes():
    """A small share is never a class that the net tells from large ones."""
    X = np.linspace(-2.0, 2.0, 60)[:, None]
    y = expit(X[:, 0]) + 0.01 * np.sin(40.0 * X[:, 0])
    est = NewtonMLPRegressor((), output_activation="logistic", alpha=0.0).fit(X, y)
    assert ((y > 0.5) == (est.predict(X) > 0.5)).all()
    res = est.inference(X, y)
    assert not [finding for finding in res.findings if finding.kind == "separation"]
    assert np.isfinite(res.p_values).all()


@cache
def with_and_without_a_fixed_layer():
    """Logits h(a) as outputs of the last layer, and as states that a fixed layer copies."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    classes = (X[:, 0] + 0.7 * rng.normal(size=90) > 0).astype(int) + (rng.random(90) < 0.3)
    layers = [Linear((0,), 3, "softplus")]
    params = {"alpha": {"coefs_0": 0.1}, "standardize": False, "random_state": 0}
    same = np.eye(3)
    fixed = NewtonNetClassifier(
        [*layers, Linear((1,), 3)],
        bounds={"coefs_1": (same, same)},
        connectivity={"intercepts_1": False},
        **params,
    )
    nets = NewtonNetClassifier(layers, **params).fit(X, classes), fixed.fit(X, classes)
    assert nets[0].loss_ == pytest.approx(nets[1].loss_, rel=1e-10)
    return X, *(net.inference(X, classes) for net in nets)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize("name", ["mean", "se", "confidence_interval", "raw_se", "moderated"])
def test_classes_behind_an_activation_are_one_observation(name):
    X, found, expected = with_and_without_a_fixed_layer()
    of = [getattr(res.get_prediction(X[:9]), name) for res in (found, expected)]
    assert_allclose(*of, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize(
    "name", ["bic", "nic", "gcv", "df_resid", "resid_pearson", "resid_deviance"]
)
def test_statistics_of_classes_behind_an_activation(name):
    _, found, expected = with_and_without_a_fixed_layer()
    assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
def test_tests_and_intervals_of_classes_behind_an_activation():
    X, found, expected = with_and_without_a_fixed_layer()
    assert 0.0 < found.hidden_unit_test().p_value < 1.0  # a further unit adds to a, not to h(a)
    p = [res.slope_test(["x0"]).p_value for res in (found, expected)]
    assert_allclose(*p, rtol=0.1)  # h is not linear
    assert p[0] < 0.05
    ends = [res.profile_effect(at=X[:1], output=1) for res in (found, expected)]
    assert ends[0].estimate == pytest.approx(ends[1].estimate, rel=1e-6)
    cook = [res.influence().cooks_distance for res in (found, expected)]
    assert_allclose(*cook, rtol=1e-5, atol=1e-9)


def test_slopes_of_labels_behind_an_activation_have_tests():
    """Their second derivatives with e h'' may be negative, which had no root."""
    X, _, _ = with_and_without_a_fixed_layer()
    y = (X[:, 0] + 0.5 * np.sin(7.0 * X[:, 1]) > 0).astype(int)
    net = NewtonNetClassifier([Linear((0,), 1, "tanh")], alpha=0.1).fit(X, y)
    assert net.inference(X, y).slope_test(["x0"]).p_value < 0.05
