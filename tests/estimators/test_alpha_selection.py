"""The record of how the strength of the penalty was chosen: its table and its figure."""

import copy
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_score

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.estimators import fit_of
from sknewtonnet.estimators._comparison import Comparison

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X[:, 0] - 0.5 * X[:, 1] + rng.normal(size=60)
NET = NewtonMLPRegressor((), standardize=True, alpha="auto", random_state=0).fit(X, Y)


def test_held_out_losses_are_those_of_ridge_regressions():
    """Of a net without hidden layers, on the same folds, in standardised columns."""
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    comparison = Comparison.of(fit_of(NET, X, Y).problem, seed)
    Z, z = comparison.rows.X, comparison.rows.Y[:, 0]
    found = NET.alpha_selection_
    assert len(comparison.folds) == found.n_folds
    for alpha, loss in zip(found.alphas, found.held_out_loss, strict=True):
        errors = -cross_val_score(
            RidgeCV(alphas=[alpha]), Z, z, cv=comparison.folds, scoring="neg_mean_squared_error"
        )
        assert_allclose(loss, 0.5 * errors.mean(), rtol=1e-8)


def test_the_figure_shows_each_strength_and_marks_the_chosen_one():
    plt = pytest.importorskip("matplotlib.pyplot")
    found = NET.alpha_selection_
    ax = found.plot()
    assert ax.get_xscale() == "log"
    curve, *_ = ax.containers[0]
    assert_allclose(curve.get_xydata(), np.column_stack([found.alphas, found.held_out_loss]))
    chosen = ax.lines[-1].get_xydata()
    loss = found.held_out_loss[found.alphas == found.alpha]
    assert_allclose(chosen, [[found.alpha, *loss]])
    assert found.plot(ax) is ax
    plt.close(ax.figure)


def test_without_matplotlib_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="needs matplotlib"):
        NET.alpha_selection_.plot()


def test_the_table_has_a_row_for_each_strength():
    pytest.importorskip("pandas")
    frame = NET.alpha_selection_.to_frame()
    assert list(frame.columns) == ["alpha", "held_out_loss", "std_error"]
    assert_allclose(frame["alpha"], NET.alpha_selection_.alphas)


@pytest.mark.parametrize(("alpha", "chosen"), [("auto", True), ("ard", True), (2.0, False)])
def test_the_inference_says_that_the_penalty_was_chosen_on_the_data(alpha, chosen):
    """And allows for another strength; only a covariance that assumes the prior does so."""
    net = NewtonMLPRegressor((), standardize=True, alpha=alpha, random_state=0).fit(X, Y)
    results = net.inference(X, Y)
    assert results.chosen_penalty is chosen
    assert ("penalty was chosen on these data" in " ".join(results.summary().split())) is chosen
    given = NewtonMLPRegressor((), standardize=True, alpha=net.alpha_, random_state=0).fit(X, Y)
    wider = results.std_errors > given.inference(X, Y).std_errors * (1.0 + 1e-6)
    assert wider[:-1].all() if chosen else not wider.any()
    own, theirs = (est.inference(X, Y, cov_type="HC3").std_errors for est in (net, given))
    assert_allclose(own, theirs, rtol=1e-6)
    assert not given.inference(X, Y).chosen_penalty


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize(("hidden", "rtol"), [((), 1e-6), ((3,), 1e-4)])
def test_errors_allow_for_a_strength_e_times_as_large_or_small(hidden, rtol):
    """The covariance grows by b b', b the derivative of the fit in log alpha, by refits."""
    net = NewtonMLPRegressor(hidden, random_state=0).fit(X, Y)
    results, h = net.inference(X, Y), 1e-3
    refit = NewtonMLPRegressor(hidden, alpha=net.alpha_, warm_start=True, random_state=0)
    ends = []
    for sign in (1.0, -1.0):
        other = copy.deepcopy(net).set_params(alpha=net.alpha_ * np.exp(sign * h), warm_start=True)
        ends.append(other.fit(X, Y).params_)
    slope = (ends[0] - ends[1]) / (2.0 * h)
    given = refit.fit(X, Y).inference(X, Y)
    assert_allclose(given.params, results.params, rtol=1e-6, atol=1e-8)
    scale = np.abs(results.covariance).max()
    expected = given.covariance + np.outer(slope, slope)
    assert_allclose(results.covariance, expected, rtol=0.0, atol=rtol * scale)
    assert np.outer(slope, slope).max() > 10.0 * rtol * scale
    assert_allclose(
        net.predict(X[:5], return_std=True)[1], results.get_prediction(X[:5]).se, rtol=1e-8
    )
    assert_allclose(results.slope_test("x0").p_value, given.slope_test("x0").p_value, rtol=1e-3)
