"""Pages open from disk and let nothing in: style and scripts inside, everything else forbidden, all text inert."""

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError

from explain_gate.publishing.pages.page import render


def test_the_policy_names_this_pages_own_style_and_script_alone(report, page_of):
    """The digests in the policy are those of what stands in the page, so that nothing added to it runs."""
    page = page_of(report)
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src 'self' file:; ")
    allowed = dict(re.findall(r"(style|script)-src 'sha256-([^']+)'", policy))
    for kind, text in (("style", page.inline["style"]), ("script", page.inline["script"])):
        assert allowed[kind] == base64.b64encode(hashlib.sha256("".join(text).encode()).digest()).decode(), kind
    assert "unsafe" not in policy
    assert "http" not in policy


def test_a_page_asks_no_other_host(report):
    """No address that a browser would load: the report opens on a machine without a network."""
    text = (report / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|href|srcset|action|data)="([^"]+)"', text)
    assert loaded
    assert [address for address in loaded if re.match(r"(?:[a-z]+:)?//", address)] == []


def test_a_template_that_lacks_a_value_is_an_error():
    """A forgotten value must never leave a hole in a report."""
    with pytest.raises(UndefinedError):
        render("history.html.j2", scripts=("history.js",))
