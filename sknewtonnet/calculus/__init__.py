"""Exact derivatives of feed-forward networks; numpy and scipy only."""

from sknewtonnet.calculus._activation import Activation
from sknewtonnet.calculus.activations import ACTIVATIONS, get_activation
from sknewtonnet.calculus.layers import Layer, Linear
from sknewtonnet.calculus.losses import LOSSES, Loss, PseudoHuber, get_loss
from sknewtonnet.calculus.network import LAYERS, Network
from sknewtonnet.calculus.objective import Objective
from sknewtonnet.calculus.parameters import ParameterLayout
from sknewtonnet.calculus.radial import GaussianRBF, Quadratic

__all__ = [
    "ACTIVATIONS",
    "LAYERS",
    "LOSSES",
    "Activation",
    "GaussianRBF",
    "Layer",
    "Linear",
    "Loss",
    "Network",
    "Objective",
    "ParameterLayout",
    "PseudoHuber",
    "Quadratic",
    "get_activation",
    "get_loss",
]
