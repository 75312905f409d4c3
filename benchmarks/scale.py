"""Whole runs over sets of different size: images/s, peak memory, the cache, and how fast report and verdict are made.

    python benchmarks/scale.py [--images 200 1000 10000] [--threads 1]
    python benchmarks/scale.py --images 400 --methods grad_cam integrated_gradients --engine ray --workers 2

Pictures are the demo's, those beyond the first 400 repeat them with noise of their own; the model is the demo's
network with seeded weights; the methods are Grad-CAM, the gradient and gradient x input, or those named. Every run is
a process of its own, so that its peak memory is its own. Goals: under 2 GB, CPU seconds an image within 10 % of those
at the smallest size, index.html under 5 MB. With other work on the machine, CPU seconds are the numbers to trust. The
exit code is 1 where a goal is missed. With workers, CPU seconds and memory are those of the process that started them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
MOST_BYTES = 2_000_000_000
MOST_PAGE = 5_000_000
_DRAWN = 400
THRESHOLDS = """\
version: 1
model: {source: "explain_gate.demo.model:build", checkpoint: weights.safetensors}
data:
  images: images
  annotations: annotations.coco.json
  preprocessing: {resize: %(size)d, crop: %(size)d, mean: %(mean)s, std: %(std)s}
methods:
%(methods)s
checks:
  performance: {accuracy: {at_least: 0.0}}
  alignment:
    iou: {at_least: 0.0}
    pointing_game: {at_least: 0.0}
    relevance_mass: {at_least: 0.0}
"""
RUN = """
import json, resource, sys, time
import torch
torch.set_num_threads(int(sys.argv[3]))
from explain_gate.measuring.progress import Silent
from explain_gate.options import RunOptions
from explain_gate.session.run import GateSession
session = GateSession(RunOptions(
    config=sys.argv[1], output=sys.argv[2], tracking=False, device="cpu", engine=sys.argv[4], workers=int(sys.argv[5])
))
began, cpu = time.perf_counter(), time.process_time()
session.measure(Silent())
measured = time.perf_counter() - began, time.process_time() - cpu
began, judging = time.perf_counter(), time.process_time()
output = session.finish(session.conclude()).output
print(json.dumps({
    "seconds": measured[0], "cpu": measured[1], "publish": time.perf_counter() - began,
    "publish_cpu": time.process_time() - judging, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "page": (output / "index.html").stat().st_size, "passes": session.profile.manifest["passes"],
}))
"""


def main() -> int:
    """Run every size twice, print a table, say whether the goals are met."""
    parser = argparse.ArgumentParser(description="Scale of whole runs.")
    parser.add_argument("--images", type=int, nargs="+", default=[200, 1000, 10_000], help="sizes of the set")
    parser.add_argument("--threads", type=int, default=1, help="of the whole run; workers share them")
    parser.add_argument("--methods", nargs="+", default=["grad_cam", "gradient", "gradient_x_input"])
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    print(
        f"load {os.getloadavg()[0]:.1f}, {options.threads} threads, {' '.join(options.methods)}, CPU, "
        f"{options.engine} engine, {options.workers} workers"
    )
    print("  images  run     seconds  CPU s  images/s  CPU ms/image  peak MB  publish s  page kB  passes")
    first: dict[str, float] = {}
    missed = []
    for count in options.images:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), count, options.methods)
            for which in ("first", "again"):
                row = run(Path(folder), options)
                each = row["cpu"] / count * 1000
                print(
                    f"{count:8}  {which:6} {row['seconds']:8.1f} {row['cpu']:6.1f} "
                    f"{count / row['seconds']:9.1f} {each:13.2f} "
                    f"{row['peak'] / 1e6:8.0f} {row['publish']:10.1f} {row['page'] / 1e3:8.0f}  {row['passes']}",
                    flush=True,
                )
                if which == "first":
                    first.setdefault("each", each)
                    first["cpu"] = row["cpu"]
                    if each > 1.1 * first["each"]:
                        missed.append(f"{count} images cost {each / first['each']:.2f} of the smallest set's time each")
                if row["peak"] > MOST_BYTES:
                    missed.append(f"{count} images took {row['peak'] / 1e9:.2f} GB")
                if row["page"] > MOST_PAGE:
                    missed.append(f"index.html of {count} images is {row['page'] / 1e6:.1f} MB")
            print(f"          the cache makes it {first['cpu'] / row['cpu']:.0f} times faster")
    print("\n".join(f"MISSED: {line}" for line in missed) or "all goals met")
    return int(bool(missed))


def run(folder: Path, options: argparse.Namespace) -> dict:
    """One run in a process of its own."""
    how = [str(options.threads), options.engine, str(options.workers)]
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder / "thresholds.yaml"), str(folder / "out"), *how],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    found: dict = json.loads(done.stdout.splitlines()[-1])
    return found


def write(folder: Path, count: int, methods: Sequence[str]) -> None:
    """Pictures, annotations, weights and thresholds."""
    import torch
    from safetensors.torch import save_file

    from explain_gate.demo.model import build
    from explain_gate.demo.pictures import CLASSES, SIZE, draw_pictures
    from explain_gate.demo.training import MEAN, STD

    (folder / "images").mkdir()
    images, annotations = [], []
    began = time.perf_counter()
    drawn = draw_pictures("regression", per_class=max(1, min(_DRAWN, count) // len(CLASSES)), seed=0)
    rng = np.random.default_rng(0)
    while len(images) < count:
        for pixels, region, label in zip(drawn.images, drawn.regions, drawn.labels.tolist(), strict=True):
            if len(images) == count:
                break
            noisy = np.clip(pixels + rng.integers(-2, 3, pixels.shape), 0, 255).astype(np.uint8)
            number = len(images)
            ys, xs = np.nonzero(region)
            left, top = int(xs.min()), int(ys.min())
            box = [left, top, int(xs.max()) + 1 - left, int(ys.max()) + 1 - top]
            Image.fromarray(noisy).save(folder / "images" / f"{number:06d}.png", compress_level=1)
            images.append({"id": number, "file_name": f"{number:06d}.png", "height": SIZE, "width": SIZE})
            annotations.append({"id": number, "image_id": number, "category_id": label, "bbox": box})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.coco.json").write_text(json.dumps(content))
    torch.manual_seed(0)
    save_file(build().state_dict(), str(folder / "weights.safetensors"))
    lines = "\n".join(f"  {method}: {{}}" for method in methods)
    values = {"size": SIZE, "mean": list(MEAN), "std": list(STD), "methods": lines}
    (folder / "thresholds.yaml").write_text(THRESHOLDS % values)
    print(f"          {count} pictures of {SIZE} x {SIZE} drawn in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
