"""Hostile structures of nets: shared parameters, single connections, units, outputs, covariances."""

import copy
import pickle

import numpy as np
import pandas as pd
from hostile_judge import Held
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hostile_inputs.cases import (
    COUNTS,
    FOUR,
    LABELS,
    NAMES,
    Topic,
    X,
    Y,
    fitted,
    make,
    put,
    target,
)
from sknewtonnet import BackwardPruning, InformationCriterionSearch
from sknewtonnet.calculus import (
    Linear,
    Network,
    NormConstraint,
    NormPenalty,
    Objective,
    PredictionConstraint,
    Quadratic,
    Semidefinite,
    SlopeConstraint,
    convolution,
    get_activation,
)

ONES = np.zeros((3, 3), dtype=int)
UNITS = np.tile(np.arange(3), (3, 1))  # one label for each unit: three coefficients in all
ROWS = UNITS.T  # one label for each input
FREE = np.full((3, 3), -1)
POSITIVE = 1.0 / (1.0 + np.exp(-Y))

shared = Topic("Shared parameters")
for text, given in {
    "text": "coefs_0", "a number": 3, "True": True, "a list": [ONES], "an empty list": [], "empty": {}, "an array": ONES, "unknown": {"no": 0}, "a near miss": {"coefs_0[x0,h0]": 0}, "key a number": {0: ONES}, "None": {"coefs_0": None}, "labels of text": {"coefs_0": "a"},
    "labels of halves": {"coefs_0": 0.5 + ONES}, "labels of whole floats": {"coefs_0": 1.0 * ONES}, "labels of bool": {"coefs_0": ONES > 0}, "label True": {"coefs_0": True}, "label nan": {"coefs_0": np.nan}, "labels of inf": {"coefs_0": np.full((3, 3), np.inf)}, "label -2": {"coefs_0": -2}, "labels of 10**30": {"coefs_0": 10**30}, "labels of 2**62": {"coefs_0": ONES + 2**62}, "complex": {"coefs_0": 1j * ONES}, "objects": {"coefs_0": ONES.astype(object)}, "unsigned": {"coefs_0": ONES.astype(np.uint8)},
    "a wrong shape": {"coefs_0": [0, 1]}, "a transposed shape": {"coefs_1": [[0, 1, 2]]}, "ragged": {"coefs_0": [[0], [1, 2], [3]]}, "nested": {"coefs_0": {"x0": 0}}, "all free": {"coefs_0": FREE}, "lists": {"coefs_0": ONES.tolist()},
    "all of an array": {"coefs_0": 0}, "by units": {"coefs_0": UNITS}, "by inputs": {"coefs_0": ROWS}, "all of the net": dict.fromkeys(("coefs_0", "intercepts_0", "coefs_1", "intercepts_1"), 0), "coefficients with intercepts": {"coefs_0": 0, "intercepts_0": 0}, "both layers": {"coefs_0": 0, "coefs_1": 0}, "both intercepts": {"intercepts_0": 0, "intercepts_1": 0}, "outputs": {"coefs_1": 0}, "two single names": {"coefs_0[x0, h0]": 4, "intercepts_0[h2]": 4}, "one single name": {"coefs_0[x0, h0]": 4}, "an input with an intercept": {"coefs_0[x0, h0]": 1, "intercepts_1": 1},
}.items():  # fmt: skip
    shared.fit(f"tied {text}", ("reg", "clf"), tied=given)
    shared.fit(f"tied {text}, standardize=False", ("reg",), tied=given, standardize=False)
for text, given in {"equal units": {"coefs_0": ROWS, "intercepts_0": 0, "coefs_1": 0}, "equal inputs": {"coefs_0": UNITS}}.items():  # fmt: skip
    for solver in ("auto", "newton", "lm", "bpos", "bfgs", "trust-exact", "slsqp"):
        shared.fit(f"tied {text}, {solver}", ("reg",), tied=given, solver=solver)
for text, given in {"centers": {"centers": 0}, "widths": {"precisions_cholesky": 0}, "centers and outputs": {"centers": 0, "coefs_0": 0}, "all widths and one centre": {"precisions_cholesky": 0, "centers": 0}, "unknown": {"coefs_1": 0}, "a wrong shape": {"centers": [0, 1]}}.items():  # fmt: skip
    for form in ("spherical", "diag", "full", "tied", "quadratic", "semidefinite"):
        shared.fit(f"tied {text}, {form}", ("rbf",), tied=given, covariance_type=form)
shared.fit("tied of two layers", ("net", "nec"), tied={"coefs_0": 0})
shared.fit("tied across layers of other inputs", ("net",), tied={"coefs_0": 0, "coefs_1": 0})
for text, others in {
    "a removed entry": {"connectivity": {"coefs_0": ~np.eye(3, dtype=bool)}}, "all removed": {"connectivity": {"coefs_0": False}}, "bounds": {"bounds": {"coefs_0": (0, 1)}}, "bounds of a second entry": {"bounds": {"coefs_0[x1, h0]": (0, 1)}}, "contradictory bounds": {"bounds": {"coefs_0[x0, h0]": (0, 1), "coefs_0[x1, h0]": (-2, -1)}}, "frozen at two values": {"bounds": {"coefs_0[x0, h0]": (1, 1), "coefs_0[x1, h0]": (2, 2)}},
    "linear constraints of both": {"linear_constraints": [({"coefs_0[x0, h0]": 1.0, "coefs_0[x1, h0]": -1.0}, 0, 0)]}, "linear constraints against it": {"linear_constraints": [({"coefs_0[x0, h0]": 1.0, "coefs_0[x1, h0]": -1.0}, 1, 1)]}, "linear constraints of the array": {"linear_constraints": [({"coefs_0": 1.0}, -1, 1)]}, "monotonic_cst": {"monotonic_cst": [1, 0, 0]}, "monotonic_cst that contradicts": {"monotonic_cst": [1, -1, 0]}, "alpha by arrays": {"alpha": {"coefs_0": np.arange(9.0).reshape(3, 3)}}, "alpha of the second entry": {"alpha": {"coefs_0[x1, h0]": 1.0}}, "alpha='auto'": {"alpha": "auto"}, "alpha='ard'": {"alpha": "ard"}, "alpha=0": {"alpha": 0.0},
    "penalties": {"penalties": NormPenalty(1.0, ["coefs_0"])}, "a norm": {"constraints": NormConstraint("coefs_0", upper=1.0)}, "norms of units": {"constraints": NormConstraint("coefs_0", 1.0, 1.0, per_unit=True)}, "a prediction": {"constraints": PredictionConstraint([[0.0, 0.0, 0.0]], 0.0, 0.0)}, "a slope": {"constraints": SlopeConstraint(X[:2], 0, 0.0)}, "n_init=3": {"n_init": 3}, "warm_start": {"warm_start": True}, "X constant": {"x": np.ones_like}, "a constant column": {"x": put((slice(None), 1), 1.0)}, "columns of 1e8 and 1": {"x": lambda x: x * [1e8, 1.0, 1e-8]}, "X times 1e100": {"x": lambda x: 1e100 * x}, "two outputs": {"y": lambda y: np.column_stack([y, y])},
    "skip connections": {"skip_connections": "all"}, "three layers": {"hidden_layer_sizes": (3, 2, 2)}, "no hidden layer": {"hidden_layer_sizes": ()}, "activation by units": {"activation": [["tanh", "sine", "softplus"]]}, "output_activation": {"output_activation": "softplus"}, "pseudo_huber": {"loss": "pseudo_huber"},
    "hessian='block'": {"hessian": "block", "max_iter": 50}, "preconditioner": {"solver": "newton", "solver_options": {"preconditioner": "block"}},
}.items():  # fmt: skip
    tied = {"coefs_0": ONES} if others.get("hidden_layer_sizes") == () else {"coefs_0": UNITS}
    if "sizes" not in str(others):
        shared.fit(f"tied by units and {text}", ("reg",), tied=tied, **others)
    else:
        shared.fit(f"tied and {text}", ("reg",), tied={"coefs_0": 0}, **others)
for kind in FOUR:
    where = "coefs_0" if kind in ("reg", "clf") else "centers"
    for text, call in {
        "inference": lambda net, y: net.fit(X, y).inference(X, y).std_errors.shape, "summary of parameters": lambda net, y: len(net.fit(X, y).inference(X, y).summary(parameters=True)), "wald_test of a tied name": lambda net, y: net.fit(X, y).inference(X, y).wald_test(net.parameter_names_[0]).df, "profile of the first": lambda net, y: net.fit(X, y).inference(X, y).profile_interval(net.parameter_names_[0]), "likelihood_ratio_test of x0": lambda net, y: (lambda t: Held(bool(np.isfinite(t.p_value) or t.reason), t.reason or "a p-value"))(net.fit(X, y).inference(X, y).likelihood_ratio_test("x0")), "feature_importances_": lambda net, y: net.fit(X, y).feature_importances_, "pruning": lambda net, y: BackwardPruning(net).fit(X, y).predict(X)[:2], "pruning of weights": lambda net, y: BackwardPruning(net, unit="weight").fit(X, y).predict(X)[:2], "a search": lambda net, y: InformationCriterionSearch(net, {"alpha": [0.1, 1.0]}).fit(X, y).predict(X)[:2], "GridSearchCV": lambda net, y: GridSearchCV(net, {"tied": [None, net.tied]}, cv=2).fit(X, y).predict(X)[:2],
        "cross_val_score in two processes": lambda net, y: cross_val_score(net, X, y, cv=2, n_jobs=2), "a pipeline": lambda net, y: make_pipeline(StandardScaler(), net).fit(X, y).predict(X)[:2], "clone": lambda net, y: Held(clone(net).get_params()["tied"] is not None, "kept"), "deepcopy of a fit": lambda net, y: _same(copy.deepcopy(net.fit(X, y)), net), "pickle of a fit": lambda net, y: _same(pickle.loads(pickle.dumps(net.fit(X, y))), net), "skops of a fit": lambda net, y: _skops(net.fit(X, y)), "hidden_unit_test": lambda net, y: (lambda t: Held(bool(np.isfinite(t.p_value) or t.reason), t.reason or "a p-value"))(net.fit(X, y).inference(X, y).hidden_unit_test()),
    }.items():  # fmt: skip
        shared.ask(
            f"tied, then {text}",
            lambda k=kind, c=call, w=where: c(make(k, tied={w: 0}), target(k)),
            to=kind,
        )
for text, call in {
    "Network.mlp tied text": lambda: Network.mlp(3, (2,), 1, tied="no"), "Network.mlp tied unknown": lambda: Network.mlp(3, (2,), 1, tied={"no": 0}), "Network.mlp tied of halves": lambda: Network.mlp(3, (2,), 1, tied={"coefs_0": 0.5}), "Network.mlp tied of a wrong shape": lambda: Network.mlp(3, (2,), 1, tied={"coefs_0": [1, 2]}), "Network.mlp tied of a list": lambda: Network.mlp(3, (2,), 1, tied=[0]), "Network.mlp tied None": lambda: Network.mlp(3, (2,), 1, tied=None).n_parameters, "Network.rbf tied unknown": lambda: Network.rbf(3, 2, 1, tied={"coefs_0": 0}), "from_layers tied unknown": lambda: Network.from_layers(3, [Linear((0,), 1)], tied={"coefs_7": 0}),
    "pack entries that are not equal": lambda: _tied_net().layout.pack({"coefs_0": np.arange(6.0).reshape(3, 2), "intercepts_0": np.zeros(2), "coefs_1": np.zeros((2, 1)), "intercepts_1": np.zeros(1)}), "unpack of the tied": lambda: _tied_net().layout.unpack(np.arange(6.0))["coefs_0"], "parameters of the untied net": lambda: _tied_net().predict_raw(np.zeros(11), X), "Hessian of the tied": lambda: Objective(_tied_net(), "squared_error", X, Y[:, None]).hessian(np.arange(6.0)).shape, "tensors of the tied": lambda: Objective(_tied_net(), "squared_error", X, Y[:, None]).lagrangian_tensors(np.arange(6.0), 3)[0].shape,
    "convolution of no columns": lambda: convolution(0, 1), "convolution width=0": lambda: convolution(5, 0), "convolution too wide": lambda: convolution(3, 4), "convolution of text": lambda: convolution("5", 2), "convolution of halves": lambda: convolution(5, 2.5), "convolution of True": lambda: convolution(True, 1), "convolution n_filters=-1": lambda: convolution(5, 2, -1), "convolution stride=0": lambda: convolution(5, 2, stride=0), "convolution stride=99": lambda: convolution(5, 2, stride=99)[1]["coefs_0"].shape, "convolution pooled_outputs=-1": lambda: convolution(5, 2, pooled_outputs=-1), "convolution pooled_outputs=nan": lambda: convolution(5, 2, pooled_outputs=np.nan), "convolution by position": lambda: convolution(5, 2, 1, 1), "convolution of 10**12 columns": lambda: convolution(10**12, 3), "convolution of other columns": lambda: _convolved(5, (3,)), "convolution of too few units": lambda: _convolved(3, (1,)), "convolution that fits": lambda: _convolved(3, (2,)), "convolution pooled to two, one output": lambda: _convolved(3, (2,), pooled_outputs=2),
}.items():  # fmt: skip
    shared.ask(text, call)


def _same(other, net):
    return Held(np.array_equal(other.predict(X), net.predict(X)), "predicts the same")


def _skops(net):
    from skops import io

    stored = io.dumps(net)
    return _same(io.loads(stored, trusted=io.get_untrusted_types(data=stored)), net)


def _tied_net():
    return Network.mlp(3, (2,), 1, tied={"coefs_0": 0})


def _convolved(n_features, sizes, **options):
    connectivity, tied = convolution(n_features, 2, **options)
    return fitted(hidden_layer_sizes=sizes, connectivity=connectivity, tied=tied)


links = Topic("Connections by name, activations of units and of outputs")
for text, given in {
    "one name": {"coefs_0[x0, h0]": False}, "one name of what exists": {"coefs_0[x0, h0]": True}, "a scalar": {"coefs_0": True}, "all of a layer": {"coefs_0": False}, "all but one": {"coefs_0": False, "coefs_0[x0, h0]": True}, "the same over again": {"coefs_0[x0, h0]": True, "coefs_0": False}, "a near miss": {"coefs_0[x0,h0]": False}, "a unit that is not": {"coefs_0[x0, h9]": False}, "an output that is not": {"coefs_1[h0, y7]": False}, "empty brackets": {"coefs_0[]": False}, "key a tuple": {("x0", "h0"): False}, "name with an integer": {"coefs_0[x0, h0]": 0}, "name with text": {"coefs_0[x0, h0]": "no"}, "name with nan": {"coefs_0[x0, h0]": np.nan}, "name with a list": {"coefs_0[x0, h0]": [False]}, "name with None": {"coefs_0[x0, h0]": None}, "np.False_": {"coefs_0[x0, h0]": np.False_}, "an array of no dimension": {"coefs_0": np.array(False)}, "integers 0 and 1": {"coefs_0": 1 - np.eye(3, dtype=int)}, "floats": {"coefs_0": np.eye(3)}, "integers 0 to 2": {"coefs_0": np.arange(9).reshape(3, 3)}, "a unit of no inputs": {f"coefs_0[x{i}, h0]": False for i in range(3)}, "a unit that nothing reads": {"coefs_1[h0, y]": False}, "an output of nothing": {"coefs_1": False, "intercepts_1": False}, "text": "coefs_0[x0, h0]", "a set": {"coefs_0[x0, h0]"}, "True": True,
}.items():  # fmt: skip
    links.fit(f"connectivity {text}", ("reg", "clf"), connectivity=given)
for text, given in {"one name": {"coefs_0[c0, y]": False}, "a centre by name": {"centers[c0, x0]": False}, "widths": {"precisions_cholesky": False}, "centres": {"centers": False}, "outputs": {"coefs_0": False}}.items():  # fmt: skip
    links.fit(f"connectivity {text}", ("rbf", "rbc"), connectivity=given)
links.ask("connectivity by a column's name", lambda: _named({"coefs_0[a, h0]": False}))
links.ask("connectivity by x0 of named columns", lambda: _named({"coefs_0[x0, h0]": False}))
for text, given in {
    "too few": [["tanh", "sine"]], "too many": [["tanh"] * 4], "one too deep": [[["tanh"] * 3]], "of no units": [[]], "an unknown": [["tanh", "no", "tanh"]], "None among them": [["tanh", None, "tanh"]], "a class": [["tanh", type(get_activation("tanh")), "tanh"]], "a tuple": (("tanh", "sine", "tanh"),), "an array": np.array([["tanh", "sine", "tanh"]]), "without a layer's list": ["tanh", "sine", "tanh"], "equal": [["tanh"] * 3], "all others": [["tanh", "gaussian", "silu"]], "relu and tanh": [["relu", "tanh", "relu"]], "identity alone": [["identity"] * 3], "gelu and elu": [["gelu", "elu", "softsign"]], "instances": [[get_activation("tanh"), get_activation("sine"), "tanh"]], "a dict": {"h0": "tanh"}, "a set": [{"tanh", "sine", "silu"}], "a string of names": ["tanh,sine,tanh"], "a generator": [(name for name in ("tanh", "sine", "tanh"))], "numbers": [[1, 2, 3]],
}.items():  # fmt: skip
    links.fit(f"activation by units, {text}", ("reg", "clf"), activation=given)
MIXED = [["tanh", "sine", "softplus"]]
for text, others in {
    "monotonic_cst": {"monotonic_cst": [1, 0, 0]}, "alpha='auto'": {"alpha": "auto"}, "alpha='ard'": {"alpha": "ard"}, "alpha=0": {"alpha": 0.0}, "n_init=3": {"n_init": 3}, "X times 1e8": {"x": lambda x: 1e8 * x, "standardize": False}, "lm": {"solver": "lm"}, "bpos": {"solver": "bpos"}, "block": {"hessian": "block", "max_iter": 50}, "two layers, one list": {"hidden_layer_sizes": (3, 2)}, "int sizes": {"hidden_layer_sizes": 3}, "no hidden layer": {"hidden_layer_sizes": ()},
}.items():  # fmt: skip
    links.fit(f"activation by units and {text}", ("reg", "clf"), activation=MIXED, **others)
for text, call in {
    "inference": lambda net: net.inference(X, Y).std_errors.shape, "hidden_unit_test": lambda net: net.inference(X, Y).hidden_unit_test().p_value, "pickle": lambda net: _same(pickle.loads(pickle.dumps(net)), net), "skops": lambda net: _skops(net), "clone": lambda net: Held(clone(net).activation == MIXED, "kept"), "feature_importances_": lambda net: net.feature_importances_, "a refit of two units": lambda net: net.set_params(hidden_layer_sizes=(2,)).fit(X, Y),
}.items():  # fmt: skip
    links.ask(
        f"activation by units, then {text}",
        lambda c=call: c(make("reg", activation=MIXED).fit(X, Y)),
    )
for text, call in {
    "pruning": lambda net: BackwardPruning(net).fit(X, Y).predict(X)[:2], "pruning of units": lambda net: BackwardPruning(net, unit="neuron").fit(X, Y).predict(X)[:2], "a search over sizes": lambda net: InformationCriterionSearch(net, {"hidden_layer_sizes": [(2,), (3,)]}).fit(X, Y), "GridSearchCV over activations": lambda net: GridSearchCV(net, {"activation": ["tanh", MIXED]}, cv=2).fit(X, Y).predict(X)[:2],
}.items():  # fmt: skip
    links.ask(f"activation by units in {text}", lambda c=call: c(make("reg", activation=MIXED)))
links.params("output_activation", ["no", "", None, 3, [], ["tanh", "tanh"], ["logistic"], [["logistic"]], ("logistic",), {"y0": "tanh"}, type(get_activation("tanh")), get_activation("logistic"), "identity", "relu", "elu", "sine", "gaussian", "softplus", "tanh", "logistic", "arctan", "softsign", "gelu", "silu", True, np.array("tanh")], ("reg",))  # fmt: skip
links.params("output_activation", ["logistic", "softplus", "relu", "identity", "no", None], ("clf", "rbf", "rbc", "net", "nec"))  # fmt: skip
for text, others in {
    "targets in its range": {"y": POSITIVE}, "targets outside": {"y": 5.0 * Y}, "targets far outside": {"y": 1e6 + Y}, "targets at its bounds": {"y": LABELS.astype(float)}, "targets at a bound": {"y": np.ones(60)}, "all targets below": {"y": -1.0 - np.abs(Y)}, "alpha=0 and labels": {"y": LABELS.astype(float), "alpha": 0.0}, "alpha='auto'": {"y": POSITIVE, "alpha": "auto"}, "alpha='ard'": {"y": POSITIVE, "alpha": "ard"}, "poisson": {"loss": "poisson", "y": COUNTS}, "gamma": {"loss": "gamma", "y": COUNTS + 1.0}, "binomial": {"loss": "binomial", "y": POSITIVE}, "pseudo_huber": {"loss": "pseudo_huber", "y": POSITIVE}, "tweedie": {"loss": "tweedie", "y": COUNTS}, "lm": {"solver": "lm", "y": POSITIVE}, "gauss-newton": {"hessian": "gauss-newton", "y": POSITIVE}, "standardize=False": {"standardize": False, "y": POSITIVE}, "no hidden layer": {"hidden_layer_sizes": (), "y": POSITIVE}, "monotonic_cst": {"monotonic_cst": [1, 0, 0], "y": POSITIVE}, "two outputs": {"y": np.column_stack([POSITIVE, POSITIVE])}, "a prediction": {"constraints": PredictionConstraint([[0.0, 0.0, 0.0]], 0.5, 0.5), "y": POSITIVE}, "tied": {"tied": {"coefs_0": UNITS}, "y": POSITIVE}, "n_init=3": {"n_init": 3, "y": POSITIVE}, "targets of 1e-300": {"y": 1e-300 * POSITIVE}, "nan": {"y": put(3, np.nan)},
}.items():  # fmt: skip
    links.fit(f"output_activation='logistic', {text}", **({"output_activation": "logistic"} | others))  # fmt: skip


def _named(connectivity):
    net = make("reg", connectivity=connectivity).fit(pd.DataFrame(X, columns=NAMES), Y)
    return Held(net.coefs_[0][0, 0] == 0.0, "that coefficient is 0")


for text, call in {
    "predict of another offset": lambda net: net.predict(X, offset=np.full(60, 1e6)), "inference": lambda net: net.inference(X, POSITIVE).std_errors.shape, "get_prediction": lambda net: net.inference(X, POSITIVE).get_prediction(X).se.shape, "partial_effect": lambda net: net.inference(X, POSITIVE).partial_effect("x0").to_frame().shape, "pickle": lambda net: _same(pickle.loads(pickle.dumps(net)), net), "skops": _skops, "input_derivatives": lambda net: net.input_derivatives(X)[:2], "score": lambda net: net.score(X, POSITIVE), "criteria": lambda net: net.inference(X, POSITIVE).bic, "pruning": lambda net: BackwardPruning(clone(net)).fit(X, POSITIVE).predict(X)[:2], "TransformedTargetRegressor": lambda net: TransformedTargetRegressor(clone(net), func=np.log, inverse_func=np.exp).fit(X, POSITIVE).predict(X)[:2], "GridSearchCV": lambda net: GridSearchCV(clone(net), {"output_activation": ["identity", "logistic"]}, cv=2).fit(X, POSITIVE).predict(X)[:2],
}.items():  # fmt: skip
    links.ask(
        f"output_activation='logistic', then {text}",
        lambda c=call: c(make("reg", hidden_layer_sizes=(1,), output_activation="logistic").fit(X, POSITIVE)),
    )  # fmt: skip
for text, call in {
    "Network.mlp output_activation unknown": lambda: Network.mlp(3, (2,), 1, output_activation="no"), "Network.mlp output_activation too few": lambda: Network.mlp(3, (2,), 2, output_activation=["tanh"]), "Network.mlp output_activation None": lambda: Network.mlp(3, (2,), 1, output_activation=None), "Network.mlp activation by units too few": lambda: Network.mlp(3, (2,), 1, [["tanh"]]), "Linear activation by units too few": lambda: Linear((0,), 3, ["tanh"]), "Linear activation of numbers": lambda: Linear((0,), 2, [1, 2]), "Linear activation of an empty list": lambda: Linear((0,), 2, []), "Linear activation of a dict": lambda: Linear((0,), 2, {"tanh": 2}), "Network.mlp connectivity text": lambda: Network.mlp(3, (2,), 1, connectivity="all"), "Network.mlp connectivity unknown": lambda: Network.mlp(3, (2,), 1, connectivity={"coefs_0[x0, h7]": False}), "Network.mlp connectivity of 2": lambda: Network.mlp(3, (2,), 1, connectivity={"coefs_0": 2}), "logistic outputs under the log loss": lambda: Objective(Network.mlp(3, (2,), 1, output_activation="logistic"), "binary_log_loss", X, LABELS[:, None]).value(np.zeros(11)), "logistic outputs under poisson": lambda: Objective(Network.mlp(3, (2,), 1, output_activation="logistic"), "poisson", X, COUNTS[:, None]).value(np.zeros(11)), "tanh outputs under gamma": lambda: Objective(Network.mlp(3, (2,), 1, output_activation="tanh"), "gamma", X, COUNTS[:, None] + 1).value(np.zeros(11)),
}.items():  # fmt: skip
    links.ask(text, call)

forms = Topic("Covariances of radial units")
FORMS = ("tied", "quadratic", "semidefinite")
for form in FORMS:
    for text, others in {
        "as it is": {}, "one centre": {"n_centers": 1}, "60 centres": {"n_centers": 60, "max_iter": 30}, "61 centres": {"n_centers": 61}, "alpha=0": {"alpha": 0.0, "max_iter": 100}, "alpha=0, alpha_widths=0": {"alpha": 0.0, "alpha_widths": 0.0, "max_iter": 100}, "alpha='auto'": {"alpha": "auto"}, "alpha='ard'": {"alpha": "ard"}, "alpha_widths=1e300": {"alpha_widths": 1e300}, "alpha by arrays": {"alpha": {"coefs_0": 1.0}}, "alpha of an unknown array": {"alpha": {"coefs_1": 1.0}}, "X constant": {"x": np.ones_like}, "a constant column": {"x": put((slice(None), 1), 1.0)}, "a column twice": {"x": lambda x: np.column_stack([x, x[:, 0]])}, "two distinct rows": {"x": lambda x: np.repeat(x[:2], 30, axis=0)}, "columns of 1e8 and 1": {"x": lambda x: x * [1e8, 1.0, 1e-8]}, "columns of 1e8 and 1, standardize=False": {"x": lambda x: x * [1e8, 1.0, 1e-8], "standardize": False}, "X times 1e100": {"x": lambda x: 1e100 * x}, "X times 1e-100": {"x": lambda x: 1e-100 * x}, "an outlier of 1e6": {"x": put((7, 1), 1e6)}, "y constant": {"y": np.ones_like}, "three rows": {"x": lambda x: x[:3], "y": lambda y: y[:3]}, "one row": {"x": lambda x: x[:1], "y": lambda y: y[:1], "n_centers": 1},
        "standardize=False": {"standardize": False}, "lm": {"solver": "lm"}, "bpos": {"solver": "bpos"}, "trust-exact": {"solver": "trust-exact"}, "block": {"hessian": "block", "max_iter": 50}, "n_init=3": {"n_init": 3}, "radial_activation='tanh'": {"radial_activation": "tanh"}, "radial_activation='logistic'": {"radial_activation": "logistic"}, "radial_activation='no'": {"radial_activation": "no"}, "radial_activation=None": {"radial_activation": None}, "radial_activation a list": {"radial_activation": ["squared_exponential"]}, "radial_activation='identity'": {"radial_activation": "identity"}, "bounds of coefs_1": {"bounds": {"coefs_0": (-0.1, 0.1)}}, "bounds of centers": {"bounds": {"centers": (-1, 1)}}, "bounds of all arrays": {"bounds": {"centers": (-1, 1), "precisions_cholesky": (-1, 1)}}, "penalties of centers": {"penalties": NormPenalty(1.0, ["centers"])}, "connectivity of centers": {"connectivity": {"centers": False}}, "a hidden layer after": {"hidden_layer_sizes": (2,)}, "20 rows, 30 columns": {"x": lambda x: np.random.default_rng(0).normal(size=(20, 30)), "y": lambda y: y[:20], "max_iter": 2},
    }.items():  # fmt: skip
        forms.fit(f"{form}, {text}", ("rbf",), covariance_type=form, **others)
    forms.fit(f"{form}", ("rbc",), covariance_type=form)
    forms.fit(f"{form}, three classes", ("rbc",), covariance_type=form, y=np.arange(60) % 3)
    for text, call in {
        "inference": lambda net: net.inference(X, Y).std_errors.shape, "radial_units": lambda net: net.inference(X, Y).radial_units(), "summary": lambda net: len(net.inference(X, Y).summary(parameters=True)), "feature_importances_": lambda net: net.feature_importances_, "weight_importance_": lambda net: Held(hasattr(net, "weight_importance_"), "or an AttributeError"), "centers_": lambda net: net.centers_, "covariances_": lambda net: net.covariances_, "quadratic_forms_": lambda net: net.quadratic_forms_, "widths_": lambda net: net.widths_, "pickle": lambda net: _same(pickle.loads(pickle.dumps(net)), net), "skops": _skops, "deepcopy": lambda net: _same(copy.deepcopy(net), net), "warm start in another form": lambda net: net.set_params(warm_start=True, covariance_type="full").fit(X, Y).predict(X)[:2], "likelihood_ratio_test": lambda net: (lambda t: Held(bool(np.isfinite(t.p_value) or t.reason), t.reason or "a p-value"))(net.inference(X, Y).likelihood_ratio_test("x0")), "hidden_unit_test": lambda net: (lambda t: Held(bool(np.isfinite(t.p_value) or t.reason), t.reason or "a p-value"))(net.inference(X, Y).hidden_unit_test()), "pruning": lambda net: BackwardPruning(clone(net)).fit(X, Y).predict(X)[:2], "a search over forms": lambda net: InformationCriterionSearch(clone(net), {"covariance_type": ["spherical", *FORMS]}).fit(X, Y).predict(X)[:2],
    }.items():  # fmt: skip
        forms.ask(f"{form}, then {text}", lambda f=form, c=call: c(_radial(f)), to="rbf")
forms.params("covariance_type", ["TIED", "quadratics", "psd", ["tied"], ("tied", "full"), np.array("tied"), b"tied", True], ("rbf", "rbc"))  # fmt: skip
for text, call in {
    "Quadratic of no units": lambda: Quadratic((0,), 0), "Quadratic of text": lambda: Quadratic((0,), "a"), "Quadratic of no sources": lambda: Quadratic((), 2), "Quadratic activation unknown": lambda: Quadratic((0,), 2, "no"), "Semidefinite of no units": lambda: Semidefinite((0,), 0), "Semidefinite of half a unit": lambda: Semidefinite((0,), 1.5), "Semidefinite of no sources": lambda: Semidefinite((), 2), "Semidefinite activation None": lambda: Semidefinite((0,), 2, None), "Semidefinite in layers": lambda: fitted("net", layers=[Semidefinite((0,), 2), Linear((1,), 1)]), "Quadratic last": lambda: fitted("net", layers=[Linear((0,), 2, "tanh"), Quadratic((1,), 1)]), "Network.rbf covariance 'no'": lambda: Network.rbf(3, 2, 1, "no"), "Network.rbf covariance None": lambda: Network.rbf(3, 2, 1, None), "Network.rbf covariance 'semidefinite'": lambda: Network.rbf(3, 2, 1, "semidefinite").n_parameters,
}.items():  # fmt: skip
    forms.ask(text, call)


def _radial(form):
    return make("rbf", n_centers=2, covariance_type=form).fit(X, Y)


TOPICS = [shared, links, forms]
