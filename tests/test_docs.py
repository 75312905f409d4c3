"""The documentation says what is so: commands exist, tables are made from cards, the site builds strictly."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from explain_gate.cli import main
from explain_gate.config import load_config
from explain_gate.metrics.cards.documentation import documentation

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
COMMAND = re.compile(r"^\s*(?:- )?(?:\.venv/bin/)?(explain-gate [a-z].*)$", re.MULTILINE)
SHOWN = [(page.name, line) for page in PAGES for line in COMMAND.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "line"), SHOWN, ids=lambda value: value[:60])
def test_a_command_that_is_shown_exists_with_its_options(page, line):
    """As far as the command line itself can tell."""
    _, name, *arguments = shlex.split(line.replace("`", ""), comments=True)
    assert name in main.commands, page
    main.commands[name].make_context(name, arguments, resilient_parsing=True)


def test_commands_are_shown_at_all():
    """The pattern finds them."""
    assert {line.split()[1] for _, line in SHOWN} >= {"run", "init", "validate", "calibrate", "render", "approve"}


def test_the_page_of_metrics_is_made_from_the_cards():
    """docs/metrics.md is what `python -m explain_gate.metrics.cards.documentation` prints."""
    assert (DOCS / "metrics.md").read_text(encoding="utf-8") == documentation()


def test_every_page_is_in_the_navigation():
    """And nothing is in it that is no page."""

    def files(nav):
        for entry in nav:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else files(value)

    nav = yaml.safe_load((ROOT / ".mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(files(nav)) == sorted(page.name for page in DOCS.glob("*.md"))


def test_a_metric_of_ones_own_works_as_shown(tmp_path, write_project, measured):
    """docs/extend.md, word by word."""
    import projects

    text = (DOCS / "extend.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    rule = re.search(r'"shop\.metrics:corner_share": \{at_most: 0\.10\}', text)
    assert code
    assert rule
    project = tmp_path / "project"
    own = projects.THRESHOLDS + f"  custom:\n    {rule[0].replace('{', '{{').replace('}', '}}')}\n"
    write_project(project, thresholds=own)
    (project / "shop").mkdir()
    (project / "shop" / "__init__.py").touch()
    (project / "shop" / "metrics.py").write_text(code[1], encoding="utf-8")
    assert load_config(project / "thresholds.yaml")
    measurement = measured().profile.measurement("custom.shop.metrics:corner_share", "grad_cam")
    assert measurement.measured.all()


@pytest.mark.skipif(importlib.util.find_spec("material") is None, reason="the theme of the site is not installed")
def test_the_site_builds_without_a_warning(tmp_path):
    """Links and anchors included; without network."""
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-f", ".mkdocs.yml", "-d", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "index.html").is_file()
