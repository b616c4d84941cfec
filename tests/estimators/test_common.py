"""scikit-learn's own checks of an estimator, with none expected to fail."""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    estimator_checks_generator,
    parametrize_with_checks,
)
from sklearn_checks import reads_containers, with_checks

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import GaussianRBF, Linear, NormPenalty, Quadratic, get_loss


@dataclass(frozen=True)
class Layers:
    """Some layers for any sizes; a function would have an address in its name."""

    kind: str

    def __call__(self, n_features, n_outputs):
        if self.kind == "bumps and trend":
            return [GaussianRBF((0,), 2, "diag"), Linear((0, 1), n_outputs)]
        return [Linear((0,), 2, "tanh"), Quadratic((1,), 2, "tanh"), Linear((1, 2), n_outputs)]


ESTIMATORS = [
    NewtonMLPRegressor(),
    NewtonMLPClassifier(),
    # The others do without the choice of a strength, which takes time.
    *(
        make(2 if activation == "relu" else 10, activation=activation, alpha=1.0)
        for make in (NewtonMLPRegressor, NewtonMLPClassifier)
        for activation in ("softplus", "relu", "elu")
    ),
    NewtonMLPRegressor((), alpha=1.0, standardize=False, solver="newton-cg"),
    NewtonMLPRegressor(
        (3, 2), activation=["softplus", "tanh"], skip_connections="all", alpha=[2.0, 1.0, 3.0]
    ),
    NewtonMLPRegressor(
        [3],
        activation="logistic",
        loss=get_loss("pseudo_huber", 1),
        alpha=1.0,
        skip_connections="input-output",
        solver="trust-krylov",
    ),
    NewtonMLPRegressor(
        3,
        activation="gelu",
        standardize=False,
        alpha={"coefs_0": 0.5, "coefs_1": 1.0, "intercepts_0": 0.1},
        solver="bfgs",
    ),
    NewtonMLPRegressor(2, activation="sine", alpha=1.0, solver="trust-exact", n_init=2),
    NewtonMLPRegressor((2,), output_activation="tanh", alpha=1.0),
    NewtonMLPRegressor((2, 2), activation=[["tanh", "sine"], "tanh"], alpha=1.0),
    NewtonMLPRegressor((3,), alpha=0.0, penalties=NormPenalty(0.1)),
    *(
        make((3,), alpha=1.0, tied={"intercepts_0": 0})
        for make in (NewtonMLPRegressor, NewtonMLPClassifier)
    ),
    RBFNetRegressor(3, alpha=1.0, tied={"precisions_cholesky": 0}),
    RBFNetRegressor(2, alpha=1.0, covariance_type="tied", max_iter=60),
    NewtonMLPClassifier((2,), alpha=1.0, penalties=[NormPenalty(0.05)]),
    RBFNetRegressor(4, alpha=1.0, standardize=False, penalties=NormPenalty(0.05)),
    RBFNetClassifier(3, alpha=1.0, covariance_type="diag", penalties=[NormPenalty(0.05)]),
    *(
        make((3,), alpha=1.0, **params)
        for make in (NewtonMLPRegressor, NewtonMLPClassifier)
        for params in (
            {"solver": "newton"},
            {"solver": "lm", "standardize": False},
            # First-order steps: to the default of 1e-10 they would take too long.
            {"solver": "bpos", "solver_options": {"direction": "conjugate"}, "tol": 1e-4},
        )
    ),
    NewtonMLPClassifier(
        (), alpha=0.5, standardize=False, solver="trust-exact", hessian="gauss-newton"
    ),
    NewtonMLPClassifier(
        (3, 2),
        activation="arctan",
        alpha=1.0,
        class_weight="balanced",
        skip_connections="all",
        solver="trust-krylov",
    ),
    NewtonMLPClassifier(
        3,
        activation="gaussian",
        skip_connections="input-output",
        alpha=1.0,
        solver="newton-cg",
        n_init=2,
    ),
    NewtonMLPClassifier(2, activation="softsign", alpha=3.0, solver="l-bfgs-b", random_state=5),
    *(
        make(**params)
        for make in (NewtonNetRegressor, NewtonNetClassifier)
        for params in (
            {},
            {
                "layers": Layers("bumps and trend"),
                "standardize": False,
                "alpha": {"precisions_cholesky": 1.0, "coefs_0": 0.5},
            },
            {
                "layers": Layers("forms of units"),
                "alpha": {"coefs_0": 0.5, "quadratic_forms": 1.0, "coefs_1": 0.5},
            },
        )
    ),
    *(
        make(**params)
        for make in (RBFNetRegressor, RBFNetClassifier)
        for params in (
            {"n_centers": 2},
            {"n_centers": 4, "alpha": 1.0, "standardize": False},
            {
                "n_centers": 4,
                "alpha": 1.0,
                "covariance_type": "diag",
                "skip_connections": "input-output",
            },
            # One check fits 30 features, whose full covariances have 465 parameters each.
            {
                "n_centers": 2,
                "covariance_type": "full",
                "hidden_layer_sizes": (2,),
                "alpha": 1.0,
                "standardize": False,
                "max_iter": 100,
                "tol": 1e-4,
            },
            *(
                {"n_centers": 2, "covariance_type": kind, "alpha": 1.0, "max_iter": 20}
                for kind in ("semidefinite", "quadratic")
            ),
        )
    ),
]

# One of each kind with and without standardisation, and two that choose a strength: they read
# tables in every container, which the others do as slow tests.
READERS = [
    NewtonMLPRegressor(2),
    NewtonMLPClassifier(2),
    *(
        make(alpha=1.0, standardize=standardize, **small)
        for make, small in (
            (NewtonMLPRegressor, {"hidden_layer_sizes": ()}),
            (NewtonMLPClassifier, {"hidden_layer_sizes": (), "class_weight": "balanced"}),
            (NewtonNetRegressor, {"layers": Layers("bumps and trend"), "max_iter": 50}),
            (NewtonNetClassifier, {"layers": Layers("bumps and trend"), "max_iter": 50}),
            (RBFNetRegressor, {"n_centers": 2}),
            (RBFNetClassifier, {"n_centers": 2}),
        )
        for standardize in (True, False)
    ),
]

# With kinks, or none but nearly so, or of ten centres: each fit takes many steps, and a choice of
# a strength many fits.
SLOW_ESTIMATORS = [
    RBFNetRegressor(),
    RBFNetClassifier(),
    *(
        make(activation=activation)
        for make in (NewtonMLPRegressor, NewtonMLPClassifier)
        for activation in ("softplus", "relu", "elu")
    ),
]

# check_regressor_multioutput draws negative targets, whatever the tags of an estimator say.
POSITIVE_TARGETS = [
    NewtonMLPRegressor((3,), loss="poisson", alpha=[0.5, 1.0]),
    NewtonMLPRegressor((3,), loss="poisson", alpha=1.0, standardize=False),
    NewtonMLPRegressor((), loss="gamma", alpha=0.1, solver="trust-exact"),
    NewtonMLPRegressor((3,), loss="gamma", skip_connections="input-output", alpha=1.0),
    RBFNetRegressor(3, loss="poisson", alpha=1.0),
]

# The checks that scikit-learn runs on its own estimators only.
CHECKS_LEFT_OUT = [check_param_validation, check_dataframe_column_names_consistency]

# As in scikit-learn: most checks fit pure noise, and some of these fits have every reason to
# warn, of a saddle point for instance, or of a radial unit on a single sample of few.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Degenerate radial units:UserWarning"),
    # Some checks have tables of 4 distinct rows, fewer than the default of 10 centres.
    pytest.mark.filterwarnings("ignore:n_centers=10, but X has only:UserWarning"),
    # Targets are those of any regressor.
    pytest.mark.filterwarnings("ignore:.* lie outside the range:UserWarning"),
]


@with_checks(ESTIMATORS, READERS)
def test_sklearn_check(estimator, check):
    """Checks of containers (sparse formats, float32, memory maps) are of the readers alone."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(SLOW_ESTIMATORS)
def test_sklearn_check_of_slow_activations(estimator, check):
    check(estimator)


@pytest.mark.parametrize("containers", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("estimator", POSITIVE_TARGETS, ids=repr)
def test_sklearn_checks_of_positive_targets(estimator, containers):
    names = []
    for candidate, check in estimator_checks_generator(estimator):
        names.append(check.func.__name__)
        if names[-1] != "check_regressor_multioutput" and reads_containers(check) == containers:
            with contextlib.suppress(SkipTest):
                check(candidate)
    assert "check_regressor_multioutput" in names
    assert len(names) > 50


@pytest.mark.parametrize("check", CHECKS_LEFT_OUT, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "estimator",
    [
        *READERS,
        *(pytest.param(e, marks=pytest.mark.slow) for e in [*ESTIMATORS, *POSITIVE_TARGETS]),
    ],
    ids=repr,
)
def test_sklearn_check_left_out(estimator, check):
    """Of names of parameters and of columns, which classes check: the readers are of each."""
    check(type(estimator).__name__, estimator)


def test_array_api_input():
    """The check that scikit-learn skips unless a variable is set before scipy is imported."""
    code = (
        "from sklearn.utils.estimator_checks import estimator_checks_generator\n"
        "import sknewtonnet as s\n"
        "mlps = s.NewtonMLPClassifier(alpha=1.0), s.NewtonMLPRegressor(alpha=1.0)\n"
        "for estimator in (*mlps, s.RBFNetClassifier(2), s.RBFNetRegressor(2)):\n"
        "    for candidate, check in estimator_checks_generator(estimator):\n"
        "        if check.func.__name__ == 'check_array_api_input':\n"
        "            check(candidate)\n"
        "            print('passed')\n"
    )
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["passed"] * 4, done.stderr
