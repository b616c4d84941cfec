"""Fits of rows in blocks: the same parameters as from memory, whatever the blocks are.

Blocks are made small, so that a few hundred rows have several.
"""

import inspect
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetClassifier,
    RBFNetRegressor,
)
from sknewtonnet.calculus import BlockObjective, GaussianRBF, Linear, NegativeBinomial
from sknewtonnet.estimators import _block_tables

RNG = np.random.default_rng(0)
N = 300
X = np.column_stack([RNG.normal(size=(N, 2)), np.round(RNG.normal(size=N))])
X[1] = X[0]  # a row twice
Y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * RNG.normal(size=N)
TWO = np.column_stack([Y, X[:, 0] ** 2])
WEIGHT = RNG.integers(0, 4, size=N).astype(float)
OFFSET = 0.5 * RNG.normal(size=N)
COUNTS = RNG.poisson(np.exp(0.3 * X[:, 0] + OFFSET)).astype(float)
LABELS = np.array(["a", "b", "d"])[np.digitize(Y, [-0.5, 0.5])]
SEVERAL = np.column_stack([Y > 0, X[:, 0] > 0.3]).astype(int)
SETTINGS = {"alpha": 1.0, "random_state": 0}


def in_blocks(*arrays, n_blocks=3):
    """Rows 0, 3, 6, ...; 1, 4, 7, ...; and so on."""
    return [tuple(array[k::n_blocks] for array in arrays) for k in range(n_blocks)]


def in_order(found, n_blocks=3):
    """What was found for such blocks, in the order of the rows."""
    whole, ends = np.empty_like(found), np.cumsum([len(X[k::n_blocks]) for k in range(n_blocks)])
    for k, part in enumerate(np.split(found, ends[:-1])):
        whole[k::n_blocks] = part
    return whole


@pytest.fixture
def small_blocks(monkeypatch):
    """Tables of a few hundred rows are large, and have several blocks."""
    monkeypatch.setattr(_block_tables, "BLOCK", 4000.0)
    monkeypatch.setattr(_block_tables, "_CONVERTED", 4000.0)


def assert_equal(found, expected):
    """Up to rounding of numbers; labels are the same."""
    if np.asarray(found).dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    else:
        np.testing.assert_array_equal(found, expected)


def assert_same_fit(net, whole):
    """One minimum, one verdict, and what is worked out there."""
    np.testing.assert_allclose(net.params_, whole.params_, rtol=1e-8, atol=1e-10)
    assert net.critical_point_ == whole.critical_point_ == "minimum"
    assert net.loss_ == pytest.approx(whole.loss_, rel=1e-12)
    assert net.alpha_ == pytest.approx(whole.alpha_)
    np.testing.assert_array_equal(net.starts_["minimum"], whole.starts_["minimum"])


CASES = {
    "numbers": (NewtonMLPRegressor((3,), **SETTINGS), (X, Y)),
    "weights": (NewtonMLPRegressor((3,), **SETTINGS), (X, Y, WEIGHT)),
    "two outputs": (NewtonMLPRegressor((3,), **SETTINGS), (X, TWO, WEIGHT)),
    "no units": (NewtonMLPRegressor((), **SETTINGS), (X, Y)),
    "as they come": (NewtonMLPRegressor((3,), standardize=False, **SETTINGS), (X, Y)),
    "chosen penalty": (NewtonMLPRegressor((3,), random_state=0), (X, Y, WEIGHT)),
    "starts": (NewtonMLPRegressor((2,), n_init=3, **SETTINGS), (X, Y)),
    "bounds": (NewtonMLPRegressor((2,), bounds={"coefs_0": (-0.5, 0.5)}, **SETTINGS), (X, Y)),
    "offset": (NewtonMLPRegressor((2,), loss="poisson", **SETTINGS), (X, COUNTS, WEIGHT, OFFSET)),
    "given dispersion": (
        NewtonMLPRegressor((2,), loss=NegativeBinomial(0.5), **SETTINGS),
        (X, COUNTS),
    ),
    "classes": (NewtonMLPClassifier((3,), **SETTINGS), (X, LABELS)),
    "balanced": (
        NewtonMLPClassifier((3,), class_weight="balanced", **SETTINGS),
        (X, LABELS, WEIGHT),
    ),
    "two classes": (NewtonMLPClassifier((3,), **SETTINGS), (X, Y > 0.0)),
    "labels": (NewtonMLPClassifier((3,), **SETTINGS), (X, SEVERAL)),
    "radial": (RBFNetRegressor(4, **SETTINGS), (X, Y, WEIGHT)),
    "radial classes": (RBFNetClassifier(3, **SETTINGS), (X, LABELS)),
    "radial later": (
        NewtonNetRegressor([GaussianRBF((0,), 1, "spherical"), Linear((1,), 1)], **SETTINGS),
        (X, Y),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_fit_as_from_memory(name):
    """Of a list of tuples."""
    net, arrays = CASES[name]
    whole = type(net)(**net.get_params()).fit(*arrays)
    found = type(net)(**net.get_params()).fit(in_blocks(*arrays))
    assert_same_fit(found, whole)


@pytest.mark.parametrize("name", ["two outputs", "offset", "classes", "labels"])
def test_predictions_and_scores(name):
    """Those of the rows one after the other."""
    net, arrays = CASES[name]
    blocks = in_blocks(*arrays)
    net = type(net)(**net.get_params()).fit(blocks)
    known = {"offset": arrays[3]} if len(arrays) > 3 else {}
    methods = ["predict"] if "Regressor" in type(net).__name__ else ["predict", "predict_proba"]
    for method in methods:
        found = getattr(net, method)(blocks)
        assert_equal(in_order(found), getattr(net, method)(X, **known))
        if not known:
            assert_equal(getattr(net, method)([block[0] for block in blocks]), found)
    weight = arrays[2] if len(arrays) > 2 else None
    assert net.score(blocks) == pytest.approx(net.score(*arrays[:2], weight, **known), rel=1e-12)
    found = net.predict_at(net.params_, blocks)
    assert_equal(in_order(found), net.predict_at(net.params_, X, **known))


def test_scores_of_constant_targets():
    """As those of scikit-learn."""
    net = NewtonMLPRegressor((), alpha=0.0).fit(X, Y)
    ones = np.ones(N)
    assert net.score(in_blocks(X, ones)) == net.score(X, ones) == 0.0
    with pytest.raises(ValueError, match="block 0: y is missing"):
        net.score([(X[:9],), (X[9:],)])


def test_blocks_that_are_made_anew():
    """Generator functions, and lists of functions that read a block each; also without y."""

    def read():
        yield from in_blocks(X, Y)

    def read_samples():
        yield from (block[0] for block in in_blocks(X, Y))

    whole = NewtonMLPRegressor((3,), **SETTINGS).fit(X, Y)
    net = NewtonMLPRegressor((3,), **SETTINGS).fit(read)
    assert_same_fit(net, whole)
    assert_equal(in_order(net.predict(read)), net.predict(X))
    np.testing.assert_array_equal(net.predict(read_samples), net.predict(read))
    rows = [tuple(part.tolist() for part in block) for block in in_blocks(X, Y)]
    np.testing.assert_array_equal(
        NewtonMLPRegressor((3,), **SETTINGS).fit(rows).params_, net.params_
    )
    readers = [lambda k=k: in_blocks(X, Y)[k] for k in range(3)]
    np.testing.assert_array_equal(
        NewtonMLPRegressor((3,), **SETTINGS).fit(readers).params_, net.params_
    )


TABLES = {
    "float32": lambda x, path: x,
    "frame": lambda x, path: pd.DataFrame(x, columns=["p", "q", "r"]),
    "sparse": lambda x, path: sparse.csc_array(x),
    "map": lambda x, path: mapped(x, path),
    "map of float64": lambda x, path: mapped(x.astype(float), path),
}


@pytest.mark.parametrize("kind", TABLES)
def test_large_tables_are_read_in_slices(kind, tmp_path, small_blocks):
    """Arrays, maps, frames and sparse matrices, with arrays beside them."""
    single = X.astype(np.float32)
    given = TABLES[kind](single, tmp_path)
    whole = NewtonMLPRegressor((3,), **SETTINGS).fit(single.astype(float), Y, WEIGHT)
    net = NewtonMLPRegressor((3,), **SETTINGS).fit(given, Y, WEIGHT)
    assert isinstance(net.objective(given, Y, WEIGHT), BlockObjective)
    assert_same_fit(net, whole)
    assert getattr(net, "feature_names_in_", np.array(None)).tolist() == (
        ["p", "q", "r"] if kind == "frame" else None
    )
    assert net.predict(given) == pytest.approx(whole.predict(single.astype(float)), rel=1e-7)
    score = whole.score(single.astype(float), Y, WEIGHT)
    assert net.score(given, Y, WEIGHT) == pytest.approx(score, rel=1e-9)


def mapped(array, path):
    """The array as a memory map."""
    np.save(path / "table.npy", array)
    return np.load(path / "table.npy", mmap_mode="r")


def test_polars_frames(small_blocks):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X.astype(np.float32), schema=["p", "q", "r"])
    net = NewtonMLPRegressor((2,), **SETTINGS).fit(frame, Y)
    whole = NewtonMLPRegressor((2,), **SETTINGS).fit(X.astype(np.float32).astype(float), Y)
    assert_same_fit(net, whole)
    assert net.feature_names_in_.tolist() == ["p", "q", "r"]
    assert net.predict(frame).shape == (N,)


def test_exposure_beside_a_map(tmp_path, small_blocks):
    years = np.exp(OFFSET)
    given = mapped(X, tmp_path)
    whole = NewtonMLPRegressor((2,), loss="poisson", **SETTINGS)
    whole.fit(X, COUNTS, exposure=years, offset=0.5)
    net = NewtonMLPRegressor((2,), loss="poisson", **SETTINGS)
    net.fit(given, COUNTS, exposure=years, offset=0.5)
    assert_same_fit(net, whole)
    known = {"exposure": years, "offset": 0.5}
    assert_equal(net.predict(given, **known), net.predict(X, **known))
    with pytest.warns(UserWarning, match="was fitted with an offset") as told:
        net.predict(given)
    assert len(told) == 1


def test_small_tables_are_read_as_a_whole(tmp_path):
    """Memory maps of at most a block among them: their fits have the bits of arrays."""
    given = mapped(X, tmp_path)
    for table in (X, given, X.astype(np.float32), sparse.csr_array(X), pd.DataFrame(X)):
        assert _table_of(table) is None
    whole = NewtonMLPRegressor((2,), **SETTINGS).fit(X, Y)
    found = NewtonMLPRegressor((2,), **SETTINGS).fit(given, Y)
    np.testing.assert_array_equal(found.params_, whole.params_)


def _table_of(table):
    return _block_tables.blocks_of(table, Y)


@pytest.mark.usefixtures("small_blocks")
def test_float64_arrays_above_a_part_of_the_memory(monkeypatch):
    monkeypatch.setattr(_block_tables, "memory", lambda: 8.0 * X.nbytes - 1.0)
    assert _table_of(X) is not None
    monkeypatch.setattr(_block_tables, "memory", lambda: 8.0 * X.nbytes)
    assert _table_of(X) is None


def test_memory_does_not_grow_with_the_table(tmp_path, monkeypatch):
    """Some blocks, and chunks and a sample of some thousand rows, whatever the length."""
    monkeypatch.setattr(_block_tables, "BLOCK", 2e6)
    net = NewtonMLPRegressor((2,), alpha=1.0, max_iter=1, random_state=0)
    peaks = []
    for n in (4_000, 40_000, 120_000):  # the first loads what is loaded once
        x = np.random.default_rng(1).normal(size=(n, 12)).astype(np.float32)
        given, y = mapped(x, tmp_path), np.tanh(x[:, 0] + x[:, 1])
        del x
        tracemalloc.start()
        try:
            with pytest.warns(ConvergenceWarning):
                net.fit(given, y)
            net.predict(given)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # The table is 11.5 MB as float64, of which a fit in memory makes several copies.
    assert max(peaks[1:]) < 11e6
    assert peaks[2] < 1.1 * peaks[1]


def test_names_of_columns():
    """Of frames in blocks; other names, and other numbers of columns, are errors."""
    frame = pd.DataFrame(X, columns=["p", "q", "r"])
    blocks = [(frame[k::3], Y[k::3]) for k in range(3)]
    net = NewtonMLPRegressor((2,), **SETTINGS).fit(blocks)
    assert net.feature_names_in_.tolist() == ["p", "q", "r"]
    assert net.parameter_names_[0] == "coefs_0[p, h0]"
    assert_equal(in_order(net.predict(blocks)), net.predict(frame))
    other = [(block.rename(columns={"p": "s"}), y) for block, y in blocks]
    with pytest.raises(ValueError, match="block 0: The feature names should match"):
        net.objective(other)
    with pytest.raises(ValueError, match="The feature names should match"):
        net.predict(other)
    with pytest.raises(ValueError, match="all blocks must have the same columns of X"):
        net.fit([blocks[0], other[1]])
    with pytest.raises(ValueError, match="X has 2 features, but NewtonMLPRegressor is exp"):
        net.objective(in_blocks(X[:, :2], Y))


@pytest.mark.parametrize("name", ["weights", "two outputs", "radial", "classes"])
def test_what_a_fit_knows_of_its_end(name):
    """Importances, standard errors, slopes: those of memory."""
    net, arrays = CASES[name]
    whole = type(net)(**net.get_params()).fit(*arrays)
    blocks = in_blocks(*arrays)
    found = type(net)(**net.get_params()).fit(blocks)
    for known in ("weight_importance_", "feature_importance_"):
        expected = getattr(whole, known)
        np.testing.assert_allclose(getattr(found, known), expected, rtol=1e-7, atol=1e-10)
    slopes = in_order(found.input_derivatives(blocks))
    np.testing.assert_allclose(slopes, whole.input_derivatives(X), rtol=1e-7, atol=1e-9)
    if name != "classes":
        errors = in_order(found.predict(blocks, return_std=True)[1])
        expected = whole.predict(X, return_std=True)[1]
        np.testing.assert_allclose(errors, expected, rtol=1e-7, equal_nan=True)


def test_inference_and_pruning():
    """Both work on the record of the fit, whatever its rows are."""
    blocks = in_blocks(X, Y, WEIGHT)
    net = NewtonMLPRegressor((2,), **SETTINGS).fit(blocks)
    whole = net.inference(X, Y, WEIGHT)
    for cov_type in (None, "HC0"):
        expected = net.inference(X, Y, WEIGHT, cov_type=cov_type).std_errors
        found = net.inference(blocks, cov_type=cov_type)
        np.testing.assert_allclose(found.std_errors, expected, rtol=1e-7)
    assert found.bic == pytest.approx(whole.bic)
    pruned = BackwardPruning(NewtonMLPRegressor((1,), **SETTINGS)).fit(in_blocks(X, Y), None)
    expected = BackwardPruning(NewtonMLPRegressor((1,), **SETTINGS)).fit(X, Y)
    assert pruned.estimator_.parameter_names_ == expected.estimator_.parameter_names_


def test_the_objective_and_another_fit():
    """On the scale of ``loss_``, and from where the last fit ended."""
    blocks = in_blocks(X, Y, WEIGHT)
    net = NewtonMLPRegressor((2,), warm_start=True, **SETTINGS).fit(blocks)
    objective = net.objective(blocks)
    assert isinstance(objective, BlockObjective)
    assert objective.value(net.params_) == pytest.approx(net.loss_, rel=1e-12)
    assert np.abs(objective.gradient(net.params_)).max() < 1e-8
    params = net.params_
    net.fit(blocks)
    assert net.n_iter_ <= 1
    np.testing.assert_allclose(net.params_, params, rtol=1e-8)


def _refused(blocks, message, net=None, kind=ValueError, **arguments):
    with pytest.raises(kind, match=message):
        (net or NewtonMLPRegressor((2,), **SETTINGS)).fit(blocks, **arguments)


def test_refused_blocks():
    """Before any work, with what to do."""
    blocks = in_blocks(X, Y)
    _refused(
        (block for block in blocks), "give a sequence of blocks, or the generator", kind=TypeError
    )
    _refused(blocks, "y must be None where X are blocks", y=Y)
    _refused(blocks, "sample_weight must be None where X are blocks", sample_weight=WEIGHT)
    _refused([(X,)], "y is missing")
    _refused([(X, Y, WEIGHT, OFFSET, OFFSET)], "a block must be a tuple")
    _refused([(X, Y), (X, Y[:-1])], "block 1: X has 300 rows, but y has 299")
    _refused([(X, Y), (X, TWO)], "all blocks must have the same columns of y")
    _refused([(X, Y), (X, np.where(Y > 1, np.nan, Y))], "block 1: Input y contains NaN")
    _refused([(X, Y), (np.where(X > 1, np.inf, X), Y)], "block 1: Input X contains infinity")
    _refused([(X, Y, -WEIGHT)], "Negative values in data passed to `sample_weight`")
    _refused([(X, Y, 0.0 * WEIGHT)], "at least one non-zero")
    _refused([(X, Y, WEIGHT, OFFSET), (X, Y, WEIGHT)], "offset must be given for all blocks")
    _refused(
        [(X, Y, WEIGHT, OFFSET[:5])], r"block 0: offset must be a number or have shape \(300,\)"
    )
    _refused([(X[:0], Y[:0])], "no rows|0 sample")


def test_refused_labels():
    net = NewtonMLPClassifier((2,), **SETTINGS)
    _refused([(X, np.zeros(N))], "only one class", net)
    _refused([(X, Y)], "Unknown label type: continuous", net)
    _refused([(X, LABELS), (X, (Y > 0) + 0)], "labels of one kind in all blocks", net)
    net.fit(in_blocks(X, LABELS))
    other = np.where(LABELS == "a", "z", LABELS)
    with pytest.raises(ValueError, match="labels that the fit has not seen"):
        net.objective(in_blocks(X, other)).value(net.params_)


def test_what_needs_all_rows_at_once_is_refused(tmp_path, small_blocks):
    """By name, before the fit begins."""
    blocks, given = in_blocks(X, Y), mapped(X, tmp_path)
    net = NewtonMLPRegressor((2,), random_state=0)
    _refused(blocks, "groups must be None where rows come in blocks", net, groups=np.arange(N))
    net.set_params(cv=[(np.arange(100), np.arange(100, N))])
    _refused(given, "cv must be None or a number of folds", net, y=Y)
    counts = NewtonMLPRegressor((2,), loss="negative_binomial", **SETTINGS)
    _refused(in_blocks(X, COUNTS), "NegativeBinomial.overdispersion", counts)
    net = NewtonMLPRegressor((2,), **SETTINGS).fit(given, Y)
    with pytest.raises(ValueError, match="groups must be None where rows come in blocks"):
        net.inference(given, Y, groups=np.arange(N))


def test_a_number_of_folds():
    whole = NewtonMLPRegressor((2,), cv=4, random_state=0).fit(X, Y)
    net = NewtonMLPRegressor((2,), cv=4, random_state=0).fit(in_blocks(X, Y))
    assert net.alpha_selection_.n_folds == 4
    np.testing.assert_allclose(
        net.alpha_selection_.held_out_loss, whole.alpha_selection_.held_out_loss, rtol=1e-6
    )


def test_y_is_optional_for_blocks_alone():
    for method in ("fit", "score", "objective", "inference"):
        parameters = inspect.signature(getattr(NewtonMLPRegressor, method)).parameters
        assert parameters["y"].default is None
    with pytest.raises(ValueError, match="requires y to be passed"):
        NewtonMLPRegressor().fit(X)
