"""Diagnoses of a fitted net."""

from sknewtonnet.inspection._conditioning import critical_point
from sknewtonnet.inspection._matching import aligned, same_minimum
from sknewtonnet.inspection._units import degenerate_units

__all__ = ["aligned", "critical_point", "degenerate_units", "same_minimum"]
