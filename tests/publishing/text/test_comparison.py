"""Two versions compared, as lines for the terminal."""

from explain_gate.comparing.profiles import compare_profiles
from explain_gate.publishing.text.comparison import comparison_lines


def test_lines_are_plain_and_name_broken_rules(run):
    """Names with control characters cannot move the cursor; rules that did not hold are listed."""
    lines = comparison_lines(compare_profiles(run.profile, run.profile), run.verdict.findings)
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("✕ failed") for line in lines) == 2
