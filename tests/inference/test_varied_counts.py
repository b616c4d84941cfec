"""Tweedie, negative binomial and binomial nets without units: statsmodels' models."""

import re

import numpy as np
import pytest
from inference_oracles import agree

from sknewtonnet import InformationCriterionSearch, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import LOSSES, NegativeBinomial, Tweedie

sm = pytest.importorskip("statsmodels.api")

N = 250
rng = np.random.default_rng(5)
X = rng.normal(size=(N, 2))
OFFSET = 0.5 * rng.normal(size=N)
GROUPS = rng.integers(0, 25, N)
TRIALS = rng.integers(1, 12, N).astype(float)
WEIGHT = rng.uniform(0.5, 2.0, N)
RAW = 0.4 + X @ [0.5, -0.3] + OFFSET
COUNTS = rng.poisson(np.exp(RAW) * rng.gamma(2.0, 0.5, size=N)).astype(float)
AMOUNTS = Tweedie(1.4).draw(np.exp(RAW)[:, None], 1.2, rng)[:, 0]
HITS = rng.binomial(TRIALS.astype(int), 1.0 / (1.0 + np.exp(-RAW))).astype(float)


def net(loss, **params):
    return NewtonMLPRegressor((), loss=loss, **{"alpha": 0.0, "random_state": 0, **params})


def glm(y, family, cov=("nonrobust", None), **given):
    model = sm.GLM(y, sm.add_constant(X), family=family, offset=OFFSET, **given)
    kind, groups = cov
    how = {} if groups is None else {"cov_kwds": {"groups": groups}}
    return model.fit(tol=1e-14, maxiter=300, cov_type=kind, **how)


def observed_errors(theirs):
    """Where they print the expected information."""
    information = -theirs.model.hessian(theirs.params, scale=theirs.scale, observed=True)
    return np.sqrt(np.diag(np.linalg.inv(information)))


def in_order(values):
    return np.roll(np.asarray(values), -1)


COVARIANCES = [("HC0", None), ("cluster", GROUPS)]


@pytest.mark.filterwarnings("ignore:Prediction intervals take:UserWarning")
@pytest.mark.parametrize("weighted", [False, True])
def test_tweedie(weighted):
    family = sm.families.Tweedie(sm.families.links.Log(), var_power=1.4, eql=False)
    weight = WEIGHT if weighted else None
    theirs = glm(AMOUNTS, family, var_weights=weight)
    est = net(Tweedie(1.4)).fit(X, AMOUNTS, weight, OFFSET)
    known = {"offset": OFFSET, "weight_type": "precision"}
    ours = est.inference(X, AMOUNTS, weight, **known)
    agree(est.params_, in_order(theirs.params), 1e-8)
    agree(ours.dispersion, theirs.scale, 1e-8)
    agree(ours.std_errors, in_order(observed_errors(theirs)), 1e-8)
    assert ours.use_t
    # Theirs is at Pearson's dispersion, ours at the likeliest.
    each = np.ones(N) if weight is None else weight
    phi = Tweedie(1.4).dispersion_of(
        AMOUNTS[:, None], np.log(theirs.fittedvalues)[:, None], np.ones(N), each[:, None]
    )
    expected = family.loglike(AMOUNTS, theirs.fittedvalues, each, scale=phi)
    agree(ours.log_likelihood, expected, 1e-8)
    assert ours.log_likelihood > theirs.llf
    agree(ours.aic, 6.0 - 2.0 * expected, 1e-8)
    if weighted:
        return
    for kind, groups in COVARIANCES:
        robust = glm(AMOUNTS, family, (kind, groups))
        found = est.inference(X, AMOUNTS, offset=OFFSET, cov_type=kind, groups=groups)
        agree(found.std_errors, in_order(robust.bse), 1e-8)
    interval = ours.get_prediction(X[:5], offset=OFFSET[:5]).prediction_interval
    assert (interval[:, 0] <= ours.get_prediction(X[:5], offset=OFFSET[:5]).mean).all()


def test_a_given_overdispersion():
    family = sm.families.NegativeBinomial(alpha=0.7)
    theirs = glm(COUNTS, family)
    est = net(NegativeBinomial(0.7)).fit(X, COUNTS, offset=OFFSET)
    assert est.loss_parameters_["overdispersion"] == 0.7
    ours = est.inference(X, COUNTS, offset=OFFSET)
    agree(est.params_, in_order(theirs.params), 1e-8)
    agree(ours.std_errors, in_order(observed_errors(theirs)), 1e-8)
    agree(ours.log_likelihood, theirs.llf, 1e-8)
    agree(ours.aic, theirs.aic, 1e-8)
    agree(ours.bic, theirs.bic_llf, 1e-8)
    for kind, groups in COVARIANCES:
        robust = glm(COUNTS, family, (kind, groups))
        found = est.inference(X, COUNTS, offset=OFFSET, cov_type=kind, groups=groups)
        agree(found.std_errors, in_order(robust.bse), 1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_an_estimated_overdispersion(weighted):
    """The criteria count it; standard errors take it as given, as those of R's glm.nb."""
    weight = np.arange(N) % 3 + 1.0 if weighted else np.ones(N)
    rows = np.repeat(np.arange(N), weight.astype(int))
    design = sm.add_constant(X[rows])
    theirs = sm.NegativeBinomial(COUNTS[rows], design, offset=OFFSET[rows])
    theirs = theirs.fit(disp=0, method="newton", maxiter=100, tol=1e-14)
    est = net("negative_binomial").fit(X, COUNTS, weight, OFFSET)
    agree(est.loss_parameters_["overdispersion"], theirs.params[-1], 1e-7)
    agree(est.params_, in_order(theirs.params[:-1]), 1e-7)
    ours = est.inference(X, COUNTS, weight, offset=OFFSET)
    agree(ours.log_likelihood, theirs.llf, 1e-10)
    agree(ours.aic, theirs.aic, 1e-10)
    agree(ours.bic, theirs.bic, 1e-10)
    assert re.search(rf"Overdispersion +{theirs.params[-1]:.5f}", ours.summary())
    agree(ours.std_errors, in_order(theirs.bse[:-1]), 1e-2)
    given = net(NegativeBinomial(est.loss_parameters_["overdispersion"])).fit(
        X, COUNTS, weight, OFFSET
    )
    agree(ours.std_errors, given.inference(X, COUNTS, weight, offset=OFFSET).std_errors, 1e-7)


def test_shares_of_trials():
    """A share and its number of trials as weight are a pair of counts to statsmodels."""
    pairs = np.column_stack([HITS, TRIALS - HITS])
    est = net("binomial").fit(X, HITS / TRIALS, TRIALS, OFFSET)
    ours = est.inference(X, HITS / TRIALS, TRIALS, offset=OFFSET)
    theirs = glm(pairs, sm.families.Binomial())
    agree(est.params_, in_order(theirs.params), 1e-8)
    agree(ours.std_errors, in_order(theirs.bse), 1e-8)
    agree(ours.log_likelihood, theirs.llf, 1e-8)
    agree(ours.aic, theirs.aic, 1e-8)
    agree(ours.bic, theirs.bic_llf, 1e-8)
    assert ours.n_obs == N
    agree(est.predict(X, offset=OFFSET), theirs.fittedvalues, 1e-8)
    for kind, groups in COVARIANCES:
        robust = glm(pairs, sm.families.Binomial(), (kind, groups))
        found = est.inference(
            X, HITS / TRIALS, TRIALS, offset=OFFSET, cov_type=kind, groups=groups
        )
        agree(found.std_errors, in_order(robust.bse), 1e-8)
    prediction = ours.get_prediction(X, offset=OFFSET)
    assert prediction.prediction_interval is None
    assert "number of trials" in prediction.reason
    assert est.out_activation_ == "logistic"


def test_rows_of_trials_are_their_sums():
    """One by one as zeros and ones, or as shares: coefficients and their errors are the same."""
    rows = np.repeat(np.arange(N), TRIALS.astype(int))
    number = np.concatenate([np.arange(int(n)) for n in TRIALS])
    y = (number < HITS[rows]).astype(float)
    long = net("binomial").fit(X[rows], y).inference(X[rows], y)
    short = net("binomial").fit(X, HITS / TRIALS, TRIALS).inference(X, HITS / TRIALS, TRIALS)
    agree(short.params, long.params, 1e-8)
    agree(short.std_errors, long.std_errors, 1e-8)


@pytest.mark.parametrize("kind", [NewtonMLPRegressor, RBFNetRegressor])
def test_nets_with_units(kind):
    """All starts end with the overdispersion of the lowest; nothing moves in a further turn."""
    raw = np.tanh(2.0 * X[:, 0]) + OFFSET
    y = np.random.default_rng(0).negative_binomial(2.0, 2.0 / (2.0 + np.exp(raw))).astype(float)
    est = kind(1, loss="negative_binomial", alpha=0.3, n_init=2, random_state=0)
    est.fit(X, y, offset=OFFSET)
    assert est.critical_point_ == "minimum"
    assert 0.3 < est.loss_parameters_["overdispersion"] < 0.7
    f = est.objective(X, y, offset=OFFSET)
    assert f.loss.likeliest(y[:, None], f.raw_predictions(est.params_), np.ones(N)) is f.loss
    assert f.value(est.params_) == pytest.approx(est.loss_, rel=1e-10)
    assert est.loss_ == est.starts_["loss"].min()
    assert len(est.loss_curve_) == est.n_iter_ + 1
    assert np.abs(f.gradient(est.params_)).max() < 1e-8


def test_choices():
    """The criteria prefer it where counts vary more, and only there; alpha may be chosen."""
    losses = {"loss": ["poisson", "negative_binomial"]}
    search = InformationCriterionSearch(net("poisson"), losses)
    assert search.fit(X, COUNTS, offset=OFFSET).best_params_["loss"] == "negative_binomial"
    even = np.random.default_rng(0).poisson(np.exp(RAW)).astype(float)
    assert search.fit(X, even, offset=OFFSET).best_params_["loss"] == "poisson"
    chosen = net("negative_binomial", alpha="auto").fit(X, COUNTS, offset=OFFSET)
    own = net("negative_binomial", alpha=chosen.alpha_).fit(X, COUNTS, offset=OFFSET)
    agree(chosen.params_, own.params_, 1e-8)


def test_no_more_variance_than_poisson():
    """The overdispersion ends at its lower limit, and the net is that of Poisson."""
    y = np.round(np.exp(RAW))
    found = net("negative_binomial").fit(X, y, offset=OFFSET)
    assert found.loss_parameters_["overdispersion"] == pytest.approx(1e-6)
    agree(found.params_, net("poisson").fit(X, y, offset=OFFSET).params_, 1e-4)
    assert net("poisson").fit(X, y).loss_parameters_ == {}


@pytest.mark.parametrize("name", ["tweedie", "negative_binomial"])
def test_refused_targets(name):
    with pytest.raises(ValueError, match=f"{name} needs targets of at least 0"):
        net(name).fit(X, COUNTS - 1.0)
    assert not LOSSES[name].for_classes
