"""Two fits of the same data: likelihood ratio of nested nets, Vuong's test of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtr

from sknewtonnet._tables import Report, Shown, Table, fixed, imported_pandas, probability
from sknewtonnet._typing import Array
from sknewtonnet.calculus import Objective
from sknewtonnet.inference._nesting import Nesting, same_columns, shares_more
from sknewtonnet.inference._null_distributions import tail
from sknewtonnet.inference._replications import Refitted, Replicate, source
from sknewtonnet.inference._resampling import Resampling
from sknewtonnet.inference._restricted_fits import Refit

UNIDENTIFIED = (
    "chi-square does not hold, for where the smaller net is true, parameters of the larger one "
    "mean nothing (Davies' problem)"
)
PENALISED = "the null distribution of the ratio is not known under a penalty"
OF_OUTPUTS = "the fit weighs the errors of all outputs alike, whatever their variances"
SHARED = (
    "one net is the other one with parameters that are equal, where Vuong's test does not hold: "
    "give that as a hypothesis to tests of the larger net, or compare AIC and BIC"
)
WORSE = (
    "the larger net has a higher loss than the smaller one, so it is not at its best minimum: "
    "refit it with more starts (n_init)"
)


@dataclass(frozen=True, repr=False)
class ComparisonResult(Shown):
    """Result of a comparison of two nets that were fitted to the same data.

    :meth:`InferenceResults.compare` makes it.

    Parameters
    ----------
    method : {"likelihood ratio", "Vuong"}
        The former for nested nets, the latter for others.
    statistic : float
        Twice the log-likelihood that the smaller net lacks, over the dispersion, or n log(RSS0 /
        RSS1) for squared errors; Vuong's z, positive where the first net is better.
    df : int
        By how many parameters the larger net has more; 0 for Vuong's test.
    p_value : float
        From F, where a dispersion is estimated, else from chi-square; of z two-sided. NaN where
        none is known.
    df_denom : float
        Denominator degrees of freedom of F; inf for chi-square and the normal distribution.
    models : tuple of str
        The two nets.
    log_likelihoods, parameters, aic, bic : tuple of float
        Of each of them, in this order.
    bootstrap_p_value : float
        From data simulated from the smaller net, if they were asked for; NaN else.
    failed : int
        Number of those whose fits did not get to minima.
    corrected : dict of str to (float, float)
        Vuong's z less AIC's and BIC's correction for the numbers of parameters, and its p-value,
        under "aic" and "bic"; empty for nested nets.
    reason : str
        Why a number is NaN, or what to be careful about; empty if all is well.

    See Also
    --------
    InferenceResults.compare : The method that makes it.
    compare_tables : Estimates of several nets side by side.
    InferenceResults.likelihood_ratio_test : A test of some parameters of one net.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> one = NewtonMLPRegressor((), alpha=0.0).fit(X[:, :1], y).inference(X[:, :1], y)
    >>> found = results.compare(one)
    >>> found.method, found.df, found.p_value < 0.001
    ('likelihood ratio', 1, True)
    """

    method: str
    statistic: float
    df: int
    p_value: float
    df_denom: float
    models: tuple[str, str]
    log_likelihoods: tuple[float, float]
    parameters: tuple[float, float]
    aic: tuple[float, float]
    bic: tuple[float, float]
    bootstrap_p_value: float = np.nan
    failed: int = 0
    corrected: dict[str, tuple[float, float]] = field(default_factory=dict)
    reason: str = ""

    def to_frame(self) -> Any:
        """The two nets as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row per net, with the columns "parameters", "log_likelihood", "aic" and "bic".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        columns = {
            "parameters": self.parameters,
            "log_likelihood": self.log_likelihoods,
            "aic": self.aic,
            "bic": self.bic,
        }
        return pd.DataFrame(columns, index=pd.Index(self.models, name="net"))

    def _report(self) -> Report:
        table = Table.of(
            {"net": self.models},
            {
                "parameters": fixed(self.parameters, 1),
                "log-likelihood": fixed(self.log_likelihoods, 2),
                "AIC": fixed(self.aic, 2),
                "BIC": fixed(self.bic, 2),
            },
        )
        return Report("", [table, *self._tests], [self.reason] if self.reason else [])

    @property
    def _tests(self) -> list[str]:
        """Sentences with the statistics."""
        p = f"p = {probability(self.p_value)}".replace("= <", "< ")
        if self.method == "Vuong":
            lines = [f"Vuong's z = {self.statistic:.3f}, {p}."]
            for name, (z, p_value) in self.corrected.items():
                corrected = f"p = {probability(p_value)}".replace("= <", "< ")
                lines.append(f"Corrected as in {name.upper()}: z = {z:.3f}, {corrected}.")
            return lines
        of = f"chi-square({self.df})"
        if np.isfinite(self.df_denom):
            of = f"F({self.df}, {self.df_denom:.1f})"
        lines = [f"Likelihood ratio = {self.statistic:.3f}, {p} by {of}."]
        if np.isfinite(self.bootstrap_p_value):
            lines.append(f"p = {probability(self.bootstrap_p_value)} by the parametric bootstrap.")
        return lines

    def _in_words(self) -> str:
        p = probability(self.p_value)
        return f"({self.method}) of {self.models[0]} and {self.models[1]}, p {p}"


@dataclass(frozen=True, eq=False)
class NullReplication:
    """The ratio of two nested nets on data simulated from the smaller one, by their number.

    Parameters
    ----------
    resampling : Resampling
        Draws targets from the smaller net.
    small, large : Refitted
        The nets.
    nesting : Nesting
        How one lies in the other, in the units of the table.
    units : tuple of UnitsOfFit
        Those in which each of them was fitted.
    refit : Refit
        Where random starts of the larger net come from.
    n_init, seed : int
        How many of them, and their seed.
    """

    resampling: Resampling
    small: Refitted
    large: Refitted
    nesting: Nesting
    units: tuple[UnitsOfFit, UnitsOfFit]
    refit: Refit
    n_init: int
    seed: int

    def __call__(self, number: int) -> float:
        """The ratio; NaN where a fit failed."""
        targets, weight = self.resampling.draw(source(self.seed, number))
        small = self.small.fit(targets, weight)
        if np.isnan(small).any():
            return np.nan
        theirs = self.units[1].targets_of(self.units[0].table_targets(targets))
        inside = self.units[0].to_table(small)
        starts = []
        for k in range(self.n_init):
            others = self.refit.start(self.seed + self.n_init * number + k)
            start = self.nesting.embedded(inside, self.units[1].to_table(others))
            starts += [self.units[1].from_table(start), others]
        large = self.large.fit(theirs, weight, starts)
        if np.isnan(large).any():
            return np.nan
        losses = (
            self.units[0].factor * self.small.total_loss(small, targets, weight),
            self.units[1].factor * self.large.total_loss(large, theirs, weight),
        )
        return ratio(*losses, self.small.loss.normal_errors)


@dataclass(frozen=True, eq=False)
class UnitsOfFit:
    """The units in which a net was fitted, and those of the table.

    Parameters
    ----------
    map : AffineMap or None
        From parameters of the fit to those of the table; None where they are the same.
    factor : float
        The loss in the units of the table over that of the fit.
    shift, scale : ndarray of shape (n_outputs,)
        Targets of the table are shift + scale times those of the fit.
    """

    map: Any
    factor: float
    shift: Array
    scale: Array

    @classmethod
    def of(cls, results: Any) -> UnitsOfFit:
        """Those of some results."""
        rescaled, targets = results.rescaled, results.information.objective.targets
        if rescaled is None:
            return cls(None, 1.0, np.zeros(targets.shape[1]), np.ones(targets.shape[1]))
        shift = rescaled.objective.targets[0] - rescaled.out_scale * targets[0]
        return cls(rescaled.map, rescaled.factor, shift, rescaled.out_scale)

    def to_table(self, params: Array) -> Array:
        """Parameters in the units of the table."""
        return params if self.map is None else np.asarray(self.map.forward(params))

    def from_table(self, params: Array) -> Array:
        """Parameters in the units of the fit."""
        return params if self.map is None else np.asarray(self.map.inverse(params))

    def table_targets(self, targets: Array) -> Array:
        """Targets in the units of the table."""
        return self.shift + self.scale * targets

    def targets_of(self, targets: Array) -> Array:
        """Targets in the units of the fit."""
        return (targets - self.shift) / self.scale


def ratio(small: float, large: float, quadratic: bool) -> float:
    """What is compared between data: log RSS0 / RSS1, or the difference of the losses."""
    return float(np.log(small / large)) if quadratic else small - large


def compare(
    one: Any,
    other: Any,
    n: int,
    n_init: int,
    seed: int,
    replicate: Replicate,
) -> ComparisonResult:
    """The test of two results on the same data that suits the two nets."""
    pair, tables = (one, other), [results.information.objective for results in (one, other)]
    if one.rescaled is not None:
        tables[0] = one.rescaled.objective
    if other.rescaled is not None:
        tables[1] = other.rescaled.objective
    _check_same_data(one, other, *tables)
    found: dict[str, Any] | None = None
    for small, large in ((0, 1), (1, 0)):
        columns = same_columns(tables[small].samples, tables[large].samples)
        nesting = Nesting.of(tables[small].network, tables[large].network, columns)
        same_loss = tables[0].loss.name == tables[1].loss.name
        if nesting is None or not same_loss or found is not None:
            continue
        if len(nesting.places) == tables[large].network.n_parameters:
            raise ValueError("other must be another net, but both have the same parameters.")
        found = nested(pair[small], pair[large], nesting, n, n_init, seed, replicate)
    if found is None:
        if n:
            raise ValueError(
                "bootstrap is for nested nets, and neither of these is a submodel of the other; "
                f"got bootstrap={n}."
            )
        found = vuong(one, other)
        for small, large in ((0, 1), (1, 0)):
            columns = same_columns(tables[small].samples, tables[large].samples)
            if shares_more(tables[small].network, tables[large].network, columns):
                nothing = dict.fromkeys(found["corrected"], (np.nan, np.nan))
                found |= {"statistic": np.nan, "p_value": np.nan, "corrected": nothing}
                found["reason"] = SHARED
    return ComparisonResult(
        **found,
        models=(one.model, other.model),
        log_likelihoods=(one.log_likelihood, other.log_likelihood),
        parameters=(one.effective_parameters, other.effective_parameters),
        aic=(one.aic, other.aic),
        bic=(one.bic, other.bic),
    )


def _check_same_data(one: Any, other: Any, ours: Objective, theirs: Objective) -> None:
    """Raise unless two nets have been fitted to the same targets, counted in the same way."""
    if ours.targets.shape != theirs.targets.shape:
        raise ValueError(
            "other must be of the same data, but the targets have shapes "
            f"{theirs.targets.shape} there and {ours.targets.shape} here."
        )
    given = {"weight_type": (one.information.weight_type, other.information.weight_type)}
    for name, (here, there) in given.items():
        if here != there:
            raise ValueError(f"other must have {name}={here!r}, got {there!r}.")
    pairs = {
        "targets": (ours.targets, theirs.targets),
        "sample weights": (ours.sample_weight, theirs.sample_weight),
        "offset": (
            0.0 if ours.offset is None else ours.offset,
            0.0 if theirs.offset is None else theirs.offset,
        ),
    }
    for name, (here, there) in pairs.items():
        if np.not_equal(here, there).any():
            raise ValueError(
                f"other must be of the same data, but its {name} differ, or the rows stand in "
                "another order."
            )
    for results in (one, other):
        if not results.information.is_likelihood:
            raise ValueError("nets are compared by their likelihoods, and one of them has none.")


def nested(
    small: Any,
    large: Any,
    nesting: Nesting,
    n: int,
    n_init: int,
    seed: int,
    replicate: Replicate,
) -> dict[str, Any]:
    """The likelihood-ratio test of the smaller net, with n simulated data sets."""
    units = UnitsOfFit.of(small), UnitsOfFit.of(large)
    at, other = small.information, large.information
    losses = units[0].factor * at.total_loss, units[1].factor * other.total_loss
    quadratic = at.objective.loss.normal_errors
    df = other.n_identified - at.n_identified
    statistic = gained = 2.0 * (losses[0] - losses[1]) / large.dispersion
    if quadratic:
        statistic = other.n_rows * other.n_entries * float(np.log(losses[0] / losses[1]))
    df_denom = large.df_resid if large.use_t else np.inf
    reason = _reason(small, large, nesting, losses)
    found = {
        "method": "likelihood ratio",
        "statistic": statistic,
        "df": int(df),
        "df_denom": df_denom,
        "p_value": tail(gained if np.isfinite(df_denom) else statistic, df, df_denom),
        "reason": reason,
    }
    if reason:
        found["p_value"] = np.nan
    if not n or reason == WORSE:
        more = ": ask for bootstrap=199" if reason and reason != WORSE else ""
        return found | {"reason": reason + more}
    resampling = Resampling(at, "parametric")
    if refusal := resampling.refusal():
        raise ValueError(refusal)
    task = NullReplication(
        resampling,
        Refitted.of(at, resampling.objective, small.refit.minimize),
        Refitted.of(other, Resampling(other, "parametric").objective, large.refit.minimize),
        nesting,
        units,
        large.refit,
        n_init,
        seed,
    )
    drawn = np.array(replicate(task, n))
    valid = drawn[~np.isnan(drawn)]
    as_large = float((valid >= ratio(*losses, quadratic)).sum())
    p = (1.0 + as_large) / (1.0 + len(valid))
    return found | {"bootstrap_p_value": p, "failed": int(np.isnan(drawn).sum())}


def _reason(small: Any, large: Any, nesting: Nesting, losses: tuple[float, float]) -> str:
    """Why the ratio has no known null distribution, if so."""
    at, other = small.information, large.information
    for results in (small, large):
        fatal = [f.message for f in results.findings if f.severity == "fatal"]
        if fatal:
            return str(fatal[0])
    if at.penalised or other.penalised:
        return PENALISED
    if losses[1] > losses[0] * (1.0 + 1e-9):
        return WORSE
    if nesting.unidentified:
        return UNIDENTIFIED
    return OF_OUTPUTS if at.objective.loss.normal_errors and at.n_entries > 1 else ""


def vuong(one: Any, other: Any) -> dict[str, Any]:
    """Vuong's test that two nets are equally far from the truth, with two corrections.

    With m_i the difference of the log-likelihoods of row i, z = sum m_i / (n var m)^1/2.
    """
    rows = one.criteria.row_log_likelihoods - other.criteria.row_log_likelihoods
    information = one.information
    counts = np.ones(len(rows))
    if information.weight_type == "frequency":
        counts = information.objective.sample_weight
    n = float(counts.sum())
    total = float(counts @ rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(float(counts @ rows**2) - total**2 / n)
        k = one.effective_parameters - other.effective_parameters
        z = {"": total, "aic": total - k, "bic": total - 0.5 * k * np.log(n)}
        tests = {name: _two_sided(value / spread) for name, value in z.items()}
    statistic, p_value = tests.pop("")
    same = not spread > 1e-9 * np.sqrt(n)
    return {
        "method": "Vuong",
        "statistic": np.nan if same else statistic,
        "df": 0,
        "df_denom": np.inf,
        "p_value": np.nan if same else p_value,
        "corrected": dict.fromkeys(tests, (np.nan, np.nan)) if same else tests,
        "reason": "the two nets predict the same" if same else "",
    }


def _two_sided(z: float) -> tuple[float, float]:
    return float(z), float(2.0 * ndtr(-abs(z)))
