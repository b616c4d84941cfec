"""Tables of several nets side by side, as text, LaTeX, HTML and data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sknewtonnet._names import unknown_name
from sknewtonnet._tables import Report, Shown, Table, counted, imported_pandas, in_float
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.inference._checks import check_choice
from sknewtonnet.inference._fit_of_mean import mcfadden

# What is shown of each net.
ROWS = ("effects", "parameters")

_Estimates = list[tuple[float, float, float]]

# Marks of p-values below these levels, where asked for.
_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


@dataclass(frozen=True, repr=False)
class ComparisonTable(Shown):
    """Estimates of several nets side by side, with standard errors beneath.

    :func:`compare_tables` makes it. Printed, it is its text.

    Parameters
    ----------
    names : list of str
        Headings of the nets.
    estimates : dict of str to list of (str, str)
        By the name of a row, the estimate and the standard error in each net; empty where it has
        none.
    facts : dict of str to list of str
        By the name of a number that describes a whole fit, its value in each net.
    notes : list of str
        What the numbers are.

    See Also
    --------
    compare_tables : The function that makes it.
    ComparisonResult : A test of two nets.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> from sknewtonnet.inference import compare_tables
    >>> table = compare_tables({"line": results})
    >>> table.estimates["x0"]
    [('1.950', '(0.072)')]
    """

    names: list[str]
    estimates: dict[str, list[tuple[str, str]]]
    facts: dict[str, list[str]]
    notes: list[str]

    def _rows(self) -> list[list[str]]:
        """Rows of estimates, each with one of standard errors beneath."""
        found = []
        for label, cells in self.estimates.items():
            found.append([label, *(estimate for estimate, _ in cells)])
            found.append(["", *(error for _, error in cells)])
        return found

    @property
    def _table(self) -> Table:
        facts = [[label, *values] for label, values in self.facts.items() if any(values)]
        return Table(["", *self.names], self._rows(), facts)

    def _report(self) -> Report:
        return Report("", [self._table], self.notes)

    def _in_words(self) -> str:
        return f"of {', '.join(self.names)}: {counted(len(self.estimates), 'row')}"

    def text(self) -> str:
        """Text with aligned columns.

        Returns
        -------
        str
            Several lines.
        """
        return self._report().text()

    def to_latex(self, caption: str | None = None, label: str | None = None) -> str:
        r"""A LaTeX table for the package booktabs, with all names escaped.

        Parameters
        ----------
        caption : str, default=None
            Caption, as LaTeX. With it, or a label, the tabular stands in a table environment.
        label : str, default=None
            Label for ``\ref``.

        Returns
        -------
        str
            It needs ``\usepackage{booktabs}`` in the preamble.
        """
        facts = {name.replace("R2", "R^2"): fact for name, fact in self.facts.items()}
        table = replace(self, facts=facts)._table
        return "\n".join(in_float(table.latex(self.notes), caption, label))

    def to_html(self) -> str:
        """An HTML table.

        Returns
        -------
        str
            A ``table`` with its notes.
        """
        return self._report().html()

    def to_frame(self) -> Any:
        """The table as a pandas data frame of text.

        Returns
        -------
        pandas.DataFrame
            A column per net. Rows are named by the estimate or fact, and "estimate", "std_error"
            or "fit".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        rows: dict[tuple[str, str], list[str]] = {}
        for name, cells in self.estimates.items():
            rows[name, "estimate"] = [estimate for estimate, _ in cells]
            rows[name, "std_error"] = [error.strip("()") for _, error in cells]
        rows |= {(name, "fit"): values for name, values in self.facts.items()}
        index = pd.MultiIndex.from_tuples(list(rows), names=["row", "kind"])
        return pd.DataFrame(list(rows.values()), index=index, columns=self.names)


def compare_tables(
    results: Mapping[str, Any] | Sequence[Any],
    names: Sequence[str] | None = None,
    *,
    rows: str = "effects",
    stars: bool = False,
    digits: int = 3,
    labels: Mapping[str, str] | None = None,
) -> ComparisonTable:
    """Several nets side by side: estimates, standard errors beneath in parentheses, fits.

    The table that papers print: one column for each net, one row for each effect or parameter, and
    beneath them the sizes and criteria of the fits.

    Parameters
    ----------
    results : mapping of str to InferenceResults, or sequence of them
        The nets, by their headings. Their inputs may differ.
    names : sequence of str, default=None
        Headings, where ``results`` is a sequence; "(1)", "(2)", ... if None.
    rows : {"effects", "parameters"}, default="effects"
        What is shown: average marginal effects, which compare between nets of any size; or
        parameters.
    stars : bool, default=False
        Whether to mark p-values below 0.05, 0.01 and 0.001. A star is no measure of an effect.
    digits : int, default=3
        Digits after the point; numbers that have none of them, or a million and more, are written
        with an exponent.
    labels : mapping of str to str, default=None
        What rows are called in the table, by the names of their features or of the rows, such as
        ``{"hp": "Horsepower"}``. Rows under one label share a line, so that names that differ
        between nets can stand in one.

    Returns
    -------
    ComparisonTable
        With ``text()``, ``to_latex()``, ``to_html()`` and ``to_frame()``.

    Raises
    ------
    ValueError
        If there are no results or something else in their place, names are not as many or not
        distinct, a label is for no row or given twice in a net, or another argument is not
        allowed.

    See Also
    --------
    ComparisonTable : What it returns.
    InferenceResults.compare : A test of two nets.
    Summary : All that one fit has to say.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.inference import compare_tables
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
    >>> line = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
    >>> one = NewtonMLPRegressor((), alpha=0.0).fit(X[:, :1], y).inference(X[:, :1], y)
    >>> table = compare_tables({"both": line, "one": one})
    >>> for row in table.text().splitlines()[3:6]:
    ...     print(row)
    x0                      1.950   1.901
                          (0.072) (0.096)
    x1                     -0.881
    """
    listed = list(results.values()) if isinstance(results, Mapping) else list(results)
    if isinstance(results, Mapping):
        if names is not None:
            raise ValueError("names is for a sequence of results; a mapping has names already.")
        names = list(results)
    headings = [f"({j + 1})" for j in range(len(listed))] if names is None else list(names)
    if not listed or len(headings) != len(listed) or len(set(headings)) < len(headings):
        raise ValueError(
            f"compare_tables needs results and as many distinct names, got {len(listed)} results "
            f"and the names {headings!r}."
        )
    check_choice("rows", rows, ROWS)
    check_choice("stars", stars, (True, False))
    check_count("digits", digits, 0)
    for each in listed:
        if not hasattr(each, "marginal_effects"):
            raise ValueError(f"results must be results of inference, got {each!r}.")
    columns = _columns(listed, rows, labels or {})
    lines = dict.fromkeys(label for column in columns for label in column)
    estimates = {
        label: [_cell(column.get(label), stars, digits) for column in columns] for label in lines
    }
    facts = [_facts(each) for each in listed]
    return ComparisonTable(
        names=headings,
        estimates=estimates,
        facts={label: [fact[label] for fact in facts] for label in facts[0]},
        notes=_notes(listed, rows, stars),
    )


def _effects(results: Any, labels: Mapping[str, str]) -> tuple[list[str], list[str], _Estimates]:
    """Average effects: rows as they are called, all names that they go by, and the numbers."""
    found = results.marginal_effects()
    own, known = list(found.names), [*found.names, *found.features]
    called = [labels.get(n, labels.get(f, n)) for n, f in zip(own, found.features, strict=True)]
    if found.effects.ndim == 2:
        outputs = found.output_names
        full = [f"{name}, {output}" for name in own for output in outputs]
        short = [f"{name}, {output}" for name in called for output in outputs]
        called = [labels.get(name, other) for name, other in zip(full, short, strict=True)]
        known += full
    columns = (found.effects.ravel(), found.std_errors.ravel(), found.p_values.ravel())
    return called, known, list(zip(*columns, strict=True))


def _parameters(
    results: Any, labels: Mapping[str, str]
) -> tuple[list[str], list[str], _Estimates]:
    columns = (results.params, results.std_errors, results.p_values)
    called = [labels.get(name, name) for name in results.names]
    return called, results.names, list(zip(*columns, strict=True))


def _columns(
    listed: Sequence[Any], rows: str, labels: Mapping[str, str]
) -> list[dict[str, tuple[float, float, float]]]:
    """Of each net the estimates, their errors and p-values, by what their rows are called."""
    found, names = [], []
    for each in listed:
        called, known, numbers = (_effects if rows == "effects" else _parameters)(each, labels)
        if len(set(called)) < len(called):
            raise ValueError(
                f"labels must tell the rows of a net apart, got {labels!r} for {known}."
            )
        names += known
        found.append(dict(zip(called, numbers, strict=True)))
    for name in labels:
        if name not in names:
            raise ValueError(unknown_name("labels", name, dict.fromkeys(names), "row"))
    return found


def _facts(results: Any) -> dict[str, str]:
    """What describes a whole fit."""
    return {
        "Rows": f"{results.n_obs:g}",
        "Effective parameters": _plain(results.effective_parameters, 1),
        "R2": _plain(results.rsquared, 3),
        "Pseudo R2 (McFadden)": _plain(mcfadden(results), 3),
        "Log-likelihood": _plain(results.log_likelihood, 1),
        "AIC": _plain(results.aic, 1),
        "BIC": _plain(results.bic, 1),
        "Standard errors": results.cov_type,
        "Identifiable": "yes" if results.identifiable else "no",
    }


def _notes(results: Sequence[Any], rows: str, stars: bool) -> list[str]:
    what = "Average marginal effects on the mean" if rows == "effects" else "Parameters"
    notes = [f"{what}, standard errors in parentheses."]
    if stars:
        notes.append(", ".join(f"{mark} p < {level:g}" for level, mark in reversed(_STARS)) + ".")
    if rows == "parameters" and not all(each.identifiable for each in results):
        notes.append("Parameters of nets that are not identifiable have no valid p-values.")
    return notes


def _cell(found: tuple[float, float, float] | None, stars: bool, digits: int) -> tuple[str, str]:
    """An estimate with its stars, and its standard error in parentheses."""
    if found is None:
        return "", ""
    estimate, error, p_value = found
    mark = next((mark for level, mark in _STARS if p_value < level), "") if stars else ""
    return _number(estimate, digits) + mark, f"({_number(error, digits)})"


def _number(value: float, digits: int) -> str:
    """Digits after the point; for tiny and huge numbers as many that count."""
    if np.isfinite(value) and value and not 10.0**-digits <= abs(value) < 1e6:
        return f"{value:.{max(digits - 1, 0)}e}"
    return f"{value:.{digits}f}"


def _plain(value: float, digits: int) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}f}"
