"""A strength for each input: what it is, when it is kept, and what it is refused for."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ARDRegression

from sknewtonnet import (
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear, Network
from sknewtonnet.estimators import fit_of
from sknewtonnet.estimators._ard import StrengthGroups, strengths_by_evidence

rng = np.random.default_rng(3)
N = 90
X = np.column_stack([rng.normal(size=(N, 9)), np.full(N, 3.0)])
MEAN = np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1]
Y = MEAN + 0.15 * rng.normal(size=N)
INPUTS = [f"x{j}" for j in range(10)]
WITH_EFFECT, WITHOUT = INPUTS[:2], INPUTS[2:9]
MODEL = NewtonMLPRegressor((3,), standardize=True, alpha="ard", random_state=0)
FEW = X[:40, :3]
WEAK = 0.5 * FEW[:, 0] + np.random.default_rng(3).normal(size=40)


@cache
def kept():
    """A fit with a strength for each input."""
    return clone(MODEL).fit(X, Y)


@cache
def not_kept():
    """A fit where one strength for all is no worse."""
    return clone(MODEL).fit(FEW, WEAK)


def values(found, names):
    return [found.inputs[name] for name in names]


def test_inputs_without_effect_have_strong_penalties():
    found = kept().alpha_selection_.ard
    assert found.kept
    assert list(found.inputs) == INPUTS
    assert list(found.layers) == ["hidden intercepts", "coefs_1"]
    assert min(values(found, WITHOUT)) > 10.0 * max(values(found, WITH_EFFECT))


def test_the_fit_has_the_strengths():
    """As ``alpha`` takes them, on a start of its own; the output intercept is free."""
    found = kept().alpha_selection_.ard
    assert all((kept().alpha_[name] == array).all() for name, array in found.alpha.items())
    assert list(kept().alpha_) == ["coefs_0", "intercepts_0", "coefs_1"]
    for row, strength in zip(kept().alpha_["coefs_0"], found.inputs.values(), strict=True):
        assert row.tolist() == [strength] * 3
    assert (kept().alpha_["intercepts_0"] == found.layers["hidden intercepts"]).all()
    assert (kept().alpha_["coefs_1"] == found.layers["coefs_1"]).all()
    same = clone(MODEL).set_params(alpha=kept().alpha_).fit(X, Y)
    assert_allclose(same.loss_, kept().loss_, rtol=1e-8)
    assert kept().critical_point_ == "minimum"


def test_changes_of_what_is_shown_change_nothing_of_the_fit():
    net = kept()
    assert net.alpha_selection_.ard.kept
    before = net.objective(X, Y).value(net.params_)
    for shown in (net.alpha_, net.alpha_selection_.ard.alpha, net.alpha_selection_.chosen):
        true = shown["coefs_0"].copy()
        shown["coefs_0"][...] = 7.0
        after = net.objective(X, Y).value(net.params_)
        shown["coefs_0"][...] = true  # other tests read the fit too
        assert after == before


def test_they_are_kept_where_held_out_rows_clearly_prefer_them():
    for net in (kept(), not_kept()):
        found = net.alpha_selection_
        base = found.held_out_loss[found.alphas == found.alpha].item()
        gain = base - found.ard.held_out_loss
        assert found.ard.kept == (gain > 2.0 * found.ard.std_error)
        assert found.ard.log_evidence.max() > found.ard.log_evidence[0]
    assert kept().alpha_selection_.reason.endswith("kept")


def test_else_the_fit_is_that_of_one_strength():
    auto = clone(MODEL).set_params(alpha="auto").fit(FEW, WEAK)
    found = not_kept().alpha_selection_
    assert not found.ard.kept
    assert "not kept" in found.reason
    assert not_kept().alpha_ == auto.alpha_ == found.alpha == found.chosen
    assert_allclose(not_kept().predict(FEW), auto.predict(FEW), rtol=1e-12)
    assert auto.alpha_selection_.ard is None


def test_without_hidden_units_it_is_ard_regression():
    """With flat priors; the search stops when strengths change by less than a hundredth."""
    y = X[:, :3] @ np.array([1.0, -0.5, 0.3]) + 0.3 * rng.normal(size=N)
    net = NewtonMLPRegressor((), standardize=True).fit(X[:, :3], y)
    problem = fit_of(net, X[:, :3], y).problem
    groups = StrengthGroups.of(problem.network, problem.feature_names)
    assert list(groups.inputs) == INPUTS[:3]
    assert not groups.layers
    strengths, path = strengths_by_evidence(problem, groups, 1.0, 0)
    zeros = dict.fromkeys(["alpha_1", "alpha_2", "lambda_1", "lambda_2"], 0.0)
    data = problem.known_data
    ard = ARDRegression(**zeros, tol=1e-12, max_iter=3000, threshold_lambda=1e12)
    ard.fit(data.X, data.Y[:, 0])
    # The intercept is a parameter here; there it is known.
    assert_allclose(strengths, ard.lambda_ / ard.alpha_, rtol=0.03)
    assert path[-1] < path[0]


def test_units_of_columns_and_target_do_not_matter():
    shift, scale = np.linspace(-50.0, 100.0, 10), 10.0 ** np.arange(-4.0, 6.0)
    other = clone(MODEL).fit(shift + scale * X, 1e4 * Y - 7.0)
    mine, theirs = other.alpha_selection_.ard, kept().alpha_selection_.ard
    assert mine.kept
    assert_allclose(values(mine, WITH_EFFECT), values(theirs, WITH_EFFECT), rtol=0.05)
    assert_allclose(
        (other.predict(shift + scale * X) + 7.0) / 1e4, kept().predict(X), rtol=0.02, atol=0.02
    )


def searched(X, y, weight=None, alpha=1.0):
    """Strengths of inputs by evidence, and the path."""
    net = NewtonMLPRegressor((2,), standardize=True, alpha=1.0).fit(X, y, weight)
    problem = fit_of(net, X, y, weight).problem
    groups = StrengthGroups.of(problem.network, problem.feature_names)
    strengths, path = strengths_by_evidence(problem, groups, alpha, 0)
    return strengths[:2], path[:5]


def test_a_row_of_weight_two_is_the_row_twice():
    weight = np.where(np.arange(N) < 30, 2.0, 1.0)
    rows = np.repeat(np.arange(N), weight.astype(int))
    weighed, repeated = searched(X, Y, weight), searched(X[rows], Y[rows])
    assert_allclose(weighed[1], repeated[1], rtol=1e-3)
    assert_allclose(weighed[0], repeated[0], rtol=0.05)


def test_weights_that_sum_to_one_count_alike():
    """As in boosting; strengths are then rows of mean weight."""
    with pytest.warns(UserWarning, match="weights"):
        small = searched(X, Y, np.full(N, 1.0 / N), 1.0 / N)
    whole = searched(X, Y)
    assert_allclose(small[1], whole[1], rtol=1e-3)
    assert_allclose(N * small[0], whole[0], rtol=0.05)


def test_classes_and_names_of_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X[:, :3], columns=["age", "dose", "noise"])
    net = NewtonMLPClassifier((2,), standardize=True, alpha="ard", random_state=0, n_jobs=1)
    net.fit(frame, np.where(MEAN > 0.0, "high", "low"))
    assert list(net.alpha_selection_.ard.inputs) == ["age", "dose", "noise"]
    assert net.predict_proba(frame).shape == (N, 2)


@pytest.mark.parametrize("skip", [False, "input-output", "all"])
def test_groups_have_each_penalised_parameter_once(skip):
    """Coefficients of an input in all layers that read it; the output intercept in none."""
    mask = np.ones((3, 2), dtype=bool)
    mask[1] = False  # the first hidden layer does not read the second input
    network = Network.mlp(3, (2, 2), 1, skip_connections=skip, connectivity={"coefs_0": mask})
    groups = StrengthGroups.of(network, ("a", "b", "c"))
    assert list(groups.inputs) == (["a", "c"] if not skip else ["a", "b", "c"])
    assert list(groups.layers) == ["hidden intercepts", "coefs_1", "coefs_2"]
    places = np.concatenate(groups.all)
    free = network.layout.parameters_of("intercepts_2")
    assert_allclose(np.sort(places), np.setdiff1d(np.arange(network.n_parameters), free))
    names = np.array(network.layout.names)
    for name, where in groups.inputs.items():
        assert all(f"[{INPUTS['abc'.index(name)]}, " in label for label in names[where])
    strengths = np.arange(1.0, 1.0 + len(groups.all))
    arrays = groups.arrays(network, strengths)
    assert set(arrays) == {"coefs_0", "intercepts_0", "coefs_1", "intercepts_1", "coefs_2"}
    assert (arrays["coefs_0"][0] == 1.0).all()


REFUSED = {
    "not standardised": (NewtonMLPRegressor((2,), alpha="ard", standardize=False), "standardize"),
    "radial units": (RBFNetRegressor(3, alpha="ard", standardize=True), "got GaussianRBF"),
    "bounds": (
        clone(MODEL).set_params(bounds={"coefs_0": (0.0, None)}),
        "does not work with bounds",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_strength_per_input_is_refused(name):
    net, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        net.fit(X, Y)


def test_too_few_rows_or_too_many_parameters_say_so():
    few = clone(MODEL).fit(X[:3], Y[:3])
    assert few.alpha_selection_.ard is None
    assert few.alpha_selection_.reason.endswith("too few rows for a strength per input")
    many = clone(MODEL).set_params(hidden_layer_sizes=(80,), max_iter=1)
    with pytest.warns(ConvergenceWarning):
        many.fit(X[:20], Y[:20])
    assert "more than 500 parameters" in many.alpha_selection_.reason


def test_nets_of_any_linear_layers():
    layers = [Linear((0,), 2, "tanh"), Linear((0, 1), 1)]
    net = NewtonNetRegressor(layers, standardize=True, alpha="ard", random_state=0).fit(X, Y)
    found = net.alpha_selection_.ard
    assert list(found.inputs) == INPUTS
    assert list(found.layers) == ["hidden intercepts", "coefs_1"]
    assert (found.alpha["coefs_1"][:10, 0] == list(found.inputs.values())).all()


def test_the_figure_shows_their_held_out_loss():
    plt = pytest.importorskip("matplotlib.pyplot")
    for net, text in ((kept(), "one per input: kept"), (not_kept(), "one per input: not kept")):
        ax = net.alpha_selection_.plot()
        line = ax.lines[-1]
        assert line.get_label() == text
        assert_allclose(line.get_ydata(), net.alpha_selection_.ard.held_out_loss)
        plt.close(ax.figure)
