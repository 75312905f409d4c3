"""Every error has a heading in docs/troubleshooting.md, and the terminal says where it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from explain_gate import errors
from explain_gate.cli import main
from explain_gate.errors import ConfigError, ExplainGateError, ModelError
from explain_gate.troubleshooting import BY_CLASS, KINDS, SITE, anchor_of, link_to

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
HEADINGS = set(re.findall(r"^###? .*\{#([\w-]+)\}$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
TOLD_BESIDE = {"too-few-images"}
"""Headings of what is no error."""
CLASSES = sorted(
    name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, ExplainGateError)
)


def messages() -> list[str]:
    """The text of every error that the package raises, as far as it is written out; `{}` stands for what is put in."""
    texts = []
    for path in (ROOT / "explain_gate").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                texts.append("".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values))
    return texts


def test_every_kind_has_its_heading_and_every_heading_its_kind():
    """None is left over on either side."""
    kinds = {anchor for anchor, _ in KINDS} | set(BY_CLASS.values()) | {"no-verdict"}
    assert kinds == HEADINGS - TOLD_BESIDE


@pytest.mark.parametrize("name", CLASSES)
def test_an_error_of_any_class_leads_to_a_heading(name):
    """Whatever it says."""
    assert anchor_of(vars(errors)[name]("says nothing that anybody knows")) in HEADINGS


def test_no_pattern_is_of_a_message_that_is_gone():
    """Each fits a text that the package says."""
    texts = messages()
    assert [anchor for anchor, pattern in KINDS if not any(re.search(pattern, text) for text in texts)] == []


@pytest.mark.parametrize(
    ("error", "anchor"),
    [
        (ConfigError("t.yaml:8: model.source: still says FILL_IN; write yours in its place"), "fill-in"),
        (ConfigError("t.yaml:3: modle: unknown key; did you mean model? allowed here: model"), "unknown-key"),
        (ConfigError("t.yaml:3: checks.alignment.iuo: unknown metric; alignment has iou"), "unknown-name"),
        (ModelError("model.source shop:build: no module named shop"), "your-code-cannot-be-imported"),
        (ModelError("a.pt: holds pickled code (x), which could run anything here"), "pickled-code"),
        (
            ModelError("a.pt: checkpoint does not fit the model: 1 of 2\n  missing no layer attention"),
            "weights-that-do-not-fit",
        ),
        (ModelError("a.pt: checkpoint does not exist"), "which-checkpoint"),
        (ModelError("the model has 37 logits, but data.classes needs 3"), "classes-and-logits"),
        (ModelError("the score has no gradient to conv1: the module detaches it"), "no-gradient"),
        (
            errors.DataError("a.json: 2 image files cannot be used:\n'a.png': missing in images"),
            "pictures-that-are-missing",
        ),
        (errors.DataError("1 images cannot be used:\na.png: not a whole image file"), "pictures-that-are-missing"),
        (errors.DataError("reviews/a.json: is no decision of explain-gate review: the file: Invalid"), "decisions"),
        (errors.DataError("a.json: not COCO: annotation 3: ..."), "annotations"),
        (errors.ReferenceError("the reference is not comparable (other data)"), "not-comparable"),
        (errors.OptionError("--device toaster: must be auto, cpu, cuda"), "the-device"),
        (errors.ExplainGateError("Ray failed: ..."), "no-verdict"),
    ],
)
def test_messages_lead_to_what_explains_them(error, anchor):
    """The most special heading that fits."""
    assert anchor_of(error) == anchor


def test_the_terminal_says_where_an_error_is_explained(tmp_path, monkeypatch):
    """In the text that is installed; on the team's own site where that is known."""
    monkeypatch.delenv(SITE, raising=False)
    missing = str(tmp_path / "none.yaml")
    told = CliRunner().invoke(main, ["validate", "--config", missing]).output
    assert told.startswith("ERROR: ")
    assert f"explained at {PAGE.as_uri()}#configuration" in told
    monkeypatch.setenv(SITE, "https://docs.shop.example/gate/")
    told = CliRunner().invoke(main, ["validate", "--config", missing]).output
    assert "explained at https://docs.shop.example/gate/troubleshooting.html#configuration" in told


def test_without_a_text_there_is_no_link(monkeypatch):
    """An installation that lost it says what it has to say."""
    monkeypatch.delenv(SITE, raising=False)
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    assert link_to(ConfigError("x")) is None
