"""Every loss of the registry against nested dual numbers, at sane and at insane predictions."""

import pickle

import numpy as np
import oracles
import pytest
from cases import targets

from sknewtonnet.calculus import LOSSES, get_loss
from sknewtonnet.testing import check_loss

EXTREMES = np.array([-1e5, -1e3, -800.0, -40.0, 0.0, 40.0, 800.0, 1e3, 1e5])
OUTSIDE = {  # loss: targets outside its domain
    "binary_log_loss": (-0.1, 1.1),
    "poisson": (-1.0, -1e-9),
    "gamma": (0.0, -1.0),
    "tweedie": (-1.0, -1e-9),
    "negative_binomial": (-1.0, -1e-9),
    "binomial": (-0.1, 1.1),
}

BOUNDARY = {  # and what still belongs to it
    "binary_log_loss": (0.0, 1.0),
    "poisson": (0.0,),
    "tweedie": (0.0,),
    "negative_binomial": (0.0,),
    "binomial": (0.0, 1.0),
}

each_loss = pytest.mark.parametrize("name", LOSSES)


def is_multinomial(name):
    return name.startswith("multinomial")


def draw(name, n_outputs, n=40, seed=0):
    """Return targets and predictions away from each other."""
    rng = np.random.default_rng(seed)
    return targets(LOSSES[name](), rng, n, n_outputs), 1.5 * rng.normal(size=(n, n_outputs))


def full(hessian):
    """Return the full matrices of a Hessian stored as diagonals."""
    return hessian if hessian.ndim == 3 else hessian[:, :, None] * np.eye(hessian.shape[1])


def test_the_oracle_knows_every_loss():
    """A formula in `oracles.LOSSES` is all a new loss needs to be tested."""
    assert set(LOSSES) == set(oracles.LOSSES)


@each_loss
@pytest.mark.parametrize("n_outputs", [1, 2, 4])
def test_value_gradient_and_hessian(name, n_outputs):
    if is_multinomial(name) and n_outputs == 1:
        n_outputs = 3
    y, raw = draw(name, n_outputs)
    value, gradient, hessian = LOSSES[name]().derivatives(y, raw)
    expected = oracles.loss_derivatives(name, y, raw)
    assert value.shape == (40,)
    assert hessian.shape in {(40, n_outputs), (40, n_outputs, n_outputs)}
    for actual, desired in zip((value, gradient, full(hessian)), expected, strict=True):
        oracles.assert_close(actual, desired)


@pytest.mark.parametrize("delta", [0.3, 5.0])
def test_pseudo_huber_with_other_widths(delta):
    y, raw = draw("pseudo_huber", 2)
    found = LOSSES["pseudo_huber"](delta=delta).derivatives(y, raw)
    expected = oracles.loss_derivatives("pseudo_huber", y, raw, delta=delta)
    for actual, desired in zip((*found[:2], full(found[2])), expected, strict=True):
        oracles.assert_close(actual, desired)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("tweedie", {"power": 1.1}),
        ("tweedie", {"power": 1.9}),
        ("negative_binomial", {"overdispersion": 0.02}),
        ("negative_binomial", {"overdispersion": 7.0}),
    ],
)
def test_other_variances(name, params):
    """Far from the target and near it, where the deviance must not lose its digits."""
    y, raw = draw(name, 2)
    y[:5, 0] = 0.0
    loss = LOSSES[name](**params)
    assert (
        repr(loss) == f"{type(loss).__name__}({next(iter(params))}={next(iter(params.values()))})"
    )
    found, expected = loss.derivatives(y, raw), oracles.loss_derivatives(name, y, raw, **params)
    for actual, desired in zip((*found[:2], full(found[2])), expected, strict=True):
        oracles.assert_close(actual, desired)
    check_loss(loss)
    mean = np.array([[1e3], [2.5]])
    near = np.log(mean) + 1e-5
    bend = loss.derivatives(mean, np.log(mean))[2][:, 0]
    np.testing.assert_allclose(loss.value(mean, near), 0.5e-10 * bend, rtol=1e-4)


@pytest.mark.parametrize("power", [1.0, 2.0, np.nan, "log"])
def test_powers_between_poisson_and_gamma(power):
    with pytest.raises(ValueError, match="power must be a number between 1 and 2"):
        LOSSES["tweedie"](power)


@pytest.mark.parametrize("overdispersion", [0.0, -1.0, np.inf, np.nan])
def test_overdispersions_are_positive(overdispersion):
    with pytest.raises(ValueError, match="overdispersion must be a positive number"):
        LOSSES["negative_binomial"](overdispersion)


@pytest.mark.parametrize("delta", [0.0, -1.0, np.nan])
def test_pseudo_huber_needs_a_positive_width(delta):
    with pytest.raises(ValueError, match="delta"):
        LOSSES["pseudo_huber"](delta=delta)


@each_loss
def test_lower_orders_are_a_prefix(name):
    y, raw = draw(name, 3)
    before = y.copy(), raw.copy()
    loss = LOSSES[name]()
    whole = loss.derivatives(y, raw, order=2)
    for order in (0, 1):
        part = loss.derivatives(y, raw, order=order)
        assert len(part) == order + 1
        for x, z in zip(part, whole, strict=False):
            np.testing.assert_array_equal(x, z)
    np.testing.assert_array_equal(loss.value(y, raw), whole[0])
    np.testing.assert_array_equal(before, (y, raw))


@each_loss
def test_extreme_predictions(name):
    """No nan, no warning, and infinite only what exceeds the range of doubles."""
    if is_multinomial(name):
        raw = np.stack(np.meshgrid(*3 * [EXTREMES]), axis=-1).reshape(-1, 3)
    else:
        raw = np.repeat(EXTREMES, 20)[:, None]
    y = targets(LOSSES[name](), np.random.default_rng(0), *raw.shape)
    value, gradient, hessian = LOSSES[name]().derivatives(y, raw)
    with np.errstate(over="ignore"):
        expected = oracles.loss_derivatives(name, y, raw)
    for actual, desired in zip((value, gradient, full(hessian)), expected, strict=True):
        assert not np.isnan(desired).any()
        np.testing.assert_allclose(actual, desired, rtol=1e-10, atol=1e-14)
    assert not np.isnan(LOSSES[name]().inverse_link(raw)).any()


@each_loss
def test_mean_and_prediction_are_linked(name):
    """The loss is stationary where the target equals the predicted mean."""
    loss = LOSSES[name]()
    raw = np.random.default_rng(1).normal(size=(20, 3))
    mean = loss.inverse_link(raw)
    loss.check_target(mean)
    np.testing.assert_allclose(loss.derivatives(mean, raw)[1], 0.0, atol=1e-14)
    np.testing.assert_allclose(loss.inverse_link(loss.link(mean)), mean, rtol=1e-12)


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie", "negative_binomial"])
def test_deviances_vanish_at_the_target(name):
    y = np.array([[0.1], [1.0], [7.0]])
    np.testing.assert_allclose(LOSSES[name]().value(y, np.log(y)), 0.0, atol=1e-14)


def test_two_classes_are_one_logit():
    """The multinomial loss of two logits is the binary one of their difference."""
    y, raw = draw("multinomial_log_loss", 2)
    multinomial = LOSSES["multinomial_log_loss"]()
    binary = LOSSES["binary_log_loss"]()
    oracles.assert_close(
        multinomial.value(y, raw), binary.value(y[:, 1:], raw[:, 1:] - raw[:, :1])
    )


@pytest.mark.parametrize(("name", "bad"), [(k, y) for k, ys in OUTSIDE.items() for y in ys])
def test_targets_outside_the_domain_are_refused(name, bad):
    y = draw(name, 2)[0]
    LOSSES[name]().check_target(y)
    y[3, 1] = bad
    with pytest.raises(ValueError, match=name):
        LOSSES[name]().check_target(y)


@pytest.mark.parametrize("name", BOUNDARY)
def test_the_boundary_belongs_to_the_domain(name):
    loss, y = LOSSES[name](), np.repeat(BOUNDARY[name], 2)[:, None]
    loss.check_target(y)
    assert np.isfinite(loss.value(y, np.ones_like(y))).all()


@pytest.mark.parametrize("row", [(0.5, 0.4, 0.2), (1.5, -0.5, 0.0), (0.0, 0.0, 0.0)])
def test_multinomial_targets_are_probabilities(row):
    y = np.eye(3)
    y[1] = row
    with pytest.raises(ValueError, match="multinomial_log_loss"):
        LOSSES["multinomial_log_loss"]().check_target(y)


def test_multinomial_needs_two_classes():
    with pytest.raises(ValueError, match="two"):
        LOSSES["multinomial_log_loss"]().check_target(np.ones((4, 1)))


def test_names_and_objects():
    """`log_loss` is the one name that depends on the number of outputs."""
    for name, loss in LOSSES.items():
        assert get_loss(name, n_outputs=3).name == name == loss.name
    assert get_loss("log_loss", n_outputs=1).name == "binary_log_loss"
    assert get_loss("log_loss", n_outputs=3).name == "multinomial_log_loss"
    own = LOSSES["pseudo_huber"](delta=3.0)
    assert get_loss(own, n_outputs=1) is own
    with pytest.raises(ValueError, match="squared_error"):
        get_loss("squared_eror", n_outputs=1)


@each_loss
def test_pickles(name):
    """Workers get their objects by pickle."""
    y, raw = draw(name, 2)
    loss = LOSSES[name]()
    copy = pickle.loads(pickle.dumps(loss))
    np.testing.assert_array_equal(copy.value(y, raw), loss.value(y, raw))


def wrong(loss, at):
    """Return the loss with its derivative of one order off by one percent."""

    class Wrong(loss):
        def derivatives(self, y, raw, order=2):
            found = super().derivatives(y, raw, order=order)
            return tuple(1.01 * d if k == at else d for k, d in enumerate(found))

    return Wrong()


@each_loss
def test_check_loss_accepts_the_registry(name):
    check_loss(LOSSES[name]())


@pytest.mark.parametrize("name", ["squared_error", "multinomial_log_loss", "gamma"])
@pytest.mark.parametrize(("order", "message"), [(1, "first derivative"), (2, "second derivative")])
def test_check_loss_names_the_wrong_derivative(name, order, message):
    with pytest.raises(AssertionError, match=message):
        check_loss(wrong(LOSSES[name], order))
