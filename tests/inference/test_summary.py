"""The summary is text, and also a table in notebooks, HTML, LaTeX and CSV."""

import copy
import csv
import io
import pickle

import numpy as np
import pandas as pd
import pytest
from inference_cases import classes, net, regression, several, three
from pages import Shape, check_latex, compiled

from sknewtonnet.inference import Summary

ODD = ["a_b & c", "<b>50 %</b> [x]", "*{\\x}~^#$|<>"]


def odd():
    X, y = regression()
    X = pd.DataFrame(X, columns=ODD)
    return net(()).fit(X, y).inference(X, y)


@pytest.fixture(scope="module")
def results():
    return odd()


def test_it_is_text(results):
    summary = results.summary()
    assert isinstance(summary, str)
    assert isinstance(summary, Summary)
    assert str(summary) == repr(summary) == summary.as_text() == summary
    assert type(str(summary)) is str
    assert summary.splitlines()[0] == results.model
    assert str(results) == summary


def test_html_has_tables_and_no_tags_of_names(results):
    page = results.summary(parameters=True).as_html()
    shape = Shape(page)
    assert len(shape.tables) == 3
    facts, effects, parameters = shape.tables
    assert set(facts) == {4}
    assert effects == [7] * 4
    assert parameters == [7] * 5
    assert set(ODD) <= set(shape.texts)
    assert "b" not in shape.tags
    assert page == results.summary(parameters=True)._repr_html_()
    assert "color" not in page.replace("background", "")


def test_a_notebook_gets_text_html_and_latex(results):
    bundle = results._repr_mimebundle_()
    summary = results.summary()
    assert bundle == {
        "text/plain": str(summary),
        "text/html": summary.as_html(),
        "text/latex": summary.as_latex(),
    }
    assert results._repr_html_() == summary._repr_html_()


def test_latex_compiles(results, tmp_path):
    summary = results.summary(parameters=True)
    plain, floats = summary.as_latex(), summary.as_latex(caption="A net", label="tab:net")
    assert plain.startswith("\\begin{center}\n")
    assert r"{\raggedright Identifiable: yes.\par}" in plain
    assert floats.startswith("\\begin{table}\n\\centering\n\\caption{A net}\n\\label{tab:net}\n")
    for latex in (plain, floats):
        check_latex(latex)
        assert latex.count(r"\toprule") == latex.count(r"\end{tabular}") == 3
    if compiled(tmp_path, plain, floats) is None:
        pytest.skip("pdflatex is not installed")


def test_csv_has_the_numbers(results):
    rows = list(csv.reader(io.StringIO(results.summary(parameters=True).as_csv())))
    start = next(k for k, row in enumerate(rows) if row and row[0] == "feature")
    assert [row[0] for row in rows[start + 1 : start + 4]] == ODD
    effects = results.marginal_effects()
    found = [float(row[1]) for row in rows[start + 1 : start + 4]]
    np.testing.assert_allclose(found, effects.effects, atol=6e-5)


def test_copies_and_pickles(results):
    summary = results.summary()
    for again in (copy.copy(summary), copy.deepcopy(summary), pickle.loads(pickle.dumps(summary))):
        assert again == summary
        assert again.as_html() == summary.as_html()


def test_numbers_of_a_column_have_the_same_decimals(results):
    lines = results.summary(parameters=True).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("parameter"))
    cells = [line.rsplit(maxsplit=6)[1:] for line in lines[start + 2 : start + 6]]
    for column in zip(*cells, strict=True):
        assert len({len(cell.partition(".")[2]) for cell in column}) == 1


@pytest.mark.parametrize("kind", ["several", "classes"])
def test_several_outputs(kind):
    if kind == "several":
        X, y = several()
        found = net().fit(X, y).inference(X, y)
    else:
        X, y = three()
        found = classes().fit(X, y).inference(X, y)
    shape = Shape(found._repr_html_())
    assert set(shape.tables[1]) == {8}
    check_latex(found.summary().as_latex())


def test_repr_is_one_line_and_computes_nothing(results):
    fresh = odd()
    before = set(vars(fresh))
    text = repr(fresh)
    assert set(vars(fresh)) == before
    assert text.startswith("InferenceResults of NewtonMLPRegressor: 3-1")
    assert "\n" not in text
    assert len(text) < 200
    assert "120 rows" in text
    assert "4 parameters" in text
