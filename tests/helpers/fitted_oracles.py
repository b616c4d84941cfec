"""Fitted nets as plain functions of their parameters, for complex steps in both arguments.

Nothing here knows a derivative or a formula of statistics: a net is written as
:class:`oracles.Problem` has it, and differentiated by Im f(x + ih) / h.
"""

import re
import warnings

import numpy as np
from oracle_layers import kind_of
from oracles import Problem

from sknewtonnet.estimators import fit_of

STEP = 1e-30


def raw(est, w, X):
    """Raw predictions of shape (n, outputs) at any parameters; w and X may be complex."""
    network = fit_of(est).network
    layers = network.layers
    problem = Problem(
        sizes=network.node_sizes,
        activations=tuple(layer.activation.name for layer in layers[:-1]),
        skip=tuple(tuple(layer.sources) for layer in layers),
        kinds=tuple(kind_of(layer) for layer in layers),
        loss="",
        X=np.asarray(X),
        Y=None,
        sample_weight=None,
        penalty={},
    )
    unpack, w = network.layout.unpack, np.asarray(w)
    arrays = unpack(w.real)
    if np.iscomplexobj(w):
        arrays = {name: a + 1j * unpack(w.imag)[name] for name, a in arrays.items()}
    return problem.states(arrays)[-1]


def response(est, values):
    """The mean that belongs to raw predictions; they may be complex."""
    link = est.out_activation_
    if link == "identity":
        return values
    if link == "logistic":
        return 0.5 * (1.0 + np.tanh(0.5 * values))
    powers = np.exp(values)
    return powers if link == "exp" else powers / powers.sum(axis=-1, keepdims=True)


def squeezed(values):
    """Without the axis of outputs where there is one output only."""
    return values[:, 0] if values.shape[1] == 1 else values


def full_params(est, res, theta):
    """All parameters that belong to the reported ones; the first class of a softmax gets 0."""
    names = fit_of(est).network.layout.names
    if est.out_activation_ != "softmax":
        assert list(res.names) == names
        return np.asarray(theta)
    where = {name: number for number, name in enumerate(names)}
    w = np.zeros(len(names), dtype=np.asarray(theta).dtype)
    for name, value in zip(res.names, theta, strict=True):
        found = re.sub(rf" - {re.escape(str(est.classes_[0]))}\]$", "]", name)
        w[where[found]] = value
    return w


def gradient(function, at):
    """Complex-step derivative of a function of one vector, of shape (*values, p)."""
    columns = []
    for j in range(len(at)):
        moved = np.array(at, dtype=complex)
        moved[j] += 1j * STEP
        columns.append(np.imag(function(moved)) / STEP)
    return np.stack(columns, axis=-1)


def input_gradient(est, X, w=None, on_response=True):
    """d prediction / d x of every row, of shape (n, outputs, features)."""
    w, columns = est.params_ if w is None else w, []
    for j in range(X.shape[1]):
        moved = np.array(X, dtype=complex)
        moved[:, j] += 1j * STEP
        found = raw(est, w, moved)
        columns.append(np.imag(response(est, found) if on_response else found) / STEP)
    return np.stack(columns, axis=-1)


def mean_of(est, res):
    """The function from reported parameters and X to predictions (n, outputs)."""
    return lambda theta, X: response(est, raw(est, full_params(est, res, theta), X))


def slopes(function, at, step=1e-3):
    """Differences of fourth order of a function of one vector, of shape (*values, p)."""
    columns = []
    for j in range(len(at)):
        moves = [np.array(at, dtype=float) for _ in range(4)]
        for moved, size in zip(moves, (-2, -1, 1, 2), strict=True):
            moved[j] += size * step
        a, b, c, d = (np.asarray(function(moved)) for moved in moves)
        columns.append((a - 8.0 * b + 8.0 * c - d) / (12.0 * step))
    return np.stack(columns, axis=-1)


def quadratic_form(rows, V):
    """sqrt(g' V g) for each gradient g in the last axis, by a loop."""
    flat = rows.reshape(-1, rows.shape[-1])
    found = [np.sqrt(sum(g[a] * V[a] @ g for a in range(len(g)))) for g in flat]
    return np.array(found).reshape(rows.shape[:-1])


def infer(est, X, y, *args, **options):
    """Inference whose verdict on the net is not the subject of a test."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Inference: ", category=UserWarning)
        return est.inference(X, y, *args, **options)
