"""What a calibration proposes: records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from explain_gate.records import Rule

BoundName = Literal["at_least", "at_most", "max_drop", "max_rise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One planned row with a proposed bound.

    `name` is the key whose number `bound` is, and `decide` what breaks the row by it; `before` is what the file says
    under the key that it has. `kept` is the reason why the bound does not come from the versions, None where it does.
    `looser` tells that it is looser than the package's own, which somebody accepted. `seen` holds the value of every
    version, of a change the differences between them. `share` is the expected share of good versions that break this
    row by itself.
    """

    rule: Rule
    name: BoundName
    bound: float
    before: float
    kept: str | None
    seen: tuple[float, ...]
    images: int
    share: float
    decide: Literal["value", "evidence"] = "value"
    looser: bool = False

    @property
    def is_change(self) -> bool:
        """Whether it bounds the change since the reference."""
        return self.name in ("max_drop", "max_rise")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All proposals, and what they promise together.

    `share` is the expected share of good versions that break any bound that comes from the versions, averaged over all
    the calibrations that could have been. `left_out` lists, by position, the versions that break a bound proposed from
    the others. `warnings` say where the promise is empty. `accepted` is why bounds may be looser than the package's.
    """

    proposals: tuple[Proposal, ...]
    rate: float
    share: float
    versions: int
    left_out: tuple[int, ...]
    warnings: tuple[str, ...]
    accepted: str | None = None
