"""Draws: what is drawn depends on what there is to draw from, never on where it stands in a list."""

from __future__ import annotations

import subprocess
import sys

import pytest

from explain_gate.seeds import lowest, lowest_of_each, pairs, seed_of

CARDS = [f"{number:02d}" for number in range(40)]


def drawn(
    cards: list[str], count: int | None = 8, *, seed: int = 0, own: str = "me", purpose: str = "test"
) -> list[str]:
    """Cards that are their own digest and name."""
    return lowest(cards, count, digest=str, name=str, seed=seed, own=own, purpose=purpose)


def evenly(cards: list[str], limit: int) -> list[str]:
    """Cards drawn from groups by their first digit."""
    return lowest_of_each(cards, limit, group=lambda card: card[0], digest=str, name=str, seed=0, purpose="test")


def test_order_does_not_matter() -> None:
    """A shuffled list gives the same draw, in the same order."""
    shuffled = sorted(CARDS, key=lambda card: card[::-1])
    assert drawn(shuffled) == drawn(CARDS)
    assert evenly(shuffled, 11) == evenly(CARDS, 11)


def test_an_added_candidate_displaces_at_most_one() -> None:
    """Who is added is drawn or not; who was drawn before stays, but for the last."""
    before = drawn(CARDS)
    entered = 0
    for number in range(40):
        after = drawn([*CARDS, f"new {number}"])
        assert len(set(before) - set(after)) <= 1
        assert set(after) - set(before) <= {f"new {number}"}
        entered += f"new {number}" in after
    assert 0 < entered < 40


def test_a_removed_candidate_that_was_not_drawn_changes_nothing() -> None:
    """Only a drawn one is replaced, by one other."""
    before = drawn(CARDS)
    for card in CARDS:
        after = drawn([other for other in CARDS if other != card])
        assert after == before if card not in before else len(set(after) - set(before)) == 1


def test_a_larger_draw_contains_the_smaller() -> None:
    """Twenty of a set hold the ten that a smaller sample takes."""
    assert drawn(CARDS, 20)[:10] == drawn(CARDS, 10)
    assert drawn(CARDS, None)[:10] == drawn(CARDS, 10)


@pytest.mark.parametrize("change", [{"seed": 1}, {"own": "you"}, {"purpose": "other"}])
def test_seed_image_and_purpose_each_give_another_draw(change: dict[str, object]) -> None:
    """Draws of two seeds, two images or two purposes have nothing to do with each other."""
    assert drawn(CARDS, **change) != drawn(CARDS)  # type: ignore[arg-type]
    arguments = {"seed": 0, "own": "me", "purpose": "test"}
    assert seed_of(**{**arguments, **change}) != seed_of(**arguments)  # type: ignore[arg-type]
    assert 0 <= seed_of(**arguments) < 2**63  # type: ignore[arg-type]


def test_copies_are_told_apart_by_name() -> None:
    """Two files of one digest come in the order of their names, whichever is listed first."""
    copies = ["a", "b"]
    for listed in (copies, copies[::-1]):
        assert lowest(listed, digest=lambda _: "same", name=str, seed=0, purpose="test") == copies


def test_groups_share_a_limit_evenly() -> None:
    """Ten of every group; what a small group lacks goes to the others."""
    assert [sum(card[0] == group for card in evenly(CARDS, 20)) for group in "0123"] == [5, 5, 5, 5]
    few = [card for card in CARDS if card[0] != "1"] + ["10", "11"]
    assert sorted(sum(card[0] == group for card in evenly(few, 20)) for group in "0123") == [2, 6, 6, 6]
    assert len(evenly(CARDS, 100)) == 40


def test_pairs_join_different_contents() -> None:
    """No image is paired with a copy of itself, order does not matter, and where all are copies there is no pair."""

    def of(cards: list[str]) -> list[tuple[str, str]]:
        return pairs(cards, 30, digest=str, name=str, content=lambda card: card[0], seed=0, purpose="test")

    found = of(CARDS)
    assert len(found) == 30
    assert all(first[0] != second[0] for first, second in found)
    assert of(CARDS[::-1]) == found
    assert len(set(found)) > 20
    assert of(["00", "01"]) == of([]) == []


def test_the_module_is_pure() -> None:
    """Drawing needs neither torch nor numpy."""
    code = "import sys, explain_gate.seeds; print({'torch', 'numpy'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
