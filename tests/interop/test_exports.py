"""Graphs of ONNX and files of PMML predict what the nets predict."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import sklearn
from estimator_cases import class_data, count_data, label_data, regression_data
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

FIT = {"alpha": 1.0, "random_state": 0}


def raw_data(n_outputs=None):
    X, y = regression_data(n_outputs)
    return X * [1.0, 50.0, 0.01, 3.0] + [0.0, 1000.0, 5.0, -20.0], 70.0 * y + 150.0


# ONNX -------------------------------------------------------------------------------------------


def session(model, X):
    """The model as a graph, in the precision of X, ready to run."""
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    options = {"options": {"zipmap": False}} if hasattr(model, "predict_proba") else {}
    graph = skl2onnx.to_onnx(model, X[:1], **options)
    return runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])


def predictions(model, X):
    return session(model, X).run(None, {"X": X})


NETS = {
    **{
        activation: (NewtonMLPRegressor((3, 2), activation=activation, **FIT), raw_data)
        for activation in ("identity", "logistic", "tanh")
    },
    "linear": (NewtonMLPRegressor((), **FIT), raw_data),
    "two outputs": (NewtonMLPRegressor((3,), **FIT), lambda: raw_data(2)),
}


@pytest.mark.parametrize(("precision", "off"), [(np.float64, 1e-12), (np.float32, 1e-4)])
@pytest.mark.parametrize("name", NETS)
def test_regressors(name, precision, off):
    model, make_data = NETS[name]
    X, y = make_data()
    net = model.fit(X, y)
    found = predictions(net.to_sklearn(), X.astype(precision))[0]
    assert found.dtype == precision
    expected = net.predict(X.astype(precision)).reshape(found.shape)
    assert_allclose(found, expected, rtol=0.0, atol=off * np.abs(expected).max())


@pytest.mark.parametrize(
    "make_data", [lambda: class_data(2), class_data], ids=["two classes", "three classes"]
)
def test_classifiers(make_data):
    X, y = make_data()
    net = NewtonMLPClassifier((3,), **FIT).fit(X, y)
    labels, probabilities = predictions(net.to_sklearn(), X)
    assert_array_equal(labels, net.predict(X))
    assert_allclose(probabilities, net.predict_proba(X), atol=1e-12)


def test_several_labels():
    """In single precision: for labels onnxruntime has no other."""
    X, y = label_data()
    net = NewtonMLPClassifier((3,), **FIT).fit(X, y)
    labels, probabilities = predictions(net.to_sklearn(), X.astype(np.float32))
    assert_array_equal(labels, net.predict(X))
    assert_allclose(probabilities, net.predict_proba(X), atol=1e-5)


def test_a_pipeline():
    X, y = raw_data()
    pipe = make_pipeline(StandardScaler(), NewtonMLPRegressor((3,), **FIT)).fit(X, y)
    exported = Pipeline([*pipe.steps[:-1], ("net", pipe[-1].to_sklearn())])
    found = predictions(exported, X)[0][:, 0]
    assert_allclose(found, pipe.predict(X), rtol=1e-12)


def test_means_under_logarithmic_links_are_exponentials():
    """The converter has no exponential at the output: it converts the linear predictor."""
    X, y = count_data()
    net = NewtonMLPRegressor((2,), loss="poisson", **FIT).fit(X, y)
    mlp = net.to_sklearn()
    mlp.out_activation_ = "identity"
    assert_allclose(np.exp(predictions(mlp, X)[0][:, 0]), net.predict(X), rtol=1e-12)


# PMML -------------------------------------------------------------------------------------------

FUNCTIONS = {"tanh": np.tanh, "identity": lambda a: a}


def read_pmml(path, columns):
    """Predictions of a file of PMML with a net for regression, neuron by neuron."""
    net = ElementTree.parse(path).getroot().find("{*}NeuralNetwork")
    states = {}
    for one in net.findall("{*}NeuralInputs/{*}NeuralInput"):
        states[one.get("id")] = columns[one.find("{*}DerivedField/{*}FieldRef").get("field")]
    for layer in net.findall("{*}NeuralLayer"):
        function = layer.get("activationFunction", net.get("activationFunction"))
        for neuron in layer.findall("{*}Neuron"):
            terms = [
                float(con.get("weight")) * states[con.get("from")]
                for con in neuron.findall("{*}Con")
            ]
            states[neuron.get("id")] = FUNCTIONS[function](float(neuron.get("bias")) + sum(terms))
    return states[net.find("{*}NeuralOutputs/{*}NeuralOutput").get("outputNeuron")]


def test_pmml(tmp_path, monkeypatch):
    """As of scikit-learn 1.9.0, the last version that the converter knows; MLPs are the same."""
    package = pytest.importorskip("sklearn2pmml", reason="sklearn2pmml is not installed")
    pipelines = pytest.importorskip("sklearn2pmml.pipeline")
    monkeypatch.setattr(sklearn.base, "__version__", "1.9.0")
    X, y = raw_data()
    names = ["age", "bmi", "bp", "s5"]
    net = NewtonMLPRegressor((3,), **FIT).fit(X, y)
    model = pipelines.PMMLPipeline([("net", net.to_sklearn())])
    model.active_fields, model.target_fields = names, ["y"]
    package.sklearn2pmml(model, str(tmp_path / "net.pmml"))
    found = read_pmml(tmp_path / "net.pmml", dict(zip(names, X.T, strict=True)))
    assert_allclose(found, net.predict(X), rtol=1e-12)
