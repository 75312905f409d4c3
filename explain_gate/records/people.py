"""What people say of versions and of single maps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Opinion = Literal["plausible", "not plausible", "label wrong", "region wrong", "unsure"]
"""What a person may find of a map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a version taught. `at` is ISO 8601 in UTC; `version` names the version as people do, `digest` its model.

    `image` and `rule` are what it is about, None where it is about the version: a later version that is asked the same
    rule or the same image is told.
    """

    text: str
    at: str
    by: str
    version: str
    digest: str = ""
    image: str | None = None
    rule: str | None = None

    def concerns(self, rules: Collection[str], images: Collection[str]) -> bool:
        """Whether one of these rules, by key or by check, or one of these images is what it is about."""
        return self.image in images or any(rule == self.rule or rule.partition("[")[0] == self.rule for rule in rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """The methods that none is better than beyond chance by one metric, over `images`; `mean` is the best one's."""

    check: str
    methods: tuple[str, ...]
    mean: float
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """What a study of a version's attribution methods came to. `at` is ISO 8601 in UTC."""

    at: str
    leaders: tuple[Leader, ...]

    def told(self) -> str:
        """In one line, metric by metric."""
        return "; ".join(
            f"{one.check}: {', '.join(one.methods)}{' tie' if len(one.methods) > 1 else ''}" for one in self.leaders
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person found of one map of one image. `at` is ISO 8601 with the zone's offset.

    `image_digest` is of the picture's file, `annotation_digest` of its label and region, `map_digest` of the map as the
    profile keeps it and `sketch` what is enough of it to tell another map from it. `version` is the digest of the
    weights whose map it was, "" where nobody knows.
    """

    opinion: Opinion
    note: str = ""
    reviewer: str
    at: str
    image: str
    method: str
    image_digest: str
    annotation_digest: str
    map_digest: str
    sketch: str
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """An image that people took out of its rules until its annotation changes: what is wrong with it, and who says so.

    `at` is when the last of them said so, ISO 8601 with the zone's offset; `notes` are what they wrote.
    """

    image: str
    reason: Literal["label wrong", "region wrong"]
    reviewers: tuple[str, ...]
    at: str
    notes: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Excluded:
        """The record of its fields as JSON holds them."""
        return cls(**{**plain, "reviewers": tuple(plain["reviewers"]), "notes": tuple(plain["notes"])})
