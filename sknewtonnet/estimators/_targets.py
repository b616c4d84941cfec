"""Targets as users write them, and as an objective wants them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RegressionTarget:
    """Numbers: one column or several."""

    one_dimensional: bool

    @classmethod
    def of(cls, y: Any) -> "RegressionTarget":
        """Describe the target of a fit."""
        return cls(np.ndim(y) == 1)

    @property
    def attributes(self) -> dict[str, Any]:
        """Fitted attributes that describe the target."""
        return {}

    @property
    def names(self) -> None:
        """Names of the outputs, where the target has any."""
        return None

    def encode(self, y: Any) -> Array:
        """Columns of numbers."""
        Y = np.asarray(y, dtype=float)
        return Y[:, None] if Y.ndim == 1 else Y

    def decode(self, prediction: Array) -> Array:
        """Predictions in the shape in which the target came."""
        return prediction[:, 0] if self.one_dimensional else prediction


@dataclass(frozen=True)
class ClassTarget:
    """Class labels, or an indicator matrix of labels that may be on together."""

    classes: NDArray[Any]
    multilabel: bool

    @classmethod
    def of(cls, y: Any) -> "ClassTarget":
        """Describe the target of a fit.

        Raises
        ------
        ValueError
            If these are no labels, or all are the same.
        """
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                "y has several columns of class labels; give one column, or an indicator "
                "matrix of 0 and 1 for labels that may be on together."
            )
        if kind == "multilabel-indicator":
            return cls(np.arange(np.shape(y)[1]), multilabel=True)
        classes = np.unique(column_or_1d(y, warn=True))
        if len(classes) < 2:
            raise ValueError(
                f"y contains only one class, {classes[0]}; a classifier needs at least two."
            )
        return cls(classes, multilabel=False)

    @property
    def attributes(self) -> dict[str, Any]:
        """Fitted attributes that describe the target."""
        return {"classes_": self.classes}

    @property
    def names(self) -> list[str]:
        """Names of the outputs: of two classes the second, whose logit it is."""
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
        labels = column_or_1d(y)
        unknown = np.setdiff1d(labels, self.classes)
        if len(unknown):
            raise ValueError(f"y contains labels that the fit has not seen: {unknown}.")
        Y = (labels[:, None] == self.classes).astype(float)
        return Y[:, 1:] if self.binary else Y

    def decode(self, raw: Array) -> NDArray[Any]:
        """Labels of raw predictions."""
        if self.multilabel:
            return (raw > 0).astype(int)
        best = (raw[:, 0] > 0).astype(int) if self.binary else raw.argmax(axis=1)
        return self.classes[best]

    def weights(self, class_weight: Any, y: Any, sample_weight: Array) -> Array:
        """Sample weights times class weights; "balanced" counts weighted rows."""
        if class_weight is None:
            return sample_weight
        if self.multilabel:
            factors = compute_sample_weight(class_weight, y)
        else:
            labels = column_or_1d(y)
            per_class = compute_class_weight(
                class_weight, classes=self.classes, y=labels, sample_weight=sample_weight
            )
            factors = per_class[np.searchsorted(self.classes, labels)]
        if (factors < 0).any():
            raise ValueError(f"class_weight must not be negative, got {class_weight!r}.")
        return sample_weight * factors
