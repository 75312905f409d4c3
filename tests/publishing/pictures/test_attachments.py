"""Broken rules carry one flat picture each, which JUnit names."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from explain_gate.publishing.publish import publish


def attached(folder):
    """Rule name -> path of its picture."""
    cases = ET.parse(folder / "junit.xml").getroot().iter("testcase")  # noqa: S314 - our own text
    texts = {case.get("name"): [out.text for out in case.iter("system-out")] for case in cases}
    found = {}
    for name, outs in texts.items():
        for text in outs:
            if text.startswith("[[ATTACHMENT|"):
                found[name] = text.removeprefix("[[ATTACHMENT|").removesuffix("]]")
    return found


def test_broken_rules_show_their_worst_image(run):
    """Failed rules have a picture at the place the caller names; passed and waived ones have none."""
    publish(run.verdict, run.profile, run.folder, location="reports/latest")
    found = attached(run.folder)
    assert set(found) == {f.key.partition(".")[2] for f in run.verdict.findings if f.status in ("failed", "unmeasured")}
    for path in found.values():
        file = run.folder / path.removeprefix("reports/latest/")
        pixels = np.asarray(Image.open(file))
        assert pixels.shape == (448, 448, 3)
        assert (pixels == (55, 240, 255)).all(axis=-1).any(), "the region's border is drawn"


def test_without_pictures_nothing_is_attached(make_run):
    """A profile without photographs gives a valid file without attachments."""
    run = make_run(pictures=False)
    publish(run.verdict, run.profile, run.folder)
    assert attached(run.folder) == {}


def test_a_thousand_broken_rules_write_few_pictures(big_verdict, run):
    """Rules share pictures and their number is bounded."""
    findings = tuple(
        replace(f, worst=(run.profile.images[i % 18].image,)) for i, f in enumerate(big_verdict.findings[:500])
    )
    publish(replace(run.verdict, findings=findings), run.profile, run.folder)
    assert len(list((run.folder / "assets" / "worst").iterdir())) <= 20
