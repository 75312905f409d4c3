"""Versions over time: series, turning points, and one page that needs nothing beside it."""

import pytest
from audited import recorded_life
from versions import NASTY, finding, version

from explain_gate.commands.history import versions_of
from explain_gate.comparing.timeline import timeline_lines, told
from explain_gate.publishing.pages.history import render_history


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


def test_everything_that_happened_is_on_one_line(audited, tmp_path, page_of):
    """Eleven verdicts, the change of the data set and the moves of the alias, newest first, by their dates."""
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", audited), encoding="utf-8")
    page = page_of(file)
    kinds = [
        (a["class"] or "").split()[1].removeprefix("event-")
        for a in page.all("tr")
        if (a.get("class") or "").startswith("event ")
    ]
    assert kinds.count("verdict") == 11
    assert kinds.count("change") == 1
    assert kinds.count("alias") == 7
    text = " ".join(page.text.split())
    start = text.index("Newest first: every verdict")
    assert text.index("2026-03-11", start) < text.index("2026-03-09", start) < text.index("2026-03-01", start)
    assert "blocked: alignment.iou for Bengal" in text[start:]
    assert "with version 5 the regression set changed" not in text[start:]
    assert (
        "the regression set changed (60 images, then 72); version 5 was measured on both: values are not"
        in text[start:]
    )


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
