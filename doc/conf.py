"""Configuration of the documentation site; ``bash .ci/docs`` builds and checks it."""

import os
import sys
import tomllib
import warnings
from pathlib import Path

DOC = Path(__file__).parent
ROOT = DOC.parent
sys.path[:0] = [str(ROOT), str(DOC / "_ext")]

import other_projects  # noqa: E402
import public_objects  # noqa: E402

import sknewtonnet  # noqa: E402

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # examples run beside each other
    os.environ.setdefault(variable, "1")

with (ROOT / "pyproject.toml").open("rb") as file:
    METADATA = tomllib.load(file)["project"]
URLS = METADATA["urls"]

project = METADATA["name"]
author = METADATA["authors"][0]["name"]
copyright = author
release = version = sknewtonnet.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.linkcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "api_pages",
    "contents",
    "gallery_order",
    "links",
    "other_projects",
    "page_head",
]
exclude_patterns = ["_ext", "_templates", "pictures", "**/GALLERY_HEADER.rst", "**.ipynb"]
templates_path = ["_templates"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(RadialLayer|RowsAt|LinearAtPoint)\b.*")]  # not public

# Markdown, as forges show it: headings have anchors, links lead to files.
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

# Pages of public objects, from their docstrings.
autosummary_generate = False  # api_pages writes them
autosummary_imported_members = False
autodoc_typehints = "none"  # types and shapes are in the docstrings
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
add_module_names = False
default_role = "code"
smartquotes = False  # names and types are code
toc_object_entries_show_parents = "hide"


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """The lines of an object on the forge."""
    return public_objects.source(info["module"], info["fullname"], ROOT, URLS["Source"])


# Other projects: their inventories where there is a network, else rules for their addresses.
intersphinx_mapping = other_projects.inventories(ROOT / "build" / "inventories")
intersphinx_timeout = 10
intersphinx_cache_limit = 7

# Examples: run, with their figures and outputs.
sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"plot_",
    "within_subsection_order": "gallery_order.ByReader",
    "doc_module": ("sknewtonnet",),
    "reference_url": {"sknewtonnet": None},
    "backreferences_dir": "api/backreferences",
    "image_srcset": ["2x"],
    "thumbnail_size": (480, 320),
    "min_reported_time": 30,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": False,
    "only_warn_on_example_error": False,
    "parallel": int(os.environ.get("SKNEWTONNET_DOC_JOBS", "2")),
    "matplotlib_animations": False,
    "download_all_examples": False,
}
html_theme = "pydata_sphinx_theme"
source_url = URLS["Source"]
html_baseurl = URLS["Documentation"]
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_copy_source = False
html_domain_indices = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": project},
    "github_url": URLS["Source"],
    "header_links_before_dropdown": 8,
    "navbar_persistent": ["search-button"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "404": []},
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

warnings.filterwarnings("ignore", category=UserWarning, message=".*FigureCanvasAgg is non-int.*")
