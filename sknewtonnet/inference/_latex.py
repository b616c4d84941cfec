"""Tables in LaTeX, for the package booktabs."""

import re
from collections.abc import Sequence

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


def escaped(text: str) -> str:
    """Text with all letters that LaTeX reads as commands made plain."""
    return "".join(_ESCAPED.get(letter, letter) for letter in text)


def latex_table(
    parts: Sequence[Sequence[Sequence[str]]],
    notes: Sequence[str],
    caption: str | None = None,
    label: str | None = None,
) -> str:
    """A tabular of plain text; the first column is names, the others are numbers.

    Parameters
    ----------
    parts : sequence of lists of rows
        Groups of rows between rules, the first of them the header. All rows have as many entries.
    notes : sequence of str
        Lines beneath.
    caption, label : str, default=None
        As LaTeX; with either the tabular stands in a table environment.
    """
    n_columns = len(parts[0][0])
    lines = [rf"\begin{{tabular}}{{l{'r' * (n_columns - 1)}}}", r"\toprule"]
    for part in parts:
        if part:
            lines += [_row(row) for row in part]
            lines.append(r"\midrule")
    lines[-1] = r"\bottomrule"
    small = rf"\multicolumn{{{n_columns}}}{{l}}{{\footnotesize "
    lines += [f"{small}{escaped(note)}}} \\\\" for note in notes]
    lines.append(r"\end{tabular}")
    if caption is None and label is None:
        return "\n".join(lines)
    head = [r"\begin{table}", r"\centering"]
    head += [] if caption is None else [rf"\caption{{{caption}}}"]
    head += [] if label is None else [rf"\label{{{label}}}"]
    return "\n".join([*head, *lines, r"\end{table}"])


def _row(cells: Sequence[str]) -> str:
    """One row; a star at its start would belong to the end of the row before."""
    name, *numbers = map(escaped, cells)
    minus = [re.sub(r"^(\(?)-(?=[0-9])", r"\1$-$", number) for number in numbers]
    guard = "{}" if name.startswith("*") else ""
    return guard + " & ".join([name, *minus]) + r" \\"
