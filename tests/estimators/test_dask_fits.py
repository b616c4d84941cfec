"""Fits, predictions and inference on dask arrays and frames: those of the rows in memory."""

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor

da = pytest.importorskip("dask.array", reason="dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="dask's data frames are not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")
pd = pytest.importorskip("pandas")

pytestmark = pytest.mark.filterwarnings(
    "ignore:Couldn't detect a suitable IP:RuntimeWarning:distributed"
)


def table():
    """A frame whose rows of negative number are to be left out."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    mean = np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1]
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(
        y=mean + 0.1 * rng.normal(size=90),
        count=rng.poisson(np.exp(mean)).astype(float),
        label=np.array(["no", "yes", "maybe"])[(mean > 0).astype(int) + (mean > 0.8)],
        weight=rng.integers(1, 4, 90).astype(float),
        exposure=rng.uniform(0.5, 2.0, 90),
        number=np.arange(90) - 7,
    )
    return frame


NAMES = ["a", "b", "c"]
FRAME = table()
LAZY = dd.from_pandas(FRAME, npartitions=3)
SETTINGS = {"alpha": 3.0, "random_state": 0, "solver": "newton"}


def regressor(**params):
    return NewtonMLPRegressor((1,), **SETTINGS | params)


@pytest.fixture(scope="module")
def cluster():
    """Two workers with a thread each, in this process."""
    settings = {"processes": False, "n_workers": 2, "threads_per_worker": 1}
    with distributed.Client(dashboard_address=":0", **settings) as client:
        yield client


def test_arrays_on_workers(cluster):
    """The same minimum, score and inference; predictions wait until they are asked for."""
    X, y, weight = (FRAME[names].to_numpy() for names in (NAMES, "y", "weight"))
    rows, target = da.from_array(X, chunks=(30, 2)), da.from_array(y, chunks=25)
    here = regressor().fit(X, y, weight)
    there = regressor().fit(rows, target, weight)
    assert_allclose(there.params_, here.params_, rtol=1e-8)
    assert there.n_features_in_ == 3
    assert_allclose(there.score(rows, target, weight), here.score(X, y, weight), rtol=1e-10)
    predicted = there.predict(rows)
    assert isinstance(predicted, da.Array)
    assert predicted.chunks == ((30, 30, 30),)
    assert_allclose(predicted.compute(), here.predict(X), rtol=1e-8)
    with_params = there.predict_at(here.params_, rows)
    assert_allclose(with_params.compute(), here.predict(X), rtol=1e-10)
    found, known = there.inference(rows, target, weight), here.inference(X, y, weight)
    assert_allclose(found.std_errors, known.std_errors, rtol=1e-6)
    assert_allclose(found.bic, known.bic, rtol=1e-10)


def test_frames_of_unknown_lengths():
    """An exposure, a partition without rows, and predictions beside the index."""
    lazy, kept = LAZY[LAZY["number"] >= 30], FRAME[FRAME["number"] >= 30]
    settings = {"loss": "poisson"}
    here = regressor(**settings).fit(
        kept[NAMES], kept["count"], kept["weight"], exposure=kept["exposure"]
    )
    there = regressor(**settings).fit(
        lazy[NAMES], lazy["count"], lazy["weight"], exposure=lazy["exposure"]
    )
    assert list(there.feature_names_in_) == NAMES
    assert_allclose(there.params_, here.params_, rtol=1e-8)
    predicted = there.predict(lazy[NAMES], exposure=lazy["exposure"])
    assert isinstance(predicted, dd.Series)
    known = pd.Series(here.predict(kept[NAMES], exposure=kept["exposure"]), kept.index)
    pd.testing.assert_series_equal(predicted.compute(), known, rtol=1e-7)
    with pytest.warns(UserWarning, match="none is given"):
        rates = there.predict(lazy[NAMES])
    assert_allclose(rates.compute(), predicted.compute() / kept["exposure"], rtol=1e-10)


def test_labels():
    lazy = LAZY[NAMES]
    here = NewtonMLPClassifier((1,), **SETTINGS).fit(FRAME[NAMES], FRAME["label"])
    there = NewtonMLPClassifier((1,), **SETTINGS).fit(lazy, LAZY["label"])
    assert_array_equal(there.classes_, here.classes_)
    assert_allclose(there.params_, here.params_, rtol=1e-8)
    assert (there.predict(lazy).compute() == here.predict(FRAME[NAMES])).all()
    probabilities = there.predict_proba(lazy)
    assert isinstance(probabilities, dd.DataFrame)
    assert_allclose(probabilities.compute(), here.predict_proba(FRAME[NAMES]), rtol=1e-7)
    score = here.score(FRAME[NAMES], FRAME["label"])
    assert there.score(lazy, LAZY["label"]) == pytest.approx(score, abs=1e-12)


class Unpicklable:
    """A callback with something that is at home in this process alone."""

    def __init__(self):
        self.iterations = (number for number in range(1000))

    def setup(self, *args, **kwargs):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context, **kwargs):
        next(self.iterations)


def test_starts_and_callbacks_beside_data_on_workers(cluster):
    """Starts are run one after the other, for each already takes all workers."""
    X, y = (FRAME[names].to_numpy() for names in (NAMES, "y"))
    rows, target = da.from_array(X, chunks=(45, 3)), da.from_array(y, chunks=45)
    here = regressor(n_init=2).fit(X, y)
    net = regressor(n_init=2, n_jobs=2).set_callbacks(Unpicklable())
    with parallel_config("dask"):
        net.fit(rows, target)
    assert_allclose(net.params_, here.params_, rtol=1e-8)
    assert_allclose(net.predict(rows).compute(), here.predict(X), rtol=1e-7)


def test_what_is_refused():
    rows = da.from_array(FRAME[NAMES].to_numpy(), chunks=(30, 3))
    net = regressor().fit(FRAME[NAMES].to_numpy(), FRAME["y"])
    with pytest.raises(
        ValueError, match="X has 2 features, but NewtonMLPRegressor is expecting 3"
    ):
        net.predict(rows[:, :2])
    with pytest.raises(ValueError, match="y is missing"):
        regressor().fit(rows)
    with pytest.raises(ValueError, match=r"block 1: .*NaN"):
        regressor().fit(
            da.where(da.arange(90, chunks=30)[:, None] == 40, np.nan, rows), FRAME["y"]
        )
    named = regressor().fit(FRAME[NAMES], FRAME["y"])
    with pytest.raises(ValueError, match="feature names should match"):
        named.predict(LAZY[["a", "b", "weight"]])
    with pytest.warns(UserWarning, match="valid feature names"):
        assert named.predict(rows).shape == (90,)
