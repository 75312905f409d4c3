"""Where docs/troubleshooting.md explains an error: a heading for each kind of message, and for each kind of error."""

from __future__ import annotations

import os
import re
from pathlib import Path

from explain_gate.errors import ExplainGateError

SITE = "EXPLAIN_GATE_DOCS"
"""Environment variable: where a team serves the site of `make docs`; without it the installed text is linked."""

KINDS: tuple[tuple[str, str], ...] = (
    ("fill-in", r"still says FILL_IN"),
    ("git-lfs", r"git lfs"),
    ("a-package-is-missing", r"pip install|is not installed|logged without its code"),
    ("your-code-cannot-be-imported", r"no module named|importing it raised|must be package\.module|must be callable"),
    ("your-code-raised", r"calling it raised|the (?:method|metric) \S+ raised|\) raised \w+|transform \S+ raised"),
    ("a-transform-of-your-own", r"preprocessing\.transform|the transform gave back"),
    ("preprocessing", r"preprocessing|preprocessor_config|crop mode|is not done here|DICOM|bands"),
    ("unknown-key", r"unknown key"),
    (
        "unknown-name",
        r"unknown (?:metric|method|family|option|parameter|task)|is not among `methods`|no such parameter",
    ),
    (
        "not-yaml",
        r"not valid YAML|UTF-8 text|written twice|plain text|repeat themselves|file is empty|be a mapping with",
    ),
    ("bounds", r"bound must be|metric's range|must_catch|at_least and at_most|must have a bound|share of images"),
    ("waivers", r"a waiver ends"),
    ("a-metric-that-makes-no-sense", r"makes no sense for|takes no methods|methods with a path only|two methods; name"),
    ("random-model", r"random in eval mode|beside other images|changed its own weights"),
    (
        "classes-and-logits",
        r"the model has (?:\S+ )?(?:one |two )?logits?|data\.classes|channels, but|classes annotated",
    ),
    ("outputs", r"must return (?:scores|logits)|a detector must return|scores of a detector|logits are not finite"),
    ("memory", r"does not fit into the memory"),
    ("no-gradient", r"has no gradient|does not depend on"),
    ("target-layer", r"target[_ ]layer|no layer|feature map|module calls no submodules"),
    ("attention", r"attention methods|attention was seen|attention layer|self-attention|tokens of a grid over"),
    (
        "weights-that-do-not-fit",
        r"does not fit the model|several sets of weights|has no weights that|the weights under",
    ),
    ("pickled-code", r"pickled"),
    (
        "checkpoint-format",
        r"state dict|safetensors file|readable checkpoint|TorchScript|DeepSpeed|distributed check|shard",
    ),
    ("which-checkpoint", r"checkpoint does not exist|no such checkpoint|several checkpoints|without a checkpoint"),
    ("building-the-model", r"no such model|must return a torch\.nn\.Module|whole model|model\.source"),
    ("pictures-that-are-missing", r"image(?:s| files?)? cannot be used|: missing in|not a folder|without an image"),
    ("sizes-that-differ", r"annotated as|must have one size|mask must be|run[- ]length"),
    ("decisions", r"decision of explain-gate review|decision of at most|about and who decided"),
    ("no-reference", r"none is given"),
    ("not-comparable", r"not comparable"),
    ("only-a-part", r"only a part of the gate"),
    ("a-damaged-run", r"damaged|whole profile|is not the file that was|is not the profile|other weights than"),
    ("the-registry", r"in the registry|never gated|no gate run|is not recorded|cannot be reached|models:/NAME"),
    ("time-limit", r"--time-limit"),
    ("the-output-folder", r"--output|cannot be written"),
    ("the-device", r"--device|is not available here|must be auto, cpu"),
)
"""Heading -> what the first line of its messages says; the first that fits."""

BY_CLASS = {
    "OptionError": "options",
    "ConfigError": "configuration",
    "DataError": "annotations",
    "ModelError": "building-the-model",
    "ReferenceError": "no-reference",
    "UserCodeError": "your-code-raised",
    "TrackingError": "tracking",
    "NothingPlanned": "nothing-planned",
    "TimeLimitError": "time-limit",
}
"""Heading of an error that says none of these."""
NO_VERDICT = "no-verdict"
"""Heading of a measuring process that ended, and of every error that no other explains."""


def anchor_of(error: ExplainGateError) -> str:
    """The heading that explains an error."""
    text = next(iter(str(error).splitlines()), "")  # names of weights and files below say anything
    by_class = next((BY_CLASS[one.__name__] for one in type(error).__mro__ if one.__name__ in BY_CLASS), NO_VERDICT)
    return next((anchor for anchor, pattern in KINDS if re.search(pattern, text)), by_class)


def link_to(error: ExplainGateError) -> str | None:
    """Where that heading can be read: on the team's own site, else in the text that is installed; None without both."""
    return link_to_heading(anchor_of(error))


def link_to_heading(anchor: str) -> str | None:
    """The same, of a heading by its anchor."""
    site = os.environ.get(SITE)
    if site:
        return f"{site.rstrip('/')}/troubleshooting.html#{anchor}"
    here = Path(__file__).absolute()
    places = (here.with_name("troubleshooting.md"), here.parents[1] / "docs" / "troubleshooting.md")
    place = next((place for place in places if place.is_file()), None)
    return f"{place.as_uri()}#{anchor}" if place is not None else None


def told_with_link(error: ExplainGateError) -> str:
    """The message, and on a line of its own where it is explained."""
    link = link_to(error)
    return f"{error}\nexplained at {link}" if link is not None else str(error)
