"""Centres and covariances of radial units, from the parameters that a fit has free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknewtonnet._tables import Report, Shown, Table, Worded, counted, estimates
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.pieces.gaussian import radial_layer
from sknewtonnet.calculus.pieces.gaussian_forms import GaussianForm
from sknewtonnet.calculus.pieces.radial import RadialLayer
from sknewtonnet.inference._reported import Reported


@dataclass(frozen=True, eq=False, repr=False)
class RadialUnits(Shown):
    """Centres, covariances and widths of radial units, with standard errors by the delta method.

    :meth:`InferenceResults.radial_units` makes it.

    Parameters
    ----------
    centers, centers_se : ndarray of shape (n_centers, n_features)
        Centres, in the units of the inputs, and their standard errors.
    covariances, covariances_se : ndarray of shape (n_centers,), (n_centers, n_features) or \
            (n_centers, n_features, n_features)
        Variances or matrices, as the fitted attribute ``covariances_``, and their
        standard errors.
    widths, widths_se : ndarray of shape (n_centers,) or (n_centers, n_features)
        Square roots of the variances, and their standard errors.

    See Also
    --------
    InferenceResults.radial_units : The method that makes it.
    QuadraticForms : The same of other forms.
    sknewtonnet.display.RBFDisplay : The same as a picture.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import RBFNetRegressor
    >>> X = np.linspace(-2.0, 3.0, 60)[:, None]
    >>> y = np.exp(-0.5 * (X[:, 0] - 0.5) ** 2) + 0.05 * np.sin(7.0 * X[:, 0])
    >>> net = RBFNetRegressor(1, alpha=0.0, random_state=0).fit(X, y)
    >>> units = net.inference(X, y).radial_units()
    >>> units.centers.round(2).tolist(), units.centers_se.round(2).tolist()
    ([[0.5]], [[0.01]])
    """

    centers: Array
    centers_se: Array
    covariances: Array
    covariances_se: Array
    widths: Array
    widths_se: Array

    def _report(self) -> Report:
        n, d = self.centers.shape
        widths, widths_se = (
            np.broadcast_to(np.reshape(array, (n, -1)), (n, d))
            for array in (self.widths, self.widths_se)
        )
        labels = {
            "unit": [f"h{unit}" for unit in range(n) for _ in range(d)],
            "input": [str(j) for _ in range(n) for j in range(d)],
        }
        columns = estimates({"center": self.centers, "std. error": self.centers_se}, "std. error")
        spread = estimates({"width": widths, "its error": widths_se}, "its error")
        return Report("Radial units", [Table.of(labels, columns | spread)])

    def _in_words(self) -> str:
        n, d = self.centers.shape
        return f"{counted(n, 'centre')} of {counted(d, 'input')}"


@dataclass(frozen=True, eq=False)
class RadialShape:
    """Where the parameters of radial units are among those that are reported.

    Parameters
    ----------
    form : GaussianForm
        The form of their covariances.
    centers, factors : ndarray of int
        For each entry of the arrays "centers" and "precisions_cholesky" its place, -1 for zeros.
    """

    form: GaussianForm
    centers: Ints
    factors: Ints

    @classmethod
    def of(cls, network: Network, reported: Reported) -> RadialShape:
        """Find them by their names; raises ValueError if the net has none."""
        layout = network.layout
        form = radial_layer(network.layers).form
        number = {name: k for k, name in enumerate(reported.names)}
        # -1 for parameters that are not reported, and for entries that do not exist.
        where = np.array([number.get(name, -1) for name in layout.names] + [-1])
        centers, factors = layout.places("centers"), layout.places("precisions_cholesky")
        return cls(form, where[centers], where[factors])

    def values(self, theta: NDArray[Any]) -> NDArray[Any]:
        """Centres, covariances and widths, one after the other; theta may be complex."""
        return np.concatenate([part.ravel() for part in self._parts(theta)])

    def _parts(self, theta: NDArray[Any]) -> list[NDArray[Any]]:
        padded = np.r_[theta, 0.0]
        centers = padded[self.centers]
        n_features = centers.shape[1]
        free = self.form.free(padded[self.factors], n_features)
        shapes = self.form.shapes(free, n_features)
        return [centers, shapes.covariances, shapes.widths]

    def units(self, values: Array, errors: Array) -> RadialUnits:
        """The record, from flat values and their standard errors."""
        size = 1 + max(int(self.centers.max()), int(self.factors.max()))
        shapes = [part.shape for part in self._parts(np.zeros(size))]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        found = [
            [part.reshape(shape) for part, shape in zip(np.split(a, ends), shapes, strict=True)]
            for a in (values, errors)
        ]
        (centers, covariances, widths), (centers_se, covariances_se, widths_se) = found
        return RadialUnits(centers, centers_se, covariances, covariances_se, widths, widths_se)


@dataclass(frozen=True, eq=False, repr=False)
class QuadraticForms(Worded):
    """Matrices W of the forms (x, 1)' W (x, 1) of radial units, with standard errors.

    :meth:`InferenceResults.quadratic_forms` makes it.

    Parameters
    ----------
    values, std_errors : ndarray of shape (n_units, n_inputs + 1, n_inputs + 1)
        The matrices, in the units of the inputs, and standard errors of their entries.

    See Also
    --------
    InferenceResults.quadratic_forms : The method that makes it.
    RadialUnits : Centres and widths of Gaussian units.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import RBFNetRegressor
    >>> X = np.linspace(-2.0, 3.0, 60)[:, None]
    >>> y = np.exp(-0.5 * (X[:, 0] - 0.5) ** 2) + 0.05 * np.sin(7.0 * X[:, 0])
    >>> net = RBFNetRegressor(1, alpha=0.0, random_state=0).fit(X, y)
    >>> forms = net.inference(X, y).quadratic_forms()  # about (x - 0.5)^2
    >>> np.allclose(forms.values[0], [[1.0, -0.5], [-0.5, 0.25]], atol=0.05)
    True
    """

    values: Array
    std_errors: Array

    def _in_words(self) -> str:
        units, size = self.values.shape[:2]
        return f"of {counted(units, 'unit')} on {counted(size - 1, 'input')}"


@dataclass(frozen=True, eq=False)
class FormParameters:
    """Where the parameters of a layer of quadratic forms are among those that are reported.

    Parameters
    ----------
    layer : RadialLayer
        The layer.
    n_inputs : int
        Number of its inputs.
    places : ndarray of int of shape (t, n_units)
        Place of each parameter, -1 for zeros.
    """

    layer: RadialLayer
    n_inputs: int
    places: Ints

    @classmethod
    def of(cls, network: Network, reported: Reported) -> FormParameters:
        """Find them; raises ValueError if there is not one such layer."""
        number = {name: k for k, name in enumerate(reported.names)}
        where = np.array([number.get(name, -1) for name in network.layout.names] + [-1])
        found = [
            cls(layer, sum(network.node_sizes[node] for node in layer.sources), where[places])
            for layer, places in zip(network.layers, network.positions, strict=True)
            if isinstance(layer, RadialLayer)
        ]
        if len(found) != 1:
            raise ValueError(f"the net has {len(found) or 'no'} layers of radial units, not one.")
        return found[0]

    def values(self, theta: NDArray[Any]) -> NDArray[Any]:
        """The forms, one after the other; theta may be complex."""
        return self.layer.quadratic_forms(np.r_[theta, 0.0][self.places], self.n_inputs).ravel()

    def forms(self, values: Array, errors: Array) -> QuadraticForms:
        """The record, from flat values and their standard errors."""
        shape = (self.layer.n_units, self.n_inputs + 1, self.n_inputs + 1)
        return QuadraticForms(values.reshape(shape), errors.reshape(shape))
