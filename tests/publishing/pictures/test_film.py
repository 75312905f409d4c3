"""Film strips: the images whose maps changed most, one version after the other."""

from versions import life

from explain_gate.profile.writer import write_tables
from explain_gate.publishing.pages.history import render_history
from explain_gate.publishing.pictures.film import film_strips


def test_film_strips_show_what_changed_most(run, make_run, tmp_path, page_of):
    """The images whose map changed most, one of each class first, inside the page."""
    import numpy as np

    other = make_run(name="other")
    path = other.profile.folder / "maps" / "grad_cam.npy"
    maps = np.load(path)
    maps[8] = maps[8, ::-1, ::-1]
    np.save(path, maps)
    changed = write_tables(other.profile, other.profile.folder)
    strips = film_strips([run.profile, run.profile, changed], ["1", "2", "3"])
    assert strips[0].image == run.profile.images[8].image
    assert [frame.label for frame in strips[0].frames] == ["1", "2", "3"]
    assert strips[0].frames[0].picture == strips[0].frames[1].picture != strips[0].frames[2].picture
    assert len({strip.class_name for strip in strips}) == 3
    file = tmp_path / "history.html"
    file.write_text(render_history("pets", life(0.5, 0.5, 0.5), strips=strips), encoding="utf-8")
    assert all(a["src"].startswith("data:image/webp") for a in page_of(file).all("img"))
