"""Whole calls, as a user makes them, over those of scikit-learn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

import sknewtonnet
from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from suite.ratios import ratio


class Classifiers:
    """Fits at a given alpha, the columns standardised, beside MLPClassifier(solver="lbfgs")."""

    timeout = 300
    param_names = ("table",)
    params = ("iris", "digits")

    def setup(self, table):
        """A table and both models."""
        X, self.y = {"iris": load_iris, "digits": load_digits}[table](return_X_y=True)
        self.X = StandardScaler().fit_transform(X)
        units = {"iris": 10, "digits": 32}[table]
        self.ours = NewtonMLPClassifier(units, alpha=0.1, random_state=0)
        self.theirs = MLPClassifier(
            units, activation="tanh", solver="lbfgs", alpha=0.1, random_state=0
        )

    def track_fit(self, table):
        """One fit over one fit."""
        return ratio(
            lambda: self.ours.fit(self.X, self.y), lambda: self.theirs.fit(self.X, self.y), 8.0
        )

    track_fit.unit = "fits of scikit-learn"

    def track_predict_one_row(self, table):
        """Prediction of one row over the same."""
        ours, theirs = self.ours.fit(self.X, self.y), self.theirs.fit(self.X, self.y)
        row = self.X[:1]
        return ratio(lambda: ours.predict(row), lambda: theirs.predict(row))

    track_predict_one_row.unit = "predictions of scikit-learn"


class Tuned:
    """A net that chooses its penalty, beside a search over eight support vector machines."""

    timeout = 300

    def track_diabetes(self):
        """alpha="auto" with 10 units over GridSearchCV of SVR, 4 x 2 values, 3 folds."""
        X, y = load_diabetes(return_X_y=True)
        grid = {"svr__C": [1.0, 10.0, 100.0, 1000.0], "svr__gamma": [0.01, 0.1]}
        search = GridSearchCV(make_pipeline(StandardScaler(), SVR()), grid, cv=3)
        net = NewtonMLPRegressor(10, random_state=0)
        return ratio(lambda: net.fit(X, y), lambda: search.fit(X, y), 8.0)

    track_diabetes.unit = "searches"


def track_import():
    """Seconds that the package takes beyond sklearn.neural_network, the best of seven."""
    code = (
        "import time, sklearn.neural_network; start = time.perf_counter(); "
        "from sknewtonnet import NewtonMLPClassifier; print(time.perf_counter() - start)"
    )
    return float(np.min([_printed(code) for _ in range(7)]))


track_import.unit = "s"
track_import.timeout = 300


def _printed(code):
    command = [sys.executable, "-c", code]
    folder = Path(sknewtonnet.__file__).parents[1]
    return float(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)
