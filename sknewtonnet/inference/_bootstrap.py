"""The bootstrap: fits to data drawn anew, and what any quantity becomes in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._tables import Report, Shown, counted, estimate_table, imported_pandas
from sknewtonnet._typing import Array
from sknewtonnet.inference._average_effects import AverageEffects
from sknewtonnet.inference._checks import check_choice, check_level
from sknewtonnet.inference._replications import Progress, Refitted, replicated, source
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._resampling import Resampling
from sknewtonnet.inference._restricted_fits import Minimiser

INTERVALS = ("percentile", "basic")

# From the parameters of a net, and the weights of rows, to numbers.
Quantity = Callable[[Array, Array], Array]


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapResults(Shown):
    """What quantities of a net become in fits to data like its own.

    :meth:`InferenceResults.bootstrap` makes it.

    Parameters
    ----------
    names : list of str
        Names of the quantities.
    estimates : ndarray of shape (n_quantities,)
        Their values in the fit.
    samples : ndarray of shape (n, n_quantities)
        Their values in each replication; NaN in those that failed.
    kind : str
        How data were drawn.
    failed : int
        Number of replications whose fit did not get to a minimum, or whose quantities are not
        finite. The statistics are those of the others.

    See Also
    --------
    InferenceResults.bootstrap : The method that makes it.
    InferenceResults.conf_int : Intervals from the covariance, at no cost.
    Calibration : How often the latter are right.

    References
    ----------
    Davison and Hinkley (1997), Bootstrap Methods and Their Application.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> drawn = results.bootstrap(n=20, random_state=0)
    >>> drawn.names[-2:], drawn.samples.shape
    (['dy/d x0', 'dy/d x1'], (20, 5))
    >>> bool(np.abs(drawn.std_errors[:3] / results.std_errors - 1.0).max() < 0.5)
    True
    """

    names: list[str]
    estimates: Array
    samples: Array
    kind: str
    failed: int

    @property
    def _valid(self) -> Array:
        return self.samples[~np.isnan(self.samples).any(axis=1)]

    @property
    def std_errors(self) -> Array:
        """Standard deviations over the replications.

        Returns
        -------
        ndarray of shape (n_quantities,)
        """
        return np.sqrt(np.diag(self.covariance))

    @property
    def covariance(self) -> Array:
        """Covariance over the replications.

        Returns
        -------
        ndarray of shape (n_quantities, n_quantities)
            NaN with fewer than two that did not fail.
        """
        valid = self._valid
        if len(valid) < 2:
            return np.full((len(self.names), len(self.names)), np.nan)
        return np.atleast_2d(np.cov(valid, rowvar=False))

    @property
    def bias(self) -> Array:
        """Means over the replications less the estimates.

        Returns
        -------
        ndarray of shape (n_quantities,)
        """
        valid = self._valid
        if not len(valid):
            return np.full(len(self.names), np.nan)
        return np.asarray(valid.mean(axis=0) - self.estimates)

    def conf_int(self, level: float = 0.95, method: str = "percentile") -> Array:
        """Confidence intervals.

        Parameters
        ----------
        level : float, default=0.95
            Confidence level.
        method : {"percentile", "basic"}, default="percentile"
            Quantiles q of the replications; or 2 estimate - q, which is shifted by the bias the
            other way.

        Returns
        -------
        ndarray of shape (n_quantities, 2)
            Lower and upper ends.

        Raises
        ------
        ValueError
            If an argument has another value.
        """
        check_level(level)
        check_choice("method", method, INTERVALS)
        valid = self._valid
        if not len(valid):
            return np.full((len(self.names), 2), np.nan)
        ends = np.quantile(valid, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0).T
        return ends if method == "percentile" else 2.0 * self.estimates[:, None] - ends[:, ::-1]

    def to_frame(self, level: float = 0.95, method: str = "percentile") -> Any:
        """The results as a pandas data frame.

        Parameters
        ----------
        level : float, default=0.95
            Level of the intervals.
        method : {"percentile", "basic"}, default="percentile"
            As in :meth:`conf_int`.

        Returns
        -------
        pandas.DataFrame
            A row per quantity, with the columns "estimate", "std_error", "bias", "lower" and
            "upper".

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If an argument has another value.
        """
        pd = imported_pandas()
        interval = self.conf_int(level, method)
        columns = {
            "estimate": self.estimates,
            "std_error": self.std_errors,
            "bias": self.bias,
            "lower": interval[:, 0],
            "upper": interval[:, 1],
        }
        return pd.DataFrame(columns, index=pd.Index(self.names, name="quantity"))

    def _report(self) -> Report:
        table = estimate_table(
            {"quantity": self.names},
            {"estimate": self.estimates, "std. error": self.std_errors, "bias": self.bias},
            "std. error",
            self.conf_int(),
            0.95,
        )
        notes = [f"{counted(len(self.samples), 'replication')}, {self.failed} of them failed."]
        return Report(f"Bootstrap, {self.kind}", [table], [*notes, "Percentile intervals."])

    def _in_words(self) -> str:
        return (
            f"({self.kind}) of {len(self.names)} quantities, "
            f"{counted(len(self.samples), 'replication')}, {self.failed} failed"
        )


@dataclass(frozen=True, eq=False)
class Replication:
    """The minimum on data drawn anew, by its number."""

    resampling: Resampling
    refitted: Refitted
    seed: int

    def __call__(self, number: int) -> Array:
        """The parameters; NaN where the fit failed."""
        return self.refitted.fit(*self.resampling.draw(source(self.seed, number)))


def bootstrap(
    resampling: Resampling,
    minimize: Minimiser,
    quantity: tuple[list[str], Quantity],
    n: int,
    seed: int,
    n_jobs: int | None,
    progress: Progress = None,
) -> BootstrapResults:
    """Values of a quantity in n fits to data drawn anew.

    Fits run in processes; the quantity, which may be anything, is worked out in this one.
    """
    information = resampling.information
    refitted = Refitted.of(information, resampling.objective, minimize)
    names, function = quantity
    weight = information.objective.sample_weight
    samples = np.full((n, len(names)), np.nan)
    resampling.draw(source(seed, 0))  # what all draws share is worked out once, and sent
    minima = replicated(Replication(resampling, refitted, seed), n, n_jobs, progress)
    for number, params in enumerate(minima):
        if np.isnan(params).any():
            continue
        drawn = weight
        if not resampling.draws_targets:
            drawn = resampling.draw(source(seed, number))[1]
        values = function(params, drawn)
        if np.isfinite(values).all():
            samples[number] = values
    return BootstrapResults(
        names,
        function(information.params, weight),
        samples,
        resampling.kind,
        int(np.isnan(samples).any(axis=1).sum()),
    )


def known_quantities(
    reported: Reported,
    effects: AverageEffects,
    effect_names: list[str],
    wanted: str | None,
) -> tuple[list[str], Quantity]:
    """The reported parameters, average marginal effects, or both."""

    def values(params: Array, weight: Array) -> Array:
        found = [np.empty(0)]
        if wanted != "marginal_effects":
            found.append(reported.values(params))
        if wanted != "params":
            found.append(effects.at(reported.values_of_net(params), weight).ravel())
        return np.concatenate(found)

    names = list(reported.names) if wanted != "marginal_effects" else []
    return names + (effect_names if wanted != "params" else []), values


def own_quantity(
    reported: Reported, params: Array, function: Callable[[Array], ArrayLike]
) -> tuple[list[str], Quantity]:
    """A function of the parameters of the net, checked."""

    def values(params: Array, weight: Array) -> Array:
        return np.ravel(np.asarray(function(reported.values_of_net(params)), dtype=float))

    count = len(values(params, np.empty(0)))
    return [f"quantity[{k}]" for k in range(count)], values
