"""Records of how the strength of the penalty was chosen."""

from dataclasses import dataclass
from typing import Any

from sknewtonnet._typing import Array


@dataclass(frozen=True, eq=False)
class AlphaSelection:
    """How the strength of the penalty was chosen.

    Attributes
    ----------
    alphas : ndarray of shape (n_alphas,)
        Strengths that were tried, from strong to weak.
    held_out_loss : ndarray of shape (n_alphas,)
        Mean loss of the rows left out, in the units of the standardised problem.
    std_errors : ndarray of shape (n_alphas,)
        Standard errors, over rows, of the difference from the lowest held-out loss.
    alpha : float
        The strength with the lowest held-out loss.
    n_folds : int
        Parts into which the rows were divided.
    n_rows : int
        Distinct rows that took part.
    reason : str
        Why this strength was taken, in words.
    """

    alphas: Array
    held_out_loss: Array
    std_errors: Array
    alpha: float
    n_folds: int
    n_rows: int
    reason: str

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
        import pandas as pd

        return pd.DataFrame(
            {
                "alpha": self.alphas,
                "held_out_loss": self.held_out_loss,
                "std_error": self.std_errors,
            }
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the held-out loss over alpha, and mark the strength that was chosen.

        Bars are standard errors of the difference from the lowest loss, which has none.

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
        try:
            import matplotlib.pyplot as plt
        except ImportError as missing:
            raise ImportError(
                "plot needs matplotlib: pip install matplotlib, or use to_frame()."
            ) from missing
        ax = ax if ax is not None else plt.subplots()[1]
        ax.errorbar(
            self.alphas, self.held_out_loss, self.std_errors, fmt="o-", markersize=4, capsize=3
        )
        chosen = self.held_out_loss[self.alphas == self.alpha]
        label = f"chosen: {self.alpha:.3g}"
        ax.plot([self.alpha], chosen, "ko", markersize=10, fillstyle="none", label=label, zorder=3)
        ax.set(xscale="log", xlabel="alpha", ylabel="held-out loss")
        ax.legend()
        return ax
