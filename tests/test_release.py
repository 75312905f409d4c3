"""What a release promises: a changelog that reads as one, a citation, licences of what is installed with it."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import explain_gate

ROOT = Path(__file__).parents[1]
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
PERMISSIVE = re.compile(
    r"apache|\bMIT\b|MIT-|\bBSD|freebsd|0BSD|ISC|PSF|python software foundation|zlib|CC0|BSL-1\.0|MPL|mozilla",
    re.IGNORECASE,
)
"""MPL asks for the source of its own files alone."""
SAID_IN_THEIR_FILE = {"huey": "Permission is hereby granted, free of charge", "skops": "MIT License"}
"""Packages whose metadata names no licence, and how the text that they carry begins."""


def test_the_changelog_is_kept_as_it_says():
    """Versions with a date, newest first, and the kinds of changes by their names, each once."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert versions[0].startswith("[Unreleased]\n")
    for version in versions:
        head, *sections = re.split(r"^### ", version, flags=re.MULTILINE)
        assert re.match(r"\[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d{2}-\d{2})?\n", head)
        kinds = [section.partition("\n")[0] for section in sections]
        assert set(kinds) <= set(KINDS), kinds
        assert len(set(kinds)) == len(kinds)


def test_the_citation_names_this_version_and_its_papers():
    """As GitHub and Zenodo read it."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == explain_gate.__version__
    assert citation["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert all({"title", "year", "authors", "type"} <= set(paper) for paper in citation["references"])


def installed() -> dict[str, str]:
    """Every package that comes with explain-gate, through those that it needs, by the licence that it names."""
    licences: dict[str, str] = {}
    ahead = ["explain-gate"]
    while ahead:
        name = re.sub(r"[-_.]+", "-", ahead.pop()).lower()
        if name in licences:
            continue
        try:
            about = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another system or Python
            continue
        needed = [Requirement(text) for text in about.requires or ()]
        ahead += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
        classifiers = [
            c.rpartition(" :: ")[2] for c in about.metadata.get_all("Classifier", ()) if c.startswith("License")
        ]
        named = about.metadata.get("License-Expression") or "; ".join(classifiers) or about.metadata.get("License", "")
        licences[name] = named[:200]
    return licences


def licence_text(name: str) -> str:
    """The text of the licence that a package carries."""
    about = metadata.distribution(name)
    files = [file for file in about.files or () if "license" in file.name.lower() and "dist-info" in str(file)]
    return "\n".join(Path(str(about.locate_file(file))).read_text(encoding="utf-8", errors="replace") for file in files)


def test_everything_that_is_installed_with_it_may_be_used_beside_a_closed_model():
    """No GPL, LGPL or AGPL, and nothing whose licence nobody knows."""
    licences = installed()
    assert {"torch", "mlflow", "pydantic", "pytest"} <= set(licences)
    assert {name: text for name, text in licences.items() if re.search(r"\b[AL]?GPL|GNU", text)} == {}
    unknown = {name for name, text in licences.items() if not PERMISSIVE.search(text)}
    assert unknown <= set(SAID_IN_THEIR_FILE), {name: licences[name] for name in unknown}


@pytest.mark.parametrize("name", SAID_IN_THEIR_FILE)
def test_a_licence_that_is_in_no_metadata_is_in_the_file(name):
    """Read, not guessed."""
    if name not in installed():
        pytest.skip("it is not needed here")
    assert SAID_IN_THEIR_FILE[name] in licence_text(name)


def test_every_extra_is_in_what_tests_install():
    """So that no extra is shipped untried, but for Hugging Face's own package, whose place a stand-in takes."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    dev = {Requirement(text).name for text in extras.pop("dev")}
    assert {Requirement(text).name for texts in extras.values() for text in texts} - dev <= {"transformers"}
