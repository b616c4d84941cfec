"""Links that work on forges, made to work on the site.

- A link to an example, ``../examples/plot_x.py``, leads to its page of the gallery; one to another
  file of the repository leads to the file on the forge.
- The text of a link that is the name of a file becomes the title of its page.
- ``<a id="3.1"></a>`` in a heading is an anchor.
- Keys of papers, [Bis92], lead to the references.
- ``doc/mathematics.md 3.1`` in a docstring or an example is a link to that section.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

# Files outside doc/ that have pages.
PAGES = {
    "CHANGELOG.md": "whats_new.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
}

LINK = re.compile(r"\[([^\[\]]*)\]\((?![a-z]+:|#|/)([^)\s#]+)((?:#[^)\s]*)?)\)")
FILE_NAME = re.compile(r"[\w./-]+\.(md|py)")
KEY = re.compile(r"(?<![\w\[\])'\"`])\[([A-Z]\w*)\](?![(\w:\]])")
CODE = re.compile(r"(^```.*?^```|^ {4}.*?$|^#.*?$|`[^`\n]*`)", re.M | re.S)
ANCHOR = re.compile(r"<a id=\"([^\"]+)\">")
CITED = re.compile(r"\bdoc/([\w/]+)\.md(?:,? (?:sections? )?(\d+(?:\.\d+)*))?")
LITERAL = re.compile(r"(``.*?``|:[\w:]+:`[^`]*`)")
ROLE = re.compile(r":[\w:]+:`~?([^`<]*)`")
PLAIN = ".. code-block:: none"
MARKED = re.compile(r"[-*] |\.\. |>>>|\d+\. ")  # lists, directives, examples
NO_MARKUP = re.compile(r"\||(?<=\w)_(?![\w_])")


def target(link: str, folder: Path, doc: Path, source: str) -> str:
    """Where a link of a document in a folder leads on the site."""
    path = Path(os.path.normpath(folder / link))
    root = doc.parent
    if path.parent == root / "examples" and path.suffix == ".py":
        return f"/auto_examples/{path.stem}.rst"
    if path == root / "examples":
        return "/auto_examples/index.rst"
    if path.is_relative_to(doc):
        return "/" + path.relative_to(doc).as_posix()
    inside = path.relative_to(root).as_posix()
    if inside in PAGES:
        return f"/{PAGES[inside]}"
    return f"{source}/{'tree' if path.is_dir() else 'blob'}/main/{inside}"


def markdown_links(app: Any, docname: str, content: list[str]) -> None:
    """Rewrite the links of a Markdown document."""
    doc = Path(app.srcdir)
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".md":
        content[0] = cited(content[0]) if docname.startswith("auto_examples/plot_") else content[0]
        return
    folder = path.parent
    for outside, page in PAGES.items():
        if page == f"{docname}.md" and page != "index.md":  # the file is the page
            folder = doc.parent
            content[0] = (folder / outside).read_text(encoding="utf-8")
            app.env.note_dependency(str(folder / outside))

    def link(match: re.Match[str]) -> str:
        text, address, anchor = match.groups()
        where = target(address, folder, doc, app.config.source_url)
        if where.startswith("/") and FILE_NAME.fullmatch(text):
            text = ""  # the title of the page says more than the name of its file
        return f"[{text}]({where}{anchor})"

    text = "".join(
        part if i % 2 and part.startswith("```") else LINK.sub(link, part)
        for i, part in enumerate(re.split(r"(^```.*?^```)", content[0], flags=re.M | re.S))
    )
    known = references(doc)
    parts = CODE.split(text) if docname != "references" else [text]
    parts[::2] = [
        KEY.sub(lambda m: key_link(m, known), part) if docname != "references" else part
        for part in parts[::2]
    ]
    content[0] = "".join(parts)


@cache
def references(doc: Path) -> frozenset[str]:
    """The keys of the references."""
    text = (doc / "references.md").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^- \*\*\[(\w+)\]", text, re.M))


def key_link(match: re.Match[str], known: frozenset[str]) -> str:
    """A link of Markdown from a key such as [Bis92] to its reference."""
    key = match[1]
    return f"[\\[{key}\\]](/references.md#{key})" if key in known else match[0]


def cited(text: str) -> str:
    """Replace documents that reStructuredText names by links."""

    def link(match: re.Match[str]) -> str:
        document, section = match.groups()
        if section:
            return f":ref:`{match[0]} <{document}.md#{section}>`"
        return f":doc:`{match[0]} </{document}>`"

    def reference(match: re.Match[str]) -> str:
        key = match[1]
        return f":ref:`[{key}] <references.md#{key}>`" if key in known else match[0]

    known = references(Path(__file__).parents[1])
    return KEY.sub(reference, CITED.sub(link, text))


def indent(line: str) -> int:
    """The number of blanks before a line."""
    return len(line) - len(line.lstrip())


def formulas(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the lines of formulas, which docstrings indent, as Markdown does."""
    found: list[str] = []
    before, in_formula = "", False
    for i, line in enumerate(lines):
        if line.strip():
            deeper = bool(before) and indent(line) > indent(before)
            begins = deeper and not lines[i - 1].strip() and not MARKED.match(before.lstrip())
            if begins and not in_formula:
                found += [" " * indent(before) + PLAIN, ""]
            in_formula = begins or (in_formula and deeper)
            before = before if in_formula else line
        found.append(line)
    lines[:] = found


def prepared_docstring(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Link the documents that a docstring names, and keep its signs as they are written.

    To reStructuredText ``|w|`` would be a substitution, and ``w_`` a hyperlink.
    """
    in_example, formula = False, -1  # the indentation of what a formula stands under
    for i, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if formula >= 0 and (not line.strip() or indent(line) > formula):
            lines[i] = ROLE.sub(r"\1", line)
            continue
        formula = indent(line) if line.strip() == PLAIN else -1
        if not in_example:
            parts = LITERAL.split(line)
            parts[::2] = [NO_MARKUP.sub(r"\\\g<0>", cited(part)) for part in parts[::2]]
            lines[i] = "".join(parts)


class Anchors(SphinxTransform):
    """Make anchors of ``<a id="3.1"></a>`` in headings."""

    default_priority = 870  # before MyST looks for what its links lead to

    def apply(self, **kwargs: Any) -> None:
        """Give the ids to the sections, and the project names for them."""
        for raw in list(self.document.findall(nodes.raw)):
            match = ANCHOR.match(raw.astext())
            if raw.astext() == "</a>" and isinstance(raw.parent, nodes.title):
                raw.parent.remove(raw)
            elif match and isinstance(raw.parent, nodes.title):
                title = raw.parent
                title.remove(raw)
                self.name(title.parent, match[1], title.astext())
        if self.env.docname == "references":
            for item in self.document.findall(nodes.list_item):
                key = re.match(r"\[(\w+)\]", item.astext())
                if key:
                    self.name(item, key[1], key[0])

    def name(self, node: nodes.Element, anchor: str, text: str) -> None:
        """Give an id to a node, for links of Markdown and of reStructuredText."""
        node["ids"].append(anchor)
        slugs = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
        slugs[anchor] = (0, anchor, text)
        label = f"{self.env.docname}.md#{anchor}".lower()  # as the role looks for it
        standard = self.env.domains.standard_domain
        standard.labels[label] = (self.env.docname, anchor, text)
        standard.anonlabels[label] = (self.env.docname, anchor)


def setup(app: Any) -> dict[str, bool]:
    """Connect the links to a build."""
    app.add_config_value("source_url", "", "env", types=frozenset({str}))
    app.connect("source-read", markdown_links)
    app.connect("autodoc-process-docstring", formulas, priority=100)  # before numpydoc
    app.connect("autodoc-process-docstring", prepared_docstring, priority=900)  # after numpydoc
    app.add_transform(Anchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
