"""What fuzzing shares: mutations of text and JSON, and what reading them may end in."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from explain_gate.data.regression_set import digest_of_set, open_set
from explain_gate.errors import ExplainGateError

DONE, UNUSABLE, NOTHING_PLANNED = 0, 4, 5
BOUNDED = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
STRANGE = st.sampled_from(
    ["", " ", ":", "{", "}", "[", "]", "- ", "&a ", "*a", "!!python/object/apply:os.system ['true']", "\t", "\0", "\n",
     "null", "~", "yes", ".nan", "-.inf", "1e999", "9" * 400, "0x", "2026-13-45", "<<: ", "? ", "|", "é", "\ud800",
     "💥", "<", "&", "<!DOCTYPE a>", "</object>", "NaN", "-1", "1e400", '"', "\\u0000", "../", "%s", "{}"]
)  # fmt: skip
MANGLED = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), STRANGE | st.text(max_size=5)), min_size=1, max_size=4
)


def mangle(text: str, changes) -> bytes:
    """Some places of the text are cut and filled with something else."""
    for place, cut, new in changes:
        start = int(place * len(text))
        text = text[:start] + new + text[start + cut :]
    return text.encode("utf-8", errors="surrogatepass")


def end_of(work) -> int:
    """Exit code that a command doing this would end with; anything but the product's own errors fails the test."""
    told, code = "done", DONE
    try:
        work()
    except ExplainGateError as error:
        told, code = str(error).strip(), error.exit_code
    assert told
    assert "Traceback" not in told
    return code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def read_all(gate, tmp_path, annotations: str) -> None:
    """Open the set and decode every sample: each has finite pixels, and a region that fits or the reason why not."""
    data = open_set(gate(annotations))
    assert len(data) >= 1
    for row in range(len(data)):
        sample = data.sample(row)
        assert bool(sample.pixels.isfinite().all())
        assert sample.region is None or sample.region.shape == sample.pixels.shape[-2:]
        assert (sample.region is None) == bool(sample.region_reason)
    assert digest_of_set(data)
