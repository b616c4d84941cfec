"""scikit-learn's own checks of an estimator, with none expected to fail."""

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import get_loss

# Intercepts too are penalised in deep nets here: in pure noise, units die, and the intercept
# of a dead unit would leave a valley without a bottom.
ALL_PENALISED = {f"{kind}_{k}": 1.0 for kind in ("coefs", "intercepts") for k in range(3)}

ESTIMATORS = [
    NewtonMLPRegressor(),
    NewtonMLPRegressor((), solver="newton-cg"),
    NewtonMLPRegressor(
        (3, 2),
        activation=["softplus", "tanh"],
        alpha=ALL_PENALISED,
        skip_connections="all",
        solver="trust-exact",
        n_init=2,
    ),
    NewtonMLPRegressor(
        [3],
        activation="logistic",
        loss=get_loss("pseudo_huber", 1),
        skip_connections="input-output",
        solver="trust-krylov",
    ),
    NewtonMLPRegressor(3, loss="gamma", activation="gelu", solver="bfgs", random_state=5),
    NewtonMLPClassifier(),
    NewtonMLPClassifier((), alpha=0.5, solver="trust-exact", hessian="gauss-newton"),
    NewtonMLPClassifier(
        (3, 2),
        activation="arctan",
        alpha=[1.0, 2.0, 0.5],
        class_weight="balanced",
        skip_connections="all",
        solver="trust-krylov",
    ),
    NewtonMLPClassifier(
        5,
        activation="gaussian",
        skip_connections="input-output",
        solver="l-bfgs-b",
        n_init=2,
    ),
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
