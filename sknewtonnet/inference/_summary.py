"""The summary of results: text that is also a table in notebooks, HTML, LaTeX and CSV."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknewtonnet._tables import (
    Report,
    Table,
    estimate_table,
    fixed,
    number,
    probabilities,
)
from sknewtonnet.calculus import BlockObjective
from sknewtonnet.inference._feature_table import FeatureTable
from sknewtonnet.inference._fit_of_mean import fit_facts
from sknewtonnet.inference._parameter_covariance import Dependence, few_clusters


class Summary(str):
    """The summary of a fit: text, which is also a table in notebooks, HTML, LaTeX and CSV.

    It is a ``str`` wherever one is wanted. :meth:`InferenceResults.summary` makes it; the methods
    have the names that statsmodels' users know.

    Parameters
    ----------
    report : Report
        Headings, tables and notes.

    See Also
    --------
    InferenceResults.to_latex : Effects or parameters alone, as in the tables of papers.
    compare_tables : Several nets side by side.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> summary = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y).summary()
    >>> for line in summary.splitlines()[-6:-4]:
    ...     print(line)
    x0        1.9498      0.0722  <0.0001     <0.0001   <0.0001      0.8226
    x1       -0.8805      0.0703  <0.0001     <0.0001   <0.0001      0.1774
    >>> print(summary.as_csv().splitlines()[0])
    "NewtonMLPRegressor: 2-1, loss squared_error"
    """

    _report: Report

    def __new__(cls, report: Report) -> Summary:
        """The text of a report."""
        found = super().__new__(cls, report.text())
        found._report = report
        return found

    def __getnewargs__(self) -> tuple[Report]:  # type: ignore[override]
        """What copies and pickles are made of."""
        return (self._report,)

    def __repr__(self) -> str:
        """The text, as it is printed."""
        return str(self)

    def as_text(self) -> str:
        """The text alone.

        Returns
        -------
        str
            As ``print`` shows it.
        """
        return str(self)

    def as_html(self) -> str:
        """Headings, tables and paragraphs.

        Returns
        -------
        str
            A ``div``, without colours of its own.
        """
        return self._report.html()

    def as_latex(self, caption: str | None = None, label: str | None = None) -> str:
        r"""Tables, for the package booktabs, with all names escaped.

        Parameters
        ----------
        caption : str, default=None
            Caption, as LaTeX. With it, or a label, all of it stands in a table environment.
        label : str, default=None
            Label for ``\ref``.

        Returns
        -------
        str
            It needs ``\usepackage{booktabs}`` in the preamble.
        """
        return self._report.latex(caption, label)

    def as_csv(self) -> str:
        """The tables as comma-separated values, one after the other.

        Returns
        -------
        str
            Several lines.
        """
        return self._report.csv()

    def _repr_html_(self) -> str:
        return self._report.html()

    def _repr_latex_(self) -> str:
        return self._report.latex()


def summary_report(
    results: Any, level: float, parameters: bool, features: FeatureTable | None
) -> Report:
    """The report of results: facts of the fit, the verdict, effects, weights, notes.

    Parameters
    ----------
    results : InferenceResults
        The results.
    level : float
        Level of the intervals of the weights.
    parameters : bool
        Whether to list the weights, too; without features they are listed in any case.
    features : FeatureTable or None
        Effects and tests; None of rows in blocks.
    """
    parts: list[Table | str] = [_in_pairs(_facts(results)), *_verdict(results)]
    notes = _notes(results)
    if features is not None:
        parts.append(features.table)
        notes = [*features.notes, *notes]
    if parameters or features is None:
        parts.append(_parameters(results, level))
    return Report(results.model, parts, notes)


def _in_pairs(facts: list[tuple[str, str]]) -> Table:
    """Names and values in two halves side by side."""
    half = (len(facts) + 1) // 2
    right = [*facts[half:], ("", "")]
    return Table((), [[*a, *b] for a, b in zip(facts[:half], right, strict=False)], names=(0, 2))


def _facts(results: Any) -> list[tuple[str, str]]:
    information, lags = results.information, results.maxlags
    return [
        ("Rows", f"{results.n_obs:g}"),
        ("Parameters", str(len(results.names))),
        ("Effective parameters", number(results.effective_parameters)),
        ("Residual df", number(results.df_resid)),
        *fit_facts(results),
        ("Objective", number(results.objective_value)),
        ("Critical point", information.critical_point.kind),
        ("Newton decrement", f"{information.decrement:.1e}"),
        ("Condition (H, G)", " ".join(f"{f.condition:.1e}" for f in information.whitened_factors)),
        ("Covariance", results.cov_type + ("" if lags is None else f", {lags} lags")),
        ("Weights", information.weight_type),
        ("Log-likelihood", f"{results.log_likelihood:.3f}"),
        ("AIC", f"{results.aic:.3f}"),
        ("AICc", f"{results.aicc:.3f}"),
        ("BIC", f"{results.bic:.3f}"),
        ("NIC", number(results.nic)),
        ("TIC", f"{results.tic:.3f}"),
        ("GCV", number(results.gcv)),
    ]


def _verdict(results: Any) -> list[str]:
    if results.identifiable:
        opening = "Identifiable: yes."
    elif results._fatal:
        opening = "Identifiable: NO. There are no standard errors:"
    else:
        opening = (
            "Identifiable: NO. Weights have no p-values; effects of features, and tests that the "
            "net depends on them, do:"
        )
    return [opening, *(f"- {message}" for message in results.diagnosis)]


def _parameters(results: Any, level: float) -> Table:
    columns = results.columns(level)
    ratio = "t" if results.use_t else "z"
    tests = {ratio: fixed(columns[ratio], 3), f"P>|{ratio}|": probabilities(columns["p_value"])}
    return estimate_table(
        {"parameter": results.names},
        {"estimate": columns["estimate"], "std. error": columns["std_error"]},
        "std. error",
        np.column_stack([columns["lower"], columns["upper"]]),
        level,
        tests,
    )


def _notes(results: Any) -> list[str]:
    null = "the normal and chi-square distributions"
    if results.use_t:
        null = f"the t and F distributions on {results.df_resid:.6g} degrees of freedom"
    notes = [f"P-values refer to {null}."]
    if isinstance(results.information.objective, BlockObjective):
        notes.append(
            "The rows are in blocks: for effects and tests of features make results of as many "
            "rows as fit the memory."
        )
    few = few_clusters(Dependence(results.groups))
    notes += [few[0].upper() + few[1:] + "."] if few else []
    network = results.information.objective.network
    if results.information.input_parameters is None and not all(network.linear):
        notes.append(
            "Radial units depend on every feature by their form, so that the tests of dependence "
            "reject too often."
        )
    if results.information.penalised and results.cov_type != "bayesian":
        notes.append(
            "The fit is penalised: standard errors are those of the shrunk estimates, whose "
            "bias they do not include."
        )
    if results.chosen_penalty:
        notes.append(
            "The strength of the penalty was chosen on these data. "
            + (
                "Standard errors allow for one that is e times as large or small."
                if results.cov_type == "bayesian"
                else "Standard errors leave out that other data would have chosen another."
            )
        )
    if results.post_selection:
        notes.append(
            "The form of the net was chosen on these data: p-values are too small. Test on "
            "data that had no part in the choice."
        )
    return notes
