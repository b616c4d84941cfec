"""What a unit is found to be: each definition against slow loops, its limits, and its words"""

import re

import numpy as np
import pytest
from cases import setup
from unit_cases import each_net, masked

from sknewtonnet import NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import GaussianRBF, Linear, Network, Objective
from sknewtonnet.calculus.functions.units import connected_units, degenerate_units, unit_reports

# What units are found to be ---------------------------------------------------------------


class Moments:
    """Weighted means of lists, term by term."""

    def __init__(self, weight):
        self.weight = weight.tolist()

    def mean(self, values):
        products = [s * x for s, x in zip(self.weight, values, strict=True)]
        return sum(products) / sum(self.weight)

    def size(self, values):
        return self.mean([x * x for x in values]) ** 0.5

    def spread(self, values):
        return self.size([x - self.mean(values) for x in values])

    def correlation(self, a, b):
        products = [(x - self.mean(a)) * (y - self.mean(b)) for x, y in zip(a, b, strict=True)]
        return self.mean(products) / (self.spread(a) * self.spread(b))


def slow_outgoing(net, w, k, j, residual):
    """Length of what goes out of a unit, in what matters to its readers."""
    if not connected_units(net)[k + 1][j]:
        return 0.0
    total, matrices, last = 0.0, net.matrices(w), len(net.layers) - 1
    for r, layer in enumerate(net.layers):
        if k + 1 not in layer.sources:
            continue
        if net.linear[r]:
            before = [net.node_sizes[node] for node in layer.sources if node < k + 1]
            for o in matrices[r][sum(before) + j]:
                total += (o / (residual if r == last else 1.0)) ** 2
        else:
            total += 1.0
    return total**0.5


def slow_radial(X, weight, x):
    """Whether a Gaussian unit with these values is far from all rows, or on one of them."""
    sums = {}
    for row, s, value in zip(X.tolist(), weight.tolist(), x, strict=True):
        sums[tuple(row)] = sums.get(tuple(row), 0.0) + s * value
    return max(x) < 1e-3, len(sums) > 1 and max(sums.values()) > 0.99 * sum(sums.values())


def slow_reports(objective, w):
    """The definitions at the top of the module, unit by unit and row by row."""
    net, kept = objective.network, objective.sample_weight > 0
    weight, X, Y = (
        a[kept] for a in (objective.sample_weight, objective.samples, objective.targets)
    )
    states, inner, of = net.states(w, X), net.pre_activations(w, X), Moments(weight)
    residual = 1.0
    if objective.loss.quadratic:
        residual = of.mean(((states[-1] - Y) ** 2).mean(axis=1).tolist()) ** 0.5
    found = {}
    for k, layer in enumerate(net.layers[:-1]):
        x, a = states[k + 1].T.tolist(), inner[k].T.tolist()
        there = [j for j in range(len(x)) if net.exists[k][:, j].any()]
        out = {j: slow_outgoing(net, w, k, j, residual) for j in there}
        U = max([1.0, *(out[j] * of.spread(x[j]) for j in there)])
        works = []
        for j in there:
            unused = out[j] * of.size(x[j]) <= 1e-6 * U
            constant = not unused and out[j] * of.spread(x[j]) <= 1e-6 * U
            free = not unused and not constant
            twins = [r for r in works if free and abs(of.correlation(x[r], x[j])) > 1 - 1e-6]
            radial = isinstance(layer, GaussianRBF)
            far, alone = slow_radial(X, weight, x[j]) if radial else (False, False)
            found[k, j] = {
                "unused": unused,
                "constant": constant,
                "linear": free and abs(of.correlation(x[j], a[j])) > 1 - 1e-6,
                "far": far,
                "on_one_sample": alone,
                "twin": net.unit_names[k][twins[0]] if twins else None,
            }
            works += [j] if free else []
    return found


def as_found(objective, w):
    reports = unit_reports(objective, w)
    for report in reports:
        assert report.name == objective.network.unit_names[report.layer][report.unit]
    return {
        (r.layer, r.unit): {
            name: getattr(r, name)
            for name in ("unused", "constant", "linear", "far", "on_one_sample", "twin")
        }
        for r in reports
    }


def spoilt(net, w, rng):
    """Make units of all layers that do nothing of their own, each in another way."""
    full = net.layout.expand(w).copy()
    matrices = net.by_layer(full)
    for k, layer in enumerate(net.layers[:-1]):
        for j in range(layer.n_units):
            way, other = rng.integers(8), int(rng.integers(layer.n_units))
            if way == 0:  # the same as another
                matrices[k][:, j] = matrices[k][:, other]
            elif way == 1 and net.linear[k]:  # at the end of its activation
                matrices[k][-1, j] = 60.0
            elif way == 2 and net.linear[k]:  # in the middle of it
                matrices[k][:-1, j] *= 1e-4
            elif way == 3:  # unused
                for block in net.outgoing(matrices, k + 1):
                    block[j] = 1e-9
            elif way == 4 and not net.linear[k]:  # far away
                matrices[k][: matrices[k].shape[0] // 2, j] += 1e2
            elif way == 5 and isinstance(layer, GaussianRBF):  # a needle
                matrices[k][-1, j] = 6.0
    return net.layout.restrict(full)


@each_net
@pytest.mark.parametrize("part", [0.0, 0.3])
def test_reports_are_the_definitions(case, part):
    s = setup(case)
    seen = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        net, _, w, _ = masked(case, part, seed)
        w = spoilt(net, w, rng)
        p = s.problem
        objective = Objective(net, s.loss, p.X, p.Y, p.sample_weight)
        expected = slow_reports(objective, w)
        assert as_found(objective, w) == expected
        seen |= {name for facts in expected.values() for name, holds in facts.items() if holds}
    assert seen  # something was there to find


def one_layer(unit_inputs, outgoing, activation="tanh", y=None, weight=None):
    """A net of one input whose units have these coefficients and intercepts."""
    x = np.linspace(-1.0, 1.0, 80)[:, None]
    net = Network.mlp(1, len(outgoing), 1, activation)
    w = net.layout.pack(
        {
            "coefs_0": [[c for c, _ in unit_inputs]],
            "intercepts_0": [b for _, b in unit_inputs],
            "coefs_1": [[o] for o in outgoing],
            "intercepts_1": [0.0],
        }
    )
    y = np.sin(3.0 * x) if y is None else y
    return Objective(net, "squared_error", x, y, weight), w


def reasons(objective, w):
    return [report.reason for report in unit_reports(objective, w)]


def test_each_reason_and_the_first_of_several():
    units = [(2.0, 0.5), (0.1, 40.0), (-2.0, -0.5), (1.0, 0.0), (0.1, 40.0)]
    objective, w = one_layer(units, [1.0, 0.7, 0.3, 1e-8, 1e-8])
    expected = ["", "constant", "same as unit h0", "unused", "unused"]
    assert reasons(objective, w) == expected


def test_what_a_unit_is_said_to_be_holds_for_predictions():
    """Without it, with its mean, or with its twin in its place the net is the same function."""
    units = [(2.0, 0.5), (0.1, 40.0), (-2.0, -0.5), (1.0, 0.0)]
    objective, w = one_layer(units, [1.0, 0.7, 0.3, 1e-8])
    net, X = objective.network, objective.samples
    raw, values = net.predict_raw(w, X), net.states(w, X)[1]
    arrays = net.layout.unpack(w)
    for report in unit_reports(objective, w):
        j, new = report.unit, {name: array.copy() for name, array in arrays.items()}
        o = new["coefs_1"][j, 0]
        if not report.reason:
            continue
        new["coefs_1"][j] = 0.0
        if report.constant:
            new["intercepts_1"] += o * values[:, j].mean()
        if report.twin is not None:
            r = net.unit_names[0].index(report.twin)
            slope, shift = np.polyfit(values[:, r], values[:, j], 1)
            new["coefs_1"][r] += o * slope
            new["intercepts_1"] += o * shift
        change = net.predict_raw(net.layout.pack(new), X) - raw
        limit = 2e-3 * abs(o) * values[:, j].std() if report.twin else 1e-6
        assert np.abs(change).max() <= 2.0 * limit


@pytest.mark.parametrize(
    ("activation", "reach", "linear"),
    [
        ("tanh", 1.0, False),
        ("tanh", 0.2, False),
        ("tanh", 0.05, True),
        ("logistic", 0.05, True),
        ("softplus", 1.0, False),
        ("relu", 1.0, False),
        ("identity", 1.0, True),
        ("sine", 0.05, True),
    ],
)
def test_units_that_have_become_linear(activation, reach, linear):
    objective, w = one_layer([(reach, 0.0)], [1.0 / reach], activation)
    (report,) = unit_reports(objective, w)
    assert report.linear == linear
    assert report.reason == ""  # it works
    line = np.polyfit(
        objective.samples[:, 0], objective.network.predict_raw(w, objective.samples), 1
    )
    off = objective.network.predict_raw(w, objective.samples)[:, 0]
    off = off - line[0] * objective.samples[:, 0] - line[1]
    assert (np.abs(off).max() < 5e-3) == linear


def test_relu_is_linear_where_it_is_not_zero():
    objective, w = one_layer([(1.0, 1.5), (1.0, -1.5), (1.0, 0.0)], [1.0] * 3, "relu")
    facts = as_found(objective, w)
    assert [facts[0, j]["linear"] for j in range(3)] == [True, False, False]
    assert [facts[0, j]["unused"] for j in range(3)] == [False, True, False]


def test_rows_without_weight_do_not_count():
    """A unit moves only where the weights are zero."""
    weight = np.r_[np.ones(40), np.zeros(40)]
    objective, w = one_layer([(-60.0, 30.0), (2.0, 0.5)], [1.0, 1.0], "tanh", weight=weight)
    assert reasons(objective, w) == ["constant", ""]
    objective, w = one_layer([(-60.0, 30.0), (2.0, 0.5)], [1.0, 1.0], "tanh")
    assert reasons(objective, w) == ["", ""]


def test_weights_count():
    """Where a unit moves, rows have nearly no weight: to an intercept that is all the same."""
    for small, expected in ((1e-16, "constant"), (1e-8, "")):
        weight = np.r_[np.ones(40), np.full(40, small)]
        objective, w = one_layer([(-60.0, 30.0), (2.0, 0.5)], [1.0, 1.0], "tanh", weight=weight)
        assert reasons(objective, w) == [expected, ""]


def test_what_is_small_beside_the_largest_is_unused():
    """If another unit contributes ten thousand residuals, a hundredth of one is rounding."""
    for largest, expected in ((1e5, "unused"), (1e2, "")):
        objective, w = one_layer([(2.0, 0.5), (1.0, 0.2)], [largest, 1e-2])
        raw = objective.network.predict_raw(w, objective.samples)
        y = raw + np.where(np.arange(80) % 2, 1.0, -1.0)[:, None]
        objective = Objective(objective.network, "squared_error", objective.samples, y)
        assert reasons(objective, w) == ["", expected]


def test_a_unit_that_leads_only_to_what_leads_nowhere_is_unused():
    mask_in, mask_out = np.array([[True, False], [True, True]]), np.array([[False], [True]])
    net = Network.mlp(1, (2, 2), 1, connectivity={"coefs_1": mask_in, "coefs_2": mask_out})
    X = np.linspace(-1.0, 1.0, 20)[:, None]
    w = np.random.default_rng(0).normal(size=net.n_parameters)
    found = {r.name: r.reason for r in unit_reports(Objective(net, "squared_error", X, X), w)}
    assert found == {"h1_0": "unused", "h1_1": "", "h2_0": "unused", "h2_1": ""}


@pytest.mark.parametrize(
    ("height", "elsewhere", "expected"),
    [
        (1.0, 0.9 / 99.0, "on one sample"),
        (1.0, 1.1 / 99.0, ""),
        (1.1e-3, 0.0, "on one sample"),
        (0.9e-3, 0.0, "far from all samples"),
    ],
)
def test_limits_of_far_and_on_one_sample(height, elsewhere, expected):
    """Elsewhere: in all, in parts of the height over 100."""
    values = np.full(101, elsewhere * height / 100.0 * np.linspace(0.5, 1.5, 101))
    values[7] = height
    found = degenerate_units(values[:, None], np.ones(101), np.array([1.0]))
    assert found.get(0, "") == expected


def test_one_distinct_sample_is_no_sample_among_others():
    found = degenerate_units(np.array([[0.9]]), np.ones(1), np.array([1.0]))
    assert found == {0: "constant"}
    net = Network.rbf(1, 1, 1, "spherical")
    objective = Objective(net, "squared_error", np.ones((3, 1)), np.array([1.0, 2.0, 4.0]))
    (report,) = unit_reports(objective, np.array([0.5, 0.0, 1.0, 0.0]))
    assert (report.constant, report.on_one_sample) == (True, False)


@pytest.mark.parametrize(("off", "twins"), [(1.2e-3, True), (1.7e-3, False)])
def test_limit_of_the_same(off, twins):
    """Correlation 1 / sqrt(1 + off^2), about 1 - off^2 / 2."""
    t = 2.0 * np.pi * np.arange(200) / 200
    values = 0.5 + 0.3 * np.column_stack([np.sin(t), np.sin(t) + off * np.cos(t)])
    found = degenerate_units(values, np.ones(200), np.ones(2))
    assert found == ({1: "same as unit 0"} if twins else {})


def test_equal_rows_are_one_sample():
    X = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])[:, None]
    net = Network.rbf(1, 2, 1, "spherical")
    w = net.layout.pack(
        {
            "centers": [[0.0], [2.0]],
            "precisions_cholesky": [3.0, 0.0],
            "coefs_0": [[1.0], [1.0]],
            "intercepts_0": [0.0],
        }
    )
    assert reasons(Objective(net, "squared_error", X, X), w) == ["on one sample", ""]


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e9])
def test_reports_do_not_depend_on_units_of_measurement(factor):
    """Of the target: outgoing coefficients are multiplied with it."""
    units = [(2.0, 0.5), (0.1, 40.0), (-2.0, -0.5), (1.0, 0.0), (0.5, 0.1)]
    outgoing = np.array([1.0, 0.7, 0.3, 1e-8, 1e-4])
    x = np.linspace(-1.0, 1.0, 80)[:, None]
    objective, w = one_layer(units, factor * outgoing, y=factor * np.sin(3.0 * x))
    assert reasons(objective, w) == ["", "constant", "same as unit h0", "unused", ""]


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_reports_do_not_depend_on_the_scale_and_place_of_values(factor, shift):
    """Of units that are straight lines, whose outgoing coefficients and intercept make up."""
    units = np.array([(1.0, 0.3), (-2.0, 0.1), (1e-9, 1.0)])
    outgoing = np.array([1.0, 1.0, 1.0])
    moved = [(factor * c, factor * (b + shift)) for c, b in units]
    objective, w = one_layer(moved, outgoing / factor, "identity")
    arrays = objective.network.layout.unpack(w)
    arrays["intercepts_1"] -= shift * outgoing.sum()
    w = objective.network.layout.pack(arrays)
    assert reasons(objective, w) == ["", "same as unit h0", "constant"]


def test_scale_of_pre_activations_is_not_that_of_the_target():
    """In a deep net with large residuals the first layer works all the same."""
    net = Network.mlp(1, (2, 2), 1)
    rng = np.random.default_rng(0)
    arrays = net.layout.unpack(rng.normal(size=net.n_parameters))
    X = np.linspace(-1.0, 1.0, 50)[:, None]
    for factor in (1.0, 1e9):
        arrays["coefs_2"] = factor * np.ones((2, 1))
        objective = Objective(net, "squared_error", X, factor * rng.normal(size=50))
        assert reasons(objective, net.layout.pack(arrays)) == [""] * 4


def test_a_net_without_hidden_units_has_nothing_to_report():
    net = Network.mlp(2, (), 1)
    objective = Objective(net, "squared_error", np.eye(2), np.ones(2))
    assert unit_reports(objective, np.ones(3)) == []


def test_units_that_are_not_there_are_not_reported():
    masks = {"coefs_0": np.array([[True, False]]), "intercepts_0": np.array([True, False])}
    masks["coefs_1"] = np.array([[True], [False]])
    net = Network.mlp(1, 2, 1, connectivity=masks)
    objective = Objective(net, "squared_error", np.arange(5.0)[:, None], np.arange(5.0))
    (report,) = unit_reports(objective, np.ones(net.n_parameters))
    assert (report.name, report.reason) == ("h0", "")


# One meaning of "constant" ----------------------------------------------------------------
#
# The report of a fit and the gate once had one each. Values of a unit as a function of x in
# [-1, 1], its outgoing coefficient where the scale of residuals is 1, and what they said.

CONSTANT = {
    # name: (values, outgoing, fit then, gate then, now)
    "saturated": (lambda x: 1.0 - 1e-12 * x, 0.7, True, True, True),
    "varies by 1e-8, contributes as much": (lambda x: 0.9 + 1e-8 * x, 1.0, True, True, True),
    "varies by 1e-5 of itself": (lambda x: 0.9 + 1e-5 * x, 1.0, True, False, False),
    "varies by 1e-4, and does the work": (lambda x: 0.9 + 1e-4 * x, 1e4, True, False, False),
    "varies by 1e-4, next to nothing": (lambda x: 0.9 + 1e-4 * x, 1e-3, True, False, True),
    "a year, in a straight line": (lambda x: 2000.0 + 0.5 * x, 2.0, True, False, False),
    "a time in seconds, in one": (lambda x: 1.7e9 + 300.0 * x, 1.0 / 300.0, True, True, False),
    "varies by a hundredth": (lambda x: 1.0 + 1e-2 * x, 1.0, False, False, False),
    "varies, but nothing goes out": (lambda x: 0.5 + 0.4 * x, 2e-6, False, False, True),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_constant_then_and_now(name):
    values, outgoing, fit_then, gate_then, now = CONSTANT[name]
    x = np.linspace(-1.0, 1.0, 201)
    v = values(x)
    assert (np.ptp(v) < 1e-3 * v.max()) == fit_then
    assert (v.std() <= 1e-6 * np.abs(v).max()) == gate_then
    # A unit with the identity as activation and these values; the residuals are +-1.
    net = Network.from_layers(1, [Linear((0,), 1), Linear((1,), 1)])
    w = np.array([1.0, 0.0, outgoing, 0.0])
    y = outgoing * v + np.where(np.arange(201) % 2, 1.0, -1.0)
    (report,) = unit_reports(Objective(net, "squared_error", v[:, None], y), w)
    assert (report.unused, report.constant) == (False, now)


# Words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_fit_and_gate_say_the_same_of_twins(seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 3))
    y = 2.0 * np.tanh(X[:, 0] - 0.8 * X[:, 1]) + 0.5 * rng.standard_normal(200)
    net = RBFNetRegressor(4, alpha=50.0, random_state=seed, standardize=False).fit(X, y)
    told = {f"c{j}": r for j, r in net.degenerate_units_.items() if r.startswith("same as unit")}
    assert told
    with pytest.warns(UserWarning, match="Inference"):
        found = net.inference(X, y).findings
    (message,) = [finding.message for finding in found if finding.kind == "duplicate units"]
    groups = message.removeprefix("Units ").split(" are duplicates")[0].split("; ")
    said = [group.replace(" and ", ", ").split(", ") for group in groups]
    assert sum(len(others) for _, *others in said) == len(told)
    for name, reason in told.items():
        first = reason.removeprefix("same as unit ")
        assert sum(first == group[0] and name in group[1:] for group in said) == 1


def test_gate_says_what_the_reports_say():
    """Of the same minimum, for a net with units of each kind."""
    X = np.random.default_rng(0).standard_normal((200, 2))
    y = np.random.default_rng(1).standard_normal(200)
    net = NewtonMLPRegressor((3,), alpha=50.0, random_state=0, standardize=False).fit(X, y)
    with pytest.warns(UserWarning, match="Inference"):
        results = net.inference(X, y)
    kinds = {"dead unit": "unused", "constant unit": "constant"}
    said = {
        (name, kinds[finding.kind])
        for finding in results.findings
        if finding.kind in kinds
        for name in re.findall(r"h\d+", finding.message)
    }
    reports = unit_reports(net.objective(X, y), net.params_)
    assert said == {(r.name, r.reason) for r in reports if r.unused or r.constant}
    assert said


def test_degenerate_units_of_values_alone():
    """What matters is then the largest contribution."""
    x = np.linspace(-2.0, 2.0, 41)
    bump = np.exp(-(x**2))
    values = np.column_stack([bump, np.ones(41), bump**0.5, bump, 1e-4 * bump, np.eye(41)[3]])
    outgoing = np.array([1.0, 1.0, 1e-7, 3.0, 1e3, 1.0])
    assert degenerate_units(values, np.ones(41), outgoing) == {
        1: "constant",
        2: "unused",
        3: "same as unit 0",
        4: "far from all samples",
        5: "on one sample",
    }
    assert degenerate_units(values[:, :1], np.ones(41), outgoing[:1]) == {}
