"""Versions over time: series, turning points, and one page that needs nothing beside it."""

import datetime as dt
import re
from dataclasses import replace

import pytest
from audited import recorded_life

from explain_gate.commands.history import versions_of
from explain_gate.comparing.timeline import (
    Change,
    Run,
    Version,
    changed_verdicts,
    changes,
    departures,
    reruns,
    series_of,
    timeline_lines,
    told,
    unlike,
)
from explain_gate.profile.profile import write_tables
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.pictures.film import film_strips
from explain_gate.publishing.pictures.trends import trend
from explain_gate.records import Finding

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
    plain = {
        "verdict": "failed" if broken else "passed", "findings": findings, "dataset_digest": "d1",
        "config_digest": "c1", "terms": {"seed": "0"},
        "time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number),
    }  # fmt: skip
    aliases = fields.pop("aliases", ())
    run = Run(**{**plain, **fields})
    return Version(label=str(number), runs=(run,), model_digest=f"{number:064x}", aliases=aliases)


def again(one, *values, **fields):
    """The version with one more run."""
    (later,) = version(int(one.label), *values, **fields).runs
    return replace(one, runs=(*one.runs, later))


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
    """Values before and after another regression set are not comparable; other rules leave values comparable."""
    versions = [version(1, 0.5), version(2, 0.5, config_digest="c2"), version(3, 0.5, dataset_digest="d2")]
    assert changes(versions) == [
        Change(position=1, what="thresholds.yaml changed", comparable=True),
        Change(position=2, what="the regression set changed", comparable=False),
    ]


def test_why_runs_are_not_comparable_is_a_sentence():
    """The set with its sizes, and every term that both have; a method that was added keeps nothing from it."""
    before = Run(verdict="passed", findings=(), dataset_digest="a", images=60, terms={"device": "cpu", "torch": "2.12"})
    after = replace(before, dataset_digest="b", images=72, terms={"device": "cuda", "settings of rise": "{}"})
    assert unlike(before, after) == ("the regression set changed (60 images, then 72), device changed from cpu to cuda")
    assert unlike(before, replace(before, terms={**before.terms, "settings of rise": "{}"})) == ""
    assert unlike(replace(before, dataset_digest=""), before) == ""


def test_a_version_is_its_latest_verdict_however_often_it_was_measured():
    """Re-measurements are no versions; a run that came to no verdict does not take one away."""
    versions = life(0.5, 0.5)
    versions[0] = again(again(versions[0], 0.5), 0.2)
    versions[1] = again(versions[1], verdict="error", exit_code=3)
    assert [one.verdict for one in versions] == ["failed", "passed"]
    assert told(versions).startswith("2 versions in 5 runs, 1 blocked")
    assert [one.findings[0].value for one in versions] == [0.2, 0.5]


def test_each_run_is_told_beside_the_one_before():
    """Same values, the largest change, or why there is no comparison."""
    one = again(again(again(version(1, 0.5, 0.9), 0.5, 0.9), 0.48, 0.9, config_digest="c2"), 0.3, dataset_digest="d2")
    assert reruns(again(one, verdict="error")) == [
        "the same values as the run before",
        f"largest change from the run before: alignment.iou for {NASTY} 0.50 to 0.48; thresholds.yaml changed",
        "not compared with the run before: the regression set changed",
        "not compared with the run before: one of them came to no verdict",
    ]


def test_a_verdict_that_changed_between_runs_is_told_with_what_changed():
    """Blocked and then let through with the same weights is what an auditor asks for first."""
    weaker = again(version(3, 0.3), 0.3, findings=(finding(0.3, bound=0.2),), verdict="passed", config_digest="c2")
    assert changed_verdicts([version(1, 0.5), weaker]) == [
        "Version 3 was blocked and passed when it was measured again on 2026-01-04: thresholds.yaml changed"
    ]


def test_a_changed_file_is_comparable_only_where_seed_and_parameters_are_known_to_be_the_same():
    """Other bounds keep values comparable; another seed or parameter does not; without a record nobody knows."""
    terms = {"seed": "0", "parameters of alignment.iou": '{"fraction": 0.5}'}
    before = version(1, 0.5, terms=terms)
    for changed, what in (
        ({}, None),
        ({"seed": "1"}, "seed changed from 0 to 1"),
        ({"parameters of alignment.iou": '{"fraction": 0.2}'}, "parameters of alignment.iou changed from"),
    ):
        after = version(2, 0.4, terms=terms | changed, config_digest="c2")
        (change,) = changes([before, after])
        assert change.comparable == (what is None)
        assert change.what.startswith(what or "thresholds.yaml changed")
    earlier = version(1, 0.5, terms={"torch": "2.13.0"})
    (change,) = changes([earlier, version(2, 0.4, terms=terms, config_digest="c2")])
    assert not change.comparable
    assert change.what == "thresholds.yaml changed, and no record tells whether its seed or parameters of metrics did"


def test_a_fall_is_only_told_on_the_same_terms():
    """With another regression set nobody can say that attention left with this version; a run on both sets can."""
    before, after = version(1, 0.5), version(2, 0.2, dataset_digest="d2")
    assert told([before, after]) == (
        "2 versions, 1 blocked. Attention is off the object with version 2 and has not come back: alignment.iou for "
        f"{NASTY} 0.20. Whether it left with this version cannot be told: the regression set changed"
    )
    bridge = again(before, 0.45, dataset_digest="d2")
    assert told([bridge, after]) == (
        "2 versions in 3 runs, 1 blocked. Attention left the object with version 2 and has not come back: "
        f"alignment.iou for {NASTY} fell from 0.45 to 0.20"
    )
    assert changes([again(before, 0.5), bridge, after]) == [
        Change(position=1, what="the regression set changed; version 1 was measured on both", comparable=False)
    ]


def test_a_return_on_other_terms_says_so():
    """Rules that hold on another regression set are not a return on the first one."""
    assert "its rules hold again with version 3, on other terms (the regression set changed)" in told(
        [*life(0.5, 0.2), version(3, 0.5, dataset_digest="d2")]
    )


def test_no_line_leads_over_a_change_of_the_data():
    """Values that cannot be compared are not connected."""
    (series,) = series_of([version(n, 0.5) for n in range(1, 5)])
    drawing = trend(series, key="t", blocked=[False] * 4, breaks=[2], ends=("1", "4"))
    assert re.search(r'class="course" d="([^"]+)"', drawing)[1].count("M") == 2
    assert drawing.count('class="band"') == 2


@pytest.fixture
def audited():
    """The life that an auditor reads: eight versions, three re-runs, one change of the data set."""
    return versions_of(recorded_life())


def test_what_an_auditor_reads(audited, tmp_path, page_of):
    """One row a version with its runs below, the truth in the headline, and why what is not compared is not."""
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", audited), encoding="utf-8")
    page = page_of(file)
    text = " ".join(page.text.split())
    assert told(audited) == (
        "8 versions in 11 runs, 1 blocked. Attention left the object with weights 5f9a1c2b… and came back with "
        "version 5: alignment.iou for Bengal fell from 0.54 to 0.20"
    )
    assert told(audited) in text
    assert len([a for a in page.all("details") if "data-verdict" in a]) == 8
    assert (
        "With version 5 the regression set changed (60 images, then 72); version 5 was measured on both: values" in text
    )
    assert text.count("not compared with the run before: the regression set changed (60 images, then 72)") == 1
    assert text.count("the same values as the run before") == 1
    assert "largest change from the run before: alignment.iou for Bengal 0.21 to 0.20" in text
    assert "by ann · not compared" in text
    assert "with uncommitted changes" in text
    assert "explain-approved moved from version 6 to this version on 2026-03-11 by ci: full pass of the gate" in text
    assert "explain-approved is version 7" in text
    lines = timeline_lines(audited)
    assert [line.split()[0] for line in lines if line[:1] not in (" ", "W")][:8] == [one.label for one in audited]
    assert lines[-1] == (
        "With version 5 the regression set changed (60 images, then 72); version 5 was measured on both: "
        "values are not comparable."
    )


def test_a_chart_shows_thresholds_values_and_what_was_blocked():
    """The bound is drawn as it was for each version; a broken value is red; a lone value has a whisker."""
    versions = [version(1, 0.5), version(2, 0.2), version(3, 0.5, findings=(finding(0.5, bound=0.45),))]
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
    versions = [version(n, findings=findings) for n in range(1, 21)]
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
