"""Types of what users pass to the estimators."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit

from sknewtonnet.calculus import Activation, Penalty

ActivationLike = str | Activation | Sequence[str | Activation]
Alpha = ArrayLike | Mapping[str, ArrayLike]
CrossValidation = int | BaseCrossValidator | BaseShuffleSplit | Iterable[Any] | None
LinearConstraints = Sequence[tuple[Mapping[str, ArrayLike], float | None, float | None]]
Penalties = Penalty | Sequence[Penalty] | None
RandomState = int | np.random.RandomState | None
ClassWeight = Mapping[Any, float] | Sequence[Mapping[Any, float]] | str | None
