"""scikit-learn's own checks of an estimator, with none expected to fail."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import get_loss

ESTIMATORS = [
    NewtonMLPRegressor(),
    NewtonMLPRegressor((), solver="newton-cg"),
    NewtonMLPRegressor(
        (3, 2), activation=["softplus", "tanh"], skip_connections="all", alpha=[2.0, 1.0, 3.0]
    ),
    NewtonMLPRegressor(
        [3],
        activation="logistic",
        loss=get_loss("pseudo_huber", 1),
        skip_connections="input-output",
        solver="trust-krylov",
    ),
    NewtonMLPRegressor(2, activation="sine", solver="trust-exact", n_init=2),
    NewtonMLPRegressor(
        3,
        loss="gamma",
        activation="gelu",
        solver="bfgs",
        alpha={"coefs_0": 0.5, "coefs_1": 1.0, "intercepts_0": 0.1},
    ),
    NewtonMLPClassifier(),
    NewtonMLPClassifier((), alpha=0.5, solver="trust-exact", hessian="gauss-newton"),
    NewtonMLPClassifier(
        (3, 2),
        activation="arctan",
        class_weight="balanced",
        skip_connections="all",
        solver="trust-krylov",
    ),
    NewtonMLPClassifier(
        3, activation="gaussian", skip_connections="input-output", solver="newton-cg", n_init=2
    ),
    NewtonMLPClassifier(2, activation="softsign", alpha=3.0, solver="l-bfgs-b", random_state=5),
]

# The checks that scikit-learn runs on its own estimators only.
CHECKS_LEFT_OUT = [check_param_validation, check_dataframe_column_names_consistency]

# As in scikit-learn: most checks fit pure noise, and some of these fits have every reason to
# warn, of a saddle point for instance.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks(ESTIMATORS)
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", CHECKS_LEFT_OUT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_sklearn_check_left_out(estimator, check):
    check(type(estimator).__name__, estimator)
