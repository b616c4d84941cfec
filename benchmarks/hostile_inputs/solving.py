"""Hostile options of solvers, nonlinear constraints, spectra, and Lagrangians."""

import pickle

import numpy as np
import pandas as pd
import scipy.sparse
from hostile_judge import MARK, Held
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hostile_inputs.cases import COUNTS, LABELS, NAMES, WEIGHTS, Topic, X, Y, make, put
from sknewtonnet import BackwardPruning
from sknewtonnet.calculus import (
    Constraint,
    LagrangeFunction,
    Lagrangian,
    ModifiedObjective,
    Network,
    NonlinearConstraint,
    NormConstraint,
    Objective,
    PredictionConstraint,
    SlopeConstraint,
    SmoothFunction,
    count_second_derivatives,
    critical_point,
)
from sknewtonnet.inspection import SpectrumPath, spectrum, way_down
from sknewtonnet.solvers import (
    SOLVERS,
    Constraints,
    feasible_point,
    get_solver,
    minimize_full_space,
)
from sknewtonnet.testing import check_constraint

SMALL = Network.mlp(3, (2,), 1)
W = 0.1 * np.arange(float(SMALL.n_parameters))


def small(**given):
    return Objective(
        **{"network": SMALL, "loss": "squared_error", "X": X, "Y": Y[:, None]} | given
    )


options = Topic("Options of solvers")
for name, values in {
    "preconditioner": ["no", "BLOCK", None, True, 1, ["block"], "block", "none"], "fatol": [-1.0, np.nan, np.inf, "a", None, True, 1e300, 1e-300, [1.0]], "f_target": [np.nan, np.inf, -np.inf, "a", None, True, 1e300, -1e300],
}.items():  # fmt: skip
    for value in values:
        for solver in ("auto", "newton", "trust-ncg"):
            options.fit(f"{name}={value!r}, {solver}", solver=solver, solver_options={name: value})
for solver in sorted(SOLVERS):
    for text, given in {"preconditioner": {"preconditioner": "block"}, "learning_rate='auto'": {"learning_rate": "auto"}, "n_batches=5": {"n_batches": 5}, "momentum='optimal'": {"momentum": "optimal"}, "momentum=0.5": {"momentum": 0.5}, "fatol=0.1": {"fatol": 0.1}, "f_target=1.0": {"f_target": 1.0}, "tol": {"tol": 1e-3}, "max_iter": {"max_iter": 3}, "hessian": {"hessian": "block"}, "constraints": {"constraints": 3}, "all at once": {"preconditioner": "block", "momentum": 0.5, "n_batches": 5}}.items():  # fmt: skip
        options.fit(f"{text} of {solver}", solver=solver, solver_options=given, max_iter=50)
for name, values in {
    "learning_rate": [0, -1.0, np.nan, np.inf, "AUTO", None, True, "0.1", 1e300, 1e-300, [0.1], 1j], "momentum": [-0.1, 1.0, np.nan, "optimal", "auto", None, True, 0.999999], "n_batches": [0, -1, 1.5, "2", None, True, 60, 61, 10**30, np.int8(3)], "random_state": [-1, 1.5, "a", None, True, np.random.RandomState(0), 2**32],
}.items():  # fmt: skip
    for value in values:
        text = value if np.isscalar(value) else type(value).__name__
        options.fit(
            f"gd {name}={text!r}", solver="gd", solver_options={name: value, **({"n_batches": 2} if name == "random_state" else {})}, max_iter=50
        )  # fmt: skip
for name, values in {
    "momentum": [-0.1, 1.0, np.nan, "OPTIMAL", "auto", None, True, 0.999999, [0.5]], "n_batches": [0, -1, 1.5, "2", None, True, 60, 61, 10**30], "objective": ["no", None, "modified", small], "direction": ["no", None, "conjugate"],
}.items():  # fmt: skip
    for value in values:
        text = getattr(value, "__name__", value)
        options.fit(
            f"bpos {name}={text!r}", solver="bpos", solver_options={name: value}, max_iter=50
        )
for text, given in {
    "conjugate and momentum": {"direction": "conjugate", "momentum": 0.5}, "conjugate and batches": {"direction": "conjugate", "n_batches": 2}, "modified and momentum": {"objective": "modified", "momentum": "optimal"}, "modified and batches": {"objective": "modified", "n_batches": 3}, "batches and optimal momentum": {"n_batches": 3, "momentum": "optimal"},
}.items():  # fmt: skip
    options.fit(
        f"bpos {text}", ("reg", "clf", "rbf"), solver="bpos", solver_options=given, max_iter=50
    )
    for kind in ("exact", "block", "lagrangian", "gauss-newton", "no"):
        options.fit(f"bpos {text}, hessian={kind!r}", solver="bpos", solver_options=given, hessian=kind, max_iter=50)  # fmt: skip
for text, others in {
    "weights with zeros": {"weight": np.r_[np.zeros(50), np.ones(10)]}, "two rows": {"x": lambda x: x[:2], "y": lambda y: y[:2]}, "equal rows": {"x": np.ones_like, "y": np.ones_like}, "two outputs": {"y": lambda y: np.column_stack([y, y])}, "poisson": {"loss": "poisson", "y": COUNTS}, "alpha='auto'": {"alpha": "auto"}, "tied": {"tied": {"coefs_0": 0}}, "n_init=2": {"n_init": 2}, "bounds": {"bounds": {"coefs_0": (0, 1)}}, "y times 1e100, standardize=False": {"y": lambda y: 1e100 * y, "standardize": False}, "relu": {"activation": "relu"},
}.items():  # fmt: skip
    for solver, given in (("gd", {"learning_rate": "auto", "momentum": 0.9}), ("gd", {"n_batches": 3}), ("bpos", {"n_batches": 3}), ("bpos", {"momentum": "optimal"}), ("bpos", {"objective": "modified"}), ("newton", {"preconditioner": "block"}), ("trust-ncg", {"preconditioner": "block"})):  # fmt: skip
        options.fit(f"{solver} {given}, {text}", solver=solver, solver_options=given, max_iter=100, **others)  # fmt: skip
for kind in ("clf", "rbf", "rbc", "net", "nec"):
    for solver, given in (("gd", {"learning_rate": "auto"}), ("bpos", {"n_batches": 3}), ("newton", {"preconditioner": "block"}), ("newton-cg", {"preconditioner": "block"}), ("trust-krylov", {"preconditioner": "block"})):  # fmt: skip
        options.fit(f"{solver} {given}", kind, solver=solver, solver_options=given, max_iter=100)
for kind in ("block", "lagrangian", "gauss-newton"):
    options.fit(f"preconditioner with hessian={kind!r}", hessian=kind, solver="newton", solver_options={"preconditioner": "block"}, max_iter=50)  # fmt: skip
options.fit("hidden_layer_sizes=(20000,), preconditioner", hidden_layer_sizes=(20000,), solver="newton", solver_options={"preconditioner": "block"}, max_iter=2)  # fmt: skip
options.fit("200 columns, 200 units, preconditioner", x=lambda x: np.random.default_rng(0).normal(size=(60, 200)), hidden_layer_sizes=(200,), solver="newton", solver_options={"preconditioner": "block"}, max_iter=2)  # fmt: skip


class Bowl(SmoothFunction):
    """A function with nothing but what it must have."""

    n_parameters = 3

    def value(self, w):
        return float(w @ w)

    def gradient(self, w):
        return 2.0 * w


class Curved(Bowl):
    """A function with a Hessian that may be wrong."""

    def __init__(self, answer=lambda H: H):
        self.answer = answer

    def hessian(self, w, kind="exact"):
        return self.answer(2.0 * np.eye(len(w)))


ASKED = {"newton preconditioned": ("newton", {"preconditioner": "block"}), "trust-ncg preconditioned": ("trust-ncg", {"preconditioner": "block"}), "gd auto": ("gd", {"learning_rate": "auto"}), "gd in batches": ("gd", {"n_batches": 2}), "bpos in batches": ("bpos", {"n_batches": 2}), "bpos modified": ("bpos", {"objective": "modified"}), "bpos optimal": ("bpos", {"momentum": "optimal"})}  # fmt: skip
for text, (name, given) in ASKED.items():
    for what, function in {"of no second derivatives": Bowl(), "of a Hessian alone": Curved(), "of a Hessian of nan": Curved(lambda H: np.nan * H), "of a Hessian of a wrong shape": Curved(lambda H: H[:1]), "of None": None, "of a net": make("reg")}.items():  # fmt: skip
        options.ask(f"{text} {what}", lambda n=name, g=given, f=function: get_solver(n, options=g, max_iter=20).minimize(f, np.ones(3)).value)  # fmt: skip

nonlinear = Topic("Nonlinear constraints")


def fit(constraints, kind="reg", x=X, y=Y, **params):
    from hostile_judge import Fitted

    net = make(kind, constraints=constraints, **params)
    return Fitted(net.fit(x, y), x, y)


def circle(lower=1.0, upper=1.0, **changed):
    given = {"fun": lambda w: w @ w, "jac": lambda w: 2.0 * w, "hess": lambda w, v: 2.0 * v[0] * np.eye(len(w)), "arrays": "coefs_0"}  # fmt: skip
    return NonlinearConstraint(lower=lower, upper=upper, **given | changed)


ORIGIN = np.zeros((1, 3))
NO_ROWS = np.empty((0, 3)), np.empty(0), np.empty(0)
for text, given in {
    "text": lambda: "no", "a number": lambda: 3, "a class": lambda: NormConstraint, "a list of text": lambda: ["no"], "None in a list": lambda: [None], "an empty list": lambda: [], "a dict": lambda: {"coefs_0": 1}, "a set": lambda: {NormConstraint("coefs_0", upper=1.0)}, "a tuple": lambda: (NormConstraint("coefs_0", upper=1.0),), "a generator": lambda: (c for c in [NormConstraint("coefs_0", upper=1.0)]), "scipy's": lambda: scipy.optimize.NonlinearConstraint(lambda w: w @ w, 0, 1), "scipy's linear": lambda: scipy.optimize.LinearConstraint(np.eye(16), 0, 1), "the same twice": lambda: [NormConstraint("coefs_0", 1.0, 1.0)] * 2, "twenty times": lambda: [NormConstraint("coefs_0", upper=1.0)] * 20, "two that contradict": lambda: [NormConstraint("coefs_0", upper=1.0), NormConstraint("coefs_0", lower=2.0)], "two predictions that contradict": lambda: [PredictionConstraint(ORIGIN, 0.0, 0.0), PredictionConstraint(ORIGIN, 1.0, 1.0)],
    "a norm of nothing": lambda: NormConstraint([], upper=1.0), "a norm of an unknown": lambda: NormConstraint("no", upper=1.0), "a norm of a number": lambda: NormConstraint(3, upper=1.0), "a norm of None": lambda: NormConstraint(None, upper=1.0), "a norm without limits": lambda: NormConstraint("coefs_0"), "a norm of 0": lambda: NormConstraint("coefs_0", upper=0.0), "a negative norm": lambda: NormConstraint("coefs_0", upper=-1.0), "a norm of at least -1": lambda: NormConstraint("coefs_0", lower=-1.0), "a norm crossed": lambda: NormConstraint("coefs_0", 2.0, 1.0), "a norm of nan": lambda: NormConstraint("coefs_0", upper=np.nan), "a norm of at most inf": lambda: NormConstraint("coefs_0", upper=np.inf), "a norm of at least inf": lambda: NormConstraint("coefs_0", lower=np.inf), "a norm of text": lambda: NormConstraint("coefs_0", upper="1"), "a norm of three limits": lambda: NormConstraint("coefs_0", upper=[1.0, 2.0, 3.0]), "norms of units, two limits": lambda: NormConstraint("coefs_0", upper=[1.0, 2.0], per_unit=True), "norms of units, per_unit='yes'": lambda: NormConstraint("coefs_0", upper=1.0, per_unit="yes"), "a norm of 1e300": lambda: NormConstraint("coefs_0", lower=1e300), "a norm of 1e-300": lambda: NormConstraint("coefs_0", upper=1e-300), "a norm of 1e8": lambda: NormConstraint("coefs_0", 1e8, 1e8), "norms of all arrays": lambda: NormConstraint(["coefs_0", "intercepts_0", "coefs_1", "intercepts_1"], 1.0, 1.0), "the norm of an intercept": lambda: NormConstraint("intercepts_1", 1.0, 1.0), "a complex limit": lambda: NormConstraint("coefs_0", upper=1j),
    "a prediction": lambda: PredictionConstraint(ORIGIN, 0.5, 0.5), "a prediction of a flat point": lambda: PredictionConstraint([0.0, 0.0, 0.0], 0.5, 0.5), "a prediction of nan": lambda: PredictionConstraint(np.nan * ORIGIN, 0.0, 0.0), "a prediction of inf": lambda: PredictionConstraint(np.inf * (ORIGIN + 1), 0.0, 0.0), "a prediction of text": lambda: PredictionConstraint("here", 0.0, 0.0), "a prediction of None": lambda: PredictionConstraint(None, 0.0, 0.0), "a prediction of two columns": lambda: PredictionConstraint(ORIGIN[:, :2], 0.0, 0.0), "a prediction of no rows": lambda: PredictionConstraint(ORIGIN[:0], 0.0, 0.0), "a mean of no rows": lambda: PredictionConstraint(ORIGIN[:0], 0.0, 0.0, average=True), "a prediction of other columns": lambda: PredictionConstraint(pd.DataFrame(ORIGIN, columns=NAMES), 0.0, 0.0), "a prediction of complex": lambda: PredictionConstraint(ORIGIN + 1j, 0.0, 0.0), "a prediction of three dimensions": lambda: PredictionConstraint(ORIGIN[None], 0.0, 0.0), "a sparse prediction": lambda: PredictionConstraint(scipy.sparse.csr_array(ORIGIN), 0.0, 0.0), "a prediction of 1e8": lambda: PredictionConstraint(ORIGIN, 1e8, 1e8), "a prediction of at least nan": lambda: PredictionConstraint(ORIGIN, np.nan), "a prediction of no limits": lambda: PredictionConstraint(ORIGIN), "a prediction of limits of a wrong length": lambda: PredictionConstraint(X[:3], [0.0, 1.0], None), "the same point at two values": lambda: PredictionConstraint(np.zeros((2, 3)), [0.0, 1.0], [0.0, 1.0]), "all predictions": lambda: PredictionConstraint(X, Y, Y), "all predictions of another target": lambda: PredictionConstraint(X, -Y - 1, -Y - 1), "all predictions within 3": lambda: PredictionConstraint(X, -3.0, 3.0), "average='yes'": lambda: PredictionConstraint(X, 0.0, 0.0, average="yes"), "the mean of all": lambda: PredictionConstraint(X, 0.0, 0.0, average=True), "a point of 1e300": lambda: PredictionConstraint(1e300 * (ORIGIN + 1), 0.0, 0.0), "a network of another": lambda: PredictionConstraint(ORIGIN, 0.0, 0.0, network=Network.mlp(2, (1,), 1)), "placed on a network of another": lambda: PredictionConstraint(ORIGIN, 0.0, 0.0).on(SMALL),
    "a slope": lambda: SlopeConstraint(X[:3], 0, 0.0), "a slope of feature 9": lambda: SlopeConstraint(X[:3], 9, 0.0), "a slope of feature -1": lambda: SlopeConstraint(X[:3], -1, 0.0), "a slope of 'x0'": lambda: SlopeConstraint(X[:3], "x0", 0.0), "a slope of 'q'": lambda: SlopeConstraint(X[:3], "q", 0.0), "a slope of None": lambda: SlopeConstraint(X[:3], None, 0.0), "a slope of True": lambda: SlopeConstraint(X[:3], True, 0.0), "a slope of 1.5": lambda: SlopeConstraint(X[:3], 1.5, 0.0), "a slope of a list": lambda: SlopeConstraint(X[:3], [0, 1], 0.0), "a slope without limits": lambda: SlopeConstraint(X[:3], 0), "a slope of nan": lambda: SlopeConstraint(np.nan * X[:3], 0, 0.0), "slopes of all rows, rising": lambda: SlopeConstraint(X, 0, 0.0), "slopes of all rows, rising and falling": lambda: [SlopeConstraint(X, 0, 0.1), SlopeConstraint(X, 0, None, -0.1)], "a slope of 1e8": lambda: SlopeConstraint(X[:1], 0, 1e8),
    "fun a number": lambda: circle(fun=3), "jac missing": lambda: circle(jac=None), "hess missing": lambda: circle(hess=None), "hess a word": lambda: circle(hess="2-point"), "arrays unknown": lambda: circle(arrays="no"), "arrays a number": lambda: circle(arrays=3), "arrays empty": lambda: circle(arrays=[]), "arrays of all parameters": lambda: circle(arrays=None), "limits None": lambda: circle(None, None), "limits crossed": lambda: circle(2.0, 1.0), "limits of text": lambda: circle("a", 1.0), "limits of two": lambda: circle([1.0, 2.0], [1.0, 2.0]), "never met": lambda: circle(-2.0, -1.0), "fun of nan": lambda: circle(fun=lambda w: np.nan), "fun of inf": lambda: circle(fun=lambda w: np.inf), "fun of None": lambda: circle(fun=lambda w: None), "fun of text": lambda: circle(fun=lambda w: "a"), "fun of complex": lambda: circle(fun=lambda w: w @ w + 1j), "fun of a matrix": lambda: circle(fun=lambda w: np.outer(w, w)), "fun of no arguments": lambda: circle(fun=lambda: 1.0), "fun that raises": lambda: circle(fun=_raise), "jac that raises": lambda: circle(jac=_raise), "hess that raises": lambda: circle(hess=_raise), "jac of nan": lambda: circle(jac=lambda w: np.nan * w), "jac of None": lambda: circle(jac=lambda w: None), "jac of a wrong shape": lambda: circle(jac=lambda w: w[1:]), "jac of zeros": lambda: circle(jac=lambda w: 0.0 * w), "jac that is wrong": lambda: circle(jac=lambda w: -w), "hess of nan": lambda: circle(hess=lambda w, v: np.nan * np.eye(len(w))), "hess of a wrong shape": lambda: circle(hess=lambda w, v: np.eye(2)), "hess of None": lambda: circle(hess=lambda w, v: None), "hess that is wrong": lambda: circle(hess=lambda w, v: -np.eye(len(w))), "hess that is not symmetric": lambda: circle(hess=lambda w, v: np.triu(np.ones((len(w), len(w))))), "fun that writes": lambda: circle(fun=_write), "jac sparse": lambda: circle(jac=lambda w: scipy.sparse.csr_array(2.0 * w[None])), "hess sparse": lambda: circle(hess=lambda w, v: scipy.sparse.eye_array(len(w))), "flat at the start": lambda: circle(0.0, 0.0), "fun of lists": lambda: circle(fun=lambda w: [float(w @ w)]),
    "a constraint of its own": lambda: Ball(), "its limits of nan": lambda: Ball(limits=(np.array([np.nan]), np.array([1.0]))), "its limits crossed": lambda: Ball(limits=(np.array([2.0]), np.array([1.0]))), "its limits of unequal lengths": lambda: Ball(limits=(np.zeros(2), np.ones(1))), "its limits a number": lambda: Ball(limits=(0.0, 1.0)), "its limits None": lambda: Ball(limits=None), "its value a matrix": lambda: Ball(value=lambda w: np.outer(w, w)), "its value a number": lambda: Ball(value=lambda w: float(w @ w)), "its value nan": lambda: Ball(value=lambda w: np.array([np.nan])), "its jacobian of a wrong shape": lambda: Ball(jacobian=lambda w: w), "its jacobian None": lambda: Ball(jacobian=lambda w: None), "its hessian of a wrong shape": lambda: Ball(hessian=lambda w, v: w), "its hessian nan": lambda: Ball(hessian=lambda w, v: np.full((len(w), len(w)), np.nan)), "its on returns None": lambda: Ball(on=None), "it raises": lambda: Ball(value=_raise),
}.items():  # fmt: skip
    for solver in ("auto", "slsqp", "trust-constr") if not text.startswith(("a number", "text")) else ("auto",):  # fmt: skip
        nonlinear.ask(
            f"{text}, {solver}", lambda g=given, s=solver: fit(g(), solver=s, max_iter=100)
        )
    nonlinear.ask(
        f"{text}, standardize=False", lambda g=given: fit(g(), standardize=False, max_iter=100)
    )
for solver in sorted(SOLVERS):
    nonlinear.ask(f"a norm with {solver!r}", lambda s=solver: fit(NormConstraint("coefs_0", upper=1.0), solver=s))  # fmt: skip
ATTEMPTS = {
    "a norm": lambda: NormConstraint("coefs_0", upper=1.0), "a prediction": lambda: PredictionConstraint(ORIGIN, 0.5, 0.5),
}  # fmt: skip
for text, given in ATTEMPTS.items():
    for what, others in {
        "bounds": {"bounds": {"coefs_0": (-1, 1)}}, "bounds against it": {"bounds": {"coefs_0": (5, 6), "intercepts_1": (50, 60), "coefs_1": (0, 0)}}, "linear constraints": {"linear_constraints": [({"coefs_0": 1.0}, -1, 1)]}, "monotonic_cst": {"monotonic_cst": [1, 0, 0]}, "alpha='auto'": {"alpha": "auto"}, "alpha='ard'": {"alpha": "ard"}, "alpha=0": {"alpha": 0.0}, "n_init=3": {"n_init": 3}, "n_init=2, n_jobs=2": {"n_init": 2, "n_jobs": 2}, "connectivity": {"connectivity": {"coefs_0[x0, h0]": False}}, "the array removed": {"connectivity": {"coefs_0": False}}, "tied": {"tied": {"coefs_0": 0}}, "tied and connectivity": {"tied": {"coefs_0": 0}, "connectivity": {"coefs_0[x0, h0]": False}}, "all together": {"tied": {"coefs_0": 0}, "connectivity": {"coefs_0[x0, h0]": False}, "bounds": {"coefs_1": (-1, 1)}, "alpha": "auto"}, "relu": {"activation": "relu"}, "poisson": {"loss": "poisson", "y": COUNTS}, "pseudo_huber": {"loss": "pseudo_huber"}, "hessian='block'": {"hessian": "block", "max_iter": 50}, "hessian='gauss-newton'": {"hessian": "gauss-newton"}, "two outputs": {"y": np.column_stack([Y, Y])}, "preconditioner": {"solver_options": {"preconditioner": "block"}}, "f_target": {"solver_options": {"f_target": 1.0}}, "X times 1e8": {"x": 1e8 * X}, "y times 1e8": {"y": 1e8 * Y}, "y times 1e-8": {"y": 1e-8 * Y}, "output_activation": {"output_activation": "softplus"}, "no hidden layer": {"hidden_layer_sizes": ()}, "700 units": {"hidden_layer_sizes": (700,), "max_iter": 2}, "20000 units": {"hidden_layer_sizes": (20000,), "max_iter": 2}, "20000 units, trust-constr": {"hidden_layer_sizes": (20000,), "max_iter": 2, "solver": "trust-constr"}, "warm_start": {"warm_start": True}, "skip connections": {"skip_connections": "all"}, "classes": {"kind": "clf", "y": LABELS}, "three classes": {"kind": "clf", "y": np.arange(60) % 3},
    }.items():  # fmt: skip
        nonlinear.ask(f"{text} and {what}", lambda g=given, o=others: fit(g(), **o))
    for what, call in {
        "inference": lambda net: net.fit(X, Y).inference(X, Y).std_errors.shape, "summary": lambda net: len(net.fit(X, Y).inference(X, Y).summary()), "likelihood_ratio_test": lambda net: (lambda t: Held(bool(np.isfinite(t.p_value) or t.reason), t.reason or "a p-value"))(net.fit(X, Y).inference(X, Y).likelihood_ratio_test("x0")), "profile_interval": lambda net: net.fit(X, Y).inference(X, Y).profile_interval("coefs_0[x0, h0]"), "feature_importances_": lambda net: net.fit(X, Y).feature_importances_, "pruning": lambda net: BackwardPruning(net).fit(X, Y).predict(X)[:2], "GridSearchCV": lambda net: GridSearchCV(net, {"constraints": [None, net.constraints]}, cv=2).fit(X, Y).predict(X)[:2], "GridSearchCV in two processes": lambda net: GridSearchCV(net, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, Y).predict(X)[:2], "a pipeline": lambda net: make_pipeline(StandardScaler(), net).fit(X, Y).predict(X)[:2], "clone": lambda net: Held(clone(net).constraints is not None, "kept"), "pickle": lambda net: _same(pickle.loads(pickle.dumps(net.fit(X, Y))), net), "skops": lambda net: _skops(net.fit(X, Y)), "a refit on two columns": lambda net: net.fit(X, Y).fit(X[:, :2], Y), "multipliers_": lambda net: net.fit(X, Y).multipliers_, "multipliers_ without constraints": lambda net: net.set_params(constraints=None).fit(X, Y).multipliers_,
    }.items():  # fmt: skip
        nonlinear.ask(f"{text}, then {what}", lambda g=given, c=call: c(make("reg", hidden_layer_sizes=(2,), constraints=g())))  # fmt: skip
nonlinear.ask(
    "a lambda, pickled", lambda: pickle.dumps(make("reg", constraints=circle()).fit(X, Y))
)
for kind, name in (("rbf", "centers"), ("rbc", "centers"), ("net", "coefs_0"), ("nec", "coefs_0"), ("clf", "coefs_0")):  # fmt: skip
    nonlinear.ask("a norm", lambda k=kind, n=name: fit(NormConstraint(n, upper=1.0), k, y=LABELS if k in ("clf", "rbc", "nec") else Y), to=kind)  # fmt: skip
    nonlinear.ask("slopes", lambda k=kind: fit(SlopeConstraint(X[:3], 0, 0.0), k, y=LABELS if k in ("clf", "rbc", "nec") else Y), to=kind)  # fmt: skip
for text, call in {
    "value before on()": lambda: NormConstraint("coefs_0", upper=1.0).value(W), "limits before on()": lambda: PredictionConstraint(ORIGIN, 0.0).limits, "value of a short vector": lambda: NormConstraint("coefs_0", upper=1.0).on(SMALL).value(W[:3]), "value of text": lambda: NormConstraint("coefs_0", upper=1.0).on(SMALL).value("w"), "on(None)": lambda: NormConstraint("coefs_0", upper=1.0).on(None), "prediction at a short vector": lambda: PredictionConstraint(ORIGIN, 0.0).on(SMALL).value(W[1:]), "slope at nan": lambda: Held(bool(np.isnan(SlopeConstraint(X[:2], 0, 0.0).on(SMALL).value(np.nan * W)).all()), "nan"), "hessian of factors of a wrong length": lambda: PredictionConstraint(X[:3], 0.0).on(SMALL).hessian(W, np.ones(2)),
    "check_constraint of a class": lambda: check_constraint(NormConstraint), "check_constraint of text": lambda: check_constraint("no"), "check_constraint of a wrong jac": lambda: check_constraint(circle(jac=lambda w: -w).on(SMALL), params=W), "check_constraint of a wrong hess": lambda: check_constraint(circle(hess=lambda w, v: -np.eye(len(w))).on(SMALL), params=W), "check_constraint not placed": lambda: check_constraint(NormConstraint("coefs_0", upper=1.0), params=W), "check_constraint at nan": lambda: check_constraint(circle().on(SMALL), params=np.nan * W),
    "Constraints.of nothing": lambda: Constraints.of(0), "Constraints.of text": lambda: Constraints.of("a"), "Constraints.of a negative size": lambda: Constraints.of(-1), "Constraints.of another thing": lambda: Constraints.of(3, "no"), "Constraints of crossed bounds": lambda: Constraints(np.ones(3), np.zeros(3), *NO_ROWS), "Constraints of nan": lambda: Constraints(np.full(3, np.nan), np.ones(3), *NO_ROWS), "Constraints of unequal lengths": lambda: Constraints(np.zeros(3), np.ones(2), *NO_ROWS), "Constraints of a wrong matrix": lambda: Constraints(np.zeros(3), np.ones(3), np.ones((2, 2)), np.zeros(2), np.ones(2)), "Constraints of too few limits": lambda: Constraints(np.zeros(3), np.ones(3), np.ones((2, 3)), np.zeros(1), np.ones(2)), "Constraints of infeasible rows": lambda: get_solver("slsqp", constraints=Constraints(np.zeros(11), np.ones(11), np.ones((1, 11)), np.array([50.0]), np.array([60.0]))).minimize(small(), W), "slsqp of constraints of another size": lambda: get_solver("slsqp", constraints=Constraints.of(5, Ball())).minimize(small(), W).value, "slsqp of constraints text": lambda: get_solver("slsqp", constraints="no"), "newton of constraints": lambda: get_solver("newton", constraints=Constraints.of(11, Ball())), "feasible_point of None": lambda: feasible_point(None, W), "feasible_point of a short vector": lambda: feasible_point(Constraints.of(11, Ball()), W[1:]), "feasible_point of the impossible": lambda: feasible_point(Constraints.of(11, Ball(value=lambda w: w @ w + np.array([5.0]))), W), "LagrangeFunction of None": lambda: LagrangeFunction(None, [], W), "LagrangeFunction of wrong terms": lambda: LagrangeFunction(small(), [3], W).value(W), "slsqp from nan": lambda: get_solver("slsqp", constraints=Constraints.of(11, Ball())).minimize(small(), np.nan * W).value, "trust-constr from nan": lambda: get_solver("trust-constr", constraints=Constraints.of(11, Ball())).minimize(small(), np.nan * W).value,
}.items():  # fmt: skip
    nonlinear.ask(text, call)


class Ball(Constraint):
    """A constraint of a user, with one method replaced."""

    def __init__(self, **changed):
        self.changed = changed

    def on(self, network):
        return self.changed.get("on", self)

    @property
    def limits(self):
        return self.changed.get("limits", (np.array([-np.inf]), np.array([1.0])))

    def value(self, w):
        return self.changed.get("value", lambda w: np.array([w @ w]))(w)

    def jacobian(self, w):
        return self.changed.get("jacobian", lambda w: 2.0 * w[None])(w)

    def hessian(self, w, v):
        return self.changed.get("hessian", lambda w, v: 2.0 * v[0] * np.eye(len(w)))(w, v)


def _raise(*args):
    raise OSError(MARK)


def _write(w):
    w[:] = 0.0
    return w @ w


def _same(other, net):
    return Held(np.array_equal(other.predict(X), net.predict(X)), "predicts the same")


def _skops(net):
    from skops import io

    stored = io.dumps(net)
    return _same(io.loads(stored, trusted=io.get_untrusted_types(data=stored)), net)


spectra = Topic("Spectra, paths and ways down")
NET = make("reg", hidden_layer_sizes=(2,)).fit(X, Y)
for text, call in {
    "of None": lambda: spectrum(None), "of text": lambda: spectrum("net"), "of a number": lambda: spectrum(3), "of an empty matrix": lambda: spectrum(np.zeros((0, 0))), "of one number": lambda: spectrum([[2.0]]).condition, "of a vector": lambda: spectrum(np.ones(3)), "of an oblong matrix": lambda: spectrum(np.ones((2, 3))), "of a matrix of nan": lambda: spectrum(np.full((3, 3), np.nan)), "of a matrix of inf": lambda: spectrum(np.full((3, 3), np.inf)), "of a matrix that is not symmetric": lambda: spectrum(np.triu(np.ones((3, 3)))), "of zeros": lambda: str(spectrum(np.zeros((3, 3)))), "of 1e300": lambda: str(spectrum(1e300 * np.eye(3))), "of 1e-300": lambda: str(spectrum(1e-300 * np.eye(3))), "of complex": lambda: spectrum(1j * np.eye(3)), "of text in a matrix": lambda: spectrum([["a"]]), "of a sparse matrix": lambda: str(spectrum(scipy.sparse.eye_array(5))), "of a matrix and a point": lambda: spectrum(np.eye(3), W), "of a matrix by products": lambda: str(spectrum(np.diag(np.arange(1.0, 40.0)), method="lanczos")), "of a small matrix by products": lambda: str(spectrum(np.eye(2), method="lanczos")), "of a class": lambda: spectrum(type(NET)), "of an unfitted net": lambda: spectrum(make("reg"), X, Y), "of a Ridge": lambda: spectrum(_ridge(), X, Y), "of a pipeline": lambda: str(spectrum(make_pipeline(StandardScaler(), make("reg")).fit(X, Y), X, Y)),
    "of a net without data": lambda: spectrum(NET), "of a net without y": lambda: spectrum(NET, X), "of a net, X nan": lambda: spectrum(NET, put((7, 1), np.nan)(X), Y), "of a net, y short": lambda: spectrum(NET, X, Y[1:]), "of a net, two columns": lambda: spectrum(NET, X[:, :2], Y), "of a net, negative weights": lambda: spectrum(NET, X, Y, -WEIGHTS), "of a net, offset of text": lambda: spectrum(NET, X, Y, offset="a"), "of a net, other data": lambda: str(spectrum(NET, X[:5] * 100, Y[:5])), "of a net, exposure": lambda: spectrum(NET, X, Y, exposure=np.ones(60)), "of a function without a point": lambda: spectrum(small()), "at a short vector": lambda: spectrum(small(), W[1:]), "at nan": lambda: spectrum(small(), np.nan * W), "at 1e300": lambda: spectrum(small(), W + 1e300), "at text": lambda: spectrum(small(), "w"), "at complex": lambda: spectrum(small(), W + 1j), "with y of a function": lambda: spectrum(small(), W, Y), "kind='no'": lambda: spectrum(small(), W, kind="no"), "kind=None": lambda: spectrum(small(), W, kind=None), "kind='block' by products": lambda: spectrum(small(), W, kind="block", method="lanczos"), "kind='lagrangian'": lambda: str(spectrum(small(), W, kind="lagrangian")), "method='no'": lambda: spectrum(small(), W, method="no"), "method=None": lambda: spectrum(small(), W, method=None), "n_extremes=0": lambda: spectrum(small(), W, n_extremes=0), "n_extremes=99": lambda: str(spectrum(small(), W, n_extremes=99)), "n_extremes=99 by products": lambda: str(spectrum(small(), W, n_extremes=99, method="lanczos")), "n_extremes=1.5": lambda: spectrum(small(), W, n_extremes=1.5), "n_probes=1": lambda: spectrum(small(), W, n_probes=1), "n_probes=True": lambda: spectrum(small(), W, n_probes=True), "n_steps=0": lambda: spectrum(small(), W, n_steps=0), "n_steps='a'": lambda: spectrum(small(), W, n_steps="a"), "random_state=-1": lambda: spectrum(small(), W, method="lanczos", random_state=-1), "random_state='a'": lambda: spectrum(small(), W, method="lanczos", random_state="a"), "random_state RandomState": lambda: spectrum(small(), W, method="lanczos", random_state=np.random.RandomState(0)), "standardize=1": lambda: str(spectrum(small(), W, standardize=1)), "standardize='yes'": lambda: spectrum(small(), W, standardize="yes"), "standardize of a matrix": lambda: spectrum(np.eye(3), standardize=True), "standardize of a constant column": lambda: str(spectrum(small(X=put((slice(None), 1), 1.0)(X)), W, standardize=True)), "standardize of a bowl": lambda: spectrum(Curved(), np.ones(3), standardize=True), "of a function without second derivatives": lambda: spectrum(Bowl(), np.ones(3)), "of a Hessian of nan": lambda: spectrum(Curved(lambda H: np.nan * H), np.ones(3)), "of a Hessian of a wrong shape": lambda: spectrum(Curved(lambda H: H[:1]), np.ones(3)), "of 1001 parameters, by products": lambda: spectrum(_wide(200), np.linspace(-1.0, 1.0, 1001), method="lanczos", n_probes=2, n_steps=5, n_extremes=1).highest, "of 1e5 parameters, dense": lambda: spectrum(_wide(), np.zeros(100_001), method="dense"),
    "directions('no')": lambda: spectrum(small(), W).directions("no"), "directions(None)": lambda: spectrum(small(), W).directions(None), "directions n=-1": lambda: spectrum(small(), W).directions(n=-1), "directions n='a'": lambda: spectrum(small(), W).directions(n="a"), "directions n=99": lambda: len(spectrum(small(), W).directions(n=99)), "directions 'flattest' by products": lambda: spectrum(small(), W, method="lanczos").directions("flattest"), "to_frame n='a'": lambda: spectrum(small(), W).to_frame(n="a"), "shares n='a'": lambda: spectrum(small(), W).directions()[0].shares("a"), "density at text": lambda: spectrum(small(), W).density.at("a"), "density at nan": lambda: Held(bool(np.isnan(spectrum(small(), W).density.at(np.array([np.nan]))[0]).all()), "nan"), "density of width 0": lambda: spectrum(small(), W).density.at(np.ones(2), width=0.0), "density of width nan": lambda: spectrum(small(), W).density.at(np.ones(2), width=np.nan), "density of width 'a'": lambda: spectrum(small(), W).density.at(np.ones(2), width="a"), "density of width -1": lambda: spectrum(small(), W).density.at(np.ones(2), width=-1.0), "density average of None": lambda: spectrum(small(), W).density.average(None), "tied": lambda: str(spectrum(make("reg", tied={"coefs_0": 0}).fit(X, Y), X, Y)), "under constraints": lambda: str(spectrum(make("reg", constraints=NormConstraint("coefs_0", upper=1.0)).fit(X, Y), X, Y)), "radial": lambda: str(spectrum(make("rbf").fit(X, Y), X, Y)), "semidefinite": lambda: str(spectrum(make("rbf", covariance_type="semidefinite").fit(X, Y), X, Y)), "softmax": lambda: str(spectrum(make("clf").fit(X, np.arange(60) % 3), X, np.arange(60) % 3)),
    "SpectrumPath every=0": lambda: SpectrumPath(every=0), "SpectrumPath every=1.5": lambda: SpectrumPath(every=1.5), "SpectrumPath every=True": lambda: SpectrumPath(every=True), "SpectrumPath every='a'": lambda: SpectrumPath(every="a"), "SpectrumPath of text": lambda: SpectrumPath("f", W), "SpectrumPath of a net": lambda: SpectrumPath(NET), "SpectrumPath of a point alone": lambda: SpectrumPath(None, W), "SpectrumPath from a short vector": lambda: SpectrumPath(small(), W[1:]), "SpectrumPath from nan": lambda: len(SpectrumPath(small(), np.nan * W).points), "SpectrumPath from text": lambda: SpectrumPath(small(), "w"), "SpectrumPath without a function, in a solver": lambda: get_solver("newton").minimize(small(), W, SpectrumPath()), "SpectrumPath of another function": lambda: get_solver("newton").minimize(small(), W, SpectrumPath(Curved())).value, "SpectrumPath of no second derivatives": lambda: get_solver("l-bfgs-b").minimize(Bowl(), np.ones(3), SpectrumPath(Bowl())).value, "SpectrumPath in a fit": lambda: _watched(), "SpectrumPath in a fit of n_init=2": lambda: _watched(n_init=2), "SpectrumPath in a fit of n_jobs=2": lambda: _watched(n_init=2, n_jobs=2), "SpectrumPath in a fit with alpha='auto'": lambda: _watched(alpha="auto"), "SpectrumPath in a fit with constraints": lambda: _watched(constraints=NormConstraint("coefs_0", upper=1.0)), "SpectrumPath in a fit of no iterations": lambda: _watched(max_iter=1), "SpectrumPath in a fit that fails": lambda: _watched(alpha=-1.0), "SpectrumPath of a function in a fit": lambda: _watched(SpectrumPath(small())), "SpectrumPath in pruning": lambda: BackwardPruning(make("reg", hidden_layer_sizes=(1,))).set_callbacks(SpectrumPath()).fit(X, Y).predict(X)[:2], "SpectrumPath left_at of nothing": lambda: Held(SpectrumPath().left_at is None, "None"), "SpectrumPath to_frame of nothing": lambda: Held(len(SpectrumPath().to_frame()) == 0, "no rows"),
    "way_down of None": lambda: way_down(None, W), "way_down of text": lambda: way_down("f", W), "way_down at a short vector": lambda: way_down(small(), W[1:]), "way_down at nan": lambda: way_down(small(), np.nan * W), "way_down at text": lambda: way_down(small(), "w"), "way_down at 1e300": lambda: way_down(small(), W + 1e300), "way_down of a wrong point": lambda: way_down(small(), W, 3), "way_down at a minimum": lambda: Held(way_down(small(alpha=0.1), get_solver("newton").minimize(small(alpha=0.1), W).params) is None, "None"), "way_down of no second derivatives": lambda: way_down(Bowl(), np.ones(3)), "way_down without bound": lambda: way_down(_falling(), np.zeros(3)), "way_down of a net": lambda: way_down(NET, W), "critical_point of no second derivatives": lambda: critical_point(Bowl(), np.zeros(3)).kind, "critical_point of a Hessian of nan": lambda: critical_point(Curved(lambda H: np.nan * H), np.zeros(3)).kind,
}.items():  # fmt: skip
    spectra.ask(f"spectrum {text}" if text[0].islower() and not text.startswith(("way", "critical")) else text, call)  # fmt: skip


def _ridge():
    from sklearn.linear_model import Ridge

    return Ridge().fit(X, Y)


def _wide(units=20000):
    return Objective(Network.mlp(3, (units,), 1), "squared_error", X, Y[:, None])


def _watched(path=None, **params):
    path = SpectrumPath() if path is None else path
    net = make("reg", **{"hidden_layer_sizes": (2,)} | params).set_callbacks(path)
    return len(path.points) + len(net.fit(X, Y).predict(X))


class _falling(Curved):
    def value(self, w):
        return -float(w @ w)

    def gradient(self, w):
        return -2.0 * w

    def hessian(self, w, kind="exact"):
        return -2.0 * np.eye(len(w))


spaces = Topic("Lagrangians, full space, modified objectives, counts and tensors")
TINY_X, TINY_Y = X[:12], Y[:12, None]


def tiny(**given):
    return Objective(**{"network": SMALL, "loss": "squared_error", "X": TINY_X, "Y": TINY_Y, "alpha": 0.1} | given)  # fmt: skip


L = Lagrangian(tiny())
AT = L.pack(*L.at(W))
for text, call in {
    "Lagrangian of None": lambda: Lagrangian(None), "Lagrangian of text": lambda: Lagrangian("f"), "Lagrangian of a net": lambda: Lagrangian(NET), "Lagrangian of a bowl": lambda: Lagrangian(Bowl()), "Lagrangian of a Network": lambda: Lagrangian(SMALL), "at a short vector": lambda: L.at(W[1:]), "at text": lambda: L.at("w"), "at nan": lambda: Held(bool(np.isnan(L.at(np.nan * W).states[-1]).all()), "nan"), "at complex": lambda: L.at(W + 1j), "pack of short weights": lambda: L.pack(W[1:], None, None), "pack of None": lambda: L.pack(W, None, None)[:3], "pack of too few states": lambda: L.pack(W, [np.zeros((12, 2))], None), "pack of states of a wrong shape": lambda: L.pack(W, [np.zeros((2, 12)), np.zeros((12, 1))], None), "pack of text": lambda: L.pack(W, "states", None), "pack of a number": lambda: L.pack(W, 3, None), "pack of text among states": lambda: L.pack(W, ["a", "b"], None), "unpack of a short vector": lambda: L.unpack(AT[1:]), "unpack of text": lambda: L.unpack("a"), "value of a short vector": lambda: L.value(AT[1:]), "value of nan": lambda: Held(not np.isfinite(L.value(np.nan * AT)), "nan"), "value of 1e300": lambda: Held(not np.isfinite(L.value(AT + 1e300)), "not finite, without a warning"), "gradient of 1e300": lambda: Held(not np.isfinite(L.gradient(AT + 1e300)).all(), "not finite, without a warning"), "hessian of nan": lambda: Held(not np.isfinite(L.hessian(np.nan * AT)).all(), "nan"), "hessian kind='block'": lambda: L.hessian(AT, "block"), "hessian kind=None": lambda: L.hessian(AT, None), "hessian_product of a short vector": lambda: L.hessian_product(AT, AT[1:]), "hessian_product of text": lambda: L.hessian_product(AT, "v"), "hessian_product of three dimensions": lambda: L.hessian_product(AT, np.ones((len(AT), 2, 2))), "hessian_product of no vectors": lambda: L.hessian_product(AT, np.zeros((len(AT), 0))).shape, "hessian of a large one": lambda: Lagrangian(small(X=np.tile(X, (2000, 1)), Y=np.tile(Y[:, None], (2000, 1)))).hessian(np.zeros(11 + 6 * 120000)).shape, "sparse_hessian of 1e6 rows": lambda: Lagrangian(small(X=np.tile(X, (20000, 1)), Y=np.tile(Y[:, None], (20000, 1)))).sparse_hessian(np.zeros(11 + 6 * 1200000)).shape, "primal_hessian of_objective='no'": lambda: L.primal_hessian(AT, of_objective="no"), "state_derivatives order 0": lambda: L.state_derivatives(AT, 0), "state_derivatives order 2.5": lambda: L.state_derivatives(AT, 2.5), "state_derivatives order 'a'": lambda: L.state_derivatives(AT, "a"), "state_derivatives order True": lambda: L.state_derivatives(AT, True), "state_derivatives order 40": lambda: L.state_derivatives(AT, 40)[0].shape, "null_space of nan": lambda: L.null_space(np.nan * AT), "null_space of many": lambda: Lagrangian(_wide(2000)).null_space(np.zeros(10_001 + 2 * 60 * 2001)).shape, "Lagrangian of tied": lambda: Lagrangian(tiny(network=Network.mlp(3, (2,), 1, tied={"coefs_0": 0}))).at(np.arange(6.0)).multipliers[0].shape, "Lagrangian of logistic outputs": lambda: Lagrangian(tiny(network=Network.mlp(3, (2,), 1, output_activation="logistic"))).at(W).multipliers[0].shape, "spectrum of it": lambda: str(spectrum(L, AT)), "critical_point of it": lambda: critical_point(L, AT).kind, "newton on it": lambda: get_solver("newton", max_iter=20).minimize(L, AT).value, "inference of it": lambda: _infer(L, AT), "states of a short vector": lambda: tiny().states(W[1:]), "multipliers of text": lambda: tiny().multipliers("w"),
    "minimize_full_space of None": lambda: minimize_full_space(None, W), "minimize_full_space of an objective": lambda: minimize_full_space(tiny(), W), "from a short vector": lambda: minimize_full_space(L, W[1:]), "from nan": lambda: minimize_full_space(L, np.nan * W), "from inf": lambda: minimize_full_space(L, W + np.inf), "from text": lambda: minimize_full_space(L, "w"), "from 1e300": lambda: minimize_full_space(L, W + 1e300, max_iter=5).value, "from 1e8": lambda: minimize_full_space(L, 1e8 * W, max_iter=20).value, "from states of a wrong shape": lambda: minimize_full_space(L, W, [np.zeros((12, 3)), np.zeros((12, 1))]), "from states of nan": lambda: minimize_full_space(L, W, [np.full((12, 2), np.nan), np.zeros((12, 1))]), "from too few states": lambda: minimize_full_space(L, W, [np.zeros((12, 2))]), "from states of text": lambda: minimize_full_space(L, W, "states"), "tol=0": lambda: minimize_full_space(L, W, tol=0, max_iter=50).value, "tol=-1": lambda: minimize_full_space(L, W, tol=-1), "tol=nan": lambda: minimize_full_space(L, W, tol=np.nan), "tol='a'": lambda: minimize_full_space(L, W, tol="a"), "tol=inf": lambda: minimize_full_space(L, W, tol=np.inf), "tol=True": lambda: minimize_full_space(L, W, tol=True), "max_iter=0": lambda: minimize_full_space(L, W, max_iter=0), "max_iter=1": lambda: minimize_full_space(L, W, max_iter=1).status.name, "max_iter=1.5": lambda: minimize_full_space(L, W, max_iter=1.5), "max_iter='a'": lambda: minimize_full_space(L, W, max_iter="a"), "max_iter=True": lambda: minimize_full_space(L, W, max_iter=True), "of 20000 units": lambda: minimize_full_space(Lagrangian(_wide()), np.zeros(100_001), max_iter=1).value, "of relu": lambda: minimize_full_space(Lagrangian(tiny(network=Network.mlp(3, (2,), 1, "relu"))), W, max_iter=50).value, "of poisson": lambda: minimize_full_space(Lagrangian(tiny(loss="poisson", Y=COUNTS[:12, None])), W, max_iter=50).value, "without a penalty": lambda: minimize_full_space(Lagrangian(tiny(alpha=0.0)), W, max_iter=50).value, "of tied": lambda: minimize_full_space(Lagrangian(tiny(network=Network.mlp(3, (2,), 1, tied={"coefs_0": 0}))), np.arange(6.0), max_iter=50).value,
    "ModifiedObjective of None": lambda: ModifiedObjective(None), "ModifiedObjective of text": lambda: ModifiedObjective("f"), "ModifiedObjective of a net": lambda: ModifiedObjective(NET), "ModifiedObjective of itself": lambda: ModifiedObjective(ModifiedObjective(small())).value(W), "ModifiedObjective of a bowl": lambda: ModifiedObjective(Bowl()).value(np.ones(3)), "its hessian of a bowl": lambda: ModifiedObjective(Bowl()).hessian(np.ones(3)), "its value of text": lambda: ModifiedObjective(small()).value("w"), "its value of a short vector": lambda: ModifiedObjective(small()).value(W[1:]), "its hessian of kind 'block'": lambda: ModifiedObjective(small()).hessian(W, "block"), "its hessian of kind None": lambda: ModifiedObjective(small()).hessian(W, None), "its product of a short vector": lambda: ModifiedObjective(small()).hessian_product(W, W[1:]), "its value of 1e300": lambda: Held(not np.isfinite(ModifiedObjective(small()).value(W + 1e300)), "not finite, without a warning"), "its value at nan": lambda: Held(not np.isfinite(ModifiedObjective(small()).value(np.nan * W)), "nan"), "its value of a negative function": lambda: Held(ModifiedObjective(_falling()).value(np.ones(3)) == np.inf, "infinite"), "its minimum by newton": lambda: get_solver("newton").minimize(ModifiedObjective(small(alpha=0.1)), W).value, "of gamma": lambda: get_solver("newton", max_iter=50).minimize(ModifiedObjective(small(loss="gamma", Y=COUNTS[:, None] + 1.0)), W).value, "keep of a wrong shape": lambda: ModifiedObjective(small()).keep(W[1:], 1.0, W),
    "count_second_derivatives of None": lambda: count_second_derivatives(None), "count_second_derivatives of a net": lambda: count_second_derivatives(NET), "count_second_derivatives loss unknown": lambda: count_second_derivatives(SMALL, "no"), "count_second_derivatives loss None": lambda: count_second_derivatives(SMALL, None), "count_second_derivatives of classes": lambda: count_second_derivatives(Network.mlp(3, (2,), 3), "multinomial_log_loss").exact, "count_second_derivatives of 1e5 units": lambda: count_second_derivatives(Network.mlp(3, (100_000,), 1)).exact, "count_second_derivatives of 1e4 tied units": lambda: count_second_derivatives(Network.mlp(3, (30_000,), 1, tied={"coefs_0": 0})).exact,
    "lagrangian_tensors order True": lambda: small().lagrangian_tensors(W, True), "lagrangian_tensors order None": lambda: small().lagrangian_tensors(W, None), "lagrangian_tensors order -1": lambda: small().lagrangian_tensors(W, -1), "lagrangian_tensors order nan": lambda: small().lagrangian_tensors(W, np.nan), "lagrangian_tensors of a short vector": lambda: small().lagrangian_tensors(W[1:], 3), "lagrangian_tensors at text": lambda: small().lagrangian_tensors("w", 3), "lagrangian_tensors at nan": lambda: Held(not np.isfinite(small().lagrangian_tensors(np.nan * W, 3)[0]).all(), "nan"), "lagrangian_tensors at 1e300": lambda: Held(True, f"shape {small().lagrangian_tensors(W + 1e300, 3)[0].shape}, without a warning"), "lagrangian_tensors penalised='no'": lambda: small().lagrangian_tensors(W, 3, penalised="no"), "lagrangian_tensors of relu": lambda: small(network=Network.mlp(3, (2,), 1, "relu")).lagrangian_tensors(W, 4)[0].shape, "lagrangian_tensors of a user's activation": lambda: small(network=Network.mlp(3, (2,), 1, _own())).lagrangian_tensors(W, 4)[0].shape, "lagrangian_tensors of radial units": lambda: Objective(Network.rbf(3, 2, 1), "squared_error", X, Y[:, None]).lagrangian_tensors(0.1 * np.ones(21), 3)[0].shape, "lagrangian_tensors of semidefinite units": lambda: (lambda n: Objective(n, "squared_error", X, Y[:, None]).lagrangian_tensors(0.1 * np.ones(n.n_parameters), 3)[0].shape)(Network.rbf(3, 2, 1, "semidefinite")), "lagrangian_tensors of tied": lambda: (lambda n: Objective(n, "squared_error", X, Y[:, None]).lagrangian_tensors(0.1 * np.ones(n.n_parameters), 3)[0].shape)(Network.mlp(3, (2,), 1, tied={"coefs_0": 0})), "hessian_blocks of a short vector": lambda: small().hessian_blocks(W[1:]), "hessian_blocks kind='no'": lambda: small().hessian_blocks(W, "no"), "hessian kind='block' of 20000 units": lambda: _wide().hessian(np.zeros(100_001), kind="block"),
}.items():  # fmt: skip
    spaces.ask(f"minimize_full_space {text}" if text.startswith(("from", "tol", "max_iter", "of ", "without")) else text, call)  # fmt: skip


def _infer(function, w):
    from sknewtonnet.inference import infer

    return infer(function, w)


def _own():
    from hostile_inputs.user_code import Tanh

    return Tanh()


TOPICS = [options, nonlinear, spectra, spaces]
