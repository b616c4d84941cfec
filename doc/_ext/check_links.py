"""Check the links inside a built site: pages, anchors, pictures, and no page that none leads to.

python doc/_ext/check_links.py build/site
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page refers to, and what of it can be referred to."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.duplicates: set[str] = set()
        self.base = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep ids and addresses."""
        found = {name: value for name, value in attrs if value}
        if "id" in found:
            if found["id"] in self.anchors:
                self.duplicates.add(found["id"])
            self.anchors.add(found["id"])
        if tag == "a" and "name" in found:
            self.anchors.add(found["name"])
        if tag == "base":
            self.base = found["href"]
        for name in ("href", "src"):
            if name in found and tag != "base":
                self.links.add(found[name])
        for source in found.get("srcset", "").split(","):
            if source.strip():
                self.links.add(source.split()[0])


def problems(site: Path) -> tuple[list[str], int, int]:
    """What is broken, and the numbers of pages and links."""
    pages = {
        path.resolve(): Page(path)
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.relative_to(site).parts
    }
    broken, n_links, reached = [], 0, set()
    for path, page in pages.items():
        name = path.relative_to(site.resolve()).as_posix()
        folder = site.resolve() if page.base else path.parent
        broken += [f"{name}: two elements have the id {anchor}" for anchor in page.duplicates]
        for link in sorted(page.links):
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            n_links += 1
            target = (folder / unquote(address.path)).resolve() if address.path else path
            if target.is_dir():
                target = target / "index.html"
            if not target.exists():
                broken.append(f"{name}: there is no {link}")
            elif address.fragment and target in pages:
                fragment = unquote(address.fragment)
                if fragment not in pages[target].anchors:
                    broken.append(f"{name}: there is no anchor {link}")
            if target != path:
                reached.add(target)
    for path in set(pages) - reached:
        name = path.relative_to(site.resolve()).as_posix()
        if name != "404.html" and 'http-equiv="refresh"' not in path.read_text(encoding="utf-8"):
            broken.append(f"{name}: no page leads to it")
    return broken, len(pages), n_links


def main() -> int:
    """Print what is broken, and the numbers."""
    broken, n_pages, n_links = problems(Path(sys.argv[1]))
    print("\n".join([*broken, f"{n_pages} pages, {n_links} links, {len(broken)} broken"]))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
