"""Versions over time: series, turning points, and one page that needs nothing beside it."""

import datetime as dt
import re
from dataclasses import replace

import pytest

from explain_gate.profile import write_tables
from explain_gate.records import Finding
from explain_gate.reporting.film import film_strips
from explain_gate.reporting.history_page import render_history
from explain_gate.reporting.timeline import Version, breaks_in_comparability, departures, series_of, told
from explain_gate.reporting.trends import trend

NASTY = '<script>alert("x")</script>'


def finding(value, *, check="alignment.iou", bound=0.4, class_name=NASTY, **fields):
    """A rule with a lower bound, broken where the value is below it."""
    plain = {
        "interval": None if value is None else (value - 0.05, value + 0.05), "bound": {"at_least": bound},
        "status": "unmeasured" if value is None else "passed" if value >= bound else "failed", "images": 60,
        "unmeasured": 0, "worst": (), "message": "a message", "line": 3,
    }  # fmt: skip
    return Finding(
        check=check, method="grad_cam", class_name=class_name, statistic="mean", value=value, **{**plain, **fields}
    )


def version(number, *values, **fields):
    """A judged version; the first value is alignment, the second accuracy."""
    checks = ("alignment.iou", "performance.accuracy")
    findings = tuple(finding(value, check=check) for check, value in zip(checks, values, strict=False))
    broken = any(f.status in ("failed", "unmeasured") for f in findings)
    return Version(
        label=str(number), verdict="failed" if broken else "passed", findings=findings,
        time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number), model_digest=f"{number:064x}",
        dataset_digest="d1", config_digest="c1", **fields,
    )  # fmt: skip


def life(*values):
    """Versions 1, 2, ... with these alignments."""
    return [version(number, value, 0.9) for number, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        (life(0.5, 0.51), "2 versions, none blocked"),
        (life(0.5), "1 version, not blocked"),
        (
            life(0.5, 0.2, 0.5),
            (
                f"3 versions, 1 blocked. Attention left the object with version 2 and came back with version 3: "
                f"alignment.iou for {NASTY} fell from 0.50 to 0.20"
            ),
        ),
        (
            life(0.5, 0.2, 0.5, 0.3),
            (
                "4 versions, 2 blocked. Attention left the object 2 times, last with version 4, and has not come back: "
                f"alignment.iou for {NASTY} fell from 0.50 to 0.30"
            ),
        ),
        (
            life(0.1, 0.1),
            (
                "2 versions, 2 blocked. Attention was off the object from the first, version 1, and has not come back: "
                f"alignment.iou for {NASTY} 0.10"
            ),
        ),
    ],
)
def test_the_story_is_told_in_a_sentence(versions, sentence):
    """How many, how many blocked, and when attention left the object and came back."""
    assert told(versions) == sentence


def test_a_low_accuracy_is_no_departure():
    """Only alignment and reliance tell where the model looks."""
    assert departures([version(1, 0.5, 0.9), version(2, 0.5, 0.1)]) == []


def test_a_rule_that_was_not_always_planned_has_gaps():
    """Series line up with versions; versions without the rule have no finding."""
    series = series_of([version(1, 0.5), version(2, 0.5, 0.9), version(3)])
    assert [[f is not None for f in one.findings] for one in series] == [[True, True, False], [False, True, False]]


def test_changes_of_data_and_thresholds_are_marked():
    """Values before and after another regression set are not comparable."""
    versions = [version(1, 0.5), replace(version(2, 0.5), config_digest="c2"), version(3, 0.5)]
    versions[2] = replace(versions[2], dataset_digest="d2", config_digest="c2")
    assert breaks_in_comparability(versions) == [(1, "thresholds.yaml changed"), (2, "the regression set changed")]


def test_a_chart_shows_thresholds_values_and_what_was_blocked():
    """The bound is drawn as it was for each version; a broken value is red; a lone value has a whisker."""
    versions = [version(1, 0.5), version(2, 0.2), replace(version(3, 0.5), findings=(finding(0.5, bound=0.45),))]
    (series,) = series_of(versions)
    drawing = trend(series, key="t", blocked=[False, True, False], breaks=[2], ends=("1", NASTY))
    assert drawing.count('class="bound"') == 2
    assert drawing.count("h0") == 3
    assert re.search(r'class="spots off" d="M[^"M]+h0"', drawing)
    assert 'class="stopped"' in drawing
    assert 'class="break"' in drawing
    assert "<script>" not in drawing
    lone = trend(series_of([version(1, 0.5)])[0], key="t", blocked=[False], breaks=[], ends=("1", "1"))
    assert 'class="whisker"' in lone


def test_values_that_are_missing_interrupt_the_line():
    """An unmeasured version is a gap, not a zero."""
    (series,) = series_of([version(1, 0.5), version(2, 0.5), version(3, None), version(4, 0.5), version(5, 0.5)])
    drawing = trend(series, key="t", blocked=[False] * 5, breaks=[], ends=("1", "5"))
    assert re.search(r'class="course" d="([^"]+)"', drawing)[1].count("M") == 2


@pytest.mark.parametrize("count", [1, 3, 300])
def test_the_page_needs_nothing_beside_it(count, tmp_path, page_of):
    """One file, well-formed, every version listed with digests and links, nothing loaded from elsewhere."""
    versions = [
        version(n, 0.2 if n % 50 == 2 else 0.5, 0.9, link=f"http://anna:secret@host/#/runs/{n}", run_id=f"run{n}",
                report="javascript:alert(1)", aliases=("explain-approved",) if n == count else ())
        for n in range(1, count + 1)
    ]  # fmt: skip
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", versions), encoding="utf-8")
    page = page_of(file)
    listed = [a for a in page.all("details") if "data-verdict" in a]
    assert [a["id"] for a in listed] == [f"version-{n}" for n in reversed(range(count))]
    assert sum(a["data-verdict"] == "failed" for a in listed) == len([n for n in range(1, count + 1) if n % 50 == 2])
    assert not page.all("img") + page.all("link")
    links = [a["href"] for a in page.all("a") if "rel" in a]
    assert links[0] == f"http://host/#/runs/{count}"
    assert all(link.startswith("http") for link in links)
    assert "secret" not in file.read_text(encoding="utf-8")
    assert NASTY in page.text
    assert len(page.all("script")) == 2
    assert file.stat().st_size < 1_500_000


def test_thousands_of_rules_are_bounded(tmp_path, page_of):
    """A thousand classes over many versions leave a page that opens."""
    findings = tuple(finding(0.5 + (n % 7) / 100, class_name=f"class {n}") for n in range(1_000))
    versions = [replace(version(n), findings=findings) for n in range(1, 21)]
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", versions), encoding="utf-8")
    assert file.stat().st_size < 6_000_000
    text = page_of(file).text
    assert "840 more rules without a chart" in text
    assert "verdict.json" in text


def test_no_version_is_an_error():
    """There is nothing to show of nothing."""
    with pytest.raises(ValueError, match="at least one version"):
        render_history("pets", [])


def test_film_strips_show_what_changed_most(run, make_run, tmp_path, page_of):
    """The images whose map changed most, one of each class first, inside the page."""
    import numpy as np

    other = make_run(name="other")
    path = other.profile.folder / "maps" / "grad_cam.npy"
    maps = np.load(path)
    maps[8] = maps[8, ::-1, ::-1]
    np.save(path, maps)
    changed = write_tables(other.profile, other.profile.folder)
    strips = film_strips([run.profile, run.profile, changed], ["1", "2", "3"])
    assert strips[0].image == run.profile.images[8].image
    assert [frame.label for frame in strips[0].frames] == ["1", "2", "3"]
    assert strips[0].frames[0].picture == strips[0].frames[1].picture != strips[0].frames[2].picture
    assert len({strip.class_name for strip in strips}) == 3
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", life(0.5, 0.5, 0.5), strips=strips), encoding="utf-8")
    assert all(a["src"].startswith("data:image/webp") for a in page_of(file).all("img"))
