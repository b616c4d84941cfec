"""Pruning, searches, scorers, and scikit-learn's tools around the estimators."""

import numpy as np
import pandas as pd
from hostile_judge import Held
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from hostile_inputs.cases import FOUR, LABELS, NAMES, WEIGHTS, Topic, X, Y, make, put, target
from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPRegressor,
    criterion_scorer,
)
from sknewtonnet.pruning import pruning_stability

_rng = np.random.default_rng(5)
BIG_X = _rng.normal(size=(200, 3))
BIG_Y = np.tanh(1.5 * BIG_X[:, 0]) + 0.2 * BIG_X[:, 1] + 0.2 * _rng.normal(size=200)


def small(kind="reg", **params):
    sizes = {"hidden_layer_sizes": (1,)} if kind in ("reg", "clf") else {"n_centers": 2}
    return make(kind, **sizes | {"alpha": 0.01} | params)


def prune(x=BIG_X, y=BIG_Y, weight=None, net=None, **params):
    fit = BackwardPruning(small() if net is None else net, **params).fit(x, y, weight)
    return fit.predict(x)[:2]


pruning = Topic("Pruning")
for text, net in {
    "None": 0,
    "scikit-learn's MLP": MLPRegressor(),
    "a class": NewtonMLPRegressor,
    "a pipeline": make_pipeline(StandardScaler(), NewtonMLPRegressor()),
    "text": "net",
    "another pruning": BackwardPruning(NewtonMLPRegressor()),
}.items():
    pruning.ask(f"estimator: {text}", lambda n=net: prune(net=n))
for name, given in {
    "significance_level": [0, 0.0, 1.0, np.nan, -1, 2, "a", None, True], "step": [0, 0.0, 1.0, True, 1000, -1, np.nan, "a", 1e-300], "max_steps": [0, True, 1, -1, 1.5, "a"], "criterion": ["no", None, "WALD", "obs"], "unit": ["no", None, "Feature", "feature", "hidden"],
    "scoring": ["no", "BIC", 3, None], "cov_type": ["no", None, "hessian", "cluster"], "verbose": ["a", -1],
}.items():  # fmt: skip
    for value in given:
        pruning.ask(f"{name}={value!r}", lambda n=name, v=value: prune(**{n: v}))
for text, given in {
    "X nan": {"x": put((7, 1), np.nan)(BIG_X)}, "y noise": {"y": _rng.normal(size=200)}, "y constant": {"y": np.ones(200)}, "y linear": {"y": BIG_X @ [1.0, 2.0, 0.0]}, "five rows": {"x": BIG_X[:5], "y": BIG_Y[:5]}, "y short": {"y": BIG_Y[1:]}, "weights negative": {"weight": -np.ones(200)}, "weights of 1/n": {"weight": np.full(200, 1 / 200)}, "weights with zeros": {"weight": np.r_[np.zeros(50), np.ones(150)]}, "y times 1e8": {"y": 1e8 * BIG_Y}, "y times 1e-8": {"y": 1e-8 * BIG_Y}, "X times 1e100": {"x": 1e100 * BIG_X}, "duplicated columns": {"x": np.column_stack([BIG_X, BIG_X])}, "y two columns": {"y": np.column_stack([BIG_Y, BIG_X[:, 2]])},
}.items():  # fmt: skip
    pruning.ask(text, lambda g=given: prune(**g))
for text, params in {
    "no hidden layer": {"hidden_layer_sizes": ()}, "not converged": {"max_iter": 1}, "relu": {"activation": "relu"}, "alpha=0": {"alpha": 0.0}, "alpha='auto'": {"alpha": "auto"}, "alpha=1e6": {"alpha": 1e6}, "warm_start": {"warm_start": True}, "RandomState": {"random_state": np.random.RandomState(0)}, "bounds": {"bounds": {"coefs_0": (-1, 1)}}, "monotonic_cst": {"monotonic_cst": [1, 0, 0]}, "connectivity": {"connectivity": {"coefs_0": [[True], [False], [True]]}}, "skip connections": {"skip_connections": "all"}, "two layers": {"hidden_layer_sizes": (2, 2)}, "pseudo_huber": {"loss": "pseudo_huber"}, "above 3000 parameters": {"hidden_layer_sizes": (700,), "max_iter": 2}, "standardize=False": {"standardize": False}, "n_init=2": {"n_init": 2},
}.items():  # fmt: skip
    pruning.ask(f"a net with {text}", lambda p=params: prune(net=small(**p)))
for kind in FOUR:
    for unit in ("weight", "feature", "hidden"):
        pruning.ask(
            f"unit={unit!r}",
            lambda k=kind, u=unit: prune(
                y=BIG_Y > 0 if k in ("clf", "rbc") else BIG_Y, net=small(k), unit=u
            ),
            to=kind,
        )
for text, call in {
    "predict before the fit": lambda: BackwardPruning(small()).predict(X), "confirm on other columns": lambda: BackwardPruning(small()).fit(BIG_X, BIG_Y).confirm(BIG_X[:, :2], BIG_Y), "confirm on 5 rows": lambda: len(BackwardPruning(small()).fit(BIG_X, BIG_Y).confirm(BIG_X[:5], BIG_Y[:5]).summary()), "inference of the pruned": lambda: len(BackwardPruning(small()).fit(BIG_X, BIG_Y).inference(BIG_X, BIG_Y).summary()), "transform": lambda: BackwardPruning(small()).fit(BIG_X, BIG_Y).transform(BIG_X).shape, "get_feature_names_out of wrong names": lambda: BackwardPruning(small()).fit(BIG_X, BIG_Y).get_feature_names_out(["a"]),
    "stability n_resamples=0": lambda: pruning_stability(BackwardPruning(small()), BIG_X, BIG_Y, n_resamples=0), "stability n_resamples=1.5": lambda: pruning_stability(BackwardPruning(small()), BIG_X, BIG_Y, n_resamples=1.5), "stability resampling='no'": lambda: pruning_stability(BackwardPruning(small()), BIG_X, BIG_Y, resampling="no"), "stability of a net": lambda: pruning_stability(small(), BIG_X, BIG_Y), "stability of two resamples": lambda: len(pruning_stability(BackwardPruning(small()), BIG_X, BIG_Y, n_resamples=2, random_state=0).to_frame()),
}.items():  # fmt: skip
    pruning.ask(text, call)


def search(net=None, grid=None, x=BIG_X, y=BIG_Y, **params):
    grid = {"hidden_layer_sizes": [(), (1,)]} if grid is None else grid
    return (
        InformationCriterionSearch(small() if net is None else net, grid, **params)
        .fit(x, y)
        .predict(x)[:2]
    )


searches = Topic("Searches and scorers")
for text, given in {
    "an empty dict": {}, "an empty list": [], "unknown parameter": {"foo": [1]}, "a number": {"hidden_layer_sizes": 3}, "one setting that fails": {"hidden_layer_sizes": [(1,), (0,)]}, "all settings fail": {"hidden_layer_sizes": [(0,)]}, "text": "grid", "None as values": {"alpha": None}, "an empty list of values": {"alpha": []}, "nested": {"estimator__alpha": [1]}, "two dicts": [{"alpha": [0.1]}, {"alpha": [1.0]}], "alpha='auto'": {"alpha": ["auto"]},
}.items():  # fmt: skip
    searches.ask(f"grid: {text}", lambda g=given: search(grid=g))
for text, call in {
    "pseudo_huber has no likelihood": lambda: search(small(loss="pseudo_huber")), "class_weight": lambda: search(small("clf", class_weight="balanced"), y=BIG_Y > 0), "criterion='no'": lambda: search(criterion="no"), "criterion=None": lambda: search(criterion=None), "n_jobs=0": lambda: search(n_jobs=0), "X nan": lambda: search(x=put((7, 1), np.nan)(BIG_X)), "a pipeline": lambda: search(make_pipeline(StandardScaler(), NewtonMLPRegressor())), "y constant": lambda: search(y=np.ones(200)), "three rows": lambda: search(x=BIG_X[:3], y=BIG_Y[:3]), "relu": lambda: search(small(activation="relu")), "verbose='a'": lambda: search(verbose="a"),
    "criterion_scorer('no')": lambda: criterion_scorer("no"), "criterion_scorer('bic') with cv=5": lambda: GridSearchCV(small(), {"alpha": [0.1, 1.0]}, scoring=criterion_scorer("bic"), cv=5).fit(X, Y), "criterion_scorer in cross_val_score": lambda: cross_val_score(small(), X, Y, scoring=criterion_scorer("bic"), cv=3), "criterion_scorer of a Ridge": lambda: criterion_scorer("bic")(Ridge().fit(X, Y), X, Y), "criterion_scorer before the fit": lambda: criterion_scorer("bic")(small(), X, Y), "criterion_scorer on all rows": lambda: GridSearchCV(small(), {"alpha": [0.1, 1.0]}, scoring=criterion_scorer("bic"), cv=[(np.arange(60), np.arange(60))]).fit(X, Y).best_params_, "criterion_scorer of a TransformedTargetRegressor": lambda: criterion_scorer("bic")(TransformedTargetRegressor(small()).fit(X, Y), X, Y),
    "criterion_scorer in a pipeline": lambda: criterion_scorer("bic")(make_pipeline(StandardScaler(), small()).fit(X, Y), X, Y),
}.items():  # fmt: skip
    searches.ask(text, call)
for criterion in ("aic", "aicc", "bic", "nic", "tic", "gcv"):
    for kind in FOUR:
        searches.ask(
            f"criterion={criterion!r}",
            lambda c=criterion, k=kind: search(
                small(k),
                {"alpha": [0.1, 1.0]},
                y=BIG_Y > 0 if k in ("clf", "rbc") else BIG_Y,
                criterion=c,
            ),
            to=kind,
        )

tools = Topic("scikit-learn's tools around the estimators")
IRIS_X, IRIS_Y = load_iris(return_X_y=True)
IRIS_X, IRIS_Y = IRIS_X[::3], IRIS_Y[::3]
TABLE = pd.DataFrame(X, columns=NAMES).assign(kind=np.array(["u", "v", "w"] * 20))


def encode():
    return ColumnTransformer([("code", OneHotEncoder(), ["kind"])], remainder="passthrough")


for kind in ("reg", "rbf", "net"):
    for text, build in {
        "Pipeline": lambda n: make_pipeline(StandardScaler(), n), "Bagging": lambda n: BaggingRegressor(n, 3, random_state=0), "Bagging of features, out of bag": lambda n: BaggingRegressor(n, 10, max_features=2, oob_score=True, random_state=0), "Bagging of four rows": lambda n: BaggingRegressor(n, 3, max_samples=4, random_state=0), "AdaBoost": lambda n: AdaBoostRegressor(n, n_estimators=3, random_state=0), "Stacking": lambda n: StackingRegressor([("a", n), ("b", Ridge())], cv=2), "TransformedTarget": lambda n: TransformedTargetRegressor(n, func=np.sinh, inverse_func=np.arcsinh), "GridSearch": lambda n: GridSearchCV(n, {"alpha": [0.1, 1.0]}, cv=2), "RandomizedSearch": lambda n: RandomizedSearchCV(n, {"alpha": [0.1, 1.0]}, n_iter=2, cv=2), "Polynomials": lambda n: make_pipeline(PolynomialFeatures(4), n),
    }.items():  # fmt: skip
        tools.ask(
            text,
            lambda k=kind, b=build: b(make(k, max_iter=100)).fit(X, Y).predict(X)[:3],
            to=kind,
        )
    for text, build in {"MultiOutput": MultiOutputRegressor, "Chain": RegressorChain}.items():
        tools.ask(
            text,
            lambda k=kind, b=build: (
                b(make(k, max_iter=100)).fit(X, np.column_stack([Y, X[:, 0]])).predict(X)[:3]
            ),
            to=kind,
        )
for kind in ("clf", "rbc", "nec"):
    for text, build in {
        "Pipeline": lambda n: make_pipeline(StandardScaler(), n), "Bagging": lambda n: BaggingClassifier(n, 3, random_state=0), "Bagging of six rows": lambda n: BaggingClassifier(n, 3, max_samples=6, random_state=0), "AdaBoost": lambda n: AdaBoostClassifier(n, n_estimators=3), "Calibrated": lambda n: CalibratedClassifierCV(n, cv=2), "one against the rest": OneVsRestClassifier, "one against one": OneVsOneClassifier, "output codes": lambda n: OutputCodeClassifier(n, random_state=0), "self-training": SelfTrainingClassifier, "GridSearch": lambda n: GridSearchCV(n, {"alpha": [0.1, 1.0]}, cv=2),
    }.items():  # fmt: skip
        tools.ask(
            text,
            lambda k=kind, b=build: (
                b(make(k, max_iter=100)).fit(IRIS_X, IRIS_Y).predict(IRIS_X)[:3]
            ),
            to=kind,
        )
    for text, build in {"MultiOutput": MultiOutputClassifier, "Chain": ClassifierChain}.items():
        tools.ask(
            text,
            lambda k=kind, b=build: (
                b(make(k, max_iter=100))
                .fit(X, np.column_stack([LABELS, 1 - LABELS]))
                .predict(X)[:3]
            ),
            to=kind,
        )
    tools.ask(
        "Voting with a class of weight zero",
        lambda k=kind: (
            VotingClassifier([("a", make(k)), ("b", LogisticRegression())], voting="soft")
            .fit(IRIS_X, IRIS_Y, sample_weight=(IRIS_Y < 2).astype(float))
            .predict(IRIS_X)[:3]
        ),
        to=kind,
    )
    tools.ask(
        "cross_val_predict with a class missing from a fold",
        lambda k=kind: cross_val_predict(
            make(k),
            IRIS_X,
            IRIS_Y,
            cv=[(np.arange(17), np.arange(17, 50)), (np.arange(17, 50), np.arange(17))],
            method="predict_proba",
        )[:2],
        to=kind,
    )
for kind in FOUR:
    for text, call in {
        "RFE": lambda n, y: RFE(n).fit(X, y).support_, "RFECV": lambda n, y: RFECV(n, cv=2).fit(X, y).support_, "SelectFromModel": lambda n, y: SelectFromModel(n).fit(X, y).get_support(), "SequentialFeatureSelector": lambda n, y: SequentialFeatureSelector(n, n_features_to_select=1, cv=2).fit(X, y).support_, "permutation_importance": lambda n, y: permutation_importance(n.fit(X, y), X, y, n_repeats=2, random_state=0).importances_mean, "partial_dependence": lambda n, y: partial_dependence(n.fit(X, y), X, [0], grid_resolution=3)["average"], "cross_validate in two processes": lambda n, y: cross_validate(n, X, y, cv=2, n_jobs=2)["test_score"], "cross_validate with NaN in X": lambda n, y: cross_validate(n, put((7, 1), np.nan)(X), y, cv=2, error_score="raise"), "score with weights": lambda n, y: n.fit(X, y).score(X, y, WEIGHTS), "an inner fit that fails": lambda n, y: GridSearchCV(n, {"alpha": [0.1, -1.0]}, cv=2, error_score="raise").fit(X, y),
    }.items():  # fmt: skip
        tools.ask(text, lambda k=kind, c=call: c(make(k, max_iter=100), target(k)), to=kind)
    tools.ask(
        "OneHotEncoder, sparse output",
        lambda k=kind: make_pipeline(encode(), make(k)).fit(TABLE, target(k)).predict(TABLE)[:3],
        to=kind,
    )
    tools.ask(
        "OneHotEncoder, an unknown level",
        lambda k=kind: (
            make_pipeline(encode(), make(k)).fit(TABLE, target(k)).predict(TABLE.assign(kind="z"))
        ),
        to=kind,
    )
    tools.ask("partial_fit", lambda k=kind: make(k).partial_fit(X, target(k)), to=kind)
tools.ask("AdaBoost learns iris", lambda: _adaboost())
tools.ask(
    "inference of a pipeline",
    lambda: make_pipeline(StandardScaler(), small()).fit(X, Y).inference(X, Y),
)
tools.ask("predict(return_std=True)", lambda: small().fit(X, Y).predict(X, return_std=True))
tools.ask("fit with an unknown argument", lambda: small().fit(X, Y, weights=WEIGHTS))
tools.ask("fit with y=None", lambda: small().fit(X))
tools.ask("fit of nothing", lambda: small().fit())


def _adaboost():
    net = make("clf", alpha="auto")
    score = AdaBoostClassifier(net, n_estimators=3).fit(IRIS_X, IRIS_Y).score(IRIS_X, IRIS_Y)
    return Held(score > 0.9, f"accuracy {score:.2f}")


TOPICS = [pruning, searches, tools]
