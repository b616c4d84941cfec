"""Exact derivatives of feed-forward networks; numpy and scipy only."""

from sknewtonnet.calculus.activations import ACTIVATIONS, Activation, get_activation
from sknewtonnet.calculus.losses import LOSSES, Loss, get_loss
from sknewtonnet.calculus.network import Network
from sknewtonnet.calculus.objective import Objective
from sknewtonnet.calculus.parameters import ParameterLayout

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "Activation",
    "Loss",
    "Network",
    "Objective",
    "ParameterLayout",
    "get_activation",
    "get_loss",
]
