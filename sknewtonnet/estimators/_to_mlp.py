"""From a fitted net to an MLP of scikit-learn that predicts the same."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._sklearn import features_of
from sknewtonnet.calculus import ACTIVATIONS, Activation, Network
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.estimators._targets import ClassTarget

_HIDDEN = ("identity", "logistic", "tanh", "relu")
_OUTPUT = (*_HIDDEN, "exp")


def to_mlp(net: Any) -> MLPRegressor | MLPClassifier:
    """An MLP with the coefficients of a fitted net; see :meth:`BaseNewtonNet.to_sklearn`."""
    check_is_fitted(net)
    problem: Problem = net._fit_.problem
    reason = _why_not(problem, is_regressor(net))
    if reason:
        raise ValueError(f"scikit-learn has no MLP that is this net: {reason}.")
    network = problem.original_network
    units = network.node_sizes[1:-1]
    # A fit to anything makes all that belongs to a fitted MLP; it ends where it starts.
    kind = MLPRegressor if is_regressor(net) else MLPClassifier
    anything = np.finfo(float).max
    mlp = kind(hidden_layer_sizes=units, solver="lbfgs", tol=anything, random_state=0)
    mlp.set_params(**_activation(network))
    if is_regressor(net):
        mlp.set_params(loss="poisson" if net.out_activation_ == "exp" else "squared_error")
    y = _any_target(problem)
    mlp.fit(np.zeros((len(y), net.n_features_in_)), y)
    mlp.set_params(tol=1e-4, random_state=net.random_state, alpha=_alpha(net, problem))
    arrays = network.layout.unpack(net.params_)
    vars(mlp).update(
        features_of(net),
        coefs_=[arrays[f"coefs_{k}"] for k in range(len(units) + 1)],
        intercepts_=[arrays[f"intercepts_{k}"] for k in range(len(units) + 1)],
        out_activation_=net.out_activation_,
        n_iter_=net.n_iter_,
        loss_=float(net.loss_),
    )
    return mlp


def _why_not(problem: Problem, regression: bool) -> str:
    """Why no MLP can be the same function; empty if one can."""
    network, out = problem.original_network, problem.loss.out_activation
    if problem.has_offset:
        return "it was fitted with an offset or exposure, which MLPs do not take"
    for k, layer in enumerate(network.layers):
        if not network.linear[k]:
            return f"layer {k} is {layer!r}, and the layers of an MLP are linear"
        if layer.sources != (k,):
            return f"it has skip connections: layer {k} reads the nodes {layer.sources}"
    found = _functions(network)
    others = [h.name for h in found if not _is_one_of(h, _HIDDEN)]
    if others:
        return f"activation={others[0]!r}, and MLPs have {_listed(_HIDDEN)}"
    if len({h.name for h in found}) > 1:
        names = " and ".join(dict.fromkeys(repr(h.name) for h in found))
        return f"it has activations {names}, and all hidden units of an MLP have one"
    last = network.layers[-1]
    bends = [h.name for h, _ in last.activation.groups(last.n_units) if h.name != "identity"]
    if not regression and bends:
        return f"its logits go through {bends[0]!r}"
    if regression and out not in _OUTPUT:
        return f"its outputs are {out!r} of linear predictors, and MLPs have {_listed(_OUTPUT)}"
    return ""


def _functions(network: Network) -> list[Activation]:
    """The activations of all hidden units, each layer's in order."""
    return [h for layer in network.layers[:-1] for h, _ in layer.activation.groups(layer.n_units)]


def _is_one_of(h: Activation, names: tuple[str, ...]) -> bool:
    """Whether it is one of ours by these names, not another one that is called so."""
    return h.name in names and type(h) is type(ACTIVATIONS[h.name])


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"


def _activation(network: Network) -> dict[str, str]:
    """The parameter of an MLP; none where no unit is hidden."""
    found = _functions(network)
    return {"activation": found[0].name} if found else {}


def _alpha(net: Any, problem: Problem) -> float:
    """Strength of the penalty where an MLP has the same, else what MLPs have by default."""
    same = problem.units is None and isinstance(net.alpha_, Real)
    return float(net.alpha_) if same else 0.0001


def _any_target(problem: Problem) -> Any:
    """Targets of which an MLP learns what its outputs are: each class, or zeros."""
    target = problem.target
    if not isinstance(target, ClassTarget):
        n_outputs = problem.network.n_outputs
        return np.zeros((2, n_outputs) if n_outputs > 1 else 2)
    return np.eye(len(target.classes), dtype=int) if target.multilabel else target.classes


__all__ = ["to_mlp"]
