"""Blocks on dask's workers: the same bits as in memory, chunks in line, what is refused."""

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus import ArrayBlocks, BlockObjective, DaskBlocks, Network, Objective
from sknewtonnet.calculus.functions.totals import FAN, branch, tree_total
from sknewtonnet.solvers import get_solver

dask = pytest.importorskip("dask", reason="dask is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")
da = pytest.importorskip("dask.array", reason="dask is not installed")

pytestmark = pytest.mark.filterwarnings(
    "ignore:Couldn't detect a suitable IP:RuntimeWarning:distributed"
)

NET = Network.mlp(3, (3,), 1)
START = 0.3 * np.random.default_rng(1).normal(size=NET.n_parameters)


def table(n_samples=110):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 3))
    y = np.sin(2.0 * X[:, 0]) + 0.5 * X[:, 1] + 0.1 * rng.normal(size=n_samples)
    return X, y, rng.integers(1, 4, n_samples).astype(float)


def lazy(*arrays, n_rows=10):
    return [da.from_array(array, chunks=(n_rows, *array.shape[1:])) for array in arrays]


def objective(blocks):
    return BlockObjective(NET, "squared_error", blocks, alpha=1.0)


@pytest.fixture(scope="module")
def cluster():
    """Two workers with a thread each, in this process."""
    settings = {"processes": False, "n_workers": 2, "threads_per_worker": 1}
    with distributed.Client(dashboard_address=":0", set_as_default=False, **settings) as client:
        yield client


def test_totals_are_added_in_a_fixed_tree():
    """Sums of FAN neighbours, then of FAN such sums, whatever is missing."""
    rng = np.random.default_rng(0)
    answers = [[rng.normal(size=3)] for _ in range(3 * FAN * FAN + FAN + 3)]
    answers[5] = answers[-1] = None
    answers[FAN : 2 * FAN] = [None] * FAN
    before = [None if found is None else found[0].copy() for found in answers]
    level = answers
    while len(level) > 1:
        level = [branch(level[start : start + FAN]) for start in range(0, len(level), FAN)]
    for found, kept in zip(answers, before, strict=True):
        if found is not None:
            assert_array_equal(found[0], kept)  # the workers' answers stay as they are
    assert_array_equal(tree_total(iter(answers))[0], level[0][0])
    assert_allclose(level[0][0], sum(kept for kept in before if kept is not None), rtol=1e-12)
    assert tree_total([None, None]) is None


@pytest.mark.parametrize("on_workers", [True, False])
def test_the_same_bits_as_from_arrays(on_workers, cluster):
    """With a weight and an offset, and more blocks than one sum of neighbours has."""
    X, y, weight = table()
    offset = 0.1 * X[:, 0]
    here = objective(ArrayBlocks(X, y, weight, offset, n_rows=10))
    blocks = DaskBlocks(*lazy(X, y, weight), offset, client=cluster if on_workers else None)
    there = objective(blocks)
    assert blocks.n_blocks == 11 > FAN
    assert (there.n_samples, there.weight_sum) == (110, here.weight_sum)
    assert there.value(START) == here.value(START)
    for kind in ("exact", "gauss-newton"):
        assert_array_equal(there.hessian(START, kind), here.hessian(START, kind))
    v = np.eye(NET.n_parameters)[:, :2]
    assert_array_equal(there.hessian_product(START, v), here.hessian_product(START, v))
    whole = Objective(NET, "squared_error", X, y, weight, 1.0, offset=offset)
    assert_allclose(there.gradient(START), whole.gradient(START), rtol=1e-12, atol=1e-15)


def newton(f, callback=None):
    return get_solver("newton").minimize(f, START, callback).params


def test_a_worker_that_goes_in_mid_fit_costs_time_alone():
    X, y, _ = table()
    settings = {"processes": False, "n_workers": 2, "threads_per_worker": 1}
    with distributed.Client(dashboard_address=":0", set_as_default=False, **settings) as client:
        blocks = DaskBlocks(*lazy(X, y), client=client)

        def lose(iteration):
            if iteration.n_iter == 2:
                worker = next(iter(client.cluster.workers.values()))
                assert worker.data
                client.sync(worker.close, executor_wait=False)
            return False

        found = newton(objective(blocks), lose)
        assert len(client.scheduler_info()["workers"]) == 1
    assert_array_equal(found, newton(objective(ArrayBlocks(X, y, n_rows=10))))


def killed_in_mid_fit():
    """In a process of its own, for workers are processes then."""
    X, y, _ = table()
    settings = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1"}
    with distributed.Client(dashboard_address=":0", **settings) as client:
        blocks, killed = DaskBlocks(*lazy(X, y)), []

        def kill(iteration):
            if iteration.n_iter == 2:
                killed.append(next(iter(client.run(os.getpid).values())))
                os.kill(killed[0], signal.SIGKILL)
            return False

        found = newton(objective(blocks), kill)
        assert killed
        return found.tolist()


@pytest.mark.slow
def test_a_killed_worker_costs_time_alone():
    code = "import test_dask_blocks as t; print(t.killed_in_mid_fit())"
    code = f"if __name__ == '__main__':\n    {code}"
    X, y, _ = table()
    folders = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = json.loads(done.stdout)
    assert_allclose(found, newton(objective(ArrayBlocks(X, y, n_rows=10))), rtol=1e-8)


def alike(blocks, X, y, weight=None):
    """Whether blocks are all these rows in their order, as far as an objective can tell."""
    found = objective(blocks)
    whole = Objective(NET, "squared_error", X, y, weight, 1.0)
    assert found.n_samples == len(X)
    assert_allclose(found.gradient(START), whole.gradient(START), rtol=1e-12, atol=1e-15)


@pytest.mark.filterwarnings("ignore:The previous implementation of DataFrame:FutureWarning")
def test_frames_whose_lengths_are_not_known():
    """Also a partition without rows, and columns of one frame as y and as the weight."""
    dd = pytest.importorskip("dask.dataframe", reason="dask's data frames need pyarrow")
    pd = pytest.importorskip("pandas")
    X, y, weight = table()
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y, weight=weight, number=range(110))
    lazily = dd.from_pandas(frame, npartitions=5)
    lazily = lazily[(lazily["number"] < 30) | (lazily["number"] >= 70)]
    kept = np.r_[:30, 70:110]
    names = ["a", "b", "c"]
    for y_part, weight_part in (
        (lazily["y"], lazily["weight"]),
        (lazily[["y"]], lazily["weight"].values),
    ):
        blocks = DaskBlocks(lazily[names], y_part, weight_part)
        assert blocks.n_blocks == 5
        alike(blocks, X[kept], y[kept], weight[kept])
    alike(DaskBlocks(lazily[names].to_dask_array(lengths=True), y[kept]), X[kept], y[kept])


def test_chunks_are_brought_in_line():
    """Columns in several chunks, other chunks of y, a sparse X, a weight in memory."""
    sparse = pytest.importorskip("scipy.sparse")
    X, y, weight = table()
    rows = da.from_array(X, chunks=(40, 2))
    blocks = DaskBlocks(rows, da.from_array(y, chunks=7), weight)
    assert blocks.n_blocks == 3
    alike(blocks, X, y, weight)
    by_rows = da.from_array(X, chunks=(40, 3)).map_blocks(sparse.csr_array)
    alike(DaskBlocks(by_rows, da.from_array(y[:, None], chunks=40), weight), X, y, weight)


def test_what_is_refused():
    X, y, weight = table()
    rows, target = lazy(X, y)
    unknown = rows[rows[:, 0] < 0.0]
    with pytest.raises(TypeError, match="X must be a dask array or a dask data frame, got 'nda"):
        DaskBlocks(X, target)
    with pytest.raises(ValueError, match="Y has 109 rows, X has 110"):
        DaskBlocks(rows, target[:109])
    with pytest.raises(ValueError, match="sample_weight has 3 rows, X has 110"):
        DaskBlocks(rows, target, weight[:3])
    with pytest.raises(ValueError, match=r"sample_weight is in the memory .*: .*X\.com"):
        DaskBlocks(unknown, target[rows[:, 0] < 0.0], weight)
    with pytest.raises(ValueError, match=r"Y has 4 chunks of rows, X has 11, .* not known"):
        DaskBlocks(unknown, target.rechunk(30))
    with pytest.raises(ValueError, match=r"block 0: the chunks have .* 'Y': 10}"):
        objective(DaskBlocks(unknown, target))


def test_rows_on_workers_stay_with_their_client(cluster):
    X, y, _ = table()
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(DaskBlocks(*lazy(X, y), client=cluster))
    alike(pickle.loads(pickle.dumps(DaskBlocks(*lazy(X, y)))), X, y)


def test_errors_name_the_block(cluster):
    X, y, _ = table()
    y[35] = np.nan
    for client in (None, cluster):
        with pytest.raises(ValueError, match=r"block 3: Y .*NaN"):
            objective(DaskBlocks(*lazy(X, y), client=client))
    rows, target = lazy(X, np.where(np.isnan(y), 0.0, y))
    f = objective(DaskBlocks(rows.map_blocks(failing, dtype=float), target, client=cluster))
    with pytest.raises(ValueError, match="block 3: broken"):
        f.blocks.total(broken)


tries = []


def failing(block):
    """Fail twice, as a file system that is busy does."""
    if block[0, 0] != 1.0:  # dask's look at the type
        tries.append(1)
        if len(tries) < 3:
            raise OSError("busy")
    return block


def broken(rows):
    if (rows.Y == 0.0).any():
        raise ValueError("broken")
    return [rows.Y.sum()]


changes = []


def doubled(rows):
    changes.append(rows)
    return rows._replace(X=2.0 * rows.X)


def test_changes_are_made_once_on_the_workers(cluster):
    X, y, _ = table()
    whole = Objective(NET, "squared_error", 4.0 * X, y, alpha=1.0)
    source = DaskBlocks(*lazy(X, y), client=cluster).transformed(doubled).transformed(doubled)
    changes.clear()
    for scale in (1.0, 2.0):
        found = objective(source).gradient(scale * START)
        assert_allclose(found, whole.gradient(scale * START), rtol=1e-12, atol=1e-15)
    assert len(changes) == 2 * source.n_blocks
    alike(DaskBlocks(*lazy(X, y)).transformed(doubled), 2.0 * X, y)
