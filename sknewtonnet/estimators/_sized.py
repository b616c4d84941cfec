"""Nets whose hidden layers are given by their sizes."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

from numpy.typing import ArrayLike

from sknewtonnet._sklearn import Names, Number, Options, RegisteredNames
from sknewtonnet.calculus import ACTIVATIONS, Activation
from sknewtonnet.estimators._base import BaseNewtonNet
from sknewtonnet.estimators._parameters import ActivationLike, OutputActivation

_ACTIVATIONS = RegisteredNames(ACTIVATIONS, lambda activation: not activation.for_distances)
OUTPUT_ACTIVATION = [_ACTIVATIONS, Activation, list, tuple]


class BaseSizedNet(BaseNewtonNet):
    """A net with linear hidden layers of some sizes, one after the other."""

    hidden_layer_sizes: ArrayLike
    activation: ActivationLike
    skip_connections: bool | str
    output_activation: OutputActivation = "identity"  # of regressors a parameter

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseNewtonNet._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Number(Integral, 1, None, closed="left")],
        "activation": [
            _ACTIVATIONS,
            Activation,
            list,
            tuple,
        ],
        "skip_connections": [Options(bool, {False}), Names({"input-output", "all"})],
    }
