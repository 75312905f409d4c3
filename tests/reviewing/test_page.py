"""A review as one file: everything in it, nothing from elsewhere, and names that bite stay data."""

import json
import re

from explain_gate.reviewing.page import page_of


def inside(text):
    """The data of a page."""
    (data,) = re.findall(r'<script type="application/json" id="page">(.*?)</script>', text, re.DOTALL)
    return json.loads(data)


def test_everything_is_in_the_page(desk, page_of_text):
    """Questions, pictures, and a blank decision each; no file is asked for beside it."""
    text = page_of(desk)
    page = inside(text)
    assert len(page["described"]["questions"]) == len(page["blanks"]) == len(desk.questions)
    assert page["pictures"]["photo 3"].startswith("data:image/jpeg;base64,")
    assert page["pictures"]["map 3 0"].startswith("data:image/webp;base64,")
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == []
    parsed = page_of_text(text)
    (policy,) = [one["content"] for one in parsed.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_names_that_bite_are_data(desk, page_of_text):
    """A class may be called anything."""
    parsed = page_of_text(page_of(desk))
    assert sum(tag == "script" for tag, _ in parsed.tags) == 2


def test_a_page_has_a_most(desk):
    """The first questions, which are the suspicious ones."""
    page = inside(page_of(desk, most=2))
    assert len(page["described"]["questions"]) == len(page["standings"]) == len(page["blanks"]) == 2
    assert set(page["details"]) == {str(question.row) for question in desk.questions[:2]}


def test_what_is_decided_already_is_in_it(desk):
    """Whoever goes on does not begin anew."""
    desk.decide(0, "unsure", "dark")
    assert inside(page_of(desk))["standings"][0]["note"] == "dark"
