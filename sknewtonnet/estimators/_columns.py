"""Columns of a table before and after a fitted preprocessing.

Each column x of the table goes through scalers to a column z that the net reads, or to several
columns of zeros and ones. All these maps are affine, u = a + b z, so that what a net says of z it
also says of u, the column in the units of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from sknewtonnet._typing import Array


@dataclass(frozen=True)
class Column:
    """A column that a preprocessing returns.

    Parameters
    ----------
    source : str
        Name of the column of the table that it comes from.
    name : str
        That name, or one with a level of it, such as "sex_female".
    shift, scale : float
        Column z stands for shift + scale z in the units of the table.
    reference : str
        Of a level: the level of the source that zeros in all of its columns mean, if there is one.
    """

    source: str
    name: str
    shift: float = 0.0
    scale: float = 1.0
    reference: str = ""


def columns_after(step: Any, columns: Sequence[Column], name: str) -> list[Column]:
    """The columns that a fitted step of a preprocessing returns.

    Parameters
    ----------
    step : transformer, "passthrough", "drop" or None
        The step.
    columns : sequence of Column
        What it was given.
    name : str
        Its name, for messages.

    Returns
    -------
    list of Column

    Raises
    ------
    ValueError
        If the step mixes columns, or bends them, so that they have no such units.
    """
    if step is None or step == "passthrough":
        return list(columns)
    if step == "drop":
        return []
    for kind, trace in _KINDS:
        if isinstance(step, kind):
            return trace(step, columns, name)
    raise ValueError(
        f"step {name!r} ({type(step).__name__}) mixes columns, or bends them, so what comes after "
        "it has no units of the table: ask the net for its inference on the columns that it "
        "reads, net.inference(pipeline[:-1].transform(X), y)."
    )


def affine(step: Any, n_columns: int) -> tuple[Array, Array] | None:
    """Shift a and scale b of columns that a scaler maps to z: x = a + b z; None for others."""
    shift, scale = np.zeros(n_columns), np.ones(n_columns)
    if isinstance(step, StandardScaler):
        shift = shift if step.mean_ is None or not step.with_mean else step.mean_
        scale = scale if step.scale_ is None else step.scale_
    elif isinstance(step, RobustScaler):
        shift = step.center_ if step.with_centering else shift
        scale = step.scale_ if step.with_scaling else scale
    elif isinstance(step, MaxAbsScaler):
        scale = step.scale_
    elif isinstance(step, MinMaxScaler):
        scale = 1.0 / step.scale_
        shift = -step.min_ * scale
    else:
        return None
    return np.asarray(shift, dtype=float), np.asarray(scale, dtype=float)


def _scaled(step: Any, columns: Sequence[Column], name: str) -> list[Column]:
    found = affine(step, len(columns))
    assert found is not None, "a scaler"
    return [
        replace(column, shift=column.shift + column.scale * a, scale=column.scale * b)
        for column, a, b in zip(columns, *(part.tolist() for part in found), strict=True)
    ]


def _in_sequence(step: Pipeline, columns: Sequence[Column], name: str) -> list[Column]:
    found = list(columns)
    for inner, transformer in step.steps:
        found = columns_after(transformer, found, f"{name}__{inner}" if name else inner)
    return found


def _side_by_side(step: FeatureUnion, columns: Sequence[Column], name: str) -> list[Column]:
    parts = [columns_after(part, columns, f"{name}__{own}") for own, part in step.transformer_list]
    return [column for part in parts for column in part]


def _by_column(step: ColumnTransformer, columns: Sequence[Column], name: str) -> list[Column]:
    found: list[Column] = []
    for own, part, chosen in step.transformers_:
        # An empty choice leaves its transformer unfitted.
        given = [columns[j] for j in _numbers(step, chosen, len(columns))]
        found += columns_after(part, given, f"{name}__{own}") if given else []
    return found


def _numbers(step: ColumnTransformer, chosen: Any, n_columns: int) -> list[int]:
    """Numbers of columns, from any of the forms in which they can be chosen."""
    if isinstance(chosen, str | int | np.integer):
        chosen = [chosen]
    if isinstance(chosen, slice) and not isinstance(chosen.start or chosen.stop, str):
        return list(range(n_columns))[chosen]
    names = list(getattr(step, "feature_names_in_", []))
    if isinstance(chosen, slice):  # of names, whose last one is among them
        first = 0 if chosen.start is None else names.index(chosen.start)
        last = n_columns if chosen.stop is None else names.index(chosen.stop) + 1
        return list(range(n_columns))[first : last : chosen.step]
    chosen = np.asarray(chosen)
    if chosen.dtype == bool:
        return [int(j) for j in np.flatnonzero(chosen)]
    return [names.index(j) if isinstance(j, str) else int(j) % n_columns for j in chosen.tolist()]


def _levels(step: OneHotEncoder, columns: Sequence[Column], name: str) -> list[Column]:
    """A column of zeros and ones for each level that is not dropped, rare ones together."""
    given = _given_names(step, len(columns))
    labels = iter(_names_out(step, given))
    rare = getattr(step, "infrequent_categories_", [None] * len(columns))
    dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(columns)
    found = []
    for column, own, levels, few, gone in zip(
        columns, given, step.categories_, rare, dropped, strict=True
    ):
        n_levels = len(levels) - (0 if few is None else len(few) - 1) - (gone is not None)
        reference = "" if gone is None or few is not None else str(levels[gone])
        for _ in range(n_levels):
            level = next(labels).removeprefix(f"{own}_")
            found.append(Column(column.source, f"{column.name}_{level}", reference=reference))
    return found


def _by_name(step: Any, columns: Sequence[Column], name: str) -> list[Column]:
    """Columns that keep their names, some of which may go; and flags of missing values."""
    given = _given_names(step, len(columns))
    known = dict(zip(given, columns, strict=True))
    flags = {f"missingindicator_{own}": column for own, column in known.items()}
    coded = isinstance(step, OrdinalEncoder)  # codes have no units
    found = []
    for label in _names_out(step, given):
        column = known.get(label)
        if column is None:
            column = flags[label]
            column = Column(column.source, f"{column.name}_missing")
        found.append(Column(column.source, column.name) if coded else column)
    return found


def _unchanged(step: FunctionTransformer, columns: Sequence[Column], name: str) -> list[Column]:
    if step.func is not None:
        raise ValueError(
            f"step {name!r} is a FunctionTransformer with a function of its own, so what comes "
            "after it has no units of the table: compute such columns before, in the table."
        )
    return list(columns)


def _given_names(step: Any, n_columns: int) -> list[str]:
    """Names of the columns as the step knows them."""
    names: Iterable[Any] = getattr(step, "feature_names_in_", range(n_columns))
    return [name if isinstance(name, str) else f"x{name}" for name in names]


def _names_out(step: Any, given: Sequence[str]) -> list[str]:
    asked = None if hasattr(step, "feature_names_in_") else given
    return [str(name) for name in step.get_feature_names_out(asked)]


_Trace = Callable[[Any, Sequence[Column], str], list[Column]]
_KINDS: tuple[tuple[type[BaseEstimator] | type, _Trace], ...] = (
    (Pipeline, _in_sequence),
    (FeatureUnion, _side_by_side),
    (ColumnTransformer, _by_column),
    (StandardScaler, _scaled),
    (RobustScaler, _scaled),
    (MaxAbsScaler, _scaled),
    (MinMaxScaler, _scaled),
    (OneHotEncoder, _levels),
    (OrdinalEncoder, _by_name),
    (SimpleImputer, _by_name),
    (KNNImputer, _by_name),
    (MissingIndicator, _by_name),
    (SelectorMixin, _by_name),
    (FunctionTransformer, _unchanged),
)
