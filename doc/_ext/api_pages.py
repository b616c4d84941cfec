"""Pages of the reference: one for each public object, and one for each theme."""

import enum
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api_themes import CONSTANTS, PAGES
from public_objects import Public, grouped, public_objects
from sphinx.util.nodes import make_refnode


def is_constant(thing: Any) -> bool:
    """Whether a public thing is neither a class nor a function."""
    return not (inspect.isclass(thing) or inspect.isroutine(thing))


def underlined(text: str, line: str) -> list[str]:
    """A heading."""
    return [text, line * len(text), ""]


def options(cls: type) -> Iterator[str]:
    """What of a class its page shows: its own public members, and those it has from ours."""
    yield "   :members:"
    if issubclass(cls, enum.Enum):
        yield "   :undoc-members:"
    elif not any(base.__module__ == "builtins" for base in cls.__mro__[1:-1]):
        yield "   :inherited-members: object"


def constant_page(public: Public) -> Iterator[str]:
    """What the page of a constant shows: what it is, and its value or its names."""
    value = public.thing
    yield f".. py:data:: {public.name}"
    yield ""
    yield f"   {CONSTANTS[public.full_name]}"
    yield ""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield f"   - ``{key!r}``: ``{_shown(entry)}``"
    elif public.name != "__version__":
        yield f"   ``{value!r}``".replace("sknewtonnet.solvers._result.", "")


def _shown(entry: Any) -> str:
    return entry.__name__ if inspect.isclass(entry) else repr(entry).partition("(")[0]


def object_page(public: Public) -> list[str]:
    """The page of one object, as reStructuredText."""
    lines: list[str] = []
    lines += underlined(public.name.replace("_", r"\_"), "=")
    lines += [f".. currentmodule:: {public.module}", ""]
    examples = [public.full_name, *public.aliases]
    if is_constant(public.thing):
        lines += constant_page(public)
    elif inspect.isclass(public.thing):
        kind = "exception" if issubclass(public.thing, BaseException) else "class"
        lines += [f".. auto{kind}:: {public.name}", *options(public.thing)]
        methods = [name for name in dir(public.thing) if not name.startswith("_")]
        examples += [f"{name}.{method}" for name in examples for method in methods]
    else:
        lines += [f".. autofunction:: {public.name}"]
    lines += ["", f".. minigallery:: {' '.join(examples)}"]
    lines += ["   :add-heading: Gallery examples", "   :heading-level: -"]
    return lines


def summary(public: Public) -> str:
    """The first line of the documentation."""
    if is_constant(public.thing):
        return CONSTANTS[public.full_name]
    return inspect.getdoc(public.thing).partition("\n")[0]


def group_lines(heading: str, members: list[Public]) -> Iterator[str]:
    """A heading and a table of the objects under it."""
    yield from underlined(heading, "-") if heading else ()
    yield from [f".. currentmodule:: {members[0].module}", ""]
    described = [public for public in members if not is_constant(public.thing)]
    if described:
        yield from [".. autosummary::", "   :nosignatures:", ""]
        yield from (f"   {public.name}" for public in described)
        yield ""
    for public in members:
        if is_constant(public.thing):
            yield f"- :py:data:`~{public.full_name}`: {CONSTANTS[public.full_name]}"
    yield ""


def write(path: Path, lines: list[str]) -> None:
    """Write a page, unless it is there already: what does not change is not read again."""
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write_pages(app: Any) -> None:
    """Write all pages of the reference into ``api/``."""
    folder = Path(app.srcdir, "api")
    (folder / "generated").mkdir(parents=True, exist_ok=True)
    objects = public_objects()
    by_group = grouped(objects)
    written = {folder / "index.rst"}
    modules: set[str] = set()
    for page in PAGES:
        lines = underlined(page.title, "=")
        for module in sorted({group.module for group in page.groups} - modules):
            lines += [f".. module:: {module}", ""]
            modules.add(module)
        lines += [page.intro, ""]
        shown = []
        for group in page.groups:
            if by_group[group]:
                heading = group.heading if len(page.groups) > 1 else ""
                lines += group_lines(heading, by_group[group])
                shown += by_group[group]
        lines += [".. toctree::", "   :hidden:", ""]
        for public in shown:
            lines.append(f"   {public.name} <generated/{public.full_name}>")
            path = folder / "generated" / f"{public.full_name}.rst"
            write(path, object_page(public))
            written.add(path)
        write(folder / f"{page.slug}.rst", lines)
        written.add(folder / f"{page.slug}.rst")
    index = [*underlined("Reference", "="), "Every public object has a page.", ""]
    for page in PAGES:
        index += [f":doc:`{page.slug}`", f"   {page.intro}", ""]
    index += [".. toctree::", "   :hidden:", "", *(f"   {page.slug}" for page in PAGES)]
    write(folder / "index.rst", index)
    for path in folder.rglob("*.rst"):  # names that went away
        if path not in written:
            path.unlink()


def write_redirects(app: Any, exception: Exception | None) -> None:
    """Let the other names of an object lead to its page."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir, "api", "generated")
    for public in public_objects().values():
        for alias in public.aliases:
            target = f"{public.full_name}.html"
            (folder / f"{alias}.html").write_text(
                f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
                f"<title>{alias}</title>"
                f'<link rel="canonical" href="{target}">'
                f'<meta http-equiv="refresh" content="0; url={target}"></head>'
                f'<body><a href="{target}">{public.full_name}</a></body></html>\n',
                encoding="utf-8",
            )


def skip_member(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what a class has from Python's own classes, such as ``count`` of sequences."""
    member = inspect.unwrap(getattr(obj, "fget", None) or obj)
    module = getattr(member, "__module__", None) or "sknewtonnet"
    return None if module.partition(".")[0] in ("sknewtonnet", "sklearn") else True


def find_public(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Resolve a name without its module, if one public object has it.

    An attribute without an entry of its own is described on the page of its class.
    """
    if node.get("refdomain") != "py":
        return None
    objects, wanted = env.domains.python_domain.objects, node["reftarget"]
    owner = wanted.rpartition(".")[0] or (node.get("py:class") or "").rpartition(".")[2]
    for name in (wanted, owner) if "." in wanted or node["reftype"] == "attr" else (wanted,):
        found = [
            (entry.docname, entry.node_id, full)
            for full, entry in objects.items()
            if not entry.aliased and name and full.endswith(f".{name}")
        ]
        if len(found) == 1:
            docname, node_id, full = found[0]
            return make_refnode(app.builder, node["refdoc"], docname, node_id, contnode, full)
    return None


def setup(app: Any) -> dict[str, bool]:
    """Connect the pages to a build."""
    app.connect("builder-inited", write_pages, priority=400)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("missing-reference", find_public)
    app.connect("build-finished", write_redirects)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
