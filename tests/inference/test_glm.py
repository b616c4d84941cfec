"""Linear nets beside generalised linear models: gamma, precision weights, several outputs."""

from functools import cache

import numpy as np
import pytest
from inference_oracles import agree
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels_pairs import GROUPS, WEIGHTS, N, design, table, targets

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import Loss
from sknewtonnet.testing import check_loss

sm = pytest.importorskip("statsmodels.api")

R = np.array([[1.0, 0.0, -1.0, 0.0], [0.5, 1.0, 0.0, 2.0]])
r = np.array([0.1, -0.3])

# Gamma: a free dispersion, a link that is not canonical ----------------------------------------


@cache
def gamma_pair():
    y = targets()["gamma"]
    est = NewtonMLPRegressor((), loss="gamma", alpha=0.0, standardize=False).fit(table(), y)
    family = sm.families.Gamma(sm.families.links.Log())
    glm = sm.GLM(y, design(table()), family=family).fit(tol=1e-13, maxiter=200)
    return est, y, glm


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "bayesian"])
def test_gamma(cov_type):
    """The curvature of the loss at the data is the observed information, not its mean."""
    est, y, glm = gamma_pair()
    res = est.inference(table(), y, cov_type=cov_type)
    observed = -glm.model.hessian(glm.params, scale=1.0, observed=True)
    V = glm.scale * np.linalg.inv(observed)
    agree(res.params, glm.params)
    agree(res.covariance, V)
    assert res.use_t
    assert res.dispersion == pytest.approx(glm.scale, rel=1e-7)
    assert res.df_resid == glm.df_resid
    half = stats.t.ppf(0.975, N - 4) * np.sqrt(np.diag(V))
    agree(res.conf_int(), np.column_stack([glm.params - half, glm.params + half]))
    found, gap = res.wald_test(R, r), R @ glm.params - r
    W = gap @ np.linalg.solve(R @ V @ R.T, gap)
    assert found.statistic == pytest.approx(W, rel=1e-6)
    assert found.p_value == pytest.approx(stats.f.sf(W / 2, 2, N - 4), rel=2e-6)


def test_robust_gamma():
    est, y, glm = gamma_pair()
    for cov_type, how in (("HC0", {}), ("cluster", {"groups": GROUPS})):
        theirs = glm.model.fit(cov_type=cov_type, cov_kwds=how, tol=1e-13, maxiter=200)
        agree(est.inference(table(), y, cov_type=cov_type, **how).covariance, theirs.cov_params())


# Precision weights ----------------------------------------------------------------------------


def family_of(loss):
    if loss == "gamma":
        return sm.families.Gamma(sm.families.links.Log())
    return sm.families.Binomial() if loss == "log_loss" else sm.families.Poisson()


@pytest.mark.parametrize("cov_type", ["hessian", "HC0", "HC3", "cluster"])
@pytest.mark.parametrize(
    ("loss", "target"), [("log_loss", "binary"), ("poisson", "count"), ("gamma", "gamma")]
)
def test_precision_weights_are_variance_weights(loss, target, cov_type):
    """Their GLM has variances of the dispersion over the weight; curvatures are the observed."""
    y, Z = targets()[target], design(table())
    net = NewtonMLPClassifier if loss == "log_loss" else NewtonMLPRegressor
    options = {} if loss == "log_loss" else {"loss": loss}
    est = net((), alpha=0.0, standardize=False, **options).fit(table(), y, WEIGHTS)
    how = {"groups": GROUPS} if cov_type == "cluster" else {}
    res = est.inference(table(), y, WEIGHTS, cov_type, weight_type="precision", **how)
    glm = sm.GLM(y, Z, family=family_of(loss), var_weights=WEIGHTS).fit(tol=1e-14, maxiter=300)
    bread = np.linalg.inv(-glm.model.hessian(glm.params, scale=1.0, observed=True))
    if cov_type == "hessian":
        V = glm.scale * bread
        assert res.dispersion == pytest.approx(glm.scale, rel=1e-7)
        if loss != "gamma":
            assert res.log_likelihood == pytest.approx(glm.llf, rel=1e-9)
    else:
        slope = glm.model.score_factor(glm.params, scale=1.0)  # with the weight
        if cov_type == "HC3":
            curvature = glm.model.hessian_factor(glm.params, scale=1.0, observed=True)
            slope = slope / (1.0 - curvature * np.einsum("ij,jk,ik->i", Z, bread, Z))
        scores, factor = Z * slope[:, None], 1.0
        if cov_type == "cluster":
            scores = np.array([scores[g == GROUPS].sum(axis=0) for g in np.unique(GROUPS)])
            factor = len(scores) / (len(scores) - 1.0) * (N - 1.0) / (N - 4.0)
        V = factor * bread @ scores.T @ scores @ bread
    agree(res.params, glm.params)
    agree(res.covariance, V)
    assert res.n_obs == N


# Several outputs -----------------------------------------------------------------------------


@pytest.mark.parametrize("cov_type", ["hessian", "HC0", "HC1", "HC2", "HC3", "cluster"])
def test_several_outputs_are_separate_regressions(cov_type):
    X = table().to_numpy()
    rng = np.random.default_rng(7)
    Y = np.column_stack([X @ [1.0, 0.5, 0.0], X @ [0.0, -0.3, 1.0]])
    Y += rng.normal(size=(N, 2)) @ [[0.5, 0.6], [0.0, 1.1]]
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, Y)
    how = {"groups": GROUPS} if cov_type == "cluster" else {}
    res = est.inference(X, Y, cov_type=cov_type, **how)
    for output in (0, 1):
        name = "nonrobust" if cov_type == "hessian" else cov_type
        theirs = sm.OLS(Y[:, output], design(X)).fit(cov_type=name, cov_kwds=how, use_t=True)
        where = [2 * j + output for j in range(4)]
        agree(res.params[where], theirs.params)
        agree(res.std_errors[where], theirs.bse)
        agree(res.p_values[where], theirs.pvalues)
        agree(res.conf_int()[where], theirs.conf_int())


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "HC0", "HC2", "HC3"])
@pytest.mark.parametrize("kind", ["labels", "counts"])
def test_several_labels_or_counts_are_separate_models(kind, cov_type):
    X, rng = table().to_numpy(), np.random.default_rng(8)
    chance = 1.0 / (1.0 + np.exp(-X @ [[0.4, -0.5], [-0.8, 0.3], [0.5, 0.9]]))
    if kind == "labels":
        family, Y = sm.families.Binomial(), (rng.random((N, 2)) < chance).astype(int)
        est = NewtonMLPClassifier((), alpha=0.0, standardize=False).fit(X, Y)
    else:
        family, Y = sm.families.Poisson(), rng.poisson(3.0 * chance)
        est = NewtonMLPRegressor((), alpha=0.0, loss="poisson", standardize=False).fit(X, Y)
    res, Z = est.inference(X, Y, cov_type=cov_type), design(X)
    power, total = {"HC2": 0.5, "HC3": 1.0}.get(cov_type, 0.0), 0.0
    for output in (0, 1):
        glm = sm.GLM(Y[:, output], Z, family=family).fit(tol=1e-13)
        V = glm.cov_params()
        if cov_type.startswith("HC"):
            residuals = glm.resid_response / (1.0 - glm.get_hat_matrix_diag()) ** power
            V = V @ (Z.T * residuals**2) @ Z @ V
        where = [2 * j + output for j in range(4)]
        agree(res.params[where], glm.params)
        agree(res.covariance[np.ix_(where, where)], V)
        total += glm.llf
    assert res.log_likelihood == pytest.approx(total, rel=1e-9)
    assert res.aic == pytest.approx(-2.0 * total + 16.0, rel=1e-9)


class InverseGaussian(Loss):
    """loss = sum_o (y - m)^2 / (2 m^2 y) with m = exp(raw): half the deviance."""

    name = "inverse_gaussian"
    out_activation = "exp"
    likelihood = True
    free_dispersion = True

    def derivatives(self, y, raw, order=2):
        with np.errstate(over="ignore"):
            r = np.exp(-raw)
        value = (0.5 * (y * r - 1.0) ** 2 / y).sum(axis=1)
        return (value, r - y * r**2, 2.0 * y * r**2 - r)[: order + 1]

    def log_density(self, y, raw, dispersion):
        square = (y * np.exp(-raw) - 1.0) ** 2 / y
        return -0.5 * (square / dispersion + np.log(2.0 * np.pi * dispersion * y**3))

    def squared_pearson(self, y, raw):
        return (y - np.exp(raw)) ** 2 / np.exp(3.0 * raw)

    def likeliest_dispersion(self, mean_loss, precision=1.0):
        return 2.0 * mean_loss

    def inverse_link(self, raw):
        return np.exp(raw)

    def link(self, mean):
        return np.log(mean)

    def check_target(self, y):
        if (y <= 0).any():
            raise ValueError("inverse_gaussian needs targets above 0.")

    def quantiles(self, mean, dispersion, levels):
        shape = 1.0 / np.broadcast_to(dispersion, mean.shape)[..., None]
        mean, levels = np.broadcast_arrays(mean[..., None], levels)
        return stats.invgauss.ppf(levels, mean / shape, scale=shape)


@pytest.mark.filterwarnings("ignore:Prediction intervals take:UserWarning")
def test_a_loss_of_ones_own_has_all_there_is():
    """One class: standard errors and prediction intervals, beside statsmodels' family."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = rng.wald(np.exp(0.5 + 0.4 * X[:, 0]), 8.0)
    check_loss(InverseGaussian())
    net = NewtonMLPRegressor((), loss=InverseGaussian(), alpha=0.0, standardize=False).fit(X, y)
    res = net.inference(X, y)
    family = sm.families.InverseGaussian(sm.families.links.Log())
    glm = sm.GLM(y, sm.add_constant(X), family=family).fit(scale="X2", tol=1e-12)
    order = [1, 2, 0]
    assert_allclose(res.params, np.asarray(glm.params)[order], rtol=1e-6)
    assert_allclose(res.dispersion, glm.scale, rtol=1e-6)
    found = res.get_prediction(X[:7], level=0.8)
    mean = np.asarray(glm.predict(sm.add_constant(X)[:7]))
    shape = 1.0 / glm.scale
    expected = stats.invgauss.ppf([[0.1], [0.9]], mean / shape, scale=shape).T
    assert_allclose(found.prediction_interval, expected, rtol=1e-6)
    assert found.reason == ""


@pytest.mark.parametrize("loss", ["pseudo_huber", "own"])
def test_a_loss_without_quantiles_says_why_there_is_no_interval(loss):
    class Silent(InverseGaussian):
        quantiles = Loss.quantiles

    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = rng.wald(np.exp(0.5 + 0.4 * X[:, 0]), 8.0)
    net = NewtonMLPRegressor(
        (), loss=Silent() if loss == "own" else loss, alpha=0.0, standardize=False
    ).fit(X, y)
    found = net.inference(X, y, cov_type="HC0").get_prediction(X[:5])
    assert found.prediction_interval is None
    name = "inverse_gaussian" if loss == "own" else loss
    assert found.reason.startswith(f"the loss {name} does not say how observations")
    assert "obs_ci_lower" not in found.to_frame().columns


def test_classes_have_no_prediction_interval_and_say_why():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 2))
    for n_classes in (2, 3):
        y = (X @ [1.0, -0.5] + rng.logistic(size=150) > 0) * 1 + rng.integers(
            0, n_classes - 1, 150
        )
        net = NewtonMLPClassifier((), alpha=0.5, standardize=False).fit(X, y)
        found = net.inference(X, y).get_prediction(X[:5])
        assert found.prediction_interval is None
        assert "observation is a class" in found.reason
