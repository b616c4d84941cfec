"""Inference behind a preprocessing: as if the net had read the table itself."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    RBFNetRegressor,
    pipeline_inference,
)

pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")

N = 120
SCALERS = {
    "standard": StandardScaler(),
    "not centred": StandardScaler(with_mean=False),
    "robust": RobustScaler(),
    "range": MinMaxScaler((-2.0, 3.0)),
    "largest": MaxAbsScaler(),
    "two": make_pipeline(MinMaxScaler(), "passthrough", StandardScaler()),
    "identity": FunctionTransformer(),
}


def table():
    """Two numbers in units far from one, and a factor of three levels."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": 1e4 * rng.exponential(size=N),
            "sex": rng.choice(["f", "m", "x"], N),
            "age": 50.0 + 10.0 * rng.normal(size=N),
        }
    )
    mean = 50.0 * np.tanh((frame["age"] - 50.0) / 10.0) + 20.0 * (frame["sex"] == "m")
    return frame, (1000.0 + mean + 5.0 * rng.normal(size=N)).to_numpy()


def dummies(frame, levels=("m", "x")):
    """The columns that the preprocessing of most tests makes, in the units of the table."""
    made = {f"sex_{level}": (frame["sex"] == level).astype(float) for level in levels}
    return pd.DataFrame({"income": frame["income"], "age": frame["age"], **made})


def prepared(*encoder):
    encode = encoder[0] if encoder else OneHotEncoder(drop="first", sparse_output=False)
    return make_column_transformer((StandardScaler(), ["income", "age"]), (encode, ["sex"]))


def net(hidden=(1,), **params):
    return NewtonMLPRegressor(hidden, **{"alpha": 0.1, "n_init": 2, "random_state": 0} | params)


def check_same(found, wanted, rtol=1e-8):
    """All that results say is the same."""
    assert found.feature_names == wanted.feature_names
    assert found.names == wanted.names
    for name in ("params", "std_errors", "covariance", "p_values", "feature_importance"):
        assert_allclose(getattr(found, name), getattr(wanted, name), rtol=rtol, atol=1e-300)
    for name in ("bic", "log_likelihood", "dispersion", "objective_value"):
        assert_allclose(getattr(found, name), getattr(wanted, name), rtol=rtol)
    one, two = found.marginal_effects(), wanted.marginal_effects(groups=found.factors or None)
    assert_allclose(one.effects, two.effects, rtol=rtol)
    assert_allclose(one.std_errors, two.std_errors, rtol=rtol)
    assert found.diagnosis == wanted.diagnosis


@pytest.mark.parametrize("name", SCALERS)
def test_scalers_change_nothing(name):
    frame, y = table()
    frame = frame[["income", "age"]]
    pipe = make_pipeline(SCALERS[name], net()).fit(frame, y)
    found = pipeline_inference(pipe, frame, y)
    wanted = net().fit(frame, y).inference(frame, y)
    check_same(found, wanted, rtol=1e-6)
    assert not found.factors


@pytest.mark.parametrize(("hidden", "alpha"), [((), 3.0), ((1,), 0.0)])
def test_scalers_before_a_plain_net_are_its_own(hidden, alpha):
    """A scaler of inputs and one of the target do what standardize=True does."""
    frame, y = table()
    frame = frame[["income", "age"]]
    plain = make_pipeline(StandardScaler(), net(hidden, alpha=alpha, standardize=False))
    model = TransformedTargetRegressor(plain, transformer=StandardScaler()).fit(frame, y)
    own = net(hidden, alpha=alpha).fit(frame, y).inference(frame, y)
    found = pipeline_inference(model, frame, y)
    if hidden and found.params[0] * own.params[0] < 0:  # the unit may have either sign
        flip = np.array([-1.0, -1.0, -1.0, -1.0, 1.0])
        assert_allclose(found.params, flip * own.params, rtol=1e-6)
        assert_allclose(found.std_errors, own.std_errors, rtol=1e-6)
        assert_allclose(found.bic, own.bic, rtol=1e-10)
    else:
        check_same(found, own, rtol=1e-6)


def test_a_factor_is_one_column_again():
    frame, y = table()
    model = make_pipeline(prepared(), net()).fit(frame, y)
    found = pipeline_inference(model, frame, y)
    U = dummies(frame)
    wanted = net().fit(U, y).inference(U, y)
    check_same(found, wanted, rtol=1e-7)
    assert found.factors == {"sex": ("sex_m", "sex_x")}
    both = ["sex_m", "sex_x"]
    for ask in ("wald_test", "slope_test"):
        one, two = getattr(found, ask)("sex"), getattr(wanted, ask)(both)
        assert one.statistic == pytest.approx(two.statistic)
        assert one.p_value == pytest.approx(two.p_value, rel=1e-6, abs=0.0)
    assert list(found.wald_test_features()) == ["income", "age", "sex"]
    assert found.score_test("sex", n_init=0).df == 2
    assert found.tests.names == ["income", "age", "sex", "  sex_m", "  sex_x"]
    assert "sex_m" in found.summary()
    one = found.marginal_effects("sex")
    assert_allclose(one.effects, wanted.marginal_effects(groups={"sex": both}).effects[2:])


def test_predictions_take_the_table():
    frame, y = table()
    model = TransformedTargetRegressor(
        make_pipeline(prepared(), net()), transformer=StandardScaler()
    ).fit(frame, y)
    found = pipeline_inference(model, frame, y)
    assert_allclose(found.get_prediction(frame[:9]).mean, model.predict(frame[:9]), rtol=1e-10)
    copied = pickle.loads(pickle.dumps(found))
    assert_allclose(copied.get_prediction(frame[:9]).mean, model.predict(frame[:9]), rtol=1e-10)
    assert copied.without_data().factors == {"sex": ("sex_m", "sex_x")}


def test_least_squares_of_statsmodels():
    frame, y = table()
    model = make_pipeline(prepared(), net((), alpha=0.0)).fit(frame, y)
    found = pipeline_inference(model, frame, y, cov_type="HC3")
    wanted = sm.OLS(y, sm.add_constant(dummies(frame))).fit(cov_type="HC3", use_t=True)
    order = [*found.feature_names, "const"]
    assert_allclose(found.params, wanted.params[order], rtol=1e-9)
    assert_allclose(found.std_errors, wanted.bse[order], rtol=1e-9)
    test = wanted.f_test("sex_m = 0, sex_x = 0")
    assert found.wald_test("sex").p_value == pytest.approx(float(test.pvalue), rel=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_logit_of_statsmodels(weighted):
    frame, y = table()
    y = np.where(y > np.median(y) + 15 * np.random.default_rng(1).normal(size=N), "no", "yes")
    weight = np.random.default_rng(2).integers(1, 4, N) if weighted else np.ones(N)
    classifier = NewtonMLPClassifier((), alpha=0.0)
    model = make_pipeline(prepared(), classifier).fit(
        frame, y, newtonmlpclassifier__sample_weight=weight
    )
    found = pipeline_inference(model, frame, y, weight)
    logit = sm.GLM(
        y == "yes",
        sm.add_constant(dummies(frame)),
        family=sm.families.Binomial(),
        freq_weights=weight,
    )
    wanted = logit.fit(tol=1e-12)
    order = [*found.feature_names, "const"]
    assert_allclose(found.params, wanted.params[order], rtol=1e-6)
    assert_allclose(found.std_errors, wanted.bse[order], rtol=1e-6)
    assert_allclose(found.log_likelihood, wanted.llf, rtol=1e-9)


def test_counts_keep_their_units():
    frame, _ = table()
    counts = np.random.default_rng(3).poisson(np.exp(1.0 + (frame["age"] - 50.0) / 20.0))
    model = make_pipeline(prepared(), net((), alpha=0.0, loss="poisson")).fit(frame, counts)
    found = pipeline_inference(model, frame, counts)
    family = sm.families.Poisson()
    wanted = sm.GLM(counts, sm.add_constant(dummies(frame)), family=family).fit(tol=1e-12)
    order = [*found.feature_names, "const"]
    assert_allclose(found.params, wanted.params[order], rtol=1e-6)
    assert_allclose(found.std_errors, wanted.bse[order], rtol=1e-6)


def test_radial_units():
    frame, y = table()
    frame = frame[["income", "age"]]
    model = RBFNetRegressor(2, alpha=0.1, random_state=0)
    found = pipeline_inference(make_pipeline(MinMaxScaler(), model).fit(frame, y), frame, y)
    wanted = RBFNetRegressor(2, alpha=0.1, random_state=0).fit(frame, y).inference(frame, y)
    assert found.names == wanted.names
    assert_allclose(found.params, wanted.params, rtol=1e-4)
    effects = found.marginal_effects().effects, wanted.marginal_effects().effects
    assert_allclose(*effects, rtol=1e-4)


# All ways to choose and make columns.


def test_missing_values_and_flags_of_them():
    frame, y = table()
    frame.loc[::7, "age"] = np.nan
    fill = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    steps = make_column_transformer((fill, ["age"]), ("drop", ["sex"]), remainder="passthrough")
    model = make_pipeline(steps, VarianceThreshold(), net(())).fit(frame, y)
    found = pipeline_inference(model, frame, y)
    assert found.feature_names == ("age", "age_missing", "income")
    assert found.factors == {"age": ("age", "age_missing")}
    flag = frame["age"].isna().astype(float)
    filled = frame["age"].fillna(frame["age"].mean())
    U = pd.DataFrame({"age": filled, "age_missing": flag, "income": frame["income"]})
    check_same(found, net(()).fit(U, y).inference(U, y), rtol=1e-7)


@pytest.mark.parametrize(
    "chosen",
    [
        ["income", "age"],
        [0, 2],
        [0, -1],
        slice(0, None, 2),
        np.array([True, False, True]),
        lambda frame: ["income", "age"],
    ],
    ids=["names", "numbers", "negative", "slice", "mask", "callable"],
)
def test_every_way_to_choose_columns(chosen):
    frame, y = table()
    steps = make_column_transformer((StandardScaler(), chosen))
    model = make_pipeline(steps, net(())).fit(frame, y)
    found = pipeline_inference(model, frame, y)
    assert found.feature_names == ("income", "age")
    U = frame[["income", "age"]]
    check_same(found, net(()).fit(U, y).inference(U, y), rtol=1e-7)


@pytest.mark.parametrize("chosen", ["age", slice("sex", "age"), slice("age", None)])
def test_one_name_or_a_range_of_names(chosen):
    frame, y = table()
    wanted = frame[["age"]] if chosen == "age" else frame.loc[:, chosen]
    encode = OrdinalEncoder() if "sex" in wanted else StandardScaler()
    chosen = ["age"] if chosen == "age" else chosen  # a name alone gives a transformer one axis
    model = make_pipeline(make_column_transformer((encode, chosen)), net((), alpha=1.0))
    found = pipeline_inference(model.fit(frame, y), frame, y)
    assert found.feature_names == tuple(wanted.columns)


def test_rare_levels_are_one():
    frame, y = table()
    frame["town"] = np.where(np.arange(N) < 110, np.arange(N) % 2, np.arange(N)).astype(str)
    encoder = OneHotEncoder(min_frequency=20, drop="if_binary")
    steps = make_column_transformer((encoder, ["town", "sex"]), sparse_threshold=1.0)
    model = make_pipeline(steps, MaxAbsScaler(), net(())).fit(frame, y)
    found = pipeline_inference(model, frame, y)
    assert found.factors == {
        "town": ("town_0", "town_1", "town_infrequent_sklearn"),
        "sex": ("sex_f", "sex_m", "sex_x"),
    }
    assert found.slope_test("sex").p_value < 0.01 < found.slope_test("town").p_value


def test_names_from_frames_in_between():
    frame, y = table()
    steps = prepared().set_output(transform="pandas")
    model = make_pipeline(steps, net()).fit(frame, y)
    assert model[-1].feature_names_in_.tolist()[0] == "standardscaler__income"
    assert pipeline_inference(model, frame, y).feature_names == (
        *("income", "age", "sex_m", "sex_x"),
    )


def test_columns_without_names_and_columns_twice():
    frame, y = table()
    X = frame[["income", "age"]].to_numpy()
    both = make_union(StandardScaler(), MinMaxScaler())
    model = make_pipeline(both, net(())).fit(X, y)
    found = pipeline_inference(model, X, y)
    assert found.feature_names == ("x0_0", "x1_1", "x0_2", "x1_3")
    assert found.factors == {"x0": ("x0_0", "x0_2"), "x1": ("x1_1", "x1_3")}
    assert_allclose(found.get_prediction(X).mean, model.predict(X), rtol=1e-9)


# The target.


def test_a_target_that_bends_is_named():
    frame, y = table()
    model = TransformedTargetRegressor(
        make_pipeline(prepared(), net()), func=np.log, inverse_func=np.exp
    ).fit(frame, y)
    found = pipeline_inference(model, frame, y)
    U = dummies(frame)
    wanted = net().fit(U, np.log(y)).inference(U, np.log(y))
    assert found.output_names == ("log(y)",)
    assert found.names[-1] == "intercepts_1[log(y)]"
    assert_allclose(found.params, wanted.params, rtol=1e-7)
    assert_allclose(found.std_errors, wanted.std_errors, rtol=1e-7)


def test_a_net_alone_and_searches_around():
    frame, y = table()
    U = dummies(frame)
    wanted = net().fit(U, y).inference(U, y)
    check_same(pipeline_inference(net().fit(U, y), U, y), wanted)
    grid = GridSearchCV(
        make_pipeline(prepared(), net()), {"newtonmlpregressor__alpha": [0.1]}, cv=2
    )
    check_same(pipeline_inference(grid.fit(frame, y), frame, y), wanted, rtol=1e-7)


def test_pruning_at_the_end():
    frame, y = table()
    model = make_pipeline(prepared(), BackwardPruning(net((2,)))).fit(frame, y)
    found = pipeline_inference(model, frame, y)
    assert found.post_selection
    assert found.wald_test("income").reason.startswith("no weight leaves")
    assert found.slope_test("sex").p_value < 1e-10
    assert_allclose(found.get_prediction(frame).mean, model.predict(frame), rtol=1e-9)


# What cannot be.


@pytest.mark.parametrize(
    "step",
    [
        PCA(),
        PolynomialFeatures(),
        QuantileTransformer(n_quantiles=10),
        FunctionTransformer(np.abs),
    ],
    ids=lambda step: type(step).__name__,
)
def test_steps_that_mix_or_bend(step):
    frame, y = table()
    X = frame[["income", "age"]].to_numpy()
    model = make_pipeline(StandardScaler(), step, net(())).fit(X, y)
    with pytest.raises(ValueError, match=f"step '{type(step).__name__.lower()}'.*no units"):
        pipeline_inference(model, X, y)


@pytest.mark.parametrize("wrap", [make_pipeline, lambda end: end])
def test_no_net_at_the_end(wrap):
    frame, y = table()
    model = wrap(LinearRegression()).fit(frame[["age"]], y)
    with pytest.raises(ValueError, match="net of this package at its end"):
        pipeline_inference(model, frame[["age"]], y)


def test_a_net_without_the_intercepts_for_it():
    frame, y = table()
    X = frame[["income", "age"]]
    bare = net((), connectivity={"intercepts_0": [False]})
    model = make_pipeline(StandardScaler(), bare).fit(X, y)
    with pytest.raises(ValueError, match="no intercepts"):
        pipeline_inference(model, X, y)


def test_an_offset_and_a_transformed_target():
    frame, y = table()
    model = TransformedTargetRegressor(net(()), transformer=StandardScaler())
    X = frame[["age"]]
    with pytest.raises(ValueError, match="offset or exposure"):
        pipeline_inference(model.fit(X, y), X, y, offset=np.ones(N))


def test_what_is_no_estimator_is_named_by_its_type():
    net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit([[0.0], [1.0], [3.0]], [0, 1, 2])
    with pytest.warns(UserWarning, match="Inference:"):
        results = net.inference([[0.0], [1.0], [3.0]], [0, 1, 2])
    with pytest.raises(TypeError, match=r"model must be a fitted .*, got InferenceResults\.$"):
        pipeline_inference(results, [[0.0]], [0.0])


def test_warnings_point_to_the_line_of_the_user():
    X = np.random.default_rng(0).normal(size=(30, 2))
    pipe = make_pipeline(StandardScaler(), NewtonMLPRegressor((5,), alpha=1.0, random_state=0))
    with pytest.warns(UserWarning, match="Inference:") as seen:
        pipeline_inference(pipe.fit(X, X[:, 0]), X, X[:, 0])
    assert [warning.filename for warning in seen] == [__file__]


def test_levels_have_no_contrast_from_low_to_high():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"town": rng.choice(["a", "b"], size=60), "age": rng.normal(size=60)})
    net = NewtonMLPRegressor((1,), alpha=1.0, random_state=0)
    encode = make_column_transformer((OneHotEncoder(), ["town"]), ("passthrough", ["age"]))
    pipe = make_pipeline(encode, net).fit(table, table["age"])
    with pytest.warns(UserWarning, match="Inference:"):
        results = pipeline_inference(pipe, table, table["age"] + 0.1 * rng.normal(size=60))
    with pytest.raises(ValueError, match=r"'town' has levels.*marginal_effects\(\['town'\]\)"):
        results.contrast("town", "a", "b")
    assert results.marginal_effects(["town"]).names == ["town_b - town_a"]
