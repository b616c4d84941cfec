"""Matrices of second derivatives as pictures, with the layers and units they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from sknewtonnet._figures import DIVERGING, font_points, readable, style
from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import BlockObjective, Network, Objective, SmoothFunction
from sknewtonnet.calculus.functions.coordinates import natural_steps
from sknewtonnet.calculus.functions.scaled_spectrum import unit_diagonal
from sknewtonnet.calculus.functions.standardization import on_standardized_columns
from sknewtonnet.calculus.pieces.memory import check_hessian_memory
from sknewtonnet.calculus.pieces.validation import check_count, check_truth, real_vector
from sknewtonnet.display._base import draws
from sknewtonnet.display._curvature import CurvatureDisplay

TITLES = {
    "exact": "exact Hessian",
    "block": "blocks of units",
    "lagrangian": "Lagrangian, fixed states",
    "gauss-newton": "Gauss-Newton",
}

# Up to so many parameters each has its name, and negative entries a mark. Height and width in
# inches that the names of a unit and a layer take, and how many letters a name may have.
_FEW, _HIGH, _WIDE, _LONG = 24, 0.12, 0.7, 22


class Group(NamedTuple):
    """Rows of a matrix that belong together.

    Parameters
    ----------
    name : str
        Of the layer or unit.
    start, stop : int
        The first row, and the one behind the last.
    """

    name: str
    start: int
    stop: int


class HessianDisplay(CurvatureDisplay):
    """Second derivatives of an objective, exact and approximate ones side by side.

    An entry is d2f / dw_p dw_q for the parameters w_p and w_q of a net with the objective f; with
    ``scaled`` it is h_pq / (|h_pp| |h_qq|)^(1/2) with the diagonal h of the exact Hessian, a
    number without units. Parameters are in the order of layers and units: the coefficients that
    come into a unit in the order of its sources, then its intercept. Squares outline units, dashed
    lines layers. All panels share one scale of colours, linear next to 0 and logarithmic beyond.
    The title of an approximation A says how far it is off the exact Hessian H: ``||A - H|| /
    ||H||`` in Frobenius norms of what is drawn.

    Parameters
    ----------
    matrices : mapping of str to ndarray of shape (n_parameters, n_parameters)
        From kinds of second derivatives, or other titles, to matrices in the order of the picture.
    parameter_names : sequence of str
        Names of the rows.
    layers, units : sequence of Group
        Triples (name, start, stop) of rows.
    entry : str, default="second derivative"
        What an entry is, and its units, for the key.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        One panel for each kind.
    figure_ : matplotlib.figure.Figure
        The figure.
    images_ : dict of str to matplotlib.image.AxesImage
        The matrices by kind.
    outlines_ : list of matplotlib.collections.LineCollection
        The squares of the units, one collection for each panel.
    borders_ : list of matplotlib.collections.LineCollection
        The lines between layers.
    signs_ : list of matplotlib.collections.PathCollection
        The marks of negative entries; none above 24 parameters.
    colorbar_ : matplotlib.colorbar.Colorbar
        The key.

    See Also
    --------
    SpectrumDisplay : The eigenvalues of these matrices.
    sknewtonnet.calculus.Objective.hessian : The matrices.

    Notes
    -----
    Each kind takes one matrix, about n P^2 flops for P parameters. For pictures in grey a
    sequential map tells signs apart: ``image_kwargs={"cmap": "cividis"}``.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.display import HessianDisplay
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> net = NewtonMLPRegressor((2,), alpha=10.0, random_state=0).fit(X, y)
    >>> display = HessianDisplay.from_estimator(net, X, y, kinds=("exact", "gauss-newton"))
    >>> list(display.images_), display.units[0].name
    (['exact', 'gauss-newton'], 'h0')
    """

    _of_nets: ClassVar[Mapping[str, Any]] = {"standardize": True, "scaled": True}

    def __init__(
        self,
        *,
        matrices: Mapping[str, Array],
        parameter_names: Sequence[str],
        layers: Sequence[Group],
        units: Sequence[Group],
        entry: str = "second derivative",
    ):
        self.matrices = matrices
        self.parameter_names = parameter_names
        self.layers = layers
        self.units = units
        self.entry = entry

    @classmethod
    def from_objective(
        cls,
        objective: SmoothFunction,
        params: Any,
        *,
        kinds: Sequence[str] = ("exact", "block", "lagrangian", "gauss-newton"),
        standardize: bool = False,
        scaled: bool = False,
        ax: Any = None,
        **keywords: Any,
    ) -> Self:
        """Draw the second derivatives of a function at a point.

        Parameters
        ----------
        objective : SmoothFunction
            The function; layers and units are those of an
            :class:`~sknewtonnet.calculus.Objective`.
        params : array-like of shape (n_parameters,)
            The point.
        kinds : sequence of str, default=("exact", "block", "lagrangian", "gauss-newton")
            Which second derivatives, of the function's ``hessian_kinds``.
        standardize : bool, default=False
            Whether the parameters are those of the same net on standardised columns.
        scaled : bool, default=False
            Whether to scale the diagonal of the exact Hessian to one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; a new figure if None.
        **keywords : dict
            As in :meth:`plot`.

        Returns
        -------
        HessianDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a kind is none of the function's, or the point has a wrong shape.
        MemoryError
            If the matrices would not fit.
        """
        cls._check_plot(ax, keywords)
        if not isinstance(objective, SmoothFunction):
            raise TypeError(f"objective must be a SmoothFunction, got {objective!r}.")
        check_truth("standardize", standardize)
        check_truth("scaled", scaled)
        kinds = checked_kinds(kinds, objective.hessian_kinds)
        size = objective.n_parameters
        w = real_vector("params", params, size)
        advice = "a SpectrumDisplay takes products alone"
        check_hessian_memory(size, advice, n_matrices=len(kinds) + 4.0)
        function, at = objective, w
        if standardize:
            if not isinstance(objective, Objective | BlockObjective):
                raise ValueError("standardize=True needs the columns of a net: its Objective.")
            mapped = on_standardized_columns(objective)
            function, at = mapped, mapped.restrict(w)
        found = {kind: function.hessian(at, kind) for kind in kinds}
        if scaled:
            H = found["exact"] if "exact" in found else function.hessian(at)
            scale = _scale(objective, H, standardize)
            found = {kind: A / np.multiply.outer(scale, scale) for kind, A in found.items()}
        order, layers, units = _structure(objective)
        names = objective.parameter_names()
        display = cls(
            matrices={kind: A[np.ix_(order, order)] for kind, A in found.items()},
            parameter_names=tuple(names[p] for p in order),
            layers=layers,
            units=units,
            entry=_entry(standardize, scaled),
        )
        return display.plot(ax, **keywords)

    @draws
    def plot(
        self,
        ax: Any = None,
        *,
        decades: int = 2,
        image_kwargs: Mapping[str, Any] | None = None,
        outline_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the matrices.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes whose place the panels take; a new figure if None.
        decades : int, default=2
            Powers of ten below the largest absolute entry that the logarithmic part of the scale
            of colours has; it is linear below them.
        image_kwargs : dict, default=None
            Keywords of ``imshow``.
        outline_kwargs : dict, default=None
            Keywords of the lines around units, those of a ``LineCollection``.

        Returns
        -------
        HessianDisplay
            The display itself.
        """
        check_count("decades", decades)
        n_rows = 2 if len(self.matrices) > 3 else 1
        n_columns = -(-len(self.matrices) // n_rows)
        # Nearly square panels: below or beside them are names and the key.
        size = (2.9 + 0.9 / n_columns, 4.3 if n_rows == 1 else 3.3)
        panels = self._places(n_rows, n_columns, ax, size=size).ravel()
        for empty in panels[len(self.matrices) :]:
            empty.axis("off")
        norm = self._norm(decades)
        self.images_: dict[str, Any] = {}
        self.outlines_: list[Any] = []
        self.borders_: list[Any] = []
        self.signs_: list[Any] = []
        for number, (kind, panel) in enumerate(zip(self.matrices, panels, strict=False)):
            image = {"cmap": DIVERGING, "norm": norm, "aspect": "auto"} | dict(image_kwargs or {})
            self.images_[kind] = panel.imshow(self.matrices[kind], **image)
            self._outline(panel, outline_kwargs)
            self._mark_signs(panel, self.matrices[kind], norm.linthresh)
            self._name(panel, first=number % n_columns == 0)
            panel.set_title(self._title(kind), fontsize="small")
        self._key(list(panels), norm, "right" if n_rows > 1 else "bottom")
        return self

    def _key(self, panels: list[Any], norm: Any, side: str) -> None:
        """The key of the colours, with powers of ten and 0."""
        image = next(iter(self.images_.values()))
        key = self.figure_.colorbar(image, ax=panels, location=side, shrink=0.8)
        least = int(np.ceil(np.log10(norm.linthresh) + 0.3))
        powers = np.arange(least, np.floor(np.log10(norm.vmax) + 1e-9) + 1.0)
        tens = _apart(10.0 ** powers[:: max(1, len(powers) // 4)][::-1], norm, panels, side)
        key.set_ticks([*-tens, 0.0, *tens], minor=False)
        key.minorticks_off()
        key.ax.tick_params(labelsize="small")
        key.set_label(self.entry, fontsize="small")
        self.colorbar_ = key

    def _norm(self, decades: int) -> Any:
        """The scale of colours that all panels share."""
        from matplotlib.colors import SymLogNorm

        entries = np.stack([np.abs(A).max(initial=0.0) for A in self.matrices.values()])
        largest = float(entries[np.isfinite(entries)].max(initial=0.0)) or 1.0
        return SymLogNorm(
            largest * 10.0**-decades, linscale=0.5, vmin=-largest, vmax=largest, base=10
        )

    def _outline(self, panel: Any, given: Mapping[str, Any] | None) -> None:
        """Squares around units, and lines between layers."""
        from matplotlib.collections import LineCollection

        squares = []
        for _, start, stop in self.units:
            a, b = start - 0.5, stop - 0.5
            squares.append([(a, a), (b, a), (b, b), (a, b), (a, a)])
        width = 0.8 if len(self.parameter_names) <= 200 else 0.5
        look = style({"colors": "black", "linewidths": width}, given, LineCollection)
        self.outlines_.append(panel.add_collection(LineCollection(squares, **look)))
        size = len(self.parameter_names)
        lines = []
        for _, start, _ in self.layers[1:]:
            at = start - 0.5
            lines += [[(at, -0.5), (at, size - 0.5)], [(-0.5, at), (size - 0.5, at)]]
        look = {"colors": "black", "linewidths": 1.2, "linestyles": "dashed"}
        self.borders_.append(panel.add_collection(LineCollection(lines, **look)))

    def _mark_signs(self, panel: Any, matrix: Array, least: float) -> None:
        """A minus in each negative entry that has a colour, where there is room for it."""
        if len(matrix) > _FEW:
            return
        rows, columns = np.nonzero(matrix < -least)
        dark = matrix[rows, columns] < -0.1 * np.abs(matrix).max()
        size = (110.0 / len(matrix)) ** 2
        look = {"s": size, "c": np.where(dark, "white", "black"), "linewidths": 0.8}
        marks = panel.scatter(columns, rows, marker="_", **look)
        self.signs_.append(marks)

    def _name(self, panel: Any, first: bool) -> None:
        """Names of layers below, and of units or parameters on the left."""
        size = len(self.parameter_names)
        box = panel.get_window_extent()
        width, height = box.width / panel.figure.dpi, box.height / panel.figure.dpi
        middles = [_middle(layer) for layer in self.layers]
        crowded = bool((np.diff(middles) < size * _WIDE / width).any())
        lower = ["\n" if crowded and k % 2 else "" for k in range(len(middles))]
        titles = [
            f"{low}{readable(layer.name, _LONG)}"
            for low, layer in zip(lower, self.layers, strict=True)
        ]
        panel.set_xticks(middles, titles, fontsize="small")
        panel.set_xlabel("layer")
        if size <= _FEW:
            rows = [Group(name, p, p + 1) for p, name in enumerate(self.parameter_names)]
        else:
            rows = []
            for unit in self.units:
                if not rows or _middle(unit) - _middle(rows[-1]) >= size * _HIGH / height:
                    rows.append(unit)
        names = [readable(row.name, _LONG) if first else "" for row in rows]
        panel.set_yticks([_middle(row) for row in rows], names, fontsize="x-small")
        panel.tick_params(length=0)
        if first:
            panel.set_ylabel("parameter" if size <= _FEW else "unit")

    def _title(self, kind: str) -> str:
        """The kind, and how far it is from the exact Hessian."""
        title = TITLES.get(kind, kind)
        exact = self.matrices.get("exact")
        if exact is None or kind == "exact":
            return title
        size = float(np.linalg.norm(exact))
        off = float(np.linalg.norm(self.matrices[kind] - exact)) / size if size else 0.0
        return f"{title}\n{_percent(off)} off"


def _apart(tens: Array, norm: Any, panels: Sequence[Any], side: str) -> Array:
    """Numbers, from large to small, whose words on the key do not lie on each other, nor on 0."""
    boxes = [panel.get_window_extent() for panel in panels]
    ends = [(box.y0, box.y1) if side == "right" else (box.x0, box.x1) for box in boxes]
    # Names beside the panels and below them take a part of these.
    length = 0.6 * float(np.ptp(ends)) / panels[0].figure.dpi
    letters = font_points("small") / 72.0
    least = letters * (1.6 if side == "right" else 3.2) / length
    kept: list[float] = []
    zero = float(norm(0.0))
    for number in tens:
        place = float(norm(number))
        if not kept or min(float(norm(kept[-1])) - place, place - zero) >= least:
            kept.append(float(number))
    return np.array(kept)


def checked_kinds(kinds: Any, known: Sequence[str]) -> tuple[str, ...]:
    """Kinds of second derivatives that a function has, or an error.

    Parameters
    ----------
    kinds : str or sequence of str
        What was asked for.
    known : sequence of str
        What there is.

    Returns
    -------
    tuple of str
        Each once.

    Raises
    ------
    ValueError
        If one is not known, or there is none.
    """
    wanted = (kinds,) if isinstance(kinds, str) or not np.iterable(kinds) else tuple(kinds)
    if not wanted:
        raise ValueError(f"kinds must name at least one of {list(known)}, got {kinds!r}.")
    for kind in wanted:
        if kind not in known:
            raise ValueError(must_be_one_of("kinds", kind, known))
    return tuple(dict.fromkeys(wanted))


def _scale(objective: SmoothFunction, H: Array, standardized: bool) -> Array:
    """What scales the diagonal of a Hessian to one."""
    steps = np.ones(len(H))
    if isinstance(objective, Objective | BlockObjective) and not standardized:
        steps = natural_steps(objective)
    return unit_diagonal(np.diagonal(H), steps)


def _entry(standardized: bool, scaled: bool) -> str:
    """What an entry is."""
    table = "\n(standardised columns)" if standardized else ""
    if scaled:
        return rf"$h_{{pq}}\,/\,|h_{{pp}}\,h_{{qq}}|^{{1/2}}${table}"
    return rf"$\partial^2 f/\partial w_p\,\partial w_q${table}"


def _structure(objective: Any) -> tuple[Ints, list[Group], list[Group]]:
    """Parameters in the order of layers and units, and where these are.

    A parameter that several units share is where the first of them is.
    """
    network = getattr(objective, "network", None)
    if not isinstance(network, Network):
        size = objective.n_parameters
        everything = [Group("parameters", 0, size)]
        return np.arange(size), everything, everything
    seen = np.zeros(network.n_parameters, dtype=bool)
    order: list[Ints] = []
    layers, units, at = [], [], 0
    names = [*network.unit_names, network.output_names]
    for title, places, units_of in zip(
        _layer_titles(network), network.positions, names, strict=True
    ):
        start = at
        for name, column in zip(units_of, places.T, strict=True):
            own = column[column >= 0]
            own = own[~seen[own]]
            own = own[np.sort(np.unique(own, return_index=True)[1])]
            seen[own] = True
            if len(own):
                order.append(own)
                units.append(Group(name, at, at + len(own)))
                at += len(own)
        if at > start:
            layers.append(Group(title, start, at))
    return np.concatenate(order), layers, units


def _layer_titles(network: Network) -> list[str]:
    """A name for each layer."""
    hidden = len(network.layers) - 1
    titles = ["hidden" if hidden == 1 else f"hidden {k + 1}" for k in range(hidden)]
    for k, is_linear in enumerate(network.linear[:-1]):
        if not is_linear:
            titles[k] = type(network.layers[k]).__name__
    return [*titles, "output"]


def _middle(group: Group) -> float:
    return (group.start + group.stop - 1) / 2


def _percent(part: float) -> str:
    """A part in percent, with two digits below ten."""
    return f"{100.0 * part:.2g} %" if part < 0.0995 else f"{100.0 * part:.0f} %"
