"""Hostile questions to the statistics of a fit, and to the objective, networks and solvers."""

from functools import cache

import numpy as np
from hostile_judge import MARK, Held

from hostile_inputs.cases import (
    COUNTS,
    FOUR,
    LABELS,
    WEIGHTS,
    Topic,
    X,
    Y,
    changed,
    make,
    put,
    target,
)
from sknewtonnet.calculus import (
    Linear,
    Network,
    Objective,
    critical_point,
    get_activation,
    get_loss,
)
from sknewtonnet.inference import infer
from sknewtonnet.inspection import (
    degenerate_units,
    feature_importance,
    same_minimum,
    weight_importance,
)
from sknewtonnet.solvers import SOLVERS, get_solver

_rng = np.random.default_rng(5)
BIG_X = _rng.normal(size=(200, 3))
BIG_Y = np.tanh(1.5 * BIG_X[:, 0]) + 0.2 * BIG_X[:, 1] + 0.2 * _rng.normal(size=200)


@cache
def net(kind="reg"):
    params = {"hidden_layer_sizes": (1,)} if kind in ("reg", "clf") else {"n_centers": 2}
    return make(kind, alpha=0.01, **params).fit(
        BIG_X, BIG_Y > 0 if kind in ("clf", "rbc") else BIG_Y
    )


@cache
def results(kind="reg", **options):
    return net(kind).inference(BIG_X, BIG_Y > 0 if kind in ("clf", "rbc") else BIG_Y, **options)


calls = Topic("Inference: its arguments")
for text, options in {
    "cov_type='no'": {"cov_type": "no"}, "cov_type='hc3'": {"cov_type": "hc3"}, "cov_type=None": {"cov_type": None}, "cov_type=3": {"cov_type": 3},
    "cluster without groups": {"cov_type": "cluster"}, "groups without cluster": {"groups": np.arange(200) % 5}, "one cluster": {"cov_type": "cluster", "groups": np.zeros(200)},
    "groups of nan": {"cov_type": "cluster", "groups": np.r_[np.nan, np.arange(199) % 5]}, "groups too short": {"cov_type": "cluster", "groups": np.arange(199)},
    "groups of text": {"cov_type": "cluster", "groups": np.array(["a", "b", "c", "d"] * 50)}, "groups two-dimensional": {"cov_type": "cluster", "groups": np.ones((200, 2))},
    "groups with None": {"cov_type": "cluster", "groups": np.array([None, 1] * 100, dtype=object)}, "groups of mixed kinds": {"cov_type": "cluster", "groups": np.array(["a", 1] * 100, dtype=object)},
    "groups a number": {"cov_type": "cluster", "groups": 3}, "use_t='yes'": {"use_t": "yes"}, "use_t=1": {"use_t": 1}, "weight_type='no'": {"weight_type": "no"}, "weight_type=None": {"weight_type": None},
    "weight_type='sampling' with the model's errors": {"weight_type": "sampling"}, "an unknown argument": {"hc": 3},
}.items():  # fmt: skip
    calls.ask(text, lambda o=options: net().inference(BIG_X, BIG_Y, **o).std_errors)
for kind in FOUR:
    for cov_type in ("hessian", "gauss-newton", "bayesian", "HC0", "HC1", "HC2", "HC3"):
        calls.ask(
            f"cov_type={cov_type!r}",
            lambda k=kind, c=cov_type: results(k, cov_type=c).std_errors,
            to=kind,
        )
for text, x, y, w in (
    ("other data", lambda x: x + 3.0, None, None), ("other targets", None, lambda y: -y, None), ("X nan", put((7, 1), np.nan), None, None), ("y short", None, lambda y: y[1:], None),
    ("one row", lambda x: x[:1], lambda y: y[:1], None), ("fewer rows than parameters", lambda x: x[:4], lambda y: y[:4], None), ("negative weights", None, None, put(3, -1.0)),
    ("weights all zero", None, None, np.zeros_like), ("weights of 1e-3", None, None, lambda w: 1e-3 * w), ("weights of 1e300", None, None, lambda w: 1e300 * w),
    ("y times 1e8", None, lambda y: 1e8 * y, None), ("y constant", None, np.ones_like, None), ("X constant", np.ones_like, None, None), ("y nan", None, put(3, np.nan), None), ("X None", lambda x: None, None, None),
):  # fmt: skip

    def ask(x=x, y=y, w=w):
        weight = None if w is None else changed(w, np.ones(200))
        found = net().inference(changed(x, BIG_X), changed(y, BIG_Y), weight)
        return _summary(found)

    calls.ask(f"asked with {text}", ask)


def _summary(found):
    """An honest answer: finite standard errors, or words that say why there are none."""
    text = found.summary()
    if not found.identifiable or np.isfinite(found.std_errors).all():
        return Held(len(text) > 0, "identifiable" if found.identifiable else found.diagnosis[0])
    return Held(False, "identifiable, but standard errors are not finite")


odd = Topic("Inference: odd fits")
for text, change in {
    "y times 1e-8": (None, lambda y: 1e-8 * y), "y times 1e8": (None, lambda y: 1e8 * y), "y times 1e-100": (None, lambda y: 1e-100 * y), "a perfect fit": (None, lambda y: X @ [1.0, 2.0, 3.0]),
    "constant y": (None, np.ones_like), "duplicated columns": (lambda x: np.column_stack([x, x]), None), "a constant column": (put((slice(None), 1), 1.0), None), "X times 1e100": (lambda x: 1e100 * x, None),
    "X times 1e-100": (lambda x: 1e-100 * x, None), "three rows": (lambda x: x[:3], lambda y: y[:3]), "duplicated rows": (lambda x: np.repeat(x[:20], 3, axis=0), None), "an outlier of 1e6": (put((7, 1), 1e6), None),
    "y with an outlier of 1e10": (None, put(3, 1e10)),
}.items():  # fmt: skip
    for kind in ("reg", "rbf"):
        for alpha in (0.0, 0.1):

            def ask(change=change, kind=kind, alpha=alpha):
                x, y = (changed(c, default) for c, default in zip(change, (X, Y), strict=True))
                params = {"hidden_layer_sizes": (1,)} if kind == "reg" else {"n_centers": 2}
                return _summary(
                    make(kind, alpha=alpha, max_iter=200, **params).fit(x, y).inference(x, y)
                )

            odd.ask(f"{text}, alpha={alpha}", ask, to=kind)
for text, params, x, y in (
    ("separated classes", {"hidden_layer_sizes": ()}, X, (X[:, 0] > 0).astype(int)), ("quasi-separated classes", {"hidden_layer_sizes": ()}, np.c_[np.repeat([1.0, 0.0], [4, 56]), X[:, 1]], np.r_[np.ones(4), LABELS[4:]].astype(int)),
    ("three classes", {"hidden_layer_sizes": (1,)}, X, np.arange(60) % 3), ("relu", {"activation": "relu"}, X, LABELS), ("softplus", {"activation": "softplus"}, X, LABELS), ("several labels", {"hidden_layer_sizes": (1,)}, X, np.column_stack([LABELS, LABELS[::-1]])),
):  # fmt: skip
    for alpha in (0.0, 0.1):
        odd.ask(
            f"{text}, alpha={alpha}",
            lambda p=params, x=x, y=y, a=alpha: _summary(
                make("clf", alpha=a, max_iter=200, **p).fit(x, y).inference(x, y)
            ),
            to="clf",
        )
for loss in ("poisson", "gamma", "pseudo_huber"):
    odd.ask(
        f"{loss}",
        lambda k=loss: _summary(
            make("reg", hidden_layer_sizes=(1,), loss=k)
            .fit(X, COUNTS + 1)
            .inference(X, COUNTS + 1)
        ),
    )
odd.ask("poisson, an empty level", lambda: _empty_level())
odd.ask("after max_iter=1", lambda: _summary(make("reg", max_iter=1).fit(X, Y).inference(X, Y)))
odd.ask("after params_ was overwritten", lambda: _overwritten())
odd.ask(
    "importances of a constant target",
    lambda: make("reg", alpha=0.1).fit(X, np.ones(60)).feature_importances_,
)
odd.ask("importances at alpha=1e6", lambda: make("reg", alpha=1e6).fit(X, Y).feature_importances_)
odd.ask(
    "importances after max_iter=1", lambda: make("reg", max_iter=1).fit(X, Y).feature_importances_
)
for kind in FOUR:
    odd.ask("dir, repr, _repr_html_, hasattr of a bad fit", lambda k=kind: _looked(k), to=kind)


def _empty_level():
    level = np.repeat([0, 1, 2], 20)
    y = np.where(level == 2, 0.0, COUNTS + 1.0)
    x = np.c_[level == 1, level == 2].astype(float)
    found = make("reg", alpha=0.0, hidden_layer_sizes=(), loss="poisson").fit(x, y).inference(x, y)
    return Held(not found.identifiable, found.diagnosis[0] if found.diagnosis else "identifiable")


def _overwritten():
    fit = make("reg", hidden_layer_sizes=(1,)).fit(X, Y)
    fit.params_ = fit.params_ + 1.0
    found = fit.inference(X, Y)
    return Held(not found.identifiable, found.diagnosis[0])


def _looked(kind):
    fit = make(kind, alpha=0.0, max_iter=2).fit(X, target(kind))
    dir(fit), repr(fit), fit._repr_html_(), hasattr(fit, "feature_importances_")
    return Held(True, "no error")


methods = Topic("Inference: methods of results")
for text, call in {
    "conf_int(1.5)": lambda r: r.conf_int(1.5), "conf_int(0)": lambda r: r.conf_int(0), "conf_int(95)": lambda r: r.conf_int(95), "conf_int(nan)": lambda r: r.conf_int(np.nan), "conf_int('95')": lambda r: r.conf_int("95"), "conf_int(None)": lambda r: r.conf_int(None),
    "conf_int(1 - 1e-12)": lambda r: r.conf_int(1 - 1e-12), "summary(level=2)": lambda r: r.summary(level=2), "to_frame(level='a')": lambda r: r.to_frame(level="a"),
    "wald_test('zz')": lambda r: r.wald_test("zz"), "wald_test of a near miss": lambda r: r.wald_test("coefs_0[x0,h0]"), "wald_test of a wrong shape": lambda r: r.wald_test(np.ones((1, 3))), "wald_test of zeros": lambda r: r.wald_test(np.zeros((1, 6))),
    "wald_test of nan": lambda r: r.wald_test(np.full((1, 6), np.nan)), "wald_test of dependent rows": lambda r: r.wald_test(np.ones((2, 6))), "wald_test r=inf": lambda r: r.wald_test(np.ones((1, 6)), np.inf), "wald_test of nothing": lambda r: r.wald_test([]),
    "wald_test r of text": lambda r: r.wald_test(np.ones((1, 6)), "a"), "wald_test r too long": lambda r: r.wald_test(np.ones((1, 6)), [0, 0]), "wald_test of None": lambda r: r.wald_test(None), "wald_test of a number": lambda r: r.wald_test(3), "wald_test of mixed": lambda r: r.wald_test(["x0", 3]),
    "wald_test of 1e300": lambda r: r.wald_test(1e300 * np.eye(6)), "wald_test of 1e-300": lambda r: r.wald_test(1e-300 * np.eye(6)), "wald_test of complex": lambda r: r.wald_test(1j * np.ones((1, 6))), "wald_test of the same name twice": lambda r: r.wald_test(["x0", "x0"]),
    "wald_test_features adjust='no'": lambda r: r.wald_test_features(adjust="no"), "wald_test_features groups of unknown": lambda r: r.wald_test_features({"g": ["q"]}), "wald_test_features groups empty": lambda r: r.wald_test_features({"g": []}), "wald_test_features groups a list": lambda r: r.wald_test_features(["x0"]),
    "likelihood_ratio_test('zz')": lambda r: r.likelihood_ratio_test("zz"), "likelihood_ratio_test seed 'a'": lambda r: r.likelihood_ratio_test("x0", random_state="a"), "likelihood_ratio_test seed -1": lambda r: r.likelihood_ratio_test("x0", random_state=-1), "likelihood_ratio_test seed None": lambda r: r.likelihood_ratio_test("x0", random_state=None),
    "likelihood_ratio_test n_init=-1": lambda r: r.likelihood_ratio_test("x0", n_init=-1), "likelihood_ratio_test n_init='a'": lambda r: r.likelihood_ratio_test("x0", n_init="a"), "likelihood_ratio_test n_init=1.5": lambda r: r.likelihood_ratio_test("x0", n_init=1.5), "likelihood_ratio_test n_init=True": lambda r: r.likelihood_ratio_test("x0", n_init=True), "likelihood_ratio_test of all": lambda r: _reasoned(r.likelihood_ratio_test(["x0", "x1", "x2"])),
    "likelihood_ratio_test of a net": lambda r: r.likelihood_ratio_test(net()), "likelihood_ratio_test of an array of zeros": lambda r: r.likelihood_ratio_test(np.zeros((1, 6))),
    "score_test('zz')": lambda r: r.score_test("zz"), "score_test robust='a'": lambda r: r.score_test("x0", robust="a"), "score_test seed 1.5": lambda r: r.score_test("x0", random_state=1.5), "score_test of x0": lambda r: r.score_test("x0").p_value,
    "hidden_unit_test('no')": lambda r: r.hidden_unit_test("no"), "hidden_unit_test n_directions=0": lambda r: r.hidden_unit_test(n_directions=0), "hidden_unit_test n_directions=1.5": lambda r: r.hidden_unit_test(n_directions=1.5), "hidden_unit_test n_components=99": lambda r: r.hidden_unit_test(n_components=99), "hidden_unit_test n_components='a'": lambda r: r.hidden_unit_test(n_components="a"), "hidden_unit_test seed 'a'": lambda r: r.hidden_unit_test(random_state="a"), "hidden_unit_test robust=3": lambda r: r.hidden_unit_test(robust=3),
    "profile_interval('zz')": lambda r: r.profile_interval("zz"), "profile_interval of a near miss": lambda r: r.profile_interval("coefs_0[x0,h0]"), "profile_interval(level=0)": lambda r: r.profile_interval("coefs_0[x0, h0]", level=0), "profile_interval([])": lambda r: r.profile_interval([]), "profile_interval(3)": lambda r: r.profile_interval(3),
    "get_prediction of nan": lambda r: r.get_prediction(put((7, 1), np.nan)(BIG_X)), "get_prediction of two columns": lambda r: r.get_prediction(BIG_X[:, :2]), "get_prediction of no rows": lambda r: r.get_prediction(BIG_X[:0]), "get_prediction of 1e300": lambda r: r.get_prediction(1e300 * BIG_X).se, "get_prediction of complex": lambda r: r.get_prediction(BIG_X + 100j), "get_prediction of text": lambda r: r.get_prediction(np.full((2, 3), "a")), "get_prediction of strings of numbers": lambda r: r.get_prediction(np.full((2, 3), "1.5")).mean, "get_prediction of None": lambda r: r.get_prediction(None), "get_prediction of 1-D": lambda r: r.get_prediction(BIG_X[0]), "get_prediction level=9": lambda r: r.get_prediction(BIG_X, level=9),
    "marginal_effects(['q'])": lambda r: r.marginal_effects(["q"]), "marginal_effects([])": lambda r: r.marginal_effects([]), "marginal_effects('x0')": lambda r: r.marginal_effects("x0").effects, "marginal_effects([0])": lambda r: r.marginal_effects([0]), "marginal_effects discrete='q'": lambda r: r.marginal_effects(discrete="q"), "marginal_effects discrete=3": lambda r: r.marginal_effects(discrete=3),
    "partial_effect('q')": lambda r: r.partial_effect("q"), "partial_effect(0)": lambda r: r.partial_effect(0), "partial_effect grid []": lambda r: r.partial_effect("x0", []), "partial_effect grid [inf]": lambda r: r.partial_effect("x0", [np.inf]), "partial_effect grid 'a'": lambda r: r.partial_effect("x0", "a"), "partial_effect grid of 1e300": lambda r: r.partial_effect("x0", [-1e300, 1e300]).effect if hasattr(r.partial_effect("x0", [0.0]), "effect") else 0.0, "partial_effect n_points=0": lambda r: r.partial_effect("x0", n_points=0), "partial_effect n_points=1.5": lambda r: r.partial_effect("x0", n_points=1.5), "partial_effect n_points='a'": lambda r: r.partial_effect("x0", n_points="a"), "partial_effect band='no'": lambda r: r.partial_effect("x0", band="no"), "partial_effect level=-1": lambda r: r.partial_effect("x0", level=-1), "partial_effect seed 'a'": lambda r: r.partial_effect("x0", band="simultaneous", random_state="a"), "partial_effect grid two-dimensional": lambda r: r.partial_effect("x0", [[1, 2]]),
    "delta_method returns text": lambda r: r.delta_method(lambda w: "a"), "delta_method of abs": lambda r: r.delta_method(lambda w: np.abs(w[0])), "delta_method of float": lambda r: r.delta_method(lambda w: float(w[0].real)), "delta_method of maximum": lambda r: r.delta_method(lambda w: np.maximum(w[0].real, 0.0)), "delta_method returns None": lambda r: r.delta_method(lambda w: None), "delta_method of nan": lambda r: r.delta_method(lambda w: w * np.nan), "delta_method of inf": lambda r: r.delta_method(lambda w: w / 0.0 if False else np.full(6, np.inf) * w), "delta_method not callable": lambda r: r.delta_method(3), "delta_method of no arguments": lambda r: r.delta_method(lambda: 1.0), "delta_method of a matrix": lambda r: r.delta_method(lambda w: np.outer(w, w))[0].shape, "delta_method of a constant": lambda r: r.delta_method(lambda w: 1.0), "delta_method of a list": lambda r: r.delta_method(lambda w: [w[0], w[1]])[0],
    "radial_units of an MLP": lambda r: r.radial_units(), "an attribute of statsmodels": lambda r: r.bse, "an attribute that is set": lambda r: setattr(r, "params", 3),
}.items():  # fmt: skip
    methods.ask(text, lambda c=call: c(results()))
for cov_type in ("HC3", "bayesian"):
    methods.ask(
        f"delta_method that raises, {cov_type}",
        lambda c=cov_type: results(cov_type=c).delta_method(_raises),
    )


def _raises(w):
    raise OSError(MARK)


def _reasoned(test):
    return Held(bool(np.isfinite(test.p_value) or test.reason), test.reason or "a p-value")


below = Topic("The calculus, solvers and inspection by hand")
SMALL = Network.mlp(3, (2,), 1)
W = 0.1 * np.arange(float(SMALL.n_parameters))


def small(**given):
    return Objective(
        **{"network": SMALL, "loss": "squared_error", "X": X, "Y": Y[:, None]} | given
    )


for text, given in {
    "loss unknown": {"loss": "no"}, "loss None": {"loss": None}, "loss of classes with labels": {"loss": "multinomial_log_loss", "Y": LABELS}, "Y one-dimensional": {"Y": Y}, "Y short": {"Y": Y[1:, None]}, "Y nan": {"Y": np.full((60, 1), np.nan)}, "X nan": {"X": put((7, 1), np.nan)(X)}, "X of two columns": {"X": X[:, :2]}, "X empty": {"X": X[:0], "Y": Y[:0, None]},
    "weights negative": {"sample_weight": -WEIGHTS}, "weights zero": {"sample_weight": 0 * WEIGHTS}, "weights short": {"sample_weight": WEIGHTS[1:]}, "alpha negative": {"alpha": -1.0}, "alpha nan": {"alpha": np.nan}, "alpha text": {"alpha": "auto"}, "penalties text": {"penalties": ["no"]}, "network None": {"network": None}, "X complex": {"X": X + 1j}, "X text": {"X": np.full((60, 3), "a")},
}.items():  # fmt: skip
    below.ask(f"Objective, {text}", lambda g=given: small(**g).value(W))
for text, w in {
    "too short": W[1:],
    "nan": np.full(len(W), np.nan),
    "inf": np.full(len(W), np.inf),
    "1e300": np.full(len(W), 1e300),
    "text": "w",
    "None": None,
    "complex": W + 1j,
    "a matrix": W[None],
    "objects": W.astype(object),
    "integers": np.arange(len(W)),
    "list": W.tolist(),
}.items():
    for what in ("value", "gradient", "hessian"):
        if text in ("nan", "inf", "1e300"):
            below.ask(f"{what} at parameters {text}: not finite", lambda w=w, m=what: Held(
                not np.isfinite(getattr(small(), m)(w)).all(), "not finite, without a warning"))  # fmt: skip
        else:
            below.ask(
                f"{what} at parameters {text}",
                lambda w=w, m=what: np.ravel(getattr(small(), m)(w))[:3],
            )
for text, call in {
    "hessian kind='no'": lambda f: f.hessian(W, kind="no"), "hessian kind=None": lambda f: f.hessian(W, kind=None), "hessian_product of a short vector": lambda f: f.hessian_product(W, W[1:]), "hessian_product of text": lambda f: f.hessian_product(W, "v"), "hessian_product of nan": lambda f: Held(np.isnan(f.hessian_product(W, W * np.nan)).any(), "nan"), "hessian_product of no vectors": lambda f: f.hessian_product(W, np.zeros((len(W), 0))).shape, "jacobian_product of a wrong shape": lambda f: f.jacobian_product(W, W[1:]), "lagrangian_tensors of order 0": lambda f: f.lagrangian_tensors(W, 0), "lagrangian_tensors of order 2.5": lambda f: f.lagrangian_tensors(W, 2.5), "lagrangian_tensors of order 'a'": lambda f: f.lagrangian_tensors(W, "a"), "lagrangian_tensors of order 30": lambda f: f.lagrangian_tensors(W, 30)[0].shape, "shift_derivatives of feature 9": lambda f: f.shift_derivatives(W, [9]), "shift_derivatives of 'a'": lambda f: f.shift_derivatives(W, ["a"]), "hessian_blocks kind='exact'": lambda f: f.hessian_blocks(W, kind="exact"), "predict_raw of a nan": lambda f: Held(np.isnan(SMALL.predict_raw(W, put((7, 1), np.nan)(X))).sum() == 1, "nan in that row"), "predict_raw of two columns": lambda f: SMALL.predict_raw(W, X[:, :2]),
}.items():  # fmt: skip
    below.ask(text, lambda c=call: c(small()))
for text, call in {
    "Network.mlp of no inputs": lambda: Network.mlp(0, (2,), 1), "Network.mlp of half an output": lambda: Network.mlp(3, (2,), 1.5), "Network.mlp of text": lambda: Network.mlp("3", (2,), 1), "Network.mlp activation unknown": lambda: Network.mlp(3, (2,), 1, "no"), "Network.mlp skip 'some'": lambda: Network.mlp(3, (2,), 1, skip_connections="some"), "Network.rbf covariance 'tied'": lambda: Network.rbf(3, 2, 1, "tied"), "Network.rbf of no centres": lambda: Network.rbf(3, 0, 1), "from_layers of nothing": lambda: Network.from_layers(3, []), "from_layers of text": lambda: Network.from_layers(3, ["a"]), "feature_names too few": lambda: Network.mlp(3, (2,), 1, feature_names=["a"]), "feature_names twice": lambda: Network.mlp(3, (2,), 1, feature_names=["a", "a", "b"]), "layout.pack of a wrong shape": lambda: SMALL.layout.pack({"coefs_0": np.ones((9, 9))}), "layout.pack of one missing": lambda: SMALL.layout.pack({}), "layout.pack of an unknown": lambda: SMALL.layout.pack(dict(SMALL.layout.unpack(W), no=1)), "layout.unpack of a short vector": lambda: SMALL.layout.unpack(W[1:]), "get_activation('no')": lambda: get_activation("no"), "get_activation(3)": lambda: get_activation(3), "get_loss('no')": lambda: get_loss("no", 1), "get_loss of no outputs": lambda: get_loss("squared_error", 0), "Linear of nothing": lambda: Linear((), 1),
}.items():  # fmt: skip
    below.ask(text, call)
for name in sorted(SOLVERS):
    for text, w in {
        "nan": np.full_like(W, np.nan),
        "inf": np.full_like(W, np.inf),
        "1e300": W + 1e300,
        "too short": W[1:],
        "text": "w",
    }.items():
        below.ask(
            f"{name} from {text}",
            lambda n=name, w=w: get_solver(n, max_iter=50).minimize(small(), w).value,
        )
for text, call in {
    "get_solver('no')": lambda: get_solver("no"), "get_solver with an unknown option": lambda: get_solver("newton", options={"radius": 1}), "get_solver with an unknown argument": lambda: get_solver("newton", radius=1), "get_solver tol=nan": lambda: get_solver("newton", tol=np.nan), "get_solver max_iter=0": lambda: get_solver("newton", max_iter=0), "get_solver hessian='no'": lambda: get_solver("newton", hessian="no"), "minimize of None": lambda: get_solver("newton").minimize(None, W), "minimize with a callback that is none": lambda: get_solver("newton").minimize(small(), W, callback=3), "critical_point of nan": lambda: critical_point(small(), W * np.nan), "critical_point away from one": lambda: critical_point(small(), W + 1.0).kind, "critical_point of None": lambda: critical_point(None, W),
    "infer away from a minimum": lambda: _summary(infer(small(alpha=0.1), W + 1.0)), "infer at nan": lambda: infer(small(), W * np.nan), "infer of a net": lambda: infer(net(), W), "infer at a short vector": lambda: infer(small(), W[1:]), "weight_importance away from a minimum": lambda: weight_importance(small(alpha=0.1), W + 1.0), "feature_importance at nan": lambda: feature_importance(small(), W * np.nan), "degenerate_units of text": lambda: degenerate_units("a", W), "same_minimum of text": lambda: same_minimum("a", W, W),
}.items():  # fmt: skip
    below.ask(text, call)
TOPICS = [calls, odd, methods, below]
