"""Checks for activations, losses, layers, penalties, constraints and solvers of one's own."""

from __future__ import annotations

from sknewtonnet.testing._constraints import check_constraint
from sknewtonnet.testing._derivatives import (
    check_activation,
    check_layer,
    check_loss,
)
from sknewtonnet.testing._penalties import check_penalty
from sknewtonnet.testing._solvers import check_solver

__all__ = [
    "check_activation",
    "check_constraint",
    "check_layer",
    "check_loss",
    "check_penalty",
    "check_solver",
]
