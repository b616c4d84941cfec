"""What the function of a net does: predictions, effects, importances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet._typing import Array, Bools
from sknewtonnet.calculus.pieces.known_terms import KnownTerms
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.inference._checks import (
    check_choice,
    check_grid,
    check_level,
    check_names,
    check_samples,
    listed,
)
from sknewtonnet.inference._complex_step import complex_step
from sknewtonnet.inference._effects import (
    Contrast,
    Effects,
    MarginalEffects,
    contrasts_of,
    joined,
    marginal_effects,
    with_errors,
)
from sknewtonnet.inference._hypothesis import feature_groups
from sknewtonnet.inference._partial_effect import (
    PartialEffect,
    Settings,
    levels_of,
    partial_effect,
)
from sknewtonnet.inference._prediction import PredictionResults, Predictor
from sknewtonnet.inference._results_estimates import Estimates, in_few_threads, locked
from sknewtonnet.inference._saliency import feature_saliencies, shares
from sknewtonnet.inference._slope_test import Slopes, SlopeTestResult, two_valued
from sknewtonnet.inference._variance_test import variance_findings

# Groups of rows whose effects are told apart.
_MOST_GROUPS = 50


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(Estimates):
    """Predictions and effects, with standard errors by the delta method."""

    @in_few_threads
    def get_prediction(
        self,
        X: ArrayLike,
        level: float = 0.95,
        offset: ArrayLike | None = None,
        *,
        exposure: ArrayLike | None = None,
    ) -> PredictionResults:
        """Predict, with standard errors and intervals.

        The variance of a raw prediction is j' V j, with j its gradient in the parameters. It may
        be known although single weights are not identified. The cost is about n P^2 flops.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples, with the columns of the fit.
        level : float, default=0.95
            Level of the intervals.
        offset : float or array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Known terms of the raw predictions. Required, or ``exposure``, where the fit had one; 0
            says that there is none.
        exposure : float or array-like of the shapes of offset, default=None
            Its logarithm is added to the offset, under a logarithmic link.

        Returns
        -------
        PredictionResults
            Means, standard errors and intervals, a row per sample.

        Raises
        ------
        ValueError
            If X has other columns or numbers that are not finite, ``level`` is not between 0 and
            1, or the offset has another shape or is missing.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> prediction = results.get_prediction(X[:2])
        >>> prediction.mean.shape, prediction.confidence_interval.shape
        ((2,), (2, 2))
        >>> inner, outer = prediction.confidence_interval, prediction.prediction_interval
        >>> bool((outer[:, 0] < inner[:, 0]).all() and (inner[:, 1] < outer[:, 1]).all())
        True
        """
        check_level(level)
        given = X if self.prepare is None else self.prepare(X)
        samples = check_samples(given, self.feature_names, self.named)
        terms = self._known_terms(KnownTerms(offset, exposure), len(samples))
        found = self._predictor.predict(samples, level, terms)
        caution = "" if found.new_observation is None else self._caution
        index = getattr(X, "index", None) if hasattr(X, "iloc") else None  # not that of lists
        return replace(found, caution=caution, index=index)

    @property
    def _caution(self) -> str:
        """What is known against prediction intervals."""
        found = list(variance_findings(self.variance_test))
        if not found:
            return ""
        return (
            f"Prediction intervals take variances from the model. {found[0].message} Conformal "
            "intervals (doc/inference.md) do not need them."
        )

    @in_few_threads
    def marginal_effects(
        self,
        features: Sequence[str] | None = None,
        discrete: str | Sequence[str] = "auto",
        *,
        at: str | Mapping[str, float] | None = None,
        by: str | ArrayLike | None = None,
        unconditional: bool = False,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> MarginalEffects:
        """Average effects of features on the predicted mean, with standard errors.

        The effect of feature j is 1/S sum_i s_i d mean_i / d x_j. Its gradient in the parameters
        is exact, and gives the standard error by the delta method.

        Parameters
        ----------
        features : list of str, default=None
            Names of features; all if None.
        discrete : "auto" or list of str, default="auto"
            Features for which the effect is the difference between the predictions at their
            highest and lowest value; "auto": those that have two values.
        at : "mean" or mapping of str to float, default=None
            Where: at the means of all features; or averaged over the rows with some features at
            given values. None: averaged over the rows as they are.
        by : str or array-like of shape (n_samples,), default=None
            A feature, or a label for each row: the effects in each group of rows.
        unconditional : bool, default=False
            Whether the rows are a sample themselves, so that the variance of the mean of their
            effects e_i adds to the error: 1/S^2 sum_i s_i (e_i - mean)^2, with s_i^2 for weights
            that are no counts, and sums over clusters where the covariance has them. Else the
            rows are taken as given.
        groups : mapping of str to list of str, default=None
            Features that belong together. Of those with two values of which at most one is high
            in a row (the dummies of a factor), the effect is that of the own level against the
            first one, at which all others are low. Where no row has all of them low, the first
            level is that of the first feature, which has no effect of its own.

        Returns
        -------
        MarginalEffects
            In units of the target per unit of the feature; contrasts in units of the target.

        Raises
        ------
        ValueError
            If a name is unknown, ``at`` or ``by`` is none of these, or ``unconditional`` is asked
            for at the means, where there is nothing to average.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> results.marginal_effects(["x0"], by=X[:, 1] > 0).names
        ['x0, False', 'x0, True']
        >>> effects = results.marginal_effects(["x0", "x1"])
        >>> effects.names, effects.effects.round().tolist()
        (['x0', 'x1'], [2.0, -1.0])
        >>> bool((effects.p_values < 1e-10).all())
        True
        """
        names = list(self.feature_names)
        chosen = names if features is None else self._members(listed("features", features))
        if not chosen:
            raise ValueError(f"features must have at least one name, got {features!r}.")
        check_names("features", chosen, names)
        check_choice("unconditional", unconditional, (True, False))
        groups = self.factors or None if groups is None else groups
        contrasts = self._contrasts(discrete, groups)
        numbers = [names.index(name) for name in chosen]
        numbers = [j for j in numbers if contrasts.get(j, True) is not None]
        own = {j: contrast for j, contrast in contrasts.items() if contrast and j in numbers}
        parts = {}
        for label, rows in self._groups_of_rows(by).items():
            effects = self._effects_at(at, self._effects.of(rows))
            variance = partial(self._variance_of_mean, rows) if unconditional else None
            if unconditional and isinstance(at, str):
                raise ValueError('unconditional errors are those of averages, not of at="mean".')
            parts[label] = marginal_effects(effects, numbers, own, names, variance)
        return parts[""] if by is None else joined(parts)

    @in_few_threads
    def contrast(
        self,
        feature: str,
        low: float,
        high: float,
        *,
        at: str | Mapping[str, float] | None = None,
    ) -> MarginalEffects:
        """Average difference between the means at two values of a feature.

            1/S sum_i s_i (mean_i(x_j = high) - mean_i(x_j = low))

        Parameters
        ----------
        feature : str
            Name of the feature.
        low, high : float
            Its two values.
        at : "mean" or mapping of str to float, default=None
            As in :meth:`marginal_effects`.

        Returns
        -------
        MarginalEffects
            Of one effect, in units of the target.

        Raises
        ------
        ValueError
            If a name is unknown, or a value is not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> found = results.contrast("x0", -1.0, 2.0)
        >>> found.names, found.effects.round().tolist()
        (['x0 (-1 to 2)'], [6.0])
        """
        if feature in self.factors:
            raise ValueError(
                f"feature: {feature!r} has levels, not values from low to high; their differences "
                f"are in marginal_effects([{feature!r}])."
            )
        check_names("feature", [feature], self.feature_names)
        low, high = (float(check_grid([value])[0]) for value in (low, high))
        j = list(self.feature_names).index(feature)
        own = {j: Contrast(f"{feature} ({low:g} to {high:g})", {j: high}, {j: low})}
        effects = self._effects_at(at, self._effects)
        return marginal_effects(effects, [j], own, self.feature_names)

    @in_few_threads
    def interaction(
        self, feature: str, other: str, *, at: str | Mapping[str, float] | None = None
    ) -> MarginalEffects:
        """How the average effect of a feature changes with another one, or with itself.

            1/S sum_i s_i d2 mean_i / d x_j d x_k

        For features with two values differences take the place of derivatives.

        Parameters
        ----------
        feature, other : str
            Names of features; twice the same name for the average curvature.
        at : "mean" or mapping of str to float, default=None
            As in :meth:`marginal_effects`.

        Returns
        -------
        MarginalEffects
            Of one effect, in units of the target per units of both features.

        Raises
        ------
        ValueError
            If a name is unknown, or a feature of two values is asked for twice.

        Notes
        -----
        Derivatives in a second numeric feature are differences of fourth order, with steps of
        5e-4 standard deviations, of exact slopes and their exact gradients: nine digits or more
        for smooth activations. Units with kinks have no second derivatives.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 2))
        >>> y = np.tanh(X[:, 0] + X[:, 1]) + 0.2 * rng.normal(size=200)
        >>> net = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=0).fit(X, y)
        >>> found = net.inference(X, y).interaction("x0", "x1", at={"x0": 1.0, "x1": 0.0})
        >>> found.names, bool(found.effects[0] < 0), bool(found.p_values[0] < 1e-5)
        (['x0 : x1'], True, True)
        """
        names = list(self.feature_names)
        check_names("feature", [feature], names)
        check_names("other", [other], names)
        j, k = names.index(feature), names.index(other)
        own = {i: c for i, c in self._contrasts("auto", None).items() if c and i in (j, k)}
        if j == k and own:
            raise ValueError(f"other must not be {other!r} again: it has two values.")
        effects = self._effects_at(at, self._effects)
        found = [
            [effects.interaction(j, k, own, output)] for output in range(len(self.output_names))
        ]
        label = f"{feature} : {other}"
        return with_errors(self._predictor, found, [label], [feature], np.empty(0))

    def _effects_at(self, at: str | Mapping[str, float] | None, effects: Effects) -> Effects:
        """Effects where they are asked for."""
        if at is None:
            return effects
        if isinstance(at, str):
            check_choice("at", at, ("mean",))
            return effects.at_means()
        if not isinstance(at, Mapping):
            raise ValueError(f'at must be "mean", or map names of features to values, got {at!r}.')
        check_names("at", list(at), self.feature_names)
        names = list(self.feature_names)
        values = check_grid(list(at.values())) if at else np.empty(0)
        return effects.moved({names.index(n): float(v) for n, v in zip(at, values, strict=True)})

    def _groups_of_rows(self, by: str | ArrayLike | None) -> dict[str, Bools]:
        """Rows by the label of their group."""
        X = self._table.samples
        if by is None:
            return {"": np.ones(len(X), dtype=bool)}
        title = ""
        if isinstance(by, str):
            check_names("by", [by], self.feature_names)
            labels: NDArray[Any] = X[:, list(self.feature_names).index(by)]
            title = f"{by} = "
        else:
            labels = np.asarray(by)
        if labels.shape != (len(X),):
            raise ValueError(
                f"by must be a feature, or {len(X)} labels, one per row, got {labels.shape}."
            )
        values, numbers = np.unique(labels, return_inverse=True)
        if len(values) > _MOST_GROUPS:
            raise ValueError(
                f"by has {len(values)} groups (at most {_MOST_GROUPS}): give labels of ranges."
            )
        shown = [f"{v:g}" if isinstance(v, float) else str(v) for v in values.tolist()]
        return {f"{title}{text}": numbers == k for k, text in enumerate(shown)}

    def _variance_of_mean(self, rows: Bools, effects: Array) -> Array:
        """Variance of the weighted mean of effects, for rows that are a sample."""
        weight = self._table.sample_weight
        share = weight[rows] / weight[rows].sum()
        centred = np.zeros((len(weight), effects.shape[1]))
        centred[rows] = effects - share @ effects
        total = weight[rows].sum() ** 2
        if self.groups is None:
            return np.diag(self.information.products(centred)) / total
        if self.groups.ndim > 1:
            raise ValueError("unconditional errors take clusters of one kind, not of two.")
        sums = np.zeros((int(self.groups.max()) + 1, effects.shape[1]))
        np.add.at(sums, self.groups, weight[:, None] * centred)
        return np.asarray((sums**2).sum(axis=0) / total)

    def _contrasts(
        self, discrete: str | Sequence[str], groups: Mapping[str, Sequence[str]] | None
    ) -> dict[int, Contrast | None]:
        """The contrasts of features that are not varied smoothly."""
        names, X = list(self.feature_names), self._table.samples
        if isinstance(discrete, str) and discrete == "auto":
            contrasted = np.flatnonzero(two_valued(X)).tolist()
        else:
            check_names("discrete", listed("discrete", discrete), names)
            contrasted = [names.index(name) for name in listed("discrete", discrete)]
        members = feature_groups(groups, names).values()
        numbers = [[names.index(name) for name in group] for group in members]
        return contrasts_of(X, contrasted, numbers, names)

    @in_few_threads
    def partial_effect(
        self,
        feature: str,
        grid: ArrayLike | None = None,
        *,
        level: float = 0.95,
        band: str = "pointwise",
        n_points: int = 50,
        random_state: int = 0,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> PartialEffect:
        """Mean prediction as a function of one feature, averaged over the others, with a band.

        Parameters
        ----------
        feature : str
            Name of the feature; or of a factor, for the means at its levels: a name in ``groups``,
            or a categorical column of the table of :func:`sknewtonnet.pipeline_inference`.
        grid : array of shape (n_points,), default=None
            Values of the feature; equally spaced from the lowest to the highest in the data if
            None.
        level : float, default=0.95
            Level of the band.
        band : {"pointwise", "simultaneous"}, default="pointwise"
            Whether the band holds at each point, or at all points at once, by 20000 draws.
        n_points : int, default=50
            Length of the grid, if none is given.
        random_state : int, default=0
            Seed of the simulation.
        groups : mapping of str to list of str, default=None
            Features that are the dummies of a factor: at most one is high in a row. The rows in
            which all are low are at the level "(reference)", if its name is not known.

        Returns
        -------
        PartialEffect
            The curve, its standard errors and its band.

        Raises
        ------
        ValueError
            If the feature is unknown, a group is no factor, or another argument is not allowed.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> curve = results.partial_effect("x0", [-1.0, 0.0, 1.0])
        >>> np.diff(curve.mean).round().tolist()
        [2.0, 2.0]
        >>> bool((curve.lower < curve.mean).all() and (curve.mean < curve.upper).all())
        True
        """
        check_level(level)
        check_choice("band", band, ("pointwise", "simultaneous"))
        check_count("random_state", random_state, 0)
        settings = self._settings(feature, grid, n_points, groups)
        return partial_effect(self._effects, settings, level, band, random_state)

    def _settings(
        self,
        feature: str,
        grid: ArrayLike | None,
        n_points: int,
        groups: Mapping[str, Sequence[str]] | None,
    ) -> Settings:
        """Where a curve has its points."""
        names, X = list(self.feature_names), self._table.samples
        known = {**self.factors, **feature_groups(groups, names)}
        check_names("feature", [feature], list(dict.fromkeys([*names, *known])))
        members = [names.index(name) for name in known.get(feature, (feature,))]
        j, column = members[0], X[:, members[0]]
        alone = names[j] == feature or not two_valued(column[:, None]).all()
        if len(members) > 1 or not alone:  # one dummy is a factor, too, by the name of its column
            if grid is not None:
                raise ValueError(f"grid must be None for the factor {feature!r}, got {grid!r}.")
            reference = self.references.get(feature, "(reference)")
            return levels_of(X, members, feature, names, reference)
        if grid is None:
            check_count("n_points", n_points)
            values = np.linspace(column.min(), column.max(), n_points)
        else:
            values = check_grid(grid)
        return Settings(feature, values, [{j: float(x)} for x in values], column)

    @in_few_threads
    def slope_test(self, features: str | Sequence[str]) -> SlopeTestResult:
        """Test that the net depends on none of some features, by the mean squared slope.

        With eta_i the raw predictions of row i (before the inverse link), v_j the weighted
        variance of feature j, and I_i the second derivatives of the loss that are expected there
        (1 for squared errors, mean (1 - mean) for two classes, the mean of counts), it is

            T = 1/S sum_i s_i sum_j v_j (d eta_i / d x_j)' I_i (d eta_i / d x_j)

        Unlike an average effect it sees symmetric effects and interactions. For a feature with
        two values the variance of eta over the two takes the place of the squared slope; for
        several such features of which at most one is high in a row (the dummies of a factor), the
        variance over the levels. Without dependence the slopes are about normal with mean zero
        and covariance D V D', with D their exact gradients in the parameters, and T is a weighted
        sum of chi-squares. V is the covariance of ``cov_type``.

        The test needs no weight to be identified, and holds its level in nets that are too large.
        In a linear net with squared errors it is the t test.

        Parameters
        ----------
        features : str or list of str
            Names of features; several are tested together.

        Returns
        -------
        SlopeTestResult
            NaN with a reason if the data do not determine the slopes.

        Raises
        ------
        ValueError
            If a name is unknown.

        Notes
        -----
        About n P^2 flops for each feature. A radial unit depends on all inputs by its form, so
        that in radial nets the hypothesis is not true for any feature, and rejected too often.

        References
        ----------
        doc/statistics.md 3.3.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = np.tanh(1.5 * X[:, 0] - X[:, 1]) + 0.2 * rng.normal(size=200)
        >>> net = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=0).fit(X, y)
        >>> results = net.inference(X, y)
        >>> results.slope_test("x0").p_value < 1e-10, results.slope_test("x2").p_value > 0.05
        (True, True)
        >>> results.slope_test(["x1", "x2"]).p_value < 1e-10
        True
        """
        chosen = list(dict.fromkeys(self._members(listed("features", features))))
        check_names("features", chosen, self.feature_names)
        names = list(self.feature_names)
        return self._slopes.tests([[names.index(name) for name in chosen]])[0]

    @in_few_threads
    def delta_method(self, function: Callable[[Array], ArrayLike]) -> tuple[Array, Array]:
        """Any smooth function of the parameters, with its covariance D V D'.

        The Jacobian D is taken by complex steps and is exact to rounding. The function must
        therefore consist of NumPy operations that take complex numbers (not abs or comparisons).

        Parameters
        ----------
        function : callable
            From ``params`` to an array of q numbers.

        Returns
        -------
        values : ndarray of shape (q,)
            The function at ``params``, flattened.
        covariance : ndarray of shape (q, q)
            Its covariance; NaN where it is not estimable.

        References
        ----------
        doc/statistics.md 3.6.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> ratio, covariance = results.delta_method(lambda w: w[0] / w[1])
        >>> ratio.round().tolist(), covariance.shape
        ([-2.0], (1, 1))
        """
        values, columns = complex_step(function, self.params)
        rows = self.reported.rows(columns)
        found = rows @ self._covariance @ rows.T
        unknown = ~self._estimable_rows(rows)
        found[unknown] = np.nan
        found[:, unknown] = np.nan
        return values, found

    @property
    def feature_std(self) -> Array:
        """Standard deviations of the features in the rows of the fit, with their weights.

        Returns
        -------
        ndarray of shape (n_features,)
            In the units of the table; by them effects of features compare with each other.
        """
        return self._effects.spread

    @cached_property
    @in_few_threads
    def feature_importance(self) -> Array:
        """Share of each feature in the sum of all saliencies.

        A saliency is the growth of the objective, to second order, if all weights that leave the
        feature become zero. See :func:`sknewtonnet.inspection.feature_importance`.

        Returns
        -------
        ndarray of shape (n_features,)
            From 0 to 1, with sum 1 (all 0 if the net depends on no feature); NaN where the Hessian
            has negative curvature.
        """
        if self.information.critical_point.has_negative_curvature:
            return locked(np.full(len(self.feature_names), np.nan))
        return locked(shares(feature_saliencies(self.information)))

    def _known_terms(self, known: KnownTerms, n_samples: int) -> Array | None:
        """Those of other rows; an error if they are missing."""
        objective = self.information.objective
        terms = known.terms(objective.loss, n_samples, len(self.output_names))
        if terms is None and objective.has_offset:
            raise ValueError(
                "offset or exposure must be given, since the fit had one: a number for each row "
                "of X, or offset=0."
            )
        return terms

    @property
    def _predictor(self) -> Predictor:
        information, loss = self.information, self.information.objective.loss
        network, n_outputs = self._table.network, self._table.network.n_outputs
        params, covariance, T = information.params, self._covariance, None
        variance = np.full(n_outputs, self.dispersion)
        if loss.normal_errors and n_outputs > 1:
            variance = np.diag(information.residual_covariance)
        if self.rescaled is not None:
            T = self.rescaled.map.matrix
            params, covariance = self.rescaled.map.forward(params), T @ (T @ covariance).T
            variance = variance * self.rescaled.out_scale**2 if n_outputs > 1 else variance
        return Predictor(
            network=network,
            loss=loss,
            params=params,
            covariance=covariance,
            estimable=self._known_in_units,
            residual_variance=variance,
            df_denom=self._df_denom,
            names=self.output_names,
        )

    @property
    def _slopes(self) -> Slopes:
        ones = np.ones(self._table.network.n_outputs)
        return Slopes(
            information=self.information,
            # Where there is no slope a penalty shrinks nothing, whatever its strength.
            covariance=self._covariance_at(given_penalty=True),
            estimable=partial(self._known_functions, self.cov_type),
            df_denom=self._df_denom,
            out_scale=ones if self.rescaled is None else self.rescaled.out_scale,
            names=self.feature_names,
            reason=self._fatal,
        )

    @property
    def _effects(self) -> Effects:
        table = self._table
        return Effects(self._predictor, table.samples, table.sample_weight, table.offset)
