"""Influence of single rows against statsmodels, refits without them, and a plain formula."""

import pickle

import numpy as np
import pytest
from inference_cases import classes, counts, net, radial, regression, several, three
from numpy.testing import assert_allclose
from statsmodels_pairs import ONE_LOGIT, pair, sm

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus import NormPenalty

FAMILIES = {"Logit": sm.families.Binomial, "Poisson": sm.families.Poisson}


def theirs(name):
    """Statsmodels' influence, and which of its rows are the first of equal ones."""
    of = pair(name)
    if name in ONE_LOGIT:
        family = FAMILIES[name.removeprefix("repeated ")]()
        fit = sm.GLM(of.model.endog, of.model.exog, family=family).fit(tol=1e-13)
    else:
        fit = of.model.fit()
    rows = np.arange(len(of.model.endog))
    if of.frequency:
        rows = np.r_[0, np.cumsum(of.weight)[:-1]]
    return fit.get_influence(), rows


@pytest.mark.parametrize("name", ["OLS", "repeated OLS"])
def test_linear_models(name):
    other, rows = theirs(name)
    found = pair(name).ours().influence()
    assert_allclose(found.hat_matrix_diag, other.hat_matrix_diag[rows], rtol=1e-9)
    assert_allclose(found.cooks_distance, other.cooks_distance[0][rows], rtol=1e-8, atol=1e-12)
    assert_allclose(found.resid_studentized, other.resid_studentized_internal[rows], rtol=1e-8)
    external = other.resid_studentized_external[rows]
    assert_allclose(found.resid_studentized_external, external, rtol=1e-8)
    assert_allclose(found.d_params, other.dfbeta[rows], rtol=1e-7, atol=1e-10)
    assert_allclose(found.dfbetas, other.dfbetas[rows], rtol=1e-7, atol=1e-10)
    press = np.asarray(other.resid_press)[rows]
    assert_allclose(pair(name).y - found.loo_predictions, press, rtol=1e-8, atol=1e-10)
    assert_allclose(found.loo_losses, 0.5 * press**2, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", ONE_LOGIT)
def test_generalised_linear_models(name):
    other, rows = theirs(name)
    found = pair(name).ours().influence()
    assert_allclose(found.hat_matrix_diag, other.hat_matrix_diag[rows], rtol=1e-7)
    assert_allclose(found.cooks_distance, other.cooks_distance[0][rows], rtol=1e-6, atol=1e-10)
    assert_allclose(found.resid_studentized, other.resid_studentized[rows], rtol=1e-6)
    assert_allclose(found.d_params, other.d_params[rows], rtol=1e-6, atol=1e-9)
    assert_allclose(found.dfbetas, other.dfbetas[rows], rtol=1e-6, atol=1e-8)
    assert np.isnan(found.resid_studentized_external).all()


CASES = {
    "one unit": lambda: (net(alpha=0.1, n_init=1), *regression()),
    "standardised": lambda: (net(alpha=0.1, n_init=1, standardize=True), *regression()),
    "two outputs": lambda: (net(alpha=0.1, n_init=1), *several()),
    "three classes": lambda: (classes(alpha=0.3, n_init=1), *three(100)),
    "counts": lambda: (net(alpha=0.1, n_init=1, loss="poisson"), *counts()),
    "mixed penalty": lambda: (net(alpha=0.1, n_init=1, penalties=NormPenalty(0.2)), *regression()),
    "bumps": lambda: (radial(alpha=0.1), *regression()),
}


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize("kind", ["frequency", "precision", "sampling"])
@pytest.mark.parametrize("case", CASES)
def test_plain_formula(case, kind):
    """H without the curvature of a row, solved for its gradient; each row by itself."""
    est, X, y = CASES[case]()
    weight = np.random.default_rng(0).integers(1, 4, len(X)).astype(float)
    cov_type = "HC0" if kind == "sampling" else "hessian"
    results = est.fit(X, y, weight).inference(X, y, weight, cov_type, weight_type=kind)
    found, f, w = results.influence(), results.information.objective, results.information.params
    H = f.weight_sum * f.hessian(w)
    for i in (0, 11, 42):
        row = replace_data(f, i)
        taken = 1.0 if kind == "frequency" else weight[i]
        G, g = taken * row.hessian(w, "gauss-newton"), taken * row.gradient(w)
        # Softmax outputs have a common shift, which H does not determine.
        moved = np.linalg.lstsq(H - G, g, rcond=1e-12)[0]
        assert_allclose(found.d_params[i], -results.reported.change(moved[None])[0], rtol=1e-7)
        leverage = np.trace(np.linalg.lstsq(H, G, rcond=1e-12)[0])
        assert found.hat_matrix_diag[i] == pytest.approx(leverage, rel=1e-8)


def replace_data(f, i):
    """The mean loss of one row, without penalties."""
    alone = f.on(f.samples[[i]], f.targets[[i]])
    return type(f)(alone.network, alone.loss, alone.samples, alone.targets)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("make", [regression, several], ids=["one output", "two outputs"])
def test_linear_nets_without_a_row(make, standardize):
    """With the penalty in the units of the whole table, which is that of the fit."""
    X, y = make(n=25)
    results = NewtonMLPRegressor((), alpha=0.7, standardize=standardize).fit(X, y).inference(X, y)
    found, f = results.influence(), results.information.objective
    for i in (0, 7, 24):
        kept = np.arange(25) != i
        less = f.on(f.samples[kept], f.targets[kept])
        # One Newton step is the minimum of a quadratic function.
        w = results.information.params
        moved = -np.linalg.solve(less.hessian(w), less.gradient(w))
        assert_allclose(found.d_params[i], -results.reported.change(moved[None])[0], atol=1e-12)
        if not standardize:
            refit = NewtonMLPRegressor((), alpha=0.7, standardize=False).fit(X[kept], y[kept])
            assert_allclose(found.loo_predictions[i], refit.predict(X[[i]])[0], atol=1e-9)


def test_nets_without_a_row():
    """One step is near the refit, and names the row that is wrong."""
    X, y = regression(n=60)
    y[17] += 3.0
    est = net(alpha=0.1).fit(X, y)
    found = est.inference(X, y).influence()
    start = est.set_params(warm_start=True)
    refits = []
    for i in range(60):
        kept = np.arange(60) != i
        refits.append(clone_fitted(start).fit(X[kept], y[kept]).predict(X[[i]])[0])
    assert np.corrcoef(y - found.loo_predictions, y - refits)[0, 1] > 0.99
    assert found.cooks_distance.argmax() == 17
    assert found.resid_studentized_external.argmax() == 17


def clone_fitted(est):
    return pickle.loads(pickle.dumps(est))


def test_rows_of_weight_zero_have_no_line():
    X, y = regression(n=30)
    weight = np.ones(30)
    weight[:5] = 0.0
    est = net(alpha=0.1, n_init=1).fit(X, y, weight)
    found = est.inference(X, y, weight).influence()
    other = net(alpha=0.1, n_init=1).fit(X[5:], y[5:]).inference(X[5:], y[5:]).influence()
    assert_allclose(found.cooks_distance, other.cooks_distance, rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_no_influence_at_no_minimum():
    X, y = regression()
    results = net((2,), alpha=0.0, max_iter=2, n_init=1).fit(X, y).inference(X, y)
    found = results.influence()
    assert found.reason == results.diagnosis[0]
    for values in (found.hat_matrix_diag, found.d_params, found.cooks_distance, found.loo_losses):
        assert np.isnan(values).all()


def test_frame():
    pd = pytest.importorskip("pandas")
    X, y = regression(n=30)
    results = net((), n_init=1).fit(X, y).inference(X, y)
    frame = results.influence().summary_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame)[:2] == ["dfb_coefs_0[x0, y]", "dfb_coefs_0[x1, y]"]
    assert list(frame)[4:] == [
        "cooks_d",
        "hat_diag",
        "standard_resid",
        "student_resid",
        "loo_loss",
    ]
    assert len(frame) == 30


def test_constant_targets_and_rows_without_which_nothing_is_left():
    X, _ = regression()
    model = NewtonMLPRegressor((1,), alpha=1.0, random_state=0)
    ones = np.ones(len(X))
    with pytest.warns(UserWarning, match="perfect"):
        found = model.fit(X, ones).inference(X, ones).influence()
    assert np.isnan(found.loo_score)
    few = X[:5], np.array([1.0, 2.0, 0.0, 5.0, 1.0])
    with pytest.warns(UserWarning, match="penalty takes much"):
        found = model.fit(*few).inference(*few).influence()
    assert found.resid_studentized_external.shape == (5,)
