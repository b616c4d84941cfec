"""Records of how the strength of the penalty was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sknewtonnet._figures import axes
from sknewtonnet._path_figures import draw_alpha_path, draw_ard_loss
from sknewtonnet._tables import Report, Shown, Table, counted, fixed, imported_pandas
from sknewtonnet._typing import Array


@dataclass(frozen=True, eq=False, repr=False)
class ArdSelection(Shown):
    """Strengths of the penalty by the evidence: one for each input, and one for each later layer.

    Parameters
    ----------
    inputs : dict of str to float
        Strength of the coefficients of each input, by its name. The larger it is the less the
        input matters: without effect on the predictions it is at the upper bound, 10 000.
    layers : dict of str to float
        "hidden intercepts", and what each layer reads from hidden units, by the names of arrays.
    log_evidence : ndarray of shape (n_steps,)
        Log evidence of each step of the search, on the rows that took part; the strengths are
        those of the highest.
    held_out_loss : float
        Mean loss of the rows left out, with strengths that the other rows gave. If already the
        strengths above, which know all rows, do no better than one strength for all: theirs.
    std_error : float
        Standard error, over rows, of its difference from that of one strength for all.
    kept : bool
        Whether the fit has these strengths.
    alpha : dict of str to ndarray
        The same strengths by the names of arrays, as ``alpha`` takes them.
    """

    inputs: dict[str, float]
    layers: dict[str, float]
    log_evidence: Array
    held_out_loss: float
    std_error: float
    kept: bool
    alpha: dict[str, Array]

    def _report(self) -> Report:
        sizes = self.inputs | self.layers
        table = Table.of(
            {"strength of": list(sizes)}, {"alpha": [f"{size:.4g}" for size in sizes.values()]}
        )
        what = "The fit has them." if self.kept else "The fit has one strength for all instead."
        loss = f"Held-out loss {self.held_out_loss:.4g}, standard error of the difference "
        return Report("Strengths by the evidence", [table], [f"{loss}{self.std_error:.2g}.", what])

    def _in_words(self) -> str:
        return f"of {counted(len(self.inputs), 'input')}, {'kept' if self.kept else 'not kept'}"


@dataclass(frozen=True, eq=False, repr=False)
class AlphaSelection(Shown):
    """How the strength of the penalty was chosen.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        Strengths that were tried, from strong to weak.
    held_out_loss : ndarray of shape (n_alphas,)
        Mean loss of the rows left out, in the units of the standardised problem.
    std_errors : ndarray of shape (n_alphas,)
        Standard errors, over rows, of the difference from the lowest held-out loss.
    alpha : float
        The same for all coefficients: the strongest of those whose held-out loss is within half a
        standard error of the lowest.
    n_folds : int
        Parts of the rows that were left out, one after the other.
    n_rows : int
        Rows that took part, equal ones once.
    reason : str
        Why the strengths of the fit were taken, in words.
    ard : ArdSelection or None
        Strengths for each input, if they were asked for and could be found.
    """

    alphas: Array
    held_out_loss: Array
    std_errors: Array
    alpha: float
    n_folds: int
    n_rows: int
    reason: str
    ard: ArdSelection | None = None

    def _report(self) -> Report:
        table = Table.of(
            {"alpha": [f"{alpha:.4g}" for alpha in self.alphas]},
            {
                "held-out loss": fixed(self.held_out_loss, 4),
                "std. error": fixed(self.std_errors, 4),
                "": ["chosen" if alpha == self.alpha else "" for alpha in self.alphas],
            },
        )
        by = f"{counted(self.n_folds, 'fold')} of {counted(self.n_rows, 'row')}."
        notes = [f"Cross-validation in {by}", self.reason]
        parts: list[Table | str] = [table, *(self.ard._report().parts if self.ard else [])]
        return Report("Choice of alpha", parts, [note for note in notes if note])

    def _in_words(self) -> str:
        return (
            f"of alpha {self.alpha:.4g} among {len(self.alphas)}, "
            f"{counted(self.n_folds, 'fold')} of {counted(self.n_rows, 'row')}"
        )

    @property
    def chosen(self) -> float | dict[str, Array]:
        """The strengths of the fit, as ``alpha`` takes them."""
        if self.ard is None or not self.ard.kept:
            return self.alpha
        return {name: array.copy() for name, array in self.ard.alpha.items()}

    def to_frame(self) -> Any:
        """The path as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row for each strength, with "alpha", "held_out_loss" and "std_error".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        return pd.DataFrame(
            {
                "alpha": self.alphas,
                "held_out_loss": self.held_out_loss,
                "std_error": self.std_errors,
            }
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the held-out loss over alpha, and mark the strength that was chosen.

        Bars are standard errors of the difference from the lowest loss, which has none. A dashed
        line is the held-out loss of strengths per input, if they were tried.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes(ax)
        draw_alpha_path(ax, self.alphas, self.held_out_loss, self.std_errors, self.alpha)
        if self.ard is not None:
            draw_ard_loss(ax, self.ard.held_out_loss, self.ard.kept)
        ax.legend()
        return ax
