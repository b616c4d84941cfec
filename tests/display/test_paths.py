"""Paths of alpha and of prunings: what the pictures show are the numbers of the records."""

import matplotlib as mpl
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknewtonnet import BackwardPruning, InformationCriterionSearch, NewtonMLPRegressor
from sknewtonnet.display import AlphaPathDisplay, PruningPathDisplay
from sknewtonnet.display._labels import shortened
from sknewtonnet.pruning import PruningPath, PruningStep

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = X[:, 0] - 0.5 * X[:, 1] + rng.normal(size=60)
LINEAR = NewtonMLPRegressor((), random_state=0).fit(X, Y)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def overlaps(labels):
    """Whether any two labels of a drawn figure cover each other."""
    labels[0].figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in labels]
    return any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[:k])


def step(removed, size, criterion, accepted=True):
    return PruningStep(removed, 1.0, 1, 0.5, criterion, criterion / 10.0, size, accepted)


def test_alpha_path_shows_each_strength_and_marks_the_chosen_one():
    found = LINEAR.alpha_selection_
    display = AlphaPathDisplay.from_estimator(LINEAR)
    curve, _, (bars,) = display.bars_.lines
    assert_allclose(curve.get_xydata(), np.column_stack([found.alphas, found.held_out_loss]))
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    assert_allclose(np.diff(ends, axis=1)[:, 0], 2.0 * found.std_errors, rtol=1e-6)
    loss = found.held_out_loss[found.alphas == LINEAR.alpha_]
    assert_allclose(display.chosen_.get_xydata(), [[LINEAR.alpha_, *loss]])
    assert display.ax_.get_xscale() == "log"
    assert display.ard_line_ is None


def test_alpha_path_draws_what_the_record_draws():
    ours, theirs = AlphaPathDisplay.from_estimator(LINEAR).ax_, LINEAR.alpha_selection_.plot()
    for one, other in zip(ours.lines, theirs.lines, strict=True):
        assert_allclose(one.get_xydata(), other.get_xydata())
        assert one.get_label() == other.get_label()


def test_alpha_path_of_ard_shows_the_strength_of_each_input():
    net = NewtonMLPRegressor((), alpha="ard", random_state=0).fit(X, Y)
    found = net.alpha_selection_.ard
    display = AlphaPathDisplay.from_estimator(net)
    assert_allclose(display.ard_line_.get_ydata(), found.held_out_loss)
    places = [segment[0, 0] for segment in display.ard_lines_.get_segments()]
    assert_allclose(places, list(found.inputs.values()))
    shown = ", ".join(label.get_text() for label in display.ard_labels_)
    assert sorted(shown.split(", ")) == sorted(found.inputs)
    low, high = display.ax_.get_xlim()
    assert low < min(places)
    assert max(places) < high


def test_alpha_path_of_what_is_fitted_around_a_net():
    pipe = make_pipeline(StandardScaler(), NewtonMLPRegressor((), random_state=0)).fit(X, Y)
    assert AlphaPathDisplay.from_estimator(pipe).alpha == pipe[-1].alpha_
    pruned = BackwardPruning(NewtonMLPRegressor((), random_state=0)).fit(X, Y)
    assert AlphaPathDisplay.from_estimator(pruned).alpha == LINEAR.alpha_


def test_alpha_path_says_what_is_missing():
    with pytest.raises(NotFittedError):
        AlphaPathDisplay.from_estimator(NewtonMLPRegressor())
    with pytest.raises(ValueError, match=r'fitted with alpha=1\.0; alpha="auto"'):
        AlphaPathDisplay.from_estimator(NewtonMLPRegressor((), alpha=1.0).fit(X, Y))
    few = NewtonMLPRegressor((), random_state=0).fit(X[:2], Y[:2])
    with pytest.raises(ValueError, match="too few rows to compare"):
        AlphaPathDisplay.from_estimator(few)
    with pytest.raises(TypeError, match=r"AlphaPathDisplay draws nets of this package, .* Ridge"):
        AlphaPathDisplay.from_estimator(Ridge().fit(X, Y))


PATH = PruningPath(
    [
        step((), 50, 90.0),
        step(("h3", "h1"), 40, 80.0),
        step(("h2",), 28, 95.0, accepted=False),
        step(("body mass index (kg per square metre)",), 37, 70.0),
        step(("s1",), 36, 65.0),
        step(("s2",), 35, 66.0, accepted=False),
    ],
    "bic",
)


@pytest.mark.parametrize("criterion", ["bic", None])
def test_pruning_path_tells_accepted_from_restored_and_marks_the_chosen_net(criterion):
    display = PruningPathDisplay.from_path(PruningPath(list(PATH), criterion))
    factor = 1.0 if criterion else 0.1  # without a criterion the loss
    kept, lost = ([s for s in PATH if s.accepted is flag] for flag in (True, False))
    for line, steps in ((display.accepted_, kept), (display.restored_, lost)):
        shown = [[s.n_parameters, factor * s.criterion] for s in steps]
        assert_allclose(line.get_xydata(), shown)
    assert_allclose(display.chosen_.get_xydata(), [[36, factor * 65.0]])
    assert display.accepted_.get_marker() != display.restored_.get_marker()
    assert display.ax_.xaxis_inverted()


def test_pruning_path_names_what_went_without_overlap():
    display = PruningPathDisplay.from_path(PATH)
    texts = [label.get_text() for label in display.labels_]
    assert "h3, h1" in texts
    assert not any("h2" in text or "s2" in text for text in texts)  # they are still there
    assert any(text.startswith("body mass i") for text in texts)
    many = [step((), 100, 100.0)]
    many += [step((f"input number {k}",), 100 - k, 100.0 - k) for k in range(1, 60)]
    long = PruningPathDisplay.from_path(PruningPath(many, "aic"))
    for drawn in (display, long):
        assert len(drawn.labels_) > 1
        assert not overlaps(drawn.labels_)


def test_restored_nets_far_above_do_not_press_the_path_flat():
    display = PruningPathDisplay.from_path(
        PruningPath([*PATH, step(("x",), 1, 5000.0, accepted=False)], "bic")
    )
    assert display.ax_.get_ylim()[1] < 120.0
    assert display.above_.get_xdata().tolist() == [1]
    assert PruningPathDisplay.from_path(PATH).above_ is None
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert "restored, far above" in labels


def test_pruning_path_draws_what_the_record_draws():
    display, ax = PruningPathDisplay.from_path(PATH), PATH.plot()
    pairs = zip((display.accepted_, display.restored_), ax.lines, strict=True)
    for one, other in pairs:
        assert_allclose(one.get_xydata(), other.get_xydata())
    PATH.plot(ax)
    assert ax.xaxis_inverted()  # also when it is drawn twice


def test_pruning_path_of_a_search_has_a_disc_for_each_setting():
    grid = {"hidden_layer_sizes": [(), (1,)], "alpha": [0.5, 1.0]}
    search = InformationCriterionSearch(NewtonMLPRegressor(random_state=0), grid).fit(X, Y)
    display = PruningPathDisplay.from_estimator(search)
    table = search.results_
    shown = np.column_stack([table["n_parameters"], table["bic"]])
    assert_allclose(sorted(display.accepted_.get_xydata().tolist()), sorted(shown.tolist()))
    assert_allclose(display.chosen_.get_xydata(), [shown[search.best_index_]])
    assert display.restored_ is None
    assert not display.ax_.xaxis_inverted()
    assert display.names[0] == ["0.5 / ()"]
    assert "alpha / hidden_layer_sizes" in display.accepted_.get_label()


def test_settings_without_a_criterion_are_counted():
    display = PruningPathDisplay(
        n_parameters=[3, 900],
        values=[10.0, np.nan],
        chosen=0,
        names=[["small"], ["large"]],
        criterion="aic",
    )
    line = display.plot().accepted_
    assert [label.get_text() for label in display.labels_] == ["small"]
    assert_allclose(line.get_xydata(), [[3, 10.0]])
    assert "1 without a criterion" in line.get_label()


def test_pruning_path_at_the_end_of_a_pipeline():
    pruning = BackwardPruning(NewtonMLPRegressor((), alpha=1.0))
    pipe = make_pipeline(StandardScaler(), pruning).fit(X, Y)
    display = PruningPathDisplay.from_estimator(pipe)
    assert len(display.n_parameters) == len(pipe[-1].path_)


def test_pruning_path_says_what_it_needs():
    with pytest.raises(NotFittedError):
        PruningPathDisplay.from_estimator(BackwardPruning(NewtonMLPRegressor()))
    with pytest.raises(TypeError, match=r"BackwardPruning or .* got NewtonMLPRegressor"):
        PruningPathDisplay.from_estimator(LINEAR)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["age"], "age"),
        (["age", "sex"], "age, sex"),
        (["a" * 30], "a" * 5 + "…" + "a" * 6),
        (["age", "sex", "weight"], "age, sex, +1"),
        (["age", "b" * 30, "c"], "age, +2"),
    ],
)
def test_names_that_do_not_fit_are_counted(names, text):
    assert shortened(names, 12) == text
    assert len(text) <= 12
