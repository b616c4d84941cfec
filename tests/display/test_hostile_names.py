"""Names of columns, outputs and classes that matplotlib would read as something else."""

from functools import cache

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.cbook import is_math_text

from sknewtonnet import NewtonMLPClassifier, NewtonMLPRegressor, RBFNetClassifier
from sknewtonnet import display as package
from sknewtonnet._figures import readable
from sknewtonnet.inspection import spectrum

pd = pytest.importorskip("pandas")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
# These nets have no signal to speak of.
pytestmark = pytest.mark.filterwarnings("ignore:Inference")

LONG = "a name that goes on and on, as names in surveys do, up to the part that tells it apart"
COLUMNS = ["$ per $", "100 % of\nall_^2 $ {", "_first", LONG]
CLASSES = ["_a", "$b$", "c\nd"]


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@cache
def tables():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 4)), columns=COLUMNS)
    outputs = pd.DataFrame(X.to_numpy()[:, :2] + 0.3 * rng.normal(size=(60, 2)))
    outputs.columns = ["price $ $", "_b"]
    return X, outputs, np.array(CLASSES)[rng.integers(0, 3, 60)]


@cache
def regression():
    X, outputs, _ = tables()
    return NewtonMLPRegressor((1,), alpha=1.0, random_state=0).fit(X, outputs), X, outputs


@cache
def classes():
    X, _, labels = tables()
    return NewtonMLPClassifier((1,), alpha=1.0, random_state=0).fit(X, labels), X, labels


@cache
def radial():
    X, _, labels = tables()
    return RBFNetClassifier(1, alpha=1.0, random_state=0).fit(X, labels), X, labels


def of_net(name, made, **keywords):
    return lambda: getattr(package, name).from_estimator(*made(), **keywords)


PICTURES = {
    "residuals": of_net("ResidualsDisplay", regression),
    "effects": of_net("EffectDisplay", regression, n_points=4),
    "effects on classes": of_net("EffectDisplay", classes, n_points=4),
    "coefficients": of_net("CoefficientDisplay", regression),
    "weights": of_net("CoefficientDisplay", classes, rows="parameters"),
    "importances": of_net("ImportanceDisplay", regression),
    "dfbetas": of_net("InfluenceDisplay", regression, kind="dfbetas"),
    "hessian": of_net("HessianDisplay", classes),
    "loss surface": of_net("LossSurfaceDisplay", regression, n_points=5),
    "network": lambda: package.NetworkDisplay.from_estimator(classes()[0]),
    "radial units": of_net("RBFDisplay", radial),
    "radial units along one": of_net("RBFDisplay", radial, features=LONG, output="$b$"),
    "convergence": lambda: package.ConvergenceDisplay.from_results(
        {"_a": classes()[0], "$b$": regression()[0], LONG: {"values": [3.0, 2.0]}}
    ),
    "spectrum": lambda: package.SpectrumDisplay.from_results(
        {"_a $ $": one_spectrum(), "$b$": one_spectrum()}
    ),
    "search": lambda: package.PruningPathDisplay(
        n_parameters=[3, 5], values=[2.0, 1.0], chosen=1, names=[["$3$"], ["$5$"]], varying="$ $"
    ).plot(),
    "alpha path": lambda: package.AlphaPathDisplay(
        alphas=[0.1, 1.0],
        held_out_loss=[2.0, 1.0],
        std_errors=[0.1, 0.0],
        alpha=1.0,
        ard_inputs=dict.fromkeys(COLUMNS, 0.1),
    ).plot(),
}


@cache
def one_spectrum():
    net, X, y = classes()
    return spectrum(net.objective(X, y), net.params_)


def texts(display):
    return [text.get_text() for text in display.figure_.findobj(mpl.text.Text)]


@pytest.mark.parametrize("name", PICTURES)
def test_names_are_no_formulas_and_the_picture_has_room(name, tmp_path):
    display = PICTURES[name]()
    display.figure_.savefig(tmp_path / "picture.png")
    for text in texts(display):
        own_formula = text.startswith(("$h_", "$\\mathdefault"))
        assert own_formula or not is_math_text(text), text
        assert LONG not in text
        assert "of\nall" not in text


def test_classes_with_an_underscore_are_in_the_key():
    for name in ("effects on classes", "radial units"):
        shown = {text.strip().replace(r"\$", "$") for text in texts(PICTURES[name]())}
        assert {"_a", "$b$", "c d"} <= shown


def test_long_names_keep_both_ends():
    assert readable("abcdefghijkl", 7) == "abc…jkl"
    assert readable("a\n b") == "a b"
    assert readable(readable("$ a $")) == r"\$ a \$"
    assert readable(3) == "3"
