"""Estimators under nonlinear constraints: predictions, slopes, norms, own functions."""

import pickle

import numpy as np
import pandas as pd
import pytest
from constrained_cases import is_constrained_minimum
from estimator_cases import data, rbf_regressor, regressor
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetClassifier,
)
from sknewtonnet.calculus import (
    Linear,
    NonlinearConstraint,
    NormConstraint,
    PredictionConstraint,
    SlopeConstraint,
    get_activation,
)
from sknewtonnet.pruning import BackwardPruning
from sknewtonnet.solvers import InfeasibleError

POINTS = np.array([[0.5, -0.5], [-1.0, 0.0]])


def units():
    """Columns and a target in units far from one."""
    X, y = data()
    return pd.DataFrame({"age": 40.0 + 10.0 * X[:, 0], "dose": 1e-3 * X[:, 1]}), 1e4 * y + 3e4


AT = np.array([[45.0, -5e-4], [30.0, 0.0]])


def product(x):
    """Product of the first coefficients of the first two units."""
    return x[0] * x[1]


def product_gradient(x):
    return np.r_[x[1], x[0], np.zeros(len(x) - 2)]


def product_hessian(x, v):
    found = np.zeros((len(x), len(x)))
    found[0, 1] = found[1, 0] = v[0]
    return found


PRODUCT = NonlinearConstraint(product, 0.1, 0.1, product_gradient, product_hessian, "coefs_0")
CASES = {
    "predictions": ([PredictionConstraint(AT, [2.5e4, 3.2e4], [2.5e4, 3.2e4])], 2),
    "slope": ([SlopeConstraint(AT, "age", lower=0.0, upper=100.0)], None),
    "average": ([PredictionConstraint(AT, 3e4, 3e4, average=True)], 1),
    "norm": ([NormConstraint("coefs_1", upper=1e3)], 1),
    "directions": ([NormConstraint("coefs_0", 1.0, 1.0, per_unit=True)], 2),
    "product": (PRODUCT, 1),
    "several": (
        [
            PredictionConstraint(AT[:1], upper=2.6e4),
            NormConstraint("coefs_1", upper=1e6),
            SlopeConstraint(AT, 0, lower=-2e4),
        ],
        None,
    ),
}


def by_hand(w, n_units=2):
    """Predictions of a tanh net with two inputs, written once more."""
    W, b = w[: 2 * n_units].reshape(2, n_units), w[2 * n_units : 3 * n_units]
    v, c = w[3 * n_units : 4 * n_units], w[-1]
    return (
        W,
        lambda X: np.tanh(np.asarray(X) @ W + b) @ v + c,
        lambda X: (1.0 - np.tanh(np.asarray(X) @ W + b) ** 2) * W[0] @ v,
    )


VALUES = {
    "predictions": lambda w: by_hand(w)[1](AT) - [2.5e4, 3.2e4],
    "average": lambda w: by_hand(w)[1](AT).mean() - 3e4,
    "norm": lambda w: np.linalg.norm(w[6:8]) - 1e3,
    "directions": lambda w: np.linalg.norm(by_hand(w)[0], axis=0) - 1.0,
    "product": lambda w: w[0] * w[1] - 0.1,
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("standardize", [True, False])
def test_fit_in_units_of_the_table(case, standardize):
    """Limits hold in the units of the table, exactly, and the end is a minimum."""
    constraints, n_held = CASES[case]
    X, y = units()
    if not standardize:
        X, y = (X - [40.0, 0.0]) / [10.0, 1e-3], (y - 3e4) / 1e4
        if case not in ("directions", "product"):
            return
    net = NewtonMLPRegressor(
        (2,), alpha=0.5, constraints=constraints, standardize=standardize, random_state=0
    ).fit(X, y)
    is_constrained_minimum(net, X, y)
    found = net.solver_result_.multipliers
    if n_held is not None:
        assert len(found.held) == n_held
    if case in VALUES:
        assert_allclose(VALUES[case](net.params_), 0.0, atol=1e-8)
    slopes = by_hand(net.params_)[2](AT)
    if case == "slope":
        assert slopes.min() >= -1e-8
        assert slopes.max() <= 100.0 + 1e-8
    if case == "several":
        assert_array_equal(found.nonlinear[1:] == 0.0, True)
        assert net.predict(pd.DataFrame(AT[:1], columns=X.columns)) == pytest.approx(2.6e4)


@pytest.mark.parametrize("case", VALUES)
def test_against_scipy_in_units_of_the_table(case):
    """SLSQP on the objective in original units, with functions written by hand, from nearby."""
    X, y = units()
    net = NewtonMLPRegressor((2,), alpha=0.5, constraints=CASES[case][0], random_state=0).fit(X, y)
    f = net.objective(X, y)
    size = np.abs(net.params_)  # scipy needs parameters of size one
    start = net.params_ * (1.0 + 0.02 * np.random.default_rng(0).normal(size=len(size)))
    scale = np.max(np.abs(VALUES[case](1.1 * net.params_))) or 1.0
    found = minimize(
        lambda u: f.value(u * size) / net.loss_,
        start / size,
        jac=lambda u: f.gradient(u * size) * size / net.loss_,
        method="slsqp",
        constraints={"type": "eq", "fun": lambda u: VALUES[case](u * size) / scale},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert found.fun == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("case", ["predictions", "norm"])
def test_multipliers_are_what_a_limit_costs(case):
    """The change of loss_, from fits with moved limits."""
    X, y = units()
    make = {
        "predictions": lambda d: PredictionConstraint(
            AT, np.array([2.5e4 + d, 3.2e4]), [2.5e4 + d, 3.2e4]
        ),
        "norm": lambda d: NormConstraint("coefs_1", upper=1e3 + d),
    }[case]
    net = NewtonMLPRegressor(
        (2,), alpha=0.5, random_state=0, warm_start=True, constraints=make(0.0)
    )
    net.fit(X, y)
    rate = net.multipliers_["nonlinear"][0]
    losses = []
    for d in (-1.0, 1.0):
        losses.append(clone(net).set_params(constraints=make(d)).fit(X, y).loss_)
    assert rate == pytest.approx(-(losses[1] - losses[0]) / 2.0, rel=1e-4)


@pytest.mark.parametrize("standardize", [True, False])
def test_multipliers_of_bounds_and_rows_in_units_of_the_table(standardize):
    """Each is what moving its limit costs; intercepts of standardised nets have bounds as rows."""
    X, y = units() if standardize else data()
    name = "age" if standardize else "x0"
    size = 1e3 if standardize else 1.0
    limits = {"coef": 0.01 if standardize else 0.1, "intercept": -0.2, "row": 0.4 * size}

    def fit(**moved):
        at = limits | moved
        net = NewtonMLPRegressor(
            (2,),
            alpha=0.5,
            standardize=standardize,
            random_state=0,
            bounds={
                f"coefs_0[{name}, h0]": (at["coef"],) * 2,
                "intercepts_0": (at["intercept"],) * 2,
            },
            linear_constraints=[({"coefs_1": 1.0}, at["row"], at["row"])],
        )
        return net.fit(X, y)

    net = fit()
    found, names = net.multipliers_, net.parameter_names_
    rates = {
        "coef": found["bounds"][names.index(f"coefs_0[{name}, h0]")],
        "intercept": found["bounds"][[n.startswith("intercepts_0") for n in names]].sum(),
        "row": found["linear"][0],
    }
    assert found["linear"].shape == (1,)
    for which, rate in rates.items():
        d = 1e-4 * limits[which]
        low, high = (fit(**{which: limits[which] + step}).loss_ for step in (-d, d))
        assert rate == pytest.approx(-(high - low) / (2 * d), rel=1e-3)


def test_no_multipliers_without_constraints():
    net = regressor(random_state=0)
    assert not hasattr(net, "multipliers_")
    with pytest.raises(AttributeError, match="the fit has no constraints"):
        net.fit(*data()).multipliers_  # noqa: B018 - looking is what is tested


def test_an_inactive_constraint_changes_nothing():
    X, y = data()
    free = regressor(random_state=0).fit(X, y)
    wide = regressor(random_state=0, constraints=NormConstraint("coefs_0", upper=1e3)).fit(X, y)
    assert wide.loss_ == pytest.approx(free.loss_, rel=1e-12)
    assert_array_equal(wide.solver_result_.multipliers.nonlinear, 0.0)
    assert wide.inference(X, y).std_errors.shape == wide.params_.shape


def test_with_bounds_and_rows():
    X, y = data()
    net = regressor(
        random_state=0,
        bounds={"coefs_1": (0.0, None)},
        linear_constraints=[({"intercepts_0": 1.0}, 0.0, 0.0)],
        constraints=[PredictionConstraint(POINTS[0], 0.2, 0.2)],
    ).fit(X, y)
    is_constrained_minimum(net, X, y)
    assert net.coefs_[1].min() >= 0.0
    assert net.intercepts_[0].sum() == pytest.approx(0.0, abs=1e-12)
    assert net.predict(POINTS[:1])[0] == pytest.approx(0.2, abs=1e-12)


@pytest.mark.parametrize("solver", ["slsqp", "trust-constr"])
def test_solvers_by_name(solver):
    X, y = data()
    held = [PredictionConstraint(POINTS, 0.2, 0.2)]
    net = regressor(random_state=0, solver=solver, constraints=held).fit(X, y)
    is_constrained_minimum(net, X, y)
    assert_allclose(net.predict(POINTS), 0.2, atol=1e-12)


def test_other_nets():
    """Classifiers are constrained in logits; radial nets and nets of any layers likewise."""
    X, y = data()
    held = [PredictionConstraint(POINTS[0], 0.0, 0.0)]
    classes = y > np.median(y)
    net = NewtonMLPClassifier((2,), alpha=0.5, random_state=0, constraints=held).fit(X, classes)
    assert net.predict_proba(POINTS[:1])[0, 0] == pytest.approx(0.5, abs=1e-10)
    assert net.critical_point_ == "minimum"
    radial = rbf_regressor(alpha=0.5, random_state=0, constraints=held).fit(X, y)
    is_constrained_minimum(radial, X, y)
    assert radial.predict(POINTS[:1])[0] == pytest.approx(0.0, abs=1e-10)
    layers = [
        Linear((0,), 2, get_activation("tanh")),
        Linear((0, 1), 1, get_activation("identity")),
    ]
    any_net = NewtonNetRegressor(layers, alpha=0.5, random_state=0, constraints=held).fit(X, y)
    is_constrained_minimum(any_net, X, y)
    assert any_net.predict(POINTS[:1])[0] == pytest.approx(0.0, abs=1e-10)
    three = np.digitize(y, np.quantile(y, [0.3, 0.6]))
    equal = [PredictionConstraint(X, 0.0, 0.0, average=True)]
    many = RBFNetClassifier(2, alpha=1.0, random_state=0, constraints=equal).fit(X, three)
    assert many.critical_point_ == "minimum"
    raw = np.log(many.predict_proba(X))
    centred = (raw - raw.mean(axis=1, keepdims=True)).mean(axis=0)
    assert_allclose(centred, 0.0, atol=1e-9)


def test_points_in_a_data_frame_count_by_name():
    X, y = units()
    at = pd.DataFrame({"dose": [-5e-4], "age": [45.0]})
    net = NewtonMLPRegressor((2,), alpha=0.5, random_state=0)
    net.set_params(constraints=PredictionConstraint(at, 3e4, 3e4)).fit(X, y)
    assert net.predict(at[["age", "dose"]])[0] == pytest.approx(3e4, rel=1e-12)
    other = PredictionConstraint(at.rename(columns={"age": "years"}), 3e4, 3e4)
    with pytest.raises(ValueError, match=r"must have the columns \['age', 'dose'\]"):
        net.set_params(constraints=other).fit(X, y)


def test_more_parameters_than_slsqp_takes():
    X, y = data()
    held = [PredictionConstraint(POINTS[0], 0.2, 0.2), NormConstraint("coefs_1", upper=0.5)]
    net = NewtonMLPRegressor((76,), alpha=1.0, random_state=0, constraints=held).fit(X, y)
    assert len(net.params_) > 300
    is_constrained_minimum(net, X, y)
    assert net.predict(POINTS[:1])[0] == pytest.approx(0.2, abs=1e-10)


def test_a_start_where_gradients_vanish():
    """Nets without hidden units start at zero, where norms have no gradient."""
    X, y = data()
    direction = [NormConstraint("coefs_0", 1.0, 1.0)]
    net = NewtonMLPRegressor((), alpha=0.0, constraints=direction, standardize=False).fit(X, y)
    is_constrained_minimum(net, X, y)
    angle = np.linspace(-np.pi, np.pi, 20001)
    rows = np.column_stack([np.cos(angle), np.sin(angle)])
    left = y[:, None] - X @ rows.T
    best = 0.5 * left.var(axis=0).min()
    assert net.loss_ == pytest.approx(best, rel=1e-6)


def test_functions_that_are_not_finite_are_told():
    def logarithm(x):
        return np.log(x[0])

    flat = NonlinearConstraint(
        logarithm,
        0.0,
        1.0,
        lambda x: np.full(len(x), np.nan),
        lambda x, v: np.outer(x, x),
        "coefs_0",
    )
    with pytest.raises(InfeasibleError, match="NonlinearConstraint number 0 is nan there"):
        regressor(random_state=0, constraints=flat, bounds={"coefs_0": (-2.0, -1.0)}).fit(*data())


def test_missing_connections_are_zero():
    X, y = data()
    mask = {"coefs_0": np.array([[True, False, True], [False, True, True]])}
    held = [
        NormConstraint("coefs_0", upper=0.5),
        PRODUCT.__class__(
            lambda x: x[1] + x[2],
            0.3,
            0.3,
            lambda x: np.eye(6)[1] + np.eye(6)[2],
            lambda x, v: np.zeros((6, 6)),
            "coefs_0",
        ),
    ]
    net = regressor(random_state=0, connectivity=mask, constraints=held).fit(X, y)
    is_constrained_minimum(net, X, y)
    assert np.linalg.norm(net.coefs_[0]) <= 0.5 + 1e-12
    assert net.coefs_[0][0, 1] == 0.0
    assert net.coefs_[0][0, 2] == pytest.approx(0.3, abs=1e-12)


def test_copies_searches_and_pipelines():
    X, y = data()
    held = [PredictionConstraint(POINTS, 0.2, 0.2), PRODUCT]
    net = regressor(random_state=0, constraints=held).fit(X, y)
    thawed = pickle.loads(pickle.dumps(net))
    assert_array_equal(thawed.predict(X), net.predict(X))
    assert_array_equal(clone(net).fit(X, y).params_, net.params_)
    again = clone(net).set_params(warm_start=True, constraints=tuple(held)).fit(X, y)
    assert again.fit(X, y).n_iter_ == 0
    grid = {"constraints": [None, [NormConstraint("coefs_0", upper=1e-3)]]}
    search = GridSearchCV(regressor(random_state=0, tol=1e-6), grid, cv=2).fit(X, y)
    assert search.best_params_["constraints"] is None
    norm = [NormConstraint("coefs_0", upper=0.3)]
    pipe = make_pipeline(StandardScaler(), regressor(random_state=0, constraints=norm)).fit(X, y)
    assert np.linalg.norm(pipe[-1].coefs_[0]) == pytest.approx(0.3, rel=1e-12)


def test_chosen_alpha():
    X, y = data()
    held = [PredictionConstraint(POINTS, 0.2, 0.2)]
    net = NewtonMLPRegressor((2,), alpha="auto", random_state=0, cv=2, constraints=held).fit(X, y)
    assert_allclose(net.predict(POINTS), 0.2, atol=1e-10)
    with pytest.raises(ValueError, match=r'"ard" does not work with bounds, constraints'):
        net.set_params(alpha="ard").fit(X, y)


def test_pruned_nets_keep_constraints():
    X, y = data()
    noise = np.random.default_rng(5).normal(size=(len(X), 1))
    X3 = np.hstack([X, noise])
    at = np.array([[0.5, -0.5, 0.0]])
    held = [PredictionConstraint(at, 0.2, 0.2), NormConstraint("coefs_0", upper=5.0)]
    base = NewtonMLPRegressor((2,), alpha=0.01, random_state=0, constraints=held)
    pruned = BackwardPruning(base).fit(X3, y)
    assert pruned.predict(at)[0] == pytest.approx(0.2, abs=1e-9)
    assert len(pruned.estimator_.params_) < len(base.fit(X3, y).params_)
    flat = NonlinearConstraint(np.sum, None, 9.0, np.ones_like, lambda w, v: np.zeros((11, 11)))
    with pytest.raises(ValueError, match="name the arrays that it reads by its argument arrays"):
        BackwardPruning(base.set_params(constraints=[flat])).fit(X3, y)


BAD = {
    "a function": ("'constraints' parameter", np.sum),
    "in a list": ("must be instances of sknewtonnet.calculus.Constraint, got 3", [3]),
    "unknown array": ("no array 'weights'", [NormConstraint("weights", 1.0)]),
    "columns": (
        r"X of PredictionConstraint must have shape",
        [PredictionConstraint([[1.0]], 0.0)],
    ),
    "name": ("feature.*'age'", [SlopeConstraint(POINTS, "age", 0.0)]),
    "solver": ("cannot keep to constraints", [NormConstraint("coefs_0", 1.0)]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    says, given = BAD[case]
    net = regressor(constraints=given, random_state=0)
    if case == "solver":
        net.set_params(solver="newton")
    with pytest.raises(ValueError, match=says):
        net.fit(*data())
    assert not hasattr(net, "params_")


def test_infeasible_is_told():
    """A norm of at most 0.1 of what leaves tanh units does not reach 5."""
    held = [
        NormConstraint("coefs_1", upper=0.1),
        NormConstraint("intercepts_1", upper=0.1),
        PredictionConstraint(POINTS[0], 5.0, 5.0),
    ]
    with pytest.raises(InfeasibleError, match="infeasible, or no way to meet them was found"):
        regressor(random_state=0, constraints=held).fit(*data())


def test_iterations_cut_short_are_told():
    held = [PredictionConstraint(POINTS, 0.2, 0.2)]
    with pytest.warns(ConvergenceWarning, match=r"after 2 iterations .*KKT residual"):
        net = regressor(random_state=0, max_iter=2, constraints=held).fit(*data())
    assert net.critical_point_ == "not stationary"
