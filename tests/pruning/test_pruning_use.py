"""How pruning is used: its path, and its place in scikit-learn."""

import inspect
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn
from estimator_cases import Recorder
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_checks import with_checks

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetRegressor,
)
from sknewtonnet.pruning import PruningPath, PruningStep

N = 200


def numbers():
    """Draw one input that counts, and three that do not."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 4))
    return X, np.tanh(1.5 * X[:, 0]) + 0.2 * rng.normal(size=N)


def noise():
    rng = np.random.default_rng(9)
    return rng.normal(size=(100, 4)), rng.normal(size=100)


def weak():
    """One input that counts a little, three that do not at all."""
    rng = np.random.default_rng(1)
    X, e = rng.normal(size=(N, 4)), rng.normal(size=N)
    A = np.column_stack([X, np.ones(N)])
    return X, 0.4 * X[:, 0] + e - A @ np.linalg.lstsq(A, e, rcond=None)[0]


def net(hidden=(2,), **params):
    return NewtonMLPRegressor(
        hidden, **{"standardize": False, "alpha": 0.1, "n_init": 2, "random_state": 0} | params
    )


# The path.


def test_path_is_a_sequence_with_a_frame():
    X, y = numbers()
    path = BackwardPruning(net()).fit(X, y).path_
    assert isinstance(path, PruningPath)
    assert isinstance(path[0], PruningStep)
    assert len(list(path)) == len(path) == len(path.to_frame())
    frame = path.to_frame()
    assert frame.columns.tolist() == [
        *("removed", "statistic", "df", "p_value", "bic", "loss", "n_parameters", "accepted"),
        "loss_left_out",
    ]
    assert frame["removed"][0] == ""
    assert frame["bic"].tolist() == [step.criterion for step in path]
    frame = (
        BackwardPruning(net(), scoring=None, significance_level=0.05).fit(X, y).path_.to_frame()
    )
    assert frame["criterion"].isna().all()


def test_repr_of_a_path_counts_what_is_left():
    X, y = weak()
    pruned = BackwardPruning(net(()), step=4, significance_level=1e-12).fit(X, y)
    assert not pruned.path_[-1].accepted
    accepted = sum(step.accepted for step in pruned.path_) - 1
    assert f"of {len(pruned.path_) - 1} removals, {accepted} accepted" in repr(pruned.path_)
    assert f"{len(pruned.estimator_.params_)} parameters" in repr(pruned.path_)


@pytest.mark.parametrize("scoring", ["bic", None])
def test_plot(scoring):
    X, y = weak()
    pruned = BackwardPruning(net(()), step=4, significance_level=1e-12, scoring=scoring)
    path = pruned.fit(X, y).path_
    ax = path.plot()
    kept = [step for step in path if step.accepted]
    assert ax.lines[0].get_xdata().tolist() == [step.n_parameters for step in kept]
    assert len(ax.lines) == 1 + (len(kept) < len(path))
    assert ax.get_ylabel() == ("BIC" if scoring else "OBJECTIVE")
    assert path.plot(ax) is ax
    plt.close("all")


def test_verbose_prints_each_step(capsys):
    X, y = noise()
    for scoring in ("bic", None):
        pruning = BackwardPruning(net(()), verbose=1, scoring=scoring, significance_level=0.05)
        pruned = pruning.fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(pruned.path_)
        assert "None" not in "".join(lines)


# A meta-estimator.

SEARCH = {"alpha": [0.5, 1.0]}
CHECKED = [
    BackwardPruning(NewtonMLPRegressor((1,), random_state=0, standardize=False, alpha=1.0)),
    BackwardPruning(NewtonMLPClassifier((2,), random_state=0, standardize=False, alpha=1.0)),
    BackwardPruning(
        make_pipeline(StandardScaler(), NewtonMLPRegressor((1,), random_state=0, alpha=1.0))
    ),
    InformationCriterionSearch(
        NewtonMLPRegressor((), random_state=0, standardize=False, alpha=1.0), SEARCH
    ),
    InformationCriterionSearch(
        NewtonMLPClassifier((), random_state=0, standardize=False, alpha=1.0), SEARCH
    ),
]


# The first of each search reads tables in every container.
@with_checks(CHECKED, [CHECKED[0], CHECKED[3]])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:No features were selected")
def test_sklearn_check(estimator, check):
    check(estimator)


def test_clone_and_parameters():
    pruning = BackwardPruning(net(), criterion="obd", step=3)
    copied = clone(pruning)
    assert copied.estimator is not pruning.estimator
    assert repr(copied) == repr(pruning)
    copied.set_params(estimator__alpha=7.0, significance_level=0.2)
    assert copied.estimator.alpha == 7.0
    assert pruning.estimator.alpha == 0.1
    fitted = clone(pruning).fit(*numbers())
    assert not clone(fitted).__sklearn_tags__().no_validation
    assert not hasattr(clone(fitted), "estimator_")


def test_what_it_is_depends_on_the_net():
    regressor, classifier = (
        BackwardPruning(net()),
        BackwardPruning(NewtonMLPClassifier(standardize=False, alpha=1.0)),
    )
    assert is_regressor(regressor)
    assert is_classifier(classifier)
    assert not hasattr(regressor, "predict_proba")
    assert hasattr(classifier, "predict_proba")
    assert classifier.__sklearn_tags__().classifier_tags.multi_label
    counted = BackwardPruning(net(loss="poisson"))
    assert counted.__sklearn_tags__().target_tags.positive_only


def test_unfitted():
    X, y = numbers()
    for meta in (BackwardPruning(net()), InformationCriterionSearch(net(), SEARCH)):
        for ask in (
            lambda meta=meta: meta.predict(X),
            lambda meta=meta: meta.score(X, y),
            lambda meta=meta: meta.confirm(X, y),
        ):
            with pytest.raises(NotFittedError):
                ask()
        assert not hasattr(meta, "classes_")
    for ask in (BackwardPruning(net()).get_support, BackwardPruning(net()).get_feature_names_out):
        with pytest.raises(NotFittedError):
            ask()


def test_grid_search_over_own_and_nested_parameters():
    X, y = numbers()
    grid = {"significance_level": [0.01, 0.1], "estimator__alpha": [0.1, 100.0]}
    search = GridSearchCV(BackwardPruning(net((1,))), grid, cv=2).fit(X, y)
    assert search.best_params_["estimator__alpha"] == 0.1
    best = search.best_estimator_
    assert best.estimator_.alpha == 0.1
    assert best.support_[0]
    outer = GridSearchCV(
        InformationCriterionSearch(net(()), {"hidden_layer_sizes": [(), (1,)]}),
        {"criterion": ["aic", "bic"]},
        cv=2,
    ).fit(X, y)
    assert outer.best_estimator_.best_params_ == {"hidden_layer_sizes": (1,)}


def test_pipeline():
    X, y = numbers()
    pipe = make_pipeline(StandardScaler(), BackwardPruning(net())).fit(1000.0 * X + 5.0, y)
    plain = BackwardPruning(net()).fit(StandardScaler().fit_transform(1000.0 * X + 5.0), y)
    assert pipe.predict(1000.0 * X + 5.0) == pytest.approx(
        plain.predict(pipe[0].transform(1000.0 * X + 5.0))
    )
    pipe.set_params(backwardpruning__estimator__alpha=3.0)
    assert pipe[-1].estimator.alpha == 3.0


def test_a_selector_in_a_pipeline():
    X, y = numbers()
    frame = pd.DataFrame(X, columns=["age", "bmi", "sex", "map"])
    pipe = make_pipeline(BackwardPruning(net()), LinearRegression()).fit(frame, y)
    assert pipe[0].get_feature_names_out().tolist() == ["age"]
    assert np.array_equal(pipe[0].transform(frame), X[:, :1])
    wanted = LinearRegression().fit(X[:, :1], y)
    assert pipe.predict(frame) == pytest.approx(wanted.predict(X[:, :1]))
    named = clone(pipe[0]).set_output(transform="pandas").fit_transform(frame, y)
    assert named.columns.tolist() == ["age"]
    back = pipe[0].inverse_transform(X[:, :1])
    assert np.array_equal(back[:, 0], X[:, 0])
    assert not back[:, 1:].any()


def test_names_of_a_frame():
    X, y = numbers()
    frame = pd.DataFrame(X, columns=["age", "bmi", "sex", "map"])
    pruned = BackwardPruning(net(), unit="feature", step=1).fit(frame, y)
    assert pruned.feature_names_in_.tolist() == frame.columns.tolist()
    assert pruned.get_feature_names_out().tolist() == frame.columns[pruned.support_].tolist()
    assert pruned.get_feature_names_out(list("abcd"))[0] == "a"
    gone = [name for step in pruned.path_ if step.accepted for name in step.removed]
    assert sorted(gone) == sorted(frame.columns[~pruned.support_])
    assert pruned.estimator_.feature_names_in_.tolist() == frame.columns.tolist()
    first = BackwardPruning(net(()), step=1).fit(frame, y).path_[1].removed[0]
    assert first in set(frame)
    pruned.fit(X, y)
    assert not hasattr(pruned, "feature_names_in_")
    assert pruned.get_support().dtype == bool
    assert pruned.get_support() is not pruned.support_


def test_sample_weights_are_routed():
    X, y = numbers()
    weight = np.random.default_rng(2).integers(1, 4, N).astype(float)
    wanted = BackwardPruning(net()).fit(X, y, weight).estimator_.params_
    with sklearn.config_context(enable_metadata_routing=True):
        asked = BackwardPruning(net().set_fit_request(sample_weight=True))
        asked.set_fit_request(sample_weight=True)
        pipe = make_pipeline(asked).fit(X, y, sample_weight=weight)
        assert np.array_equal(pipe[-1].estimator_.params_, wanted)
        with pytest.raises(UnsetMetadataPassedError):
            make_pipeline(BackwardPruning(net())).fit(X, y, sample_weight=weight)
        asked.set_score_request(sample_weight=True)
        asked.estimator.set_score_request(sample_weight=True)
        search = GridSearchCV(asked, {"estimator__alpha": [0.1]}, cv=2)
        search.fit(X, y, sample_weight=weight)
        assert np.array_equal(search.best_estimator_.estimator_.params_, wanted)


@pytest.mark.parametrize(
    "make", [BackwardPruning, lambda e: InformationCriterionSearch(e, SEARCH)]
)
def test_what_is_said_to_be_taken_is_taken(make):
    """Also under the name that the net asks for."""
    with sklearn.config_context(enable_metadata_routing=True):
        meta = make(net().set_fit_request(sample_weight="importance"))
        taken = meta.get_metadata_routing().consumes("fit", ["sample_weight", "importance"])
    known = inspect.signature(meta.fit).parameters.values()
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known):
        assert taken <= {parameter.name for parameter in known}


def test_pickle():
    X, y = numbers()
    pruned = BackwardPruning(net()).fit(X, y)
    copied = pickle.loads(pickle.dumps(pruned))
    assert np.array_equal(copied.predict(X), pruned.predict(X))
    assert repr(copied.path_) == repr(pruned.path_)
    assert copied.path_.to_frame().equals(pruned.path_.to_frame())
    assert copied.estimator_.inference(X, y).post_selection
    one, two = (meta.confirm(X, -y) for meta in (copied, pruned))
    assert np.array_equal(one.params, two.params)


def test_callbacks_of_the_net_are_called():
    X, y = numbers()
    recorder = Recorder()
    model = net((), n_init=1).set_callbacks(recorder)
    pruned = BackwardPruning(model).fit(X, y)
    assert recorder.log.count("setup") == recorder.log.count("teardown") >= 1
    assert recorder.log.count("begin fit") == recorder.log.count("end fit") >= 1
    wanted = BackwardPruning(net((), n_init=1)).fit(X, y)
    assert np.array_equal(pruned.estimator_.params_, wanted.estimator_.params_)


def test_callbacks_hear_of_each_step():
    X, y = numbers()
    recorder = Recorder()
    pruned = BackwardPruning(net()).set_callbacks(recorder).fit(X, y)
    steps = recorder.log.count("end step")
    assert recorder.log.count("begin step") == steps > 1
    assert recorder.log[:2] == ["setup", "begin fit"]
    assert recorder.log[-2:] == ["end fit", "teardown"]
    # What a callback gets at the end can predict.
    assert np.array_equal(recorder.last[0].predict(X), pruned.predict(X))


class Stopper(Recorder):
    """Asks to stop after the first step."""

    def on_fit_task_end(self, estimator, context):
        self.log.append(f"end {context.task_name}")
        return context.task_name == "step"


def test_a_callback_may_stop_the_pruning():
    X, y = numbers()
    stopper = Stopper()
    pruned = BackwardPruning(net(), step=1).set_callbacks(stopper).fit(X, y)
    assert stopper.log.count("end step") == 1
    assert len(pruned.path_) == 2
    assert pruned.estimator_.critical_point_ == "minimum"


def test_importances_of_what_is_left():
    X, y = numbers()
    pruned = BackwardPruning(net()).fit(X, y)
    shares = pruned.estimator_.feature_importances_
    assert (shares > 0).tolist() == pruned.support_.tolist()
    assert shares.sum() == pytest.approx(1.0)


def test_radial_net_in_a_pipeline():
    X, y = numbers()
    model = RBFNetRegressor(3, alpha=0.1, random_state=0, standardize=False)
    pipe = make_pipeline(StandardScaler(), BackwardPruning(model, unit="neuron"))
    assert pipe.fit(X, y).score(X, y) > 0.5
