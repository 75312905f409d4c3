"""Clusters of maps on the page: a row each, with its mean map and members."""

from dataclasses import replace

import numpy as np

from explain_gate.profile.writer import write_tables
from explain_gate.publishing.pages.strategies import build_strategies
from explain_gate.publishing.pictures.kept import Kept
from explain_gate.publishing.publish import publish
from explain_gate.records import Measurement


def noted(name, method, values):
    """A note of strategies.outside about the first images."""
    values = np.array(values, dtype=np.float64)
    rows = np.arange(len(values), dtype=np.int64)
    return Measurement(
        check=f"strategies.outside@{name}", method=method, rows=rows, values=values, reasons=(None,) * len(values)
    )


def with_clusters(run):
    """The six images of the first class in two clusters, the smaller one beside the object."""
    method = next(iter(run.profile.manifest["methods"]))
    notes = (noted("cluster as they are", method, [0, 0, 0, 0, 1, 1]), noted("cluster on the object", method, [0] * 6),
             noted("inside", method, [0.9] * 4 + [0.0] * 2))  # fmt: skip
    images = tuple(replace(image, region_area=0.3) for image in run.profile.images)
    profile = replace(run.profile, images=images, measurements=(*run.profile.measurements, *notes))
    return write_tables(profile, run.profile.folder)


def test_a_cluster_beside_the_object_comes_first(run, page_of):
    """Its row says how many images, and how much of their relevance lies on the object; pictures are there."""
    publish(run.verdict, with_clusters(run), run.folder)
    page = page_of(run.folder)
    assert "2 of 6 images of Abyssinian: 0 % of the relevance on the object, less than even maps would have (30 %)" in (
        page.text
    )
    assert "4 of 6 images of Abyssinian: 90 % of the relevance on the object" in page.text
    pictures = [image["src"] for image in page.all("img") if "assets/strategies" in image["src"]]
    assert len(pictures) == 1 + 2 + 1 + 3, "a mean map a row, and the maps of its members, one of which has none"
    assert all((run.folder / picture).is_file() for picture in pictures)


def test_one_cluster_around_the_object_is_not_shown_twice(run, tmp_path):
    """Only groups that say more than all images do, and nothing where nothing was clustered."""
    views = build_strategies(Kept(with_clusters(run)), tmp_path)
    assert [(view.count, view.outside, view.view) for view in views] == [
        (2, True, "in the picture"),
        (4, False, "in the picture"),
    ]


def test_a_run_without_clusters_has_no_section(report, page_of):
    """Older profiles render as they did."""
    assert "Strategies" not in page_of(report).text
