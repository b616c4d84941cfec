"""Hostile targets and weights, of all losses and kinds of classes."""

import numpy as np
import pandas as pd
from hostile_judge import Held

from hostile_inputs.cases import (
    CLASSIFIERS,
    COUNTS,
    FOUR,
    LABELS,
    REGRESSORS,
    WEIGHTS,
    Topic,
    X,
    Y,
    fitted,
    make,
    put,
    times,
)
from sknewtonnet.calculus import PseudoHuber

TEXT = np.array(["u", "v", "w"] * 20)

types = Topic("Types of targets")
for text, y in {
    "nullable Int64": pd.array(COUNTS.astype(int), dtype="Int64"),
    "nullable with NA": pd.array([1, None] * 30, dtype="Int64"),
    "string dtype": pd.array(TEXT, dtype="string"),
    "string dtype with NA": pd.array([*TEXT[:59], None], dtype="string"),
    "categories": pd.Categorical(TEXT),
    "nullable boolean": pd.array(LABELS > 0, dtype="boolean"),
    "bool": LABELS > 0,
    "text": TEXT,
    "bytes": TEXT.astype("S1"),
    "strings of numbers": LABELS.astype(str),
    "a list of strings": TEXT.tolist(),
    "object integers": LABELS.astype(object),
    "object with None": np.array([1, None] * 30, dtype=object),
    "object of mixed kinds": np.array([1, "a"] * 30, dtype=object),
    "object with nan": np.array(["a", np.nan] * 30, dtype=object),
    "complex": Y + 1j,
    "datetime64": np.datetime64("2020-01-01") + np.arange(60),
    "timedelta64": np.arange(60).astype("m8[D]"),
    "uint64, large": np.full(60, 2**63, dtype=np.uint64) + np.arange(60, dtype=np.uint64) % 3,
    "large integers": 10**18 + LABELS,
    "float16": Y.astype(np.float16),
    "longdouble": Y.astype(np.longdouble),
    "halves": np.arange(60) % 2 + 0.5,
    "one column": Y[:, None],
    "list of lists": np.column_stack([Y, Y]).tolist(),
    "frame of two columns": pd.DataFrame({"u": LABELS, "v": 1 - LABELS}),
    "frame of two columns of one name": pd.DataFrame(np.column_stack([LABELS, 1 - LABELS]), columns=["u", "u"]),
    "tuples": [(0,), (1,)] * 30,
    "sets": [{1}, {2}] * 30,
    "dict": dict(enumerate(Y)),
    "generator": (v for v in Y),
    "a class": int,
    "masked": np.ma.masked_array(LABELS, mask=LABELS > 0),
    "read-only": np.broadcast_to(LABELS, (60,)),
    "structured": np.zeros(60, dtype=[("a", int)]),
    "dictionaries": [{"a": 1}] * 60,
}.items():  # fmt: skip
    types.fit(text, FOUR, y=lambda given, y=y: y)

values = Topic("Values of targets")
for text, change in {
    "constant": np.ones_like,
    "zero": np.zeros_like,
    "nan": put(3, np.nan),
    "inf": put(3, np.inf),
    "times 1e300": times(1e300),
    "times 1e150": times(1e150),
    "times 1e100": times(1e100),
    "times 1e20": times(1e20),
    "times 1e8": times(1e8),
    "times 1e-5": times(1e-5),
    "times 1e-8": times(1e-8),
    "times 1e-100": times(1e-100),
    "times 1e-300": times(1e-300),
    "subnormal": times(1e-310),
    "plus 1e16": lambda y: y + 1e16,
    "plus 1e8": lambda y: y + 1e8,
    "one outlier 1e300": put(3, 1e300),
    "one outlier 1e150": put(3, 1e150),
    "one outlier 1e10": put(3, 1e10),
    "one not zero": lambda y: np.r_[1.0, np.zeros(59)],
    "two columns, one constant": lambda y: np.column_stack([y, np.ones(60)]),
    "two equal columns": lambda y: np.column_stack([y, y]),
    "columns of scales 1e-100 and 1e100": lambda y: np.column_stack([1e-100 * y, 1e100 * y]),
    "a linear function of X": lambda y: X @ [1.0, 2.0, 3.0],
}.items():
    values.fit(text, REGRESSORS, y=change)
    values.fit(f"{text}, alpha=0", ("reg", "rbf"), y=change, alpha=0.0)
    values.fit(f"{text}, standardize=False", ("reg", "rbf"), y=change, standardize=False)
    values.fit(f"{text}, alpha='auto'", y=change, alpha="auto")


def unit_free(factor, kind, shift=0.0, **params):
    """Whether the fit in other units of y predicts the same."""
    plain = fitted(kind, **params).net.predict(X)
    other = (
        fitted(kind, y=lambda y: factor * y + shift, **params).net.predict(X) - shift
    ) / factor
    apart = np.abs(plain - other).max() / np.std(Y)
    return Held(bool(apart < 1e-3), f"predictions apart by {apart:.0e} standard deviations")


for factor in (1e-100, 1e-8, 1e-5, 1e-3, 1e3, 1e8, 1e100):
    for kind in REGRESSORS:
        values.ask(
            f"the same fit in units of {factor:g}",
            lambda f=factor, k=kind: unit_free(f, k),
            to=kind,
        )
for solver in (
    "newton",
    "lm",
    "l-bfgs-b",
    "bfgs",
    "trust-ncg",
    "trust-exact",
    "newton-cg",
    "slsqp",
    "trust-constr",
):
    values.fit(
        f"times 1e-8, standardize=False, {solver}",
        y=times(1e-8),
        standardize=False,
        solver=solver,
        alpha=0.0,
    )
    values.fit(
        f"times 1e8, standardize=False, {solver}", y=times(1e8), standardize=False, solver=solver
    )

for loss, cases in {
    "poisson": {"counts of 1e6": 1e6, "counts of 1e9": 1e9, "counts of 1e12": 1e12, "counts of 1e15": 1e15,
                "of 1e300": 1e300, "of 1e-300": 1e-300, "subnormal": 1e-315},
    "gamma": {"of 1e300": 1e300, "of 1e-300": 1e-300, "subnormal": 1e-315, "of 1e9": 1e9},
    "pseudo_huber": {"of 1e300": 1e300, "of 1e-300": 1e-300, "of 1e9": 1e9},
}.items():  # fmt: skip
    for text, factor in cases.items():
        for kind in REGRESSORS:
            values.fit(
                f"{loss}, {text}", kind, y=lambda y, f=factor: f * (COUNTS + 1.0), loss=loss
            )
    for text, y in {"negative": -COUNTS - 1.0, "all zero": np.zeros(60), "constant": np.ones(60),
                    "1e-300 to 1e300": np.geomspace(1e-300, 1e300, 60),
                    "all zero but one": np.r_[1e-3, np.zeros(59)] if loss == "poisson" else np.r_[1e3, np.ones(59)]}.items():  # fmt: skip
        for alpha in (0.0, 0.1, "auto"):
            values.fit(
                f"{loss}, {text}, alpha={alpha!r}",
                y=lambda y, given=y: given,
                loss=loss,
                alpha=alpha,
            )
        values.fit(f"{loss}, {text}", "rbf", y=lambda y, given=y: given, loss=loss)
for delta in (1e-300, 1e-10, 1e10, 1e300):
    values.fit(f"pseudo_huber, delta={delta:g}", REGRESSORS, loss=PseudoHuber(delta))
    values.fit(
        f"pseudo_huber, delta={delta:g}, standardize=False",
        loss=PseudoHuber(delta),
        standardize=False,
    )
for delta in (0.0, -1.0, np.nan, np.inf, "1", None):
    values.ask(f"PseudoHuber({delta!r})", lambda d=delta: PseudoHuber(d))

classes = Topic("Classes")
for text, y in {
    "separable": (X[:, 0] > 0).astype(int),
    "one row of a class": np.r_[1, np.zeros(59, dtype=int)],
    "two rows of a class": np.r_[1, 1, np.zeros(58, dtype=int)],
    "thirty classes": np.arange(60) % 30,
    "one class": np.ones(60, dtype=int),
    "several labels, one constant": np.column_stack([LABELS, np.ones(60, dtype=int)]),
    "several labels, all zero": np.zeros((60, 2), dtype=int),
    "several labels, equal columns": np.column_stack([LABELS, LABELS]),
    "several labels, one column": LABELS[:, None],
    "columns of classes": np.arange(120).reshape(60, 2) % 3,
    "1e-300 and 1e300": np.where(LABELS > 0, 1e300, 1e-300),
    "nan": np.where(LABELS > 0, np.nan, 1.0),
    "-1 and 1": 2 * LABELS - 1,
    "names with brackets": np.where(LABELS > 0, "b, c]", "[a"),
    "empty strings": np.where(LABELS > 0, "", " "),
    "random labels of 10 classes": np.random.default_rng(3).integers(0, 10, 60),
}.items():
    for alpha in (0.0, 0.1):
        classes.fit(f"{text}, alpha={alpha}", CLASSIFIERS, y=lambda given, y=y: y, alpha=alpha)
    classes.fit(f"{text}, alpha='auto'", "clf", y=lambda given, y=y: y, alpha="auto")
for text, weights in {
    "of an unknown class": {0: 1, 1: 2, 7: 3},
    "one missing": {0: 1.0},
    "negative": {0: -1.0, 1: 1.0},
    "zero for one": {0: 0.0, 1: 1.0},
    "zero for all": {0: 0.0, 1: 0.0},
    "nan": {0: np.nan, 1: 1.0},
    "1e300": {0: 1e300, 1: 1e300},
    "1e12 to 1": {0: 1e12, 1: 1.0},
    "1e-300": {0: 1e-300, 1: 1e-300},
    "keys of text for integers": {"0": 1.0, "1": 2.0},
    "balanced": "balanced",
    "unknown word": "equal",
    "text as values": {0: "a", 1: "b"},
    "None as values": {0: None, 1: 1.0},
    "a list for one label": [{0: 1, 1: 2}],
    "an empty dict": {},
    "an array": np.ones(2),
    "a number": 2.0,
}.items():
    classes.fit(f"class_weight {text}", ("clf", "rbc"), class_weight=weights)
classes.fit(
    "class_weight 'balanced', several labels",
    ("clf",),
    y=np.column_stack([LABELS, 1 - LABELS]),
    class_weight="balanced",
)
classes.fit(
    "class_weight of three dicts for two labels",
    ("clf",),
    y=np.column_stack([LABELS, 1 - LABELS]),
    class_weight=[{0: 1, 1: 1}] * 3,
)

weights = Topic("Weights")
for text, w in {
    "negative": put(3, -1.0),
    "all zero": np.zeros_like,
    "nan": put(3, np.nan),
    "inf": put(3, np.inf),
    "1 and 1e12": put(3, 1e12),
    "1 and 1e300": put(3, 1e300),
    "1e300": times(1e300),
    "1e-300": times(1e-300),
    "subnormal": times(1e-310),
    "1/n": times(1 / 60),
    "a number": lambda w: 2.0,
    "zero as a number": lambda w: 0.0,
    "one row positive": lambda w: np.r_[1.0, np.zeros(59)],
    "two rows positive": lambda w: np.r_[1.0, 1.0, np.zeros(58)],
    "none of one class": lambda w: LABELS.astype(float),
    "text": lambda w: np.full(60, "a"),
    "strings of numbers": lambda w: w.astype(str),
    "bool": lambda w: LABELS > 0,
    "one column": lambda w: w[:, None],
    "too few": lambda w: w[1:],
    "empty": lambda w: [],
    "list": list,
    "Series with another index": lambda w: pd.Series(WEIGHTS, index=range(100, 160)),
    "complex": lambda w: w + 1j,
    "object with None": lambda w: np.array([1.0, None] * 30, dtype=object),
    "generator": lambda w: (v for v in np.ones(60)),
    "a word": lambda w: "balanced",
    "frequencies of 1e6": times(1e6),
    "1e-12 to 1e12": lambda w: np.geomspace(1e-12, 1e12, 60),
}.items():
    weights.fit(text, FOUR, weight=w)
for text, groups in {
    "nan": np.full(60, np.nan), "too few": np.ones(59), "one group": np.ones(60), "text": TEXT,
    "two-dimensional": np.ones((60, 2)), "None entries": [None] * 60, "a group per row": np.arange(60),
    "a number": 3, "a word": "x",
}.items():  # fmt: skip
    for alpha in ("auto", 0.1):
        weights.ask(
            f"groups {text}, alpha={alpha!r}",
            lambda g=groups, a=alpha: make("reg", alpha=a).fit(X, Y, groups=g).params_[:2],
        )

TOPICS = [types, values, classes, weights]
