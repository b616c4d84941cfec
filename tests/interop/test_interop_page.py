"""The recipes of doc/interop.md run, each where the packages that it names are installed."""

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "doc" / "interop.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python( [\w ]+)?\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [(needs.split(), code) for needs, code in BLOCK.findall(TEXT)]
RECIPES = {" ".join(needs): (needs, code) for needs, code in BLOCKS if needs}


@pytest.fixture(scope="module")
def common():
    """What the blocks that need no package define."""
    namespace = {"__name__": "__main__"}
    for needs, code in BLOCKS:
        if not needs:
            exec(compile(code, "interop.md", "exec"), namespace)
    return namespace


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(("needs", "code"), RECIPES.values(), ids=RECIPES)
def test_recipes_run(needs, code, common):
    for package in needs:
        pytest.importorskip(package, reason=f"{package} is not installed")
    exec(compile(code, "interop.md", "exec"), dict(common))


def test_there_is_a_recipe_for_each_package():
    named = {package for needs in RECIPES for package in needs.split()}
    expected = {"shap", "skl2onnx", "onnxruntime", "mapie", "skpro", "marginaleffects", "polars"}
    assert named >= {*expected, "formulaic"}
