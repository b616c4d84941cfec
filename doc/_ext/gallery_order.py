"""The order of the examples, that of a reader's questions, and the headings of the gallery."""

from pathlib import Path
from typing import Any

GROUPS = {
    "Fit and predict": (
        "quickstart",
        "raw_table",
        "from_sklearn",
        "pipeline_gridsearch",
        "alpha_auto",
        "ard",
        "wine_classes",
        "digits_units",
    ),
    "Counts, curves and signals": (
        "claims_cann",
        "rbf_motorcycle",
        "rbf_ellipses",
        "rbf_decision_map",
        "surrogate",
        "convolution",
        "constraints",
        "monotone_engel",
    ),
    "Standard errors, tests and tables": (
        "choose_size_then_test",
        "inference_summary",
        "network_significance",
        "forest",
        "tables_for_papers",
        "prediction_intervals",
    ),
    "What features do": ("effect_curves", "marginal_effects", "importances"),
    "What the data say of the model": ("residual_checks", "influence"),
    "Smaller nets": ("wald_pruning", "pruning_path", "sunspots"),
    "Large tables": ("out_of_core", "dask"),
    "Minima and curvature": ("two_minima", "saddle", "flat_directions", "hessian_blocks"),
    "Solvers, and nets of your own": (
        "convergence",
        "optimal_steps",
        "rosenbrock_net",
        "custom_layer",
    ),
    "More": (),  # what has no place yet
}
ORDER = [f"plot_{name}.py" for names in GROUPS.values() for name in names]

RAW = ".. raw:: html\n\n    "
OPEN = RAW + '<div class="sphx-glr-thumbnails">\n\n'
PARENT = OPEN + ".. thumbnail-parent-div-open\n\n"
THUMBNAIL = RAW + '<div class="sphx-glr-thumbcontainer"'


class ByReader:
    """Sort key of sphinx-gallery: the place in ``GROUPS``, then the name."""

    def __init__(self, folder: Any) -> None:
        pass

    def __call__(self, filename: str) -> tuple[int, str]:
        """Sort files that have no place to the end, by name."""
        name = Path(filename).name
        return (ORDER.index(name) if name in ORDER else len(ORDER)), name


def add_headings(app: Any, docname: str, content: list[str]) -> None:
    """Begin a new block of thumbnails with a heading where a group of examples begins."""
    if docname != "auto_examples/index":
        return
    group_of = {f"plot_{name}": group for group, names in GROUPS.items() for name in names}
    head, *thumbnails = content[0].replace(PARENT, "", 1).split(THUMBNAIL)
    parts, last = [head], ""
    for thumbnail in thumbnails:
        stem = thumbnail.partition(":doc:`/auto_examples/")[2].partition("`")[0]
        group = group_of.get(stem, "More")
        if group != last:
            close = f"{RAW}</div>\n\n" if last else ""
            parts.append(f"{close}{group}\n{'-' * len(group)}\n\n{OPEN}")
            last = group
        parts += [THUMBNAIL, thumbnail]
    content[0] = "".join(parts)


def setup(app: Any) -> dict[str, bool]:
    """Connect the headings to a build."""
    app.connect("source-read", add_headings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
