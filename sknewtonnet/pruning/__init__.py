"""Smaller nets: parts that are not significant go; the size is chosen by a criterion."""

from sknewtonnet.pruning._backward import BackwardPruning
from sknewtonnet.pruning._path import PruningPath, PruningStep
from sknewtonnet.pruning._search import InformationCriterionSearch
from sknewtonnet.pruning._stability import PruningStability, pruning_stability

__all__ = [
    "BackwardPruning",
    "InformationCriterionSearch",
    "PruningPath",
    "PruningStability",
    "PruningStep",
    "pruning_stability",
]
