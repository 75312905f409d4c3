"""Who takes part in the search for a class's patch: never the half that is asked, and not by place in the set."""

from __future__ import annotations

from types import SimpleNamespace

from explain_gate.measuring.asking.search_roles import SearchRoles
from explain_gate.seeds import lowest

COUNT = 60


class Pictures:
    """Pictures of three classes in turn; `first` is the number of the first one."""

    def __init__(self, numbers):
        self.numbers = list(numbers)
        self.entries = [SimpleNamespace(label=number % 3, accepted=(number % 3,)) for number in self.numbers]

    def digest(self, row: int) -> str:
        """Of a picture's file; the last two are copies."""
        return str(min(self.numbers[row], COUNT - 2))

    def key(self, row: int) -> str:
        """What draws know it by."""
        return str(self.numbers[row])

    def lowest(self, rows, count, *, seed, own="", purpose):
        """So many of these rows."""
        return lowest(rows, count, digest=self.key, name=self.key, seed=seed, own=own, purpose=purpose)


def roles(numbers=range(COUNT)) -> SearchRoles:
    """Of such a set."""
    return SearchRoles(Pictures(numbers), seed=0)


def test_donors_show_the_class_and_receivers_do_not():
    """Both of the half that is searched, which an image of it does not take from."""
    made = roles()
    for half in (True, False):
        donors, receivers = made.donors(1, half), made.receivers(1, half)
        assert (len(donors), len(receivers)) == (4, 12)
        assert all(row % 3 == 1 for row in donors)
        assert all(row % 3 != 1 for row in receivers)
        assert all(made.half_against(row, 1) != half for row in (*donors, *receivers))
        assert made.searched(1, half) == [*donors, *receivers]


def test_roles_follow_from_the_pictures_not_from_their_order():
    """Listed backwards the same pictures are searched."""
    made, turned = roles(), roles(range(COUNT - 1, -1, -1))
    for half in (True, False):
        assert made.searched(2, half) == [COUNT - 1 - row for row in turned.searched(2, half)]


def test_a_class_of_one_picture_lends_to_both_halves():
    """Where all of a few fell into one half, they serve the other too."""
    made = roles([0, 1, 2, 3, 4, 5, 6])
    assert made.donors(1, True)
    assert made.donors(1, False)


def test_peers_are_other_pictures_of_the_class():
    """A few, the same each time; never the picture itself or its copy."""
    made = roles()
    assert len(made.peers(4)) == 3
    assert made.peers(4) == made.peers(4)
    assert all(row % 3 == 1 and row != 4 for row in made.peers(4))
