"""Covariances and criteria of nets with hidden units, against slow and obvious sums."""

import signal
import tracemalloc
import warnings

import numpy as np
import pytest
from inference_cases import (
    CASES,
    LABELS,
    N,
    binary,
    classes,
    fitted,
    net,
    one_unit,
    regression,
    three,
    two_units,
)
from inference_oracles import (
    MODEL_BASED,
    ROBUST,
    Inference,
    agree,
    agree_covariances,
    differenced_hessian,
    tanh_net,
)
from numpy.testing import assert_array_equal
from penalty_cases import Fused
from scipy.linalg import null_space
from scipy.optimize import curve_fit

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.inference import infer

pytestmark = pytest.mark.filterwarnings("ignore:Weights that are no whole numbers:UserWarning")

COV_TYPES = (*MODEL_BASED, *ROBUST)
WEIGHTINGS = {
    "no weights": ("none", "frequency"),
    "frequency": ("any", "frequency"),
    "precision": ("any", "precision"),
}
each_case = pytest.mark.parametrize("name", CASES)
each_cov_type = pytest.mark.parametrize("cov_type", COV_TYPES)
each_weighting = pytest.mark.parametrize("weighting", WEIGHTINGS.values(), ids=WEIGHTINGS)


def groups_for(cov_type, n):
    """Return 17 labels, no numbers, for clusters alone."""
    if cov_type != "cluster":
        return {}
    labels = np.random.default_rng(9).integers(0, 17, n)
    return {"groups": np.array([f"town {label}" for label in labels])}


def run(name, cov_type="hessian", weighting=("none", "frequency")):
    """Run our inference on a case, and the oracle."""
    weights, weight_type = weighting
    est, X, y, weight = fitted(name, weights)
    groups = groups_for(cov_type, len(X))
    res = est.inference(X, y, weight, cov_type, weight_type=weight_type, **groups)
    return res, Inference(est, X, y, weight, weight_type), groups.get("groups")


# Model-based, against programs that know nothing of nets -----------------------------------


@pytest.mark.parametrize(("hidden", "mean"), [(1, one_unit), (2, two_units)])
@pytest.mark.parametrize("weights", ["none", "any"])
def test_gauss_newton_is_what_curve_fit_gives(hidden, mean, weights):
    X, y = regression(mean)
    weight = None if weights == "none" else np.random.default_rng(1).uniform(0.4, 2.5, N)
    est = net((hidden,)).fit(X, y, weight)

    def f(X, *w):
        return tanh_net(np.array(w), X, hidden)

    def jacobian(X, *w):
        steps = np.array(w) + 1e-30j * np.eye(len(w))
        return np.array([tanh_net(row, X, hidden).imag / 1e-30 for row in steps]).T

    sigma = None if weight is None else 1.0 / np.sqrt(weight)
    w, pcov = curve_fit(f, X, y, est.params_, sigma, jac=jacobian, xtol=1e-15, ftol=1e-15)
    res = est.inference(X, y, weight, "gauss-newton", weight_type="precision")
    assert res.identifiable
    agree(res.params, w)
    agree_covariances(res.covariance, pcov)


@pytest.mark.parametrize("name", ["one unit", "two units", "penalised", "binary"])
def test_hessian_by_differences(name):
    res, oracle, _ = run(name)
    est, X, _, _ = fitted(name)
    n_hidden = est.coefs_[0].shape[1]
    Y = oracle.problem.Y[:, 0]

    def deviation(w):
        raw = tanh_net(w, X, n_hidden)
        if name == "binary":
            return (np.log(1.0 + np.exp(raw)) - Y * raw).sum()
        return 0.5 * ((raw - Y) ** 2).sum()

    H0 = differenced_hessian(deviation, est.params_)
    penalty = np.where([n.startswith("coefs") for n in res.names], est.alpha, 0.0)
    bread = np.linalg.inv(H0 + np.diag(penalty))
    df = np.trace(bread @ H0)
    phi = 1.0 if name == "binary" else 2.0 * deviation(est.params_) / (N - df)
    assert res.effective_parameters == pytest.approx(df, rel=1e-7)
    assert res.dispersion == pytest.approx(phi, rel=1e-7)
    agree_covariances(res.covariance, phi * bread @ H0 @ bread)
    if name != "penalised":
        agree_covariances(res.covariance, phi * bread)
    bayesian = est.inference(X, fitted(name)[2], cov_type="bayesian")
    agree_covariances(bayesian.covariance, phi * bread)


# All of them, all cases ----------------------------------------------------------------------


@each_case
def test_parameters(name):
    res, oracle, _ = run(name)
    assert res.identifiable, res.diagnosis
    assert len(res.names) == len(oracle.T) == len(set(res.names))
    agree(res.params, oracle.T @ fitted(name)[0].params_, rtol=1e-12)
    agree(res.std_errors, np.sqrt(np.diag(res.covariance)), rtol=1e-12)
    agree(res.z_values, res.params / res.std_errors, rtol=1e-12)


@each_weighting
@each_cov_type
@each_case
def test_covariance(name, cov_type, weighting):
    res, oracle, groups = run(name, cov_type, weighting)
    assert res.n_obs == pytest.approx(oracle.n, rel=1e-12)
    agree_covariances(res.covariance, oracle.covariance(cov_type, groups))


@pytest.mark.parametrize("cov_type", ROBUST)
@pytest.mark.parametrize("name", ["one unit", "two outputs", "softmax", "poisson, penalised"])
def test_sampling_weights(name, cov_type):
    """The sandwich of precision weights; there is no likelihood."""
    res, _, groups = run(name, cov_type, ("any", "sampling"))
    est, X, y, weight = fitted(name, "any")
    oracle = Inference(est, X, y, weight, "precision")
    agree_covariances(res.covariance, oracle.covariance(cov_type, groups))
    assert res.n_obs == len(X)
    assert np.isnan([res.log_likelihood, res.aic, res.bic, res.aicc]).all()


@each_weighting
@each_case
def test_criteria(name, weighting):
    res, oracle, _ = run(name, weighting=weighting)
    assert res.effective_parameters == pytest.approx(oracle.df, rel=1e-7)
    assert res.dispersion == pytest.approx(oracle.dispersion, rel=1e-7)
    assert res.log_likelihood == pytest.approx(oracle.log_likelihood, rel=1e-9)
    for criterion, expected in oracle.criteria().items():
        assert getattr(res, criterion) == pytest.approx(expected, rel=1e-6), criterion


@each_cov_type
@pytest.mark.parametrize(
    "name",
    ["two units", "penalised", "two outputs, penalised", "poisson", "gamma", "softmax", "radial"],
)
def test_frequency_weights_are_repeated_rows(name, cov_type):
    est, X, y, weight = fitted(name, "whole")
    groups = groups_for(cov_type, len(X))
    short = est.inference(X, y, weight, cov_type, **groups)
    rows = np.repeat(np.arange(len(X)), weight.astype(int))
    groups = {key: labels[rows] for key, labels in groups.items()}
    long = est.inference(X[rows], y[rows], cov_type=cov_type, **groups)
    agree_covariances(short.covariance, long.covariance, rtol=1e-9)
    agree(short.p_values, long.p_values, rtol=1e-8)
    for value in ("n_obs", "df_resid", "dispersion", "log_likelihood", "effective_parameters"):
        assert getattr(short, value) == pytest.approx(getattr(long, value), rel=1e-9), value
    for criterion in ("aic", "aicc", "bic", "nic", "tic", "gcv"):
        expected = getattr(long, criterion)
        assert getattr(short, criterion) == pytest.approx(expected, rel=1e-9), criterion


@pytest.mark.parametrize("name", ["one unit", "two outputs", "poisson", "gamma"])
def test_tests_with_frequency_weights_are_those_of_repeated_rows(name):
    est, X, y, weight = fitted(name, "whole")
    rows = np.repeat(np.arange(len(X)), weight.astype(int))
    short, long = est.inference(X, y, weight), est.inference(X[rows], y[rows])
    for test in (
        lambda res: res.wald_test("x2"),
        lambda res: res.likelihood_ratio_test("x2"),
        lambda res: res.score_test("x2"),
        lambda res: res.score_test("x2", robust=True),
        lambda res: res.hidden_unit_test(),
        lambda res: res.hidden_unit_test("taylor", robust=False),
    ):
        one, other = test(short), test(long)
        assert one.df == pytest.approx(other.df, rel=1e-9)
        assert one.reason == other.reason
        assert one.statistic == pytest.approx(other.statistic, rel=1e-6, nan_ok=bool(one.reason))
        assert one.p_value == pytest.approx(other.p_value, rel=1e-5, nan_ok=bool(one.reason))


# Softmax -------------------------------------------------------------------------------------


def of_last_layer(est):
    return len(est.coefs_) - 1


@each_cov_type
@pytest.mark.parametrize("skip", [False, "input-output"])
def test_softmax_does_not_depend_on_the_class_that_is_shifted(cov_type, skip):
    """A number added to the coefficients of all classes is no difference between two."""
    X, y = three()
    est = classes(skip_connections=skip).fit(X, y)
    groups = groups_for(cov_type, len(X))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Inference: ")
        expected = est.inference(X, y, cov_type=cov_type, **groups)
        arrays = est.objective(X, y).network.layout.unpack(est.params_)
        last = of_last_layer(est)
        for name in (f"coefs_{last}", f"intercepts_{last}"):
            arrays[name] = arrays[name] - arrays[name][..., 1:2]  # the second class at zero
        est.params_ = est.objective(X, y).network.layout.pack(arrays)
        found = est.inference(X, y, cov_type=cov_type, **groups)
    assert found.names == expected.names
    agree(found.params, expected.params, rtol=1e-9)
    agree_covariances(found.covariance, expected.covariance)
    assert found.effective_parameters == pytest.approx(expected.effective_parameters, rel=1e-9)
    assert found.identifiable == expected.identifiable


@each_cov_type
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_contrasts_with_another_class(cov_type, alpha):
    """With classes in another order the contrasts are differences of the first ones."""
    X, y = three()
    renamed = {"ash": "2 ash", "elm": "1 elm", "fir": "3 fir"}
    est = classes(alpha=alpha).fit(X, y)
    groups = groups_for(cov_type, len(X))
    first = est.inference(X, y, cov_type=cov_type, **groups)
    turned_y = np.array([renamed[label] for label in y])
    turned = classes(alpha=alpha).fit(X, turned_y)
    layout = turned.objective(X, turned_y).network.layout
    arrays = est.objective(X, y).network.layout.unpack(est.params_)
    for name in ("coefs_1", "intercepts_1"):
        arrays[name] = arrays[name][..., [1, 0, 2]]
    turned.params_ = layout.pack(arrays)
    second = turned.inference(X, turned_y, cov_type=cov_type, **groups)
    ash, elm, fir = LABELS
    L = np.eye(len(first.names))
    position = {name: k for k, name in enumerate(first.names)}
    for row, name in enumerate(second.names):
        before, _, others = name.rpartition("[")
        if name.startswith(("coefs_1", "intercepts_1")):
            unit = "h0, " if name.startswith("coefs_1") else ""
            to_elm = position[f"{before}[{unit}{elm} - {ash}]"]
            L[row] = 0.0
            L[row, to_elm] = -1.0
            if "3 fir" in others:
                L[row, position[f"{before}[{unit}{fir} - {ash}]"]] = 1.0
    agree(second.params, L @ first.params, rtol=1e-9)
    agree_covariances(second.covariance, L @ first.covariance @ L.T)


# Constraints ---------------------------------------------------------------------------------

CONSTRAINED = {
    "frozen at zero": {"bounds": {"coefs_0[x2, h0]": (0.0, 0.0)}},
    "frozen elsewhere": {"bounds": {"intercepts_1": (0.3, 0.3), "coefs_0[x1, h0]": (-0.6, -0.6)}},
    "at a bound": {"bounds": {"coefs_0[x0, h0]": (-0.9, 0.9)}},
    "opposite": {
        "linear_constraints": [({"coefs_0[x1, h0]": 1.0, "coefs_0[x2, h0]": 1.0}, 0.0, 0.0)]
    },
}


@pytest.mark.parametrize("alpha", [0.0, 0.2])
@each_cov_type
@pytest.mark.parametrize("constraint", CONSTRAINED)
def test_active_constraints(constraint, cov_type, alpha):
    X, y = regression()
    est = net(alpha=alpha, **CONSTRAINED[constraint]).fit(X, y)
    names = est.objective(X, y).network.layout.names
    rows = {
        "frozen at zero": ["coefs_0[x2, h0]"],
        "frozen elsewhere": ["intercepts_1[y]", "coefs_0[x1, h0]"],
        "at a bound": ["coefs_0[x0, h0]"],
        "opposite": [],
    }[constraint]
    A = np.eye(len(names))[[names.index(row) for row in rows]]
    if not rows:
        A = np.zeros((1, len(names)))
        A[0, [names.index("coefs_0[x1, h0]"), names.index("coefs_0[x2, h0]")]] = 1.0
    groups = groups_for(cov_type, len(X))
    oracle = Inference(est, X, y)
    oracle.Z = null_space(A)
    res = est.inference(X, y, cov_type=cov_type, **groups)
    assert res.effective_parameters == pytest.approx(oracle.df, rel=1e-7)
    expected = oracle.covariance(cov_type, groups.get("groups"))
    free = [k for k, name in enumerate(names) if name not in rows]
    agree_covariances(res.covariance[np.ix_(free, free)], expected[np.ix_(free, free)])
    held = [k for k, name in enumerate(names) if name in rows]
    # No inference about a parameter that is held: no error, or none that is known.
    agree(np.nan_to_num(res.covariance[held]), np.zeros((len(held), len(names))))
    assert np.isnan(res.p_values[held]).all()


@pytest.mark.parametrize("test", ["wald_test", "likelihood_ratio_test", "score_test"])
@pytest.mark.parametrize("hypothesis", ["intercepts_1[y]", "x1", ["x0", "x1"]])
def test_held_parameters_cannot_be_tested(hypothesis, test):
    """They are not zero, whatever the data say."""
    X, y = regression()
    est = net(**CONSTRAINED["frozen elsewhere"]).fit(X, y)
    found = getattr(est.inference(X, y), test)(hypothesis)
    assert np.isnan(found.statistic)
    assert np.isnan(found.p_value)
    assert "held" in found.reason


@pytest.mark.parametrize("test", ["wald_test", "likelihood_ratio_test", "score_test"])
def test_nothing_can_be_tested_where_all_is_held(test):
    X, y = regression()
    held = {"coefs_0": (1.0, 1.0), "intercepts_0": (0.0, 0.0)}
    found = getattr(net((), bounds=held).fit(X, y).inference(X, y), test)("x1")
    assert np.isnan(found.p_value)
    assert "held" in found.reason


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no alarm clock")
def test_held_parameters_have_no_profile():
    def late(*_):
        raise AssertionError("it never ends")

    X, y = regression()
    res = net(**CONSTRAINED["frozen elsewhere"]).fit(X, y).inference(X, y)
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    try:
        found = res.profile_interval(["intercepts_1[y]", "coefs_0[x0, h0]"])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert np.isnan(found["intercepts_1[y]"]).all()
    assert np.isfinite(found["coefs_0[x0, h0]"]).all()


@pytest.mark.parametrize("cov_type", ["hessian", "HC3"])
def test_frozen_at_zero_is_not_there(cov_type):
    X, y = regression()
    mask = np.array([[True], [True], [False]])
    frozen = net(**CONSTRAINED["frozen at zero"]).fit(X, y).inference(X, y, cov_type=cov_type)
    masked = net(connectivity={"coefs_0": mask}).fit(X, y).inference(X, y, cov_type=cov_type)
    free = [list(frozen.names).index(name) for name in masked.names]
    agree(np.abs(frozen.params[free]), np.abs(masked.params))
    agree(frozen.std_errors[free], masked.std_errors)
    for value in ("log_likelihood", "aic", "bic", "nic", "df_resid", "dispersion"):
        assert getattr(frozen, value) == pytest.approx(getattr(masked, value), rel=1e-7), value


def test_huber_sandwich():
    X, y = regression()
    est = NewtonMLPRegressor((), loss="pseudo_huber", alpha=0.0, standardize=False).fit(X, y)
    oracle = Inference(est, X, y)
    for cov_type in ROBUST:
        groups = groups_for(cov_type, N)
        found = est.inference(X, y, cov_type=cov_type, **groups).covariance
        agree_covariances(found, oracle.covariance(cov_type, groups.get("groups")))


@pytest.mark.parametrize(
    ("params", "given", "kind"),
    [
        ({}, {}, "hessian"),
        ({"alpha": 0.1}, {}, "bayesian"),
        ({"penalties": Fused(0.5)}, {}, "bayesian"),
        ({}, {"groups": np.arange(N) % 12}, "cluster"),
        ({"alpha": 0.1}, {"groups": np.arange(N) % 12}, "cluster"),
        ({}, {"weight_type": "sampling"}, "HC3"),
        ({}, {"weight_type": "sampling", "groups": np.arange(N) % 12}, "cluster"),
        ({"alpha": 0.1, "loss": "pseudo_huber"}, {}, "HC3"),
    ],
)
def test_the_default_is_the_right_kind(params, given, kind):
    X, y = regression()
    est = net((), **params).fit(X, y)
    found, asked = est.inference(X, y, **given), est.inference(X, y, cov_type=kind, **given)
    assert found.cov_type == kind
    assert_array_equal(found.covariance, asked.covariance)
    assert infer(est.objective(X, y), est.params_, **given).cov_type == kind


def test_class_weights_have_a_sandwich():
    X, y = binary()
    est = classes((), class_weight="balanced", alpha=0.1).fit(X, y)
    assert est.inference(X, y).cov_type == "HC3"


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@pytest.mark.parametrize("cov_type", ["HC0", "HC1", "HC2", "HC3", "cluster"])
def test_sandwiches_take_one_array_of_rows_by_parameters(cov_type):
    """Of one output: the scores, or the Jacobian; all else is worked out a block at a time."""
    n = 12000
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 6))
    y = X[:, 0] + rng.normal(size=n)
    net = NewtonMLPRegressor((5,), alpha=500.0, tol=1e-7, random_state=0).fit(X, y)
    groups = np.arange(n) // 10 if cov_type == "cluster" else None
    results = net.inference(X, y, cov_type=cov_type, groups=groups)
    tracemalloc.start()
    assert np.isfinite(results.std_errors).all()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.7 * 8 * n * len(net.params_)
