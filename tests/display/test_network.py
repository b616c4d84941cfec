"""The picture of a net: lines begin, end, and are as wide, as its weights say."""

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import (
    BackwardPruning,
    NewtonMLPClassifier,
    NewtonMLPRegressor,
    NewtonNetRegressor,
    RBFNetRegressor,
)
from sknewtonnet.calculus import Linear
from sknewtonnet.display import NetworkDisplay
from sknewtonnet.inference import infer

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3)) * [1.0, 10.0, 0.1]
Y = np.tanh(X[:, 0] - 0.1 * X[:, 1]) + 0.2 * rng.normal(size=80)
NET = NewtonMLPRegressor((2,), alpha=0.5, random_state=0).fit(X, Y)
ONE = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=0).fit(X, Y)
QUICK = {"alpha": 1.0, "random_state": 0}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def read(display):
    """Width, opacity and dashes of each line, by the names of the units that it joins.

    From the artists alone: lines are told apart by the places where they begin and end.
    """
    units = {}
    for names, drawn in zip(display.names, display.units_, strict=True):
        assert len(names) == len(drawn.get_offsets())
        for name, place in zip(names, drawn.get_offsets(), strict=True):
            units[tuple(np.round(place, 9))] = name
    found = {}
    for sign, lines in ((1.0, display.positive_), (-1.0, display.negative_)):
        colors = lines.get_colors()
        looks = zip(lines.get_segments(), lines.get_linewidths(), colors, strict=True)
        for path, width, color in looks:
            start, end = (units.get(tuple(np.round(path[k], 9)), "1") for k in (0, -1))
            assert (start, end) not in found
            found[start, end] = (sign * width, color[3])
    return found


def expected(matrices, *names):
    return {
        (a, b): w
        for matrix, sources, targets in zip(matrices, names, names[1:], strict=False)
        for a, row in zip(sources, matrix, strict=True)
        for b, w in zip(targets, row, strict=True)
        if w != 0
    }


def assert_widths(display, weights):
    """Lines with a sign, as wide as the weights, up to the one factor of the picture."""
    found = read(display)
    assert set(found) == set(weights)
    names = list(weights)
    widths, sizes = np.array([found[n][0] for n in names]), np.array([weights[n] for n in names])
    largest = np.abs(sizes).max()
    thick = np.abs(sizes) > 0.1 * largest  # below there is a least width
    assert_allclose((widths / np.abs(widths).max())[thick], (sizes / largest)[thick], rtol=1e-6)
    assert (np.sign(widths) == np.sign(sizes)).all()


NAMES = [["x0", "x1", "x2"], ["h0", "h1"], ["y"]]


def test_widths_and_signs_are_those_of_the_weights_of_standardised_columns():
    into, out = NET.coefs_
    weights = expected([into * X.std(axis=0)[:, None], out / Y.std()], *NAMES)
    display = NetworkDisplay.from_estimator(NET)
    assert_widths(display, weights)
    assert "weights of standardised columns" in display.legend_.get_title().get_text()
    largest = max(abs(w) for w in weights.values())
    assert f"{largest:.2g}" in [text.get_text() for text in display.legend_.get_texts()]


def test_widths_of_two_nets_compare():
    one = NetworkDisplay.from_estimator(NET)
    assert one.largest_ == np.abs(one.weights[one.drawn_]).max()
    other = NetworkDisplay.from_estimator(NET, largest=2.0 * one.largest_)
    ours, theirs = (max(abs(width) for width, _ in read(d).values()) for d in (one, other))
    assert_allclose(theirs, ours / 2.0)
    with pytest.raises(ValueError, match="largest must be a positive number, got 0"):
        NetworkDisplay.from_estimator(NET, largest=0)


def test_weights_of_the_table_are_those_of_the_estimator():
    display = NetworkDisplay.from_estimator(NET, units="table")
    assert_widths(display, expected(NET.coefs_, *NAMES))
    assert "units of the columns" in display.legend_.get_title().get_text()
    as_they_come = NewtonMLPRegressor((2,), standardize=False, **QUICK).fit(X, Y)
    for units in ("standardised", "table"):
        display = NetworkDisplay.from_estimator(as_they_come, units=units)
        assert_widths(display, expected(as_they_come.coefs_, *NAMES))
        assert "units of the columns" in display.legend_.get_title().get_text()


def test_colour_is_not_all_that_tells_signs_apart():
    display = NetworkDisplay.from_estimator(NET)
    solid, dashed = (
        [style[1] for style in lines.get_linestyles()]
        for lines in (display.positive_, display.negative_)
    )
    assert all(style is None for style in solid)
    assert dashed
    assert all(len(style) == 2 for style in dashed)


def test_what_does_not_exist_is_not_drawn():
    mask = np.array([[True, False], [True, True], [False, False]])
    net = NewtonMLPRegressor((2,), connectivity={"coefs_0": mask}, **QUICK).fit(X, Y)
    display = NetworkDisplay.from_estimator(net)
    assert set(read(display)) == {
        ("x0", "h0"),
        ("x1", "h0"),
        ("x1", "h1"),
        ("h0", "y"),
        ("h1", "y"),
    }
    pale = [text.get_text() for text in display.names_ if text.get_color() != "black"]
    assert pale == ["x2"]


def test_a_pruned_net_is_drawn_as_it_is_left():
    pruned = BackwardPruning(NewtonMLPRegressor((2,), alpha=0.5, random_state=0)).fit(X, Y)
    mask = pruned.estimator_.coefs_[0] != 0
    drawn = read(NetworkDisplay.from_estimator(pruned))
    into = {pair for pair in drawn if pair[0].startswith("x")}
    assert into == {(NAMES[0][i], NAMES[1][j]) for i, j in zip(*np.nonzero(mask), strict=True)}
    assert len(into) < 6


def test_intercepts_are_drawn_from_a_constant_on_demand():
    into, out = NET.coefs_
    display = NetworkDisplay.from_estimator(NET, units="table", biases=True)
    weights = expected([into, out], *NAMES)
    weights |= {("1", name): b for name, b in zip(["h0", "h1"], NET.intercepts_[0], strict=True)}
    weights["1", "y"] = NET.intercepts_[1][0]
    assert_widths(display, weights)


def test_skip_connections_go_round_the_columns_between():
    net = NewtonMLPRegressor((2, 2), skip_connections="all", **QUICK).fit(X, Y)
    display = NetworkDisplay.from_estimator(net)
    hidden = [["h1_0", "h1_1"], ["h2_0", "h2_1"]]
    first, second, last = net.coefs_
    weights = expected([first * X.std(axis=0)[:, None]], NAMES[0], hidden[0])
    scaled = np.vstack([second[:3] * X.std(axis=0)[:, None], second[3:]])
    weights |= expected([scaled], NAMES[0] + hidden[0], hidden[1])
    scaled = np.vstack([last[:3] * X.std(axis=0)[:, None], last[3:]]) / Y.std()
    weights |= expected([scaled], NAMES[0] + hidden[0] + hidden[1], ["y"])
    assert_widths(display, weights)
    tallest = max(np.abs(units.get_offsets()[:, 1]).max() for units in display.units_)
    low, high = display.ax_.get_ylim()
    for lines in (display.positive_, display.negative_):
        for path in lines.get_segments():
            between = path[np.abs(path[:, 0] - path[:, 0].mean()) < 0.1]
            if path[-1, 0] - path[0, 0] > 1.5:
                assert (np.abs(between[:, 1]) > tallest).all()
            assert low < path[:, 1].min()
            assert path[:, 1].max() < high


def test_layers_that_branch_share_a_column_and_not_a_place():
    layers = [Linear((0,), 2, "tanh"), Linear((0,), 3, "logistic"), Linear((1, 2), 1)]
    net = NewtonNetRegressor(layers, **QUICK).fit(X, Y)
    display = NetworkDisplay.from_estimator(net)
    one, other = (units.get_offsets() for units in display.units_[1:3])
    assert set(one[:, 0]) == set(other[:, 0]) == {1.0}
    assert len({*one[:, 1], *other[:, 1]}) == 5
    assert display.units_[-1].get_offsets()[0, 0] == 2.0
    assert len(read(display)) == 3 * 2 + 3 * 3 + 5


def test_radial_units_read_inputs_without_a_weight():
    net = RBFNetRegressor(2, **QUICK).fit(X, Y)
    display = NetworkDisplay.from_estimator(net)
    assert len(display.unweighted_.get_segments()) == 6
    assert_widths(display, expected([net.coefs_[0]], ["c0", "c1"], ["y"]))
    assert "Gaussian" in [text.get_text() for text in display.ax_.texts]
    assert "no weight" in [text.get_text() for text in display.legend_.get_texts()]


def test_significance_is_shade():
    results = ONE.inference(X, Y)
    assert results.identifiable
    shades = {
        pair: shade for pair, (_, shade) in read(NetworkDisplay.from_results(results)).items()
    }
    p_values = dict(zip(results.names, results.p_values, strict=True))
    seen = set()
    for (source, target), shade in shades.items():
        p = p_values[f"coefs_{int(source == 'h0')}[{source}, {target}]"]
        assert shade == (1.0 if p < 0.01 else 0.6 if p < 0.05 else 0.25)
        seen.add(shade)
    assert seen == {1.0, 0.25}


def test_results_of_nets_that_are_not_identified_have_p_values_of_inputs():
    with pytest.warns(UserWarning, match="Inference"):
        results = NewtonMLPRegressor((4,), alpha=1.0, random_state=0).fit(X, Y).inference(X, Y)
    assert not results.identifiable
    display = NetworkDisplay.from_results(results)
    p_values = dict(zip(results.tests.names, results.tests.dependence_p_values, strict=True))
    for (source, _), (_, shade) in read(display).items():
        p = p_values.get(source)
        assert shade == (0.45 if p is None else 1.0 if p < 0.01 else 0.6 if p < 0.05 else 0.25)
    assert "p-values of inputs" in display.legend_.get_title().get_text()


def test_classes_have_differences_to_the_first_one():
    classes = np.array(["low", "middle", "high"])[np.digitize(X[:, 0] + 0.3 * Y, [-0.5, 0.5])]
    net = NewtonMLPClassifier((), alpha=0.5, random_state=0).fit(X, classes)
    results = net.inference(X, classes)
    coefs = net.coefs_[0] * X.std(axis=0)[:, None]
    display = NetworkDisplay.from_results(results)
    assert_widths(display, expected([coefs - coefs[:, :1]], NAMES[0], net.classes_))
    assert f"differences to {net.classes_[0]}" in display.legend_.get_title().get_text()
    assert_widths(NetworkDisplay.from_estimator(net), expected([coefs], NAMES[0], net.classes_))
    assert "outputs (softmax)" in [text.get_text() for text in display.ax_.texts]


def test_results_of_any_objective():
    objective = ONE.objective(X, Y)
    display = NetworkDisplay.from_results(infer(objective, ONE.params_), biases=True)
    assert len(read(display)) == 6
    assert display.p_values is not None


def test_large_nets_are_thinned_and_say_so():
    wide = rng.normal(size=(40, 60))
    net = NewtonMLPRegressor((5,), alpha=1.0, max_iter=3, random_state=0)
    with pytest.warns(match="max_iter|converge"):
        net.fit(wide, wide[:, 0])
    display = NetworkDisplay.from_estimator(net, max_units=20, max_edges=30)
    size = np.abs(display.weights)
    shown = np.zeros(60, dtype=bool)
    into = size[:300].reshape(60, 5)
    shown[np.argsort(-into.sum(axis=1))[:20]] = True
    assert len(display.units_[0].get_offsets()) == 20
    assert "inputs\n+ 40 more" in [text.get_text() for text in display.ax_.texts]
    there = np.r_[np.repeat(shown, 5), np.ones(5, dtype=bool)]
    no_bias = display.sources[:, 0] >= 0
    limit = np.sort(size[no_bias][there])[-30]
    assert set(display.drawn_) == set(np.flatnonzero(no_bias)[there & (size[no_bias] >= limit)])
    assert "the 30 largest of 105 are drawn" in display.legend_.get_title().get_text()


def test_small_axes_have_as_many_units_as_can_be_read():
    wide = rng.normal(size=(40, 45))
    net = NewtonMLPRegressor((2,), **QUICK).fit(wide, wide[:, 0])
    assert len(NetworkDisplay.from_estimator(net).units_[0].get_offsets()) == 45
    _, ax = plt.subplots(figsize=(3.3, 2.5))
    display = NetworkDisplay.from_estimator(net, ax=ax)
    n_shown = len(display.units_[0].get_offsets())
    assert 10 < n_shown < 30
    assert f"inputs\n+ {45 - n_shown} more" in [text.get_text() for text in ax.texts]
    assert min(text.get_fontsize() for text in display.names_) >= 4.0


def test_a_pipeline_is_drawn_by_its_net():
    pipe = make_pipeline(StandardScaler(), NewtonMLPRegressor((2,), **QUICK)).fit(X, Y)
    display, own = NetworkDisplay.from_estimator(pipe), NetworkDisplay.from_estimator(pipe[-1])
    assert read(display) == read(own)


def test_names_are_drawn_as_they_are():
    """Dollars are no mathematics, and styles of the caller go over those of the display."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["$\\frac$", "a name that goes on and on and on and on", "c"])
    net = NewtonMLPRegressor((2,), output_activation="tanh", **QUICK).fit(frame, Y / 2.0)
    display = NetworkDisplay.from_estimator(
        net, text_kwargs={"color": "red", "size": 7}, line_kwargs={"alpha": 0.5}, biases=True
    )
    display.figure_.draw_without_rendering()
    texts = [text.get_text() for text in display.names_]
    assert texts[0] == r"\$\frac\$"
    assert len(texts[1]) <= 32
    assert {text.get_color() for text in display.names_} == {"red"}
    assert display.positive_.get_alpha() == 0.5
    assert "outputs (tanh)" in [text.get_text() for text in display.ax_.texts]


def test_outputs_may_have_other_names():
    display = NetworkDisplay.from_estimator(NET, output_names=["growth"])
    assert ("h0", "growth") in read(display)
    display = NetworkDisplay.from_results(ONE.inference(X, Y), output_names=["growth"])
    assert ("h0", "growth") in read(display)
    for wrong in (["a", "b"], "y"):
        with pytest.raises(ValueError, match="output_names must be a list of 1 names"):
            NetworkDisplay.from_estimator(NET, output_names=wrong)


def test_messages_name_what_is_wrong():
    with pytest.raises(NotFittedError):
        NetworkDisplay.from_estimator(NewtonMLPRegressor())
    with pytest.raises(TypeError, match=r"NetworkDisplay draws nets of this package, .* Ridge"):
        NetworkDisplay.from_estimator(Ridge().fit(X, Y))
    with pytest.raises(ValueError, match=r"units must be .*'table'.* got 'raw'"):
        NetworkDisplay.from_estimator(NET, units="raw")
    with pytest.raises(ValueError, match="units must be"):
        NetworkDisplay.from_results(ONE.inference(X, Y), units="raw")
