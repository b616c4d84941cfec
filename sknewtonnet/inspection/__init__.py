"""Diagnoses of a fitted net."""

from sknewtonnet.calculus import CriticalPoint, critical_point
from sknewtonnet.calculus.functions.directions import Direction
from sknewtonnet.calculus.functions.escape import WayDown, way_down
from sknewtonnet.calculus.functions.matching import aligned
from sknewtonnet.calculus.functions.units import degenerate_units
from sknewtonnet.inspection._eigenvalues import spectrum
from sknewtonnet.inspection._importance import (
    feature_importance,
    importances,
    importances_of,
    weight_importance,
)
from sknewtonnet.inspection._matching import Minimum, same_minimum
from sknewtonnet.inspection._spectral_density import SpectralDensity
from sknewtonnet.inspection._spectrum import Spectrum
from sknewtonnet.inspection._spectrum_path import PathPoint, SpectrumPath

__all__ = [
    "CriticalPoint",
    "Direction",
    "Minimum",
    "PathPoint",
    "SpectralDensity",
    "Spectrum",
    "SpectrumPath",
    "WayDown",
    "aligned",
    "critical_point",
    "degenerate_units",
    "feature_importance",
    "importances",
    "importances_of",
    "same_minimum",
    "spectrum",
    "way_down",
    "weight_importance",
]
