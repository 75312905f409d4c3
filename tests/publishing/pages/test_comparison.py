"""The page of two versions compared."""

from made_up import rewritten

from explain_gate.comparing.profiles import compare_profiles
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
