"""Each kind of finding is made of a net built for it, and of no right-sized net."""

import warnings

import numpy as np
import pytest
from estimator_cases import count_data, regression_data
from fitted_oracles import gradient, infer, quadratic_form, raw
from gate_cases import fit, kinds, net, placed, tanh_data
from numpy.testing import assert_allclose
from sklearn.datasets import load_linnerud
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import NormPenalty
from sknewtonnet.estimators import fit_of


def refused(est, X, y, **options):
    """Results that say so themselves, and come with one warning if no other fit is needed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        res = est.inference(X, y, **options)
    assert res.identifiable is False
    at_once = {f.kind for f in res.findings if f.severity != "note"} - {"over-sized"}
    assert [str(warning.message)[:11] for warning in caught] == ["Inference: "] * bool(at_once)
    assert tuple(finding.message for finding in res.findings) == tuple(res.diagnosis) != ()
    assert_consistent(res)
    # No answer warns, and all are there.
    assert all(name in res.summary(parameters=True) for name in res.names)
    assert len(res.get_prediction(X[:3]).se) == len(X[:3])
    assert len(res.marginal_effects().names) == len(res.wald_test_features()) == X.shape[1]
    return res


def lost(res):
    """Parameters that the data do not determine."""
    return {name for name, e in zip(res.names, res.std_errors, strict=True) if np.isnan(e)}


def assert_consistent(res):
    """NaN has one meaning, and a reason, wherever it stands."""
    unknown = np.isnan(res.std_errors)
    left = {name for name, p in zip(res.names, res.p_values, strict=True) if np.isfinite(p)}
    assert left == set(res.names) - set(res.reasons)
    assert lost(res) <= set(res.reasons)
    assert all(isinstance(reason, str) and reason for reason in res.reasons.values())
    assert np.isfinite(res.params).all()
    for values in (res.z_values, res.conf_int()[:, 0], res.conf_int()[:, 1]):
        assert (np.isnan(values) == unknown).all()
    missing = np.isnan(np.diag(res.covariance))
    assert np.isnan(res.covariance[missing]).all()
    assert np.isnan(res.covariance[:, missing]).all()
    assert np.isfinite(res.covariance[np.ix_(~missing, ~missing)]).all()
    assert ((np.diag(res.covariance) < 0) == (unknown & ~missing)).all()


def all_lost(res):
    return bool(np.isnan(res.std_errors).all() and np.isnan(res.p_values).all())


# Right-sized nets -------------------------------------------------------------------------

RIGHT = {
    "one unit": lambda: (net(1), *tanh_data(0)),
    "one unit, other data": lambda: (net(1), *tanh_data(5)),
    "one unit, penalty": lambda: (net(1, alpha=0.5), *tanh_data(2)),
    "two units": lambda: (net(2), *tanh_data(0, 400, units=2)),
    "two units, penalty": lambda: (net(2, alpha=0.05), *tanh_data(3, 400, units=2)),
    "two units, few rows, little noise": lambda: (net(2), *tanh_data(0, 60, 2, sigma=0.1)),
    "logistic": lambda: (net(1, activation="logistic"), *tanh_data(0)),
    "linear": lambda: (net(), *regression_data()),
    "counts": lambda: (net(loss="poisson", alpha=3.0), *count_data()),
    "two classes": lambda: (
        NewtonMLPClassifier((), alpha=0.0, standardize=False),
        *overlapping(2),
    ),
    "softmax": lambda: (NewtonMLPClassifier((), alpha=0.0, standardize=False), *overlapping(3)),
    "softmax, penalty": lambda: (
        NewtonMLPClassifier((), alpha=0.5, standardize=False),
        *overlapping(3),
    ),
    "softmax, hidden unit": lambda: (
        NewtonMLPClassifier((1,), alpha=0.0, n_init=6, random_state=0, standardize=False),
        *overlapping(3, 400),
    ),
}


def overlapping(n_classes, n=200):
    """Draw classes that no line separates, and that one tanh unit tells apart."""
    X, _ = tanh_data(0, n)
    rng = np.random.default_rng(1)
    score = 2.0 * np.tanh(1.2 * X[:, 0] - 0.8 * X[:, 1] + 0.3)
    logits = score[:, None] * np.array([0.0, 1.0, -0.7])[:n_classes]
    labels = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)
    return X, np.array(["a", "b", "c"])[labels]


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_right_sized_nets_pass_in_silence(make):
    est, X, y = make()
    res = est.fit(X, y).inference(X, y)  # a warning would be an error
    assert res.identifiable is True
    assert kinds(res) == set()
    assert not res.reasons
    assert np.isfinite(res.std_errors).all()
    assert_consistent(res)


# Units without work of their own ----------------------------------------------------------


def test_dead_and_constant_units_of_a_penalty():
    """Noise under a strong penalty: the second unit's coefficients end at zero."""
    X, y = tanh_data(0)
    y = np.random.default_rng(0).standard_normal(200)
    res = refused(net(2, alpha=50.0, n_init=1).fit(X, y), X, y)
    assert "dead unit" in kinds(res)
    found = [finding for finding in res.findings if finding.kind == "dead unit"]
    concerned = {name for finding in found for name in finding.parameters}
    assert concerned <= set(res.names)
    assert any("h0" in name for name in concerned)
    assert np.isnan(res.std_errors[[name.startswith("intercepts_0") for name in res.names]]).all()


def saturated():
    X, y = tanh_data(0)
    one = net(1).fit(X, y)
    est = placed(
        net(2),
        X,
        y,
        coefs_0=np.c_[one.coefs_[0], [0.1, 0.1, 0.1]],
        intercepts_0=np.r_[one.intercepts_[0], 40.0],
        coefs_1=np.r_[one.coefs_[1], [[0.7]]],
        intercepts_1=one.intercepts_[1] - 0.7,
    )
    return one, est, X, y


def test_saturated_unit_is_constant():
    one, est, X, y = saturated()
    res = refused(est, X, y)
    assert "constant unit" in kinds(res)
    expected = {"coefs_0[x0, h1]", "intercepts_0[h1]", "coefs_1[h1, y]", "intercepts_1[y]"}
    assert expected <= lost(res)
    # The other unit is as well determined as alone, and so are the predictions.
    kept = {"coefs_0[x0, h0]", "coefs_0[x1, h0]", "intercepts_0[h0]", "coefs_1[h0, y]"}
    assert not kept & lost(res)
    alone = one.inference(X, y)
    ratio = np.sqrt(res.dispersion / alone.dispersion)
    for name in kept:
        expected = ratio * alone.std_errors[alone.names.index(name)]
        assert_allclose(res.std_errors[res.names.index(name)], expected, rtol=1e-4)
    assert_allclose(res.get_prediction(X).se, ratio * alone.get_prediction(X).se, rtol=1e-4)


def test_unit_without_inputs_is_constant():
    X, y = tanh_data(0)
    est = net(2, connectivity={"coefs_0": np.array([[True, False]] * 3)}).fit(X, y)
    res = refused(est, X, y)
    assert "constant unit" in kinds(res)
    assert {"intercepts_0[h1]", "coefs_1[h1, y]", "intercepts_1[y]"} <= lost(res)
    assert not any("h0" in name for name in lost(res))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_duplicate_units(sign):
    """A penalty likes to share a height: two units become equal, or mirror images."""
    X, y = tanh_data(0)
    est = net(2, alpha=50.0, n_init=1).fit(X, y)
    arrays = fit_of(est).network.layout.unpack(est.params_)
    arrays["coefs_0"][:, 1] *= sign
    arrays["intercepts_0"][1] *= sign
    arrays["coefs_1"][1] *= sign
    est.params_ = fit_of(est).network.layout.pack(arrays)
    est.critical_point_ = "inconclusive"
    res = refused(est, X, y)
    assert "duplicate units" in kinds(res)
    assert "h0 and h1" in next(f.message for f in res.findings if f.kind == "duplicate units")


def test_duplicate_units_without_a_penalty_lose_their_coefficients():
    X, y = tanh_data(0)
    one = net(1).fit(X, y)
    est = placed(
        net(2),
        X,
        y,
        coefs_0=np.repeat(one.coefs_[0], 2, axis=1),
        intercepts_0=np.repeat(one.intercepts_[0], 2),
        coefs_1=np.repeat(one.coefs_[1] / 2, 2, axis=0),
        intercepts_1=one.intercepts_[1],
    )
    res = refused(est, X, y)
    assert "duplicate units" in kinds(res)
    assert {"coefs_1[h0, y]", "coefs_1[h1, y]"} <= lost(res)


# Directions without curvature -------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(), (1,)])
def test_collinear_inputs(sizes):
    X, y = tanh_data(0)
    X[:, 2] = 2.0 * X[:, 0]
    res = refused(net(*sizes).fit(X, y), X, y)
    assert "collinear inputs" in kinds(res)
    expected = {name for name in res.names if "[x0," in name or "[x2," in name}
    assert lost(res) == expected
    single = net(*sizes).fit(X[:, :2], y).inference(X[:, :2], y)
    prediction = res.get_prediction(X)
    assert np.isfinite(prediction.se).all()
    # The fit is that of two inputs; the dispersion may count the third.
    ratio = np.sqrt(res.dispersion / single.dispersion)
    assert 0.99 < ratio < 1.01
    assert_allclose(prediction.se, ratio * single.get_prediction(X[:, :2]).se, rtol=1e-6)
    kept = [name for name in res.names if name not in expected]
    for name in kept:
        position = single.names.index(name)
        error = res.std_errors[res.names.index(name)]
        assert_allclose(error, ratio * single.std_errors[position], rtol=1e-6)


def test_inputs_that_no_weight_leaves_are_not_collinear():
    X, y = tanh_data(0)
    X = np.column_stack([X, X[:, 1], np.ones(len(X))])
    read = np.array([[True], [True], [True], [False], [False]])
    est = net(1, connectivity={"coefs_0": read}).fit(X, y)
    res = est.inference(X, y)
    assert not {"collinear inputs", "constant input"} & kinds(res)
    assert res.identifiable


def test_names_in_findings_are_plain_text():
    X, y = tanh_data(0)
    X[:, 2] = 2.0 * X[:, 0]
    res = refused(net(1).fit(X, y), X, y)
    named = [name for finding in res.findings for name in finding.parameters]
    assert named
    assert {type(name) for name in named} == {str}


def test_scaling_symmetry_of_relu():
    X, y = tanh_data(0)
    est = net(1, activation="relu", n_init=1).fit(X, y)
    res = refused(est, X, y)
    assert "scaling symmetry" in kinds(res)
    assert lost(res) == {name for name in res.names if "h0" in name}
    assert np.isfinite(res.std_errors[res.names.index("intercepts_1[y]")])
    # The gradient of a prediction has no part along the symmetry.
    H = len(y) * est.objective(X, y).hessian(est.params_)
    rows = gradient(lambda w: raw(est, w, X[:20]), est.params_)[:, 0]
    expected = quadratic_form(rows, res.dispersion * np.linalg.pinv(H, rcond=1e-9, hermitian=True))
    assert_allclose(res.get_prediction(X[:20]).se, expected, rtol=1e-5)
    assert np.isfinite(res.marginal_effects(discrete=()).std_errors).all()


@pytest.mark.parametrize("penalty", [{"alpha": 0.5}, {"penalties": NormPenalty(0.5)}], ids=str)
def test_a_penalty_ends_the_scaling_symmetry(penalty):
    X, y = tanh_data(0)
    est = net(1, activation="relu", n_init=1, **penalty).fit(X, y)
    res = infer(est, X, y)
    assert "scaling symmetry" not in kinds(res)
    assert np.isfinite(res.std_errors).all()


@pytest.mark.parametrize("alpha", [0.0, 1e-8])
@pytest.mark.parametrize("sizes", [(), (1,)])
def test_separable_classes(sizes, alpha):
    X, _ = tanh_data(0)
    labels = X[:, 0] > 0.1
    est = fit(
        NewtonMLPClassifier(sizes, alpha=alpha, random_state=0, standardize=False), X, labels
    )
    res = refused(est, X, labels)
    assert "separation" in kinds(res)


def test_separable_classes_and_a_fit_that_was_cut_short():
    X, _ = tanh_data(0)
    labels = X[:, 0] > 0.1
    est = fit(NewtonMLPClassifier((), alpha=0.0, max_iter=12, standardize=False), X, labels)
    assert "separation" in kinds(refused(est, X, labels))


def test_three_separable_classes():
    X, _ = tanh_data(0)
    labels = np.digitize(X[:, 0], [-0.5, 0.5])
    est = fit(NewtonMLPClassifier((2,), alpha=0.0, random_state=0, standardize=False), X, labels)
    assert "separation" in kinds(refused(est, X, labels))


def test_the_shift_of_a_penalised_softmax_is_no_finding():
    X, y = overlapping(3)
    est = NewtonMLPClassifier((), alpha=0.5, standardize=False).fit(X, y)
    res = est.inference(X, y)
    assert res.identifiable
    assert not kinds(res) & {"singular direction", "over-sized", "scaling symmetry"}
    assert np.isfinite(res.std_errors).all()


# No minimum -------------------------------------------------------------------------------


@pytest.mark.parametrize(("max_iter", "kind"), [(2, "negative curvature"), (4, "not stationary")])
def test_a_fit_that_was_cut_short(max_iter, kind):
    X, y = tanh_data(0)
    with pytest.warns(ConvergenceWarning):
        est = net(1, max_iter=max_iter, n_init=1).fit(X, y)
    res = refused(est, X, y)
    assert kind in kinds(res)
    assert all_lost(res)
    assert set(res.reasons) == set(res.names)


def test_other_data_and_weights_have_another_minimum():
    est = net(1).fit(*tanh_data(0))
    counts = np.random.default_rng(0).integers(1, 4, 200).astype(float)
    for seed, weight in ((1, None), (0, counts)):
        res = refused(est, *tanh_data(seed), sample_weight=weight)
        assert "not stationary" in kinds(res)
        assert all_lost(res)


def test_negative_curvature():
    """A unit of zeros where one of two units is missing: from there it goes down."""
    X, y = tanh_data(0, units=2)
    one = net(1, alpha=0.5).fit(X, y)
    est = placed(
        net(2, alpha=0.5, n_init=1),
        X,
        y,
        coefs_0=np.c_[one.coefs_[0], np.zeros(3)],
        intercepts_0=np.r_[one.intercepts_[0], 0.0],
        coefs_1=np.r_[one.coefs_[1], [[0.0]]],
        intercepts_1=one.intercepts_[1],
    )
    assert np.linalg.eigvalsh(est.objective(X, y).hessian(est.params_))[0] < -1e-3
    res = refused(est, X, y)
    assert kinds(res) >= {"negative curvature", "dead unit"}
    assert all_lost(res)


# Sizes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "alpha", "seed"),
    [
        *[(2, 0.0, seed) for seed in range(4)],
        *[(3, 0.0, seed) for seed in range(4)],
        *[(2, 0.5, seed) for seed in (0, 2, 3)],
        *[(3, 0.5, seed) for seed in range(4)],
    ],
)
def test_too_many_units_for_the_truth(units, alpha, seed):
    X, y = tanh_data(seed)
    est = fit(net(units, alpha=alpha, n_init=4, max_iter=200), X, y)
    res = refused(est, X, y)
    if est.critical_point_ == "minimum":
        assert "over-sized" in kinds(res)
        assert np.isfinite(res.std_errors).any()


def test_a_penalty_that_takes_too_much():
    """The matrices look healthy; the effective parameters do not."""
    X, y = tanh_data(0)
    res = refused(net(1, alpha=30.0).fit(X, y), X, y)
    assert res.effective_parameters < 0.9 * 6
    assert kinds(res) == {"shrinkage"}
    assert "smaller alpha" in res.diagnosis[0]


def test_a_penalty_that_takes_too_much_of_a_linear_net():
    """Null inputs take over what the penalty takes from others that they correlate with."""
    rng = np.random.default_rng(0)
    X = rng.multivariate_normal(np.zeros(3), 0.2 * np.eye(3) + 0.8, 100)
    y = X[:, 0] + 0.5 * rng.standard_normal(100)
    weak, strong = (net(alpha=alpha).fit(X, y) for alpha in (0.1, 20.0))
    assert weak.inference(X, y).identifiable
    res = refused(strong, X, y)
    assert kinds(res) == {"shrinkage"}
    assert f"{res.effective_parameters:.1f} of 4" in res.diagnosis[0]


def test_a_condition_number_alone_is_a_note():
    """Two units that are nearly one: badly told apart, and each is needed."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-2.0, 2.0, (1000, 1))
    y = 5.0 * (np.tanh(x + 0.5) - np.tanh(x + 0.1)) + 1e-3 * rng.standard_normal((1000, 1))
    res = net(2, n_init=3).fit(x, y[:, 0]).inference(x, y[:, 0])
    assert max(factor.condition for factor in res.information.whitened_factors) > 1e5
    assert res.identifiable
    assert "condition" in kinds(res)


@pytest.mark.parametrize("alpha", [0.0, 1e-6, 0.1])
def test_fewer_rows_than_parameters(alpha):
    """A penalty that leaves degrees of freedom leaves errors, but no trust in them."""
    data = load_linnerud()
    X, y = scale(data.data), scale(data.target[:, 0])
    est = fit(net(4, alpha=alpha, n_init=1), X, y)
    assert len(est.params_) > len(y)
    res = refused(est, X, y)
    assert ("too few rows" in kinds(res)) == (res.df_resid <= 0) == (alpha < 0.1)
    assert all_lost(res) == (alpha < 0.1)
    assert "few rows" in kinds(res) or alpha < 0.1


def test_heteroscedastic_errors_are_a_note():
    X, _ = tanh_data(0, 1000)
    rng = np.random.default_rng(1)
    y = X[:, 0] + np.abs(X[:, 2]) ** 1.5 * rng.standard_normal(1000)
    res = net().fit(X, y).inference(X, y)
    assert kinds(res) == {"misspecification"}
    assert res.identifiable


def test_radial_twins():
    X, y = tanh_data(0)
    est = RBFNetRegressor(4, alpha=50.0, random_state=0, standardize=False).fit(X, y)
    assert any(reason.startswith("same") for reason in est.degenerate_units_.values())
    assert "duplicate units" in kinds(refused(est, X, y))


@pytest.mark.parametrize("standardize", [False, True])
def test_a_perfect_fit_is_not_imprecise_as_well(standardize):
    """What is left is rounding, and relative to that any step gains a lot."""
    X, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0])
    net = NewtonMLPRegressor((), alpha=0.0, standardize=standardize).fit(X, y)
    with pytest.warns(UserWarning, match="perfect"):
        results = net.inference(X, y)
    assert [finding.kind for finding in results.findings] == ["perfect fit", "few rows"]
    with pytest.warns(UserWarning, match="perfect"):
        nothing = net.fit(X, 0.0 * y).inference(X, 0.0 * y)
    assert np.isnan(nothing.tic)
