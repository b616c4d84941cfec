"""The quadratic model of a trust region by conjugate gradients, for any size.

    min g's + s'Hs / 2   subject to   |s| <= radius

from products H v alone (Steihaug 1983, Toint 1981): Nocedal and Wright (2006), algorithm 7.2. The
lengths of the iterates grow (theorem 7.3 there), so the steps for all smaller radii lie on the
same path, which is kept: a rejected step costs no product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.solvers._model_dense import Step
from sknewtonnet.solvers._preconditioner import Metric


@dataclass
class _Leg:
    """A part of the path: from a point s along d, as far as the model goes down."""

    s: Array
    Hs: Array
    d: Array
    Hd: Array
    reach: float  # how far along d the minimum is; infinite along negative curvature


class ProductModel:
    """The model at a point, for any radius.

    Parameters
    ----------
    product : callable
        H v of a vector v.
    g : ndarray of shape (n_parameters,)
        Gradient, not zero.
    max_products : int
        Products at most.
    metric : Metric, default=None
        Coordinates v in which the radius is measured, s = R v; conjugate gradients are then
        preconditioned by (R R')^-1. None for those of s itself.

    Attributes
    ----------
    exhausted : bool
        Whether the last step would have taken more products.
    """

    def __init__(
        self,
        product: Callable[[Array], Array],
        g: Array,
        max_products: int,
        metric: Metric | None = None,
    ):
        self._metric, self.max_products = metric, max_products
        self._product = product
        self.g = g = g if metric is None else metric.apply(g)
        slope = float(np.linalg.norm(g))
        # The residual to end at, (7.3) with min(1/2, |g|^(1/2)): superlinear near a minimum, few
        # products far from one.
        self._goal = min(0.5, np.sqrt(slope)) * slope
        self._legs: list[_Leg] = []
        self._end = np.zeros_like(g), np.zeros_like(g)
        self._residual, self._direction = g, -g
        self._complete = False
        self.exhausted = False

    def step(self, radius: float) -> Step:
        """The minimiser along the path within a radius."""
        k, self.exhausted = 0, False
        while True:
            if k == len(self._legs):
                # The path ends inside the radius: its minimum, or all the products there are.
                self.exhausted = not self._complete and k >= self.max_products
                if self._complete or self.exhausted:
                    return self._at(*self._end)
                self._extend()
            leg = self._legs[k]
            far = leg.s + leg.reach * leg.d if np.isfinite(leg.reach) else None
            # It leaves the ball on this leg, for good: stop on the boundary.
            if far is None or np.linalg.norm(far) > radius:
                part = _to_boundary(leg.s, leg.d, radius)
                return self._at(leg.s + part * leg.d, leg.Hs + part * leg.Hd)
            k += 1

    def _extend(self) -> None:
        """One more leg of the path, at the cost of one product."""
        (s, Hs), d = self._end, self._direction
        Hd = self._curved(d)
        bend, old = float(d @ Hd), float(self._residual @ self._residual)
        # Negative curvature: down along d as far as the radius allows.
        if not bend > 0.0:  # also if it is not a number
            self._legs.append(_Leg(s, Hs, d, Hd, np.inf))
            return
        # A step of conjugate gradients, from s to the minimum along d.
        reach = old / bend
        self._legs.append(_Leg(s, Hs, d, Hd, reach))
        self._end = s + reach * d, Hs + reach * Hd
        self._residual = self._residual + reach * Hd
        new = float(self._residual @ self._residual)
        # The next direction, conjugate to all before: beta = |r+|^2 / |r|^2.
        self._direction = (new / old) * d - self._residual
        self._complete = np.sqrt(new) <= self._goal

    def _curved(self, d: Array) -> Array:
        """H d, or R'H R d in other coordinates."""
        if self._metric is None:
            return self._product(d)
        return self._metric.apply(self._product(self._metric.apply(d)))

    def _at(self, s: Array, Hs: Array) -> Step:
        length, predicted = float(np.linalg.norm(s)), -float(self.g @ s + 0.5 * s @ Hs)
        return Step(s if self._metric is None else self._metric.apply(s), length, predicted)


class CurvatureModel:
    """The way out of a saddle point: along a direction of negative curvature.

    Parameters
    ----------
    direction : ndarray of shape (n_parameters,)
        Of unit length.
    curvature : float
        Second derivative along it.
    g : ndarray of shape (n_parameters,)
        Gradient, zero or nearly so.
    """

    def __init__(self, direction: Array, curvature: float, g: Array):
        self._v, self._curvature, self._slope = direction, curvature, float(g @ direction)

    def step(self, radius: float) -> Step:
        """A step of that length."""
        predicted = -(radius * self._slope + 0.5 * radius**2 * self._curvature)
        return Step(radius * self._v, radius, predicted)


def _to_boundary(s: Array, d: Array, radius: float) -> float:
    """Step t with |s + t d| = radius: the positive root of a quadratic equation in t."""
    square, cross, length = float(d @ d), float(s @ d), float(s @ s)
    return (np.sqrt(cross**2 + square * max(radius**2 - length, 0.0)) - cross) / square
