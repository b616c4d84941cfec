"""Diagnoses of a fitted net."""

from sknewtonnet.inspection._conditioning import critical_point

__all__ = ["critical_point"]
