"""Smaller nets: parts that are not significant go; the size is chosen by a criterion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sknewtonnet._lazy import lazy

if TYPE_CHECKING:
    from sknewtonnet.pruning._backward import BackwardPruning
    from sknewtonnet.pruning._path import PruningPath, PruningStep
    from sknewtonnet.pruning._search import InformationCriterionSearch
    from sknewtonnet.pruning._stability import PruningStability, pruning_stability
else:  # the same at run time, each module with the first name of it that is asked for
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "sknewtonnet.pruning._backward": ["BackwardPruning"],
            "sknewtonnet.pruning._path": ["PruningPath", "PruningStep"],
            "sknewtonnet.pruning._search": ["InformationCriterionSearch"],
            "sknewtonnet.pruning._stability": ["PruningStability", "pruning_stability"],
        },
    )

__all__ = [
    "BackwardPruning",
    "InformationCriterionSearch",
    "PruningPath",
    "PruningStability",
    "PruningStep",
    "pruning_stability",
]
