"""Diagnoses of a fitted net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy

if TYPE_CHECKING:
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
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.calculus": ["CriticalPoint", "critical_point"],
            "sknewtonnet.calculus.functions.directions": ["Direction"],
            "sknewtonnet.calculus.functions.escape": ["WayDown", "way_down"],
            "sknewtonnet.calculus.functions.matching": ["aligned"],
            "sknewtonnet.calculus.functions.units": ["degenerate_units"],
            "sknewtonnet.inspection._eigenvalues": ["spectrum"],
            "sknewtonnet.inspection._importance": [
                "feature_importance",
                "importances",
                "importances_of",
                "weight_importance",
            ],
            "sknewtonnet.inspection._matching": ["Minimum", "same_minimum"],
            "sknewtonnet.inspection._spectral_density": ["SpectralDensity"],
            "sknewtonnet.inspection._spectrum": ["Spectrum"],
            "sknewtonnet.inspection._spectrum_path": ["PathPoint", "SpectrumPath"],
        },
    )

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
