"""What notebooks and consoles show: tables that are well formed, and short lines."""

import builtins
import importlib
import inspect
import warnings

import numpy as np
import pytest
from pages import Shape, check_latex, compiled
from shown_cases import ODD, SHOWN, frame, minimum, objective, results

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet._tables import MOST_ROWS, Report, Shown, Table, Worded, fixed, probabilities
from sknewtonnet.calculus import Network

ROOMS = ["calculus", "solvers", "inference", "inspection", "pruning", "formula", "estimators"]


@pytest.fixture(scope="module")
def shown():
    """Make an object once; what it warns of is of no interest here."""
    made = {}

    def make(name):
        if name not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made[name] = SHOWN[name]()
        return made[name]

    return make


each = pytest.mark.parametrize("name", SHOWN)


@each
def test_tables_in_notebooks(name, shown):
    thing = shown(name)
    assert isinstance(thing, Shown)
    bundle = thing._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "text/latex"}
    assert bundle["text/html"] == thing._repr_html_()
    shape = Shape(bundle["text/html"])
    assert shape.tables
    assert all(len(set(table)) == 1 for table in shape.tables)
    assert max(map(len, shape.tables)) <= 3 * MOST_ROWS
    assert "b" not in shape.tags
    check_latex(bundle["text/latex"])
    assert "array(" not in bundle["text/plain"]
    assert "object at 0x" not in bundle["text/plain"]


@each
def test_without_pandas_the_message_says_what_to_install(name, shown, monkeypatch):
    thing, known = shown(name), builtins.__import__
    if not hasattr(thing, "to_frame"):
        pytest.skip("no data frame")

    def without(module, *args, **keywords):
        if module.startswith("pandas"):
            raise ImportError(module)
        return known(module, *args, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="data frames need pandas: pip install"):
        thing.to_frame()


@each
def test_repr_is_a_short_line(name, shown):
    text = repr(shown(name))
    assert text.startswith(type(shown(name)).__name__)
    assert "\n" not in text
    assert len(text) < 400
    assert "array(" not in text
    assert "object at 0x" not in text
    assert "incomplete" not in text


def test_latex_compiles(shown, tmp_path):
    pages = [shown(name)._repr_mimebundle_()["text/latex"] for name in SHOWN]
    if compiled(tmp_path, *pages) is None:
        pytest.skip("pdflatex is not installed")


def test_all_that_is_shown_has_a_case(shown):
    """Each public class with a table is among the cases."""
    kinds = {type(shown(name)) for name in SHOWN}
    for room in ROOMS:
        module = importlib.import_module(f"sknewtonnet.{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) and issubclass(thing, Shown):
                assert any(issubclass(kind, thing) for kind in kinds), name


@pytest.mark.parametrize("room", ROOMS)
def test_half_made_objects_have_a_repr(room):
    module = importlib.import_module(f"sknewtonnet.{room}")
    found = 0
    for name in module.__all__:
        thing = getattr(module, name)
        own = inspect.isclass(thing) and thing.__repr__ is Worded.__repr__
        if own and not inspect.isabstract(thing):
            assert repr(thing.__new__(thing)).startswith(thing.__name__)
            found += 1
    assert found


def test_nothing_public_has_the_repr_of_object():
    for room in [*ROOMS, "display", "testing"]:
        module = importlib.import_module(f"sknewtonnet.{room}")
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                assert thing.__repr__ is not object.__repr__, name


def test_words():
    net = Network.mlp(5, (8, 6), 2, activation=["tanh", "silu"])
    assert repr(net) == "Network 5-8-6-2, tanh/silu, 116 parameters"
    assert repr(net.layout).startswith("ParameterLayout of 116 parameters: coefs_0 (5, 8), ")
    assert repr(Network.mlp(1, (), 1)) == "Network 1-1, 2 parameters"
    assert repr(objective()) == (
        "Objective of 3-2-1, tanh, loss squared_error, 11 parameters, 40 rows"
    )
    assert repr(minimum()).startswith("SolverResult converged after ")


def test_numbers_have_fixed_decimals():
    assert fixed([0.12345, 1.0, -2.5]) == ["0.123", "1.000", "-2.500"]
    assert fixed([0.5, 0.25, 1e-9], 4) == ["0.5000", "0.2500", "1.00e-09"]
    assert fixed([12345.6, 1500.0]) == ["12346", "1500"]
    assert fixed([0.0, np.nan, np.inf], 2) == ["0.00", "nan", "inf"]
    assert fixed([3e9, 1.0], 1) == ["3.00e+09", "1.0"]
    assert probabilities([0.5, 1e-5, np.nan]) == ["0.5000", "<0.0001", "nan"]


def test_text_is_aligned():
    table = Table.of({"name": ["a", "long"]}, {"x": ["1.0", "-20.0"], "y": ["", "<0.0001"]})
    assert table.text() == [
        "--------------------",
        "name      x        y",
        "--------------------",
        "a       1.0",
        "long  -20.0  <0.0001",
        "--------------------",
    ]
    numbers = [cell for row in table.rows for cell in row[1:] if cell]
    page = table.html()
    for cell in numbers:
        assert "text-align:right" in page.partition(f">{cell.replace('<', '&lt;')}<")[0][-60:]


def test_levels_are_inset_in_text_and_in_pages():
    table = Table.of({"": ["town", "  town_a"]}, {"effect": ["", "1.0"]})
    assert table.text()[4].startswith("  town_a")
    page = table.html()
    assert "padding-left" in page.partition(">town_a<")[0][-60:]
    assert "padding-left" not in page.partition(">town<")[0]


def test_reports_without_parts_are_empty():
    report = Report("", [])
    assert report.text() == ""
    assert report.csv() == ""
    assert Shape(report.html()).tags == ["div"]


def test_values_of_a_wald_test_are_told():
    text = repr(results().wald_test(ODD[0]))
    assert text.startswith("WaldTestResult ")
    assert ", p <0.0001" in text


def test_repr_of_a_fit_does_not_look_at_rows(monkeypatch):
    """Nor does it work out a Hessian, a test or an effect."""
    X = np.random.default_rng(0).normal(size=(30, 3))
    y = X[:, 0] + 0.1 * np.sin(7.0 * X[:, 1])
    fresh = NewtonMLPRegressor((), alpha=0.1).fit(frame(X), y).inference(frame(X), y)
    known = set(vars(fresh)), set(vars(fresh.information))
    repr(fresh)
    assert (set(vars(fresh)), set(vars(fresh.information))) == known


def test_predictions_keep_the_index_of_a_frame():
    X = frame(np.random.default_rng(0).normal(size=(5, 3)))
    X.index = ["anna", "ben", "carla", "<b>dan</b>", "eve"]
    found = results().get_prediction(X.iloc[1:4])
    assert list(found.to_frame().index) == ["ben", "carla", "<b>dan</b>"]
    assert {"ben", "<b>dan</b>"} <= set(Shape(found._repr_html_()).texts)
    assert list(results().get_prediction(X.to_numpy()).to_frame().index) == [0, 1, 2, 3, 4]


def test_findings_are_items_of_lists():
    page = Report("", ["One.", "- <b>two</b>"]).html()
    shape = Shape(page)
    assert shape.tags == ["div", "p", "ul", "li"]
    assert shape.texts == ["One.", "<b>two</b>"]


def test_what_ipython_asks_for():
    """Of results and of summaries it takes HTML, LaTeX and text."""
    formatters = pytest.importorskip("IPython.core.formatters", reason="IPython is not installed")
    formatter = formatters.DisplayFormatter()
    formatter.active_types = ["text/plain", "text/html", "text/latex"]
    for thing in (results(), results().summary(), results().marginal_effects()):
        data, _ = formatter.format(thing)
        assert set(data) == {"text/plain", "text/html", "text/latex"}
        assert "<table>" in data["text/html"]
        assert "\\n" not in data["text/plain"]
        assert data["text/plain"].count("\n") > 3
    data, _ = formatter.format(Network.mlp(1, (), 1))
    assert data == {"text/plain": "Network 1-1, 2 parameters"}
