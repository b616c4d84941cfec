"""Tables of nets in LaTeX, HTML and data frames, and results under statsmodels' names."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from inference_cases import binary, classes, net, regression, several
from numpy.testing import assert_allclose
from pages import Shape, compiled
from statsmodels_pairs import pair

from sknewtonnet._tables import latex_escaped as escaped
from sknewtonnet.inference import compare_tables

ODD = ["a_b & c", "50 % [x]", "*{\\x}~^#$|<>"]


def odd():
    """Results of features whose names mean something to LaTeX and HTML."""
    X, y = regression()
    return net(()).fit(pd.DataFrame(X, columns=ODD), y).inference(pd.DataFrame(X, columns=ODD), y)


def plain(hidden=(1,), columns=3):
    X, y = regression()
    return net(hidden).fit(X[:, :columns], y).inference(X[:, :columns], y)


def rows_of(latex):
    """Cells of all rows of a tabular, with the escapes left in them."""
    body = latex[latex.index(r"\toprule") : latex.index(r"\end{tabular}")]
    lines = [line for line in body.splitlines() if line.endswith(r"\\")]
    return [re.split(r"(?<!\\)&", line.removesuffix(r"\\")) for line in lines]


@pytest.mark.parametrize("rows", ["effects", "parameters"])
def test_latex_is_well_formed(rows):
    table = compare_tables({"A & B_1": odd(), "plain": plain()}, rows=rows, stars=True)
    latex = table.to_latex(caption="Two nets", label="tab:two")
    assert latex.startswith("\\begin{table}\n\\centering\n\\caption{Two nets}\n\\label{tab:two}\n")
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", latex) for word in ("begin", "end"))
    assert begun == ["table", "tabular"] == ended[::-1]
    assert [latex.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 2, 1]
    cells = rows_of(latex)
    notes = [row for row in cells if row[0].startswith(r"\multicolumn{3}{l}")]
    assert len(notes) >= 2
    assert {len(row) for row in cells if row not in notes} == {3}
    assert {len(row) for row in notes} == {1}
    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
    for line in latex.splitlines():
        assert not line.startswith(("*", "["))  # they would belong to the row before
    bare = re.sub(r"\$[^$]*\$", "", re.sub(r"\\[&%$#_{}]", "", latex))
    assert not re.search(r"[%$#^~_]", bare)


def test_digits_stand_below_each_other():
    """Stars and closing parentheses have no width, and powers of ten are mathematics."""
    latex = compare_tables([plain(())], stars=True).to_latex()
    assert latex.startswith(r"\begin{tabular}{lr@{\hspace{1.8em}}}")
    numbers = [row[1].strip() for row in rows_of(latex) if len(row) == 2][1:]
    effects, errors = numbers[0:6:2], numbers[1:6:2]
    assert all(re.fullmatch(r"(\$-\$)?\d+\.\d{3}(\\rlap\{\$\^\{\*+\}\$\})?", e) for e in effects)
    assert any("rlap" in each for each in effects)
    assert all(re.fullmatch(r"\(\d+\.\d{3}\\rlap\{\)\}", each) for each in errors)
    assert "$^{*}$ p \\textless{} 0.05" in latex
    assert "R$^{2}$ &" in latex
    assert "\n & (1) \\\\\n" in latex  # a heading is no number
    X, y = regression()
    tiny = net((), standardize=True).fit(X, 1e-9 * y).inference(X, 1e-9 * y).to_latex()
    assert re.search(r"\d\.\d\d\$\\times 10\^\{-(9|10)\}\$", tiny)
    assert not re.search(r"\de[+-]", tiny)


def test_rows_have_the_names_of_the_paper():
    both, one = plain(()), plain((), columns=1)
    table = compare_tables([both, one], labels={"x0": "Horsepower (hp)", "x2": "Weight"})
    assert list(table.estimates) == ["Horsepower (hp)", "x1", "Weight"]
    assert table.estimates["Horsepower (hp)"] == compare_tables([both, one]).estimates["x0"]
    X, y = regression()
    two = np.column_stack([X[:, 0], X[:, 1] > 0])
    results = net(()).fit(two, y).inference(two, y)
    assert list(compare_tables([results]).estimates) == ["x0", "x1 (0 to 1)"]
    for name in ("x1", "x1 (0 to 1)"):  # by the feature, or by the row
        assert list(compare_tables([results], labels={name: "Group"}).estimates) == ["x0", "Group"]
    X, Y = several()
    found = net(()).fit(X, Y).inference(X, Y)
    labels = {"x0": "first", "x1, y1": "one"}
    rows = list(compare_tables([found], labels=labels).estimates)
    assert rows[:4] == ["first, y0", "first, y1", "x1, y0", "one"]
    named = compare_tables([both], rows="parameters", labels={"intercepts_0[y]": "Constant"})
    assert "Constant" in named.estimates


def test_escapes():
    assert escaped("a_b & 50 %") == r"a\_b \& 50 \%"
    assert escaped("\\{}~^#$") == (r"\textbackslash{}\{\}\textasciitilde{}\textasciicircum{}\#\$")
    assert escaped("R^2 (McFadden)") == r"R$^{2}$ (McFadden)"
    assert escaped("coefs_0[x0, h0]") == r"coefs\_0{[}x0, h0{]}"


def test_numbers_are_those_of_the_results():
    both, one = plain(()), plain((), columns=1)
    table = compare_tables([both, one], ["both", "one"], digits=4, stars=True)
    effects = both.marginal_effects()
    for j, name in enumerate(["x0", "x1", "x2"]):
        estimate, error = table.estimates[name][0]
        assert float(estimate.rstrip("*")) == pytest.approx(effects.effects[j], abs=5e-5)
        assert float(error.strip("()")) == pytest.approx(effects.std_errors[j], abs=5e-5)
        p, marks = effects.p_values[j], estimate.count("*")
        assert marks == sum(p < level for level in (0.05, 0.01, 0.001))
    assert table.estimates["x1"][1] == ("", "")
    assert table.facts["Rows"] == ["120", "120"]
    assert float(table.facts["BIC"][1]) == pytest.approx(one.bic, abs=0.05)
    assert float(table.facts["R2"][0]) == pytest.approx(both.rsquared, abs=5e-4)
    assert "*" not in compare_tables([both]).text().split("\n---")[1]
    assert compare_tables([both, one]).names == ["(1)", "(2)"]


def test_negative_numbers_have_a_minus_sign():
    latex = plain(()).to_latex()
    effect = plain(()).marginal_effects().effects[1]
    assert effect < 0
    assert f"$-${-effect:.3f}" in latex


def test_tiny_and_huge_numbers_have_digits():
    X, y = regression()
    for factor in (1e-9, 1e9):
        results = net((), standardize=True).fit(X, factor * y).inference(X, factor * y)
        estimate = compare_tables([results]).estimates["x0"][0][0]
        wanted = results.marginal_effects().effects[0]
        assert float(estimate) == pytest.approx(wanted, rel=0.01)


def test_html_is_well_formed():
    table = compare_tables({"A & B": odd(), "plain": plain()})
    for page in (table.to_html(), table._repr_html_()):
        shape = Shape(page)
        assert set(shape.cells) == {3}
        assert {"A & B", *ODD} <= set(shape.texts)


def test_data_frame():
    frame = compare_tables([plain(()), plain()], ["line", "unit"]).to_frame()
    assert list(frame.columns) == ["line", "unit"]
    assert frame.loc[("x0", "estimate"), "line"] == frame.iloc[0, 0]
    assert (frame.loc[("Rows", "fit")] == "120").all()


def test_several_outputs_and_classes():
    X, Y = several()
    outputs = compare_tables([net().fit(X, Y).inference(X, Y)])
    assert list(outputs.estimates)[:2] == ["x0, y0", "x0, y1"]
    X, y = binary()
    found = compare_tables([classes().fit(X, y).inference(X, y)])
    assert found.facts["R2"] == [""]
    theirs = pair("Logit").theirs()
    ours = compare_tables([pair("Logit").ours()])
    assert ours.facts["Pseudo R2 (McFadden)"] == [f"{theirs.prsquared:.3f}"]
    assert "Pseudo R$^{2}$ (McFadden) &" in ours.to_latex()
    assert "Pseudo" not in compare_tables([plain(())]).text()
    assert "\nR2" not in found.text()  # a row that no net has is left out
    assert "\nR$" not in found.to_latex()
    assert "R2" in outputs.text() or not outputs.facts["R2"][0]


def test_what_is_not_identifiable_is_told():
    X, y = regression()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results = net((4,), n_init=1).fit(X, y).inference(X, y)
    table = compare_tables([results], rows="parameters")
    assert table.facts["Identifiable"] == ["no"]
    assert "no valid p-values" in table.text()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: compare_tables([]), "needs results"),
        (lambda r: compare_tables([r], ["a", "b"]), "distinct names, got 1 results"),
        (lambda r: compare_tables([r, r], ["a", "a"]), "distinct names"),
        (lambda r: compare_tables({"a": r}, ["b"]), "a mapping has names already"),
        (lambda r: compare_tables([r], rows="weights"), "rows must be one of"),
        (lambda r: compare_tables([r], stars=3), "stars must be one of"),
        (lambda r: compare_tables([r], digits=-1), "digits must be an integer"),
        (lambda r: compare_tables([net(())]), "must be results of inference, got"),
        (lambda r: compare_tables([r], labels={"x9": "a"}), "labels: there is no row 'x9'"),
        (lambda r: compare_tables([r], labels={"x0": "a", "x1": "a"}), "tell the rows"),
        (lambda r: r.to_latex("weights"), "rows must be one of"),
    ],
)
def test_refused(call, message):
    results = plain(())
    with pytest.raises(ValueError, match=message):
        call(results)


def test_a_paper_compiles(tmp_path):
    table = compare_tables({"A & B_1": odd(), "plain": plain()}, stars=True)
    floats = table.to_latex(caption="Two nets", label="tab:two")
    if compiled(tmp_path, floats, odd().to_latex("parameters")) is None:
        pytest.skip("pdflatex is not installed")


@pytest.mark.parametrize("name", ["OLS", "WLS", "Logit", "Poisson"])
def test_names_of_statsmodels(name):
    ours, theirs = pair(name).ours(), pair(name).theirs()
    for same in ("bse", "tvalues", "pvalues", "llf", "aic", "bic", "nobs", "df_model", "df_resid"):
        assert_allclose(getattr(ours, same), np.asarray(getattr(theirs, same)), rtol=1e-6), same
    assert_allclose(ours.cov_params(), np.asarray(theirs.cov_params()), rtol=1e-6, atol=1e-9)
    fitted = theirs.predict()
    assert_allclose(ours.fittedvalues, fitted, rtol=1e-6)
    assert_allclose(ours.resid, theirs.model.endog - fitted, rtol=1e-5, atol=1e-7)
    if hasattr(theirs, "rsquared"):
        assert ours.rsquared == pytest.approx(theirs.rsquared, rel=1e-8)
        assert ours.scale == pytest.approx(theirs.scale, rel=1e-8)
    else:
        assert np.isnan(ours.rsquared)


def test_aliases_are_the_same_numbers():
    X, Y = several()
    results = net().fit(X, Y).inference(X, Y)
    assert results.bse is results.std_errors
    assert results.pvalues is results.p_values
    assert results.fittedvalues.shape == results.resid.shape == Y.shape
    assert_allclose(results.fittedvalues + results.resid, Y)
    spread = ((Y - Y.mean(axis=0)) ** 2).sum()
    assert results.rsquared == pytest.approx(1.0 - (results.resid**2).sum() / spread)
