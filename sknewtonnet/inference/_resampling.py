"""Data like those of a fit: rows drawn anew, or targets drawn from the fitted net."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Objective
from sknewtonnet.calculus.functions.scaled_spectrum import square_root
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._parameter_covariance import leverage_factors

RESAMPLINGS = ("pairs", "cluster", "parametric", "wild")


@dataclass(frozen=True, eq=False)
class Resampling:
    """How data are drawn anew, around a minimum.

    Parameters
    ----------
    information : Information
        The minimum, with the data.
    kind : str
        One of ``RESAMPLINGS``.
    groups : ndarray of int of shape (n_samples,) or None
        Number of the cluster of each row.
    """

    information: Information
    kind: str
    groups: Ints | None = None

    def refusal(self) -> str:
        """Why this cannot be done, with what can; empty if it can."""
        information, loss = self.information, self.information.objective.loss
        if self.kind == "cluster" and (self.groups is None or self.groups.ndim > 1):
            return (
                'kind="cluster" draws clusters of one kind: ask for inference with '
                'cov_type="cluster" and one column of groups.'
            )
        if self.kind == "wild" and self.groups is not None and self.groups.ndim > 1:
            return (
                'kind="wild" draws a sign for each cluster, and there are clusters of two kinds.'
            )
        if self.kind == "wild" and not loss.normal_errors:
            return (
                f'kind="wild" changes the signs of residuals, which the loss {loss.name} does not '
                'allow: use "pairs" or "parametric".'
            )
        if self.kind == "parametric" and not information.is_likelihood:
            return (
                'kind="parametric" draws targets from the likelihood, and the loss, or the '
                'weights, have none: use "pairs".'
            )
        if self.draws_targets and self._counts and not _whole(self._weight):
            return (
                f'kind="{self.kind}" draws a target for each of the rows that a frequency weight '
                'counts, so weights must be whole numbers: use weight_type="precision".'
            )
        if self.kind == "parametric":
            try:
                self.draw(np.random.default_rng(0))
            except NotImplementedError as reason:
                return f'kind="parametric" draws targets, but {reason}: use "pairs".'
        return ""

    @property
    def draws_targets(self) -> bool:
        """Whether targets are drawn and inputs stay, not the other way round."""
        return self.kind in ("parametric", "wild")

    @property
    def _weight(self) -> Array:
        return self.information.objective.sample_weight

    @property
    def _counts(self) -> bool:
        """Whether a weight says of how many equal rows it is."""
        return self.information.weight_type == "frequency" and not self.information.class_weights

    @cached_property
    def rows(self) -> Ints:
        """Which row each target is drawn for: equal rows have targets of their own."""
        every = np.arange(len(self._weight))
        if not (self.draws_targets and self._counts):
            return every
        return np.repeat(every, self._weight.astype(int))

    @cached_property
    def objective(self) -> Objective:
        """The function that was minimised, on as many rows as targets are drawn."""
        known = self.information.objective
        if len(self.rows) == len(self._weight):
            return known
        rows = self.rows
        offset = None if known.offset is None else known.offset[rows]
        return known.on(known.samples[rows], known.targets[rows], None, offset)

    def draw(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """Targets and weights of rows, for the fit of one replication."""
        if self.kind == "parametric":
            return self._simulated(rng), self.objective.sample_weight
        if self.kind == "wild":
            n = len(self.rows) if self.groups is None else int(self.groups.max()) + 1
            signs = 2.0 * rng.integers(0, 2, n) - 1.0
            signs = signs if self.groups is None else signs[self.groups[self.rows]]
            targets = self._means + signs[:, None] * self._residuals
            return targets, self.objective.sample_weight
        return self.objective.targets, self._weight * self._times(rng)

    def _times(self, rng: np.random.Generator) -> Array:
        """How often each row, or its cluster, is drawn, over its own count."""
        weight = self._weight
        if self.kind == "cluster":
            assert self.groups is not None, "clusters are known"
            count = int(self.groups.max()) + 1
            drawn = np.bincount(rng.integers(count, size=count), minlength=count)
            return drawn[self.groups].astype(float)
        if self._counts and _whole(weight):
            drawn = rng.multinomial(int(weight.sum()), weight / weight.sum())
            return np.asarray(drawn / weight)
        n = len(weight)
        return np.bincount(rng.integers(n, size=n), minlength=n).astype(float)

    def _simulated(self, rng: np.random.Generator) -> Array:
        """Targets from the distribution that the net has fitted."""
        information, loss = self.information, self.information.objective.loss
        spread = 1.0 / (1.0 if self._counts else self._weight[self.rows, None])
        if loss.normal_errors:
            noise = rng.standard_normal(self._means.shape) @ self._root.T
            return self._means + np.sqrt(spread) * noise
        return loss.draw(self._means, information.dispersion * spread, rng)

    @cached_property
    def _means(self) -> Array:
        raw = self.information.raw[self.rows]
        return self.information.objective.loss.inverse_link(raw)

    @cached_property
    def _root(self) -> Array:
        """Square root of the covariance of the residuals of all outputs."""
        information = self.information
        if information.n_entries == 1:
            return np.sqrt([[information.dispersion]])
        return square_root(information.residual_covariance)

    @cached_property
    def _residuals(self) -> Array:
        """Residuals over (1 - leverage)^1/2, so that they have the variance of errors."""
        curvature, spread = leverage_factors(self.information)
        left = 1.0 - np.einsum("iok,iko->io", curvature, spread)
        residuals = self.information.mean_residuals
        return (residuals / np.sqrt(np.where(left > 0.0, left, 1.0)))[self.rows]


def _whole(weight: Array) -> bool:
    return bool((weight == np.rint(weight)).all())
