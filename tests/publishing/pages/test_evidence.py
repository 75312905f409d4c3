"""What the model did, on the page: strips of real pictures, and nothing that is not what was measured."""

from explain_gate.publishing.pages.evidence import build_evidence
from explain_gate.publishing.pictures.kept import Kept


def test_a_failed_rule_shows_its_images_as_the_model_was_given_them(tmp_path, write_project, measured, page_of):
    """Each picture with what the model said, open where the rule broke, and every file is there."""
    write_project(tmp_path / "project", corner=True)
    session = measured()
    output = session.finish(session.conclude()).output
    text = (output / "index.html").read_text(encoding="utf-8")
    assert '<details class="strips" open>' in text
    files = sorted(path.name for path in (output / "assets" / "evidence").iterdir())
    assert files
    assert all(f"assets/evidence/{name}" in text for name in files)
    assert "<b>worst</b>" in text
    # Beside the headline stands the worst image of the rule that broke.
    assert text.index("What it did") < text.index('id="rules-title"')
    page_of(output)


def test_a_picture_that_is_not_what_was_measured_is_left_out_and_told(tmp_path, write_project, measured):
    """One changed file takes its own picture, not the page."""
    write_project(tmp_path / "project", corner=True)
    profile = measured().profile
    whole = build_evidence(Kept(profile), tmp_path / "whole")
    path = next((profile.folder / "evidence").glob("*-0.jpg"))
    path.write_bytes(b"another picture")
    kept = Kept(profile)
    rest = build_evidence(kept, tmp_path / "rest")
    assert f"evidence/{path.name}" in kept.left_out
    count = {name: sum(len(strip.pictures) for strip in strips) for name, strips in whole.strips.items()}
    left = {name: sum(len(strip.pictures) for strip in strips) for name, strips in rest.strips.items()}
    assert sum(left.values()) < sum(count.values())


def test_a_profile_without_evidence_has_no_strips(tmp_path, write_project, measured):
    """As those of earlier versions."""
    write_project(tmp_path / "project", corner=True)
    profile = measured().profile
    (profile.folder / "evidence" / "evidence.json").write_text("[]")
    assert not build_evidence(Kept(profile), tmp_path / "out").strips
