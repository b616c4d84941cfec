"""Who asks a regressor or classifier how sure it is: MAPIE, skpro, calibration."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 2))
Y = np.sin(2.0 * X[:, 0]) + X[:, 1] + 0.5 * RNG.normal(size=400)
TABLE, TARGET = pd.DataFrame(X, columns=["a", "b"]), pd.DataFrame({"y": Y})
LABELS = (Y > 0.3).astype(int)
FIT, CALIBRATE, TEST = slice(0, 150), slice(150, 280), slice(280, 400)
NET = NewtonMLPRegressor((3,), alpha=1.0, random_state=0)
CLASSIFIER = NewtonMLPClassifier((3,), alpha=1.0, random_state=0)


def covered(intervals, y):
    return np.mean((intervals[:, 0, 0] <= y) & (y <= intervals[:, 1, 0]))


# MAPIE: 120 rows to test, so that a coverage of 0.9 has a standard error of 0.03. ----------------


def test_conformal_intervals_of_a_fitted_net():
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is not installed")
    net = NET.fit(X[FIT], Y[FIT])
    model = regression.SplitConformalRegressor(net, confidence_level=0.9, prefit=True)
    means, intervals = model.conformalize(X[CALIBRATE], Y[CALIBRATE]).predict_interval(X[TEST])
    assert_allclose(means, net.predict(X[TEST]))
    assert 0.8 < covered(intervals, Y[TEST]) < 1.0


def test_cross_conformal_intervals():
    regression = pytest.importorskip("mapie.regression", reason="MAPIE is not installed")
    model = regression.CrossConformalRegressor(NET, confidence_level=0.9, cv=5)
    intervals = model.fit_conformalize(X[:280], Y[:280]).predict_interval(X[TEST])[1]
    assert 0.8 < covered(intervals, Y[TEST]) < 1.0


def test_conformal_sets_of_classes():
    module = pytest.importorskip("mapie.classification", reason="MAPIE is not installed")
    net = CLASSIFIER.fit(X[FIT], LABELS[FIT])
    model = module.SplitConformalClassifier(net, confidence_level=0.9, prefit=True)
    labels, sets = model.conformalize(X[CALIBRATE], LABELS[CALIBRATE]).predict_set(X[TEST])
    assert (labels == net.predict(X[TEST])).all()
    rows = np.arange(len(LABELS[TEST]))
    assert 0.8 < sets[rows, LABELS[TEST], 0].mean() < 1.0


# skpro ------------------------------------------------------------------------------------------


class Observations(NewtonMLPRegressor):
    """Standard deviations of new observations, in place of the errors of their mean."""

    def fit(self, X, y):
        super().fit(X, y)
        self.dispersion_ = self.inference(X, y).dispersion
        return self

    def predict(self, X, return_std=False):
        if not return_std:
            return super().predict(X)
        mean, std = super().predict(X, return_std=True)
        return mean, np.sqrt(std**2 + self.dispersion_)


def probabilistic(net):
    adapters = pytest.importorskip("skpro.regression.adapters.sklearn", reason="no skpro")
    return adapters.SklearnProbaReg(net)


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
def test_distributions_of_new_observations():
    net = Observations((3,), alpha=1.0, random_state=0)
    found = probabilistic(net).fit(TABLE[:280], TARGET[:280]).predict_proba(TABLE[TEST])
    deviations = np.sqrt(found.var().to_numpy()[:, 0])
    results = net.fit(X[:280], Y[:280]).inference(X[:280], Y[:280])
    errors = results.get_prediction(X[TEST]).se
    assert_allclose(deviations**2, errors**2 + results.dispersion, rtol=1e-6)
    low, high = (found.ppf(p).to_numpy()[:, 0] for p in (0.05, 0.95))
    assert 0.8 < np.mean((low <= Y[TEST]) & (Y[TEST] <= high)) < 1.0


def test_distributions_of_means():
    found = probabilistic(NET).fit(TABLE[FIT], TARGET[FIT]).predict_proba(TABLE[TEST])
    mean, std = NET.fit(X[FIT], Y[FIT]).predict(X[TEST], return_std=True)
    assert_allclose(found.mean().to_numpy()[:, 0], mean)
    assert_allclose(found.var().to_numpy()[:, 0], std**2)


# Calibration ------------------------------------------------------------------------------------


def test_calibration():
    """Of a net that is far too sure, probabilities that are worth more."""
    net = NewtonMLPClassifier((8,), alpha=0.01, random_state=0).fit(X[FIT], LABELS[FIT])
    calibrated = CalibratedClassifierCV(FrozenEstimator(net)).fit(X[CALIBRATE], LABELS[CALIBRATE])
    before, after = (
        log_loss(LABELS[TEST], model.predict_proba(X[TEST])) for model in (net, calibrated)
    )
    assert after < before
    anew = CalibratedClassifierCV(CLASSIFIER, cv=3).fit(X[FIT], LABELS[FIT])
    assert anew.predict_proba(X[TEST]).shape == (120, 2)
