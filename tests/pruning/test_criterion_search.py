"""The size of a net by a criterion; data that had no part in it; how stable a pruning is."""

import pickle
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
from inference_cases import one_unit, regression, two_units
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetRegressor,
)
from sknewtonnet.estimators import fit_of
from sknewtonnet.inference import CRITERIA
from sknewtonnet.pruning import PruningStability, _stability, pruning_stability

SIZES = {"hidden_layer_sizes": [(), (1,), (2,)]}

# Nets that are too large, or whose form was chosen, are what the gate warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")


def net(hidden=(1,), **params):
    return NewtonMLPRegressor(
        hidden, **{"standardize": False, "alpha": 0.01, "n_init": 2, "random_state": 0} | params
    )


def searched(criterion="bic", data=regression, grid=None, **params):
    search = InformationCriterionSearch(net(), grid or SIZES, criterion=criterion, **params)
    return search.fit(*data())


@pytest.mark.parametrize("criterion", CRITERIA)
def test_table_and_best(criterion):
    X, y = regression()
    search = searched(criterion)
    table = search.results_
    assert list(table) == [
        *("params", "param_hidden_layer_sizes", criterion, "loss", "n_parameters"),
        *("effective_parameters", "identifiable", "critical_point", "reason", "n_minima"),
        *("fit_time", "rank"),
    ]
    assert pd.DataFrame(table).shape == (3, 12)
    assert not any(table["reason"])
    for k, params in enumerate(table["params"]):
        assert table["param_hidden_layer_sizes"][k] == params["hidden_layer_sizes"]
        plain = net().set_params(**params).fit(X, y)
        results = plain.inference(X, y)
        assert table[criterion][k] == pytest.approx(getattr(results, criterion), rel=1e-9)
        assert table["loss"][k] == pytest.approx(plain.loss_, rel=1e-12)
        assert table["n_parameters"][k] == len(plain.params_)
        assert table["critical_point"][k] == plain.critical_point_
        assert table["n_minima"][k] == len(set(plain.starts_["minimum"]) - {-1})
    best = int(np.argmin(table[criterion]))
    assert (search.best_index_, search.best_score_) == (best, table[criterion][best])
    assert search.best_params_ == table["params"][best]
    assert table["rank"][best] == 1
    assert sorted(table["rank"]) == [1, 2, 3]
    assert np.array_equal(search.predict(X), search.best_estimator_.predict(X))
    assert search.score(X, y) == search.best_estimator_.score(X, y)
    assert search.n_features_in_ == 3


@pytest.mark.parametrize(("mean", "size"), [(one_unit, (1,)), (two_units, (2,))])
def test_bic_finds_the_size(mean, size):
    data = regression(mean, n=240)
    grid = {"hidden_layer_sizes": [(), (1,), (2,), (3,)]}
    search = InformationCriterionSearch(net(n_init=4), grid).fit(*data)
    assert search.best_params_ == {"hidden_layer_sizes": size}


def test_several_grids():
    grid = [{"hidden_layer_sizes": [(1,)], "alpha": [0.01, 0.1]}, {"activation": ["logistic"]}]
    search = searched(grid=grid)
    assert len(search.results_["params"]) == 3
    assert search.results_["param_activation"].tolist() == [None, None, "logistic"]
    assert search.results_["param_alpha"].tolist() == [0.01, 0.1, None]


def test_ties_go_to_the_first():
    search = searched(grid={"verbose": [0, False]})
    first, second = search.results_["bic"]
    assert first == second
    assert search.best_index_ == 0
    assert search.results_["rank"][0] == 1


def test_no_candidate_without_a_minimum():
    search = searched(grid={"hidden_layer_sizes": [(3,), (1,)], "max_iter": [2, 1000]})
    table = search.results_
    stopped = table["critical_point"] == "not stationary"
    assert stopped.tolist() == [True, False, True, False]
    assert np.array_equal(np.isnan(table["bic"]), stopped)
    assert not stopped[search.best_index_]
    assert set(table["rank"][stopped]) == {3}
    assert all(table["reason"][stopped])


def test_no_candidate_that_separates_classes():
    X, _ = regression()
    y = X[:, 0] + 0.3 * X[:, 1] > 0
    model = NewtonMLPClassifier((), random_state=0, standardize=False, alpha=1.0)
    search = InformationCriterionSearch(model, {"alpha": [0.0, 20.0]}).fit(X, y)
    assert np.isnan(search.results_["bic"]).tolist() == [True, False]
    assert search.best_params_ == {"alpha": 20.0}


def test_nothing_of_the_given_net_changes():
    X, y = regression()
    model = net()
    before = repr(model.get_params())
    search = InformationCriterionSearch(model, SIZES).fit(X, y)
    assert repr(model.get_params()) == before
    assert vars(model).keys() == model.get_params(deep=False).keys()
    assert search.best_estimator_ is not model
    assert clone(search).get_params()["param_grid"] == SIZES


def test_weights_names_jobs_and_pickles(capsys):
    X, y = regression()
    frame = pd.DataFrame(X, columns=["age", "bmi", "sex"])
    weight = np.random.default_rng(2).integers(0, 3, len(X))
    one = InformationCriterionSearch(net(), SIZES, verbose=1, n_jobs=2).fit(frame, y, weight)
    assert len(capsys.readouterr().out.splitlines()) == 3
    two = InformationCriterionSearch(net(), SIZES)
    two.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert one.results_["bic"] == pytest.approx(two.results_["bic"], rel=1e-6)
    assert one.feature_names_in_.tolist() == ["age", "bmi", "sex"]
    copied = pickle.loads(pickle.dumps(one))
    assert np.array_equal(copied.predict(frame), one.predict(frame))
    assert copied.best_estimator_.inference(frame, y, weight).post_selection
    assert not hasattr(two.fit(X, y), "feature_names_in_")
    one.fit(X, y)
    assert not hasattr(one, "feature_names_in_")


def test_radial_nets():
    X, y = regression(n=60)
    model = RBFNetRegressor(2, alpha=0.5, random_state=0, standardize=False)
    search = InformationCriterionSearch(model, {"n_centers": [1, 2]}).fit(X[:, :2], y)
    assert search.best_params_["n_centers"] in (1, 2)
    assert np.isfinite(search.best_score_)


# P-values after a choice.

FLAG = "chosen on these data"


def test_choice_is_flagged():
    X, y = regression()
    for chosen in (searched().best_estimator_, BackwardPruning(net()).fit(X, y).estimator_):
        results = chosen.inference(X, y)
        assert results.post_selection
        assert FLAG in results.summary().replace("\n  ", " ")
        assert pickle.loads(pickle.dumps(chosen)).inference(X, y).post_selection
        assert not clone(chosen).fit(X, y).inference(X, y).post_selection
        again = chosen.fit(X, y).inference(X, y)
        assert not again.post_selection
        assert FLAG not in again.summary().replace("\n  ", " ")


def test_one_candidate_is_no_choice():
    X, y = regression()
    search = searched(grid={"alpha": [0.1]})
    assert not search.best_estimator_.inference(X, y).post_selection


def test_confirm_is_a_plain_fit_to_other_data():
    X, y = regression(n=240)
    old, new = slice(0, 120), slice(120, None)
    for meta in (BackwardPruning(net((2,))), InformationCriterionSearch(net(), SIZES)):
        meta.fit(X[old], y[old])
        chosen = meta._net
        kept = chosen.params_.copy()
        results = meta.confirm(X[new], y[new], cov_type="HC1")
        assert not results.post_selection
        assert FLAG not in results.summary().replace("\n  ", " ")
        assert results.cov_type == "HC1"
        plain = net().set_params(**clone(chosen).get_params()).fit(X[new], y[new])
        wanted = plain.inference(X[new], y[new], cov_type="HC1")
        assert results.names == wanted.names
        assert results.bic == pytest.approx(wanted.bic, rel=1e-9)
        assert np.sort(np.abs(results.params)) == pytest.approx(np.sort(np.abs(wanted.params)))
        assert np.array_equal(chosen.params_, kept)
        assert chosen.inference(X[old], y[old]).post_selection
        assert chosen.warm_start is False


def test_confirm_with_weights_and_names():
    X, y = regression()
    frame = pd.DataFrame(X, columns=["age", "bmi", "sex"])
    pruned = BackwardPruning(net()).fit(frame, y)
    weight = np.random.default_rng(2).integers(1, 3, len(X))
    one = pruned.confirm(frame, -y, weight)
    two = pruned.confirm(frame.loc[np.repeat(np.arange(len(X)), weight)], -np.repeat(y, weight))
    assert one.params == pytest.approx(two.params, rel=1e-6)
    with pytest.raises(NotFittedError):
        BackwardPruning(net()).confirm(X, y)


def test_confirm_of_data_without_names():
    """As for predictions: a warning that names are missing, or an error that says so."""
    X, y = regression()
    pruned = BackwardPruning(net()).fit(pd.DataFrame(X, columns=["age", "bmi", "sex"]), y)
    with pytest.raises((ValueError, UserWarning), match="feature names"):
        pruned.confirm(X, y)


# Stability.


def sparse(n=150):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4))
    return X, 2.0 * X[:, 0] - X[:, 2] + 0.5 * rng.normal(size=n)


@pytest.mark.parametrize("resampling", ["bootstrap", "folds"])
def test_frequencies_of_a_simple_truth(resampling):
    X, y = sparse()
    pruning = BackwardPruning(
        NewtonMLPRegressor((), alpha=0.1, standardize=False), significance_level=1e-3
    )
    found = pruning_stability(pruning, X, y, resampling=resampling, n_resamples=8, random_state=0)
    assert isinstance(found, PruningStability)
    assert found.feature_names == ["x0", "x1", "x2", "x3"]
    assert found.feature_frequency[[0, 2]].tolist() == [1.0, 1.0]
    assert found.feature_frequency[[1, 3]].max() < 0.5
    assert found.unit_names == []
    assert found.unit_frequency.shape == (0,)
    assert found.n_units.tolist() == [0] * 8
    assert found.n_parameters.min() == 3
    assert found.pruned.support_.tolist() == [True, False, True, False]
    assert not hasattr(pruning, "estimator_")
    frame = found.to_frame()
    assert frame.index.tolist() == [("feature", name) for name in found.feature_names]
    assert frame["kept"].tolist() == [True, False, True, False]


def test_folds_are_all_rows_but_some():
    X, y = sparse(30)
    found = pruning_stability(
        BackwardPruning(NewtonMLPRegressor((), alpha=0.1, standardize=False)),
        X,
        y,
        resampling="folds",
        n_resamples=3,
        random_state=5,
    )
    fold = np.random.RandomState(5).permutation(30) % 3
    for k in range(3):
        plain = BackwardPruning(NewtonMLPRegressor((), alpha=0.1, standardize=False)).fit(
            X[fold != k], y[fold != k]
        )
        assert len(plain.estimator_.params_) == found.n_parameters[k]


def test_same_seed_same_answer_in_parallel():
    X, y = sparse(60)
    pruning = BackwardPruning(net((2,), alpha=0.1))
    with joblib.parallel_config("threading"):
        one, two, other = (
            pruning_stability(pruning, X, y, n_resamples=3, random_state=seed, n_jobs=jobs)
            for seed, jobs in ((0, None), (0, 2), (1, None))
        )
    assert one.feature_frequency.tolist() == two.feature_frequency.tolist()
    assert one.unit_frequency.tolist() == two.unit_frequency.tolist()
    assert one.n_parameters.tolist() == two.n_parameters.tolist()
    assert one.to_frame().shape == other.to_frame().shape == (6, 2)


def mirrored(fitted):
    """Swap the two units of a fitted net of tanh units, and change the signs of one."""
    layout = fit_of(fitted).network.layout
    arrays = layout.unpack(fitted.params_)
    sign = np.array([-1.0, 1.0])
    full = {
        "coefs_0": arrays["coefs_0"][:, ::-1] * sign,
        "intercepts_0": arrays["intercepts_0"][::-1] * sign,
        "coefs_1": arrays["coefs_1"][::-1] * sign[:, None],
        "intercepts_1": arrays["intercepts_1"],
    }
    masks = {name: values != 0 for name, values in full.items()}
    network = fit_of(fitted).network.with_connectivity(masks)
    fitted.params_ = network.layout.pack(full)
    problem = replace(fit_of(fitted).problem, network=network)
    fitted._fit_ = replace(fit_of(fitted), problem=problem, params=fitted.params_)


def test_units_are_matched(monkeypatch):
    """The unit that is left is the same in each resample, wherever it stands."""
    X, y = regression(n=200)
    calls = []
    pruned = _stability._pruned

    def swapped(pruning, X, y, weight):
        # Resamples of the same rows, every other of which has its units in another order.
        found = pruned(pruning, X, y, {"sample_weight": np.ones(len(X))})
        if len(calls) % 2:
            mirrored(found.estimator_)
        calls.append(found)
        return found

    monkeypatch.setattr(_stability, "_pruned", swapped)
    pruning = BackwardPruning(net((2,), alpha=0.1), unit="neuron")
    found = pruning_stability(pruning, X, y, n_resamples=4, random_state=0)
    assert len(calls) == 5
    kept = found.pruned.unit_support_[0]
    assert kept.sum() == 1
    assert found.n_units.tolist() == [1, 1, 1, 1]
    assert found.unit_frequency.tolist() == kept.astype(float).tolist()
    assert found.unit_names == ["h0", "h1"]
    frame = found.to_frame().loc["unit"]
    assert frame["kept"].tolist() == kept.tolist()


def test_frequency_of_units_in_a_bootstrap():
    X, y = regression(two_units, n=200)
    found = pruning_stability(
        BackwardPruning(net((2,), alpha=0.1)), X, y, n_resamples=4, random_state=0
    )
    assert found.unit_frequency.tolist() == [1.0, 1.0]
    assert found.feature_frequency.tolist() == [1.0, 1.0, 1.0]
    names = pd.DataFrame(X, columns=["age", "bmi", "sex"])
    pruning = BackwardPruning(net((1,), alpha=0.1))
    named = pruning_stability(pruning, names, y, n_resamples=2, random_state=0)
    assert named.feature_names == ["age", "bmi", "sex"]
    assert named.to_frame().index.get_level_values("name").tolist()[-1] == "h0"


def test_settings_that_are_absent_are_masked():
    search = searched(grid=[{"alpha": [1.0, 2.0]}, {"bounds": [None]}])
    table = search.results_
    assert table["param_alpha"].mask.tolist() == [False, False, True]
    assert table["param_bounds"].mask.tolist() == [True, True, False]
    assert table["param_bounds"][2] is None


def test_criteria_in_units_of_the_loss_do_not_compare_losses():
    X, y = regression()
    search = InformationCriterionSearch(
        net(), {"loss": ["squared_error", "pseudo_huber"]}, criterion="gcv"
    )
    with pytest.raises(ValueError, match="units of the loss"):
        search.fit(X, y)


def test_too_large_settings_are_no_candidates():
    X, y = regression()
    search = InformationCriterionSearch(
        net(), [{"hidden_layer_sizes": [()]}, {"hidden_layer_sizes": [(1000,)], "max_iter": [1]}]
    )
    table = search.fit(X, y).results_
    assert np.isnan(table["bic"]).tolist() == [False, True]
    assert "3000" in table["reason"][1]


def test_the_net_speaks_through_the_search():
    search = searched()
    X, y = regression()
    assert search.inference(X, y).post_selection
    assert np.array_equal(search.feature_importances_, search.best_estimator_.feature_importances_)
