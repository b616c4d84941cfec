"""Why a net's weights may not be identified: what its units and inputs look like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Activation, Network, Rows, Semidefinite
from sknewtonnet.calculus.functions.units import UnitReport, unit_reports
from sknewtonnet.inference._minimum import Information

# Findings that say that a net has more units than its data show.
OF_UNITS = ("dead unit", "constant unit", "duplicate units", "indefinite information")

# Smallest singular value of standardised inputs that counts as zero.
_COLLINEAR = 1e-7

# Spread of an input, over its largest value, that counts as none.
_VARIES = 1e-12

# Standard deviations between an input and zero that are too many: tanh is flat beyond 3 or so.
_FAR = 10.0


@dataclass(frozen=True)
class Finding:
    """One fact that limits what can be concluded from a fit.

    An inference warns of findings that are no notes; ``diagnosis`` has the messages of all.

    Parameters
    ----------
    kind : str
        Its name, such as "duplicate units"; doc/inference.md lists all kinds.
    message : str
        What was found, and what to do.
    parameters : tuple of str, default=()
        Names of the parameters concerned, where it concerns some more than others.
    severity : {"fatal", "warning", "note"}, default="warning"
        "fatal": there are no standard errors at all; "warning": p-values cannot be relied on, and
        numbers that are not estimable are NaN; "note": worth knowing.

    See Also
    --------
    findings : The function that looks for them.
    InferenceResults : Results of a fit, which keep its ``findings``.

    Examples
    --------
    >>> from sknewtonnet.inference import Finding
    >>> found = Finding("duplicate units", "h0 and h1 do the same.", ("coefs_1[h0, y]",))
    >>> found.kind, found.severity
    ('duplicate units', 'warning')
    """

    kind: str
    message: str
    parameters: tuple[str, ...] = ()
    severity: str = "warning"


def fatal_messages(findings: Iterable[Finding]) -> list[str]:
    """Select the messages of findings that leave a fit without any standard errors.

    Where there are some, the standard errors of :class:`InferenceResults` are NaN.

    Parameters
    ----------
    findings : iterable of Finding
        The result of :func:`findings`.

    Returns
    -------
    list of str
        Empty if there are standard errors.

    See Also
    --------
    findings : All findings about a minimum.
    Finding : One of them.

    Examples
    --------
    >>> from sknewtonnet.inference import Finding, fatal_messages
    >>> fatal_messages([Finding("few rows", "Only 4 observations.", severity="note")])
    []
    """
    return [finding.message for finding in findings if finding.severity == "fatal"]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by their severity, else in the order in which they come."""
    order = {"fatal": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda finding: order[finding.severity])


def unit_findings(information: Information, feature_names: Sequence[str]) -> Iterator[Finding]:
    """Unused, constant and duplicate units, inputs far from zero, scaling symmetries."""
    network = information.objective.network
    reports = unit_reports(information.objective, information.params)
    unused = [report for report in reports if report.unused]
    constant = [report for report in reports if report.constant]
    if unused:
        yield Finding(
            "dead unit",
            f"{_units(unused)} unused: nothing changes without {_them(unused)}, so what comes in "
            "is not identified. Use fewer units.",
            _incoming(network, unused),
        )
    far = _far_from_zero(information, feature_names)
    if far:
        what = f", so {_units(constant).lower()} constant on the data" if constant else ""
        yield Finding(
            "not centred",
            f"Not centred: {far} far from zero, beside how much {_they(far)}{what}. Units start "
            "where they bend least and fits end in poor minima: centre and scale the columns, as "
            "standardize=True does.",
            _incoming(network, constant),
            "warning" if constant else "note",
        )
    elif constant:
        yield Finding(
            "constant unit",
            f"{_units(constant)} constant on the data: an intercept does the same. Use fewer "
            "units.",
            _incoming(network, constant),
        )
    twins = [report for report in reports if report.twin is not None]
    if twins:
        groups: dict[str, list[str]] = {}
        for report in twins:
            groups.setdefault(str(report.twin), []).append(report.name)
        alike = "; ".join(
            f"{', '.join([first, *others[:-1]])} and {others[-1]}"
            for first, others in groups.items()
        )
        yield Finding(
            "duplicate units",
            f"Units {alike} are duplicates: the same up to scale, sign and shift. Only the sum of "
            "what goes out of them is identified. Use fewer units.",
        )
    for k, layer in enumerate(network.layers[:-1]):
        if network.linear[k]:
            for activation, units in layer.activation.groups(layer.n_units):
                yield from _scaling(information, k, activation, units)


def _units(reports: Sequence[UnitReport]) -> str:
    """The units as the subject of a sentence; those of Gaussian units that are far say so."""
    names = ", ".join(report.name for report in reports)
    return f"Units {names} are" if len(reports) > 1 else f"Unit {names} is"


def _them(reports: Sequence[UnitReport]) -> str:
    return "them" if len(reports) > 1 else "it"


def _incoming(network: Network, reports: Sequence[UnitReport]) -> tuple[str, ...]:
    """Names of the parameters that come into units."""
    return tuple(
        name for report in reports for name in network.incoming_names(report.layer, report.unit)
    )


def _far_from_zero(information: Information, feature_names: Sequence[str]) -> str:
    """Inputs of hidden units whose origin is far away; empty if there are none."""
    network = information.objective.network
    read = np.zeros(network.n_features, dtype=bool)
    hidden = zip(network.layers[:-1], network.linear[:-1], network.positions[:-1], strict=True)
    for layer, linear, places in hidden:
        if linear and 0 in layer.sources:
            read |= (places[: network.n_features] >= 0).any(axis=1)
    inputs = information.inputs
    varies = inputs.spread > _VARIES * inputs.size
    far = np.flatnonzero(read & varies & (np.abs(inputs.mean) > _FAR * inputs.spread))
    names = ", ".join(feature_names[j] for j in far[:6]) + (", ..." if len(far) > 6 else "")
    return "" if not len(far) else f"{names} {'are' if len(far) > 1 else 'is'}"


def _they(far: str) -> str:
    return "they vary" if far.endswith("are") else "it varies"


def edge_findings(information: Information) -> Iterator[Finding]:
    """Semidefinite units that ignore directions of the inputs."""
    network, inputs = information.objective.network, information.inputs
    sizes = np.hypot(inputs.mean, inputs.spread)
    matrices = network.matrices(information.params)
    for k, layer in enumerate(network.layers):
        if not isinstance(layer, Semidefinite) or layer.sources != (0,):
            continue
        ignored = layer.ignored(matrices[k], sizes) & (network.positions[k] >= 0)
        units = np.flatnonzero(ignored.any(axis=0))
        if not len(units):
            continue
        names = [network.layout.names[place] for place in network.positions[k].T[ignored.T]]
        shown = ", ".join(network.unit_names[k][j] for j in units)
        yield Finding(
            "edge",
            f"Unit{'s' if len(units) > 1 else ''} {shown} ignore{'' if len(units) > 1 else 's'} "
            "directions of the inputs: the quadratic form is singular, at the edge of those that "
            "are never negative. Tests of the parameters that are 0 there have no known null "
            "distribution; effects and predictions do not depend on them.",
            tuple(names),
            severity="note",
        )


def _scaling(
    information: Information, k: int, activation: Activation, units: Ints
) -> Iterator[Finding]:
    """What an activation with h(c a) = c h(a) for c > 0, or with a kink, does to its weights."""
    network, a = information.objective.network, np.array([[-3.0, -0.7, 0.0, 0.4, 2.0]])
    bound = network.matrices(information.penalty_acts_on.astype(float))
    going_out = network.outgoing(bound, k + 1)
    free = not (bound[k][:, units].any() or any(part[units].any() for part in going_out))
    homogeneous = np.allclose(activation.value(2.0 * a), 2.0 * activation.value(a), rtol=1e-12)
    if homogeneous and free:
        yield Finding(
            "scaling symmetry",
            f"Units with the activation {activation.name!r} have a scaling symmetry (layer {k}): "
            "what comes in times c and what goes out over c are the same net, so without a "
            "penalty no weight of theirs is identified; predictions and effects are.",
        )
    elif not activation.smooth:
        yield Finding(
            "kinks",
            f"Second derivatives of {activation.name!r} (layer {k}) jump: standard errors of "
            "weights hold for the branches on which the rows are now.",
            severity="warning" if homogeneous else "note",
        )


def input_findings(information: Information, feature_names: Sequence[str]) -> Iterator[Finding]:
    """Inputs that are constant, or linear functions of others, of those that a weight leaves."""
    inputs, leaving = information.inputs, information.input_parameters
    read = np.array([leaving is None or len(leaving[j]) > 0 for j in range(len(feature_names))])
    mean, spread = inputs.mean, inputs.spread
    constant = spread <= _VARIES * np.maximum(inputs.size, 1e-300)
    for j in np.flatnonzero(constant & read).tolist():
        yield Finding(
            "constant input",
            f"Input {feature_names[j]} is constant: its weights and the intercepts are not "
            "identified apart.",
        )
    varying = np.flatnonzero(~constant & read)
    if len(varying) < 2:
        return
    # The triangle has the same right vectors, and all of them if there are few rows.
    columns = varying, mean[varying], spread[varying]
    triangle = reduce(_joined_triangles, information.objective.over_rows(_triangle, *columns))
    _, sizes, directions = np.linalg.svd(triangle)
    zero = np.ones(len(varying), dtype=bool)
    zero[: len(sizes)] = sizes <= _COLLINEAR * sizes[0]
    if not zero.any():
        return
    part = (np.abs(directions[zero]) > 1e-3).any(axis=0)
    shown = [feature_names[j] for j in varying[part].tolist()]
    names = ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "")
    yield Finding(
        "collinear inputs",
        f"Collinear inputs: {names} are linearly dependent, so the data do not tell their "
        f"weights apart. Drop {int(zero.sum())} of them.",
        severity="note" if information.penalised else "warning",
    )


def _triangle(rows: Rows, columns: Ints, mean: Array, spread: Array) -> Array:
    """The triangular factor of standardised columns, times the roots of the weights."""
    standard = (rows.X[:, columns] - mean) / spread
    return np.asarray(np.linalg.qr(np.sqrt(rows.sample_weight)[:, None] * standard, mode="r"))


def _joined_triangles(one: Array, other: Array) -> Array:
    """The factor of rows whose factors are known."""
    return np.asarray(np.linalg.qr(np.vstack([one, other]), mode="r"))
