"""Eigenvalues of a Hessian: condition numbers, steps of gradient descent, bad directions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sknewtonnet._names import must_be_one_of
from sknewtonnet._tables import Report, Shown, Table, counted, imported_pandas
from sknewtonnet._typing import Array
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.inspection._spectral_density import SpectralDensity

ENDS = ("lowest", "highest", "flattest")


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Shown):
    """Eigenvalues of a symmetric matrix of second derivatives, and what follows from them.

    Directions along which the function never changes, whatever the point (the common shift of a
    softmax's logits), are left out.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,)
        In increasing order: all of them, or where ``method`` is "lanczos" those at both ends.
    n_parameters, n_constant : int
        Number of parameters, and of directions that are left out.
    kind : str
        What the matrix is: "exact", "gauss-newton", "block", "lagrangian", or "matrix".
    method : {"dense", "lanczos"}
        Where the eigenvalues come from.
    density : SpectralDensity
        How they are distributed: ``density.grid``, ``density.values`` and ``density.errors``.
    scaled_condition : float
        The same of the matrix scaled to a unit diagonal, D^-1/2 H D^-1/2, whatever the units of
        single parameters; NaN where the diagonal is not known.
    standardized_condition : float
        The same of T'HT, for the parameters v with w = T v + t that give the same net on
        standardised columns (and targets, under losses of differences). NaN where there is no
        table.
    gradient_norm : float
        Length of the gradient; NaN for a matrix.
    converged : bool
        False if the iterations for the extreme eigenvalues did not converge; these are then
        Ritz values of the density, and lie inside of the true ones.
    _ends : dict of str to list of Direction
        Eigenvectors at each end, for :meth:`directions`.

    Attributes
    ----------
    lowest, highest : float
        The extreme eigenvalues.
    condition : float
        Largest over smallest absolute eigenvalue; infinite if that is 0. NaN for "lanczos" if
        there are both signs, as the smallest absolute value is not at an end then.
    noise : float
        Rounding error of an eigenvalue that is 0: P eps times the largest absolute one.
    n_negative : int
        Eigenvalues below ``-noise``; for "lanczos" those among the known ones, so that there may
        be more. The density does not tell how many of those next to 0 are on either side.

    See Also
    --------
    spectrum : The function that finds it.
    SpectralDensity : How the eigenvalues are distributed.
    sknewtonnet.display.SpectrumDisplay : The same as a picture.

    Notes
    -----
    On the quadratic model f + g's + 1/2 s'Hs gradient descent with a constant step converges if
    and only if H is positive definite and the step is below ``largest_step``.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.inspection import spectrum
    >>> found = spectrum(np.diag([4.0, 2.0, 1.0]))
    >>> found.condition, found.largest_step, round(found.best_step, 3)
    (4.0, 0.5, 0.4)
    >>> print(found.directions("lowest", n=1)[0])
    curvature 1: w[2] (+) 100 %
    """

    eigenvalues: Array
    n_parameters: int
    n_constant: int
    kind: str
    method: str
    density: SpectralDensity
    scaled_condition: float = np.nan
    standardized_condition: float = np.nan
    gradient_norm: float = np.nan
    converged: bool = True
    _ends: dict[str, list[Direction]] = field(default_factory=dict)

    @property
    def lowest(self) -> float:
        """The lowest eigenvalue."""
        return float(self.eigenvalues[0])

    @property
    def highest(self) -> float:
        """The highest eigenvalue."""
        return float(self.eigenvalues[-1])

    @property
    def noise(self) -> float:
        """Rounding error of an eigenvalue that is 0."""
        largest = float(np.abs(self.eigenvalues).max())
        return self.n_parameters * float(np.finfo(float).eps) * largest

    @property
    def n_negative(self) -> int:
        """Eigenvalues below the noise, of those that are known."""
        return int((self.eigenvalues < -self.noise).sum())

    @property
    def condition(self) -> float:
        """Largest over smallest absolute eigenvalue."""
        return condition_number(self.eigenvalues, complete=self.method == "dense")

    @property
    def smallest_optimal_step(self) -> float:
        """Lower bound 1 / highest of the optimal step along a gradient.

        The step eta = g'g / g'Hg minimises the quadratic model along -g where g'Hg > 0, and
        g'Hg is at most highest g'g. It is ``learning_rate="auto"`` of "gd" where no eigenvalue
        is larger in absolute value; infinite if none is positive.
        """
        return 1.0 / self.highest if self.highest > 0.0 else np.inf

    @property
    def largest_step(self) -> float:
        """Limit 2 / highest of constant steps: above it gradient descent leaves any minimum."""
        return 2.0 * self.smallest_optimal_step

    @property
    def best_step(self) -> float:
        """Constant step 2 / (highest + lowest) that is fastest on a quadratic function.

        The distance to the minimum falls by (condition - 1) / (condition + 1) in each step. NaN
        unless all eigenvalues are positive.
        """
        return 2.0 / (self.highest + self.lowest) if self.lowest > 0.0 else np.nan

    @property
    def best_momentum(self) -> tuple[float, float]:
        """Learning rate and momentum that are fastest on a quadratic function (Polyak 1964).

        4 / (sqrt(highest) + sqrt(lowest))^2 and (sqrt(condition) - 1)^2 / (sqrt(condition) + 1)^2.
        The distance falls by about the root of the momentum. NaN unless all eigenvalues are
        positive.
        """
        if not self.lowest > 0.0:
            return np.nan, np.nan
        high, low = np.sqrt(self.highest), np.sqrt(self.lowest)
        return float(4.0 / (high + low) ** 2), float(((high - low) / (high + low)) ** 2)

    def directions(self, which: str = "lowest", n: int = 3) -> list[Direction]:
        """Tell eigenvectors by the names of their weights.

        Parameters
        ----------
        which : {"lowest", "highest", "flattest"}, default="lowest"
            The lowest eigenvalues first, the highest first, or the smallest absolute values first
            (these for "dense" alone).
        n : int, default=3
            How many, at most as many as ``n_extremes`` of :func:`spectrum`.

        Returns
        -------
        list of Direction
            ``curvature`` is the eigenvalue, ``shares()`` the squared entries by name.

        Raises
        ------
        ValueError
            If ``which`` is another word, or ``n`` no integer of at least 1.
        """
        if which not in ENDS:
            raise ValueError(must_be_one_of("which", which, ENDS))
        check_count("n", n)
        return self._ends.get(which, [])[:n]

    def to_frame(self, n: int = 3) -> Any:
        """The extreme directions as a pandas data frame.

        Parameters
        ----------
        n : int, default=3
            Directions of each end.

        Returns
        -------
        pandas.DataFrame
            A row for each weight of each direction, with "which", "eigenvalue", "weight", "entry"
            and "share"; weights with a share of 1 % and more.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = imported_pandas()
        rows = [
            (which, way.curvature, name, float(way.vector[way.names.index(name)]), share)
            for which in ENDS
            for way in self.directions(which, n)
            for name, share in way.shares().items()
            if share >= 0.01
        ]
        return pd.DataFrame(rows, columns=["which", "eigenvalue", "weight", "entry", "share"])

    def _in_words(self) -> str:
        return (
            f"of {counted(self.n_parameters, 'parameter')}, lowest {self.lowest:.4g}, "
            f"highest {self.highest:.4g}, condition {self.condition:.4g}"
        )

    def __str__(self) -> str:
        """What there is to say, in lines."""
        return "\n".join(f"{label:<18}{text}" for label, text in self._lines())

    def _report(self) -> Report:
        return Report("", [Table((), self._lines(), words=(1,))])

    def _lines(self) -> list[tuple[str, str]]:
        plural = "" if self.n_parameters == 1 else "s"
        least = "" if self.method == "dense" else "at least "
        what = "matrix" if self.kind == "matrix" else f"{self.kind} Hessian"
        found = [
            ("Spectrum", f"{what}, {self.n_parameters} parameter{plural}, {self.method}"),
            (
                "Eigenvalues",
                f"{self.lowest:.4g} to {self.highest:.4g}, {least}{self.n_negative} negative"
                + ("" if self.converged else " (not converged)"),
            ),
            ("Condition", f"{self.condition:.3g}"),
        ]
        others = (
            ("  unit diagonal", self.scaled_condition),
            ("  standardised", self.standardized_condition),
        )
        found += [(label, f"{value:.3g}") for label, value in others if not np.isnan(value)]
        if self.highest > 0.0:
            steps = f"optimal from {self.smallest_optimal_step:.3g}, stable below "
            found.append(("Steps", f"{steps}{self.largest_step:.3g}"))
        if self.lowest > 0.0:
            rate, momentum = self.best_momentum
            best = f"{self.best_step:.3g}, with momentum {rate:.3g} and {momentum:.6g}"
            found.append(("  best constant", best))
        for which in ENDS[: 3 if self.n_negative else 2]:  # the lowest may be the flattest
            for number, way in enumerate(self.directions(which)):
                label = "" if number else which.capitalize()
                found.append((label, f"{way.curvature:.3g}: {way.words}"))
        return found


def condition_number(eigenvalues: Array, complete: bool = True) -> float:
    """Largest over smallest absolute eigenvalue.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_eigenvalues,)
        In increasing order.
    complete : bool, default=True
        False if they are only those at both ends.

    Returns
    -------
    float
        NaN if the smallest absolute one may be between the ends.
    """
    if not complete and eigenvalues[0] <= 0.0 <= eigenvalues[-1]:
        return np.nan
    sizes = np.abs(eigenvalues)
    return float(sizes.max() / sizes.min()) if sizes.min() > 0.0 else np.inf
