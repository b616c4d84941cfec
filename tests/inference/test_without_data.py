"""Results without data: what has been worked out stays, what needs the data says so."""

import pickle

import numpy as np
import pytest
from inference_cases import classes, counts, net, radial, regression, several, three
from numpy.testing import assert_array_equal

pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")

CASES = {
    "numbers": (net(alpha=0.1, n_init=1), regression, {}),
    "standardised": (net(alpha=0.1, n_init=1, standardize=True), regression, {"cov_type": "HC3"}),
    "clusters": (
        net(alpha=0.1, n_init=1),
        regression,
        {"cov_type": "cluster", "groups": np.arange(120) // 4},
    ),
    "counts": (net(alpha=0.1, n_init=1, loss="poisson"), counts, {}),
    "two outputs": (net(alpha=0.1, n_init=1), several, {}),
    "classes": (classes(alpha=0.3, n_init=1), three, {}),
    "bumps": (radial(alpha=0.1), regression, {}),
}
NUMBERS = (
    *("params", "names", "std_errors", "p_values", "conf_int", "reasons", "diagnosis"),
    *("log_likelihood", "aic", "aicc", "bic", "nic", "tic", "gcv", "objective_value"),
    *("n_obs", "df_resid", "dispersion", "effective_parameters", "feature_importance", "summary"),
)
NEED_DATA = {
    "likelihood ratio": lambda r: r.likelihood_ratio_test("x0"),
    "score": lambda r: r.score_test("x0"),
    "hidden unit": lambda r: r.hidden_unit_test(),
    "profile": lambda r: r.profile_interval(r.names[0]),
    "effects": lambda r: r.marginal_effects(),
    "curve": lambda r: r.partial_effect("x0"),
    "influence": lambda r: r.influence(),
}


def shown(results, name):
    value = getattr(results, name)
    return str(value() if callable(value) else value)


@pytest.mark.parametrize("case", CASES)
def test_what_is_known_stays_and_no_row_travels(case):
    est, data, options = CASES[case]
    X, y = data()
    results = est.fit(X, y).inference(X, y, **options)
    file = pickle.dumps(results.without_data())
    sent = pickle.loads(file)
    for name in NUMBERS:
        assert shown(sent, name) == shown(results, name), name
    assert_array_equal(sent.covariance, results.covariance)
    new = np.random.default_rng(1).normal(size=(4, 3))
    for name in ("mean", "se", "confidence_interval"):
        found, wanted = (getattr(r.get_prediction(new), name) for r in (sent, results))
        assert_array_equal(found, wanted)
    assert str(sent.wald_test("x0")) == str(results.wald_test("x0"))
    for objective in (results.information.objective, results._table):
        rows = np.column_stack([objective.samples, objective.targets])
        # 0 and 1, as of classes, are everywhere.
        kept = [x for x in rows.ravel() if x not in (0.0, 1.0) and x.tobytes() in file]
        assert not kept or case == "counts"
    assert results.information.objective.samples.shape == X.shape


@pytest.mark.parametrize("ask", NEED_DATA.values(), ids=NEED_DATA)
def test_what_needs_the_data_says_so(ask):
    X, y = regression()
    results = net(n_init=1).fit(X, y).inference(X, y)
    ask(results)
    with pytest.raises(AttributeError, match="data have been left out"):
        ask(results.without_data())


def test_an_objective_without_data():
    X, y = regression()
    f = net(n_init=1).fit(X, y).objective(X, y)
    empty = f.without_data()
    assert empty.n_samples == f.n_samples
    for ask in (lambda: empty.samples, lambda: empty.hessian(np.zeros(f.n_parameters))):
        with pytest.raises(AttributeError, match="left out"):
            ask()
    with pytest.raises(AttributeError, match="'Objective' object has no attribute 'sample'"):
        _ = empty.sample
