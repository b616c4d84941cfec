"""The site has a page for everything, and each page stands in one place."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from api_themes import CONSTANTS, PAGES
from check_links import problems
from contents import CONTENTS, OUTSIDE, children
from public_objects import MODULES, grouped, public_objects, source

import sknewtonnet

ROOT = Path(__file__).parents[2]
DOC = ROOT / "doc"
PUBLIC = public_objects()


def test_every_public_name_is_that_of_a_page():
    names = {name for public in PUBLIC.values() for name in (public.full_name, *public.aliases)}
    for module in MODULES:
        assert {f"{module}.{name}" for name in importlib.import_module(module).__all__} <= names


def test_modules_of_the_reference_are_those_of_the_package():
    below = {
        path.stem if path.suffix else path.name
        for path in Path(sknewtonnet.__file__).parent.iterdir()
        if not path.name.startswith("_")
        and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert set(MODULES) == {"sknewtonnet"} | {f"sknewtonnet.{name}" for name in below}


def test_every_public_object_stands_under_one_heading():
    shown = [public.full_name for group in grouped(PUBLIC).values() for public in group]
    assert sorted(shown) == sorted(PUBLIC)


def test_headings_of_a_page_differ():
    for page in PAGES:
        headings = [group.heading for group in page.groups]
        assert len(set(headings)) == len(headings), page.slug


def test_constants_are_described():
    constants = {
        name
        for name, public in PUBLIC.items()
        if not callable(public.thing) or not hasattr(public.thing, "__name__")
    }
    assert {"sknewtonnet.calculus.LOSSES", "sknewtonnet.__version__"} <= constants
    assert constants | {"sknewtonnet.solvers.Callback"} == set(CONSTANTS)


def test_every_page_is_in_one_place():
    pages = {
        path.relative_to(DOC).with_suffix("").as_posix()
        for path in DOC.rglob("*.md")
        if not path.relative_to(DOC).parts[0].startswith("_")
    }
    placed = [page for parent in CONTENTS for page in children(parent, DOC)]
    assert len(set(placed)) == len(placed)
    assert pages - set(placed) == OUTSIDE


def test_the_address_of_the_site_is_written_once():
    with (ROOT / "pyproject.toml").open("rb") as file:
        address = tomllib.load(file)["project"]["urls"]["Documentation"]
    assert re.fullmatch(r"https://[\w.-]+/[\w-]+/", address)
    for path in DOC.glob("_ext/*.py"):
        assert address not in path.read_text(encoding="utf-8")


def test_broken_links_are_found(tmp_path):
    (tmp_path / "index.html").write_text(
        '<a href="a.html#one">a</a> <a href="a.html#two">b</a> <a href="c.html">c</a>'
        '<a href="https://example.org">d</a> <img src="no.png">'
    )
    (tmp_path / "a.html").write_text('<p id="one"><a href=".">home</a></p><p id="one"></p>')
    (tmp_path / "lonely.html").write_text("<p></p>")
    broken, n_pages, n_links = problems(tmp_path)
    assert (n_pages, n_links) == (3, 5)
    assert sorted(line.partition(": ")[2] for line in broken) == [
        "no page leads to it",
        "there is no anchor a.html#two",
        "there is no c.html",
        "there is no no.png",
        "two elements have the id one",
    ]


def test_sources_are_found():
    found = source("sknewtonnet", "NewtonMLPRegressor.fit", ROOT, "https://forge")
    assert re.fullmatch(r"https://forge/blob/main/sknewtonnet/estimators/\w+.py#L\d+-L\d+", found)
    assert source("sknewtonnet.calculus", "LOSSES", ROOT, "https://forge") is None


def test_links_of_markdown_lead_to_pages():
    links = pytest.importorskip("links", reason="Sphinx is not installed")
    forge = "https://forge"
    assert links.target("../examples/plot_x.py", DOC, DOC, forge) == "/auto_examples/plot_x.rst"
    assert links.target("../examples", DOC, DOC, forge) == "/auto_examples/index.rst"
    assert links.target("../CONTRIBUTING.md", DOC, DOC, forge) == "/contributing.md"
    assert links.target("doc/races.md", ROOT, DOC, forge) == "/races.md"
    assert links.target("../LICENSE", DOC, DOC, forge) == "https://forge/blob/main/LICENSE"
    assert links.target("../tests", DOC, DOC, forge) == "https://forge/tree/main/tests"


def test_docstrings_keep_formulas_and_signs():
    links = pytest.importorskip("links", reason="Sphinx is not installed")
    lines = ["Length |w| of params_ ([Bis92], doc/mathematics.md 3.1), with", "", "    |w|_2", ""]
    lines += ["- a list", "", "  goes on"]
    for prepare in (links.formulas, links.prepared_docstring):
        prepare(None, "", "", None, None, lines)
    assert lines == [
        r"Length \|w\| of params\_ (:ref:`[Bis92] <references.md#Bis92>`, "
        ":ref:`doc/mathematics.md 3.1 <mathematics.md#3.1>`), with",
        "",
        ".. code-block:: none",
        "",
        "    |w|_2",
        "",
        "- a list",
        "",
        "  goes on",
    ]
