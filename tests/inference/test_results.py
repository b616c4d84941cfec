"""What results say and keep: criteria, texts, tables, pickles."""

import pickle
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from estimator_cases import (
    class_data,
    count_data,
    each_model,
    fitted,
    label_data,
    regression_data,
    weights,
)
from fitted_oracles import infer
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import gammaln, xlogy

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.inference import COV_TYPES, InferenceResults

NAMES = ["age", "bmi", "pressure", "sugar"]


def framed(**params):
    X, y = regression_data()
    frame = pd.DataFrame(X, columns=NAMES)
    options = {
        "hidden_layer_sizes": (1,),
        "standardize": False,
        "alpha": 0.0,
        "n_init": 4,
        "random_state": 0,
        **params,
    }
    return NewtonMLPRegressor(**options).fit(frame, y), frame, y


# Numbers ----------------------------------------------------------------------------------


def hessians(est, X, y, sample_weight=None):
    """Second derivatives of the sum of losses, without and with the penalty."""
    objective = est.objective(X, y, sample_weight)
    H = objective.weight_sum * objective.hessian(est.params_)
    bend = objective.weight_sum * objective.penalty.hessian_diagonal(est.params_)
    return H - np.diag(bend), H, objective.scores(est.params_), objective


def log_likelihood(est, X, y, weight):
    """From densities, written without the package; normal errors at their best variance."""
    if hasattr(est, "classes_"):
        p = est.predict_proba(X)
        Y = np.asarray(y)
        if Y.ndim == 2:
            return float(weight @ (xlogy(Y, p) + xlogy(1 - Y, 1 - p)).sum(axis=1))
        return float(weight @ np.log(p[Y[:, None] == est.classes_]))
    mean = est.predict(X)
    if est.loss == "poisson":
        return float(weight @ (xlogy(y, mean) - mean - gammaln(y + 1.0)))
    mean, y = mean.reshape(len(X), -1), np.asarray(y).reshape(len(X), -1)
    variance = (weight @ (mean - y) ** 2).sum() / (weight.sum() * y.shape[1])
    return float(weight @ stats.norm.logpdf(y, mean, np.sqrt(variance)).sum(axis=1))


@each_model
@pytest.mark.parametrize("weighted", [False, True])
def test_likelihood_and_criteria(name, weighted):
    given = np.arange(75) % 3 + 1.0 if weighted else None
    n_rows = len(fitted(name)[1])
    given = None if given is None else given[:n_rows]
    est, X, y = fitted(name, given)
    res = infer(est, X, y, given, cov_type="hessian")
    weight = np.ones(n_rows) if given is None else given
    n = weight.sum()
    H0, H, scores, _ = hessians(est, X, y, given)
    inverse = np.linalg.pinv(H, rcond=1e-12, hermitian=True)
    # tr(H^-1 H0), in which no direction counts less than nothing.
    taken = np.linalg.eigvals(inverse @ (H - H0)).real
    k = np.trace(inverse @ H) - np.minimum(taken, 1.0).sum()
    ll = log_likelihood(est, X, y, weight)
    assert res.n_obs == n
    assert_allclose(res.effective_parameters, k, rtol=1e-6)
    assert_allclose(res.log_likelihood, ll, rtol=1e-9)
    # Outputs that do not depend on each other are as many observations.
    n = n * (1 if est.out_activation_ == "softmax" else est.n_outputs_)
    assert_allclose(res.aic, -2 * ll + 2 * k, rtol=1e-7)
    assert_allclose(res.aicc, res.aic + 2 * k * (k + 1) / (n - k - 1), rtol=1e-7)
    assert_allclose(res.bic, -2 * ll + k * np.log(n), rtol=1e-7)
    centred = scores - weight @ scores / weight.sum()
    J = (weight * centred.T) @ centred
    D = weight.sum() * (est.loss_ - est.objective(X, y, given).penalty.value(est.params_))
    assert_allclose(res.nic, D / n + np.trace(J @ inverse) / n, rtol=1e-6)
    assert_allclose(res.tic, -2 * ll + 2 * np.trace(J @ inverse) / res.dispersion, rtol=1e-6)
    assert_allclose(res.gcv, (2 * D / n) / (1 - k / n) ** 2, rtol=1e-6)


def test_dispersion():
    X, y = regression_data()
    for alpha in (0.0, 0.5):
        est = NewtonMLPRegressor(
            (1,), alpha=alpha, n_init=4, random_state=0, standardize=False
        ).fit(X, y)
        res = infer(est, X, y)
        rss = np.sum((y - est.predict(X)) ** 2)
        assert_allclose(res.dispersion, rss / (60 - res.effective_parameters), rtol=1e-8)
        assert_allclose(res.df_resid, 60 - res.effective_parameters, rtol=1e-8)
        assert res.use_t
    X, y = count_data()
    assert (
        infer(
            NewtonMLPRegressor((), alpha=0.0, loss="poisson", standardize=False).fit(X, y), X, y
        ).dispersion
        == 1
    )
    y = y + 0.5
    est = NewtonMLPRegressor((), alpha=0.0, loss="gamma", standardize=False).fit(X, y)
    res = infer(est, X, y)
    chi2 = np.sum((y / est.predict(X) - 1.0) ** 2)
    assert_allclose(res.dispersion, chi2 / 55, rtol=1e-8)
    assert res.use_t


def test_criteria_of_sampling_weights_are_not_defined():
    X, y = regression_data()
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y, weights(60))
    res = est.inference(X, y, weights(60), cov_type="HC0", weight_type="sampling")
    for criterion in ("log_likelihood", "aic", "aicc", "bic", "tic"):
        assert np.isnan(getattr(res, criterion))
    assert res.n_obs == 60
    assert "nan" in res.summary().lower() or "not defined" in res.summary()


def test_no_better_than_the_data_allow():
    """AICc of more parameters than rows is no number to compare by."""
    X, y = regression_data()
    est = NewtonMLPRegressor((3,), alpha=0.5, random_state=0, standardize=False).fit(
        X[:20], y[:20]
    )
    res = infer(est, X[:20], y[:20])
    if 20 - res.effective_parameters - 1 <= 0:
        assert not np.isfinite(res.aicc)


@each_model
def test_statistics_belong_together(name):
    est, X, y = fitted(name)
    res = infer(est, X, y, cov_type="bayesian")
    assert len(res.names) == len(res.params) == len(set(res.names))
    assert_allclose(res.covariance, res.covariance.T, rtol=1e-10, atol=1e-14)
    assert_allclose(res.std_errors, np.sqrt(np.diag(res.covariance)), rtol=1e-12)
    assert_allclose(res.z_values, res.params / res.std_errors, rtol=1e-12)
    distribution = stats.t(res.df_resid) if res.use_t else stats.norm
    if res.identifiable:
        assert_allclose(res.p_values, 2.0 * distribution.sf(np.abs(res.z_values)), rtol=1e-10)
    else:
        assert np.isnan(res.p_values).all()
        assert set(res.reasons) == set(res.names)
    for level in (0.5, 0.99):
        half = distribution.ppf(0.5 + 0.5 * level) * res.std_errors
        expected = np.column_stack([res.params - half, res.params + half])
        assert_allclose(res.conf_int(level), expected, rtol=1e-9, atol=1e-12)
    assert res.cov_type == "bayesian"
    assert res.post_selection is False


def test_tiny_p_values_are_no_zeros():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 1))
    y = 5.0 * X[:, 0] + 0.5 * rng.standard_normal(400)
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y)
    res = est.inference(X, y, use_t=False)
    assert not res.use_t
    assert 0.0 <= res.p_values[0] < 1e-300 or res.p_values[0] > 0.0
    rows = X[:60], y[:60]
    assert 0.0 < est.fit(*rows).inference(*rows).p_values[0] < 1e-20


def test_a_weight_at_its_bound_has_no_p_value():
    """It does not vary, so its error is not 0 but unknown, and somebody has to say so."""
    X, y = regression_data()
    est = NewtonMLPRegressor(
        (), alpha=0.0, bounds={"coefs_0[x0, y]": (0.9, None)}, standardize=False
    ).fit(X, y)
    assert est.params_[0] == 0.9
    res = infer(est, X, y)
    assert np.isnan(res.p_values[0])
    assert res.names[0] in res.reasons
    assert re.search("bound|constrain", res.summary())


# Names ------------------------------------------------------------------------------------


def test_names_of_a_data_frame():
    est, X, y = framed()
    res = infer(est, X, y)
    assert list(res.feature_names) == NAMES
    assert res.names[:2] == ["coefs_0[age, h0]", "coefs_0[bmi, h0]"]
    assert res.names[-1] == "intercepts_1[y]"
    assert list(res.wald_test_features()) == NAMES
    assert list(res.marginal_effects().names) == NAMES
    assert res.partial_effect("bmi").feature == "bmi"
    assert res.get_prediction(X).mean.shape == (60,)


def test_names_of_contrasts():
    X, y = class_data()
    est = NewtonMLPClassifier((), alpha=0.5, standardize=False).fit(
        pd.DataFrame(X, columns=NAMES), y
    )
    res = infer(est, pd.DataFrame(X, columns=NAMES), y)
    assert res.names[:2] == [
        "coefs_0[age, versicolor - setosa]",
        "coefs_0[age, virginica - setosa]",
    ]
    assert len(res.names) == 10
    coefs = est.coefs_[0]
    assert_allclose(res.params[:8].reshape(4, 2), coefs[:, 1:] - coefs[:, :1], rtol=1e-12)
    assert_allclose(res.params[8:], est.intercepts_[0][1:] - est.intercepts_[0][0], rtol=1e-12)


# Texts ------------------------------------------------------------------------------------


def number(text, label):
    """Read the first number after a label, whatever stands between."""
    found = re.search(rf"(?i){label}\W*?\s*:?\s*(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)", text)
    assert found, f"no number after {label!r} in\n{text}"
    return float(found.group(1))


def test_summary_has_what_a_statistician_expects():
    est, X, y = framed()
    res = est.inference(X, y)
    text = res.summary(parameters=True)
    assert isinstance(text, str)
    assert "NewtonMLPRegressor" in text or "squared_error" in text
    assert "60" in text
    assert "hessian" in text
    assert re.search(r"(?i)log.?likelihood", text)
    for label, value in (("AIC", res.aic), ("BIC", res.bic)):
        assert_allclose(number(text, rf"\b{label}\b"), value, rtol=1e-2)
    assert re.search(r"(?i)identifiable", text)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 120
    for name in res.names:
        row = next(line for line in lines if name in line)
        assert len(re.findall(r"-?\d+\.\d+", row)) >= 5  # estimate, error, z, p, interval
    for feature in NAMES:
        rows = [line for line in lines if re.search(rf"(^|\s){feature}\s", line)]
        assert rows, f"no row of the feature {feature} in\n{text}"
    assert "95 %" in res.summary(level=0.9, parameters=True)
    assert not any(name in res.summary() for name in res.names)


def test_summary_says_what_is_wrong():
    """A reason stands where a number does not."""
    X, y = regression_data()
    X[:, 3] = 2.0 * X[:, 0]
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y)
    res = infer(est, X, y)
    text = res.summary(parameters=True)
    assert re.search(r"(?i)not identifiable|identifiable:? no\b", text)
    assert "nan" in text.lower()
    flat = " ".join(text.split())
    for message in res.diagnosis:
        assert " ".join(message.split()) in flat
    assert all(name in text for name in res.names)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_summary_of_classes(n_classes):
    X, y = class_data(n_classes)
    est = NewtonMLPClassifier((), alpha=0.5, standardize=False).fit(X, y)
    text = infer(est, X, y).summary(parameters=True)
    assert "virginica" in text
    assert re.search(r"(?i)\bAIC\b", text)
    assert "log_loss" in text or "NewtonMLPClassifier" in text or "log-likelihood" in text.lower()


@each_model
def test_every_result_has_its_texts(name):
    est, X, y = fitted(name)
    res = infer(est, X, y)
    text, page, frame = res.summary(parameters=True), res._repr_html_(), res.to_frame()
    assert all(parameter in text for parameter in res.names)
    ElementTree.fromstring(f"<div>{page}</div>")
    assert list(frame.index) == list(res.names)
    assert len(repr(res)) < 100_000


def cells(page):
    return [" ".join(cell.itertext()).strip() for cell in ElementTree.fromstring(page).iter()]


def test_html_escapes_names():
    X, y = regression_data()
    frame = pd.DataFrame(X, columns=["a<b", "x & y", '"quoted"', "<script>alert(1)</script>"])
    est = NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(frame, y)
    page = est.inference(frame, y)._repr_html_()
    found = " ".join(cells(f"<div>{page}</div>"))
    assert "<script>" not in page
    assert "a&lt;b" in page
    for name in frame.columns:
        assert name in found


def test_html_has_the_table():
    est, X, y = framed()
    res = est.inference(X, y)
    page = f"<div>{res._repr_html_()}</div>"
    found = cells(page)
    assert "<table" in page
    for name in NAMES:
        assert any(name in cell for cell in found)
    assert any("AIC" in cell for cell in found)


def test_html_of_lost_parameters():
    X, y = regression_data()
    X[:, 3] = 2.0 * X[:, 0]
    res = infer(NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y), X, y)
    found = " ".join(cells(f"<div>{res._repr_html_()}</div>"))
    assert re.search(r"(?i)not identifiable|identifiable:? no\b", found)
    assert "nan" in found.lower()


# Tables and pickles -----------------------------------------------------------------------


def has_column(frame, values):
    return any(np.allclose(frame[c], values, equal_nan=True) for c in frame.columns)


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_frame_of_parameters(level):
    est, X, y = framed()
    res = infer(est, X, y)
    frame = res.to_frame(level=level)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == list(res.names)
    interval = res.conf_int(level=level)
    columns = (res.params, res.std_errors, res.z_values, res.p_values, *interval.T)
    assert frame.shape[1] >= len(columns)
    for values in columns:
        assert has_column(frame, values)
    assert list(frame.columns)[:4] != list(range(4))


def test_frame_of_lost_parameters():
    X, y = regression_data()
    X[:, 3] = 2.0 * X[:, 0]
    res = infer(NewtonMLPRegressor((), alpha=0.0, standardize=False).fit(X, y), X, y)
    frame = res.to_frame()
    assert frame.shape[0] == 5
    assert has_column(frame, res.std_errors)
    assert set(frame.index[frame.isna().any(axis=1)]) >= set(res.reasons)


@pytest.mark.filterwarnings("ignore:Prediction intervals take:UserWarning")
def test_frames_of_predictions_and_effects():
    est, X, y = framed()
    res = infer(est, X, y)
    prediction, effects = res.get_prediction(X[:7]), res.marginal_effects()
    frame = prediction.to_frame()
    assert len(frame) == 7
    for values in (prediction.mean, prediction.se, *prediction.confidence_interval.T):
        assert has_column(frame, values)
    assert has_column(frame, prediction.prediction_interval[:, 1])
    frame = effects.to_frame()
    assert list(frame.index) == NAMES
    assert has_column(frame, effects.effects)
    assert has_column(frame, effects.p_values)


@pytest.mark.parametrize("make", [lambda: regression_data(2), class_data, label_data])
def test_frames_of_several_outputs(make):
    X, y = make()
    kind = NewtonMLPRegressor if np.asarray(y).dtype.kind == "f" else NewtonMLPClassifier
    res = infer(kind((), alpha=0.5, standardize=False).fit(X, y), X, y)
    prediction, effects = res.get_prediction(X[:7]), res.marginal_effects(discrete=())
    assert prediction.mean.shape[1] == effects.effects.shape[1] > 1
    for found, source in (
        (prediction.to_frame(), prediction.mean),
        (effects.to_frame(), effects.effects),
    ):
        values = found.to_numpy(dtype=float, na_value=np.nan) if found.size else np.empty(0)
        for value in source.ravel():
            assert np.isclose(values, value).any()


@each_model
def test_results_pickle(name):
    est, X, y = fitted(name)
    res = infer(est, X, y, cov_type="bayesian")
    copy = pickle.loads(pickle.dumps(res))
    assert list(copy.names) == list(res.names)
    assert_array_equal(copy.covariance, res.covariance)
    assert copy.summary() == res.summary()
    assert copy.findings == res.findings
    assert_array_equal(copy.get_prediction(X[:5]).se, res.get_prediction(X[:5]).se)
    assert_array_equal(copy.marginal_effects().effects, res.marginal_effects().effects)


def test_plot_of_a_partial_effect():
    est, X, y = fitted("two outputs")
    effect = infer(est, X, y).partial_effect("x0", n_points=5)
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, ax = plt.subplots()
    effect.plot(ax=ax, output=1)
    assert_allclose(ax.lines[0].get_ydata(), effect.mean[:, 1])
    assert ax.get_xlabel() == "x0"
    plt.close(figure)


@pytest.mark.parametrize("cov_type", COV_TYPES)
def test_every_covariance_is_documented(cov_type):
    """A new entry of the table needs a line in the docstring and one in the document."""
    document = Path(__file__).parents[2] / "doc" / "inference.md"
    assert f'"{cov_type}"' in InferenceResults.__doc__
    assert f'`"{cov_type}"`' in document.read_text(encoding="utf-8")
