"""Tables of text and numbers."""

from dataclasses import dataclass
from html import escape

import numpy as np


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


def number(value: float, digits: int = 6) -> str:
    """Significant digits, or "nan"."""
    return "nan" if np.isnan(value) else f"{value:.{digits}g}"


def probability(value: float) -> str:
    """Four decimals, three digits where there are none among them, or "nan"."""
    return "nan" if np.isnan(value) else f"{value:.3g}" if value < 1e-3 else f"{value:.4f}"
