"""Ranks out of tests."""

from explain_gate.studies.ranking import Pair, Standing, ranked


def pair(better, worse, difference=0.1):
    """One that nothing was said of yet."""
    return Pair(better=better, worse=worse, difference=difference, interval=(0, 1), p=1.0, tie=True)


def test_who_is_not_told_apart_ties():
    """A rank is 1 and the number of those that are better beyond chance."""
    standings = [Standing(method=name, mean=0.0, interval=(0, 0), rank=1) for name in "abc"]
    told, pairs = ranked(standings, [pair("a", "b"), pair("a", "c"), pair("b", "c")], [0.2, 0.01, 0.04])
    assert [one.rank for one in told] == [1, 1, 3]
    assert [one.tie for one in pairs] == [True, False, False]
    assert pairs[1].p == 0.01


def test_equal_means_tie_whatever_a_test_says():
    """Nobody is better by nothing."""
    standings = [Standing(method=name, mean=0.0, interval=(0, 0), rank=1) for name in "ab"]
    told, _ = ranked(standings, [pair("a", "b", 0.0)], [0.0])
    assert [one.rank for one in told] == [1, 1]
