"""Targets as users write them, and as an objective wants them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sknewtonnet._typing import Array


@dataclass(frozen=True)
class RegressionTarget:
    """Numbers: one column or several."""

    one_dimensional: bool
    names: tuple[str, ...] | None = None

    @classmethod
    def of(cls, y: Any, names: tuple[str, ...] | None) -> RegressionTarget:
        """Describe the target of a fit, with the names of its columns if it has any."""
        return cls(np.ndim(y) == 1, names)

    @property
    def attributes(self) -> dict[str, Any]:
        """Fitted attributes that describe the target."""
        return {}

    @property
    def class_weights(self) -> bool:
        """Whether classes weigh differently; there are none."""
        return False

    def encode(self, y: Any) -> Array:
        """Columns of numbers."""
        Y = np.asarray(y, dtype=float)
        return Y[:, None] if Y.ndim == 1 else Y

    def decode(self, prediction: Array) -> Array:
        """Predictions in the shape in which the target came."""
        return prediction[:, 0] if self.one_dimensional else prediction

    def weigh(self, y: Any, sample_weight: Array) -> Array:
        """Sample weights as they are."""
        return sample_weight


@dataclass(frozen=True)
class ClassTarget:
    """Class labels, or an indicator matrix of labels that may be active together.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, or the numbers of the columns of the indicator matrix.
    multilabel : bool
        Which of the two.
    factors : ndarray of shape (n_columns, n_values), or None
        Class weights: of each class; or, per label, of its absence and its presence.
    label_names : tuple of str, or None
        Names of the columns of an indicator matrix, if it has any.
    """

    classes: NDArray[Any]
    multilabel: bool
    factors: Array | None = None
    label_names: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, y: Any, names: tuple[str, ...] | None, class_weight: Any, sample_weight: Array
    ) -> ClassTarget:
        """Describe the target of a fit.

        Raises
        ------
        ValueError
            If these are no labels, or all are the same, or class_weight does not fit them.
        """
        kind = _kind(y)
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y has several columns of class labels; give one column, or an indicator "
                "matrix of 0 and 1 for labels that may be on together."
            )
        if kind == "multilabel-indicator":
            target = cls(np.arange(np.shape(y)[1]), multilabel=True, label_names=names)
        else:
            labels = column_or_1d(y, warn=True)
            classes = _distinct(labels)
            if len(classes) > 0.5 * len(labels):
                check_classification_targets(y)  # may warn of as many
            # Classes whose rows all weigh nothing are known, but do not make two of one.
            if (sample_weight <= 0).any():
                _distinct(labels[sample_weight > 0])
            target = cls(classes, multilabel=False)
        if class_weight is None:
            return target
        counts = sample_weight > 0  # only these are balanced
        factors = target._class_factors(np.asarray(y)[counts], class_weight, sample_weight[counts])
        return replace(target, factors=factors)

    @property
    def attributes(self) -> dict[str, Any]:
        """Fitted attributes that describe the target."""
        return {"classes_": self.classes}

    @property
    def class_weights(self) -> bool:
        """Whether classes weigh differently, so that weights do not count rows."""
        return self.factors is not None

    @property
    def names(self) -> list[str]:
        """Names of the outputs: of two classes the second, whose logit it is."""
        if self.label_names is not None:
            return list(self.label_names)
        shown = self.classes[1:] if self.binary else self.classes
        return [str(label) for label in shown]

    @property
    def binary(self) -> bool:
        """Whether one logit tells two classes apart."""
        return not self.multilabel and len(self.classes) == 2

    def encode(self, y: Any) -> Array:
        """Columns of 0 and 1: one for two classes, else one per class or label.

        Raises
        ------
        ValueError
            If a label is unknown.
        """
        if self.multilabel:
            return np.asarray(y, dtype=float)
        Y = (column_or_1d(y)[:, None] == self.classes).astype(float)
        unknown = Y.sum(axis=1) == 0
        if unknown.any():
            labels = np.unique(column_or_1d(y)[unknown])
            raise ValueError(f"y contains labels that the fit has not seen: {labels}.")
        return Y[:, 1:] if self.binary else Y

    def decode(self, raw: Array) -> NDArray[Any]:
        """Labels of raw predictions."""
        if self.multilabel:
            return (raw > 0).astype(int)
        best = (raw[:, 0] > 0).astype(int) if self.binary else raw.argmax(axis=1)
        return self.classes[best]

    def weigh(self, y: Any, sample_weight: Array) -> Array:
        """Sample weights times the class weights of the fit, whatever the data."""
        if self.factors is None:
            return sample_weight
        if not self.multilabel:
            return sample_weight * self.factors[0, np.searchsorted(self.classes, column_or_1d(y))]
        for column, factors in zip(np.asarray(y).T, self.factors, strict=True):
            sample_weight = sample_weight * factors[column.astype(int)]
        return sample_weight

    def _class_factors(self, y: Any, class_weight: Any, sample_weight: Array) -> Array:
        """Class weights of each column of labels; "balanced" counts weighted rows."""
        columns = np.asarray(y).T if self.multilabel else [column_or_1d(y)]
        values = np.array([0, 1]) if self.multilabel else self.classes
        each = class_weight if isinstance(class_weight, list) else [class_weight] * len(columns)
        if len(each) != len(columns):
            raise ValueError(
                f"class_weight is a list of {len(each)}, but y has {len(columns)} columns."
            )
        found = np.ones((len(columns), len(values)))
        for row, column, weight in zip(found, columns, each, strict=True):
            present = np.isin(values, column)  # a label may be always on, or never
            row[present] = compute_class_weight(
                weight, classes=values[present], y=column, sample_weight=sample_weight
            )
        if not (np.isfinite(found).all() and (found >= 0).all() and found.any()):
            raise ValueError(
                "class_weight must be finite, not negative, and positive for some class, "
                f"got {class_weight!r}."
            )
        return found


Target = RegressionTarget | ClassTarget


def _kind(y: Any) -> str:
    """scikit-learn's word for the kind of a target of classes."""
    try:
        kind = str(type_of_target(y, input_name="y"))
        if kind not in ("binary", "multiclass"):
            check_classification_targets(y)
        return kind
    except TypeError:
        raise ValueError(
            "y mixes labels of kinds that have no order, such as 'a' and 1, or has missing labels."
        ) from None


def _distinct(labels: NDArray[Any]) -> NDArray[Any]:
    """Sorted labels, at least two."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"y contains only one class, {classes[0]}; a classifier needs at least two."
        )
    return classes
