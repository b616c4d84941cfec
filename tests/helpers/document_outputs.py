"""What the Python blocks of a document print, beside what the document says they print.

A block that starts with ```text right after a block of ```python is its output. Run as a script
with the paths of documents, this writes what is printed into them:

    PYTHONPATH=. python tests/helpers/document_outputs.py doc/getting_started.md
"""

import contextlib
import io
import re
import sys
from pathlib import Path

PAIR = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n*^```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


def run(text, name):
    """Yield the match of each Python block of a document, and what it prints, in one namespace."""
    namespace = {"__name__": "__main__"}
    for match in PAIR.finditer(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(match["code"], name, "exec"), namespace)
        yield match, "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def differences(said, printed):
    """Return what differs: words, or numbers by more than one per cent.

    Kernels of linear algebra differ in last digits, so numbers need not be the same. All numbers
    that are as small as rounding, below 1e-8, are equal, and so are those above 1e15. Spaces,
    rules and line breaks, which change with the widths of numbers, do not count. A word "..."
    stands for any words that are left out.
    """
    left = _words(printed)
    parts = [part.split() for part in f" {' '.join(_words(said))} ".split(" ... ")]
    for k, part in enumerate(parts):
        if k == len(parts) - 1 and k:
            start = max(len(left) - len(part), 0)
        else:
            places = range(len(left) - len(part) + 1 if k else 1)
            fits = (i for i in places if all(map(_same, part, left[i:])))
            start = next(fits, 0)
        found = [
            f"{a} is {b}" for a, b in zip(part, left[start:], strict=False) if not _same(a, b)
        ]
        if found or len(left) - start < len(part):
            return found or [f"no {' '.join(part[len(left) - start :])}"]
        left = left[start + len(part) :]
    return [f"also {' '.join(left)}"] if left else []


def _words(text):
    return [word for word in text.split() if set(word) - set("=-")]


def _same(a, b):
    numbers = [[float(x) for x in NUMBER.findall(word)] for word in (a, b)]
    if NUMBER.sub("0", a) != NUMBER.sub("0", b):
        return False
    return all(
        abs(x - y) <= max(0.01 * max(abs(x), abs(y)), 1e-8) or min(abs(x), abs(y)) > 1e15
        for x, y in zip(*numbers, strict=True)
    )


def rewritten(text, name):
    """The document with what its blocks print; outputs that are right stay as they are."""
    parts, end = [], 0
    for match, printed in run(text, name):
        said = match["output"]
        right = said is not None and not differences(said, printed)
        parts += [text[end : match.start()], f"```python\n{match['code']}```\n"]
        if right:
            parts.append(f"\n```text\n{said}```\n")
        elif printed:
            parts.append(f"\n```text\n{printed}```\n")
        end = match.end()
    return "".join([*parts, text[end:]])


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        text = path.read_text(encoding="utf-8")
        path.write_text(rewritten(text, path.name), encoding="utf-8")
