"""Pages that open from disk: one template, its style and scripts inside, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Sequence
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from explain_gate import digits
from explain_gate.publishing.words import wording

FROM_DISK = "'self' file:"
"""Where a page's pictures may come from that lies in its folder; `file:` is what 'self' means on disk."""


def render(template: str, *, scripts: Sequence[str] = (), pictures: str = FROM_DISK, **values: Any) -> str:
    """Render a template of this package.

    Args:
        template: its file name; it sets `style`, `script` and `policy` into its head.
        scripts: file names of the scripts it needs, in order.
        pictures: where images may come from, as the policy says it.
        values: what the template shows; all text is escaped.
    """
    environment = Environment(
        loader=PackageLoader("explain_gate.publishing.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": digits.number,
        "signed": wording.signed,
        "span": wording.span,
        "value_text": wording.value_text,
        "span_of": wording.span_of,
        "bounds": wording.bounds_of,
        "change": wording.change_text,
        "methods_of": wording.methods_of,
        "quoted": shlex.quote,
        "anchor": _anchor,
        "fragment": _fragment,
    }
    style = template_text("report.css")
    script = "\n".join(template_text(name) for name in scripts)
    return environment.get_template(template).render(
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=policy_of(style, script, pictures),
        marks=wording.STATUS_MARKS,
        plural=digits.plural,
        **values,
    )


def template_text(name: str) -> str:
    """A file beside the templates, as it is."""
    return (files("explain_gate.publishing.pages") / "templates" / name).read_text(encoding="utf-8")


def policy_of(style: str, script: str, pictures: str) -> str:
    """A page's policy: nothing may load but this style, this script, and pictures from where it says."""
    return (
        f"default-src 'none'; img-src {pictures}; style-src 'sha256-{_digest(style)}'; "
        f"script-src 'sha256-{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _anchor(text: str) -> str:
    return re.sub(r"\s", "-", text)


def _fragment(anchor: str) -> str:
    """An id as a link names it; lone surrogates, which no page can hold, become the question marks that it has."""
    return "#" + quote(anchor.encode("utf-8", "replace"), safe="/")
