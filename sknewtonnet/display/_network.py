"""A net as papers draw it: units in columns, lines by weight, sign and significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._names import must_be_one_of
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.display._base import Display, draws
from sknewtonnet.display._nets import named_net
from sknewtonnet.display._network_drawing import Canvas, Lines, new_axes, readable_units
from sknewtonnet.display._network_edges import (
    CONSTANT,
    Edges,
    contrasts,
    kinds,
    p_values_of_inputs,
)
from sknewtonnet.display._network_places import Places
from sknewtonnet.display._statistics import check_results
from sknewtonnet.estimators import BaseNewtonNet, fit_of
from sknewtonnet.formula import FormulaFit
from sknewtonnet.inference import InferenceResults

UNITS = ("standardised", "table")


class NetworkDisplay(Display):
    """The net as papers draw it: its units in columns, its weights as lines between them.

    The width of a line is proportional to the absolute weight, down to 0.4 points. Positive
    weights are solid and blue, negative ones dashed and vermilion; where results are given, lines
    are the paler the less significant their weights are. Grey dotted lines lead to units that read
    others without a weight of their own, such as Gaussian ones. Missing and pruned connections are
    not drawn, and units without any are pale. Connections that skip columns go round them in a
    curve.

    Weights are those of standardised columns, w_ij s_i for an input with standard deviation s_i
    and w_jo / d_o for a target with standard deviation d_o under an identity link, so that widths
    may be compared; or those of the table. Of a net fitted with ``standardize=False`` both are
    the same.

    Parameters
    ----------
    names : sequence of sequence of str
        Names of the units of each node: the inputs, the units of each layer, outputs last.
    sources, targets : array-like of int of shape (n_edges, 2)
        Node and unit, from 0 on, where each edge begins and ends. Node -1 is the constant 1,
        whose edges are the intercepts.
    weights : array-like of shape (n_edges,)
        Their weights; NaN where a unit reads another one without a weight.
    p_values : array-like of shape (n_edges,), default=None
        Their p-values, NaN where there is none. None: lines are not shaded.
    kinds : sequence of str, default=None
        What the units of each node are, written below them.
    notes : sequence of str, default=()
        What is to be said of the weights, such as their units, written in the key.

    Attributes
    ----------
    drawn_ : ndarray of int
        Which edges are drawn, by their numbers, from small weights to large.
    largest_ : float
        Absolute weight of a line of the full width.
    positive_, negative_, unweighted_ : matplotlib.collections.LineCollection
        Their lines, by sign, in the order of ``drawn_``; and those without a weight.
    units_ : list of matplotlib.collections.PathCollection
        The units of each node.
    names_ : list of matplotlib.text.Text
        Their names.
    legend_ : matplotlib.legend.Legend
        The key: signs, widths, shades, and what is left out.
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    PruningPathDisplay : How a pruning came to what is left of a net.
    RBFDisplay : Radial units, over the data.

    References
    ----------
    Beck (2018), NeuralNetTools: visualization and analysis tools for neural networks, Journal of
    Statistical Software 85 (11).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import NetworkDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = NewtonMLPRegressor((2,), alpha=1.0, random_state=0).fit(X, y)
    >>> display = NetworkDisplay.from_estimator(net)
    >>> len(display.drawn_)  # 10 inputs to 2 units, 2 units to the output
    22
    """

    def __init__(
        self,
        *,
        names: Sequence[Sequence[str]],
        sources: ArrayLike,
        targets: ArrayLike,
        weights: ArrayLike,
        p_values: ArrayLike | None = None,
        kinds: Sequence[str] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.names = names
        self.sources = sources
        self.targets = targets
        self.weights = weights
        self.p_values = p_values
        self.kinds = kinds
        self.notes = notes

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseNewtonNet | Any,
        *,
        units: str = "standardised",
        output_names: Sequence[str] | None = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw a fitted net.

        Parameters
        ----------
        estimator : estimator of this package
            Fitted; or a pipeline, a search or a pruning that ends in one, whose net reads what
            the steps before it make.
        units : {"standardised", "table"}, default="standardised"
            Whether weights are those of standardised columns or of the table.
        output_names : sequence of str, default=None
            Names of the outputs in the picture, such as that of the target; those of the fit if
            None.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        NetworkDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the net is not fitted.
        TypeError
            If there is no net of this package.
        ValueError
            If ``units`` is neither, or ``output_names`` are more or fewer than the outputs.
        """
        cls._check_plot(ax, keywords)
        _check_units(units)
        fit = fit_of(named_net(estimator, cls.__name__))
        table = units == "table"
        network = fit.problem.original_network if table else fit.network
        edges = Edges.of(network, fit.original_params if table else fit.params)
        if isinstance(estimator, FormulaFit) and tuple(network.output_names) == ("y",):
            output_names = output_names or [estimator.target_name]
        display = cls(
            names=[
                fit.feature_names,
                *network.unit_names,
                _names(output_names, network.output_names),
            ],
            sources=edges.sources,
            targets=edges.targets,
            weights=edges.weights,
            kinds=kinds(network, fit.loss.out_activation),
            notes=[_unit_note(units, standardised=fit.problem.units is not None)],
        )
        return display.plot(ax, **keywords)

    @classmethod
    def from_results(
        cls,
        results: InferenceResults,
        *,
        units: str = "standardised",
        output_names: Sequence[str] | None = None,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the net of some results, with lines shaded by p-values.

        They are those of single weights, where the net is ``identifiable``. Else lines from each
        input have the p-value of ``results.tests``, that the net does not depend on it, and
        others have none. They are not adjusted for their number. Of more than two classes weights
        of the outputs are differences to those of the first class. Intercepts have p-values where
        they are drawn in the units of the fit of the table.

        Parameters
        ----------
        results : InferenceResults
            Of a net, from ``est.inference(X, y)`` or :func:`sknewtonnet.inference.infer`.
        units : {"standardised", "table"}, default="standardised"
            Whether weights are those of standardised columns or of the table.
        output_names : sequence of str, default=None
            Names of the outputs in the picture, such as that of the target; those of the fit if
            None.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        NetworkDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If ``units`` is neither, or ``output_names`` are more or fewer than the outputs.
        """
        check_results(results)
        cls._check_plot(ax, keywords)
        _check_units(units)
        objective, rescaled = results.information.objective, results.rescaled
        network, params = objective.network, results.information.params
        shifted = rescaled is not None and units == "standardised"
        if rescaled is not None and units == "table":
            network, params = rescaled.objective.network, rescaled.map.forward(params)
        edges, p_values = contrasts(results, network, Edges.of(network, params))
        notes = [_unit_note(units, standardised=rescaled is not None)]
        if results.reported.matrix is not None:
            notes.append(f"outputs: differences to {network.output_names[0]}")
        if np.isnan(results.p_values).all():
            p_values = p_values_of_inputs(results, edges)
            notes.append("not identified: p-values of inputs, not of weights")
        elif shifted:  # an intercept of other columns is another hypothesis
            p_values[edges.sources[:, 0] == CONSTANT] = np.nan
        outputs = _names(output_names, results.output_names)
        display = cls(
            names=[results.feature_names, *network.unit_names, outputs],
            sources=edges.sources,
            targets=edges.targets,
            weights=edges.weights,
            p_values=p_values,
            kinds=kinds(network, objective.loss.out_activation),
            notes=notes,
        )
        return display.plot(ax, **keywords)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        biases: bool = False,
        max_units: int = 50,
        max_edges: int = 300,
        largest: float | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
        text_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the net.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a figure that is as large as the net asks for.
        biases : bool, default=False
            Whether to draw intercepts, as lines from units "1" above.
        max_units : int, default=50
            Units of a node that are drawn: those with the largest sums of absolute weights. The
            number of the others stands below. In given axes fewer, if names would be too small.
        max_edges : int, default=300
            Weights that are drawn, the largest ones. The key says how many there are.
        largest : float, default=None
            Absolute weight of a line of the full width; the largest one drawn if None. With the
            same number, such as ``largest_`` of another display, widths of two nets compare.
        line_kwargs : dict, default=None
            Keywords of the lines, for :class:`matplotlib.collections.LineCollection`; without
            ``linewidths``, which are the weights.
        text_kwargs : dict, default=None
            Keywords of the names, for :meth:`matplotlib.axes.Axes.text`.

        Returns
        -------
        NetworkDisplay
            The display itself.
        """
        check_count("max_units", max_units)
        check_count("max_edges", max_edges, 0)
        if largest is not None and not (isinstance(largest, Real) and 0.0 < largest < np.inf):
            raise ValueError(f"largest must be a positive number, got {largest!r}.")
        sources, targets = np.asarray(self.sources), np.asarray(self.targets)
        weights = np.asarray(self.weights, dtype=float)
        of_constant = sources[:, 0] == CONSTANT
        strength = np.where(of_constant, 0.0, np.nan_to_num(np.abs(weights)))
        sizes = [len(own) for own in self.names]
        if ax is not None:
            max_units = min(max_units, readable_units(ax))
        places = Places.of(sizes, sources, targets, strength, max_units)
        canvas = self._canvas(ax, places)
        there = places.has(sources) & places.has(targets) & (biases | ~of_constant)
        lines = Lines.of(sources, targets, weights, self.p_values, there, max_edges, largest)
        self.drawn_, self.largest_ = lines.drawn, lines.largest
        self.positive_, self.negative_, self.unweighted_ = canvas.draw_lines(lines, line_kwargs)
        self.units_, self.names_ = canvas.draw_units(
            self.names, self.kinds, lines.touched(sizes), text_kwargs
        )
        if biases:
            canvas.draw_constants(text_kwargs)
        self.legend_ = canvas.draw_key(lines, self.notes)
        return self

    def _canvas(self, ax: Any, places: Places) -> Canvas:
        """Axes for the picture, kept, and what is drawn in them."""
        if ax is None:
            ax = new_axes(places, type(self).__name__)
        return Canvas.on(self._place(ax), places)


def _check_units(units: str) -> None:
    if units not in UNITS:
        raise ValueError(must_be_one_of("units", units, UNITS))


def _names(given: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """Names of the outputs."""
    if given is None:
        return list(known)
    if isinstance(given, str) or len(given) != len(known):
        raise ValueError(f"output_names must be a list of {len(known)} names, got {given!r}.")
    return list(given)


def _unit_note(units: str, standardised: bool) -> str:
    if units == "table" or not standardised:
        return "weights in the units of the columns"
    return "weights of standardised columns"
