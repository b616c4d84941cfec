"""Tables of polars and formulas of formulaic."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, pipeline_inference
from sknewtonnet.formula import fit_formula

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"dose": RNG.normal(size=90), "age": RNG.normal(size=90)})
TABLE["town"] = np.tile(["a", "b", "c"], 30)
TABLE["y"] = TABLE["dose"] + (TABLE["town"] == "b") + 0.1 * RNG.normal(size=90)
NAMES = ["dose", "age"]


@pytest.fixture
def polars():
    return pytest.importorskip("polars", reason="polars is not installed")


def test_polars_in(polars):
    data = polars.from_pandas(TABLE)
    net = NewtonMLPRegressor((), alpha=0.0).fit(data[NAMES], data["y"])
    same = NewtonMLPRegressor((), alpha=0.0).fit(TABLE[NAMES], TABLE["y"])
    assert net.feature_names_in_.tolist() == NAMES
    assert_array_equal(net.params_, same.params_)
    assert_array_equal(net.predict(data[NAMES]), same.predict(TABLE[NAMES]))
    one, two = net.inference(data[NAMES], data["y"]), same.inference(TABLE[NAMES], TABLE["y"])
    assert_array_equal(one.std_errors, two.std_errors)
    assert one.names == two.names


def test_labels_of_polars(polars):
    data = polars.from_pandas(TABLE)
    net = NewtonMLPClassifier((2,), alpha=1.0, random_state=0).fit(data[NAMES], data["town"])
    assert net.classes_.tolist() == ["a", "b", "c"]
    assert net.score(data[NAMES], data["town"]) > 0.3


def test_polars_out(polars):
    data = polars.from_pandas(TABLE)
    net = NewtonMLPRegressor((), alpha=0.0).fit(data[NAMES], data["y"])
    mean, std = net.predict(data[NAMES], return_std=True)
    found = data.with_columns(mean=mean, std=std)
    assert found.shape == (90, 6)
    effects = net.inference(data[NAMES], data["y"]).marginal_effects().to_frame()
    assert polars.from_pandas(effects.reset_index()).shape == (2, 1 + effects.shape[1])


def test_a_pipeline_of_polars(polars):
    data = polars.from_pandas(TABLE)
    before = make_column_transformer(
        (StandardScaler(), NAMES), (OneHotEncoder(drop="first", sparse_output=False), ["town"])
    ).set_output(transform="polars")
    pipe = make_pipeline(before, NewtonMLPRegressor((), alpha=0.0)).fit(data[:, :3], data["y"])
    results = pipeline_inference(pipe, data[:, :3], data["y"])
    assert results.factors == {"town": ("town_b", "town_c")}
    assert_allclose(results.marginal_effects(["dose"]).effects, 1.0, atol=0.05)


def test_a_formula():
    pytest.importorskip("formulaic", reason="formulaic is not installed")
    fit = fit_formula("y ~ dose + C(town)", TABLE, NewtonMLPRegressor((), alpha=0.0))
    assert fit.groups == {"C(town)": ["C(town)[T.b]", "C(town)[T.c]"]}
    assert fit.inference(TABLE).wald_test_features(groups=fit.groups)["dose"].p_value < 1e-6


def test_a_matrix_of_formulaic():
    """Its intercept goes: nets have their own."""
    formulaic = pytest.importorskip("formulaic", reason="formulaic is not installed")
    design = formulaic.model_matrix("dose + C(town)", TABLE).drop(columns="Intercept")
    net = NewtonMLPRegressor((), alpha=0.0).fit(design, TABLE["y"])
    fit = fit_formula("y ~ dose + C(town)", TABLE, NewtonMLPRegressor((), alpha=0.0))
    assert_allclose(net.predict(design), fit.predict(TABLE), atol=1e-8)
