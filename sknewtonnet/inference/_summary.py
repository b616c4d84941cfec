"""The summary of results, as text and as HTML."""

from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import numpy as np

WIDTH = 99


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; the first column is names.

    Attributes
    ----------
    header : list of str
        Names of the columns.
    rows : list of list of str
        Their entries.
    """

    header: list[str]
    rows: list[list[str]]

    def text(self) -> list[str]:
        """Lines with aligned columns."""
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        return [
            "  ".join(
                [
                    row[0].ljust(widths[0]),
                    *(e.rjust(w) for e, w in zip(row[1:], widths[1:], strict=True)),
                ]
            ).rstrip()
            for row in [self.header, *self.rows]
        ]

    def html(self) -> str:
        """The same as an HTML table."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.header)
        body = "".join(
            "<tr><th>"
            + escape(row[0])
            + "</th>"
            + "".join(f"<td>{escape(entry)}</td>" for entry in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


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
    parameters, features : Table
        A row per parameter, and per feature.
    notes : list of str
        How to read the tables.
    """

    title: str
    facts: list[tuple[str, str]]
    verdict: list[str]
    parameters: Table
    features: Table
    notes: list[str]

    @classmethod
    def of(cls, results: Any, level: float) -> "Summary":
        """The summary of results."""
        tests = results.wald_test_features(groups={}, adjust="holm")
        return cls(
            title=results.model,
            facts=_facts(results),
            verdict=_verdict(results),
            parameters=_parameters(results, level),
            features=_features(results, tests),
            notes=_notes(results, tests),
        )

    def text(self) -> str:
        """Lines of text."""
        half = (len(self.facts) + 1) // 2
        names, values = (max(len(fact[k]) for fact in self.facts) for k in (0, 1))
        pairs = [f"{name.ljust(names)}  {value.rjust(values)}" for name, value in self.facts]
        left, right = pairs[:half], [*pairs[half:], ""]
        lines = [self.title, "=" * len(self.title)]
        lines += [f"{a}    {b}".rstrip() for a, b in zip(left, right, strict=False)]
        lines += ["", *_wrapped(self.verdict), "", *self.parameters.text()]
        lines += ["", *self.features.text(), "", *_wrapped(self.notes)]
        return "\n".join(lines)

    def html(self) -> str:
        """HTML for a notebook."""
        facts = Table(["", ""], [list(fact) for fact in self.facts]).html()
        paragraphs = "".join(f"<p>{escape(line)}</p>" for line in self.verdict)
        notes = "".join(f"<p><small>{escape(line)}</small></p>" for line in self.notes)
        return (
            f"<div><h4>{escape(self.title)}</h4>{facts}{paragraphs}"
            f"{self.parameters.html()}{self.features.html()}{notes}</div>"
        )


def _wrapped(lines: list[str]) -> list[str]:
    return [part for line in lines for part in wrap(line, WIDTH, subsequent_indent="  ")]


def _number(value: float) -> str:
    """Six significant digits, or "nan"."""
    return "nan" if np.isnan(value) else f"{value:.6g}"


def _probability(value: float) -> str:
    return "nan" if np.isnan(value) else f"{value:.3g}" if value < 1e-3 else f"{value:.4f}"


def _probabilities(*values: float) -> list[str]:
    return [_probability(value) for value in values]


def _facts(results: Any) -> list[tuple[str, str]]:
    information = results.information
    return [
        ("Rows", f"{results.n_obs:g}"),
        ("Parameters", str(len(results.names))),
        ("Effective parameters", _number(results.effective_parameters)),
        ("Residual df", _number(results.df_resid)),
        ("Dispersion", _number(results.dispersion)),
        ("Objective", _number(results.objective_value)),
        ("Critical point", information.critical_point.kind),
        ("Newton decrement", f"{information.decrement:.1e}"),
        ("Condition (H, G)", " ".join(f"{f.condition:.1e}" for f in information.whitened_factors)),
        ("Covariance", results.cov_type),
        ("Weights", information.weight_type),
        ("Log-likelihood", _number(results.log_likelihood)),
        ("AIC", _number(results.aic)),
        ("AICc", _number(results.aicc)),
        ("BIC", _number(results.bic)),
        ("NIC", _number(results.nic)),
        ("TIC", _number(results.tic)),
        ("GCV", _number(results.gcv)),
    ]


def _verdict(results: Any) -> list[str]:
    if results.identifiable:
        opening = "Identifiable: yes."
    elif results._fatal:
        opening = "Identifiable: NO. There are no standard errors:"
    else:
        opening = "Identifiable: NO. Do not rely on the p-values below:"
    return [opening, *(f"- {message}" for message in results.diagnosis)]


def _parameters(results: Any, level: float) -> Table:
    columns = results.columns(level)
    format_of = {"p_value": _probability}
    labels = {
        "estimate": "estimate",
        "std_error": "std. error",
        "p_value": "P>|t|" if results.use_t else "P>|z|",
        "lower": f"[{100 * (0.5 - 0.5 * level):.4g} %",
        "upper": f"{100 * (0.5 + 0.5 * level):.4g} %]",
    }
    entries = [
        [format_of.get(key, _number)(value) for value in values] for key, values in columns.items()
    ]
    rows = [list(row) for row in zip(results.names, *entries, strict=True)]
    return Table(["parameter", *(labels.get(key, key) for key in columns)], rows)


def _features(results: Any, tests: dict[str, Any]) -> Table:
    ratios = results.ratios
    header = ["feature", "Wald", "df", "p", "p (Holm)", *(["LR", "p (LR)"] if ratios else [])]
    rows = []
    for (name, test), share in zip(tests.items(), results.feature_importance, strict=True):
        adjusted = np.nan if test.p_adjusted is None else test.p_adjusted
        row = [
            name,
            _number(test.statistic),
            str(test.df),
            *_probabilities(test.p_value, adjusted),
        ]
        if name in ratios:
            row += [_number(ratios[name].statistic), *_probabilities(ratios[name].p_value)]
        elif ratios:
            row += ["", ""]
        rows.append([*row, "nan" if np.isnan(share) else f"{share:.4f}"])
    return Table([*header, "importance"], rows)


def _notes(results: Any, tests: dict[str, Any]) -> list[str]:
    null = "the normal and chi-square distributions"
    if results.use_t:
        null = f"the t and F distributions on {results.df_resid:.6g} degrees of freedom"
    notes = [f"P-values refer to {null}."]
    if results.information.penalised and results.cov_type != "bayesian":
        notes.append(
            "The fit is penalised: standard errors are those of the shrunk estimates, whose "
            "bias they do not include."
        )
    if results.chosen_penalty:
        notes.append(
            "The strength of the penalty was chosen on these data: standard errors take it as "
            "given, and leave out that other data would have chosen another."
        )
    if results.post_selection:
        notes.append(
            "The form of the net was chosen on these data: p-values are too small. Test on "
            "data that had no part in the choice."
        )
    reasons = {test.reason for test in tests.values() if test.reason}
    notes += [f"No test: {reason.rstrip('.')}." for reason in sorted(reasons)]
    return notes
