"""Every format that is read, with the pixels that it means; and what is told of the others."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from drawings import SIDE, mask, picture
from PIL import Image

from explain_gate.data.regression_set import open_set
from explain_gate.errors import DataError

ROWS, COLUMNS = slice(3, 7), slice(2, 8)
"""Of the region that every format draws: a box from (2, 3) to (8, 7) on 20 x 12."""
FIXED = np.zeros(SIDE, dtype=bool)
FIXED[ROWS, COLUMNS] = True
SHARES = "0.25 0.4166667 0.3 0.3333333"


@pytest.fixture
def images(tmp_path):
    """Two pictures, and one in a folder."""
    for name in ("a.png", "b.jpg", "deep/c.png"):
        picture(tmp_path / "images" / name)
    return tmp_path / "images"


def regions(data):
    """Region by image and class."""
    return {(entry.image, entry.class_name): data.sample(row).region for row, entry in enumerate(data.entries)}


def check(data, *expected, classes):
    """Exactly these images and classes, each with the one region."""
    assert list(data.classes) == list(classes)
    found = regions(data)
    assert sorted(found) == sorted(expected)
    for key, region in found.items():
        assert np.array_equal(region.numpy(), FIXED), key


def yolo(tmp_path, lines: dict[str, str], names="names: [cat, dog]"):
    for name, text in lines.items():
        path = tmp_path / "labels" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "data.yaml").write_text(f"train: images\nval: images\n{names}\n")


@pytest.mark.parametrize("source", ["data.yaml", "labels", "."])
@pytest.mark.parametrize("names", ["names: [cat, dog]", "names: {0: cat, 1: dog}"])
def test_yolo_boxes_and_polygons(gate, tmp_path, images, source, names):
    """Shares of the picture become its pixels; an empty file and none at all are images without objects."""
    polygon = "1 0.1 0.25 0.4 0.25 0.4 0.583333 0.1 0.583333"
    yolo(tmp_path, {"a.txt": f"0 {SHARES}\n", "b.txt": "", "deep/c.txt": polygon}, names)
    (tmp_path / "labels" / "classes.txt").write_text("cat\ndog\n") if source == "labels" else None
    data = open_set(gate(source))
    check(data, ("a.png", "cat"), ("deep/c.png", "dog"), classes=["cat", "dog"])
    assert "1 of 3 images have no object" in data.notes[-1]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_yolo_shares_are_of_the_upright_picture(gate, tmp_path, orientation):
    """As every tool shows it, whichever way the camera was held."""
    pixels = np.zeros((*SIDE, 3), dtype=np.uint8)
    pixels[2:6, 3:11] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    (tmp_path / "images").mkdir()
    image.save(tmp_path / "images" / "a.png", exif=exif)
    yolo(tmp_path, {"a.txt": "0 0.5 0.5 1 1"}, "names: [cat]")
    white = (open_set(gate("data.yaml")).sample(0).pixels[0] > 0.5).numpy()
    (ys, xs), (height, width) = np.nonzero(white), white.shape
    left, right, top, bottom = xs.min() / width, (xs.max() + 1) / width, ys.min() / height, (ys.max() + 1) / height
    line = f"0 {(left + right) / 2} {(top + bottom) / 2} {right - left} {bottom - top}"
    yolo(tmp_path, {"a.txt": line}, "names: [cat]")
    assert np.array_equal(open_set(gate("data.yaml")).sample(0).region.numpy(), white)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"0 {SHARES} 0.9", "6 numbers, which are predictions"),
        ("0 10 20 30 40", "must be shares from 0 to 1, got 10 to 40"),
        (f"7 {SHARES}", "has class 7, and names go from 0 to 1"),
        (f"0.5 {SHARES}", "has class 0.5"),
        (f"1e999 {SHARES}", "has class 1e999"),
        (f"nan {SHARES}", "has class nan"),
        ("0 0.1 0.2 0.3 0.4 0.5 0.6 0.7", "8 numbers; a box has 5"),
        (f"cat {SHARES}", "must be numbers"),
        ("0 nan 0.1 0.1 0.1", "must be shares"),
    ],
)
def test_a_faulty_yolo_line_is_named(gate, tmp_path, images, line, told):
    """File, line, what came and what is read."""
    yolo(tmp_path, {"a.txt": f"1 {SHARES}\n{line}\n"})
    with pytest.raises(DataError, match=rf"a\.txt: line 2: .*{told}"):
        open_set(gate("data.yaml"))


def test_yolo_without_what_it_needs_says_so(gate, tmp_path, images):
    """Names, images, key points, and boxes without an area."""
    yolo(
        tmp_path,
        {"a.txt": f"0 {SHARES}\n1 0.5 0.5 0 0.1\n", "gone.txt": f"0 {SHARES}"},
        "names: [cat]\nkpt_shape: [4, 2]",
    )
    with pytest.raises(DataError, match="kpt_shape, so its labels are key points"):
        open_set(gate("data.yaml"))
    (tmp_path / "data.yaml").write_text("names: [cat, dog]")
    with pytest.raises(DataError, match=r"gone\.txt: no image of that name"):
        open_set(gate("data.yaml"))
    (tmp_path / "labels" / "gone.txt").unlink()
    assert "1 boxes without an area dropped (a.txt line 2)" in open_set(gate("data.yaml", classes={"cat": 0})).notes[0]
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(DataError, match=r"hold class numbers; a data\.yaml with names"):
        open_set(gate("labels"))


def labelme(tmp_path, *shapes, image="..\\images\\a.png", name="a.json", **more):
    path = tmp_path / "labelme" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps({"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": image, "imageData": None,
                    "imageHeight": SIDE[0], "imageWidth": SIDE[1], **more})
    )  # fmt: skip


def encoded(inside) -> str:
    stream = io.BytesIO()
    Image.fromarray(inside).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize(
    "shape",
    [
        {"shape_type": "polygon", "points": [[2, 3], [8, 3], [8, 7], [2, 7]]},
        {"points": [[2, 3], [8, 3], [8, 7], [2, 7]]},
        {"shape_type": "rectangle", "points": [[8, 7], [2, 3]]},
        {"shape_type": "mask", "points": [[2, 3], [7, 6]], "mask": encoded(np.ones((4, 6), dtype=bool))},
    ],
    ids=lambda shape: shape.get("shape_type", "old"),
)
def test_labelme_shapes(gate, tmp_path, images, shape):
    """Polygons, rectangles from any corner, masks; a line has no area, and a file without shapes no object."""
    line = {"label": "cat", "shape_type": "line", "points": [[0, 0], [5, 5]]}
    labelme(tmp_path, {"label": "cat", **shape}, line)
    labelme(tmp_path, image="../images/b.jpg", name="b.json")
    for source in ("labelme", "labelme/a.json"):
        data = open_set(gate(source))
        check(data, ("a.png", "cat"), classes=["cat"])
        assert "1 shapes dropped that have no area (line) (a.json shape 1)" in data.notes[0]
    assert "1 of 2 images have no object" in open_set(gate("labelme")).notes[-1]


def test_a_labelme_circle_is_round(gate, tmp_path, images):
    """Its area is that of a circle."""
    labelme(tmp_path, {"label": "cat", "shape_type": "circle", "points": [[10, 6], [15, 6]]})
    region = open_set(gate("labelme")).sample(0).region
    assert abs(int(region.sum()) - np.pi * 25) < 10
    assert region[6, 5:15].all()


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ({"shape_type": "cube", "points": [[1, 1]]}, "is a cube of 1 points; polygon, rectangle, circle and mask"),
        ({"shape_type": "mask", "points": [[2, 3], [7, 6]], "mask": "AAAA"}, "cannot identify"),
        ({"points": [[1, 2, 3]]}, "unpack"),
        ({"points": [[float("nan"), 1], [2, 2], [3, 1]]}, "finite"),
    ],
)
def test_a_faulty_labelme_file_is_named(gate, tmp_path, images, shape, told):
    """All faulty files at once."""
    labelme(tmp_path, {"label": "cat", **shape})
    with pytest.raises(DataError, match=rf"1 labelme files cannot be used:\n.*a\.json: .*{told}"):
        open_set(gate("labelme"))


def cvat(tmp_path, body: str, labels=("cat", "dog")):
    named = "".join(f"<label><name>{name}</name></label>" for name in labels)
    (tmp_path / "cvat").mkdir(exist_ok=True)
    (tmp_path / "cvat" / "annotations.xml").write_text(
        f'<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task><labels>{named}'
        f"</labels></task></meta>{body}</annotations>"
    )


def cvat_image(name: str, body: str, size=SIDE) -> str:
    return f'<image id="0" name="{name}" width="{size[1]}" height="{size[0]}">{body}</image>'


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="dog" xtl="2.00" ytl="3.00" xbr="8.00" ybr="7.00" occluded="0"></box>',
        '<box label="dog" xtl="3" ytl="2" xbr="7" ybr="8" rotation="90.0"></box>',
        '<polygon label="dog" points="2.0,3.0;8.0,3.0;8.0,7.0;2.0,7.0"></polygon>',
        '<mask label="dog" rle="0, 24" left="2" top="3" width="6" height="4"></mask>',
        '<mask label="dog" rle="1, 6, 2, 6, 2, 6, 2, 6, 1" left="1" top="3" width="8" height="4"></mask>',
    ],
    ids=["box", "turned box", "polygon", "mask", "wider mask"],
)
@pytest.mark.parametrize("source", ["cvat", "cvat/annotations.xml"])
def test_cvat_shapes(gate, tmp_path, images, source, shape):
    """Boxes turned or not, polygons, masks; labels in the task's order; a tag is a class without a region."""
    body = cvat_image("a.png", shape) + cvat_image("b.jpg", '<tag label="cat"></tag>') + cvat_image("deep/c.png", "")
    cvat(tmp_path, body)
    data = open_set(gate(source))
    assert data.classes == {"cat": 0, "dog": 1}
    found = regions(data)
    assert np.array_equal(found["a.png", "dog"].numpy(), FIXED)
    assert found["b.jpg", "cat"] is None
    assert data.sample(1).region_reason == "no region is drawn on this image"
    assert "1 of 3 images have no object" in data.notes[-1]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('<track id="0" label="cat"></track>', "tracks of a video; export it as `CVAT for images 1.1`"),
        (cvat_image("a.png", '<polygon label="cat" points="1,2;3,4"></polygon>'), "three points or more"),
        (cvat_image("a.png", '<mask label="cat" rle="5" left="0" top="0" width="3" height="3"></mask>'), "add up to 9"),
        (cvat_image("a.png", '<mask label="cat" rle="0,9" left="19" top="0" width="3" height="3"/>'), "outside of"),
        (cvat_image("a.png", '<box label="cat" xtl="1"></box>'), "has no 'ytl'"),
        (cvat_image("a.png", '<blob label="cat"></blob>'), "has a blob; boxes, polygons"),
    ],
)  # fmt: skip
def test_faulty_cvat_is_named(gate, tmp_path, images, body, told):
    """The image, and what is wrong."""
    cvat(tmp_path, body, labels=("cat",))
    with pytest.raises(DataError, match=told):
        open_set(gate("cvat"))


def class_mask(path, *, mode="RGB", void=False):
    """One mask: cat (index 1, red) in the fixed box, dog (index 2, dark blue) at the right, and some void."""
    values = FIXED.astype(np.uint8)
    values[:, 15:18] = 2
    if void:
        values[0] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "L":
        Image.fromarray(values).save(path)
        return
    image = Image.fromarray(values).convert("P") if mode == "P" else Image.fromarray(values)
    image = Image.fromarray(values, mode="P") if mode == "P" else image
    palette = [0] * 768
    palette[3:6], palette[6:9], palette[765:768] = (128, 0, 0), (0, 0, 1), (224, 224, 192)
    image = Image.fromarray(values)
    image.putpalette(palette)
    (image if mode == "P" else image.convert("RGB")).save(path)


MAPS = {
    "labelmap.txt": "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\ndog:0,0,1::\n",
    "class_dict.csv": "name, r, g, b\ncat,128,0,0\ndog,0,0,1\nbackground,0,0,0\n",
    "classes.json": json.dumps({"cat": [128, 0, 0], "dog": [0, 0, 1]}),
}


@pytest.mark.parametrize("table", MAPS)
@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_masks_of_class_colours_with_a_map(gate, tmp_path, images, table, mode):
    """CVAT's folder, CamVid's table, or classes.json; colours also where they are stored as a palette."""
    folder = tmp_path / "masks"
    class_mask((folder / "SegmentationClass" if table == "labelmap.txt" else folder) / "a.png", mode=mode)
    (folder / table).write_text(MAPS[table])
    data = open_set(gate("masks"))
    assert data.classes == {"cat": 0, "dog": 1}
    found = regions(data)
    assert np.array_equal(found["a.png#cat", "cat"].numpy(), FIXED)
    assert int(found["a.png#dog", "dog"].sum()) == 36


@pytest.mark.parametrize("mode", ["L", "P"])
def test_masks_of_class_values_with_a_map(gate, tmp_path, images, mode):
    """Indices, in gray or a palette; 255 belongs to no class and is ignored; another value is refused by name."""
    class_mask(tmp_path / "masks" / "a.png", mode=mode, void=True)
    (tmp_path / "masks" / "classes.json").write_text('{"cat": 1, "dog": 2}')
    data = open_set(gate("masks"))
    sample = data.sample(0)
    assert np.array_equal(sample.region.numpy(), FIXED)
    assert int(sample.ignored.sum()) == SIDE[1]
    assert "1 masks have pixels of no class, which count neither as inside nor outside (a.png)" in data.notes[0]
    (tmp_path / "masks" / "classes.json").write_text('{"cat": 1}')
    with pytest.raises(DataError, match=r"a\.png: has values that the map does not name: 2"):
        open_set(gate("masks"))


@pytest.mark.parametrize(
    ("table", "told"),
    [("{}", "must give each class"), ('{"a": "x"}', "must name a value or a colour"), ("[1]", "must name a value"),
     ('{"a": 1, "b": 1}', "another value"), ('{"a": 1, "b": [1, 2, 3]}', "another value")],
)  # fmt: skip
def test_a_faulty_map_is_refused(gate, tmp_path, images, table, told):
    """What it must hold."""
    class_mask(tmp_path / "masks" / "a.png")
    (tmp_path / "masks" / "classes.json").write_text(table)
    with pytest.raises(DataError, match=told):
        open_set(gate("masks"))


def test_masks_side_by_side_without_a_map_are_asked_about(gate, tmp_path, images):
    """What to write."""
    class_mask(tmp_path / "masks" / "a.png")
    with pytest.raises(DataError, match=r"no map of its values; write classes\.json"):
        open_set(gate("masks"))


@pytest.mark.parametrize("kind", ["binary", "bilevel", "palette", "dark colour", "alpha", "cut-out", "instances"])
def test_masks_of_the_usual_kinds(gate, tmp_path, images, kind):
    """Whatever is not 0 is inside; where alpha varies, what is opaque is."""
    path = mask(tmp_path / "masks" / "cat" / "a.png", (ROWS, COLUMNS))
    gray = np.where(FIXED, 255, 0).astype(np.uint8)
    made = {
        "binary": lambda: Image.fromarray(gray),
        "bilevel": lambda: Image.fromarray(FIXED),
        "palette": lambda: Image.fromarray(FIXED.astype(np.uint8)),
        "dark colour": lambda: Image.fromarray(np.stack([0 * gray, 0 * gray, gray // 255], axis=-1)),
        "alpha": lambda: Image.fromarray(np.stack([0 * gray] * 3 + [gray], axis=-1)),
        "cut-out": lambda: Image.fromarray(np.stack([np.full_like(gray, 200)] * 3 + [gray], axis=-1)),
        "instances": lambda: Image.fromarray(np.where(FIXED, 40_000, 0).astype(np.uint16)),
    }[kind]()
    if kind == "palette":
        made.putpalette([200, 200, 200, 0, 0, 0] + [0] * 762)
    made.save(path)
    check(open_set(gate("masks")), ("a.png", "cat"), classes=["cat"])


@pytest.mark.parametrize(
    "text",
    [
        "image,class,xmin,ymin,xmax,ymax\na.png,cat,2,3,8,7\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,20,12,cat,2,3,8,7\n",
        "path;label;x;y;w;h\n/home/me/images/a.png;cat;2;3;6;4\n",
        "\ufeffImage\tLabel\tx1\ty1\tx2\ty2\na.png\tcat\t2\t3\t8\t7\n",
        "image,class,mask\na.png,cat,masks/one.png\n",
    ],
)
def test_a_table_of_boxes_or_masks(gate, tmp_path, images, text):
    """Commas, semicolons, tabs; corners or sides; the names that tools give to columns."""
    mask(tmp_path / "masks" / "one.png", (ROWS, COLUMNS))
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    check(open_set(gate("labels.csv")), ("a.png", "cat"), classes=["cat"])


def test_a_table_of_classes_alone(gate, tmp_path, images):
    """Classes that are numbers come in their order; no class is an image without an object; nothing has a region."""
    (tmp_path / "labels.csv").write_text("image,label\na.png,10\nb.jpg,2\ndeep/c.png,\n")
    data = open_set(gate("labels.csv"))
    assert data.classes == {"2": 0, "10": 1}
    assert [data.sample(row).region for row in range(2)] == [None, None]
    assert "1 of 3 images have no object" in data.notes[-1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.png,cat\n", "must have a column image or file_name or filename and a column class or label"),
        ("image,value\na.png,3.5\n", "value is a value, which this version measures no model of"),
        ("image,class,xmin,ymin,xmax,ymax\na.png,cat,0.1,0.1,0.5,0.5\n", "look like shares of the picture"),
        ("image,class,xmin,ymin,xmax,ymax\na.png,cat,1,,5,5\n", "a box needs xmin, ymin, xmax, ymax"),
        ("image,class,xmin,ymin,xmax,ymax\na.png,cat,8,3,2,7\n", "must have an area"),
        ("image,class,mask\na.png,cat,../a.png\n", "line 2: no mask"),
        ("image,class\n,cat\n", "line 2: image must not be empty"),
        ("", "got nothing"),
    ],
)
def test_a_faulty_table_is_refused(gate, tmp_path, images, text, told):
    """The line, what it holds and what to write."""
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=told):
        open_set(gate("labels.csv"))


def test_the_folder_is_the_class_where_annotations_name_the_images(gate, tmp_path):
    """As torchvision's ImageFolder: classes in alphabetical order, no region, and that is told."""
    for name in ("dog/a.png", "cat/a.png", "cat/deep/b.jpg"):
        picture(tmp_path / "images" / name)
    data = open_set(gate("images"))
    assert data.classes == {"cat": 0, "dog": 1}
    assert [entry.image for entry in data.entries] == ["cat/a.png", "cat/deep/b.jpg", "dog/a.png"]
    assert data.sample(0).region_reason == "no region is drawn on this image"
    assert "no region is drawn on any of 3" in data.notes[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"_via_img_metadata": {}}, "VGG Image Annotator: export it as `Annotations as COCO JSON`"),
        ({"a.png123": {"filename": "a.png", "regions": []}}, "VGG Image Annotator"),
        ([{"id": 1, "data": {}, "annotations": []}], "Label Studio's own JSON: export it as COCO"),
        ([{"image": "a.png", "annotations": []}], "CreateML's JSON"),
        ({"objects": [], "size": {}}, "Supervisely's JSON"),
        ({"samples": []}, "FiftyOne's own JSON"),
        ([{"image_id": 1, "category_id": 1, "bbox": [], "score": 0.5}], "COCO results, which are predictions"),
        ({"a": 1}, "must be COCO JSON"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_how_to_export(gate, tmp_path, images, content, told):
    """Its name, and what to click."""
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=told):
        open_set(gate("a.json"))


def test_a_folder_of_one_coco_file_is_that_file(gate, tmp_path, images):
    """CVAT and FiftyOne export a folder; of two files one has to be named."""
    (tmp_path / "annotations").mkdir()
    whole = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "cat"}],
             "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 6, 4]}]}  # fmt: skip
    (tmp_path / "annotations" / "instances_default.json").write_text(json.dumps(whole))
    check(open_set(gate("annotations")), ("a.png", "cat"), classes=["cat"])
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(whole))
    with pytest.raises(DataError, match=r"holds 2 JSON files .*name one of them"):
        open_set(gate("annotations"))
