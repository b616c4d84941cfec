"""Inference with an offset or an exposure: statsmodels' GLM, and nets with a frozen column."""

from functools import cache

import numpy as np
import pytest
from inference_oracles import agree

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

sm = pytest.importorskip("statsmodels.api")

N = 200
rng = np.random.default_rng(3)
X = rng.normal(size=(N, 3))
OFFSET = rng.normal(size=N)
EXPOSURE = rng.uniform(0.1, 4.0, N)
GROUPS = rng.integers(0, 20, N)
WEIGHT = rng.integers(1, 4, N).astype(float)
RAW = 0.5 + X @ [0.4, -0.3, 0.0]
LOG = sm.families.links.Log()
FAMILIES = {
    "squared_error": sm.families.Gaussian(),
    "poisson": sm.families.Poisson(),
    "gamma": sm.families.Gamma(LOG),
    "log_loss": sm.families.Binomial(),
}
TARGETS = {
    "squared_error": RAW + OFFSET + rng.normal(size=N),
    "poisson": rng.poisson(np.exp(RAW + OFFSET)).astype(float),
    "gamma": rng.gamma(2.0, np.exp(RAW + OFFSET) / 2.0),
    "log_loss": (rng.uniform(size=N) < 1.0 / (1.0 + np.exp(-RAW - OFFSET))).astype(float),
}
each_loss = pytest.mark.parametrize("loss", TARGETS)


def net(loss, sizes=(), **params):
    params = {"alpha": 0.0, "random_state": 0, **params}
    if loss == "log_loss":
        return NewtonMLPClassifier(sizes, **params)
    return NewtonMLPRegressor(sizes, loss=loss, **params)


def theirs(loss, y=None, weight=None, cov=("nonrobust", None), **known):
    y = TARGETS[loss] if y is None else y
    model = sm.GLM(y, sm.add_constant(X), FAMILIES[loss], freq_weights=weight, **known)
    kind, groups = cov
    given = {} if groups is None else {"cov_kwds": {"groups": groups, "use_correction": True}}
    use_t = loss in ("squared_error", "gamma")
    return model.fit(tol=1e-14, maxiter=200, cov_type=kind, use_t=use_t, **given)


def in_order(values):
    """Their constant comes first, ours last."""
    return np.roll(np.asarray(values), -1)


def same(ours, glm, rtol=1e-8):
    """For gamma they print the expected information, where ours is the observed one."""
    errors = glm.bse
    if isinstance(glm.model.family, sm.families.Gamma) and glm.cov_type == "nonrobust":
        observed = -glm.model.hessian(glm.params, scale=glm.scale, observed=True)
        errors = np.sqrt(np.diag(np.linalg.inv(observed)))
    agree(ours.params, in_order(glm.params), rtol)
    agree(ours.std_errors, in_order(errors), rtol)


@pytest.mark.parametrize("weighted", [False, True])
@each_loss
def test_statsmodels(loss, weighted):
    y, weight = TARGETS[loss], WEIGHT if weighted else None
    est = net(loss).fit(X, y, weight, OFFSET)
    ours = est.inference(X, y, weight, offset=OFFSET, cov_type="gauss-newton")
    glm = theirs(loss, weight=weight, offset=OFFSET)
    same(ours, glm)
    if loss != "gamma":  # its likelihood is ours at another estimate of the dispersion
        for own, name in (("log_likelihood", "llf"), ("aic", "aic"), ("bic", "bic_llf")):
            agree(getattr(ours, own), getattr(glm, name), 1e-8)
        agree(ours.p_values, in_order(glm.pvalues), 1e-6)
    factor = ours.rescaled.factor  # squared errors are those of a standardised target
    agree(2.0 * ours.information.constant_loss * factor, glm.null_deviance, 1e-8)
    new = np.linspace(-1.0, 1.0, N)
    found = ours.get_prediction(X, offset=new)
    expected = glm.get_prediction(sm.add_constant(X), offset=new).summary_frame()
    agree(found.mean, expected["mean"], 1e-8)
    if loss != "gamma":
        agree(found.se, expected["mean_se"], 1e-8)
    predicted = (
        est.predict_proba(X, new)[:, 1] if loss == "log_loss" else est.predict(X, offset=new)
    )
    agree(predicted, expected["mean"], 1e-8)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_exposure(loss):
    """Its logarithm is an offset; both may be given."""
    y = TARGETS[loss]
    known = {"offset": 0.3 * OFFSET, "exposure": EXPOSURE}
    est = net(loss).fit(X, y, **known)
    ours = est.inference(X, y, **known, cov_type="gauss-newton")
    if loss == "poisson":  # of others statsmodels takes no exposure, whatever the link
        glm = theirs(loss, **known)
        same(ours, glm)
        agree(est.predict(X, **known), glm.predict(sm.add_constant(X), **known), 1e-8)
        agree(ours.log_likelihood, glm.llf, 1e-8)
        new = glm.get_prediction(sm.add_constant(X), exposure=EXPOSURE, offset=0.0 * OFFSET)
        found = ours.get_prediction(X, exposure=EXPOSURE)
        agree(found.se, new.summary_frame()["mean_se"], 1e-8)
    same(ours, theirs(loss, offset=known["offset"] + np.log(EXPOSURE)))


@each_loss
def test_sandwiches(loss):
    y = TARGETS[loss]
    est = net(loss).fit(X, y, offset=OFFSET)
    same(
        est.inference(X, y, offset=OFFSET, cov_type="HC0"),
        theirs(loss, cov=("HC0", None), offset=OFFSET),
    )
    ours = est.inference(X, y, offset=OFFSET, cov_type="cluster", groups=GROUPS)
    same(ours, theirs(loss, cov=("cluster", GROUPS), offset=OFFSET))


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_frozen_column(loss):
    """A net with units: an input that only the output reads, with a coefficient of one."""
    raw = 2.0 * np.tanh(3.0 * X[:, 0] - 1.0) + OFFSET
    draw = np.random.default_rng(0)
    y = draw.poisson(np.exp(raw)) if loss == "poisson" else raw + draw.normal(size=N)
    skip = {"skip_connections": "input-output", "standardize": False, "n_init": 8}
    mask = np.array([True, True, True, False])[:, None]
    held = {"connectivity": {"coefs_0": mask}, "bounds": {"coefs_1[x3, y]": (1.0, 1.0)}}
    free = np.array([1.0, 1.0, 1.0, 0.0, 1.0])[:, None]
    frozen = net(loss, (1,), **skip, **held, alpha={"coefs_0": 1.0, "coefs_1": free})
    table = np.column_stack([X, OFFSET])
    frozen.fit(table, y)
    own = net(loss, (1,), **skip, alpha=1.0).fit(X, y, offset=OFFSET)
    kept = [j for j, name in enumerate(frozen.parameter_names_) if "[x3" not in name]
    agree(own.loss_, frozen.loss_, 1e-10)
    agree(np.abs(own.params_), np.abs(frozen.params_[kept]), 1e-8)  # a unit may have either sign
    at = frozen.params_.copy()
    at[kept] = own.params_
    f, g = frozen.objective(table, y), own.objective(X, y, offset=OFFSET)
    agree(g.value(own.params_), f.value(at), 1e-12)
    agree(g.hessian(own.params_), f.hessian(at)[np.ix_(kept, kept)], 1e-10)
    agree(own.predict(X, offset=OFFSET), frozen.predict_at(at, table), 1e-10)
    ours = own.inference(X, y, offset=OFFSET, cov_type="bayesian")
    theirs = frozen.inference(table, y, cov_type="bayesian")
    agree(ours.std_errors, theirs.std_errors[kept], 1e-8)
    agree(ours.bic, theirs.bic, 1e-10)


def test_effects_average_over_the_offsets_of_the_fit():
    y = TARGETS["poisson"]
    ours = net("poisson").fit(X, y, offset=OFFSET).inference(X, y, offset=OFFSET)
    glm = theirs("poisson", offset=OFFSET)
    # get_margeff of statsmodels leaves the offset out.
    b, mean = np.asarray(glm.params)[1:], glm.fittedvalues
    agree(ours.marginal_effects().effects, b * mean.mean(), 1e-8)
    gradient = np.outer(b, sm.add_constant(X).T @ mean / N)
    gradient[:, 1:] += np.eye(3) * mean.mean()
    errors = np.sqrt(np.diag(gradient @ glm.cov_params() @ gradient.T))
    agree(ours.marginal_effects().std_errors, errors, 1e-8)
    curve = ours.partial_effect("x0", [0.0, 1.0])
    design = sm.add_constant(X)
    for value, found in zip((0.0, 1.0), curve.mean, strict=True):
        design[:, 1] = value
        agree(found, glm.predict(design, offset=OFFSET).mean(), 1e-8)


def test_tests_refit_beside_the_offset():
    y = TARGETS["poisson"]
    ours = net("poisson").fit(X, y, offset=OFFSET).inference(X, y, offset=OFFSET)
    R = np.eye(4)[:1]
    short = sm.GLM(y, sm.add_constant(X[:, 1:]), FAMILIES["poisson"], offset=OFFSET)
    statistic = 2.0 * (theirs("poisson", offset=OFFSET).llf - short.fit(tol=1e-14).llf)
    agree(ours.likelihood_ratio_test(R).statistic, statistic, 1e-6)


def test_another_offset_is_found_out():
    y = TARGETS["poisson"]
    est = net("poisson", (1,), alpha=0.1).fit(X, y, offset=OFFSET)
    with pytest.raises(ValueError, match="fitted with an offset or exposure"):
        est.inference(X, y)
    with pytest.warns(UserWarning, match="data of the fit with its offset or exposure"):
        est.inference(X, y, offset=0.0)
    plain = net("poisson", (1,), alpha=0.1).fit(X, y)
    with pytest.warns(UserWarning, match="data of the fit with its offset or exposure"):
        plain.inference(X, y, offset=OFFSET)
    results = est.inference(X, y, offset=OFFSET)
    with pytest.raises(ValueError, match="must be given, since the fit had one"):
        results.get_prediction(X)
    agree(results.get_prediction(X, offset=0).mean, est.predict(X, offset=0.0), 1e-12)
    with pytest.raises(ValueError, match="must be given, since the fit had one"):
        results.without_data().get_prediction(X)


def test_rows_of_weight_zero_take_their_offsets_along():
    y, weight = TARGETS["poisson"], (np.arange(N) % 3 > 0).astype(float)
    kept = weight > 0
    est = net("poisson").fit(X, y, weight, OFFSET)
    short = net("poisson").fit(X[kept], y[kept], offset=OFFSET[kept])
    agree(est.params_, short.params_, 1e-12)
    found = est.inference(X, y, weight, offset=OFFSET)
    agree(found.bic, short.inference(X[kept], y[kept], offset=OFFSET[kept]).bic, 1e-12)


def test_influence_is_that_of_the_rows_with_their_offsets():
    """One-step predictions of rows left out, against refits of a linear net: they are exact."""
    y = TARGETS["squared_error"]
    ours = net("squared_error").fit(X, y, offset=OFFSET).inference(X, y, offset=OFFSET)
    others = np.arange(N) != 7
    left = net("squared_error").fit(X[others], y[others], offset=OFFSET[others])
    agree(ours.influence().loo_predictions[7], left.predict(X[7:8], offset=OFFSET[7:8])[0], 1e-8)


# An offset that is the same for all rows is an intercept -----------------------------------------


@cache
def with_a_constant(constant):
    """A net with a unit beside the offset and a constant, on the same counts."""
    draw = np.random.default_rng(0)
    y = draw.poisson(np.exp(np.tanh(2.0 * X[:, 0] - 0.5) + OFFSET)).astype(float)
    est = net("poisson", (1,), alpha=0.1, n_init=3).fit(X, y, offset=OFFSET + constant)
    return est, est.inference(X, y, offset=OFFSET + constant)


STATISTICS = {
    "effects": lambda r, c: r.marginal_effects().to_frame(),
    "effects at the mean": lambda r, c: r.marginal_effects(at="mean").to_frame(),
    "effects of groups": lambda r, c: r.marginal_effects(by=GROUPS % 2).to_frame(),
    "unconditional effects": lambda r, c: r.marginal_effects(unconditional=True).to_frame(),
    "partial effect": lambda r, c: r.partial_effect("x0", [-1.0, 1.0]).se,
    "effect profile": lambda r, c: r.profile_effect("x0").upper,
    "wald": lambda r, c: r.wald_test("x1").statistic,
    "score": lambda r, c: r.score_test("x1").statistic,
    "hidden unit": lambda r, c: r.hidden_unit_test().statistic,
    "slope test": lambda r, c: r.slope_test(["x1"]).statistic,
    "influence": lambda r, c: r.influence().cooks_distance,
    "left out": lambda r, c: r.influence().loo_losses,
    "residuals": lambda r, c: r.resid_deviance,
    "fitted values": lambda r, c: r.fittedvalues,
    "pairs": lambda r, c: r.bootstrap(3, random_state=0).std_errors,
    "simulated": lambda r, c: r.bootstrap(3, kind="parametric", random_state=0).std_errors,
    "prediction": lambda r, c: r.get_prediction(X, offset=OFFSET + c).confidence_interval,
    "criteria": lambda r, c: [r.bic, r.nic, r.information.constant_loss],
    "summary": lambda r, c: [len(r.summary())],
}


@pytest.mark.parametrize("name", STATISTICS)
def test_a_common_offset_is_an_intercept(name):
    """Nothing that is asked of the results may leave the offset out."""
    found, expected = (
        STATISTICS[name](with_a_constant(constant)[1], constant) for constant in (1.0, 0.0)
    )
    agree(found, expected, 1e-7)


def test_that_intercept_makes_up_for_it():
    est, other = with_a_constant(1.0)[0], with_a_constant(0.0)[0]
    moved = np.zeros(len(est.params_))
    moved[est.parameter_names_.index("intercepts_1[y]")] = 1.0
    agree(est.params_ + moved, other.params_, 1e-8)
    agree(est.feature_importance_, other.feature_importance_, 1e-8)
