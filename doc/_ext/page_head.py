"""What search engines and previews of links read: a description and a picture of each page."""

from html import escape
from typing import Any

from docutils import nodes

LENGTH = 200


def description(doctree: nodes.document) -> str:
    """The first paragraph of a page, cut at a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 30:
            return text if len(text) <= LENGTH else text[:LENGTH].rpartition(" ")[0] + " ..."
    return ""


def add_head(app: Any, pagename: str, template: str, context: Any, doctree: Any) -> None:
    """Add the description and the Open Graph properties of a page."""
    if doctree is None:
        return
    base = app.config.html_baseurl.rstrip("/")
    text = description(doctree)
    properties = {
        "og:title": context.get("title", app.config.project),
        "og:description": text,
        "og:type": "website",
        "og:url": f"{base}/{pagename}.html",
        "og:site_name": app.config.project,
        "og:image": f"{base}/_static/first_look.png",
    }
    tags = [f'<meta name="description" content="{escape(text)}">']
    tags += [f'<meta property="{k}" content="{escape(v)}">' for k, v in properties.items() if v]
    if pagename == "404":  # it is shown at any address
        tags.insert(0, f'<base href="{base}/">')
    context["metatags"] = context.get("metatags", "") + "\n" + "\n".join(tags)


def setup(app: Any) -> dict[str, bool]:
    """Connect the head to a build."""
    app.connect("html-page-context", add_head)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
