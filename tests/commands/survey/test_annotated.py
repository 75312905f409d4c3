"""Annotations of every kind are found with their pictures."""

from pathlib import Path, PurePosixPath

import found_projects as projects
import pytest

from explain_gate.commands.survey.annotated import annotated_sets, class_folders
from explain_gate.commands.survey.files import look


def write_voc(folder: Path, drawn) -> None:
    folder.mkdir(parents=True)
    for name, class_name, (x, y, width, height) in drawn:
        (folder / f"{Path(name).stem}.xml").write_text(
            f"<annotation><filename>{name}</filename><size><width>32</width><height>32</height></size><object>"
            f"<name>{class_name}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + width}</xmax>"
            f"<ymax>{y + height}</ymax></bndbox></object></annotation>"
        )


def write_labelme(folder: Path, drawn) -> None:
    for name, class_name, (x, y, width, height) in drawn:
        points = f"[[{x}, {y}], [{x + width}, {y + height}]]"
        (folder / f"{Path(name).stem}.json").write_text(
            f'{{"shapes": [{{"label": "{class_name}", "shape_type": "rectangle", "points": {points}}}],'
            f' "imagePath": "{name}", "imageHeight": 32, "imageWidth": 32}}'
        )


def write_cvat(path: Path, drawn) -> None:
    images = "".join(
        f'<image id="{n}" name="{name}" width="32" height="32"><box label="{c}" xtl="{b[0]}" ytl="{b[1]}"'
        f' xbr="{b[0] + b[2]}" ybr="{b[1] + b[3]}" occluded="0"/></image>'
        for n, (name, c, b) in enumerate(drawn)
    )
    path.write_text(f"<annotations><version>1.1</version>{images}</annotations>")


def write_csv(path: Path, drawn) -> None:
    rows = [f"{name},{c},{b[0]},{b[1]},{b[2]},{b[3]}" for name, c, b in drawn]
    path.write_text("\n".join(["image,class,x,y,w,h", *rows]))


@pytest.mark.parametrize(
    ("kind", "annotations", "write"),
    [
        ("COCO", "boxes.json", lambda root, drawn: projects.write_coco(root / "boxes.json", drawn)),
        ("PASCAL VOC", "Annotations", lambda root, drawn: write_voc(root / "Annotations", drawn)),
        ("labelme", "pictures", lambda root, drawn: write_labelme(root / "pictures", drawn)),
        ("CVAT", "cvat.xml", lambda root, drawn: write_cvat(root / "cvat.xml", drawn)),
        ("a CSV", "boxes.csv", lambda root, drawn: write_csv(root / "boxes.csv", drawn)),
        ("masks in a folder a class", "masks", lambda root, drawn: projects.write_masks(root / "masks", drawn)),
    ],
)
def test_each_kind_is_found_with_its_pictures(tmp_path, kind, annotations, write):
    """And the reader counts what is in it."""
    write(tmp_path, projects.draw(tmp_path / "pictures", count=3))
    (one,) = annotated_sets(look(tmp_path))
    assert (one.kind, one.annotations, one.images, one.fault) == (kind, annotations, "pictures", None)
    assert dict(one.counts) == {"cat": 3, "dog": 3}


def test_a_held_out_set_comes_before_one_that_was_trained_on_and_regions_before_bare_classes(tmp_path):
    """The regression set is not what the model has learned by heart."""
    for split in ("train", "val"):
        projects.write_coco(tmp_path / f"{split}.json", projects.draw(tmp_path / split, count=3))
    projects.draw(tmp_path / "test_folders", count=3, by_class=True)
    sets = annotated_sets(look(tmp_path))
    assert [one.annotations for one in sets] == ["val.json", "train.json", "test_folders"]


def test_a_set_that_cannot_be_read_says_why(tmp_path):
    """Masks without their pictures, say."""
    drawn = projects.draw(tmp_path / "images", count=3)
    projects.write_masks(tmp_path / "masks", drawn)
    (tmp_path / "images" / drawn[0][0]).unlink()
    (one,) = annotated_sets(look(tmp_path))
    assert "masks without an image" in one.fault


def test_class_folders_are_in_the_order_of_image_folder(tmp_path):
    """By name."""
    projects.draw(tmp_path / "train", count=1, by_class=True)
    assert class_folders(look(tmp_path), PurePosixPath("train")) == ["cat", "dog"]
