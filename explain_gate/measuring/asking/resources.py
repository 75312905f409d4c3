"""What capabilities answer from while a run lasts: the set, the model's variants, kept maps, backgrounds, cues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from torch import Tensor

from explain_gate.data.regression_set import RegressionSet
from explain_gate.errors import NotMeasurable
from explain_gate.measuring.asking.backgrounds import Backgrounds
from explain_gate.measuring.asking.cues import CueSearch, Predict
from explain_gate.measuring.asking.looks import Looks
from explain_gate.measuring.asking.maps import KeptMaps
from explain_gate.measuring.asking.panels import Panels
from explain_gate.measuring.asking.passes import predict
from explain_gate.measuring.asking.variants import Variants
from explain_gate.records import Truth


class Resources(AbstractContextManager["Resources"]):
    """Use in a `with`. `options` are those of each method; `cues` and `looks` are made of what predicts pixels."""

    def __init__(
        self,
        *,
        data: RegressionSet,
        variants: Variants,
        maps: KeptMaps,
        panels: Panels,
        backgrounds: Backgrounds,
        options: Mapping[str, Mapping[str, Any]],
        cues: Callable[[Predict], CueSearch] | None = None,
        looks: Callable[[Predict], Looks] | None = None,
    ) -> None:
        self.data = data
        self.variants = variants
        self.maps = maps
        self.panels = panels
        self.backgrounds = backgrounds
        self.options = options
        self._search = cues
        self._cues: CueSearch | None = None
        self._make_looks = looks
        self._looks: Looks | None = None

    def __enter__(self) -> Self:
        self.variants.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.variants.__exit__(kind, error, trace)
        if self._cues is not None and error is None:
            self._cues.close()

    @property
    def cues(self) -> CueSearch:
        """What classes hang on, searched when first asked for."""
        if self._cues is None:
            if self._search is None:
                raise NotMeasurable("there is no regression set to search for cues")
            self._cues = self._search(self._predict)
        return self._cues

    @property
    def looks(self) -> Looks:
        """How classes' pictures look, found out when first asked for."""
        if self._looks is None:
            if self._make_looks is None:
                raise NotMeasurable("there is no regression set whose pictures could lend how they look")
            self._looks = self._make_looks(self._predict)
        return self._looks

    def _predict(self, pixels: Tensor, truths: Sequence[Truth]) -> Tensor:
        return predict(self.variants.probe, pixels, truths)
