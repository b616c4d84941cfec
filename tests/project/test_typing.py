"""What users' type checkers see: nothing untyped, and the types that the documents promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="mypy is not installed")

ROOT = Path(__file__).parents[2]

# scikit-learn and scipy have no types; the package's own files have a run of their own.
CONFIG = """
[mypy]
strict = True
[mypy-sklearn.*,scipy.*,joblib.*,matplotlib.*,pandas.*]
ignore_missing_imports = True
[mypy-sknewtonnet.*]
follow_imports = silent
"""

START = """
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from sknewtonnet import (
    BackwardPruning,
    InformationCriterionSearch,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetClassifier,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import BlockObjective, GaussianRBF, Layer, Linear, Objective
from sknewtonnet.inference import InferenceResults
from sknewtonnet.pruning import PruningPath

Floats = NDArray[np.float64]
X, y = np.eye(3), np.zeros(3)
masks = {"coefs_0": np.ones((3, 2), dtype=bool)}
regressor = NewtonMLPRegressor(
    (2,),
    alpha=[0.1, 0.2],
    connectivity=masks,
    bounds={"coefs_1": (0.0, None)},
    linear_constraints=[({"intercepts_0": 1.0}, 0, None)],
    monotonic_cst=[1, 0, -1],
    random_state=0,
)
classifier = NewtonMLPClassifier(class_weight={0: 1.0, 1: 2.0}, activation=["tanh"])
radial = RBFNetRegressor(3, covariance_type="full", alpha={"coefs_0": 1.0})
radial_classifier = RBFNetClassifier(n_centers=2, class_weight="balanced")
def layers(n_features: int, n_outputs: int) -> list[Layer]:
    return [GaussianRBF((0,), 2), Linear((0, 1), n_outputs)]

net = NewtonNetRegressor([Linear((0,), 1)], loss="poisson")
net_classifier = NewtonNetClassifier(layers, alpha={"centers": 0.1})
pruning = BackwardPruning(regressor, scoring=None, significance_level=0.05)
search = InformationCriterionSearch(regressor, {"hidden_layer_sizes": [(), (1,)]})
"""

TYPES = {
    "regressor.fit(X, y)": "NewtonMLPRegressor",
    "classifier.fit(X, y)": "NewtonMLPClassifier",
    "radial.fit(X, y, sample_weight=y)": "RBFNetRegressor",
    "radial_classifier.fit(X, y)": "RBFNetClassifier",
    "net.fit(X, y)": "NewtonNetRegressor",
    "net_classifier.fit(X, y)": "NewtonNetClassifier",
    "net.arrays_": "dict[str, Floats]",
    "pruning.fit(X, y)": "BackwardPruning",
    "search.fit(X, y)": "InformationCriterionSearch",
    "regressor.predict(X)": "Floats",
    "radial.predict(X)": "Floats",
    "classifier.predict(X)": "NDArray[Any]",
    "pruning.predict(X)": "NDArray[Any]",
    "search.predict(X)": "NDArray[Any]",
    "classifier.predict_proba(X)": "Floats",
    "search.predict_proba(X)": "Floats",
    "regressor.params_": "Floats",
    "regressor.coefs_": "list[Floats]",
    "radial_classifier.intercepts_": "list[Floats]",
    "radial.centers_": "Floats",
    "regressor.parameter_names_": "list[str]",
    "classifier.critical_point_": "str",
    "regressor.feature_importances_": "Floats",
    "classifier.classes_": "NDArray[Any]",
    "pruning.path_": "PruningPath",
    "regressor.objective(X, y)": "Objective | BlockObjective",
    'radial.inference(X, y, cov_type="HC0")': "InferenceResults",
    "pruning.inference(X, y)": "InferenceResults",
}


def checked(tmp_path, lines):
    """What mypy says of a user's file that ends in these lines."""
    (tmp_path / "mypy.ini").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "user.py").write_text("\n".join([START, *lines, ""]), encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "user.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout + found.stderr


def test_users_are_typed(tmp_path):
    lines = [f"assert_type({what}, {kind})" for what, kind in TYPES.items()]
    found = checked(tmp_path, [*lines, "reveal_type(regressor.fit(X, y).coefs_)"])
    assert "Success: no issues found" in found, found
    assert 'Revealed type is "list[numpy.ndarray[' in found


def test_mistakes_are_found(tmp_path):
    """Else a type that is Any would pass for anything."""
    found = checked(
        tmp_path,
        [
            "NewtonMLPRegressor(hidden_layers=3)",
            "RBFNetRegressor(n_centers='many')",
            "BackwardPruning(X)",
            "assert_type(regressor.fit(X, y), NewtonMLPClassifier)",
        ],
    )
    for code in ("[call-arg]", "[arg-type]", "[assert-type]"):
        assert code in found, found
