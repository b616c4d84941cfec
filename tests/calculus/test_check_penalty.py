"""The check of penalties of one's own: what is right passes, what is wrong is named."""

import re

import numpy as np
import pytest
from oracle_layers import COVARIANCE_TYPES
from penalty_cases import Fused, Quartic

from sknewtonnet.calculus import Network, NormPenalty, Penalty, SeparablePenalty
from sknewtonnet.calculus.pieces.penalties import L2Penalty, PenaltySum, WidthPenalty
from sknewtonnet.testing import check_penalty

LAYOUT = Network.mlp(3, (4,), 2).layout


class Cosh(SeparablePenalty):
    def value(self, w):
        return float(np.cosh(w).sum())

    def gradient(self, w):
        return np.sinh(w)

    def hessian_diagonal(self, w):
        return np.cosh(w)


RIGHT = [
    NormPenalty(0.3),
    NormPenalty(0.0),
    NormPenalty(2.0, tuple(LAYOUT.shapes)),
    Quartic(),
    Fused(),
    Cosh(),
    L2Penalty(np.linspace(0.0, 2.0, LAYOUT.n_parameters)),
    PenaltySum([Quartic(), Cosh(), L2Penalty(np.ones(LAYOUT.n_parameters))], 7.0),
]


@pytest.mark.parametrize("penalty", RIGHT, ids=lambda p: type(p).__name__)
def test_accepts_what_is_right(penalty):
    check_penalty(penalty)
    check_penalty(penalty, layout=LAYOUT)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_accepts_other_nets(covariance_type):
    net = Network.rbf(2, 3, 1, covariance_type)
    check_penalty(NormPenalty(1.0, ("centers",)), layout=net.layout)
    widths = WidthPenalty(net.layers[0].form, 0.3, np.array([0.5, 2.0]))
    check_penalty(widths, layout=net.layout)


def wrong(base, method, change):
    """Return a penalty one of whose methods does what ``change`` makes of it."""
    right = getattr(base, method)

    def changed(self, *arguments):
        return change(right(self, *arguments), *arguments)

    return type("Wrong", (base,), {method: changed})()


def blamed(penalty):
    """Return what the check has to say."""
    with pytest.raises(AssertionError) as caught:
        check_penalty(penalty)
    return str(caught.value)


def entry(position, by):
    def change(found, *_):
        found = np.array(found)
        found[position] += by
        return found

    return change


def at(value, *position):
    return lambda found, *_: entry(position, value - np.asarray(found)[position])(found)


@pytest.mark.parametrize("method", ["gradient", "hessian", "hessian_product"])
def test_a_factor_is_named(method):
    message = blamed(wrong(Quartic, method, lambda found, *_: 1.01 * found))
    assert message.startswith(f"penalty 'Wrong': {method} is ")
    assert "off by" in message


def test_where_and_by_how_much():
    names = [LAYOUT.names[p] for p in (2, 5)]
    message = blamed(wrong(Quartic, "gradient", entry(2, 0.25)))
    assert "gradient is" in message
    assert f"at {names[0]}, where differences" in message
    assert message.endswith("off by 0.25.")
    both = [entry((2, 5), 0.13), entry((5, 2), 0.13)]
    message = blamed(wrong(Quartic, "hessian", lambda found, w: both[1](both[0](found))))
    # Both entries are wrong by as much, but for rounding.
    pairs = [" at ".join(pair) for pair in (names, names[::-1])]
    assert any(f"at {pair}, where differences of the gradient" in message for pair in pairs)
    assert message.endswith("off by 0.13.")


def test_a_dropped_mixed_derivative_is_named():
    """The diagonal of the Hessian alone, as of a penalty that is separable."""

    class Diagonal(SeparablePenalty):
        value, gradient, along = Quartic.value, Quartic.gradient, staticmethod(Quartic.along)

        def hessian_diagonal(self, w):
            return np.diag(Quartic.hessian(self, w))

    message = blamed(Diagonal())
    assert re.search(r"hessian is 0 at .* at .*, where differences of the gradient", message)


def test_a_lopsided_hessian_is_named():
    assert "the other half of it" in blamed(wrong(Quartic, "hessian", entry((1, 3), 0.5)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("method", "position"), [("gradient", (4,)), ("hessian", (4, 6)), ("value", ())]
)
def test_what_is_not_finite_is_named(method, position, bad):
    message = blamed(wrong(Quartic, method, at(bad, *position)))
    assert f"{method} is not finite" in message
    for p in position:
        assert LAYOUT.names[p] in message


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("value", lambda found, w: np.array([found])),
        ("gradient", lambda found, w: found[:, None]),
        ("gradient", lambda found, w: found[:-1]),
        ("gradient", lambda found, w: 0.0),
        ("hessian", lambda found, w: np.diag(found)),
        ("hessian", lambda found, w: found[:, :-1]),
        ("hessian_product", lambda found, w, v: found.reshape(len(w), -1)),
    ],
)
def test_wrong_shapes_are_named(method, change):
    assert f"{method} must return shape" in blamed(wrong(Quartic, method, change))


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("method", ["value", "gradient", "hessian", "hessian_product"])
def test_writing_to_an_argument_is_named(method, position):
    if position and method != "hessian_product":
        return

    def change(found, *arguments):
        arguments[position][0] = 0.0
        return found

    assert f"{method} writes to its argument" in blamed(wrong(Quartic, method, change))


def test_a_penalty_that_depends_on_more_than_it_says():
    class Modest(Quartic):
        def depends_on(self, array):
            return array != "intercepts_0"

    message = blamed(Modest())
    assert "depends_on('intercepts_0')" in message
    assert "at intercepts_0[" in message


def test_a_ridge_that_is_none():
    class Steep(Quartic):
        ridge = np.ones(LAYOUT.n_parameters)

    assert "its ridge" in blamed(Steep())
    assert "ridge has a wrong shape" in blamed(type("Short", (Quartic,), {"ridge": np.ones(3)})())


def test_what_is_put_on_a_net_must_be_a_penalty():
    assert "on returned None" in blamed(
        type("Lost", (Quartic,), {"on": lambda self, layout: None})()
    )


def test_methods_that_are_missing_are_named_by_python():
    with pytest.raises(TypeError, match="hessian"):
        type("Half", (Penalty,), {"value": lambda s, w: 0.0, "gradient": lambda s, w: w})()
