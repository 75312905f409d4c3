"""The auditor's page answers from one file: asked, on what, of what, by what, what could not be seen, hashes."""

import html
import re
from dataclasses import replace

from explain_gate.publishing.pages.audit import render_audit
from explain_gate.publishing.publish import publish
from explain_gate.records import Evidence, Waiver


def text_of(page):
    """What the page says, in one line, cells and terms apart."""
    body = page[page.index("<body") :]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def told(run, page_of, **changes):
    """The text of the page that a run's folder holds, which is well-formed."""
    verdict = replace(run.verdict, **changes)
    publish(verdict, run.profile, run.folder, config_text="version: 1\n# rule\n")
    page_of(run.folder / "audit.html")
    return text_of((run.folder / "audit.html").read_text(encoding="utf-8"))


def test_every_question_has_its_answer(run, page_of):
    """Rules with their lines, the set's digest and counts, weights, commit, seed, versions and files' digests."""
    text = told(run, page_of)
    for finding in run.verdict.findings:
        assert " ".join(finding.key.split()) in text
        assert finding.place in text
    for name in run.profile.classes:
        assert f"{name} 6" in text
    assert run.verdict.dataset["digest"] in text
    assert run.verdict.model["digest"] in text
    assert run.verdict.config_digest in text
    assert "numpy 2.4.6" in text
    for name, digest in run.profile.manifest["files"].items():
        assert f"{name} {digest}" in text


def test_the_licence_of_the_pictures_is_told_once(run, page_of):
    """As `data.licence` says it, whatever it holds."""
    text = told(run, page_of, dataset={**run.verdict.dataset, "licence": "CC <BY> 4.0"})
    assert "licence of the pictures CC <BY> 4.0" in text
    assert text.count("CC <BY> 4.0") == 1


def test_what_nobody_recorded_is_said(run, page_of):
    """A missing seed, licence, commit or approval is told, not left out."""
    text = told(run, page_of)
    assert "licence of the pictures not recorded" in text
    assert "git commit not recorded" in text
    assert "uncommitted changes not recorded" in text
    assert "seed not recorded" in text
    assert "No alias had moved" in text


def test_who_let_it_pass_and_who_moved_the_alias(run, page_of):
    """A waiver with its owner and its end; a move with who and why."""
    waiver = Waiver(
        check="alignment.iou", method=None, class_name=None, reason="masks are late", owner="vision-team",
        ticket="V-1", expires="2027-01-31", line=30,
    )  # fmt: skip
    moved = {"model": "pets", "alias": "champion", "from": "13", "to": "14", "by": "ann", "why": "a full pass"}
    text = told(run, page_of, waivers=(waiver,), promotion=moved)
    assert "alignment.iou vision-team 2027-01-31 masks are late, V-1 thresholds.yaml:30" in text
    assert "by ann why a full pass" in text


def test_what_the_gate_could_not_see(run, page_of):
    """Power of a row that counts images, images that say nothing, and how methods and metrics are known to fail."""
    counted = Evidence(
        question="turn", yes=3, images=20, bound=0.05, must_catch=0.25, part=0.01, fails_from=5, finds=0.5, needed=44,
        limits=(0.03, 0.4), upper=0.35,
    )  # fmt: skip
    findings = list(run.verdict.findings)
    findings[6] = replace(findings[6], evidence=counted, not_applicable=2)
    text = told(run, page_of, findings=tuple(findings))
    assert "reliance.background_gap[all] finds 1 in 2, must find 1 in 4, which takes 44 images" in text
    assert "does not apply to 2 images" in text
    assert "alignment.iou[integrated_gradients] not computed for a bound on a value 1 image unmeasured" in text
    assert "grad_cam" in text[text.index("Known failures") :]
    assert "shop.models:sharpness of this project: nothing is known here of how it fails" in text


def test_a_run_that_measured_nothing_has_one(crashed):
    """What was planned has no result."""
    text = text_of(render_audit(crashed, None))
    assert "no result alignment.iou[grad_cam-Bengal]" in text
    assert "No digests were recorded" in text


def test_names_and_secrets_are_inert(run):
    """A class called <script> is text; a password in the rules is hidden."""
    page = render_audit(run.verdict, run.profile, config_text="uri: http://anna:secret@tracking.example")
    assert "<script" not in page
    assert "secret" not in page
