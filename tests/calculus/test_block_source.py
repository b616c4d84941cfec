"""Sources of blocks: which rows each block has, in which order, and what is refused."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknewtonnet.calculus import ArrayBlocks, BlockSequence, Rows
from sknewtonnet.calculus.functions.memory_maps import Stretch, stretch_of

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
WEIGHT, OFFSET = np.arange(10.0) + 1.0, -np.arange(10.0)


def copies(rows):
    """All that is in a block, for these tests alone."""
    return Rows(*(None if a is None else np.array(a) for a in rows))


def doubled(rows):
    return rows._replace(X=2.0 * rows.X)


def shifted(rows):
    return rows._replace(X=rows.X + 1.0)


def together(source):
    """All rows of a source."""
    blocks = list(source.map(copies))
    return Rows(*(None if a[0] is None else np.concatenate(a) for a in zip(*blocks, strict=True)))


def generate():
    yield X[:4], Y[:4]
    yield X[4:], Y[4:]


class Anew:
    """An iterable that starts anew each time, and has no length."""

    def __iter__(self):
        return generate()


SOURCES = {
    "arrays": (ArrayBlocks(X, Y, n_rows=3), 4),
    "one block": (ArrayBlocks(X, Y), 1),
    "tuples": (BlockSequence(list(generate())), 2),
    "functions": (BlockSequence([lambda: (X[:4], Y[:4]), lambda: (X[4:], Y[4:])]), 2),
    "generator function": (BlockSequence(generate), None),
    "iterable": (BlockSequence(Anew()), None),
}


@pytest.mark.parametrize("name", SOURCES)
def test_all_rows_in_their_order_in_each_pass(name):
    source, n_blocks = SOURCES[name]
    assert source.n_blocks == n_blocks
    for _ in range(2):
        rows = together(source)
        assert_array_equal(rows.X, X)
        assert_array_equal(rows.Y, Y)
        assert rows.sample_weight is rows.offset is None
    if n_blocks is not None:
        assert len(list(source.map(copies))) == n_blocks


@pytest.mark.parametrize("name", SOURCES)
def test_changes_follow_each_other(name):
    source, n_blocks = SOURCES[name]
    changed = source.transformed(doubled).transformed(shifted)
    assert changed.n_blocks == n_blocks
    assert_array_equal(together(changed).X, 2.0 * X + 1.0)
    assert_array_equal(together(source).X, X)


def test_weights_and_offsets_go_with_their_rows():
    rows = together(ArrayBlocks(X, Y, WEIGHT, OFFSET, n_rows=3))
    assert_array_equal(rows.sample_weight, WEIGHT)
    assert_array_equal(rows.offset, OFFSET)
    only = together(ArrayBlocks(X, Y, offset=OFFSET, n_rows=3))
    assert only.sample_weight is None
    assert_array_equal(only.offset, OFFSET)


def test_blocks_of_arrays_are_of_limited_size():
    wide = np.broadcast_to(np.float32(1.0), (100_000, 500))
    source = ArrayBlocks(wide, np.zeros(100_000))
    assert source.n_blocks == 13  # 400 MB as float64


@pytest.mark.parametrize("order", ["whole", "part", "column", "Fortran", "copy on write"])
def test_memory_maps(tmp_path, order):
    """Each block is a map of its own where the rows are one stretch of the file."""
    path = tmp_path / "X.npy"
    np.save(path, np.asfortranarray(X) if order == "Fortran" else X)
    mapped = np.load(path, mmap_mode="c" if order == "copy on write" else "r")
    given = {"part": mapped[3:9], "column": mapped[:, 1]}.get(order, mapped)
    expected = {"part": X[3:9], "column": X[:, 1]}.get(order, X)
    kept = stretch_of(given)
    assert isinstance(kept, Stretch) == (order in ("whole", "part"))
    source = ArrayBlocks(given, np.zeros(len(given)), n_rows=4)
    assert_array_equal(together(source).X, expected)
    if isinstance(kept, Stretch):
        assert len(pickle.dumps(source._arrays["X"])) < 500
        assert_array_equal(pickle.loads(pickle.dumps(kept)).rows(slice(1, 3)), expected[1:3])


def test_refusals():
    with pytest.raises(TypeError, match="'generator' ends with the first pass"):
        BlockSequence(generate())
    with pytest.raises(TypeError, match="ends with the first pass"):
        BlockSequence(iter([(X, Y)]))
    with pytest.raises(TypeError, match="must be a sequence of blocks, or a function"):
        BlockSequence(3)
    for block in (X, (X,), [X, Y], (X, Y, None, None, None)):
        with pytest.raises(TypeError, match=r"a block must be a tuple \(X, Y\)"):
            list(BlockSequence([block]).map(copies))
    with pytest.raises(ValueError, match=r"the same number of rows, at least 1, got .*'Y': 9"):
        ArrayBlocks(X, Y[1:])
    with pytest.raises(ValueError, match="at least 1"):
        ArrayBlocks(X[:0], Y[:0])
    with pytest.raises(ValueError, match="n_rows must be an integer of at least 1, got 0"):
        ArrayBlocks(X, Y, n_rows=0)
