"""Hostile tables: values, types, layouts, sizes, sparse matrices, frames; and what follows a fit."""

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse
from hostile_judge import Held

from hostile_inputs.cases import (
    CLASSIFIERS,
    COUNTS,
    EVERY,
    FOUR,
    LABELS,
    NAMES,
    Topic,
    X,
    Y,
    fitted,
    make,
    put,
    times,
)

HERE = (7, 1)

values = Topic("Values in X")
for text, entry in {
    "nan": np.nan,
    "inf": np.inf,
    "-inf": -np.inf,
    "1e300": 1e300,
    "-1e300": -1e300,
    "1e160": 1e160,
    "1e155": 1e155,
    "1e100": 1e100,
    "1e78": 1e78,
    "-3.4e38 (no data of rasters)": -3.4e38,
    "-9999": -9999.0,
    "5e-324": 5e-324,
}.items():
    values.fit(f"one entry {text}", EVERY, x=put(HERE, entry))
    if abs(entry) > 1e70:
        values.fit(
            f"one entry {text}, standardize=False", FOUR, x=put(HERE, entry), standardize=False
        )
for factor in (1e300, 1e200, 1e154, 1e100, 1e77, 1e10, 1e-10, 1e-100, 1e-300, 1e-310):
    values.fit(f"all times {factor:g}", EVERY, x=times(factor))
    values.fit(
        f"all times {factor:g}, standardize=False", FOUR, x=times(factor), standardize=False
    )
for text, change in {
    "largest double times uniform": lambda x: (
        np.finfo(float).max * np.random.default_rng(0).random((60, 3))
    ),
    "plus 1e8": lambda x: x + 1e8,
    "plus 1e15": lambda x: x + 1e15,
    "constant columns": np.ones_like,
    "all zero": np.zeros_like,
    "one constant column": put((slice(None), 1), 7.0),
    "duplicated columns": lambda x: np.column_stack([x, x]),
    "a column and its negative": lambda x: np.column_stack([x, -x[:, 0]]),
    "columns of scales 1e-150, 1, 1e150": lambda x: x * [1e-150, 1.0, 1e150],
    "two distinct rows": lambda x: np.repeat(x[:2], 30, axis=0),
    "one outlier 1e6": put(HERE, 1e6),
    "a column of one spike": put((slice(None), 1), np.r_[1.0, np.zeros(59)]),
    "lognormal, sd 5": lambda x: np.exp(5.0 * x),
}.items():
    values.fit(text, FOUR, x=change)
    values.fit(f"{text}, alpha=0", FOUR, x=change, alpha=0.0)
for text in ("one entry 1e100", "one entry 1e155", "all times 1e154"):
    power = float(text.split()[-1])
    change = put(HERE, power) if "entry" in text else times(power)
    for solver in (
        "newton",
        "lm",
        "trust-exact",
        "trust-ncg",
        "trust-krylov",
        "newton-cg",
        "bfgs",
        "slsqp",
    ):
        values.fit(
            f"{text}, {solver}, standardize=False", x=change, solver=solver, standardize=False
        )
    values.fit(f"{text}, no hidden layer", x=change, hidden_layer_sizes=(), standardize=False)
    values.fit(f"{text}, relu", x=change, activation="relu", standardize=False)
    values.fit(f"{text}, softplus", x=change, activation="softplus", standardize=False)
    for form in ("diag", "full"):
        values.fit(f"{text}, {form}", "rbf", x=change, covariance_type=form, standardize=False)


def year(x):
    return 2000.0 + np.round(10.0 * x[:, :1])


for loss in ("poisson", "gamma", "pseudo_huber"):
    for hidden in ((), (3,)):
        values.fit(f"years, {loss}, hidden {hidden}, n_init=5, standardize=False", x=year,
                   y=COUNTS + 1.0, loss=loss, hidden_layer_sizes=hidden, n_init=5,
                   activation="softplus", standardize=False, alpha=0.0)  # fmt: skip
    values.fit(f"years, {loss}, defaults", x=year, y=COUNTS + 1.0, loss=loss, alpha="auto")
    values.fit(f"all times 1e200, {loss}, standardize=False", x=times(1e200), y=COUNTS + 1.0,
               loss=loss, standardize=False)  # fmt: skip

types = Topic("Types and layouts of X")


class Table:
    """Something with __array__ and no more."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)


class SubArray(np.ndarray):
    """A subclass of ndarray."""


for text, change in {
    "object numbers": lambda x: x.astype(object),
    "object with strings '1.5'": lambda x: x.astype(str).astype(object),
    "strings of numbers": lambda x: x.astype(str),
    "strings of text": lambda x: np.full(x.shape, "text"),
    "bytes of numbers": lambda x: x.astype("S32"),
    "object with None": lambda x: np.where(x > 2.0, None, x),
    "object with a list": lambda x: np.array([[[1], 2.0, 3.0]] * 60, dtype=object),
    "bool": lambda x: x > 0.0,
    "complex": lambda x: x + 1j,
    "int64 near its limits": lambda x: np.where(x > 0.0, 2**63 - 1, -(2**62)),
    "uint8": lambda x: (50 + 20 * x).astype(np.uint8),
    "float16": lambda x: x.astype(np.float16),
    "float32": lambda x: x.astype(np.float32),
    "longdouble": lambda x: x.astype(np.longdouble),
    "big-endian": lambda x: x.astype(">f8"),
    "list of lists": lambda x: x.tolist(),
    "list of tuples": lambda x: list(map(tuple, x)),
    "list of arrays": list,
    "tuple of lists": lambda x: tuple(x.tolist()),
    "ragged lists": lambda x: [[1.0], *x[1:].tolist()],
    "generator": lambda x: (row for row in x),
    "range": lambda x: range(60),
    "dict": lambda x: dict(enumerate(x)),
    "set": lambda x: set(x[:, 0]),
    "a list of None": lambda x: [None] * 60,
    "a string": lambda x: "X",
    "a number": lambda x: 3.0,
    "fractions": lambda x: [[Fraction(v).limit_denominator(100) for v in row] for row in x],
    "structured array": lambda x: np.zeros(60, dtype=[("a", float), ("b", float)]),
    "masked array": lambda x: np.ma.masked_array(x, mask=x > 2.0),
    "matrix": np.asmatrix,
    "an ndarray subclass": lambda x: x.view(SubArray),
    "an object with __array__": Table,
    "datetime64": lambda x: np.datetime64("2020-01-01") + np.round(100 * x).astype("m8[D]"),
    "timedelta64": lambda x: np.round(100 * x).astype("m8[D]"),
    "1-D": lambda x: x[:, 0],
    "3-D": lambda x: x[None],
    "0-D": lambda x: np.array(1.0),
    "a view on one row": lambda x: np.broadcast_to(x[:1], (60, 3)),
}.items():
    types.fit(text, ("reg", "rbc"), x=change)


def same(change, kind="reg", **params):
    """Whether other containers of the same numbers give the same bits."""
    good = fitted(kind, **params).net
    other = fitted(kind, x=change, **params).net
    equal = np.array_equal(good.params_, other.params_)
    return Held(equal, "same bits" if equal else "other bits")


def mapped(x):
    path = Path(tempfile.mkdtemp()) / "x.npy"
    np.save(path, x)
    return np.load(path, mmap_mode="r")


def locked(x):
    x.flags.writeable = False
    return x


for text, change in {
    "Fortran order": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 2, axis=1), 2, axis=0)[::2, ::2],
    "read-only": locked,
    "memory-mapped": mapped,
    "negative strides": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "nested lists": lambda x: x.tolist(),
    "object": lambda x: x.astype(object),
    "sparse": scipy.sparse.csr_array,
    "frame": pd.DataFrame,
}.items():
    for kind in ("reg", "rbf", "clf"):
        types.ask(f"same bits: {text}", lambda c=change, k=kind: same(c, k), to=kind)
types.ask("same bits: float32 and its float64 copy", lambda: Held(*_float32()))


def _float32():
    single = X.astype(np.float32)
    a, b = make("reg").fit(single, Y).params_, make("reg").fit(single.astype(float), Y).params_
    return np.array_equal(a, b), "same bits"


sizes = Topic("Sizes of the table")
for n in (0, 1, 2, 3, 4, 5):
    for alpha in (0.0, 0.1, "auto", "ard"):
        sizes.fit(f"{n} rows, alpha={alpha!r}", FOUR if alpha != "ard" else ("reg", "clf"),
                  x=lambda x, n=n: x[:n], y=lambda y, n=n: y[:n], alpha=alpha)  # fmt: skip
sizes.fit("no columns", EVERY, x=lambda x: x[:, :0])
sizes.fit("one column", EVERY, x=lambda x: x[:, :1])
sizes.fit("10 rows, 20 columns, 30 units, alpha=0", x=lambda x: np.random.default_rng(1).normal(size=(10, 20)),
          y=lambda y: y[:10], hidden_layer_sizes=(30,), alpha=0.0)  # fmt: skip
sizes.fit(
    "60 rows, 200 columns",
    EVERY,
    x=lambda x: np.random.default_rng(1).normal(size=(60, 200)),
    max_iter=20,
)
sizes.fit("rows of X and y differ", EVERY, y=lambda y: y[1:])
sizes.fit("y is None", EVERY, y=lambda y: None)
sizes.fit("y of no columns", ("reg", "clf"), y=lambda y: y.reshape(60, 1)[:, :0])
sizes.fit("y of three dimensions", ("reg", "clf"), y=lambda y: y.reshape(60, 1, 1))
sizes.fit("y a number", ("reg", "clf"), y=lambda y: 1.0)
sizes.fit("defaults, alpha='auto'", EVERY, alpha="auto")
sizes.fit("defaults, alpha='ard'", ("reg", "clf", "net", "nec"), alpha="ard")
sizes.fit("alpha='ard' next to radial units", ("rbf", "rbc"), alpha="ard")

sparse = Topic("Sparse")
for form in (
    "csr_matrix",
    "csr_array",
    "csc_array",
    "coo_matrix",
    "coo_array",
    "dok_array",
    "lil_matrix",
    "bsr_array",
    "dia_matrix",
):
    sparse.fit(form, ("reg", "rbc"), x=getattr(scipy.sparse, form))
sparse.fit("csr of int8", x=lambda x: scipy.sparse.csr_array((10 * x).astype(np.int8)))
sparse.fit("csr with nan", EVERY, x=lambda x: scipy.sparse.csr_array(put(HERE, np.nan)(x)))
sparse.fit("csr of no entries", x=lambda x: scipy.sparse.csr_array((60, 3)))
sparse.fit("csr of 60 x 1e9", ("reg", "rbf"), x=lambda x: scipy.sparse.csr_array((60, 10**9)))
sparse.fit("csr with unsorted, repeated indices", x=lambda x: scipy.sparse.csr_array(
    (np.ones(4), np.array([2, 0, 0, 0]), np.r_[np.zeros(1), np.full(60, 4)].astype(int)), shape=(60, 3)))  # fmt: skip
sparse.fit("sparse y", EVERY, y=lambda y: scipy.sparse.csr_array(y[:, None]))
sparse.fit(
    "sparse indicators as y",
    ("clf", "rbc"),
    y=lambda y: scipy.sparse.csr_array(np.column_stack([y, 1 - y])),
)
sparse.fit("sparse weights", ("reg",), weight=lambda w: scipy.sparse.csr_array(w[:, None]))
sparse.ask("predict sparse", lambda: make("reg").fit(X, Y).predict(scipy.sparse.csr_array(X))[:3])
sparse.ask(
    "inference with sparse X",
    lambda: make("reg").fit(X, Y).inference(scipy.sparse.csr_array(X), Y).std_errors[:2],
)

frames = Topic("Frames")


def frame(change=None, names=NAMES):
    def build(x):
        table = pd.DataFrame(x, columns=names)
        return table if change is None else change(table)

    return build


def with_column(values, name="b"):
    return lambda table: table.assign(**{name: values})


TEXT = np.array(["u", "v", "w"] * 20)
for text, change in {
    "Float64, nullable": frame(lambda t: t.astype("Float64")),
    "Float64 with NA": frame(lambda t: t.astype("Float64").mask(t > 2.0)),
    "Int64 and boolean": frame(
        lambda t: (10 * t).round().astype("Int64").assign(b=pd.array(t.b > 0, dtype="boolean"))
    ),
    "categories of text": frame(with_column(pd.Categorical(TEXT))),
    "categories of numbers": frame(with_column(pd.Categorical(np.arange(60) % 3))),
    "text": frame(with_column(TEXT)),
    "string dtype": frame(with_column(pd.array(TEXT, dtype="string"))),
    "datetimes": frame(with_column(pd.date_range("2020-01-01", periods=60))),
    "datetimes with a time zone": frame(
        with_column(pd.date_range("2020-01-01", periods=60, tz="UTC"))
    ),
    "timedeltas": frame(with_column(pd.to_timedelta(np.arange(60), unit="D"))),
    "periods": frame(with_column(pd.period_range("2020-01", periods=60, freq="M"))),
    "intervals": frame(with_column(pd.cut(np.arange(60), 3))),
    "complex": frame(with_column(np.full(60, 1j))),
    "objects": frame(with_column([object()] * 60)),
    "lists": frame(with_column([[1, 2]] * 60)),
    "MultiIndex columns": frame(names=pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])),
    "MultiIndex rows": frame(
        lambda t: t.set_index(pd.MultiIndex.from_arrays([np.arange(60), TEXT]))
    ),
    "duplicated names": frame(names=["a", "a", "b"]),
    "names are integers": frame(names=[0, 1, 2]),
    "names of mixed types": frame(names=["a", 1, "b"]),
    "names are None": frame(names=[None, None, None]),
    "names 'h0', '', 'a, b], y'": frame(names=["h0", "", "a, b], y"]),
    "names in Greek, with a line break": frame(names=["β", "x\ny", "名"]),
    "names that are those of arrays": frame(names=["coefs_0", "intercepts_0", "coefs_0[x0, h0]"]),
    "sparse columns": frame(lambda t: t.astype(pd.SparseDtype(float))),
    "no columns": frame(lambda t: t[[]]),
    "an empty frame": frame(lambda t: t.iloc[:0]),
    "a Series": frame(lambda t: t["a"]),
    "duplicated index": frame(lambda t: t.set_index(np.zeros(60))),
}.items():
    frames.fit(text, ("reg", "rbc"), x=change)
frames.ask("a summary with odd names", lambda: len(
    make("reg", hidden_layer_sizes=(1,)).fit(frame(names=["h0", "", "a, b], y"])(X), Y)
    .inference(frame(names=["h0", "", "a, b], y"])(X), Y).summary()))  # fmt: skip
frames.ask("a bound by a name with brackets", lambda: make(
    "reg", bounds={"coefs_0[a, b], y, h0]": (0, 1)}).fit(frame(names=["h0", "", "a, b], y"])(X), Y).arrays_["coefs_0"][2, 0])  # fmt: skip

after = Topic("After the fit")
ASKED = {
    "predict": lambda net, x: net.predict(x)[:3],
    "predict_at": lambda net, x: net.predict_at(net.params_, x)[:3],
    "input_derivatives": lambda net, x: net.input_derivatives(x)[:3],
}
for text, change in {
    "too few columns": lambda x: x[:, :2],
    "1-D": lambda x: x[0],
    "nan": put(HERE, np.nan),
    "no rows": lambda x: x[:0],
    "times 1e300": times(1e300),
    "times 1e200": times(1e200),
    "times -1e154": times(-1e154),
    "complex": lambda x: x + 1j,
    "text": lambda x: np.full(x.shape, "a"),
    "None": lambda x: None,
}.items():
    for method, call in ASKED.items():
        for kind in ("reg", "rbf", "clf"):
            after.ask(f"{method}: {text}",
                      lambda k=kind, c=change, m=call: m(fitted(k).net, c(X.copy())), to=kind)  # fmt: skip
for kind in CLASSIFIERS:
    after.ask("predict_proba far away: rows sum to one", lambda k=kind: Held(
        bool(np.allclose(fitted(k).net.predict_proba(1e200 * X).sum(axis=1), 1.0)), "sums of 1"), to=kind)  # fmt: skip
for loss in ("poisson", "gamma"):
    after.ask(f"predict far away, {loss}: 0 or infinity, as doubles go", lambda k=loss: Held(bool(np.isin(
        make("reg", loss=k, hidden_layer_sizes=()).fit(X, COUNTS + 1).predict(1e9 * X), [0.0, np.inf]).all()), "0 or inf"))  # fmt: skip
UNFITTED = {
    "predict": lambda net: net.predict(X),
    "inference": lambda net: net.inference(X, Y),
    "objective": lambda net: net.objective(X, Y),
    "feature_importances_": lambda net: net.feature_importances_,
    "weight_importance_": lambda net: net.weight_importance_,
    "input_derivatives": lambda net: net.input_derivatives(X),
    "predict_at": lambda net: net.predict_at([1.0], X),
    "score": lambda net: net.score(X, Y),
    "coefs_": lambda net: net.coefs_,
}
for text, call in UNFITTED.items():
    after.ask(f"before the fit: {text}", lambda c=call: c(make("reg")))
after.ask(
    "predict with reordered columns",
    lambda: make("reg").fit(frame()(X), Y).predict(frame()(X)[["b", "a", "c"]]),
)
after.ask(
    "predict without names after a fit with", lambda: make("reg").fit(frame()(X), Y).predict(X)[:2]
)
after.ask(
    "objective of other classes", lambda: make("clf").fit(X, LABELS).objective(X, LABELS + 5)
)
after.ask(
    "objective of two outputs after one",
    lambda: make("reg").fit(X, Y).objective(X, np.column_stack([Y, Y])),
)
for text, params in {
    "too short": [1.0],
    "nan": np.full(16, np.nan),
    "text": "w",
    "None": None,
    "complex": np.full(16, 1j),
}.items():
    after.ask(
        f"predict_at: parameters {text}",
        lambda p=params: make("reg").fit(X, Y).predict_at(p, X)[:2],
    )
    if text != "nan":
        after.ask(
            f"objective.value: parameters {text}",
            lambda p=params: make("reg").fit(X, Y).objective(X, Y).value(p),
        )

TOPICS = [values, types, sizes, sparse, frames, after]
