"""Eigenvalues of second derivatives as pictures: by rank, as a density, along a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from sknewtonnet._figures import (
    COLOURS,
    LINE_STYLES,
    MARKERS,
    ink,
    nth_colour,
    paper,
    readable,
    style,
)
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.display._base import draws
from sknewtonnet.display._curvature import CurvatureDisplay
from sknewtonnet.display._hessian import TITLES, checked_kinds
from sknewtonnet.inspection import SpectralDensity, Spectrum, SpectrumPath, spectrum

# Densities below this part of the largest are not shown, nor eigenvalues of this part of it, on
# an axis that is logarithmic.
_LEAST_DENSITY, _LEAST = 1e-5, 1e-17


class Eigenvalues(NamedTuple):
    """Eigenvalues of a matrix, all or some.

    Parameters
    ----------
    ranks : ndarray of int of shape (n_eigenvalues,)
        Their places in decreasing order, from 1 on.
    values : ndarray of shape (n_eigenvalues,)
        The eigenvalues.
    noise : float
        Rounding error of one that is 0.
    """

    ranks: Ints
    values: Array
    noise: float

    @classmethod
    def of(cls, found: Spectrum) -> Eigenvalues:
        """Those of a spectrum; from products alone those at both ends.

        Parameters
        ----------
        found : Spectrum
            The spectrum.

        Returns
        -------
        Eigenvalues
        """
        values = found.eigenvalues[::-1]
        last = found.n_parameters - found.n_constant
        ranks = np.arange(1, len(values) + 1)
        half = (len(values) + 1) // 2
        ranks[half:] += last - len(values)
        return cls(ranks, values, found.noise)

    @property
    def zero(self) -> Bools:
        """Which of them are 0 to rounding."""
        return np.abs(self.values) <= self.noise

    @property
    def negative(self) -> Bools:
        """Which of them are below that."""
        return self.values < -self.noise


class Density(NamedTuple):
    """How eigenvalues are distributed.

    Parameters
    ----------
    grid, values, errors : ndarray of shape (n_points,)
        Eigenvalues, the density there, and its standard errors.
    """

    grid: Array
    values: Array
    errors: Array


class Extremes(NamedTuple):
    """Extreme eigenvalues along a run.

    Parameters
    ----------
    iterations : ndarray of int of shape (n_points,)
        Iterations.
    lowest, highest : ndarray of shape (n_points,)
        The extreme eigenvalues there.
    saddles : ndarray of bool of shape (n_points,)
        Where the run was next to a saddle point.
    """

    iterations: Ints
    lowest: Array
    highest: Array
    saddles: Bools


class SpectrumDisplay(CurvatureDisplay):
    """Eigenvalues of matrices of second derivatives.

    One panel shows eigenvalues in decreasing order over their rank. The axis is logarithmic; where
    some are negative it is logarithmic in both directions and linear next to 0. Filled markers are
    positive eigenvalues, hollow ones negative, crosses those that are 0 to rounding (P eps times
    the largest absolute one of P), which a logarithmic axis has at that size. Another panel shows
    their density: of all of them if they are known, each as a normal density whose standard
    deviation is a hundredth of the range; else estimated by Lanczos iterations from random starts,
    in a band of two standard errors to each side. A third one shows the extreme eigenvalues along
    a run, with crosses where it was next to a saddle point. Panels without numbers are left out.

    Parameters
    ----------
    eigenvalues : mapping of str to Eigenvalues, default={}
        From labels to triples (ranks, values, noise).
    densities : mapping of str to Density, default={}
        From labels to triples (grid, values, errors).
    extremes : mapping of str to Extremes, default={}
        From labels to quadruples (iterations, lowest, highest, saddles).
    unit : str, default=""
        In which parameters the derivatives are, for the axes, such as "standardised columns".

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (1, n_panels)
        The panels.
    figure_ : matplotlib.figure.Figure
        The figure.
    points_ : dict of str to list of matplotlib.lines.Line2D
        Positive, negative and zero eigenvalues by label.
    lines_ : dict of str to matplotlib.lines.Line2D
        The densities by label.
    bands_ : dict of str to matplotlib.collections.PolyCollection
        Their standard errors, where they are estimated.
    paths_ : dict of str to list of matplotlib.lines.Line2D
        The highest and the lowest eigenvalues along runs, by label.

    See Also
    --------
    HessianDisplay : The matrices.
    sknewtonnet.inspection.spectrum : The numbers, with directions and condition numbers.
    sknewtonnet.inspection.SpectrumPath : The eigenvalues along a run.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import SpectrumDisplay
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> net = NewtonMLPRegressor((2,), alpha=10.0, random_state=0).fit(X, y)
    >>> display = SpectrumDisplay.from_estimator(net, X, y)
    >>> list(display.eigenvalues), bool(display.eigenvalues["exact Hessian"].negative.any())
    (['exact Hessian', 'Gauss-Newton'], False)
    """

    def __init__(
        self,
        *,
        eigenvalues: Mapping[str, Eigenvalues] = {},
        densities: Mapping[str, Density] = {},
        extremes: Mapping[str, Extremes] = {},
        unit: str = "",
    ):
        self.eigenvalues = eigenvalues
        self.densities = densities
        self.extremes = extremes
        self.unit = unit

    @classmethod
    def from_objective(
        cls,
        objective: SmoothFunction,
        params: Any,
        *,
        kinds: Sequence[str] = ("exact", "gauss-newton"),
        standardize: bool = False,
        method: str = "auto",
        random_state: Any = 0,
        density: bool = True,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the spectra of a function at a point.

        Parameters
        ----------
        objective : SmoothFunction
            The function.
        params : array-like of shape (n_parameters,)
            The point.
        kinds : sequence of str, default=("exact", "gauss-newton")
            Which second derivatives, of the function's ``hessian_kinds``.
        standardize : bool, default=False
            Whether the parameters are those of the same net on standardised columns.
        method : {"auto", "dense", "lanczos"}, default="auto"
            As in :func:`sknewtonnet.inspection.spectrum`: "lanczos" takes products alone, and has
            five eigenvalues at each end. "auto" is "dense" up to 3000 parameters.
        random_state : int, Generator or None, default=0
            Where the starts of "lanczos" are drawn.
        density : bool, default=True
            Whether to draw the density, too.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        SpectrumDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a kind is none of the function's, or the point has a wrong shape.
        """
        cls._check_plot(ax, keywords)
        if not isinstance(objective, SmoothFunction):
            raise TypeError(f"objective must be a SmoothFunction, got {objective!r}.")
        common = {"standardize": standardize, "method": method, "random_state": random_state}
        found = {
            TITLES.get(kind, kind): spectrum(objective, params, kind=kind, **common)
            for kind in checked_kinds(kinds, objective.hessian_kinds)
        }
        unit = "standardised columns" if standardize else ""
        return cls.from_results(found, density=density, unit=unit, ax=ax, **keywords)

    @classmethod
    def from_results(
        cls,
        results: Any,
        *,
        density: bool = True,
        unit: str = "",
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw what was computed before.

        Parameters
        ----------
        results : Spectrum, SpectralDensity, SpectrumPath, or mapping of str to these
            What :mod:`sknewtonnet.inspection` gives: one of them, or several by their labels.
        density : bool, default=True
            Whether to draw the densities of spectra, too.
        unit : str, default=""
            In which parameters the derivatives are, for the axes.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        SpectrumDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If a result is something else.
        ValueError
            If there is none, or a path has no points yet.
        """
        cls._check_plot(ax, keywords)
        named = results if isinstance(results, Mapping) else {_label(results): results}
        if not named:
            raise ValueError("results must have at least one spectrum, density or path.")
        eigenvalues, densities, extremes = {}, {}, {}
        for label, result in named.items():
            if isinstance(result, Spectrum):
                eigenvalues[label] = Eigenvalues.of(result)
                if density:
                    densities[label] = _density(result.density)
            elif isinstance(result, SpectralDensity):
                densities[label] = _density(result)
            elif isinstance(result, SpectrumPath):
                extremes[label] = _extremes(label, result)
            else:
                raise TypeError(
                    "results must be Spectrum, SpectralDensity or SpectrumPath of "
                    f"sknewtonnet.inspection, got {result!r} for {label!r}."
                )
        display = cls(eigenvalues=eigenvalues, densities=densities, extremes=extremes, unit=unit)
        return display.plot(ax, **keywords)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        point_kwargs: Mapping[str, Any] | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
        band_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes whose place the panels take; a new figure if None.
        point_kwargs : dict, default=None
            Keywords of the markers of eigenvalues, those of a ``Line2D``.
        line_kwargs : dict, default=None
            Keywords of the lines of densities and paths.
        band_kwargs : dict, default=None
            Keywords of ``fill_between``.

        Returns
        -------
        SpectrumDisplay
            The display itself.
        """
        groups = (self.eigenvalues, self.densities, self.extremes)
        panels = iter(self._places(1, sum(map(bool, groups)) or 1, ax, size=(3.8, 3.2)).ravel())
        self.points_: dict[str, list[Any]] = {}
        self.lines_: dict[str, Any] = {}
        self.bands_: dict[str, Any] = {}
        self.paths_: dict[str, list[Any]] = {}
        if self.eigenvalues:
            self._plot_eigenvalues(next(panels), point_kwargs)
        if self.densities:
            self._plot_densities(next(panels), line_kwargs, band_kwargs)
        if self.extremes:
            self._plot_extremes(next(panels), line_kwargs)
        return self

    def _plot_eigenvalues(self, panel: Any, given: Mapping[str, Any] | None) -> None:
        """Eigenvalues over their rank."""
        from matplotlib.lines import Line2D

        several = self.eigenvalues.values()
        signed = any(one.negative.any() for one in several)
        size = 5.0 if max(one.ranks.max() for one in several) <= 100 else 3.0
        for number, (label, one) in enumerate(self.eigenvalues.items()):
            marker, colour = MARKERS[number % 8], nth_colour(number)
            at_noise = np.where(one.zero, max(one.noise, _LEAST * np.abs(one.values).max()), 0.0)
            heights = one.values if signed else one.values + at_noise
            look: dict[str, Any] = {"color": colour, "marker": marker, "linestyle": "none"}
            # The first on top, and the smallest, so that none hides another.
            look |= {"markersize": size + 1.2 * number, "zorder": 3.0 - 0.1 * number}
            parts = (
                (~one.zero & ~one.negative, look),
                (one.negative, look | {"markerfacecolor": paper()}),
                (one.zero, look | {"marker": "x"}),
            )
            self.points_[label] = [
                panel.plot(one.ranks[which], heights[which], **style(how, given, Line2D))[0]
                for which, how in parts
            ]
        heights = np.concatenate([one.values[~one.zero] for one in several])
        _scale(panel, heights, signed)
        panel.set_xlabel("rank of the eigenvalue")
        panel.set_ylabel(self._eigenvalue)
        self._eigenvalue_key(panel, size)

    def _eigenvalue_key(self, panel: Any, size: float) -> None:
        """A legend of the kinds, and of what hollow markers and crosses are."""
        from matplotlib.lines import Line2D

        handles = []
        for label, (positive, negative, _) in self.points_.items():
            shown = positive if len(positive.get_xdata()) else negative
            handles.append((shown, readable(label)))
        look: dict[str, Any] = {"linestyle": "none", "color": COLOURS["grey"], "markersize": size}
        if any(one.negative.any() for one in self.eigenvalues.values()):
            hollow = Line2D([], [], marker="o", markerfacecolor=paper(), **look)
            handles.append((hollow, "negative (hollow)"))
        if any(one.zero.any() for one in self.eigenvalues.values()):
            handles.append((Line2D([], [], marker="x", **look), "0 to rounding"))
        panel.legend(*zip(*handles, strict=True), fontsize="small")

    def _plot_densities(
        self, panel: Any, given: Mapping[str, Any] | None, of_band: Mapping[str, Any] | None
    ) -> None:
        """Densities over eigenvalues."""
        from matplotlib.collections import PolyCollection
        from matplotlib.lines import Line2D

        highest = max(float(one.values.max()) for one in self.densities.values())
        for number, (label, one) in enumerate(self.densities.items()):
            colour, dash = nth_colour(number), LINE_STYLES[number % 8]
            look = style(
                {"color": colour, "linestyle": dash, "label": readable(label)}, given, Line2D
            )
            self.lines_[label] = panel.plot(one.grid, one.values, **look)[0]
            if one.errors.any():
                ends = np.maximum(one.values + np.multiply.outer((-2.0, 2.0), one.errors), 0.0)
                look = {"color": colour, "alpha": 0.2, "linewidth": 0}
                look = style(look, of_band, PolyCollection)
                self.bands_[label] = panel.fill_between(one.grid, *ends, **look)
        panel.set_yscale("log")
        panel.set_ylim(_LEAST_DENSITY * highest, 3.0 * highest)
        panel.set_xlabel(self._eigenvalue)
        panel.set_ylabel("density of eigenvalues")
        panel.legend(fontsize="small")

    def _plot_extremes(self, panel: Any, given: Mapping[str, Any] | None) -> None:
        """Extreme eigenvalues over iterations."""
        from matplotlib.lines import Line2D

        for number, (label, one) in enumerate(self.extremes.items()):
            colour, marker = nth_colour(number), MARKERS[number % 8]
            look = {"color": colour, "marker": marker, "markersize": 3.0}
            parts = ((one.highest, "-", "highest"), (one.lowest, "--", "lowest"))
            self.paths_[label] = [
                panel.plot(
                    one.iterations,
                    heights,
                    **style(
                        look | {"linestyle": dash, "label": f"{readable(label)}: {end}"},
                        given,
                        Line2D,
                    ),
                )[0]
                for heights, dash, end in parts
            ]
            if one.saddles.any():
                look = {"marker": "X", "s": 60.0, "color": colour, "edgecolor": ink()}
                at = one.iterations[one.saddles], one.lowest[one.saddles]
                panel.scatter(*at, zorder=3, label=f"{readable(label)}: next to a saddle", **look)
        several = self.extremes.values()
        heights = np.concatenate([np.r_[one.lowest, one.highest] for one in several])
        _scale(panel, heights[heights != 0.0], bool((heights <= 0.0).any()))
        panel.set_xlabel("iteration")
        panel.set_ylabel(self._eigenvalue)
        panel.legend(fontsize="small")

    @property
    def _eigenvalue(self) -> str:
        """What an axis of eigenvalues shows."""
        return f"eigenvalue\n({readable(self.unit)})" if self.unit else "eigenvalue"


def _scale(panel: Any, heights: Array, signed: bool) -> None:
    """A logarithmic axis, in both directions where there are both signs."""
    if not signed:
        panel.set_yscale("log")
        return
    sizes = np.abs(heights)
    largest = float(sizes.max(initial=0.0)) or 1.0
    least = max(float(sizes.min(initial=largest)), 1e-12 * largest)
    panel.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(least)), linscale=0.5)
    panel.axhline(0.0, color=COLOURS["grey"], linewidth=0.8)


def _label(result: Any) -> str:
    """A label for a result that has none."""
    if isinstance(result, Spectrum):
        return TITLES.get(result.kind, result.kind)
    return "run" if isinstance(result, SpectrumPath) else "density"


def _density(found: SpectralDensity) -> Density:
    return Density(found.grid, found.values, found.errors)


def _extremes(label: str, path: SpectrumPath) -> Extremes:
    """The points of the last start of a path."""
    if not path.points:
        raise ValueError(f"the path {label!r} has no points: give it to a fit or a solver first.")
    last = path.points[-1].start
    points = [point for point in path.points if point.start == last]
    saddles = {id(point) for point in path.saddles}
    return Extremes(
        np.array([point.n_iter for point in points]),
        np.array([point.lowest for point in points]),
        np.array([point.highest for point in points]),
        np.array([id(point) in saddles for point in points]),
    )
