"""What stands before a net that is pruned or searched for: nothing, or the steps of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sknewtonnet._sklearn import features_of, num_features
from sknewtonnet._typing import Bools
from sknewtonnet.estimators import Fit, columns_through, with_feature_names


@dataclass(frozen=True, eq=False)
class Stage:
    """The preprocessing of a fit, which is fitted once.

    Parameters
    ----------
    before : Pipeline or None
        Its steps, fitted.
    last : str
        Name of the step that is the net.
    sources : tuple of str, or None
        For each column that the net reads the column of the table that it comes from; None where
        they are mixed, or there are no steps.
    names : tuple of str, or None
        Names of the columns that the net reads, where they are known.
    table : tuple of str
        Names of the columns of the table.
    """

    before: Pipeline | None = None
    last: str = ""
    sources: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    table: tuple[str, ...] = ()

    @classmethod
    def of(cls, estimator: Any, X: Any, y: ArrayLike) -> Stage:
        """Fit the steps before the net, if there are any."""
        if not isinstance(estimator, Pipeline):
            return cls()
        before = clone(Pipeline([*estimator.steps[:-1], ("net", "passthrough")]))
        before.fit(X, y)
        given = getattr(X, "columns", range(num_features(X)))
        table = tuple(name if isinstance(name, str) else f"x{name}" for name in given)
        last = estimator.steps[-1][0]
        try:
            columns = columns_through(before, table)
        except ValueError:  # a step mixes them
            return cls(before, last, table=table)
        names = tuple(column.name for column in columns)
        return cls(before, last, tuple(column.source for column in columns), names, table)

    def inputs(self, X: Any) -> Any:
        """What the net reads."""
        return X if self.before is None else self.before.transform(X)

    def own_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of the net, from those of a pipeline that it ends."""
        if self.before is None:
            return dict(params)
        prefix = f"{self.last}__"
        for name in params:
            if not name.startswith(prefix):
                raise ValueError(
                    f"param_grid of a pipeline sets the net at its end, since the steps before "
                    f"are fitted once: names must begin with {prefix!r}, got {name!r}."
                )
        return {name.removeprefix(prefix): value for name, value in params.items()}

    def named(self, net: Any, fit: Fit) -> Fit:
        """The record of a fitted net, its inputs named by the columns of the table."""
        if self.names is None or hasattr(net, "feature_names_in_"):
            return fit
        return fit.renamed(self.names)

    def assembled(self, net: Any) -> Any:
        """The fitted net behind the fitted steps, its inputs named by the columns of the table."""
        if self.before is None:
            return net
        if self.names is not None and not hasattr(net, "feature_names_in_"):
            net = with_feature_names(net, self.names)
        return Pipeline([*self.before.steps[:-1], (self.last, net)])

    def features(self, model: Any, X: Any) -> dict[str, Any]:
        """The attributes that say what the features are."""
        if self.before is None:
            return features_of(model)
        found: dict[str, Any] = {"n_features_in_": len(self.table)}
        if hasattr(X, "columns") and all(isinstance(name, str) for name in X.columns):
            found["feature_names_in_"] = np.array(self.table, dtype=object)
        return found

    def support(self, mask: Bools) -> Bools:
        """Columns of the table on which a net depends, from those that it reads."""
        if self.before is None:
            return mask
        if self.sources is None:
            return np.full(len(self.table), mask.any())
        left = {source for source, kept in zip(self.sources, mask, strict=True) if kept}
        return np.array([name in left for name in self.table])


def checked_net(estimator: Any) -> Any:
    """A clone of a net, alone or at the end of a pipeline, or raise if it is none."""
    net = net_at_end(estimator)
    if not (hasattr(net, "inference") and hasattr(net, "connectivity")):
        raise ValueError(
            "estimator must be a net with exact second derivatives (NewtonMLPRegressor, "
            "NewtonMLPClassifier, RBFNetRegressor, RBFNetClassifier, NewtonNetRegressor or "
            "NewtonNetClassifier), or a Pipeline that ends in one, got "
            f"{type(net).__name__}."
        )
    return clone(net)


def net_at_end(model: Any) -> Any:
    """The net itself, of a net or a pipeline."""
    return model.steps[-1][1] if isinstance(model, Pipeline) else model


def with_net(model: Any, net: Any) -> Any:
    """The same with another net."""
    if not isinstance(model, Pipeline):
        return net
    return Pipeline([*model.steps[:-1], (model.steps[-1][0], net)])


def names_of(estimator: Any) -> tuple[str, ...]:
    """Names of the columns of the table of a fit; x0, x1, ... where they had none."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return tuple(f"x{j}" for j in range(estimator.n_features_in_))
    return tuple(str(name) for name in names)
