"""An activation of the outputs: the loss is one of h(a), and all else follows from that."""

from dataclasses import dataclass

import numpy as np
import oracles
import pytest
from oracles import Oracle, Problem, assert_close

from sknewtonnet.calculus import ACTIVATIONS, LOSSES, GaussianRBF, Linear, Network, Objective
from sknewtonnet.calculus.pieces.output_activation import behind
from sknewtonnet.testing import check_loss

SMOOTH = [name for name, h in ACTIVATIONS.items() if h.smooth and name != "identity"]


@dataclass(frozen=True)
class Outputs(Problem):
    """The oracle's problem, whose loss sees an activation of the raw prediction and offset."""

    output: str = "identity"
    offset: object = 0.0

    def layer(self, k, arrays, states):
        x = super().layer(k, arrays, states)
        return x + self.offset if k == self.n_layers - 1 else x

    def outputs(self, raw):
        return oracles.ACTIVATIONS[self.output](raw)

    def losses(self, raw):
        return super().losses(self.outputs(raw))


def made(output, loss="squared_error", first="linear", n_outputs=2, seed=0, chunk_size=None):
    """An objective off its optimum, with weights, a penalty, an offset and a skip; its oracle."""
    rng = np.random.default_rng(seed)
    kinds = {"linear": Linear((0,), 3, "tanh"), "rbf": GaussianRBF((0,), 3, "diag")}
    net = Network.from_layers(2, [kinds[first], Linear((0, 1), n_outputs, output)])
    n = 23
    X, Y = rng.normal(size=(n, 2)), rng.uniform(0.1, 0.9, size=(n, n_outputs))
    if loss == "multinomial_log_loss":
        Y /= Y.sum(axis=1, keepdims=True)
    weight = rng.uniform(0.2, 2.0, n) * (rng.random(n) < 0.9)
    offset = 0.4 * rng.normal(size=(n, n_outputs))
    f = Objective(net, loss, X, Y, weight, alpha=0.8, offset=offset, chunk_size=chunk_size or 10)
    strengths = {
        name: np.full(a.shape, 0.8)
        for name, a in net.layout.unpack(np.zeros(net.n_parameters)).items()
        if name.startswith("coefs")
    }
    activations = ("tanh" if first == "linear" else "squared_exponential",)
    kind = "linear" if first == "linear" else "diag"
    problem = Outputs(
        (2, 3, n_outputs),
        activations,
        ((0,), (0, 1)),
        (kind, "linear"),
        loss,
        X,
        Y,
        weight,
        strengths,
        {},
        output,
        offset,
    )
    w = 0.8 * rng.normal(size=net.n_parameters)
    return f, w, Oracle(problem, net.layout, w)


each_output = pytest.mark.parametrize("output", SMOOTH)


@each_output
@pytest.mark.parametrize("first", ["linear", "rbf"])
def test_value_gradient_hessians_and_products(output, first):
    f, w, oracle = made(output, first=first)
    assert f.value(w) == pytest.approx(oracle.value, rel=1e-12)
    assert_close(f.gradient(w), oracle.gradient)
    assert_close(f.hessian(w), oracle.hessian)
    v = np.random.default_rng(3).normal(size=(len(w), 2))
    assert_close(f.hessian_product(w, v), oracle.hessian @ v)
    same = np.equal.outer(oracle.neurons, oracle.neurons)
    assert_close(f.hessian(w, "block"), np.where(same, oracle.hessian, 0.0))
    assert_close(f.raw_predictions(w), oracle.problem.states(oracle.arrays)[-1])
    assert_close(f.jacobian(w), oracle.jacobian)
    assert_close(f.jacobian_product(w, v[:, 0]), oracle.jacobian @ v[:, 0])
    assert_close(f.scores(w), oracle.scores)


@pytest.mark.parametrize("output", ["logistic", "sine"])
@pytest.mark.parametrize("loss", ["pseudo_huber", "poisson", "binomial", "multinomial_log_loss"])
def test_losses_with_links_of_their_own(loss, output):
    """The inverse link of the loss comes after the activation."""
    f, w, oracle = made(output, loss)
    assert f.value(w) == pytest.approx(oracle.value, rel=1e-12)
    assert_close(f.gradient(w), oracle.gradient)
    assert_close(f.hessian(w), oracle.hessian)


def of_outputs(oracle):
    """Jacobian of the outputs, and derivatives of the loss in them, of a complex step each."""
    raw = oracle.problem.states(oracle.stepped())[-1]
    J = np.moveaxis(oracle.problem.outputs(raw).imag / oracles.STEP, 0, -1)
    p = oracle.problem
    x = p.outputs(p.states(oracle.arrays)[-1])
    _, e, curvature = oracles.loss_derivatives(p.loss, p.Y, x)
    return J, e, curvature, p.sample_weight / p.sample_weight.sum()


@pytest.mark.parametrize("loss", ["squared_error", "pseudo_huber", "multinomial_log_loss"])
@pytest.mark.parametrize("output", ["logistic", "gaussian"])
def test_gauss_newton_is_that_of_the_outputs(output, loss):
    """J' (d2 loss) J with J the Jacobian of the outputs: without e h'', so never negative."""
    f, w, oracle = made(output, loss)
    J, _, curvature, weight = of_outputs(oracle)
    data = np.einsum("iop,ioq,iqr,i->pr", J, curvature, J, weight)
    assert_close(f.hessian(w, "gauss-newton"), data + oracle.penalty_hessian)
    v = np.random.default_rng(3).normal(size=len(w))
    product = f.hessian_product(w, v, "gauss-newton")
    assert_close(product, (data + oracle.penalty_hessian) @ v)
    assert np.linalg.eigvalsh(data).min() > -1e-14
    assert np.abs(f.hessian(w) - f.hessian(w, "gauss-newton")).max() > 1e-3


@pytest.mark.parametrize("output", ["logistic", "arctan"])
def test_lagrangian_blocks_of_the_last_layer(output):
    """[I] eq. 10 with an activation in the last layer: sum_i e h'' z z'."""
    f, w, oracle = made(output)
    _, e, _, weight = of_outputs(oracle)
    raw = f.raw_predictions(w)
    X, hidden = f.network.states(w, f.samples)[:2]
    z = np.hstack([X, hidden, np.ones((len(X), 1))])
    found = f.hessian_blocks(w, "lagrangian")[1]
    tensors = [f.lagrangian_tensors(w, order, penalised=False)[1] for order in (2, 3)]
    orders = oracles.activation_derivatives(output, raw.ravel(), 3)
    second, third = (orders[p].reshape(raw.shape) for p in (2, 3))
    penalty = np.diag([0.8] * 5 + [0.0]) / f.weight_sum
    for o in range(2):
        factor = weight * e[:, o]
        expected = np.einsum("i,ia,ib->ab", factor * second[:, o], z, z)
        assert_close(found[o], expected + penalty)
        assert_close(tensors[0][o], expected)
        cubic = np.einsum("i,ia,ib,ic->abc", factor * third[:, o], z, z, z)
        assert_close(tensors[1][o], cubic)


@pytest.mark.parametrize("output", ["logistic", "tanh", "sine", "softplus"])
def test_states_links_and_means(output):
    """The last state is x = h(a); inverse link and its derivatives are those of h."""
    f, w, oracle = made(output)
    raw = f.raw_predictions(w)
    x = oracle.problem.outputs(raw)
    assert_close(f.loss.inverse_link(raw), x, 1e-13)
    no_offset = f.network.predict_raw(w, f.samples)
    assert_close(f.network.states(w, f.samples)[-1], oracle.problem.outputs(no_offset), 1e-13)
    assert_close(f.network.pre_activations(w, f.samples)[-1], no_offset, 1e-13)
    h = oracles.activation_derivatives(output, raw.ravel(), 2)
    for o in range(2):
        mean, slope, bend = f.loss.mean_derivatives(raw, o)
        assert_close(mean, x[:, o], 1e-13)
        for found, order in ((slope, h[1]), (bend, h[2])):
            assert_close(found[:, o], order.reshape(raw.shape)[:, o], 1e-12)
            assert not found[:, 1 - o].any()


@pytest.mark.parametrize("loss", ["squared_error", "gamma", "multinomial_log_loss"])
@pytest.mark.parametrize("output", ["tanh", "softplus", "elu"])
def test_links_invert_and_losses_check(loss, output):
    """Value, gradient, Hessian and link of the loss as users may check them."""
    made_loss = behind(LOSSES[loss](), ACTIVATIONS[output])
    check_loss(made_loss)
    raw = np.array([[0.3, -0.4, 0.1], [0.7, 0.2, -0.6]])
    if loss == "multinomial_log_loss":
        raw = raw - 0.0
        again = made_loss.inverse_link(made_loss.link(made_loss.inverse_link(raw)))
        assert np.isfinite(again).all() or output == "softplus"
    else:
        assert_close(made_loss.link(made_loss.inverse_link(raw)), raw, 1e-12)


@pytest.mark.parametrize("name", ["tanh", "logistic", "softplus", "elu", "softsign", "arctan"])
def test_inverses_of_activations(name):
    a = np.linspace(-3.0, 3.0, 13)
    found = ACTIVATIONS[name].inverse(ACTIVATIONS[name].value(a))
    np.testing.assert_allclose(found, a, rtol=1e-12, atol=1e-14)
    low, high = ACTIVATIONS[name].bounds
    far = ACTIVATIONS[name].value(np.array([-50.0, 50.0]))
    assert low <= far[0] < far[1] <= high


def test_what_holds_without_an_activation_alone_is_off():
    """No closed form and no Newton's method of an output layer: it is not convex."""
    f, w, _ = made("logistic")
    assert f.reduced() is None
    assert f.projected(w) is None
    assert f.why_not_reduced() == ""
    plain = Objective(Network.mlp(2, 3, 2), "squared_error", f.samples, f.targets, alpha=0.8)
    assert plain.reduced() is not None


def test_a_loss_is_not_put_behind_the_activation_twice():
    f, w, _ = made("logistic")
    again = Objective(
        f.network, f.loss, f.samples, f.targets, f.sample_weight, alpha=0.8, offset=f.offset
    )
    other = f.on(f.samples, f.targets, f.sample_weight, f.offset)
    for one in (again, other):  # but for the order of a sum
        np.testing.assert_allclose(one.value(w), f.value(w), rtol=1e-13)
    assert again.loss is f.loss
    assert behind(LOSSES["squared_error"](), ACTIVATIONS["identity"]).quadratic


@pytest.mark.parametrize("kind", ["mlp", "rbf"])
def test_makers_of_nets_take_it(kind):
    make = {"mlp": Network.mlp, "rbf": Network.rbf}[kind]
    net = make(2, 3, 1, output_activation="tanh")
    assert net.layers[-1].activation.name == "tanh"
    assert make(2, 3, 1).layers[-1].activation.name == "identity"
    with pytest.raises(ValueError, match="Did you mean 'logistic'"):
        make(2, 3, 1, output_activation="sigmoid")


def test_radial_units_may_be_the_outputs():
    """A layer that is not linear, with an activation, in the last place."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 2)), rng.uniform(size=(20, 2))
    net = Network.from_layers(2, [GaussianRBF((0,), 2, "full")])
    f = Objective(net, "squared_error", X, Y)
    w, h = 0.5 * rng.normal(size=net.n_parameters), 1e-6
    x = np.exp(-0.5 * net.predict_raw(w, X))
    assert f.value(w) == pytest.approx(0.5 * ((x - Y) ** 2).sum(axis=1).mean(), rel=1e-14)
    steps = h * np.eye(len(w))
    assert_close(f.gradient(w), [(f.value(w + s) - f.value(w - s)) / (2 * h) for s in steps], 1e-6)
    H = [(f.gradient(w + s) - f.gradient(w - s)) / (2 * h) for s in steps]
    assert_close(f.hessian(w), H, 1e-6)
    assert_close(f.hessian_product(w, steps), f.hessian(w) @ steps, 1e-12)


def test_normal_errors_are_those_of_squares():
    """Also of a user's own squared error, and behind an activation; of others they are not."""

    class Own(type(LOSSES["squared_error"]())):
        name = "own"

    h = ACTIVATIONS["logistic"]
    assert Own().normal_errors
    assert behind(Own(), h).normal_errors
    assert not behind(Own(), h).quadratic
    assert not LOSSES["pseudo_huber"]().normal_errors
    assert not behind(LOSSES["poisson"](), h).normal_errors
