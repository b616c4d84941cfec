"""Statistics of a minimum: errors, tests, criteria, predictions; numpy and scipy only."""

from sknewtonnet.inference._criteria import CRITERIA, Criteria
from sknewtonnet.inference._effects import MarginalEffects, PartialEffect
from sknewtonnet.inference._gate_units import Finding
from sknewtonnet.inference._likelihood_ratio import LikelihoodRatioResult
from sknewtonnet.inference._minimum import WEIGHT_TYPES, Information
from sknewtonnet.inference._null_distributions import adjust_p_values
from sknewtonnet.inference._parameter_covariance import COV_TYPES, MODEL_BASED, cluster_numbers
from sknewtonnet.inference._prediction import PredictionResults
from sknewtonnet.inference._radial_units import RadialUnits
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._results import InferenceResults
from sknewtonnet.inference._score import ScoreTestResult
from sknewtonnet.inference._wald import WaldTestResult

__all__ = [
    "COV_TYPES",
    "CRITERIA",
    "MODEL_BASED",
    "WEIGHT_TYPES",
    "Criteria",
    "Finding",
    "InferenceResults",
    "Information",
    "LikelihoodRatioResult",
    "MarginalEffects",
    "PartialEffect",
    "PredictionResults",
    "RadialUnits",
    "Reported",
    "ScoreTestResult",
    "WaldTestResult",
    "adjust_p_values",
    "cluster_numbers",
]
