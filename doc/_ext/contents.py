"""The contents of the site, page by page: which pages stand under which, in a reader's order.

The Markdown documents have no tables of contents of their own; a hidden one is added to each page
that others stand under. A pattern stands for the pages that no other line has, by name.
"""

from pathlib import Path
from typing import Any

CONTENTS = {
    "index": (
        "getting_started",
        "user_guide",
        "auto_examples/index",
        "api/index",
        "coming_from/index",
        "cases/index",
        "measurements",
        "sources",
        "glossary",
        "whats_new",
        "contributing",
    ),
    "user_guide": (
        "which_method",
        "comparison",
        # predict
        "preparing_tables",
        "offsets",
        "saving",
        "interop",
        # tune
        "training",
        "alpha_auto",
        "ard",
        "defaults",
        # test and explain
        "inference",
        "reading_the_summary",
        "notebooks",
        "displays",
        # prune
        "pruning",
        # scale up
        "large_data",
        "many_machines",
        "threads",
        # derivatives of your own net
        "calculus",
        "extending",
    ),
    "coming_from/index": ("coming_from/*",),
    "cases/index": ("cases/*",),
    "measurements": (
        "accuracy",
        "default_call",
        "defaults_table",
        "seeds",
        "large_tables",
        "rbf_accuracy",
        "sizes",
        "sizes_wald",
        "real_tables",
        "pruning_measured",
        "races",
        "same_objective",
        "crossover",
        "small_fits",
        "benchmarks",
        "rbf_speed",
        "scaling",
        "out_of_core",
        "many_parameters",
        "preconditioner",
        "hostile_inputs",
        "like_mlp",
    ),
    "sources": (
        "iovleff",
        "hui",
        "gong",
        "optimal_steps",
        "optimal_step_variants",
        "bishop",
        "full_space",
        "conditioning",
        "mathematics",
        "statistics",
        "references",
    ),
    "contributing": ("development", "acceptance", "release"),
}

# Short names, for the bar above all pages.
SHORT = {
    "getting_started": "Start",
    "api/index": "Reference",
    "coming_from/index": "Coming from",
    "cases/index": "Cases",
    "measurements": "Measured",
    "sources": "Sources",
    "whats_new": "What's new",
}

# Pages that are reached in another way.
OUTSIDE = {"index", "404"}


def children(page: str, doc: Path) -> list[str]:
    """The pages under a page, those that exist."""
    named = {name for names in CONTENTS.values() for name in names}
    found = []
    for name in CONTENTS.get(page, ()):
        if name.endswith("*"):
            paths = sorted(doc.glob(f"{name}.md"))
            others = [path.relative_to(doc).with_suffix("").as_posix() for path in paths]
            found += [other for other in others if other not in named]
        elif (doc / f"{name}.md").exists() or name.startswith(("auto_examples/", "api/")):
            found.append(name)
    return found


def add_contents(app: Any, docname: str, content: list[str]) -> None:
    """Add the hidden table of contents to a page."""
    pages = children(docname, Path(app.srcdir))
    if pages:
        entries = [f"{SHORT[page]} </{page}>" if page in SHORT else f"/{page}" for page in pages]
        lines = ["```{toctree}", ":hidden:", "", *entries, "```", ""]
        content[0] += "\n\n" + "\n".join(lines)


def setup(app: Any) -> dict[str, bool]:
    """Connect the contents to a build."""
    app.connect("source-read", add_contents, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
