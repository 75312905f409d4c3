"""Review: what people find of the maps, and how far they agree. Takes opinions, asks no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from explain_gate.errors import NotMeasurable

UNSURE = "unsure"
_PLAUSIBLE = ("plausible", "not plausible")


def implausible(opinions: Mapping[str, str]) -> float:
    """Share of the people who say whether a map is plausible that find it not plausible.

    Args:
        opinions: of one image's map, by reviewer.

    Raises:
        NotMeasurable: nobody says whether it is.
    """
    answers = [opinion for opinion in opinions.values() if opinion in _PLAUSIBLE]
    if not answers:
        raise NotMeasurable("nobody has judged its map")
    return answers.count("not plausible") / len(answers)


def coverage(opinions: Mapping[str, str], *, reviewers: int = 1) -> float:
    """1 where so many people have judged a map, else 0; who is unsure has not.

    Args:
        opinions: of one image's map, by reviewer.
        reviewers: who must have.
    """
    return float(sum(opinion != UNSURE for opinion in opinions.values()) >= reviewers)


def agreement(opinions: Sequence[Mapping[str, str]]) -> list[float | str]:
    """What each image adds to the agreement of its reviewers beyond chance; the mean of the values is the coefficient.

    Of two people it is Cohen's kappa (1960), of more Krippendorff's alpha for names (2004, nominal data). Both are
    1 - D_o / D_e, the observed disagreement over the one that chance gives, so an image has the value
    1 - w D_u / D_e, with its own disagreement D_u and its weight w among the images, 1 for kappa. Where all answers
    are the same, nobody disagreed and every value is 1.

    Args:
        opinions: of each image's map, by reviewer; who is unsure has given none.

    Returns:
        A value for each image that two people judged, at most 1; for the others the reason why there is none.
    """
    sure = [{who: one for who, one in given.items() if one != UNSURE} for given in opinions]
    units = [given for given in sure if len(given) > 1]
    people = sorted({who for given in units for who in given})
    expected = _by_two(units, people) if len(people) == 2 else _by_all(units)
    answers = sum(map(len, units))
    values: list[float | str] = []
    for given in sure:
        if len(given) < 2:
            values.append("fewer than two people have judged its map")
            continue
        weight = len(given) * len(units) / answers
        values.append(1 - weight * _disagreement(given) / expected if expected else 1.0)
    return values


def _disagreement(given: Mapping[str, str]) -> float:
    """Share of the pairs of an image's reviewers whose answers differ."""
    count = len(given)
    same = sum(number * (number - 1) for number in Counter(given.values()).values())
    return 1 - same / (count * (count - 1))


def _by_two(units: Sequence[Mapping[str, str]], people: Sequence[str]) -> float:
    """Disagreement that chance gives two people who answer as often as they do (Cohen 1960)."""
    first, second = (Counter(given[who] for given in units) for who in people)
    return 1 - sum(first[one] * second[one] for one in first) / len(units) ** 2


def _by_all(units: Sequence[Mapping[str, str]]) -> float:
    """Disagreement of two answers drawn from all of them without putting back (Krippendorff 2004)."""
    answers = Counter(one for given in units for one in given.values())
    count = answers.total()
    return 1 - sum(one * (one - 1) for one in answers.values()) / (count * (count - 1)) if count else 0.0
