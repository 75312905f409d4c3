"""Rules that only warn never fail their item, whatever a session makes of warnings; every pytest surface tells them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import projects
import pytest
from PIL import Image

CHECKS = Path(__file__).parents[2] / "checks"
STRICT = pytest.mark.parametrize(
    "strict", [["-W", "error"], ["-o", "filterwarnings=error"]], ids=["option", "configuration"]
)


@pytest.fixture
def project(pytester):
    """A cheating model whose rules only warn, annotated by polygons, one picture with damaged EXIF; its own checks."""
    text = projects.THRESHOLDS.replace("per_class: true", "per_class: true, severity: warn")
    text = text.replace("{{at_most: 0.3}}", "{{at_most: 0.3, severity: warn}}")
    projects.write_project(pytester.path, corner=True, thresholds=text)
    path = pytester.path / "annotations.coco.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for annotation in document["annotations"]:
        x, y, width, height = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + width, y, x + width, y + height, x, y + height]]
    path.write_text(json.dumps(document), encoding="utf-8")
    picture = next((pytester.path / "images").glob("*.png"))
    with Image.open(picture) as opened:
        opened.load()
        opened.save(picture, exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x05\x00\x12\x01")
    shutil.copytree(CHECKS, pytester.path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    return pytester


def run(pytester, *options: str):
    return pytester.runpytest_subprocess("checks", "--explain", "--explain-output=out", *options)


@STRICT
@pytest.mark.parametrize("workers", ["0", "2"], ids=["serial", "distributed"])
def test_warnings_as_errors_change_no_verdict(project, strict, workers):
    """Broken rules of severity `warn` pass their items and the run, polygons and tracking included."""
    result = run(project, *strict, f"-n{workers}", "-v")
    verdict = json.loads((project.path / "out" / "verdict.json").read_text(encoding="utf-8"))
    assert (result.ret, verdict["exit_code"]) == (0, 0)
    statuses = [finding["status"] for finding in verdict["findings"]]
    assert (statuses.count("warned"), statuses.count("passed")) == (3, 1)
    result.stdout.fnmatch_lines(["*test_iou* WARNED*"] if workers == "0" else ["*WARNED*test_iou*"])
    result.stdout.fnmatch_lines(["*3 warned*"])


def test_pytests_own_report_holds_the_finding(project):
    """The status travels as a property of the item, which pytest writes into its own JUnit file too."""
    assert run(project, "-p", "no:xdist", "--junitxml=own.xml", "--explain-no-tracking").ret == 0
    cases = list(ET.parse(project.path / "own.xml").iter("testcase"))  # noqa: S314 - written just now
    found = [json.loads(p.get("value")) for case in cases for p in case.iter("property") if "finding" in p.get("name")]
    assert sorted(finding["status"] for finding in found) == ["passed", "warned", "warned", "warned"]
    assert all(case.find("failure") is None and case.find("error") is None for case in cases)
