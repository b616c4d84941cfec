"""Links to other projects, with a network and without.

intersphinx asks each project for its inventory. Where that cannot be fetched, it takes one that is
written here and has little more than a header; names that no inventory has are looked for in the
installed package, and their addresses follow from the rule of the project.
"""

import zlib
from importlib import import_module
from inspect import isclass
from pathlib import Path
from typing import Any

from docutils import nodes

# The address of each project, and of the page of an object there.
PROJECTS = {
    "python": ("https://docs.python.org/3/", ""),
    "numpy": ("https://numpy.org/doc/stable/", "reference/generated/{name}.html#{name}"),
    "scipy": ("https://docs.scipy.org/doc/scipy/", "reference/generated/{name}.html#{name}"),
    "sklearn": ("https://scikit-learn.org/stable/", "modules/generated/{page}.html#{name}"),
    "pandas": ("https://pandas.pydata.org/docs/", "reference/api/{name}.html#{name}"),
    "matplotlib": ("https://matplotlib.org/stable/", "api/_as_gen/{name}.html#{name}"),
}

# What docstrings that we inherit refer to and is no object: type, name, address.
NO_OBJECTS = {
    "sklearn": [
        ("std:label", "metadata_routing", "metadata_routing.html#metadata-routing"),
        ("std:label", "df_output_transform", "modules/compose.html#df-output-transform"),
        (
            "std:label",
            "sphx_glr_auto_examples_miscellaneous_plot_set_output.py",
            "auto_examples/miscellaneous/plot_set_output.html",
        ),
        ("std:term", "meta-estimator", "glossary.html#term-meta-estimator"),
    ]
}


def inventories(folder: Path) -> dict[str, tuple[str, tuple[None, str]]]:
    """Write a small inventory per project; return the mapping of intersphinx."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for project, (url, _) in PROJECTS.items():
        header = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
        header += "# The remainder of this file is compressed using zlib.\n"
        entries = "".join(
            f"{name} {kind} -1 {address} {name}\n"
            for kind, name, address in NO_OBJECTS.get(project, ())
        )
        path = folder / f"{project}.inv"
        path.write_bytes(header.encode() + zlib.compress(entries.encode()))
        found[project] = (url, (None, str(path)))
    return found


def installed(name: str) -> tuple[str, Any] | None:
    """The module that has a name, such as ``scipy.optimize``, and what it stands for."""
    module, _, attributes = name, "", []
    while module:
        try:
            thing = import_module(module)
        except ImportError:
            module, _, last = module.rpartition(".")
            attributes.insert(0, last)
            continue
        for attribute in attributes:
            thing = getattr(thing, attribute, None)
        return None if thing is None else (module, thing)
    return None


def by_rule(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Resolve the name of an object of another project that exists, without an inventory."""
    name = node["reftarget"]
    url, rule = PROJECTS.get(name.partition(".")[0], ("", ""))
    found = installed(name) if rule and node.get("refdomain") == "py" else None
    if found is None:
        return None
    module, thing = found
    page = name  # a method is on the page of its class
    if not isclass(thing) and name.count(".") - module.count(".") == 2:
        page = name.rpartition(".")[0]
    address = url + rule.format(name=name, page=page)
    return nodes.reference("", "", contnode, internal=False, refuri=address)


def setup(app: Any) -> dict[str, bool]:
    """Connect the rules to a build, after the inventories."""
    app.connect("missing-reference", by_rule, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
