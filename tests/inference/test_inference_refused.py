"""What the inference refuses, with messages that name the argument."""

import warnings

import numpy as np
import pytest
from inference_cases import N, binary, classes, fitted, regression
from inference_oracles import MODEL_BASED, ROBUST
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.calculus.pieces.losses import PseudoHuber
from sknewtonnet.inference import adjust_p_values


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("cov_type", {"cov_type": "HC4"}),
        ("weight_type", {"weight_type": "probability"}),
        ("groups", {"cov_type": "cluster"}),
        ("groups", {"cov_type": "cluster", "groups": np.arange(5)}),
        ("groups", {"cov_type": "cluster", "groups": np.zeros((N, 2))}),
        ("groups", {"cov_type": "hessian", "groups": np.arange(N)}),
        ("groups", {"cov_type": "HC1", "groups": np.arange(N)}),
        ("weight_type", {"weight_type": "sampling", "cov_type": "hessian"}),
        ("weight_type", {"weight_type": "sampling", "cov_type": "bayesian"}),
    ],
)
def test_bad_arguments(argument, given):
    est, X, y, _ = fitted("one unit")
    with pytest.raises(ValueError, match=argument):
        est.inference(X, y, **given)


def test_one_cluster_is_none():
    est, X, y, _ = fitted("one unit")
    with pytest.raises(ValueError, match="groups"):
        est.inference(X, y, cov_type="cluster", groups=np.zeros(N))


def test_other_data_than_features():
    est, X, y, _ = fitted("one unit")
    with pytest.raises(ValueError, match="features"):
        est.inference(X[:, :2], y)


@pytest.mark.parametrize("cov_type", [*MODEL_BASED, *ROBUST])
def test_without_likelihood_only_sandwiches(cov_type):
    """Huber's loss and class weights are no likelihood."""
    huber = NewtonMLPRegressor((), loss=PseudoHuber(0.5), alpha=0.0, standardize=False)
    weighted = classes((), class_weight={"yes": 1.0, "no": 3.0})
    for est, (X, y) in ((huber, regression()), (weighted, binary())):
        est.fit(X, y)
        groups = {"groups": np.arange(len(X)) % 17} if cov_type == "cluster" else {}
        if cov_type in MODEL_BASED:
            with pytest.raises(ValueError, match="cov_type"):
                est.inference(X, y, cov_type=cov_type)
        else:
            assert np.isfinite(est.inference(X, y, cov_type=cov_type, **groups).std_errors).all()


TESTS = ("wald_test", "likelihood_ratio_test", "score_test")


@pytest.mark.parametrize("R", [np.ones(5), np.ones((2, 7)), np.ones((1, 1, 6)), np.empty((0, 6))])
@pytest.mark.parametrize("test", TESTS)
def test_wrong_shape_of_rows(test, R):
    est, X, y, _ = fitted("one unit")
    with pytest.raises(ValueError, match=r"\bR\b" if test == "wald_test" else "hypothesis"):
        getattr(est.inference(X, y), test)(R)


@pytest.mark.parametrize("test", TESTS)
def test_unknown_names(test):
    est, X, y, _ = fitted("one unit")
    for unknown in ("x3", ["x0", "coefs_9[x0, h0]"]):
        with pytest.raises(ValueError, match=r"x3|coefs_9"):
            getattr(est.inference(X, y), test)(unknown)


def test_wrong_shape_of_values():
    est, X, y, _ = fitted("one unit")
    res = est.inference(X, y)
    for wrong in (np.ones(3), np.ones((2, 2)), [np.nan, 0.0]):
        with pytest.raises(ValueError, match=r"\br\b"):
            res.wald_test(np.eye(6)[:2], wrong)
    with pytest.raises(ValueError, match="R"):
        res.wald_test(np.full((1, 6), np.nan))


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.1, np.nan])
def test_levels_are_between_zero_and_one(level):
    est, X, y, _ = fitted("one unit")
    res = est.inference(X, y)
    for call in (
        lambda: res.conf_int(level),
        lambda: res.summary(level=level),
        lambda: res.to_frame(level=level),
        lambda: res.get_prediction(X, level=level),
        lambda: res.profile_interval([res.names[0]], level),
        lambda: res.partial_effect("x0", level=level),
        lambda: res.marginal_effects().conf_int(level),
    ):
        with pytest.raises(ValueError, match="level"):
            call()


def test_unknown_groups_and_methods():
    est, X, y, _ = fitted("one unit")
    res = est.inference(X, y)
    with pytest.raises(ValueError, match="groups"):
        res.wald_test_features(groups={"both": ["x0", "x7"]})
    with pytest.raises(ValueError, match="adjust"):
        res.wald_test_features(adjust="bonferroni?")
    with pytest.raises(ValueError, match="method"):
        adjust_p_values([0.1, 0.2], "bonferroni?")


def test_large_nets_are_refused():
    """Eigenvalues of dense matrices would take hours; the message says up to where."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 30)), rng.normal(size=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net = NewtonMLPRegressor(
            (100,), max_iter=1, random_state=0, standardize=False, alpha=1.0
        ).fit(X, y)
    with pytest.raises(ValueError, match=r"3201.*3000"):
        net.inference(X, y)
    with pytest.raises(ValueError, match=r"(?s)3201.*3000.*obd"):
        _ = net.feature_importances_
