"""Draws the pages of this documentation, as a browser shows them, from what `explain-gate demo` left.

    explain-gate demo --output demo
    python docs/screenshots.py demo docs/pages

The demo's two runs are rendered again by the code that is installed, so the pictures are of today's pages.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from explain_gate.commands.compare import compare
from explain_gate.commands.render import render_again
from explain_gate.comparing.versions import Run, Version
from explain_gate.profile.profile import load_profile
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.pictures.film import film_strips
from explain_gate.publishing.text.verdict_json import verdict_from_json

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu"]
RUNS = ("v1-honest", "v2-watermark")
SCREEN = {"width": 1280, "height": 800}
QUALITY = 62


def main() -> None:
    """Render the pages and draw the first screen of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("demo", type=Path, help="what `explain-gate demo --output` wrote")
    parser.add_argument("output", type=Path, help="where the pictures go, NAME.webp each")
    parser.add_argument("--before", action="store_true", help="name them before-NAME.webp")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    prefix = "before-" if arguments.before else ""
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        pages = rendered(arguments.demo, Path(scratch))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, (path, anchor) in pages.items():
            page = browser.new_page(viewport=SCREEN, reduced_motion="reduce")
            page.goto(path.as_uri() + anchor)
            as_table = page.locator("input[name=as][value=table]")
            if name == "images" and as_table.count():
                as_table.check()
            if anchor and page.locator(anchor).count():
                page.locator(anchor).evaluate("section => section.scrollIntoView()")
            page.wait_for_timeout(500)
            with Image.open(io.BytesIO(page.screenshot())) as picture:
                picture.convert("RGB").save(arguments.output / f"{prefix}{name}.webp", quality=QUALITY, method=6)
            page.close()
        browser.close()


def rendered(demo: Path, scratch: Path) -> dict[str, tuple[Path, str]]:
    """Name -> (page, where on it) of the pages, rendered into a scratch folder."""
    folders = [Path(shutil.copytree(demo / name, scratch / name)) for name in RUNS]
    for folder in folders:
        for file in (folder / "verdict.json", folder / "profile" / "manifest.json"):
            # The pictures are the same wherever the demo was written.
            file.write_text(file.read_text(encoding="utf-8").replace(str(demo.resolve()), "demo"), encoding="utf-8")
        render_again(folder)
    compare(*map(str, folders), config=None, output=scratch / "compared", say=lambda _: None)
    versions = []
    for folder in folders:
        verdict = verdict_from_json((folder / "verdict.json").read_text(encoding="utf-8"))
        started = datetime.fromisoformat(verdict.environment["started"])
        run = Run(verdict=verdict.verdict, findings=verdict.findings, exit_code=verdict.exit_code, time=started)
        versions.append(Version(label=folder.name, runs=(run,), model_digest=str(verdict.model["digest"])))
    strips = film_strips([load_profile(folder) for folder in folders], RUNS)
    history = scratch / "history.html"
    history.write_text(render_history("digits", versions, strips=strips), encoding="utf-8")
    blocked = folders[-1]
    return {
        "report": (blocked / "index.html", ""),
        "rules": (blocked / "index.html", "#rules"),
        "images": (blocked / "index.html", "#images"),
        "audit": (blocked / "audit.html", ""),
        "comparison": (scratch / "compared" / "index.html", ""),
        "history": (history, "#record"),
    }


if __name__ == "__main__":
    main()
