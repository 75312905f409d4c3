"""docs/architecture.md says what the code is: its picture is that of the imports, and every file it names exists."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "explain_gate"
PAGE = REPOSITORY / "docs" / "architecture.md"
DATA = {"schemas"}
"""Folders without code."""
FOLDERS = ("explain_gate", "checks", "tests", "docs", "benchmarks", "examples", ".github")


def picture():
    """Box -> the boxes that its arrows point at, and the modules that are drawn inside of `ground`."""
    (text,) = re.findall(r"```mermaid\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    arrows, boxes, ground, inside = {}, set(), set(), None
    for line in map(str.strip, text.splitlines()[1:]):
        if line.startswith("subgraph"):
            inside = line.split()[1]
        elif line == "end":
            inside = None
        elif " --> " in line:
            one, other = line.split(" --> ")
            arrows.setdefault(one, set()).add(other)
        else:
            (ground if inside == "ground" else boxes).add(line)
    return boxes, ground, arrows


def imports(ground):
    """Box -> the boxes that its code imports when it runs; types alone do not count."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = (*file.relative_to(PACKAGE).with_suffix("").parts,)
        if parts in (("__init__",), ("__main__",)):
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for_types = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or id(node) in for_types:
                continue
            root, _, rest = (node.module or "").partition(".")
            if root != "explain_gate":
                continue
            for name in [rest.partition(".")[0]] if rest else [alias.name for alias in node.names]:
                if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file():
                    pair = ["ground" if box in ground else box for box in (parts[0], name)]
                    if pair[0] != pair[1]:
                        found.setdefault(pair[0], set()).add(pair[1])
    return found


def reached(arrows, box):
    """Every box along the arrows from one."""
    seen, ahead = set(), [box]
    while ahead:
        new = arrows.get(ahead.pop(), set()) - seen
        seen |= new
        ahead += new
    return seen


def test_every_folder_and_module_is_in_the_picture():
    """Whoever adds a room draws it."""
    boxes, ground, _ = picture()
    names = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix in {"", ".py"}}
    assert boxes | ground == {name for name in names if not name.startswith("_")} - DATA


def test_the_arrows_are_the_imports():
    """Each arrow is an import, and each import goes along arrows; no arrow says what others say already."""
    boxes, ground, arrows = picture()
    real = imports(ground)
    assert {one: others - real.get(one, set()) for one, others in arrows.items() if others - real.get(one, set())} == {}
    assert {one: others - reached(arrows, one) for one, others in real.items() if others - reached(arrows, one)} == {}
    for one, others in arrows.items():
        for other in others:
            rest = {**arrows, one: others - {other}}
            assert other not in reached(rest, one), f"{one} --> {other} says nothing new"
    assert not any(box in reached(arrows, box) for box in boxes), "a circle"


def test_the_stages_do_not_know_each_other():
    """Measuring, judging and publishing are three."""
    _, _, arrows = picture()
    stages = {"measuring", "judging", "publishing"}
    assert [reached(arrows, stage) & stages for stage in sorted(stages)] == [set(), set(), set()]


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "docs/architecture.md"]
)
def test_every_file_that_a_page_names_exists(page):
    """Paths in backticks and in links lead somewhere, from the repository's root or from the package."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    named = re.findall(r"`([\w./<>-]+/[\w./<>-]*|[\w-]+\.py)`", text)
    linked = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    missing = [
        name
        for name in named
        if "<" not in name
        and (name.split("/")[0] in FOLDERS or name.split("/")[0] in {p.name for p in PACKAGE.iterdir()})
        and not any((root / name).exists() for root in (REPOSITORY, PACKAGE))
    ]
    missing += [name for name in linked if name and not ((REPOSITORY / page).parent / name).exists()]
    assert missing == []


def test_ten_changes_have_their_place():
    """Each row of the table names a file or a folder that exists."""
    text = PAGE.read_text(encoding="utf-8").partition("## Where do I change")[2]
    rows = re.findall(r"^\| (an? [^|]+|another [^|]+) \| ([^|]+) \|", text, re.MULTILINE)
    assert len(rows) == 10
    for change, place in rows:
        names = [name.replace("<family>", "alignment") for name in re.findall(r"`([^`]+)`", place)]
        assert names, change
        assert [name for name in names if not (PACKAGE / name).exists() and "/" in name] == [], change


def test_whoever_contributes_reads_the_same_ten():
    """CONTRIBUTING.md has the table word by word."""
    table = PAGE.read_text(encoding="utf-8").partition("## Where do I change")[2].partition("\n\nAlso:")[0]
    rows = table.partition("| to add |")[2]
    assert rows
    assert rows in (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
