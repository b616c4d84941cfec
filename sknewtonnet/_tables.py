"""Tables as text, HTML, LaTeX and CSV, and objects that show themselves as one.

What a user looks at comes from here: :class:`Table` is rows of text, :class:`Report` is tables
under a title with paragraphs and notes, and a class that inherits :class:`Shown` is one line as
its ``repr``, text when it is printed, and a table in notebooks.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import chain, pairwise
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH = 99

# Rows that are shown of a long table, half of them from its end.
MOST_ROWS = 20

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after the end of a row a bracket would be an argument
    "]": "{]}",
}

# Stars behind a number; of a name that ends so, there are digits before.
_STARS = re.compile(r"(?<=[0-9])\*+$")

# Wide tables fit the text of an article.
_NARROW = r"\footnotesize\setlength{\tabcolsep}{3pt}"

# Colours and fonts are those of the page, so that dark themes stay dark; wide tables scroll.
_SCROLLS = '<div style="overflow-x:auto">'
_RULE = "border-bottom:1px solid"


def imported_pandas() -> Any:
    """The module pandas, which data frames are made by; it is no requirement of the package.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "data frames need pandas: pip install 'sknewtonnet[pandas]', or pandas alone."
        ) from error
    return pd


@dataclass(frozen=True)
class Table:
    """Rows of text.

    Parameters
    ----------
    header : sequence of str
        Names of the columns; empty for none.
    rows : sequence of sequences of str
        Their entries.
    foot : sequence of sequences of str, default=()
        More rows, beneath a rule.
    names : tuple of int, default=(0,)
        Columns that are names, and stand left; all others are numbers, and stand right.
    words : tuple of int, default=()
        Columns that are no names and stand left, too.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    foot: Sequence[Sequence[str]] = ()
    names: tuple[int, ...] = (0,)
    words: tuple[int, ...] = ()

    @property
    def _left(self) -> set[int]:
        return {*self.names, *self.words}

    @classmethod
    def of(
        cls, labels: Mapping[str, Sequence[str]], columns: Mapping[str, Sequence[str]]
    ) -> Table:
        """A table from its columns, names first."""
        rows = list(map(list, zip(*labels.values(), *columns.values(), strict=True)))
        return cls([*labels, *columns], rows, names=tuple(range(len(labels))))

    def of_first_and_last(self, n: int) -> Table:
        """With a row of dots in the middle, if these are not all n rows: see :func:`shown_of`."""
        if len(self.rows) == n:
            return self
        half = len(self.rows) // 2
        gap = ["..." for _ in self.rows[0]]
        rows = [*self.rows[:half], gap, *self.rows[half:]]
        return replace(self, rows=rows)

    @property
    def _groups(self) -> list[list[Sequence[str]]]:
        """Header, rows and foot, those that there are."""
        head = [self.header] if self.header else []
        return [group for group in (head, list(self.rows), list(self.foot)) if group]

    def text(self) -> list[str]:
        """Lines with aligned columns, and rules between header, rows and foot."""
        groups = self._groups
        if not groups:
            return []
        widths = [max(map(len, column)) for column in zip(*chain(*groups), strict=True)]
        rule = "-" * (sum(widths) + 2 * len(widths) - 2)

        def line(row: Sequence[str]) -> str:
            cells = [
                cell.ljust(width) if j in self._left else cell.rjust(width)
                for j, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            return "  ".join(cells).rstrip()

        return [rule, *(text for group in groups for text in (*map(line, group), rule))]

    def html(self) -> str:
        """An HTML table."""
        head = self._html_rows([self.header], "th", f"{_RULE};") if self.header else ""
        head = f"<thead>{head}</thead>" if head else ""
        foot = f"<tfoot>{self._html_rows(self.foot, 'td')}</tfoot>" if self.foot else ""
        body = f"<tbody>{self._html_rows(self.rows, 'td')}</tbody>"
        return f"{_SCROLLS}<table>{head}{body}{foot}</table></div>"

    def _html_rows(self, rows: Sequence[Sequence[str]], kind: str, style: str = "") -> str:
        found = []
        for row in rows:
            cells = []
            for j, cell in enumerate(row):
                tag = "th" if j in self.names else kind
                side = "left" if j in self._left else "right"
                indent = len(cell) - len(cell.lstrip())  # of the levels of a factor, say
                inset = f";padding-left:{0.5 + 0.6 * indent:g}em" if indent else ""
                look = f"{style}text-align:{side}{inset}"
                cells.append(f'<{tag} style="{look}">{escape(cell.strip())}</{tag}>')
            found.append(f"<tr>{''.join(cells)}</tr>")
        return "".join(found)

    def latex(self, notes: Sequence[str] = ()) -> list[str]:
        """Lines of a tabular for the package booktabs, all text made plain.

        Decimals stand below each other: stars and the ends of parentheses take no width.

        Parameters
        ----------
        notes : sequence of str, default=()
            Lines beneath.
        """
        groups = self._groups
        n_columns = len(groups[0][0]) if groups else 1
        starred = any(_STARS.search(cell) for row in chain(*groups[1:]) for cell in row[1:])
        number = r"r@{\hspace{1.8em}}" if starred else "r"
        sides = "".join("l" if j in self._left else number for j in range(n_columns))
        lines = [rf"\begin{{tabular}}{{{sides}}}", r"\toprule"]
        for k, group in enumerate(groups):
            cell = _latex_name if self.header and not k else _latex_number
            lines += [self._latex_row(row, cell) for row in group]
            lines.append(r"\midrule")
        lines[-1] = r"\bottomrule"
        small = rf"\multicolumn{{{n_columns}}}{{l}}{{\footnotesize "
        lines += [f"{small}{_latex_note(note)}}} \\\\" for note in notes]
        return [*lines, r"\end{tabular}"]

    def _latex_row(self, row: Sequence[str], cell: Callable[[str], str]) -> str:
        """One row; a star at its start would belong to the end of the row before."""
        cells = [
            _latex_name(text) if j in self._left else cell(text) for j, text in enumerate(row)
        ]
        guard = "{}" if cells[0].startswith("*") else ""
        return guard + " & ".join(cells) + r" \\"


@dataclass(frozen=True)
class Report:
    """Tables and paragraphs under a title, with notes at the end.

    Parameters
    ----------
    title : str
        A line; empty for none.
    parts : sequence of Table or str
        In order; a str is a paragraph.
    notes : sequence of str, default=()
        How to read the tables.
    """

    title: str
    parts: Sequence[Table | str]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """Lines of at most 99 characters, but for wide tables."""
        blocks = [[self.title]] if self.title else []
        for before, part in pairwise(["", *self.parts]):
            blocks += [[""]] if isinstance(before, Table) and isinstance(part, Table) else []
            blocks.append(_wrapped(part) if isinstance(part, str) else part.text())
        blocks.append([line for note in self.notes for line in _wrapped(note)])
        return "\n".join("\n".join(block) for block in blocks if block)

    def html(self) -> str:
        """A div with headings, tables and paragraphs."""
        title = f"<p><strong>{escape(self.title)}</strong></p>" if self.title else ""
        parts = [_paragraph(p) if isinstance(p, str) else p.html() for p in self.parts]
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        return f"<div>{title}{''.join(parts)}{notes}</div>"

    def latex(self, caption: str | None = None, label: str | None = None) -> str:
        r"""Tabulars for the package booktabs, and paragraphs.

        Parameters
        ----------
        caption, label : str, default=None
            As LaTeX; with either all of it stands in a table environment.
        """
        blocks = [[rf"\textbf{{{latex_escaped(self.title)}}}"]] if self.title else []
        for part in self.parts:
            blocks.append([_latex_paragraph(part)] if isinstance(part, str) else part.latex())
        blocks += [[_latex_paragraph(note)] for note in self.notes]
        lines = "\n\n\\smallskip\n".join("\n".join(block) for block in blocks).splitlines()
        if caption is None and label is None:
            return "\n".join([r"\begin{center}", _NARROW, *lines, r"\end{center}"])
        return "\n".join(in_float([_NARROW, *lines], caption, label))

    def csv(self) -> str:
        """Comma-separated values: the title, each table, paragraphs and notes."""
        found = io.StringIO()
        writer = csv.writer(found, lineterminator="\n")
        writer.writerows([[self.title]] if self.title else [])
        for part in self.parts:
            rows = [[part]] if isinstance(part, str) else list(chain(*part._groups))
            writer.writerows(rows)
        writer.writerows([note] for note in self.notes)
        return found.getvalue()


class Worded:
    """A class whose ``repr`` is its name and a few words.

    ``_in_words`` reads what is there and computes nothing; a half-made object is its name.
    """

    __slots__ = ()

    def _in_words(self) -> str:
        return ""

    def __repr__(self) -> str:
        """The name of the class, and what it is."""
        name = type(self).__name__
        try:
            words = self._in_words()
        except Exception:  # a repr never raises: debuggers ask for those of half-made objects
            words = "(incomplete)"
        return f"{name} {words}" if words else name


class Shown(Worded):
    """A class that is text when it is printed, and a table in notebooks: see ``_report``."""

    __slots__ = ()

    def _report(self) -> Report:
        raise NotImplementedError

    def __str__(self) -> str:
        """The table as text."""
        return self._report().text()

    def _repr_html_(self) -> str:
        return self._report().html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Text, HTML and LaTeX from one report: whoever shows them takes what it can."""
        report = self._report()
        return {
            "text/plain": report.text(),
            "text/html": report.html(),
            "text/latex": report.latex(),
        }


def in_float(lines: Sequence[str], caption: str | None, label: str | None) -> list[str]:
    """Lines of LaTeX in a table environment, if there is a caption or a label."""
    if caption is None and label is None:
        return list(lines)
    head = [r"\begin{table}", r"\centering"]
    head += [] if caption is None else [rf"\caption{{{caption}}}"]
    head += [] if label is None else [rf"\label{{{label}}}"]
    return [*head, *lines, r"\end{table}"]


def latex_escaped(text: str) -> str:
    """Text with all letters that LaTeX reads as commands made plain; "R^2" has its exponent."""
    plain = "".join(_ESCAPED.get(letter, letter) for letter in text)
    return re.sub(r"(?<=[A-Za-z])\\textasciicircum\{\}(\d+)", r"$^{\1}$", plain)


def _latex_name(text: str) -> str:
    """A cell of text; levels stay indented beneath their factor."""
    return (r"\quad " if text.startswith("  ") else "") + latex_escaped(text.strip())


def _latex_number(text: str) -> str:
    """A cell of numbers: signs and powers of ten as in mathematics, stars raised.

    What stands behind the last digit has no width, so that digits align on the right.
    """
    body, stars = _STARS.sub("", text), _STARS.search(text)
    found = re.sub(r"^(\(?)-(?=[0-9])", r"\1$-$", latex_escaped(body))
    found = re.sub(r"([0-9])e([+-])0*([0-9]+)", _power_of_ten, found)
    if body.startswith("(") and body.endswith(")"):
        found = found[:-1] + r"\rlap{)}"
    return found if stars is None else rf"{found}\rlap{{$^{{{stars[0]}}}$}}"


def _power_of_ten(number: re.Match[str]) -> str:
    sign = "-" if number[2] == "-" else ""
    return rf"{number[1]}$\times 10^{{{sign}{number[3]}}}$"


def _latex_note(note: str) -> str:
    """A note; stars in it are raised as in the table."""
    return re.sub(r"(\*+)(?= p )", r"$^{\1}$", latex_escaped(note))


def _latex_paragraph(text: str) -> str:
    """A paragraph or note between centred tables, from the left; a dash begins an item."""
    text = f"-- {text[2:]}" if text.startswith("- ") else text
    return rf"{{\raggedright {latex_escaped(text)}\par}}"


def decimals_of(values: ArrayLike) -> int:
    """Decimals that show three digits of numbers: of the smallest up to 4, of the typical up to 6.

    Parameters
    ----------
    values : array-like
        Numbers in any unit; of estimates their standard errors, which say what digits mean.
    """
    sizes = np.abs(np.ravel(np.asarray(values, dtype=float)))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0.0)]
    if not len(sizes):
        return 4
    sizes = np.array([sizes.min(), np.median(sizes)])
    least, typical = (2 - np.floor(np.log10(sizes))).astype(int).tolist()
    return min(max(typical, min(least, 4), 0), 6)


def fixed(values: ArrayLike, decimals: int | None = None) -> list[str]:
    """Numbers with the same decimals; those that they do not suit have an exponent."""
    numbers = np.ravel(np.asarray(values, dtype=float))
    places = decimals_of(numbers) if decimals is None else decimals
    return [_fixed(float(value), places) for value in numbers]


def estimates(columns: Mapping[str, ArrayLike], error: str) -> dict[str, list[str]]:
    """Columns of estimates, errors and ends of intervals, with the decimals of their errors."""
    places = decimals_of(columns[error])
    return {name: fixed(values, places) for name, values in columns.items()}


def probabilities(values: ArrayLike) -> list[str]:
    """P-values: four decimals, or "<0.0001"."""
    return [probability(float(value)) for value in np.ravel(np.asarray(values, dtype=float))]


def probability(value: float) -> str:
    """A p-value with four decimals, or "<0.0001", or "nan"."""
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def number(value: float, digits: int = 6) -> str:
    """Significant digits, or "nan"."""
    return "nan" if np.isnan(value) else f"{value:.{digits}g}"


def estimate_table(
    labels: Mapping[str, Sequence[str]],
    values: Mapping[str, ArrayLike],
    error: str,
    interval: ArrayLike,
    level: float,
    tests: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """Estimates with their errors, tests and intervals.

    Parameters
    ----------
    labels : mapping of str to sequence of str
        Names of the rows, in one or more columns.
    values : mapping of str to array-like
        Estimates and errors, all in one unit.
    error : str
        Which of them is the standard error.
    interval : array-like of shape (..., 2)
        Ends of intervals.
    level : float
        Level of the intervals.
    tests : mapping of str to sequence of str, default=None
        Columns between errors and intervals.
    """
    ends = np.reshape(np.asarray(interval, dtype=float), (-1, 2)).T
    shown = estimates({**values, **dict(zip(interval_names(level), ends, strict=True))}, error)
    first = {name: shown[name] for name in values}
    last = {name: shown[name] for name in interval_names(level)}
    return Table.of(labels, first | dict(tests or {}) | last)


def labels_of(
    kind: str, names: Sequence[str], outputs: Sequence[str], values: ArrayLike
) -> dict[str, list[str]]:
    """Labels of an array of shape (n_names,) or (n_names, n_outputs), entry by entry."""
    if np.ndim(values) == 1:
        return {kind: list(names)}
    return {
        kind: [name for name in names for _ in outputs],
        "output": [output for _ in names for output in outputs],
    }


def shown_of(n: int) -> NDArray[np.intp]:
    """Which of n rows are shown: all, or the first and last ``MOST_ROWS / 2``."""
    half = MOST_ROWS // 2
    if n <= MOST_ROWS + 1:
        return np.arange(n)
    return np.r_[:half, n - half : n]


def interval_names(level: float) -> tuple[str, str]:
    """Headings of the ends of intervals, such as "[2.5 %" and "97.5 %]"."""
    return f"[{100 * (0.5 - 0.5 * level):.4g} %", f"{100 * (0.5 + 0.5 * level):.4g} %]"


def counted(n: int, noun: str) -> str:
    """A number with its noun, in the plural but for one."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _paragraph(text: str) -> str:
    """A paragraph; one that begins with a dash is an item of a list."""
    if text.startswith("- "):
        return f"<ul><li>{escape(text[2:])}</li></ul>"
    return f"<p>{escape(text)}</p>"


def _fixed(value: float, decimals: int) -> str:
    size = abs(value)
    if np.isfinite(value) and size and (size < 0.5 * 10.0**-decimals or size >= 1e7):
        return f"{value:.2e}"
    return f"{value:.{decimals}f}"


def _wrapped(paragraph: str) -> list[str]:
    return wrap(paragraph, WIDTH, subsequent_indent="  ")
