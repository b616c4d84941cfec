"""The summary of results, as text and as HTML."""

from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

from sknewtonnet.calculus import BlockObjective
from sknewtonnet.inference._feature_table import FeatureTable
from sknewtonnet.inference._fit_of_mean import fit_facts
from sknewtonnet.inference._parameter_covariance import Dependence, few_clusters
from sknewtonnet.inference._table import Table, number, probability

WIDTH = 99


@dataclass(frozen=True)
class Summary:
    """The parts of a summary.

    Attributes
    ----------
    title : str
        What was fitted.
    facts : list of (str, str)
        Names and values of the numbers that describe the whole fit.
    verdict : list of str
        Sentences of the gate.
    features : FeatureTable or None
        Effects and tests; None of rows in blocks.
    parameters : Table or None
        A row per parameter, if they are wanted.
    notes : list of str
        How to read the tables.
    """

    title: str
    facts: list[tuple[str, str]]
    verdict: list[str]
    features: FeatureTable | None
    parameters: Table | None
    notes: list[str]

    @classmethod
    def of(
        cls, results: Any, level: float, parameters: bool, features: FeatureTable | None
    ) -> "Summary":
        """The summary of results."""
        return cls(
            title=results.model,
            facts=_facts(results),
            verdict=_verdict(results),
            features=features,
            parameters=_parameters(results, level) if parameters or features is None else None,
            notes=_notes(results),
        )

    def text(self) -> str:
        """Lines of text."""
        half = (len(self.facts) + 1) // 2
        names, values = (max(len(fact[k]) for fact in self.facts) for k in (0, 1))
        pairs = [f"{name.ljust(names)}  {value.rjust(values)}" for name, value in self.facts]
        left, right = pairs[:half], [*pairs[half:], ""]
        lines = [self.title, "=" * len(self.title)]
        lines += [f"{a}    {b}".rstrip() for a, b in zip(left, right, strict=False)]
        lines += ["", *_wrapped(self.verdict)]
        if self.features is not None:
            lines += ["", *self.features.table.text(), "", *_wrapped(self.features.notes)]
        if self.parameters is not None:
            lines += ["", *self.parameters.text(), ""]
        return "\n".join([*lines, *_wrapped(self.notes)])

    def html(self) -> str:
        """HTML for a notebook."""
        facts = Table(["", ""], [list(fact) for fact in self.facts]).html()
        paragraphs = "".join(f"<p>{escape(line)}</p>" for line in self.verdict)
        notes, effects = self.notes, ""
        if self.features is not None:
            notes, effects = [*self.features.notes, *notes], self.features.table.html()
        parameters = "" if self.parameters is None else self.parameters.html()
        small = "".join(f"<p><small>{escape(line)}</small></p>" for line in notes)
        return (
            f"<div><h4>{escape(self.title)}</h4>{facts}{paragraphs}"
            f"{effects}{parameters}{small}</div>"
        )


def _wrapped(lines: list[str]) -> list[str]:
    return [part for line in lines for part in wrap(line, WIDTH, subsequent_indent="  ")]


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
        ("Log-likelihood", number(results.log_likelihood)),
        ("AIC", number(results.aic)),
        ("AICc", number(results.aicc)),
        ("BIC", number(results.bic)),
        ("NIC", number(results.nic)),
        ("TIC", number(results.tic)),
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
    format_of = {"p_value": probability}
    labels = {
        "estimate": "estimate",
        "std_error": "std. error",
        "p_value": "P>|t|" if results.use_t else "P>|z|",
        "lower": f"[{100 * (0.5 - 0.5 * level):.4g} %",
        "upper": f"{100 * (0.5 + 0.5 * level):.4g} %]",
    }
    entries = [
        [format_of.get(key, number)(value) for value in values] for key, values in columns.items()
    ]
    rows = [list(row) for row in zip(results.names, *entries, strict=True)]
    return Table(["parameter", *(labels.get(key, key) for key in columns)], rows)


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
