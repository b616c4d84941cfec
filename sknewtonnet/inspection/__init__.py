"""Diagnoses of a fitted net."""

from sknewtonnet.inspection._conditioning import critical_point
from sknewtonnet.inspection._units import degenerate_units

__all__ = ["critical_point", "degenerate_units"]
