"""Pictures that must not be shown are on no surface of a run."""

import json

import projects
import pytest


@pytest.fixture
def published(tmp_path, write_project, measured):
    """Gates the cheat with `publish.pictures` and returns its output folder, with the page in one file too."""
    from explain_gate.commands.render import render_again

    def run(pictures):
        text = projects.THRESHOLDS + f"publish: {{{{pictures: {pictures}}}}}\n"
        write_project(tmp_path / "project", corner=True, thresholds=text)
        session = measured()
        output = session.finish(session.conclude()).output
        assert render_again(output, single=True).whole
        return output

    return run


def pictures_in(output):
    """Photographs by name; layers of maps are drawn from numbers."""
    kinds = {".jpg", ".jpeg", ".png"}
    found = [path for path in output.rglob("*") if path.suffix in kinds]
    return sorted(path.relative_to(output).as_posix() for path in found)


def test_none_leaves_no_photograph_anywhere(published):
    """Not in the profile, the report, the attachments of junit.xml or the single file; numbers and maps stay."""
    output = published("none")
    assert [name for name in pictures_in(output) if not name.startswith("assets/maps")] == []
    assert "data:image/jpeg" not in (output / "report.html").read_text(encoding="utf-8")
    assert 'class="strips"' not in (output / "index.html").read_text(encoding="utf-8")
    assert (output / "profile" / "scores.parquet").is_file()
    assert list((output / "profile" / "maps").iterdir())


def test_failed_leaves_the_photographs_of_images_that_a_broken_rule_names(published):
    """And no picture that another image has a part in."""
    output = published("failed")
    verdict = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
    named = {
        image for one in verdict["findings"] if one["status"] in ("failed", "unmeasured") for image in one["worst"]
    }
    shown = list((output / "profile" / "thumbnails").iterdir())
    assert 0 < len(shown) == len(named)
    assert not (output / "profile" / "evidence").exists() or not list((output / "profile" / "evidence").iterdir())


def test_all_is_the_default(published):
    """Every image has its photograph."""
    output = published("all")
    assert len(list((output / "profile" / "thumbnails").iterdir())) == 8
