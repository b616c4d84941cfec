"""Random nets, data, containers and options: finite and honest, or refused by name.

What is honest is decided by ``benchmarks/hostile_judge.py``, which also judges the table of
doc/hostile_inputs.md. ``pytest --hypothesis-profile=long`` tries many more, other ones each time.
"""

import numpy as np
import pandas as pd
import scipy.sparse
from hostile_inputs.cases import CLASSIFIERS, EVERY, make
from hostile_inputs.user_code import Raising
from hostile_judge import MARK, Fitted, judge
from hypothesis import assume, given
from hypothesis import strategies as st

from sknewtonnet.calculus import ACTIVATIONS, GaussianRBF, Linear, Quadratic
from sknewtonnet.solvers import SOLVERS

SMOOTH = sorted(set(ACTIVATIONS) - {"squared_exponential"})
LOSSES = ("squared_error", "poisson", "gamma", "pseudo_huber")


def sometimes(rare, usual):
    """Draw the usual most of the time."""
    return st.integers(0, 3).flatmap(lambda k: rare if k == 0 else usual)


def random_layers(n_units, activation, first):
    """Return a function to layers: linear, radial or quadratic ones, then the output."""

    def layers(n_features, n_outputs):
        made = {
            "linear": lambda: Linear((0,), n_units, activation),
            "radial": lambda: GaussianRBF((0,), n_units, "diag"),
            "quadratic": lambda: Quadratic((0,), n_units),
        }[first]()
        return [made, Linear((0, 1), n_outputs)]

    return layers


@st.composite
def tables(draw):
    """A table: the size, an odd scale of each column, and what else may be wrong with it."""
    n, p = draw(st.integers(4, 25)), draw(st.integers(1, 3))
    X = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(n, p))
    powers = draw(st.lists(sometimes(st.integers(-320, 307), st.just(0)), min_size=p, max_size=p))
    with np.errstate(over="ignore", under="ignore"):
        X = np.clip(X, -9.0, 9.0) * 10.0 ** np.array(powers, dtype=float)
    fault = draw(
        st.sampled_from(["none", "none", "none", "constant", "copy", "outlier", "offset"])
    )
    if fault == "constant":
        X[:, 0] = 7.0
    elif fault == "copy":
        X = np.column_stack([X, X[:, 0]])
    elif fault == "outlier":
        X[draw(st.integers(0, n - 1)), 0] = 10.0 ** draw(st.integers(2, 300))
    elif fault == "offset":
        X[:, 0] += 10.0 ** draw(st.integers(2, 9))
    return X


@st.composite
def targets(draw, kind, X, loss):
    """Targets that the loss takes, in odd units now and then."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    n = len(X)
    if kind in CLASSIFIERS:
        n_classes = draw(st.sampled_from([2, 2, 3]))
        y = np.arange(n) % n_classes
        rng.shuffle(y)
        if n_classes == 2 and draw(st.booleans()):
            return np.column_stack([y, y[::-1]])
        return np.array(["u", "v", "w"])[y] if draw(st.booleans()) else y
    y = rng.normal(size=(n, draw(st.sampled_from([1, 1, 2]))))
    y = 10.0 ** draw(sometimes(st.integers(-300, 100), st.just(0))) * y
    if loss in ("poisson", "gamma"):
        y = np.ceil(np.abs(y)) if loss == "poisson" else np.abs(y) + 1e-300
    return y[:, 0] if y.shape[1] == 1 else y


@st.composite
def weights(draw, n):
    """Row weights: none, or odd ones."""
    spread = draw(st.sampled_from([None, None, 0.0, 1.0, 6.0]))
    if spread is None:
        return None
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    weight = np.exp(spread * rng.normal(size=n))
    weight[: draw(st.integers(0, 1))] = 0.0
    return weight


@st.composite
def nets(draw, kind):
    """An estimator of some kind with random options, and its loss."""
    params = {
        "alpha": draw(st.sampled_from([0.0, 0.1, 0.1, 10.0, 1e-8])),
        "max_iter": 20,
        "solver": draw(sometimes(st.sampled_from(sorted(SOLVERS)), st.just("auto"))),
        "standardize": draw(st.sampled_from([True, True, False])),
        "n_init": draw(st.sampled_from([1, 1, 2])),
        "random_state": draw(st.integers(0, 9)),
    }
    loss = None
    if kind not in CLASSIFIERS:
        loss = params["loss"] = draw(st.sampled_from(LOSSES))
    activation = draw(st.sampled_from(SMOOTH))
    if kind in ("net", "nec"):
        first = draw(st.sampled_from(["linear", "radial", "quadratic"]))
        params["layers"] = random_layers(draw(st.integers(1, 3)), activation, first)
        return make(kind, **params), loss
    sizes = draw(st.sampled_from([(), (1,), (3,), (2, 2)]))
    params |= {"activation": activation, "hidden_layer_sizes": sizes}
    params["skip_connections"] = draw(st.sampled_from([False, False, "all"]))
    if kind in ("rbf", "rbc"):
        params |= {"n_centers": draw(st.integers(1, 4))}
        params["covariance_type"] = draw(st.sampled_from(["spherical", "diag", "full"]))
    return make(kind, **params), loss


@st.composite
def fits(draw):
    """An estimator, X, y and weights."""
    kind = draw(st.sampled_from(EVERY))
    net, loss = draw(nets(kind))
    X = draw(tables())
    return net, X, draw(targets(kind, X, loss)), draw(weights(len(X)))


def fit(net, X, y, weight):
    net.fit(X, y, weight)
    return Fitted(net, X, y, weight)


@given(fits())
def test_fits_are_finite_and_honest_or_refused_by_name(case):
    outcome = judge(lambda: fit(*case))
    assert not outcome.bad, outcome


CONTAINERS = {
    "Fortran order": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "read-only": lambda X: np.broadcast_to(X, X.shape),
    "lists": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
    "big-endian": lambda X: X.astype(">f8"),
    "longdouble": lambda X: X.astype(np.longdouble),
    "frame": lambda X: pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])]),
    "csr": scipy.sparse.csr_array,
    "coo": scipy.sparse.coo_array,
}


@given(fits(), st.sampled_from(sorted(CONTAINERS)), st.booleans())
def test_equal_numbers_in_other_containers_predict_the_same(case, container, single):
    net, X, y, weight = case
    if single:
        with np.errstate(over="ignore"):
            X = X.astype(np.float32).astype(float)
        assume(np.isfinite(X).all())
    held = CONTAINERS[container](X.astype(np.float32) if single and container == "csr" else X)
    made = []
    for table in (X, held):
        outcome = judge(lambda table=table: made.append(net.fit(table, y, weight).predict(table)))
        assert not outcome.bad, outcome
    assume(made)  # else both were refused
    np.testing.assert_array_equal(*made)


@given(fits(), st.sampled_from([ValueError, KeyboardInterrupt, MemoryError]), st.integers(0, 30))
def test_a_fit_that_is_broken_off_leaves_the_estimator_as_it_was(case, error, calls):
    net, X, y, weight = case
    assume("activation" in net.get_params())
    net.set_params(hidden_layer_sizes=(2,), activation=Raising(), n_init=1)
    if calls % 2:
        first = judge(lambda: fit(net, X, y, weight))
        assume(hasattr(net, "params_"))
        assert not first.bad, first
    before = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in vars(net).items()}
    armed = Raising(error, calls, size=0)
    net.set_params(activation=armed)
    wider = np.column_stack([X, np.arange(len(X))])
    outcome = judge(lambda: net.fit(wider, y, weight) and "ended")
    assume(MARK in outcome.words)
    net.set_params(activation=before["activation"])
    assert vars(net).keys() == before.keys()
    for name, value in before.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(vars(net)[name], value)
        else:
            assert vars(net)[name] is value, name


NUMBERS = [0, -1, 1, 3, True, 1e300, np.nan, np.inf, -0.5, 1j]
EMPTY = [None, "", [], {}, ()]
NESTED = [[1, [2]], [None], ["a", 1], (np.nan,), [(1, 2, 3)], np.ones(3), np.array("a")]
OTHERS = ["no", b"b", {"coefs_0": None}, {"coefs_0": (1, 0)}, {1: 2}, object(), int]
JUNK = st.sampled_from(NUMBERS + EMPTY + NESTED + OTHERS)


@given(st.sampled_from(EVERY), st.data())
def test_odd_parameters_are_used_or_refused_by_name(kind, data):
    net = make(kind, max_iter=5)
    names = sorted(set(net.get_params()) - {"verbose", "n_jobs", "n_init", "max_iter"})
    name = data.draw(st.sampled_from(names), label="parameter")
    net.set_params(**{name: data.draw(JUNK, label="value")})
    X = np.random.default_rng(0).normal(size=(12, 3))
    y = np.arange(12) % 2 if kind in CLASSIFIERS else X[:, 0]
    outcome = judge(lambda: fit(net, X, y, None))
    assert not outcome.bad, outcome


@given(fits(), st.sampled_from(["hessian", "HC3", "bayesian"]))
def test_statistics_are_finite_or_say_why_not(case, cov_type):
    net, X, y, weight = case
    assert not judge(lambda: fit(net, X, y, weight)).bad
    assume(hasattr(net, "params_"))
    held = []
    outcome = judge(lambda: held.append(net.inference(X, y, weight, cov_type=cov_type)) or "made")
    assert not outcome.bad, outcome
    for results in held:
        assert not judge(results.summary).bad
        if results.identifiable:
            assert np.isfinite(results.std_errors).all()
        else:
            assert results.diagnosis
