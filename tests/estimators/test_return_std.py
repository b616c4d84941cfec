"""predict(X, return_std=True): standard errors without the data, and their gradients."""

import pickle
import warnings

import numpy as np
import pytest
from inference_cases import bumps, counts, net, plane, positive, radial, regression, several
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import NormPenalty

CASES = {
    "line": (lambda **o: net((), n_init=1, **o), regression),
    "one unit": (lambda **o: net(n_init=2, **o), regression),
    "penalised": (lambda **o: net((2,), alpha=0.3, n_init=1, **o), regression),
    "two outputs": (lambda **o: net(n_init=2, **o), several),
    "two outputs, penalised": (lambda **o: net(alpha=0.2, n_init=1, **o), several),
    "counts": (lambda **o: net(alpha=0.1, n_init=1, loss="poisson", **o), counts),
    "gamma": (lambda **o: net(n_init=2, loss="gamma", **o), positive),
    "robust": (lambda **o: net(alpha=0.1, n_init=1, loss="pseudo_huber", **o), regression),
    "norms": (lambda **o: net((2,), penalties=NormPenalty(2.0), n_init=1, **o), regression),
    "held": (lambda **o: net(bounds={"coefs_0[x0, h0]": (-0.9, 0.9)}, **o), regression),
    "bumps": (lambda **o: radial(**{"alpha": 0.05, "n_init": 2} | o), plane),
}


def fitted(case, standardize, weight=None):
    make, data = CASES[case]
    X, y = data()
    options = {"standardize": standardize}
    return make(**options).fit(X, y, weight), X, y


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_errors_are_those_of_inference(case, standardize):
    est, X, y = fitted(case, standardize)
    new = np.vstack([X[:4], 2.0 * X[4:7]])
    mean, std = est.predict(new, return_std=True)
    expected = est.inference(X, y).get_prediction(new)
    assert_array_equal(mean, est.predict(new))
    assert std.shape == mean.shape
    assert_allclose(std, expected.se, rtol=1e-7)
    assert (std > 0).all()


@pytest.mark.parametrize("standardize", [False, True])
def test_weights_of_the_fit_count_rows(standardize):
    X, y = regression()
    weight = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
    est = net(n_init=2, standardize=standardize).fit(X, y, weight)
    expected = est.inference(X, y, weight).get_prediction(X).se
    assert_allclose(est.predict(X, return_std=True)[1], expected, rtol=1e-7)


def test_offsets_move_the_errors_of_counts():
    X, y = counts()
    offset = np.linspace(-1.0, 1.0, len(X))
    est = net(n_init=2, loss="poisson").fit(X, y, offset=offset)
    mean, std = est.predict(X, True, offset)
    found = est.inference(X, y, offset=offset).get_prediction(X, offset=offset)
    assert_allclose(mean, found.mean, rtol=1e-9)
    assert_allclose(std, found.se, rtol=1e-7)
    with pytest.warns(UserWarning, match="fitted with an offset"):
        plain = est.predict(X, return_std=True)[1]
    assert_allclose(std, plain * np.exp(offset), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:Inference:UserWarning")
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("case", [name for name in CASES if name != "held"])
def test_gradients_of_errors(case, standardize):
    """Against fourth-order differences."""
    est, X, _ = fitted(case, standardize)
    new = X[:5] + 0.1
    found = est.input_derivatives(new, of="std")
    step, columns = 1e-3, []
    for j in range(X.shape[1]):

        def at(times, j=j):
            return est.predict(new + times * step * np.eye(X.shape[1])[j], return_std=True)[1]

        columns.append((8.0 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12.0 * step))
    expected = np.stack(columns, axis=-1)
    assert found.shape == expected.shape
    assert_allclose(found, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())


def test_gradients_with_an_offset():
    X, y = counts()
    offset = np.linspace(-1.0, 1.0, len(X))
    est = net(n_init=2, loss="poisson").fit(X, y, offset=offset)
    found = est.input_derivatives(X[:3], of="std", offset=offset[:3])
    plain = est.input_derivatives(X[:3], of="std", offset=0.0)
    assert_allclose(found, plain * np.exp(offset[:3, None]), rtol=1e-9)


def test_copies_and_pickles_know_the_errors():
    X, y = regression()
    est = net(n_init=2).fit(X, y)
    std = est.predict(X[:5], return_std=True)[1]
    data = pickle.dumps(est)
    assert_array_equal(pickle.loads(data).predict(X[:5], return_std=True)[1], std)
    size = est.params_.size
    without = pickle.dumps(NewtonMLPRegressor((1,), alpha=0.0).set_params(**est.get_params()))
    assert len(data) < len(without) + 40_000 + 10 * 8 * size**2


def test_a_column_of_targets_keeps_its_shape():
    X, y = regression(n=40)
    mean, std = net((), n_init=1).fit(X, y[:, None]).predict(X, return_std=True)
    assert mean.shape == std.shape == (40, 1)


def test_in_a_pipeline_and_in_cross_validation():
    X, y = regression(n=40)
    model = make_pipeline(StandardScaler(), net((), n_init=1)).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert_allclose(std, net((), n_init=1).fit(X, y).predict(X, return_std=True)[1], rtol=1e-7)
    assert cross_val_predict(net((), n_init=1), X, y, cv=3).shape == mean.shape


def test_default_estimator_without_warnings():
    """An over-sized net whose mean is known, whatever its weights."""
    X, y = regression(n=60)
    est = NewtonMLPRegressor(random_state=0, alpha=0.5).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        std = est.predict(X, return_std=True)[1]
    assert np.isfinite(std).all()


# Where there are none ----------------------------------------------------------------------------


def none_of(est, X, match):
    with pytest.warns(UserWarning, match=match):
        mean, std = est.predict(X, return_std=True)
    assert np.isfinite(mean).all()
    assert np.isnan(std).all()
    with pytest.warns(UserWarning, match=match):
        assert np.isnan(est.input_derivatives(X, of="std")).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_no_errors_where_the_fit_has_not_converged():
    X, y = regression()
    none_of(net((2,), max_iter=2, n_init=1).fit(X, y), X, "not stationary")


def test_no_errors_of_very_many_parameters():
    X, y = regression(n=30)
    est = net((250,), alpha=1.0, n_init=1, max_iter=3, solver="l-bfgs-b")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        est.fit(X, y)
    none_of(est, X[:3], "covariance of 1251 parameters is not kept, only up to 1000")


def test_no_errors_of_several_outputs_of_very_many_rows(monkeypatch):
    """Their covariance takes the derivatives of all predictions, that of one output does not."""
    monkeypatch.setattr("sknewtonnet.estimators._prediction_errors._MOST_DERIVATIVES", 100)
    X, Y = several(40)
    none_of(net((), n_init=1).fit(X, Y), X, "table is too large to work them out in passing")
    one = net((), n_init=1).fit(X, Y[:, 0])
    assert (one.predict(X, return_std=True)[1] > 0).all()


def test_no_errors_without_degrees_of_freedom():
    X = np.arange(3.0)[:, None]
    est = net((), n_init=1, alpha=0.0).fit(X[:2], X[:2, 0])
    none_of(est, X, "no degrees of freedom")


def test_means_that_the_data_do_not_determine():
    """Along an input that the data hold at a sum with another one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    X[:, 1] = 1.0 - X[:, 0]
    y = X[:, 0] + 0.1 * rng.normal(size=40)
    est = net((), n_init=1).fit(X, y)
    with pytest.warns(UserWarning, match="do not determine 1 of 2 means"):
        std = est.predict([[0.5, 0.5], [0.5, 0.7]], return_std=True)[1]
    assert std[0] > 0
    assert np.isnan(std[1])


@pytest.mark.parametrize(
    "options", [{"order": 2}, {"raw": True}, {"of": "error"}], ids=["order", "raw", "of"]
)
def test_refused(options):
    X, y = regression(n=30)
    est = net((), n_init=1).fit(X, y)
    with pytest.raises(ValueError, match=r"of(=| must)"):
        est.input_derivatives(X, **{"of": "std"} | options)


def test_an_offset_in_its_place_is_refused():
    X, y = regression(n=30)
    with pytest.raises(ValueError, match="return_std must be True or False"):
        net((), n_init=1).fit(X, y).predict(X, np.zeros(30))


def test_classifiers_have_none():
    X, y = regression(n=30)
    est = NewtonMLPClassifier((), alpha=1.0).fit(X, y > 0)
    with pytest.raises(ValueError, match="of a regressor"):
        est.input_derivatives(X, of="std")


def test_a_clone_has_none_and_refits_have_their_own():
    X, y = regression(n=40)
    est = net((), n_init=1).fit(X, y)
    first = est.predict(X, return_std=True)[1]
    second = clone(est).fit(X, y + bumps(X[:, :2])).predict(X, return_std=True)[1]
    assert (second > 1.5 * first).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_targets_whose_squares_leave_the_range_of_doubles():
    """No stray overflow in the fit; the reason is told where errors are asked for."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    Y = np.column_stack([1e-100 * y, 1e100 * y])
    net = NewtonMLPRegressor((2,), standardize=False, alpha=1.0, max_iter=50, random_state=0)
    with pytest.warns(UserWarning, match="standard deviations far from one"):
        net.fit(X, Y)
    with pytest.warns(UserWarning, match="the squares of the target leave the range of doubles"):
        assert np.isnan(net.predict(X, return_std=True)[1]).all()
