"""Predictions and scores of rows in blocks, which are those of each block one after the other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.metrics import r2_score
from sklearn.utils.multiclass import unique_labels

from sknewtonnet._sklearn import without_callbacks
from sknewtonnet._typing import Array
from sknewtonnet.calculus import BlockSource, Rows
from sknewtonnet.calculus.pieces.moments import Moments
from sknewtonnet.estimators._arguments import check_target
from sknewtonnet.estimators._block_data import each
from sknewtonnet.estimators._block_encoding import known_of, weights_of
from sknewtonnet.estimators._block_tables import NO_TARGET, Columns


@dataclass(frozen=True, eq=False)
class OnBlock:
    """What a fitted net answers for the rows of a block.

    Parameters
    ----------
    net : estimator of this package
        The net.
    method : str
        Name of a method of it that takes X, and offset and exposure.
    arguments : dict
        Its further arguments.
    """

    net: Any
    method: str
    arguments: dict[str, Any]

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what watches the fit, which may be at home in one process alone."""
        return vars(self) | {"net": without_callbacks(self.net)}

    def __call__(self, rows: Rows) -> Any:
        """The answer."""
        with warnings.catch_warnings():
            if isinstance(rows.X, Columns):  # which have been chosen by name
                warnings.filterwarnings("ignore", "X does not have valid feature names")
            X = rows.X.values if isinstance(rows.X, Columns) else rows.X
            known = {} if rows.offset is None else known_of(rows).metadata
            return getattr(self.net, self.method)(X=X, **known, **self.arguments)


def of_all_blocks(source: BlockSource, function: OnBlock) -> Any:
    """Answers for all rows, one after the other.

    Parameters
    ----------
    source : BlockSource
        The rows.
    function : OnBlock
        Its answer has an entry for each row of a block, or is a tuple of such arrays.

    Returns
    -------
    ndarray, or tuple of ndarray
        Allocated once, if the number of rows is known before.
    """
    n_rows = getattr(source, "n_rows", None)
    parts: list[tuple[NDArray[Any], ...]] = []
    whole: tuple[NDArray[Any], ...] | None = None
    start, single = 0, True
    for found in _told_once(each(source, function)):
        single = not isinstance(found, tuple)
        arrays = (found,) if single else found
        if n_rows is None:
            parts.append(arrays)
            continue
        if whole is None:
            whole = tuple(np.empty((n_rows, *a.shape[1:]), a.dtype) for a in arrays)
        stop = start + len(arrays[0])
        for target, array in zip(whole, arrays, strict=True):
            target[start:stop] = array
        start = stop
    if whole is None:
        if not parts:
            raise ValueError("the blocks have no rows; there must be at least one.")
        whole = tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return whole[0] if single else whole


def _told_once(answers: Iterator[Any]) -> Iterator[Any]:
    """The answers; a warning of several blocks is given once, when all have answered."""
    told: dict[tuple[type[Warning], str], None] = {}
    while True:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = next(answers, None)
        told |= {(warning.category, str(warning.message)): None for warning in caught}
        if found is None:
            break
        yield found
    for category, message in told:
        warnings.warn(message, category, stacklevel=6)


@dataclass(frozen=True, eq=False)
class _Part:
    """What rows have to say on a score.

    Parameters
    ----------
    n_rows : int
        How many there are.
    found : Moments
        Of what is missed and of the targets, side by side, of a regressor; of hits, of a
        classifier.
    """

    n_rows: int
    found: Moments | None

    def joined(self, other: _Part) -> _Part:
        n_rows = self.n_rows + other.n_rows
        if self.found is None or other.found is None:
            return _Part(n_rows, self.found or other.found)
        return _Part(n_rows, self.found.joined(other.found))


@dataclass(frozen=True, eq=False)
class _Judged:
    """Rows of a block beside their predictions."""

    predict: OnBlock

    def __call__(self, rows: Rows) -> _Part:
        if rows.Y is None:
            raise ValueError(NO_TARGET)
        numbers = is_regressor(self.predict.net)
        check_target(rows.Y, of_classes=not numbers)
        predicted, y = self.predict(rows), np.asarray(rows.Y)
        if len(y) != len(predicted):
            raise ValueError(f"X has {len(predicted)} rows, but y has {len(y)}.")
        if y.size != predicted.size:
            raise ValueError(f"y must have shape {predicted.shape}, got {y.shape}.")
        y = y.reshape(predicted.shape)
        weight = weights_of(rows.sample_weight, len(y))
        if not weight.sum() > 0.0:
            return _Part(len(y), None)
        if numbers:
            y = y.astype(float).reshape(len(y), -1)
            columns = np.hstack([y - predicted.reshape(y.shape), y])
        else:
            unique_labels(y, predicted)  # raises for labels of another kind
            hits = y == predicted
            columns = (hits if hits.ndim == 1 else hits.all(axis=1))[:, None].astype(float)
        return _Part(len(y), Moments.of(columns, weight))


def score_of_blocks(source: BlockSource, predict: OnBlock) -> float:
    """R^2 of a regressor, the mean over outputs, or accuracy of a classifier.

    Parameters
    ----------
    source : BlockSource
        The rows with their targets.
    predict : OnBlock
        The predictions.

    Returns
    -------
    float
        As :func:`sklearn.metrics.r2_score` and :func:`sklearn.metrics.accuracy_score` have it.
    """
    whole: _Part | None = None
    for part in each(source, _Judged(predict)):
        whole = part if whole is None else whole.joined(part)
    if whole is None or whole.found is None:
        raise ValueError("the blocks have no rows of positive weight; there must be at least one.")
    if not is_regressor(predict.net):
        return float(whole.found.mean[0])
    if whole.n_rows < 2:
        return float(r2_score([0.0], [0.0]))  # NaN, with the warning that goes with it
    missed = np.hypot(whole.found.mean, whole.found.spread)
    n_outputs = len(missed) // 2
    return _r2(missed[:n_outputs], whole.found.width[n_outputs:])


def _r2(missed: Array, spread: Array) -> float:
    """Mean of 1 - missed^2 / spread^2; of a constant target 1 for perfect predictions, else 0."""
    constant = spread == 0.0
    part = missed / np.where(constant, 1.0, spread)
    return float(np.where(constant, (missed == 0.0) + 0.0, 1.0 - part**2).mean())
