"""What the pictures of objectives share: from a fitted net to its objective and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.display._base import Display
from sknewtonnet.display._nets import objective_of


class CurvatureDisplay(Display):
    """Base class of the displays of a function at a point."""

    # What is true for nets, whose columns have units, and not for functions in general.
    _of_nets: ClassVar[Mapping[str, Any]] = {"standardize": True}

    @classmethod
    def from_objective(
        cls, objective: SmoothFunction, params: Any, *, ax: Any = None, **keywords: Any
    ) -> Self:
        """Draw a function at a point.

        Parameters
        ----------
        objective : SmoothFunction
            The function.
        params : array-like of shape (n_parameters,)
            The point.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            Those of the display, and of :meth:`plot`.

        Returns
        -------
        Display
            The display, drawn.
        """
        raise NotImplementedError

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        offset: Any = None,
        *,
        exposure: Any = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the objective of a fitted net at its parameters.

        Parameters
        ----------
        estimator : fitted estimator
            A net of this package, or what ends in one: a pipeline, a search, a pruning.
        X, y, sample_weight, offset, exposure : array-like
            The data of the fit, before the steps of a pipeline.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`from_objective`; but parameters are those of the same net on standardised
            columns unless ``standardize=False``, and a Hessian is scaled unless ``scaled=False``.

        Returns
        -------
        Display
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If there is no net of this package, or a keyword is unknown.
        ValueError
            If the data do not match the fit, or an argument is not allowed.
        MemoryError
            If a matrix would not fit.
        """
        cls._check_own(cls.from_objective, ax, keywords)
        data = {"sample_weight": sample_weight, "offset": offset, "exposure": exposure}
        objective, params = objective_of(estimator, X, y, cls.__name__, **data)
        return cls.from_objective(objective, params, ax=ax, **{**cls._of_nets, **keywords})
