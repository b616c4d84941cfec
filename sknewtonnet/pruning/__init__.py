"""Smaller nets: parts that are not significant go; the size is chosen by a criterion."""

from sknewtonnet.pruning._backward import BackwardPruning
from sknewtonnet.pruning._path import PruningPath, PruningStep

__all__ = ["BackwardPruning", "PruningPath", "PruningStep"]
