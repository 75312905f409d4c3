"""How long a report keeps its reader waiting: opened, narrowed, sorted, turned, over ever more images.

    python benchmarks/report_page.py --images 60 2000 4000

Each number is the median of five, in headless Chromium: milliseconds from the key to the next frame that is drawn, and
how many of them held the tab for longer than 50 ms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browsers import ARGUMENTS, CHROMIUM
from made_up import CONFIG, build_run
from playwright.sync_api import Page, sync_playwright

from explain_gate.publishing.publish import publish

TURNS = 5
DRAWN = """async ([what, turn]) => {
  const field = document.querySelector('#filters input[type=search]');
  let held = 0;
  const observer = new PerformanceObserver((list) => { held += list.getEntries().length; });
  observer.observe({type: 'longtask'});
  const start = performance.now();
  if (what === 'narrowed') {
    field.value = turn % 2 ? '' : '1';
    field.dispatchEvent(new Event('input', {bubbles: true}));
  } else if (what === 'sorted') document.querySelector('#table [data-column="1"]').click();
  else document.querySelector(`#table [data-turn="${turn % 2 ? -1 : 1}"]`).click();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const took = performance.now() - start;
  await new Promise((done) => setTimeout(done, 60));
  observer.disconnect();
  return [took, held];
}"""


def main() -> int:
    """Print the table; 1 where narrowing or sorting of 2,000 images holds the tab."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[60, 2_000, 4_000])
    arguments = parser.parse_args()
    held_up = False
    print("| images | MB | elements | opened ms | narrowed ms | sorted ms | turned ms | held longer than 50 ms |")
    print("|---|---|---|---|---|---|---|---|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        for count in arguments.images:
            folder = Path(scratch) / str(count)
            folder.mkdir()
            run = build_run(folder, count // 3)
            publish(run.verdict, run.profile, run.folder, config_text=CONFIG)
            page = browser.new_page()
            opened = statistics.median(_opened(page, folder) for _ in range(TURNS))
            elements = page.evaluate("document.getElementsByTagName('*').length")
            page.locator("#filters").get_by_role("radio", name="table", exact=True).check()
            times, held = zip(*(_acted(page, what) for what in ("narrowed", "sorted", "turned")), strict=True)
            held_up |= sum(held) > TURNS
            size = (folder / "index.html").stat().st_size / 1e6
            told = " | ".join(f"{time:.0f}" for time in times)
            print(
                f"| {count} | {size:.1f} | {elements} | {opened:.0f} | {told} | {sum(held)} of {3 * TURNS} |",
                flush=True,
            )
            page.close()
        browser.close()
    return int(held_up)


def _opened(page: Page, folder: Path) -> float:
    page.goto((folder / "index.html").as_uri())
    return float(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))


def _acted(page: Page, what: str) -> tuple[float, int]:
    seen = [page.evaluate(DRAWN, [what, turn]) for turn in range(TURNS)]
    return statistics.median(took for took, _ in seen), sum(held for _, held in seen)


if __name__ == "__main__":
    raise SystemExit(main())
