"""Every citation leads to something: a section, a reference, an equation, or a file.

Known forms: "doc/mathematics.md 3.1 and 3.3" (sections by number), "[I] eq. 7 to 9" and "[Bis92]"
(keys of doc/references.md), "Hassibi and Stork (1993)" (authors and year of an entry there),
paths from the root such as "doc/sizes.md", and links of Markdown with or without "#anchor".
"""

import re
import tokenize
import unicodedata
from functools import cache
from pathlib import Path

import pytest

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").exists())
FOLDERS = ["sknewtonnet", "tests", "benchmarks", "examples", "doc", ".github"]
FILES = sorted(
    path
    for pattern in (
        "*.md",
        *(f"{folder}/**/*.{end}" for folder in FOLDERS for end in ("md", "py", "R")),
    )
    for path in ROOT.glob(pattern)
    if path != Path(__file__).resolve()
)
MARKDOWN = [path for path in FILES if path.suffix == ".md"]

NUMBER = r"\d+(?:\.\d+)*"
SECTION = re.compile(rf"\bdoc/(\w+)\.md,? (?:sections? )?({NUMBER}(?:(?:, | and ){NUMBER})*)")
KEY = re.compile(r"(?<![\w\])'\"])\[(?!True\]|False\]|None\])([A-Z]\w*)\](?![(\w])")
EQUATION = re.compile(r"\[([IG])\] eq\. (\d+)(?: to (\d+))?")
NAME = r"[^\W\da-z_][\w'-]+"
AUTHORS = re.compile(
    rf"({NAME}(?:, {NAME})*(?: and {NAME})?)( et al\.)?,? \(?((?:19|20)\d\d)\b(?=[),;:.]|$)"
)
PLACE = re.compile(rf"(?<![\w/.-])((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w)(?![\w*])")
LINK = re.compile(r"\]\((?![a-z]+:)([^)\s]*)\)")
ENTRY = re.compile(r"^- \*\*\[(\w+)\]\*\* (.*?) \((\d{4})\)\. ", re.MULTILINE)

# Words before a number of four digits that are no author.
NO_NAMES = {"Above", "Below", "From", "In", "Of", "Over", "To", "With"}
# Places that a script writes and the repository does not have.
OUTPUTS = {".benchmarks"}
# Pages of the documentation that its build writes.
BUILT = [ROOT / "doc" / "api", ROOT / "doc" / "auto_examples"]
EQUATIONS = {"I": 12, "G": 31}


def prose(path):
    """Return the text of a document, or the strings and comments of a script, on one line."""
    if path.suffix == ".py":
        kinds = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1)}
        with tokenize.open(path) as file:
            tokens = tokenize.generate_tokens(file.readline)
            text = "\n".join(token.string for token in tokens if token.type in kinds)
    else:
        text = path.read_text(encoding="utf-8")
    return re.sub(r"[\s#]*\n[\s#]*", " ", text)


def identity(path):
    return path.relative_to(ROOT).as_posix()


def plain(text):
    """Return the text without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


@cache
def sections(document):
    """Numbers of the headings of a document in doc/."""
    path = ROOT / "doc" / f"{document}.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return set(re.findall(rf"^#+ (?:<a id=\"[^\"]*\"></a>)?({NUMBER})\b", text, re.MULTILINE))


@cache
def anchors(path):
    """What may follow # in a link to a document: ids, and headings as forges make ids of them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = set(re.findall(r"<a id=\"([^\"]*)\">", text))
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        words = re.sub(r"<[^>]*>|[^\w\s-]", "", heading).strip().lower()
        found.add(words.replace(" ", "-"))
    return found


@cache
def entries():
    """Surnames and year of each entry of the references, by key."""
    text = (ROOT / "doc" / "references.md").read_text(encoding="utf-8")
    return {
        key: (re.findall(r"([^\W\d_][\w' -]*), [A-Z]\.", plain(who).replace("et al.", "")), year)
        for key, who, year in ENTRY.findall(re.sub(r"\n  +", " ", text))
    }


def keys_of(names, et_al, year):
    """Keys of the entries that a citation by authors and year may mean."""
    cited = re.split(r", | and ", re.sub(r"'s\b", "", plain(names)))
    return {
        key
        for key, (authors, when) in entries().items()
        if when == year and (authors[:1] if et_al else authors) == cited
    }


def citations_by_author(text):
    for names, et_al, year in AUTHORS.findall(text):
        if names not in NO_NAMES:
            yield f"{names}{et_al} {year}", keys_of(names, et_al, year)


def problems(text):
    """All citations of a text that lead nowhere."""
    for document, numbers in SECTION.findall(text):
        for number in re.findall(NUMBER, numbers):
            if number not in sections(document):
                yield f"doc/{document}.md has no section {number}"
    for key in KEY.findall(text):
        if key not in entries():
            yield f"[{key}] is not in doc/references.md"
    for key, first, last in EQUATION.findall(text):
        if int(last or first) > EQUATIONS[key]:
            yield f"[{key}] has no equation {last or first}"
    for citation, keys in citations_by_author(text):
        if not keys:
            yield f"{citation} is not in doc/references.md"
    for place in PLACE.findall(text):
        if not (ROOT / place).exists() and not OUTPUTS & set(Path(place).parts):
            yield f"there is no {place}"


@pytest.mark.parametrize("path", FILES, ids=identity)
def test_citations_lead_somewhere(path):
    assert not list(problems(prose(path)))


@pytest.mark.parametrize("path", MARKDOWN, ids=identity)
def test_links_lead_somewhere(path):
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        document = (path.parent / target).resolve() if target else path
        if any(document.is_relative_to(folder) for folder in BUILT):
            continue
        assert document.exists(), f"there is no {target}"
        assert not anchor or anchor in anchors(document), f"{document.name} has no #{anchor}"


def test_no_document_outside_the_repository_is_cited():
    outside = re.compile(r"\b(?:MATHEMATICS|STATISTICS|ARCHITECTURE|CODE_STYLE)\b")
    assert not [identity(path) for path in FILES if outside.search(prose(path))]


def test_every_reference_is_cited():
    cited = set()
    for path in FILES:
        if path.name != "references.md":
            text = prose(path)
            cited |= set(KEY.findall(text)).union(*(keys for _, keys in citations_by_author(text)))
    assert not set(entries()) - cited


def test_keys_are_unique():
    text = (ROOT / "doc" / "references.md").read_text(encoding="utf-8")
    keys = [key for key, _, _ in ENTRY.findall(re.sub(r"\n  +", " ", text))]
    assert len(keys) == text.count("- **[") == len(set(keys)) > 40


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("See doc/mathematics.md 3.1 and 9.9.", "no section 9.9"),
        ("See doc/nothing.md 1.", "no section 1"),
        ("From [Nob99].", "[Nob99] is not"),
        ("By [I] eq. 7 to 13.", "no equation 13"),
        ("After Nobody and Stork (1993), all is well.", "Nobody and Stork 1993 is not"),
        ("Hassibi and Stork (1994).", "Hassibi and Stork 1994 is not"),
        ("Tables in doc/nothing.md.", "there is no doc/nothing.md"),
    ],
)
def test_what_leads_nowhere_is_reported(text, reported):
    assert any(reported in problem for problem in problems(text))
