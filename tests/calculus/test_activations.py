"""Every activation of the registry against nested dual numbers."""

import pickle

import mpmath
import numpy as np
import oracles
import pytest

from sknewtonnet.calculus import ACTIVATIONS, get_activation
from sknewtonnet.testing import check_activation

AWKWARD = np.array([0.0, 1e-300, 1e-8, 1e-4, 1.0, 30.0, 40.0, 710.0, 800.0])
POINTS = np.concatenate([-AWKWARD[::-1], AWKWARD[1:], np.linspace(-6.0, 6.0, 41) + 0.01])
HIGHEST = 5  # for activations that offer any order

each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def orders(name):
    """How far the derivatives of an activation go, or are tested."""
    highest = ACTIVATIONS[name].max_order
    return HIGHEST if highest is None else highest


def test_the_oracle_knows_every_activation():
    """A formula in `oracles.ACTIVATIONS` is all a new activation needs to be tested."""
    assert set(ACTIVATIONS) == set(oracles.ACTIVATIONS)


@each_activation
def test_derivatives_of_every_order(name):
    """Also at awkward points: finite, without warnings, and right."""
    points = POINTS if ACTIVATIONS[name].smooth else POINTS[POINTS != 0]
    expected = oracles.activation_derivatives(name, points, orders(name))
    found = ACTIVATIONS[name].derivatives(points, order=orders(name))
    assert len(found) == orders(name) + 1
    for order, (actual, desired) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(
            actual, desired, rtol=1e-10, atol=1e-14, err_msg=f"derivative {order}"
        )


TO_ORDER_EIGHT = {
    "logistic": lambda a: 1 / (1 + mpmath.exp(-a)),
    "softplus": lambda a: mpmath.log1p(mpmath.exp(a)),
    "gelu": lambda a: a * mpmath.ncdf(a),
    "silu": lambda a: a / (1 + mpmath.exp(-a)),
    "softsign": lambda a: a / (1 + abs(a)),
}


@pytest.mark.parametrize("name", TO_ORDER_EIGHT)
def test_orders_to_eight_against_sixty_digits(name):
    """To 1e-12 of each number, in both tails; the oracle differentiates the value alone."""
    points = np.array([-30.0, -11.3, -5.0, -1.7, -0.3, 0.0, 0.2, 0.9, 2.5, 7.1, 25.0])
    points = points if ACTIVATIONS[name].smooth else points[points != 0]
    found = ACTIVATIONS[name].derivatives(points, 8)
    with mpmath.workdps(60):
        series = [mpmath.taylor(TO_ORDER_EIGHT[name], mpmath.mpf(a), 8) for a in points]
        expected = [[float(mpmath.factorial(n) * t[n]) for t in series] for n in range(9)]
    # In the far tail numerical differentiation leaves 1e-40 where there is nothing.
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-30)


def test_high_orders_where_powers_overflow():
    """The density of gelu is zero there, and the polynomial beside it must not be infinite."""
    far = np.array([-1e100, -50.0, 50.0, 1e100])
    for order in ACTIVATIONS["gelu"].derivatives(far, 6)[3:]:
        np.testing.assert_array_equal(order, 0.0)


@each_activation
def test_small_values_keep_their_digits(name):
    """Near a zero at the origin h(a) must not be a difference of large numbers."""
    tiny = np.array([-1e-8, 1e-8])
    expected = oracles.activation_derivatives(name, tiny, 0)[0]
    actual = ACTIVATIONS[name].derivatives(tiny, order=0)[0]
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@each_activation
def test_kinks_are_declared_and_bridged(name):
    """`smooth` says whether both sides agree; at the kink any value between them will do."""
    sides = np.array([-1e-12, 1e-12])
    left_right = np.array(oracles.activation_derivatives(name, sides, 2))
    at_kink = np.array(ACTIVATIONS[name].derivatives(np.zeros(1), order=2))[:, 0]
    agree = np.ptp(left_right, axis=1) < 1e-6
    assert agree.all() == ACTIVATIONS[name].smooth
    assert (left_right.min(axis=1) - 1e-6 <= at_kink).all()
    assert (at_kink <= left_right.max(axis=1) + 1e-6).all()


@each_activation
def test_lower_orders_are_a_prefix(name):
    """Whoever asks for less gets the same numbers, in new arrays of the input's shape."""
    a = np.linspace(-3.0, 3.0, 24).reshape(4, 6)[:, ::2]
    before = a.copy()
    full = ACTIVATIONS[name].derivatives(a, order=orders(name))
    for order in range(orders(name)):
        part = ACTIVATIONS[name].derivatives(a, order=order)
        assert len(part) == order + 1
        for x, y in zip(part, full, strict=False):
            assert x.shape == a.shape
            np.testing.assert_allclose(x, y, rtol=1e-14, atol=1e-15)
    for array in full:
        array[...] = np.nan  # new arrays: the input is not among them, nor an earlier answer
    assert all(np.isfinite(x).all() for x in part)
    np.testing.assert_array_equal(a, before)
    assert len(ACTIVATIONS[name].derivatives(a)) == 3
    np.testing.assert_array_equal(ACTIVATIONS[name].value(a), part[0])


@each_activation
def test_names_objects_and_pickles(name):
    """The border takes names or objects; workers get their objects by pickle."""
    activation = get_activation(name)
    assert activation.name == name
    assert get_activation(activation) is activation
    copy = pickle.loads(pickle.dumps(activation))
    np.testing.assert_array_equal(copy.derivatives(POINTS), activation.derivatives(POINTS))


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="tanh"):
        get_activation("tangens")


def wrong(activation, at):
    """Return the activation with its derivative of one order off by one percent."""

    class Wrong(type(activation)):
        def derivatives(self, a, order=2):
            found = super().derivatives(a, order=order)
            return tuple(1.01 * h if k == at else h for k, h in enumerate(found))

    return Wrong()


@each_activation
def test_check_activation_accepts_the_registry(name):
    check_activation(ACTIVATIONS[name])


@pytest.mark.parametrize("name", ["tanh", "gaussian", "silu"])
@pytest.mark.parametrize(("order", "message"), [(1, "first derivative"), (2, "second derivative")])
def test_check_activation_names_the_wrong_derivative(name, order, message):
    with pytest.raises(AssertionError, match=message):
        check_activation(wrong(ACTIVATIONS[name], order))


def test_hooks_that_a_subclass_leaves_behind_are_refused():
    """forward and curvature of tanh do not fit derivatives of another function."""

    class Scaled(type(ACTIVATIONS["tanh"])):
        name = "scaled"

        def derivatives(self, a, order=2):
            return tuple(2.0 * d for d in super().derivatives(a, order))

    with pytest.raises(ValueError, match="'scaled': forward or curvature disagree"):
        get_activation(Scaled())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_hooks_agree_with_derivatives(name):
    """The fast path of a pass gives what derivatives gives."""
    activation = ACTIVATIONS[name]
    a = np.linspace(-30.0, 30.0, 24).reshape(4, 6)
    expected = activation.derivatives(a, 2)
    value, slope = np.empty_like(a), np.empty_like(a)
    activation.forward(a, value, slope)
    np.testing.assert_allclose(value, expected[0], rtol=1e-14)
    np.testing.assert_allclose(slope, expected[1], rtol=1e-14, atol=1e-300)
    second = activation.curvature(value, slope)
    if second is not None:
        np.testing.assert_allclose(second, expected[2], rtol=1e-14, atol=1e-300)
