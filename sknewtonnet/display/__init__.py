"""Pictures of fitted nets and of their statistics, in scikit-learn's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy

if TYPE_CHECKING:
    from sknewtonnet.display._alpha_path import AlphaPathDisplay
    from sknewtonnet.display._base import Display
    from sknewtonnet.display._coefficient import CoefficientDisplay
    from sknewtonnet.display._convergence import ConvergenceDisplay
    from sknewtonnet.display._effect import EffectDisplay
    from sknewtonnet.display._hessian import HessianDisplay
    from sknewtonnet.display._importance import ImportanceDisplay
    from sknewtonnet.display._influence import InfluenceDisplay
    from sknewtonnet.display._loss_surface import LossSurfaceDisplay
    from sknewtonnet.display._network import NetworkDisplay
    from sknewtonnet.display._pruning_path import PruningPathDisplay
    from sknewtonnet.display._rbf import RBFDisplay
    from sknewtonnet.display._residuals import ResidualsDisplay
    from sknewtonnet.display._spectrum import SpectrumDisplay
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.display._alpha_path": ["AlphaPathDisplay"],
            "sknewtonnet.display._base": ["Display"],
            "sknewtonnet.display._coefficient": ["CoefficientDisplay"],
            "sknewtonnet.display._convergence": ["ConvergenceDisplay"],
            "sknewtonnet.display._effect": ["EffectDisplay"],
            "sknewtonnet.display._hessian": ["HessianDisplay"],
            "sknewtonnet.display._importance": ["ImportanceDisplay"],
            "sknewtonnet.display._influence": ["InfluenceDisplay"],
            "sknewtonnet.display._loss_surface": ["LossSurfaceDisplay"],
            "sknewtonnet.display._network": ["NetworkDisplay"],
            "sknewtonnet.display._pruning_path": ["PruningPathDisplay"],
            "sknewtonnet.display._rbf": ["RBFDisplay"],
            "sknewtonnet.display._residuals": ["ResidualsDisplay"],
            "sknewtonnet.display._spectrum": ["SpectrumDisplay"],
        },
    )

__all__ = [
    "AlphaPathDisplay",
    "CoefficientDisplay",
    "ConvergenceDisplay",
    "Display",
    "EffectDisplay",
    "HessianDisplay",
    "ImportanceDisplay",
    "InfluenceDisplay",
    "LossSurfaceDisplay",
    "NetworkDisplay",
    "PruningPathDisplay",
    "RBFDisplay",
    "ResidualsDisplay",
    "SpectrumDisplay",
]
