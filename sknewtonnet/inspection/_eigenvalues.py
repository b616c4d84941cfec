"""The spectrum of a function at a point, of a fitted net, or of a matrix."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.linalg import eigh, null_space, orth
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from sknewtonnet._names import must_be_one_of
from sknewtonnet._threads import hessian_threads
from sknewtonnet._typing import Array
from sknewtonnet.calculus import BlockObjective, Objective, SmoothFunction
from sknewtonnet.calculus.functions.coordinates import natural_steps
from sknewtonnet.calculus.functions.critical_point import DENSE_LIMIT
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.functions.lanczos import extreme_pairs, lanczos
from sknewtonnet.calculus.functions.scaled_spectrum import ScaledSpectrum, unit_diagonal
from sknewtonnet.calculus.functions.standardization import on_standardized_columns
from sknewtonnet.calculus.functions.subspace import MappedObjective
from sknewtonnet.calculus.pieces.function import PRODUCT_KINDS
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.symmetric import symmetric_part
from sknewtonnet.calculus.pieces.validation import (
    check_count,
    check_kind,
    check_truth,
    real_vector,
)
from sknewtonnet.inspection._importance import hessian_diagonal
from sknewtonnet.inspection._spectral_density import SpectralDensity
from sknewtonnet.inspection._spectrum import Spectrum, condition_number

METHODS = ("auto", "dense", "lanczos")

# Relative residual of an extreme pair, and restarts of the iterations for it.
_TOL, _RESTARTS = 1e-7, 1000


def spectrum(
    model: Any,
    at: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    offset: Any = None,
    *,
    exposure: Any = None,
    standardize: bool = False,
    kind: str = "exact",
    method: str = "auto",
    n_extremes: int = 5,
    n_probes: int = 10,
    n_steps: int = 50,
    random_state: int | np.random.Generator | None = 0,
) -> Spectrum:
    """Find the eigenvalues of a Hessian, and what they say of condition and steps ([H]).

    ``spectrum(function, w)`` of a function at a point, ``spectrum(net, X, y)`` of the objective of
    a fitted estimator at its parameters, both in the units of the table, ``spectrum(A)`` of a
    symmetric matrix. Constraints of a fit do not count; :func:`critical_point` looks along them.

    Parameters
    ----------
    model : SmoothFunction, fitted estimator, array-like or LinearOperator
        Whose second derivatives; an :class:`~sknewtonnet.calculus.Objective` is such a function.
    at : array-like, default=None
        The point w of shape (n_parameters,) for a function; the data X of shape (n_samples,
        n_features) for an estimator.
    y, sample_weight, offset, exposure : array-like, default=None
        The other data, for an estimator, as in ``fit``.
    standardize : bool, default=False
        Whether the parameters are those of the same net on standardised columns, of which f is
        the same function. A fit with ``standardize=True`` takes its steps there.
    kind : {"exact", "gauss-newton", "block", "lagrangian"}, default="exact"
        Which second derivatives; see :meth:`Objective.hessian`.
    method : {"auto", "dense", "lanczos"}, default="auto"
        "dense" forms the matrix and finds all eigenvalues. "lanczos" takes products alone:
        ``n_extremes`` eigenvalues at each end by ARPACK, to a relative residual of 1e-7, and the
        density from random starts. "auto" is "dense" up to 3000 parameters.
    n_extremes : int, default=5
        Eigenvalues and directions at each end.
    n_probes : int, default=10
        Random starts for the density, 2 or more, for "lanczos".
    n_steps : int, default=50
        Products for each of these.
    random_state : int, Generator or None, default=0
        Where starts are drawn.

    Returns
    -------
    Spectrum
        ``print`` shows what there is to say.

    Raises
    ------
    ValueError
        If an argument has another value, a matrix is not square and symmetric, something is
        not finite, or there are no products of that kind.
    TypeError
        If the model is something else, or the point or the data are missing.
    MemoryError
        If the dense matrix would not fit.

    Warns
    -----
    UserWarning
        If the iterations for the extreme eigenvalues do not converge.

    See Also
    --------
    Spectrum : What it returns.
    critical_point : The verdict on a point, along constraints.
    SpectrumPath : Extreme eigenvalues along a run.
    sknewtonnet.display.SpectrumDisplay : The same as a picture.

    Notes
    -----
    "dense" takes one Hessian, n P^2 flops, and two or three decompositions, about 10 P^3 flops
    each (4/3 P^3 for eigenvalues alone), and memory for six P x P matrices. "lanczos" takes
    n_probes n_steps products for the density, and some hundreds for each end of the matrix, of
    that with a unit diagonal, and of that on standardised columns; an end next to 0 may take
    thousands. A product costs one to two gradients.

    References
    ----------
    [H] condition number, optimal learning rate. Golub and Meurant (2010); Ubaru, Chen and Saad
    (2017), for the density.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.inspection import spectrum
    >>> X, y = load_diabetes(return_X_y=True, scaled=False)
    >>> net = NewtonMLPRegressor((2,), alpha=1.0, random_state=0).fit(X, y)
    >>> found = spectrum(net, X, y)
    >>> found.n_negative, found.condition > 1e6 * found.standardized_condition
    (0, True)
    >>> spectrum([[2.0, 0.0], [0.0, 0.5]])
    Spectrum of 2 parameters, lowest 0.5, highest 2, condition 4
    """
    for name, number, least in (
        ("n_extremes", n_extremes, 1),
        ("n_probes", n_probes, 2),
        ("n_steps", n_steps, 1),
    ):
        check_count(name, number, least)
    check_truth("standardize", standardize)
    random = _generator(random_state)
    if method not in METHODS:
        raise ValueError(must_be_one_of("method", method, METHODS))
    extra = {"sample_weight": sample_weight, "offset": offset, "exposure": exposure}
    point = _point(model, at, y, {name: v for name, v in extra.items() if v is not None}, kind)
    if standardize:
        point = point.on_standardized()
    if method == "auto":
        method = "dense" if point.size <= DENSE_LIMIT or not point.has_products else "lanczos"
    elif method == "lanczos" and not point.has_products:
        raise ValueError(f"method='lanczos' needs products, which kind={kind!r} does not have.")
    n_extremes = min(n_extremes, (point.n_eigenvalues - 1) // 2)
    with np.errstate(over="ignore", invalid="ignore"):
        if method == "dense" or n_extremes < 1:
            return _dense(point, max(n_extremes, 1))
        return _by_products(point, n_extremes, n_probes, n_steps, random)


@dataclass(frozen=True, eq=False)
class _Point:
    """A function at a point, and which second derivatives of it are asked for."""

    function: SmoothFunction
    w: Array
    kind: str
    standardized: bool = False

    @property
    def size(self) -> int:
        return self.function.n_parameters

    @property
    def n_eigenvalues(self) -> int:
        return self.size - self.constant.shape[1]

    @property
    def has_products(self) -> bool:
        of_net = isinstance(self.function, Objective | MappedObjective)
        return not of_net or self.kind in PRODUCT_KINDS

    @cached_property
    def constant(self) -> Array:
        """Directions that do not count; those of the function are not those of its blocks."""
        if self.kind not in PRODUCT_KINDS:
            return np.empty((self.size, 0))
        return self.function.invariant_directions()

    def product(self, v: Array) -> Array:
        return self.function.hessian_product(self.w, v, self.kind)

    def check_finite(self, found: Array) -> None:
        if not np.isfinite(found).all():
            reason = self.function.why_not_finite(self.w)
            raise ValueError(f"a spectrum needs finite second derivatives, but {reason}.")

    @property
    def gradient_norm(self) -> float:
        if isinstance(self.function, _Form):
            return np.nan
        return float(np.linalg.norm(self.function.gradient(self.w)))

    @cached_property
    def standard(self) -> _Point | None:
        """The same net on standardised columns, where there is a table."""
        if not isinstance(self.function, Objective | BlockObjective):
            return None
        mapped = on_standardized_columns(self.function)
        return _Point(mapped, mapped.restrict(self.w), self.kind, standardized=True)

    def on_standardized(self) -> _Point:
        """The same, or an error."""
        if self.standard is None:
            raise ValueError(
                "standardize=True needs the columns of a net: give it or its objective."
            )
        return self.standard

    def result(
        self, values: Array, method: str, density: SpectralDensity, **more: Any
    ) -> Spectrum:
        kind = "matrix" if isinstance(self.function, _Form) else self.kind
        numbers = self.size, self.constant.shape[1]
        found = Spectrum(
            values, *numbers, kind, method, density, gradient_norm=self.gradient_norm, **more
        )
        if self.standardized:
            return replace(found, standardized_condition=found.condition)
        return found


def _point(model: Any, at: Any, y: Any, extra: dict[str, Any], kind: str) -> _Point:
    """What the arguments mean."""
    if isinstance(model, SmoothFunction):
        if at is None or y is not None or extra:
            raise TypeError("a function takes a point and no data: spectrum(function, w).")
        function, w = model, real_vector("w", at, model.n_parameters)
    elif hasattr(model, "objective") and hasattr(model, "fit"):
        if at is None or y is None:
            raise TypeError("a net needs the data of its fit: spectrum(net, X, y).")
        function, w = model.objective(at, y, **extra), model.params_
    else:
        if at is not None or y is not None or extra:
            raise TypeError("a matrix takes neither a point nor data: spectrum(A).")
        function = _Form(model)
        w = np.zeros(function.n_parameters)
    check_kind(kind, function.hessian_kinds)
    return _Point(function, w, kind)


def _generator(random_state: Any) -> np.random.Generator:
    """Where starts are drawn, or an error."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError):
        raise ValueError(
            "random_state must be None, an integer from 0 on or a Generator, got "
            f"{random_state!r}."
        ) from None


class _Form(SmoothFunction):
    """1/2 w'Aw, the function whose Hessian is a given matrix."""

    def __init__(self, matrix: Any):
        known = isinstance(matrix, LinearOperator)
        if issparse(matrix):
            matrix = matrix.tocsr()  # some forms have no largest entry
        elif not known:
            try:
                numbers = matrix if isinstance(matrix, np.ndarray) else np.array(matrix, float)
            except (TypeError, ValueError):
                numbers = None
            if matrix is None or numbers is None:
                raise TypeError(
                    "model must be a SmoothFunction, a fitted net, or a matrix, got "
                    f"{type(matrix).__name__}."
                )
            matrix = numbers.astype(float) if numbers.dtype.kind in "biuf" else numbers
        if matrix.dtype is not None and np.dtype(matrix.dtype).kind not in "biuf":
            raise ValueError(f"a matrix must be one of real numbers, got {matrix.dtype}.")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
            raise ValueError(f"a matrix must be square, got shape {matrix.shape}.")
        if not known:
            size, off = abs(matrix).max(), abs(matrix - matrix.T).max()
            if not np.isfinite(size):
                raise ValueError("a matrix must be finite.")
            if off > 1e-10 * size:
                raise ValueError(
                    f"a matrix must be symmetric, and entries differ by {off:.3g} from those of "
                    "its transpose: give A'A, whose eigenvalues are the squared singular values."
                )
        self._operator = aslinearoperator(matrix)
        self.n_parameters = int(matrix.shape[0])

    def value(self, w: Array) -> float:
        """Half the form."""
        return 0.5 * float(w @ self.gradient(w))

    def gradient(self, w: Array) -> Array:
        """A w."""
        return np.asarray(self._operator @ w)

    def hessian_product(self, w: Array, v: Array, kind: str = "exact") -> Array:
        """A v."""
        return np.asarray(self._operator @ v)


def _dense(point: _Point, n: int) -> Spectrum:
    """From the matrix itself."""
    what = f"the spectrum of {point.size} parameters"
    check_memory(what, 48.0 * point.size**2, 'method="lanczos" takes products alone')
    H = point.function.hessian(point.w, point.kind)
    point.check_finite(H)
    rows = point.function.n_samples if isinstance(point.function, Objective) else 0
    with hessian_threads(rows, point.size):
        values, vectors = _pairs(H, point.constant)
        steps, standardized = None, np.nan
        if isinstance(point.function, Objective):
            steps = natural_steps(point.function)
            standardized = _standardized_condition(point.function, H, point.constant)
        scaled = ScaledSpectrum(H, None, point.constant, steps=steps).condition
    order = np.argsort(np.abs(values), kind="stable")
    names = point.function.parameter_names()
    places = {"lowest": np.arange(n), "highest": -1 - np.arange(n), "flattest": order[:n]}
    ends = {
        which: [_direction(values[k], vectors[:, k], names) for k in some]
        for which, some in places.items()
    }
    return point.result(
        values,
        "dense",
        SpectralDensity.of_eigenvalues(values),
        scaled_condition=scaled,
        standardized_condition=standardized,
        _ends=ends,
    )


def _standardized_condition(objective: Objective, H: Array, constant: Array) -> float:
    """Condition number of T'HT, of the same net on standardised columns."""
    map = on_standardized_columns(objective).map
    mapped = map.pull_back(map.pull_back(H).T)
    if constant.shape[1]:
        constant = orth(map.inverse_direction(constant))
    return condition_number(_pairs(mapped, constant)[0])


def _pairs(H: Array, constant: Array) -> tuple[Array, Array]:
    """All eigenvalues and -vectors, without directions that do not count."""
    if not constant.shape[1]:
        return eigh(symmetric_part(H), driver="evd")
    rest = null_space(constant.T)
    values, vectors = eigh(symmetric_part(rest.T @ H @ rest), driver="evd")
    return values, rest @ vectors


def _by_products(
    point: _Point, n: int, n_probes: int, n_steps: int, random: np.random.Generator
) -> Spectrum:
    """From products alone."""
    what = f"{n_steps} Lanczos vectors of {point.size} parameters"
    check_memory(what, 8.0 * n_steps * point.size, "use fewer n_steps")
    start = random.standard_normal(point.size)
    point.check_finite(point.product(start))
    density = SpectralDensity.from_products(
        point.product, point.constant, n_probes, n_steps, random
    )
    found = _end_pairs(point.product, point.constant, start, n)
    if found is None:
        warnings.warn(
            "the iterations for the extreme eigenvalues did not converge; the values of the "
            "spectrum are those of the density and lie inside of the true ones.",
            stacklevel=3,
        )
        values = np.array([density.nodes.min(), density.nodes.max()])
        return point.result(values, "lanczos", density, converged=False)
    (low, low_vectors), (high, high_vectors) = found
    names = point.function.parameter_names()
    ends = {
        "lowest": [_direction(low[k], low_vectors[:, k], names) for k in range(n)],
        "highest": [_direction(high[k], high_vectors[:, k], names) for k in range(n)[::-1]],
    }
    there = point.standard
    return point.result(
        np.r_[low, high],
        "lanczos",
        density,
        scaled_condition=_scaled_condition(point, start),
        standardized_condition=np.nan
        if there is None
        else _condition_by_products(there.product, there.constant, start),
        _ends=ends,
    )


def _direction(value: float, vector: Array, names: tuple[str, ...]) -> Direction:
    """An eigenvector whose largest entry is positive."""
    sign = 1.0 if vector[np.abs(vector).argmax()] >= 0.0 else -1.0
    return Direction(float(value), sign * vector, names)


def _end_pairs(
    product: Callable[[Array], Array], constant: Array, start: Array, n: int
) -> tuple[tuple[Array, Array], tuple[Array, Array]] | None:
    """The lowest and the highest eigenvalues with their vectors; None if they are not found."""
    shift = 0.0
    if constant.shape[1]:
        shift = 4.0 * float(np.abs(lanczos(product, start, 10).values).max())
    pairs = partial(extreme_pairs, product, start, n=n, tol=_TOL, max_iter=_RESTARTS)
    low, high = pairs("SA", moved=(constant, shift)), pairs("LA", moved=(constant, -shift))
    return None if low is None or high is None else (low, high)


def _condition_by_products(
    product: Callable[[Array], Array], constant: Array, start: Array
) -> float:
    found = _end_pairs(product, constant, start, 1)
    if found is None:
        return np.nan
    (low, _), (high, _) = found
    return condition_number(np.r_[low, high], complete=False)


def _scaled_condition(point: _Point, start: Array) -> float:
    """Condition number of the matrix with a unit diagonal, where its diagonal is cheap.

    Where units share parameters it takes a whole matrix.
    """
    f = point.function
    if not isinstance(f, Objective) or point.kind != "exact" or f.network.layout.has_ties:
        return np.nan
    scale = unit_diagonal(hessian_diagonal(f, point.w), natural_steps(f))
    constant = point.constant
    if constant.shape[1]:
        constant, _ = np.linalg.qr(scale[:, None] * constant)
    return _condition_by_products(lambda v: point.product(v / scale) / scale, constant, start)
