"""Exact derivatives of feed-forward networks; numpy and scipy only.

Three storeys, each of which imports only from those before it: ``pieces`` (what a net is made
of, each with its own derivatives), ``passes`` (one chunk of samples at one point), ``functions``
(functions of the parameters). The public names are those below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy

if TYPE_CHECKING:
    from sknewtonnet.calculus.functions.block_objective import BlockObjective
    from sknewtonnet.calculus.functions.block_source import (
        ArrayBlocks,
        BlockSequence,
        BlockSource,
        Rows,
    )
    from sknewtonnet.calculus.functions.canonical import canonical
    from sknewtonnet.calculus.functions.constraints import (
        Constraint,
        LagrangeFunction,
        NonlinearConstraint,
        NormConstraint,
    )
    from sknewtonnet.calculus.functions.convolution import convolution
    from sknewtonnet.calculus.functions.critical_point import CriticalPoint, critical_point
    from sknewtonnet.calculus.functions.dask_blocks import DaskBlocks
    from sknewtonnet.calculus.functions.evidence import Evidence
    from sknewtonnet.calculus.functions.lagrangian import Lagrangian, LagrangianPoint
    from sknewtonnet.calculus.functions.modified import ModifiedObjective
    from sknewtonnet.calculus.functions.network import LAYERS, Network
    from sknewtonnet.calculus.functions.objective import Objective
    from sknewtonnet.calculus.functions.prediction_constraints import (
        PredictionConstraint,
        SlopeConstraint,
    )
    from sknewtonnet.calculus.functions.second_derivative_counts import (
        SecondDerivativeCounts,
        count_second_derivatives,
    )
    from sknewtonnet.calculus.pieces.activations import ACTIVATIONS, Activation, get_activation
    from sknewtonnet.calculus.pieces.function import Block, SmoothFunction
    from sknewtonnet.calculus.pieces.gaussian import GaussianRBF
    from sknewtonnet.calculus.pieces.layers import Layer, Linear
    from sknewtonnet.calculus.pieces.log_links import NegativeBinomial, Tweedie
    from sknewtonnet.calculus.pieces.loss import Loss
    from sknewtonnet.calculus.pieces.losses import LOSSES, PseudoHuber, get_loss
    from sknewtonnet.calculus.pieces.parameters import ParameterLayout
    from sknewtonnet.calculus.pieces.penalties import NormPenalty, Penalty, SeparablePenalty
    from sknewtonnet.calculus.pieces.quadratic import Quadratic
    from sknewtonnet.calculus.pieces.semidefinite import Semidefinite
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.calculus.functions.block_objective": ["BlockObjective"],
            "sknewtonnet.calculus.functions.block_source": [
                "ArrayBlocks",
                "BlockSequence",
                "BlockSource",
                "Rows",
            ],
            "sknewtonnet.calculus.functions.canonical": ["canonical"],
            "sknewtonnet.calculus.functions.constraints": [
                "Constraint",
                "LagrangeFunction",
                "NonlinearConstraint",
                "NormConstraint",
            ],
            "sknewtonnet.calculus.functions.convolution": ["convolution"],
            "sknewtonnet.calculus.functions.critical_point": ["CriticalPoint", "critical_point"],
            "sknewtonnet.calculus.functions.dask_blocks": ["DaskBlocks"],
            "sknewtonnet.calculus.functions.evidence": ["Evidence"],
            "sknewtonnet.calculus.functions.lagrangian": ["Lagrangian", "LagrangianPoint"],
            "sknewtonnet.calculus.functions.modified": ["ModifiedObjective"],
            "sknewtonnet.calculus.functions.network": ["LAYERS", "Network"],
            "sknewtonnet.calculus.functions.objective": ["Objective"],
            "sknewtonnet.calculus.functions.prediction_constraints": [
                "PredictionConstraint",
                "SlopeConstraint",
            ],
            "sknewtonnet.calculus.functions.second_derivative_counts": [
                "SecondDerivativeCounts",
                "count_second_derivatives",
            ],
            "sknewtonnet.calculus.pieces.activations": [
                "ACTIVATIONS",
                "Activation",
                "get_activation",
            ],
            "sknewtonnet.calculus.pieces.function": ["Block", "SmoothFunction"],
            "sknewtonnet.calculus.pieces.gaussian": ["GaussianRBF"],
            "sknewtonnet.calculus.pieces.layers": ["Layer", "Linear"],
            "sknewtonnet.calculus.pieces.log_links": ["NegativeBinomial", "Tweedie"],
            "sknewtonnet.calculus.pieces.loss": ["Loss"],
            "sknewtonnet.calculus.pieces.losses": ["LOSSES", "PseudoHuber", "get_loss"],
            "sknewtonnet.calculus.pieces.parameters": ["ParameterLayout"],
            "sknewtonnet.calculus.pieces.penalties": [
                "NormPenalty",
                "Penalty",
                "SeparablePenalty",
            ],
            "sknewtonnet.calculus.pieces.quadratic": ["Quadratic"],
            "sknewtonnet.calculus.pieces.semidefinite": ["Semidefinite"],
        },
    )

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "LOSSES",
    "Activation",
    "ArrayBlocks",
    "Block",
    "BlockObjective",
    "BlockSequence",
    "BlockSource",
    "Constraint",
    "CriticalPoint",
    "DaskBlocks",
    "Evidence",
    "GaussianRBF",
    "LagrangeFunction",
    "Lagrangian",
    "LagrangianPoint",
    "Layer",
    "Linear",
    "Loss",
    "ModifiedObjective",
    "NegativeBinomial",
    "Network",
    "NonlinearConstraint",
    "NormConstraint",
    "NormPenalty",
    "Objective",
    "ParameterLayout",
    "Penalty",
    "PredictionConstraint",
    "PseudoHuber",
    "Quadratic",
    "Rows",
    "SecondDerivativeCounts",
    "Semidefinite",
    "SeparablePenalty",
    "SlopeConstraint",
    "SmoothFunction",
    "Tweedie",
    "canonical",
    "convolution",
    "count_second_derivatives",
    "critical_point",
    "get_activation",
    "get_loss",
]
