"""The pages of the sources show every item of them as code that can fail, or say why not."""

import re
from pathlib import Path

import pytest

DOC = Path(__file__).parents[2] / "doc"
PAGES = {"iovleff": (1, 52), "hui": (53, 72), "gong": (73, 97), "sources": (98, 106)}
ITEM = re.compile(r"^###? (\d+)\. ", re.MULTILINE)
CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def items(page):
    """The numbered sections of a page."""
    text = (DOC / f"{page}.md").read_text(encoding="utf-8")
    starts = [match.start() for match in ITEM.finditer(text)]
    ends = [*starts[1:], len(text)]
    return {
        int(ITEM.match(text[start:end])[1]): text[start:end]
        for start, end in zip(starts, ends, strict=True)
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_item_is_there_once_and_in_order(page):
    first, last = PAGES[page]
    text = (DOC / f"{page}.md").read_text(encoding="utf-8")
    assert [int(number) for number in ITEM.findall(text)] == list(range(first, last + 1))


@pytest.mark.parametrize("page", PAGES)
def test_an_item_asserts_something_or_is_out_of_scope(page):
    lacking = [
        number
        for number, text in items(page).items()
        if "Out of scope: " not in text
        and not any("assert " in code or "check_" in code for code in CODE.findall(text))
    ]
    assert lacking == []


def test_few_items_are_out_of_scope():
    found = [
        number
        for page in PAGES
        for number, text in items(page).items()
        if "Out of scope: " in text
    ]
    assert len(found) <= 3
