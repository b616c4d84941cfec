"""Blocks that are none, or not alike: an error that names the block and says what is wrong."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor
from sknewtonnet.calculus import ArrayBlocks, BlockObjective, BlockSequence, Network, Objective
from sknewtonnet.estimators import _block_tables

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=60)
LABELS = np.array(["a", "b"])[(Y > 0).astype(int)]
BLOCKS = [(X[:30], Y[:30]), (X[30:], Y[30:])]
NAMES = ["u", "v", "w"]


def net(**settings):
    """One without hidden units, which takes a few passes."""
    return NewtonMLPRegressor((), alpha=1.0, **settings)


@pytest.fixture(scope="module")
def fitted():
    return net().fit(X, Y)


@pytest.fixture
def small_blocks(monkeypatch):
    """Tables of sixty rows are large."""
    monkeypatch.setattr(_block_tables, "BLOCK", 800.0)
    monkeypatch.setattr(_block_tables, "_CONVERTED", 800.0)


NO_TABLES = {"none": None, "number": 1.0, "text": "part.npy", "mapping": {"X": 1}, "function": len}


@pytest.mark.parametrize("given", NO_TABLES.values(), ids=NO_TABLES)
def test_a_block_without_a_table_is_named(fitted, given):
    """In a fit, a prediction and a score."""
    reason = r"block 2: X of a block must have rows and columns"
    for use in (net().fit, fitted.score, fitted.predict):
        with pytest.raises(ValueError, match=reason):
            use([*BLOCKS, (given, Y[:30])])


def test_a_list_is_no_tuple():
    """Of a table and its target; it is not taken for rows."""
    with pytest.raises(ValueError, match="block 1: X of a block must have rows and columns"):
        net().fit([BLOCKS[0], list(BLOCKS[1])])


def test_no_rows_have_no_targets():
    """Blocks without rows do no harm; those that have lost them are refused."""
    whole = net().fit([*BLOCKS, (X[:0], Y[:0])])
    np.testing.assert_allclose(whole.params_, net().fit(X, Y).params_, rtol=1e-10)
    with pytest.raises(ValueError, match="block 2: X has 0 rows, but y has 30"):
        net().fit([*BLOCKS, (X[:0], Y[:30])])


UNLIKE = {
    "columns": ((X[:, :2], Y), "columns of X, got 3 and 2"),
    "target": ((X, Y[:, None]), r"columns of y, got \(\) and \(1,\)"),
    "offset": ((X, Y, None, Y), "offset must be given for all blocks"),
}


@pytest.mark.parametrize(("block", "reason"), UNLIKE.values(), ids=UNLIKE)
def test_a_block_unlike_the_others_is_named(block, reason):
    """By its number, which is that of a file in real life."""
    with pytest.raises(ValueError, match=f"block 2: .*{reason}"):
        net().fit([*BLOCKS, block])


def test_functions_make_new_iterators():
    """One that returns nothing, or what an earlier pass has ended, says so."""
    with pytest.raises(TypeError, match=r"new iterator over them at each call.*None"):
        net().fit(lambda: None)
    once = (block for block in BLOCKS)
    with pytest.raises(TypeError, match=r"new iterator over them at each call.*has begun"):
        net().fit(lambda: once)


class OwnError(Exception):
    """An error of a reader."""


ERRORS = {
    "own": OwnError("the disk is gone"),
    "file": FileNotFoundError(2, "No such file", "part.npy"),
    "with arguments": UnicodeDecodeError("utf-8", b"x", 0, 1, "bad byte"),
    "value": ValueError("a bad file"),
}


@pytest.mark.parametrize("pass_number", [1, 4])
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_errors_of_readers_come_through(error, pass_number):
    """With the number of the block, and without a trace in the estimator."""
    passes = []

    def read():
        passes.append(0)
        yield BLOCKS[0]
        if len(passes) >= pass_number:
            raise error
        yield BLOCKS[1]

    estimator = net().fit(X, Y)
    before = dict(vars(estimator))
    with pytest.raises(type(error)) as caught:
        estimator.fit(read)
    assert vars(estimator) == before
    told = [str(caught.value), *getattr(caught.value, "__notes__", ())]
    assert any("block 1" in line for line in told)
    assert type(error) is ValueError or caught.value is error


def test_an_interrupt_leaves_the_last_fit():
    """In the middle of a pass."""
    passes = []

    def read():
        passes.append(0)
        yield BLOCKS[0]
        if len(passes) > 4:
            raise KeyboardInterrupt
        yield BLOCKS[1]

    estimator = net().fit(X, Y)
    before = dict(vars(estimator))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(read)
    assert vars(estimator) == before


def test_sources_of_blocks_are_taken():
    """As the calculus has them."""
    expected = net().fit(X, Y)
    for source in (BlockSequence(BLOCKS), ArrayBlocks(X, Y, n_rows=20)):
        found = net().fit(source)
        np.testing.assert_allclose(found.params_, expected.params_, rtol=1e-10)
        assert found.score(source) == pytest.approx(expected.score(X, Y))


SCORED = {
    "missing targets": ((X, Y * np.nan), "Input y contains NaN"),
    "words": ((X, LABELS), "y must be numbers"),
    "two columns": ((X, np.column_stack([Y, Y])), r"y must have shape \(60,\), got \(60, 2\)"),
    "negative weights": ((X, Y, -np.ones(60)), "Negative values"),
    "missing weights": ((X, Y, np.full(60, np.nan)), "Input sample_weight contains NaN"),
    "one weight": ((X, Y, np.ones(1)), r"sample_weight.shape == \(1,\)"),
}


@pytest.mark.parametrize(("block", "reason"), SCORED.values(), ids=SCORED)
def test_scores_check_their_rows(fitted, block, reason):
    """As fits do."""
    with pytest.raises(ValueError, match=f"block 0: .*{reason}"):
        fitted.score([block])


def test_scores_of_labels_of_another_kind():
    """They are no misses."""
    classifier = NewtonMLPClassifier((), alpha=1.0).fit(X, LABELS)
    for labels in (Y, (Y > 0).astype(int)):
        with pytest.raises(ValueError, match=r"block 0: .*label"):
            classifier.score([(X, labels)])


def test_the_score_of_one_row(fitted):
    """Is not defined, as in memory."""
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(fitted.score([(X[:1], Y[:1])]))


@pytest.mark.parametrize("target", ["y", {"y": 1}, (v for v in Y), sparse.csr_matrix(Y[:, None])])
def test_targets_beside_sliced_tables(target, small_blocks):
    """Which are as long as the table."""
    with pytest.raises(ValueError, match="y must be"):
        net().fit(X.astype(np.float32), target)


def test_frames_with_a_name_twice():
    """Whatever refuses them, it is not our look at their columns."""
    with pytest.raises(Exception, match="unique column names"):
        net().fit(pd.DataFrame(X, columns=["u", "u", "v"]), Y)


@pytest.fixture
def arrow():
    """Arrow, and the table of the features and the target."""
    library = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    return library, library.table({**dict(zip(NAMES, X.T, strict=True)), "y": Y})


def test_arrow_columns_go_by_their_names(arrow):
    """In every order, and beside others, whatever is asked of the net."""
    _, table = arrow
    other = table.select(["w", "y", "v", "u"]).append_column("more", [Y])
    estimator = net().fit(table, "y")
    assert estimator.score(other, "y") == pytest.approx(estimator.score(table, "y"), rel=1e-12)
    f, g = (estimator.objective(rows, "y") for rows in (other, table))
    assert f.value(estimator.params_) == pytest.approx(g.value(estimator.params_), rel=1e-12)
    found, expected = (estimator.inference(rows, "y") for rows in (other, table))
    np.testing.assert_allclose(found.std_errors, expected.std_errors, rtol=1e-10)


NO_NAMES = {"array": Y, "array of names": np.array(["y"]), "number": 3}


@pytest.mark.parametrize("given", NO_NAMES.values(), ids=NO_NAMES)
def test_columns_of_arrow_are_named(arrow, given):
    """Not given beside the table."""
    _, table = arrow
    with pytest.raises(ValueError, match="y must be the name of a column"):
        net().fit(table, given)
    with pytest.raises(ValueError, match="sample_weight must be the name of a column"):
        net().fit(table, "y", given)


def test_arrow_tables_that_cannot_be_read(arrow):
    """Names of several columns, dates, and things of Arrow that are no tables."""
    library, table = arrow
    twice = table.append_column("u", [Y])
    with pytest.raises(ValueError, match="X must have names of single columns, but several are"):
        net().fit(twice, "y")
    dates = table.append_column("day", [library.array([1] * 60, library.date32())])
    with pytest.raises(ValueError, match="column 'day' is not: dates and times"):
        net().fit(dates, "y")
    for given in (table["u"], table.to_batches()[0], table.schema):
        with pytest.raises(ValueError, match="X must be an Arrow table, a dataset or a Parquet"):
            net().fit(given, "y")
    with pytest.raises(TypeError, match=re.escape("'RecordBatchReader' ends with the first pass")):
        net().fit(table.to_reader(), "y")


def test_lazy_frames_are_collected_first():
    """By their owner."""
    polars = pytest.importorskip("polars", reason="polars is not installed")
    with pytest.raises(ValueError, match=r"give X.collect\(\)"):
        net().fit(polars.DataFrame(X, schema=NAMES).lazy(), Y)


def fewer(X, y):
    """The rows without the last one."""
    return X[:-1], y[:-1]


def noisy(X, y):
    """Other samples."""
    return X + 0.1, y


def noisy_targets(X, y):
    """Other targets."""
    return X, y + 0.1


def wider(X, y):
    """The columns twice."""
    return np.hstack([X, X]), y


def fewer_targets(X, y):
    """The targets without the last one."""
    return X, y[:-1]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        (fewer_targets, 2),
        (fewer_targets, 4),
        (fewer, 2),
        (fewer, 3),
        (noisy, 2),
        (noisy_targets, 2),
        (wider, 2),
        (wider, 3),
    ],
)
def test_blocks_that_change_are_refused(change, first):
    """From the second pass on, or the third."""
    passes = []

    def read():
        passes.append(0)
        for block in BLOCKS:
            yield change(*block) if len(passes) >= first else block

    with pytest.raises(ValueError, match=r"blocks have changed|columns|but y has 29"):
        net().fit(read)


@pytest.mark.parametrize("kind", ["arrays", "sparse", "single", "labels", "weights"])
def test_blocks_that_do_not_change(kind):
    """Whatever they are, and in another order at each pass."""
    blocks = {
        "arrays": BLOCKS,
        "sparse": [(sparse.csr_matrix(np.round(x)), y) for x, y in BLOCKS],
        "single": [(x.astype(np.float32), y.astype(np.float16)) for x, y in BLOCKS],
        "labels": [(X[:30], LABELS[:30]), (X[30:], LABELS[30:])],
        "weights": [(x, y, (y > 0).astype(float)) for x, y in BLOCKS],
    }[kind]
    passes = []

    def read():
        passes.append(0)
        yield from blocks[:: 1 if len(passes) % 2 else -1]

    given = NewtonMLPClassifier((), alpha=1.0, class_weight="balanced")
    estimator = given if kind == "labels" else net()
    np.testing.assert_allclose(
        estimator.fit(read).params_, estimator.fit(blocks).params_, rtol=1e-10
    )


def test_tables_of_the_calculus():
    """Blocks of the calculus, which knows no lists of tables, say what is wrong, too."""
    network = Network.mlp(3, (), 1)
    for given in (None, 1.0, "part.npy"):
        with pytest.raises(ValueError, match="block 1: X of a block must have rows and columns"):
            BlockObjective(network, "squared_error", [BLOCKS[0], (given, Y[:30])])
    with pytest.raises(ValueError, match="block 1: X has 0 rows, but y has 30"):
        BlockObjective(network, "squared_error", [BLOCKS[0], (X[:0], Y[:30])])
    with pytest.raises(TypeError, match="new iterator over them at each call"):
        BlockObjective(network, "squared_error", lambda: None)
    for arrays, name in (((None, Y), "X"), ((X, None), "Y")):
        with pytest.raises(ValueError, match=f"{name} must be an array, got None"):
            ArrayBlocks(*arrays)


def test_dask_collections_that_are_no_tables(fitted):
    """Bags, delayed things, and arrays of one dimension."""
    dask = pytest.importorskip("dask", reason="dask is not installed")
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    table = da.from_array(X, chunks=(30, 3))
    for given in (dask.delayed(X), table[:, 0], table[:, :, None]):
        with pytest.raises(ValueError, match="X must be a dask array of two dimensions or"):
            net().fit(given, Y)
    with pytest.raises(ValueError, match="X must be a dask array of two dimensions or"):
        fitted.predict(table[:, 0])
    with pytest.raises(ValueError, match="Y must have an entry for each row of X, got 'y'"):
        net().fit(table, "y")


def test_sparse_blocks_of_the_calculus():
    """They are made dense block by block, as an objective makes a sparse table."""
    network, w = Network.mlp(3, (), 1), np.arange(4.0)
    blocks = [(sparse.csr_matrix(x), y) for x, y in BLOCKS]
    f = BlockObjective(network, "squared_error", blocks)
    whole = Objective(network, "squared_error", X, Y)
    assert f.value(w) == pytest.approx(whole.value(w), rel=1e-12)
    np.testing.assert_allclose(f.hessian(w), whole.hessian(w), rtol=1e-10)
