"""What inference knows of a fitted net, and the questions it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet.inference._checks import (
    check_choice,
    check_count,
    check_grid,
    check_level,
    check_names,
    check_samples,
)
from sknewtonnet.inference._effects import (
    Effects,
    MarginalEffects,
    PartialEffect,
    marginal_effects,
    partial_effect,
)
from sknewtonnet.inference._prediction import PredictionResults, Predictor
from sknewtonnet.inference._radial import RadialShape, RadialUnits
from sknewtonnet.inference._summary import Summary
from sknewtonnet.inference._tested import TestedEstimates

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InferenceResults(TestedEstimates):
    """Statistics of a fitted net: errors, tests, criteria, predictions, and whether to trust them.

    Made by ``est.inference(X, y)``. All is computed when it is first asked for, from one Hessian
    and one factorisation. In sums over rows, with S the sum of the sample weights, the
    objective is M = S f = D + P, a loss and a penalty; H, H0 and G are the Hessian of M, of D, and
    the Gauss-Newton matrix of D, L that of P, K = H^-1, g_i the gradient of the loss of row i,
    and phi the dispersion. The covariance is

    ==============  =================================================================
    cov_type        covariance
    ==============  =================================================================
    "hessian"       phi K H0 K; without a penalty phi K
    "gauss-newton"  the same with G and G + L for H0 and H
    "bayesian"      phi K, wider than "hessian" by what the penalty's bias may be
    "HC0"           K J K, J = sum of s_i (g_i - mean)(g_i - mean)'
    "HC1"           times n / (n - df)
    "HC2", "HC3"    with scores divided by (1 - h_i)^(1/2) or (1 - h_i), h_i leverages
    "cluster"       scores summed in clusters; times C / (C - 1) (n - 1) / (n - df)
    ==============  =================================================================

    phi is the Pearson statistic over n - df for squared errors (RSS / (n - df)) and gamma, 1 for
    log loss and Poisson; df = tr(K H0), in which no direction counts less than 0, the number of
    parameters if there is no penalty. For
    several outputs with squared errors "hessian" and "gauss-newton" have sum s_i J_i' Sigma J_i
    with the covariance Sigma of the residuals in the place of phi H0.

    Parameters
    ----------
    information : Information
        The minimum, with its data.
    reported : Reported
        Which parameters are reported: those of the net; of a softmax layer contrasts.
    feature_names, output_names : tuple of str
        Of inputs and outputs.
    named : bool
        Whether the features had names of their own.
    model : str
        What the net is, for the summary.
    refit : Refit
        How to minimise again.
    cov_type : str
        Kind of covariance.
    groups : ndarray of int of shape (n_samples,) or None
        Clusters.
    use_t : bool
        Whether tests refer to t and F, else to normal and chi-square.
    post_selection : bool
        Whether the net's form was chosen on the same data, so that p-values are too small.

    References
    ----------
    White (1982), Econometrica 50; White (1989), Neural Computation 1; Murata, Yoshizawa and Amari
    (1994), IEEE Transactions on Neural Networks 5; MacKinnon and White (1985), J. Econometrics 29.
    """

    def get_prediction(self, X: ArrayLike, level: float = 0.95) -> PredictionResults:
        """Predictions with standard errors and intervals.

        The variance of a raw prediction is j' V j, with j its gradient in the parameters; it is
        known also where single weights are not identified. About n P^2 flops.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        level : float, default=0.95
            Of the intervals.

        Returns
        -------
        PredictionResults
        """
        check_level(level)
        return self._predictor.predict(check_samples(X, self.feature_names, self.named), level)

    def marginal_effects(
        self,
        features: Sequence[str] | None = None,
        discrete: str | Sequence[str] = "auto",
    ) -> MarginalEffects:
        """Average effects of features on the predicted mean, with standard errors.

        1/S sum_i s_i d mean_i / d x_j, whose gradient in the parameters is exact.

        Parameters
        ----------
        features : list of str, default=None
            Names of features; all if None.
        discrete : "auto" or list of str, default="auto"
            Features for which the effect is the difference between the predictions at their
            highest and lowest value; "auto": those that have two values.

        Returns
        -------
        MarginalEffects
        """
        names = list(self.feature_names)
        chosen = names if features is None else _listed(features)
        check_names("features", chosen, names)
        X = self.information.objective.samples
        low, high = X.min(axis=0), X.max(axis=0)
        if isinstance(discrete, str) and discrete == "auto":
            two = ((low == X) | (high == X)).all(axis=0) & (low < high)
            contrasted = [name for name, flag in zip(names, two, strict=True) if flag]
        else:
            contrasted = _listed(discrete)
            check_names("discrete", contrasted, names)
        numbers = [names.index(name) for name in chosen]
        contrasts = {j: (low[j], high[j]) for j in numbers if names[j] in contrasted}
        return marginal_effects(self._effects, numbers, contrasts, names)

    def partial_effect(
        self,
        feature: str,
        grid: ArrayLike | None = None,
        *,
        level: float = 0.95,
        band: str = "pointwise",
        n_points: int = 50,
        random_state: int = 0,
    ) -> PartialEffect:
        """Mean prediction as a function of one feature, averaged over the others, with a band.

        Parameters
        ----------
        feature : str
            Its name.
        grid : array of shape (n_points,), default=None
            Its values; equally spaced from the lowest to the highest in the data if None.
        level : float, default=0.95
            Of the band.
        band : {"pointwise", "simultaneous"}, default="pointwise"
            Whether the band holds at each point, or at all points at once, by simulation.
        n_points : int, default=50
            Length of the grid, if none is given.
        random_state : int, default=0
            Seed of the simulation.

        Returns
        -------
        PartialEffect
        """
        check_level(level)
        check_choice("band", band, ("pointwise", "simultaneous"))
        check_names("feature", [feature], self.feature_names)
        j = list(self.feature_names).index(feature)
        column = self.information.objective.samples[:, j]
        if grid is None:
            check_count("n_points", n_points)
            values = np.linspace(column.min(), column.max(), n_points)
        else:
            values = check_grid(grid)
        return partial_effect(self._effects, j, feature, values, level, band, random_state)

    def delta_method(self, function: Callable[[Array], ArrayLike]) -> tuple[Array, Array]:
        """Any smooth function of the parameters, with its covariance D V D'.

        Its Jacobian D is taken by complex steps, exact to rounding, so the function must be
        made of NumPy operations that take complex numbers (not abs or comparisons).

        Parameters
        ----------
        function : callable
            From ``params`` to an array.

        Returns
        -------
        values : ndarray
            The function at ``params``, flattened.
        covariance : ndarray
            Its covariance; NaN where it is not estimable.
        """
        values = np.ravel(np.asarray(function(self.params.astype(complex)))).real
        step = 1e-30
        columns = []
        for j in range(len(self.params)):
            moved = self.params.astype(complex)
            moved[j] += 1j * step
            columns.append(np.ravel(np.asarray(function(moved))).imag / step)
        rows = self.reported.rows(np.array(columns).T)
        found = rows @ self._covariance @ rows.T
        unknown = ~self._estimable_rows(rows)
        found[unknown] = np.nan
        found[:, unknown] = np.nan
        return values, found

    def radial_units(self) -> RadialUnits:
        """Centres, covariances and widths of radial units, with standard errors.

        The fit has logarithms of widths, or of the diagonal of a Cholesky factor, as free
        parameters; errors of the rest follow by :meth:`delta_method`.

        Returns
        -------
        RadialUnits

        Raises
        ------
        ValueError
            If the net has no radial units.
        """
        shape = RadialShape.of(self.information.objective.network.layout, self.reported)
        values, covariance = self.delta_method(shape.values)
        variance = np.diag(covariance)
        return shape.units(values, np.sqrt(np.where(variance >= 0, variance, np.nan)))

    def summary(self, level: float = 0.95) -> str:
        """All of it as a text: the fit, the verdict, a row per parameter, a row per feature.

        Parameters
        ----------
        level : float, default=0.95
            Of the intervals.
        """
        check_level(level)
        return Summary.of(self, level).text()

    def to_frame(self, level: float = 0.95) -> Any:
        """The table of the parameters as a data frame of pandas.

        Parameters
        ----------
        level : float, default=0.95
            Of the intervals.
        """
        import pandas as pd

        check_level(level)
        return pd.DataFrame(self.columns(level), index=pd.Index(self.names, name="parameter"))

    def columns(self, level: float) -> dict[str, Array]:
        """The columns of the table of parameters."""
        interval = self.conf_int(level)
        return {
            "estimate": self.params,
            "std_error": self.std_errors,
            "t" if self.use_t else "z": self.z_values,
            "p_value": self.p_values,
            "lower": interval[:, 0],
            "upper": interval[:, 1],
        }

    def _repr_html_(self) -> str:
        return Summary.of(self, 0.95).html()

    @property
    def _predictor(self) -> Predictor:
        information = self.information
        objective = information.objective
        variance = np.full(objective.network.n_outputs, self.dispersion)
        if objective.loss.quadratic and objective.network.n_outputs > 1:
            variance = np.diag(information.residual_covariance)
        return Predictor(
            network=objective.network,
            loss=objective.loss,
            params=information.params,
            covariance=self._covariance,
            estimable=self._estimable_rows,
            residual_variance=variance,
            df_denom=self._df_denom,
            names=self.output_names,
        )

    @property
    def _effects(self) -> Effects:
        objective = self.information.objective
        return Effects(self._predictor, objective.samples, objective.sample_weight)


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
