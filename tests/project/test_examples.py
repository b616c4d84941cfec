"""The examples run as they stand, and print what they promise."""

import runpy
from pathlib import Path

import pytest

plt = pytest.importorskip("matplotlib.pyplot", reason="examples draw figures")

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("plot_*.py"))


@pytest.mark.examples
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, monkeypatch, capsys):
    if "dask" in path.stem:
        pytest.importorskip("distributed", reason="dask is not installed")
    drawn = []
    monkeypatch.setattr(plt, "show", lambda: drawn.extend(plt.get_fignums()))
    runpy.run_path(str(path), run_name="__main__")
    plt.close("all")
    assert drawn, "an example named plot_ draws at least one figure"
    assert "minimum" in capsys.readouterr().out
