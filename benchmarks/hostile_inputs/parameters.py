"""Hostile parameters of all estimators, constraints, and huge requests."""

from decimal import Decimal

import numpy as np
import scipy.sparse
from sklearn.model_selection import GroupKFold, KFold, LeaveOneOut, ShuffleSplit

from hostile_inputs.cases import FOUR, Topic, X, Y, fitted, make
from sknewtonnet.calculus import (
    GaussianRBF,
    Linear,
    Network,
    NormPenalty,
    Objective,
    Quadratic,
    get_activation,
)
from sknewtonnet.calculus.pieces.activations import Tanh
from sknewtonnet.solvers import SOLVERS, LBFGSBSolver, NewtonSolver

parameters = Topic("Parameters")
MLPS = ("reg", "clf")
parameters.params("hidden_layer_sizes", [0, -1, (0,), (-3,), None, True, (True,), np.int32(3), np.array([3]), [3], range(3, 4),
                  "3", 3.0, (3.0,), (np.nan,), {2, 3}, (), [[]], [[3, 3]], (3, "a"), ("3",), 10**30, (2,) * 10, (1,) * 30], max_iter=20)  # fmt: skip
parameters.fit(
    "hidden_layer_sizes a generator", ("reg",), hidden_layer_sizes=(3 for _ in range(1))
)
parameters.params(
    "activation",
    [
        "squared_exponential",
        "sigmoid",
        "ReLU",
        "",
        None,
        Tanh,
        Tanh(),
        [],
        ["tanh", "tanh"],
        ["relu"],
        3,
        ["no"],
        [None],
        get_activation("relu"),
    ],
)
parameters.params(
    "activation",
    [
        "identity",
        "logistic",
        "relu",
        "softplus",
        "elu",
        "gelu",
        "silu",
        "softsign",
        "arctan",
        "sine",
        "gaussian",
    ],
    MLPS,
    alpha=0.0,
)
parameters.params("alpha", [np.inf, np.nan, -1.0, 1e300, 1e308, 1e-300, 5e-324, True, {}, [], "1", "AUTO", None, {"coefs_0": None},
                  {"coefs_0": "a"}, {"no": 1.0}, {0: 1.0}, {"coefs_0": -1.0}, {"coefs_0": [[1.0]]}, [1.0], [1.0, [1.0, 2.0]], [1.0, 2.0],
                  [1.0, 2.0, 3.0], [np.nan, 1.0], [1.0, -1.0], 1j, Decimal("0.1"), {"coefs_0": {}}, [[1.0, 2.0]], np.array(0.1),
                  {"coefs_0": np.full((3, 3), np.inf)}, 1e10, "ard"], ("reg", "rbf"))  # fmt: skip
parameters.params(
    "tol", [0, 0.0, 1e-300, np.inf, 1e300, np.nan, -1.0, "1e-3", None, True, 1j], MLPS
)
parameters.params("ftol", [0, 1.0, 1e300, np.inf, np.nan, -1.0, "a", None], MLPS)
parameters.params("max_iter", [0, 1, -1, True, 10**30, 1.0, np.inf, "1", None], MLPS)
parameters.params("n_init", [0, True, 1.0, -2, None, "2", 2, np.int8(2)], FOUR)
parameters.params(
    "random_state",
    [
        -1,
        2**32,
        1.0,
        np.int64(3),
        np.random.RandomState(0),
        np.random.default_rng(0),
        True,
        np.random,
        None,
        "0",
    ],
)
for text, n_jobs, n_init in (
    ("0", 0, 2),
    ("0", 0, 1),
    ("-5", -5, 2),
    ("10**6", 10**6, 2),
    ("'2'", "2", 2),
    ("1.5", 1.5, 2),
    ("True", True, 2),
    ("None", None, 2),
):
    parameters.fit(f"n_jobs={text}, n_init={n_init}", ("reg",), n_jobs=n_jobs, n_init=n_init)
parameters.params("solver_options", [{"no": 1}, {"initial_trust_radius": "a"}, {"initial_trust_radius": np.nan}, {"initial_trust_radius": 0.0},
                  {"initial_trust_radius": np.inf}, {"initial_trust_radius": 1e300}, {"initial_trust_radius": 1e-300}, {1: 2}, [],
                  {"initial_trust_radius": np.ones(2)}, {"initial_trust_radius": Decimal(1)}, {"initial_trust_radius": None}, {}, "a"])  # fmt: skip
parameters.params(
    "solver",
    [
        "no",
        "lbfgs",
        None,
        NewtonSolver,
        NewtonSolver(),
        LBFGSBSolver(tol=1e-6),
        3,
        ["newton"],
        "adam",
        "AUTO",
    ],
)
for name in sorted(SOLVERS):
    parameters.fit(f"solver={name!r}", FOUR, solver=name, max_iter=200)
    parameters.fit(
        f"solver={name!r}, hessian='block'", ("reg",), solver=name, hessian="block", max_iter=50
    )
    parameters.fit(
        f"solver={name!r}, an unknown option", ("reg",), solver=name, solver_options={"unknown": 1}
    )
    parameters.fit(
        f"solver={name!r}, alpha=0, 40 units",
        ("reg",),
        solver=name,
        alpha=0.0,
        hidden_layer_sizes=(40,),
        max_iter=30,
    )
parameters.params("hessian", ["exact", "gauss-newton", "lagrangian", "no", None, 1])
parameters.params("verbose", ["x", -1, 1.5, None])
parameters.params("warm_start", [1, "yes", None])
parameters.params("standardize", [1, 0, "yes", None, np.True_, np.False_], FOUR)
parameters.params(
    "skip_connections", [0, np.False_, "all", "input-output", True, "ALL", None, 1], MLPS
)
parameters.params(
    "loss", ["no", "mse", "log_loss", None, Tanh, 3, "poisson", [], get_activation("tanh")]
)
parameters.params("cv", [0, 1, 2, 61, -1, "a", 2.5, KFold(3), LeaveOneOut(), GroupKFold(2), ShuffleSplit(2, random_state=0), [], [([], [])],
                  [([0, 1], [2])], [([0, 1], [99])], [(np.arange(30), np.arange(30, 60))], [1, 2], KFold, True], MLPS, alpha="auto")  # fmt: skip
parameters.fit(
    "cv a generator",
    ("reg",),
    cv=(pair for pair in [(np.arange(30), np.arange(30, 60))]),
    alpha="auto",
)
parameters.params(
    "penalties",
    [
        [],
        (),
        NormPenalty,
        "no",
        3,
        [3],
        [None],
        {},
        [NormPenalty(1.0, ["coefs_0"])] * 2,
        NormPenalty(1.0, ["coefs_0"]),
        NormPenalty(1.0, ["no"]),
    ],
    MLPS,
)
for arguments in (
    (-1.0,),
    (np.nan,),
    (np.inf,),
    (1.0, 3),
    ("a",),
    (1e300,),
    (1.0, "coefs_0"),
    (None,),
    (0.0,),
):
    parameters.ask(
        f"penalties of NormPenalty{arguments}",
        lambda a=arguments: fitted(penalties=NormPenalty(*a)),
    )
parameters.params(
    "n_centers", [0, -1, 61, 60, 1, True, 3.0, None, "3"], ("rbf", "rbc"), max_iter=50
)
parameters.fit("n_centers=60, alpha=0", ("rbf", "rbc"), n_centers=60, alpha=0.0, max_iter=30)
parameters.params(
    "alpha_widths",
    [np.inf, np.nan, -1.0, 1e300, 1e-300, 0.0, "a", None, True],
    ("rbf", "rbc"),
    max_iter=100,
)
parameters.fit(
    "alpha_widths=0, alpha=0", ("rbf", "rbc"), alpha_widths=0.0, alpha=0.0, max_iter=100
)
parameters.params("covariance_type", ["tied", None, "FULL", "diag", "full", 1], ("rbf", "rbc"))
for text, given in {
    "empty": lambda: [],
    "a layer": lambda: Linear((0,), 1),
    "text": lambda: ["a"],
    "a number": lambda: 3,
    "a class": lambda: [Linear],
    "too few units": lambda: [Linear((0,), 5)],
    "last not the identity": lambda: [Linear((0,), 1, "tanh")],
    "reads what comes later": lambda: [Linear((2,), 3), Linear((1,), 1)],
    "reads nothing": lambda: [Linear((), 3), Linear((1,), 1)],
    "one that is not read": lambda: [Linear((0,), 3), Linear((0,), 1)],
    "a function that returns None": lambda: lambda p, o: None,
    "a function of one argument": lambda: lambda p: [Linear((0,), 1)],
    "radial": lambda: [GaussianRBF((0,), 3), Linear((1,), 1)],
    "quadratic": lambda: [Quadratic((0,), 2), Linear((1,), 1)],
    "the same object twice": lambda: [Linear((0,), 1)] * 2,
    "a generator": lambda: (Linear((0,), 1) for _ in range(1)),
    "None": lambda: None,
    "20 deep": lambda: [*(Linear((k,), 1, "tanh") for k in range(20)), Linear((20,), 1)],
}.items():
    parameters.ask(
        f"layers: {text}", lambda g=given: fitted("net", layers=g(), max_iter=50), to="net"
    )
for text, arguments in {"no units": ((0,), 0), "half a unit": ((0,), 1.5), "text": ((0,), "a"), "bool": ((0,), True), "negative source": ((-1,), 2),
                        "sources twice": ((0, 0), 2), "source a number": (0, 2), "activation unknown": ((0,), 2, "no"), "activation None": ((0,), 2, None)}.items():  # fmt: skip
    parameters.ask(
        f"Linear, {text}",
        lambda a=arguments: fitted("net", layers=[Linear(*a), Linear((1,), 1)], max_iter=20),
        to="net",
    )
parameters.ask("an unknown parameter", lambda: make("reg", units=3))
parameters.ask("set_params of an unknown one", lambda: make("reg").set_params(units=3))
parameters.ask("parameters by position", lambda: type(make("reg"))((3,), "tanh"))

constraints = Topic("Constraints")
MASK = np.ones((3, 3), dtype=bool)
for text, given in {
    "none left": {k: np.zeros(s, dtype=bool) for k, s in {"coefs_0": (3, 3), "intercepts_0": 3, "coefs_1": (3, 1), "intercepts_1": 1}.items()},
    "only the last intercept": {k: np.zeros(s, dtype=bool) for k, s in {"coefs_0": (3, 3), "intercepts_0": 3, "coefs_1": (3, 1)}.items()},
    "no last coefficients": {"coefs_1": np.zeros((3, 1), dtype=bool)}, "of integers": {"coefs_0": np.ones((3, 3), dtype=int)}, "lists": {"coefs_0": MASK.tolist()},
    "wrong shape": {"coefs_0": [True]}, "unknown": {"no": MASK}, "None": {"coefs_0": None}, "text": {"coefs_0": "all"}, "a list": [MASK], "empty": {}, "a feature of none": {"coefs_0": MASK & [[True], [False], [True]]},
}.items():  # fmt: skip
    constraints.fit(f"connectivity {text}", ("reg",), connectivity=given)
for text, given in {
    "crossed": {"coefs_0": (1, 0)}, "nan": {"coefs_0": (np.nan, 1)}, "unknown": {"w": (0, 1)}, "a number": {"coefs_0": 1.0}, "(inf, inf)": {"coefs_0": (np.inf, np.inf)},
    "(None, None)": {"coefs_0": (None, None)}, "huge": {"coefs_0": (1e200, 1e300)}, "tiny": {"coefs_0": (1e-300, 1e-299)}, "text": {"coefs_0": ("a", "b")}, "three": {"coefs_0": (0, 1, 2)},
    "contradictory": {"coefs_0": (1, 2), "coefs_0[x0, h0]": (-2, -1)}, "arrays": {"coefs_0": (np.zeros((3, 3)), np.ones((3, 3)))}, "arrays of a wrong shape": {"coefs_0": (np.zeros(7), None)},
    "all frozen": dict.fromkeys(("coefs_0", "intercepts_0", "coefs_1", "intercepts_1"), (0.5, 0.5)), "a list": [(0, 1)], "key a number": {0: (0, 1)}, "a near miss": {"coefs_0[x0,h0]": (0, 1)},
    "one point apart": {"coefs_0": (0.0, 5e-324)}, "of a unit that is not": {"coefs_0[x0, h9]": (0, 1)}, "complex": {"coefs_0": (0, 1j)}, "empty": {},
}.items():  # fmt: skip
    constraints.fit(f"bounds {text}", ("reg", "clf"), bounds=given)
    constraints.fit(f"bounds {text}, standardize=False", ("reg",), bounds=given, standardize=False)
constraints.fit(
    "bounds on a removed parameter",
    ("reg",),
    bounds={"coefs_0[x0, h0]": (0, 1)},
    connectivity={"coefs_0": ~np.eye(3, dtype=bool)},
)
for text, given in {
    "too short": [1], "entries of 2": [2, 0, 0], "names without names": {"a": 1}, "nan": [np.nan, 0, 0], "bool": [True, False, False], "text": ["a", 0, 0], "a number": 1, "a word": "increasing",
    "halves": [0.5, 0, 0], "all rising": [1, 1, 1], "all falling": [-1, -1, -1], "empty": [], "two-dimensional": [[1, 0, 0]], "empty dict": {},
}.items():  # fmt: skip
    constraints.fit(f"monotonic_cst {text}", ("reg", "clf"), monotonic_cst=given)
constraints.fit("monotonic_cst with sine", ("reg",), monotonic_cst=[1, 0, 0], activation="sine")
constraints.fit(
    "monotonic_cst and three classes", ("clf",), monotonic_cst=[1, 0, 0], y=np.arange(60) % 3
)
constraints.fit(
    "monotonic_cst against bounds", ("reg",), monotonic_cst=[1, 0, 0], bounds={"coefs_0": (-2, -1)}
)
for solver in sorted(SOLVERS):
    constraints.fit(
        f"monotonic_cst with {solver!r}", ("reg",), monotonic_cst=[1, 0, 0], solver=solver
    )
    constraints.fit(
        f"bounds with {solver!r}", ("reg",), bounds={"coefs_0": (-0.1, 0.1)}, solver=solver
    )
ONE = {"coefs_0[x0, h0]": 1.0, "coefs_0[x1, h0]": -1.0}
for text, given in {
    "three times the same": [(ONE, 0, 0)] * 3, "twenty times": [(ONE, 0, 0)] * 20, "infeasible": [(ONE, 1, 2), (ONE, -2, -1)], "all factors zero": [({"coefs_0": 0.0}, 0, 1)], "no limit": [(ONE, None, None)],
    "text as limit": [(ONE, "a", 1)], "pairs": [(ONE, 1)], "factors of 1e200": [({k: 1e200 * v for k, v in ONE.items()}, 0, 0)], "factors of 1e-200": [({k: 1e-200 * v for k, v in ONE.items()}, 0, 0)],
    "factors of 5e-324": [({"coefs_0[x0, h0]": 5e-324}, 0, 1)], "nan factor": [({"coefs_0[x0, h0]": np.nan}, 0, 1)], "inf limit": [(ONE, np.inf, None)], "nan limit": [(ONE, np.nan, 1)], "crossed": [(ONE, 1, 0)],
    "an array": np.ones((2, 2)), "empty": [], "terms a list": [(["coefs_0"], 0, 1)], "unknown name": [({"no": 1}, 0, 1)], "no terms": [({}, 0, 1)], "limits of 1e300": [(ONE, 1e300, None)],
    "eleven equalities": [({f"coefs_0[x{i}, h{j}]": 1.0}, 0.1, 0.1) for i in range(3) for j in range(3)] + [({f"intercepts_0[h{j}]": 1.0}, 0.0, 0.0) for j in range(2)],
    "inconsistent equalities": [({"intercepts_1": 1.0}, 0, 0), ({"intercepts_1": 1.0}, 1, 1)], "factor an array": [({"coefs_0": np.ones((3, 3))}, -1, 1)], "a dict": {"coefs_0": (0, 1)}, "text": "coefs_0 > 0",
}.items():  # fmt: skip
    for solver in ("auto", "slsqp", "trust-constr"):
        constraints.fit(
            f"linear_constraints {text}, {solver}",
            ("reg",),
            linear_constraints=given,
            solver=solver,
            max_iter=300,
        )
constraints.fit(
    "linear_constraints against bounds",
    ("reg",),
    linear_constraints=[({"intercepts_1": 1.0}, 5, 6)],
    bounds={"intercepts_1": (0, 1)},
)

huge = Topic("Huge requests")
for text, sizes in {
    "(10**9,)": (10**9,),
    "(10**5, 10**5)": (10**5, 10**5),
    "10**30": 10**30,
    "2000 layers of one unit": (1,) * 2000,
    "(5000,)": (5000,),
}.items():
    huge.fit(f"hidden_layer_sizes={text}", ("reg", "clf"), hidden_layer_sizes=sizes, max_iter=2)
huge.fit(
    "hidden_layer_sizes=(5000,), newton, block",
    ("reg",),
    hidden_layer_sizes=(5000,),
    solver="newton",
    hessian="block",
    max_iter=2,
)
for solver in ("trust-exact", "bfgs", "slsqp", "trust-constr", "lm", "newton-cg", "trust-krylov"):
    huge.fit(
        f"hidden_layer_sizes=(20000,), {solver}",
        ("reg",),
        hidden_layer_sizes=(20000,),
        solver=solver,
        max_iter=2,
    )
huge.fit("n_init=10**9", ("reg", "rbf"), n_init=10**9)
huge.fit(
    "hidden_layer_sizes=(20000,), bounds",
    ("reg",),
    hidden_layer_sizes=(20000,),
    bounds={"coefs_0": (-1, 1)},
    max_iter=2,
)
huge.fit(
    "hidden_layer_sizes=(20000,), linear_constraints",
    ("reg",),
    hidden_layer_sizes=(20000,),
    linear_constraints=[({"coefs_0": 1.0}, -1, 1)],
    max_iter=2,
)


def wide(n, p):
    return np.random.default_rng(0).normal(size=(n, p))


huge.fit(
    "20 rows, 1e5 columns",
    ("reg", "clf"),
    x=lambda x: wide(20, 10**5),
    y=lambda y: y[:20],
    max_iter=2,
)
huge.fit(
    "20 rows, 1e5 columns, no hidden layer",
    ("reg",),
    x=lambda x: wide(20, 10**5),
    y=lambda y: y[:20],
    hidden_layer_sizes=(),
    max_iter=2,
)
for form, p in (("spherical", 20000), ("diag", 20000), ("full", 300), ("full", 5000)):
    huge.fit(
        f"20 rows, {p} columns, {form}",
        ("rbf",),
        x=lambda x, p=p: wide(20, p),
        y=lambda y: y[:20],
        covariance_type=form,
        max_iter=2,
    )
huge.ask(
    "Objective.hessian, 1e5 parameters", lambda: _wide_objective().hessian(np.zeros(100_001)).shape
)
huge.ask(
    "Objective.hessian, 1e5 parameters, gauss-newton",
    lambda: _wide_objective().hessian(np.zeros(100_001), kind="gauss-newton").shape,
)
huge.ask(
    "Objective.hessian_product, 1e5 parameters",
    lambda: _wide_objective().hessian_product(np.zeros(100_001), np.ones(100_001))[:2],
)
huge.ask(
    "Objective.jacobian, 1e5 parameters",
    lambda: _wide_objective().jacobian(np.zeros(100_001)).shape,
)
huge.ask(
    "lagrangian_tensors of order 8",
    lambda: _wide_objective(3).lagrangian_tensors(np.zeros(4 * 3 + 4), 8),
)
huge.ask("inference above 3000 parameters", lambda: _large().inference(X, Y))
huge.ask("feature_importances_ above 3000 parameters", lambda: _large().feature_importances_)
huge.ask(
    "a sparse table of 1e6 x 1e5",
    lambda: make("reg").fit(scipy.sparse.csr_array((10**6, 10**5)), np.zeros(10**6)),
)


def _wide_objective(units=20000):
    return Objective(Network.mlp(3, (units,), 1), "squared_error", X, Y[:, None])


def _large():
    return make("reg", hidden_layer_sizes=(700,), max_iter=2).fit(X, Y)


TOPICS = [parameters, constraints, huge]
