"""The claims about the package lead to tests that are there, and papers cite what exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = re.compile(r"^\| (.+) \| (.*`\w+/test_\w+\.py.*) \|$", re.MULTILINE)
CLAIMS = TABLE.findall((ROOT / "doc" / "comparison.md").read_text(encoding="utf-8"))


def test_there_are_claims():
    assert len(CLAIMS) > 10


@pytest.mark.parametrize(("claim", "tests"), CLAIMS, ids=[claim for claim, _ in CLAIMS])
def test_a_claim_is_verified_by_tests_that_exist(claim, tests):
    for path, _, name in re.findall(r"`([\w/]+\.py)(::(test_\w+))?`", tests):
        text = (ROOT / "tests" / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {name or 'test_'}", text, flags=re.MULTILINE), claim


PAPER = ROOT / "paper" / "paper.md"
in_a_checkout = pytest.mark.skipif(not PAPER.exists(), reason="an archive has no paper")


@in_a_checkout
def test_the_paper_cites_what_its_bibliography_has():
    cited = set(re.findall(r"@(\w+)", PAPER.read_text(encoding="utf-8")))
    bibliography = (PAPER.parent / "paper.bib").read_text(encoding="utf-8")
    entries = re.findall(r"^@\w+\{(\w+),(.+?)^\}", bibliography, flags=re.MULTILINE | re.DOTALL)
    assert cited == {key for key, _ in entries}
    unpublished = {"iovleff2004"}
    assert {key for key, entry in entries if not re.search("doi|url", entry)} == unpublished


@in_a_checkout
def test_the_paper_has_the_sections_and_the_length_that_joss_asks_for():
    text = PAPER.read_text(encoding="utf-8").split("---", 2)[2]
    headings = re.findall(r"^# (.+)$", text, flags=re.MULTILINE)
    assert {
        "Summary",
        "Statement of need",
        "State of the field",
        "Software design",
        "Research impact statement",
        "AI usage disclosure",
        "References",
    } <= set(headings)
    assert 750 <= len(text.split()) <= 1750


@in_a_checkout
def test_the_paper_has_its_figures():
    figures = re.findall(r"\]\(([\w./]+\.png)\)", PAPER.read_text(encoding="utf-8"))
    assert len(figures) == 2
    assert all((PAPER.parent / figure).stat().st_size > 10_000 for figure in figures)


METHODS = ["net, raw", "linear", "mlp", "gp", "svm", "forest", "boosting"]


def measured(heading):
    """The scores of plain calls on the tables that all methods have run, in doc/accuracy.md."""
    text = (ROOT / "doc" / "accuracy.md").read_text(encoding="utf-8")
    part = text[text.index(f"\n## {heading}") :].partition("\n### Development half")[0]
    n_tables = int(re.search(r"^(\d+) tables\.$", part, flags=re.MULTILINE)[1])
    found = re.findall(r"^\| ([a-z ,]+) \| ([\d.]+) \|$", part, flags=re.MULTILINE)
    return n_tables, {name: float(score) for name, score in found}


@pytest.mark.parametrize(
    ("heading", "row"), [("Numbers", "mean R²"), ("Classes", "mean log loss")]
)
def test_the_readme_has_the_scores_that_were_measured(heading, row):
    n_tables, scores = measured(heading)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    cells = re.search(rf"^\| {row}, {n_tables} tables \|(.+)\|$", text, flags=re.MULTILINE)[1]
    shown = [cell.strip(" *") for cell in cells.split("|")]
    assert len(shown) == len(METHODS)
    for name, score in zip(METHODS, shown, strict=True):
        assert score == "-" if name not in scores else abs(float(score) - scores[name]) < 0.0006
    bold = [name for name, cell in zip(METHODS, cells.split("|"), strict=True) if "**" in cell]
    best = max if heading == "Numbers" else min
    assert bold == [best(set(scores) & set(METHODS), key=scores.get)]


@in_a_checkout
def test_the_paper_has_the_scores_that_were_measured():
    text = " ".join(PAPER.read_text(encoding="utf-8").split())
    said = re.findall(r"is (0\.\d{3}), against (0\.\d{3}) of .+? and (0\.\d{3}) of", text)
    names = (("net, raw", "mlp", "gp"), ("net, raw", "linear", "mlp"))
    assert len(said) == 2
    for heading, methods, numbers in zip(("Numbers", "Classes"), names, said, strict=True):
        scores = measured(heading)[1]
        for name, number in zip(methods, numbers, strict=True):
            assert abs(float(number) - scores[name]) < 0.0006
