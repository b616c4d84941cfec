"""Pipelines that end in a net, pruned and searched: in and out in the columns of the table."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    pipeline_inference,
)
from sknewtonnet.pruning import pruning_stability

pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")

N = 160
SIZES = {"newtonmlpregressor__hidden_layer_sizes": [(), (1,)]}


def table():
    """Age and sex count, income does not; some incomes are missing."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": 50.0 + 10.0 * rng.normal(size=N),
            "income": np.where(rng.random(N) < 0.1, np.nan, 1e4 * rng.exponential(size=N)),
            "sex": rng.choice(["f", "m", "x"], N),
        }
    )
    mean = 50.0 * np.tanh((frame["age"] - 50.0) / 10.0) + 30.0 * (frame["sex"] == "m")
    return frame, (1000.0 + mean + 5.0 * rng.normal(size=N)).to_numpy()


def before():
    fill = make_pipeline(SimpleImputer(), StandardScaler())
    encode = OneHotEncoder(drop="first", sparse_output=False)
    return make_column_transformer((fill, ["income", "age"]), (encode, ["sex"]))


def net(hidden=(2,), **params):
    return NewtonMLPRegressor(hidden, **{"alpha": 0.1, "random_state": 0} | params)


def columns(frame):
    """What the net reads, as the preprocessing makes it."""
    return before().fit_transform(frame)


def test_pruning_is_that_of_the_net_behind_its_steps():
    frame, y = table()
    pruned = BackwardPruning(make_pipeline(before(), net())).fit(frame, y)
    plain = BackwardPruning(net()).fit(columns(frame), y)
    assert [step.accepted for step in pruned.path_] == [step.accepted for step in plain.path_]
    assert_allclose(
        [step.criterion for step in pruned.path_], [step.criterion for step in plain.path_]
    )
    assert_allclose(pruned.predict(frame), plain.predict(columns(frame)), rtol=1e-9)
    assert pruned.score(frame, y) == pytest.approx(plain.score(columns(frame), y))
    left = pruned.estimator_
    assert_allclose(left.predict(frame), pruned.predict(frame), rtol=1e-12)
    assert left[-1].critical_point_ == "minimum"


def test_columns_are_those_of_the_table():
    frame, y = table()
    pruned = BackwardPruning(make_pipeline(before(), net())).fit(frame, y)
    assert pruned.n_features_in_ == 3
    assert pruned.feature_names_in_.tolist() == ["age", "income", "sex"]
    assert pruned.support_.tolist() == [True, False, True]
    assert pruned.get_feature_names_out().tolist() == ["age", "sex"]
    assert pruned.transform(frame).shape == (N, 2)
    gone = [name for step in pruned.path_ if step.accepted for name in step.removed]
    assert "income" in gone
    assert any("sex_m" in name for name in pruned.estimator_[-1].parameter_names_)
    shares = pruned.feature_importances_
    assert shares.sum() == pytest.approx(1.0)
    assert (shares > 0).tolist() == pruned.support_.tolist()


def test_inference_and_confirmation_have_one_form():
    frame, y = table()
    pruned = BackwardPruning(make_pipeline(before(), net())).fit(frame[:80], y[:80])
    first = pruned.inference(frame[:80], y[:80])
    other = pruned.confirm(frame[80:], y[80:])
    assert first.post_selection
    assert not other.post_selection
    assert first.names == other.names
    assert first.tests.names == other.tests.names
    assert first.tests.names[:3] == ["income", "age", "sex"]
    assert first.factors == other.factors == {"sex": ("sex_m", "sex_x")}
    assert_allclose(other.slope_test("age").p_value, 0.0, atol=1e-10)
    wanted = pipeline_inference(pruned.estimator_, frame[:80], y[:80])
    assert_allclose(first.params, wanted.params)
    # The preprocessing of the fit stays, so predictions of its net are comparable.
    assert other.get_prediction(frame[:5]).mean.shape == (5,)


def test_a_search_over_the_net():
    frame, y = table()
    search = InformationCriterionSearch(make_pipeline(before(), net()), SIZES).fit(frame, y)
    plain = InformationCriterionSearch(net(), {"hidden_layer_sizes": [(), (1,)]})
    plain.fit(columns(frame), y)
    assert search.best_params_ == {"newtonmlpregressor__hidden_layer_sizes": (1,)}
    assert_allclose(search.results_["bic"], plain.results_["bic"])
    assert_allclose(search.predict(frame), plain.predict(columns(frame)), rtol=1e-9)
    assert search.inference(frame, y).feature_names == ("income", "age", "sex_m", "sex_x")
    assert search.confirm(frame, y).factors == {"sex": ("sex_m", "sex_x")}


def test_a_search_sets_nothing_before_the_net():
    frame, y = table()
    pipe = make_pipeline(StandardScaler(), net())
    for name in ("hidden_layer_sizes", "standardscaler__with_mean"):
        search = InformationCriterionSearch(pipe, {name: [True]})
        with pytest.raises(ValueError, match=f"must begin with 'newtonmlpregressor__'.*{name}"):
            search.fit(frame[["age"]], y)


def test_mixed_columns_are_all_in_or_out():
    frame, y = table()
    X = np.column_stack([frame["age"], frame["income"].fillna(0.0)])
    pruned = BackwardPruning(make_pipeline(StandardScaler(), PCA(), net((1,)))).fit(X, y)
    assert pruned.support_.tolist() == [True, True]
    assert pruned.get_feature_names_out().tolist() == ["x0", "x1"]
    assert pruned.predict(X).shape == (N,)
    with pytest.raises(ValueError, match=r"'pca'.*mixes columns"):
        pruned.inference(X, y)


def test_it_is_a_meta_estimator_like_others():
    frame, y = table()
    pruning = BackwardPruning(make_pipeline(before(), net((1,))))
    grid = {"estimator__newtonmlpregressor__alpha": [0.1, 1000.0]}
    search = GridSearchCV(pruning, grid, cv=2).fit(frame, y)
    assert search.best_params_ == {"estimator__newtonmlpregressor__alpha": 0.1}
    copied = pickle.loads(pickle.dumps(search.best_estimator_))
    assert_allclose(copied.predict(frame), search.predict(frame))
    assert not hasattr(clone(copied), "estimator_")
    found = pruning_stability(pruning, frame, y, n_resamples=2, random_state=0)
    assert found.feature_names == ["age", "income", "sex"]
    assert found.feature_frequency[[0, 2]].tolist() == [1.0, 1.0]


def test_the_pipeline_of_the_user_is_left_alone():
    frame, y = table()
    steps = before()
    pipe = make_pipeline(steps, net())
    BackwardPruning(pipe, max_steps=1).fit(frame, y)
    assert not hasattr(steps, "transformers_")
    assert not hasattr(pipe[-1], "params_")


def test_classes_and_weights():
    frame, y = table()
    labels = np.where(y > np.median(y) + 20 * np.random.default_rng(1).normal(size=N), "b", "a")
    weight = np.random.default_rng(2).integers(1, 3, N)
    pipe = make_pipeline(before(), NewtonMLPClassifier((1,), alpha=0.5, random_state=0))
    pruned = BackwardPruning(pipe).fit(frame, labels, weight)
    assert pruned.classes_.tolist() == ["a", "b"]
    assert_allclose(pruned.predict_proba(frame), pruned.estimator_.predict_proba(frame))
    assert pruned.inference(frame, labels, weight).n_obs == weight.sum()
    assert pruned.confirm(frame, labels, weight).n_obs == weight.sum()


def test_a_pipeline_without_steps_before_and_one_around():
    frame, y = table()
    X = frame[["age"]]
    inner = BackwardPruning(make_pipeline(net((1,)))).fit(X, y)
    assert_allclose(inner.predict(X), BackwardPruning(net((1,))).fit(X, y).predict(X))
    around = make_pipeline(BackwardPruning(make_pipeline(before(), net())), before_line())
    assert around.fit(frame, y).predict(frame).shape == (N,)


def before_line():
    encode = make_column_transformer((OneHotEncoder(), [1]), remainder="passthrough")
    return make_pipeline(encode, LinearRegression())
