"""Radial units by the name of their covariances: which layer, and the penalty of its widths."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from sknewtonnet._names import must_be_one_of
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus.pieces.activations import Activation
from sknewtonnet.calculus.pieces.gaussian import GaussianRBF
from sknewtonnet.calculus.pieces.gaussian_forms import FORMS
from sknewtonnet.calculus.pieces.parameters import ParameterLayout
from sknewtonnet.calculus.pieces.penalties import L2Penalty, NotPlaced, Penalty, WidthPenalty
from sknewtonnet.calculus.pieces.quadratic import Quadratic
from sknewtonnet.calculus.pieces.radial import RadialLayer
from sknewtonnet.calculus.pieces.semidefinite import Semidefinite

# All names of ``covariance_type``: forms of Gaussian units, one full matrix for all of them, and
# layers of other forms.
COVARIANCE_TYPES: Mapping[str, Any] = ChainMap(
    {"tied": FORMS["full"], "semidefinite": Semidefinite, "quadratic": Quadratic}, FORMS
)


def radial_units(
    n_units: int, covariance_type: str, activation: str | Activation = "auto"
) -> RadialLayer:
    """A layer of radial units that reads the input.

    Parameters
    ----------
    n_units : int
        Number of units.
    covariance_type : str
        A key of ``COVARIANCE_TYPES``.
    activation : str or Activation, default="auto"
        Function of the quadratic form p. "auto": exp(-p / 2) where p is never negative, else
        "logistic", which is bounded.

    Returns
    -------
    RadialLayer

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    if not isinstance(covariance_type, str) or covariance_type not in COVARIANCE_TYPES:
        raise ValueError(must_be_one_of("covariance_type", covariance_type, COVARIANCE_TYPES))
    if isinstance(activation, str) and activation == "auto":
        activation = "logistic" if covariance_type == "quadratic" else "squared_exponential"
    if covariance_type == "semidefinite":
        return Semidefinite((0,), n_units, activation)
    if covariance_type == "quadratic":
        return Quadratic((0,), n_units, activation)
    form = "full" if covariance_type == "tied" else covariance_type
    return GaussianRBF((0,), n_units, form, activation)


def radial_ties(
    layer: RadialLayer,
    n_inputs: int,
    covariance_type: str,
    tied: Mapping[str, ArrayLike] | None,
) -> Mapping[str, ArrayLike] | None:
    """The ties of a radial net: those that are given, over one matrix for all units of "tied".

    Parameters
    ----------
    layer : RadialLayer
        Its units.
    n_inputs : int
        Number of inputs.
    covariance_type : str
        A key of ``COVARIANCE_TYPES``.
    tied : mapping of str to int or int array, or None
        What is given.

    Returns
    -------
    mapping of str to int or int array, or None
    """
    given: Any = {} if tied is None else tied
    if covariance_type != "tied" or not isinstance(given, Mapping):
        return tied
    rows = layer.unit_arrays(n_inputs)["precisions_cholesky"]
    highest = max((np.max(labels, initial=-1) for labels in given.values()), default=-1)
    labels = np.where(rows < 0, -1, rows + highest + 1)
    own = {"precisions_cholesky": np.broadcast_to(labels, (layer.n_units, *rows.shape))}
    return {**own, **given}


def shape_penalty(covariance_type: str, strength: float, center: Array, spread: Array) -> Penalty:
    """Penalty of the shapes of radial units, that many rows times a distance from the data's.

    With M_j the matrix of a unit's form, R = diag(reference^2), and W_j the form about the mean of
    the data, it is, for each unit, and once for all of those that share their form,

        1/2 [ tr(M_j R) - log det(M_j R) - p ]    of Gaussian units (:class:`WidthPenalty`)
        1/2 [ tr(M_j R) + p_j(mean) ]             of "semidefinite" ones: half the mean of p_j over
                                                  inputs of the mean of the data and covariance R
        1/2 |D W_j D|^2,  D = diag(reference, 1)  of "quadratic" ones, the sum of squared entries

    Parameters
    ----------
    covariance_type : str
        A key of ``COVARIANCE_TYPES``.
    strength : float
        Its strength, not negative.
    center, spread : ndarray of shape (n_features,)
        Mean and standard deviation of each input.

    Returns
    -------
    Penalty
    """
    if covariance_type in FORMS or covariance_type == "tied":
        form = FORMS["full" if covariance_type == "tied" else covariance_type]
        return WidthPenalty(form, strength, form.reference(spread))
    layer, p = radial_units(1, covariance_type), len(spread)
    sizes = np.append(FORMS["full"].reference(spread), 1.0)
    if covariance_type == "semidefinite":
        entries = np.repeat(sizes[:, None] ** 2, p, axis=1)
    else:  # W_ab and W_ba are one parameter
        entries = (2.0 - np.eye(p + 1)) * np.outer(sizes, sizes) ** 2
    ((name, rows),) = layer.unit_arrays(p).items()
    strengths = np.empty(int(rows.max()) + 1)
    strengths[rows[rows >= 0]] = strength * entries[rows >= 0]
    # Where the mean is not 0, of the parameters on centred inputs.
    mean = np.where(np.abs(center) > 1e-9 * spread, center, 0.0)
    known = layer.rescaled(-mean, np.ones(p))
    assert known is not None, "both layers say what they are in other units"
    A = sparse.csr_array(known[1]).toarray()
    return FormPenalty(name, rows, A.T @ (strengths[:, None] * A))


@dataclass(frozen=True, eq=False)
class FormPenalty(Penalty):
    """A quadratic form of the parameters of each radial unit, 1/2 theta' Q theta.

    Parameters
    ----------
    array : str
        Name of the array of the parameters.
    rows : ndarray of int of the shape of a unit's array
        Which parameter each entry is, -1 for none.
    matrix : ndarray of shape (t, t)
        Q, positive semidefinite.
    layout : ParameterLayout, default=None
        Where the array is; :meth:`on` fills it in.
    """

    array: str
    rows: Ints
    matrix: Array
    layout: ParameterLayout | None = None

    def on(self, layout: ParameterLayout) -> Penalty:
        """That of a net's parameters; a ridge, if Q is diagonal. See :meth:`Penalty.on`."""
        placed = replace(self, layout=layout)
        if np.count_nonzero(self.matrix - np.diag(self.matrix.diagonal())):
            return placed
        strength = np.zeros(layout.n_parameters)
        np.add.at(strength, *placed._among(np.broadcast_to(self.matrix.diagonal(), placed._shape)))
        return L2Penalty(strength)

    def depends_on(self, array: str) -> bool:
        """Whether it is the array of the forms. See :meth:`Penalty.depends_on`."""
        return array == self.array

    @cached_property
    def _places(self) -> Ints:
        """Where in w the parameters of the units are, (s, t), -1 for those that do not exist.

        Units that share all of them count once.
        """
        if self.layout is None:
            raise NotPlaced(f"{self.array} is not known yet: use FormPenalty(...).on(net.layout).")
        there = self.rows >= 0
        places = self.layout.places(self.array)
        found = np.empty((len(places), len(self.matrix)), np.intp)
        found[:, self.rows[there]] = places[:, there]
        return np.unique(found, axis=0) if self.layout.has_ties else found

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._places.shape

    def _theta(self, w: Array) -> Array:
        """Parameters of the units, (s, t) or (s, t, r)."""
        return np.concatenate([w, np.zeros((1, *w.shape[1:]))])[self._places]

    def _among(self, values: Array) -> tuple[Ints, Array]:
        """Positions in w of those that exist, and values at them."""
        exist = self._places >= 0
        return self._places[exist], values[exist]

    def value(self, w: Array) -> float:
        """The penalty at w. See :meth:`Penalty.value`."""
        theta = self._theta(w)
        return 0.5 * float(np.einsum("jt,tu,ju->", theta, self.matrix, theta))

    def gradient(self, w: Array) -> Array:
        """Q theta of each unit. See :meth:`Penalty.gradient`."""
        return self.hessian_product(w, w)

    def hessian(self, w: Array) -> Array:
        """Q for each unit, zero between units. See :meth:`Penalty.hessian`."""
        return self.hessian_product(w, np.eye(len(w)))

    def tensor(self, w: Array, order: int, where: Ints) -> Array:
        """Zeros above order 2. See :meth:`Penalty.tensor`."""
        if order > 2:
            return np.zeros([len(where)] * order)
        if order == 1:
            return self.gradient(w)[where]
        unit = np.zeros((len(w), len(where)))
        unit[where, np.arange(len(where))] = 1.0
        return self.hessian_product(w, unit)[where]

    def hessian_product(self, w: Array, v: Array) -> Array:
        """Q times the part of each unit. See :meth:`Penalty.hessian_product`."""
        found = np.zeros_like(v)
        products = np.einsum("tu,ju...->jt...", self.matrix, self._theta(v))
        np.add.at(found, *self._among(products))
        return found
