"""The package marginaleffects with standard errors of nets, by an adapter of a few lines."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPRegressor

effects = pytest.importorskip("marginaleffects", reason="marginaleffects is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")
sklearn_models = pytest.importorskip("marginaleffects.sklearn.model")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(RNG.normal(size=(120, 3)), columns=["dose", "age", "weight"])
TABLE["y"] = np.tanh(TABLE["dose"]) + 0.5 * TABLE["age"] + 0.2 * RNG.normal(size=120)
NAMES = ["dose", "age", "weight"]


class NetModel(sklearn_models.ModelSklearn):
    """A net that was fitted by ``fit_sklearn``, with its parameters and their covariance."""

    def __init__(self, fitted, results):
        vault = fitted.vault
        vault.coef, vault.vcov = results.params, results.covariance
        vault.coefnames = np.array(results.names)
        super().__init__(vault.engine_running, vault)

    def get_vcov(self, vcov=True):
        return None if vcov is False else self.vault.vcov

    def get_predict(self, params, newdata):
        net = self.vault.engine_running
        mean = net.predict_at(np.asarray(params), newdata[list(net.feature_names_in_)])
        rows = polars.Series(range(len(mean)), dtype=polars.Int32)
        return polars.DataFrame({"rowid": rows, "estimate": mean})


@pytest.fixture(scope="module")
def model():
    net = NewtonMLPRegressor((1,), alpha=0.0, skip_connections="input-output", random_state=0)
    fitted = sklearn_models.fit_sklearn(
        "y ~ dose + age + weight - 1", data=polars.from_pandas(TABLE), engine=net
    )
    results = net.inference(TABLE[NAMES], TABLE["y"])
    return NetModel(fitted, results), results


def test_average_slopes_are_ours(model):
    adapted, results = model
    theirs, ours = effects.avg_slopes(adapted), results.marginal_effects(NAMES)
    assert theirs["term"].to_list() == sorted(NAMES)
    order = np.argsort(NAMES)
    assert_allclose(theirs["estimate"], ours.effects[order], rtol=1e-4)
    assert_allclose(theirs["std_error"], ours.std_errors[order], rtol=1e-3)


def test_predictions_are_ours(model):
    adapted, results = model
    theirs, ours = effects.predictions(adapted), results.get_prediction(TABLE[NAMES])
    assert_allclose(theirs["estimate"], ours.mean, rtol=1e-10)
    assert_allclose(theirs["std_error"], ours.se, rtol=1e-3)


def test_comparisons_and_hypotheses(model):
    adapted, _ = model
    found = effects.avg_comparisons(adapted, variables={"dose": 1})
    net = adapted.vault.engine_running
    moved = (
        TABLE[NAMES].assign(dose=TABLE["dose"] + 0.5),
        TABLE[NAMES].assign(dose=TABLE["dose"] - 0.5),
    )
    assert_allclose(found["estimate"], np.mean(net.predict(moved[0]) - net.predict(moved[1])))
    test = effects.avg_slopes(adapted, hypothesis="b0 = b1")
    assert test["p_value"].to_list()[0] < 1.0
