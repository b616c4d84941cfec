"""Statistics of a minimum: standard errors, tests, criteria, predictions; numpy and scipy only.

:func:`infer` makes :class:`InferenceResults` from an objective and its minimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy

if TYPE_CHECKING:
    from sknewtonnet.inference._bootstrap import BootstrapResults
    from sknewtonnet.inference._calibration import Calibration
    from sknewtonnet.inference._comparison import ComparisonResult
    from sknewtonnet.inference._comparison_table import ComparisonTable, compare_tables
    from sknewtonnet.inference._criteria import CRITERIA, Criteria
    from sknewtonnet.inference._effect_profile import EffectProfile
    from sknewtonnet.inference._effects import MarginalEffects
    from sknewtonnet.inference._estimable_part import constant_combinations
    from sknewtonnet.inference._feature_table import FeatureTable
    from sknewtonnet.inference._gate import findings
    from sknewtonnet.inference._gate_units import Finding, fatal_messages
    from sknewtonnet.inference._held_inputs import held_saliency
    from sknewtonnet.inference._infer import infer
    from sknewtonnet.inference._influence import Influence, leave_one_out_losses
    from sknewtonnet.inference._likelihood_ratio import LikelihoodRatioResult
    from sknewtonnet.inference._mean_errors import MeanErrors
    from sknewtonnet.inference._minimum import WEIGHT_TYPES, Information
    from sknewtonnet.inference._null_distributions import (
        TestResult,
        adjust_p_values,
        combined_p_value,
        wald_statistic,
    )
    from sknewtonnet.inference._parameter_covariance import (
        COV_TYPES,
        COVARIANCES,
        MODEL_BASED,
        CovarianceType,
        Dependence,
        cluster_numbers,
        parameter_covariance,
    )
    from sknewtonnet.inference._partial_effect import PartialEffect
    from sknewtonnet.inference._prediction import PredictionResults
    from sknewtonnet.inference._quadratic_form import weighted_chi_square_tail
    from sknewtonnet.inference._radial_units import QuadraticForms, RadialUnits
    from sknewtonnet.inference._removal import unit_parameters, without_parameters
    from sknewtonnet.inference._reported import Reported
    from sknewtonnet.inference._rescaled import Rescaled
    from sknewtonnet.inference._results import InferenceResults
    from sknewtonnet.inference._saliency import (
        feature_saliencies,
        flat_directions,
        group_saliency,
        input_saliencies,
        shares,
        weight_saliencies,
    )
    from sknewtonnet.inference._score import ScoreTestResult
    from sknewtonnet.inference._separation import all_told_apart
    from sknewtonnet.inference._slope_test import SlopeTestResult
    from sknewtonnet.inference._summary import Summary
    from sknewtonnet.inference._variance_test import VarianceTest, variance_test
    from sknewtonnet.inference._wald import WaldTestResult
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.inference._bootstrap": ["BootstrapResults"],
            "sknewtonnet.inference._calibration": ["Calibration"],
            "sknewtonnet.inference._comparison": ["ComparisonResult"],
            "sknewtonnet.inference._comparison_table": ["ComparisonTable", "compare_tables"],
            "sknewtonnet.inference._criteria": ["CRITERIA", "Criteria"],
            "sknewtonnet.inference._effect_profile": ["EffectProfile"],
            "sknewtonnet.inference._effects": ["MarginalEffects"],
            "sknewtonnet.inference._estimable_part": ["constant_combinations"],
            "sknewtonnet.inference._feature_table": ["FeatureTable"],
            "sknewtonnet.inference._gate": ["findings"],
            "sknewtonnet.inference._gate_units": ["Finding", "fatal_messages"],
            "sknewtonnet.inference._held_inputs": ["held_saliency"],
            "sknewtonnet.inference._infer": ["infer"],
            "sknewtonnet.inference._influence": ["Influence", "leave_one_out_losses"],
            "sknewtonnet.inference._likelihood_ratio": ["LikelihoodRatioResult"],
            "sknewtonnet.inference._mean_errors": ["MeanErrors"],
            "sknewtonnet.inference._minimum": ["WEIGHT_TYPES", "Information"],
            "sknewtonnet.inference._null_distributions": [
                "TestResult",
                "adjust_p_values",
                "combined_p_value",
                "wald_statistic",
            ],
            "sknewtonnet.inference._parameter_covariance": [
                "COV_TYPES",
                "COVARIANCES",
                "MODEL_BASED",
                "CovarianceType",
                "Dependence",
                "cluster_numbers",
                "parameter_covariance",
            ],
            "sknewtonnet.inference._partial_effect": ["PartialEffect"],
            "sknewtonnet.inference._prediction": ["PredictionResults"],
            "sknewtonnet.inference._quadratic_form": ["weighted_chi_square_tail"],
            "sknewtonnet.inference._radial_units": ["QuadraticForms", "RadialUnits"],
            "sknewtonnet.inference._removal": ["unit_parameters", "without_parameters"],
            "sknewtonnet.inference._reported": ["Reported"],
            "sknewtonnet.inference._rescaled": ["Rescaled"],
            "sknewtonnet.inference._results": ["InferenceResults"],
            "sknewtonnet.inference._saliency": [
                "feature_saliencies",
                "flat_directions",
                "group_saliency",
                "input_saliencies",
                "shares",
                "weight_saliencies",
            ],
            "sknewtonnet.inference._score": ["ScoreTestResult"],
            "sknewtonnet.inference._separation": ["all_told_apart"],
            "sknewtonnet.inference._slope_test": ["SlopeTestResult"],
            "sknewtonnet.inference._summary": ["Summary"],
            "sknewtonnet.inference._variance_test": ["VarianceTest", "variance_test"],
            "sknewtonnet.inference._wald": ["WaldTestResult"],
        },
    )

__all__ = [
    "COVARIANCES",
    "COV_TYPES",
    "CRITERIA",
    "MODEL_BASED",
    "WEIGHT_TYPES",
    "BootstrapResults",
    "Calibration",
    "ComparisonResult",
    "ComparisonTable",
    "CovarianceType",
    "Criteria",
    "Dependence",
    "EffectProfile",
    "FeatureTable",
    "Finding",
    "InferenceResults",
    "Influence",
    "Information",
    "LikelihoodRatioResult",
    "MarginalEffects",
    "MeanErrors",
    "PartialEffect",
    "PredictionResults",
    "QuadraticForms",
    "RadialUnits",
    "Reported",
    "Rescaled",
    "ScoreTestResult",
    "SlopeTestResult",
    "Summary",
    "TestResult",
    "VarianceTest",
    "WaldTestResult",
    "adjust_p_values",
    "all_told_apart",
    "cluster_numbers",
    "combined_p_value",
    "compare_tables",
    "constant_combinations",
    "fatal_messages",
    "feature_saliencies",
    "findings",
    "flat_directions",
    "group_saliency",
    "held_saliency",
    "infer",
    "input_saliencies",
    "leave_one_out_losses",
    "parameter_covariance",
    "shares",
    "unit_parameters",
    "variance_test",
    "wald_statistic",
    "weight_saliencies",
    "weighted_chi_square_tail",
    "without_parameters",
]
