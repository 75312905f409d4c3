"""What every section of thresholds.yaml shares: unknown keys are refused, and text is text."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A mapping of the file whose keys are known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        raise ValueError(
            f"must be text, got {value!r}: YAML reads bare yes, no, on, off, null as other types; quote it"
        )
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]
