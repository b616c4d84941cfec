"""Nets without hidden layer and without penalty are models statsmodels knows."""

import numpy as np
import pytest
from inference_oracles import agree
from scipy import stats
from statsmodels_pairs import (
    GROUPS,
    LINEAR,
    NAMES,
    ONE_LOGIT,
    PAIRS,
    N,
    design,
    pair,
    table,
)

sm = pytest.importorskip("statsmodels.api")
aicc = pytest.importorskip("statsmodels.tools.eval_measures").aicc

# Of one output: three slopes, the constant.
R = np.array([[1.0, 0.0, -1.0, 0.0], [0.5, 1.0, 0.0, 2.0]])
r = np.array([0.1, -0.3])

every_pair = pytest.mark.parametrize("name", PAIRS)


def flat(values):
    """Put their (regressors, equations) in the order of our vector."""
    return np.asarray(values).ravel()


def same_table(ours, theirs, factor=1.0):
    """Compare the whole table; the covariance may differ by a known factor."""
    agree(ours.params, flat(theirs.params))
    error = flat(theirs.bse) * np.sqrt(factor)
    agree(ours.std_errors, error)
    agree(ours.z_values, flat(theirs.params) / error)
    distribution = stats.t(ours.df_resid) if ours.use_t else stats.norm()
    if factor == 1.0:
        agree(ours.p_values, flat(theirs.pvalues), rtol=2e-6)
        for level in (0.95, 0.6):
            theirs_ci = np.asarray(theirs.conf_int(1.0 - level))
            if theirs_ci.ndim == 3:  # equations first
                theirs_ci = theirs_ci.swapaxes(0, 1).reshape(-1, 2)
            agree(ours.conf_int(level), theirs_ci)
    else:
        agree(ours.p_values, 2.0 * distribution.sf(np.abs(flat(theirs.params) / error)), rtol=2e-6)
    covariance = np.asarray(theirs.cov_params())
    if np.ndim(theirs.params) == 2:
        k, equations = np.shape(theirs.params)
        order = np.arange(k * equations).reshape(equations, k).T.ravel()
        covariance = covariance[np.ix_(order, order)]
    agree(ours.covariance, factor * covariance)


def n_parameters(p):
    return p.theirs().params.size


# Estimates, standard errors, tests, intervals ------------------------------------------------


def test_names_of_parameters():
    slopes = [f"coefs_0[{name}, y]" for name in NAMES]
    assert list(pair("OLS").ours().names) == [*slopes, "intercepts_0[y]"]
    slopes = [f"coefs_0[{name}, 1]" for name in NAMES]
    assert list(pair("Logit").ours().names) == [*slopes, "intercepts_0[1]"]
    others = ["dog - cat", "eel - cat"]
    expected = [f"coefs_0[{name}, {other}]" for name in NAMES for other in others]
    expected += [f"intercepts_0[{other}]" for other in others]
    res = pair("MNLogit").ours()
    assert list(res.names) == expected
    assert list(res.feature_names) == NAMES


@pytest.mark.parametrize("cov_type", ["hessian", "gauss-newton", "bayesian"])
@every_pair
def test_model_based(name, cov_type):
    ours, theirs = pair(name).ours(cov_type), pair(name).theirs()
    assert ours.identifiable
    assert ours.cov_type == cov_type
    assert ours.use_t == pair(name).use_t
    same_table(ours, theirs)
    if name in LINEAR:
        assert ours.df_resid == pytest.approx(theirs.df_resid, rel=1e-9)
        assert ours.dispersion == pytest.approx(theirs.scale, rel=1e-9)
    else:
        assert ours.dispersion == 1.0


@pytest.mark.parametrize("cov_type", ["HC0", "HC1", "HC2", "HC3"])
@pytest.mark.parametrize("name", LINEAR)
def test_heteroscedastic_errors_of_linear_models(name, cov_type):
    same_table(pair(name).ours(cov_type), pair(name).theirs(cov_type))


@pytest.mark.parametrize("cov_type", ["HC0", "HC1"])
@pytest.mark.parametrize("name", [name for name in PAIRS if name not in LINEAR])
def test_heteroscedastic_errors_of_discrete_models(name, cov_type):
    """Discrete models of statsmodels call HC0 by all four names: HC1 has no correction there."""
    p = pair(name)
    n, k = p.ours().n_obs, n_parameters(p)
    same_table(p.ours(cov_type), p.theirs(cov_type), {"HC0": 1.0, "HC1": n / (n - k)}[cov_type])


@pytest.mark.parametrize(("cov_type", "power"), [("HC2", 0.5), ("HC3", 1.0)])
@pytest.mark.parametrize("name", ONE_LOGIT)
def test_leverages_of_generalised_linear_models(name, cov_type, power):
    """By the hat matrix of their GLM."""
    p = pair(name)
    family = sm.families.Binomial() if "Logit" in name else sm.families.Poisson()
    glm = sm.GLM(p.model.endog, p.model.exog, family=family).fit(tol=1e-13)
    residuals = glm.resid_response / (1.0 - glm.get_hat_matrix_diag()) ** power
    scores = p.model.exog * residuals[:, None]
    bread = p.theirs().cov_params()
    agree(p.ours(cov_type).covariance, bread @ scores.T @ scores @ bread)


@every_pair
def test_clusters(name):
    p = pair(name)
    labels = np.array([f"town {g}" for g in GROUPS])
    same_table(p.ours("cluster", labels), p.theirs("cluster", groups=GROUPS))


def test_use_t_can_be_chosen():
    for name, use_t in (("OLS", False), ("Logit", True)):
        p = pair(name)
        ours = p.ours(use_t=use_t)
        distribution = stats.t(N - 4) if use_t else stats.norm()
        assert ours.use_t is use_t
        agree(ours.p_values, 2.0 * distribution.sf(np.abs(ours.z_values)))
        half = distribution.ppf(0.95) * ours.std_errors
        agree(ours.conf_int(0.9), np.column_stack([ours.params - half, ours.params + half]))


@pytest.mark.parametrize("cov_type", ["hessian", "HC1", "cluster"])
@pytest.mark.parametrize("name", ["OLS", "WLS", "repeated OLS", "Logit", "Poisson"])
def test_wald(name, cov_type):
    p = pair(name)
    groups = {"groups": GROUPS} if cov_type == "cluster" else {}
    if cov_type == "HC1" and name not in LINEAR:
        pytest.skip("their discrete models have no HC1")
    ours = p.ours(cov_type, **groups)
    theirs = p.theirs("nonrobust" if cov_type == "hessian" else cov_type, **groups)
    for hypothesis, given in ((R, {}), (R, {"r": r}), (R[1], {})):
        pair_of = (hypothesis, given.get("r", np.zeros(len(np.atleast_2d(hypothesis)))))
        q = len(np.atleast_2d(hypothesis))
        f_test = theirs.wald_test(pair_of, use_f=True, scalar=True)
        chi2 = theirs.wald_test(pair_of, use_f=False, scalar=True)
        for use_f in (None, True, False):
            found = ours.wald_test(hypothesis, use_f=use_f, **given)
            by_f = p.use_t if use_f is None else use_f
            assert found.df == q
            assert found.statistic == pytest.approx(chi2.statistic, rel=1e-6)
            assert found.statistic / q == pytest.approx(f_test.statistic, rel=1e-6)
            expected = f_test.pvalue if by_f and p.use_t else chi2.pvalue
            if p.use_t or not by_f:
                assert found.p_value == pytest.approx(expected, rel=3e-6)
            if by_f and p.use_t:
                assert found.df_denom == pytest.approx(f_test.df_denom, rel=1e-9)


def test_wald_of_equations():
    """One feature in all equations of a multinomial model, by its name."""
    p = pair("MNLogit")
    theirs = p.theirs()
    ours = p.ours()
    for j, name in enumerate(NAMES):
        where = [j, j + 4]  # their order: equation by equation
        b = theirs.params.ravel(order="F")[where]
        W = b @ np.linalg.solve(np.asarray(theirs.cov_params())[np.ix_(where, where)], b)
        for hypothesis in (name, [f"coefs_0[{name}, {c} - cat]" for c in ("dog", "eel")]):
            found = ours.wald_test(hypothesis)
            assert found.df == 2
            assert found.statistic == pytest.approx(W, rel=1e-6)
            assert found.p_value == pytest.approx(stats.chi2.sf(W, 2), rel=2e-6)


@every_pair
def test_likelihood_ratio(name):
    p = pair(name)
    full, small = p.theirs(), p.without("dose")
    LR, df = 2.0 * (full.llf - small.llf), 2 if "MNLogit" in name else 1
    found = p.ours().likelihood_ratio_test("dose")
    assert found.df == df
    assert found.statistic == pytest.approx(LR, rel=1e-6)
    expected = full.compare_f_test(small)[1] if p.use_t else stats.chi2.sf(LR, df)
    assert found.p_value == pytest.approx(expected, rel=1e-5)
    if p.use_t:
        by_chi2 = p.ours(use_t=False).likelihood_ratio_test("dose").p_value
        assert by_chi2 == pytest.approx(full.compare_lr_test(small)[1], rel=1e-5)


@pytest.mark.parametrize("name", ["MNLogit", "repeated MNLogit"])
def test_score_of_equations(name):
    """One feature in all equations, at their fit without it."""
    p = pair(name)
    small = p.without("dose")
    Z, b = p.model.exog, np.insert(small.params, 1, 0.0, axis=0)
    odds = np.exp(np.column_stack([np.zeros(len(Z)), Z @ b]))
    chance = odds / odds.sum(axis=1, keepdims=True)
    g, H = np.zeros(8), np.zeros((8, 8))
    for z, y, q in zip(Z, np.asarray(p.model.endog), chance, strict=True):
        g += np.kron(z, (np.arange(1, 3) == y) - q[1:])
        H += np.kron(np.outer(z, z), np.diag(q[1:]) - np.outer(q[1:], q[1:]))
    statistic = g @ np.linalg.solve(H, g)
    found = p.ours().score_test("dose")
    assert found.df == 2
    assert found.statistic == pytest.approx(statistic, rel=1e-5)
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 2), rel=1e-4)


# Criteria ------------------------------------------------------------------------------------


@every_pair
def test_likelihood_and_criteria(name):
    ours, theirs = pair(name).ours(), pair(name).theirs()
    k = n_parameters(pair(name))
    assert ours.effective_parameters == pytest.approx(k, rel=1e-9)
    assert ours.n_obs == theirs.nobs
    assert ours.log_likelihood == pytest.approx(theirs.llf, rel=1e-9)
    assert ours.aic == pytest.approx(theirs.aic, rel=1e-9)
    assert ours.bic == pytest.approx(theirs.bic, rel=1e-9)
    assert ours.aicc == pytest.approx(aicc(theirs.llf, theirs.nobs, k), rel=1e-9)


# Predictions and marginal effects ------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Prediction intervals take:UserWarning")
@pytest.mark.parametrize("cov_type", ["hessian", "HC3", "cluster"])
def test_predictions(cov_type):
    p = pair("OLS")
    groups = {"groups": GROUPS} if cov_type == "cluster" else {}
    X_new = table().iloc[:7] * 1.3
    theirs = p.theirs("nonrobust" if cov_type == "hessian" else cov_type, **groups)
    frame = theirs.get_prediction(design(X_new)).summary_frame(alpha=0.1)
    found = p.ours(cov_type, **groups).get_prediction(X_new, level=0.9)
    agree(found.mean, frame["mean"])
    agree(found.se, frame["mean_se"])
    if cov_type == "cluster":  # their predictions forget that there are 14 towns, not 106 rows
        half = stats.t.ppf(0.95, 13) * frame["mean_se"]
        frame = frame.assign(
            mean_ci_lower=frame["mean"] - half, mean_ci_upper=frame["mean"] + half
        )
    agree(found.confidence_interval, frame[["mean_ci_lower", "mean_ci_upper"]])
    if cov_type == "hessian":
        agree(found.prediction_interval, frame[["obs_ci_lower", "obs_ci_upper"]])


@pytest.mark.parametrize("name", ["Logit", "Poisson"])
def test_predictions_on_the_response_scale(name):
    """Standard errors by the delta method, intervals as those of the linear predictor."""
    p = pair(name)
    family = sm.families.Binomial() if name == "Logit" else sm.families.Poisson()
    glm = sm.GLM(p.model.endog, p.model.exog, family=family).fit(tol=1e-13)
    X_new = table().iloc[:7] * 1.3
    frame = glm.get_prediction(design(X_new)).summary_frame(alpha=0.1)
    found = p.ours().get_prediction(X_new, level=0.9)
    agree(found.mean, frame["mean"])
    agree(found.se, frame["mean_se"])
    agree(found.confidence_interval, frame[["mean_ci_lower", "mean_ci_upper"]])
    if name == "Logit":
        assert found.prediction_interval is None


@pytest.mark.parametrize(
    ("name", "dummy"),  # their MNLogit cannot do contrasts
    [("Logit", False), ("Logit", True), ("Poisson", False), ("Poisson", True), ("MNLogit", False)],
)
def test_marginal_effects(name, dummy):
    theirs = pair(name).theirs().get_margeff(dummy=dummy)
    found = pair(name).ours().marginal_effects(discrete="auto" if dummy else ())
    assert [name.partition(" (")[0] for name in found.names] == NAMES  # contrasts say more
    agree(found.effects, theirs.margeff)
    agree(found.std_errors, theirs.margeff_se)
    agree(found.p_values, theirs.pvalues, rtol=3e-6)
    if name != "MNLogit":
        agree(found.conf_int(0.9), theirs.conf_int(0.1))


def test_contrasts_of_a_multinomial_model():
    """Average difference of probabilities between a dummy of one and zero."""
    theirs = pair("MNLogit").theirs()
    high, low = (design(table().assign(sex=value)) for value in (1.0, 0.0))

    def effect(b):
        means = []
        for Z in (high, low):
            odds = np.exp(np.column_stack([np.zeros(len(Z)), Z @ b.reshape(4, 2, order="F")]))
            means.append((odds / odds.sum(axis=1, keepdims=True)).mean(axis=0))
        return means[0] - means[1]

    b = theirs.params.ravel(order="F")
    J = np.array([effect(b + 1e-30j * e).imag / 1e-30 for e in np.eye(len(b))]).T
    found = pair("MNLogit").ours().marginal_effects(["sex"])
    assert len(found.names) == 1
    agree(found.effects, effect(b)[None])
    agree(found.std_errors, np.sqrt(np.diag(J @ theirs.cov_params() @ J.T))[None])
