"""Statistics of a minimum: errors, tests, criteria, predictions; numpy and scipy only."""

from sknewtonnet.inference._contrasts import Reported
from sknewtonnet.inference._covariance import COV_TYPES, MODEL_BASED, cluster_numbers
from sknewtonnet.inference._criteria import CRITERIA, Criteria
from sknewtonnet.inference._effects import MarginalEffects, PartialEffect
from sknewtonnet.inference._information import WEIGHT_TYPES, Information
from sknewtonnet.inference._prediction import PredictionResults
from sknewtonnet.inference._radial import RadialUnits
from sknewtonnet.inference._refits import LikelihoodRatioResult
from sknewtonnet.inference._results import InferenceResults
from sknewtonnet.inference._tests import ScoreTestResult, WaldTestResult, adjust_p_values
from sknewtonnet.inference._units import Finding

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
