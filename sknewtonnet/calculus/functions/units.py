"""Units: what goes in and out of them, what they are found to be, and what may become of them.

What a hidden unit is, on samples of weight s_i and sum S, is decided here and nowhere else. Of its
values x let mean(x) = 1/S sum_i s_i x_i, size(x) = mean(x^2)^(1/2), spread(x) = size(x - mean(x)).
Let |o| be the length of its outgoing coefficients, each counted in what matters to its reader: at
an output the size of the residuals (1, if the loss is not quadratic), in a hidden layer 1, over
which activations bend. A reader that is not linear counts as a coefficient of 1.

===============  ==============================================================================
there            some parameter of it exists
connected        a path of existing parameters leads from it to a raw prediction
unused           not connected, or |o| size(x) <= 1e-6 U: without it nothing changes
constant         not unused, and |o| spread(x) <= 1e-6 U: an intercept does the same
same as unit r   neither is unused or constant, and they correlate by more than 1 - 1e-6, either
                 sign: what goes out of them is known in sum only
linear           neither unused nor constant, and correlates with its own pre-activation by more
                 than 1 - 1e-6: on the range of the data its activation is a straight line
exponential      neither unused, constant nor linear, and the logarithm of its slope correlates
                 with its own pre-activation by more than 1 - 1e-4: a tail of its activation
step             neither unused nor constant, and its largest slope explains less than 1e-3 of
                 its spread: it is saturated at each row
far              of Gaussian units, which are 1 at their centre: no value above 1e-3
on one sample    of Gaussian units: one distinct sample has 99 % of sum_i s_i x_i
===============  ==============================================================================

U is the largest |o| spread(x) of the layer, at least 1. Whether a unit is at work, that is neither
unused nor constant, stays the same if its values are multiplied or shifted and outgoing
coefficients and intercepts make up for it. (A constant unit whose values are shifted to 0 is
unused.)

Where units share parameters, a unit is neither unused nor constant if units at work share all that
comes into it, nor the same as one out of which the same parameters go: nothing is unknown there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.functions.any_objective import AnyObjective
from sknewtonnet.calculus.functions.network import Network
from sknewtonnet.calculus.functions.shared import may_swap
from sknewtonnet.calculus.functions.unit_facts import RawFacts, Shares, UnitFacts, facts_of_rows
from sknewtonnet.calculus.pieces.function import may_overflow

# Part of what matters that is nothing. Curvatures go with its square, 1e-12, which is what the
# tolerance of a fit leaves of a curvature that is none.
NOTHING = 1e-6

# Correlations within this of 1 are 1: what is not shared is 1.4e-3 of the spread.
SAME = 1e-6

# The same for tails of activations, and the part of a spread that slopes of a step explain.
TAIL, STEP = 1e-4, 1e-3

# Highest value of a Gaussian unit from which all samples are 3.7 widths away.
FAR = 1e-3

# Part of a Gaussian unit's values at one sample that leaves nothing for a shape around it.
ALONE = 0.99


@dataclass(frozen=True)
class UnitReport:
    """What a hidden unit is found to be.

    Parameters
    ----------
    layer, unit : int
        Its place in the net.
    name : str
        Its name, as in the names of parameters.
    unused, constant, linear, exponential, step, far, on_one_sample : bool
        As defined at the top of ``sknewtonnet/calculus/functions/units.py``.
    twin : str or None
        Name of the first earlier unit of its layer that it is the same as.
    """

    layer: int
    unit: int
    name: str
    unused: bool
    constant: bool
    linear: bool
    exponential: bool
    step: bool
    far: bool
    on_one_sample: bool
    twin: str | None

    @property
    def reason(self) -> str:
        """Why it does no work of its own, in words; empty if it does."""
        reasons = {
            "unused": self.unused,
            "far from all samples": self.far,
            "constant": self.constant,
            "on one sample": self.on_one_sample,
            f"same as unit {self.twin}": self.twin is not None,
        }
        return next((words for words, holds in reasons.items() if holds), "")  # the first


def unit_reports(objective: AnyObjective, w: Array) -> list[UnitReport]:
    """What each hidden unit that is there is found to be, layer after layer.

    Parameters
    ----------
    objective : Objective or BlockObjective
        Network, data and loss.
    w : ndarray of shape (n_parameters,)
        Parameters, as a rule a minimum.

    Returns
    -------
    list of UnitReport

    Notes
    -----
    About the cost of two predictions of the samples, and n s^2 flops for a layer of s units; with
    Gaussian units the samples are sorted once.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network, Objective
    >>> from sknewtonnet.calculus.functions.units import unit_reports
    >>> X = np.linspace(-1.0, 1.0, 50)[:, None]
    >>> network = Network.mlp(1, 3, 1)
    >>> arrays = {
    ...     "coefs_0": [[2.0, 0.1, -2.0]],
    ...     "intercepts_0": [0.5, 30.0, -0.5],  # the second unit is at the end of tanh
    ...     "coefs_1": [[1.0], [1.0], [1.0]],
    ...     "intercepts_1": [0.0],
    ... }
    >>> objective = Objective(network, "squared_error", X, np.sin(3.0 * X))
    >>> for unit in unit_reports(objective, network.layout.pack(arrays)):
    ...     print(unit.name, "is", unit.reason or "at work")
    h0 is at work
    h1 is constant
    h2 is same as unit h0
    """
    network = objective.network
    if len(network.layers) == 1:
        return []
    raw, facts = _facts(objective, w)
    unit = raw.unit(objective.loss.quadratic)
    matrices, connected = network.matrices(w), connected_units(network)
    reports: list[UnitReport] = []
    for k, names in enumerate(network.unit_names):
        there = np.flatnonzero(network.exists[k].any(axis=0))
        outgoing = _outgoing(network, matrices, k + 1, unit)
        outgoing[~connected[k + 1]] = 0.0
        layer = _LayerOnData(facts[k], outgoing[there], least=1.0)
        found = layer.reports(k, there, [names[j] for j in there])
        reports += _with_what_is_shared(network, found) if network.layout.has_ties else found
    return reports


def _facts(objective: AnyObjective, w: Array) -> tuple[RawFacts, list[UnitFacts]]:
    """What all rows tell of raw predictions and of hidden units."""
    parts = objective.over_rows(facts_of_rows, objective.network, w)
    raw, layers = next(parts)
    for more, others in parts:
        raw = raw.joined(more)
        layers = [one.joined(other) for one, other in zip(layers, others, strict=True)]
    return raw, layers


def _with_what_is_shared(network: Network, reports: list[UnitReport]) -> list[UnitReport]:
    """Reports on the units of a layer that know of parameters that they share.

    What comes into an idle unit is identified where units at work share it, and what goes out of
    twins where it is one parameter: these are as they should be.
    """
    if not reports:
        return reports
    k = reports[0].layer
    read, gone = network.positions[k], network.outgoing(network.positions, k + 1)
    known = {-1, *read[:, [r.unit for r in reports if not (r.unused or r.constant)]].ravel()}
    names = {r.name: r.unit for r in reports}
    found = []
    for report in reports:
        alike = report.twin is not None and all(
            (rows[report.unit] == rows[names[report.twin]]).all() for rows in gone
        )
        shared = known.issuperset(read[:, report.unit])
        found.append(
            replace(
                report,
                unused=report.unused and not shared,
                constant=report.constant and not shared,
                twin=None if alike else report.twin,
            )
        )
    return found


def degenerate_units(activations: Array, sample_weight: Array, outgoing: Array) -> dict[int, str]:
    """Find Gaussian units without work of their own, and why, from their values.

    Such a unit makes the Hessian singular, or nearly so: its centre and width have no standard
    errors, and fewer units would do.

    Parameters
    ----------
    activations : ndarray of shape (n_samples, n_units)
        Values of the units between 0 and 1 at distinct samples.
    sample_weight : ndarray of shape (n_samples,)
        Their weights.
    outgoing : ndarray of shape (n_units,)
        Norm of each unit's outgoing coefficients.

    Returns
    -------
    dict of int to str
        For each such unit the first of these that holds: "unused", "far from all samples",
        "constant", "on one sample", "same as unit r".

    See Also
    --------
    sknewtonnet.RBFNetRegressor : The net, which warns of such units.
    critical_point : The verdict on a point, which they leave inconclusive.

    Notes
    -----
    Of the values x of a unit let size(x) be the weighted root mean square, spread(x) the weighted
    standard deviation, |o| the norm of its outgoing coefficients, and U the largest |o| size(x).

    - unused: |o| size(x) <= 1e-6 U.
    - far from all samples: no value is above 1e-3.
    - constant: |o| spread(x) <= 1e-6 U.
    - on one sample: one distinct sample has 99 % of the weighted sum of the values.
    - same as unit r: the two correlate by more than 1 - 1e-6, and neither is unused or constant.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.inspection import degenerate_units
    >>> x = np.linspace(-2.0, 2.0, 9)
    >>> values = np.column_stack([np.exp(-(x**2)), np.ones(9), np.exp(-(x**2))])
    >>> degenerate_units(values, np.ones(9), np.array([1.0, 0.5, 2.0]))
    {1: 'constant', 2: 'same as unit 0'}
    """
    samples = np.arange(float(len(activations)))[:, None]
    shares = Shares.of(activations, sample_weight, samples)
    facts = UnitFacts.of(activations, sample_weight, shares=shares)
    layer = _LayerOnData(facts, outgoing, least=float((outgoing * facts.size).max()))
    units = np.arange(activations.shape[1])
    reports = layer.reports(0, units, [str(j) for j in units])
    return {report.unit: report.reason for report in reports if report.reason}


@dataclass(frozen=True, eq=False)
class _LayerOnData:
    """Units of a layer on samples; each definition is one property, with an entry per unit.

    Parameters
    ----------
    facts : UnitFacts
        What the samples tell of the units.
    outgoing : ndarray of shape (n_units,)
        |o|.
    least : float
        What matters even if no unit varies as much; U is not smaller.
    """

    facts: UnitFacts
    outgoing: Array
    least: float

    def reports(self, layer: int, units: Ints, names: Sequence[str]) -> list[UnitReport]:
        """One record per unit."""
        facts = {
            "unused": self.unused,
            "constant": self.constant,
            "linear": self.linear,
            "exponential": self.exponential,
            "step": self.step,
            "far": self.far,
            "on_one_sample": self.on_one_sample,
        }
        twins = [None if r is None else names[r] for r in self.twins()]
        return [
            UnitReport(
                layer=layer,
                unit=int(unit),
                name=names[j],
                twin=twins[j],
                **{fact: bool(holds[j]) for fact, holds in facts.items()},
            )
            for j, unit in enumerate(units)
        ]

    @cached_property
    def matters(self) -> float:
        """NOTHING times U."""
        return NOTHING * max(self.least, float((self.outgoing * self.spread).max(initial=0.0)))

    @property
    def spread(self) -> Array:
        """Weighted standard deviation of the values."""
        return self.facts.values.spread

    @cached_property
    def unused(self) -> Bools:
        """Nothing changes without it."""
        return self.outgoing * self.facts.size <= self.matters

    @cached_property
    def constant(self) -> Bools:
        """An intercept does the same."""
        return ~self.unused & (self.outgoing * self.spread <= self.matters)

    @cached_property
    def works(self) -> Bools:
        """Neither unused nor constant."""
        return ~self.unused & ~self.constant

    @cached_property
    def linear(self) -> Bools:
        """Its activation is a straight line on the data."""
        line = self.facts.inner
        return self.works & (False if line is None else line.correlates(SAME))

    @property
    def exponential(self) -> Bools:
        """Its activation is a tail on the data."""
        tail = self.facts.tail
        if tail is None:
            return np.zeros_like(self.works)
        return self.works & self.facts.sloped & tail.correlates(TAIL) & ~self.linear

    @property
    def step(self) -> Bools:
        """It is saturated at each row, at more than one value."""
        line = self.facts.inner
        if line is None:
            return np.zeros_like(self.works)
        return self.works & (self.facts.steepest * line.right.spread < STEP * self.spread)

    @property
    def far(self) -> Bools:
        """All values of a Gaussian unit are next to nothing."""
        gaussian = self.facts.shares is not None
        return np.asarray(gaussian & (self.facts.values.high < FAR))

    @property
    def on_one_sample(self) -> Bools:
        """One distinct sample has nearly all of a Gaussian unit's values."""
        shares = self.facts.shares
        return np.zeros_like(self.works) if shares is None else shares.above(ALONE)

    def twins(self) -> Iterator[int | None]:
        """The first earlier unit that each is the same as."""
        norms = self.facts.lengths
        same = np.abs(self.facts.products) > (1.0 - SAME) * norms[:, None] * norms
        same &= self.works[:, None] & self.works
        for j in range(len(norms)):
            earlier = np.flatnonzero(same[j, :j])
            yield int(earlier[0]) if earlier.size else None


@may_overflow
def _outgoing(network: Network, matrices: Sequence[Array], node: int, raw_unit: float) -> Array:
    """Length of what goes out of each unit of a node, in what matters to its readers."""
    squares = np.zeros(network.node_sizes[node])
    last = len(network.layers) - 1
    for k, rows in network._graph.readers[node]:
        unit = raw_unit if k == last else 1.0
        squares += ((matrices[k][rows] / unit) ** 2).sum(axis=1) if network.linear[k] else 1.0
    return np.sqrt(squares)


def connected_units(network: Network, flags: Sequence[Bools] | None = None) -> list[Bools]:
    """Units from which a path of existing parameters leads to a raw prediction.

    Parameters
    ----------
    network : Network
        The net.
    flags : sequence of ndarray of bool of shape (t_k, s_k), default=None
        Which parameters to count in place of those that exist.

    Returns
    -------
    list of ndarray of bool
        One entry per node: the inputs, the units of each layer. All outputs are connected. A
        layer without :meth:`Layer.input_rows` depends on all that it reads.
    """
    graph, exists = network._graph, network.exists if flags is None else flags
    found = [np.ones(size, dtype=bool) for size in graph.node_sizes]
    for node in range(len(found) - 2, -1, -1):
        found[node][:] = False
        for k, rows in graph.readers[node]:
            found[node] |= (_reads(network, exists, k, rows) & found[k + 1]).any(axis=1)
    return found


def _reads(network: Network, flags: Sequence[Bools], k: int, rows: slice) -> Bools:
    """Whether each unit of layer k depends on each of its inputs at these rows."""
    if network.linear[k]:
        return flags[k][rows]
    n_inputs = network._graph.n_inputs[k]
    parameters = network.layers[k].input_rows(n_inputs)
    if parameters is None:
        return np.ones((rows.stop - rows.start, flags[k].shape[1]), dtype=bool)
    return np.array([flags[k][own].any(axis=0) for own in parameters[rows]])


def interchangeable(network: Network, layer: int) -> Bools:
    """Which units of a hidden layer can take each other's place.

    They have the same connections, and the same activation.
    Units that share parameters can if ties stay ties.

    Returns
    -------
    ndarray of bool of shape (n_units, n_units)
    """
    going_out = [flags.T for flags in network.outgoing(network.exists, layer + 1)]
    n_units = network.node_sizes[layer + 1]
    groups = network.layers[layer].activation.groups(n_units)
    if network.layout.free is None and len(groups) == 1:  # all connections, each its own
        return np.ones((n_units, n_units), dtype=bool)
    kinds = np.zeros(n_units, dtype=int)
    for number, (_, units) in enumerate(groups):
        kinds[units] = number
    patterns = np.vstack([network.exists[layer], *going_out, kinds])
    kind = np.unique(patterns, axis=1, return_inverse=True)[1].ravel()
    same = np.asarray(kind[:, None] == kind)
    if network.layout.has_ties:
        for one, other in np.argwhere(np.triu(same, 1)).tolist():
            pair = np.array([one]), np.array([other])
            same[one, other] = same[other, one] = may_swap(network, layer, *pair)
    return same


def rearrange(
    network: Network, matrices: Sequence[Array], layer: int, order: Ints, sign: Array
) -> None:
    """Put the units of a hidden layer in another order, some with the other sign, in place.

    The net stays the same function if all readers of the layer are linear, units that change
    places are :func:`interchangeable`, and a unit with the other sign is of a linear layer and has
    an odd or even activation.

    Parameters
    ----------
    network : Network
        The net.
    matrices : sequence of ndarray of shape (t_k, s_k)
        Its parameters, as of :meth:`Network.by_layer`.
    layer : int
        The layer.
    order : ndarray of int of shape (n_units,)
        Which unit comes to each place.
    sign : ndarray of shape (n_units,)
        1, or -1 where all that comes in changes its sign; with an odd activation so does what
        goes out.
    """
    matrices[layer][...] = matrices[layer][:, order] * sign
    outward = np.where(network.layers[layer].parities == -1, sign, 1.0)
    for rows in network.outgoing(matrices, layer + 1):
        rows[...] = rows[order] * outward[:, None]


def complement(
    network: Network, matrices: Sequence[Array], layer: int, units: Ints, height: float
) -> Ints:
    """Give units whose activation has h(a) + h(-a) = height the other sign, in place.

    What they contribute, o h(a), is height o - o h(-a): intercepts of the readers make up for it.

    Parameters
    ----------
    network : Network
        The net.
    matrices : sequence of ndarray of shape (t_k, s_k)
        Its parameters, as of :meth:`Network.by_layer`.
    layer : int
        A linear layer, all of whose readers are linear.
    units : ndarray of int
        Which units.
    height : float
        The sum.

    Returns
    -------
    ndarray of int
        Those that could be turned, because whoever reads them has an intercept.
    """
    readers = network._graph.readers[layer + 1]
    exists = network.exists
    missing = [(exists[k][rows] & ~exists[k][-1]).any(axis=1) for k, rows in readers]
    turned = np.array([j for j in units if not any(flags[j] for flags in missing)], dtype=int)
    matrices[layer][:, turned] *= -1.0
    for k, rows in readers:
        going_out = matrices[k][rows]
        matrices[k][-1] += height * going_out[turned].sum(axis=0)
        going_out[turned] *= -1.0
    return turned


def settle(network: Network, params: Array, exists: Bools) -> tuple[Array, Bools]:
    """Take away units that do nothing, and fold constant ones into the intercepts.

    A unit without outgoing weights goes with all that comes in; one without incoming weights is
    a constant, which the intercepts of its readers take over. The net stays the same function.

    Parameters
    ----------
    network : Network
        The net.
    params : ndarray of shape (n_parameters,)
        Its parameters.
    exists : ndarray of bool of shape (n_parameters,)
        Which of them are kept; the others are zero.

    Returns
    -------
    full : ndarray of shape (n_full,)
        Parameters of the same net.
    kept : ndarray of bool of shape (n_full,)
        Which of them still exist. A unit leaves alone what other units share with it.
    """
    full = network.layout.expand(params).copy()
    kept = network.layout.expand(exists.astype(float)) > 0
    weights, flags = network.by_layer(full), network.by_layer(kept)
    changed = True
    while changed:
        changed = False
        for k, layer in enumerate(network.layers[:-1]):
            for j in range(layer.n_units):
                changed |= _fold(network, weights, flags, k, j)
                if flags[k][:, j].any() and not _is_read(network, flags, k, j):
                    flags[k][:, j] = False
                    weights[k][:, j] = 0.0
                    changed = True
    layout = network.layout
    return (layout.expand(layout.restrict(full, kept)) if layout.has_ties else full), kept


def _is_read(network: Network, flags: Sequence[Bools], k: int, j: int) -> bool:
    """Whether a unit that is there reads unit j of layer k."""
    return any(
        (_reads(network, flags, reader, rows)[j] & flags[reader].any(axis=0)).any()
        for reader, rows in network._graph.readers[k + 1]
    )


def _fold(
    network: Network, weights: Sequence[Array], flags: Sequence[Bools], k: int, j: int
) -> bool:
    """Let the intercepts of all readers take over a unit that nothing comes into, if they can."""
    graph = network._graph
    readers = graph.readers[k + 1]
    constant = graph.linear[k] and not flags[k][:-1, j].any()
    if not constant or not network.has_linear_readers(k + 1):
        return False
    reads = [flags[reader][rows][j] for reader, rows in readers]
    intercepts = [flags[reader][-1] for reader, _ in readers]
    if not np.concatenate(reads).any():
        return False
    if (np.concatenate(reads) & ~np.concatenate(intercepts)).any():
        return False
    if network.layout.has_ties and _is_shared(network, k, j):
        return False
    activation = network.layers[k].activation.of_unit(j)
    value = float(activation.value(weights[k][-1:, j : j + 1])[0, 0])
    for reader, rows in readers:
        weights[reader][-1] += value * weights[reader][rows][j]
        weights[reader][rows][j] = 0.0
        flags[reader][rows][j] = False
    return True


def _is_shared(network: Network, k: int, j: int) -> bool:
    """Whether what comes in or goes out of a unit, or an intercept of its readers, is shared."""
    readers = network._graph.readers[k + 1]
    parts = [network.positions[k][:, j]]
    parts += [network.positions[reader][rows][j] for reader, rows in readers]
    parts += [network.positions[reader][-1] for reader, _ in readers]
    places = np.concatenate(parts)
    return bool((network.layout.n_entries[places[places >= 0]] > 1).any())
