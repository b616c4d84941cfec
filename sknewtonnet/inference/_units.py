"""Why a net's weights may not be identified: what its units and inputs look like."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknewtonnet.calculus import Network
from sknewtonnet.inference._information import Information

Array = NDArray[np.float64]

# A unit whose share of the outputs, or spread, is below this part of the largest does nothing.
_NOTHING = 1e-6
# Smallest singular value of standardised inputs that counts as zero.
_COLLINEAR = 1e-7


@dataclass(frozen=True)
class Finding:
    """One thing that stands between a fit and its p-values.

    Attributes
    ----------
    kind : str
        A word for it, such as "duplicate units".
    message : str
        A sentence for people.
    parameters : tuple of str
        Names of parameters that it concerns, if it concerns some more than others.
    severity : {"fatal", "warning", "note"}
        "fatal": no standard errors at all; "warning": the net is not identified, what is not
        estimable is NaN; "note": worth knowing.
    """

    kind: str
    message: str
    parameters: tuple[str, ...] = ()
    severity: str = "warning"


def unit_findings(information: Information) -> Iterator[Finding]:
    """Dead, constant and duplicate units, and units with a scaling symmetry."""
    network = information.objective.network
    wiring = network.wiring
    if len(wiring.layers) < 2:
        return
    weight = information.objective.sample_weight
    states = network.states(information.params, information.objective.samples)
    matrices = network.matrices(information.params)
    for k, layer in enumerate(wiring.layers[:-1]):
        values = states[k + 1]
        mean = weight @ values / weight.sum()
        centred = np.sqrt(weight)[:, None] * (values - mean)
        spread = np.linalg.norm(centred, axis=0) / np.sqrt(weight.sum())
        outgoing = np.sqrt(
            sum((matrices[r][rows] ** 2).sum(axis=1) for r, rows in wiring.readers[k + 1])
        )
        share = outgoing * np.maximum(spread, np.abs(mean))
        dead = share <= _NOTHING * max(float(share.max()), float(np.std(information.raw)), 1e-300)
        constant = ~dead & (spread <= _NOTHING * np.maximum(np.abs(values).max(axis=0), 1e-300))
        names = network.unit_names[k]
        for j in np.flatnonzero(dead).tolist():
            yield Finding(
                "dead unit",
                f"Unit {names[j]} is dead: nothing goes out of it, so the weights that come in "
                "are not identified. Use fewer units.",
                _incoming(network, k, j),
            )
        for j in np.flatnonzero(constant).tolist():
            yield Finding(
                "constant unit",
                f"Unit {names[j]} is constant on the data: it does what an intercept does. "
                "Use fewer units.",
                _incoming(network, k, j),
            )
        alive = np.flatnonzero(~dead & ~constant).tolist()
        yield from _duplicates(centred[:, alive], [names[j] for j in alive])
        if _is_homogeneous(layer.activation.value) and wiring.linear[k]:
            yield _scaling(information, k, layer.activation.name)


def _incoming(network: Network, k: int, j: int) -> tuple[str, ...]:
    """Names of the parameters of a unit."""
    places = network.wiring.matrices(network.layout.positions)[k][:, j]
    return tuple(network.layout.names[place] for place in places if place >= 0)


def _duplicates(centred: Array, names: Sequence[str]) -> Iterator[Finding]:
    norms = np.linalg.norm(centred, axis=0)
    close = np.abs(centred.T @ centred) > (1.0 - 1e-6) * norms[:, None] * norms
    for j in range(len(names)):
        twins = np.flatnonzero(close[j, :j])
        if twins.size:
            yield Finding(
                "duplicate units",
                f"Units {names[twins[0]]} and {names[j]} are duplicates, equal up to sign and "
                "shift: only the sum of what goes out of them is identified. Use fewer units.",
            )


def _is_homogeneous(activation: object) -> bool:
    """Whether h(c a) = c h(a) for c > 0, without being a polynomial of higher degree."""
    a = np.array([[-3.0, -0.7, 0.0, 0.4, 2.0]])
    return bool(np.allclose(activation(2.0 * a), 2.0 * activation(a), rtol=1e-12))  # type: ignore[operator]


def _scaling(information: Information, k: int, activation: str) -> Finding:
    strength = information.objective.network.matrices(information.penalty)
    if strength[k].any() or any(
        strength[r][rows].any() for r, rows in information.objective.network.wiring.readers[k + 1]
    ):
        return Finding(
            "kinks",
            f"The activation {activation!r} of layer {k} has a kink, where second derivatives "
            "jump: standard errors of weights hold on the branches the rows are in now.",
        )
    return Finding(
        "scaling symmetry",
        f"Units with the activation {activation!r} have a scaling symmetry (layer {k}): what "
        "comes in times c and what goes out over c are the same net, so without a penalty no "
        "weight of theirs is identified; predictions and effects are.",
    )


def input_findings(information: Information, feature_names: Sequence[str]) -> Iterator[Finding]:
    """Inputs that are constant, or linear functions of others."""
    X, weight = information.objective.samples, information.objective.sample_weight
    centred = np.sqrt(weight / weight.sum())[:, None] * (X - weight @ X / weight.sum())
    spread = np.linalg.norm(centred, axis=0)
    constant = spread <= 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-300)
    for j in np.flatnonzero(constant).tolist():
        yield Finding(
            "constant input",
            f"Input {feature_names[j]} is constant: its weights and the intercepts are not "
            "identified apart.",
        )
    varying = np.flatnonzero(~constant)
    if len(varying) < 2:
        return
    _, sizes, directions = np.linalg.svd(centred[:, varying] / spread[varying])
    zero = np.zeros(len(varying), dtype=bool)
    zero[: len(sizes)] = sizes <= _COLLINEAR * sizes[0]
    zero[len(sizes) :] = True
    for direction in directions[zero]:
        part = np.abs(direction) > 1e-3 * np.abs(direction).max()
        names = ", ".join(feature_names[j] for j in varying[part].tolist())
        yield Finding(
            "collinear inputs",
            f"Collinear inputs: {names} are linearly dependent, so their weights are not "
            "identified apart. Drop one of them.",
        )


def separation_findings(information: Information) -> Iterator[Finding]:
    """Classes that the net tells apart without error: only a penalty keeps weights finite."""
    loss, Y, raw = information.objective.loss, information.objective.targets, information.raw
    if loss.out_activation not in ("logistic", "softmax"):
        return
    if loss.shift_invariant:
        own = np.where(Y > 0.5, raw, -np.inf).max(axis=1)
        other = np.where(Y > 0.5, -np.inf, raw).max(axis=1)
        separated = bool((own > other).all())
    else:
        separated = bool((np.where(Y > 0.5, raw, -raw) > 0).all(axis=0).any())
    if separated and information.penalised:
        yield Finding(
            "separation",
            "Separation: the net classifies every row correctly, so without the penalty weights "
            "would grow without end: they, and their errors, are what the penalty makes them.",
        )
    elif separated:
        yield Finding(
            "separation",
            "Separation: the net classifies every row correctly, so the likelihood grows with "
            "the weights without end and there is no maximum. Use a penalty (alpha > 0).",
            severity="fatal",
        )
