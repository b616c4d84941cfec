"""Whether HTML and LaTeX that the package writes are well formed."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

# Rules are those of booktabs; where that is not installed, lines of LaTeX's own.
PREAMBLE = r"""\documentclass{article}
\IfFileExists{booktabs.sty}{\usepackage{booktabs}}{%
  \newcommand{\toprule}{\hline}\newcommand{\midrule}{\hline}\newcommand{\bottomrule}{\hline}}
\begin{document}
"""


class Shape(HTMLParser):
    """Open tags, all tags, the number of cells in each row of each table, and the texts."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.tables, self.texts = [], [], [], []
        self.feed(page)
        assert self.open == [], f"never closed: {self.open}"

    @property
    def cells(self):
        return [count for table in self.tables for count in table]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "br":
            return
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append(0)
        elif tag in ("th", "td"):
            self.tables[-1][-1] += 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def check_latex(latex):
    """Environments and braces are closed, and what LaTeX reads as a command is escaped."""
    found = re.findall(r"\\(begin|end){(\w+)}", latex)
    open_ = []
    for word, name in found:
        if word == "begin":
            open_.append(name)
        else:
            assert open_.pop() == name
    assert open_ == []
    assert found
    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
    bare = re.sub(r"\$[^$]*\$", "", re.sub(r"\\[&%$#_{}]", "", latex))
    assert not re.search(r"[%$#^~_]", bare)


def compiled(folder, *bodies):
    """Whether a document of these bodies compiles; None without a compiler."""
    page = folder / "page.tex"
    text = [PREAMBLE, *bodies, "\\end{document}\n"]
    page.write_text("\n\n".join(text), encoding="utf-8")
    compiler = shutil.which("pdflatex")
    if compiler is None:
        return None
    command = [compiler, "-halt-on-error", "-interaction=nonstopmode", page.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    return (folder / "page.pdf").exists()
