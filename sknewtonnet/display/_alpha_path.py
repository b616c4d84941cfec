"""How the strength of the penalty was chosen, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._path_figures import draw_alpha_path, draw_ard_loss
from sknewtonnet.display._base import Display, draws
from sknewtonnet.display._labels import label_above
from sknewtonnet.display._nets import fitted_net
from sknewtonnet.estimators import BaseNewtonNet


class AlphaPathDisplay(Display):
    """Held-out loss over the strength of the penalty, with the strength that was chosen.

    The mean loss of the rows left out, sum_i s_i loss_i / S over all folds, against alpha on a
    logarithmic axis; alpha counts rows. Losses are those of the standardised problem, without a
    penalty. Bars are one standard error, over rows, of the difference from the lowest loss, which
    has none. The chosen strength, in a ring, is the strongest within half a standard error of the
    lowest. With strengths for each input, a dashed line is their held-out loss, and names above
    the picture say where the strength of each input lies.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Strengths that were tried.
    held_out_loss : array-like of shape (n_alphas,)
        Mean loss of the rows left out.
    std_errors : array-like of shape (n_alphas,)
        Standard errors of its difference from the lowest.
    alpha : float
        The strength that was chosen, one of ``alphas``.
    ard_loss : float, default=None
        Held-out loss of strengths for each input, where they were tried.
    ard_kept : bool, default=False
        Whether the fit has these strengths.
    ard_inputs : mapping of str to float, default=None
        The strength of each input, by its name.

    Attributes
    ----------
    bars_ : matplotlib.container.ErrorbarContainer
        The curve with its bars.
    chosen_ : matplotlib.lines.Line2D
        The mark of the chosen strength.
    ard_line_ : matplotlib.lines.Line2D or None
        The held-out loss of strengths for each input.
    ard_lines_ : matplotlib.collections.LineCollection or None
        Where these strengths lie.
    ard_labels_ : list of matplotlib.text.Annotation
        Names of the inputs; those with nearly the same strength share a label.
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    sknewtonnet.NewtonMLPRegressor : ``alpha_selection_`` has the numbers as a table.
    PruningPathDisplay : The choice of the parts of a net.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import AlphaPathDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = NewtonMLPRegressor((2,), random_state=0).fit(X[:100], y[:100])
    >>> display = AlphaPathDisplay.from_estimator(net)
    >>> display.alpha == net.alpha_
    True
    """

    def __init__(
        self,
        *,
        alphas: ArrayLike,
        held_out_loss: ArrayLike,
        std_errors: ArrayLike,
        alpha: float,
        ard_loss: float | None = None,
        ard_kept: bool = False,
        ard_inputs: Mapping[str, float] | None = None,
    ) -> None:
        self.alphas = alphas
        self.held_out_loss = held_out_loss
        self.std_errors = std_errors
        self.alpha = alpha
        self.ard_loss = ard_loss
        self.ard_kept = ard_kept
        self.ard_inputs = ard_inputs

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseNewtonNet | Any,
        *,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw how a net chose its penalty.

        Parameters
        ----------
        estimator : estimator of this package
            A net fitted with ``alpha="auto"`` or ``alpha="ard"``, or a pipeline, a search or a
            pruning that ends in one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        AlphaPathDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the net is not fitted.
        TypeError
            If there is no net of this package.
        ValueError
            If its ``alpha`` was given, or there were too few rows to compare strengths.
        """
        cls._check_plot(ax, keywords)
        net = fitted_net(estimator, cls.__name__)
        selection = net.alpha_selection_
        if selection is None:
            raise ValueError(
                f"the net has no path of alpha, since it was fitted with alpha={net.alpha!r}; "
                'alpha="auto" or alpha="ard" chooses one.'
            )
        return cls.from_selection(selection, ax=ax, **keywords)

    @classmethod
    def from_selection(
        cls,
        selection: Any,
        *,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the record of a choice.

        Parameters
        ----------
        selection : AlphaSelection
            The attribute ``alpha_selection_`` of a net.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        AlphaPathDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If no strengths were compared.
        """
        if not hasattr(selection, "held_out_loss"):
            raise TypeError(
                f"selection must be the alpha_selection_ of a net, got {type(selection).__name__}."
            )
        if np.isnan(selection.held_out_loss).all():
            raise ValueError(f"no strengths of the penalty were compared: {selection.reason}.")
        ard = selection.ard
        display = cls(
            alphas=selection.alphas,
            held_out_loss=selection.held_out_loss,
            std_errors=selection.std_errors,
            alpha=selection.alpha,
            ard_loss=None if ard is None else ard.held_out_loss,
            ard_kept=ard is not None and ard.kept,
            ard_inputs=None if ard is None else dict(ard.inputs),
        )
        return display.plot(ax, **keywords)

    @draws
    def plot(self, ax: Any = None, *, line_kwargs: Mapping[str, Any] | None = None) -> Self:
        """Draw the path.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        line_kwargs : dict, default=None
            Keywords of the curve, for :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        AlphaPathDisplay
            The display itself.
        """
        ax = self._place(ax)
        alphas, losses, errors = (
            np.asarray(values, dtype=float)
            for values in (self.alphas, self.held_out_loss, self.std_errors)
        )
        self.bars_, self.chosen_ = draw_alpha_path(
            ax, alphas, losses, errors, self.alpha, line_kwargs
        )
        self.ard_line_ = self.ard_lines_ = None
        self.ard_labels_ = []
        if self.ard_loss is not None:
            self.ard_line_ = draw_ard_loss(ax, self.ard_loss, self.ard_kept)
        if self.ard_inputs:
            places = np.array(list(self.ard_inputs.values()), dtype=float)
            self.ard_lines_ = ax.vlines(
                places,
                *(0.97, 1.0),
                transform=ax.get_xaxis_transform(),
                color="0.4",
                linewidth=1.0,
            )
            ax.update_datalim(np.column_stack([places, places]), updatey=False)
            ax.autoscale_view(scaley=False)
            self.ard_labels_ = label_above(ax, places, [[name] for name in self.ard_inputs])
        ax.legend(fontsize="small")
        return self
