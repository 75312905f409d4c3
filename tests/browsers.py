"""Headless Chromium for tests that look at pages, and axe-core for those that ask who can use them.

axe-core is no dependency: `npm install --prefix .venv/axe axe-core@4` puts it where this looks, or AXE names the file.
"""

import os
from pathlib import Path

import pytest

AXE = Path(os.environ.get("AXE") or Path(__file__).parents[1] / ".venv/axe/node_modules/axe-core/axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CHECK = """async (rules) => (await axe.run({runOnly: rules})).violations.map(
  (one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')}`)"""
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; a missing one is a failure in CI, a skip elsewhere."""
    sync_api = pytest.importorskip("playwright.sync_api") if not os.environ.get("CI") else None
    if sync_api is None:
        from playwright import sync_api
    if not CHROMIUM.is_file():
        message = f"{CHROMIUM} is missing"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def axe():
    """Tells what of a page is against WCAG 2.2 AA, element by element; the page's policy must be bypassed."""
    if not AXE.is_file():
        pytest.skip("axe-core is not there: npm install --prefix .venv/axe axe-core@4")
    script = AXE.read_text(encoding="utf-8")

    def violations(page):
        page.evaluate(script)
        return page.evaluate(CHECK, RULES)

    return violations
