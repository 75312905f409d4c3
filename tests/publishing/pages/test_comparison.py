"""The page of two versions compared."""

from dataclasses import replace
from urllib.parse import unquote

from made_up import rewritten

from explain_gate.comparing.profiles import compare_profiles
from explain_gate.digits import number
from explain_gate.profile.writer import write_tables
from explain_gate.publishing.pages.comparison import write_comparison


def test_the_page_holds_together(run, make_run, page_of):
    """Well-formed, every picture there, class names inert, passwords hidden."""
    manifest = {"tracking": "http://anna:secret@host/"}
    profile = rewritten(make_run(name="other"), manifest=manifest, shift={"alignment.iou": 0.05})
    found = compare_profiles(run.profile, profile)
    page = page_of(write_comparison(found, run.profile, profile, run.folder / "page", findings=run.verdict.findings))
    assert {"checks", "pairs", "rules", "environment"} <= set(page.ids)
    assert all((run.folder / "page" / a["src"]).is_file() for a in page.all("img"))
    assert len(page.all("script")) == 1
    assert '<script>alert("Bengal")</script>' in page.text
    assert "secret" not in page.text


def test_images_that_moved_most_stand_beside_their_check(run, make_run, page_of):
    """The farthest first, with both values, and a link to its maps where they are on the page."""
    other = make_run(name="other")
    values = [replace(m, values=m.values.copy()) for m in other.profile.measurements]
    iou = next(m for m in values if (m.check, m.method) == ("alignment.iou", "grad_cam"))
    before = float(iou.values[5])
    iou.values[5] = before - 0.3 if before > 0.3 else before + 0.3
    profile = write_tables(replace(other.profile, measurements=tuple(values)), other.profile.folder)
    comparison = compare_profiles(run.profile, profile)
    change = next(one for one in comparison.checks if (one.check, one.method) == ("alignment.iou", "grad_cam"))
    assert [moved.image for moved in change.moved] == [run.profile.images[5].image]
    assert abs(abs(change.moved[0].after - change.moved[0].before) - 0.3) < 1e-6
    page = page_of(write_comparison(comparison, run.profile, profile, run.folder / "page"))
    assert f"most moved: b>.jpg {number(before)} to" in " ".join(page.text.split())
    links = {unquote(a["href"][1:]) for a in page.all("a") if (a.get("href") or "").startswith("#pair-")}
    assert links
    assert links <= set(page.ids)
