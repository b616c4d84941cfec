"""Tables of Arrow and Parquet files, which their own readers read in batches."""

import numpy as np
import pytest

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

pa = pytest.importorskip("pyarrow")
dataset = pytest.importorskip("pyarrow.dataset")
parquet = pytest.importorskip("pyarrow.parquet")

RNG = np.random.default_rng(0)
N = 200
X = np.column_stack([RNG.normal(size=(N, 2)), np.round(RNG.normal(size=N))])
Y = np.sin(X[:, 0]) + 0.1 * RNG.normal(size=N)
LABELS = np.where(Y > 0.0, "up", "down")
WEIGHT = RNG.integers(0, 3, size=N).astype(float)
SETTINGS = {"alpha": 1.0, "random_state": 0}


def table(**others):
    columns = {"p": X[:, 0], "q": X[:, 1], "r": X[:, 2].astype(int), "weight": WEIGHT}
    return pa.table({**columns, **others})


@pytest.fixture(params=["table", "file", "dataset"])
def opened(request, tmp_path):
    """A function that writes a table in small groups of rows, and opens it."""

    def open_it(given):
        if request.param == "table":
            return given
        path = tmp_path / "table.parquet"
        parquet.write_table(given, path, row_group_size=70)
        return parquet.ParquetFile(path) if request.param == "file" else dataset.dataset(path)

    return open_it


def test_numbers(opened):
    given = opened(table(target=Y))
    whole = NewtonMLPRegressor((2,), **SETTINGS).fit(X, Y, WEIGHT)
    net = NewtonMLPRegressor((2,), **SETTINGS).fit(given, "target", sample_weight="weight")
    np.testing.assert_allclose(net.params_, whole.params_, rtol=1e-8)
    assert net.feature_names_in_.tolist() == ["p", "q", "r"]
    np.testing.assert_allclose(net.predict(given), whole.predict(X), rtol=1e-8)
    assert net.score(given, "target", "weight") == pytest.approx(whole.score(X, Y, WEIGHT))
    objective = net.objective(given, "target", "weight")
    assert objective.value(net.params_) == pytest.approx(net.loss_)


def test_labels_and_several_columns(opened):
    """Strings, also as dictionaries; and a target of two columns."""
    labels = pa.array(LABELS).dictionary_encode()
    given = opened(table(label=labels))
    whole = NewtonMLPClassifier((2,), **SETTINGS).fit(X, LABELS, WEIGHT)
    net = NewtonMLPClassifier((2,), **SETTINGS).fit(given, "label", "weight")
    np.testing.assert_allclose(net.params_, whole.params_, rtol=1e-8)
    assert net.predict(given).tolist() == whole.predict(X).tolist()
    two = NewtonMLPRegressor((2,), **SETTINGS).fit(
        opened(table(y=Y, z=Y**2)), ["y", "z"], "weight"
    )
    assert two.predict(opened(table())).shape == (N, 2)


def test_refused_columns(opened):
    net = NewtonMLPRegressor((2,), **SETTINGS)
    with pytest.raises(ValueError, match="y must have names of columns of the table, got 'aim'"):
        net.fit(opened(table(target=Y)), "aim")
    with pytest.raises(ValueError, match="column 'label' is not"):
        net.fit(opened(table(target=Y, label=LABELS)), "target")
    holes = pa.array([None, *Y[1:]])
    with pytest.raises(ValueError, match="Input y contains NaN"):
        net.fit(opened(table(target=holes)), "target")
    with pytest.raises(ValueError, match="y is missing"):
        net.fit(opened(table()))
    net.fit(opened(table(target=Y)), "target", "weight")
    with pytest.raises(ValueError, match="X must have names of columns of the table, got 'r'"):
        net.predict(opened(table().drop_columns(["r"])))
