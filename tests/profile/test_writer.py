"""A profile folder is whole or no profile."""

import numpy as np
import pytest

from explain_gate.errors import ReferenceError
from explain_gate.profile.profile import load_profile
from explain_gate.profile.writer import ProfileWriter, write_tables


def test_a_rewrite_that_is_cut_off_leaves_nothing_that_looks_whole(folder, monkeypatch):
    """Killed between the tables and the manifest, as drift is added after measuring: no manifest, so no profile."""

    def killed(*_):
        raise KeyboardInterrupt

    profile = load_profile(folder)
    monkeypatch.setattr("explain_gate.profile.writer.digests_of", killed)
    with pytest.raises(KeyboardInterrupt):
        write_tables(profile, profile.folder)
    with pytest.raises(ReferenceError, match=r"manifest\.json is missing"):
        load_profile(folder)


def test_what_was_not_written_reads_as_not_measured(tmp_path):
    """A row of maps that no method reached is NaN, and a second asking is the same file."""
    with ProfileWriter(tmp_path, count=300, height=2, width=3) as writer:
        writer.maps("own:method")[7] = 0.5
        writer.let_go()
        assert writer.maps("own:method")[7, 0, 0] == 0.5
    maps = np.load(tmp_path / "maps" / "own.method.npy")
    assert maps.dtype == np.float16
    assert np.isnan(maps).all(axis=(1, 2)).sum() == 299
    assert not np.isnan(maps[7]).any()
