"""One file that opens anywhere: pictures inside, nothing from outside, and no file that is not the report's."""

import base64
import io
import re

from PIL import Image

from explain_gate.publishing.pages.single_file import single_file


def test_every_picture_of_a_report_is_inside(tmp_path, write_project, measured, page_of):
    """The page needs no folder any more, and its policy lets nothing else in."""
    write_project(tmp_path / "project", corner=True)
    session = measured()
    output = session.finish(session.conclude()).output
    text = single_file((output / "index.html").read_text(encoding="utf-8"), output)
    assert "assets/" not in text
    assert "img-src data:;" in text
    [first, *_] = re.findall(r'src="data:image/(?:webp|png|jpeg);base64,([^"]+)"', text)
    with Image.open(io.BytesIO(base64.b64decode(first))) as picture:
        assert picture.size == (32, 32)
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    page_of(tmp_path / "report.html")


def test_a_picture_elsewhere_or_missing_is_left_as_it_is(tmp_path):
    """A profile from somebody else cannot pull in a file of the reader's."""
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = tmp_path / "run"
    (folder / "assets").mkdir(parents=True)
    (folder / "assets" / "link.png").symlink_to(tmp_path / "secret.png")
    page = '<img src="assets/../../secret.png"><img src="assets/link.png"><img src="assets/gone.jpg">'
    assert single_file(page, folder) == page
