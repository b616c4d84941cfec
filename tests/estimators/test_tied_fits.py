"""Fits of nets whose units share parameters: minima, units, starts, statistics, pruning."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
    pipeline_inference,
)
from sknewtonnet.calculus import Linear, Network, Objective, convolution
from sknewtonnet.calculus.functions.rescaling import column_groups
from sknewtonnet.estimators import fit_of
from sknewtonnet.inference._nesting import Nesting
from sknewtonnet.pruning._parts import parts

rng = np.random.default_rng(0)
N = 90
X = rng.normal([0.0, 0.5, 0.0, -0.5], size=(N, 4))
MEAN = np.tanh(2.0 * X[:, 0] - X[:, 1]) - 0.5 * np.tanh(2.0 * X[:, 1] - X[:, 2]) + 0.3 * X[:, 3]
Y = MEAN + 0.1 * rng.normal(size=N)
CLASSES = np.digitize(MEAN, np.quantile(MEAN, [0.4, 0.7]))

# One filter of width 2 at three places along the row, with one intercept.
ALONG, LABELS = np.zeros((4, 3), dtype=bool), np.full((4, 3), -1)
for unit in range(3):
    ALONG[unit : unit + 2, unit] = True
    LABELS[unit : unit + 2, unit] = [0, 1]
FILTER = {
    "connectivity": {"coefs_0": ALONG},
    "tied": {"coefs_0": LABELS, "intercepts_0": 2},
    "alpha": 0.5,
    "random_state": 0,
}
PARTS = {"connectivity": {"coefs_0": ALONG}, "tied": {"coefs_0": LABELS}}
WIDTH = {"tied": {"precisions_cholesky": 0}, "alpha": 0.5, "random_state": 0}
MODELS = {
    "filter": NewtonMLPRegressor((3,), **FILTER),
    "classes": NewtonMLPClassifier((3,), **FILTER),
    "layers": NewtonNetRegressor([Linear((0,), 3, "tanh"), Linear((0, 1), 1)], **FILTER),
    "widths": RBFNetRegressor(3, **WIDTH),
    "radial classes": RBFNetClassifier(3, **WIDTH),
    "one matrix": RBFNetRegressor(3, covariance_type="tied", alpha=0.5, random_state=0),
}
OTHER = {"one matrix": {"covariance_type": "full"}}
each_model = pytest.mark.parametrize("name", MODELS)


def fitted(name, table=X, **params):
    model = clone(MODELS[name]).set_params(**params)
    return model.fit(table, target(model))


def target(model):
    return CLASSES if hasattr(model, "predict_proba") else Y


def output(model, table=X):
    return model.predict_proba(table) if hasattr(model, "predict_proba") else model.predict(table)


@each_model
def test_a_fit_ends_at_a_minimum_that_keeps_the_ties(name):
    net = fitted(name)
    assert net.critical_point_ == "minimum"
    if "precisions_cholesky" in net.arrays_:
        assert not np.ptp(net.arrays_["precisions_cholesky"], axis=0).any()
        assert len(net.params_) == len(net.parameter_names_)
    else:
        coefs = net.coefs_[0]
        assert (coefs[:2, 0] == coefs[1:3, 1]).all()
        assert (coefs[:2, 0] == coefs[2:4, 2]).all()
        assert np.ptp(net.intercepts_[0]) == 0.0
        assert net.parameter_names_[:3] == [
            "coefs_0[x0, h0]",
            "coefs_0[x1, h0]",
            "intercepts_0[h0]",
        ]
    objective = net.objective(X, target(net))
    assert np.abs(objective.gradient(net.params_)).max() < 1e-6
    assert_allclose(objective.value(net.params_), net.loss_, rtol=1e-9)
    assert_allclose(output(pickle.loads(pickle.dumps(net))), output(net))
    again = clone(net).set_params(warm_start=True).fit(X, target(net))
    assert again.fit(X, target(net)).n_iter_ <= 1
    with pytest.raises(ValueError, match="the last fit had other parameters"):
        again.set_params(tied=None, **OTHER.get(name, {})).fit(X, target(net))


@each_model
def test_a_common_change_of_units_changes_nothing(name):
    """Columns that are read through one parameter have one unit, and may have another one."""
    net, other = fitted(name), fitted(name, 20.0 + 1e3 * X)
    assert_allclose(output(other, 20.0 + 1e3 * X), output(net), rtol=1e-7, atol=1e-9)
    assert other._fit_.problem.units.scale[0] > 100.0


def test_other_columns_keep_their_own_units():
    """A column with weights of its own may change its unit alone, and so may the target."""
    labels = np.full((5, 3), -1)
    labels[:4] = LABELS
    connectivity = {"coefs_0": np.vstack([ALONG, np.ones((1, 3), dtype=bool)])}
    made = {**FILTER, "tied": {"coefs_0": labels}, "connectivity": connectivity}
    table = np.column_stack([X, rng.normal(size=N)])
    net = NewtonMLPRegressor((3,), **made).fit(table, Y)
    moved = table * [1.0, 1.0, 1.0, 1.0, 1e4]
    other = NewtonMLPRegressor((3,), **made).fit(moved, 1e3 * Y + 7.0)
    assert_allclose(other.predict(moved), 1e3 * net.predict(table) + 7.0, rtol=1e-8)
    scale = net._fit_.problem.units.scale
    assert np.ptp(scale[:4]) == 0.0
    assert_allclose(scale[0], X.std())


def test_groups_of_columns():
    """By ties in the first layer, across units, with hidden units, and between outputs."""
    net = Network.mlp(4, (3,), 2)
    inputs, outputs = column_groups(net)
    assert len(set(inputs.tolist())) == 4
    assert len(set(outputs.tolist())) == 2
    net = Network.mlp(4, (3,), 2, tied={"coefs_0[x0, h0]": 0, "coefs_0[x2, h1]": 0})
    inputs, _ = column_groups(net)
    assert inputs[0] == inputs[2]
    assert len(set(inputs.tolist())) == 3
    same_input = Network.mlp(4, (3,), 2, tied={"coefs_0[x0, h0]": 0, "coefs_0[x0, h1]": 0})
    assert len(set(column_groups(same_input)[0].tolist())) == 4
    recurrent = {"coefs_0[x1, h0]": 0, "coefs_1[h1, y0]": 0, "intercepts_1": 1}
    inputs, outputs = column_groups(Network.mlp(4, (3,), 2, tied=recurrent))
    assert inputs.tolist().count(-1) == 1
    assert inputs[1] == -1
    assert outputs.tolist() == [-1, -1]


def test_ties_to_what_has_no_unit_turn_standardisation_off_there():
    """A weight of a column that is one between hidden units as well: that column stays."""
    tied = {"coefs_0[x0, h1_0]": 0, "coefs_1[h1_0, h2_0]": 0}
    table = X * [1.0, 50.0, 1.0, 1.0]
    net = NewtonMLPRegressor((2, 2), alpha=0.5, random_state=0, tied=tied).fit(table, Y)
    units = net._fit_.problem.units
    assert (units.shift[0], units.scale[0]) == (0.0, 1.0)
    assert units.scale[1] > 40.0
    assert net.coefs_[0][0, 0] == net.coefs_[1][0, 0]


def test_a_tied_intercept_of_units_with_other_weights_is_not_centred():
    """Shifts would move the intercept of each unit by another number."""
    net = NewtonMLPRegressor((3,), alpha=0.5, random_state=0, tied={"intercepts_0": 0})
    units = net.fit(X, Y)._fit_.problem.units
    assert_allclose(units.shift, 0.0)
    assert_allclose(units.scale, X.std(axis=0))
    assert units.out_scale[0] != 1.0
    assert np.ptp(net.intercepts_[0]) == 0.0
    scaled = clone(net).fit(1e3 * X, Y)
    assert_allclose(scaled.predict(1e3 * X), net.predict(X), rtol=1e-8, atol=1e-10)


@each_model
def test_starts_keep_the_ties_and_differ(name):
    problem = fit_of(fitted(name), X, target(MODELS[name])).problem
    starts = [problem.start(seed) for seed in range(3)]
    assert starts[0].shape == (problem.network.n_parameters,)
    assert np.ptp([start[0] for start in starts]) > 0.0
    if name == "filter":  # as large as without ties: a mean of draws would be smaller
        drawn = np.array([problem.start(seed)[:2] for seed in range(200)])
        untied = fitted(name, tied=None)._fit_.problem
        free = untied.on(problem.data)
        usual = np.array([free.start(seed)[:2] for seed in range(200)])
        assert_allclose(drawn.std(), usual.std(), rtol=0.15)


def equality(first, others):
    return [({first: 1.0, other: -1.0}, 0.0, 0.0) for other in others]


def test_the_untied_net_under_equality_constraints():
    """The same minimum, and its covariance; the penalty counts the first entries alone."""
    made = {"standardize": False, "random_state": 0, "tol": 1e-10}
    best = NewtonMLPRegressor((3,), n_init=4, **{**FILTER, **made}).fit(X, Y)
    constraints = equality("coefs_0[x0, h0]", ["coefs_0[x1, h1]", "coefs_0[x2, h2]"])
    constraints += equality("coefs_0[x1, h0]", ["coefs_0[x2, h1]", "coefs_0[x3, h2]"])
    constraints += equality("intercepts_0[h0]", ["intercepts_0[h1]", "intercepts_0[h2]"])
    first = np.zeros((4, 3))
    first[:2, 0] = 0.5
    found = NewtonMLPRegressor(
        (3,),
        connectivity={"coefs_0": ALONG},
        linear_constraints=constraints,
        alpha={"coefs_0": first, "coefs_1": 0.5},
        n_init=4,
        **made,
    ).fit(X, Y)
    assert_allclose(found.loss_, best.loss_, rtol=1e-9)
    assert_allclose(found.predict(X), best.predict(X), atol=1e-6)
    names = [found.parameter_names_.index(name) for name in best.parameter_names_]
    # The filter may stand with the other sign: a fit under constraints keeps the one it has.
    assert_allclose(np.abs(found.params_[names]), np.abs(best.params_), atol=1e-5)
    for cov_type in ("hessian", "HC0"):
        ours = best.inference(X, Y, cov_type=cov_type).bse
        theirs = found.inference(X, Y, cov_type=cov_type).bse
        assert_allclose(ours, theirs[names], rtol=1e-5)


def test_standard_errors_are_those_of_the_summed_hessian():
    """S'HS of the net without ties, entry by entry."""
    tied = NewtonMLPRegressor((3,), **{**FILTER, "standardize": False}).fit(X, Y)
    f = tied.objective(X, Y)
    net = f.network
    untied = net.with_ties(None)
    S = np.array([untied.layout.pack(net.layout.unpack(e)) for e in np.eye(len(tied.params_))]).T
    free = Objective(untied, "squared_error", X, Y)
    w = tied.params_
    loss = N * S.T @ free.hessian(S @ w) @ S
    K = np.linalg.inv(loss + N * np.diag(f.penalty.hessian_diagonal(w)))
    for cov_type, expected in (("bayesian", K), ("hessian", K @ loss @ K)):
        results = tied.inference(X, Y, cov_type=cov_type)
        assert_allclose(results.cov_params(), results.scale * expected, rtol=1e-8, atol=1e-12)


def test_inputs_that_share_weights_have_no_zero_of_their_own():
    """They are tested by slopes; shares are by slopes, too."""
    net = fitted("filter")
    results = net.inference(X, Y)
    assert results.information.input_parameters is None
    test = results.wald_test("x0")
    assert np.isnan(test.p_value)
    assert "shares its parameters with others" in test.reason
    assert_allclose(net.feature_importance_.sum(), 1.0)
    assert net.weight_importance_.shape == net.params_.shape
    assert "Radial units" not in str(results.summary())
    with pytest.raises(ValueError, match="inputs with coefficients of their own"):
        clone(net).set_params(alpha="ard").fit(X, Y)


def test_pruning_takes_a_shared_weight_with_all_its_entries():
    """An irrelevant weight of the filter goes at all places; units of a filter go alone."""
    y = np.tanh(2.0 * X[:, 0]) - np.tanh(2.0 * X[:, 1]) + 0.05 * rng.normal(size=N)
    net = NewtonMLPRegressor((3,), **{**FILTER, "alpha": 0.01, "n_init": 3})
    pruned = BackwardPruning(net, unit="weight").fit(X, y)
    small = pruned.estimator_
    assert len(small.params_) < 7
    assert not small.coefs_[0][1:4].diagonal().any()  # the second weight, at all three places
    assert small.coefs_[0][0, 0] == small.coefs_[0][1, 1] != 0.0
    units = BackwardPruning(net, unit="neuron").fit(X, y)
    assert units.unit_support_[0].tolist() == [True, True, False]
    left = units.estimator_.coefs_[0]
    assert not left[:, 2].any()
    assert left[0, 0] == left[1, 1] != 0.0
    with pytest.raises(ValueError, match="shares its weights with others"):
        BackwardPruning(net, unit="feature").fit(X, y)
    assert BackwardPruning(net).fit(X, y).estimator_.critical_point_ == "minimum"


def test_one_matrix_for_all_radial_units():
    """covariance_type="tied" is the full form under equality constraints, at the same minimum."""
    source = np.random.default_rng(2)
    table = source.uniform(-2.0, 2.0, size=(N, 2))
    u, v = table.T
    heights = [np.exp(-((u - t) ** 2) - (v - t) ** 2 - (u - t) * (v - t)) for t in (-1.0, 1.0)]
    y = 2.0 * heights[0] - heights[1] + 0.05 * source.normal(size=N)
    made = {"alpha": 1e-3, "standardize": False, "random_state": 0, "tol": 1e-9}
    # The penalty of widths counts the matrix once here, and for each unit there.
    tied = RBFNetRegressor(2, covariance_type="tied", alpha_widths=0.02, **made).fit(table, y)
    pairs = [("x0", "x0"), ("x0", "x1"), ("x1", "x1")]
    equal = [
        ({f"precisions_cholesky[c{k}, {a}, {b}]": 1.0 - 2.0 * k for k in (0, 1)}, 0.0, 0.0)
        for a, b in pairs
    ]
    made |= {"covariance_type": "full", "alpha_widths": 0.01, "linear_constraints": equal}
    net = RBFNetRegressor(2, **made).fit(table, y)
    assert len(tied.params_) == len(net.params_) - 3
    assert_allclose(tied.loss_, net.loss_, rtol=1e-8)
    order = np.argsort(net.centers_[:, 0])[np.argsort(np.argsort(tied.centers_[:, 0]))]
    assert_allclose(tied.covariances_, net.covariances_[order], rtol=1e-4)
    assert_allclose(tied.covariances_[0], tied.covariances_[1], rtol=1e-14)
    units = tied.inference(table, y).radial_units()
    assert_allclose(units.covariances, tied.covariances_, rtol=1e-10)
    assert_allclose(units.covariances_se[0], units.covariances_se[1], rtol=1e-10)
    assert (units.covariances_se > 0.0).all()


def test_labels_of_a_user_stand_beside_those_of_one_matrix():
    """Labels of both are numbered apart; a user's label of a single entry goes over the others."""
    net = Network.rbf(2, 3, 1, "tied", tied={"coefs_0": [[0], [1], [1]]})
    assert net.layout.n_entries.tolist() == [*[1] * 6, *[3] * 3, 1, 2, 1]
    single = {"precisions_cholesky[c1, x0, x0]": -1}
    net = Network.rbf(2, 3, 1, "tied", tied=single)
    assert sorted(net.layout.n_entries.tolist())[-3:] == [2, 3, 3]
    with pytest.raises(ValueError, match="tied must map names"):
        Network.rbf(2, 3, 1, "tied", tied=[0])


def test_a_penalty_of_widths_counts_one_matrix_once():
    made = {"covariance_type": "tied", "standardize": False, "random_state": 0, "alpha": 0.0}
    table = X[:, :2]
    net = RBFNetRegressor(2, alpha_widths=3.0, **made).fit(table, Y)
    M, R = net.precisions_[0], np.eye(2) * table.var(axis=0).sum()
    f = net.objective(table, Y)
    divergence = 0.5 * (np.trace(M @ R) - np.linalg.slogdet(M @ R)[1] - 2.0)
    assert_allclose(f.penalty.value(net.params_) * N, 3.0 * divergence, rtol=1e-10)


def test_which_nets_are_submodels():
    """One place less is one, where the filter is the same; nets with other ties are none."""

    def filtered(n_units, **options):
        made = {name: {"coefs_0": part["coefs_0"][:, :n_units]} for name, part in PARTS.items()}
        return Network.mlp(4, (n_units,), 1, **{**made, **options})

    large, columns = filtered(3), [0, 1, 2, 3]
    nesting = Nesting.of(filtered(2), large, columns)
    assert nesting is not None
    assert nesting.places.tolist() == [0, 1, 2, 3, 5, 6, 8]
    small = filtered(2)
    w = np.random.default_rng(0).normal(size=small.n_parameters)
    embedded = nesting.embedded(w, np.ones(large.n_parameters))
    assert_allclose(large.predict_raw(embedded, X), small.predict_raw(w, X), rtol=1e-12)
    assert Nesting.of(large, large, columns) is not None
    assert Nesting.of(filtered(3, tied=None), large, columns) is None
    assert Nesting.of(large, filtered(3, tied=None), columns) is None
    other = {"coefs_0": np.where(LABELS >= 0, 1 - LABELS, -1)}
    other["coefs_0"][0, 0] = -1
    assert Nesting.of(filtered(3, tied=other), large, columns) is None


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
def test_a_net_with_ties_is_not_compared_by_the_test_of_others():
    """It lies in the one without, as one width does in many and these in full covariances."""
    table, y = X[:, :2], np.tanh(X[:, 0] - X[:, 1]) + 0.1 * np.random.default_rng(0).normal(size=N)
    linear = {"hidden_layer_sizes": (2,), "alpha": 0.1, "random_state": 0}
    radial = {"n_centers": 2, "alpha": 0.1, "random_state": 0}
    one, many, full = (
        RBFNetRegressor(**radial, **form)
        for form in ({"tied": {"precisions_cholesky": 0}}, {}, {"covariance_type": "full"})
    )
    tied, free, other = (
        NewtonMLPRegressor(**linear, **how)
        for how in ({"tied": {"coefs_1": 0}}, {}, {"activation": "sine"})
    )
    found = {
        net: net.fit(table, y).inference(table, y) for net in (one, many, full, tied, free, other)
    }
    for small, large in ((one, many), (many, full), (one, full), (tied, free)):
        for pair in ((small, large), (large, small)):
            result = found[pair[0]].compare(found[pair[1]])
            assert np.isnan([result.statistic, result.p_value, *result.corrected["aic"]]).all()
            assert "parameters that are equal" in result.reason
    result = found[tied].compare(found[other])
    assert np.isfinite(result.p_value)
    assert not result.reason


def test_a_shared_weight_is_one_part_of_a_net():
    """Pruning offers it once, under the name of its first entry."""
    fit = fit_of(fitted("filter"), X, Y)
    assert [part.name for part in parts(fit, "weight")] == [
        *("coefs_0[x0, h0]", "coefs_0[x1, h0]"),
        *(f"coefs_1[h{unit}, y]" for unit in range(3)),
    ]
    pooled = {"coefs_1": [[7], [7], [-1]]}
    tied = FILTER["tied"] | pooled
    fit = fit_of(fitted("filter", tied=tied), X, Y)
    assert [(part.name, part.parameters) for part in parts(fit, "neuron")] == [
        ("h0, h1", ("coefs_1[h0, y]",)),
        ("h2", ("coefs_1[h2, y]",)),
    ]


def test_scalers_before_the_net_give_columns_units_of_their_own():
    """No net of the columns of the table has the ties then; one unit for all of them has."""
    pipe = make_pipeline(StandardScaler(), clone(MODELS["filter"])).fit(X, Y)
    with pytest.raises(ValueError, match="columns of different units share parameters"):
        pipeline_inference(pipe, X, Y)
    common = ColumnTransformer([("all", FunctionTransformer(), slice(0, 4))])
    pipe = make_pipeline(common, clone(MODELS["filter"])).fit(X, Y)
    found = pipeline_inference(pipe, X, Y)
    assert_allclose(found.params, fitted("filter").inference(X, Y).params)


def test_bootstraps_of_two_filters_are_matched_to_the_fit():
    """Filters that change places or signs in a replication are put in the order of the fit."""
    connectivity, tied = convolution(4, 2, 2)
    source = np.random.default_rng(3)
    Z = source.normal(size=(200, 4))
    pairs = [(Z[:, i], Z[:, i + 1]) for i in range(3)]
    y = sum(np.tanh(1.5 * a - b) - 0.7 * np.tanh(0.8 * a + b + 0.5) for a, b in pairs)
    y = y + 0.2 * source.normal(size=len(y))
    made = {"connectivity": connectivity, "tied": tied, "alpha": 1e-3, "n_init": 2}
    nets = [NewtonMLPRegressor((6,), random_state=seed, **made).fit(Z, y) for seed in (0, 1)]
    assert_allclose(nets[1].params_, nets[0].params_, rtol=1e-6)
    results = nets[0].inference(Z, y)
    found = results.bootstrap(25)
    ratio = np.asarray(found.std_errors)[: len(results.params)] / results.std_errors
    assert (ratio > 0.5).all()
    assert (ratio < 2.0).all()
