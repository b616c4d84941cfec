"""The files around the package parse, and say the same as each other."""

import re
import tomllib
from pathlib import Path

import pytest

import sknewtonnet

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists())
CI = ROOT / ".ci" / "run"

in_a_checkout = pytest.mark.skipif(not CI.exists(), reason="an archive has no such files")


def read(path):
    yaml = pytest.importorskip("yaml", reason="reads the files")
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def checks():
    """Return the commands of .ci/run that look at the code: linters, types, spelling."""
    _, commands, *_ = re.split(
        r"^python -m pip .*\n\n", CI.read_text(encoding="utf-8"), flags=re.M
    )
    return commands.partition("\n\n")[0].splitlines()


def test_citation_has_the_version_and_the_addresses_of_the_package():
    citation = read("CITATION.cff")
    with (ROOT / "pyproject.toml").open("rb") as file:
        urls = tomllib.load(file)["project"]["urls"]
    assert citation["version"] == sknewtonnet.__version__
    assert citation["repository-code"] == urls["Source"]
    assert all(
        url.startswith(urls["Homepage"]) for name, url in urls.items() if name != "Documentation"
    )
    assert {"title", "authors", "message", "cff-version"} <= set(citation)
    for reference in citation["references"]:
        assert {"type", "title", "authors", "year"} <= set(reference), reference["title"]
        assert all("family-names" in author for author in reference["authors"])


@in_a_checkout
def test_hooks_and_workflow_run_the_commands_of_the_check():
    assert {"ruff check .", "codespell"} < set(checks())
    (hooks,) = read(".pre-commit-config.yaml")["repos"]
    assert [hook["entry"] for hook in hooks["hooks"]] == checks()
    steps = read(".github/workflows/ci.yml")["jobs"]["newest"]["steps"]
    runs = [step["run"] for step in steps if "Windows" in step.get("if", "")]
    assert [run for run in runs if run in checks()] == checks()
    assert "bash .ci/run" in runs


@in_a_checkout
def test_every_benchmark_has_a_short_form():
    scripts = {
        path.name
        for path in (ROOT / "benchmarks").glob("*.py")
        if "__main__" in path.read_text(encoding="utf-8")
    }
    commands = (ROOT / ".ci" / "short").read_text(encoding="utf-8")
    assert set(re.findall(r"^short (\S+)", commands, flags=re.M)) == scripts
    assert re.search(r"^\.ci/short$", CI.read_text(encoding="utf-8"), flags=re.M)


@in_a_checkout
@pytest.mark.parametrize("name", ["bug_report", "wrong_number", "feature"])
def test_issue_forms(name):
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids) > 1
