"""The cascade's curve in the report: one row per block from the output down, one line per method."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from explain_gate.comparing.per_image import PerImage
from explain_gate.comparing.profiles import compare_profiles
from explain_gate.publishing.pictures.cascade import build_cascade
from explain_gate.publishing.publish import publish
from explain_gate.records import Measurement

BLOCKS = ("head", "encoder.layers.encoder_layer_11.mlp <b>", "stage.1 to stage.9 of the network", "stem")
CURVES = {"grad_cam": (0.8, 0.4, 0.2, 0.0), "occlusion": (0.9, 0.8, 0.7, -0.2)}


def measured(check, method, values, reasons=None):
    values = np.asarray(values, float)
    rows = np.arange(values.size)
    return Measurement(
        check=check, method=method, rows=rows, values=values, reasons=reasons or (None,) * values.size
    )  # fmt: skip


def with_cascade(run, check="randomization.cascade", curves=CURVES):
    """The run with a cascade of 18 images: half a tenth above and half a tenth below the curve, so the mean is it."""
    sway = np.tile([0.05, -0.05], 9)
    extra = []
    for method, curve in curves.items():
        extra.append(measured(check, method, sway + np.mean(curve)))
        extra += [
            measured(f"{check}@{number} {block}", method, sway + value)
            for number, (block, value) in enumerate(zip(BLOCKS, curve, strict=True), start=1)
        ]
    findings = tuple(
        replace(run.verdict.findings[0], check=check, method=method, bound={"at_most": 0.5}) for method in curves
    )
    verdict = replace(run.verdict, findings=(*run.verdict.findings, *findings))
    return replace(run, verdict=verdict, profile=replace(run.profile, measurements=(*run.profile.measurements, *extra)))


def test_the_curve_runs_from_the_output_to_the_input(run):
    """Blocks come in the order of the steps, values are means over the images, the mean is what is judged."""
    view = build_cascade("randomization.cascade", PerImage(with_cascade(run).profile))
    assert view.blocks == BLOCKS
    assert view.images == 18
    assert {course.method: course.values for course in view.courses} == {
        method: pytest.approx(curve) for method, curve in CURVES.items()
    }
    assert [course.mean for course in view.courses] == pytest.approx([0.35, 0.55])


def test_ten_steps_are_in_the_order_of_their_numbers(run):
    """Step 10 comes after step 9, not after step 1."""
    steps = tuple(
        measured(f"randomization.cascade@{number} b{number}", "grad_cam", [0.5]) for number in range(11, 0, -1)
    )
    view = build_cascade("randomization.cascade", PerImage(replace(run.profile, measurements=steps)))
    assert view.blocks == tuple(f"b{number}" for number in range(1, 12))


def test_every_line_starts_at_the_trained_model_and_goes_down(run):
    """The rows descend; a lower correlation lies further to the left, and below zero left of its line."""
    svg = chart(with_cascade(run))
    zero = float(next(line for line in svg if line.get("class") == "zero").get("x1"))
    lines = [path for path in svg if path.get("class", "").startswith("fall")]
    assert len(lines) == 2
    for path, curve in zip(lines, CURVES.values(), strict=True):
        spots = [tuple(map(float, spot)) for spot in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d"))]
        heights = [y for _, y in spots]
        assert heights == sorted(heights)
        assert [spot[0] for spot in spots] == sorted((x for x, _ in spots), reverse=True)
        assert len(spots) == len(curve) + 1
        assert (spots[-1][0] < zero) == (curve[-1] < 0)


def test_the_chart_is_told_to_screen_readers_and_inert(run):
    """Title and description carry the numbers; names of blocks are text; no inline style, which the policy forbids."""
    svg = chart(with_cascade(run))
    assert svg.get("role") == "img"
    named = {svg.find("title").get("id"), svg.find("desc").get("id")}
    assert set(svg.get("aria-labelledby").split()) == named
    assert svg.find("desc").text == "grad_cam: 0.80, 0.40, 0.20, 0.00; occlusion: 0.90, 0.80, 0.70, -0.20"
    told = [span.text for span in svg.iter("tspan")]
    assert "…der_layer_11.mlp <b>" not in told
    assert any(text.endswith(".mlp <b>") and text.startswith("…") for text in told)
    assert not [part for part in svg.iter() if part.get("style")]
    assert all(float(span.get("x")) <= 124 for span in svg.iter("tspan"))


def test_the_report_shows_curve_legend_and_table(run, page_of):
    """The section of the check holds the chart once, every method's mean, and a table with every block's full name."""
    full = with_cascade(run)
    publish(full.verdict, full.profile, full.folder)
    page = page_of(full.folder)
    assert sum(a.get("class") == "cascade" for a in page.all("svg")) == 1
    assert sum(a.get("class") == "cascade-key" for a in page.all("svg")) == 2
    text = " ".join(page.text.split())
    assert "mean over 18 images of all classes" in text
    assert "re-initialised down tograd_camocclusion head0.800.90" in text
    assert all(block in text for block in BLOCKS)


def test_two_cascades_have_their_own_curves(run, page_of):
    """A second rule of the check, "/name", draws what was noted for it; ids stay unique on the page."""
    both = with_cascade(with_cascade(run), check="randomization.cascade/ten", curves={"grad_cam": (0.1,) * 4})
    publish(both.verdict, both.profile, both.folder)
    assert sum(a.get("class") == "cascade" for a in page_of(both.folder).all("svg")) == 2
    view = build_cascade("randomization.cascade/ten", PerImage(both.profile))
    assert [course.values for course in view.courses] == [pytest.approx((0.1,) * 4)]


def test_what_was_not_measured_leaves_a_gap(run):
    """A step without a value interrupts the line instead of counting as 0; without any step there is no curve."""
    full = with_cascade(run)
    lost = tuple(
        replace(m, reasons=("the map is flat",) * 18)
        if m.check.endswith("@2 " + BLOCKS[1]) and m.method == "grad_cam"
        else m
        for m in full.profile.measurements
    )
    view = build_cascade("randomization.cascade", PerImage(replace(full.profile, measurements=lost)))
    grad_cam = view.courses[0]
    assert grad_cam.values[1] is None
    assert grad_cam.mean == pytest.approx((0.8 + 0.2 + 0.0) / 3)
    line = next(path for path in ET.fromstring(view.chart) if path.get("class", "").startswith("fall"))  # noqa: S314 - our own text
    assert line.get("d").count("M") == 2
    assert build_cascade("randomization.cascade", PerImage(run.profile)) is None
    assert build_cascade("alignment.iou", PerImage(full.profile)) is None
    assert build_cascade("randomization.cascade", None) is None


def test_notes_are_no_columns_of_their_own(run):
    """What a metric notes beside its value has no better and worse, so nothing is sorted or compared by it."""
    profile = with_cascade(run).profile
    shown = {m.check for m in PerImage(profile).shown()}
    compared = {change.check for change in compare_profiles(profile, profile).checks}
    for checks in (shown, compared):
        assert "randomization.cascade" in checks
        assert not [check for check in checks if "@" in check]


def chart(run):
    """The chart of a run's cascade, parsed."""
    return ET.fromstring(build_cascade("randomization.cascade", PerImage(run.profile)).chart)  # noqa: S314 - our own text
