"""True coverages and sizes for one table: refits to data simulated from the fitted net."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sknewtonnet._tables import Report, Shown, Table, counted, fixed, imported_pandas
from sknewtonnet._typing import Array
from sknewtonnet.inference._comparison import UnitsOfFit
from sknewtonnet.inference._feature_table import of_slope_and_effects
from sknewtonnet.inference._hypothesis import NO_COEFFICIENTS
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._replications import Progress, Refitted, replicated, source
from sknewtonnet.inference._resampling import Resampling
from sknewtonnet.inference._restricted_fits import Refit, Restriction

# Tests whose sizes can be simulated; "wald" asks the gate each time.
CALIBRATED_TESTS = ("effect", "summary", "slope", "likelihood ratio", "score", "wald")

# Rows at which intervals of predictions are looked at.
_N_ROWS = 200


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Shown):
    """How often intervals cover and tests reject in data simulated from a fitted net.

    :meth:`InferenceResults.calibrate` makes it.

    Parameters
    ----------
    features : tuple of str
        Names of the features.
    effect_coverage : ndarray of shape (n_features,)
        Share of the data sets in which the interval of the average marginal effect covers that of
        the net; of several outputs their mean.
    prediction_coverage : float
        Share of rows and data sets in which the interval of the mean covers that of the net.
    sizes : dict of str to ndarray of shape (n_features,)
        For each test the share of the data sets, simulated from the net without the feature, in
        which it rejects that the net does not depend on it, at 1 - ``level``, among those with a
        p-value.
    missing : dict of str to ndarray of shape (n_features,)
        For each test the number of data sets without a p-value, as the fit does not determine it.
    level : float
        Level of the intervals.
    n : int
        Number of data sets, for the net and for each feature.
    failed : int
        How many of all of them had no fit that ended at a minimum.
    reasons : dict of str to str
        Why a feature has no sizes.

    See Also
    --------
    InferenceResults.calibrate : The method that makes it.
    InferenceResults.diagnosis : What is known against the p-values of a fit, at no cost.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> found = results.calibrate(n=4, random_state=0)
    >>> found.features, found.effect_coverage.shape, found.failed
    (('x0', 'x1'), (2,), 0)
    >>> round(float(found.error(0.05)), 2)  # 4 data sets tell little
    0.11
    """

    features: tuple[str, ...]
    effect_coverage: Array
    prediction_coverage: float
    sizes: dict[str, Array]
    missing: dict[str, Array]
    level: float
    n: int
    failed: int
    reasons: dict[str, str]

    def error(self, share: Any) -> Any:
        """Monte Carlo standard error of a share, (p (1 - p) / n)^1/2.

        Parameters
        ----------
        share : float or ndarray
            A coverage or a size.

        Returns
        -------
        float or ndarray
            Its standard error.
        """
        return np.sqrt(share * (1.0 - np.asarray(share)) / self.n)

    def to_frame(self) -> Any:
        """The shares and their Monte Carlo errors as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row per feature, with the columns "effect_coverage" and "size_..." of each test, and
            the same with "_error".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        columns = {}
        shares = {"effect_coverage": self.effect_coverage}
        shares |= {f"size_{name}": values for name, values in self.sizes.items()}
        for name, values in shares.items():
            columns[name] = values
            columns[f"{name}_error"] = self.error(values)
        return pd.DataFrame(columns, index=pd.Index(self.features, name="feature"))

    def _report(self) -> Report:
        size = f"{100.0 * (1.0 - self.level):.4g} %"
        names = ["coverage", *(f"size, {name}" for name in self.sizes)]
        columns = {
            name: fixed(100.0 * column, 1)
            for name, column in zip(names, self._columns, strict=True)
        }
        notes = [
            f"{self.n} data sets simulated from the net, and from the net without each feature; "
            f"{self.failed} fits failed.",
            f"Per cent of the intervals of effects at {100.0 * self.level:.4g} % that cover, and "
            f"of true hypotheses that tests at {size} reject.",
            f"Intervals of predictions cover in {100.0 * self.prediction_coverage:.1f} %. One "
            f"standard error of {size} is {100.0 * self.error(1.0 - self.level):.1f}.",
        ]
        lost = {test: int(counts.sum()) for test, counts in self.missing.items() if counts.any()}
        notes += [f"{count} data sets have no p-value: {test}" for test, count in lost.items()]
        notes += [f"{name}: {text}" for name, text in self.reasons.items()]
        return Report("Calibration", [Table.of({"feature": self.features}, columns)], notes)

    def _in_words(self) -> str:
        return (
            f"of {counted(len(self.features), 'feature')} by {counted(self.n, 'simulation')}, "
            f"level {self.level:g}"
        )

    @property
    def _columns(self) -> list[Array]:
        return [self.effect_coverage, *self.sizes.values()]


@dataclass(frozen=True, eq=False)
class Simulation:
    """Results of inference for data simulated from a net, by their number.

    Parameters
    ----------
    results : InferenceResults
        Those of the table.
    resampling : Resampling
        Draws targets from the net, or from the net without a feature.
    refitted : Refitted
        How the net is fitted again.
    start : ndarray of shape (n_parameters,)
        The parameters from which targets are drawn, where a second fit starts.
    seed : int
        Seed of all numbers.
    """

    results: Any
    resampling: Resampling
    refitted: Refitted
    start: Array
    seed: int

    def again(self, number: int) -> Any:
        """The results; None where the fit failed."""
        targets, weight = self.resampling.draw(source(self.seed, number))
        params = self.refitted.fit(targets, weight, [self.start])
        if np.isnan(params).any():
            return None
        old, rows = self.results, self.resampling.rows
        information = replace(
            old.information,
            objective=self.refitted.objective(targets, weight),
            params=params,
            known=None,
        )
        rescaled = old.rescaled
        if rescaled is not None:
            table = rescaled.objective
            offset = None if table.offset is None else table.offset[rows]
            there = UnitsOfFit.of(old).table_targets(targets)
            table = table.on(table.samples[rows], there, weight, offset)
            rescaled = replace(rescaled, objective=table)
        groups = None if old.groups is None else old.groups[rows]
        return replace(old, information=information, rescaled=rescaled, groups=groups)


@dataclass(frozen=True, eq=False)
class Coverage:
    """Whether intervals cover, in one simulated data set."""

    simulation: Simulation
    rows: Array
    offset: Array | None
    level: float
    effects: Array
    means: Array

    def __call__(self, number: int) -> tuple[Array, float] | None:
        """Whether those of effects do, and the share of those of predictions."""
        found = self.simulation.again(number)
        if found is None:
            return None
        ends = found.marginal_effects().conf_int(self.level)
        covered = (ends[..., 0] <= self.effects) & (self.effects <= ends[..., 1])
        given = {} if self.offset is None else {"offset": self.offset}
        ends = found.get_prediction(self.rows, self.level, **given).confidence_interval
        inside = (ends[..., 0] <= self.means) & (self.means <= ends[..., 1])
        return covered.reshape(len(covered), -1).mean(axis=1), float(inside.mean())


@dataclass(frozen=True, eq=False)
class Size:
    """P-values of tests of a feature, in one data set simulated without it."""

    simulation: Simulation
    feature: str
    tests: tuple[str, ...]

    def __call__(self, number: int) -> Array | None:
        """One for each test; of several outputs the effect is that on the first."""
        found = self.simulation.again(number)
        if found is None:
            return None
        return np.array([self._p_value(found, test) for test in self.tests])

    def _p_value(self, found: Any, test: str) -> float:
        if test == "effect":
            return float(self._of_effects(found)[0])
        if test == "slope":
            return float(found.slope_test(self.feature).p_value)
        if test == "slope and effect":  # as in the summary of a net that is not identified
            return of_slope_and_effects(self._p_value(found, "slope"), self._of_effects(found))
        if test == "likelihood ratio":
            return float(found.likelihood_ratio_test(self.feature, n_init=0).p_value)
        if test == "score":
            return float(found.score_test(self.feature, n_init=0).p_value)
        return float(found.wald_test(self.feature).p_value)

    def _of_effects(self, found: Any) -> Array:
        return np.ravel(found.marginal_effects([self.feature]).p_values)


# What the tests of the summary are here: the F test of a linear net is that of the slope.
_OF_SUMMARY = {"F": "slope", "slope": "slope and effect"}


def _made(results: Any, tests: tuple[str, ...]) -> tuple[str, ...]:
    """The tests, that of the summary by its own name."""
    if "summary" not in tests:
        return tests
    kind = str(results.tests.test)
    return tuple(_OF_SUMMARY.get(kind, kind) if t == "summary" else t for t in tests)


def _part_of(progress: Progress, before: int, total: int) -> Progress:
    """Progress of some replications as that of all."""
    return progress and (lambda done, _: progress(before + done, total))


def calibrate(
    results: Any,
    tests: tuple[str, ...],
    n: int,
    level: float,
    n_init: int,
    seed: int,
    n_jobs: int | None,
    progress: Progress = None,
) -> Calibration:
    """Coverages in data from the net, and sizes in data from the net without each feature."""
    information = results.information
    results = replace(results, prepare=None)  # data are simulated behind all preprocessing
    resampling = Resampling(information, "parametric")
    total = n * (1 + (len(results.feature_names) if tests else 0))
    heard = [_part_of(progress, n * k, total) for k in range(1 + len(results.feature_names))]
    covered = replicated(_coverage(results, resampling, level, seed), n, n_jobs, heard[0])
    valid = [each for each in covered if each is not None]
    failed = n - len(valid)
    names, reasons = tuple(results.feature_names), {}
    sizes = {test: np.full(len(names), np.nan) for test in tests}
    missing = {test: np.zeros(len(names)) for test in tests}
    made = _made(results, tests)
    for j, name in enumerate(names if tests else ()):
        without = _without(information, j, results.refit, n_init, seed)
        if isinstance(without, str):
            reasons[name] = without
            continue
        simulation = _simulation(results, Resampling(without, "parametric"), seed + 1 + j)
        drawn = replicated(Size(simulation, name, made), n, n_jobs, heard[j + 1])
        p_values = np.array([each for each in drawn if each is not None]).reshape(-1, len(tests))
        failed += n - len(p_values)
        for k, test in enumerate(tests):
            known = p_values[~np.isnan(p_values[:, k]), k]
            missing[test][j] = len(p_values) - len(known)
            if len(known):
                sizes[test][j] = (known < 1.0 - level).mean()
    effects = np.array([effect for effect, _ in valid] or [np.full(len(names), np.nan)])
    return Calibration(
        features=names,
        effect_coverage=effects.mean(axis=0),
        prediction_coverage=float(np.mean([share for _, share in valid])) if valid else np.nan,
        sizes=sizes,
        missing=missing,
        level=level,
        n=n,
        failed=failed,
        reasons=reasons,
    )


def _coverage(results: Any, resampling: Resampling, level: float, seed: int) -> Coverage:
    """What is compared with intervals: effects, and means at some of the rows."""
    table = results.information.objective
    if results.rescaled is not None:
        table = results.rescaled.objective
    rows = np.unique(np.linspace(0, table.n_samples - 1, _N_ROWS).astype(int))
    offset = None if table.offset is None else table.offset[rows]
    given = {} if offset is None else {"offset": offset}
    X = table.samples[rows]
    return Coverage(
        _simulation(results, resampling, seed),
        X,
        offset,
        level,
        results.marginal_effects().effects,
        results.get_prediction(X, **given).mean,
    )


def _simulation(results: Any, resampling: Resampling, seed: int) -> Simulation:
    information = results.information
    refitted = Refitted.of(information, resampling.objective, results.refit.minimize)
    return Simulation(results, resampling, refitted, resampling.information.params, seed)


def _without(
    information: Information, feature: int, refit: Refit, n_init: int, seed: int
) -> Information | str:
    """The minimum without a feature, or why there is none."""
    outgoing = information.input_parameters
    if outgoing is None:
        return NO_COEFFICIENTS
    places = outgoing[feature]
    if not len(places):
        return "no weight leaves it"
    A = np.eye(len(information.params))[places]
    params, _, stationary = Restriction(information, A, np.zeros(len(places))).fit(
        refit, n_init, seed
    )
    if not stationary:
        return "the fit without it did not converge"
    active = A if information.active is None else np.vstack([information.active, A])
    return replace(information, params=params, active=active, known=None)
